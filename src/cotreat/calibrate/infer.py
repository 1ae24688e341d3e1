"""Inference: the parameters and the effects of studies, given all figures, by NUTS on the emulator.

The coordinates of the parameters and of the study effects are standard normal beforehand. A study shifts two levels of
its patients (how they answer placebo, and how resistant they are) and the strengths of the treatments it gives, as far
as the SDs of these shifts say, which are found too. Rivals hold some coordinates fixed.
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
from cotreat.calibrate.space import EFFECTS, HETEROGENEITY, SCALE_AT, SCALES, STRENGTHS, Space, effect_spread

TAILS = 0.6
"""Shifts are sinh(0.6 x) / 0.6 of a standard normal x: tails about those of a t distribution with five degrees."""


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

    @property
    def effects(self) -> int:
        """Effects of a study: two levels, and one shift for each strength."""
        return len(EFFECTS) + len(self.space.strengths)


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

    ``z`` (draws, free) coordinates of all parameters (fixed ones too), ``effects`` (draws, studies, effects): two
    standard normal numbers, then shifts of strengths; ``reach`` (draws, groups): how far these shifts reach.
    ``log_density`` (draws, studies), ``chain`` (draws,), ``divergent``: number of divergent steps, ``rhat`` and ``ess``
    by free coordinate and group.
    """

    z: np.ndarray
    effects: np.ndarray
    reach: np.ndarray
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
    """What the networks see of each study, (studies, free): the coordinates, with the ``effects`` of the study.

    The scales of the effects do not stand among them: an effect is given at the scale the bank was made with.
    """
    at = [p.space.index(n) for n in EFFECTS]
    reach = jnp.stack([z[p.space.index(n)] for n in SCALES]) - SCALE_AT
    size = jnp.exp(jnp.asarray(effect_spread(p.space), jnp.float32) * reach)
    x = jnp.broadcast_to(z, (p.studies, z.shape[-1]))
    x = x.at[:, jnp.array(at)].set(effects[:, : len(at)] * size[None, :])
    moved = jnp.array([j for j, _ in p.space.strengths])
    return x.at[:, moved].add(effects[:, len(at) :])


def reach_of(raw: Any) -> Any:
    """SDs of the shifts of strengths, (groups,), from standard normal numbers."""
    return HETEROGENEITY[0] * jnp.exp(HETEROGENEITY[1] * raw)


