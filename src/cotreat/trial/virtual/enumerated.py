"""Two small arms: the p value of Pearson's statistic by enumeration instead of from the normal distribution.

Counts are discrete, and without a correction every usual test of two proportions claims too often at some shares: with
25 patients in each arm and half of them responding, 6.5 % of the time in place of 5 %. Enumerated at the share of both
arms together (the "approximate unconditional" test, Storer and Kim 1990), the same statistic stays at its level.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from cotreat.trial.virtual.contrasted import Contrasted
from cotreat.trial.virtual.design import LARGEST

_ROUND = 1e-9
_CELLS_AT_ONCE = 2_000_000


def no_more_than_enumerated(result: Contrasted, x: np.ndarray, n: np.ndarray) -> Contrasted:
    """The result of a test of no difference between two arms, its p raised to the enumerated one where that is larger.

    ``x`` events and ``n`` patients, both (trials, 2). A claim then needs both: the interval or statistic of the test
    itself, and a difference that is rare among all that two arms of this size can show.
    """
    small = (n.sum(axis=1) <= LARGEST) & (n > 0).all(axis=1)
    if not small.any():
        return result
    p = result.p.copy()
    p[small] = np.maximum(p[small], enumerated(x[small], n[small]))
    return Contrasted(result.estimate, result.se, result.statistic, p, result.df)


def enumerated(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    """p of Pearson's statistic of (trials, 2): the probability, where both arms have the share that they have together,
    of a statistic at least as large; 1 where all or none have the event."""
    tables, where = np.unique(np.column_stack([x, n]).round().astype(np.int64), axis=0, return_inverse=True)
    rows = max(1, _CELLS_AT_ONCE // int(tables[:, 2].max() + 1))
    parts = [_each(tables[start : start + rows]) for start in range(0, len(tables), rows)]
    return np.asarray(np.concatenate(parts)[where.reshape(-1)])


def _each(tables: np.ndarray) -> np.ndarray:
    x1, x2, n1, n2 = (tables[:, k, None].astype(float) for k in range(4))
    total, events = n1 + n2, x1 + x2
    share = events / total
    i = np.arange(int(n1.max()) + 1)[None, :]
    # |z| >= its value: a quadratic in the events of the second arm, for each number of events i in the first
    with np.errstate(invalid="ignore", divide="ignore"):
        c = (x1 * n2 - x2 * n1) ** 2 / (events * (total - events))
        a, b = n1**2 + c, -2 * i * n1 * n2 - c * (total - 2 * i)
        root = np.sqrt(np.maximum(b**2 - 4 * a * (i**2 * n2**2 - c * i * (total - i)), 0.0))
        low = np.floor((-b - root) / (2 * a) + _ROUND * n2)
        high = np.ceil((-b + root) / (2 * a) - _ROUND * n2)
    # no events at all, or only events, have no statistic: they are never as extreme
    low = np.where(i == 0, -1.0, low)
    high = np.where(i == n1, n2 + 1.0, high)
    with np.errstate(invalid="ignore"):
        tails = binom.cdf(low, n2, share) + binom.sf(high - 1, n2, share)
        p = np.sum(np.where(i <= n1, binom.pmf(i, n1, share) * tails, 0.0), axis=1)
    flat = (c[:, 0] <= 0) | ~np.isfinite(c[:, 0])
    return np.where(flat, 1.0, np.minimum(p, 1.0))
