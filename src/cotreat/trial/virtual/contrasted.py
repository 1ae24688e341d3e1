"""What a test of many trials gives: one estimate, standard error and p value for each trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr


@dataclass(frozen=True)
class Contrasted:
    """Results of one test in every trial, arrays (trials,).

    ``estimate`` and ``se`` on the scale of the test (points, risk difference, log odds or log hazard ratio, days);
    ``statistic`` their standardised distance from no difference; ``p`` two-sided; ``df`` degrees of freedom (infinite:
    normal). A trial that cannot be tested has statistic 0 and p 1.
    """

    estimate: np.ndarray
    se: np.ndarray
    statistic: np.ndarray
    p: np.ndarray
    df: np.ndarray

    def beyond(self, limit: float) -> Contrasted:
        """The same against a difference of ``limit`` in place of none (non-inferiority)."""
        return contrasted(self.estimate - limit, self.se, self.df)

    def shifted(self, limit: float) -> Contrasted:
        """Statistic and p against ``limit``; the estimate stays that of the difference."""
        moved = self.beyond(limit)
        return Contrasted(self.estimate, self.se, moved.statistic, moved.p, moved.df)


def contrasted(estimate: np.ndarray, se: np.ndarray, df: np.ndarray | float = np.inf) -> Contrasted:
    """Statistic and two-sided p of estimates with standard errors; t distribution where ``df`` is finite."""
    good = np.isfinite(estimate) & np.isfinite(se) & (se > 0)
    freedom = np.broadcast_to(np.asarray(df, dtype=float), estimate.shape)
    good &= freedom > 0
    statistic = np.where(good, estimate / np.where(good, se, 1.0), 0.0)
    return Contrasted(estimate, se, statistic, two_sided(statistic, freedom), freedom)


def two_sided(statistic: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Two-sided p of a statistic; ``df`` infinite: normal."""
    finite = np.isfinite(df) & (df > 0)
    lower = -np.abs(statistic)
    tail = np.where(finite, stdtr(np.where(finite, df, 1.0), lower), ndtr(lower))
    return np.asarray(np.minimum(2.0 * tail, 1.0))


def as_normal(result: Contrasted) -> np.ndarray:
    """The statistic on the normal scale: the same p with the same sign, for boundaries stated as z."""
    from scipy.special import ndtri

    z = -ndtri(np.clip(result.p / 2.0, 1e-300, 0.5))
    return np.asarray(np.sign(result.statistic) * z)
