"""An emulator of the studies: a network from the coordinates of parameters to the levels of each study.

All studies share two hidden layers, since all are treatments of the same model of a patient; how strongly a study takes
each coordinate, and the last layer of each of its levels, are its own. A study sees only coordinates that matter to it.
Outputs are the logit of each share and the mean and log SD of each mean. Shares are learnt from the counts behind them
(binomial loss), means and SDs from their values with the precision the simulation gives them, so a bank of few patients
a point teaches the same curve as one of many, with more noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cotreat.calibrate.bank import StudyBank

Weights = dict[str, Any]
Progress = Callable[[int, int], None]
_TENTH = 10
_ROUNDS = 40
_GAIN = 0.1
_LOG_SD = 0.3
_NOT_BINOMIAL = 0.5
_LEARNT = ("w1", "scale", "b1", "gain", "w2", "b2", "w3", "skip", "b3")


@dataclass(frozen=True)
class TrainSettings:
    """How the networks are made.

    ``width``: units in each of two shared layers; ``steps`` of Adam, ``batch`` points in a step, each for all studies;
    ``rate``: largest step; ``decay``: half the prior precision of a weight of the last layer; ``seed``.
    """

    width: int = 128
    steps: int = 10_000
    batch: int = 96
    rate: float = 2e-3
    decay: float = 48.0
    seed: int = 5


@dataclass(frozen=True)
class Emulator:
    """Networks of all studies.

    ``weights``: arrays, those of a study's own with a leading axis over studies. ``keys``: study ids. ``kept[s]``:
    which levels of study s can be simulated. ``most``: levels in the widest study. ``error`` (studies, most): standard
    deviation of the error of each level (share, or mean in points), and ``sd_error`` of each log SD; NaN where not
    assessed.
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


@dataclass(frozen=True)
class Lesson:
    """What networks learn from: points ``x`` (points, free), or (points, studies, free) where each study has its own.

    ``value``, ``count``, ``log_sd``: (points, studies, most); a count of 0 is nothing simulated.
    """

    x: np.ndarray
    value: np.ndarray
    count: np.ndarray
    log_sd: np.ndarray

    def some(self, take: Any) -> Lesson:
        """Some of the points."""
        return Lesson(self.x[take], self.value[take], self.count[take], self.log_sd[take])


def joined(lessons: Sequence[Lesson]) -> Lesson:
    """Lessons as one."""
    return Lesson(*(np.concatenate([getattr(lesson, f.name) for lesson in lessons]) for f in fields(Lesson)))


def predict_all(weights: Weights, x: Any) -> tuple[Any, Any]:
    """Logits of shares or means, and log SDs, of all studies; ``x`` (studies, free), both results (studies, most)."""
    value, log_sd = _levels(weights, x[None])
    return value[0], log_sd[0]


def _levels(w: Weights, x: Any) -> tuple[Any, Any]:
    """Values and log SDs (points, studies, most) at ``x`` (points, studies, free)."""
    x = x * w["mask"][None]
    h = jnp.tanh((x * w["scale"][None]) @ w["w1"] + w["b1"][None])
    h = h + jnp.tanh((h * w["gain"][None]) @ w["w2"] + w["b2"][None])
    out = jnp.einsum("psh,sho->pso", h, w["w3"]) + jnp.einsum("psf,sfo->pso", x, w["skip"]) + w["b3"][None]
    most = out.shape[-1] // 2
    value = w["centre"][None] + w["spread"][None] * out[..., :most]
    return value, w["sd_centre"][None] + _LOG_SD * out[..., most:]


def lesson_of(banks: Sequence[StudyBank]) -> Lesson:
    """What banks of one design teach."""
    most = max(len(b.table.levels) for b in banks)
    shape = (len(banks[0].z), len(banks), most)
    value, count, log_sd = (np.zeros(shape, np.float32) for _ in range(3))
    for s, bank in enumerate(banks):
        r, k = bank.readings, len(bank.table.levels)
        good = np.isfinite(r.value) & (r.count > 1.5)
        value[:, s, :k] = np.where(good, r.value, 0.0)
        count[:, s, :k] = np.where(good, r.count, 0.0)
        log_sd[:, s, :k] = np.log(np.maximum(np.where(good, r.sd, 1.0), 0.1))
    return Lesson(banks[0].z.astype(np.float32), value, count, log_sd)


