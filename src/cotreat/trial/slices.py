"""The patients of a comparison in slices: each slice goes through every arm, is added up, and is let go.

A slice is some whole draws, or a part of one large draw. Its tally is a function of the comparison, the settings, the
parameters and the slice alone, so slices may be done in any order, on any number of threads, or be read back from disk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet
from cotreat.outcomes import tally
from cotreat.outcomes.followup import FollowUp
from cotreat.outcomes.requests import OutcomeRequest
from cotreat.outcomes.tally import Sums
from cotreat.population.cohort import Cohort, Numbers
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.channels import Layout, layout_of
from cotreat.simulate.entrants import Entrants
from cotreat.simulate.maintained import Entering
from cotreat.simulate.result import acute_course, follow_up, link, on_scale
from cotreat.simulate.run import Settings, follow
from cotreat.simulate.store import Store, digest, key_of
from cotreat.simulate.tables import Decisions
from cotreat.trial.compare_file import Comparison

_PATIENTS = 32 * tally.TILE
_FEWEST = 8  # slices of a small run, so that they can be spread over threads
_NEXT = "next"


@dataclass(frozen=True)
class Slice:
    """Draws ``first`` to ``last`` (excluded), ``n`` patients of each; ``part`` of a draw that is too large for one."""

    first: int
    last: int
    n: int
    part: int = 0

    @property
    def name(self) -> str:
        return f"draws-{self.first}-{self.last}-part-{self.part}"


@dataclass(frozen=True)
class Setup:
    """All that the tally of a slice depends on."""

    what: Comparison
    settings: Settings
    parameters: ParameterSet
    ledgers: dict[str, Ledger]
    layout: Layout
    decisions: Decisions
    recruiter: Entering

    @classmethod
    def of(cls, what: Comparison, settings: Settings, parameters: ParameterSet) -> Setup:
        """Everything worked out before the first patient; InputError when an arm cannot be forecast."""
        ledgers = entered_together(
            {name: expand(regimen, horizon=settings.weeks * 7) for name, regimen in what.arms.items()}, what.entry
        )
        layout = layout_of(list(ledgers.values()))
        decisions = Decisions.of(find_scale(what.population.scale))
        recruiter = Entering.of(what.population, list(ledgers.values()), settings, parameters)
        return cls(what, settings, parameters, ledgers, layout, decisions, recruiter)

    @property
    def key(self) -> str:
        """Digest of the description, for the store."""
        s = self.settings
        how = (s.patients, s.draws, s.seed, s.weeks, s.visit_days, s.refine, s.engine)
        given = (list(self.ledgers.items()), self.layout, self.decisions)
        known = [(name, digest(values)) for name, values in sorted(self.recruiter.draws.items())]
        return key_of("compare", self.what.population, self.what.outcomes, how, given, self.parameters.checksum, known)


def entered_together(ledgers: dict[str, Ledger], entry: int | None = None) -> dict[str, Ledger]:
    """Ledgers in which patients enter on one day, so that waiting and placebo response are the same in all arms.

    ``entry``: days before day 0, rounded up to weeks; None: the week in which the first of them begins.

    Raises
    ------
    InputError
        Something is given before the day of entry.
    """
    first = max(ledgers, key=lambda name: ledgers[name].lead_in)
    begins = ledgers[first].lead_in
    if entry is not None and entry < begins:
        raise InputError(
            f"arm {first!r} begins {begins} days before day 0, and patients enter {entry} days before",
            hint="`entry` must not lie after the first dose or session of any arm",
        )
    days = 7 * -(-(begins if entry is None else entry) // 7)
    return {name: replace(ledger, lead_in=days) for name, ledger in ledgers.items()}


def slices(settings: Settings) -> list[list[Slice]]:
    """Slices by job: the slices of a job follow each other, since each begins where the one before it ended."""
    n, draws = settings.per_draw, settings.draws
    if n > tally.PART:
        sizes = [min(tally.PART, n - begin) for begin in range(0, n, tally.PART)]
        return [[Slice(d, d + 1, size, part) for part, size in enumerate(sizes)] for d in range(draws)]
    jobs = min(draws, max(_FEWEST, -(-n * draws // _PATIENTS)))
    ends = [draws * (k + 1) // jobs for k in range(jobs)]
    return [[Slice(a, b, n)] for a, b in zip([0, *ends], ends, strict=False)]


@contextmanager
def tallied(setup: Setup, store: Store | None = None) -> Iterator[Callable[[], Sums]]:
    """Simulate in the background; what is yielded waits for the tally of all patients."""
    jobs, settings = slices(setup.settings), setup.settings
    workers = min(settings.workers, len(jobs))
    inner = max(1, settings.workers // len(jobs))
    setup = replace(setup, settings=replace(settings, threads=inner, progress=None))
    progress = _Progress(settings.progress, sum(s.n * (s.last - s.first) for job in jobs for s in job))
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        found = [pool.submit(_job, setup, job, store, progress) for job in jobs]
        yield lambda: tally.beside(_results(found))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _results(found: list[Future[Sums]]) -> list[Sums]:
    return [f.result() for f in found]


@dataclass
class _Progress:
    """Patients done, over all threads."""

    tell: Callable[[float], None] | None
    total: int
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, patients: int) -> None:
        if self.tell is not None:
            with self.lock:
                self.done += patients
                self.tell(self.done / self.total)


def _job(setup: Setup, job: list[Slice], store: Store | None, progress: _Progress) -> Sums:
    tallies: list[Sums] = []
    first = 0
    for piece in job:
        found = None if store is None else store.get(piece.name)
        if found is None:
            found = tally_of(setup, piece, first)
            if store is not None:
                store.put(piece.name, found)
        first = int(found.pop(_NEXT))
        tallies.append(found)
        progress.add(piece.n * (piece.last - piece.first))
    return tally.together(tallies)


def tally_of(setup: Setup, piece: Slice, first: int = 0) -> Sums:
    """The tally of one slice, whose patients are numbered from ``first``; "next" is the number after its last."""
    cohort = setup.recruiter(Numbers(np.arange(piece.first, piece.last), first), piece.n)
    entrants = Entrants(cohort, setup.layout, setup.settings.refine, setup.settings.engine, setup.settings.workers)
    found: Sums = {_NEXT: np.array(cohort.patient[-1] + 1)}
    reference: _Readings | None = None
    for number, ledger in enumerate(setup.ledgers.values()):
        sums, readings = _arm(setup, entrants, ledger)
        found |= tally.owned(sums, f"arm {number}")
        if reference is None:
            reference = readings
        else:
            found |= tally.owned(_contrasts(readings, reference), f"arm {number}")
    return found


@dataclass(frozen=True)
class _Readings:
    """What is asked of an arm, patient by patient: for a proportion who has it and among whom, for a mean its score."""

    hits: dict[int, tuple[np.ndarray, np.ndarray]]
    scores: dict[int, np.ndarray]


def _arm(setup: Setup, entrants: Entrants, ledger: Ledger) -> tuple[Sums, _Readings]:
    cohort, decisions = entrants.cohort, setup.decisions
    run = follow(entrants, ledger, setup.settings, decisions=decisions)
    acute = acute_course(run, decisions)
    seen = follow_up(run, acute)
    day = seen.weekly().relapse_day(decisions.relapse)
    links = [None if s == cohort.scale else link(cohort.scale, s) for s in scales(setup.what)]
    sums = tally.visits(seen, decisions.relapse, links) | tally.relapses(seen, day)
    sums["sessions"] = tally.moments(run.sessions.reshape(len(run.sessions), *cohort.shape))
    hits, scores = {}, {}
    for number, request in enumerate(setup.what.outcomes):
        if request.kind == "mean":
            scores[number] = _scores(seen, cohort, request)
            sums[f"score {number}"] = tally.moments(scores[number])
        else:
            hits[number] = hit, among = _hit(seen, day, request, decisions)
            sums |= {f"hits {number}": tally.count(hit & among), f"among {number}": tally.count(among)}
    return sums, _Readings(hits, scores)


def scales(what: Comparison) -> list[str]:
    """Scales on which the mean score is followed over time: those asked for, else that of the patients."""
    return list(dict.fromkeys(o.scale for o in what.outcomes if o.scale is not None)) or [what.population.scale]


def _hit(
    seen: FollowUp, relapse_day: np.ndarray, request: OutcomeRequest, decisions: Decisions
) -> tuple[np.ndarray, np.ndarray]:
    """For a proportion: who has it, and among whom."""
    assert request.week is not None
    day = 7 * request.week
    if request.kind == "relapse":
        return relapse_day <= day, seen.remitted & (seen.acute_end <= day)
    everyone = np.ones(seen.baseline.shape, dtype=bool)
    if request.kind == "well":
        return seen.well(day, decisions.relapse), everyone
    return (seen.response(day) if request.kind == "response" else seen.remission(day)), everyone


def _scores(seen: FollowUp, cohort: Cohort, request: OutcomeRequest) -> np.ndarray:
    day = int(seen.days[-1]) // 7 * 7 if request.week is None else 7 * request.week
    return on_scale(seen.at(day), cohort.scale, request.scale or cohort.scale)


def _contrasts(arm: _Readings, reference: _Readings) -> Sums:
    """How the same patients differ between an arm and the reference, for each outcome by number.

    Of a proportion: ``both``, patients who have it in both arms, and ``unlike``, those who count differently in the
    two. Of a mean: ``difference``, its sum and sum of squares.
    """
    found: Sums = {}
    for number, (hit, among) in arm.hits.items():
        other, others = reference.hits[number]
        found[f"both {number}"] = tally.count(hit & among & other & others)
        unlike = ((hit & among) != (other & others)) | (among != others)
        found[f"unlike {number}"] = tally.count(unlike)
    for number, score in arm.scores.items():
        found[f"difference {number}"] = tally.moments(score - reference.scores[number])
    return found
