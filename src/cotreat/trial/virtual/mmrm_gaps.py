"""Mixed model for repeated measures where visits are missed on the way, in many trials at once.

The model is that of ``mmrm``: at each visit a mean for each arm and a slope on the baseline, one unstructured
covariance of the visits. With gaps the likelihood has no closed form, so it is maximised by the EM algorithm (Dempster,
Laird and Rubin 1977): a missed rating is replaced by what the others of the patient say of it, with the covariance of
what they do not say. The error is that of generalised least squares at the maximum, the covariance taken
n / (n - arms - 1) of its maximum-likelihood value at each visit (n: patients seen there), so that with complete data it
equals restricted maximum likelihood. Degrees of freedom: those observed at the visit, less the arms, less one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cotreat.trial.virtual.cholesky import solve
from cotreat.trial.virtual.compiled import compiled
from cotreat.trial.virtual.contrasted import Contrasted, contrasted

_MOST_STEPS = 500
_CLOSE = 1e-8  # largest change of a mean (in SDs of the ratings) or a covariance (in their squares) in one step


def mmrm_gaps(y: np.ndarray, x: np.ndarray, who: np.ndarray, weights: np.ndarray) -> Contrasted:
    """Contrast of arm means at the last visit; arguments as for ``mmrm``, NaN wherever a rating is missing."""
    member = who & np.isfinite(y).any(axis=3)
    trials = len(y)
    estimate, variance, df = np.full(trials, np.nan), np.full(trials, np.nan), np.zeros(trials)
    origin = float(np.mean(x[member])) if member.any() else 0.0
    spread = float(np.nanstd(y)) if np.isfinite(y).any() else 1.0
    w = np.ascontiguousarray(weights, dtype=np.float64)
    scaled = np.ascontiguousarray((y - origin) / max(spread, 1e-9), dtype=np.float64)
    base = np.ascontiguousarray((x - origin) / max(spread, 1e-9), dtype=np.float64)
    _fit(scaled, base, np.ascontiguousarray(member), w, (estimate, variance, df))
    with np.errstate(invalid="ignore"):
        return contrasted(estimate * spread, np.sqrt(variance) * spread, np.where(df > 0, df, np.nan))


@compiled
def _inverse(matrix: np.ndarray, out: np.ndarray) -> bool:
    return solve(matrix, np.eye(matrix.shape[0]), out)


@compiled
def _rows(y: np.ndarray, x: np.ndarray, member: np.ndarray) -> Any:
    """Ratings, baseline and arm of the members of one trial, one row each."""
    count = 0
    for a in range(y.shape[0]):
        for i in range(y.shape[1]):
            if member[a, i]:
                count += 1
    ratings, base, arm = np.zeros((count, y.shape[2])), np.zeros(count), np.zeros(count, np.int64)
    k = 0
    for a in range(y.shape[0]):
        for i in range(y.shape[1]):
            if member[a, i]:
                ratings[k], base[k], arm[k] = y[a, i], x[a, i], a
                k += 1
    return ratings, base, arm


@compiled
def _first_guess(ratings: np.ndarray, base: np.ndarray, arm: np.ndarray, beta: np.ndarray, cov: np.ndarray) -> bool:
    """Regressions of each visit on its own ratings, and their residual variances."""
    fixed, visits = beta.shape
    gram, side, found = np.zeros((fixed, fixed)), np.zeros((fixed, 1)), np.zeros((fixed, 1))
    for t in range(visits):
        gram[:], side[:] = 0.0, 0.0
        count, squares = 0.0, 0.0
        for i in range(len(base)):
            value = ratings[i, t]
            if not np.isnan(value):
                a, b = arm[i], base[i]
                gram[a, a] += 1.0
                gram[a, fixed - 1] += b
                gram[fixed - 1, a] += b
                gram[fixed - 1, fixed - 1] += b * b
                side[a, 0] += value
                side[fixed - 1, 0] += b * value
                count += 1.0
                squares += value * value
        if count <= fixed or not solve(gram, side, found):
            return False
        for p in range(fixed):
            beta[p, t] = found[p, 0]
            squares -= found[p, 0] * side[p, 0]
        cov[t, t] = max(squares, 1e-12) / count
    return True


@compiled
def _filled(row: np.ndarray, middle: np.ndarray, precision: np.ndarray, unsure: np.ndarray) -> bool:
    """Replace missing values of a row by their expectation; ``unsure`` gets the covariance of what was missing."""
    visits = len(row)
    gone = np.zeros(visits, np.int64)
    m = 0
    for t in range(visits):
        if np.isnan(row[t]):
            gone[m] = t
            m += 1
    if m == 0:
        return True
    block, inverse = np.zeros((m, m)), np.zeros((m, m))
    pull = np.zeros(m)
    for p in range(m):
        for q in range(m):
            block[p, q] = precision[gone[p], gone[q]]
        for t in range(visits):
            if not np.isnan(row[t]):
                pull[p] += precision[gone[p], t] * (row[t] - middle[t])
    if not _inverse(block, inverse):
        return False
    for p in range(m):
        shift = 0.0
        for q in range(m):
            shift += inverse[p, q] * pull[q]
            unsure[gone[p], gone[q]] += inverse[p, q]
        row[gone[p]] = middle[gone[p]] - shift
    return True


@compiled
def _maximise(ratings: np.ndarray, base: np.ndarray, arm: np.ndarray, beta: np.ndarray, cov: np.ndarray) -> bool:
    """EM to the maximum; ``beta`` (arms + 1, visits) and ``cov`` hold the start and then the result."""
    fixed, visits = beta.shape
    count = len(base)
    gram, inverse = np.zeros((fixed, fixed)), np.zeros((fixed, fixed))
    for i in range(count):
        a, b = arm[i], base[i]
        gram[a, a] += 1.0
        gram[a, fixed - 1] += b
        gram[fixed - 1, a] += b
        gram[fixed - 1, fixed - 1] += b * b
    if not _inverse(gram, inverse):
        return False
    precision, unsure, middle = np.zeros((visits, visits)), np.zeros((visits, visits)), np.zeros(visits)
    side, whole, row = np.zeros((fixed, visits)), np.zeros((visits, visits)), np.zeros(visits)
    for _ in range(_MOST_STEPS):
        if not _inverse(cov, precision):
            return False
        side[:], whole[:], unsure[:] = 0.0, 0.0, 0.0
        for i in range(count):
            a, b = arm[i], base[i]
            for t in range(visits):
                middle[t] = beta[a, t] + b * beta[fixed - 1, t]
                row[t] = ratings[i, t]
            if not _filled(row, middle, precision, unsure):
                return False
            for t in range(visits):
                side[a, t] += row[t]
                side[fixed - 1, t] += b * row[t]
                for u in range(t + 1):
                    whole[t, u] += row[t] * row[u]
        furthest = 0.0
        new = inverse @ side
        for p in range(fixed):
            for t in range(visits):
                furthest = max(furthest, abs(new[p, t] - beta[p, t]))
                beta[p, t] = new[p, t]
        for t in range(visits):
            for u in range(t + 1):
                total = whole[t, u] + unsure[t, u]
                for p in range(fixed):
                    total -= beta[p, t] * side[p, u]
                furthest = max(furthest, abs(total / count - cov[t, u]))
                cov[t, u] = total / count
                cov[u, t] = total / count
        if furthest < _CLOSE:
            return True
    return True


@compiled
def _information(
    ratings: np.ndarray, base: np.ndarray, arm: np.ndarray, precision: np.ndarray, info: np.ndarray
) -> bool:
    """Add the information of every patient on means and slopes, ordered (arm or slope) x visit."""
    visits = ratings.shape[1]
    slope = info.shape[0] - visits
    part = np.zeros((visits, visits))
    for i in range(len(base)):
        gone = np.zeros(visits, np.int64)
        m = 0
        for t in range(visits):
            if np.isnan(ratings[i, t]):
                gone[m] = t
                m += 1
        part[:] = precision
        if m:
            block, inverse = np.zeros((m, m)), np.zeros((m, m))
            for p in range(m):
                for q in range(m):
                    block[p, q] = precision[gone[p], gone[q]]
            if not _inverse(block, inverse):
                return False
            across = np.zeros((visits, m))
            for t in range(visits):
                for p in range(m):
                    across[t, p] = precision[t, gone[p]]
            part -= across @ inverse @ across.T
            for p in range(m):
                part[gone[p], :], part[:, gone[p]] = 0.0, 0.0
        a, b = arm[i] * visits, base[i]
        for t in range(visits):
            for u in range(visits):
                info[a + t, a + u] += part[t, u]
                info[a + t, slope + u] += b * part[t, u]
                info[slope + t, a + u] += b * part[t, u]
                info[slope + t, slope + u] += b * b * part[t, u]
    return True


@compiled
def _fit(y: np.ndarray, x: np.ndarray, member: np.ndarray, weights: np.ndarray, out: Any) -> None:
    estimate, variance, df = out
    trials, arms, _, visits = y.shape
    fixed = arms + 1
    for trial in range(trials):
        ratings, base, arm = _rows(y[trial], x[trial], member[trial])
        seen = np.zeros(visits)
        each = np.zeros(arms)
        for i in range(len(base)):
            for t in range(visits):
                if not np.isnan(ratings[i, t]):
                    seen[t] += 1.0
                    if t == visits - 1:
                        each[arm[i]] += 1.0
        if each.min() <= 0 or seen.min() <= fixed + visits - 1:
            continue
        beta, cov = np.zeros((fixed, visits)), np.zeros((visits, visits))
        if not _first_guess(ratings, base, arm, beta, cov) or not _maximise(ratings, base, arm, beta, cov):
            continue
        for t in range(visits):
            for u in range(visits):
                cov[t, u] *= np.sqrt(seen[t] / (seen[t] - fixed) * seen[u] / (seen[u] - fixed))
        precision, info = np.zeros((visits, visits)), np.zeros((fixed * visits, fixed * visits))
        if not _inverse(cov, precision) or not _information(ratings, base, arm, precision, info):
            continue
        side, found = np.zeros((fixed * visits, 1)), np.zeros((fixed * visits, 1))
        total = 0.0
        for a in range(arms):
            side[a * visits + visits - 1, 0] = weights[a]
            total += weights[a] * beta[a, visits - 1]
        if not solve(info, side, found):
            continue
        estimate[trial], variance[trial], df[trial] = total, 0.0, seen[visits - 1] - fixed
        for a in range(arms):
            variance[trial] += weights[a] * found[a * visits + visits - 1, 0]
