"""How a drug is tapered: in equal steps of what, how large, how often, and which steps the rules forbid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from cotreat.catalogue.drug_facts import Occupancy
from cotreat.catalogue.drug_table import Drug
from cotreat.catalogue.tables import number, required, table
from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark, read_mark
from cotreat.plan.request import Request
from cotreat.safety.pack import Pack, load_pack

Method = Literal["occupancy", "proportion", "line"]
SAFE_CUT_DIAZEPAM_MG = 1.0
SEDATIVE_SHARE, SEDATIVE_DAYS = 0.25, 14
LARGEST_SHARE = 0.5
MOST_CUTS = 260
CLOSEST_DAYS = 14
"""Days between cuts where the weeks asked for leave no room for the usual pace."""
_TINY = 1e-9
_KINDS = (
    ("lithium", ("lithium",)),
    ("clozapine", ("clozapine",)),
    ("sedative", ("benzodiazepine", "z-drug")),
    ("antidepressant", ("antidepressant",)),
    ("antipsychotic", ("antipsychotic",)),
    ("anticonvulsant", ("anticonvulsant", "mood_stabiliser", "gabapentinoid")),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How a taper is measured.

    ``method``: equal steps of occupancy, equal shares of the latest dose, or equal steps of dose. ``size``: one step on
    the scale on which steps are equal (points of occupancy, minus the logarithm of what is left, mg). ``end_mg``: the
    dose a day from which it may be stopped (shares of the latest dose only). ``total_days``: days from the first cut to
    the stop where these were asked for, else None.
    """

    drug: Drug
    kind: str
    method: Method
    size: float
    interval_days: int
    total_days: int | None
    start_mg: float
    end_mg: float
    mark: Mark
    source: str
    whole: tuple[float, ...] = ()
    """Doses a day that whole marketed pieces make, ascending."""
    diazepam_mg: float | None = None
    """Milligrams of the drug taken as equal to 1 mg of diazepam, by the table that makes the drug strongest."""

    @property
    def curve(self) -> Occupancy | None:
        """The occupancy curve at steady state that the steps go by, None when they go by something else."""
        curve = self.drug.occupancy
        return curve if curve is not None and curve.usable and self.method == "occupancy" else None

    def measure(self, mg: float) -> float:
        """A dose a day on the scale on which steps are equal: 0 for no dose, except for shares of the latest dose."""
        if self.curve is not None:
            return self.curve.percent(mg)
        return math.log(mg) if self.method == "proportion" else mg

    def dose(self, value: float) -> float:
        """The dose a day at a place on the scale, at most the first one; the inverse of ``measure``."""
        if value >= self.measure(self.start_mg):
            return self.start_mg
        if self.curve is not None:
            return self.curve.dose_for(max(0.0, value))
        return math.exp(value) if self.method == "proportion" else max(0.0, value)

    def ladder(self, size: float) -> list[float]:
        """Doses a day from the first cut to the last that is taken, in steps of ``size`` on the scale.

        Where the rules forbid a whole step (on the plateau of a curve it would take away most of the dose), a smaller
        one comes first.
        """
        found: list[float] = []
        now = self.start_mg
        recent = [now]
        while len(found) < MOST_CUTS:
            floor = max(self.least_after(mg) for mg in recent[-self.cuts_at_once :])
            if self.method == "proportion":
                if now <= self.end_mg + _TINY and floor <= _TINY:
                    break
                wanted = now * math.exp(-size)
            else:
                place = self.measure(now) - size
                if place <= _TINY * self.measure(self.start_mg) and floor <= _TINY:
                    break
                wanted = self.dose(place) if place > 0 else 0.0
            now = wanted if wanted >= floor else self._plateau(floor, now)
            found.append(now)
            recent.append(now)
        return found

    def _plateau(self, floor: float, now: float) -> float:
        """The dose aimed at where a whole step is forbidden: the smallest whole one not below the limit."""
        return next((mg for mg in self.whole if floor - _TINY <= mg < 0.9 * now), floor)

    def targets(self) -> list[float]:
        """Doses a day to aim at; the stop is not in the list."""
        return self.ladder(self.size)

    def least_after(self, mg: float) -> float:
        """The smallest dose a day to which the rules let a dose fall in one step."""
        if self.kind == "sedative":
            free = SAFE_CUT_DIAZEPAM_MG * self.diazepam_mg if self.diazepam_mg is not None else 0.0
            return max(0.0, min((1 - SEDATIVE_SHARE) * mg, mg - free))
        if not self.kind.startswith("antidepressant"):
            return 0.0
        return 0.0 if self._small(mg) else (1 - LARGEST_SHARE) * mg

    def _small(self, mg: float) -> bool:
        """Whether a step from this dose may be of any size: little is occupied, or far less is taken than is useful."""
        parameters = load_pack().parameters
        if self.curve is not None:
            return self.curve.percent(mg) <= parameters["small_step_occupancy"]
        least = self.drug.min_therapeutic_mg
        # Without a useful dose on file the end that is aimed at stands for a tenth of it.
        return mg <= parameters["small_step_share"] * (least if least is not None else 10 * self.end_mg)

    @property
    def cuts_at_once(self) -> int:
        """How many cuts count together against the limit for sedatives: those within 14 days."""
        return max(1, math.ceil(SEDATIVE_DAYS / self.interval_days)) if self.kind == "sedative" else 1

    @property
    def cuts(self) -> int:
        """How often the dose falls, the stop included."""
        return len(self.targets()) + 1

    def again(self, start_mg: float, cuts: int | None = None) -> Scale:
        """The same way down from another dose: in steps of the same size, or in so many cuts if that can be."""
        found = replace(self, start_mg=start_mg)
        return found if cuts is None else found.sized(cuts)

    def sized(self, cuts: int) -> Scale:
        """The same way in so many cuts (or as few as can be, if these are more), in the smallest steps."""
        top = -math.log(1e-9) if self.method == "proportion" else self.measure(self.start_mg)
        low, high = top / (MOST_CUTS * 4), top
        fewest = len(self.ladder(high)) + 1
        if cuts <= fewest:
            low = high / 2
            cuts = fewest
        for _ in range(60):
            middle = math.sqrt(low * high)
            if len(self.ladder(middle)) + 1 > cuts:
                low = middle
            else:
                high = middle
        return replace(self, size=high)


