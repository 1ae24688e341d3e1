"""The random-effects model of a meta-analysis, with or without moderators.

Model: ``yi ~ N(X beta, vi + tau2)``. Between-study variance by restricted likelihood (REML), likelihood (ML), the
moment estimator of DerSimonian and Laird (DL), or none (EE, equal effects). Tests and intervals from the normal
distribution ("z") or after Knapp and Hartung (2003, "knha"). Written from the papers; results agree with metafor 3.8
(see validation/metafor).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Method = Literal["REML", "DL", "ML", "EE"]
Test = Literal["z", "knha"]
METHODS: tuple[Method, ...] = ("REML", "DL", "ML", "EE")
TESTS: tuple[Test, ...] = ("z", "knha")
Interval = tuple[float, float]

_LARGEST = 1e12  # beyond which doubles have no digits left for a difference
_GRID = 80  # points in tau2 at which the likelihood is looked at before the best one is refined


@dataclass(frozen=True, slots=True)
class How:
    """How a set of effects is pooled: the estimator of the variance between studies, and the test."""

    method: Method = "REML"
    test: Test = "z"


@dataclass(frozen=True, slots=True)
class Prediction:
    """An average effect at some values of the moderators: standard error, 95 % interval, and prediction interval.

    ``pi95`` is where the true effect of a new study would lie; None for equal effects. Its critical value is that of
    the confidence interval: normal for "z", t with k - p degrees of freedom for "knha", as in metafor's ``predict``.
    """

    estimate: float
    se: float
    ci95: Interval
    pi95: Interval | None


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One term of the model with its test; ``ci95`` on the scale of analysis."""

    name: str
    estimate: float
    se: float
    statistic: float
    p: float
    ci95: Interval


@dataclass(frozen=True, slots=True)
class Spread:
    """How far studies differ beyond chance.

    ``q`` with ``q_df`` degrees of freedom and its p; ``tau2`` with its Q-profile interval and (likelihood methods)
    its standard error; ``i2`` in per cent; ``h2``. With moderators all of it is about what they leave unexplained,
    and ``r2`` is the share of tau2 they account for, in per cent.
    """

    q: float
    q_df: int
    q_p: float
    tau2: float
    tau2_se: float | None
    tau2_ci95: Interval | None
    i2: float
    i2_ci95: Interval | None
    h2: float
    h2_ci95: Interval | None
    r2: float | None = None


