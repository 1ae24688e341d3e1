"""Every packaged study whose patients are rated before treatment: the simulated baseline is the stated one."""

from __future__ import annotations

import numpy as np
import pytest

from cotreat.evidence.load import load_study, study_ids
from cotreat.model.parameter_set import LINEAR_MOOD, load_parameters
from cotreat.simulate.run import Settings, start_cohort
from cotreat.studies.arms import plan

SETTINGS = Settings(patients=2000, draws=40)


def rated(name: str) -> bool:
    study = load_study(name)
    return study.population.run_in is None and not plan(study).people.starts_well


@pytest.mark.parametrize("linear", [0.0, 1.0], ids=["two wells", "linear"])
def test_published_baselines_within_a_point(linear: float) -> None:
    known = load_parameters().with_given({LINEAR_MOOD: np.full(SETTINGS.draws, linear)})
    gaps = {}
    for name in filter(rated, study_ids()):
        people = plan(load_study(name)).people
        gaps[name] = float(start_cohort(people, SETTINGS, known).baseline.mean()) - people.baseline_mean
    assert len(gaps) > 15
    assert {k: v for k, v in gaps.items() if abs(v) > 1.0} == {}
