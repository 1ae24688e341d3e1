"""Rivals compared by what they say of patients they have not seen: leave one cohort out, then stack.

The density of a left-out cohort comes from draws given all cohorts, reweighted by importance sampling with Pareto
smoothing; where its shape says that this cannot be trusted, the cohort is left out for real and the model fitted again.
The unit is the cohort: all files about the same patients go together, and points in time are not counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from cotreat.calibrate.infer import Fit, Problem
from cotreat.calibrate.predictive import log_mean, marginal_density, thin

TRUSTED = 0.7
"""Largest Pareto shape at which importance weights are used."""


@dataclass(frozen=True)
class LeftOut:
    """One cohort left out: its log predictive density, and draws with weights that do not know it.

    ``weights`` (draws,) over ``fit.z[take]``; ``shape``: Pareto shape of the weights; ``refitted``: fitted again.
    """

    cohort: str
    density: float
    fit: Fit
    take: np.ndarray
    weights: np.ndarray
    shape: float
    refitted: bool


@dataclass(frozen=True)
class Comparison:
    """Rivals stacked. ``density`` (rivals, cohorts) log predictive densities; ``weights`` (rivals,)."""

    names: tuple[str, ...]
    cohorts: tuple[str, ...]
    density: np.ndarray
    weights: np.ndarray

    def difference(self, i: int) -> tuple[float, float]:
        """Log predictive density of rival ``i`` minus that of the best, and its standard error over cohorts."""
        best = int(np.argmax(self.density.sum(axis=1)))
        d = self.density[i] - self.density[best]
        return float(d.sum()), float(np.sqrt(len(d)) * d.std(ddof=1)) if len(d) > 1 else float("nan")


def cohorts_of(p: Problem) -> tuple[str, ...]:
    """Cohorts in the order of their first study."""
    return tuple(dict.fromkeys(p.likelihood.cohorts))


def cohort_density(p: Problem, each: np.ndarray) -> np.ndarray:
    """Densities of studies (draws, studies) added up to cohorts (draws, cohorts)."""
    names = cohorts_of(p)
    index = np.array([names.index(c) for c in p.likelihood.cohorts])
    return np.stack([each[:, index == k].sum(axis=1) for k in range(len(names))], axis=1)


@dataclass(frozen=True)
class LeaveOut:
    """How cohorts are left out.

    ``draws`` used, ``nodes`` for unseen effects, ``again``: what fits without a cohort (None: never), where the Pareto
    shape is ``above``; ``seed`` of these fits.
    """

    draws: int = 500
    nodes: int = 256
    again: Callable[[int, np.ndarray], Fit] | None = None
    above: float = TRUSTED
    seed: int = 0


Again = Callable[[str, Callable[[], Fit]], Fit]
"""Keeps a fit without a cohort: given its name and how to make it, returns it."""


def leave_one_out(p: Problem, given: Fit, how: LeaveOut, keep: Again) -> list[LeftOut]:
    """Every cohort left out of a fit."""
    take = thin(given, how.draws)
    density = cohort_density(p, marginal_density(p, given, take, how.nodes))
    out = []
    for k, cohort in enumerate(cohorts_of(p)):
        log_weight, shape = smoothed(-density[:, k])
        if shape > how.above and how.again is not None:
            out.append(_again(p, k, how, keep))
            continue
        weights = np.exp(log_weight)
        value = float(logsumexp(log_weight + density[:, k]))
        out.append(LeftOut(cohort, value, given, take, weights, shape, False))
    return out


def _again(p: Problem, k: int, how: LeaveOut, keep: Again) -> LeftOut:
    cohort = cohorts_of(p)[k]
    others = np.array([c != cohort for c in p.likelihood.cohorts], float)
    seed, make = how.seed + 1000 + k, how.again
    assert make is not None
    made = keep(cohort, lambda: make(seed, others))
    take = thin(made, how.draws)
    density = cohort_density(p, marginal_density(p, made, take, how.nodes))
    value = float(log_mean(density[:, k]))
    return LeftOut(cohort, value, made, take, np.full(len(take), 1.0 / len(take)), float("nan"), True)


def smoothed(log_ratio: np.ndarray) -> tuple[np.ndarray, float]:
    """Pareto-smoothed log weights that add up to 1, and the Pareto shape (Vehtari 2017)."""
    from arviz_stats.base import array_stats  # type: ignore[attr-defined]

    if np.ptp(log_ratio) < 1e-9:  # a cohort without a figure in the fit says nothing
        return np.full(len(log_ratio), -np.log(len(log_ratio))), 0.0
    # the library takes log densities and turns them round
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log_weight, shape = array_stats.psislw(-log_ratio, r_eff=1.0)  # type: ignore[no-untyped-call]
    log_weight = np.asarray(log_weight, float)
    return log_weight - logsumexp(log_weight), float(shape)


def stack(
    names: Sequence[str], density: np.ndarray, cohorts: Sequence[str], averaged: Sequence[bool] | None = None
) -> Comparison:
    """Weights of the mixture of rivals with the highest log predictive density over cohorts (Yao 2018).

    Rivals that are not ``averaged`` are compared, and have no weight.
    """
    inside = np.ones(len(names), bool) if averaged is None else np.array(averaged, bool)
    some = density[inside]

    def loss(raw: np.ndarray) -> float:
        log_w = raw - logsumexp(raw)
        return -float(logsumexp(some + log_w[:, None], axis=0).sum()) + 1e-3 * float((raw**2).sum())

    found = minimize(loss, np.zeros(len(some)), method="L-BFGS-B")
    weights = np.zeros(len(names))
    weights[inside] = np.exp(found.x - logsumexp(found.x))
    return Comparison(tuple(names), tuple(cohorts), density, weights)
