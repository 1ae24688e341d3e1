"""Second step: what is seen of the patients. Sites, guessing, dropout, visits; and what an endpoint reads from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.outcomes.followup import FollowUp, dropout_day
from cotreat.simulate.result import on_scale
from cotreat.trial.virtual.design import Conduct, Dropout, Endpoint, Guessing, MissedVisits, Sites, Trial
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
    return tuple(at_visits(trial, pool) for pool in conducted(trial, pools, seed, per_trial))


def conducted(trial: Trial, pools: tuple[Pool, ...], seed: int, per_trial: int | None = None) -> tuple[Pool, ...]:
    """Pools with site, guessing, missed visits and losses, every simulated rating still there (see ``cut``)."""
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
        visits = tuple(_visit_days(trial))
        moved = replace(moved, missed=_missed(moved, trial.conduct.missed_visits, visits, (seed, arm)))
        made.append(replace(moved, seen=replace(moved.seen, dropout=_lost(moved, trial.conduct, visits))))
    return tuple(made)


def at_visits(trial: Trial, pool: Pool) -> Pool:
    """A pool with the ratings of entry and visits only."""
    if trial.effect is not None and trial.effect.kind != "normal":
        return pool
    keep = np.isin(pool.seen.days, [0, *_visit_days(trial)])
    seen = replace(pool.seen, days=pool.seen.days[keep], score=pool.seen.score[keep])
    return replace(pool, seen=seen, missed=None if pool.missed is None else pool.missed[keep])


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


def _visit_days(trial: Trial) -> list[int]:
    if trial.crossover is None:
        return list(trial.days)
    offset = 7 * (trial.crossover.period + trial.crossover.washout)
    return [*trial.days, *(offset + d for d in trial.days)]


def _change(pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Days from day 0 on, and the change from the baseline (after a run-in: from its end) in HAM-D17 points."""
    seen = pool.seen
    start = int(np.flatnonzero(seen.days <= 0)[0])
    reference = seen.reference if seen.remitted.all() and not seen.acute_end.any() else seen.baseline
    return seen.days[start:], (seen.score[start:] - reference.astype(np.float32)) / np.float32(pool.unit)


def _missed(pool: Pool, how: MissedVisits | None, visits: tuple[int, ...], key: tuple[int, int]) -> np.ndarray | None:
    """Visits that patients miss, as ``seen.score``; the luck of a visit is named by its day."""
    if how is None or not how.share:
        return None
    missed = np.zeros(pool.seen.score.shape, dtype=bool)
    days, change = _change(pool)
    start = len(pool.seen.days) - len(days)
    for i, day in enumerate(days):
        if day in visits:
            luck = np.random.default_rng([key[0] & 0xFFFFFFFF, 34, key[1], int(day)])
            odds = how.share / (1 - how.share) * np.exp(np.clip(how.per_point * change[i], -10.0, 10.0))
            missed[start + i] = luck.random(pool.luck.shape) * (1 + odds) < odds
    return missed


def _lost(pool: Pool, conduct: Conduct, visits: tuple[int, ...]) -> np.ndarray:
    how = conduct.dropout
    if how.mechanism == "none":
        return np.full(pool.luck.shape, np.inf)
    hazard = pool.hazard if how.weekly_hazard is None else np.full_like(pool.hazard, how.weekly_hazard)
    slope = pool.slope if how.per_point is None else np.full_like(pool.slope, how.per_point)
    if how.mechanism == "MCAR":
        slope = np.zeros_like(slope)
    days, change = _change(pool)
    if how.mechanism == "MAR":
        missed = None if pool.missed is None else pool.missed[-len(days) :]
        change = _as_last_seen(change, days, visits, missed)
    return dropout_day(days, change, hazard, slope, pool.luck)


