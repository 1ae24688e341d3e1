"""The filter: day by day, what explains the ratings of one person.

Each day the particles move by the patient model under the doses really taken, and are weighed by the ratings of the
day. What is said of a day rests on ratings up to that day only: every random number is keyed by (seed, day), so later
ratings change nothing earlier. When few particles carry the weight they are drawn anew and refreshed; when a single day
leaves almost none, the day is taken in stages (tempering) with moves that propose the day afresh from the day before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.monitor.cloud import MEMORY, Cloud, Regressions, design, weigh
from cotreat.monitor.dynamics import STEPS, Day, Given, given, particle_constants, steady, steady_day
from cotreat.monitor.person import prior, well_mood
from cotreat.monitor.record import GROUPS, DoseChange, Observation, Record, Signal
from cotreat.monitor.resample import left, left_within, out_of_balance, redraw, weights
from cotreat.monitor.signals import STRESS, Expected, expected

PRESENT = 0.25
"""Withdrawal that counts as present: a quarter of ``Filter.usual``."""
ONGOING = 0.35
"""The same for withdrawal that is still there on a day: the end of a wave cannot be told from what is usual."""
BEGUN = 0.25
"""Symptoms of the ill state that count as a relapse that has begun: a quarter of the way."""
RESAMPLE = 0.5
COLLAPSE = 0.03
"""Share of particles that carry the weight, below which a day is taken in stages."""
LEAD_IN = 60
SHARE_ILL = 0.05
_USUAL_WEIGHT = "withdrawal_weight.antidepressant"
_MOST_STAGES = 12
_MOVES = 2
_PUSHED, _PUSH = 0.04, 0.7
_JUMP = 0.012
_JUMP_AFTER_CUT = 0.05
_AFTER_CUT_DAYS = 4
LATELY = 10
"""Days back to which ``Track.lately`` looks."""
_START, _DAY, _MOVE, _RESAMPLE, _LEAD_IN = range(5)

_OF_A_DAY = ("withdrawal", "relapse", "both", "lately", "left", "stages", "resampled", "evidence")

Seen = list[tuple[int, Signal, Observation]]


@dataclass(frozen=True)
class FilterSettings:
    """``particles``, ``seed`` and ``progress`` (called with the share that is done)."""

    particles: int = 2000
    seed: int = 1
    progress: Callable[[float], None] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Track:
    """What the filter says of each day; arrays have one entry a day.

    ``withdrawal``, ``relapse``, ``both``: probabilities that withdrawal is there that day, that mood is in the ill
    state (or a quarter of its symptoms are there), and both. ``lately``: probability, at the end of the day, that
    withdrawal is present or was in the last ten days.
    ``illness`` (days, 3) and ``push`` (days, 3): median and 90 % of symptoms (0 well, 1 ill) and of withdrawal.
    ``share`` (days, signals, 4): expected part of level, illness, withdrawal and stress in each signal.
    ``spread`` (days, signals): SD of what is expected of the signal that day; ``usual``: SD on calm days, from
    ups and downs and the error of a rating.
    ``particles_left``: share of particles that carry the weight after the ratings; ``stages``: 1, more when the day was
    taken in stages; ``resampled``. ``evidence``: log predictive density of the day's ratings.
    """

    record: Record
    withdrawal: np.ndarray
    relapse: np.ndarray
    both: np.ndarray
    lately: np.ndarray
    illness: np.ndarray
    push: np.ndarray
    share: np.ndarray
    spread: np.ndarray
    usual: np.ndarray
    particles_left: np.ndarray
    stages: np.ndarray
    resampled: np.ndarray
    evidence: np.ndarray
    unmodelled: tuple[tuple[str, str], ...]
    final: Cloud
    settings: FilterSettings


class Filter:
    """A filter over one record; ``days`` may be taken one at a time, so that a forecast can start from any of them.

    ``usual``: withdrawal that a usual dose of an antidepressant leaves when it is stopped at once, in the middle of the
    parameter set. The set fixes the unit of withdrawal, so what counts as withdrawal is a share of it.
    """

    def __init__(
        self, record: Record, settings: FilterSettings | None = None, parameters: ParameterSet | None = None
    ) -> None:
        self.record = record
        self.settings = settings or FilterSettings()
        self.given: Given = given(record)
        self._parameters = parameters or load_parameters()
        middle = self._parameters.medians()
        loadings: dict[str, float] = {
            k: float(middle[f"withdrawal.{k}"][0]) for k in GROUPS if f"withdrawal.{k}" in middle and k != "mood"
        }
        self.priors: list[Expected] = [expected(s, loadings) for s in record.signals]
        self.usual = float(middle[_USUAL_WEIGHT][0]) if _USUAL_WEIGHT in middle else 1.0
        by_day: list[Seen] = [[] for _ in range(record.days)]
        place = {s.name: j for j, s in enumerate(record.signals)}
        for o in record.observations:
            by_day[o.day].append((place[o.signal], record.signals[place[o.signal]], o))
        self.seen = [sorted(found, key=lambda f: f[1].name) for found in by_day]
        self._modelled = {d.name for d in self.given.channels.drugs}
        self._may_withdraw = "withdrawal" in self.given.channels.states
        self._held: dict[tuple[tuple[str, float], ...], np.ndarray] = {}
        self._counts: dict[int, int] = {}
        self.cuts = {day for day, *_ in record.cuts()}
        self.first_change = _first_change(record)
        n = self.settings.particles
        rng = self._rng(_START, 0)
        person = prior(self._parameters, n, self.settings.seed, rng)
        c = self._constants_of(person.parameters(), person["half_life"])
        start = steady(self.given, c, n)
        start["mood"] = well_mood(person.parameters(), start["tilt"], rng)
        symptoms = 0.5 * (start["mood"] + 1.0)
        self.step = Day.of(self.given.channels, c)
        self.c = _stacked(c)
        path = np.zeros((3, MEMORY, n))
        path[0] = symptoms
        stress = rng.standard_normal(n)
        path[2] = stress
        state = np.stack([start[s] for s in self.given.channels.states]).astype(np.float32)
        learned = Regressions.before(self.priors, n)
        self.cloud = Cloud(state, stress, symptoms, path, person, learned, np.zeros(n))
        self._lead_in(rng)

    def _lead_in(self, rng: np.random.Generator) -> None:
        """Some months on what is taken now: a person on maintenance has mostly stayed well, and is not like a newcomer.

        Particles that fall ill on the way are kept as far as ``SHARE_ILL``, the rest are replaced by ones that did not.
        """
        usual = steady_day(self.record, self.given)
        for day in range(LEAD_IN):
            self.cloud = self.ahead(self.cloud, usual, None, self._rng(_LEAD_IN, day))
        ill = self._ill(self.cloud)
        n, fallen = len(ill), np.flatnonzero(ill)
        well = np.flatnonzero(~ill)
        if not len(well) or not len(fallen):
            return
        wanted = round(SHARE_ILL * n)
        index = np.concatenate([rng.choice(fallen, wanted), rng.choice(well, n - wanted)])
        self.cloud = self.cloud.take(rng.permutation(index))
        self._refresh_constants()

    def _rng(self, what: int, day: int, again: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.settings.seed, what, day, again])

    def _constants_of(self, p: dict[str, np.ndarray], half_life: np.ndarray) -> dict[str, np.ndarray]:
        return particle_constants(p, self.given.channels, half_life)

    def _refresh_constants(self) -> None:
        person = self.cloud.person
        self.c = _stacked(self._constants_of(person.parameters(), person["half_life"]))

    def ahead(
        self, cloud: Cloud, inputs: np.ndarray, since_cut: int | None, rng: np.random.Generator, pushed: bool = False
    ) -> Cloud:
        """The particles a day later, before its ratings.

        ``since_cut``: days since the last cut, None before any. Stress is likelier in the first days after one.
        ``pushed``: some are proposed a day that moves mood up or down more than chance would, and are weighted for it,
        so that a rare change of state is there to be found when the ratings ask for it.
        """
        n = len(cloud.stress)
        noise, tilted = _mood_noise(rng, n) if pushed else (rng.standard_normal((STEPS, n)).astype(np.float32), 0.0)
        state, mean_mood, push = self.step(cloud.state, self.c, inputs, noise)
        z, jump, size = rng.standard_normal(n), rng.random(n), rng.exponential(1.5, n)
        keep = np.exp(-1.0 / cloud.person["stress.days"])
        likely = _JUMP_AFTER_CUT if since_cut is not None and since_cut < _AFTER_CUT_DAYS else _JUMP
        stress = keep * cloud.stress + np.sqrt(1.0 - keep**2) * z + np.where(jump < likely, size, 0.0)
        follow = -np.expm1(-1.0 / cloud.person["mood.lag"])
        symptoms = cloud.symptoms + follow * (0.5 * (mean_mood + 1.0) - cloud.symptoms)
        today = np.stack([symptoms, push, stress])[:, None]
        path = np.concatenate([today, cloud.path[:, :-1]], axis=1)
        log_weight = cloud.log_weight + tilted
        return replace(cloud, state=state, stress=stress, symptoms=symptoms, path=path, log_weight=log_weight)

    def hold(self, day: int) -> np.ndarray:
        """Inputs of the days after a day when the prescribed doses go on and nothing else is given."""
        record = self.record
        now = tuple(
            DoseChange(0, drug, dose, next(d.unit for d in record.doses if d.drug == drug), True, 0)
            for drug in record.drugs
            if (dose := record.prescribed(drug, day)) is not None and drug in self._modelled
        )
        key = tuple((d.drug, d.amount) for d in now)
        if key not in self._held:
            self._held[key] = steady_day(replace(record, doses=now), self.given)
        return self._held[key]

    def usual_count(self, j: int) -> int:
        """Ratings a day of a signal, as a rule, up to the day reached."""
        return self._counts.get(j, 1)

    def since_cut(self, day: int) -> int | None:
        """Days since the last cut up to a day, None before any."""
        return min((day - cut for cut in self.cuts if cut <= day), default=None)

    def take_day(self, day: int) -> tuple[int, bool, float, float]:
        """Moves to the end of a day. Returns stages, whether resampled, share of particles left, log evidence."""
        before, seen, cut = self.cloud, self.seen[day], self.since_cut(day)
        self._counts |= {j: o.count for j, _, o in seen}
        moved = self.ahead(before, self.given.inputs[day], cut, self._rng(_DAY, day), pushed=bool(seen))
        if not seen:
            self.cloud = moved
            return 1, False, left(moved.weight), 0.0
        log_likelihood, learned = weigh(moved, day, seen)
        evidence = _log_mean(moved.log_weight, log_likelihood)
        log_weight = moved.log_weight + log_likelihood
        w = weights(log_weight)
        carried = left(w)
        if carried < COLLAPSE:
            stages = self._in_stages(before, moved, (log_likelihood, learned), day)
            return stages, True, carried, evidence
        self.cloud = replace(moved, learned=learned, log_weight=log_weight - log_weight.max())
        group = self._groups(self.cloud)
        if left_within(w, group) < RESAMPLE or out_of_balance(w, group):
            rng = self._rng(_RESAMPLE, day)
            index, log_weight = redraw(log_weight, group, rng)
            self._renew(replace(self.cloud.take(index), log_weight=log_weight), rng, day)
            return 1, True, carried, evidence
        return 1, False, carried, evidence

    def _groups(self, cloud: Cloud) -> np.ndarray:
        """Number of the group of each particle: ill or not, prone to withdrawal or not (see ``resample``)."""
        prone = cloud.person.prone() if self._may_withdraw else 0
        return np.asarray(2 * self._ill(cloud) + prone)

    def _renew(self, cloud: Cloud, rng: np.random.Generator, day: int) -> None:
        group = self._groups(cloud)
        noise = rng.standard_normal(cloud.person.values.shape)
        person = cloud.person.refreshed(noise, cloud.weight, group)
        if day < self.first_change:
            person = person.shuffled(rng, group)
        self.cloud = replace(cloud, person=person)
        self._refresh_constants()

    def _in_stages(self, before: Cloud, moved: Cloud, weighed: tuple[np.ndarray, Regressions], day: int) -> int:
        """The day by tempering: the likelihood enters in powers, with moves that propose the day again."""
        log_likelihood, learned = weighed
        log_weight, power, stage = moved.log_weight.copy(), 0.0, 0
        n = len(log_weight)
        while power < 1.0 and stage < _MOST_STAGES:
            rest, group = 1.0 - power, self._groups(moved)
            add = rest if stage == _MOST_STAGES - 1 else _largest_power(log_weight, log_likelihood, group, rest)
            power += add
            rng = self._rng(_MOVE, day, stage)
            index, log_weight = redraw(log_weight + add * log_likelihood, group, rng)
            before, moved, learned = before.take(index), moved.take(index), learned.take(index)
            log_likelihood = log_likelihood[index]
            self.cloud = before
            self.c = self.c[:, index]
            for _ in range(_MOVES):
                new = self.ahead(before, self.given.inputs[day], self.since_cut(day), rng)
                new_likelihood, new_learned = weigh(new, day, self.seen[day])
                accept = np.log(rng.random(n)) < power * (new_likelihood - log_likelihood)
                moved, learned = _choose(accept, new, moved), learned.chosen(accept, new_learned)
                log_likelihood = np.where(accept, new_likelihood, log_likelihood)
            stage += 1
        self._renew(replace(moved, learned=learned, log_weight=log_weight), self._rng(_RESAMPLE, day), day)
        return stage

    def run(self, each_day: Callable[[int], None] | None = None) -> Track:
        """Takes every day; ``each_day`` is called at the end of each."""
        days, signals = self.record.days, self.record.signals
        out = {k: np.zeros(days) for k in _OF_A_DAY}
        illness, push = np.zeros((days, 3)), np.zeros((days, 3))
        share, spread, usual = (np.zeros((days, len(signals), *k)) for k in ((4,), (), ()))
        for day in range(days):
            out["stages"][day], out["resampled"][day], out["left"][day], out["evidence"][day] = self.take_day(day)
            w = self.cloud.weight
            present, ill = self.present(), self.ill()
            out["withdrawal"][day], out["relapse"][day] = w @ present, w @ ill
            out["both"][day], out["lately"][day] = w @ (present & ill), w @ self.present_lately()
            illness[day], push[day] = (
                _quantiles(self.cloud.path[0, 0], w),
                _quantiles(self.cloud.path[1, 0], w),
            )
            for j, signal in enumerate(signals):
                f = design(self.cloud.path, signal.recall_days)
                parts = self.cloud.learned.mean[j] * f
                share[day, j] = parts @ w
                whole = parts.sum(axis=0)
                calm = self.cloud.learned.mean[j, STRESS] ** 2 + self.cloud.learned.error[j]
                usual[day, j] = np.sqrt(w @ calm)
                spread[day, j] = np.sqrt(max(w @ (whole - w @ whole) ** 2 + w @ self.cloud.learned.error[j], 0.0))
            if each_day is not None:
                each_day(day)
            if self.settings.progress is not None:
                self.settings.progress((day + 1) / days)
        return Track(
            self.record,
            out["withdrawal"],
            out["relapse"],
            out["both"],
            out["lately"],
            illness,
            push,
            share,
            spread,
            usual,
            out["left"],
            out["stages"].astype(int),
            out["resampled"].astype(bool),
            out["evidence"],
            self.given.unmodelled,
            self.cloud,
            self.settings,
        )

    def present(self) -> np.ndarray:
        """Particles in which withdrawal is there today."""
        return np.asarray(self.cloud.path[1, 0] >= ONGOING * self.usual)

    def present_lately(self) -> np.ndarray:
        """Particles in which withdrawal is, or in the last ten days was, present."""
        return np.asarray((self.cloud.path[1, : LATELY + 1] >= PRESENT * self.usual).any(axis=0))

    def ill(self) -> np.ndarray:
        """Particles in relapse: mood is in the ill state, or a quarter of its symptoms are there."""
        return self._ill(self.cloud, BEGUN)

    def _ill(self, cloud: Cloud, begun: float = 0.5) -> np.ndarray:
        mood = cloud.state[self.given.channels.states.index("mood")]
        return np.asarray((mood > 0.0) | (cloud.symptoms > begun))


def follow(record: Record, settings: FilterSettings | None = None, parameters: ParameterSet | None = None) -> Track:
    """Follow one person through a record.

    Raises
    ------
    InputError
        The parameter set cannot be used.
    """
    return Filter(record, settings, parameters).run()


def _mood_noise(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of the steps of a day, proposed from a mixture with days that push mood up or down, and the log weights.

    Weights are the density under the model over that of the mixture (importance sampling; the mixture keeps them
    bounded by 1 / (1 - 2 share)).
    """
    z = rng.standard_normal((STEPS, n))
    u = rng.random(n)
    z += _PUSH * np.where(u < _PUSHED, 1.0, np.where(u < 2 * _PUSHED, -1.0, 0.0))
    total, half = z.sum(axis=0), 0.5 * STEPS * _PUSH**2
    odds = np.logaddexp(_PUSH * total - half, -_PUSH * total - half)
    return z.astype(np.float32), -np.logaddexp(np.log(1.0 - 2 * _PUSHED), np.log(_PUSHED) + odds)


