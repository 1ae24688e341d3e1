"""Doses of a taper and of a switch, step by step."""

from __future__ import annotations

from cotreat.catalogue.drug_table import drug
from cotreat.measures.errors import InputError
from cotreat.regimen.quantities import Duration
from cotreat.regimen.values import Switch, Taper

WEEK = Duration(1, "weeks")


def step_starts(over: Duration, steps: Duration | None) -> list[int]:
    """Days, from the start, on which each step begins; the last step ends when ``over`` is up. Weekly unless said."""
    return list(range(0, round(over.days), round((steps or WEEK).days)))


def taper_steps(taper: Taper) -> list[tuple[int, float]]:
    """(day from the start, dose) of each step: a line from the first dose to the last, read at the start of each step.

    The first step is the dose the taper starts from; the dose after the last step, reached on the day the taper ends,
    is not in the list. Doses in mg (or mg/kg), rounded to 0.001. By occupancy, the occupancy of the drug's target
    falls in equal steps along its steady-state curve; InputError when no such curve is on file.
    """
    start, _ = taper.old.dose.standard
    goal = taper.to.standard[0] if taper.to is not None else 0.0
    days = step_starts(taper.over, taper.steps)
    left = [1 - k / len(days) for k in range(len(days))]
    if taper.by == "dose":
        return [(d, round(goal + (start - goal) * share, 3)) for d, share in zip(days, left, strict=True)]
    curve = drug(taper.old.subject).occupancy
    if curve is None or not curve.usable or curve.emax is None or curve.ed50_mg_per_day is None:
        raise InputError(
            f"no occupancy curve of {taper.old.subject} is on file", hint="Taper by dose: leave `by occupancy` out."
        )
    times = taper.old.frequency.times
    emax, ed50 = curve.emax, curve.ed50_mg_per_day

    def occupied(dose: float) -> float:
        return emax * dose * times / (ed50 + dose * times)

    top, bottom = occupied(start), occupied(goal)
    targets = [bottom + (top - bottom) * share for share in left]
    return [(d, round(ed50 * o / (emax - o) / times, 3)) for d, o in zip(days, targets, strict=True)]


def cut_days(taper: Taper) -> list[int]:
    """Days from the start of a taper on which the dose falls, the last one included."""
    return [*step_starts(taper.over, taper.steps)[1:], round(taper.over.days)]


def switch_steps(switch: Switch) -> list[tuple[int, float, float]]:
    """(day from the start, dose of the old drug, dose of the new drug) of each weekly step of a switch.

    With n steps the old drug is given at n/(n+1), ..., 1/(n+1) of its dose and the new one at 1/(n+1), ..., n/(n+1).
    """
    days = step_starts(switch.over, None)
    n = len(days)
    old, new = switch.old.dose.standard[0], switch.new.dose.standard[0]
    return [(d, round(old * (n - k) / (n + 1), 3), round(new * (k + 1) / (n + 1), 3)) for k, d in enumerate(days)]