def train(banks: Sequence[StudyBank], settings: TrainSettings, progress: Progress | None = None) -> Emulator:
    """Networks for all studies of a bank; their error is estimated on a tenth of the points held back."""
    lesson = lesson_of(banks)
    is_mean = np.zeros(lesson.value.shape[1:], bool)
    for s, bank in enumerate(banks):
        is_mean[s, : len(bank.table.levels)] = [level.mean for level in bank.table.levels]
    kept = lesson.count.sum(axis=0) > 0
    held = np.arange(len(lesson.x)) % _TENTH == _TENTH - 1
    start = _start(lesson, is_mean, kept, [b.matters for b in banks], settings)
    weights = _adam(start, is_mean, lesson.some(~held), settings, progress)
    nothing = np.full(kept.shape, np.nan)
    made = Emulator(weights, tuple(b.study.id for b in banks), kept, is_mean, nothing, nothing)
    return with_error(made, *_held_errors(made, lesson.some(held)))


def refine(emulator: Emulator, lesson: Lesson, settings: TrainSettings, progress: Progress | None = None) -> Emulator:
    """The networks trained on from where they are, on other points."""
    weights = _adam(emulator.weights, emulator.is_mean, lesson, settings, progress)
    return replace(emulator, weights=weights)


def with_error(emulator: Emulator, error: np.ndarray, sd_error: np.ndarray) -> Emulator:
    """The same networks with errors measured elsewhere."""
    return replace(emulator, error=error, sd_error=sd_error)


def _start(
    lesson: Lesson, is_mean: np.ndarray, kept: np.ndarray, matters: Sequence[Sequence[int]], settings: TrainSettings
) -> Weights:
    """Weights before anything is learnt; levels begin at their mean over the points."""
    total = np.maximum(lesson.count.sum(axis=0), 1.0)
    middle = (lesson.value * lesson.count).sum(axis=0) / total
    share = np.clip(middle, 0.002, 0.998)
    scatter = np.sqrt((lesson.count * (lesson.value - middle) ** 2).sum(axis=0) / total)
    studies, free, width = len(kept), lesson.x.shape[-1], settings.width
    mask = np.zeros((studies, free))
    for s, index in enumerate(matters):
        mask[s, list(index)] = 1.0
    rng = np.random.default_rng(settings.seed)
    outputs = 2 * kept.shape[1]
    made = {
        "w1": rng.standard_normal((free, width)) / np.sqrt(max(float(mask.sum(axis=1).mean()), 1.0)),
        "scale": np.ones((studies, free)),
        "b1": 0.1 * rng.standard_normal((studies, width)),
        "gain": np.ones((studies, width)),
        "w2": 0.7 * rng.standard_normal((width, width)) / np.sqrt(width),
        "b2": 0.1 * rng.standard_normal((studies, width)),
        "w3": np.zeros((studies, width, outputs)),
        "skip": np.zeros((studies, free, outputs)),
        "b3": np.zeros((studies, outputs)),
        "mask": mask,
        "centre": np.where(is_mean, middle, np.log(share / (1 - share))),
        "spread": np.where(is_mean, np.maximum(scatter, 0.1), 1.0),
        "sd_centre": (lesson.log_sd * lesson.count).sum(axis=0) / total,
    }
    return {k: np.asarray(v, np.float32) for k, v in made.items()}


def _held_errors(made: Emulator, lesson: Lesson) -> tuple[np.ndarray, np.ndarray]:
    """Errors (studies, most) on points that were held back."""

    def one(x: Any) -> Any:
        return predict_all(made.weights, jnp.broadcast_to(x, (len(made.keys), x.shape[-1])))

    value, log_sd = (np.asarray(v, np.float64) for v in jax.lax.map(one, jnp.asarray(lesson.x), batch_size=64))
    return assess(made, (value, log_sd), lesson)


def assess(made: Emulator, guess: tuple[np.ndarray, np.ndarray], lesson: Lesson) -> tuple[np.ndarray, np.ndarray]:
    """Errors (studies, most) of predicted values and log SDs, each (points, studies, most)."""
    error, sd_error = np.full(made.kept.shape, np.nan), np.full(made.kept.shape, np.nan)
    for s in range(len(made.keys)):
        data = {k: getattr(lesson, k)[:, s] for k in ("value", "count", "log_sd")}
        error[s], sd_error[s] = held_out_error((guess[0][:, s], guess[1][:, s]), data, made.is_mean[s], made.kept[s])
    return error, sd_error