def _first_change(record: Record) -> int:
    """First day on which a dose differs from what was taken before the record; 0 when a drug begins in it."""
    if not all(any(d.before for d in record.doses if d.drug == drug) for drug in record.drugs):
        return 0
    days = [d.day for d in record.doses if not d.before] + [t.day for t in record.taken]
    return min(days, default=record.days)


def _stacked(c: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(c.values())).astype(np.float32)


def _log_mean(log_weight: np.ndarray, log_likelihood: np.ndarray) -> float:
    top = log_likelihood.max()
    return float(top + np.log(weights(log_weight) @ np.exp(log_likelihood - top)))


def _largest_power(log_weight: np.ndarray, log_likelihood: np.ndarray, group: np.ndarray, most: float) -> float:
    """The largest power of the likelihood, up to ``most``, that leaves half of the particles of the groups."""
    if left_within(weights(log_weight + most * log_likelihood), group) >= RESAMPLE:
        return most
    low, high = 0.0, most
    for _ in range(30):
        middle = 0.5 * (low + high)
        enough = left_within(weights(log_weight + middle * log_likelihood), group) >= RESAMPLE
        low, high = (middle, high) if enough else (low, middle)
    return max(low, 1e-4)


def _choose(accept: np.ndarray, new: Cloud, old: Cloud) -> Cloud:
    return replace(
        old,
        state=np.where(accept, new.state, old.state),
        stress=np.where(accept, new.stress, old.stress),
        symptoms=np.where(accept, new.symptoms, old.symptoms),
        path=np.where(accept, new.path, old.path),
    )


def _quantiles(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    order = np.argsort(values)
    edges = np.cumsum(weight[order])
    return np.asarray(values[order][np.minimum(np.searchsorted(edges, (0.5, 0.05, 0.95)), len(values) - 1)])
