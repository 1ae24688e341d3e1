"""Axes of a drawing: a linear scale, round tick values, and days as hours, days or weeks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cotreat.report.words import number


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from data to drawing coordinates; ``low`` maps to ``start``, ``high`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        return self.start + (value - self.low) / (span or 1.0) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """A unit of the time axis: its name and its length in days."""

    name: str
    days: float

    def label(self, day: float) -> str:
        """A day written in this unit: ``Week 12``."""
        value = day / self.days
        return f"{self.name} {number(value, 0 if abs(value - round(value)) < 0.05 else 1)}"


HOUR, DAY, WEEK = TimeUnit("Hour", 1 / 24), TimeUnit("Day", 1.0), TimeUnit("Week", 7.0)


def time_unit(first: float, last: float) -> TimeUnit:
    """Hours up to three days, days up to six weeks, weeks beyond."""
    span = last - first
    if span <= 3:
        return HOUR
    return DAY if span <= 42 else WEEK


def time_ticks(first: float, last: float, most: int) -> list[float]:
    """At most ``most`` ticks, as days, at round numbers of the unit that fits the span."""
    unit = time_unit(first, last)
    steps = {"Hour": (1, 2, 4, 6, 12, 24), "Day": (1, 2, 7, 14), "Week": (1, 2, 4, 8, 13, 26, 52, 104, 208)}[unit.name]
    units = (last - first) / unit.days
    step = next((s for s in steps if units / s + 1 <= most), math.ceil(units / most))
    begin = math.ceil(first / unit.days / step - 1e-9)
    end = math.floor(last / unit.days / step + 1e-9)
    return [k * step * unit.days for k in range(begin, end + 1)]


def round_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5, 10, ... (any power of ten) that cuts ``span`` into at most ``most`` parts."""
    if span <= 0:
        return 1.0
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Round values that enclose ``low`` to ``high``; their ends are meant to be the ends of the axis."""
    step = round_step(high - low, most)
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [k * step for k in range(begin, max(end, begin + 1) + 1)]


def tick_text(value: float, ticks: list[float]) -> str:
    """A tick value with as many decimals as the step needs."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
    return number(value, max(0, -math.floor(math.log10(step) + 1e-9)))
