"""An emulator of each study: a small network from parameter coordinates to the levels of the study.

Inputs are the coordinates that matter to the study (the others have no weight); outputs are the logit of each share and
the mean and log SD of each mean. Shares are learnt from the counts behind them (binomial loss), means and SDs from
their values with the precision the simulation gives them, so a bank of few patients a point teaches the same curve as
one of many, with more noise. Networks of all studies have one shape, so they are evaluated together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cotreat.calibrate.bank import StudyBank

Weights = dict[str, Any]
_TENTH = 10


@dataclass(frozen=True)
class TrainSettings:
    """How a network is made: units in each of two layers, steps of Adam, points in a step, largest step, decay."""

    width: int = 64
    steps: int = 12_000
    batch: int = 256
    rate: float = 3e-3
    decay: float = 5e-4
    seed: int = 5


@dataclass(frozen=True)
class Emulator:
    """Networks of all studies, stacked.

    ``weights``: arrays with a leading axis over studies. ``keys``: study ids. ``kept[s]``: which levels of study s can
    be simulated. ``most``: levels in the widest study. ``error`` (studies, most): standard deviation of the error of
    each level (share, or mean in points), and ``sd_error`` of each log SD; NaN where not assessed.
    """

    weights: Weights
    keys: tuple[str, ...]
    kept: np.ndarray
    is_mean: np.ndarray
    error: np.ndarray
    sd_error: np.ndarray

    @property
    def most(self) -> int:
        """Levels in the widest study."""
        return int(self.kept.shape[1])


def predict(weights: Weights, x: Any) -> tuple[Any, Any]:
    """Logits of shares or means, and log SDs, of one study at one point; ``x`` (free,), both results (levels,)."""
    h = jnp.tanh(x @ weights["w1"] + weights["b1"])
    h = h + jnp.tanh(h @ weights["w2"] + weights["b2"])
    out = h @ weights["w3"] + x @ weights["skip"] + weights["b3"]
    most = out.shape[-1] // 2
    value = weights["centre"] + weights["spread"] * out[..., :most]
    return value, weights["sd_centre"] + out[..., most:] * 0.3


def predict_many(weights: Weights, x: Any) -> tuple[Any, Any]:
    """The same at many points; ``x`` (points, free), both results (points, levels)."""
    return jax.vmap(predict, in_axes=(None, 0))(weights, x)


def predict_all(weights: Weights, x: Any) -> tuple[Any, Any]:
    """The same for all studies at once; ``x`` (studies, free), results (studies, levels)."""
    return jax.vmap(predict)(weights, x)


def train(
    banks: Sequence[StudyBank],
    settings: TrainSettings,
    progress: Callable[[int, int], None] | None = None,
    jobs: int = 1,
) -> Emulator:
    """Networks for all studies of a bank; their error is estimated on a tenth of the points held back.

    Each study is learnt alone, so the result does not depend on ``jobs``, the processes that learn.
    """
    most = max(len(b.table.levels) for b in banks)
    work = [(padded_data(b, most), _mask(b, banks[0].z.shape[1]), settings) for b in banks]
    found: dict[int, tuple[Weights, np.ndarray, np.ndarray]] = {}

    def done(s: int, result: tuple[Weights, np.ndarray, np.ndarray]) -> None:
        found[s] = result
        if progress is not None:
            progress(len(found), len(banks))

    if jobs == 1:
        for s, one in enumerate(work):
            done(s, _fit(*one))
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            waiting = {pool.submit(_fit, *one): s for s, one in enumerate(work)}
            for future in as_completed(waiting):
                done(waiting[future], future.result())
    made = [found[s] for s in range(len(banks))]
    return Emulator(
        {k: jnp.stack([m[0][k] for m in made]) for k in made[0][0]},
        tuple(b.study.id for b in banks),
        np.stack([one[0]["kept"] for one in work]),
        np.stack([one[0]["is_mean"] for one in work]),
        np.stack([m[1] for m in made]),
        np.stack([m[2] for m in made]),
    )


def with_error(emulator: Emulator, error: np.ndarray, sd_error: np.ndarray) -> Emulator:
    """The same networks with errors measured elsewhere."""
    return replace(emulator, error=error, sd_error=sd_error)


def _mask(bank: StudyBank, free: int) -> np.ndarray:
    mask = np.zeros(free, dtype=np.float32)
    mask[list(bank.matters)] = 1.0
    return mask


def padded_data(bank: StudyBank, most: int) -> dict[str, np.ndarray]:
    """Arrays of one shape: values, counts and SDs (draws, most), and which levels exist and are means."""
    n, k = bank.readings.value.shape
    out = {name: np.zeros((n, most), np.float32) for name in ("value", "count", "log_sd")}
    is_mean = np.zeros(most, bool)
    is_mean[:k] = [level.mean for level in bank.table.levels]
    r = bank.readings
    good = np.isfinite(r.value) & (r.count > 1.5)
    out["value"][:, :k] = np.where(good, r.value, 0.0)
    out["count"][:, :k] = np.where(good, r.count, 0.0)
    out["log_sd"][:, :k] = np.log(np.maximum(np.where(good, r.sd, 1.0), 0.1))
    kept = out["count"].sum(axis=0) > 0
    return out | {"is_mean": is_mean, "kept": kept, "z": bank.z.astype(np.float32)}


def _fit(
    data: dict[str, np.ndarray], mask: np.ndarray, settings: TrainSettings
) -> tuple[Weights, np.ndarray, np.ndarray]:
    value, count, is_mean, kept = data["value"], data["count"], data["is_mean"], data["kept"]
    total = np.maximum(count.sum(axis=0), 1.0)
    middle = (value * count).sum(axis=0) / total
    share = np.clip(middle, 0.002, 0.998)
    centre = np.where(is_mean, middle, np.log(share / (1 - share)))
    scatter = np.sqrt((count * (value - middle) ** 2).sum(axis=0) / total)
    spread = np.where(is_mean, np.maximum(scatter, 0.1), 1.0)
    sd_centre = (data["log_sd"] * count).sum(axis=0) / total
    free, most, width = data["z"].shape[1], value.shape[1], settings.width
    rng = np.random.default_rng(settings.seed)

    def layer(rows: int, columns: int, scale: float) -> np.ndarray:
        drawn = scale * rng.standard_normal((rows, columns)) / np.sqrt(max(float(mask.sum()), 1.0))
        return np.asarray(drawn, np.float32)

    start = {
        "w1": layer(free, width, 1.0) * mask[:, None],
        "b1": np.zeros(width, np.float32),
        "w2": (0.7 * rng.standard_normal((width, width)) / np.sqrt(width)).astype(np.float32),
        "b2": np.zeros(width, np.float32),
        "w3": np.zeros((width, 2 * most), np.float32),
        "skip": np.zeros((free, 2 * most), np.float32),
        "b3": np.zeros(2 * most, np.float32),
    }
    fixed = {
        "centre": centre.astype(np.float32),
        "spread": spread.astype(np.float32),
        "sd_centre": sd_centre.astype(np.float32),
        "is_mean": is_mean.astype(np.float32),
        "mask": mask,
    }
    held = np.arange(len(value)) % _TENTH == _TENTH - 1
    arrays = {k: jnp.asarray(data[k]) for k in ("z", "value", "count", "log_sd")}
    best = _adam(
        start, fixed, {k: v[~held] for k, v in arrays.items()}, {k: v[held] for k, v in arrays.items()}, settings
    )
    weights = {k: np.asarray(v) for k, v in {**best, **fixed}.items() if k not in ("mask", "is_mean")}
    weights["w1"] = weights["w1"] * mask[:, None]
    weights["skip"] = weights["skip"] * mask[:, None]
    error, sd_error = _held_error(weights, {k: np.asarray(v[held]) for k, v in arrays.items()}, is_mean, kept)
    return weights, error, sd_error


def refine(weights: Weights, data: dict[str, np.ndarray], is_mean: np.ndarray, settings: TrainSettings) -> Weights:
    """One network trained on from where it is; ``data`` as ``padded_data``, a tenth of it decides when to stop."""
    fixed = {k: np.asarray(weights[k]) for k in ("centre", "spread", "sd_centre")}
    mask = np.any(np.asarray(weights["w1"]) != 0, axis=1).astype(np.float32)
    start = {k: np.asarray(v) for k, v in weights.items() if k not in fixed}
    held = np.arange(len(data["z"])) % _TENTH == _TENTH - 1
    parts = [{k: jnp.asarray(data[k][m]) for k in ("z", "value", "count", "log_sd")} for m in (~held, held)]
    best = _adam(start, {**fixed, "is_mean": is_mean.astype(np.float32), "mask": mask}, *parts, settings)
    made = {k: np.asarray(v) for k, v in best.items()} | fixed
    return made | {k: made[k] * mask[:, None] for k in ("w1", "skip")}


def _held_error(
    weights: Weights, data: dict[str, np.ndarray], is_mean: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviation of the error on held-back points, with the noise of their simulation taken out."""
    raw, log_sd = (np.asarray(v) for v in predict_many(weights, jnp.asarray(data["z"])))
    return held_out_error((raw, log_sd), data, is_mean, kept)


