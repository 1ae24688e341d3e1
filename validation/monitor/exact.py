"""Exact inference under the generator: the ceiling that no method can pass on these patients.

Given what is discrete (when relapse began and how fast it came, the pace of withdrawal, whether there is nocebo, when
stress came, how noisy the person is) ratings are linear in normal sizes, so the probability of the ratings is a normal
density with the sizes integrated out. Onsets lie on a grid in the generator and are summed over it. The rounding of the
weekly score is taken as its variance; everything else is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtr

from validation.monitor import generator as g

_SIZES = ("relapse", "withdrawal", "stress", "nocebo")


@dataclass(frozen=True)
class Posterior:
    """Probabilities on one day, from ratings up to it: relapse has begun; withdrawal is or was present in ten days."""

    relapse: float
    withdrawal: float


@dataclass(frozen=True)
class _Structures:
    """Candidate shapes by number: columns of the design, log prior; -1 as a column stands for absent."""

    columns: list[np.ndarray]
    relapse: list[tuple[int, float, float]]
    paces: list[tuple[int, float]]
    stress: list[tuple[int, float]]
    nocebo: list[tuple[int, float]]
    onset: list[int | None]
    peaks: list[float]


def _structures(patient: g.Patient, day: int) -> _Structures:
    t = np.arange(day + 1, dtype=float)
    columns: list[np.ndarray] = []

    def add(shape: np.ndarray, loading: np.ndarray) -> int:
        columns.append(np.outer(shape, loading))
        return len(columns) - 1

    taper_end = patient.cuts[-1][0] - g.RUN_IN if patient.cuts else 0
    prior = g.relapse_prior(g.DAYS - g.RUN_IN, patient.stops, taper_end)
    relapse: list[tuple[int, float, float]] = []
    onset: list[int | None] = [None]
    inside = 0.0
    for first in range(g.RUN_IN, day + 1, g.RELAPSE_GRID):
        share = float(prior[first - g.RUN_IN : min(first + g.RELAPSE_GRID, g.DAYS) - g.RUN_IN].sum())
        middle = g.on_grid(first, g.RELAPSE_GRID, g.RUN_IN)
        if middle > day:
            break
        inside += share
        for length, of in zip(g.RAMPS, g.RAMP_SHARE, strict=True):
            relapse.append((add(g.ramp(t, middle, length), g.RELAPSE), np.log(share * of), 0.0))
            onset.append(middle)
    relapse.insert(0, (-1, np.log(1.0 - inside), 0.0))
    prone = g.PRONE[patient.drug] if patient.cuts else 0.0
    paces, peaks = [(-1, np.log(1.0 - prone))], [0.0]
    stress = [(-1, 0.0)]
    nocebo = [(-1, np.log(1.0 - g.NOCEBO_SHARE) if patient.cuts else 0.0)]
    if patient.cuts:
        for pace, of in zip(g.PACES, g.PACE_SHARE, strict=True):
            peak = g.peak_day(patient.drug) * pace
            paces.append((add(g.withdrawal_shape(t, patient.cuts, peak), g.WITHDRAWAL), np.log(prone * of)))
            peaks.append(peak)
        nocebo.append((add(g.nocebo_shape(t, patient.cuts), g.NOCEBO), np.log(g.NOCEBO_SHARE)))
    each = g.STRESS_SHARE / g.DAYS
    inside = 0.0
    for first in range(0, day + 1, g.STRESS_GRID):
        middle = g.on_grid(first, g.STRESS_GRID, 0)
        if middle > day:
            break
        stress.append((add(g.pulse(t, middle), g.STRESS), np.log(each * g.STRESS_GRID)))
        inside += each * g.STRESS_GRID
    stress[0] = (-1, np.log(1.0 - inside))
    return _Structures(columns, relapse, paces, stress, nocebo, onset, peaks)


def _whitened(patient: g.Patient, day: int, columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Ratings and columns in units of the noise of a person of noisiness 1, levels integrated out; log determinant."""
    design: list[np.ndarray] = []
    values: list[np.ndarray] = []
    log_det, count = 0.0, 0
    t = np.arange(day + 1)
    for j, signal in enumerate(g.SIGNALS):
        rated = [(o.day, o.value) for o in patient.record.observations if o.signal == signal.name and o.day <= day]
        if not rated:
            continue
        when, y = np.array([r[0] for r in rated]), np.array([r[1] for r in rated])
        if j < 4:
            gap = np.abs(when[:, None] - when[None, :])
            cov = g.SLOW_NOISE**2 * g.MEMORY**gap + g.WHITE_NOISE**2 * np.eye(len(y))
            x = np.stack([c[when, j] for c in columns], 1)
        else:
            # the variance of rounding is scaled with the noise here, an error of 4 % of this one variance
            cov = np.eye(len(y)) * (g.PHQ_NOISE**2 + 1.0 / 12.0)
            sums = [np.concatenate([[0.0], np.cumsum(c[: len(t), j])]) for c in columns]
            begin = np.maximum(when - 13, 0)
            x = np.stack([(s[when + 1] - s[begin]) / (when + 1 - begin) for s in sums], 1)
        cov = cov + g.LEVEL_SD[j] ** 2
        root = np.linalg.cholesky(cov)
        design.append(solve_triangular(root, x, lower=True))
        values.append(solve_triangular(root, y - g.LEVEL[j], lower=True))
        log_det += 2.0 * np.log(np.diag(root)).sum()
        count += len(y)
    return np.concatenate(values), np.concatenate(design), log_det, count


