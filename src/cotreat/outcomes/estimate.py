"""Two kinds of spread, kept apart.

*What is not known*: a quantity differs between parameter draws. Each draw is simulated with a finite number of
patients, so the spread between draws also holds simulation noise; it is taken out by shrinking the draws towards their
mean so that their variance is the between-draw variance (method of moments, as for a random-effects model).
*Chance*: a trial of n patients scatters around what is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtr, ndtr

_JOINED = 512  # points on the line through the draws
_COUNTS = 2000  # counts of a large trial at which the distribution is worked out


@dataclass(frozen=True)
class Spread:
    """A quantity over parameter draws: simulation noise removed, and the noise left in its mean."""

    values: np.ndarray
    monte_carlo_se: float

    @property
    def median(self) -> float:
        return float(np.median(self.values))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Central interval over what is not known."""
        low, high = np.quantile(self.values, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def denoise(values: np.ndarray, variances: np.ndarray) -> Spread:
    """Draw values (draws,) with the simulation variance of each; draws without patients (NaN) are left out."""
    keep = np.isfinite(values)
    values, variances = values[keep], np.nan_to_num(variances[keep])
    if not len(values):
        return Spread(np.array([np.nan]), float("nan"))
    se = float(np.sqrt(variances.sum()) / len(values))
    if len(values) < 2:
        return Spread(values, se)
    total, noise = float(values.var(ddof=1)), float(variances.mean())
    shrink = np.sqrt(max(0.0, 1.0 - noise / total)) if total > 0 else 1.0
    return Spread(values.mean() + shrink * (values - values.mean()), se)


def proportion(hit: np.ndarray, among: np.ndarray | None = None) -> Spread:
    """Share of patients (draws, patients) for whom ``hit``, among those in ``among``."""
    among = np.ones(hit.shape, dtype=bool) if among is None else among
    return share((hit & among).sum(axis=1), among.sum(axis=1))


def share(hits: np.ndarray, n: np.ndarray) -> Spread:
    """The same from counts: of ``n`` patients of each draw, ``hits`` have it."""
    p, variance = _share(hits, n)
    spread = denoise(p, variance)
    return Spread(np.clip(spread.values, 0.0, 1.0), spread.monte_carlo_se)


def difference(one: tuple[np.ndarray, np.ndarray], two: tuple[np.ndarray, np.ndarray], *, same: bool) -> Spread:
    """Difference of two shares (hits, n) with denominators of their own; ``same``: they are of the same patients."""
    (p, v), (q, w) = _share(*one), _share(*two)
    return denoise(p - q, np.zeros_like(v) if same else v + w)


def mean(values: np.ndarray) -> Spread:
    """Mean over patients (draws, patients) in float64."""
    values = np.asarray(values, float)
    return mean_of_sums(np.full(len(values), values.shape[1]), values.sum(axis=1), (values**2).sum(axis=1))


def paired_difference(a: np.ndarray, b: np.ndarray) -> Spread:
    """Mean over patients of ``a - b`` on common luck, shape (draws, patients)."""
    return mean(np.asarray(a, float) - np.asarray(b, float))


def mean_of_sums(n: np.ndarray, total: np.ndarray, squares: np.ndarray) -> Spread:
    """Mean over ``n`` patients of each draw, from the sum of a quantity and of its square."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return denoise(total / n, variance(n, total, squares) / n)


def variance(n: np.ndarray, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Variance between patients of each draw (n - 1 in the denominator), from sums."""
    return np.asarray(np.maximum(squares - total**2 / n, 0.0) / np.maximum(n - 1, 1))


def _share(hits: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = np.asarray(n, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        # a half event is added to the variance only, so that an empty or full draw is not taken as certain
        smooth = (hits + 0.5) / (n + 1.0)
        return hits / n, smooth * (1 - smooth) / n


def binomial_quantile(p: np.ndarray, n: int, level: float) -> float:
    """Quantile of the proportion seen in a trial of ``n`` when the truth is one of ``p`` with equal chance.

    The draws are joined by straight lines and a count k stands for k - 1/2 to k + 1/2, so that neither the number of
    draws nor that of patients makes steps: a larger trial has a narrower interval.
    """
    if 1 < len(p) < _JOINED:
        p = np.quantile(p, (np.arange(_JOINED) + 0.5) / _JOINED)
    count = np.arange(n + 1) if n <= _COUNTS else np.unique(np.rint(np.linspace(0, n, _COUNTS + 1)))
    cumulative = bdtr(count[:, None], n, np.clip(p, 0.0, 1.0)[None, :]).mean(axis=1)
    edge = np.interp(level, np.concatenate([[0.0], cumulative]), np.concatenate([[-0.5], count + 0.5]))
    return float(np.clip(edge / n, 0.0, 1.0))


def normal_quantile(centre: np.ndarray, sd: np.ndarray, level: float) -> float:
    """Quantile of an equal mixture of normal distributions."""
    if np.all(sd <= 0):
        return float(np.quantile(centre, level))
    low, high = float((centre - 9 * sd).min()) - 1e-9, float((centre + 9 * sd).max()) + 1e-9

    def excess(x: Any) -> float:
        return float(ndtr((x - centre) / np.maximum(sd, 1e-12)).mean() - level)

    return float(brentq(excess, low, high, xtol=1e-6))
