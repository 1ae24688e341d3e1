"""Does a result hang on one study, and do small studies show larger effects than large ones?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cotreat.evidence.meta.fit import Coefficient, Data, Fit, How, Interval, fit, intercept_only
from cotreat.measures.errors import InputError

FEWEST_FOR_ASYMMETRY = 3


@dataclass(frozen=True, slots=True)
class WithoutOne:
    """The result when one study is left out."""

    study: str
    fit: Fit


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """A regression test for small-study effects.

    ``slope``: change of the effect per unit of standard error with its test. ``limit``: the effect a study without
    sampling error would show, with its 95 % interval. ``df``: None for a normal test.
    """

    slope: Coefficient
    limit: float
    limit_ci95: Interval
    df: int | None


@dataclass(frozen=True, slots=True)
class Filled:
    """Trim and fill: how many studies look missing on one side (``missing``, its standard error) and the pooled result
    with mirror images put in their place. A what-if, not a correction."""

    missing: int
    missing_se: float
    side: Literal["left", "right"]
    fit: Fit


def leave_one_out(studies: Sequence[str], data: Data, how: How) -> tuple[WithoutOne, ...]:
    """Fit again without each study in turn; empty when fewer studies than terms would be left."""
    k, p = len(data.yi), len(data.design[0])
    if k - 1 < max(2, p + 1):
        return ()
    found = []
    for out in range(k):
        keep = [i for i in range(k) if i != out]
        rest = Data([data.yi[i] for i in keep], [data.vi[i] for i in keep], [data.design[i] for i in keep], data.names)
        try:
            found.append(WithoutOne(studies[out], fit(rest, how)))
        except InputError:  # a moderator that only this study carries cannot be estimated without it
            continue
    return tuple(found)


def asymmetry(yi: Sequence[float], vi: Sequence[float], how: How) -> Asymmetry | None:
    """Meta-regression on the standard error (Sterne and Egger 2005); None with too few studies or equal sizes."""
    if len(yi) < FEWEST_FOR_ASYMMETRY:
        return None
    design = [[1.0, math.sqrt(v)] for v in vi]
    try:
        found = fit(Data(yi, vi, design, ("limit", "standard error")), how)
    except InputError:
        return None
    limit, slope = found.coefficients
    return Asymmetry(slope, limit.estimate, limit.ci95, found.df)


def egger(yi: Sequence[float], vi: Sequence[float]) -> Asymmetry | None:
    """The test of Egger et al. (1997): weighted least squares with a free dispersion, t on k - 2 degrees of freedom."""
    return asymmetry(yi, vi, How("EE", "knha"))


def trim_and_fill(yi: Sequence[float], vi: Sequence[float], how: How) -> Filled | None:
    """Trim and fill of Duval and Tweedie (2000) with their estimator L0; None with too few studies.

    The side on which studies look missing is opposite to that on which small studies lie, by a regression on the
    standard error.
    """
    k = len(yi)
    if k < FEWEST_FOR_ASYMMETRY:
        return None
    lean = asymmetry(yi, vi, How(how.method, "z"))
    side: Literal["left", "right"] = "right" if lean is not None and lean.slope.estimate < 0 else "left"
    sign = -1.0 if side == "right" else 1.0
    order = sorted(range(k), key=lambda i: sign * yi[i])
    y, v = [sign * yi[i] for i in order], [vi[i] for i in order]
    missing, centre, estimate = _trimmed(y, v, how)
    mirrored = [2 * centre - value for value in y[k - missing :]]
    filled_y = [sign * value for value in (*y, *mirrored)]
    filled = fit(intercept_only(filled_y, [*v, *v[k - missing :]]), how)
    return Filled(missing, _missing_se(k, estimate), side, filled)


def _trimmed(y: Sequence[float], v: Sequence[float], how: How) -> tuple[int, float, float]:
    """How many of the largest effects have no counterpart, the centre without them, and L0 before rounding.

    ``y`` is sorted. Iterates until the number settles; a number that comes back ends a cycle.
    """
    k, missing, seen = len(y), 0, set[int]()
    while True:
        keep = k - missing
        centre = fit(intercept_only(y[:keep], v[:keep]), How(how.method, "z")).average.estimate
        away = [value - centre for value in y]
        order = sorted(range(k), key=lambda i: abs(away[i]))
        positive = sum(float(rank) for rank, i in enumerate(order, 1) if away[i] > 0)
        estimate = (4 * positive - k * (k + 1)) / (2 * k - 1)
        found = min(max(0, round(estimate)), k - 2)
        if found == missing or found in seen:
            return found, centre, estimate
        seen.add(missing)
        missing = found


def _missing_se(k: int, estimate: float) -> float:
    """Standard error of L0 for ``k`` studies; the estimate is neither rounded nor cut at zero (Duval and Tweedie)."""
    m = estimate
    ranks = k * (k + 1) * (2 * k + 1) + 10 * m**3 + 27 * m**2 + 17 * m - 18 * k * m**2 - 18 * k * m + 6 * k**2 * m
    return 4 * math.sqrt(max(0.0, ranks) / 24) / (2 * k - 1)
