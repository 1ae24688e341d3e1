"""Invented patients who stop an antidepressant, written without the patient model.

What is rated is a sum of shapes with the person's own sizes:

    rating = level + relapse + withdrawal + stress + nocebo + noise

Relapse is a ramp (sudden, over two weeks, or gradual) that stays; withdrawal a wave after each cut, at a pace set by
the half-life and a size set by the fall of occupancy; stress a pulse at any time; nocebo a short wave after a cut.
Noise is a first-order autoregression plus white noise for each group of items. There is no mood dynamics, no
adaptation and no well: the filter's model is wrong for these patients, on purpose.

What it is pinned to, and how well, is measured by ``validation.monitor.pins``: relapse, its timing and "felt worse"
of ANTLER (Lewis 2021), symptoms after stopping a drug and after stopping placebo (Henssler 2024), their onset and
length (Black 2000), fewer after long half-lives (Rosenbaum 1998), and sudden, gradual and unclear increases
(Smit 2022). The sizes of the loadings are assumptions.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

import numpy as np

from cotreat.catalogue import drug as find_drug
from cotreat.monitor.dynamics import half_life_days
from cotreat.monitor.record import GROUPS, DoseChange, Observation, Record, Signal

DAYS = 182
RUN_IN = 28
SIGNALS = (
    *tuple(Signal(f"{g} items", g, 0.0, 10.0, 1, 0.1, True) for g in GROUPS),
    Signal("PHQ-9", "depression", 0.0, 27.0, 14, 1.0),
)
# per unit of size: mood, anxiety, somatic, sleep items (of 10), PHQ-9
RELAPSE = np.array([3.6, 2.4, 0.9, 2.2, 10.0])
WITHDRAWAL = np.array([0.9, 2.1, 3.2, 2.0, 3.5])
STRESS = np.array([1.5, 1.8, 0.5, 1.1, 2.6])
NOCEBO = np.array([0.6, 1.2, 1.0, 0.7, 1.6])
LEVEL = np.array([2.4, 2.3, 2.0, 2.6, 4.0])
LEVEL_SD = np.array([0.6, 0.6, 0.5, 0.7, 1.5])
SIZE = {"relapse": (1.0, 0.25), "withdrawal": (0.9, 0.25), "stress": (1.0, 0.3), "nocebo": (0.9, 0.3)}
MEMORY, SLOW_NOISE, WHITE_NOISE, PHQ_NOISE = 0.6, 0.50, 0.40, 1.5
NOISINESS = (0.7, 1.0, 1.4)
RAMPS = (2.0, 14.0, 35.0)
RAMP_SHARE = (0.30, 0.28, 0.42)
PACES = (0.5, 0.9, 1.7)
PACE_SHARE = (0.4, 0.35, 0.25)
STRESS_DAYS = 9.0
RELAPSE_GRID, STRESS_GRID = 3, 5
STRESS_SHARE = 0.45
NOCEBO_SHARE = 0.17
NOCEBO_PEAK = 2.5
PRONE = {"paroxetine": 0.28, "venlafaxine": 0.28, "sertraline": 0.20, "escitalopram": 0.18, "citalopram": 0.17,
         "fluoxetine": 0.06}  # fmt: skip
"""Share of people who get withdrawal from a full stop, by drug."""
USUAL = {"paroxetine": 20.0, "venlafaxine": 150.0, "sertraline": 100.0, "escitalopram": 10.0, "citalopram": 20.0,
         "fluoxetine": 20.0}  # fmt: skip
PRESENT = 0.25
"""Size of withdrawal that counts as present."""


TRIAL_DRUGS = ("citalopram", "sertraline", "fluoxetine")
"""Drugs of ANTLER that are here; mirtazapine is left out."""
FELT_ERROR, FELT_THRESHOLD = 0.10, 0.21
VISIT_DAYS = 42
"""Days from the visit at week 6 of that trial to the one at week 12."""


@dataclass(frozen=True)
class World:
    """How the patients differ from the usual: ``half_life`` factor of the true half-lives, ``kept`` share of ratings
    that are made, ``profile`` loading of withdrawal, ``wobble``: mood swings of weeks that nothing explains,
    ``stopping`` share of people who stop, ``trial``: drugs and taper as in ANTLER."""

    half_life: float = 1.0
    kept: float = 0.85
    profile: tuple[float, ...] = tuple(WITHDRAWAL)
    wobble: float = 0.0
    stopping: float = 0.75
    trial: bool = False


ANTLER = World(stopping=0.5, trial=True)


@dataclass(frozen=True)
class Patient:
    """One invented patient: the record a clinic would hold, and what is true.

    ``relapse_day`` (None: never within the record), ``ramp``; ``withdrawal``, ``relapse``, ``stress`` and ``nocebo``
    are the true sizes by day.
    """

    record: Record
    stops: bool
    drug: str
    cuts: tuple[tuple[int, float], ...]
    pace: float
    noisiness: float
    relapse_day: int | None
    relapse: np.ndarray
    withdrawal: np.ndarray
    stress: np.ndarray
    nocebo: np.ndarray


def ramp(days: np.ndarray, onset: float, length: float) -> np.ndarray:
    """0 before the onset, 1 after ``length`` days."""
    return np.clip((days - onset + 1.0) / length, 0.0, 1.0)


def wave(days: np.ndarray, start: float, peak: float) -> np.ndarray:
    """A rise to 1 at ``peak`` days after the start, and a slower fall."""
    u = np.maximum(days - start + 0.5, 0.0) / peak
    return np.asarray(u * np.exp(1.0 - u))


def pulse(days: np.ndarray, onset: float) -> np.ndarray:
    """Stress that begins at once and fades."""
    return np.where(days >= onset, np.exp(-(days - onset) / STRESS_DAYS), 0.0)


def peak_day(drug: str, factor: float = 1.0) -> float:
    """Day after a cut on which withdrawal is at its worst, for the usual pace."""
    return 2.0 + 1.6 * half_life_days(drug) * factor


def withdrawal_shape(days: np.ndarray, cuts: tuple[tuple[int, float], ...], peak: float) -> np.ndarray:
    """Waves of all cuts, each by its fall of occupancy."""
    return sum((size * wave(days, day, peak) for day, size in cuts), np.zeros(len(days)))


def nocebo_shape(days: np.ndarray, cuts: tuple[tuple[int, float], ...]) -> np.ndarray:
    """Short waves after every cut, whatever its size."""
    return np.minimum(sum((wave(days, day, NOCEBO_PEAK) for day, _ in cuts), np.zeros(len(days))), 1.0)


def relapse_hazard(days: np.ndarray, stops: bool, taper_end: float) -> np.ndarray:
    """Daily hazard: falling in everybody, since the frail fall first; with a hump after the taper in those who stop."""
    base = 0.0027 * np.exp(-days / 105.0) + 0.0006
    if not stops:
        return np.asarray(base)
    u = np.maximum(days - taper_end - 7.0, 0.0)
    hump = u**2 * np.exp(-u / 19.0)
    return np.asarray(base + 0.325 * hump / (2.0 * 19.0**3))


def relapse_prior(days: int, stops: bool, taper_end: float) -> np.ndarray:
    """Probability of an onset on each day, and of none within the record as the last entry."""
    t = np.arange(days)
    hazard = relapse_hazard(t, stops, taper_end)
    survival = np.exp(-np.concatenate([[0.0], np.cumsum(hazard)]))
    return np.concatenate([survival[:-1] - survival[1:], survival[-1:]])


def on_grid(day: int, grid: int, start: int) -> int:
    """The middle of the cell of a grid from ``start`` that a day lies in: onsets are drawn there, so that they can be
    summed over exactly."""
    return start + (day - start) // grid * grid + grid // 2


def _plan(rng: np.random.Generator, drug: str) -> tuple[list[tuple[int, float]], int]:
    """Day and dose of each step of a taper over 4 or 8 weeks, or at once in some."""
    steps = int(rng.choice([1, 2, 3, 4], p=[0.15, 0.25, 0.3, 0.3]))
    first = int(rng.integers(RUN_IN, RUN_IN + 15))
    gap = 14 if steps > 1 else 0
    usual = USUAL[drug]
    doses = [usual * (steps - k) / steps for k in range(1, steps + 1)]
    return [(first + gap * k, dose) for k, dose in enumerate(doses)], first + gap * (steps - 1)


def _trial_plan(drug: str) -> tuple[list[tuple[int, float]], int]:
    """The taper of ANTLER: half the dose, half of that (every other day), nothing; one month for fluoxetine."""
    usual = USUAL[drug]
    if drug == "fluoxetine":
        return [(RUN_IN, usual / 2), (RUN_IN + 28, 0.0)], RUN_IN + 28
    return [(RUN_IN, usual / 2), (RUN_IN + 28, usual / 4), (RUN_IN + 56, 0.0)], RUN_IN + 56


def occupancy_fall(drug: str, before: float, after: float) -> float:
    """Fall of occupancy of a cut, 1 for a full stop from the usual dose."""
    curve = find_drug(drug).occupancy
    half = curve.ed50_mg_per_day if curve is not None and curve.ed50_mg_per_day else USUAL[drug] / 4.0
    of = [d / (d + half) for d in (before, after, USUAL[drug])]
    return (of[0] - of[1]) / of[2]


def draw(number: int, seed: int = 1, world: World = World(), days: int = DAYS) -> Patient:
    """Patient ``number``: a function of (seed, number) alone."""
    rng = np.random.default_rng([seed, number])
    t = np.arange(days, dtype=float)
    drug = str(rng.choice(TRIAL_DRUGS if world.trial else list(PRONE)))
    stops = bool(rng.random() < world.stopping)
    plan, taper_end = _trial_plan(drug) if world.trial else _plan(rng, drug)
    doses = [(0, USUAL[drug]), *plan] if stops else [(0, USUAL[drug])]
    pairs = itertools.pairwise(doses)
    cuts = tuple((day, occupancy_fall(drug, before, after)) for (_, before), (day, after) in pairs)
    shift = RUN_IN  # hazards count from the start of the taper
    prior = relapse_prior(days - shift, stops, taper_end - shift)
    onset = int(rng.choice(len(prior), p=prior / prior.sum())) + shift
    relapse_day = on_grid(onset, RELAPSE_GRID, shift) if onset < days else None
    length = float(rng.choice(RAMPS, p=RAMP_SHARE))
    pace = float(rng.choice(PACES, p=PACE_SHARE))
    prone, fearful, stressed = rng.random() < PRONE[drug], rng.random() < NOCEBO_SHARE, rng.random() < STRESS_SHARE
    size = {k: float(rng.normal(*v)) for k, v in SIZE.items()}
    stress_day = float(on_grid(int(rng.integers(0, days)), STRESS_GRID, 0))
    relapse = np.zeros(days) if relapse_day is None else ramp(t, relapse_day, length) * size["relapse"]
    peak = peak_day(drug, world.half_life) * pace
    withdrawal = withdrawal_shape(t, cuts, peak) * size["withdrawal"] * prone
    stress = pulse(t, stress_day) * size["stress"] * stressed
    nocebo = nocebo_shape(t, cuts) * size["nocebo"] * fearful
    noisiness = float(rng.choice(NOISINESS))
    mean = (
        np.outer(relapse, RELAPSE)
        + np.outer(withdrawal, world.profile)
        + np.outer(stress, STRESS)
        + np.outer(nocebo, NOCEBO)
    )
    mean += LEVEL + LEVEL_SD * noisiness * rng.standard_normal(5)
    if world.wobble:
        mean += world.wobble * np.sin(2 * np.pi * (t / rng.uniform(25, 60) + rng.random()))[:, None] * STRESS
    observations = _rated(rng, mean, noisiness, world.kept)
    changes = tuple(DoseChange(day, drug, dose, "mg", day == 0, k + 2) for k, (day, dose) in enumerate(doses))
    record = Record(dt.date(2026, 1, 5), days, SIGNALS, observations, changes)
    return Patient(record, stops, drug, cuts, pace, noisiness, relapse_day, relapse, withdrawal, stress, nocebo)


def _rated(rng: np.random.Generator, mean: np.ndarray, noisiness: float, kept: float) -> tuple[Observation, ...]:
    days = len(mean)
    shock = rng.standard_normal((days, 4)) * SLOW_NOISE * noisiness
    slow = np.zeros((days, 4))
    slow[0] = shock[0]
    for day in range(1, days):
        slow[day] = MEMORY * slow[day - 1] + np.sqrt(1 - MEMORY**2) * shock[day]
    value = mean[:, :4] + slow + WHITE_NOISE * noisiness * rng.standard_normal((days, 4))
    made = rng.random(days) < kept
    found = []
    for day in range(days):
        if made[day]:
            found += [
                Observation(day, s.name, float(np.clip(value[day, j], 0.0, 10.0)), 1, 0)
                for j, s in enumerate(SIGNALS[:4])
            ]
        if day % 7 == 6 and rng.random() < 0.9:
            recalled = mean[max(0, day - 13) : day + 1, 4].mean()
            score = float(np.clip(np.round(recalled + PHQ_NOISE * noisiness * rng.standard_normal()), 0, 27))
            found.append(Observation(day, "PHQ-9", score, 1, 0))
    return tuple(found)


def rise(patient: Patient) -> int | None:
    """First day after the run-in on which the ratings of the last days lie well above the person's own run-in.

    Seen by anybody who holds the record: the mean over groups of the last three rated days exceeds the mean of the
    run-in by 1.6 of its SDs, on that day and the rated day before. None when that never happens.
    """
    table = np.full((patient.record.days, 4), np.nan)
    place = {s.name: j for j, s in enumerate(SIGNALS[:4])}
    for o in patient.record.observations:
        if o.signal in place:
            table[o.day, place[o.signal]] = o.value
    rated = np.flatnonzero(~np.isnan(table[:, 0]))
    first = rated[rated < RUN_IN]
    if len(first) < 8:
        return None
    composite = table.mean(axis=1)
    centre, spread = composite[first].mean(), max(composite[first].std(ddof=1), 0.2)
    high_before = False
    for k in range(3, len(rated) + 1):
        day = int(rated[k - 1])
        if day < RUN_IN:
            continue
        high = composite[rated[k - 3 : k]].mean() > centre + 1.6 * spread
        if high and high_before:
            return day
        high_before = bool(high)
    return None


def cause(patient: Patient, day: int) -> tuple[bool, bool]:
    """Whether on a day withdrawal is present (or was in the ten days up to it) and whether relapse has begun."""
    begin = max(0, day - 10)
    withdrawal = bool((patient.withdrawal[begin : day + 1] >= PRESENT).any())
    return withdrawal, patient.relapse_day is not None and patient.relapse_day <= day


def felt_worse(patient: Patient, day: int, rng: np.random.Generator) -> bool:
    """A global answer "I feel worse" at a visit: the worst week since the visit before against the run-in.

    What counts is how the person is on the whole: relapse in full, withdrawal, nocebo and stress in part. The answer
    has an error of its own; the weights, the error and the threshold are set by the published shares.
    """
    whole = patient.relapse + 0.9 * patient.withdrawal + 0.8 * patient.nocebo + 0.5 * patient.stress
    since = whole[max(0, day - VISIT_DAYS + 1) : day + 1]
    worst = np.convolve(since, np.full(7, 1 / 7), mode="valid").max()
    change = worst - whole[:RUN_IN].mean()
    return bool(change + FELT_ERROR * rng.standard_normal() > FELT_THRESHOLD)


def cohort(count: int, seed: int = 1, world: World = World(), days: int = DAYS) -> list[Patient]:
    """The first ``count`` patients of a seed."""
    return [draw(k, seed, world, days) for k in range(count)]


LADDER = (150.0, 105.0, 73.0, 51.0, 37.0, 25.0, 18.0, 12.0, 9.0, 0.0)
"""The blinded venlafaxine ladder of the published single-person record, mg a day."""
SCL = Signal("SCL-90-R depression", "depression", 1.0, 5.0, 7, 0.08)


def like_the_published_record(number: int, seed: int = 1) -> Patient:
    """A patient with the shape of the published record: 239 days, up to ten momentary ratings a day, a blinded
    stepwise taper of venlafaxine from 150 mg to nothing, a depression score every week."""
    rng = np.random.default_rng([seed, 7_000_000 + number])
    days = 239
    t = np.arange(days, dtype=float)
    first = int(rng.integers(30, 45))
    last = int(rng.integers(95, 115))
    when = np.unique(np.linspace(first, last, len(LADDER) - 1).astype(int))
    doses = [(0, LADDER[0]), *zip((int(d) for d in when), LADDER[1:], strict=True)]
    pairs = itertools.pairwise(doses)
    cuts = tuple((day, occupancy_fall("venlafaxine", before, after)) for (_, before), (day, after) in pairs)
    relapse_day = last + int(rng.integers(10, 60)) if rng.random() < 0.6 else None
    length = float(rng.choice(RAMPS, p=RAMP_SHARE))
    prone = rng.random() < 0.5
    relapse = np.zeros(days) if relapse_day is None else ramp(t, relapse_day, length) * rng.normal(*SIZE["relapse"])
    withdrawal = withdrawal_shape(t, cuts, peak_day("venlafaxine")) * rng.normal(*SIZE["withdrawal"]) * prone
    noise = float(rng.choice(NOISINESS))
    mean = (
        np.outer(relapse, RELAPSE)
        + np.outer(withdrawal, WITHDRAWAL)
        + LEVEL
        + LEVEL_SD * noise * rng.standard_normal(5)
    )
    slow = np.zeros((days, 4))
    drift = np.cumsum(rng.standard_normal(days)) * rng.choice([0.0, 0.01, 0.03])
    found = []
    for day in range(days):
        shock = rng.standard_normal(4) * SLOW_NOISE * noise
        slow[day] = shock if day == 0 else MEMORY * slow[day - 1] + np.sqrt(1 - MEMORY**2) * shock
        count = int(rng.binomial(10, 0.6))
        if count:
            error = WHITE_NOISE * 1.5 * noise / np.sqrt(count)
            value = np.clip(mean[day, :4] + slow[day] + error * rng.standard_normal(4), 0.0, 10.0)
            found += [Observation(day, s.name, float(value[j]), count, 0) for j, s in enumerate(SIGNALS[:4])]
        if day % 7 == 3:
            week = slice(max(0, day - 6), day + 1)
            score = 1.5 + (mean[week, 4].mean() - LEVEL[4]) * 0.13 + 0.05 * slow[week, 0].mean() + drift[day]
            score += 0.11 * noise * rng.standard_normal()
            found.append(Observation(day, SCL.name, float(np.clip(round(score * 13) / 13, 1.0, 5.0)), 1, 0))
    changes = tuple(DoseChange(day, "venlafaxine", dose, "mg", day == 0, k + 2) for k, (day, dose) in enumerate(doses))
    record = Record(dt.date(2012, 8, 13), days, (*SIGNALS[:4], SCL), tuple(found), changes)
    nothing = np.zeros(days)
    return Patient(record, True, "venlafaxine", cuts, 1.0, noise, relapse_day, relapse, withdrawal, nothing, nothing)