@dataclass(frozen=True, slots=True)
class ModeratorTest:
    """The test that all moderators together do nothing: chi-square (z) or F (Knapp-Hartung)."""

    statistic: float
    df: tuple[int, int | None]
    p: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model. ``weights`` are in per cent and sum to 100; ``df`` is None for the normal distribution."""

    how: How
    k: int
    coefficients: tuple[Coefficient, ...]
    average: Prediction
    spread: Spread
    weights: tuple[float, ...]
    df: int | None
    moderators: ModeratorTest | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """Effects (k), their variances (k), the design (k rows of p numbers) and the names of its columns."""

    yi: Sequence[float]
    vi: Sequence[float]
    design: Sequence[Sequence[float]]
    names: Sequence[str] = ("average",)


def intercept_only(yi: Sequence[float], vi: Sequence[float]) -> Data:
    """The design of a plain meta-analysis."""
    return Data(yi, vi, [[1.0]] * len(yi))


def fit(data: Data, how: How | None = None) -> Fit:
    """Fit the model.

    Raises
    ------
    InputError
        No study, a variance that is not positive, fewer studies than terms, or moderators that say the same.
    """
    import numpy as np

    how = how or How()
    notes: list[str] = []
    y, v, x = (np.asarray(a, dtype=np.float64) for a in (data.yi, data.vi, data.design))
    k, p = _checked(y, v, x)
    size = np.abs(x).max(axis=0)
    x = x / size  # terms of very different size (a year, a share) would cost digits
    if k == 1:
        # one study says nothing about the spread between studies, nor about its own
        how = How("EE", "z")
        notes.append("one study only: its own estimate and interval")
    if k == p and how.test == "knha":
        raise InputError(f"Knapp-Hartung needs more studies than terms; there are {k} of each")
    if how.method == "EE" and how.test == "knha":
        notes.append("Knapp-Hartung is meant for random effects; with equal effects it allows for over-dispersion only")
    tau2 = between_studies(y, v, x, how.method)
    core = _Core.at(y, v, x, tau2)
    covariance = core.inverse * _scale(core, how, k - p)
    df = k - p if how.test == "knha" else None
    coefficients = _coefficients(core.beta / size, covariance / np.outer(size, size), data.names, df)
    middle = x.mean(axis=0)
    variance_between = None if how.method == "EE" else tau2
    weights = 100 * core.w / core.w.sum()
    return Fit(
        how=how,
        k=k,
        coefficients=coefficients,
        average=_predict(middle, core.beta, covariance, variance_between, df),
        spread=_spread(y, v, x, tau2, how.method),
        weights=tuple(weights.tolist()),
        df=df,
        moderators=_moderator_test(core.beta, covariance, df) if p > 1 else None,
        notes=tuple(notes),
    )


def _checked(y: Array, v: Array, x: Array) -> tuple[int, int]:
    import numpy as np

    if y.size == 0:
        raise InputError("there is no study to pool")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise InputError("every study needs a finite effect and a variance above zero")
    if np.abs(y).max() > _LARGEST or v.max() > _LARGEST**2 or v.max() / v.min() > _LARGEST:
        raise InputError("effects and variances of such different size cannot be pooled; are the units the same?")
    k, p = x.shape
    if k < p:
        raise InputError(f"{k} studies cannot carry {p} terms; name fewer moderators")
    if not np.isfinite(x).all() or np.abs(x).max() > _LARGEST:
        raise InputError("a moderator is too large to compute with")
    if np.linalg.matrix_rank(x / np.maximum(np.abs(x).max(axis=0), 1e-300)) < p:
        raise InputError("the moderators say the same thing twice (their columns are not independent)")
    return k, p


@dataclass(frozen=True)
class _Core:
    """Weighted least squares at one value of tau2: weights, (X'WX)^-1, beta and the weighted sum of squares."""

    w: Array
    inverse: Array
    beta: Array
    rss: float

    @classmethod
    def at(cls, y: Array, v: Array, x: Array, tau2: float) -> _Core:
        import numpy as np

        w = 1.0 / (v + tau2)
        inverse: Array = np.asarray(np.linalg.inv((x * w[:, None]).T @ x), dtype=np.float64)
        beta = inverse @ (x.T @ (w * y))
        residual = y - x @ beta
        return cls(w, inverse, beta, float(w @ residual**2))


def _scale(core: _Core, how: How, df: int) -> float:
    return core.rss / df if how.test == "knha" else 1.0


# The variance between studies ----------------------------------------------------------------------------------------


def between_studies(y: Array, v: Array, x: Array, method: Method) -> float:
    """tau2 by one of the estimators, never below zero."""
    k, p = x.shape
    if method == "EE" or k <= p:
        return 0.0
    if method == "DL":
        core = _Core.at(y, v, x, 0.0)
        return float(max(0.0, (core.rss - (k - p)) / _trace_of_p(core, x)))
    return _likeliest(y, v, x, restricted=method == "REML")


def _trace_of_p(core: _Core, x: Array) -> float:
    """Trace of P = W - WX (X'WX)^-1 X'W."""
    import numpy as np

    taken: Array = core.inverse @ ((x * (core.w**2)[:, None]).T @ x)
    return float(core.w.sum()) - float(np.trace(taken))


def _likeliest(y: Array, v: Array, x: Array, restricted: bool) -> float:
    """The tau2 of the highest (restricted) likelihood: the best point of a grid, refined to a root of the score."""
    import numpy as np
    from scipy.optimize import brentq

    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    top = 20.0 * float(residual @ residual) / max(1, len(y) - x.shape[1]) + 10.0 * float(v.max())
    grid = np.concatenate([[0.0], np.geomspace(top * 1e-10, top, _GRID)])
    best = max(range(len(grid)), key=lambda i: _log_likelihood(y, v, x, float(grid[i]), restricted))

    def slope(tau2: float) -> float:
        return _score(y, v, x, tau2, restricted)

    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    if best == 0 and slope(0.0) <= 0:
        return 0.0
    if slope(low) <= 0 or slope(high) >= 0:
        return float(grid[best])
    return float(brentq(slope, low, high, xtol=1e-14, rtol=1e-13, maxiter=500))


def _log_likelihood(y: Array, v: Array, x: Array, tau2: float, restricted: bool) -> float:
    import numpy as np

    core = _Core.at(y, v, x, tau2)
    value = 0.5 * float(np.log(core.w).sum()) - 0.5 * core.rss
    if restricted:
        value += 0.5 * float(np.linalg.slogdet(core.inverse)[1])
    return value


def _score(y: Array, v: Array, x: Array, tau2: float, restricted: bool) -> float:
    """Twice the derivative of the log-likelihood with respect to tau2."""
    core = _Core.at(y, v, x, tau2)
    weighted = core.w * (y - x @ core.beta)
    loss = _trace_of_p(core, x) if restricted else float(core.w.sum())
    return float(weighted @ weighted) - loss


def _tau2_se(y: Array, v: Array, x: Array, tau2: float, method: Method) -> float | None:
    """Standard error of tau2 from the expected information; None for methods without a likelihood."""
    import numpy as np

    if method not in ("REML", "ML") or len(y) <= x.shape[1]:
        return None
    core = _Core.at(y, v, x, tau2)
    if method == "ML":
        return math.sqrt(2.0 / float((core.w**2).sum()))
    xw = x * core.w[:, None]
    projector = np.diag(core.w) - xw @ core.inverse @ xw.T
    return math.sqrt(2.0 / float((projector * projector).sum()))


# How far studies differ ----------------------------------------------------------------------------------------------


def _spread(y: Array, v: Array, x: Array, tau2: float, method: Method) -> Spread:
    import numpy as np
    from scipy.special import chdtrc

    k, p = x.shape
    df = k - p
    core = _Core.at(y, v, x, 0.0)
    q = core.rss if df else 0.0
    if df == 0:
        return Spread(q, 0, 1.0, tau2, None, None, 0.0, None, 1.0, None)
    typical = df / _trace_of_p(core, x)
    if method == "EE":
        h2 = q / df
        i2 = max(0.0, 100 * (q - df) / q) if q > 0 else 0.0
        return Spread(q, df, float(chdtrc(df, q)), 0.0, None, None, i2, None, h2, None)
    bounds = q_profile(y, v, x)
    i2, h2 = _shares(tau2, typical)
    (i2_low, h2_low), (i2_high, h2_high) = (_shares(b, typical) for b in bounds)
    explained = None
    if p > 1 and np.allclose(x[:, 0], 1.0):
        alone = between_studies(y, v, x[:, :1], method)
        explained = max(0.0, 100 * (alone - tau2) / alone) if alone > 0 else None
    return Spread(
        q=q,
        q_df=df,
        q_p=float(chdtrc(df, q)),
        tau2=tau2,
        tau2_se=_tau2_se(y, v, x, tau2, method),
        tau2_ci95=bounds,
        i2=i2,
        i2_ci95=(i2_low, i2_high),
        h2=h2,
        h2_ci95=(h2_low, h2_high),
        r2=explained,
    )


def _shares(tau2: float, typical: float) -> tuple[float, float]:
    """I2 in per cent and H2 for a variance between studies and the typical variance within them."""
    return 100 * tau2 / (tau2 + typical), tau2 / typical + 1


def q_profile(y: Array, v: Array, x: Array) -> Interval:
    """The 95 % interval of tau2 whose ends make the generalised Q statistic its 97.5 % and 2.5 % quantile.

    Viechtbauer (2007). (0, 0) when the studies agree better than chance allows.
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri

    df = len(y) - x.shape[1]
    ends: list[float] = []
    for upper_tail in (0.025, 0.975):
        target = float(chdtri(df, upper_tail))

        def excess(tau2: float, target: float = target) -> float:
            return _Core.at(y, v, x, tau2).rss - target

        ends.append(
            0.0 if excess(0.0) <= 0 else float(brentq(excess, 0.0, _beyond(excess, v), xtol=1e-13, maxiter=500))
        )
    return ends[0], ends[1]


def _beyond(excess: Callable[[float], float], v: Array) -> float:
    """A tau2 at which the decreasing function is below zero."""
    high = float(v.max())
    while excess(high) > 0:
        high *= 4
    return high


# Tests and intervals -------------------------------------------------------------------------------------------------


def _critical(df: int | None) -> float:
    from scipy.special import ndtri, stdtrit

    return float(ndtri(0.975) if df is None else stdtrit(df, 0.975))


def _p_value(statistic: float, df: int | None) -> float:
    from scipy.special import ndtr, stdtr

    return 2 * float(ndtr(-abs(statistic)) if df is None else stdtr(df, -abs(statistic)))


def _coefficients(beta: Array, covariance: Array, names: Sequence[str], df: int | None) -> tuple[Coefficient, ...]:
    critical = _critical(df)
    found = []
    for i, name in enumerate(names):
        estimate, se = float(beta[i]), math.sqrt(float(covariance[i, i]))
        statistic = estimate / se if se > 0 else math.copysign(math.inf, estimate)
        interval = (estimate - critical * se, estimate + critical * se)
        found.append(Coefficient(name, estimate, se, statistic, _p_value(statistic, df), interval))
    return tuple(found)


def _predict(at: Array, beta: Array, covariance: Array, tau2: float | None, df: int | None) -> Prediction:
    critical = _critical(df)
    estimate = float(at @ beta)
    variance = float(at @ covariance @ at)
    se = math.sqrt(variance)
    reach = None if tau2 is None else critical * math.sqrt(variance + tau2)
    return Prediction(
        estimate,
        se,
        (estimate - critical * se, estimate + critical * se),
        None if reach is None else (estimate - reach, estimate + reach),
    )


def _moderator_test(beta: Array, covariance: Array, df: int | None) -> ModeratorTest:
    import numpy as np
    from scipy.special import chdtrc, fdtrc

    m = len(beta) - 1
    wald = float(beta[1:] @ np.linalg.solve(covariance[1:, 1:], beta[1:]))
    if df is None:
        return ModeratorTest(wald, (m, None), float(chdtrc(m, wald)))
    return ModeratorTest(wald / m, (m, df), float(fdtrc(m, df, wald / m)))
