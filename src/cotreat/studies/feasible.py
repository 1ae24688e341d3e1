"""Parameter draws with which a study could have taken place: its run-in brings patients to the entry rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet
from cotreat.simulate.run import Settings, follow, run_in_weeks, start_cohort
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
    keep = feasible_draws(study, settings, parameters)
    if keep.all():
        return settings, parameters, 0
    if not keep.any():
        raise InputError("the run-in brings hardly anybody to the entry rule, whatever the parameters")
    drawn = {k: v[keep] for k, v in parameters.draws(settings.draws, settings.seed).items()}
    count = int(keep.sum())
    fewer = replace(settings, patients=settings.per_draw * count, draws=count)
    return fewer, parameters.with_given(drawn), settings.draws - count


def _passes(how: StudyPlan, values: dict[str, np.ndarray], settings: Settings, parameters: ParameterSet) -> np.ndarray:
    size = len(next(iter(values.values())))
    assert how.run_in is not None
    short = replace(
        settings, patients=_SCREENED * size, draws=size, weeks=run_in_weeks(how.run_in), visit_days=7, progress=None
    )
    try:
        cohort = start_cohort(how.people, short, parameters.with_given(values), _FIRST)
    except InputError:  # a draw in which hardly anybody meets the entry rule spoils those beside it
        if size == 1:
            return np.zeros(1, dtype=bool)
        half = size // 2
        parts = ({k: v[s] for k, v in values.items()} for s in (slice(half), slice(half, None)))
        return np.concatenate([_passes(how, part, settings, parameters) for part in parts])
    course = follow(cohort, how.run_in, short, decisions=how.decisions, until_spent=True)
    score = np.where(course.end_rule >= 0, course.end_score, course.score[-1])
    accepted = how.enter.accepts(score, cohort.baseline)
    return np.asarray(accepted.reshape(size, _SCREENED).mean(axis=1) >= LEAST)
