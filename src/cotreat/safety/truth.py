"""Three-valued logic: true, false, and not known, which is written None.

A number that is only known to lie between two bounds is a ``Range``. Every operation gives the answer that holds for
all values still possible, so that telling less can change true or false to None and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isinf

Truth = bool | None


@dataclass(frozen=True, slots=True)
class Range:
    """A number that lies from ``low`` to ``high``, both included."""

    low: float
    high: float


Number = float | Range | None
Value = bool | float | str | Range | None


def conjunction(terms: Iterable[Truth]) -> Truth:
    """Kleene's *and*: false as soon as one is false, else None as soon as one is not known."""
    result: Truth = True
    for term in terms:
        if term is False:
            return False
        if term is None:
            result = None
    return result


def disjunction(terms: Iterable[Truth]) -> Truth:
    """Kleene's *or*: true as soon as one is true, else None as soon as one is not known."""
    result: Truth = False
    for term in terms:
        if term is True:
            return True
        if term is None:
            result = None
    return result


def negation(term: Truth) -> Truth:
    """Kleene's *not*."""
    return None if term is None else not term


def bounds(value: Number) -> tuple[float, float]:
    """Lowest and highest value a number can have."""
    if value is None:
        return -inf, inf
    return (value.low, value.high) if isinstance(value, Range) else (value, value)


def narrowed(low: float, high: float) -> float | Range:
    """The number between two bounds: a plain one when they are equal."""
    return low if low == high else Range(low, high)


def less(a: Number, b: Number) -> Truth:
    """Whether ``a < b``."""
    if a is None or b is None:
        return None
    (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
    return True if a_high < b_low else False if a_low >= b_high else None


def equal(a: Value, b: Value) -> Truth:
    """Whether two texts, two yes-or-no facts or two numbers are the same."""
    if a is None or b is None:
        return None
    if isinstance(a, Range | float | int) and isinstance(b, Range | float | int):
        (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
        if a_high < b_low or b_high < a_low:
            return False
        return True if a_low == a_high == b_low == b_high else None
    return a == b


def compare(operator: str, a: Number, b: Number) -> Truth:
    """Whether ``a operator b`` for one of <, <=, >, >=."""
    match operator:
        case "<":
            return less(a, b)
        case "<=":
            return negation(less(b, a))
        case ">":
            return less(b, a)
        case ">=":
            return negation(less(a, b))
    raise ValueError(operator)


def times(a: Number, b: Number) -> Number:
    """Product of two numbers that are not negative."""
    if a is None or b is None:
        return None
    (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
    return narrowed(_product(a_low, b_low), _product(a_high, b_high))


def plus(a: Number, b: Number) -> Number:
    """Sum of two numbers."""
    if a is None or b is None:
        return None
    (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
    return narrowed(a_low + b_low, a_high + b_high)


def count(terms: Iterable[Truth]) -> float | Range:
    """How many terms are true: between those that are and those that may be."""
    known = possible = 0
    for term in terms:
        known += term is True
        possible += term is not False
    return narrowed(known, possible)


def _product(a: float, b: float) -> float:
    return 0.0 if (a == 0 and isinf(b)) or (b == 0 and isinf(a)) else a * b
