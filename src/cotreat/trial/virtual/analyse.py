"""Third step: trials drawn from pools, and the test of one endpoint in all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from cotreat.trial.virtual import linear, mmrm, proportions, strategies, survival
from cotreat.trial.virtual.contrasted import Contrasted, as_normal
from cotreat.trial.virtual.cut import Measured, site_of
from cotreat.trial.virtual.design import Endpoint, Trial
from cotreat.trial.virtual.enumerated import no_more_than_enumerated
from cotreat.trial.virtual.sequential import boundaries


@dataclass(frozen=True)
class Trials:
    """Which patients make which trial.

    ``index`` (replicates, trials, patients in each arm): places in the pool, in order of enrolment. ``disjoint``: no
    patient is in two trials. A trial of fewer patients is the beginning of a larger one, so sizes share their luck.
    ``shuffle`` (trials in all, arms x patients): a random order that deals the patients of a trial anew to its arms.
    """

    index: np.ndarray
    disjoint: bool
    shuffle: np.ndarray

    @property
    def count(self) -> int:
        """Trials in all."""
        return int(self.index.shape[0] * self.index.shape[1])


def choose(pool: int, trials: int, n: int, arms: int, key: tuple[int, ...]) -> Trials:
    """Trials of ``n`` patients in each arm from pools of ``pool`` patients; ``key`` holds seed, block and replicates.

    Where the pool is large enough trials share no patient. Otherwise each trial is a simple random sample from the
    pool without repetition: its patients are still independent draws from the population, so power is unbiased, but
    trials that share patients resemble each other and the Monte-Carlo error is larger (see ``summarise``).
    """
    *seed, replicates = key
    luck = np.random.default_rng([*(s & 0xFFFFFFFF for s in seed), 41])
    disjoint = trials * n <= pool
    if disjoint:
        index = np.broadcast_to(np.arange(trials * n).reshape(trials, n), (replicates, trials, n))
    else:
        index = np.empty((replicates, trials, n), dtype=np.int64)
        for r in range(replicates):
            for t in range(trials):
                index[r, t] = luck.permutation(pool)[:n] if 4 * n > pool else luck.choice(pool, n, replace=False)
    shuffle = np.argsort(luck.random((replicates * trials, arms * n), dtype=np.float32), axis=1)
    return Trials(index, disjoint, shuffle)


@dataclass(frozen=True)
class Sample:
    """One endpoint in trials: as ``Measured``, with the axes (trials, arms, patients[, visits])."""

    y: np.ndarray
    x: np.ndarray
    who: np.ndarray
    event: np.ndarray | None = None
    group: np.ndarray | None = None

    def first(self, n: int) -> Sample:
        """The first ``n`` patients of each arm."""
        cut = [None if v is None else v[:, :, :n] for v in (self.event, self.group)]
        return Sample(self.y[:, :, :n], self.x[:, :, :n], self.who[:, :, :n], *cut)


def sample(arms: tuple[Measured, ...], trials: Trials, *, shuffled: bool = False) -> Sample:
    """The patients of every trial; ``shuffled``: dealt anew to the arms, so that no arm differs from another."""

    def gathered(values: tuple[np.ndarray | None, ...]) -> np.ndarray | None:
        if any(v is None for v in values):
            return None
        d = np.arange(trials.index.shape[0])[:, None, None]
        parts = [v[d, trials.index] for v in values if v is not None]
        stacked = np.stack([p.reshape(-1, *p.shape[2:]) for p in parts], axis=1)
        if not shuffled:
            return stacked
        t, a, n = stacked.shape[:3]
        flat = stacked.reshape(t, a * n, *stacked.shape[3:])
        dealt = flat[np.arange(t)[:, None], trials.shuffle]
        return np.asarray(dealt.reshape(stacked.shape))

    def needed(name: str) -> np.ndarray:
        found = gathered(tuple(getattr(m, name) for m in arms))
        assert found is not None
        return found

    event, group = (gathered(tuple(getattr(m, name) for m in arms)) for name in ("event", "group"))
    return Sample(needed("y"), needed("x"), needed("who"), event, group)


def analyse(trial: Trial, endpoint: Endpoint, data: Sample, *, at_margin: bool = False) -> Contrasted:
    """The test of one endpoint in every trial; with a margin, against the margin.

    ``at_margin``: arms that do not differ are moved to lie just at the margin, where a non-inferiority test may claim
    success at its level only.
    """
    margin = endpoint.margin
    if margin is not None and at_margin:
        data = _worse_by(endpoint, data, margin)
    result = _contrasted(trial, endpoint, data)
    if margin is None:
        return result
    limit = -margin if endpoint.higher_is_better else margin
    if endpoint.test == "newcombe":
        x, n = _counts(data)
        (i, j) = endpoint.contrast.pairs[0]
        return proportions.newcombe(x[:, [i, j]], n[:, [i, j]], limit)
    return result.shifted(limit)


def success(endpoint: Endpoint, p: np.ndarray, statistic: np.ndarray, alpha: float) -> np.ndarray:
    """Whether a trial may claim what it set out to show: p below alpha, and for non-inferiority on the right side."""
    won = p < alpha
    if endpoint.margin is None:
        return np.asarray(won)
    return np.asarray(won & ((statistic > 0) if endpoint.higher_is_better else (statistic < 0)))


def _worse_by(endpoint: Endpoint, data: Sample, margin: float) -> Sample:
    first = endpoint.contrast.vector > 0
    if endpoint.kind != "proportion":
        moved = data.y.astype(np.float64).copy()
        moved[:, first] += margin
        return replace(data, y=moved)
    # a success of the first side becomes a failure (or the reverse) often enough to lower it by the margin
    y = data.y.astype(bool).copy()
    luck = np.random.default_rng([len(y), int(1e6 * margin), 43]).random(y.shape)
    share = (y & data.who).sum(axis=(1, 2)) / np.maximum(data.who.sum(axis=(1, 2)), 1)
    base = share if endpoint.higher_is_better else 1 - share
    flip = luck < np.minimum(margin / np.maximum(base, 1e-9), 1.0)[:, None, None]
    flip[:, ~first] = False
    y = np.where(flip & y, False, y) if endpoint.higher_is_better else np.where(flip & ~y, True, y)
    return replace(data, y=y)


def _counts(data: Sample) -> tuple[np.ndarray, np.ndarray]:
    hit = data.y.astype(bool) & data.who
    return hit.sum(axis=2).astype(np.float64), data.who.sum(axis=2).astype(np.float64)


def _contrasted(trial: Trial, endpoint: Endpoint, data: Sample) -> Contrasted:
    contrast = endpoint.contrast
    if trial.kind == "smart":
        return strategies.compare(data.y, data.who, data.group, contrast.vector, trial)
    if trial.crossover is not None:
        return linear.paired(data.y, data.who)
    if endpoint.kind == "proportion":
        x, n = _counts(data)
        found = _proportion(endpoint, x, n)
        if not endpoint.two_proportions:
            return found
        pair = list(contrast.pairs[0])
        return no_more_than_enumerated(found, x[:, pair], n[:, pair])
    if endpoint.kind == "time":
        assert data.event is not None
        return _time(endpoint, survival.tables(data.y, data.event, data.who))
    if endpoint.kind == "mmrm":
        return mmrm.mmrm(data.y, data.x, data.who, contrast.vector)
    covariate = data.x if endpoint.test == "ancova" else None
    if trial.conduct.sites is not None:
        number = trial.conduct.sites.number
        site = np.broadcast_to(site_of(data.y.shape[2], data.y.shape[2], number), data.y.shape)
        return linear.ancova_by_site(data.y, covariate, data.who, contrast.vector, (site, number))
    return linear.ancova(data.y, covariate, data.who, contrast.vector)


def _proportion(endpoint: Endpoint, x: np.ndarray, n: np.ndarray) -> Contrasted:
    contrast = endpoint.contrast
    if endpoint.test in ("newcombe", "chi2"):
        pair = list(contrast.pairs[0])
        test = proportions.newcombe if endpoint.test == "newcombe" else proportions.chi2
        return test(x[:, pair], n[:, pair])
    if endpoint.test == "cmh":
        return proportions.cmh(x, n, contrast.pairs)
    if endpoint.test == "logistic":
        return proportions.logistic(x, n, contrast.vector)
    return proportions.risk(x, n, contrast.vector)


def _time(endpoint: Endpoint, table: survival.Tables) -> Contrasted:
    contrast = endpoint.contrast
    if endpoint.test == "log-rank":
        return survival.log_rank(table, contrast.pairs)
    if endpoint.test == "rmst":
        return survival.rmst_test(table, endpoint.tau or 7.0 * endpoint.week, contrast.vector)
    used = sorted({i for pair in contrast.pairs for i in pair})
    part = table.of(used)
    place = {arm: k for k, arm in enumerate(used)}
    pairs = [(place[i], place[j]) for i, j in contrast.pairs]
    if contrast.interaction:
        # log hazards of four cells: treated x stratum first, then the two main effects
        design = np.zeros((4, 3))
        (a, b), (c, d) = pairs
        design[a], design[b], design[c], design[d] = (1, 1, 1), (0, 0, 1), (0, 1, 0), (0, 0, 0)
        return survival.cox(part, design)
    treated = np.zeros((len(used), 1))
    treated[[i for i, _ in pairs]] = 1.0
    return survival.cox(part, treated, tuple(pairs))


# ---- looks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looked:
    """Trials with looks: whether each won, the look it stopped at (-1: never), the share of patients or events used."""

    won: np.ndarray
    stopped: np.ndarray
    limits: np.ndarray
    p: np.ndarray
    size: np.ndarray


def looked(trial: Trial, endpoint: Endpoint, data: Sample, *, at_margin: bool = False) -> Looked:
    """The looks of a trial on one endpoint.

    A look at fraction f: for ratings and proportions when the first f of the patients of each arm have been seen to
    the end; for times when f of the events of the whole trial have happened, patients entering in order.
    """
    assert trial.looks is not None
    fractions = trial.looks.fractions
    limits = boundaries(trial.alpha, trial.looks)
    n = data.x.shape[2]
    count = len(data.x)
    stopped, won = np.full(count, -1), np.zeros(count, dtype=bool)
    size, p = np.ones(count), np.ones(count)
    for k, fraction in enumerate(fractions):
        part = _by_events(trial, data, fraction) if endpoint.kind == "time" else data.first(max(2, round(fraction * n)))
        found = analyse(trial, endpoint, part, at_margin=at_margin)
        z = as_normal(found)
        crossed = success(endpoint, np.where(np.abs(z) >= limits[k], 0.0, 1.0), found.statistic, 0.5) & (stopped < 0)
        stopped[crossed], won[crossed], size[crossed] = k, True, fraction
        p = found.p
    return Looked(won, stopped, limits, p, size)


def _by_events(trial: Trial, data: Sample, fraction: float) -> Sample:
    """Data at the day on which a fraction of all events has happened."""
    if fraction >= 1:
        return data
    assert data.event is not None
    n, arms = data.x.shape[2], data.x.shape[1]
    each = 0.0 if trial.conduct.per_month is None else arms * 30.4375 / trial.conduct.per_month
    entry = each * np.arange(n)[None, None, :]
    event = data.event & data.who
    when = np.where(event, entry + data.y, np.inf).reshape(len(data.y), -1)
    wanted = np.maximum(np.ceil(fraction * event.sum(axis=(1, 2))).astype(int), 1) - 1
    when.sort(axis=1)
    stop = np.take_along_axis(when, wanted[:, None], axis=1)[:, :, None]
    seen = np.clip(stop - entry, 0.0, None)
    return Sample(np.minimum(data.y, seen), data.x, data.who & (entry < stop), event & (data.y <= seen), data.group)


def critical(alpha: float) -> float:
    """Two-sided critical value of a normal statistic."""
    return float(-ndtri(alpha / 2))
