"""Drawing particles anew by group: what they say stays the same, and no group is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.monitor.resample import FEWEST, left, left_within, out_of_balance, redraw, systematic, weights


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 6.0), st.integers(40, 400))
def test_property_the_weight_of_every_group_is_kept(seed: int, spread: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    log_weight, group = spread * rng.standard_normal(n), rng.integers(0, 4, n)
    index, new = redraw(log_weight, group, rng)
    assert len(index) == n
    assert new.max() == 0.0
    before = np.bincount(group, weights(log_weight), 4)
    after = np.bincount(group[index], weights(new), 4)
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_unit_an_unlikely_group_keeps_its_particles() -> None:
    n = 1000
    group = (np.arange(n) >= 900).astype(int)
    log_weight = np.where(group == 1, -12.0, 0.0)
    index, new = redraw(log_weight, group, np.random.default_rng(1))
    kept = group[index] == 1
    assert kept.sum() == round(FEWEST / (1 + FEWEST) * n)
    assert len(np.unique(index[kept])) == 100
    assert weights(new)[kept].sum() < 1e-5


def test_unit_a_group_that_rests_on_one_particle_is_not_copied_without_end() -> None:
    group = np.zeros(1000, int)
    group[7] = 1
    index, _ = redraw(np.zeros(1000), group, np.random.default_rng(1))
    assert 1 <= (group[index] == 1).sum() <= 25


def test_unit_means_are_kept_on_average() -> None:
    # 400 redraws of 200 particles: the mean of means has an SD below 0.01; 0.04 is passed in under 1 run in 10,000
    rng = np.random.default_rng(5)
    value, group = rng.standard_normal(200), rng.integers(0, 3, 200)
    log_weight = rng.standard_normal(200)
    found = []
    for k in range(400):
        index, new = redraw(log_weight, group, np.random.default_rng(k))
        found.append(weights(new) @ value[index])
    assert abs(np.mean(found) - weights(log_weight) @ value) < 0.04


def test_unit_shares_and_balance() -> None:
    equal = np.full(10, 0.1)
    group = np.repeat([0, 1], 5)
    assert left(equal) == pytest.approx(1.0)
    assert left_within(equal, group) == pytest.approx(1.0)
    assert not out_of_balance(equal, group)
    # all weight in one group of one in ten, evenly: nothing is lost inside it, but it has too few particles
    heavy = np.array([1.0] + [0.0] * 9)
    assert left_within(heavy, np.array([1] + [0] * 9)) == 1.0
    assert out_of_balance(heavy, np.array([1] + [0] * 9))
    assert np.array_equal(systematic(equal, 10, np.random.default_rng(1)), np.arange(10))
