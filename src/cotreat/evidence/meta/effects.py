"""One effect and its sampling variance for each study, from the numbers papers print.

Formulas and corrections are those of metafor's ``escalc`` with its defaults: half a patient is added to each cell of
a table only where a cell of that table is zero, and a standardised mean difference carries the exact small-sample
factor of Hedges (1981) with the large-sample variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cotreat.measures.errors import InputError

Measure = Literal["RR", "OR", "RD", "HR", "SMD", "MD", "PLO", "GEN"]
MEASURES: tuple[Measure, ...] = ("RR", "OR", "RD", "HR", "SMD", "MD", "PLO", "GEN")

NAMES: Mapping[Measure, str] = {
    "RR": "risk ratio",
    "OR": "odds ratio",
    "RD": "risk difference",
    "HR": "hazard ratio",
    "SMD": "standardised mean difference (Hedges g)",
    "MD": "mean difference",
    "PLO": "proportion",
    "GEN": "effect",
}
ANALYSED: Mapping[Measure, str] = {
    "RR": "log risk ratio",
    "OR": "log odds ratio",
    "RD": "risk difference",
    "HR": "log hazard ratio",
    "SMD": "standardised mean difference (Hedges g)",
    "MD": "mean difference",
    "PLO": "logit of the proportion",
    "GEN": "effect as given",
}
RATIOS = frozenset({"RR", "OR", "HR"})
NORMAL_975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one study on the scale of analysis, and its sampling variance.

    ``moderators``: values for a regression, numbers or words, by name. ``note``: what was done to get it.
    """

    study: str
    yi: float
    vi: float
    moderators: Mapping[str, float | str] = field(default_factory=dict)
    note: str = ""


def back(measure: Measure, value: float) -> float:
    """A value of the scale of analysis on the scale people read: the ratio, the proportion, or the value itself."""
    if measure in RATIOS:
        return math.exp(value) if value < 700 else math.inf
    if measure == "PLO":
        return 1.0 / (1.0 + math.exp(-value)) if value > -700 else 0.0
    return value


def no_effect(measure: Measure) -> float | None:
    """The value of no difference on the scale people read; None where there is none (a proportion)."""
    return 1.0 if measure in RATIOS else None if measure == "PLO" else 0.0


def two_by_two(measure: Measure, a: float, b: float, c: float, d: float) -> tuple[float, float]:
    """Effect and variance of a two-by-two table: ``a`` events and ``b`` others in group 1, ``c`` and ``d`` in group 2.

    A table with an empty cell gets 1/2 added to each of its cells. Raises InputError when a group is empty.
    """
    if min(a, b, c, d) < 0:
        raise InputError("counts cannot be negative")
    if a + b <= 0 or c + d <= 0:
        raise InputError("a group has no patients")
    if min(a, b, c, d) == 0:
        a, b, c, d = a + 0.5, b + 0.5, c + 0.5, d + 0.5
    n1, n2 = a + b, c + d
    if measure == "RR":
        return math.log(a / n1) - math.log(c / n2), 1 / a - 1 / n1 + 1 / c - 1 / n2
    if measure == "OR":
        return math.log(a) + math.log(d) - math.log(b) - math.log(c), 1 / a + 1 / b + 1 / c + 1 / d
    if measure == "RD":
        return a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    raise InputError(f"{measure} is not computed from a two-by-two table")


@dataclass(frozen=True, slots=True)
class Group:
    """Mean, standard deviation and number of patients of one group."""

    mean: float
    sd: float
    n: float


def small_sample_factor(df: float) -> float:
    """The exact factor J of Hedges that removes the bias of a standardised difference on ``df`` degrees of freedom."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def mean_difference(one: Group, two: Group) -> tuple[float, float]:
    """Difference of two means in points, and its variance (the groups may differ in spread)."""
    _two_groups(one, two, fewest=1)
    variance = one.sd**2 / one.n + two.sd**2 / two.n
    if variance <= 0:
        raise InputError("both standard deviations are zero, so the difference has no variance")
    return one.mean - two.mean, variance


def standardised_difference(one: Group, two: Group) -> tuple[float, float]:
    """Hedges g of two groups with the pooled standard deviation, and its large-sample variance."""
    _two_groups(one, two, fewest=2)
    df = one.n + two.n - 2
    pooled = math.sqrt(((one.n - 1) * one.sd**2 + (two.n - 1) * two.sd**2) / df)
    if pooled <= 0:
        raise InputError("both standard deviations are zero, so the difference cannot be standardised")
    g = small_sample_factor(df) * (one.mean - two.mean) / pooled
    return g, 1 / one.n + 1 / two.n + g**2 / (2 * (one.n + two.n))


def logit_proportion(events: float, others: float) -> tuple[float, float]:
    """Log odds of an event and its variance; 1/2 is added to both counts when one is zero."""
    if min(events, others) < 0:
        raise InputError("counts cannot be negative")
    if events + others <= 0:
        raise InputError("the group has no patients")
    if min(events, others) == 0:
        events, others = events + 0.5, others + 0.5
    return math.log(events / others), 1 / events + 1 / others


def from_interval(measure: Measure, value: float, low: float, high: float) -> tuple[float, float]:
    """Effect and variance of a printed estimate with its 95 % interval (ratios as printed, not as logarithms).

    Raises InputError when the interval is empty, leaves out the estimate or holds a ratio that is not positive.
    """
    if not low < high:
        raise InputError(f"the interval {low:g} to {high:g} is empty")
    if not low <= value <= high:
        raise InputError(f"the estimate {value:g} lies outside its interval {low:g} to {high:g}")
    inverse: Callable[[float], float] = _same
    if measure in RATIOS:
        if low <= 0:
            raise InputError(f"a ratio has no limit of {low:g}")
        inverse = math.log
    elif measure == "PLO":
        if low <= 0 or high >= 1:
            raise InputError("a proportion with a limit of 0 or 1 has no logit; give events and patients")
        inverse = _logit
    width = inverse(high) - inverse(low)
    return inverse(value), (width / (2 * NORMAL_975)) ** 2


def _same(value: float) -> float:
    return value


def _logit(p: float) -> float:
    return math.log(p) - math.log1p(-p)


def _two_groups(one: Group, two: Group, fewest: int) -> None:
    for group in (one, two):
        if group.n < fewest:
            raise InputError(f"a group of {group.n:g} patients is too small")
        if group.sd < 0:
            raise InputError("a standard deviation cannot be negative")
