"""The networks refined, set right and checked by direct simulation where the fit is.

Draws around a fit, each with the effects it found for each study, are simulated again, many with few patients: the
networks are trained on with them. Others, few with many patients, are held back: on these what is left of their mean
difference is taken out, and the scatter around it is the error that the likelihood knows. After the last fit its own
draws are simulated once more, as a check: the ratio of both likelihoods is then an importance weight. The noise of a
simulation with few patients is in that weight, so its effective sample size is a lower bound of what exact weights
would have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cotreat.calibrate.bank import simulate_points, write_arrays
from cotreat.calibrate.emulator import Emulator, Lesson, TrainSettings, assess, joined, predict_all, refine, with_error
from cotreat.calibrate.infer import Fit, Problem, coordinates
from cotreat.calibrate.levels import Readings
from cotreat.calibrate.predictive import thin
from cotreat.calibrate.space import SCALE_AT, SCALES
from cotreat.evidence.load import load_study
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR

_SEED = 1 << 41


@dataclass(frozen=True)
class Simulated:
    """Levels of every study simulated at draws of a fit. ``value``, ``count``, ``sd``: (draws, studies, most)."""

    take: np.ndarray
    value: np.ndarray
    count: np.ndarray
    sd: np.ndarray


def simulate_fit(
    p: Problem, made: Fit, how: tuple[int, int, int], folder: Path, tell: Callable[[str], None]
) -> Simulated:
    """Simulate ``how`` = (draws, patients, processes) of a fit; finished studies are kept in ``folder``.

    The name of the folder decides the luck, so a check has other luck than what it checks.
    """
    seed = _SEED + int(hashlib.sha256(folder.name.encode()).hexdigest()[:8], 16)
    draws, patients, jobs = how
    take = thin(made, draws)
    most = p.likelihood.most
    x = np.array(jax.lax.map(lambda t: coordinates(p, *t), _draws(made, take)))
    for name in SCALES:  # an effect stands in the networks at the scale of the bank
        x[:, :, p.space.index(name)] = SCALE_AT
    paths = [folder / f"direct-{draws}x{patients}-{key}.npz" for key in p.likelihood.studies]
    work = [(s, key) for s, key in enumerate(p.likelihood.studies) if not paths[s].is_file()]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {
            pool.submit(_simulate, key, p.space.values(x[:, s].astype(float)), (patients, seed), paths[s]): key
            for s, key in work
        }
        for done, future in enumerate(as_completed(waiting)):
            future.result()
            tell(f"direct simulation of the fit: {done + 1} of {len(work)} ({waiting[future]})")
    shape = (len(take), p.studies, most)
    out = {k: np.full(shape, np.nan) for k in ("value", "count", "sd")}
    for s, path in enumerate(paths):
        with np.load(path, allow_pickle=False) as data:
            for name, array in out.items():
                found = data[name]
                array[:, s, : found.shape[1]] = found
    return Simulated(take, **out)


def _simulate(key: str, values: dict[str, np.ndarray], how: tuple[int, int], path: Path) -> None:
    readings: Readings
    readings, _ = simulate_points(load_study(key), load_parameters(PRIOR), values, *how)
    write_arrays(path, {f: getattr(readings, f).astype(np.float32) for f in ("value", "count", "sd")})


def _draws(made: Fit, take: np.ndarray) -> tuple[Any, Any]:
    return jnp.asarray(made.z[take], jnp.float32), jnp.asarray(made.effects[take], jnp.float32)


def _emulated(p: Problem, made: Fit, take: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values and log SDs of the networks (draws, studies, most), and the densities of the studies."""

    def both(draw: Any) -> Any:
        value, log_sd = predict_all(p.emulator.weights, coordinates(p, *draw))
        return value, log_sd, p.likelihood(value, log_sd)

    value, log_sd, density = jax.lax.map(jax.jit(both), _draws(made, take))
    return np.asarray(value, np.float64), np.asarray(log_sd, np.float64), np.asarray(density, np.float64)


def around(made: Fit, count: int, seed: int, wider: float) -> Fit:
    """``count`` draws, wider than a fit has them: each moved by ``wider`` times the difference of two others."""
    rng = np.random.default_rng(seed)
    base = np.arange(count) % len(made.z)
    one, two = (rng.integers(0, len(made.z), count) for _ in range(2))
    z, effects = (v[base] + wider * (v[one] - v[two]) for v in (made.z, made.effects))
    return replace(made, z=z, effects=effects, reach=made.reach[base])


def lesson_of_draws(p: Problem, made: Fit, found: Simulated) -> Lesson:
    """What directly simulated draws teach."""
    x = np.array(jax.lax.map(lambda t: coordinates(p, *t), _draws(made, found.take)))
    count = np.where(np.isfinite(found.value) & (found.count > 1.5), found.count, 0.0)
    log_sd = np.log(np.maximum(np.nan_to_num(found.sd, nan=1.0), 0.1))
    return Lesson(x, *(np.asarray(v, np.float32) for v in (np.nan_to_num(found.value), count, log_sd)))


