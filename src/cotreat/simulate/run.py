"""Simulating a regimen: ledger x patients x parameter draws -> trajectories.

``simulate`` is the one verb; ``follow`` runs a given cohort (the seam for run-ins, sequential treatment, what-if).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import cache, lru_cache, partial

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.model.patient import Channels
from cotreat.population.cohort import Cohort, Numbers, recruit
from cotreat.population.populations import Population, population
from cotreat.regimen.ledger import Ledger
from cotreat.simulate import scan
from cotreat.simulate.channels import Layout, layout_of
from cotreat.simulate.chunks import ENGINES, Engine, Job, Output, People
from cotreat.simulate.entrants import Entrants, chunks, steps_a_day
from cotreat.simulate.keys import MOOD, RATING, lane_keys, rating_noise, stream
from cotreat.simulate.store import Store
from cotreat.simulate.tables import Decisions, build

_SENT_TO_GPU = 1 << 20

Runner = Callable[[People, Output], None]


@dataclass(frozen=True)
class Settings:
    """How a run is done.

    ``patients`` is the total over all parameter draws. ``visit_days``: days between visits, 7 or 1; decisions of a
    regimen lie on its own visits all the same. ``refine`` halves every step that many times. ``threads`` and
    ``chunk`` (patients handed out at a time) change speed only. ``engine``: "kernel" (compiled code generated from the
    model), "reference" (the plain scan it is checked against), "kernel64" (the kernel with float64 states; slow, to
    tell rounding from logic), "gpu" (the kernel on an NVIDIA GPU, with the extra gpu). ``progress`` is called with the
    share that is done. ``store`` keeps finished chunks, so that a run that was cut off goes on where it stopped.
    """

    patients: int = 20_000
    draws: int = 100
    seed: int = 1
    weeks: int = 26
    visit_days: int = 7
    refine: int = 0
    threads: int | None = None
    chunk: int = 4096
    engine: Engine = "kernel"
    progress: Callable[[float], None] | None = field(default=None, compare=False)
    store: Store | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        limits = {"patients": (1, 10**9), "draws": (1, 10**6), "seed": (0, 2**63 - 1), "weeks": (1, 1040)}
        if self.visit_days not in (1, 7):
            raise InputError(f"visit_days must be 1 or 7, not {self.visit_days}")
        for name, (low, high) in (limits | {"refine": (0, 3), "chunk": (1, 10**9)}).items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")
        if self.engine not in ENGINES:
            raise InputError(f"unknown engine {self.engine!r}", examples=ENGINES)
        if self.patients < self.draws:
            raise InputError(f"patients ({self.patients}) must be at least the number of draws ({self.draws})")

    @property
    def per_draw(self) -> int:
        """Patients in each draw."""
        return -(-self.patients // self.draws)

    @property
    def portion(self) -> int:
        """Patients handed to the engine at a time; a GPU takes many."""
        return max(self.chunk, _SENT_TO_GPU) if self.engine == "gpu" else self.chunk

    @property
    def workers(self) -> int:
        """Threads to use: those asked for, else one for each processor this process may use."""
        own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return max(1, self.threads or own or 1)


@dataclass(frozen=True)
class Course:
    """What happened to a cohort under one ledger.

    Arrays are flat over patients of all draws (draw by draw). ``days`` (visits,); ``score`` (visits, patients) float32;
    ``record`` (visits, recorded states, patients); ``phase`` (visits, tracks, patients); ``end_rule``, ``end_day``,
    ``end_score``: the first transition that fired (-1: none), its day and the score it was taken on; ``sessions`` and
    ``end_sessions`` (stimulations, patients): given in all, and before that transition.
    """

    ledger: Ledger
    channels: Channels
    cohort: Cohort
    stage: int
    days: np.ndarray
    score: np.ndarray
    record: np.ndarray
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
    recruiter = Recruiter.of(who, settings, parameters or load_parameters())
    return recruiter(Numbers(np.arange(settings.draws), first), settings.per_draw)


@dataclass(frozen=True)
class Recruiter:
    """Patients of one population by their numbers: who they are depends on nothing else.

    ``draws`` holds every parameter draw of the run.
    """

    people: Population
    draws: dict[str, np.ndarray]
    seed: int
    threads: int = 1

    @classmethod
    def of(cls, who: Population | str, settings: Settings, parameters: ParameterSet) -> Recruiter:
        """For the draws of a run; InputError when the parameter set lacks a parameter."""
        absent = sorted(_needed_parameters() - set(parameters.parameters))
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            raise InputError(f"the parameter set {parameters.name!r} lacks {absent[0]}{more}")
        people = population(who) if isinstance(who, str) else who
        return cls(people, parameters.draws(settings.draws, settings.seed), settings.seed, settings.workers)

    def __call__(self, numbers: Numbers, n: int) -> Cohort:
        """``n`` patients for each draw in ``numbers``."""
        return recruit(self.people, self.draws, n, (self.seed, partial(rating_noise, self.seed)), numbers, self.threads)


@cache
def _needed_parameters() -> frozenset[str]:
    """Names every parameter set must have: those of the packaged default."""
    return frozenset(load_parameters().parameters)


def follow(
    cohort: Cohort | Entrants,
    ledger: Ledger,
    settings: Settings,
    *,
    layout: Layout | None = None,
    decisions: Decisions | None = None,
    stage: int = 0,
    until_spent: bool = False,
) -> Course:
    """Run a cohort under a ledger for ``settings.weeks``.

    Parameters
    ----------
    cohort
        The patients; made ready as ``Entrants`` they serve several ledgers.
    layout
        Channels and tracks of the run; by default those of the entrants, else of the ledger. Arms that are compared
        share theirs.
    decisions
        What remission, response and relapse mean; by default the registered cut-offs of the cohort's scale.
    stage
        0 for the treatment, 1 for what follows a run-in (its own luck).
    until_spent
        A patient whose phases are all spent stays as is: the state at the end of a run-in.
    """
    if isinstance(cohort, Entrants):
        entrants = cohort
    else:
        entrants = Entrants(cohort, layout or layout_of([ledger]), settings.refine, settings.engine, settings.workers)
    cohort, channels = entrants.cohort, entrants.layout.channels
    decisions = decisions or Decisions.of(find_scale(cohort.scale))
    weeks_before = -(-ledger.lead_in // 7)
    ledger = replace(ledger, lead_in=7 * weeks_before)
    weeks = settings.weeks + weeks_before
    days = np.arange(0, 7 * weeks + 1, settings.visit_days)
    out = Output.empty(channels, entrants.layout.tracks, len(days), len(cohort.draw))
    groups: list[list[Callable[[], None]]] = []
    span = _Span(weeks, settings.seed, stage, until_spent, settings.visit_days)
    for (count, structure), people in entrants.people(ledger.before).items():
        layout = replace(entrants.layout, channels=replace(channels, mood=structure))
        run = _runner(_job(ledger, layout, decisions, count, span), settings)
        groups.append([partial(run, part, out) for part in chunks(people, settings.portion)])
    # the first chunk of each group goes first, so that kernels are compiled side by side and each only once; then the
    # groups with most steps, so that what is left at the end is short and no thread waits long for another
    _work([g[0] for g in groups] + [job for g in reversed(groups) for job in g[1:]], settings)
    _check_finite(out, channels, entrants, days - ledger.lead_in)
    made = {f.name: getattr(out, f.name) for f in fields(out) if f.name != "state"}
    return Course(
        ledger=ledger,
        channels=channels,
        cohort=cohort,
        stage=stage,
        days=days - ledger.lead_in,
        state={k: out.state[j].astype(np.float64) for j, k in enumerate(channels.states)},
        **made,
    )


@dataclass(frozen=True)
class _Span:
    """What of a job is not in its tables."""

    weeks: int
    seed: int
    stage: int
    freeze: bool
    visit_days: int


@lru_cache(maxsize=64)
def _job(ledger: Ledger, layout: Layout, decisions: Decisions, steps: int, span: _Span) -> Job:
    tables = build(ledger, layout, decisions, steps)
    return Job(layout.channels, tables, span.weeks, span.seed, span.stage, span.freeze, span.visit_days)


def _runner(job: Job, settings: Settings) -> Runner:
    run = _engine(job, settings.engine)
    if settings.store is None:
        return run
    return partial(settings.store.through, job, settings.engine, run)


def _engine(job: Job, engine: Engine) -> Runner:
    if engine == "reference":
        return partial(_reference, job)
    if engine == "gpu":
        from cotreat.simulate.kernel import cuda

        return cuda.runner(job)
    from cotreat.simulate.kernel.cpu import runner

    return runner(job, "f64" if engine == "kernel64" else "f32")


def _reference(job: Job, people: People, out: Output) -> None:
    """A chunk by the reference engine, in tiles of one width."""
    plan = scan.Plan(
        job.channels,
        tuple(people.constants),
        job.steps,
        job.tables.start,
        job.weeks,
        job.tracks,
        job.freeze,
        job.visit_days,
    )
    run = scan.kernel(plan)
    all_constants = np.stack(list(people.constants.values())).astype(np.float32)
    for begin in range(0, len(people.lanes), scan.TILE):
        take = np.arange(begin, min(begin + scan.TILE, len(people.lanes)))
        width, where = len(take), people.lanes[take]
        take = np.concatenate([take, np.full(scan.TILE - width, take[0])])
        tables = {k: getattr(job.tables, k) for k in scan.Given._fields if k != "baseline"}
        (score, phase, record), final = run(
            scan.Given(**tables, baseline=people.baseline[take].astype(np.float32)),
            all_constants[:, take],
            people.entry[:, take].astype(np.float32),
            _keys(job.seed, people.draw[take], job.stage, job.steps),
            people.patient[take].astype(np.uint32),
        )
        out.score[:, where] = np.asarray(score)[:, :width]
        out.record[:, :, where] = np.asarray(record)[:, :, :width]
        out.phase[:, :, where] = np.asarray(phase)[:, :, :width]
        for name in ("sessions", "end_sessions", "state"):
            getattr(out, name)[:, where] = np.asarray(final[name])[:, :width]
        for name in ("end_rule", "end_day", "end_score"):
            getattr(out, name)[where] = np.asarray(final[name])[:width]


def _work(jobs: list[Callable[[], None]], settings: Settings) -> None:
    with ThreadPoolExecutor(max_workers=settings.workers) as pool:
        done = map(_call, jobs) if settings.workers == 1 else pool.map(_call, jobs)
        for number, _ in enumerate(done):
            if settings.progress is not None:
                settings.progress((number + 1) / len(jobs))


def _call(job: Callable[[], None]) -> None:
    job()


def _keys(seed: int, draw: np.ndarray, stage: int, steps: int) -> np.ndarray:
    levels = int(np.log2(steps // scan.COARSE)) + 1
    numbers = [stream(stage, RATING)] + [stream(stage, MOOD, level) for level in range(levels)]
    return np.stack([lane_keys(seed, draw, number) for number in numbers])


def _check_finite(out: Output, channels: Channels, entrants: Entrants, days: np.ndarray) -> None:
    """Refuse a trajectory that is not finite, naming the patient and the step at which a visit first saw it."""
    cohort = entrants.cohort
    if not np.isfinite(out.score).all():
        visit, lane = np.argwhere(~np.isfinite(out.score))[0]
        steps = int(steps_a_day(cohort.parameters["mood.time_constant"][lane : lane + 1], entrants.refine)[0])
        raise FloatingPointError(
            f"the score of patient {cohort.patient[lane]} in draw {cohort.draw[lane]} is not finite on day "
            f"{days[visit]} (step {int(days[visit] - days[0]) * steps} of {steps} a day)"
        )
    if not np.isfinite(out.state).all():
        state, lane = np.argwhere(~np.isfinite(out.state))[0]
        raise FloatingPointError(
            f"{channels.states[state]} of patient {cohort.patient[lane]} in draw {cohort.draw[lane]} is not finite at "
            "the end"
        )
