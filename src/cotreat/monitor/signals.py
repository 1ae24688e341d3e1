"""What is expected of a rated signal before the person is known: level, and its answer to mood, withdrawal and stress.

    rating = level + illness z + withdrawal W + stress s + error

z is 0 in the well and 1 in the ill state, W the withdrawal of the model times the person's proneness, s a standard
normal disturbance that comes and goes over days. The four coefficients are normal around the values below and are
learned for each person; so is the size of the error.

Sources: withdrawal loads on body, sleep and anxiety far more than on mood (Kalfas 2025: odds ratios 5.5 for dizziness,
3.2 for nausea and for nervousness, no rise of depressive symptoms); relapse loads on mood. The sizes are assumptions,
wide on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cotreat.measures.crosswalk import crosswalk
from cotreat.measures.errors import InputError
from cotreat.monitor.record import Signal
from cotreat.population.populations import points_per_hamd17, well_score

LEVEL, ILLNESS, WITHDRAWAL, STRESS = range(4)
COEFFICIENTS = ("level", "illness", "withdrawal", "stress")
_TYPICAL_EPISODE = 17.5
"""HAM-D17 points between the well state and a typical episode (4.5 to 22)."""
_SPREAD_OF_EPISODE = 0.30

_REFERENCE = {"anxiety": 0.12, "sleep": 0.18, "somatic": 0.12}
"""Medians of the loadings of withdrawal in the first parameter set, share of the largest score."""

# mean of (level above the floor, illness, withdrawal, stress) and their SDs, then the SD of the error; per width
_EXPECTED: dict[str, tuple[tuple[float, ...], tuple[float, ...], float]] = {
    "depression": ((0.12, 0.42, 0.10, 0.05), (0.15, 0.14, 0.06, 0.025), 0.05),
    "mood": ((0.25, 0.40, 0.12, 0.08), (0.24, 0.13, 0.06, 0.035), 0.07),
    "anxiety": ((0.22, 0.28, 0.24, 0.09), (0.22, 0.10, 0.08, 0.035), 0.07),
    "somatic": ((0.15, 0.11, 0.34, 0.035), (0.18, 0.05, 0.11, 0.02), 0.06),
    "sleep": ((0.25, 0.24, 0.22, 0.06), (0.22, 0.09, 0.08, 0.03), 0.09),
    "withdrawal": ((0.045, 0.06, 0.16, 0.02), (0.03, 0.03, 0.07, 0.012), 0.035),
    "other": ((0.30, 0.20, 0.15, 0.08), (0.20, 0.12, 0.10, 0.04), 0.10),
}


@dataclass(frozen=True)
class Expected:
    """Prior of one signal: ``mean`` and ``sd`` of the coefficients (4,), ``error`` SD and how sure (``freedom``)."""

    mean: np.ndarray
    sd: np.ndarray
    error: float
    freedom: float = 6.0


def expected(signal: Signal, loadings: Mapping[str, float] | None = None) -> Expected:
    """What is expected of a signal before any rating of this person.

    ``loadings``: how withdrawal shows in anxiety, sleep and somatic items according to the parameter set; the table
    above holds for the loadings of the first set, and its column for withdrawal is scaled with them.
    """
    mean, sd, error = _EXPECTED[signal.construct]
    centre, spread = np.array(mean) * signal.width, np.array(sd) * signal.width
    if signal.construct == "depression" and (span := _episode(signal.name)) is not None:
        well, points = span
        centre[LEVEL], spread[LEVEL] = well - signal.low, max(0.5 * well, 3.5 * points)
        centre[ILLNESS], spread[ILLNESS] = _TYPICAL_EPISODE * points, _SPREAD_OF_EPISODE * _TYPICAL_EPISODE * points
        centre[WITHDRAWAL], spread[WITHDRAWAL] = 4.5 * points, 2.5 * points
        centre[STRESS], spread[STRESS] = 2.0 * points, 1.0 * points
        error = 2.0 * points / signal.width
    factor = _factor(signal.construct, loadings or {})
    centre[WITHDRAWAL], spread[WITHDRAWAL] = factor * centre[WITHDRAWAL], factor * spread[WITHDRAWAL]
    centre[LEVEL] += signal.low
    return Expected(centre, spread, error * signal.width)


def _factor(construct: str, loadings: Mapping[str, float]) -> float:
    ratios = {k: loadings[k] / reference for k, reference in _REFERENCE.items() if loadings.get(k, 0.0) > 0.0}
    if not ratios:
        return 1.0
    if construct == "withdrawal":
        construct = "somatic"
    return ratios.get(construct, float(np.mean(list(ratios.values()))))


def _episode(name: str) -> tuple[float, float] | None:
    """Score of the well state, and points for one HAM-D17 point, where a crosswalk gives them."""
    try:
        if name != "HAM-D17":
            crosswalk("HAM-D17", name)
        return well_score(name), points_per_hamd17(name)
    except InputError:
        return None