def refined(
    p: Problem, lessons: list[Lesson], held: tuple[Fit, Simulated], settings: TrainSettings, tell: Callable[[str], None]
) -> Emulator:
    """The networks trained on with ``lessons``, and set right at draws held back, with the error that is left there."""
    better = refine(p.emulator, joined(lessons), settings, lambda r, n: tell(f"networks refined: {r} of {n}"))
    return set_right(replace(p, emulator=better), *held)


def set_right(p: Problem, made: Fit, found: Simulated) -> Emulator:
    """The networks without their bias at the draws of a fit, and with the error that is left there."""
    value, log_sd, _ = _emulated(p, made, found.take)
    is_mean, kept = p.emulator.is_mean, p.emulator.kept
    lesson = lesson_of_draws(p, made, found)
    seen, count, seen_sd = (np.asarray(v, np.float64) for v in (lesson.value, lesson.count, lesson.log_sd))
    total = np.maximum(count.sum(axis=0), 1.0)
    middle = (count * seen).sum(axis=0) / total
    shift = np.where(is_mean, middle - (count * value).sum(axis=0) / total, 0.0)
    for _ in range(8):  # Newton: the mean share of the draws is that of the simulation
        share = 1.0 / (1.0 + np.exp(-(value + shift)))
        slope = np.maximum((count * share * (1 - share)).sum(axis=0) / total, 1e-3)
        shift += np.where(is_mean, 0.0, np.clip((middle - (count * share).sum(axis=0) / total) / slope, -1.0, 1.0))
    known = kept & (count.sum(axis=0) > 0)
    shift = np.where(known, shift, 0.0)
    sd_shift = np.where(known & is_mean, (count * (seen_sd - log_sd)).sum(axis=0) / total, 0.0)
    weights = p.emulator.weights
    weights = weights | {
        "centre": np.asarray(weights["centre"] + shift, np.float32),
        "sd_centre": np.asarray(weights["sd_centre"] + sd_shift, np.float32),
    }
    right = replace(p.emulator, weights=weights)
    return with_error(right, *assess(right, (value + shift, log_sd + sd_shift), lesson))


def compare_networks(p: Problem, made: Fit, found: Simulated) -> dict[str, Any]:
    """Bias of the networks at the posterior, (studies, most), and effective sample sizes of the weights.

    ``bias``: simulated less emulated, mean over draws, on the scale of the level; ``bias_se`` its Monte-Carlo error.
    ``ess`` of all studies together and ``ess_study`` (studies,) of each alone, of ``draws``.
    """
    value, log_sd, density = _emulated(p, made, found.take)
    is_mean = p.emulator.is_mean[None]
    guess = np.where(is_mean, value, 1.0 / (1.0 + np.exp(-value)))
    good = np.isfinite(found.value) & (found.count > 1.5)
    difference = np.where(good, found.value - guess, np.nan)
    n = np.maximum(good.sum(axis=0), 1)
    with np.errstate(invalid="ignore"):
        bias = np.where(good.any(axis=0), np.nansum(difference, axis=0) / n, np.nan)
        scatter = np.sqrt(np.nansum((difference - bias) ** 2, axis=0) / np.maximum(n - 1, 1) / n)
    simulated = _as_emulated(found, value, log_sd, is_mean, good)
    again = np.asarray(
        jax.lax.map(lambda t: p.likelihood(*t), tuple(jnp.asarray(v, jnp.float32) for v in simulated)), np.float64
    )
    ratio = again - density
    return {
        "bias": bias, "bias_se": scatter, "draws": len(found.take),
        "ess": effective(ratio.sum(axis=1)), "ess_study": np.array([effective(r) for r in ratio.T]),
    }  # fmt: skip


def _as_emulated(
    found: Simulated, value: np.ndarray, log_sd: np.ndarray, is_mean: np.ndarray, good: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Simulated levels on the scale of the networks; what was not simulated is as emulated."""
    hits = np.where(good, found.value * found.count, 0.5)
    share = np.clip((hits + 0.5) / (np.where(good, found.count, 0.0) + 1.0), 1e-3, 1 - 1e-3)
    logit = np.log(share / (1 - share))
    simulated = np.where(good, np.where(is_mean, found.value, logit), value)
    spread = np.where(good & is_mean, np.log(np.maximum(np.nan_to_num(found.sd, nan=1.0), 0.1)), log_sd)
    return simulated, spread


def effective(log_weight: np.ndarray) -> float:
    """Effective sample size of importance weights."""
    w = np.exp(log_weight - log_weight.max())
    return float(w.sum() ** 2 / (w**2).sum())
