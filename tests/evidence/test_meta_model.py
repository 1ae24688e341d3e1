"""The random-effects model: properties that hold for any studies, and a check by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.evidence.meta.fit import Data, How, fit, intercept_only
from cotreat.evidence.meta.sensitivity import asymmetry, leave_one_out, trim_and_fill
from cotreat.measures.errors import InputError

studies = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 4)), min_size=2, max_size=12)


@given(studies, st.floats(-5, 5), st.floats(0.1, 10))
def test_property_shift_and_unit_of_the_effects(data: list[tuple[float, float]], shift: float, unit: float) -> None:
    yi, vi = [y for y, _ in data], [v for _, v in data]
    plain = fit(intercept_only(yi, vi))
    moved = fit(intercept_only([unit * y + shift for y in yi], [unit**2 * v for v in vi]))
    assert moved.average.estimate == pytest.approx(unit * plain.average.estimate + shift, abs=1e-5)
    assert moved.spread.tau2 == pytest.approx(unit**2 * plain.spread.tau2, rel=1e-4, abs=1e-7)
    assert moved.spread.i2 == pytest.approx(plain.spread.i2, rel=1e-4, abs=1e-4)


@given(studies)
def test_property_order_does_not_matter_and_weights_sum(data: list[tuple[float, float]]) -> None:
    yi, vi = [y for y, _ in data], [v for _, v in data]
    one, other = fit(intercept_only(yi, vi)), fit(intercept_only(yi[::-1], vi[::-1]))
    assert one.average.estimate == pytest.approx(other.average.estimate, abs=1e-6)
    assert sum(one.weights) == pytest.approx(100)
    assert min(yi) - 1e-9 <= one.average.estimate <= max(yi) + 1e-9


@given(studies)
def test_property_intervals_enclose_their_estimates(data: list[tuple[float, float]]) -> None:
    found = fit(intercept_only([y for y, _ in data], [v for _, v in data]))
    assert found.spread.tau2_ci95 is not None
    assert found.average.pi95 is not None
    assert found.average.pi95[0] <= found.average.ci95[0] <= found.average.estimate
    assert found.spread.tau2_ci95[0] <= found.spread.tau2_ci95[1]


@given(studies)
def test_property_reml_is_a_maximum_of_its_likelihood(data: list[tuple[float, float]]) -> None:
    """Double: the restricted likelihood written out again, at the estimate and around it."""
    y, v = np.array([a for a, _ in data]), np.array([b for _, b in data])
    tau2 = fit(intercept_only(y.tolist(), v.tolist())).spread.tau2

    def restricted(t: float) -> float:
        w = 1 / (v + t)
        centre = (w * y).sum() / w.sum()
        return float(0.5 * np.log(w).sum() - 0.5 * math.log(w.sum()) - 0.5 * (w * (y - centre) ** 2).sum())

    best = restricted(tau2)
    assert all(
        restricted(max(t, 0.0)) <= best + 1e-8 for t in (0.0, 0.5 * tau2, 0.99 * tau2, 1.01 * tau2, 2 * tau2, 9.0)
    )


def test_double_two_studies_of_one_size() -> None:
    """Equal variances: tau2 of every estimator but ML is the sample variance less the sampling variance."""
    for method in ("REML", "DL"):
        found = fit(intercept_only([0.0, 2.0], [0.5, 0.5]), How(method))
        assert found.spread.tau2 == pytest.approx(2.0 - 0.5)
    assert fit(intercept_only([0.0, 2.0], [0.5, 0.5]), How("ML")).spread.tau2 == pytest.approx(1.0 - 0.5)
    assert fit(intercept_only([0.0, 2.0], [5.0, 5.0])).spread.tau2 == 0.0


def test_unit_one_study_and_none() -> None:
    alone = fit(intercept_only([0.3], [0.04]), How("REML", "knha"))
    assert (alone.how.method, alone.spread.tau2) == ("EE", 0.0)
    assert alone.average.se == pytest.approx(0.2)
    assert alone.average.pi95 is None
    assert leave_one_out(["a"], intercept_only([0.3], [0.04]), How()) == ()
    assert asymmetry([0.3, 0.2], [0.04, 0.1], How()) is None
    assert trim_and_fill([0.3], [0.04], How()) is None
    with pytest.raises(InputError, match="no study"):
        fit(Data([], [], np.zeros((0, 1)).tolist()))


@pytest.mark.parametrize(
    ("design", "says"),
    [
        ([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], "not independent"),
        ([[1.0, 0.0, 1.0, 4.0]] * 3, "cannot carry 4 terms"),
    ],
)
def test_unit_designs_that_cannot_be_estimated(design: list[list[float]], says: str) -> None:
    with pytest.raises(InputError, match=says):
        fit(Data([0.1, 0.2, 0.3], [1.0, 1.0, 2.0], design, [str(i) for i in design[0]]))


@pytest.mark.parametrize(
    ("yi", "vi"), [([1e300, -1e300], [1.0, 1.0]), ([1.0, 2.0, 3.0], [1e-30, 1e-30, 1e30]), ([1.0, 2.0], [1e200, 1.0])]
)
def test_unit_sizes_no_computer_can_pool(yi: list[float], vi: list[float]) -> None:
    with pytest.raises(InputError, match="units"):
        fit(intercept_only(yi, vi))


def test_property_unit_of_a_moderator_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    y, v, dose = rng.normal(0, 1, 9), rng.uniform(0.1, 1, 9), rng.uniform(1, 5, 9)
    found = [
        fit(Data(y.tolist(), v.tolist(), [[1.0, unit * d] for d in dose], ["intercept", "dose"]), How("REML", "knha"))
        for unit in (1.0, 1e9)
    ]
    assert found[1].coefficients[1].estimate * 1e9 == pytest.approx(found[0].coefficients[1].estimate)
    assert found[1].average.ci95 == pytest.approx(found[0].average.ci95)
    assert found[1].spread.tau2 == pytest.approx(found[0].spread.tau2)


def test_unit_variance_must_be_positive() -> None:
    with pytest.raises(InputError, match="variance above zero"):
        fit(intercept_only([0.1, 0.2], [0.1, 0.0]))
    with pytest.raises(InputError, match="more studies than terms"):
        fit(Data([0.1, 0.2], [0.1, 0.2], [[1.0, 0.0], [1.0, 1.0]], ["a", "b"]), How("REML", "knha"))


@pytest.mark.slow
def test_property_coverage_of_the_intervals_by_simulation() -> None:
    """400 meta-analyses of 8 studies: Knapp-Hartung covers 95 %, normal intervals less.

    With a true coverage of 95 % the share found leaves 0.917 to 0.983 about once in 400 such checks (binomial, 400).
    """
    rng = np.random.default_rng(20261123)
    hits = {"z": 0, "knha": 0}
    rounds = 400
    for _ in range(rounds):
        v = rng.uniform(0.05, 0.4, 8)
        y = rng.normal(0.4, np.sqrt(v + 0.15))
        for test in ("z", "knha"):
            low, high = fit(intercept_only(y.tolist(), v.tolist()), How("REML", test)).average.ci95
            hits[test] += low <= 0.4 <= high
    assert 0.917 <= hits["knha"] / rounds <= 0.983
    assert hits["z"] < hits["knha"]