def held_out_error(
    predicted: tuple[np.ndarray, np.ndarray], data: dict[str, np.ndarray], is_mean: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Error of predictions (points, levels) against simulated values with their counts.

    The mean square of the difference minus the variance of the simulation, floored at a tenth of that mean's own
    standard error so that chance cannot claim a perfect emulator. That variance is estimated from the patients of each
    point, without bias; what the networks say of it would be too small, and the rest would count as error. A level that
    is a mean of probabilities has less noise than its count says; where the difference is far below that noise, all of
    it counts as error.
    """
    raw, log_sd = predicted
    seen, count = data["value"], data["count"]
    some = count > 0
    n = np.maximum(count, 2.0)
    guess = np.where(is_mean, raw, 1.0 / (1.0 + np.exp(-raw)))
    noise = np.where(is_mean, np.exp(2.0 * data["log_sd"]) / n, seen * (1 - seen) / (n - 1.0))
    error = _root(np.where(some, (guess - seen) ** 2, np.nan), np.where(some, noise, np.nan))
    sd_error = _root(np.where(some, (log_sd - data["log_sd"]) ** 2, np.nan), np.where(some, 0.5 / n, np.nan))
    return np.where(kept, error, np.nan), np.where(kept & is_mean, sd_error, np.nan)


def _root(squares: np.ndarray, noise: np.ndarray) -> np.ndarray:
    some = np.isfinite(squares)
    n = np.maximum(some.sum(axis=0), 1)
    whole, chance = (np.where(some, v, 0.0).sum(axis=0) / n for v in (squares, noise))
    with np.errstate(invalid="ignore"):
        left = np.where(some, squares - noise - (whole - chance), 0.0)
    se = np.sqrt((left**2).sum(axis=0)) / n
    expected = whole < _NOT_BINOMIAL * chance
    return np.asarray(np.sqrt(np.where(expected, whole, np.maximum(whole - chance, 0.1 * se))))


def _adam(
    start: Weights, is_mean: np.ndarray, lesson: Lesson, settings: TrainSettings, progress: Progress | None
) -> Weights:
    """Adam with a cosine step."""
    fixed = {k: jnp.asarray(v) for k, v in start.items() if k not in _LEARNT}
    learnt = {k: jnp.asarray(start[k]) for k in _LEARNT}
    zeros = jax.tree.map(jnp.zeros_like, learnt)
    data = [jnp.asarray(v) for v in (lesson.x, lesson.value, lesson.count, lesson.log_sd)]
    carry, each = (learnt, zeros, zeros), max(1, settings.steps // _ROUNDS)
    for r in range(_ROUNDS):
        carry = _round(carry, fixed, data, jnp.asarray(is_mean), jnp.asarray(r * each), each, settings)
        if progress is not None:
            carry[0]["b3"].block_until_ready()
            progress(r + 1, _ROUNDS)
    return {k: np.asarray(v) for k, v in (carry[0] | fixed).items()}


@partial(jax.jit, static_argnames=("each", "settings"))
def _round(
    carry: Any, fixed: Weights, data: list[Any], mean: Any, begin: Any, each: int, settings: TrainSettings
) -> Any:
    """Some steps, from step ``begin`` on; ``data``: points, and values, counts and log SDs (points, studies, most)."""
    key = jax.random.key(settings.seed)
    points, total = data[0].shape[0], _ROUNDS * each
    studies = fixed["centre"].shape[0]

    def loss(w: Weights, x: Any, y: Any, n: Any, seen: Any) -> Any:
        raw, log_sd = _levels(w | fixed, x)
        binomial = n * (jax.nn.softplus(raw) - y * raw)
        sd = jax.lax.stop_gradient(jnp.exp(jnp.clip(log_sd, -2.0, 4.0)))
        normal = 0.5 * n * ((y - raw) / sd) ** 2 + n * (seen - log_sd) ** 2
        wrong = jnp.sum(jnp.where(mean[None], normal, binomial)) / settings.batch
        large = sum(jnp.sum(w[k] ** 2) for k in ("w3", "skip"))
        own = sum(jnp.sum((w[k] - 1.0) ** 2) for k in ("scale", "gain"))
        return wrong + settings.decay / points * (large + _GAIN * own)

    def one(carry: Any, i: Any) -> tuple[Any, None]:
        w, m, v = carry
        take = jax.random.randint(jax.random.fold_in(key, i), (settings.batch,), 0, points)
        x, *rest = (a[take] for a in data)
        if x.ndim == 2:
            x = jnp.broadcast_to(x[:, None], (settings.batch, studies, x.shape[-1]))
        grad = jax.grad(loss)(w, x, *rest)
        t = i.astype(jnp.float32) + 1.0
        rate = settings.rate * 0.5 * (1 + jnp.cos(jnp.pi * t / total)) * jnp.minimum(1.0, t / 100.0)
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grad)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g**2, v, grad)
        w = jax.tree.map(lambda p, a, b: p - rate * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8), w, m, v)
        return (w, m, v), None

    return jax.lax.scan(one, carry, begin + jnp.arange(each))[0]
