"""The patient: mechanisms in order. This page is the loop order of the model.

Each step of h days, for one patient (every value a scalar; arrays broadcast):

1. exposure of each drug, and its mean effect over the step
2. tilt: the sum of drug effects, delayed
3. session gain and storage gain of the drugs, delayed; the window opened by sessions
4. labile and stored change, with the sessions of the step
5. placebo response and spontaneous change
6. mood under chronicity - tilt - change - placebo

``Channels`` says which drugs and stimulations a run needs; states and constants follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from cotreat.model.mechanisms import change, exposure, mood, relaxation


@dataclass(frozen=True)
class DrugChannel:
    """A drug as the patient sees it.

    ``effect_class`` names its parameters ("antidepressant", "lithium"). ``by_level``: exposure is a plasma level,
    otherwise mg per day. ``e50`` None: taken from the parameter ``<effect_class>.half_effect_level``.
    """

    name: str
    effect_class: str
    half_life_days: float
    typical: float
    e50: float | None
    by_level: bool


@dataclass(frozen=True)
class Channels:
    """What comes in: drugs, and stimulations by the yield they share ("ect", "tms")."""

    drugs: tuple[DrugChannel, ...] = ()
    stimulations: tuple[str, ...] = ()

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states, in the order of the state array."""
        core = ("mood", "tilt", "placebo", "labile", "stored", "session_gain", "storage_gain", "window")
        return core + tuple(f"exposure.{d.name}" for d in self.drugs)


@dataclass(frozen=True)
class Inputs:
    """What is given within one step.

    ``targets``, ``doses``, ``dose_offsets``: one entry for each drug; ``sessions``: number of sessions of each
    stimulation; ``session_offset``: where in the step they lie (fraction, mean over them; 0 when there is none).
    """

    targets: tuple[Any, ...]
    doses: tuple[Any, ...]
    dose_offsets: tuple[Any, ...]
    sessions: tuple[Any, ...]
    session_offset: Any


def constants(p: dict[str, np.ndarray], channels: Channels, h: float) -> dict[str, np.ndarray]:
    """Constants of the step for each patient; ``p`` holds parameters and traits of each patient (arrays of one shape).

    Needs the parameters of the set plus the traits "trait.drug", "trait.stimulation", "trait.chronicity",
    "trait.placebo" and the derived "mood.sigma".
    """
    c = {"h": np.full_like(p["mood.time_constant"], h), "chronicity": p["trait.chronicity"]}
    c |= {"placebo.drive": p["trait.placebo"]} | relaxation.constants("placebo", p["placebo.time_constant"], h)
    c |= relaxation.constants("tilt", p["tilt.time_constant"], h)
    c |= relaxation.constants("plasticity", p["plasticity.time_constant"], h)
    c |= {"window.rate": 1.0 / p["window.time_constant"]} | relaxation.constants("window", p["window.time_constant"], h)
    c |= {"window.gain": p["consolidation_gain.window"]}
    for drug in channels.drugs:
        ones = np.ones_like(p["mood.time_constant"])
        e50 = p[f"{drug.effect_class}.half_effect_level"] if drug.e50 is None else drug.e50 * ones
        c |= exposure.constants(drug.name, drug.half_life_days * ones, e50, drug.typical * ones, h)
        c[f"{drug.name}.tilt"] = p[f"tilt.{drug.effect_class}"] * p["trait.drug"]
        c[f"{drug.name}.session_gain"] = p[f"session_gain.{drug.effect_class}"]
        c[f"{drug.name}.storage_gain"] = p[f"consolidation_gain.{drug.effect_class}"]
    for stimulation in channels.stimulations:
        c[f"{stimulation}.yield"] = p[f"session_yield.{stimulation}"] * p["trait.stimulation"]
        c[f"{stimulation}.window"] = p[f"window.{stimulation}"]
    return c | change.constants(p, h) | mood.constants(p, h)


def step(state: dict[str, Any], c: dict[str, Any], channels: Channels, given: Inputs, noise: Any) -> dict[str, Any]:
    """The state one step later; ``noise`` is the standard normal number of the step."""
    new: dict[str, Any] = {}
    h = c["h"]
    tilt_drive = session_drive = storage_drive = 0.0 * h
    for j, drug in enumerate(channels.drugs):
        name = f"exposure.{drug.name}"
        age = exposure.ages(given.dose_offsets[j], h)
        new[name], effect = exposure.step(state[name], drug.name, c, given.targets[j], given.doses[j], age)
        tilt_drive = tilt_drive + c[f"{drug.name}.tilt"] * effect
        session_drive = session_drive + c[f"{drug.name}.session_gain"] * effect
        storage_drive = storage_drive + c[f"{drug.name}.storage_gain"] * effect
    new["tilt"], tilt = relaxation.step(state["tilt"], "tilt", c, tilt_drive)

    offset = given.session_offset
    after = h * (1.0 - offset)
    new["session_gain"], _ = relaxation.step(state["session_gain"], "plasticity", c, session_drive)
    new["storage_gain"], storage = relaxation.step(state["storage_gain"], "plasticity", c, storage_drive)
    at_session = state["session_gain"] + offset * (new["session_gain"] - state["session_gain"])
    dose = opened = 0.0 * h
    for j, stimulation in enumerate(channels.stimulations):
        dose = dose + given.sessions[j] * c[f"{stimulation}.yield"]
        opened = opened + given.sessions[j] * c[f"{stimulation}.window"]
    kept = jnp.exp(-after * c["window.rate"])
    window_end, window = relaxation.step(state["window"], "window", c, 0.0 * h)
    new["window"] = window_end + opened * kept
    window = window + opened * (1.0 - kept) / (c["window.rate"] * h)

    gain = storage + c["window.gain"] * window
    dose = dose * jnp.exp(at_session)
    new["labile"], new["stored"], moved = change.step(
        state["labile"], state["stored"], c, dose, h * offset, after, gain
    )
    new["placebo"], placebo = relaxation.step(state["placebo"], "placebo", c, c["placebo.drive"])
    drive = c["chronicity"] - tilt - moved - placebo
    new["mood"] = mood.step(state["mood"], c, drive, noise)
    return new
