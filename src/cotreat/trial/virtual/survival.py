"""Times to an event in many trials at once: log-rank, Cox, Kaplan-Meier, restricted mean.

Times, events and membership have the shape (trials, arms, patients). Covariates are constant within an arm, so all
that is needed of a trial is how many are at risk and how many have the event in each arm at each distinct time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cotreat.trial.virtual.cholesky import solve
from cotreat.trial.virtual.compiled import compiled
from cotreat.trial.virtual.contrasted import Contrasted, contrasted

_MOST_STEPS = 30


@dataclass(frozen=True)
class Tables:
    """Distinct event times of each trial, padded: ``count`` (trials,) of them are real.

    ``n`` (trials, arms) patients; ``time`` (trials, times); ``at_risk`` and ``events`` (trials, times, arms).
    """

    n: np.ndarray
    count: np.ndarray
    time: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray

    def of(self, arms: list[int]) -> Tables:
        """The same for some of the arms."""
        return Tables(self.n[:, arms], self.count, self.time, self.at_risk[..., arms], self.events[..., arms])


def tables(time: np.ndarray, event: np.ndarray, who: np.ndarray) -> Tables:
    """Counts at the distinct event times of each trial; a censoring at the time of an event is at risk for it."""
    trials, arms, n = time.shape
    flat = np.where(who, time, np.inf).reshape(trials, arms * n)
    order = np.argsort(flat, axis=1, kind="stable")
    arm = (order // n).astype(np.int32)
    at = np.take_along_axis(flat, order, axis=1).astype(np.float64)
    hit = np.take_along_axis((event & who).reshape(trials, arms * n), order, axis=1)
    inside = np.take_along_axis(who.reshape(trials, arms * n), order, axis=1)
    changes = np.zeros((trials, arms * n), dtype=bool)
    _mark(at, hit, changes)
    most = max(1, int(changes.sum(axis=1).max(initial=0)))
    shape = (trials, most)
    made = Tables(
        who.sum(axis=2), np.zeros(trials, np.int64), np.zeros(shape), np.zeros((*shape, arms)), np.zeros((*shape, arms))
    )
    _count(at, hit, inside, arm, (made.count, made.time, made.at_risk, made.events))
    return made


@compiled
def _mark(at: np.ndarray, hit: np.ndarray, changes: np.ndarray) -> None:
    for trial in range(at.shape[0]):
        last = -np.inf
        for i in range(at.shape[1]):
            if hit[trial, i] and at[trial, i] != last:
                changes[trial, i] = True
                last = at[trial, i]


@compiled
def _count(at: np.ndarray, hit: np.ndarray, inside: np.ndarray, arm: np.ndarray, out: Any) -> None:
    count, time, at_risk, events = out
    arms = at_risk.shape[2]
    for trial in range(at.shape[0]):
        left = np.zeros(arms)
        for i in range(at.shape[1]):
            if inside[trial, i]:
                left[arm[trial, i]] += 1.0
        k, i, size = 0, 0, at.shape[1]
        while i < size and inside[trial, i]:
            now = at[trial, i]
            begin, any_event = i, False
            while i < size and inside[trial, i] and at[trial, i] == now:
                any_event = any_event or hit[trial, i]
                i += 1
            if any_event:
                time[trial, k] = now
                for a in range(arms):
                    at_risk[trial, k, a] = left[a]
                for j in range(begin, i):
                    if hit[trial, j]:
                        events[trial, k, arm[trial, j]] += 1.0
                k += 1
            for j in range(begin, i):
                left[arm[trial, j]] -= 1.0
        count[trial] = k


def log_rank(table: Tables, pairs: tuple[tuple[int, int], ...]) -> Contrasted:
    """Log-rank test of the first against the second arm of each pair, pairs being strata.

    Statistic (observed - expected) / sqrt(hypergeometric variance); the estimate is the one-step log hazard ratio
    (O - E) / V with standard error 1 / sqrt(V) (Peto).
    """
    gap, variance = np.zeros(len(table.count)), np.zeros(len(table.count))
    for i, j in pairs:
        d1, d = table.events[..., i], table.events[..., i] + table.events[..., j]
        n1, n = table.at_risk[..., i], table.at_risk[..., i] + table.at_risk[..., j]
        safe = np.maximum(n, 1.0)
        gap += (d1 - d * n1 / safe).sum(axis=1)
        variance += (d * n1 * (n - n1) * (n - d) / (safe**2 * np.maximum(n - 1.0, 1.0))).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return contrasted(gap / variance, 1.0 / np.sqrt(variance))


def cox(table: Tables, covariates: np.ndarray, strata: tuple[tuple[int, ...], ...] | None = None) -> Contrasted:
    """Cox model with covariates that are constant within arms; the Wald test of the first covariate.

    ``covariates`` (arms, p); ties by Efron's method; ``strata``: arms with a baseline hazard of their own. A trial
    whose fit has no finite maximum (an arm without events) cannot be tested and has statistic 0.
    """
    design = np.ascontiguousarray(np.asarray(covariates, dtype=np.float64))
    groups = strata or (tuple(range(design.shape[0])),)
    member = np.zeros((len(groups), design.shape[0]), dtype=np.bool_)
    for g, arms in enumerate(groups):
        member[g, list(arms)] = True
    beta, variance = np.full(len(table.count), np.nan), np.full(len(table.count), np.nan)
    at_risk, events = np.ascontiguousarray(table.at_risk), np.ascontiguousarray(table.events)
    _cox(table.count, at_risk, events, design, member, (beta, variance))
    with np.errstate(invalid="ignore"):
        return contrasted(beta, np.sqrt(variance))


@compiled
def _information(d: np.ndarray, r: np.ndarray, x: np.ndarray, w: np.ndarray, out: Any) -> None:
    """Add one event time to score and information (Efron); ``w`` is exp(x beta) of each arm, 0 outside the stratum."""
    score, info, m1 = out
    arms, p = x.shape
    total = 0.0
    for a in range(arms):
        if w[a] > 0:
            total += d[a]
            for k in range(p):
                score[k] += d[a] * x[a, k]
    for step in range(int(total)):
        part = step / total
        s0 = 0.0
        m1[:] = 0.0
        for a in range(arms):
            weight = (r[a] - part * d[a]) * w[a]
            s0 += weight
            for k in range(p):
                m1[k] += weight * x[a, k]
        for k in range(p):
            score[k] -= m1[k] / s0
            for q in range(k + 1):
                s2 = 0.0
                for a in range(arms):
                    s2 += (r[a] - part * d[a]) * w[a] * x[a, k] * x[a, q]
                info[k, q] += s2 / s0 - m1[k] * m1[q] / (s0 * s0)


@compiled
def _cox(
    count: np.ndarray, at_risk: np.ndarray, events: np.ndarray, x: np.ndarray, strata: np.ndarray, out: Any
) -> None:
    first, variance = out
    arms, p = x.shape
    score, info, m1, w = np.zeros(p), np.zeros((p, p)), np.zeros(p), np.zeros(arms)
    sides, found = np.zeros((p, 2)), np.zeros((p, 2))
    for trial in range(len(count)):
        beta, done = np.zeros(p), False
        for _ in range(_MOST_STEPS):
            score[:] = 0.0
            info[:] = 0.0
            for g in range(strata.shape[0]):
                for a in range(arms):
                    along = 0.0
                    for k in range(p):
                        along += x[a, k] * beta[k]
                    w[a] = np.exp(along) if strata[g, a] else 0.0
                for t in range(count[trial]):
                    _information(events[trial, t], at_risk[trial, t], x, w, (score, info, m1))
            for k in range(p):
                for q in range(k):
                    info[q, k] = info[k, q]
            # the step, and the first column of the inverse
            for k in range(p):
                sides[k, 0], sides[k, 1] = score[k], 1.0 if k == 0 else 0.0
            if not solve(info, sides, found):
                break
            largest, furthest = 0.0, 0.0
            for k in range(p):
                largest = max(largest, abs(found[k, 0]))
            short = 2.0 / largest if largest > 2.0 else 1.0  # far from the maximum the quadratic step overshoots
            for k in range(p):
                beta[k] += short * found[k, 0]
                furthest = max(furthest, abs(beta[k]))
            if furthest > 15.0:
                break
            if largest < 1e-9:
                done = True
                break
        if done:
            first[trial], variance[trial] = beta[0], found[0, 1]


@dataclass(frozen=True)
class RestrictedMean:
    """Restricted mean survival time and its variance, both (trials, arms); NaN where it is not defined."""

    mean: np.ndarray
    variance: np.ndarray


def restricted_mean(table: Tables, tau: float) -> RestrictedMean:
    """Area under the Kaplan-Meier curve up to ``tau`` with Greenwood's variance.

    Variance sum_i A_i^2 d_i / (r_i (r_i - d_i)), A_i the area under the curve from t_i to tau; a time at which
    everybody at risk has the event adds nothing, the curve being 0 from there on (as R's survival does).
    """
    trials, _, arms = table.at_risk.shape
    mean, variance = np.zeros((trials, arms)), np.zeros((trials, arms))
    _restricted(table.count, table.time, table.at_risk, table.events, (tau, mean, variance))
    return RestrictedMean(mean, variance)


@compiled
def _restricted(count: np.ndarray, time: np.ndarray, at_risk: np.ndarray, events: np.ndarray, out: Any) -> None:
    tau, mean, variance = out
    for trial in range(len(count)):
        for a in range(at_risk.shape[2]):
            level, last, area = 1.0, 0.0, 0.0
            for t in range(count[trial]):
                if time[trial, t] > tau:
                    break
                area += level * (time[trial, t] - last)
                last = time[trial, t]
                if at_risk[trial, t, a] > 0:
                    level *= 1.0 - events[trial, t, a] / at_risk[trial, t, a]
            area += level * (tau - last)
            mean[trial, a] = area
            level, last, before = 1.0, 0.0, 0.0
            total = 0.0
            for t in range(count[trial]):
                if time[trial, t] > tau:
                    break
                before += level * (time[trial, t] - last)
                last = time[trial, t]
                d, r = events[trial, t, a], at_risk[trial, t, a]
                if d > 0 and r > d:
                    total += (area - before) ** 2 * d / (r * (r - d))
                if r > 0:
                    level *= 1.0 - d / r
            variance[trial, a] = total


def rmst_test(table: Tables, tau: float, weights: np.ndarray) -> Contrasted:
    """Wald test of a contrast of restricted means.

    In arms of 25 Greenwood's variance with normal limits claims 6 % where nothing differs. The variance is therefore
    taken times n / (n - 1) in each arm, and the t distribution with patients less arms is used.
    """
    w = np.asarray(weights, dtype=float)
    used = w != 0
    found = restricted_mean(table, tau)
    n = table.n[:, used].astype(float)
    variance = found.variance[:, used] * n / np.maximum(n - 1.0, 1.0)
    return contrasted(found.mean[:, used] @ w[used], np.sqrt(variance @ w[used] ** 2), (n - 1.0).sum(axis=1))


@dataclass(frozen=True)
class KaplanMeier:
    """One curve at chosen times: share free of the event, patients at risk just before, Greenwood's sum.

    Greenwood's sum is the variance of the logarithm of the share; what a time at which everybody at risk has the event
    would add to it is left out, the share being 0 from there on.
    """

    free: np.ndarray
    at_risk: np.ndarray
    greenwood: np.ndarray


def kaplan_meier(time: np.ndarray, event: np.ndarray, at: np.ndarray) -> KaplanMeier:
    """The curve of one group of patients, arrays (patients,), at the times ``at``."""
    table = tables(time[None, None], event[None, None], np.ones((1, 1, len(time)), dtype=bool))
    k = int(table.count[0])
    d, r = table.events[0, :k, 0], table.at_risk[0, :k, 0]
    level = np.concatenate([[1.0], np.cumprod(1.0 - d / r)])
    terms = np.where(r > d, d / np.maximum(r * (r - d), 1.0), 0.0)
    summed = np.concatenate([[0.0], np.cumsum(terms)])
    place = np.searchsorted(table.time[0, :k], at, side="right")
    left = len(time) - np.searchsorted(np.sort(time), at, side="left")
    return KaplanMeier(level[place], left.astype(float), summed[place])
