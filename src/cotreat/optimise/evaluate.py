"""What each start of the drug gives: the same patients, the same luck, the same day of entry.

All regimens of one question are entered on the same day, the earliest on which any of them gives something, so that
waiting, placebo response and spontaneous change are the same in all, and horizons count from that one baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet
from cotreat.population.populations import Population
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.values import Regimen
from cotreat.simulate.channels import layout_of
from cotreat.simulate.result import acute_course, follow_up, on_scale
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions

Outcome = Literal["well", "mean score", "relapse"]
OUTCOMES: tuple[Outcome, ...] = ("well", "mean score", "relapse")


@dataclass(frozen=True)
class Setting:
    """In whom, and how a run is done. ``week`` is the week of "well" and "relapse", counted from the first session."""

    population: Population
    parameters: ParameterSet
    settings: Settings
    week: int = 26


@dataclass(frozen=True)
class Found:
    """One regimen's outcomes, each of shape (draws, patients).

    ``well``: share of all who started who are well at the week asked for (0 or 1). ``score``: mean HAM-D17 points over
    the year from entry. ``remitted``, ``relapsed``: ended the acute course in remission; relapsed after it by the week.
    """

    well: np.ndarray
    score: np.ndarray
    remitted: np.ndarray
    relapsed: np.ndarray


def ledgers_of(regimens: Sequence[Regimen], weeks: int) -> list[Ledger]:
    """Ledgers with one common day of entry: the earliest on which any regimen gives something."""
    found = [expand(r, horizon=7 * weeks) for r in regimens]
    lead_in = 7 * max(-(-ledger.lead_in // 7) for ledger in found)
    return [replace(ledger, lead_in=lead_in) for ledger in found]


def evaluate(ledgers: Sequence[Ledger], how: Setting, progress: Callable[[float], None] | None = None) -> list[Found]:
    """Outcomes of every ledger in the same patients.

    Raises
    ------
    InputError
        A regimen cannot be forecast.
    """
    layout = layout_of(list(ledgers))
    decisions = Decisions.of(find_scale(how.population.scale))
    settings = replace(how.settings, progress=None)
    cohort = start_cohort(how.population, settings, how.parameters)
    found = []
    for index, ledger in enumerate(ledgers):
        course = follow(cohort, ledger, settings, layout=layout, decisions=decisions)
        found.append(_read(course, decisions, how.week))
        if progress is not None:
            progress((index + 1) / len(ledgers))
    return found


def _read(course: Course, decisions: Decisions, week: int) -> Found:
    acute = acute_course(course, decisions)
    seen = follow_up(course, acute)
    until = seen.relapse_day(decisions.relapse) <= 7 * week
    draws = course.cohort.shape[0]
    year = course.days <= course.days[0] + 364
    means = course.score[year].mean(axis=0, dtype=np.float64).reshape(draws, -1)
    return Found(
        well=seen.well(7 * week, decisions.relapse),
        score=on_scale(means, course.cohort.scale, "HAM-D17"),
        remitted=seen.remitted & (seen.acute_end <= 7 * week),
        relapsed=until,
    )


def utility(found: Found, outcome: Outcome) -> np.ndarray:
    """An outcome of each patient, oriented so that more is better: per 100 patients, or HAM-D17 points."""
    if outcome == "well":
        return np.asarray(100.0 * found.well)
    if outcome == "mean score":
        return np.asarray(-found.score)
    return np.asarray(-100.0 * (found.relapsed & found.remitted))
