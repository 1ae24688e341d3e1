"""Second step: what is seen of the patients. Sites, guessing, dropout, visits; and what an endpoint reads from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.outcomes.followup import FollowUp, dropout_day
from cotreat.simulate.result import on_scale
from cotreat.trial.virtual.design import Conduct, Dropout, Endpoint, Guessing, Sites, Trial
from cotreat.trial.virtual.generate import Pool


@dataclass(frozen=True)
class Measured:
    """One endpoint in the patients of one arm, arrays (replicates, patients).

    ``y`` the rating or whether the outcome is there, with a last axis of visits for repeated measures; ``x`` the
    baseline; ``who`` the analysis set; ``event`` for a time (``y`` is then the time in days); ``group``: who did not
    respond at the decision of a sequential trial.
    """

    y: np.ndarray
    x: np.ndarray
    who: np.ndarray
    event: np.ndarray | None = None
    group: np.ndarray | None = None


def cut(trial: Trial, pools: tuple[Pool, ...], seed: int, per_trial: int | None = None) -> tuple[Pool, ...]:
    """Pools as a trial would see them: only its visits, moved by site and guessing, until each patient is lost.

    ``per_trial``: patients of one trial in the pool when trials are disjoint; a site effect then belongs to a trial.
    """
    made = []
    for arm, pool in enumerate(pools):
        if trial.effect is not None and trial.effect.kind != "normal":
            made.append(_lost_without_ratings(pool, trial.conduct.dropout, trial.days[-1]))
            continue
        moved = pool
        if trial.conduct.sites is not None:
            moved = _at_sites(moved, trial.conduct.sites, per_trial or moved.luck.shape[1], (seed, arm))
        if trial.conduct.guessing is not None:
            moved = _guessed(moved, trial.conduct.guessing, treated(trial, arm), (seed, arm))
        made.append(_visited(trial, moved))
    return tuple(made)


def treated(trial: Trial, arm: int) -> bool:
    """Whether an arm is on the first side of the primary contrast."""
    return trial.primary.contrast.weights[arm] > 0


def _moved(pool: Pool, shift: np.ndarray) -> Pool:
    seen = pool.seen
    top = find_scale(seen.scale.id).high
    after = seen.days > 0
    score = seen.score.copy()
    score[after] = np.clip(score[after] + shift.astype(np.float32), seen.scale.low, top)
    return replace(pool, seen=replace(seen, score=score))


def _at_sites(pool: Pool, sites: Sites, per_trial: int, key: tuple[int, int]) -> Pool:
    """Ratings moved by the site: a level shared by all arms of a trial, and a part of the effect of one arm."""
    replicates, patients = pool.luck.shape
    trials = -(-patients // per_trial)
    both = np.random.default_rng([key[0] & 0xFFFFFFFF, 31])
    level = sites.sd * both.normal(size=(replicates, trials, sites.number))
    own = np.random.default_rng([key[0] & 0xFFFFFFFF, 32, key[1]])
    level = level + sites.effect_sd * own.normal(size=level.shape) if key[1] else level
    which = np.arange(patients) // per_trial
    site = site_of(patients, per_trial, sites.number)
    return _moved(pool, level[:, which, site])


def site_of(patients: int, per_trial: int, number: int) -> np.ndarray:
    """Site of each patient of a pool: places are filled in turn, so that arms are balanced within sites."""
    return (np.arange(patients) % per_trial) % number


def _guessed(pool: Pool, guessing: Guessing, active: bool, key: tuple[int, int]) -> Pool:
    luck = np.random.default_rng([key[0] & 0xFFFFFFFF, 33, key[1]])
    believes = luck.random(pool.luck.shape) < (guessing.treated if active else guessing.control)
    return _moved(pool, -guessing.points * believes)


def _visited(trial: Trial, pool: Pool) -> Pool:
    seen, conduct = pool.seen, trial.conduct
    visits = _visit_days(trial)
    lost = _lost(seen, pool, conduct, tuple(visits))
    days = np.array([0, *visits])
    keep = np.isin(seen.days, days)
    return replace(pool, seen=replace(seen, days=seen.days[keep], score=seen.score[keep], dropout=lost))


def _visit_days(trial: Trial) -> list[int]:
    if trial.crossover is None:
        return list(trial.days)
    offset = 7 * (trial.crossover.period + trial.crossover.washout)
    return [*trial.days, *(offset + d for d in trial.days)]


def _lost(seen: FollowUp, pool: Pool, conduct: Conduct, visits: tuple[int, ...]) -> np.ndarray:
    how = conduct.dropout
    if how.mechanism == "none":
        return np.full(pool.luck.shape, np.inf)
    hazard = pool.hazard if how.weekly_hazard is None else np.full_like(pool.hazard, how.weekly_hazard)
    slope = pool.slope if how.per_point is None else np.full_like(pool.slope, how.per_point)
    if how.mechanism == "MCAR":
        slope = np.zeros_like(slope)
    start = int(np.flatnonzero(seen.days <= 0)[0])
    reference = seen.reference if seen.remitted.all() and not seen.acute_end.any() else seen.baseline
    change = (seen.score[start:] - reference.astype(np.float32)) / np.float32(pool.unit)
    days = seen.days[start:]
    if how.mechanism == "MAR":
        change = _as_last_seen(change, days, visits)
    return dropout_day(days, change, hazard, slope, pool.luck)


def _as_last_seen(change: np.ndarray, days: np.ndarray, visits: tuple[int, ...]) -> np.ndarray:
    """The change at the last visit on or before each week; 0 before the first, when only the baseline is seen."""
    attended = np.array([0, *visits])
    out = np.zeros_like(change)
    for i, day in enumerate(days):
        before = attended[attended <= day]
        if len(before) and before[-1] > 0:
            out[i] = change[int(np.flatnonzero(days == before[-1])[0])]
    return out


def _lost_without_ratings(pool: Pool, how: Dropout, last: int) -> Pool:
    """Dropout of a stated flag or time: at a constant hazard, in continuous time."""
    if how.mechanism == "none" or not how.weekly_hazard:
        return pool
    day = 7.0 * pool.luck / how.weekly_hazard
    return replace(pool, seen=replace(pool.seen, dropout=np.where(day <= last, day, np.inf)))


# ---- endpoints ------------------------------------------------------------------------------------------------------


def measure(trial: Trial, endpoint: Endpoint, pool: Pool) -> Measured:
    """What an endpoint reads from the patients of one arm."""
    if endpoint.kind == "time":
        return _time(trial, endpoint, pool)
    if endpoint.kind == "proportion":
        return _proportion(trial, endpoint, pool)
    if trial.crossover is not None:
        return _difference_of_periods(trial, endpoint, pool)
    seen = _on(pool.seen, endpoint.scale)
    day = 7 * endpoint.week
    lost = seen.dropout <= day
    who = members(endpoint, pool)
    if endpoint.kind == "mmrm":
        take = (seen.days > 0) & (seen.days <= day)
        score = np.where(seen.dropout <= seen.days[take][:, None, None], np.nan, seen.score[take])
        return Measured(np.moveaxis(score, 0, -1), seen.baseline, who)
    y = seen.at(day)
    if endpoint.missing == "observed":
        return Measured(y, seen.baseline, who & ~lost, group=pool.undecided)
    last = seen.baseline if endpoint.missing == "baseline" else _last_seen(seen, day)
    return Measured(np.where(lost, last, y), seen.baseline, who, group=pool.undecided)


def members(endpoint: Endpoint, pool: Pool) -> np.ndarray:
    """The analysis set of an endpoint."""
    seen = pool.seen
    if endpoint.analysis_set == "remitters":
        return np.asarray(seen.remitted & (seen.acute_end < 7 * endpoint.week))
    if endpoint.analysis_set == "responders":
        return np.asarray(pool.responded & (seen.acute_end < 7 * endpoint.week))
    if endpoint.analysis_set == "completers":
        return np.asarray(seen.dropout > 7 * endpoint.week)
    return np.ones(seen.baseline.shape, dtype=bool)


def _on(seen: FollowUp, scale: str) -> FollowUp:
    """The same ratings on another scale (the crosswalk of the cohort)."""
    if scale == seen.scale.id:
        return seen
    score, base, reference = (on_scale(v, seen.scale.id, scale) for v in (seen.score, seen.baseline, seen.reference))
    return replace(seen, scale=find_scale(scale), score=score, baseline=base, reference=reference)


def _last_seen(seen: FollowUp, day: int) -> np.ndarray:
    """The rating at the last visit attended up to a day; the baseline when none was."""
    last = seen.baseline.astype(np.float64)
    for i, d in enumerate(seen.days):
        if 0 < d <= day:
            last = np.where(seen.dropout > d, seen.score[i], last)
    return last


def _proportion(trial: Trial, endpoint: Endpoint, pool: Pool) -> Measured:
    day = 7 * endpoint.week
    lost = pool.seen.dropout <= day
    who = members(endpoint, pool)
    if pool.flag is not None:
        hit = pool.flag
    elif endpoint.what == "relapse":
        return _relapsed(endpoint, pool, who)
    else:
        seen = _on(pool.seen, endpoint.scale)
        if endpoint.missing == "last observation":
            index = int(np.flatnonzero(seen.days == day)[0])
            carried = seen.score.copy()
            carried[index] = np.where(lost, _last_seen(seen, day), carried[index])
            seen, lost = replace(seen, score=carried), np.zeros_like(lost)
        hit = _met(seen, endpoint, day)
    if endpoint.missing == "observed":
        return Measured(hit & ~lost, pool.seen.baseline, who & ~lost, group=pool.undecided)
    return Measured(hit & ~lost, pool.seen.baseline, who, group=pool.undecided)


def _met(seen: FollowUp, endpoint: Endpoint, day: int) -> np.ndarray:
    if endpoint.what == "response":
        return seen.response(day)
    if endpoint.what == "remission":
        return seen.remission(day)
    assert endpoint.definition is not None
    return seen.well(day, endpoint.definition)


def _relapse_day(endpoint: Endpoint, pool: Pool) -> np.ndarray:
    assert endpoint.definition is not None
    return _on(pool.seen, endpoint.definition.scale).relapse_day(endpoint.definition)


def _relapsed(endpoint: Endpoint, pool: Pool, who: np.ndarray) -> Measured:
    day, seen = 7 * endpoint.week, pool.seen
    when = _relapse_day(endpoint, pool)
    hit = (when <= day) & (when < seen.dropout)
    lost = (seen.dropout <= day) & ~hit
    if endpoint.missing == "observed":
        return Measured(hit, seen.baseline, who & ~lost, group=pool.undecided)
    return Measured(hit | lost if endpoint.missing == "failure" else hit, seen.baseline, who, group=pool.undecided)


def _time(trial: Trial, endpoint: Endpoint, pool: Pool) -> Measured:
    """Days to relapse from randomisation, or from the end of the acute course, and whether it was seen."""
    end, seen = 7.0 * endpoint.week, pool.seen
    who = members(endpoint, pool)
    if pool.time is not None:
        when, origin = pool.time, np.zeros(pool.time.shape)
        stop = np.minimum(seen.dropout, end)
        event = when <= stop
    else:
        when, origin = _relapse_day(endpoint, pool), seen.acute_end
        event = (when <= end) & (when < seen.dropout)
        attended = np.zeros(when.shape)
        for day in seen.days[seen.days <= end]:
            attended = np.where(seen.dropout > day, day, attended)
        stop = np.minimum(attended, end)
    time = np.where(event, when, stop)
    if endpoint.missing == "event":
        lost = ~event & (seen.dropout <= end)
        time, event = np.where(lost, np.minimum(seen.dropout, end), time), event | lost
    return Measured(np.maximum(time - origin, 0.0), seen.baseline, who, event=event)


def _difference_of_periods(trial: Trial, endpoint: Endpoint, pool: Pool) -> Measured:
    assert trial.crossover is not None
    seen = _on(pool.seen, endpoint.scale)
    first = 7 * endpoint.week
    second = first + 7 * (trial.crossover.period + trial.crossover.washout)
    who = members(endpoint, pool) & (seen.dropout > second)
    return Measured(seen.at(first) - seen.at(second), seen.baseline, who)