def _as_last_seen(
    change: np.ndarray, days: np.ndarray, visits: tuple[int, ...], missed: np.ndarray | None
) -> np.ndarray:
    """The change at the last visit attended on or before each week; 0 before the first, when only the baseline is."""
    out = np.zeros_like(change)
    last = np.zeros_like(change[0])
    for i, day in enumerate(days):
        if day in visits:
            last = change[i] if missed is None else np.where(missed[i], last, change[i])
        out[i] = last
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
    who = members(endpoint, pool)
    if endpoint.kind == "mmrm":
        take = (seen.days > 0) & (seen.days <= day)
        gone = seen.dropout <= seen.days[take][:, None, None]
        if pool.missed is not None:
            gone |= pool.missed[take]
        return Measured(np.moveaxis(np.where(gone, np.nan, seen.score[take]), 0, -1), seen.baseline, who)
    y, absent = seen.at(day), _absent(pool, day)
    if endpoint.missing == "observed":
        return Measured(y, seen.baseline, who & ~absent, group=pool.undecided)
    last = seen.baseline if endpoint.missing == "baseline" else _last_seen(seen, day, pool.missed)
    return Measured(np.where(absent, last, y), seen.baseline, who, group=pool.undecided)


def _absent(pool: Pool, day: int) -> np.ndarray:
    """Who is not seen on a visit day: lost by then, or not come to this visit."""
    lost = pool.seen.dropout <= day
    if pool.missed is None:
        return np.asarray(lost)
    return np.asarray(lost | pool.missed[int(np.flatnonzero(pool.seen.days == day)[0])])


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


def _last_seen(seen: FollowUp, day: int, missed: np.ndarray | None) -> np.ndarray:
    """The rating at the last visit attended up to a day; the baseline when none was."""
    last = seen.baseline.astype(np.float64)
    for i, d in enumerate(seen.days):
        if 0 < d <= day:
            here = seen.dropout > d if missed is None else (seen.dropout > d) & ~missed[i]
            last = np.where(here, seen.score[i], last)
    return last


def _proportion(trial: Trial, endpoint: Endpoint, pool: Pool) -> Measured:
    day = 7 * endpoint.week
    who = members(endpoint, pool)
    lost = pool.seen.dropout <= day
    if pool.flag is not None:
        hit = pool.flag
    elif endpoint.what == "relapse":
        return _relapsed(endpoint, pool, who)
    else:
        seen, lost = _on(pool.seen, endpoint.scale), _absent(pool, day)
        if endpoint.missing == "last observation":
            index = int(np.flatnonzero(seen.days == day)[0])
            carried = seen.score.copy()
            carried[index] = np.where(lost, _last_seen(seen, day, pool.missed), carried[index])
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
    seen = _on(pool.seen, endpoint.definition.scale)
    if pool.missed is None:
        return seen.relapse_day(endpoint.definition)
    # the visits each patient came to, moved to the front; a confirming visit is then the next one attended
    order = np.argsort(pool.missed, axis=0, kind="stable")
    place = np.arange(len(seen.days))
    score = np.take_along_axis(seen.score, order, axis=0)
    came = (~pool.missed).sum(axis=0)
    score = np.where(place[:, None, None] < came, score, -np.inf).astype(seen.score.dtype)
    before = (~pool.missed & (seen.days[:, None, None] <= seen.acute_end)).sum(axis=0) - 1.0
    found = replace(seen, days=place, score=score, acute_end=before).relapse_day(endpoint.definition)
    nth = np.where(np.isfinite(found), found, 0).astype(int)
    day = seen.days[np.take_along_axis(order, nth[None], axis=0)[0]].astype(float)
    return np.where(np.isfinite(found), day, np.inf)


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
        for i in np.flatnonzero(seen.days <= end):
            here = (
                seen.dropout > seen.days[i] if pool.missed is None else (seen.dropout > seen.days[i]) & ~pool.missed[i]
            )
            attended = np.where(here, seen.days[i], attended)
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
    who = members(endpoint, pool) & ~_absent(pool, first) & ~_absent(pool, second)
    return Measured(seen.at(first) - seen.at(second), seen.baseline, who)
