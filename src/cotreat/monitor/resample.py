"""Drawing particles anew so that no account of the person is lost before the ratings have spoken.

Particles are kept in groups: ill or not, prone to withdrawal or not. An account that is unlikely today, such as "it is
the first day of a relapse", may be the only one left in two weeks; drawn by weight alone, its particles are gone by
then and what is said depends on luck. Each group keeps at least ``FEWEST`` of the particles, and the particles of a
group share its weight, so what the particles say is unchanged on average (stratified resampling with fixed numbers).
"""

from __future__ import annotations

import numpy as np

FEWEST = 0.12
"""Smallest share of the particles of a group that is there at all."""
_COPIES = 20.0
_LARGEST_IMBALANCE = 3.0


def weights(log_weight: np.ndarray) -> np.ndarray:
    """Normalised weights."""
    w = np.exp(log_weight - log_weight.max())
    return np.asarray(w / w.sum())


def left(weight: np.ndarray) -> float:
    """Effective share of the particles: 1 when all weigh the same."""
    return float(1.0 / (weight @ weight) / len(weight))


def left_within(weight: np.ndarray, group: np.ndarray) -> float:
    """Effective share of the particles inside the groups, averaged by the weight of the groups."""
    mass, count, squares = _by_group(weight, group)
    kept = np.where(squares > 0, mass**2 / np.maximum(squares, 1e-300) / np.maximum(count, 1), 0.0)
    return float(mass @ kept)


def out_of_balance(weight: np.ndarray, group: np.ndarray) -> bool:
    """Whether a group carries far more of the weight than it has particles."""
    mass, count, _ = _by_group(weight, group)
    share = count / len(weight)
    return bool((mass > np.minimum(_LARGEST_IMBALANCE * share, 0.5 + 0.5 * share)).any())


def redraw(log_weight: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which particles go on, and their log weights (largest 0).

    ``group`` (n,): number of the group of each particle. The count of a group follows its weight, but not below
    ``FEWEST`` unless so few particles carry its weight that they would only be copied.
    """
    n = len(log_weight)
    w = weights(log_weight)
    mass, _, squares = _by_group(w, group)
    effective = np.where(squares > 0, mass**2 / np.maximum(squares, 1e-300), 0.0)
    wanted = np.maximum(mass, np.minimum(FEWEST, _COPIES * effective / n)) * (mass > 0)
    counts = _counts(wanted / wanted.sum(), n)
    index, new = [], []
    for k, size in enumerate(counts):
        if size == 0:
            continue
        own = np.flatnonzero(group == k)
        index.append(own[systematic(w[own] / mass[k], size, rng)])
        new.append(np.full(size, np.log(mass[k] / size)))
    log_new = np.concatenate(new)
    return np.concatenate(index), log_new - log_new.max()


def systematic(weight: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """``size`` indices drawn by weight with one random number (systematic resampling)."""
    edges = np.cumsum(weight)
    edges[-1] = 1.0
    return np.asarray(np.searchsorted(edges, (rng.random() + np.arange(size)) / size))


def _by_group(weight: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight, number of particles and sum of squared weights of each group."""
    size = int(group.max()) + 1
    return (
        np.bincount(group, weight, size),
        np.bincount(group, minlength=size).astype(float),
        np.bincount(group, weight**2, size),
    )


def _counts(share: np.ndarray, n: int) -> np.ndarray:
    """Whole numbers in these shares with sum ``n``; a share above 0 gets at least one."""
    counts = np.maximum(np.floor(share * n).astype(int), (share > 0).astype(int))
    order = np.argsort(counts - share * n, kind="stable")
    k = 0
    while counts.sum() != n:
        step = 1 if counts.sum() < n else -1
        j = order[k % len(order)] if step > 0 else int(np.argmax(counts))
        counts[j] += step * int(share[j] > 0)
        k += 1
    return np.asarray(counts)
