"""Adaptation and withdrawal: the body gets used to a drug, and misses it when it goes faster than it readapts.

    dA/dt = (O - A) / tau        tau_up while O > A, tau_down while O < A; a fast and a slow pool
    W = weight max(0, A - O),    A = (1 - s) A_fast + s A_slow

O is the effect of the drug (1 at the typical dose). W pushes mood towards illness (``withdrawal.mood``), adds points to
the rating (``withdrawal.points``) and raises the count of new symptoms. Half of what is reported after stopping is also
reported on placebo (Henssler 2024: 31 against 17 %): that part is the nocebo and
background count in ``outcomes.symptoms``, not withdrawal.

Source: opponent-process and regulated-adaptation models (Peper 2004); two pools because one cannot give both a peak in
the first week and more withdrawal after longer use (Zhang 2024). No published model was fitted to daily symptom data.
Does not claim: that the pools are receptors, or how withdrawal divides into mood, anxiety, sleep and somatic items.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np


def constants(p: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    """Constants of the step of ``h`` days, shared by all drugs."""
    return {
        "adaptation.keep_up": np.exp(-h / p["adaptation.time_up"]),
        "adaptation.keep_down": np.exp(-h / p["adaptation.time_down"]),
        "adaptation.keep_slow": np.exp(-h / p["adaptation.time_slow"]),
        "adaptation.slow_share": p["adaptation.slow_share"],
        "withdrawal.mood": p["withdrawal.mood"],
        "withdrawal.points": p["withdrawal.points"],
    }


def step(fast: Any, slow: Any, c: dict[str, Any], mean_effect: Any) -> tuple[Any, Any, Any]:
    """New pools, and how far adaptation exceeds the effect over the step."""
    keep = jnp.where(mean_effect > fast, c["adaptation.keep_up"], c["adaptation.keep_down"])
    new_fast = mean_effect + (fast - mean_effect) * keep
    new_slow = mean_effect + (slow - mean_effect) * c["adaptation.keep_slow"]
    share = c["adaptation.slow_share"]
    level = (1.0 - share) * 0.5 * (fast + new_fast) + share * 0.5 * (slow + new_slow)
    return new_fast, new_slow, jnp.maximum(level - mean_effect, 0.0)
