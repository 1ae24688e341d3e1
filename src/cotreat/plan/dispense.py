"""What the pharmacy hands out for a plan: pieces and millilitres of each preparation, by period.

What is used is counted exactly: pieces (halves included) times strength is the milligrams of the ledger. What is handed
out is rounded up to whole pieces and millilitres; what is left over of one period goes into the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from cotreat.plan.preparations import Preparation
from cotreat.plan.value import Plan

PERIOD_DAYS = 28
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Line:
    """One preparation in one period: what is used, handed out, and left over at its end, in pieces or mL."""

    preparation: Preparation
    used: float
    handed_out: int
    left_over: float

    @property
    def mg(self) -> float:
        """Milligrams used."""
        return round(self.used * self.preparation.mg, 4)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``first`` (counted from the start) to before ``end``, with what they need."""

    first: int
    end: int
    lines: tuple[Line, ...]

    @property
    def mg(self) -> float:
        """Milligrams used in the period."""
        return round(sum(line.mg for line in self.lines), 4)


def periods(plan: Plan, days: int = PERIOD_DAYS) -> tuple[Period, ...]:
    """The dispensing list of a plan by periods of ``days``, the last one shorter; without the days after the stop."""
    last = plan.rows[-1].day
    handed: dict[str, int] = {}
    used_so_far: dict[str, float] = {}
    found = []
    for first in range(0, last, days):
        end = min(first + days, last)
        used: dict[str, float] = {}
        by_key: dict[str, Preparation] = {}
        for row in plan.rows:
            overlap = min(end, row.day + row.days) - max(first, row.day)
            if row.portion is None or overlap <= 0:
                continue
            for p, n in row.portion.parts:
                used[p.key] = used.get(p.key, 0.0) + n * plan.request.times * overlap
                by_key[p.key] = p
        lines = []
        for key, amount in used.items():
            used_so_far[key] = used_so_far.get(key, 0.0) + amount
            more = max(0, ceil(used_so_far[key] - handed.get(key, 0) - _TINY))
            handed[key] = handed.get(key, 0) + more
            lines.append(Line(by_key[key], round(amount, 6), more, round(handed[key] - used_so_far[key], 6)))
        found.append(Period(first, end, tuple(lines)))
    return tuple(found)
