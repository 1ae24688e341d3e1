"""The four steps together, block by block: generate -> cut -> analyse -> summarise.

A block is a fixed number of replicates, so results do not depend on threads or on memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.simulate.chunks import Engine
from cotreat.simulate.store import Store, digest, key_of
from cotreat.trial.virtual.analyse import Trials, analyse, choose, looked, sample, success
from cotreat.trial.virtual.cut import Measured, at_visits, conducted, measure
from cotreat.trial.virtual.design import MOST_PER_ARM, Endpoint, Trial
from cotreat.trial.virtual.expected import Curves, FreeOfEvent, curves_of, free_of_event, joined, joined_events
from cotreat.trial.virtual.generate import Prepared, Share, generate, prepare

PATIENTS_PER_BLOCK = 40_000  # of one arm; what a block holds in memory
MOST_PATIENTS = 20_000_000
Over = Literal["median", "draws"] | int


@dataclass(frozen=True)
class Size:
    """How much is simulated.

    ``trials`` in all; ``draws``: parameter draws, or repetitions at one point, that they are spread over;
    ``patients``: of each arm in all (None: enough that no two trials share a patient); ``threads`` change speed only.
    """

    trials: int = 2000
    draws: int = 100
    seed: int = 1
    patients: int | None = None
    threads: int | None = None
    engine: Engine = "kernel"

    def __post_init__(self) -> None:
        limits = {"trials": (1, 1_000_000), "draws": (1, 100_000), "seed": (0, 2**63 - 1)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name} must be between {low:,} and {high:,}, not {getattr(self, name):,}")
        if self.trials < self.draws:
            raise InputError(f"trials ({self.trials:,}) must be at least the number of draws ({self.draws:,})")
        if self.patients is not None and not 1 <= self.patients <= MOST_PATIENTS:
            raise InputError(f"patients must be between 1 and {MOST_PATIENTS:,}, not {self.patients:,}")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads must be at least 1, not {self.threads}")

    @property
    def per_draw(self) -> int:
        """Trials of each draw."""
        return -(-self.trials // self.draws)


@dataclass(frozen=True)
class Results:
    """What the tests of every trial said, for each endpoint and size.

    ``p``, ``statistic``, ``estimate``, ``won``: arrays (sizes, endpoints, draws, trials of a draw). ``null_p`` and
    ``null_won``: the same trials with patients dealt anew to the arms. ``stopped`` the look at which a trial stopped
    (None without looks), ``used`` the share of patients or events by then. ``curves`` and ``times`` describe the arms.
    """

    sizes: tuple[int, ...]
    p: np.ndarray
    statistic: np.ndarray
    estimate: np.ndarray
    won: np.ndarray
    null_p: np.ndarray
    null_won: np.ndarray
    stopped: np.ndarray | None
    used: np.ndarray | None
    curves: Curves
    times: tuple[FreeOfEvent, ...]
    disjoint: bool
    pool: int
    entered: float | None


def simulate_trials(
    trial: Trial,
    size: Size,
    over: Over = "draws",
    parameters: ParameterSet | None = None,
    progress: Callable[[float], None] | None = None,
    store: Store | None = None,
) -> Results:
    """Simulate and analyse trials.

    ``over``: "draws" (each draw one possible truth), "median" (every parameter at its median) or the number of one
    draw. ``store``: where finished blocks are kept, and taken from when the run goes on after it was cut off.

    Raises
    ------
    InputError
        An arm cannot be forecast, the entry rule admits too few, or the work is too large.
    """
    parameters = parameters or load_parameters()
    n = trial.largest
    if n > MOST_PER_ARM:
        raise InputError(f"per_arm must be at most {MOST_PER_ARM:,}, not {n:,}")
    wanted = size.per_draw * n
    pool = wanted if size.patients is None else min(wanted, max(1, size.patients // size.draws))
    if trial.conduct.sites is not None:
        pool = wanted  # a site belongs to a trial
    if pool < n:
        raise InputError(
            f"{pool:,} patients of an arm in each draw are fewer than the {n:,} of one trial",
            hint=f"ask for at least {n * size.draws:,} patients, or fewer draws",
        )
    if pool * size.draws > MOST_PATIENTS:
        raise InputError(
            f"{size.trials:,} trials of {n:,} patients in an arm are {pool * size.draws:,} patients: too many",
            hint=f"give --patients (at most {MOST_PATIENTS:,}); trials then share patients",
        )
    ready = None if trial.effect is not None else prepare(trial)
    per_block = max(1, PATIENTS_PER_BLOCK // pool)
    values = _values(parameters, size, over)
    starts = list(range(0, size.draws, per_block))
    job = _Job(trial, size, ready, parameters, values, pool)

    def one(start: int) -> _Block:
        count = min(per_block, size.draws - start)
        name = (
            ""
            if store is None
            else key_of(
                "block",
                start,
                count,
                trial,
                size_key(size),
                pool,
                (sorted(values), digest(*(values[k] for k in sorted(values)))),
            )
        )
        kept = None if store is None else store.get(name)
        if kept is not None:
            return _unpacked(trial, kept)
        made = job.block(start, count)
        if store is not None:
            store.put(name, _packed(made))
        return made

    blocks: list[_Block] = []
    threads = size.threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    with ThreadPoolExecutor(max_workers=max(1, threads or 1)) as workers:
        for block in workers.map(one, starts):
            blocks.append(block)
            if progress is not None:
                progress(len(blocks) / len(starts))
    return _joined(trial, blocks, pool)


def size_key(size: Size) -> tuple[object, ...]:
    """What of a size results depend on: everything but threads."""
    return (size.trials, size.draws, size.seed, size.patients, size.engine)


def _values(parameters: ParameterSet, size: Size, over: Over) -> dict[str, np.ndarray]:
    """Parameter values of every replicate."""
    if over == "draws":
        return parameters.draws(size.draws, size.seed)
    if over == "median":
        point = {k: v[0] for k, v in parameters.medians().items()}
    else:
        if over < 0:
            raise InputError(f"the number of a draw cannot be {over}")
        point = {k: v[over] for k, v in parameters.draws(int(over) + 1, size.seed).items()}
    return {k: np.full(size.draws, v) for k, v in point.items()}


@dataclass(frozen=True)
class _Block:
    """What a block gives; ``made`` holds the arrays of ``Results`` by name, (sizes, endpoints, draws, trials)."""

    made: dict[str, np.ndarray]
    curves: Curves
    times: tuple[FreeOfEvent, ...]
    disjoint: bool
    entered: float | None


def _packed(block: _Block) -> dict[str, np.ndarray]:
    """A block as named arrays, for a file."""
    entered = np.nan if block.entered is None else block.entered
    flat = {f"made.{k}": v for k, v in block.made.items()}
    flat |= {f"curves.{f.name}": getattr(block.curves, f.name) for f in fields(Curves)}
    for k, found in enumerate(block.times):
        flat |= {f"times.{k}.{f.name}": getattr(found, f.name) for f in fields(FreeOfEvent) if f.name != "endpoint"}
    return flat | {"disjoint": np.array(block.disjoint), "entered": np.array(entered)}


def _unpacked(trial: Trial, flat: dict[str, np.ndarray]) -> _Block:
    ends = [e.name for e in trial.endpoints if e.kind == "time"]
    times = tuple(
        FreeOfEvent(
            endpoint=name, **{f.name: flat[f"times.{k}.{f.name}"] for f in fields(FreeOfEvent) if f.name != "endpoint"}
        )
        for k, name in enumerate(ends)
    )
    entered = float(flat["entered"])
    return _Block(
        made={k.removeprefix("made."): v for k, v in flat.items() if k.startswith("made.")},
        curves=Curves(**{f.name: flat[f"curves.{f.name}"] for f in fields(Curves)}),
        times=times,
        disjoint=bool(flat["disjoint"]),
        entered=None if np.isnan(entered) else entered,
    )


@dataclass(frozen=True)
class _Job:
    trial: Trial
    size: Size
    ready: Prepared | None
    parameters: ParameterSet
    values: dict[str, np.ndarray]
    pool: int

    def block(self, start: int, count: int) -> _Block:
        trial = self.trial
        values = {k: v[start : start + count] for k, v in self.values.items()}
        # luck is named by the seed and the first draw of the block: no two blocks share it
        seed = int(np.random.SeedSequence([self.size.seed, start]).generate_state(1, np.uint64)[0] >> 2)
        share = Share(self.parameters.with_given(values), seed, count, self.pool, self.size.engine)
        pools = conducted(trial, generate(trial, self.ready, share), seed, trial.largest)
        seen = tuple(at_visits(trial, pool) for pool in pools)
        key = (seed & 0xFFFFFFFF, seed >> 32, count)
        trials = choose(self.pool, self.size.per_draw, trial.largest, len(trial.arms), key)
        shape = (len(trial.per_arm), len(trial.endpoints), trials.count)
        made = {k: np.zeros(shape) for k in ("p", "statistic", "estimate", "null_p", "used")}
        made |= {"won": np.zeros(shape, bool), "null_won": np.zeros(shape, bool), "stopped": np.full(shape, -1)}
        times = []
        for e, endpoint in enumerate(trial.endpoints):
            arms = tuple(measure(trial, endpoint, pool) for pool in seen)
            self._endpoint(endpoint, arms, trials, (e, made))
            if endpoint.kind == "time":
                times.append(free_of_event(endpoint, arms))
        return _Block(
            made={k: v.reshape(*shape[:2], count, -1) for k, v in made.items()},
            curves=curves_of(pools),
            times=tuple(times),
            disjoint=trials.disjoint,
            entered=pools[0].entered,
        )

    def _endpoint(self, endpoint: Endpoint, arms: tuple[Measured, ...], trials: Trials, out: tuple) -> None:  # type: ignore[type-arg]
        e, made = out
        trial = self.trial
        true, null = sample(arms, trials), sample(arms, trials, shuffled=True)
        for k, n in enumerate(trial.per_arm):
            part, other = true.first(n), null.first(n)
            if trial.looks is not None:
                found, dealt = looked(trial, endpoint, part), looked(trial, endpoint, other, at_margin=True)
                made["won"][k, e], made["stopped"][k, e], made["used"][k, e] = found.won, found.stopped, found.size
                made["p"][k, e], made["null_won"][k, e], made["null_p"][k, e] = found.p, dealt.won, dealt.p
                last = analyse(trial, endpoint, part)
            else:
                last, under = analyse(trial, endpoint, part), analyse(trial, endpoint, other, at_margin=True)
                made["won"][k, e] = success(endpoint, last.p, last.statistic, trial.alpha)
                made["null_won"][k, e] = success(endpoint, under.p, under.statistic, trial.alpha)
                made["p"][k, e], made["null_p"][k, e] = last.p, under.p
            made["statistic"][k, e], made["estimate"][k, e] = last.statistic, last.estimate


def _joined(trial: Trial, blocks: list[_Block], pool: int) -> Results:
    def along(name: str) -> np.ndarray:
        return np.concatenate([b.made[name] for b in blocks], axis=2)

    entered = [b.entered for b in blocks if b.entered is not None]
    looks = trial.looks is not None
    return Results(
        sizes=trial.per_arm,
        p=along("p"),
        statistic=along("statistic"),
        estimate=along("estimate"),
        won=along("won"),
        null_p=along("null_p"),
        null_won=along("null_won"),
        stopped=along("stopped") if looks else None,
        used=along("used") if looks else None,
        curves=joined([b.curves for b in blocks]),
        times=joined_events([b.times for b in blocks]),
        disjoint=blocks[0].disjoint,
        pool=pool,
        entered=float(np.mean(entered)) if entered else None,
    )
