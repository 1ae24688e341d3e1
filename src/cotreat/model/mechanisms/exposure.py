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


def follow_level(exposure: Any, name: str, c: dict[str, Any], target: Any) -> tuple[Any, Any]:
    """New exposure, and the mean effect over the step, while the level is held at ``target``."""
    gap = exposure - target
    return target + gap * c[f"exposure.{name}.keep"], _mean_effect(
        name, c, *(target + gap * k for k in _nodes(name, c))
    )


def take_dose(exposure: Any, name: str, c: dict[str, Any], dose: Any, age: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    """New exposure, and the mean effect over the step, with ``dose`` given within it.

    ``age``: days from the dose to the end of the step and to its two nodes; negative: not yet given.
    """
    k = c[f"exposure.{name}.rate"]

    def given(since: Any) -> Any:
        return jnp.where(since >= 0, k * dose * jnp.exp(-k * jnp.maximum(since, 0.0)), 0.0)

    end = exposure * c[f"exposure.{name}.keep"] + given(age[0])
    at_nodes = (exposure * keep + given(since) for keep, since in zip(_nodes(name, c), age[1:], strict=True))
    return end, _mean_effect(name, c, *at_nodes)


def _nodes(name: str, c: dict[str, Any]) -> tuple[Any, Any]:
    return c[f"exposure.{name}.keep1"], c[f"exposure.{name}.keep2"]


def _mean_effect(name: str, c: dict[str, Any], one: Any, two: Any) -> Any:
    e50 = c[f"exposure.{name}.e50"]
    return 0.5 * c[f"exposure.{name}.scale"] * (one / (one + e50) + two / (two + e50))


def ages(offset: Any, h: Any) -> tuple[Any, Any, Any]:
    """Days from an event at ``offset`` (fraction of the step) to the end of the step and to the two nodes."""
    return h * (1.0 - offset), h * (_NODES[0] - offset), h * (_NODES[1] - offset)
