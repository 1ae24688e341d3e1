"""Mood: the double well against exact results."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.model.mechanisms import mood

DT = 1 / 16


def passage_times(noise: float, patients: int, dt: float, seed: int) -> np.ndarray:
    """First-passage times from +1 to -1 with tau 1, by the model's own step."""
    p = {"mood.time_constant": np.ones(1), "mood.sigma": np.full(1, noise)}
    c = {k: np.float32(v[0]) for k, v in mood.constants(p, dt).items()}

    @jax.jit
    def run(key: jax.Array) -> jax.Array:
        def go_on(carry: tuple[jax.Array, jax.Array, jax.Array, jax.Array]) -> jax.Array:
            return jnp.any(carry[1] < 0)

        def one(carry: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
            x, when, n, key = carry
            key, sub = jax.random.split(key)
            new = mood.step(x, c, jnp.float32(0), jax.random.normal(sub, x.shape, jnp.float32))
            # between two grid points the path may have touched -1: probability of a Brownian bridge crossing
            gap = jnp.maximum(x + 1, 0) * jnp.maximum(new + 1, 0)
            touched = jax.random.uniform(jax.random.fold_in(sub, 1), x.shape) < jnp.exp(-2 * gap / (noise**2 * dt))
            hit = (when < 0) & ((new <= -1) | touched)
            return new, jnp.where(hit, (n + 1) * dt, when), n + 1, key

        start = (jnp.full((patients,), 1.0, jnp.float32), jnp.full((patients,), -1.0, jnp.float32), jnp.float32(0), key)
        return jax.lax.while_loop(go_on, one, start)[1]

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return np.asarray(run(jax.random.key(seed)))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.55, 0.8])
def test_unit_first_passage_time_is_the_exact_double_integral(noise: float) -> None:
    # 60,000 exponential-like times: standard error 0.4 %, so 2 % is missed by chance once in 10^6 runs if unbiased
    times = passage_times(noise, 60_000, DT, seed=3)
    exact = mood.mean_escape_time(noise)
    assert times.mean() == pytest.approx(exact, rel=0.02)


def test_unit_saddle_node_at_0_385() -> None:
    assert abs(mood.SADDLE_NODE - 0.385) < 5e-4
    for h, count in ((0.38, 3), (0.39, 1)):
        roots = np.roots([1, 0, -1, -h])
        assert (abs(roots.imag) < 1e-9).sum() == count
    ill, well = mood.wells(np.array([mood.SADDLE_NODE + 1e-6]))
    assert ill[0] == well[0]


@given(st.floats(-1.5, 1.5))
def test_property_wells_are_stationary_and_stable(h: float) -> None:
    for x in mood.wells(np.array([h])):
        assert x[0] - x[0] ** 3 + h == pytest.approx(0, abs=1e-9)
        assert 1 - 3 * x[0] ** 2 < 1e-6


@pytest.mark.parametrize(("tau", "sigma"), [(1.0, 0.2), (0.6, 0.25), (2.5, 0.12)])
def test_unit_within_well_sd_within_its_stated_error(tau: float, sigma: float) -> None:
    # The linear approximation is stated to hold to 5 % while the SD is below 0.1;
    # 40,000 paths: Monte-Carlo error 0.4 %
    n, dt = 40_000, 1 / 16
    p = {"mood.time_constant": np.array([tau]), "mood.sigma": np.array([sigma])}
    c = {k: np.float32(v[0]) for k, v in mood.constants(p, dt).items()}
    x = jnp.full((n,), -1.0, jnp.float32)
    step = jax.jit(lambda x, z: mood.step(x, c, jnp.float32(0), z))
    rng = np.random.default_rng(5)
    with jax.numpy_rank_promotion("allow"):
        for _ in range(int(8 * tau / dt)):
            x = step(x, rng.standard_normal(n).astype(np.float32))
    expected = mood.within_well_sd(np.array(-1.0), np.array(sigma), np.array(tau))
    assert np.std(np.asarray(x)) == pytest.approx(float(expected), rel=0.05)


@given(st.floats(35, 4000), st.floats(0.5, 3.0))
def test_property_sigma_gives_back_its_escape_time(escape: float, tau: float) -> None:
    sigma = mood.sigma_for_escape_time(np.array([escape]), np.array([tau]))[0]
    assert tau * mood.mean_escape_time(float(sigma * np.sqrt(tau))) == pytest.approx(escape, rel=5e-3)


@given(st.floats(-3, 3), st.floats(0.001, 0.4), st.floats(0.001, 0.4))
def test_property_flow_composes(x: float, s: float, t: float) -> None:
    def flow(y: float, time: float) -> float:
        return float(mood.flow(jnp.float32(y), np.float32(np.exp(time)), np.float32(np.expm1(2 * time))))

    assert flow(flow(x, s), t) == pytest.approx(flow(x, s + t), abs=2e-6)
