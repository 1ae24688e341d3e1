"""The sampler against a posterior worked out on a grid."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import betabinom, norm

from cotreat.calibrate.emulator import Emulator
from cotreat.calibrate.infer import Chains, Problem, coordinates, problem
from cotreat.calibrate.infer import fit as run_fit
from cotreat.calibrate.likelihood import build
from cotreat.calibrate.space import EFFECTS, SCALES, Space
from cotreat.calibrate.terms import Chain, StudyTerms
from cotreat.model.parameter_set import load_parameters
from cotreat.studies.figures import OVERDISPERSION

SLOPE = 0.8


def _problem() -> Problem:
    """One study, one share whose logit is 0.8 times the coordinate of the placebo drive; nothing else is free."""
    space = Space.of(load_parameters())
    d = len(space)
    skip = np.zeros((1, d, 2), np.float32)
    skip[0, space.index("placebo.drive"), 0] = SLOPE
    zero = {"w1": (d, 2), "b1": (1, 2), "w2": (2, 2), "b2": (1, 2), "w3": (1, 2, 2), "b3": (1, 2)}
    weights = {k: jnp.zeros(v) for k, v in zero.items()} | {
        "mask": jnp.ones((1, d)),
        "scale": jnp.ones((1, d)),
        "gain": jnp.ones((1, 2)),
        "skip": jnp.asarray(skip),
        "centre": jnp.zeros((1, 1)),
        "spread": jnp.ones((1, 1)),
        "sd_centre": jnp.zeros((1, 1)),
    }
    none = np.full((1, 1), np.nan)
    emulator = Emulator(weights, ("made",), np.ones((1, 1), bool), np.zeros((1, 1), bool), none, none)
    chain = Chain((0,), False, (21.0, 4.0), 1.0, (0,), ("a",), "point")
    likelihood = build([StudyTerms("made", "made", (chain,), (), ())], none, none)
    return problem(space, emulator, likelihood, {n: 0.0 for n in space.names if n != "placebo.drive"})


@pytest.mark.slow
def test_double_posterior_of_one_coordinate() -> None:
    # 4 x 300 draws: the mean is off by less than 0.08 in more than 99 of 100 runs; the seed is fixed
    p = _problem()
    found = run_fit(p, Chains(chains=4, warmup=150, samples=300, depth=5))
    grid = np.linspace(-5, 5, 2001)
    a = (1 - OVERDISPERSION) / OVERDISPERSION
    share = 1 / (1 + np.exp(-SLOPE * grid))
    density = norm.pdf(grid) * betabinom(25, a * share, a * (1 - share)).pmf(21)
    density /= density.sum()
    mean = float((grid * density).sum())
    sd = float(np.sqrt((grid**2 * density).sum() - mean**2))
    z = found.z[:, p.space.index("placebo.drive")]
    assert z.mean() == pytest.approx(mean, abs=0.08)
    assert z.std() == pytest.approx(sd, abs=0.08)
    assert found.divergent == 0
    assert found.rhat.max() < 1.03


def test_unit_effects_reach_as_far_as_their_scale_says() -> None:
    p = _problem()
    d = len(p.space)
    at, scale = p.space.index(EFFECTS[0]), p.space.index(SCALES[0])
    z = np.zeros(d, np.float32)
    reach = []
    for value in (-1.0, 1.0):
        z[scale] = value
        reach.append(float(coordinates(p, jnp.asarray(z), jnp.ones((1, p.effects)))[0, at]))
    prior = p.space.prior.parameters[SCALES[0]]
    assert prior.range90 is not None
    spread = np.log(prior.range90[1] / prior.range90[0]) / (2 * 1.6448536)
    assert reach[1] == pytest.approx(1.0, abs=1e-5)  # the scale the bank was made with
    assert reach[1] / reach[0] == pytest.approx(np.exp(2 * spread), rel=1e-4)
