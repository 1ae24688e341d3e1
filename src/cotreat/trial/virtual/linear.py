"""Differences of means in many trials at once: t test, and analysis of covariance with one slope for all arms.

Arrays have the shape (trials, arms, patients). The formulas are those of the linear model with an indicator for each
arm and, for the analysis of covariance, the baseline: sums within arms are enough, no matrix is formed.
"""

from __future__ import annotations

import numpy as np

from cotreat.trial.virtual.contrasted import Contrasted, contrasted


def _sums(values: np.ndarray, who: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("tan,tan->ta", values, who, dtype=np.float64))


def t_test(y: np.ndarray, who: np.ndarray, weights: np.ndarray) -> Contrasted:
    """Contrast of arm means with the pooled variance.

    ``weights`` (arms,) sum to 0 for a difference; arms with weight 0 still give to the pooled variance. Degrees of
    freedom: patients less arms. Source: Student's test; with more arms the one-way model.
    """
    return ancova(y, None, who, weights)


def ancova(y: np.ndarray, x: np.ndarray | None, who: np.ndarray, weights: np.ndarray) -> Contrasted:
    """Contrast of arm means adjusted for ``x`` (None: not adjusted), for patients in ``who``.

    The slope is common to all arms. Estimate sum_a w_a (ybar_a - b xbar_a); variance
    s^2 (sum_a w_a^2 / n_a + (sum_a w_a xbar_a)^2 / Sxx); degrees of freedom N - arms - 1.
    """
    w = np.asarray(weights, dtype=float)
    used = who.astype(np.float64)
    n = used.sum(axis=2)
    y = np.where(who, y, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        my = _sums(y, used) / n
        dy = np.where(who, y - my[:, :, None], 0.0)
        rss = np.einsum("tan,tan->t", dy, dy)
        spread = (w**2 / n)[:, w != 0].sum(axis=1)
        arms = (n > 0).sum(axis=1)
        if x is None:
            df = n.sum(axis=1) - arms
            mean = my
        else:
            x = np.where(who, x, 0.0)
            mx = _sums(x, used) / n
            dx = np.where(who, x - mx[:, :, None], 0.0)
            sxx, sxy = np.einsum("tan,tan->t", dx, dx), np.einsum("tan,tan->t", dx, dy)
            flat = sxx <= 0
            slope = np.where(flat, 0.0, sxy / np.where(flat, 1.0, sxx))
            rss = rss - slope * sxy
            apart = np.where(np.isfinite(mx), mx, 0.0) @ w
            spread = spread + np.where(flat, 0.0, apart**2 / np.where(flat, 1.0, sxx))
            df = n.sum(axis=1) - arms - ~flat
            mean = my - slope[:, None] * mx
        estimate = mean[:, w != 0] @ w[w != 0]
        se = np.sqrt(np.maximum(rss, 0.0) / np.maximum(df, 1) * spread)
    return contrasted(estimate, np.where(df > 0, se, np.nan), df)


def ancova_by_site(
    y: np.ndarray, x: np.ndarray | None, who: np.ndarray, weights: np.ndarray, sites: tuple[np.ndarray, int]
) -> Contrasted:
    """The same with a fixed effect of site; ``sites``: the site of each patient, and how many there are.

    Rating, baseline and the indicators of the arms are centred within the sites of each trial and regressed
    (Frisch-Waugh-Lovell); degrees of freedom: patients less sites, less arms but one, less the slope.
    """
    trials, arms, n = y.shape
    member = np.broadcast_to(np.eye(arms)[None, :, None, :], (trials, arms, n, arms))[..., 1:]
    columns = [member] if x is None else [member, x[..., None]]
    centred = [_within(c, who, sites) for c in (y[..., None], np.concatenate(columns, axis=3))]
    response, design = (c.reshape(trials, arms * n, -1) for c in centred)
    gram = np.einsum("tip,tiq->tpq", design, design)
    side = np.einsum("tip,ti->tp", design, response[..., 0])
    full = np.linalg.matrix_rank(gram) == gram.shape[1]
    gram = np.where(full[:, None, None], gram, np.eye(gram.shape[1]))
    inverse = np.linalg.inv(gram)
    beta = np.einsum("tpq,tq->tp", inverse, side)
    rss = np.einsum("ti,ti->t", response[..., 0], response[..., 0]) - np.einsum("tp,tp->t", beta, side)
    along = np.zeros(gram.shape[1])
    along[: arms - 1] = np.asarray(weights, dtype=float)[1:]
    used = [np.unique(s[w]).size for s, w in zip(np.broadcast_to(sites[0], who.shape), who, strict=True)]
    df = who.sum(axis=(1, 2)) - np.array(used) - gram.shape[1]
    variance = np.maximum(rss, 0.0) / np.maximum(df, 1) * np.einsum("p,tpq,q->t", along, inverse, along)
    good = full & (df > 0)
    return contrasted(np.where(good, beta @ along, np.nan), np.where(good, np.sqrt(variance), np.nan), df)


def _within(values: np.ndarray, who: np.ndarray, sites: tuple[np.ndarray, int]) -> np.ndarray:
    """Columns (trials, arms, patients, columns) less the mean of their site in their trial; 0 for those outside."""
    site, number = sites
    key = (np.arange(len(who))[:, None, None] * number + site)[who]
    count = np.maximum(np.bincount(key, minlength=len(who) * number), 1)
    out = np.zeros(values.shape)
    for k in range(values.shape[3]):
        mine = values[..., k][who].astype(np.float64)
        out[..., k][who] = mine - (np.bincount(key, weights=mine, minlength=len(count)) / count)[key]
    return out


def paired(difference: np.ndarray, who: np.ndarray) -> Contrasted:
    """Two-period crossover: ``difference`` (trials, 2, patients) is period 1 less period 2 in sequences AB and BA.

    The effect A - B is half the difference between the sequences of the mean period difference, which takes a period
    effect out (Hills and Armitage 1979). A carry-over that differs between A and B is not taken out.
    """
    return t_test(difference, who, np.array([0.5, -0.5]))
