"""First step: patients of every arm, from the patient model or from a stated effect.

Trials are drawn from *pools*: for each replicate (a parameter draw, or one of several repetitions at one point) a
number of patients of each arm, simulated one by one. Patients of one replicate share the parameters, which are one
possible truth. Arms are different people with luck of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet
from cotreat.model.threefry import stream_key, uniform
from cotreat.outcomes.followup import FollowUp
from cotreat.population.cohort import Cohort, Numbers
from cotreat.population.populations import points_per_hamd17
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Item, Ledger, Phase
from cotreat.regimen.parse import parse
from cotreat.simulate.channels import Layout, layout_of
from cotreat.simulate.chunks import Engine
from cotreat.simulate.keys import DROPOUT, stream
from cotreat.simulate.maintained import Entering
from cotreat.simulate.result import AcuteCourse, acute_course
from cotreat.simulate.run import Course, Settings, follow
from cotreat.simulate.run_in import EntryRule, enrol
from cotreat.simulate.tables import Decisions
from cotreat.studies.arms import read_entry
from cotreat.trial.virtual.design import Effect, Trial

NUMBERS_PER_ARM = 1 << 26  # patient numbers set aside for each arm: arms of a trial are different people
THINNINGS = 8  # patterns of missed sessions that the patients of an arm are spread over


@dataclass(frozen=True)
class Pool:
    """Patients of one arm, replicates (D) x patients (P).

    ``seen`` every weekly rating; ``responded`` at the end of the acute course; ``hazard`` and ``slope`` (D,) of
    dropout; ``luck`` (D, P) a standard exponential number for dropout; ``unit`` points of the scale per HAM-D17
    point; ``undecided`` (sequential trials) who did not respond at the decision; ``entered`` the share of those
    treated who passed the run-in. For a stated effect ``flag`` or ``time`` (D, P) stand beside ``seen``.
    ``missed`` (visits, D, P), as ``seen.score``: visits a patient did not come to; None: nobody missed any.
    """

    seen: FollowUp
    responded: np.ndarray
    hazard: np.ndarray
    slope: np.ndarray
    luck: np.ndarray
    unit: float
    undecided: np.ndarray | None = None
    entered: float | None = None
    flag: np.ndarray | None = None
    time: np.ndarray | None = None
    missed: np.ndarray | None = None


@dataclass(frozen=True)
class Prepared:
    """A design made ready for simulation: ledgers of the arms (and second periods), run-in, layout, decisions."""

    ledgers: tuple[Ledger, ...]
    seconds: tuple[Ledger, ...]
    run_in: Ledger | None
    enter: EntryRule
    layout: Layout
    decisions: Decisions


def prepare(trial: Trial) -> Prepared:
    """Read the sentences of a trial; InputError for what cannot be forecast."""
    scale = find_scale(trial.scale)
    decisions = Decisions.of(scale)
    weeks = trial.weeks
    ledgers = [expand(parse(a.sentence), horizon=7 * weeks) for a in trial.arms]
    seconds = [expand(parse(a.second), horizon=7 * weeks) for a in trial.arms if a.second is not None]
    run_in = expand(parse(trial.run_in), horizon=364) if trial.run_in is not None else None
    lead_in = max(7 * -(-ledger.lead_in // 7) for ledger in [*ledgers, *seconds])
    if lead_in and (trial.kind == "withdrawal" or seconds):
        raise InputError("after a run-in, and in a crossover, nothing can be given before day 0: date it from day 0 on")
    # everybody is randomised on the same day before day 0, whatever the arm
    ledgers = [replace(ledger, lead_in=lead_in) for ledger in ledgers]
    enter = read_entry(trial.enter, scale, decisions)
    layout = layout_of([*ledgers, *seconds, *([run_in] if run_in is not None else [])])
    return Prepared(tuple(ledgers), tuple(seconds), run_in, enter, layout, decisions)


@dataclass(frozen=True)
class Share:
    """Which patients are made: parameters of the replicates, seed, patients in each replicate, engine."""

    parameters: ParameterSet
    seed: int
    replicates: int
    patients: int
    engine: Engine = "kernel"

    def settings(self, weeks: int) -> Settings:
        total = self.patients * self.replicates
        return Settings(
            patients=total, draws=self.replicates, seed=self.seed, weeks=weeks, threads=1, engine=self.engine
        )


def generate(trial: Trial, ready: Prepared | None, share: Share) -> tuple[Pool, ...]:
    """The pool of every arm."""
    if trial.effect is not None:
        return tuple(_stated(trial, trial.effect, arm, share) for arm in range(len(trial.arms)))
    assert ready is not None
    return tuple(_modelled(trial, ready, arm, share) for arm in range(len(trial.arms)))


# ---- from the patient model -----------------------------------------------------------------------------------------


def _modelled(trial: Trial, ready: Prepared, arm: int, share: Share) -> Pool:
    assert trial.population is not None
    settings = share.settings(trial.weeks)
    first = arm * NUMBERS_PER_ARM
    entered: float | None = None
    if ready.run_in is not None:
        cohort, entered = enrol(
            trial.population,
            ready.run_in,
            ready.enter,
            settings,
            parameters=share.parameters,
            decisions=ready.decisions,
            first=first,
        )
    else:
        entering = Entering.of(trial.population, ready.ledgers, settings, share.parameters)
        cohort = entering(Numbers(np.arange(settings.draws), first), settings.per_draw)
    after = ready.run_in is not None
    run = _Run(ready, settings, trial.conduct.missed_sessions)
    course, acute, state = run.course(cohort, ready.ledgers[arm], stage=int(after), entered_after=after)
    score, days = course.score, course.days
    if trial.crossover is not None:
        score, days = run.crossed(trial, cohort, arm, course, state)
    shape = cohort.shape
    everyone = np.ones(shape, dtype=bool)
    seen = FollowUp(
        scale=find_scale(cohort.scale),
        days=days,
        score=score.astype(np.float32).reshape(-1, *shape),
        baseline=cohort.baseline.reshape(shape),
        acute_end=acute.end.reshape(shape),
        reference=acute.score.reshape(shape).astype(np.float64),
        remitted=everyone if after else acute.remitted.reshape(shape),
        dropout=np.full(shape, np.inf),
        starts_well=cohort.starts_well,
    )
    hazard, slope = (cohort.parameters[f"dropout.{k}"].reshape(shape)[:, 0] for k in ("weekly_hazard", "per_point"))
    keys = stream_key(share.seed, cohort.draw, stream(int(after), DROPOUT))
    luck = -np.log(uniform(keys, cohort.patient, 0)).reshape(shape)
    undecided = _undecided(course).reshape(shape) if trial.kind == "smart" else None
    responded = acute.responded.reshape(shape)
    return Pool(seen, responded, hazard, slope, luck, points_per_hamd17(cohort.scale), undecided, entered)


@dataclass(frozen=True)
class _Run:
    ready: Prepared
    settings: Settings
    missed: float

    def course(
        self, cohort: Cohort, ledger: Ledger, *, stage: int, entered_after: bool = False
    ) -> tuple[Course, AcuteCourse, dict[str, np.ndarray]]:
        """The course of a cohort, its acute part, and the state at the end; sessions missed where the trial says so."""
        how = {"layout": self.ready.layout, "decisions": self.ready.decisions, "stage": stage}
        if not self.missed:
            course = follow(cohort, ledger, self.settings, **how)  # type: ignore[arg-type]
            return course, acute_course(course, self.ready.decisions, entered_after=entered_after), course.state
        parts = []
        for pattern in range(THINNINGS):
            lanes = np.flatnonzero(cohort.patient % THINNINGS == pattern)
            if not len(lanes):
                continue
            some = cohort.take(lanes, (1, len(lanes)), cohort.state)
            thin = thinned(ledger, self.missed, self.settings.seed, pattern)
            parts.append((lanes, replace(follow(some, thin, self.settings, **how), ledger=ledger)))  # type: ignore[arg-type]
        joined = _joined(cohort, parts)
        return joined, acute_course(joined, self.ready.decisions, entered_after=entered_after), joined.state

    def crossed(
        self, trial: Trial, cohort: Cohort, arm: int, course: Course, state: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ratings of both periods and the wash-out between them, and their days, as one record."""
        assert trial.crossover is not None
        score, days = course.score, course.days
        empty = expand(parse(""), horizon=7)
        if trial.crossover.washout:
            rest = replace(self, settings=replace(self.settings, weeks=trial.crossover.washout), missed=0.0)
            apart, _, state = rest.course(cohort.take(*_all(cohort), state), empty, stage=1)
            score, days = np.concatenate([score, apart.score[1:]]), np.concatenate([days, days[-1] + apart.days[1:]])
        # a third stretch of luck: the seed is moved, the patients stay
        again = replace(self, settings=replace(self.settings, seed=self.settings.seed ^ 0x5EC07D))
        second, _, _ = again.course(cohort.take(*_all(cohort), state), self.ready.seconds[arm], stage=1)
        return np.concatenate([score, second.score[1:]]), np.concatenate([days, days[-1] + second.days[1:]])


