"""Figures of the study from its rows: areas, calibration, coverage, each with how sure it is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

Row = dict[str, Any]
_BOOTSTRAP = 2000
_EDGES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)


def column(rows: Sequence[Row], name: str) -> np.ndarray:
    """One number of every row."""
    return np.array([r[name] for r in rows], dtype=float)


def area(score: np.ndarray, truth: np.ndarray) -> float:
    """Area under the receiver operating curve; ties count half."""
    rank, n = rankdata(score), int(truth.sum())
    if n in (0, len(truth)):
        return float("nan")
    return float((rank[truth].sum() - n * (n + 1) / 2) / (n * (len(truth) - n)))


def paired(one: np.ndarray, other: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Difference of two areas with its 95 % interval, by resampling patients (seed 1)."""
    rng, found = np.random.default_rng(1), []
    for _ in range(_BOOTSTRAP):
        index = rng.integers(len(truth), size=len(truth))
        if 0 < truth[index].sum() < len(truth):
            found.append(area(one[index], truth[index]) - area(other[index], truth[index]))
    low, high = np.quantile(found, (0.025, 0.975)) if found else (np.nan, np.nan)
    return area(one, truth) - area(other, truth), float(low), float(high)


@dataclass(frozen=True)
class Bin:
    """Days or patients with a probability in one range: how many, mean probability, share true, and the SD of the gap
    (Monte Carlo; days of one patient are taken together)."""

    count: int
    said: float
    true: float
    sd: float

    @property
    def gap(self) -> float:
        """True less said."""
        return self.true - self.said


def calibration(p: np.ndarray, truth: np.ndarray, patient: np.ndarray | None = None) -> tuple[list[Bin], float]:
    """Bins of probability, and the gap over all, weighted by count. ``patient`` (n,): whose day it is."""
    whose = np.arange(len(p)) if patient is None else patient
    bins = []
    for low, high in itertools.pairwise(_EDGES):
        inside = (p >= low) & (p < high)
        if not inside.any():
            continue
        n = int(inside.sum())
        of_patient = np.bincount(whose[inside], truth[inside] - p[inside])
        spread = np.bincount(whose[inside], p[inside] * (1.0 - p[inside]))
        # the larger of what is seen and what a calibrated probability would scatter
        variance = max(float((of_patient**2).sum()), float(spread.sum()))
        bins.append(Bin(n, float(p[inside].mean()), float(truth[inside].mean()), float(np.sqrt(variance)) / n))
    return bins, sum(b.count * abs(b.gap) for b in bins) / max(len(p), 1)


LEVELS = (0.5, 0.8, 0.95)


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of a group of records: number, coverage of ``LEVELS`` with its SD between records, mean scores, and the
    gain in score over the last value and the running mean with a 95 % interval (records are resampled)."""

    records: int
    count: int
    cover: tuple[float, ...]
    cover_sd: tuple[float, ...]
    crps: tuple[float, float, float]
    gain: tuple[tuple[float, float, float], ...]


def forecasts(rows: list[Row]) -> Forecasts | None:
    """Figures of the forecasts of some records; None when there are none."""
    kept = [r["forecasts"] for r in rows if r["forecasts"]]
    if not kept:
        return None
    names = ("crps", "crps_last_value", "crps_running_mean")
    pit = [np.array([f["pit"] for f in found]) for found in kept]
    score = [np.array([[f[k] for k in names] for f in found]) for found in kept]
    size = np.array([len(found) for found in kept], dtype=float)
    inside = np.array([[(np.abs(p - 0.5) <= level / 2).sum() for level in LEVELS] for p in pit])
    cover = inside.sum(axis=0) / size.sum()
    sd = np.sqrt(((inside - size[:, None] * cover) ** 2).sum(axis=0)) / size.sum()
    sums = np.array([s.sum(axis=0) for s in score])
    mean = sums.sum(axis=0) / size.sum()
    rng = np.random.default_rng(1)
    picks = rng.integers(len(kept), size=(_BOOTSTRAP, len(kept)))
    again = sums[picks].sum(axis=1) / size[picks].sum(axis=1)[:, None]
    gain = []
    for k in (1, 2):
        low, high = np.quantile(again[:, k] - again[:, 0], (0.025, 0.975))
        gain.append((float(mean[k] - mean[0]), float(low), float(high)))
    return Forecasts(
        len(kept),
        int(size.sum()),
        tuple(float(c) for c in cover),
        tuple(float(v) for v in sd),
        (float(mean[0]), float(mean[1]), float(mean[2])),
        tuple(gain),
    )
