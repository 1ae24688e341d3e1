"""Group-sequential boundaries against published tables; crossing probabilities against simulated walks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.trial.virtual.sequential import SPENDINGS, Looks, boundaries, classical, crossing, spent

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.mark.parametrize(("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555)])
def test_published_pocock_constants(looks: int, constant: float) -> None:
    """Jennison and Turnbull 2000, table 2.1, alpha 0.05."""
    assert classical("pocock", looks, 0.05) == pytest.approx(constant, abs=6e-4)


@pytest.mark.parametrize(("looks", "constant"), [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (10, 2.087)])
def test_published_obrien_fleming_constants(looks: int, constant: float) -> None:
    """Jennison and Turnbull 2000, table 2.3, alpha 0.05."""
    assert classical("obrien-fleming", looks, 0.05) == pytest.approx(constant, abs=6e-4)


@pytest.mark.parametrize(
    ("spending", "limits"),
    [
        ("obrien-fleming", (4.877, 3.357, 2.680, 2.290, 2.031)),
        ("pocock", (2.438, 2.427, 2.410, 2.397, 2.386)),
        ("hwang-shih-decani", (3.253, 2.986, 2.692, 2.374, 2.025)),
    ],
)
def test_published_alpha_spending_boundaries(spending: str, limits: tuple[float, ...]) -> None:
    """Five equal looks, two-sided 0.05: the values that programs for Lan-DeMets boundaries print (HSD: gamma -4)."""
    assert boundaries(0.05, Looks(FIVE, spending)) == pytest.approx(limits, abs=1e-3)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.05, 0.95), min_size=0, max_size=4, unique=True),
    st.sampled_from(SPENDINGS),
    st.floats(0.001, 0.2),
)
def test_property_alpha_is_spent_in_full(inner: list[float], spending: str, alpha: float) -> None:
    fractions = tuple(sorted(round(f, 3) for f in set(inner)))
    if len(set(fractions)) < len(fractions):
        return
    looks = Looks((*fractions, 1.0), spending)  # type: ignore[arg-type]
    found = crossing(boundaries(alpha, looks), looks.fractions)
    assert found.sum() == pytest.approx(alpha, abs=1e-6)
    assert np.cumsum(found.sum(axis=1)) == pytest.approx(spent(alpha, np.array(looks.fractions), looks), abs=1e-6)
    assert np.allclose(found[:, 0], found[:, 1], atol=1e-9)


def test_property_power_rises_with_drift() -> None:
    limits = boundaries(0.05, Looks(FIVE))
    powers = [crossing(limits, FIVE, d)[:, 0].sum() for d in (0.0, 1.0, 2.0, 2.8, 4.0)]
    assert all(a < b for a, b in pairwise(powers))


def test_double_crossing_by_simulated_walks() -> None:
    """False alarm below 1 in 10,000: 4 standard errors at each of three looks."""
    fractions, walks = (0.3, 0.7, 1.0), 200_000
    limits = boundaries(0.05, Looks(fractions, "pocock"))
    luck = np.random.default_rng(8)
    drift = 2.5
    steps = np.diff([0.0, *fractions])
    score = np.cumsum(drift * steps + np.sqrt(steps) * luck.normal(size=(walks, 3)), axis=1)
    z = score / np.sqrt(fractions)
    first = np.argmax(np.column_stack([np.abs(z) >= limits, np.ones(walks, bool)]), axis=1)
    expected = crossing(limits, fractions, drift).sum(axis=1)
    for look in range(3):
        p = expected[look]
        assert abs((first == look).mean() - p) < 4 * np.sqrt(p * (1 - p) / walks)


@pytest.mark.parametrize(
    ("fractions", "word"), [((), "looks"), ((0.5,), "last look"), ((0.7, 0.3, 1.0), "rise"), ((0.0, 1.0), "rise")]
)
def test_unit_impossible_looks_are_refused(fractions: tuple[float, ...], word: str) -> None:
    with pytest.raises(InputError, match=word):
        Looks(fractions)
