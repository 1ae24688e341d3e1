"""Simulating a regimen: ledger x patients x parameter draws -> trajectories.

``simulate`` is the one verb; ``follow`` runs a given cohort (the seam for run-ins, sequential treatment and what-if) and
``enrol`` selects the patients whom a simulated run-in brings to an entry rule.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.model.patient import Channels, constants
from cotreat.population.cohort import Cohort, first_accepted, recruit
from cotreat.population.populations import Population, population
from cotreat.regimen.ledger import Ledger
from cotreat.simulate import scan
from cotreat.simulate.channels import channels_of
from cotreat.simulate.keys import MOOD, RATING, lane_keys, rating_noise, stream
from cotreat.simulate.tables import Decisions, Tables, build

STEPS = (4, 8, 16)
_STEPS_PER_TIME_CONSTANT = 8
_MOST_RUN_INS = 40
_NUMBERS_PER_ROUND = 1 << 20  # patient numbers set aside for each round of a run-in


@dataclass(frozen=True)
class Settings:
    """How a run is done.

    ``patients`` is the total over all parameter draws. ``refine`` halves every step that many times. ``threads`` and
    ``chunk`` (patients handed out at a time) change speed only. ``progress`` is called with the share that is done.
    """

    patients: int = 20_000
    draws: int = 100
    seed: int = 1
    weeks: int = 26
    refine: int = 0
    threads: int | None = None
    chunk: int = 4096
    progress: Callable[[float], None] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        limits = {"patients": (1, 10**9), "draws": (1, 10**6), "seed": (0, 2**63 - 1), "weeks": (1, 1040)}
        for name, (low, high) in (limits | {"refine": (0, 3), "chunk": (1, 10**9)}).items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")
        if self.patients < self.draws:
            raise InputError(f"patients ({self.patients}) must be at least the number of draws ({self.draws})")

    @property
    def per_draw(self) -> int:
        """Patients in each draw."""
        return -(-self.patients // self.draws)


@dataclass(frozen=True)
class Course:
    """What happened to a cohort under one ledger.

    Arrays are flat over patients of all draws (draw by draw). ``days`` (visits,); ``score`` (visits, patients) float32;
    ``phase`` (visits, tracks, patients); ``end_rule``, ``end_day``, ``end_score``: the first transition that fired (-1:
    none), its day and the score it was taken on; ``sessions`` and ``end_sessions`` (stimulations, patients): given in
    all, and before that transition.
    """

    ledger: Ledger
    channels: Channels
    cohort: Cohort
    stage: int
    days: np.ndarray
    score: np.ndarray
    phase: np.ndarray
    end_rule: np.ndarray
    end_day: np.ndarray
    end_score: np.ndarray
    sessions: np.ndarray
    end_sessions: np.ndarray
    state: dict[str, np.ndarray]


def start_cohort(
    who: Population | str, settings: Settings, parameters: ParameterSet | None = None, first: int = 0
) -> Cohort:
    """Patients of a population at entry, for every parameter draw; patient numbers start at ``first``."""
    parameters = parameters or load_parameters()
    people = population(who) if isinstance(who, str) else who
    draws = parameters.draws(settings.draws, settings.seed)
    return recruit(people, draws, settings.per_draw, settings.seed, partial(rating_noise, settings.seed), first)


def follow(
    cohort: Cohort,
    ledger: Ledger,
    settings: Settings,
    *,
    channels: Channels | None = None,
    decisions: Decisions | None = None,
    stage: int = 0,
    until_spent: bool = False,
) -> Course:
    """Run a cohort under a ledger for ``settings.weeks``.

    Parameters
    ----------
    channels
        Channels of the run; by default those of the ledger. Arms that are compared share theirs.
    decisions
        What remission, response and relapse mean; by default the registered cut-offs of the cohort's scale.
    stage
        0 for the treatment, 1 for what follows a run-in (its own luck).
    until_spent
        A patient whose phases are all spent stays as is: the state at the end of a run-in.
    """
    channels = channels or channels_of([ledger])
    decisions = decisions or Decisions.of(find_scale(cohort.scale))
    n = len(cohort.draw)
    weeks_before = -(-ledger.lead_in // 7)
    ledger = replace(ledger, lead_in=7 * weeks_before)
    weeks = settings.weeks + weeks_before
    parameters, state = _before(ledger, channels, cohort)
    steps = _steps(parameters["mood.time_constant"], settings.refine)
    tracks = len(ledger.first)
    out: dict[str, np.ndarray] = {
        "score": np.empty((weeks + 1, n), np.float32),
        "phase": np.empty((weeks + 1, tracks, n), np.int16),
        "end_rule": np.empty(n, np.int32),
        "end_day": np.empty(n, np.int32),
        "end_score": np.empty(n, np.float32),
        "sessions": np.empty((len(channels.stimulations), n), np.float32),
        "end_sessions": np.empty((len(channels.stimulations), n), np.float32),
        "state": np.empty((len(channels.states), n), np.float32),
    }
    jobs: list[Callable[[], None]] = []
    for count in np.unique(steps):
        lanes = np.flatnonzero(steps == count)
        tables = build(ledger, channels, decisions, int(count))
        p = {k: v[lanes] for k, v in parameters.items()}
        c = constants(p, channels, 1.0 / int(count)) | {k: p[k] for k in scan.RATING_CONSTANTS}
        plan = scan.Plan(channels, tuple(c), int(count), tables.start, weeks, tracks, until_spent)
        lane_data = _LaneData(
            lanes=lanes,
            constants=np.stack(list(c.values())).astype(np.float32),
            state=np.stack([state[k][lanes] for k in channels.states]).astype(np.float32),
            baseline=cohort.baseline[lanes].astype(np.float32),
            keys=_keys(settings.seed, cohort.draw[lanes], stage, int(count)),
            patient=cohort.patient[lanes].astype(np.uint32),
        )
        for chunk in _chunks(len(lanes), settings.chunk):
            jobs.append(partial(_run_chunk, plan, tables, lane_data, chunk, out))
    _work(jobs, settings)
    _check_finite(out["score"], cohort, tables.start)
    final = out.pop("state")
    return Course(
        ledger=ledger,
        channels=channels,
        cohort=cohort,
        stage=stage,
        days=tables.start + 7 * np.arange(weeks + 1),
        state={k: final[j].astype(np.float64) for j, k in enumerate(channels.states)},
        **out,
    )


@dataclass(frozen=True)
class EntryRule:
    """Who goes on after a run-in: a condition on the score at its end, the baseline, or nothing (everybody)."""

    at_most: float | None = None
    fraction_below_baseline: float | None = None

    def accepts(self, score: np.ndarray, baseline: np.ndarray) -> np.ndarray:
        """Mask of those who go on."""
        good = np.ones(score.shape, dtype=bool)
        if self.at_most is not None:
            good &= score <= self.at_most
        if self.fraction_below_baseline is not None:
            good &= score <= (1.0 - self.fraction_below_baseline) * baseline
        return good


def enrol(
    who: Population | str,
    run_in: Ledger,
    rule: EntryRule,
    settings: Settings,
    *,
    parameters: ParameterSet | None = None,
    decisions: Decisions | None = None,
    first: int = 0,
) -> tuple[Cohort, float]:
    """Patients whom a simulated run-in brings to the entry rule, with their state at its end.

    Returns the cohort (for each draw the same number of patients) and the share of those treated who were enrolled.

    Raises
    ------
    InputError
        Too few are enrolled in some draw.
    """
    parameters = parameters or load_parameters()
    kept: list[tuple[Cohort, np.ndarray]] = []
    found = np.zeros(settings.draws, int)
    channels = channels_of([run_in])
    length = run_in_weeks(run_in)
    while (found < settings.per_draw).any():
        if len(kept) >= _MOST_RUN_INS:
            raise InputError(
                f"the run-in brings too few patients to the entry rule: {found.min()} of {settings.per_draw} in the "
                f"least favourable draw after {_MOST_RUN_INS} rounds"
            )
        batch = start_cohort(who, settings, parameters, first + len(kept) * _NUMBERS_PER_ROUND)
        course = follow(
            batch,
            run_in,
            replace(settings, weeks=length, progress=None),
            channels=channels,
            decisions=decisions,
            until_spent=True,
        )
        score = np.where(course.end_rule >= 0, course.end_score, course.score[-1])
        accept = rule.accepts(score, batch.baseline).reshape(settings.draws, -1)
        found = found + accept.sum(axis=1)
        kept.append((batch.take(np.arange(len(batch.draw)), batch.shape, course.state), accept))
    cohorts, masks = zip(*kept, strict=True)
    joined = _join(list(cohorts))
    accept = np.concatenate(masks, axis=1)
    chosen = first_accepted(accept, settings.per_draw)
    assert chosen is not None
    return joined.take(chosen, (settings.draws, settings.per_draw), joined.state), float(accept.mean())


def run_in_weeks(ledger: Ledger) -> int:
    """Weeks a run-in can last: to its last decision, or to its last item."""
    last = 0
    for number, phase in enumerate(ledger.phases):
        if number in ledger.first or phase.items:
            days = [t.day for t in ledger.transitions if t.phase == number] or [1 + i.day for i in phase.items]
            last += max(days, default=0)
    if last > 364:
        raise InputError("the run-in has no end within a year: say `for` or `at most`")
    return max(1, -(-last // 7))


@dataclass(frozen=True)
class _LaneData:
    lanes: np.ndarray
    constants: np.ndarray
    state: np.ndarray
    baseline: np.ndarray
    keys: np.ndarray
    patient: np.ndarray


def _run_chunk(plan: scan.Plan, tables: Tables, data: _LaneData, chunk: range, out: dict[str, np.ndarray]) -> None:
    run = scan.kernel(plan)
    for begin in range(chunk.start, chunk.stop, scan.TILE):
        take = np.arange(begin, min(begin + scan.TILE, chunk.stop))
        width = len(take)
        padded = np.concatenate([take, np.full(scan.TILE - width, take[0])])
        given = scan.Given(
            **{k: getattr(tables, k) for k in scan.Given._fields if k != "baseline"}, baseline=data.baseline[padded]
        )
        (score, phase), final = run(
            given, data.constants[:, padded], data.state[:, padded], data.keys[:, :, padded], data.patient[padded]
        )
        where = data.lanes[take]
        out["score"][:, where] = np.asarray(score)[:, :width]
        out["phase"][:, :, where] = np.asarray(phase)[:, :, :width]
        for name in ("sessions", "end_sessions", "state"):
            out[name][:, where] = np.asarray(final[name])[:, :width]
        for name in ("end_rule", "end_day", "end_score"):
            out[name][where] = np.asarray(final[name])[:width]


def _work(jobs: list[Callable[[], None]], settings: Settings) -> None:
    threads = settings.threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    done = 0
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for _ in pool.map(lambda job: job(), jobs):
            done += 1
            if settings.progress is not None:
                settings.progress(done / len(jobs))


def _chunks(n: int, chunk: int) -> Iterator[range]:
    width = max(1, chunk // scan.TILE) * scan.TILE
    for begin in range(0, n, width):
        yield range(begin, min(begin + width, n))


def _steps(tau: np.ndarray, refine: int) -> np.ndarray:
    """Steps a day of each patient: the coarsest with dt <= tau / 8, halved ``refine`` times."""
    needed = _STEPS_PER_TIME_CONSTANT / tau
    if (needed > STEPS[-1] * (1 + 1e-9)).any():
        raise InputError(f"mood.time_constant must be at least {_STEPS_PER_TIME_CONSTANT / STEPS[-1]:g} day")
    coarsest = np.asarray(STEPS)[np.searchsorted(STEPS, needed * (1 - 1e-9))]
    return np.asarray(coarsest * 2**refine)


def _keys(seed: int, draw: np.ndarray, stage: int, steps: int) -> np.ndarray:
    levels = int(np.log2(steps // scan.COARSE)) + 1
    numbers = [stream(stage, RATING)] + [stream(stage, MOOD, level) for level in range(levels)]
    return np.stack([lane_keys(seed, draw, number) for number in numbers])


def _before(ledger: Ledger, channels: Channels, cohort: Cohort) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Parameters and state at entry, with drugs taken before at steady state.

    Such a patient is ill (or well) despite the drug, so chronicity is raised by the tilt the drug already gives.
    """
    p = dict(cohort.parameters)
    zero = np.zeros(len(cohort.draw))
    state = {k: cohort.state.get(k, zero) for k in channels.states}
    for before in ledger.before:
        drug = next(d for d in channels.drugs if d.name == before.subject)
        c = constants(p, channels, 1.0)
        e50, scale = c[f"exposure.{drug.name}.e50"], c[f"exposure.{drug.name}.scale"]
        effect = scale * before.amount / (before.amount + e50)
        tilt = c[f"{drug.name}.tilt"] * effect
        p["trait.chronicity"] = p["trait.chronicity"] + tilt
        state[f"exposure.{drug.name}"] = np.full_like(zero, before.amount)
        state["tilt"] = state["tilt"] + tilt
        state["session_gain"] = state["session_gain"] + c[f"{drug.name}.session_gain"] * effect
        state["storage_gain"] = state["storage_gain"] + c[f"{drug.name}.storage_gain"] * effect
    return p, state


def _join(cohorts: list[Cohort]) -> Cohort:
    """Batches of the same draws side by side, draw by draw."""
    draws = cohorts[0].shape[0]

    def side(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([v.reshape(draws, -1) for v in parts], axis=1).ravel()

    def named(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {k: side([d[k] for d in parts]) for k in parts[0]}

    return Cohort(
        shape=(draws, sum(c.shape[1] for c in cohorts)),
        draw=side([c.draw for c in cohorts]),
        patient=side([c.patient for c in cohorts]),
        parameters=named([c.parameters for c in cohorts]),
        state=named([c.state for c in cohorts]),
        baseline=side([c.baseline for c in cohorts]),
        scale=cohorts[0].scale,
    )


def _check_finite(score: np.ndarray, cohort: Cohort, start: int) -> None:
    bad = np.argwhere(~np.isfinite(score))
    if len(bad):
        visit, lane = bad[0]
        raise FloatingPointError(
            f"the score of patient {cohort.patient[lane]} in draw {cohort.draw[lane]} is not finite on day "
            f"{start + 7 * visit}"
        )
