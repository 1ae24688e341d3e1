"""Counts of symptoms after a cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cotreat.measures.scales import scale
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.outcomes.symptoms import counted, mean_count, points_by_group, share_with_syndrome


@given(st.floats(0.01, 20), st.integers(1, 10))
def test_parity_share_is_the_tail_of_scipys_geometric(mean: float, at_least: int) -> None:
    exact = stats.nbinom.sf(at_least - 1, 1, 1 / (1 + mean))
    assert share_with_syndrome(np.array(mean), at_least) == pytest.approx(exact, rel=1e-6)


def test_published_henssler2024_share_after_stopping_placebo() -> None:
    # 17 % (14 to 21) report symptoms: median background and nocebo of the parameter set a week after the change
    draws = load_parameters(PRIOR).medians()
    nocebo = draws["nocebo.size"] * np.exp(-7 / draws["nocebo.time_constant"])
    count = mean_count(nocebo, draws["withdrawal.dess_background"], draws["withdrawal.dess_count"])
    assert 0.14 < share_with_syndrome(count)[0] < 0.21


@given(st.floats(0.05, 20), st.integers(1, 10))
def test_parity_counts_are_quantiles_of_scipys_geometric(mean: float, tenths: int) -> None:
    luck = np.array([(tenths - 0.5) / 10])
    exact = stats.nbinom.isf(luck, 1, 1 / (1 + mean))
    assert counted(np.array([mean]), luck) == pytest.approx(exact, abs=1)
    # on a fine grid of luck the mean is the mean
    grid = (np.arange(20_000) + 0.5) / 20_000
    assert counted(np.full(20_000, mean), grid).mean() == pytest.approx(mean, rel=0.01)


def test_unit_complaints_show_in_the_items_that_ask_for_them() -> None:
    loadings = {"anxiety": np.array([0.1]), "sleep": np.array([0.2]), "somatic": np.array([0.05])}
    hamd = points_by_group(scale("HAM-D17"), np.array([2.0]), loadings)
    assert hamd is not None
    assert {k: round(float(v[0]), 6) for k, v in hamd.items()} == {"anxiety": 2.4, "sleep": 2.4, "somatic": 1.2}
    assert points_by_group(scale("CADSS"), np.array([2.0]), loadings) is None


def test_unit_withdrawal_adds_to_the_background() -> None:
    count = mean_count(np.array([0.0, 1.0]), np.array([1.8]), np.array([3.0]))
    assert count.tolist() == [1.8, 4.8]
