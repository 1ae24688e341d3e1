"""Mixed model for repeated measures in many trials at once; in closed form for patients seen until they are lost.

Model: at each visit a mean for each arm and a slope on the baseline, and one unstructured covariance of the visits.
When no visit is missing before a patient is lost, the likelihood factors into ordinary regressions of each visit on
the arms, the baseline and the visits before it (Anderson 1957, J Am Stat Assoc 52:200), so the maximum is in closed
form: the estimate equals that of any program fitting the same model by maximum likelihood. The residual variances are
divided by patients less fixed effects, as restricted maximum likelihood does when nobody is lost; then estimate,
standard error and test equal the analysis of covariance at the visit. Degrees of freedom: those observed at the visit,
less the arms, less one. Trials with a visit missed on the way go to ``mmrm_gaps``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cotreat.trial.virtual.cholesky import solve
from cotreat.trial.virtual.compiled import compiled
from cotreat.trial.virtual.contrasted import Contrasted, contrasted
from cotreat.trial.virtual.mmrm_gaps import mmrm_gaps


def mmrm(y: np.ndarray, x: np.ndarray, who: np.ndarray, weights: np.ndarray) -> Contrasted:
    """Contrast of arm means at the last visit.

    Parameters
    ----------
    y
        Ratings (trials, arms, patients, visits); NaN where a patient was not seen.
    x
        Baseline (trials, arms, patients).
    who
        Patients in the analysis set; those never rated after baseline give nothing.
    weights
        Of the arms in the contrast.
    """
    seen = np.isfinite(y)
    if (seen[..., 1:] & ~seen[..., :-1]).any():
        return mmrm_gaps(y, x, who, weights)
    last = np.where(who, seen.sum(axis=3), 0).astype(np.int64)
    trials = len(y)
    estimate, variance, df = np.full(trials, np.nan), np.full(trials, np.nan), np.zeros(trials)
    w = np.ascontiguousarray(weights, dtype=np.float64)
    # a common origin keeps the sums of squares well conditioned
    origin = float(np.mean(x[who])) if who.any() else 0.0
    _fit(np.ascontiguousarray(y - origin), np.ascontiguousarray(x - origin), last, w, (estimate, variance, df))
    with np.errstate(invalid="ignore"):
        return contrasted(estimate, np.sqrt(variance), np.where(df > 0, df, np.nan))


@compiled
def _grams(y: np.ndarray, x: np.ndarray, last: np.ndarray, arms: int, visits: int) -> Any:
    """Sums of products of (arms, baseline, visits) over those seen at least to visit k, for each k."""
    size = arms + 1 + visits
    gram = np.zeros((visits + 1, size, size))
    row = np.zeros(1 + visits)
    for a in range(arms):
        for i in range(y.shape[1]):
            k = last[a, i]
            if k == 0:
                continue
            row[0] = x[a, i]
            for v in range(k):
                row[1 + v] = y[a, i, v]
            g = gram[k]
            g[a, a] += 1.0
            for p in range(k + 1):
                g[a, arms + p] += row[p]
                for q in range(p, k + 1):
                    g[arms + p, arms + q] += row[p] * row[q]
    for k in range(visits - 1, 0, -1):
        gram[k] += gram[k + 1]
    for k in range(1, visits + 1):
        for p in range(size):
            for q in range(p):
                gram[k, p, q] = gram[k, q, p]
    return gram


@compiled
def _fit(y: np.ndarray, x: np.ndarray, last: np.ndarray, weights: np.ndarray, out: Any) -> None:
    estimate, variance, df = out
    trials, arms, _, visits = y.shape
    fixed = arms + 1
    for trial in range(trials):
        gram = _grams(y[trial], x[trial], last[trial], arms, visits)
        ok, seen = True, 0.0
        for a in range(arms):
            seen += gram[visits, a, a]
            ok = ok and gram[visits, a, a] > 0
        if not ok or seen <= fixed + visits - 1:
            continue
        effect = np.zeros(visits)  # contrast of the marginal means at each visit
        share = np.zeros((visits, visits))  # slopes on the visits before
        quadratic = np.zeros(visits)
        for t in range(visits):
            p = fixed + t
            g = gram[t + 1]
            # two right-hand sides: the regression itself, and the direction of the contrast given the visits before
            sides, found = np.zeros((p, 2)), np.zeros((p, 2))
            for k in range(p):
                sides[k, 0] = g[k, p]
            for a in range(arms):
                sides[a, 1] = weights[a]
            for k in range(t):
                sides[fixed + k, 1] = effect[k]
            if not solve(g[:p, :p], sides, found):
                ok = False
                break
            rss, n, along = g[p, p], 0.0, 0.0
            for k in range(p):
                rss -= sides[k, 0] * found[k, 0]
                along += sides[k, 1] * found[k, 1]
                effect[t] += sides[k, 1] * found[k, 0]
            for a in range(arms):
                n += g[a, a]
            for k in range(t):
                share[t, k] = found[fixed + k, 0]
            quadratic[t] = along * max(rss, 0.0) / (n - fixed)
        if not ok:
            continue
        carried = np.zeros(visits)
        carried[visits - 1] = 1.0
        for s in range(visits - 2, -1, -1):
            for t in range(s + 1, visits):
                carried[s] += carried[t] * share[t, s]
        estimate[trial] = effect[visits - 1]
        variance[trial], df[trial] = 0.0, -float(fixed)
        for t in range(visits):
            variance[trial] += carried[t] * carried[t] * quadratic[t]
        for a in range(arms):
            df[trial] += gram[visits, a, a]
