"""Adaptive strategies of a sequential (SMART) trial compared by weighting.

A strategy is a first treatment and what follows for those who do not respond. Each arm of the simulation is one
strategy; those who respond never meet its second part, so within a first treatment they count for every strategy.
Weights are the inverse of the chance to be consistent with the strategy: responders 1 in the arms of their first
treatment together, those who do not respond the number of options, in their own arm only (Nahum-Shani 2012,
Psychol Methods 17:457). The variance is that of the weighted mean with its influence of each patient (sandwich).
"""

from __future__ import annotations

import numpy as np

from cotreat.trial.virtual.contrasted import Contrasted, contrasted
from cotreat.trial.virtual.design import Trial


def compare(
    y: np.ndarray, who: np.ndarray, undecided: np.ndarray | None, weights: np.ndarray, trial: Trial
) -> Contrasted:
    """Contrast of the weighted means of strategies; arrays (trials, strategies, patients)."""
    assert undecided is not None
    options, first = trial.second_options, [a.levels[0] for a in trial.arms]
    influence = np.zeros(y.shape)
    estimate = np.zeros(len(y))
    values = y.astype(np.float64)
    for s in np.flatnonzero(weights):
        weight = np.zeros(y.shape)
        for arm in range(y.shape[1]):
            if first[arm] == first[s]:
                again = options if arm == s else 0
                weight[:, arm] = np.where(undecided[:, arm], again, 1.0)
        weight *= who
        total = weight.sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weight * np.where(who, values, 0.0)).sum(axis=(1, 2)) / total
            influence += weights[s] * weight * (np.where(who, values, 0.0) - mean[:, None, None]) / total[:, None, None]
        estimate += weights[s] * mean
    return contrasted(estimate, np.sqrt((influence**2).sum(axis=(1, 2))))
