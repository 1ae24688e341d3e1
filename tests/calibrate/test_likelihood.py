"""The arithmetic of the likelihood, against SciPy and against numbers worked out by hand."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import betabinom, dirichlet_multinomial, multivariate_normal, norm

from cotreat.calibrate.likelihood import Likelihood, build
from cotreat.calibrate.terms import Block, Chain, StudyTerms
from cotreat.studies.figures import OVERDISPERSION

A = (1 - OVERDISPERSION) / OVERDISPERSION


def _terms(chains: tuple[Chain, ...] = (), blocks: tuple[Block, ...] = ()) -> StudyTerms:
    return StudyTerms("made", "made", chains, blocks, ())


def _chain(levels: tuple[int, ...], counts: tuple[float, ...], weight: float = 1.0, *, inverted: bool = False) -> Chain:
    return Chain(levels, inverted, counts, weight, tuple(range(len(levels))), ("a",), "point")


def _block(kinds: tuple[str, ...], observed: tuple[float, ...], covariance: np.ndarray, weight: float = 1.0) -> Block:
    k = len(kinds)
    return Block(kinds, tuple(range(k)), (0,) * k, observed, covariance, weight, tuple(range(k)), ("a",), "point")


def _density(likelihood: Likelihood, value: list[float], log_sd: list[float] | None = None) -> float:
    spread = [0.0] * len(value) if log_sd is None else log_sd
    return float(likelihood(jnp.array([value], jnp.float32), jnp.array([spread], jnp.float32))[0])


def _none(levels: int) -> np.ndarray:
    return np.full((1, levels), np.nan)


@pytest.mark.parametrize(("events", "n"), [(0, 33), (21, 25), (120, 300)])
def test_double_one_share_is_beta_binomial(events: int, n: int) -> None:
    likelihood = build([_terms((_chain((0,), (events, n - events)),))], _none(1), _none(1))
    for p in (0.05, 0.4, 0.9):
        expected = betabinom(n, A * p, A * (1 - p)).logpmf(events)
        assert _density(likelihood, [float(np.log(p / (1 - p)))]) == pytest.approx(expected, abs=2e-3)


def test_double_nested_shares_are_dirichlet_multinomial() -> None:
    counts = (8, 12, 20)
    likelihood = build([_terms((_chain((0, 1), counts),))], _none(2), _none(2))
    p = np.array([0.2, 0.45])
    expected = dirichlet_multinomial(A * np.array([0.2, 0.25, 0.55]), 40).logpmf(counts)
    assert _density(likelihood, list(np.log(p / (1 - p)))) == pytest.approx(expected, abs=2e-3)


def test_double_those_who_stay_well() -> None:
    stay = np.array([0.7, 0.5])
    likelihood = build([_terms((_chain((0, 1), (12.0, 8.0, 20.0), inverted=True),))], _none(2), _none(2))
    expected = dirichlet_multinomial(A * np.array([0.3, 0.2, 0.5]), 40).logpmf((12, 8, 20))
    assert _density(likelihood, list(np.log(stay / (1 - stay)))) == pytest.approx(expected, abs=2e-3)


def test_unit_a_short_chain_beside_a_long_one_keeps_its_density() -> None:
    short, long = _chain((2,), (21.0, 4.0)), _chain((0, 1), (8.0, 12.0, 20.0))
    value = [-1.2, 0.1, 0.4]
    apart = [_density(build([_terms((c,))], _none(3), _none(3)), value) for c in (short, long)]
    together = _density(build([_terms((short, long))], _none(3), _none(3)), value)
    assert together == pytest.approx(sum(apart), abs=1e-3)


def test_double_means_are_jointly_normal() -> None:
    covariance = np.array([[4.0, 2.1], [2.1, 3.0]])
    likelihood = build([_terms((), (_block(("mean", "mean"), (-8.0, -10.0), covariance),))], _none(2), _none(2))
    expected = multivariate_normal([-8.0, -10.0], covariance).logpdf([-9.0, -9.5])
    assert _density(likelihood, [-9.0, -9.5]) == pytest.approx(expected, abs=1e-3)


def test_unit_a_weight_is_a_power() -> None:
    covariance = np.array([[4.0]])
    for w in (0.25, 1.0):
        likelihood = build(
            [_terms((_chain((0,), (10.0, 10.0), w),), (_block(("mean",), (-8.0,), covariance, w),))], _none(1), _none(1)
        )
        one = betabinom(20, A * 0.5, A * 0.5).logpmf(10) + norm(-8.0, 2.0).logpdf(0.0)
        assert _density(likelihood, [0.0]) == pytest.approx(w * one, abs=1e-3)


def test_unit_an_uncertain_emulator_flattens_the_likelihood() -> None:
    terms = [_terms((_chain((0,), (15.0, 10.0)),), (_block(("mean",), (-8.0,), np.array([[1.0]])),))]
    sharp, flat = build(terms, _none(1), _none(1)), build(terms, np.array([[0.2]]), _none(1))

    def drop(likelihood: Likelihood) -> float:
        return _density(likelihood, [0.4]) - _density(likelihood, [3.0])

    assert drop(flat) < drop(sharp)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("difference", np.log(0.6 / 0.4) - np.log(0.3 / 0.7)),
        ("log_rr", np.log(0.6 / 0.3)),
        ("log_or", np.log(0.6 / 0.4) - np.log(0.3 / 0.7)),
        ("risk_difference", 0.3),
        ("log_hr", np.log(np.log(0.4) / np.log(0.7))),
    ],
)
def test_double_contrasts(kind: str, expected: float) -> None:
    block = Block((kind,), (0,), (1,), (0.0,), np.array([[1.0]]), 1.0, (0,), ("a",), "contrast")
    likelihood = build([_terms((), (block,))], _none(2), _none(2))
    value = [float(np.log(0.6 / 0.4)), float(np.log(0.3 / 0.7))]
    assert _density(likelihood, value) == pytest.approx(norm.logpdf(expected), abs=1e-4)


def test_double_standardised_difference_is_positive_when_the_first_did_better() -> None:
    block = Block(("smd",), (0,), (1,), (0.5,), np.array([[0.04]]), 1.0, (0,), ("a",), "contrast")
    likelihood = build([_terms((), (block,))], _none(2), _none(2))
    got = _density(likelihood, [-12.0, -8.0], [float(np.log(8.0))] * 2)
    assert got == pytest.approx(norm(0.5, 0.2).logpdf(0.5), abs=1e-4)
