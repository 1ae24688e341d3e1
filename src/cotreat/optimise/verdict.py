"""The verdict on an order: before better, after better, no difference that matters, cannot tell.

The rule, for the difference *before minus after* (more is better), over the draws of what is not known:

- *no difference that matters* when at least 95 of 100 draws lie within the margin: 2 HAM-D points, or 5 per 100;
- *before better* when at least 97.5 of 100 draws lie above zero and the median is beyond the margin;
- *after better* the other way round;
- *cannot tell from today's evidence* otherwise, and whenever the two readings of the question (equal stop date, equal
  drug-days) point in different directions.

Half a draw is added on each side, so a direction needs 19 draws and no difference 9.

With no difference in truth and a posterior that covers it as it should, zero lies outside the central 95 % in at most
5 of 100 runs, so a direction is claimed in at most as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr

from cotreat.outcomes.estimate import Spread

Verdict = Literal["before better", "after better", "no difference that matters", "cannot tell"]
WORDS: dict[Verdict, str] = {
    "before better": "before better",
    "after better": "after better",
    "no difference that matters": "no difference that matters",
    "cannot tell": "cannot tell from today's evidence",
}
MARGIN_POINTS = 2.0
MARGIN_PER_100 = 5.0
SURE_OF_DIRECTION = 0.975
SURE_OF_NONE = 0.95
_EXACT = 1e-9  # an error of simulation below this is none


@dataclass(frozen=True)
class Contrast:
    """Before minus after over the draws, in utility (more is better), with the margin that matters.

    ``error``: standard error of the mean that comes of simulating finitely many patients. It is common to all draws and
    is added to every probability, so that few patients never make a verdict sure.
    """

    values: np.ndarray
    margin: float
    weights: np.ndarray | None = None
    error: float = 0.0

    @classmethod
    def of(cls, spread: Spread, margin: float) -> Contrast:
        """From a spread over parameter draws."""
        return cls(spread.values, margin, error=spread.monte_carlo_se)

    @property
    def p_better(self) -> float:
        """Probability that before beats after; a tie counts half."""
        return self._above(0.0)

    @property
    def p_none(self) -> float:
        """Probability that the difference lies within the margin."""
        if self.error > _EXACT:
            return self._above(-self.margin) - self._above(self.margin)
        return self._share(np.abs(self.values) <= self.margin)

    @property
    def median(self) -> float:
        """Median difference."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> float:
        """Quantile over the draws."""
        if self.weights is None:
            return float(np.quantile(self.values, level))
        order = np.argsort(self.values)
        share = np.cumsum(self.weights[order]) / self.weights.sum()
        return float(self.values[order][min(int(np.searchsorted(share, level)), len(order) - 1)])

    def verdict(self) -> Verdict:
        """The verdict on this one contrast."""
        if self._sure(self.p_none) >= SURE_OF_NONE:
            return "no difference that matters"
        if self._sure(self._above(0.0)) >= SURE_OF_DIRECTION and self.median > self.margin:
            return "before better"
        if self._sure(1.0 - self._above(0.0)) >= SURE_OF_DIRECTION and self.median < -self.margin:
            return "after better"
        return "cannot tell"

    def _sure(self, share: float) -> float:
        """A share of the draws as a probability: half a draw is added on each side, so that few are never sure."""
        if self.weights is not None:
            return share
        return (share * len(self.values) + 0.5) / (len(self.values) + 1.0)

    def _above(self, limit: float) -> float:
        """Probability of lying above a limit; a tie counts half."""
        if self.error > _EXACT:
            return self._share(ndtr((self.values - limit) / self.error))
        return self._share((self.values > limit) + 0.5 * (self.values == limit))

    def _share(self, mask: np.ndarray) -> float:
        return float(np.average(mask, weights=self.weights))


def signs_differ(contrasts: Sequence[Contrast]) -> bool:
    """Whether the readings of a question point in different directions beyond the margin in the middle."""
    middle = [c.median for c in contrasts]
    return min(middle) < 0 < max(middle) and max(abs(m) for m in middle) > min(c.margin for c in contrasts)


def together(contrasts: Sequence[Contrast]) -> Verdict:
    """One verdict over the readings of a question: a direction or no difference only where all agree."""
    found = {c.verdict() for c in contrasts}
    if signs_differ(contrasts):
        return "cannot tell"
    return found.pop() if len(found) == 1 else "cannot tell"
