"""Two kinds of spread, against exact and simulated values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cotreat.outcomes import estimate


def test_unit_shrinking_recovers_the_spread_between_draws() -> None:
    # 400 draws of 30 patients: the raw spread is a fifth too wide, the shrunken one is right within its error (4 %)
    rng = np.random.default_rng(2)
    truth = rng.beta(8, 8, 400)
    hit = rng.random((400, 30)) < truth[:, None]
    spread = estimate.proportion(hit)
    raw = hit.mean(axis=1).std()
    assert raw > 1.05 * truth.std()
    assert spread.values.std() == pytest.approx(truth.std(), rel=0.1)
    assert spread.monte_carlo_se == pytest.approx(np.sqrt(np.mean(truth * (1 - truth)) / 12_000), rel=0.1)


def test_unit_no_true_spread_is_not_invented() -> None:
    rng = np.random.default_rng(3)
    spread = estimate.proportion(rng.random((200, 50)) < 0.4)
    assert spread.values.std() < 0.03  # the raw spread is 0.07


def test_unit_identical_arms_differ_by_exactly_zero() -> None:
    hit = np.random.default_rng(4).random((10, 30)) < 0.5
    assert np.all(estimate.paired_difference(hit, hit).values == 0)
    among = np.random.default_rng(5).random((10, 30)) < 0.5
    counts = ((hit & among).sum(axis=1), among.sum(axis=1))
    assert np.all(estimate.difference(counts, counts, same=True).values == 0)


def test_unit_sums_give_what_the_values_give() -> None:
    values = np.random.default_rng(7).normal(12, 5, (6, 40))
    n, total, squares = np.full(6, 40), values.sum(axis=1), (values**2).sum(axis=1)
    assert np.allclose(estimate.variance(n, total, squares), values.var(axis=1, ddof=1), rtol=1e-12)
    from_sums, whole = estimate.mean_of_sums(n, total, squares), estimate.mean(values)
    assert np.array_equal(from_sums.values, whole.values)
    assert whole.values.mean() == pytest.approx(values.mean())
    # without a true spread between draws only chance is left, and that is taken out
    assert whole.values.std() < values.mean(axis=1).std()


def test_unit_draws_without_patients_are_left_out() -> None:
    hit = np.ones((3, 4), dtype=bool)
    among = np.array([[True] * 4, [False] * 4, [True] * 4])
    assert len(estimate.proportion(hit, among).values) == 2
    assert np.isnan(estimate.proportion(hit, np.zeros_like(hit)).median)


@given(st.floats(0.02, 0.98), st.integers(2, 200), st.floats(0.01, 0.99))
def test_parity_binomial_quantile_with_scipy(p: float, n: int, level: float) -> None:
    count = round(estimate.binomial_quantile(np.array([p]), n, level) * n)
    # where the distribution function meets the level exactly, rounding may choose either side
    assert stats.binom.cdf(count, n, p) >= level - 1e-9
    assert stats.binom.cdf(count - 1, n, p) < level + 1e-9


def test_unit_mixture_quantiles_against_sampling() -> None:
    rng = np.random.default_rng(6)
    p = rng.beta(4, 6, 100)
    counts = rng.binomial(25, rng.choice(p, 400_000)) / 25
    for level in (0.025, 0.25, 0.5, 0.75, 0.975):
        assert abs(estimate.binomial_quantile(p, 25, level) - np.quantile(counts, level)) <= 1 / 25 + 1e-9
    centre, sd = rng.normal(10, 2, 50), rng.uniform(0.5, 2, 50)
    pick = rng.integers(0, 50, 400_000)
    sample = rng.normal(centre[pick], sd[pick])
    for level in (0.025, 0.5, 0.975):
        assert estimate.normal_quantile(centre, sd, level) == pytest.approx(np.quantile(sample, level), abs=0.04)


@given(st.integers(10, 400))
def test_property_a_larger_trial_has_a_narrower_interval(n: int) -> None:
    p = np.array([0.3, 0.4, 0.5])
    small, large = (
        estimate.binomial_quantile(p, k, 0.975) - estimate.binomial_quantile(p, k, 0.025) for k in (n, 100 * n)
    )
    assert large <= small
