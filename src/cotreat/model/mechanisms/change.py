"""Labile and stored change: what stimulation does, and what of it stays.

    dM = -M / tau_M dt - k_c exp(G_c) M dt  + session:  M -> Mmax - (Mmax - M) exp(-y / Mmax)
    dL = k_c exp(G_c) M dt - L / tau_L dt

A session adds labile change M with yield y = m g exp(G_s): m the yield of the stimulation, g the patient's sensitivity,
G_s the session gain of drugs on board (either sign). The session map is the exact flow of dM = y (1 - M / Mmax), so a
yield given in two halves does what one does, and M never passes Mmax. Part of M is stored as L at a rate that drugs
and the window after ECT may raise or lower (G_c).

Source: saturation as in Berlow 2023 (doi:10.1038/s41598-023-33599-w); storage in the spirit of synaptic tagging, but on
a scale of weeks, which tagging itself (hours) does not support: a separate assumption.
Does not claim: that M or L is a measured quantity.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np


def constants(p: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    """Constants of the step of ``h`` days."""
    return {
        "labile.rate": 1.0 / p["labile.time_constant"],
        "labile.largest": p["labile.largest"],
        "stored.rate": p["stored.rate"],
        "stored.keep": np.exp(-h / p["stored.time_constant"]),
    }


def step(labile: Any, stored: Any, c: dict[str, Any], dose: Any, before: Any, after: Any, gain: Any) -> tuple[Any, ...]:
    """New labile and stored change, and the mean of their sum over the step.

    ``dose`` is the summed yield y of the sessions in the step (0 for none), ``before`` and ``after`` the days of the
    step that lie before and after them, ``gain`` the log gain of storage.
    """
    storing = c["stored.rate"] * jnp.exp(gain)
    rate = c["labile.rate"] + storing
    top = c["labile.largest"]
    lost_before, lost_after = -jnp.expm1(-rate * before), -jnp.expm1(-rate * after)
    kicked = top - (top - labile * (1.0 - lost_before)) * jnp.exp(-dose / top)
    area = (labile * lost_before + kicked * lost_after) / rate
    new_stored = stored * c["stored.keep"] + storing * area
    mean = area / (before + after) + 0.5 * (stored + new_stored)
    return kicked * (1.0 - lost_after), new_stored, mean
