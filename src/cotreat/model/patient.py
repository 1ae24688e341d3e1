"""The patient: mechanisms in order. This page is the loop order of the model.

Each step of h days, for one patient (every value a scalar; arrays broadcast):

1. exposure of each drug: its mean effect over the step, and its effect at the sessions of the step
2. tilt: the sum of drug effects, delayed; adaptation to each drug, withdrawal where it exceeds the effect, nocebo
   after a change
3. session gain and storage gain of the drugs, delayed; acute gain of what is on board at the session
4. spacing of sessions; the window they open; therapy; the transient of infusions; cognition after ECT
5. labile and stored change, with the sessions of the step
6. placebo response and spontaneous change
7. mood (two wells, or the linear rival) under chronicity - tilt - change - placebo - therapy + withdrawal

``Channels`` says which drugs and sessions a run needs; states, constants and inputs follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from cotreat.model.effects import (
    ACUTE_GAIN,
    COGNITION,
    DRUG_ROLES,
    NOCEBO,
    RELIEF,
    SESSION_GAIN,
    STIMULATION_ROLES,
    STORAGE_GAIN,
    THERAPY,
    TILT,
    TRANSIENT,
    WINDOW,
    WITHDRAWAL,
    YIELD,
    MoodStructure,
)
from cotreat.model.mechanisms import change, exposure, mood, pulse, rating, relaxation, spacing, withdrawal

_PULSES = (WINDOW, THERAPY, TRANSIENT, COGNITION, RELIEF)


@dataclass(frozen=True)
class DrugChannel:
    """A drug as the patient sees it.

    ``effect_class`` names its parameters ("antidepressant", "lithium"). ``by_level``: exposure is a plasma level,
    otherwise mg per day. ``e50`` None: taken from the parameter ``<effect_class>.half_effect_level``; infinite: the
    effect is linear.
    """

    name: str
    effect_class: str
    half_life_days: float
    typical: float
    e50: float | None
    by_level: bool

    def has(self, role: str) -> bool:
        """Whether this class of drug has a role of ``cotreat.model.effects``."""
        return role in DRUG_ROLES[self.effect_class]


@dataclass(frozen=True)
class Channels:
    """What comes in, and the structure of mood.

    ``drugs``; ``stimulations``: sessions by the yield they share ("ect", "tms", "psychotherapy", ...); ``infusions``:
    kinds of ``cotreat.model.effects.INFUSIONS``; ``changes``: a drug is changed on some day, or seems to be.
    """

    drugs: tuple[DrugChannel, ...] = ()
    stimulations: tuple[str, ...] = ()
    infusions: tuple[str, ...] = ()
    changes: bool = False
    mood: MoodStructure = "bistable"

    def drugs_with(self, role: str) -> tuple[DrugChannel, ...]:
        """Drugs that have a role."""
        return tuple(d for d in self.drugs if d.has(role))

    def with_role(self, role: str) -> tuple[str, ...]:
        """Sessions that have a role."""
        return tuple(s for s in self.stimulations if role in STIMULATION_ROLES[s])

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states, in the order of the state array."""
        names = ["mood", "tilt", "placebo", "labile", "stored", "session_gain", "storage_gain"]
        names += ["spacing"] if self.with_role(YIELD) else []
        names += [role for role in _PULSES if self.pulses(role)]
        names += [f"exposure.{d.name}" for d in self.drugs]
        missed = self.drugs_with(WITHDRAWAL)
        names += [f"{pool}.{d.name}" for d in missed for pool in ("adapted", "adapted_slow")]
        return (*names, *(["withdrawal"] if missed else []), *([NOCEBO] if self.changes else []))

    def pulses(self, role: str) -> tuple[str, ...]:
        """What gives a pulse of this role: sessions, and for the transient infusions; no relief without withdrawal."""
        if role == RELIEF and not self.drugs_with(WITHDRAWAL):
            return ()
        return (*self.with_role(role), *(self.infusions if role == TRANSIENT else ()))

    @property
    def recorded(self) -> tuple[str, ...]:
        """States written down at every visit beside the score."""
        return tuple(s for s in ("withdrawal", NOCEBO, TRANSIENT, COGNITION) if s in self.states)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what is given within a step, in the order of the input array.

        ``target.D``: level held; ``dose.D``: amount given; ``sessions.S``: number of sessions (for ketamine: doses by
        strength); ``infusions.I``: number of infusions; ``changes``: number of changes. A *moment* is amount times its
        offset in the step (a fraction of it), so that inputs of several statements add up.
        """
        drugs: list[str] = []
        for drug in self.drugs:
            drugs += [f"target.{drug.name}"] if drug.by_level else [f"dose.{drug.name}", f"dose_moment.{drug.name}"]
        sessions = [f"sessions.{s}" for s in self.stimulations] + [f"infusions.{i}" for i in self.infusions]
        moment = ["session_moment"] if sessions else []
        return (*drugs, *sessions, *moment, *(["changes"] if self.changes else []))


_PULSE_TIME = {
    WINDOW: "window.time_constant",
    THERAPY: "therapy.time_constant",
    TRANSIENT: "transient.time_constant",
    COGNITION: "cognition.time_constant",
}


def constants(p: dict[str, np.ndarray], channels: Channels, h: float) -> dict[str, np.ndarray]:
    """Constants of the step for each patient; ``p`` holds parameters and traits of each patient (arrays of one shape).

    Needs the parameters of the set plus the traits "trait.drug", "trait.stimulation", "trait.ect", "trait.chronicity",
    "trait.placebo", "trait.expectation", the derived "mood.sigma" and for linear mood "mood.home".
    """
    ones = np.ones_like(p["mood.time_constant"])
    c = {"h": h * ones, "chronicity": p["trait.chronicity"], "placebo.drive": p["trait.placebo"]}
    for name in ("placebo", "tilt", "plasticity"):
        c |= relaxation.constants(name, p[f"{name}.time_constant"], h)
    for drug in channels.drugs:
        c |= drug_constants(p, drug, h)
    if channels.drugs_with(WITHDRAWAL):
        c |= withdrawal.constants(p, h)
    if channels.pulses(RELIEF):
        c |= withdrawal.relief_constants(p, h)
    if channels.changes:
        c |= withdrawal.nocebo_constants(p, h)
    if channels.with_role(YIELD):
        c |= spacing.constants(p, h)
    for role, tau in _PULSE_TIME.items():
        if channels.pulses(role):
            c |= pulse.constants(role, p[tau], h)
    for stimulation in channels.stimulations:
        for role in STIMULATION_ROLES[stimulation]:
            sensitive = p["trait.stimulation"] if role in (YIELD, TRANSIENT) else ones
            if stimulation == "ect" and role == YIELD:
                sensitive = sensitive * p["trait.ect"]
            c[f"{stimulation}.{role}"] = p[f"{role}.{stimulation}"] * sensitive
    for infusion in channels.infusions:
        c[f"{infusion}.{TRANSIENT}"] = p[f"{TRANSIENT}.{infusion}"] * p["trait.expectation"]
    if channels.with_role(WINDOW):
        c["window.gain"] = p["consolidation_gain.window"]
    if channels.with_role(THERAPY):
        c["therapy.gain"] = p["consolidation_gain.therapy"]
    if channels.with_role(COGNITION):
        c["cognition.lithium"] = p["cognition.lithium"]
    c |= mood.linear_constants(p, h) if channels.mood == "linear" else mood.constants(p, h)
    return c | change.constants(p, h)


def drug_constants(p: Mapping[str, np.ndarray], drug: DrugChannel, h: float) -> dict[str, np.ndarray]:
    """Constants of one drug: its exposure and the parameters of its roles."""
    ones = np.ones_like(p["mood.time_constant"])
    e50 = p[f"{drug.effect_class}.half_effect_level"] if drug.e50 is None else drug.e50 * ones
    c = exposure.constants(drug.name, drug.half_life_days * ones, e50, drug.typical * ones, h)
    c |= {f"{drug.name}.{role}": p[f"{role}.{drug.effect_class}"] for role in DRUG_ROLES[drug.effect_class]}
    if drug.has(TILT):
        c[f"{drug.name}.{TILT}"] = c[f"{drug.name}.{TILT}"] * p["trait.drug"]
    return c


def step(state: dict[str, Any], c: dict[str, Any], channels: Channels, u: dict[str, Any], noise: Any) -> dict[str, Any]:
    """The state one step later.

    ``state``, ``c`` and ``u`` by the names of ``channels.states``, ``constants`` and ``channels.inputs``; ``noise`` is
    the standard normal number of the step.
    """
    h = c["h"]
    zero = 0.0 * h
    count = sum((u[f"sessions.{s}"] for s in channels.stimulations), zero)
    count = sum((u[f"infusions.{i}"] for i in channels.infusions), count)
    offset = mean_offset(u["session_moment"], count) if channels.stimulations or channels.infusions else zero
    before, after = h * offset, h * (1.0 - offset)

    new, mean, at_session = _exposures(state, c, channels, u, before)
    tilt_drive = sum((c[f"{d.name}.{TILT}"] * mean[d.name] for d in channels.drugs_with(TILT)), zero)
    new["tilt"], tilt = relaxation.step(state["tilt"], "tilt", c, tilt_drive)
    missed = _withdrawal(state, new, c, channels, (mean, u))
    if channels.changes:
        new[NOCEBO] = withdrawal.nocebo_step(state[NOCEBO], c, u["changes"])

    session_drive = sum((c[f"{d.name}.{SESSION_GAIN}"] * mean[d.name] for d in channels.drugs_with(SESSION_GAIN)), zero)
    storage_drive = sum((c[f"{d.name}.{STORAGE_GAIN}"] * mean[d.name] for d in channels.drugs_with(STORAGE_GAIN)), zero)
    new["session_gain"], _ = relaxation.step(state["session_gain"], "plasticity", c, session_drive)
    new["storage_gain"], gain = relaxation.step(state["storage_gain"], "plasticity", c, storage_drive)
    log_yield = state["session_gain"] + offset * (new["session_gain"] - state["session_gain"])
    acute = channels.drugs_with(ACUTE_GAIN)
    log_yield = log_yield + sum((c[f"{d.name}.{ACUTE_GAIN}"] * at_session[d.name] for d in acute), zero)

    pulses = _pulses(state, new, c, channels, u, (after, at_session))
    if WINDOW in pulses:
        gain = gain + c["window.gain"] * pulses[WINDOW]
    if THERAPY in pulses:
        gain = gain + c["therapy.gain"] * pulses[THERAPY]
    kick = sum((u[f"sessions.{s}"] * c[f"{s}.{YIELD}"] for s in channels.with_role(YIELD)), zero)
    if channels.with_role(YIELD):
        electric = sum((u[f"sessions.{s}"] for s in channels.with_role(YIELD)), zero)
        new["spacing"], spaced = spacing.step(state["spacing"], c, electric, before, after)
        kick = kick * spaced
    kick = kick * jnp.exp(log_yield)
    new["labile"], new["stored"], moved = change.step(state["labile"], state["stored"], c, kick, before, after, gain)
    new["placebo"], placebo = relaxation.step(state["placebo"], "placebo", c, c["placebo.drive"])
    drive = c["chronicity"] - tilt - moved - placebo - pulses.get(THERAPY, zero) + missed
    move = mood.linear_step if channels.mood == "linear" else mood.step
    new["mood"] = move(state["mood"], c, drive, noise)
    return new


def _exposures(
    state: dict[str, Any], c: dict[str, Any], channels: Channels, u: dict[str, Any], before: Any
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """New exposures, and of each drug its mean effect over the step and its effect at the sessions."""
    new, mean, at_session = {}, {}, {}
    for drug in channels.drugs:
        key, name = f"exposure.{drug.name}", drug.name
        if drug.by_level:
            found = exposure.follow_level(state[key], name, c, u[f"target.{name}"], before)
        else:
            amount = u[f"dose.{name}"]
            dose = (amount, mean_offset(u[f"dose_moment.{name}"], amount))
            found = exposure.take_dose(state[key], name, c, dose, c["h"], before)
        new[key], mean[name], at_session[name] = found
    return new, mean, at_session


def _withdrawal(
    state: dict[str, Any],
    new: dict[str, Any],
    c: dict[str, Any],
    channels: Channels,
    given: tuple[dict[str, Any], dict[str, Any]],
) -> Any:
    """Adapt to every drug that can be missed; returns the push of withdrawal on mood."""
    mean, u = given
    drugs = channels.drugs_with(WITHDRAWAL)
    if not drugs:
        return 0.0 * c["h"]
    total = 0.0 * c["h"]
    for drug in drugs:
        fast, slow = f"adapted.{drug.name}", f"adapted_slow.{drug.name}"
        new[fast], new[slow], over = withdrawal.step(state[fast], state[slow], c, mean[drug.name])
        total = total + c[f"{drug.name}.{WITHDRAWAL}"] * over
    if relieving := channels.pulses(RELIEF):
        size = sum((u[f"sessions.{s}"] * c[f"{s}.{RELIEF}"] for s in relieving), 0.0 * c["h"])
        new[RELIEF] = withdrawal.relief_step(state[RELIEF], c, size)
        total = total * (1.0 + state[RELIEF])
    new["withdrawal"] = total
    return c["withdrawal.mood"] * total


def _pulses(
    state: dict[str, Any],
    new: dict[str, Any],
    c: dict[str, Any],
    channels: Channels,
    u: dict[str, Any],
    when: tuple[Any, dict[str, Any]],
) -> dict[str, Any]:
    """Window, therapy, transient and cognition with the sessions of the step; returns their means over the step."""
    after, at_session = when
    means = {}
    for role in _PULSE_TIME:
        if not channels.pulses(role):
            continue
        size = sum((u[f"sessions.{s}"] * c[f"{s}.{role}"] for s in channels.with_role(role)), 0.0 * c["h"])
        if role == TRANSIENT:
            size = sum((u[f"infusions.{i}"] * c[f"{i}.{role}"] for i in channels.infusions), size)
        if role == COGNITION and "lithium" in at_session:
            size = size * (1.0 + c["cognition.lithium"] * at_session["lithium"])
        new[role], means[role] = pulse.step(state[role], role, c, size, after)
    return means


def observe(state: dict[str, Any], c: dict[str, Any], channels: Channels, noise: Any) -> Any:
    """The rating of a visit: the observed score for the state, with one standard normal number as its error."""
    x = state["mood"] - state[TRANSIENT] if TRANSIENT in channels.states else state["mood"]
    complaints = [state[name] for name in ("withdrawal", NOCEBO) if name in channels.states]
    if complaints:
        return rating.score(x, c, noise, c["rating.withdrawal"] * sum(complaints[1:], complaints[0]))
    return rating.score(x, c, noise)


def mean_offset(moment: Any, amount: Any) -> Any:
    """Where in the step something is given, as a fraction of it; 0 when nothing is."""
    return moment / jnp.maximum(amount, 1e-30)
