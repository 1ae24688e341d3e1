"""The patient written a second time, in plain Python and float64: one patient, one step at a time.

It reads the ledger itself and integrates exposure, tilt, gains, window and placebo by their closed forms, labile and
stored change on a fine grid, and mood by the same splitting step. It shares only the random numbers with the engine.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from cotreat.model.effects import DRUG_ROLES, STIMULATION_ROLES
from cotreat.model.patient import Channels, DrugChannel
from cotreat.model.threefry import as_words, box_muller, stream_key, threefry2x32
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.channels import changes_of, infusion_of, session_of
from cotreat.simulate.keys import MOOD, RATING, stream
from cotreat.simulate.tables import Decisions

FINE = 64


def normals(seed: int, draw: int, patient: int, number: int, tick: int) -> tuple[float, float]:
    key = stream_key(seed, [draw], number)
    pair = box_muller(*threefry2x32(*key, as_words(patient), as_words(tick)))
    return float(pair[0][0]), float(pair[1][0])


def noise_of_day(seed: int, draw: int, patient: int, day: int, steps: int) -> list[float]:
    path: list[float] = []
    for pair in range(2):
        path += normals(seed, draw, patient, stream(0, MOOD, 0), 2 * day + pair)
    level = 1
    while len(path) < steps:
        count = 2 * len(path)
        bridge: list[float] = []
        for pair in range(len(path) // 2):
            bridge += normals(seed, draw, patient, stream(0, MOOD, level), day * (len(path) // 2) + pair)
        path = [v for a, b in zip(path, bridge, strict=True) for v in ((a + b) / math.sqrt(2), (a - b) / math.sqrt(2))]
        assert len(path) == count
        level += 1
    return path


class Patient:
    """One patient under one ledger of a single track."""

    def __init__(self, p: dict[str, float], channels: Channels, mood: float, baseline: float) -> None:
        self.p, self.channels, self.baseline = p, channels, baseline
        self.s = dict.fromkeys(channels.states, 0.0) | {"mood": mood}

    def effect(self, drug: DrugChannel, exposure: float) -> float:
        e50 = self.p[f"{drug.effect_class}.half_effect_level"] if drug.e50 is None else drug.e50
        if math.isinf(e50):
            return exposure / drug.typical
        return exposure / (exposure + e50) * (drug.typical + e50) / drug.typical

    def parameter(self, role: str, drug: DrugChannel) -> float:
        return self.p[f"{role}.{drug.effect_class}"] if role in DRUG_ROLES[drug.effect_class] else 0.0

    def small_step(self, dt: float, targets: dict[str, float]) -> float:
        """Everything but mood over a small time without events; returns the integral of the drive."""
        p, s = self.p, self.s
        tilt = sessions = storage = missed = 0.0
        for drug in self.channels.drugs:
            name, k = f"exposure.{drug.name}", math.log(2) / drug.half_life_days
            target = targets.get(drug.name, 0.0)
            middle = target + (s[name] - target) * math.exp(-k * dt / 2)
            s[name] = target + (s[name] - target) * math.exp(-k * dt)
            effect = self.effect(drug, middle)
            tilt += self.parameter("tilt", drug) * p["trait.drug"] * effect
            sessions += self.parameter("session_gain", drug) * effect
            storage += self.parameter("consolidation_gain", drug) * effect
            missed += self.adapt(drug, effect, dt)
        if "withdrawal" in s:
            missed *= 1 + s.get("relief", 0.0)
            s["withdrawal"] = missed
        old = dict(s)
        for name, drive, tau in (
            ("tilt", tilt, p["tilt.time_constant"]),
            ("session_gain", sessions, p["plasticity.time_constant"]),
            ("storage_gain", storage, p["plasticity.time_constant"]),
            ("placebo", p["trait.placebo"], p["placebo.time_constant"]),
            ("window", 0.0, p["window.time_constant"]),
            ("therapy", 0.0, p["therapy.time_constant"]),
            ("transient", 0.0, p["transient.time_constant"]),
            ("cognition", 0.0, p["cognition.time_constant"]),
            ("spacing", 0.0, p["spacing.time_constant"]),
            ("nocebo", 0.0, p["nocebo.time_constant"]),
            ("relief", 0.0, p["relief.time_constant"]),
        ):
            if name in s:
                s[name] = drive + (s[name] - drive) * math.exp(-dt / tau)

        def middle_of(name: str) -> float:
            return (old.get(name, 0.0) + s.get(name, 0.0)) / 2

        gain = middle_of("storage_gain") + p["consolidation_gain.window"] * middle_of("window")
        gain += p["consolidation_gain.therapy"] * middle_of("therapy")
        rate = p["stored.rate"] * math.exp(gain)
        s["labile"] *= math.exp(-dt * (1 / p["labile.time_constant"] + rate))
        s["stored"] += dt * (rate * (old["labile"] + s["labile"]) / 2 - old["stored"] / p["stored.time_constant"])
        moved = sum(middle_of(k) for k in ("tilt", "labile", "stored", "placebo", "therapy"))
        return dt * (p["trait.chronicity"] - moved + p["withdrawal.mood"] * missed)

    def adapt(self, drug: DrugChannel, effect: float, dt: float) -> float:
        """Move both pools of adaptation; returns withdrawal."""
        if "withdrawal_weight" not in DRUG_ROLES[drug.effect_class]:
            return 0.0
        p, s = self.p, self.s
        fast, slow = f"adapted.{drug.name}", f"adapted_slow.{drug.name}"
        tau = p["adaptation.time_up"] if effect > s[fast] else p["adaptation.time_down"]
        s[fast] = effect + (s[fast] - effect) * math.exp(-dt / tau)
        s[slow] = effect + (s[slow] - effect) * math.exp(-dt / p["adaptation.time_slow"])
        share = p["adaptation.slow_share"]
        over = max((1 - share) * s[fast] + share * s[slow] - effect, 0.0)
        return p[f"withdrawal_weight.{drug.effect_class}"] * over

    def session(self, kind: str, strength: float = 1.0) -> None:
        p, s, roles = self.p, self.s, STIMULATION_ROLES[kind]
        if "session_yield" in roles:
            gain = s["session_gain"] - p["spacing.loss"] * s["spacing"]
            for drug in self.channels.drugs:
                gain += self.parameter("acute_gain", drug) * self.effect(drug, s[f"exposure.{drug.name}"])
            dose = strength * p[f"session_yield.{kind}"] * p["trait.stimulation"] * math.exp(gain)
            dose *= p["trait.ect"] if kind == "ect" else 1.0
            top = p["labile.largest"]
            s["labile"] = top - (top - s["labile"]) * math.exp(-dose / top)
            s["spacing"] += strength
        for role, sensitive in (("window", 1.0), ("therapy", 1.0), ("transient", p["trait.stimulation"])):
            if role in roles:
                s[role] += strength * p[f"{role}.{kind}"] * sensitive
        if "relief" in s:
            s["relief"] = (1 + s["relief"]) * math.exp(-strength * p.get(f"relief.{kind}", 0.0)) - 1
        if "cognition" in roles:
            s["cognition"] += strength * p[f"cognition.{kind}"]

    def infusion(self, kind: str) -> None:
        self.s["transient"] += self.p[f"transient.{kind}"] * self.p["trait.expectation"]

    def rate(self, error: float) -> float:
        p, s = self.p, self.s
        points = p["rating.withdrawal"] * (s.get("withdrawal", 0.0) + s.get("nocebo", 0.0))
        latent = p["rating.well"] + p["rating.half_span"] * (s["mood"] - s.get("transient", 0.0) + 1) + points
        return min(max(latent + p["rating.error"] * error, 0.0), p["rating.top"])

    def move_mood(self, h: float, drive: float, noise: float) -> None:
        tau, x = self.p["mood.time_constant"], self.s["mood"]
        if self.channels.mood == "linear":
            pull, home = self.p["mood.linear_pull"], self.p["mood.home"]
            rest = home + drive / h / pull
            spread = 0.5 * self.p["mood.sigma"] * math.sqrt(tau * (1 - math.exp(-2 * pull * h / tau)))
            self.s["mood"] = rest + (x - rest) * math.exp(-pull * h / tau) + spread * noise
            return
        for half in range(2):
            x = x * math.exp(h / (2 * tau)) / math.sqrt(1 + x * x * math.expm1(h / tau))
            if half == 0:
                x += drive / tau + self.p["mood.sigma"] * math.sqrt(h) * noise
        self.s["mood"] = x


def simulate(
    ledger: Ledger, patient: Patient, decisions: Decisions, luck: tuple[int, int, int], days: int, steps: int
) -> tuple[list[float], list[int]]:
    """Weekly scores from day 0 to ``days``, and the transitions that fired."""
    seed, draw, number = luck
    phase, begun, reference = ledger.first[0], 0, patient.baseline
    scores: list[float] = []
    fired: list[int] = []
    for day in range(days + 1):
        error = normals(seed, draw, number, stream(0, RATING), day)[0]
        score = patient.rate(error)
        if day % 7 == 0:
            scores.append(score)
        for index, t in enumerate(ledger.transitions):
            if t.phase == phase and t.day == day - begun:
                terms = decisions.terms(t.rule)
                holds = all(s * score <= s * (a + b * patient.baseline + c * reference) for s, a, b, c in terms)
                if holds != t.rule.negated:
                    fired.append(index)
                    phase, begun, reference = t.set_phases[0][1], day, score
                    break
        if day == days:
            break
        if day - begun in changes_of(ledger, phase):
            patient.s["nocebo"] = patient.p["nocebo.size"]
        one_day(ledger.phases[phase].items, day - begun, patient, noise_of_day(seed, draw, number, day, steps))
    return scores, fired


def one_day(items: Any, day: int, patient: Patient, noise: list[float]) -> None:
    today = [i for i in items if i.day == day]
    targets = {i.subject: i.amount for i in today if i.kind == "level"}
    events = sorted((i.hour / 24, i) for i in today if i.kind != "level")
    h = 1 / len(noise)
    for k, z in enumerate(noise):
        inside = [(t, i) for t, i in events if k * h <= t < (k + 1) * h]
        cuts = [k * h, *(t for t, _ in inside), (k + 1) * h]
        drive = 0.0
        for n, (a, b) in enumerate(itertools.pairwise(cuts)):
            for _ in range(FINE):
                drive += patient.small_step((b - a) / FINE, targets)
            if n < len(inside):
                item = inside[n][1]
                if (found := session_of(item)) is not None:
                    patient.session(*found)
                if (infusion := infusion_of(item)) is not None:
                    patient.infusion(infusion)
                elif item.kind == "dose":
                    drug = next(d for d in patient.channels.drugs if d.name == item.subject)
                    patient.s[f"exposure.{drug.name}"] += math.log(2) / drug.half_life_days * item.amount
        patient.move_mood(h, drive, z)


def flat_parameters(parameters: dict[str, np.ndarray], lane: int) -> dict[str, float]:
    return {k: float(v[lane]) for k, v in parameters.items()}
