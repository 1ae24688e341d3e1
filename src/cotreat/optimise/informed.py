"""Which parameters an answer goes with, and whether data or only the prior speak about them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from cotreat.model.draw_set import DrawSet
from cotreat.model.parameter_set import ParameterSet

PRIOR_DRIVEN = 0.8
"""Overlap of a posterior with its prior above which data hardly moved a parameter."""
_BINS = 10
_MOST = 6
_CHANCE = 0.05


def drivers(values: np.ndarray, parameters: ParameterSet, seed: int) -> list[dict[str, Any]]:
    """Parameters that go with a quantity over its draws, by rank correlation beyond chance.

    Chance: with no relation at all, any parameter would be listed in 5 of 100 runs (Bonferroni over all of them).
    """
    draws = parameters.draws(len(values), seed)
    open_ = {name: v for name, v in draws.items() if np.ptp(v) > 0 and not name.startswith("study.")}
    if len(values) < 8 or np.ptp(values) == 0 or not open_:
        return []
    rank = _ranks(values)
    rows = [(name, float(np.corrcoef(rank, _ranks(v))[0, 1])) for name, v in open_.items()]
    rows.sort(key=lambda r: -abs(r[1]))
    least = -float(ndtri(_CHANCE / 2 / len(open_))) / np.sqrt(len(rank) - 1)
    return [
        {
            "parameter": name,
            "rank_correlation": round(r, 3),
            "prior_overlap": round(overlap(parameters, name), 3),
            "prior_driven": overlap(parameters, name) > PRIOR_DRIVEN,
        }
        for name, r in rows[:_MOST]
        if abs(r) > least
    ]


def overlap(parameters: ParameterSet, name: str) -> float:
    """Area shared by the posterior of a parameter and its prior: 1 where the set holds nothing but the prior.

    Read over ten classes that are equally likely under the prior.
    """
    if not isinstance(parameters, DrawSet) or name not in parameters.rows or name not in parameters.parameters:
        return 1.0
    inner = parameters.parameters[name].quantile(np.arange(1, _BINS) / _BINS)
    values = parameters.rows[name]
    share = np.bincount(np.searchsorted(inner, values), minlength=_BINS) / len(values)
    return float(np.minimum(share, 1.0 / _BINS).sum())


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values)).astype(float)