def _all(cohort: Cohort) -> tuple[np.ndarray, tuple[int, int]]:
    return np.arange(len(cohort.draw)), cohort.shape


def _joined(cohort: Cohort, parts: list[tuple[np.ndarray, Course]]) -> Course:
    """Courses of groups of patients put back in the order of the cohort."""
    lanes = np.concatenate([p[0] for p in parts])
    back = np.argsort(lanes)
    one = parts[0][1]

    def along(name: str) -> np.ndarray:
        return np.concatenate([getattr(c, name) for _, c in parts], axis=-1)[..., back]

    return replace(
        one,
        cohort=cohort,
        state={k: np.concatenate([c.state[k] for _, c in parts])[back] for k in one.state},
        score=along("score"),
        record=along("record"),
        phase=along("phase"),
        end_rule=along("end_rule"),
        end_day=along("end_day"),
        end_score=along("end_score"),
        sessions=along("sessions"),
        end_sessions=along("end_sessions"),
    )


def thinned(ledger: Ledger, missed: float, seed: int, pattern: int) -> Ledger:
    """The ledger with each session left out with probability ``missed``: one pattern of several."""
    luck = np.random.default_rng([seed & 0xFFFFFFFF, pattern])

    def kept(phase: Phase) -> Phase:
        stay = luck.random(len(phase.items)) >= missed
        items: tuple[Item, ...] = tuple(
            i for i, here in zip(phase.items, stay, strict=True) if here or i.kind != "session"
        )
        return replace(phase, items=items)

    return replace(ledger, phases=tuple(kept(p) for p in ledger.phases))


