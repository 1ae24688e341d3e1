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

from cotreat.model.mechanisms import change, exposure, mood, rating, relaxation


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

    @property
    def recorded(self) -> tuple[str, ...]:
        """States written down at every visit beside the score."""
        return ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what is given within a step, in the order of the input array.

        ``target.D``: level held; ``dose.D``: amount given; ``sessions.S``: number of sessions. A *moment* is amount
        times its offset in the step (a fraction of it), so that inputs of several statements add up.
        """
        drugs: list[str] = []
        for drug in self.drugs:
            drugs += [f"target.{drug.name}"] if drug.by_level else [f"dose.{drug.name}", f"dose_moment.{drug.name}"]
        sessions = [f"sessions.{s}" for s in self.stimulations]
        return (*drugs, *sessions, *(["session_moment"] if sessions else []))


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


def step(state: dict[str, Any], c: dict[str, Any], channels: Channels, u: dict[str, Any], noise: Any) -> dict[str, Any]:
    """The state one step later.

    ``state``, ``c`` and ``u`` by the names of ``channels.states``, ``constants`` and ``channels.inputs``; ``noise`` is
    the standard normal number of the step.
    """
    new: dict[str, Any] = {}
    h = c["h"]
    tilt_drive = session_drive = storage_drive = 0.0 * h
    for drug in channels.drugs:
        name = f"exposure.{drug.name}"
        if drug.by_level:
            new[name], effect = exposure.follow_level(state[name], drug.name, c, u[f"target.{drug.name}"])
        else:
            dose = u[f"dose.{drug.name}"]
            offset = mean_offset(u[f"dose_moment.{drug.name}"], dose)
            new[name], effect = exposure.take_dose(state[name], drug.name, c, dose, exposure.ages(offset, h))
        tilt_drive = tilt_drive + c[f"{drug.name}.tilt"] * effect
        session_drive = session_drive + c[f"{drug.name}.session_gain"] * effect
        storage_drive = storage_drive + c[f"{drug.name}.storage_gain"] * effect
    new["tilt"], tilt = relaxation.step(state["tilt"], "tilt", c, tilt_drive)

    count = sum((u[f"sessions.{s}"] for s in channels.stimulations), 0.0 * h)
    offset = mean_offset(u["session_moment"], count) if channels.stimulations else 0.0 * h
    after = h * (1.0 - offset)
    new["session_gain"], _ = relaxation.step(state["session_gain"], "plasticity", c, session_drive)
    new["storage_gain"], storage = relaxation.step(state["storage_gain"], "plasticity", c, storage_drive)
    at_session = state["session_gain"] + offset * (new["session_gain"] - state["session_gain"])
    kick = opened = 0.0 * h
    for stimulation in channels.stimulations:
        kick = kick + u[f"sessions.{stimulation}"] * c[f"{stimulation}.yield"]
        opened = opened + u[f"sessions.{stimulation}"] * c[f"{stimulation}.window"]
    kept = jnp.exp(-after * c["window.rate"])
    window_end, window = relaxation.step(state["window"], "window", c, 0.0 * h)
    new["window"] = window_end + opened * kept
    window = window + opened * (1.0 - kept) / (c["window.rate"] * h)

    gain = storage + c["window.gain"] * window
    kick = kick * jnp.exp(at_session)
    new["labile"], new["stored"], moved = change.step(
        state["labile"], state["stored"], c, kick, h * offset, after, gain
    )
    new["placebo"], placebo = relaxation.step(state["placebo"], "placebo", c, c["placebo.drive"])
    drive = c["chronicity"] - tilt - moved - placebo
    new["mood"] = mood.step(state["mood"], c, drive, noise)
    return new


def observe(state: dict[str, Any], c: dict[str, Any], channels: Channels, noise: Any) -> Any:
    """The rating of a visit: the observed score for the state, with one standard normal number as its error."""
    return rating.score(state["mood"], c, noise)


def mean_offset(moment: Any, amount: Any) -> Any:
    """Where in the step something is given, as a fraction of it; 0 when nothing is."""
    return moment / jnp.maximum(amount, 1e-30)
