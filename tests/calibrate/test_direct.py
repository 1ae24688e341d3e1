"""Networks set right by direct simulation, on made-up networks and a made-up simulation."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from cotreat.calibrate.direct import Simulated, compare_networks, effective, set_right
from cotreat.calibrate.emulator import Emulator, predict_all
from cotreat.calibrate.infer import Fit, Problem, coordinates, problem
from cotreat.calibrate.likelihood import build
from cotreat.calibrate.space import HETEROGENEITY, STRENGTHS, Space
from cotreat.calibrate.terms import Block, Chain, StudyTerms
from cotreat.model.parameter_set import load_parameters

DRAWS, PATIENTS = 400, 100
BIAS = (0.4, -2.0)  # on the logit of the share, and in points of the mean


def _problem() -> Problem:
    """One study with a share and a mean, both moved by the placebo drive."""
    space = Space.of(load_parameters())
    d = len(space)
    skip = np.zeros((1, d, 4), np.float32)
    skip[0, space.index("placebo.drive"), :2] = (0.5, 0.4)
    zero = {"w1": (d, 2), "b1": (1, 2), "w2": (2, 2), "b2": (1, 2), "w3": (1, 2, 4), "b3": (1, 4)}
    weights = {k: jnp.zeros(v) for k, v in zero.items()} | {
        "mask": jnp.ones((1, d)),
        "scale": jnp.ones((1, d)),
        "gain": jnp.ones((1, 2)),
        "skip": jnp.asarray(skip),
        "centre": jnp.asarray([[-0.3, -8.0]]),
        "spread": jnp.ones((1, 2)),
        "sd_centre": jnp.full((1, 2), np.log(7.0)),
    }
    error = np.zeros((1, 2))
    emulator = Emulator(weights, ("made",), np.ones((1, 2), bool), np.array([[False, True]]), error, error)
    chain = Chain((0,), False, (20.0, 30.0), 1.0, (0,), ("a",), "point")
    block = Block(("mean",), (1,), (-1,), (-8.0,), np.array([[1.0]]), 1.0, (1,), ("a",), "point")
    return problem(space, emulator, build([StudyTerms("made", "made", (chain,), (block,), ())], error, error))


def _fit(p: Problem) -> Fit:
    rng = np.random.default_rng(4)
    z, effects = rng.standard_normal((DRAWS, len(p.space))), 0.3 * rng.standard_normal((DRAWS, 1, p.effects))
    none = np.zeros(DRAWS)
    return Fit(z, effects, np.full((DRAWS, len(STRENGTHS)), 0.4), none[:, None], none, 0, none[:1], none[:1])


def _simulated(p: Problem, made: Fit) -> Simulated:
    """What a simulation would show if the networks had the bias."""
    rng = np.random.default_rng(5)
    raw = np.stack([
        np.asarray(predict_all(p.emulator.weights, coordinates(p, jnp.asarray(z, jnp.float32), jnp.asarray(e))))[0, 0]
        for z, e in zip(made.z, made.effects.astype(np.float32), strict=True)
    ])  # fmt: skip
    share = 1 / (1 + np.exp(-(raw[:, 0] + BIAS[0])))
    mean = raw[:, 1] + BIAS[1] + 7.0 / np.sqrt(PATIENTS) * rng.standard_normal(DRAWS)
    value = np.stack([rng.binomial(PATIENTS, share) / PATIENTS, mean], axis=1)[:, None]
    sd = 7.0 * np.exp(rng.standard_normal((DRAWS, 1, 2)) / np.sqrt(2 * PATIENTS))
    return Simulated(np.arange(DRAWS), value, np.full(value.shape, float(PATIENTS)), sd)


def test_unit_the_bias_is_taken_out() -> None:
    p = _problem()
    made = _fit(p)
    found = _simulated(p, made)
    before = compare_networks(p, made, found)
    # 40,000 patients: shares are known within 0.0025, means within 0.035; the bounds hold in 999 of 1,000 runs
    assert before["bias"][0, 0] == pytest.approx(0.096, abs=0.01)
    assert before["bias"][0, 1] == pytest.approx(-2.0, abs=0.12)
    right = set_right(p, made, found)
    centre = np.asarray(right.weights["centre"])[0] - [-0.3, -8.0]
    assert centre == pytest.approx(BIAS, abs=0.12)
    after = compare_networks(problem(p.space, right, p.likelihood), made, found)
    assert after["bias"][0] == pytest.approx([0.0, 0.0], abs=1e-3)
    # nothing else is wrong with these networks, so hardly any error is left
    assert right.error[0, 0] < 0.02
    assert right.error[0, 1] < 0.35
    assert 1.0 <= after["ess"] <= DRAWS


def test_unit_effective_sample_size() -> None:
    assert effective(np.zeros(50)) == pytest.approx(50.0)
    assert effective(np.array([0.0, -1e3, -1e3])) == pytest.approx(1.0)


def test_unit_every_strength_is_a_parameter_and_studies_move_it_by_the_reach() -> None:
    p = _problem()
    names = [n for group in STRENGTHS.values() for n in group]
    assert set(names) <= set(p.space.names)
    assert len(p.space.strengths) == len(names)
    low, high = (HETEROGENEITY[0] * np.exp(HETEROGENEITY[1] * v) for v in (-1.6449, 1.6449))
    assert (round(low, 2), round(high, 2)) == (0.18, 0.91)
    effects = np.zeros((1, p.effects), np.float32)
    effects[0, 2] = 0.7  # the first strength, after the two levels of the patients
    moved = np.asarray(coordinates(p, jnp.zeros(len(p.space)), jnp.asarray(effects)))[0]
    assert moved[p.space.index(names[0])] == pytest.approx(0.7)
    assert np.count_nonzero(moved) == 1