def infer(patient: g.Patient, day: int) -> Posterior:
    """The posterior on a day, from the ratings up to it."""
    s = _structures(patient, day)
    y, x, log_det, count = _whitened(patient, day, s.columns)
    gram, cross, square = x.T @ x, x.T @ y, float(y @ y)
    grid = np.meshgrid(
        np.arange(len(s.relapse)),
        np.arange(len(s.paces)),
        np.arange(len(s.stress)),
        np.arange(len(s.nocebo)),
        indexing="ij",
    )
    r, w, e, n = (a.ravel() for a in grid)
    column = np.stack([
        np.array([c for c, *_ in s.relapse])[r], np.array([c for c, _ in s.paces])[w],
        np.array([c for c, _ in s.stress])[e], np.array([c for c, _ in s.nocebo])[n],
    ])  # fmt: skip
    log_prior = (
        np.array([v for _, v, _ in s.relapse])[r] + np.array([v for _, v in s.paces])[w]
        + np.array([v for _, v in s.stress])[e] + np.array([v for _, v in s.nocebo])[n]
    )  # fmt: skip
    absent = column < 0
    index = np.where(absent, 0, column)
    a = gram[index[:, None, :], index[None, :, :]] * (~absent[:, None, :] & ~absent[None, :, :])
    b = cross[index] * ~absent
    mean0 = np.array([g.SIZE[k][0] for k in _SIZES])
    precision0 = np.diag([1.0 / g.SIZE[k][1] ** 2 for k in _SIZES])
    matrices = np.moveaxis(a, 2, 0)
    shape = patient.cuts and g.withdrawal_shape
    weights, present = [], []
    for kappa in g.NOISINESS:
        m = matrices / kappa**2 + precision0
        v = b.T / kappa**2 + precision0 @ mean0
        inverse = np.linalg.inv(m)
        solved = np.einsum("ijk,ik->ij", inverse, v)
        log_m = np.log(np.linalg.det(m))
        fit = np.einsum("ij,ij->i", v, solved)
        constant = -0.5 * (log_det + 2 * count * np.log(kappa)) - 0.5 * square / kappa**2
        log_w = log_prior + constant + 0.5 * fit - 0.5 * log_m
        weights.append(log_w)
        variance = inverse[:, 1, 1]
        largest = np.zeros(len(s.peaks))
        if shape:
            recent = np.arange(max(0, day - 10), day + 1, dtype=float)
            for k, peak in enumerate(s.peaks[1:], 1):
                largest[k] = g.withdrawal_shape(recent, patient.cuts, peak).max()
        top = largest[w]
        needed = g.PRESENT / np.maximum(top, 1e-9)
        present.append(np.where((w > 0) & (top > 0), 1.0 - ndtr((needed - solved[:, 1]) / np.sqrt(variance)), 0.0))
    log_w = np.concatenate(weights)
    weight = np.exp(log_w - log_w.max())
    weight /= weight.sum()
    began = np.tile(r > 0, len(g.NOISINESS))
    return Posterior(float(weight[began].sum()), float(weight @ np.concatenate(present)))
