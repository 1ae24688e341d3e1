"""Occupancy of a dose with what is not known about the curve: an interval for each dose and for each step.

The interval is the smallest and the largest value over a box of curves: the half-maximal dose and the maximum each
between two bounds (``data/occupancy_ranges.csv`` of the catalogue). A step is taken on one curve at a time, so what is
not known about the curve does not count twice. It is a range of what may be true, not a confidence interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

from cotreat.catalogue.drug_table import Drug
from cotreat.catalogue.tables import required, table

FACTOR = 2.0
POINTS = 5.0
_GRID = 9
_DEFAULT = (
    "no range is published: half-maximal dose by a factor of two either way, as far as brain regions differ for "
    "escitalopram, and a maximum 5 points either way"
)
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CurveRange:
    """A box of occupancy curves: maximum in percent, half-maximal dose in mg a day, and where the bounds come from."""

    emax: Interval
    ed50: Interval
    source: str

    def curves(self) -> list[tuple[float, float]]:
        """Curves over the box, its corners included, as (maximum, half-maximal dose)."""
        low, high = self.ed50
        doses = [low * (high / low) ** (k / (_GRID - 1)) for k in range(_GRID)]
        return list(product((self.emax[0], sum(self.emax) / 2, self.emax[1]), doses))


@cache
def _rows() -> dict[str, dict[str, str]]:
    return {r["drug"]: r for r in table("occupancy_ranges")}


def curve_range(drug: Drug) -> CurveRange | None:
    """The curves a drug may have; None when none is on file at steady state."""
    main = drug.occupancy
    if main is None or main.emax is None or main.ed50_mg_per_day is None or not main.usable:
        return None
    row = _rows().get(drug.id)
    if row is not None:
        emax = (required(row, "emax_low"), required(row, "emax_high"))
        return CurveRange(emax, (required(row, "ed50_low"), required(row, "ed50_high")), row["source"])
    # A fitted maximum may lie above 100 %: occupancy itself is clipped, the curve is not.
    top = (max(0.0, main.emax - POINTS), max(main.emax, min(100.0, main.emax + POINTS)))
    return CurveRange(top, (main.ed50_mg_per_day / FACTOR, main.ed50_mg_per_day * FACTOR), _DEFAULT)


def occupancies(drug: Drug, doses: Sequence[float]) -> list[Interval]:
    """Lowest and highest occupancy in percent at each dose in mg a day."""
    box = curve_range(drug)
    curves = box.curves() if box is not None else []
    found = []
    for mg in doses:
        values = [min(100.0, emax * mg / (ed50 + mg)) for emax, ed50 in curves]
        found.append((min(values), max(values)) if values else (0.0, 100.0))
    return found


def falls(drug: Drug, doses: Sequence[float]) -> list[Interval]:
    """Smallest and largest fall of occupancy in points from each dose in mg a day to the next."""
    box = curve_range(drug)
    curves = box.curves() if box is not None else []
    found = []
    for before, after in pairwise(doses):
        values = [min(100.0, e * before / (k + before)) - min(100.0, e * after / (k + after)) for e, k in curves]
        found.append((min(values), max(values)) if values else (0.0, 100.0))
    return found
