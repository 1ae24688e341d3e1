"""The particles of one person, and how the ratings of a day weigh and teach them.

A particle carries a state of the patient model, the person's numbers, stress, and the symptoms that follow mood. Given
these, each signal is a linear regression on (1, illness, withdrawal, stress), whose coefficients and error are kept as
a normal and an inverse gamma (Rao-Blackwell): they are learned as far as the particle's path is right, and the
predictive is Student's t. The variance of the error enters the update of the coefficients by its mean.

Errors of ratings follow one another: what is off today is still partly off tomorrow (a first-order autoregression, by
days). A rating is therefore compared with the one before: y - r y' against f - r f', with r = memory ^ days between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import gammaln, stdtr

from cotreat.monitor.person import Person
from cotreat.monitor.record import Observation, Signal
from cotreat.monitor.signals import ILLNESS, LEVEL, Expected

MEMORY = 14
"""Days of path kept: the longest recall of a scale."""
_SAME_DAY = 0.4
"""Correlation of the errors of momentary ratings within a day."""
_FORGOTTEN = 10
"""Days after which nothing is left of an error."""
_MOST_FREEDOM = 60.0
_LARGEST_SURPRISE = 9.0
_HALF_STEP = 1.0 / 12.0


@dataclass
class Regressions:
    """Coefficients of every signal: ``mean`` (signals, 4, n), ``cov`` (signals, 4, 4, n), ``error`` variance and
    ``freedom`` (signals, n); ``seen`` the last day each signal was rated, ``value`` what it was then (NaN at the end of
    the scale, where the error is not known) and ``regressors`` (signals, 4, n) of that day."""

    mean: np.ndarray
    cov: np.ndarray
    error: np.ndarray
    freedom: np.ndarray
    seen: np.ndarray
    value: np.ndarray
    regressors: np.ndarray

    @classmethod
    def before(cls, priors: list[Expected], n: int) -> Regressions:
        """What is expected before any rating."""
        mean = np.stack([np.repeat(e.mean[:, None], n, 1) for e in priors]) if priors else np.zeros((0, 4, n))
        cov = np.zeros((len(priors), 4, 4, n))
        for j, e in enumerate(priors):
            for k in range(4):
                cov[j, k, k] = e.sd[k] ** 2
        error = np.array([[e.error**2] * n for e in priors]).reshape(len(priors), n)
        freedom = np.array([[e.freedom] * n for e in priors]).reshape(len(priors), n)
        last = np.full(len(priors), -1), np.full(len(priors), np.nan), np.zeros((len(priors), 4, n))
        return cls(mean, cov, error, freedom, *last)

    def take(self, index: np.ndarray) -> Regressions:
        """The particles at ``index``."""
        return replace(
            self,
            mean=self.mean[:, :, index],
            cov=self.cov[:, :, :, index],
            error=self.error[:, index],
            freedom=self.freedom[:, index],
            regressors=self.regressors[:, :, index],
        )

    def chosen(self, accept: np.ndarray, new: Regressions) -> Regressions:
        """Those of ``new`` where ``accept`` is true."""
        names = ("mean", "cov", "error", "freedom", "regressors")
        return replace(new, **{k: np.where(accept, getattr(new, k), getattr(self, k)) for k in names})

    def since_last(self, j: int, day: int, f: np.ndarray, memory: np.ndarray) -> tuple[np.ndarray, Any, Any]:
        """Regressors less what the last rating of a signal explains, what it adds to the rating, and the share of the
        variance of the error that is new; ``f`` (4, n) regressors of the day, ``memory`` (n,) a day."""
        gap = day - int(self.seen[j])
        if self.seen[j] < 0 or gap > _FORGOTTEN or np.isnan(self.value[j]):
            return f, 0.0, 1.0
        r = memory**gap
        return f - r * self.regressors[j], r * self.value[j], 1.0 - r**2


@dataclass
class Cloud:
    """``state`` (states, n) of the model; ``stress`` and ``symptoms`` (n,); ``path`` (3, days, n): illness, withdrawal
    and stress of the last days, newest first; ``person``; ``learned``; ``log_weight`` (n,)."""

    state: np.ndarray
    stress: np.ndarray
    symptoms: np.ndarray
    path: np.ndarray
    person: Person
    learned: Regressions
    log_weight: np.ndarray

    def take(self, index: np.ndarray) -> Cloud:
        """The particles at ``index``, equally weighted."""
        return Cloud(
            self.state[:, index],
            self.stress[index],
            self.symptoms[index],
            self.path[:, :, index],
            self.person.take(index),
            self.learned.take(index),
            np.zeros(len(index)),
        )

    @property
    def weight(self) -> np.ndarray:
        """Normalised weights."""
        w = np.exp(self.log_weight - self.log_weight.max())
        return np.asarray(w / w.sum())


def recalled(path: np.ndarray, days: int) -> np.ndarray:
    """Illness, withdrawal and stress as a rater who looks back over ``days`` sees them, (3, n)."""
    return np.asarray(path[:, : max(1, min(days, MEMORY))].mean(axis=1))


def design(path: np.ndarray, days: int) -> np.ndarray:
    """Regressors (4, n) of a rating with this recall."""
    seen = recalled(path, days)
    return np.concatenate([np.ones((1, seen.shape[1])), seen])


def error_factor(count: int) -> float:
    """Variance of the mean of ``count`` ratings of a day, against that of one."""
    return (1.0 - _SAME_DAY) / count + _SAME_DAY if count > 1 else 1.0


def weigh(cloud: Cloud, day: int, seen: list[tuple[int, Signal, Observation]]) -> tuple[np.ndarray, Regressions]:
    """Log likelihood of the day's ratings for each particle, and what the particles learn from them.

    A rating at the end of its scale is taken as censored there (floor and ceiling effects).
    """
    old = cloud.learned
    new = replace(old, mean=old.mean.copy(), cov=old.cov.copy(), error=old.error.copy(), freedom=old.freedom.copy())
    new.seen, new.value, new.regressors = old.seen.copy(), old.value.copy(), old.regressors.copy()
    total = np.zeros(len(cloud.log_weight))
    drift, memory = cloud.person["level.drift"], cloud.person["error.memory"]
    for j, signal, rating in seen:
        today = design(cloud.path, signal.recall_days)
        f, carried, fresh = old.since_last(j, day, today, memory)
        mean, cov, error, freedom = new.mean[j], new.cov[j], new.error[j], new.freedom[j]
        gap = day - new.seen[j] if new.seen[j] >= 0 else 0
        cov[LEVEL, LEVEL] += gap * drift**2 * error
        new.seen[j] = day
        pf = np.einsum("kln,ln->kn", cov, f)
        noise = error * fresh * error_factor(rating.count) + _HALF_STEP * signal.step**2 / rating.count
        q = np.einsum("kn,kn->n", f, pf) + noise
        expected = carried + np.einsum("kn,kn->n", f, mean)
        at_floor = rating.value <= signal.low + 1e-9
        at_top = rating.value >= signal.high - 1e-9
        new.value[j], new.regressors[j] = (np.nan if at_floor or at_top else rating.value), today
        z = (rating.value - expected) / np.sqrt(q)
        if at_floor or at_top:
            half = 0.5 * signal.step / np.sqrt(q)
            sign = 1.0 if at_floor else -1.0
            total += np.log(np.maximum(stdtr(freedom, sign * z + half), 1e-12))
            # beyond the end of the scale nothing contradicts the particle
            z = np.where(sign * z > 0, 0.0, z)
        else:
            total += _log_t(z, freedom) - 0.5 * np.log(q)
        gain = pf / q
        mean += gain * (z * np.sqrt(q))
        cov -= gain[:, None] * pf[None, :]
        mean[ILLNESS] = np.maximum(mean[ILLNESS], 1e-3 * signal.width)
        surprise = np.minimum(z**2, _LARGEST_SURPRISE)
        new.error[j] = error * (freedom + surprise) / (freedom + 1.0)
        new.freedom[j] = np.minimum(freedom + 1.0, _MOST_FREEDOM)
    return total, new


def _log_t(z: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    half = 0.5 * (freedom + 1.0)
    constant = gammaln(half) - gammaln(0.5 * freedom) - 0.5 * np.log(np.pi * freedom)
    return np.asarray(constant - half * np.log1p(z**2 / freedom))
