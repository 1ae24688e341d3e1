"""The smallest number of patients in each arm for a wanted power or assurance, by simulation on common luck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import norm

from cotreat.measures.errors import InputError
from cotreat.trial.virtual.design import Trial
from cotreat.trial.virtual.run import Results
from cotreat.trial.virtual.summarise import rate

_GRID = 7
_FIRST = 128
_STEP = 4

Simulate = Callable[[Trial], Results]


@dataclass(frozen=True)
class Found:
    """The answer of a search: the number, its Monte-Carlo standard error, and the powers it was read from.

    ``n`` None: the wanted power is not reached at the largest number, or already at the smallest (``reason``).
    """

    n: int | None
    se: float | None
    reason: str | None
    points: tuple[tuple[int, float, float], ...]

    def document(self, power: float, endpoint: str) -> dict[str, Any]:
        """As a part of the trial document."""
        return {
            "endpoint": endpoint,
            "power": power,
            "n_per_arm": self.n,
            "se": None if self.se is None else round(self.se, 1),
            "reason": self.reason,
            "points": [{"n_per_arm": n, "power": round(p, 5), "se": round(s, 5)} for n, p, s in self.points],
        }


def search(trial: Trial, simulate: Simulate) -> Found:
    """Find the smallest number of patients in each arm with the wanted power of the primary endpoint.

    Bracketing: sizes on a geometric grid up to a top that grows until the power is reached, then a finer grid inside
    the bracket; all sizes of one grid are read from the same patients. Between the two nearest points the number is
    interpolated on probit(power) against sqrt(n), which is a line for a normal statistic; its error is that of the
    power there over the slope.

    Raises
    ------
    InputError
        The trial asks for no search.
    """
    if trial.search is None:
        raise InputError("sample_size: say the power wanted", examples=("sample_size: {power: 80 %, to: 1000}",))
    want, low, high = trial.search.power, trial.search.low, trial.search.high
    primary = trial.primary
    # adjustment for other endpoints does not enter: the search is for the primary endpoint at alpha
    alone = replace(trial, endpoints=(primary,), multiplicity="none")
    seen: dict[int, tuple[float, float]] = {}
    top = min(high, max(_FIRST, _STEP * low))
    while True:
        _measure(alone, simulate, _grid(low, top, _GRID), seen)
        if seen[top][0] >= want or top >= high:
            break
        low, top = top, min(high, _STEP * top)
    first = trial.search.low
    if seen[top][0] < want:
        return Found(
            None, None, f"the power is {seen[top][0]:.2f} at {top} in each arm, the most allowed", _points(seen)
        )
    if seen[first][0] >= want:
        return Found(first, None, f"already reached at {first} in each arm, the smallest asked for", _points(seen))
    reached = min(n for n, (p, _) in seen.items() if p >= want)
    below = max(n for n in seen if n < reached)
    fine: dict[int, tuple[float, float]] = {}
    spread = max(2, (reached - below) // 2)
    _measure(alone, simulate, _grid(max(first, below - spread), min(high, reached + spread), 2 * _GRID), fine)
    n, se = _crossing(fine, want)
    return Found(n, se, None, _points(fine))


def _grid(low: int, high: int, count: int) -> tuple[int, ...]:
    return tuple(sorted({round(v) for v in np.geomspace(low, high, count)}))


def _measure(trial: Trial, simulate: Simulate, sizes: tuple[int, ...], seen: dict[int, tuple[float, float]]) -> None:
    found = simulate(replace(trial, per_arm=sizes))
    for k, n in enumerate(found.sizes):
        made = rate(found.won[k, 0], disjoint=found.disjoint)
        seen[n] = (made.value, made.se)


def _points(seen: dict[int, tuple[float, float]]) -> tuple[tuple[int, float, float], ...]:
    return tuple((n, *seen[n]) for n in sorted(seen))


def _crossing(seen: dict[int, tuple[float, float]], want: float) -> tuple[int, float]:
    """Where a line through probit(power) over sqrt(n) reaches the wanted power, and the error of that number."""
    n = np.array(sorted(seen), dtype=float)
    p = np.clip([seen[int(v)][0] for v in n], 0.002, 0.998)
    se = float(np.mean([seen[int(v)][1] for v in n]))
    slope, start = np.polyfit(np.sqrt(n), ndtri(p), 1)
    if slope <= 0:
        raise InputError("the power does not rise with the number of patients: there is nothing to search for")
    root = (float(ndtri(want)) - start) / slope
    error = se / float(norm.pdf(ndtri(want))) / slope
    return max(2, int(np.ceil(root**2))), float(2 * root * error)