def _undecided(course: Course) -> np.ndarray:
    """Who went on to the second treatment: the rule "no response" held."""
    rules = [t.rule for t in course.ledger.transitions]
    second = np.array([r.negated and r.outcome is not None for r in rules] + [False])
    return np.asarray(second[course.end_rule])


# ---- from a stated effect -------------------------------------------------------------------------------------------


def _stated(trial: Trial, effect: Effect, arm: int, share: Share) -> Pool:
    """Patients of a stated effect: normal ratings, a flag with a probability, or an exponential time."""
    luck = np.random.default_rng([share.seed & 0xFFFFFFFF, share.seed >> 32, arm, 77])
    shape = (share.replicates, share.patients)
    shift = np.zeros((share.replicates, 1))
    if effect.unknown and arm:  # what is not known is one number for each replicate and arm
        key = [share.seed & 0xFFFFFFFF, share.seed >> 32, arm, 78]
        shift = effect.unknown * np.random.default_rng(key).normal(size=(share.replicates, 1))
    days = np.arange(0, 7 * trial.weeks + 1, 7)
    scale = find_scale(trial.scale)
    flag = time = None
    score = np.zeros((1, *shape), dtype=np.float32)
    baseline = np.zeros(shape)
    if effect.kind == "normal":
        score, baseline = _ratings(effect, effect.values[arm] + shift, (len(days), *shape), luck)
    elif effect.kind == "binary":
        p = np.clip(effect.values[arm], 1e-9, 1 - 1e-9)
        flag = luck.random(shape) < 1 / (1 + (1 - p) / p * np.exp(-shift))
    else:
        hazard = -np.log1p(-effect.values[arm]) / (7.0 * effect.by_week) * np.exp(shift)
        time = luck.exponential(size=shape) / hazard
    none = np.zeros(shape)
    seen = FollowUp(scale, days, score, baseline, none, baseline, np.ones(shape, bool), np.full(shape, np.inf))
    unknown = np.full(share.replicates, np.nan)
    return Pool(
        seen,
        none > 0,
        unknown,
        unknown,
        luck.exponential(size=shape),
        points_per_hamd17(scale.id),
        flag=flag,
        time=time,
    )


def _ratings(
    effect: Effect, mean: np.ndarray, shape: tuple[int, ...], luck: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Ratings (days, replicates, patients) with the same correlation between any two, and the baseline."""
    patient = np.sqrt(effect.correlation) * luck.normal(size=shape[1:])
    rest = np.sqrt(1 - effect.correlation)
    baseline = effect.baseline + effect.sd * (patient + rest * luck.normal(size=shape[1:]))
    score = np.empty(shape, dtype=np.float32)
    for day in range(shape[0]):
        noise = patient + rest * luck.normal(size=shape[1:])
        score[day] = effect.baseline + (mean if day else 0.0) + effect.sd * noise
    return score, baseline
