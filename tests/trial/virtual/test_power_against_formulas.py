"""Powers of simulated trials of a stated effect against formulas; limits of 4 standard errors (one in 16,000)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from cotreat.trial.virtual import formulas
from cotreat.trial.virtual.design import Trial
from cotreat.trial.virtual.file import read_trial
from cotreat.trial.virtual.sequential import Looks, boundaries, crossing
from tests.trial.virtual.designs import run, stated

TRIALS = 4000


def power(trial: Trial) -> float:
    return float(run(trial, TRIALS).won[0, 0].mean())


def near(found: float, expected: float) -> bool:
    return bool(abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / TRIALS))


def test_double_difference_of_means() -> None:
    trial = stated("normal", [0, 4], {"name": "score at week 8", "kind": "t"}, 64)
    assert near(power(trial), formulas.power_of_means(4, 8, 64))


def test_double_the_baseline_takes_out_its_share() -> None:
    """With correlation r the residual SD is SD sqrt(1 - r^2)."""
    trial = stated("normal", [0, 3], {"name": "change at week 8", "kind": "ancova"}, 64, effect={"correlation": 0.6})
    assert near(power(trial), formulas.power_of_means(3, 8 * 0.8, 64))


def test_double_non_inferiority_of_means() -> None:
    n = formulas.n_non_inferior_means(2.25, 7.5, 0.9, 0.05)
    endpoint = {"name": "score at week 8", "kind": "t", "margin": 2.25}
    assert near(power(stated("normal", [0, 0], endpoint, n, alpha=0.1, effect={"sd": 7.5})), 0.9)


def test_double_non_inferiority_of_proportions() -> None:
    """The plan of ELEKT-D: the Newcombe interval is not the Wald interval of the formula; within 2 points of 80 %."""
    endpoint = {"name": "response at week 8", "kind": "proportion", "margin": "10 %"}
    assert power(stated("binary", [0.50, 0.55], endpoint, 174)) == pytest.approx(0.80, abs=0.03)


def test_double_two_proportions() -> None:
    endpoint = {"name": "response at week 8", "kind": "proportion", "test": "chi2"}
    n = formulas.n_for_proportions(0.5, 0.3, 0.8)
    assert power(stated("binary", [0.3, 0.5], endpoint, n)) == pytest.approx(0.80, abs=0.03)


@pytest.mark.parametrize("kind", ["log-rank", "cox"])
def test_double_hazard_ratio(kind: str) -> None:
    """Hazard ratio 0.6 at 80 %: about 121 events. Schoenfeld's formula is an approximation: within 3 points."""
    control = 0.6
    n = formulas.n_for_survival(control, 0.6)
    treated = 1 - (1 - control) ** 0.6
    endpoint = {"name": "time", "kind": kind, "week": 8}
    trial = stated("exponential", [control, treated], endpoint, n, effect={"by_week": 8})
    assert n * (control + treated) == pytest.approx(121, abs=1)
    assert power(trial) == pytest.approx(0.80, abs=0.03)


@pytest.mark.parametrize("sd", [8, 10])
def test_double_interaction_of_a_two_by_two_trial(sd: int) -> None:
    """An interaction of 3 points: 80 % with about 224 (SD 8) or 349 (SD 10) in each cell."""
    found = power(factorial({"drug": ["a", "b"], "stimulation": ["c", "d"]}, sd))
    assert near(found, 0.80)


def factorial(cells: dict[str, list[str]], sd: int) -> Trial:
    return read_trial(
        {
            "design": "factorial",
            "factors": cells,
            "effect": {"kind": "normal", "values": [3, 0, 0, 0], "sd": sd},
            "per_arm": formulas.n_for_interaction(3, sd),
            "visits": "weeks 8",
            "endpoints": [{"name": "interaction at week 8", "kind": "t"}],
        }
    )


def test_double_looks_against_integration() -> None:
    looks = {"at": [0.5, 0.75, 1.0], "spending": "obrien-fleming"}
    trial = stated("normal", [0, 3], {"name": "score at week 8", "kind": "t"}, 128, looks=looks)
    found = run(trial, TRIALS)
    fractions = (0.5, 0.75, 1.0)
    drift = 3 / (8 * np.sqrt(2 / 128))
    expected = crossing(boundaries(0.05, Looks(fractions)), fractions, drift).sum(axis=1)
    assert found.stopped is not None
    for look, p in enumerate(expected):
        assert near(float((found.stopped[0, 0] == look).mean()), p)


def test_property_a_larger_trial_begins_with_the_smaller() -> None:
    endpoint = {"name": "score at week 8", "kind": "t"}
    both = run(stated("normal", [0, 4], endpoint, [30, 60]), 200, patients=10 * 240)
    larger = run(stated("normal", [0, 4], endpoint, 60), 200, patients=10 * 240)
    assert np.array_equal(both.p[1], larger.p[0])


def test_double_sharing_patients_leaves_power_alone() -> None:
    """Trials drawn from small pools: the same power, a larger Monte-Carlo error (20 pools of 4 trials' patients)."""
    trial = stated("normal", [0, 4], {"name": "score at week 8", "kind": "t"}, 64)
    shared = run(trial, TRIALS, draws=100, patients=100 * 4 * 64)
    assert not shared.disjoint
    by_pool = shared.won[0, 0].mean(axis=1)
    error = by_pool.std(ddof=1) / np.sqrt(len(by_pool))
    assert abs(by_pool.mean() - formulas.power_of_means(4, 8, 64)) < 4 * error
    assert error > np.sqrt(0.8 * 0.2 / TRIALS)


def test_double_assurance_of_a_normal_prior() -> None:
    """Assurance of a z test: Phi((d / s - z) / sqrt(1 + u^2 / s^2)), both tails; 4 standard errors over 1,000 draws."""
    trial = stated("normal", [0, 4], {"name": "score at week 8", "kind": "t"}, 200, effect={"unknown": 3.0})
    found = run(trial, 4000, draws=1000, over="draws").won[0, 0]
    s = 8 * np.sqrt(2 / 200)
    spread = np.sqrt(1 + (3 / s) ** 2)
    expected = ndtr((4 / s - 1.966) / spread) + ndtr((-4 / s - 1.966) / spread)
    error = found.mean(axis=1).std(ddof=1) / np.sqrt(1000)
    assert abs(found.mean() - expected) < 4 * error
