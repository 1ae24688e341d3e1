"""Two small arms: p values by enumeration, and what the tests then really claim under no difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import barnard_exact, binom

from cotreat.trial.virtual import proportions
from cotreat.trial.virtual.contrasted import Contrasted
from cotreat.trial.virtual.design import LARGEST
from cotreat.trial.virtual.enumerated import enumerated, no_more_than_enumerated

SHARES = np.linspace(0.02, 0.5, 49)
ARMS = np.array([1.0, -1.0])
TESTS = {
    "newcombe": proportions.newcombe,
    "chi2": proportions.chi2,
    "logistic": lambda x, n: proportions.logistic(x, n, ARMS),
    "risk": lambda x, n: proportions.risk(x, n, ARMS),
}


def every_table(n1: int, n2: int) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
    x = np.stack([one.ravel(), other.ravel()], axis=1).astype(float)
    return x, np.broadcast_to([float(n1), float(n2)], x.shape)


def by_hand(x: np.ndarray, n: np.ndarray) -> float:
    """The sum over every table of two arms at their common share."""
    n1, n2 = (int(v) for v in n)
    tables, sizes = every_table(n1, n2)
    share = x.sum() / n.sum()
    z = np.abs(proportions.chi2(tables, sizes).statistic)
    own = abs(proportions.chi2(x[None], n[None]).statistic[0])
    weight = np.outer(binom.pmf(np.arange(n1 + 1), n1, share), binom.pmf(np.arange(n2 + 1), n2, share)).ravel()
    return 1.0 if own == 0 else float(weight[z >= own - 1e-9].sum())


@given(st.integers(1, 20), st.integers(1, 20), st.data())
@settings(max_examples=150)
def test_property_the_enumeration_is_the_sum_over_every_table(n1, n2, data):
    x = np.array([data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))], dtype=float)
    n = np.array([n1, n2], dtype=float)
    assert enumerated(x[None], n[None])[0] == pytest.approx(by_hand(x, n), abs=1e-9)


@pytest.mark.parametrize(("x", "n"), [((1, 6), (9, 9)), ((15, 6), (25, 25))])
def test_parity_never_above_barnards_test_which_takes_the_worst_share(x, n):
    # tables without others at the same distance: there SciPy loses ties to rounding
    table = [[x[0], x[1]], [n[0] - x[0], n[1] - x[1]]]
    worst = barnard_exact(table, pooled=True, n=256).pvalue
    found = enumerated(np.array([x], dtype=float), np.array([n], dtype=float))[0]
    assert 0.5 * worst < found <= worst + 1e-6


@pytest.mark.parametrize("sizes", [(5, 5), (12, 12), (25, 25), (25, 23), (40, 20), (50, 50), (75, 75), (100, 80)])
@pytest.mark.parametrize("test", list(TESTS))
def test_unit_no_test_claims_more_often_than_it_says_at_any_share(test, sizes):
    n1, n2 = sizes
    x, n = every_table(n1, n2)
    raw = TESTS[test](x, n)
    claims = (no_more_than_enumerated(raw, x, n).p < 0.05).reshape(n1 + 1, n2 + 1)
    size = [
        binom.pmf(np.arange(n1 + 1), n1, share) @ claims @ binom.pmf(np.arange(n2 + 1), n2, share) for share in SHARES
    ]
    assert max(size) < 0.0535


def test_unit_pearsons_test_alone_claims_too_often_with_25_in_each_arm():
    x, n = every_table(25, 25)
    claims = (proportions.chi2(x, n).p < 0.05).reshape(26, 26)
    share = binom.pmf(np.arange(26), 25, 0.5)
    assert share @ claims @ share == pytest.approx(0.0649, abs=0.0001)


def test_unit_large_arms_keep_the_p_of_their_test():
    x, n = np.array([[300.0, 250.0]]), np.array([[LARGEST / 2 + 1, LARGEST / 2]])
    raw = proportions.chi2(x, n)
    assert no_more_than_enumerated(raw, x, n) is raw


def test_unit_estimate_and_standard_error_stay_those_of_the_test():
    x, n = every_table(10, 9)
    raw = proportions.newcombe(x, n)
    found = no_more_than_enumerated(raw, x, n)
    assert isinstance(found, Contrasted)
    np.testing.assert_array_equal(found.estimate, raw.estimate)
    np.testing.assert_array_equal(found.se, raw.se)
    assert (found.p >= raw.p).all()


def test_unit_an_arm_nobody_is_left_in_cannot_be_tested():
    x, n = np.array([[0.0, 3.0], [4.0, 1.0]]), np.array([[0.0, 9.0], [9.0, 9.0]])
    raw = proportions.chi2(x, n)
    found = no_more_than_enumerated(raw, x, n)
    assert found.p[0] == 1.0
    assert found.p[1] >= raw.p[1]
