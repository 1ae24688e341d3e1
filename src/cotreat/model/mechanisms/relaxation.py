"""First-order relaxation, dS/dt = (drive - S) / tau: exact over a step with a constant drive.

Tilt, placebo and the gains of drugs are of this kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def constants(name: str, tau: np.ndarray, h: float) -> dict[str, np.ndarray]:
    """``keep``: what is left after the step; ``mean``: weight of the start value in the mean over the step."""
    return {f"{name}.keep": np.exp(-h / tau), f"{name}.mean": -np.expm1(-h / tau) * tau / h}


def step(value: Any, name: str, c: dict[str, Any], drive: Any) -> tuple[Any, Any]:
    """Value at the end of the step and its mean over the step."""
    gap = value - drive
    return drive + gap * c[f"{name}.keep"], drive + gap * c[f"{name}.mean"]
