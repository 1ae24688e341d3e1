"""Coverage, scores, stacking, and the regression the model is held against."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cotreat.calibrate.checks import Seen, coverage, normal_overlap
from cotreat.calibrate.classes import ArmFigure, class_of, foresee, regress
from cotreat.calibrate.compare import smoothed, stack
from cotreat.calibrate.predictive import contrast, crps, place, quantiles
from cotreat.calibrate.sbc import Ranks
from cotreat.evidence.load import load_study


def _seen(study: str, where: float) -> Seen:
    return Seen(study, 0, "proportion", 0.0, where, 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0)


def test_unit_each_study_counts_once() -> None:
    figures = [_seen("a", 0.5)] + [_seen("b", 0.99)] * 9
    half = coverage(figures)[0]
    assert half.share == pytest.approx(0.5)
    assert half.studies == 2


def test_unit_coverage_of_honest_intervals_holds_and_of_narrow_ones_does_not() -> None:
    # two-sided at two standard errors: an honest row is called wrong in about 1 of 20 seeds; the seed is fixed
    rng = np.random.default_rng(3)
    honest = [_seen(f"s{k}", v) for k, v in enumerate(rng.uniform(size=400))]
    assert all(c.holds for c in coverage(honest))
    narrow = [_seen(f"s{k}", float(norm.cdf(2.0 * v))) for k, v in enumerate(rng.standard_normal(400))]
    assert not any(c.holds for c in coverage(narrow))


def test_double_crps_of_draws_is_that_of_the_normal_distribution() -> None:
    draws = norm.ppf((np.arange(4000) + 0.5) / 4000)
    z = 0.7
    exact = z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)
    assert crps(draws, np.ones(4000), z) == pytest.approx(exact, abs=2e-3)


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=12),
    st.lists(st.floats(0.05, 1), min_size=12, max_size=12),
    st.floats(-5, 5),
)
def test_property_crps_is_its_definition(values: list[float], weights: list[float], observed: float) -> None:
    x, w = np.array(values), np.array(weights[: len(values)])
    w = w / w.sum()
    direct = (w * np.abs(x - observed)).sum() - 0.5 * (w[:, None] * w[None] * np.abs(x[:, None] - x[None])).sum()
    assert crps(x, w, observed) == pytest.approx(direct, abs=1e-9)


def test_unit_weighted_quantiles_and_places() -> None:
    x, w = np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    assert quantiles(x, w, [0.5])[0] == pytest.approx(2.0)
    assert place(x, w, 2.5) == pytest.approx(0.75)


def test_unit_stacking_prefers_what_predicts_and_shares_when_tied() -> None:
    rng = np.random.default_rng(0)
    good = rng.normal(-3.0, 1.0, 40)
    found = stack(["good", "bad"], np.stack([good, good - 2.0]), [str(k) for k in range(40)])
    assert found.weights[0] > 0.95
    tied = stack(["one", "two"], np.stack([good, good]), [str(k) for k in range(40)])
    assert tied.weights == pytest.approx([0.5, 0.5], abs=1e-3)
    difference, se = found.difference(1)
    assert difference == pytest.approx(-80.0)
    assert se == pytest.approx(0.0, abs=1e-6)


def test_unit_smoothed_weights_add_up_and_heavy_tails_are_found() -> None:
    rng = np.random.default_rng(1)
    light, shape = smoothed(0.3 * rng.standard_normal(1000))
    assert np.exp(light).sum() == pytest.approx(1.0)
    assert shape < 0.5
    _, heavy = smoothed(4.0 * rng.standard_exponential(1000))
    assert heavy > 0.7


def test_unit_overlap_with_the_prior() -> None:
    rng = np.random.default_rng(2)
    assert normal_overlap(rng.standard_normal(4000)) > 0.95
    assert normal_overlap(2.5 + 0.2 * rng.standard_normal(4000)) < 0.2


def test_unit_ranks_inside_and_outside_the_band() -> None:
    # the band is passed by 99 of 100 honest samplers; the seed is fixed
    rng = np.random.default_rng(5)
    names = tuple(f"p{k}" for k in range(20))
    honest = Ranks(names, rng.integers(0, 64, (200, 20)), 0).summary()
    assert honest["inside"]
    shifted = rng.integers(0, 64, (200, 20))
    shifted[:, 3] = rng.integers(20, 64, 200)
    found = Ranks(names, shifted, 0).summary()
    assert not found["inside"]
    assert found["worst"] == "p3"


def test_unit_a_contrast_of_equal_arms_is_zero() -> None:
    p, sd = np.array([0.3, 0.6]), np.array([8.0, 9.0])
    for kind in ("difference", "smd", "log_rr", "log_or", "risk_difference", "log_hr"):
        assert contrast(kind, p, p, (sd, sd)) == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(
    ("study", "arm", "name"),
    [
        ("sackeim2001", "placebo", "nothing after ECT"),
        ("sackeim2001", "nt", "drug after ECT"),
        ("brunoni2013", "both", "tDCS and drug"),
        ("brunoni2013", "placebo", "nothing"),
        ("brunoni2013", "sertraline", "drug"),
        ("murrough2013", "ketamine", "ketamine"),
        ("blumberger2018", "itbs", "TMS and drug"),
    ],
)
def test_unit_class_of_an_arm(study: str, arm: str, name: str) -> None:
    assert class_of(load_study(study), (arm,)) == name


def test_unit_the_regression_finds_a_class_effect() -> None:
    rng = np.random.default_rng(6)
    rows = []
    for s in range(60):
        own = 0.2 * rng.standard_normal()
        for name, effect in (("drug", 0.9), ("nothing", 0.0)):
            row = {"outcome response": 1.0, f"class {name}": 1.0}
            y = -0.5 + effect + own + 0.2 * rng.standard_normal()
            rows.append(ArmFigure(s, 0, True, y, 0.04, row, 80.0, 1.0, 0.0))
    found = regress(rows)
    by = dict(zip(found.columns, found.mean, strict=True))
    assert by["class drug"] - by["class nothing"] == pytest.approx(0.9, abs=0.15)
    assert 0.1 < found.between < 0.35
    draws = foresee(found, rows[:2], 4000, 1)
    assert np.median(draws[:, 0]) == pytest.approx(1 / (1 + np.exp(-0.4)), abs=0.04)
    assert np.median(draws[:, 1]) == pytest.approx(1 / (1 + np.exp(0.5)), abs=0.04)
