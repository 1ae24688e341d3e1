"""What a fit says about the figures of a study: the density of what was seen, and the distribution of each figure.

A study that is left out has effects of its own that nobody has seen, so they are drawn anew; a study in the fit has
those that were found. Each figure's distribution holds what is not known, the error of the emulator, and chance in a
trial of its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp, ndtri
from scipy.stats import qmc

from cotreat.calibrate.emulator import predict_all
from cotreat.calibrate.infer import Fit, Problem, coordinates, log_density, unseen_effects, with_tails
from cotreat.calibrate.levels import LevelTable
from cotreat.calibrate.terms import size_of, standard_error
from cotreat.evidence.schema import Study
from cotreat.studies.figures import SHAPES, design_effect

CONTRASTS = {"smd": "smd", "mean_difference": "difference", "risk_ratio": "log_rr", "odds_ratio": "log_or",
             "risk_difference": "risk_difference", "hazard_ratio": "log_hr"}  # fmt: skip


@dataclass(frozen=True)
class LevelDraws:
    """Levels of all studies under draws: shares or means (draws, studies, most) and SDs of means."""

    value: np.ndarray
    sd: np.ndarray


@dataclass(frozen=True)
class FigureDraws:
    """One figure: its observed value, draws of what a trial of its size would print, and their weights.

    ``expected``: the same without chance. ``scale``: standard error of the figure itself, by which misses are measured.
    """

    outcome: int
    observed: float | None
    draws: np.ndarray
    expected: np.ndarray
    scale: float


def thin(fit: Fit, count: int) -> np.ndarray:
    """Indices of ``count`` draws, evenly spaced."""
    return np.unique(np.linspace(0, len(fit.z) - 1, min(count, len(fit.z))).round().astype(int))


def nodes(count: int, dimensions: int, seed: int = 3) -> np.ndarray:
    """Standard normal points, evenly spread, for effects of a study nobody has seen, (count, dimensions)."""
    u = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random(count)
    return np.asarray(ndtri(np.clip(u, 1e-6, 1 - 1e-6)))


def marginal_density(p: Problem, fit: Fit, take: np.ndarray, count: int = 128) -> np.ndarray:
    """Log density of the figures of each study with its effects integrated out, (draws, studies)."""
    normal = nodes(count, p.effects)
    group = np.array([0, 0, *(1 + g for _, g in p.space.strengths)])

    def one(draw: Any) -> Any:
        z, reach = draw
        at = with_tails(jnp.asarray(normal, jnp.float32)) * jnp.concatenate([jnp.ones(1), reach])[group][None, :]
        each = jax.vmap(lambda e: log_density(p, z, jnp.broadcast_to(e, (p.studies, p.effects))))(at)
        return jax.nn.logsumexp(each, axis=0) - jnp.log(count)

    given = (jnp.asarray(fit.z[take], jnp.float32), jnp.asarray(fit.reach[take], jnp.float32))
    return np.asarray(jax.lax.map(jax.jit(one), given), np.float64)


def levels(p: Problem, fit: Fit, take: np.ndarray, *, new_study: bool, seed: int = 1) -> LevelDraws:
    """Levels of all studies under draws of a fit, with the effects found or with those of a new study."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((len(take), p.studies, p.effects))
    effects = unseen_effects(p, fit.reach[take], normal) if new_study else fit.effects[take]

    def one(draw: Any) -> Any:
        z, e = draw
        return predict_all(p.emulator.weights, coordinates(p, z, e))

    given = (fit.z[take], effects)
    value, log_sd = jax.lax.map(jax.jit(one), tuple(jnp.asarray(v, jnp.float32) for v in given))
    value, sd = np.asarray(value, np.float64), np.exp(np.clip(np.asarray(log_sd, np.float64), -3, 5))
    share = 1.0 / (1.0 + np.exp(-value))
    return LevelDraws(np.where(p.emulator.is_mean[None], value, share), sd)


def figures(
    study: Study, table: LevelTable, draws: LevelDraws, s: int, errors: tuple[np.ndarray, np.ndarray], seed: int = 2
) -> list[FigureDraws]:
    """The distribution of every figure of study ``s`` that has a level; ``errors`` of the emulator (studies, most)."""
    rng = np.random.default_rng([seed, s])
    out = []
    for i, outcome in enumerate(study.outcomes):
        places = table.of_outcome[i]
        if not places or np.isnan(errors[0][s, list(places)]).any():
            continue
        values = [_with_error(draws, s, j, table, errors, rng) for j in places]
        if outcome.kind == "proportion":
            made = _share(study, i, values[0], rng)
        elif outcome.kind == "score":
            made = _mean(study, i, values[0], draws.sd[:, s, places[0]], rng)
        else:
            sds = [draws.sd[:, s, j] for j in places]
            made = _contrast(study, i, (values[0], values[1]), (sds[0], sds[1]), rng)
        if made is not None:
            out.append(made)
    return out


