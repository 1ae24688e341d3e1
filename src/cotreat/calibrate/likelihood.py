"""The likelihood of all studies, as arrays: levels in, one log density for each study out.

Counts are Dirichlet-multinomial, means and contrasts normal; the error of the emulator is added to both. A term's
weight is its power. The density of a study is that of its terms with their normalising constants, so that densities of
left-out studies can be compared between models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from cotreat.calibrate.terms import KINDS, Block, Chain, StudyTerms
from cotreat.studies.figures import OVERDISPERSION

_TINY = 1e-4


@dataclass(frozen=True)
class Likelihood:
    """Terms of all studies in arrays.

    Levels are numbered study * most + level. ``chains``: arrays of the multinomial terms, ``items`` of the normal ones,
    ``whiten`` (items, items) the inverse Cholesky factor of their covariance (by blocks).
    """

    studies: tuple[str, ...]
    cohorts: tuple[str, ...]
    most: int
    chains: dict[str, np.ndarray]
    items: dict[str, np.ndarray]
    whiten: np.ndarray
    constants: np.ndarray

    def __call__(self, value: Any, log_sd: Any) -> Any:
        """Log density of each study; ``value`` and ``log_sd`` (studies, most) as the emulator gives them."""
        flat, spread = value.reshape(-1), log_sd.reshape(-1)
        total = jnp.asarray(self.constants)
        if len(self.chains["study"]):
            total = total.at[self.chains["study"]].add(chain_density(self.chains, flat))
        if len(self.items["study"]):
            residual = item_values(self.items, flat, spread) - self.items["observed"]
            terms = -0.5 * self.items["weight"] * (self.whiten @ residual) ** 2
            total = total.at[self.items["study"]].add(terms)
        return total


def build(terms: Sequence[StudyTerms], error: np.ndarray, sd_error: np.ndarray) -> Likelihood:
    """Arrays of the terms; ``error`` and ``sd_error`` (studies, most) of the emulator, NaN counts as none."""
    most = error.shape[1]
    studies = tuple(t.study for t in terms)
    error, sd_error = np.nan_to_num(error), np.nan_to_num(sd_error)
    chains = [(s, c) for s, t in enumerate(terms) for c in t.chains]
    blocks = [(s, b) for s, t in enumerate(terms) for b in t.blocks]
    constants = np.zeros(len(studies))
    whiten, items = _normal_part(blocks, most, error, sd_error, constants)
    return Likelihood(
        studies,
        tuple(t.cohort for t in terms),
        most,
        _chain_part(chains, most, error),
        items,
        whiten,
        constants.astype(np.float32),
    )


def _chain_part(chains: list[tuple[int, Chain]], most: int, error: np.ndarray) -> dict[str, np.ndarray]:
    longest = max((len(c.levels) for _, c in chains), default=1)
    rows = len(chains)
    out: dict[str, np.ndarray] = {
        "study": np.array([s for s, _ in chains], np.int32),
        "level": np.zeros((rows, longest), np.int32),
        "inverted": np.array([c.inverted for _, c in chains], bool),
        "counts": np.zeros((rows, longest + 1), np.float32),
        "real": np.zeros((rows, longest + 1), np.float32),
        "weight": np.array([c.weight for _, c in chains], np.float32),
        "concentration": np.zeros(rows, np.float32),
    }
    for r, (s, c) in enumerate(chains):
        k = len(c.levels)
        out["level"][r, :k] = [s * most + j for j in c.levels]
        out["level"][r, k:] = out["level"][r, k - 1]
        out["counts"][r, : k + 1] = c.counts
        out["real"][r, : k + 1] = 1.0
        n = max(sum(c.counts), 1.0)
        p = np.clip(np.cumsum(c.counts)[:-1] / n, 0.05, 0.95)
        extra = max(float(error[s, j]) ** 2 / (q * (1 - q)) for j, q in zip(c.levels, p, strict=True))
        rho = min(OVERDISPERSION + extra, 0.5)
        out["concentration"][r] = (1 - rho) / rho
    return out


def chain_cells(chains: dict[str, np.ndarray], flat: Any) -> Any:
    """Cell probabilities (chains, cells) of the multinomial terms; cells that are not real are 0."""
    p = jax.nn.sigmoid(flat[chains["level"]])
    p = jnp.where(chains["inverted"][:, None], 1.0 - p, p)
    p = jnp.clip(jax.lax.cummax(p, axis=1), _TINY, 1.0 - _TINY)
    # cells after the last level are closed: the last real cell is what is left
    longest = p.shape[1]
    count = chains["real"].sum(axis=1).astype(np.int32) - 1
    inside = np.arange(longest)[None, :] < count[:, None]
    p = jnp.where(inside, p, 1.0)
    edges = jnp.concatenate([jnp.zeros((p.shape[0], 1)), p, jnp.ones((p.shape[0], 1))], axis=1)
    cells = jnp.maximum(jnp.diff(edges, axis=1), _TINY) * chains["real"]
    return cells / cells.sum(axis=1, keepdims=True)


def chain_density(chains: dict[str, Any], flat: Any) -> Any:
    """Log density of each multinomial term, to the power of its weight."""
    cells = chain_cells(chains, flat)
    a = chains["concentration"][:, None] * cells
    n, total = chains["counts"], chains["concentration"]
    safe = jnp.where(chains["real"] > 0, a, 1.0)
    each = gammaln(n + safe) - gammaln(safe) - gammaln(n + 1.0)
    size = n.sum(axis=1)
    all_ = gammaln(total) - gammaln(total + size) + gammaln(size + 1.0)
    return chains["weight"] * (all_ + jnp.sum(each * chains["real"], axis=1))


def _normal_part(
    blocks: list[tuple[int, Block]], most: int, error: np.ndarray, sd_error: np.ndarray, constants: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    total = sum(len(b.kinds) for _, b in blocks)
    whiten = np.zeros((total, total), np.float32)
    rows: dict[str, list[float]] = {k: [] for k in ("study", "kind", "first", "second", "observed", "weight")}
    at = 0
    for s, b in blocks:
        k = len(b.kinds)
        extra = np.array([_extra(b, i, error[s], sd_error[s]) for i in range(k)])
        factor = np.linalg.cholesky(b.covariance + np.diag(extra + 1e-9))
        whiten[at : at + k, at : at + k] = np.linalg.inv(factor)
        constants[s] -= b.weight * (np.log(np.diag(factor)).sum() + 0.5 * k * np.log(2 * np.pi))
        at += k
        for i in range(k):
            rows["study"].append(s)
            rows["kind"].append(KINDS.index(b.kinds[i]))
            rows["first"].append(s * most + b.first[i])
            rows["second"].append(s * most + max(b.second[i], 0))
            rows["observed"].append(b.observed[i])
            rows["weight"].append(b.weight)
    whole = ("study", "kind", "first", "second")
    return whiten, {k: np.array(v, np.int32 if k in whole else np.float32) for k, v in rows.items()}


def _extra(b: Block, i: int, error: np.ndarray, sd_error: np.ndarray) -> float:
    """Variance that the emulator adds to an item, roughly for contrasts of shares."""
    one, two = error[b.first[i]], error[b.second[i]] if b.second[i] >= 0 else 0.0
    kind = b.kinds[i]
    if kind == "log_sd":
        return float(sd_error[b.first[i]] ** 2)
    if kind in ("mean", "difference", "risk_difference"):
        return float(one**2 + two**2)
    if kind == "smd":
        return float((one**2 + two**2) / 100.0)
    return float((one**2 + two**2) / 0.2**2)


def item_values(items: dict[str, np.ndarray], flat: Any, spread: Any) -> Any:
    """Values of the normal items, (items,), on the scale they are compared on."""
    a, b = flat[items["first"]], flat[items["second"]]
    sa, sb = spread[items["first"]], spread[items["second"]]
    p = jnp.clip(jax.nn.sigmoid(a), _TINY, 1 - _TINY)
    q = jnp.clip(jax.nn.sigmoid(b), _TINY, 1 - _TINY)
    pooled = jnp.sqrt(0.5 * (jnp.exp(2 * sa) + jnp.exp(2 * sb)))
    choices = jnp.stack(
        [
            a,
            sa,
            a - b,
            (b - a) / jnp.maximum(pooled, 0.1),
            jnp.log(p / q),
            jnp.log(p / (1 - p)) - jnp.log(q / (1 - q)),
            p - q,
            jnp.log(-jnp.log1p(-p)) - jnp.log(-jnp.log1p(-q)),
        ]
    )
    return jnp.take_along_axis(choices, jnp.asarray(items["kind"])[None, :], axis=0)[0]
