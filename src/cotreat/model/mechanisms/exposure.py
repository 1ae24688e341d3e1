"""Exposure: how much of a drug is there, and how much of its effect.

    dE/dt = k (target - E) + k dose delta(t)        k = ln 2 / half-life
    effect = (E / (E + E50)) / (E_typical / (E_typical + E50)),  or E / E_typical for a linear class

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
    """Constants of drug ``name``; arrays are one value for each patient, in the drug's own unit of exposure.

    ``e50`` infinite: the effect is linear in the exposure.
    """
    k = np.log(2) / half_life_days
    linear = np.isinf(e50)
    return {
        f"exposure.{name}.rate": k,
        f"exposure.{name}.keep": np.exp(-k * h),
        f"exposure.{name}.keep1": np.exp(-k * h * _NODES[0]),
        f"exposure.{name}.keep2": np.exp(-k * h * _NODES[1]),
        # effect = scale * E / (bend * E + half): with bend 0 and half 1 it is linear
        f"exposure.{name}.bend": np.where(linear, 0.0, 1.0),
        f"exposure.{name}.half": np.where(linear, 1.0, e50),
        f"exposure.{name}.scale": np.where(linear, 1.0, typical + e50) / typical,
    }


def effect(exposure: Any, name: str, c: dict[str, Any]) -> Any:
    """Effect of an exposure, 1 at the typical one."""
    return c[f"exposure.{name}.scale"] * exposure / (c[f"exposure.{name}.bend"] * exposure + c[f"exposure.{name}.half"])


def follow_level(exposure: Any, name: str, c: dict[str, Any], target: Any, since: Any) -> tuple[Any, Any, Any]:
    """Level held at ``target``: exposure at the end, mean effect, and effect ``since`` days into the step."""
    gap = exposure - target
    one, two = (target + gap * keep for keep in _nodes(name, c))
    at = target + gap * jnp.exp(-c[f"exposure.{name}.rate"] * since)
    return target + gap * c[f"exposure.{name}.keep"], _mean_effect(name, c, one, two), effect(at, name, c)


def take_dose(
    exposure: Any, name: str, c: dict[str, Any], dose: tuple[Any, Any], h: Any, since: Any
) -> tuple[Any, Any, Any]:
    """With ``dose`` = (amount, fraction of the step at which it is taken): as ``follow_level``."""
    k = c[f"exposure.{name}.rate"]
    amount, offset = dose

    def given(age: Any) -> Any:
        return jnp.where(age >= 0, k * amount * jnp.exp(-k * jnp.maximum(age, 0.0)), 0.0)

    end = exposure * c[f"exposure.{name}.keep"] + given(h * (1.0 - offset))
    one, two = (
        exposure * keep + given(h * (node - offset)) for keep, node in zip(_nodes(name, c), _NODES, strict=True)
    )
    at = exposure * jnp.exp(-k * since) + given(since - h * offset)
    return end, _mean_effect(name, c, one, two), effect(at, name, c)


def _nodes(name: str, c: dict[str, Any]) -> tuple[Any, Any]:
    return c[f"exposure.{name}.keep1"], c[f"exposure.{name}.keep2"]


def _mean_effect(name: str, c: dict[str, Any], one: Any, two: Any) -> Any:
    return 0.5 * (effect(one, name, c) + effect(two, name, c))
