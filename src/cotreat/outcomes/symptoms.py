"""Symptoms after a cut: how many would be counted, who counts as having a syndrome, and where they show.

A checklist after stopping (DESS) counts new or worse symptoms. Its mean grows with withdrawal and nocebo from a
background that people count whose drug was not touched. The count of a person is taken as geometric around that mean,
which gives the long tail of such counts; four or more is the usual syndrome. Source of the shares it is set to:
Henssler 2024, 31 against 17 %.

On a rating scale the same complaints show in its items on anxiety, sleep and the body.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cotreat.measures.scales import Scale

COMPLAINTS = ("anxiety", "sleep", "somatic")
"""Groups of items in which withdrawal and nocebo show; items of mood follow mood."""

SYNDROME = 4
"""Symptoms that count as a withdrawal syndrome on DESS."""


def points_by_group(
    scale: Scale, complaints: np.ndarray, loadings: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray] | None:
    """Points that complaints (withdrawal and nocebo, in units of withdrawal) add to each group of items of a scale.

    ``loadings``: share of the largest score per unit, by group ("anxiety", "sleep", "somatic"). None for a scale whose
    items are not grouped.
    """
    if scale.symptoms is None:
        return None
    return {group: np.asarray(scale.symptoms[group] * loadings[group] * complaints) for group in COMPLAINTS}


def mean_count(withdrawal: np.ndarray, background: np.ndarray, per_unit: np.ndarray) -> np.ndarray:
    """Mean number of new or worse symptoms: background, plus withdrawal and nocebo (in units of withdrawal)."""
    return np.asarray(background + per_unit * withdrawal)


def counted(count: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """Count of each person: the quantile ``luck`` (between 0 and 1) of the geometric count with this mean."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.floor(np.log(luck) / np.log(count / (1.0 + count))))


def share_with_syndrome(count: np.ndarray, at_least: int = SYNDROME) -> np.ndarray:
    """Probability that a geometric count with this mean reaches ``at_least``."""
    return np.asarray((count / (1.0 + count)) ** at_least)