def scale_of(request: Request, whole: tuple[float, ...] = ()) -> Scale:
    """The scale for a request; ``whole``: doses a day that whole marketed pieces make, ascending.

    InputError, saying what would do, when the weeks asked for leave no room for a step or for steps the rules allow.
    """
    drug, options = request.drug, request.options
    kind = kind_of(drug)
    row = next(r for r in table("tapers") if r["kind"] == kind and r["speed"] == options.speed)
    usual = round(required(row, "interval_weeks") * 7)
    weeks = options.weeks if options.weeks is not None else number(row["weeks"])
    _check_weeks(drug, row, weeks)
    method: Method = row["method"]  # type: ignore[assignment]
    equal = _equal_to_one_mg(drug, request.pack or load_pack())
    scale = Scale(
        drug, kind, method, 1.0, usual, None, request.per_day, _end(drug, kind, row, equal, request.per_day),
        read_mark(row["mark"]), row["source"], whole, equal,
    )  # fmt: skip
    step = number(row["step"])
    gentle = scale
    if step is not None:
        proportion = scale.method == "proportion"
        # Equal steps that are as large as the guidance allows, or a little smaller.
        gentle = (
            replace(scale, size=-math.log(1 - step / 100)) if proportion else scale.sized(len(scale.ladder(step)) + 1)
        )
    if weeks is None:
        days = options.every_days or usual
        return replace(gentle, interval_days=days)
    if options.every_days is not None:
        return _in_weeks(scale, weeks, options.every_days)
    # As gentle as the guidance if the weeks allow it; steps that lie closer together where that makes them smaller.
    intervals = [usual, *([CLOSEST_DAYS] if usual > CLOSEST_DAYS else [])]
    for interval in intervals[:-1]:
        try:
            found = _in_weeks(scale, weeks, interval)
        except InputError:
            continue
        if step is None or found.size <= gentle.size * 1.001:
            return found
    return _in_weeks(scale, weeks, intervals[-1])


def _check_weeks(drug: Drug, row: dict[str, str], weeks: float | None) -> None:
    least = number(row["least_weeks"])
    if least is not None and weeks is not None and weeks < least:
        raise InputError(
            f"{weeks:g} weeks are too few for {drug.id}: {row['source']} ({row['mark']})",
            hint=f"Give at least {least:g} weeks.",
        )


def _in_weeks(scale: Scale, weeks: float, interval: int) -> Scale:
    """The scale with as many cuts as fit; InputError, saying what would do, when the rules allow none so fast."""
    days = round(weeks * 7)
    steps = min(days // interval, MOST_CUTS - 2)
    if steps < 1:
        raise InputError(
            f"{weeks:g} week{'s hold' if weeks != 1 else ' holds'} no step of {interval} days",
            hint=f"Give at least {math.ceil(interval / 7)} weeks, or steps that are closer together (--steps-every).",
        )
    timed = replace(scale, interval_days=interval, total_days=days).sized(steps + 1)
    if timed.cuts > steps + 1:
        least = math.ceil((timed.cuts - 1) * interval / 7)
        raise InputError(
            f"{weeks:g} weeks are too few for {scale.drug.id} from {scale.start_mg:g} mg: rules allow no larger steps",
            hint=f"Give at least {least} weeks, or steps that are closer together (--steps-every).",
        )
    return timed


def kind_of(drug: Drug) -> str:
    """The group of ``data/tapers.csv`` a drug belongs to."""
    kind = next((k for k, groups in _KINDS if drug.id == k or any(g in drug.groups for g in groups)), "other")
    if kind in ("antidepressant", "antipsychotic"):
        usable = drug.occupancy is not None and drug.occupancy.usable
        return f"{kind} by {'occupancy' if usable else 'dose'}"
    return kind


def _end(drug: Drug, kind: str, row: dict[str, str], equal: float | None, start: float) -> float:
    if kind == "sedative":
        return SAFE_CUT_DIAZEPAM_MG * equal if equal is not None else start / 20
    share = number(row["end_share"]) or 0.1
    return share * (drug.min_therapeutic_mg or drug.typical_dose_mg or start)


def _equal_to_one_mg(drug: Drug, pack: Pack) -> float | None:
    if drug.diazepam_equivalent is not None:
        return min(drug.diazepam_equivalent.low_mg, drug.diazepam_equivalent.mg) / 10
    listed = pack.diazepam_equivalents.get(drug.id)
    return None if listed is None else listed / 10
