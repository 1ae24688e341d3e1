"""Sample sizes and powers by formula: what a simulation is held against, and a first guess for its search."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri
from scipy.stats import nct, t


def power_of_means(difference: float, sd: float, n: float, alpha: float = 0.05) -> float:
    """Power of the two-sided t test with ``n`` patients in each of two arms (noncentral t)."""
    df = 2 * n - 2
    shift = difference / (sd * math.sqrt(2 / n))
    cut = float(t.isf(alpha / 2, df))
    return float(nct.sf(cut, df, shift) + nct.cdf(-cut, df, shift))


def n_for_means(difference: float, sd: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Patients in each of two arms for the t test."""
    return _smallest(lambda n: power_of_means(difference, sd, n, alpha), power)


def n_for_interaction(difference: float, sd: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Patients in each cell of a 2 x 2 trial to find an interaction (a difference of differences) of this size."""
    z = _z(alpha / 2) + _z(1 - power)
    return math.ceil(4 * (z * sd / difference) ** 2)


def n_for_proportions(p: float, q: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Patients in each of two arms for the chi-square test (pooled variance under no difference)."""
    mean = (p + q) / 2
    top = _z(alpha / 2) * math.sqrt(2 * mean * (1 - mean)) + _z(1 - power) * math.sqrt(p * (1 - p) + q * (1 - q))
    return math.ceil((top / (p - q)) ** 2)


def n_non_inferior_proportions(p: float, q: float, margin: float, power: float = 0.8, one_sided: float = 0.025) -> int:
    """Patients in each arm to show that a proportion ``p`` is not lower than ``q`` by ``margin`` or more."""
    z = _z(one_sided) + _z(1 - power)
    return math.ceil((p * (1 - p) + q * (1 - q)) * (z / (p - q + margin)) ** 2)


def n_non_inferior_means(margin: float, sd: float, power: float = 0.8, one_sided: float = 0.025) -> int:
    """Patients in each arm to show that a mean is not worse by ``margin`` when both are equal."""
    z = _z(one_sided) + _z(1 - power)
    return math.ceil(2 * (z * sd / margin) ** 2)


def events_for_hazard_ratio(ratio: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Events for the log-rank test with equal arms (Schoenfeld 1981)."""
    z = _z(alpha / 2) + _z(1 - power)
    return math.ceil(4 * (z / math.log(ratio)) ** 2)


def n_for_survival(control: float, ratio: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Patients in each arm when a share ``control`` of the controls has the event and everybody is followed."""
    treated = 1 - float((1 - control) ** ratio)
    return math.ceil(events_for_hazard_ratio(ratio, power, alpha) / (control + treated))


def power_of_z(drift: float, alpha: float = 0.05) -> float:
    """Power of a two-sided z test whose statistic has mean ``drift``."""
    cut = _z(alpha / 2)
    return float(ndtr(drift - cut) + ndtr(-drift - cut))


def _smallest(power_at: Callable[[float], float], power: float) -> int:
    high = 4.0
    while power_at(high) < power:
        high *= 2
        if high > 1e8:
            return math.ceil(high)
    root = float(brentq(lambda n: power_at(n) - power, 2.0, high))
    return math.ceil(root - 1e-9)


def _z(tail: float) -> float:
    return float(-ndtri(tail))
