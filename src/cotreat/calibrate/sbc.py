"""Simulation-based calibration: does the inference recover what it was given?

Parameters and study effects are drawn from their priors, figures from the likelihood at the emulator, and the fit is
made to those figures. Over many rounds the rank of the true coordinate among the draws is then uniform (Talts 2018).
Terms have full weight here: a power of a likelihood has no data of its own. What is tested is the arithmetic of the
likelihood and the sampler, not whether the model is true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import chi2

from cotreat.calibrate.bank import write_arrays
from cotreat.calibrate.emulator import predict_all
from cotreat.calibrate.infer import Problem, coordinates, full, lenient, reach_of, sample_unknowns, unseen_effects
from cotreat.calibrate.likelihood import chain_cells, chain_density, item_values
from cotreat.calibrate.space import STRENGTHS

BINS = 8
FALSE_ALARM = 0.01
_KEPT = 63


@dataclass(frozen=True)
class Ranks:
    """Ranks of true coordinates, (rounds, coordinates), each from 0 to 63. ``names`` of the coordinates."""

    names: tuple[str, ...]
    ranks: np.ndarray
    divergent: int

    def statistics(self) -> np.ndarray:
        """Chi-square of each coordinate's histogram against the uniform one."""
        counts = np.stack([np.bincount(r * BINS // (_KEPT + 1), minlength=BINS) for r in self.ranks.T])
        expected = len(self.ranks) / BINS
        return np.asarray(((counts - expected) ** 2 / expected).sum(axis=1))

    def summary(self) -> dict[str, Any]:
        """Inside the band: no coordinate's histogram beyond its threshold, which all pass together in 99 of 100."""
        found = self.statistics()
        threshold = float(chi2.ppf((1 - FALSE_ALARM) ** (1 / len(found)), BINS - 1))
        worst = int(np.argmax(found))
        return {
            "rounds": len(self.ranks), "coordinates": len(found), "bins": BINS, "false_alarm": FALSE_ALARM,
            "threshold": round(threshold, 2), "worst": self.names[worst], "largest": round(float(found[worst]), 2),
            "inside": bool(found[worst] <= threshold), "divergent": self.divergent,
            "histogram": np.bincount((self.ranks * BINS // (_KEPT + 1)).ravel(), minlength=BINS).tolist(),
        }  # fmt: skip


def simulate_figures(p: Problem, z: np.ndarray, effects: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Counts and normal items of a world with these coordinates."""
    lik = p.likelihood
    value, log_sd = predict_all(p.emulator.weights, coordinates(p, jnp.asarray(z, jnp.float32), jnp.asarray(effects)))
    flat, spread = value.reshape(-1), log_sd.reshape(-1)
    cells = np.asarray(chain_cells(lik.chains, flat), np.float64)
    alpha = np.maximum(lik.chains["concentration"][:, None] * cells, 1e-6)
    gamma = rng.gamma(alpha) * lik.chains["real"]
    shares = gamma / np.maximum(gamma.sum(axis=1, keepdims=True), 1e-12)
    sizes = np.maximum(np.rint(lik.chains["counts"].sum(axis=1)), 1).astype(int)
    counts = np.stack([rng.multinomial(n, s / s.sum()) for n, s in zip(sizes, shares, strict=True)]).astype(np.float32)
    centre = np.asarray(item_values(lik.items, flat, spread), np.float64)
    noise = np.linalg.solve(lik.whiten.astype(np.float64), rng.standard_normal(len(centre)))
    return {"counts": counts, "observed": (centre + noise).astype(np.float32)}


def ranks(p: Problem, rounds: int, seed: int, tell: Callable[[str], None], folder: Path | None = None) -> Ranks:
    """Ranks of the free coordinates over ``rounds`` worlds; with a ``folder`` each finished world is kept there."""
    import numpyro
    from numpyro.infer import MCMC, NUTS

    free = int(p.free.sum())

    def model(counts: Any, observed: Any) -> None:
        some, effects, _ = sample_unknowns(p)
        value, log_sd = predict_all(p.emulator.weights, coordinates(p, full(p, some), effects))
        flat, spread = value.reshape(-1), log_sd.reshape(-1)
        chains = {**p.likelihood.chains, "counts": counts, "weight": np.ones(len(counts), np.float32)}
        residual = p.likelihood.whiten @ (item_values(p.likelihood.items, flat, spread) - observed)
        numpyro.factor("figures", jnp.sum(chain_density(chains, flat)) - 0.5 * jnp.sum(residual**2))

    mcmc = MCMC(
        NUTS(model, target_accept_prob=0.8, max_tree_depth=7),
        num_warmup=150, num_samples=3 * _KEPT, thinning=3, num_chains=1, progress_bar=False, jit_model_args=True,
    )  # fmt: skip

    def world(k: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([seed, k])
        truth, raw = rng.standard_normal(free), rng.standard_normal(len(STRENGTHS))
        effects = unseen_effects(p, np.asarray(reach_of(raw)), rng.standard_normal((p.studies, p.effects)))
        seen = simulate_figures(p, np.asarray(full(p, truth)), effects, rng)
        with lenient():
            mcmc.run(jax.random.key(seed + k), seen["counts"], seen["observed"], extra_fields=("diverging",))
        got = mcmc.get_samples()
        drawn, true = np.concatenate([got["z"], got["reach"]], axis=1), np.concatenate([truth, raw])
        diverging = np.sum(np.asarray(mcmc.get_extra_fields()["diverging"]))
        return {"ranks": (drawn < true).sum(axis=0), "divergent": np.array(int(diverging))}

    out, divergent = [], 0
    for k in range(rounds):
        path = None if folder is None else folder / f"world-{seed}-{k:03d}.npz"
        if path is None or not path.is_file():
            found = world(k)
            if path is not None:
                write_arrays(path, found)
        else:
            with np.load(path, allow_pickle=False) as data:
                found = {name: data[name] for name in data.files}
        out.append(found["ranks"])
        divergent += int(found["divergent"])
        tell(f"simulation-based calibration: {k + 1} of {rounds}")
    names = tuple(n for n, f in zip(p.space.names, p.free, strict=True) if f)
    return Ranks((*names, *(f"between studies: {g}" for g in STRENGTHS)), np.array(out), divergent)
