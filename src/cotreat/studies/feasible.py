"""Parameter draws with which a study could have taken place: people meet its entry rule, and pass its run-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet
from cotreat.population.populations import Population
from cotreat.simulate.run import Settings, follow, start_cohort
from cotreat.simulate.run_in import run_in_weeks
from cotreat.studies.arms import StudyPlan, plan

LEAST = 0.12
"""Share of those treated who have to pass the run-in."""
_SCREENED = 32
_FIRST = 1 << 31  # numbers of the patients that are screened, apart from those of every arm


def feasible_draws(study: Study, settings: Settings, parameters: ParameterSet) -> np.ndarray:
    """Mask of the draws (draws,) in which a fair share of patients passes the run-in; all when there is none."""
    how = plan(study)
    if how.run_in is None:
        return np.ones(settings.draws, dtype=bool)
    return _passes(how, parameters.draws(settings.draws, settings.seed), settings, parameters)


def feasible(study: Study, settings: Settings, parameters: ParameterSet) -> tuple[Settings, ParameterSet, int]:
    """The run with the draws in which the study could have taken place, and how many others were left out.

    Raises
    ------
    InputError
        There is no such draw.
    """
    how = plan(study)
    if how.run_in is None:
        return admitting(how.people, settings, parameters)
    keep = feasible_draws(study, settings, parameters)
    if not keep.any():
        raise InputError("the run-in brings hardly anybody to the entry rule, whatever the parameters")
    return _only(keep, settings, parameters)


def admitting(people: Population, settings: Settings, parameters: ParameterSet) -> tuple[Settings, ParameterSet, int]:
    """The run with the draws in which enough candidates meet the entry rule, and how many others were left out.

    Raises
    ------
    InputError
        There is no such draw.
    """

    def enough(values: dict[str, np.ndarray]) -> np.ndarray:
        size = len(next(iter(values.values())))
        start_cohort(people, _sized(settings, size), parameters.with_given(values))
        return np.ones(size, dtype=bool)

    keep = _draw_by_draw(parameters.draws(settings.draws, settings.seed), enough)
    if not keep.any():
        raise InputError(f"{people.name}: the entry rule admits hardly anybody, whatever the parameters")
    return _only(keep, settings, parameters)


def _only(keep: np.ndarray, settings: Settings, parameters: ParameterSet) -> tuple[Settings, ParameterSet, int]:
    if keep.all():
        return settings, parameters, 0
    drawn = {k: v[keep] for k, v in parameters.draws(settings.draws, settings.seed).items()}
    count = int(keep.sum())
    return _sized(settings, count), parameters.with_given(drawn), settings.draws - count


def _sized(settings: Settings, draws: int) -> Settings:
    """The same patients in each draw, for this many draws."""
    return replace(settings, patients=settings.per_draw * draws, draws=draws)


def _draw_by_draw(values: dict[str, np.ndarray], run: Callable[[dict[str, np.ndarray]], np.ndarray]) -> np.ndarray:
    """What ``run`` says of each draw; false where it cannot say. One such draw spoils those beside it: halve."""
    size = len(next(iter(values.values())))
    try:
        return run(values)
    except InputError:
        if size == 1:
            return np.zeros(1, dtype=bool)
        parts = ({k: v[s] for k, v in values.items()} for s in (slice(size // 2), slice(size // 2, None)))
        return np.concatenate([_draw_by_draw(part, run) for part in parts])


def _passes(how: StudyPlan, values: dict[str, np.ndarray], settings: Settings, parameters: ParameterSet) -> np.ndarray:
    assert how.run_in is not None
    run_in = how.run_in
    short = replace(settings, weeks=run_in_weeks(run_in), visit_days=7, progress=None)

    def enough(some: dict[str, np.ndarray]) -> np.ndarray:
        size = len(next(iter(some.values())))
        screening = replace(short, patients=_SCREENED * size, draws=size)
        cohort = start_cohort(how.people, screening, parameters.with_given(some), _FIRST)
        course = follow(cohort, run_in, screening, decisions=how.decisions, until_spent=True)
        score = np.where(course.end_rule >= 0, course.end_score, course.score[-1])
        accepted = how.enter.accepts(score, cohort.baseline)
        return np.asarray(accepted.reshape(size, _SCREENED).mean(axis=1) >= LEAST)

    return _draw_by_draw(values, enough)
