"""What each start of the drug gives: the same patients, the same luck, the same day of entry.

All regimens of one question are entered on the same day, the earliest on which any of them gives something, so that
waiting, placebo response and spontaneous change are the same in all, and horizons count from that one baseline. That is
also how ``cotreat compare`` enters its arms, so a point of a curve is an arm of a comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet
from cotreat.population.cohort import Numbers
from cotreat.population.populations import Population
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.values import Regimen
from cotreat.simulate.channels import layout_of
from cotreat.simulate.entrants import Entrants
from cotreat.simulate.maintained import Entering
from cotreat.simulate.result import acute_course, follow_up, on_scale
from cotreat.simulate.run import Course, Settings, follow
from cotreat.simulate.tables import Decisions
from cotreat.trial.slices import entered_together

Outcome = Literal["well", "mean score", "relapse", "burden"]
OUTCOMES: tuple[Outcome, ...] = ("well", "mean score", "relapse")
_AT_ONCE = 1 << 15  # patients held at a time


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
    ``sessions``: sessions given. ``at_week``: HAM-D17 points at the week asked for.
    """

    well: np.ndarray
    score: np.ndarray
    remitted: np.ndarray
    relapsed: np.ndarray
    sessions: np.ndarray
    at_week: np.ndarray


def ledgers_of(regimens: Sequence[Regimen], weeks: int) -> list[Ledger]:
    """Ledgers with one common day of entry: the week in which the first of them begins."""
    return list(entered_together({str(k): expand(r, horizon=7 * weeks) for k, r in enumerate(regimens)}).values())


def evaluate(ledgers: Sequence[Ledger], how: Setting, progress: Callable[[float], None] | None = None) -> list[Found]:
    """Outcomes of every ledger in the same patients; whole draws at a time, so that few patients are held at once.

    Raises
    ------
    InputError
        A regimen cannot be forecast.
    """
    layout = layout_of(list(ledgers))
    decisions = Decisions.of(find_scale(how.population.scale))
    settings = replace(how.settings, progress=None)
    recruiter = Entering.of(how.population, ledgers, settings, how.parameters)
    step = max(1, _AT_ONCE // settings.per_draw)
    blocks = [np.arange(k, min(k + step, settings.draws)) for k in range(0, settings.draws, step)]
    parts: list[list[Found]] = [[] for _ in ledgers]
    for number, draws in enumerate(blocks):
        cohort = recruiter(Numbers(draws, 0), settings.per_draw)
        entrants = Entrants(cohort, layout, settings.refine, settings.engine)
        for index, ledger in enumerate(ledgers):
            parts[index].append(_read(follow(entrants, ledger, settings, decisions=decisions), decisions, how.week))
            if progress is not None:
                progress((number + (index + 1) / len(ledgers)) / len(blocks))
    return [_joined(p) for p in parts]


def _joined(parts: Sequence[Found]) -> Found:
    return Found(**{name: np.concatenate([vars(p)[name] for p in parts]) for name in vars(parts[0])})


def _read(course: Course, decisions: Decisions, week: int) -> Found:
    seen = follow_up(course, acute_course(course, decisions))
    draws, scale = course.cohort.shape[0], course.cohort.scale
    year = course.days <= course.days[0] + 364
    means = course.score[year].mean(axis=0, dtype=np.float64).reshape(draws, -1)
    return Found(
        well=seen.well(7 * week, decisions.relapse),
        score=on_scale(means, scale, "HAM-D17"),
        remitted=seen.remitted & (seen.acute_end <= 7 * week),
        relapsed=seen.relapse_day(decisions.relapse) <= 7 * week,
        sessions=course.sessions.sum(axis=0).reshape(draws, -1),
        at_week=on_scale(seen.at(7 * week), scale, "HAM-D17"),
    )


def utility(found: Found, outcome: Outcome) -> np.ndarray:
    """An outcome of each patient, oriented so that more is better: per 100 patients, or HAM-D17 points."""
    if outcome == "well":
        return np.asarray(100.0 * found.well)
    if outcome == "mean score":
        return np.asarray(-found.score)
    if outcome == "relapse":
        return np.asarray(-100.0 * (found.relapsed & found.remitted))
    return np.asarray(-found.sessions, float)
