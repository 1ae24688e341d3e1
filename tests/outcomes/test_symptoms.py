"""Counts of symptoms after a cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cotreat.outcomes.symptoms import mean_count, share_with_syndrome


@given(st.floats(0.01, 20), st.integers(1, 10))
def test_parity_share_is_the_tail_of_scipys_geometric(mean: float, at_least: int) -> None:
    exact = stats.nbinom.sf(at_least - 1, 1, 1 / (1 + mean))
    assert share_with_syndrome(np.array(mean), at_least) == pytest.approx(exact, rel=1e-6)


def test_published_henssler2024_background_share() -> None:
    # 17 % on placebo report symptoms: the median background of the parameter set reproduces it
    assert share_with_syndrome(np.array(1.8)) == pytest.approx(0.17, abs=0.01)


def test_unit_withdrawal_adds_to_the_background() -> None:
    count = mean_count(np.array([0.0, 1.0]), np.array([1.8]), np.array([3.0]))
    assert count.tolist() == [1.8, 4.8]
