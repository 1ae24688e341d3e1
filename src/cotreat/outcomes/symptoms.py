"""Symptoms after a cut: how many would be counted, and who counts as having a withdrawal syndrome.

A checklist after stopping (DESS) counts new or worse symptoms. People on placebo count some too: background and nocebo.
The count of a person is taken as geometric around a mean that grows with withdrawal, which gives the long tail of
such counts; four or more is the usual syndrome. Source of the shares it is set to: Henssler 2024, 31 against 17 %.
"""

from __future__ import annotations

import numpy as np

SYNDROME = 4
"""Symptoms that count as a withdrawal syndrome on DESS."""


def mean_count(withdrawal: np.ndarray, background: np.ndarray, per_unit: np.ndarray) -> np.ndarray:
    """Mean number of new or worse symptoms: background and nocebo, plus withdrawal."""
    return np.asarray(background + per_unit * withdrawal)


def share_with_syndrome(count: np.ndarray, at_least: int = SYNDROME) -> np.ndarray:
    """Probability that a geometric count with this mean reaches ``at_least``."""
    return np.asarray((count / (1.0 + count)) ** at_least)
