"""Mood: noisy motion in a double well.

    dx = (x - x^3 + h) dt / tau + sigma dB,        x = +1 ill, x = -1 well

``h`` is the drive: positive pushes towards illness, treatment pushes towards health. One well vanishes (saddle-node)
at |h| = 2 / (3 sqrt 3) = 0.385. One step is Strang's splitting: half a step of the exact flow of x - x^3, the drive
and the noise, another half step (order and stability: Buckwar et al., arXiv 2101.01027).

The noise is set through the mean escape time (from the ill to the well state at h = 0) because tau and sigma as
independent priors give escape times from days to millions of days. The escape time is the exact double integral of
first-passage theory; Kramers' formula is off by half at these barriers.

The rival is a mood with one resting place and no memory of its own:

    dx = (k (home - x) + h) dt / tau + sigma' dB

with sigma' such that its spread is that of a well of the rival, sigma sqrt(tau) / 2. A patient who enters ill rests at
+1 without treatment: how ill and how chronic somebody is are one thing here, so ``home`` takes up the chronicity; one
who enters well has its home at -1. The step is the exact flow in mean and variance (Ornstein-Uhlenbeck).

Does not claim: that mood has two states in everybody. Bistability is moderately supported between people and weakly in
prediction; about a third of recurrences are sudden (Smit 2022, doi:10.1007/s11136-022-03301-0).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import numpy as np

SADDLE_NODE = 2.0 / (3.0 * 3.0**0.5)
"""The drive at which one well vanishes."""


def flow(x: Any, growth: Any, growth_squared_minus_one: Any) -> Any:
    """Exact flow of dx = (x - x^3) ds: ``growth`` = exp(s), second argument exp(2 s) - 1."""
    return x * growth * jax.lax.rsqrt(1.0 + x * x * growth_squared_minus_one)


def constants(p: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    """Constants of the step of ``h`` days; ``p`` holds the parameters of each patient."""
    tau = p["mood.time_constant"]
    return {
        "mood.growth": np.exp(0.5 * h / tau),
        "mood.growth2": np.expm1(h / tau),
        "mood.drive": h / tau,
        "mood.noise": p["mood.sigma"] * np.sqrt(h),
    }


def step(x: Any, c: dict[str, Any], drive: Any, noise: Any) -> Any:
    """One step of mood under the mean drive of the step and one standard normal number."""
    x = flow(x, c["mood.growth"], c["mood.growth2"])
    x = x + c["mood.drive"] * drive + c["mood.noise"] * noise
    return flow(x, c["mood.growth"], c["mood.growth2"])


def linear_constants(p: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    """Constants of the step of ``h`` days of the linear rival."""
    tau, pull = p["mood.time_constant"], p["mood.linear_pull"]
    keep = np.exp(-pull * h / tau)
    return {
        "mood.home": p["mood.home"],
        "mood.keep": keep,
        "mood.drive": (1.0 - keep) / pull,
        "mood.noise": linear_sd(p["mood.sigma"], tau) * np.sqrt(-np.expm1(-2.0 * pull * h / tau)),
    }


def linear_step(x: Any, c: dict[str, Any], drive: Any, noise: Any) -> Any:
    """One step of the linear rival under the mean drive of the step and one standard normal number."""
    home = c["mood.home"]
    return home + (x - home) * c["mood.keep"] + c["mood.drive"] * drive + c["mood.noise"] * noise


def linear_sd(sigma: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Standard deviation of linear mood at rest: that of the double well near x = 1."""
    return np.asarray(0.5 * sigma * np.sqrt(tau))


def wells(h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two stable states (ill, well) of x - x^3 + h = 0; where only one is left, both are that one."""
    h = np.asarray(h, dtype=float)
    ill, well = np.full_like(h, 1.0), np.full_like(h, -1.0)
    inside = np.abs(h) < SADDLE_NODE
    angle = np.arccos(np.clip(h / SADDLE_NODE, -1.0, 1.0)) / 3.0
    ill = np.where(inside, 2 / np.sqrt(3) * np.cos(angle), ill)
    well = np.where(inside, 2 / np.sqrt(3) * np.cos(angle + 2 * np.pi / 3), well)
    # outside: the one real root, by Cardano's formula in hyperbolic form
    single = np.sign(h) * 2 / np.sqrt(3) * np.cosh(np.arccosh(np.maximum(np.abs(h) / SADDLE_NODE, 1.0)) / 3.0)
    return np.where(inside, ill, single), np.where(inside, well, single)


def within_well_sd(x: np.ndarray, sigma: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Standard deviation of mood near the stable state ``x``.

    Linear approximation: right to 5 % while it is below 0.1, and too small above (7 % at 0.12).
    """
    return np.asarray(sigma * np.sqrt(tau / (2.0 * np.maximum(3.0 * x**2 - 1.0, 0.5))))


def mean_escape_time(noise: float, start: float = 1.0, end: float = -1.0, drive: float = 0.0) -> float:
    """Mean first-passage time from ``start`` down to ``end``, in units of tau.

    ``noise`` is sigma * sqrt(tau). Exact double integral on a grid (Gardiner, Handbook of Stochastic Methods, 5.2.7),
    reflecting far above.
    """
    d = noise**2
    top = max(start, 1.0) + 2.0
    z = np.linspace(end, top, 8001)
    potential = z**4 / 4 - z**2 / 2 - drive * z
    weight = np.exp(-2 * (potential - potential.min()) / d)
    area = np.concatenate([[0.0], np.cumsum(0.5 * (weight[1:] + weight[:-1]) * np.diff(z))])
    inner = np.exp(2 * (potential - potential.min()) / d) * (area[-1] - area)
    take = z <= start
    return float(2 / d * np.trapezoid(inner[take], z[take]))


@cache
def _escape_table() -> tuple[np.ndarray, np.ndarray]:
    noise = np.geomspace(0.22, 4.0, 400)
    return noise, np.array([mean_escape_time(s) for s in noise])


def sigma_for_escape_time(escape_time: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Noise sigma (per square root of a day) for which the mean escape time at h = 0 is ``escape_time`` days."""
    noise, times = _escape_table()
    wanted = np.log(np.asarray(escape_time) / tau)
    log_noise = np.interp(-wanted, -np.log(times), np.log(noise))  # times fall with noise
    return np.asarray(np.exp(log_noise) / np.sqrt(tau))
