"""Days and hours: which days a pattern falls on, at which hours, and when visits are.

Day 0 is a Monday; days are integers and may be negative; ``day % 7`` is the weekday, 0 for Monday.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

from cotreat.regimen.values import Frequency

WEEKDAYS: dict[int, tuple[int, ...]] = {
    2: (0, 3),
    3: (0, 2, 4),
    4: (0, 1, 3, 4),
    5: (0, 1, 2, 3, 4),
    6: (0, 1, 2, 3, 4, 5),
}
"""Weekdays of "n days a week": two are Monday and Thursday, three Monday, Wednesday and Friday, and so on."""

SESSION_HOUR = 10.0
DOSE_HOUR = 8.0
EVENING_HOUR = 20.0
VISIT_DAYS = 7


def monday_if_weekend(day: int) -> int:
    """The day itself, or the Monday after it when it falls on a Saturday or Sunday."""
    return day + 7 - day % 7 if day % 7 >= 5 else day


def pattern_days(frequency: Frequency, start: int, end: int | None) -> Iterator[int]:
    """Days of a pattern that begins on day ``start``, before day ``end`` (None: without end)."""
    if frequency.pattern == "days a week":
        allowed = WEEKDAYS[frequency.n]
        days: Iterator[int] = (d for d in count(start) if d % 7 in allowed)
    elif frequency.pattern == "every weeks":
        days = count(monday_if_weekend(start), 7 * frequency.n)
    else:
        days = count(start, frequency.n)
    for day in days:
        if end is not None and day >= end:
            return
        yield day


def next_day(frequency: Frequency, start: int, day: int) -> int:
    """The first day, not before ``day``, of a pattern that began on day ``start``."""
    if day <= start:
        return next(pattern_days(frequency, start, None))
    if frequency.pattern == "days a week":
        return next(pattern_days(frequency, day, None))
    first = next(pattern_days(frequency, start, None))
    step = frequency.n * (7 if frequency.pattern == "every weeks" else 1)
    return first + max(0, -(-(day - first) // step)) * step


def spread_days(sessions: int, start: int, end: int) -> list[int]:
    """Days of sessions spread over the weekdays of [start, end): session k on the floor(k * weekdays / sessions)-th."""
    weekdays = [d for d in range(start, end) if d % 7 < 5]
    return [weekdays[k * len(weekdays) // sessions] for k in range(sessions)] if weekdays else []


def session_hours(times: int) -> tuple[float, ...]:
    """Hours of sessions and of doses given in the clinic: from 10:00, hourly; earlier when the day is too short."""
    first = min(SESSION_HOUR, 24.0 - times)
    return tuple(first + k for k in range(times))


def dose_hours(times: int) -> tuple[float, ...]:
    """Hours of doses taken at home: once at 8:00, twice at 8:00 and 20:00, more often evenly between the two."""
    if times == 1:
        return (DOSE_HOUR,)
    step = (EVENING_HOUR - DOSE_HOUR) / (times - 1)
    return tuple(DOSE_HOUR + k * step for k in range(times))


def visits(after: int, until: int) -> range:
    """Weekly visit days later than ``after`` and not later than ``until``."""
    return range(after - after % VISIT_DAYS + VISIT_DAYS, until + 1, VISIT_DAYS)


def capped(frequency: Frequency, start: int, cap: int, *, each_session: bool) -> tuple[int, int]:
    """Day after the last session that a cap allows, and the first day on which the course is known to be over.

    ``cap`` counts sessions, several a day included. The second day is the first weekly visit after the last session,
    or the next day of the pattern when the patient is assessed before each session.
    """
    days_needed = -(-cap // frequency.times)
    days = list(islice(pattern_days(frequency, start, None), days_needed + 1))
    last = days[days_needed - 1]
    return last + 1, days[days_needed] if each_session else visits(last, last + VISIT_DAYS)[0]