def _with_error(
    draws: LevelDraws,
    s: int,
    j: int,
    table: LevelTable,
    errors: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    value = draws.value[:, s, j]
    moved = value + errors[0][s, j] * rng.standard_normal(len(value))
    return np.asarray(moved if table.levels[j].mean else np.clip(moved, 1e-4, 1 - 1e-4))


def _share(study: Study, i: int, p: np.ndarray, rng: np.random.Generator) -> FigureDraws | None:
    outcome = study.outcomes[i]
    n = size_of(study, outcome)
    if n is None:
        return None
    q = rng.beta(np.maximum(SHAPES * p, 1e-3), np.maximum(SHAPES * (1 - p), 1e-3))
    count = rng.binomial(max(round(n), 1), q)
    # a count is spread over its cell, so that ties with the observed count do not decide
    shown = (count + rng.uniform(-0.5, 0.5, len(count))) / max(round(n), 1)
    seen = outcome.observed
    r = np.clip(seen if seen is not None else float(np.mean(p)), 0.5 / n, 1 - 0.5 / n)
    return FigureDraws(i, seen, shown, p, float(np.sqrt(r * (1 - r) / n)))


def _mean(study: Study, i: int, m: np.ndarray, sd: np.ndarray, rng: np.random.Generator) -> FigureDraws | None:
    outcome = study.outcomes[i]
    n = size_of(study, outcome)
    se = standard_error(study, outcome)
    if n is None or se is None:
        return None
    wide = np.sqrt(design_effect(n))
    noise = sd / np.sqrt(n) if outcome.sd is None and outcome.ci95 is None and outcome.se is None else se
    return FigureDraws(i, outcome.observed, m + wide * noise * rng.standard_normal(len(m)), m, se)


def _contrast(
    study: Study,
    i: int,
    values: tuple[np.ndarray, np.ndarray],
    sds: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> FigureDraws | None:
    outcome = study.outcomes[i]
    kind = CONTRASTS.get(outcome.measure)
    se = standard_error(study, outcome)
    if kind is None:
        return None
    a, b = values
    centre = contrast(kind, a, b, sds)
    error = np.asarray(expected_error(kind, (a, b), sds, sides(study, i)) if se is None else se)
    n = (size_of(study, outcome) or 2.0) / 2.0
    noise = error * np.sqrt(design_effect(n)) * rng.standard_normal(len(a))
    observed = outcome.observed
    if observed is not None and kind.startswith("log_"):
        observed = float(np.log(max(observed, 1e-3)))
    return FigureDraws(i, observed, centre + noise, centre, float(np.mean(error)))


def contrast(kind: str, a: np.ndarray, b: np.ndarray, sds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """A contrast of two levels, ratios as logarithms."""
    if kind in ("difference", "risk_difference"):
        return np.asarray(a - b)
    if kind == "smd":
        return np.asarray((b - a) / np.maximum(np.sqrt((sds[0] ** 2 + sds[1] ** 2) / 2), 0.1))
    p, q = np.clip(a, 1e-3, 1 - 1e-3), np.clip(b, 1e-3, 1 - 1e-3)
    if kind == "log_rr":
        return np.asarray(np.log(p / q))
    if kind == "log_or":
        return np.asarray(np.log(p / (1 - p)) - np.log(q / (1 - q)))
    return np.asarray(np.log(-np.log1p(-p)) - np.log(-np.log1p(-q)))


def expected_error(
    kind: str, values: tuple[np.ndarray, np.ndarray], sds: tuple[np.ndarray, np.ndarray], sizes: tuple[float, float]
) -> np.ndarray:
    """Standard error that a contrast would have in a trial of these sizes."""
    (a, b), (n, m) = values, sizes
    if kind == "difference":
        return np.asarray(np.sqrt(sds[0] ** 2 / n + sds[1] ** 2 / m))
    if kind == "smd":
        return np.full(len(a), np.sqrt(1 / n + 1 / m))
    p, q = np.clip(a, 0.02, 0.98), np.clip(b, 0.02, 0.98)
    if kind == "risk_difference":
        return np.asarray(np.sqrt(p * (1 - p) / n + q * (1 - q) / m))
    if kind == "log_or":
        return np.asarray(np.sqrt(1 / (n * p * (1 - p)) + 1 / (m * q * (1 - q))))
    if kind == "log_rr":
        return np.asarray(np.sqrt((1 - p) / (p * n) + (1 - q) / (q * m)))
    return np.asarray(np.sqrt(1 / (n * p) + 1 / (m * q)))


def sides(study: Study, i: int) -> tuple[float, float]:
    """Patients on each side of a contrast."""
    outcome = study.outcomes[i]
    one, two = (float(sum(study.arms[k].n or 0 for k in keys)) for keys in (outcome.arms, outcome.reference_arms))
    if not one or not two:
        total = size_of(study, outcome) or 2.0
        return total / 2, total / 2
    return one, two


def quantiles(draws: np.ndarray, weights: np.ndarray, at: Sequence[float]) -> np.ndarray:
    """Weighted quantiles."""
    order = np.argsort(draws)
    cumulative = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.asarray(np.interp(np.asarray(at) * weights.sum(), cumulative, draws[order]))


def place(draws: np.ndarray, weights: np.ndarray, observed: float) -> float:
    """Share of the distribution below what was observed."""
    return float((weights * (draws < observed)).sum() / weights.sum() + 0.5 * (weights * (draws == observed)).sum())


def crps(draws: np.ndarray, weights: np.ndarray, observed: float) -> float:
    """Continuous ranked probability score of weighted draws."""
    w = weights / weights.sum()
    order = np.argsort(draws)
    x, w = draws[order], w[order]
    before = np.cumsum(w) - w
    spread = float(2 * (w * x * (before + 0.5 * w - 0.5)).sum())  # half the mean absolute difference of two draws
    return float((w * np.abs(draws[order] - observed)).sum()) - spread


def log_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Logarithm of the mean of exponentials."""
    return np.asarray(logsumexp(values, axis=axis) - np.log(values.shape[axis]))
