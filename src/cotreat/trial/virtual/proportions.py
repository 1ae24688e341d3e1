"""Proportions in many trials at once: from events and patients in each arm, arrays (trials, arms).

Tests by name: "newcombe" (hybrid score interval without continuity correction, Newcombe 1998 method 10), "chi2"
(Pearson, no correction), "cmh" (Cochran-Mantel-Haenszel over strata, no correction), "logistic" (Wald test of the log
odds ratio, or of its interaction), "risk" (Wald test of a contrast of risks).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from cotreat.trial.virtual.contrasted import Contrasted, contrasted


def wilson(x: np.ndarray, n: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Score interval of a proportion (Wilson 1927)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = x / n
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def newcombe_interval(
    x: tuple[np.ndarray, np.ndarray], n: tuple[np.ndarray, np.ndarray], alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the risk difference ``x[0]/n[0] - x[1]/n[1]`` of level 1 - alpha."""
    z = float(-ndtri(alpha / 2))
    p, q = x[0] / n[0], x[1] / n[1]
    (l1, u1), (l2, u2) = wilson(x[0], n[0], z), wilson(x[1], n[1], z)
    d = p - q
    return d - np.sqrt((p - l1) ** 2 + (u2 - q) ** 2), d + np.sqrt((u1 - p) ** 2 + (q - l2) ** 2)


def newcombe(x: np.ndarray, n: np.ndarray, limit: float = 0.0) -> Contrasted:
    """Test of the risk difference (arm 0 less arm 1 of (trials, 2)) against ``limit`` that agrees with the interval.

    p is the level at which the Newcombe interval just reaches the limit, found by bisection on z.
    """
    pair_x, pair_n = (x[:, 0], x[:, 1]), (n[:, 0], n[:, 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = x[:, 0] / n[:, 0], x[:, 1] / n[:, 1]
        estimate = p - q
        low, high = np.zeros(len(x)), np.full(len(x), 40.0)
        for _ in range(50):
            z = (low + high) / 2
            (l1, u1), (l2, u2) = _wilson_each(pair_x[0], pair_n[0], z), _wilson_each(pair_x[1], pair_n[1], z)
            above = estimate - np.sqrt((p - l1) ** 2 + (u2 - q) ** 2) > limit
            below = estimate + np.sqrt((u1 - p) ** 2 + (q - l2) ** 2) < limit
            outside = above | below
            low, high = np.where(outside, z, low), np.where(outside, high, z)
        se = np.sqrt(p * (1 - p) / n[:, 0] + q * (1 - q) / n[:, 1])
    known = np.isfinite(estimate)
    statistic = np.where(known, np.sign(estimate - limit) * low, 0.0)
    made = contrasted(statistic, np.ones(len(x)))
    return Contrasted(estimate, se, made.statistic, made.p, made.df)


def _wilson_each(x: np.ndarray, n: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = x / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def chi2(x: np.ndarray, n: np.ndarray) -> Contrasted:
    """Pearson's test of two proportions, (trials, 2): the pooled-variance z, whose square is chi-square with 1 df."""
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = x[:, 0] / n[:, 0] - x[:, 1] / n[:, 1]
        pooled = x.sum(axis=1) / n.sum(axis=1)
        se = np.sqrt(pooled * (1 - pooled) * (1 / n[:, 0] + 1 / n[:, 1]))
    return contrasted(estimate, se)


def cmh(x: np.ndarray, n: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> Contrasted:
    """Cochran-Mantel-Haenszel: each pair (treated arm, other arm) is a stratum.

    Statistic sum (a - E a) / sqrt(sum Var a) with the hypergeometric variance. The estimate is the Mantel-Haenszel
    risk difference, with the standard error that belongs to the statistic.
    """
    gap, variance, weight, rd = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    with np.errstate(invalid="ignore", divide="ignore"):
        for i, j in pairs:
            n1, n0, total = n[:, i], n[:, j], n[:, i] + n[:, j]
            m = x[:, i] + x[:, j]
            gap += x[:, i] - n1 * m / total
            variance += n1 * n0 * m * (total - m) / (total**2 * (total - 1))
            rd += n1 * n0 / total * (x[:, i] / n1 - x[:, j] / n0)
            weight += n1 * n0 / total
        estimate = rd / weight
        z = gap / np.sqrt(variance)
        se = np.abs(np.where(z != 0, estimate / z, np.sqrt(variance) / weight))
    made = contrasted(z, np.where(np.isfinite(z), 1.0, np.nan))
    return Contrasted(estimate, se, made.statistic, made.p, made.df)


def logistic(x: np.ndarray, n: np.ndarray, weights: np.ndarray) -> Contrasted:
    """Wald test of a contrast of log odds in the saturated logistic model, which has closed form.

    With two arms it is the log odds ratio, with the weights of an interaction the log ratio of odds ratios. A cell
    without or full of events gets half an event each way (Haldane-Anscombe) in that trial.
    """
    w = np.asarray(weights, dtype=float)
    used = w != 0
    empty = ((x == 0) | (x == n))[:, used].any(axis=1)[:, None] * 0.5
    a, b = x + empty, n - x + empty
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = np.log(a / b)[:, used] @ w[used]
        se = np.sqrt((1 / a + 1 / b)[:, used] @ w[used] ** 2)
    return contrasted(estimate, se)


def risk(x: np.ndarray, n: np.ndarray, weights: np.ndarray) -> Contrasted:
    """Wald test of a contrast of risks, such as the interaction on the risk scale; Agresti-Caffo counts (+1, +2)."""
    w = np.asarray(weights, dtype=float)
    used = w != 0
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = (x / n)[:, used] @ w[used]
        p, size = (x + 1) / (n + 2), n + 2
        estimate = p[:, used] @ w[used]
        se = np.sqrt((p * (1 - p) / size)[:, used] @ w[used] ** 2)
    made = contrasted(estimate, se)
    return Contrasted(raw, se, made.statistic, made.p, made.df)
