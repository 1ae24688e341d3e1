"""From one depression scale to another, for groups.

Published linking tables give corresponding scores of two scales in a population. They serve means of cohorts. For one
person they often fail, so nothing here turns one person's score on one scale into another.

A crosswalk is a rising line through published points. Between points it is straight, so that it can be inverted
exactly; outside the first and last point it refuses.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Literal

from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark
from cotreat.measures.scales import scale

_SLACK = 1e-9
_HUB = "HAM-D17"


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """Corresponding scores of two scales in cohorts.

    ``points`` are (score on ``from_scale``, score on ``to_scale``), both strictly rising. ``residual_sd`` is the
    standard error of ``to_scale`` printed with a linear link of the same two scales, None when none is on file.
    """

    from_scale: str
    to_scale: str
    points: tuple[tuple[float, float], ...]
    source: str
    mark: Mark
    note: str
    residual_sd: float | None = None

    def __post_init__(self) -> None:
        for (x0, y0), (x1, y1) in pairwise(self.points):
            if not (x1 > x0 and y1 > y0):
                raise InputError(f"a crosswalk must rise: ({x0:g}, {y0:g}) to ({x1:g}, {y1:g})")
        if len(self.points) < 2:
            raise InputError("a crosswalk needs two points")

    @property
    def domain(self) -> tuple[float, float]:
        """Lowest and highest score on ``from_scale`` that the crosswalk covers."""
        return self.points[0][0], self.points[-1][0]

    def mean(self, score: float) -> float:
        """Mean on ``to_scale`` of a cohort with this mean on ``from_scale``; InputError outside the points."""
        segment = self._segment(score)
        (x0, y0), (x1, y1) = self.points[segment], self.points[segment + 1]
        return y0 + (y1 - y0) * (score - x0) / (x1 - x0)

    def slope(self, score: float) -> float:
        """Points on ``to_scale`` for one point on ``from_scale``, around a cohort mean."""
        segment = self._segment(score)
        (x0, y0), (x1, y1) = self.points[segment], self.points[segment + 1]
        return (y1 - y0) / (x1 - x0)

    def sd(self, sd: float, at_mean: float) -> float:
        """Standard deviation on ``to_scale``, by the slope from 1 sd below to 1 sd above the cohort mean.

        Scatter of persons around the line is not in it, so it is a lower bound.
        """
        if sd < 0:
            raise InputError(f"a standard deviation cannot be negative: {sd:g}")
        if sd == 0:
            return 0.0
        low, high = self.domain
        below, above = max(low, at_mean - sd), min(high, at_mean + sd)
        self._segment(at_mean)
        return sd * (self.mean(above) - self.mean(below)) / (above - below)

    def change(self, baseline: float, score: float) -> float:
        """Change of the cohort mean on ``to_scale`` from a baseline mean to a later mean on ``from_scale``."""
        return self.mean(score) - self.mean(baseline)

    def inverse(self) -> Crosswalk:
        """The same points the other way round."""
        return Crosswalk(
            self.to_scale, self.from_scale, tuple((y, x) for x, y in self.points), self.source, self.mark, self.note
        )

    def then(self, other: Crosswalk) -> Crosswalk:
        """This crosswalk followed by one that starts from its target, over the scores both cover."""
        if other.from_scale != self.to_scale:
            raise InputError(f"a crosswalk to {self.to_scale} cannot be followed by one from {other.from_scale}")
        back = self.inverse()
        low, high = max(back.domain[0], other.domain[0]), min(back.domain[1], other.domain[1])
        inner = {y for _, y in self.points} | {x for x, _ in other.points}
        middles = sorted({low, high} | {m for m in inner if low < m < high})
        points = tuple((back.mean(m), other.mean(m)) for m in middles)
        note = f"Through {self.to_scale}. {self.note} {other.note}".strip()
        return Crosswalk(self.from_scale, other.to_scale, points, f"{self.source}; {other.source}", "derived", note)

    def _segment(self, score: float) -> int:
        low, high = self.domain
        if not low - _SLACK <= score <= high + _SLACK:
            raise InputError(
                f"a mean of {score:g} on {self.from_scale} is outside the crosswalk to {self.to_scale}"
                f" ({low:g} to {high:g})"
            )
        starts = [x for x, _ in self.points]
        return min(max(bisect_right(starts, score) - 1, 0), len(self.points) - 2)


_LEUCHT = Crosswalk(
    "HAM-D17",
    "MADRS",
    ((0.0, 0.0), (10.0, 13.0), (20.0, 26.0), (30.0, 39.0), (40.0, 52.5), (52.0, 60.0)),
    "Leucht 2018, doi 10.1016/j.jad.2017.09.042, abstract (31 trials, n 4,388)",
    "seen",
    "The abstract gives 10, 20, 30 and 40 (52-53); both ends are the ends of the two scales.",
)
_FURUKAWA = Crosswalk(
    "HAM-D17",
    "BDI-II",
    ((0.0, 0.0), (10.0, 13.0), (20.0, 32.0), (30.0, 50.0), (30.0 + 13.0 / 1.8, 63.0)),
    "Furukawa 2019, abstract (7 trials, n 683)",
    "seen",
    "The abstract gives 10, 20 and 30; 0 is the end of both scales and the top carries on the last slope.",
)
_FURUKAWA_FIRST = Crosswalk(
    "HAM-D17",
    "BDI",
    ((0.0, 0.0), (10.0, 10.0), (20.0, 27.0), (30.0, 42.0), (44.0, 63.0)),
    "Furukawa 2019, abstract (7 trials, n 369)",
    "seen",
    "The abstract gives 10, 20 and 30; 0 is the end of both scales and the top carries on the last slope.",
)
_CORE = Crosswalk(
    "HAM-D17",
    "HAM-D6",
    ((0.0, 0.0), (7.0, 4.0), (52.0, 22.0)),
    "PMC2151980, abstract",
    "derived",
    "Only 7 = 4 is published; the rest is the line to the ends of both scales: crude above HAM-D17 10.",
)
_PALMER = Crosswalk(
    "QIDS-SR16",
    "PHQ-9",
    ((0.0, 0.0), (7.1, 6.3), (12.0, 12.9), (16.9, 19.5), (27.0, 27.0)),
    "Palmer 2024, doi 10.2147/NDT.S444223, abstract (n 2,156 rated on both)",
    "derived",
    "Mean, and one SD on either side, of QIDS-C and PHQ-9 in the same people; both ends are those of the two scales. "
    "QIDS-C and QIDS-SR are taken as one (PMC2929841). The table of the paper was not read.",
)
# Read in PMC3809821, table 2, beside HAM-D17 = 1.40 + 0.48 IDS-SR and IDS-SR = -2.92 + 2.09 HAM-D17.
_RESIDUAL_SD = {("IDS-SR", "HAM-D17"): 2.92, ("HAM-D17", "IDS-SR"): 2.43}
_TABLE_SOURCE = "ids-qids.org, interpretation table, adapted from Rush 2003 and Trivedi 2004"


@cache
def _ids_qids() -> tuple[dict[str, tuple[float, float]], ...]:
    with (files("cotreat.measures") / "data" / "ids_qids.csv").open(encoding="utf-8") as file:
        rows = []
        for row in csv.DictReader(file):
            ranges = {name: text.partition("-") for name, text in row.items()}
            rows.append({name: (float(low), float(high or low)) for name, (low, _, high) in ranges.items()})
        return tuple(rows)


def _from_table(to_scale: str) -> Crosswalk:
    """HAM-D17 to another column of the table: middles of the published ranges.

    The first row stands for 0 on both scales. The last is open upwards: its lower ends, and the tops of the scales
    where the other scale goes on too. HAM-D17 18-19 stands in two rows and is read as 18, then 19.
    """
    rows = _ids_qids()
    hub = [sum(row[_HUB]) / 2 for row in rows]
    for number, (row, below) in enumerate(pairwise(rows)):
        if row[_HUB] == below[_HUB]:
            hub[number], hub[number + 1] = row[_HUB]
    points = [(0.0, 0.0)] + [(x, sum(row[to_scale]) / 2) for x, row in zip(hub[1:-1], rows[1:-1], strict=True)]
    (low_x, high_x), (low_y, high_y) = rows[-1][_HUB], rows[-1][to_scale]
    points.append((low_x, low_y))
    if high_y > low_y:
        points.append((high_x, high_y))
    note = "Middles of published ranges; one misprint (IDS-SR 62-24) read as 62-64."
    return Crosswalk(_HUB, to_scale, tuple(points), _TABLE_SOURCE, "derived", note)


@cache
def _spokes() -> dict[str, Crosswalk]:
    found = {"MADRS": _LEUCHT, "BDI-II": _FURUKAWA, "BDI": _FURUKAWA_FIRST, "HAM-D6": _CORE}
    for to_scale in ("QIDS-SR16", "IDS-SR", "HAM-D21", "HAM-D24"):
        found[to_scale] = _from_table(to_scale)
    found["PHQ-9"] = found["QIDS-SR16"].then(_PALMER)
    return found


def linked_scales() -> tuple[str, ...]:
    """Scales between which a crosswalk exists."""
    return (_HUB, *_spokes())


def crosswalk(from_scale: str, to_scale: str, use: Literal["cohort", "individual"] = "cohort") -> Crosswalk:
    """The crosswalk between two scales given by id or alias, for cohort means.

    InputError for ``use="individual"``, for a scale that is not linked, and for a scale and itself. Crosswalks that do
    not start or end at HAM-D17 go through it and are marked derived.
    """
    if use != "cohort":
        raise InputError(
            "a crosswalk is for means of cohorts: for one person it often fails",
            hint="Rate the person on one scale throughout.",
        )
    first, last = scale(from_scale).id, scale(to_scale).id
    if first == last:
        raise InputError(f"{first} needs no crosswalk to itself")
    for name in (first, last):
        if name not in linked_scales():
            raise InputError(
                f"no crosswalk for {name} is on file", hint=f"There is one for {', '.join(linked_scales())}."
            )
    if first == _HUB:
        found = _spokes()[last]
    else:
        back = _spokes()[first].inverse()
        found = back if last == _HUB else back.then(_spokes()[last])
    return replace(found, residual_sd=_RESIDUAL_SD.get((first, last)))
