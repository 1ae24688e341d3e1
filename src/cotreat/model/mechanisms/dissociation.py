"""Dissociation after ketamine: there within minutes, gone within hours, each time anew.

    CADSS(t) = peak strength exp(-t / tau)        t hours after the end of the infusion

Source: mean CADSS about 7.7 during ketamine; back to baseline within hours in trials that rated it.
Does not claim: tolerance over repeated doses, or a link to response.
"""

from __future__ import annotations

import numpy as np

PEAK_CADSS = 7.7
HOURS = 0.75
"""Time constant in hours; an assumption that leaves under 0.5 points after two hours."""


def cadss(hours: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Mean CADSS points above baseline, ``hours`` after a dose of relative ``strength`` (0.5 mg/kg i.v. is 1)."""
    hours = np.asarray(hours, dtype=float)
    return np.where(hours >= 0, PEAK_CADSS * strength * np.exp(-hours / HOURS), 0.0)
