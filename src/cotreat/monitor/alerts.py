"""Deterioration that was expected after a cut, and deterioration that was not, with the burden of saying so.

An alert begins on the first of two days on which one of them is likely, and ends when neither is for a week. It is
*expected* when withdrawal explains it in the time after a cut, else *unexpected*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cotreat.monitor.dynamics import half_life_days
from cotreat.monitor.follow import Track
from cotreat.monitor.verdict import CANNOT_TELL, LIKELY, words_by_day

QUIET_DAYS = 7
EXPECTED_DAYS = 14
"""Days after a cut, beyond six half-lives, in which withdrawal is no surprise."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: first and last day, and whether what it reports was expected."""

    first: int
    last: int
    kind: Literal["expected", "unexpected"]


def alerts(track: Track) -> tuple[Alert, ...]:
    """Alerts of a record in order."""
    likely = np.maximum(track.withdrawal, track.relapse) >= LIKELY
    told = np.array([w != CANNOT_TELL for w in words_by_day(track)])
    on = likely & told
    found: list[Alert] = []
    for day in range(1, len(on)):
        if not (on[day] and on[day - 1]):
            continue
        if found and day - found[-1].last <= QUIET_DAYS:
            kind = found[-1].kind if _expected(track, day) else "unexpected"
            if kind == "unexpected" and found[-1].kind == "expected":
                found.append(Alert(day, day, "unexpected"))
            else:
                found[-1] = Alert(found[-1].first, day, found[-1].kind)
        else:
            found.append(Alert(day, day, "expected" if _expected(track, day) else "unexpected"))
    return tuple(found)


def per_month(track: Track) -> float:
    """Alerts for each 30 days of the record."""
    return 30.0 * len(alerts(track)) / max(track.record.days, 1)


def _expected(track: Track, day: int) -> bool:
    if track.relapse[day] >= LIKELY or track.withdrawal[day] < LIKELY:
        return False
    return any(0 <= day - when <= EXPECTED_DAYS + 6 * half_life_days(drug) for when, drug, *_ in track.record.cuts())
