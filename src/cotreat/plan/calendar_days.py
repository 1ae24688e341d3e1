"""Days on which a clinic is open, and where a session goes that falls on a closed one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CLOSED = "closed"
LONGEST_MOVE = 60
"""A session that finds no open, free day in so many days falls out."""
_EURO = "EU"


@dataclass(frozen=True, slots=True)
class Clinic:
    """When a clinic treats: weekdays (0 is Monday), the country whose public holidays close it, further closed days.

    ``country``: as ISO 3166 writes it (JP, KR, US, DE), with a part after a hyphen (DE-BY), or EU: the days on which
    the European payment system is closed. None: no public holidays. ``hour``: of appointments, as 10:00, in ``zone``.
    """

    weekdays: frozenset[int] = frozenset(range(5))
    country: str | None = None
    closed: frozenset[date] = field(default_factory=frozenset)
    hour: str | None = None
    zone: str | None = None

    def why_closed(self, day: date) -> str | None:
        """Why the clinic is closed on a day, or None when it is open."""
        if day.weekday() not in self.weekdays:
            return WEEKDAYS[day.weekday()]
        if day in self.closed:
            return CLOSED
        return None if self.country is None else holiday_name(self.country, day)

    def next_open(self, day: date, taken: Iterable[date] = ()) -> date | None:
        """The first open day after ``day`` that is not taken; None within ``LONGEST_MOVE`` days."""
        busy = set(taken)
        for k in range(1, LONGEST_MOVE + 1):
            later = day + timedelta(days=k)
            if later not in busy and self.why_closed(later) is None:
                return later
        return None


@dataclass(frozen=True, slots=True)
class Move:
    """A session moved from a closed day, to None when it falls out; ``why``: the weekday or the holiday."""

    what: str
    old: date
    new: date | None
    why: str


def moved(sessions: Mapping[str, Iterable[date]], clinic: Clinic) -> tuple[Move, ...]:
    """Where each session goes that falls on a closed day: to the next open day without one of the same kind.

    It is the rule by which the treatment language moves a weekly session from a weekend to Monday. In a daily series
    the next free day comes after its end, so that the number of sessions stays what it was.
    """
    found = []
    for what, planned in sessions.items():
        days = sorted(set(planned))
        taken = set(days)
        for day in days:
            why = clinic.why_closed(day)
            if why is not None:
                new = clinic.next_open(day, taken)
                found.append(Move(what, day, new, why))
                if new is not None:
                    taken.add(new)
    return tuple(sorted(found, key=lambda m: (m.old, m.what)))


def holiday_name(country: str, day: date) -> str | None:
    """The name of the public holiday on a day, or None; InputError for a country that is not known."""
    return _holidays(country, day.year).get(day)


@cache
def _holidays(country: str, year: int) -> dict[date, str]:
    import holidays

    if country == _EURO:
        return dict(holidays.financial_holidays("XECB", years=year).items())
    code, _, part = country.partition("-")
    known = holidays.list_supported_countries()
    if code not in known:
        hint = did_you_mean(code, [*known, _EURO]) or "Write it as JP, KR, US, DE or EU."
        raise InputError(f"no public holidays are on file for {country!r}", hint=hint)
    if part and part not in known[code]:
        raise InputError(f"{code} has no part {part!r}", hint=f"It can be {', '.join(known[code])}.")
    return dict(holidays.country_holidays(code, subdiv=part or None, years=year, language="en_US").items())
