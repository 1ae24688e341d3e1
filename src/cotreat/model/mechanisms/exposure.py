"""Exposure: how much of a drug is there, and how much of its effect.

    dE/dt = k (target - E) + k dose delta(t)        k = ln 2 / half-life
    effect = (E / (E + E50)) / (E_typical / (E_typical + E50))

A drug given to a plasma level follows its target with its half-life. A drug given by dose has E in mg per day: at
steady state the mean of E is the daily dose, so occupancy curves over daily dose apply as published. The effect is
1 at the typical dose or level. The mean effect over a step uses two Gauss nodes of the exact solution.

Does not claim: absorption, more than one compartment, or a delay between plasma and brain.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

_NODES = (0.5 - 3**0.5 / 6, 0.5 + 3**0.5 / 6)


def constants(name: str, half_life_days: np.ndarray, e50: np.ndarray, typical: np.ndarray, h: float) -> dict[str, Any]:
    """Constants of drug ``name``; arrays are one value for each patient, in the drug's own unit of exposure."""
    k = np.log(2) / half_life_days
    return {
        f"exposure.{name}.rate": k,
        f"exposure.{name}.keep": np.exp(-k * h),
        f"exposure.{name}.keep1": np.exp(-k * h * _NODES[0]),
        f"exposure.{name}.keep2": np.exp(-k * h * _NODES[1]),
        f"exposure.{name}.e50": e50,
        f"exposure.{name}.scale": (typical + e50) / typical,
    }


def step(exposure: Any, name: str, c: dict[str, Any], target: Any, dose: Any, age: Any) -> tuple[Any, Any]:
    """New exposure, and the mean effect over the step.

    ``target`` is the level held during the step (0 for a drug given by dose), ``dose`` what is given within it,
    ``age`` = (days from the dose to the end of the step, to the first and to the second node; negative: not yet given).
    """
    k, e50, scale = c[f"exposure.{name}.rate"], c[f"exposure.{name}.e50"], c[f"exposure.{name}.scale"]
    kick = k * dose

    def at(keep: Any, since: Any) -> Any:
        given = jnp.where(since >= 0, kick * jnp.exp(-k * jnp.maximum(since, 0.0)), 0.0)
        return target + (exposure - target) * keep + given

    end = at(c[f"exposure.{name}.keep"], age[0])
    one, two = at(c[f"exposure.{name}.keep1"], age[1]), at(c[f"exposure.{name}.keep2"], age[2])
    effect = 0.5 * scale * (one / (one + e50) + two / (two + e50))
    return end, effect


def ages(offset: Any, h: Any) -> tuple[Any, Any, Any]:
    """Days from an event at ``offset`` (fraction of the step) to the end of the step and to the two nodes."""
    return h * (1.0 - offset), h * (_NODES[0] - offset), h * (_NODES[1] - offset)
