"""Inference: the parameters and the effects of studies, given all figures, by NUTS on the emulator.

The coordinates of the parameters and of the study effects are standard normal beforehand. A study shifts two levels of
its patients: how they answer placebo, and how resistant they are. Rivals hold some coordinates fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cotreat.calibrate.emulator import Emulator, predict_all
from cotreat.calibrate.likelihood import Likelihood
from cotreat.calibrate.space import EFFECTS, SCALE_AT, SCALES, Space, effect_spread


@dataclass(frozen=True)
class Problem:
    """All that a fit needs.

    ``free``: which coordinates a rival leaves free, ``fixed`` their values otherwise. The effects of a study are not
    among them: each study has its own.
    """

    space: Space
    emulator: Emulator
    likelihood: Likelihood
    free: np.ndarray
    fixed: np.ndarray

    @property
    def studies(self) -> int:
        """Number of studies."""
        return len(self.likelihood.studies)


@dataclass(frozen=True)
class Chains:
    """NUTS as it is run: chains, warm-up steps, kept steps, seed, most doublings of a trajectory."""

    chains: int = 4
    warmup: int = 400
    samples: int = 400
    seed: int = 17
    depth: int = 8
    target: float = 0.85


@dataclass(frozen=True)
class Fit:
    """Draws of a fit.

    ``z`` (draws, free) coordinates of all parameters (fixed ones too), ``effects`` (draws, studies, 2) standard normal,
    ``log_density`` (draws, studies), ``chain`` (draws,), ``divergent``: number of divergent steps, ``rhat`` and ``ess``
    by free coordinate.
    """

    z: np.ndarray
    effects: np.ndarray
    log_density: np.ndarray
    chain: np.ndarray
    divergent: int
    rhat: np.ndarray = field(repr=False)
    ess: np.ndarray = field(repr=False)


def problem(
    space: Space, emulator: Emulator, likelihood: Likelihood, fixed: Mapping[str, float] | None = None
) -> Problem:
    """A problem; ``fixed`` holds coordinates that a rival does not free."""
    held = dict(fixed or {}) | dict.fromkeys(EFFECTS, 0.0)
    free = np.array([name not in held for name in space.names])
    values = np.array([held.get(name, 0.0) for name in space.names])
    return Problem(space, emulator, likelihood, free, values)


def coordinates(p: Problem, z: Any, effects: Any) -> Any:
    """What the networks see of each study, (studies, free): the coordinates, with the effects of the study.

    The scales of the effects do not stand among them: an effect is given at the scale the bank was made with.
    """
    at = [p.space.index(n) for n in EFFECTS]
    reach = jnp.stack([z[p.space.index(n)] for n in SCALES]) - SCALE_AT
    size = jnp.exp(jnp.asarray(effect_spread(p.space), jnp.float32) * reach)
    x = jnp.broadcast_to(z, (p.studies, z.shape[-1]))
    return x.at[:, jnp.array(at)].set(effects * size[None, :])


def log_density(p: Problem, z: Any, effects: Any) -> Any:
    """Log density of the figures of each study, (studies,)."""
    value, log_sd = predict_all(p.emulator.weights, coordinates(p, z, effects))
    return p.likelihood(value, log_sd)


def full(p: Problem, some: Any) -> Any:
    """All coordinates from the free ones."""
    return jnp.asarray(p.fixed, jnp.float32).at[np.flatnonzero(p.free)].set(some)


@contextmanager
def lenient() -> Iterator[None]:
    """JAX as the sampler's library expects it: integers and floats may meet."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


class Sampler:
    """NUTS for one problem; figures are compiled in once, weights of studies and the seed are given at each call."""

    def __init__(self, p: Problem, run: Chains) -> None:
        from numpyro.infer import MCMC, NUTS
        from numpyro.infer.initialization import init_to_value

        self._problem, self._run = p, run
        start = {"z": jnp.zeros(int(p.free.sum())), "effects": jnp.zeros((p.studies, 2))}
        kernel = NUTS(
            self._model,
            target_accept_prob=run.target,
            max_tree_depth=run.depth,
            init_strategy=init_to_value(values=start),
        )
        self._mcmc = MCMC(
            kernel,
            num_warmup=run.warmup,
            num_samples=run.samples,
            num_chains=run.chains,
            chain_method="vectorized",
            progress_bar=False,
            jit_model_args=True,
        )

    def _model(self, weights: Any) -> None:
        import numpyro
        from numpyro import distributions as dist

        p = self._problem
        some = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([int(p.free.sum())]).to_event(1))
        effects = numpyro.sample("effects", dist.Normal(0.0, 1.0).expand([p.studies, 2]).to_event(2))
        numpyro.factor("figures", jnp.sum(weights * log_density(p, full(p, some), effects)))

    def __call__(self, seed: int, weights: np.ndarray | None = None) -> Fit:
        """Draws; ``weights`` (studies,) multiply the log density of each study (0 leaves it out)."""
        p, run = self._problem, self._run
        w = jnp.ones(p.studies, jnp.float32) if weights is None else jnp.asarray(weights, jnp.float32)
        with lenient():
            self._mcmc.run(jax.random.key(seed), w, extra_fields=("diverging",))
        got = self._mcmc.get_samples(group_by_chain=True)
        divergent = int(np.sum(np.asarray(self._mcmc.get_extra_fields()["diverging"])))
        rhat, ess = convergence(np.asarray(got["z"]))
        flat = {k: jnp.asarray(v).reshape(-1, *v.shape[2:]) for k, v in got.items()}
        z = jax.vmap(partial(full, p))(flat["z"])
        density = jax.lax.map(lambda t: log_density(p, *t), (z, flat["effects"]))
        chain = np.repeat(np.arange(run.chains), run.samples)
        z, effects, density = (np.asarray(v, np.float64) for v in (z, flat["effects"], density))
        return Fit(z, effects, density, chain, divergent, rhat, ess)


def fit(p: Problem, run: Chains, weights: np.ndarray | None = None) -> Fit:
    """Draws of the posterior of a problem; ``weights`` as for ``Sampler``."""
    return Sampler(p, run)(run.seed, weights)


def convergence(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split R-hat and effective sample size of each coordinate; ``draws`` (chains, draws, coordinates)."""
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    return np.asarray(split_gelman_rubin(draws)), np.asarray(effective_sample_size(draws))