def unseen_effects(p: Problem, reach: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Effects of studies nobody has seen; ``reach`` (..., groups), ``normal`` (..., studies, effects) standard."""
    group = np.array([g for _, g in p.space.strengths])
    size = np.concatenate([np.ones((*reach.shape[:-1], len(EFFECTS))), reach[..., group]], axis=-1)
    return np.asarray(with_tails(normal, np) * size[..., None, :])


def with_tails(normal: Any, array: Any = jnp) -> Any:
    """Standard normal numbers of the effects, those of the shifts with heavier tails: a few studies differ by much."""
    at = len(EFFECTS)
    return array.concatenate([normal[..., :at], array.sinh(TAILS * normal[..., at:]) / TAILS], axis=-1)


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


def unseen_points(p: Problem, made: Fit, seed: int) -> np.ndarray:
    """Coordinates (draws, free) of draws with the strengths that treatments have in a study nobody has seen."""
    normal = np.random.default_rng(seed).standard_normal((len(made.z), 1, p.effects))
    shift = unseen_effects(p, made.reach, normal)[:, 0, len(EFFECTS) :]
    z = made.z.copy()
    z[:, [j for j, _ in p.space.strengths]] += shift
    return z


def sample_unknowns(p: Problem) -> tuple[Any, Any, Any]:
    """Everything unknown, as the sampler's library declares it: free coordinates, effects of studies, raw reach."""
    import numpyro
    from numpyro import distributions as dist

    def normal(name: str, *shape: int) -> Any:
        return numpyro.sample(name, dist.Normal(0.0, 1.0).expand(list(shape)).to_event(len(shape)))

    some, raw = normal("z", int(p.free.sum())), normal("reach", len(STRENGTHS))
    own = normal("effects", p.studies, p.effects)
    group = jnp.array([g for _, g in p.space.strengths])
    size = jnp.concatenate([jnp.ones(len(EFFECTS)), reach_of(raw)[group]])
    return some, with_tails(own) * size[None, :], raw


class Sampler:
    """NUTS for one problem; figures are compiled in once, weights of studies and the seed are given at each call.

    ``near``: draws of a fit that is much the same (of another rival, or with a cohort more). The chains begin at some
    of them, and steps are scaled by their covariance, so that a short warm-up is enough.
    """

    def __init__(self, p: Problem, run: Chains, near: Fit | None = None) -> None:
        from numpyro.infer import MCMC, NUTS
        from numpyro.infer.initialization import init_to_value

        self._problem, self._run = p, run
        start = {
            "z": jnp.zeros(int(p.free.sum())),
            "reach": jnp.zeros(len(STRENGTHS)),
            "effects": jnp.zeros((p.studies, p.effects)),
        }
        how: dict[str, Any] = {}
        self._begin: Any = None
        if near is not None:
            raw = _raw(p, near)
            take = np.linspace(0, len(near.z) - 1, run.chains + 2).round().astype(int)[1:-1]
            self._begin = {k: jnp.asarray(v[take], jnp.float32) for k, v in raw.items()}
            how = {"inverse_mass_matrix": _scales(raw), "adapt_mass_matrix": False, "dense_mass": [("z",)]}
        kernel = NUTS(
            self._model,
            target_accept_prob=run.target,
            max_tree_depth=run.depth,
            init_strategy=init_to_value(values=start),
            **how,
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

        p = self._problem
        some, effects, _ = sample_unknowns(p)
        numpyro.factor("figures", jnp.sum(weights * log_density(p, full(p, some), effects)))

    def __call__(self, seed: int, weights: np.ndarray | None = None) -> Fit:
        """Draws; ``weights`` (studies,) multiply the log density of each study (0 leaves it out)."""
        p, run = self._problem, self._run
        w = jnp.ones(p.studies, jnp.float32) if weights is None else jnp.asarray(weights, jnp.float32)
        with lenient():
            self._mcmc.run(jax.random.key(seed), w, extra_fields=("diverging",), init_params=self._begin)
        got = self._mcmc.get_samples(group_by_chain=True)
        divergent = int(np.sum(np.asarray(self._mcmc.get_extra_fields()["diverging"])))
        rhat, ess = convergence(np.concatenate([got["z"], got["reach"]], axis=-1))
        flat = {k: np.asarray(v, np.float64).reshape(-1, *v.shape[2:]) for k, v in got.items()}
        z = jax.vmap(partial(full, p))(jnp.asarray(flat["z"], jnp.float32))
        reach = np.asarray(reach_of(flat["reach"]))
        effects = unseen_effects(p, reach, flat["effects"])
        density = jax.lax.map(lambda t: log_density(p, *t), (z, jnp.asarray(effects, jnp.float32)))
        chain = np.repeat(np.arange(run.chains), run.samples)
        return Fit(
            np.asarray(z, np.float64), effects, reach, np.asarray(density, np.float64), chain, divergent, rhat, ess
        )


def _raw(p: Problem, made: Fit) -> dict[str, np.ndarray]:
    """Draws of a fit as the standard normal numbers that the sampler moves."""
    ones = np.ones((len(made.z), 1, p.effects))
    size = unseen_effects(p, made.reach, ones)[:, :1] / with_tails(ones, np)
    at = len(EFFECTS)
    own = made.effects / size
    own[..., at:] = np.arcsinh(TAILS * own[..., at:]) / TAILS
    return {"z": made.z[:, p.free], "reach": np.log(made.reach / HETEROGENEITY[0]) / HETEROGENEITY[1], "effects": own}


def _scales(raw: Mapping[str, np.ndarray]) -> dict[tuple[str, ...], Any]:
    """Covariance of the parameters, a tenth of it taken off their correlations, and variances of the rest."""
    found: dict[tuple[str, ...], Any] = {}
    for name in ("reach", "effects"):
        found[(name,)] = jnp.asarray(np.maximum(raw[name].var(axis=0).ravel(), 1e-3), jnp.float32)
    cover = np.cov(raw["z"].T).reshape(raw["z"].shape[1], -1)
    cover = 0.9 * cover + 0.1 * np.diag(np.diag(cover)) + 1e-3 * np.eye(len(cover))
    found[("z",)] = jnp.asarray(cover, jnp.float32)
    return found


def fit(p: Problem, run: Chains, weights: np.ndarray | None = None, near: Fit | None = None) -> Fit:
    """Draws of the posterior of a problem; ``weights`` and ``near`` as for ``Sampler``."""
    return Sampler(p, run, near)(run.seed, weights)


def convergence(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split R-hat and effective sample size of each coordinate; ``draws`` (chains, draws, coordinates)."""
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    return np.asarray(split_gelman_rubin(draws)), np.asarray(effective_sample_size(draws))
