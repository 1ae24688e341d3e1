"""Group-sequential designs: alpha spending, boundaries by numerical integration, crossing probabilities.

Statistics Z_k at information fractions t_k are jointly normal with covariance sqrt(t_j / t_k) (the canonical joint
distribution, Jennison and Turnbull 2000, chapter 3). Boundaries are two-sided and symmetric. The recursion over looks
(Armitage, McPherson and Rowe 1969) integrates the density of the score process on Gauss-Legendre nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from cotreat.measures.errors import InputError

Spending = Literal["obrien-fleming", "pocock", "hwang-shih-decani"]
SPENDINGS: tuple[Spending, ...] = get_args(Spending)
_NODES = 96
_REACH = 9.0
MOST_LOOKS = 10


@dataclass(frozen=True)
class Looks:
    """When the trial is looked at, and how alpha is spent.

    ``fractions`` of the full information, increasing, the last 1. ``gamma``: parameter of Hwang, Shih and DeCani
    (-4 spends late, like O'Brien and Fleming; 1 like Pocock).
    """

    fractions: tuple[float, ...]
    spending: Spending = "obrien-fleming"
    gamma: float = -4.0

    def __post_init__(self) -> None:
        f = self.fractions
        if not f or len(f) > MOST_LOOKS:
            raise InputError(
                f"looks: give 1 to {MOST_LOOKS} fractions of the information", examples=("looks: [0.5, 1]",)
            )
        if any(not 0 < v <= 1 for v in f) or any(b <= a for a, b in pairwise(f)):
            raise InputError("looks: fractions must rise from above 0 to 1", examples=("looks: [0.5, 1]",))
        if f[-1] != 1:
            raise InputError("looks: the last look must be at 1, the whole trial", examples=("looks: [0.5, 1]",))
        if self.spending not in SPENDINGS:
            raise InputError(f"unknown alpha spending {self.spending!r}", hint=f"known: {', '.join(SPENDINGS)}")
        if not -20 <= self.gamma <= 20:
            raise InputError(f"gamma must lie between -20 and 20, not {self.gamma:g}")


def spent(alpha: float, fraction: np.ndarray, looks: Looks) -> np.ndarray:
    """Two-sided alpha spent up to information fractions.

    Lan and DeMets 1983 for the two named after O'Brien-Fleming, 2 - 2 Phi(z_{alpha/2} / sqrt t), and Pocock,
    alpha log(1 + (e - 1) t); Hwang, Shih and DeCani 1990, alpha (1 - exp(-gamma t)) / (1 - exp(-gamma)). The first is
    applied to each side with alpha / 2, as programs for symmetric two-sided boundaries do.
    """
    t = np.asarray(fraction, dtype=float)
    if looks.spending == "obrien-fleming":
        return np.asarray(4.0 * ndtr(ndtri(alpha / 4.0) / np.sqrt(t)))
    if looks.spending == "pocock":
        return np.asarray(alpha * np.log1p((np.e - 1.0) * t))
    if abs(looks.gamma) < 1e-9:
        return np.asarray(alpha * t)
    return np.asarray(alpha * np.expm1(-looks.gamma * t) / np.expm1(-looks.gamma))


def boundaries(alpha: float, looks: Looks) -> np.ndarray:
    """Critical values of |Z| at each look so that the stated alpha is spent, no more and no less."""
    t = np.asarray(looks.fractions)
    increments = np.diff(np.concatenate([[0.0], spent(alpha, t, looks)]))
    found: list[float] = []
    state = _Density.start()
    for k, step in enumerate(t):
        previous = t[k - 1] if k else 0.0

        def excess(z: float, now: _Density = state, step: float = step, k: int = k) -> float:
            return now.outside(z * np.sqrt(step), step - (t[k - 1] if k else 0.0)) - float(increments[k])

        limit = float(brentq(excess, 0.0, _REACH, xtol=1e-10)) if increments[k] > 1e-16 else _REACH
        found.append(limit)
        state = state.carried(limit * np.sqrt(step), step - previous)
    return np.array(found)


def crossing(limits: np.ndarray, fractions: tuple[float, ...], drift: float = 0.0) -> np.ndarray:
    """Probability to cross first at each look, (looks, 2): upper, lower; ``drift``: mean of Z at information 1."""
    t = np.asarray(fractions)
    out = np.zeros((len(t), 2))
    state = _Density.start()
    for k, step in enumerate(t):
        width = step - (t[k - 1] if k else 0.0)
        limit = float(limits[k]) * np.sqrt(step)
        out[k] = state.above(limit, width, drift), state.below(-limit, width, drift)
        state = state.carried(limit, width, drift)
    return out


def classical(kind: Literal["pocock", "obrien-fleming"], looks: int, alpha: float) -> float:
    """Constant of the original designs with equal steps: |Z_k| >= C (Pocock) or C sqrt(K / k) (O'Brien-Fleming)."""
    fractions = tuple((k + 1) / looks for k in range(looks))
    shape = np.ones(looks) if kind == "pocock" else np.sqrt(1.0 / np.asarray(fractions))

    def excess(c: float) -> float:
        return float(crossing(c * shape, fractions).sum()) - alpha

    return float(brentq(excess, 0.5, 8.0, xtol=1e-10))


@dataclass(frozen=True)
class _Density:
    """Density of the score process S = Z sqrt(t) inside the boundaries: nodes with weight times density."""

    node: np.ndarray
    mass: np.ndarray

    @classmethod
    def start(cls) -> _Density:
        return cls(np.zeros(1), np.ones(1))

    def above(self, limit: float, width: float, drift: float = 0.0) -> float:
        return float(self.mass @ ndtr((self.node + drift * width - limit) / np.sqrt(width)))

    def below(self, limit: float, width: float, drift: float = 0.0) -> float:
        return float(self.mass @ ndtr((limit - self.node - drift * width) / np.sqrt(width)))

    def outside(self, limit: float, width: float) -> float:
        return self.above(limit, width) + self.below(-limit, width)

    def carried(self, limit: float, width: float, drift: float = 0.0) -> _Density:
        x, w = np.polynomial.legendre.leggauss(_NODES)
        # far tails hold nothing: the nodes stay where the mass can be
        sd = np.sqrt(width)
        low = max(-limit, float(self.node.min() + drift * width - _REACH * sd))
        high = min(limit, float(self.node.max() + drift * width + _REACH * sd))
        node = 0.5 * (high - low) * x + 0.5 * (high + low)
        z = (node[:, None] - self.node[None, :] - drift * width) / sd
        density = np.exp(-0.5 * z**2) @ self.mass / (sd * np.sqrt(2 * np.pi))
        return _Density(node, 0.5 * (high - low) * w * density)
