"""Adaptation, withdrawal and nocebo: the body gets used to a drug, and misses it when it goes faster than it readapts.

    dA/dt = (O - A) / tau        tau_up while O > A, tau_down while O < A; a fast and a slow pool
    W = weight max(0, A - O),    A = (1 - s) A_fast + s A_slow
    N = size exp(-days since the last change / tau_N)

O is the effect of the drug (1 at the typical dose), so W = 1 is what a whole usual dose leaves when it stops at once.
W pushes mood towards illness (``withdrawal.mood``, in units of drive). It also shows in what is asked about anxiety,
sleep and the body: ``withdrawal.anxiety``, ``.sleep`` and ``.somatic`` are the shares of the largest score of such
items per unit of W, so a rating scale gains as many points as it has of them (``cotreat.measures.scales``). Items of
mood follow mood.

Sessions of TMS may ease withdrawal or worsen it: W is multiplied by 1 + R,

    dR/dt = -R / tau_R,        1 + R -> (1 + R) exp(-relief.tms) at each session.

No trial has looked at that, so the prior is centred on no effect.

N is what people report because they know, or guess, that something was changed: a cut, a stop, or capsules exchanged
in a blinded trial. It is counted in units of W and shows in the same complaints, but does not push mood. A new change
renews it and does not add up. Half of what is reported after stopping a drug is also reported after stopping placebo
(Henssler 2024: 31 against 17 %): nocebo and the background count of ``outcomes.symptoms`` stand for that half.

Source: opponent-process and regulated-adaptation models (Peper 2004); two pools because one cannot give both a peak in
the first week and more withdrawal after longer use (Zhang 2024). No published model was fitted to daily symptom data.
Does not claim: that the pools are receptors, that the loadings were measured, or that nocebo is the same in everybody.
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
    }


def step(fast: Any, slow: Any, c: dict[str, Any], mean_effect: Any) -> tuple[Any, Any, Any]:
    """New pools, and how far adaptation exceeds the effect over the step."""
    keep = jnp.where(mean_effect > fast, c["adaptation.keep_up"], c["adaptation.keep_down"])
    new_fast = mean_effect + (fast - mean_effect) * keep
    new_slow = mean_effect + (slow - mean_effect) * c["adaptation.keep_slow"]
    share = c["adaptation.slow_share"]
    level = (1.0 - share) * 0.5 * (fast + new_fast) + share * 0.5 * (slow + new_slow)
    return new_fast, new_slow, jnp.maximum(level - mean_effect, 0.0)


def relief_constants(p: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    """Constants of the step of ``h`` days."""
    return {"relief.keep": np.exp(-h / p["relief.time_constant"])}


def relief_step(value: Any, c: dict[str, Any], size: Any) -> Any:
    """R at the end of a step with sessions of the summed ``size`` (positive eases)."""
    factor = jnp.exp(-size)
    return (value * factor + (factor - 1.0)) * c["relief.keep"]


def nocebo_constants(p: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    """Constants of the step of ``h`` days."""
    return {"nocebo.keep": np.exp(-h / p["nocebo.time_constant"]), "nocebo.size": p["nocebo.size"]}


def nocebo_step(value: Any, c: dict[str, Any], changes: Any) -> Any:
    """Nocebo at the end of a step at whose start ``changes`` things were changed."""
    changed = jnp.minimum(changes, 1.0)
    return (value + (c["nocebo.size"] - value) * changed) * c["nocebo.keep"]
