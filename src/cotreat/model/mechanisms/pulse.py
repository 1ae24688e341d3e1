"""A pulse that decays: dS/dt = -S / tau + size * delta(t at each session). Exact over a step.

The window after ECT and ketamine, the transient of ketamine, the push of psychotherapy, cognition after ECT and the
refractory trace of sessions are of this kind.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np


def constants(name: str, tau: np.ndarray, h: float) -> dict[str, np.ndarray]:
    """``keep``: what is left after the step; ``mean``: weight of the start value in the mean; ``rate``."""
    return {f"{name}.keep": np.exp(-h / tau), f"{name}.mean": -np.expm1(-h / tau) * tau / h, f"{name}.rate": 1.0 / tau}


def step(value: Any, name: str, c: dict[str, Any], size: Any, after: Any) -> tuple[Any, Any]:
    """Value at the end of the step and its mean over it; ``size`` comes ``after`` days before the end."""
    kept = jnp.exp(-after * c[f"{name}.rate"])
    end = value * c[f"{name}.keep"] + size * kept
    return end, value * c[f"{name}.mean"] + size * (1.0 - kept) / (c[f"{name}.rate"] * c["h"])