def held_out_error(
    predicted: tuple[np.ndarray, np.ndarray], data: dict[str, np.ndarray], is_mean: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Error of predictions (points, levels) against simulated values with their counts.

    The mean square of the difference minus the variance of the simulation, floored at a tenth of that mean's own
    standard error so that chance cannot claim a perfect emulator.
    """
    raw, log_sd = predicted
    count = data["count"]
    some = count > 0
    n = np.maximum(count, 1.0)
    p = 1.0 / (1.0 + np.exp(-raw))
    guess = np.where(is_mean, raw, p)
    sd = np.exp(np.clip(log_sd, -3.0, 5.0))
    noise = np.where(is_mean, sd**2, np.maximum(p * (1 - p), 1e-4)) / n
    error = _root(np.where(some, (guess - data["value"]) ** 2 - noise, np.nan))
    sd_error = _root(np.where(some, (log_sd - data["log_sd"]) ** 2 - 0.5 / n, np.nan))
    return np.where(kept, error, np.nan), np.where(kept & is_mean, sd_error, np.nan)


def _root(squares: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        some = np.isfinite(squares)
        n = np.maximum(some.sum(axis=0), 1)
        mean = np.where(some, squares, 0.0).sum(axis=0) / n
        se = np.sqrt(np.where(some, (squares - mean) ** 2, 0.0).sum(axis=0)) / n
        return np.asarray(np.sqrt(np.maximum(mean, 0.1 * se)))


@partial(jax.jit, static_argnames=("settings",))
def _adam(start: Weights, fixed: Weights, data: Weights, held: Weights, settings: TrainSettings) -> Weights:
    """Adam with a cosine step, in forty rounds; the round with the least loss on held-back points wins."""
    start = {k: jnp.asarray(v) for k, v in start.items()}
    zeros = jax.tree.map(jnp.zeros_like, start)
    rounds, each = 40, max(1, settings.steps // 40)
    key = jax.random.key(settings.seed)
    count = data["z"].shape[0]

    def loss(w: Weights, some: Weights) -> Any:
        masked = {**w, **fixed, "w1": w["w1"] * fixed["mask"][:, None], "skip": w["skip"] * fixed["mask"][:, None]}
        raw, log_sd = predict_many(masked, some["z"])
        n, y, is_mean = some["count"], some["value"], fixed["is_mean"]
        binomial = n * (jax.nn.softplus(raw) - y * raw)
        sd = jax.lax.stop_gradient(jnp.exp(jnp.clip(log_sd, -2.0, 4.0)))
        normal = 0.5 * n * ((y - raw) / sd) ** 2 + n * (some["log_sd"] - log_sd) ** 2
        return jnp.sum(jnp.where(is_mean[None, :] > 0, normal, binomial)) / (some["z"].shape[0] * 48.0)

    def penalised(w: Weights, some: Weights) -> Any:
        return loss(w, some) + settings.decay * sum(jnp.sum(w[k] ** 2) for k in ("w1", "w2", "w3"))

    def one(carry: Any, i: Any) -> tuple[Any, None]:
        w, m, v = carry
        take = jax.random.randint(jax.random.fold_in(key, i), (settings.batch,), 0, count)
        grad = jax.grad(penalised)(w, {k: a[take] for k, a in data.items()})
        t = i.astype(jnp.float32) + 1.0
        rate = settings.rate * 0.5 * (1 + jnp.cos(jnp.pi * t / (rounds * each))) * jnp.minimum(1.0, t / 100.0)
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grad)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g**2, v, grad)
        w = jax.tree.map(lambda p, a, b: p - rate * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8), w, m, v)
        return (w, m, v), None

    def round_(carry: Any, r: Any) -> tuple[Any, None]:
        inner, best, least = carry
        inner, _ = jax.lax.scan(one, inner, r * each + jnp.arange(each))
        now = loss(inner[0], held)
        better = now < least
        best = jax.tree.map(lambda a, b: jnp.where(better, a, b), inner[0], best)
        return (inner, best, jnp.minimum(now, least)), None

    (_, best, _), _ = jax.lax.scan(round_, ((start, zeros, zeros), start, jnp.inf), jnp.arange(rounds))
    return dict(best)
