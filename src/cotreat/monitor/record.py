"""What was read of one person: ratings, doses, sessions and events by day, and the rows they came from.

Days are counted from the first date of the record (day 0). Values are as written; nothing is filled in.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import Literal

Group = Literal["mood", "anxiety", "somatic", "sleep"]
GROUPS: tuple[Group, ...] = ("mood", "anxiety", "somatic", "sleep")
Construct = Literal["depression", "mood", "anxiety", "somatic", "sleep", "withdrawal", "other"]


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that is rated: one scale, or the momentary items of one group taken together.

    ``low`` and ``high`` bound the values, higher is worse; ``step`` is the smallest difference between two values.
    ``recall_days`` is the time a rating looks back over (1: today). ``momentary``: several ratings a day are averaged.
    """

    name: str
    construct: Construct
    low: float
    high: float
    recall_days: int
    step: float
    momentary: bool = False

    @property
    def width(self) -> float:
        """Range of the values."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Observation:
    """The value of a signal on a day: the mean of ``count`` ratings; ``row`` is the last row of the file used."""

    day: int
    signal: str
    value: float
    count: int
    row: int


@dataclass(frozen=True, slots=True)
class DoseChange:
    """A daily dose prescribed from a day on. ``before``: the person was on it before the record began."""

    day: int
    drug: str
    amount: float
    unit: str
    before: bool
    row: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What was really taken on one day, where that differs from what was prescribed; 0 is a missed dose."""

    day: int
    drug: str
    amount: float
    row: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session of stimulation or therapy."""

    day: int
    hour: float
    subject: str
    row: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A value or word that a person must see: a suicidality item, a mania scale, a seizure."""

    day: int
    kind: Literal["item", "event"]
    name: str
    value: float | None
    text: str
    row: int


@dataclass(frozen=True)
class Record:
    """One person's record. ``unused`` says what was read and not used, and why; ``days`` is its length."""

    start: dt.date
    days: int
    signals: tuple[Signal, ...]
    observations: tuple[Observation, ...]
    doses: tuple[DoseChange, ...]
    taken: tuple[Taken, ...] = ()
    sessions: tuple[Session, ...] = ()
    notices: tuple[Notice, ...] = ()
    unused: tuple[str, ...] = ()
    source: str = ""
    checksum: str = ""
    scores: tuple[tuple[int, str, float, int], ...] = field(default=())

    def date(self, day: int) -> dt.date:
        """The date of a day."""
        return self.start + dt.timedelta(days=day)

    def signal(self, name: str) -> Signal:
        """The signal of a name; KeyError when there is none."""
        return next(s for s in self.signals if s.name == name)

    @property
    def drugs(self) -> tuple[str, ...]:
        """Drugs in order of first mention."""
        return tuple(dict.fromkeys(d.drug for d in self.doses))

    def prescribed(self, drug: str, day: int) -> float | None:
        """Daily dose prescribed on a day; None before the first row of the drug, unless it was taken before."""
        rows = [d for d in self.doses if d.drug == drug]
        past = [d for d in rows if d.day <= day]
        if past:
            return past[-1].amount
        return rows[0].amount if rows and rows[0].before else None

    def given(self, drug: str, day: int) -> float:
        """Amount taken on a day: what is written as taken, else what was prescribed."""
        for t in self.taken:
            if t.drug == drug and t.day == day:
                return t.amount
        return self.prescribed(drug, day) or 0.0

    def cuts(self) -> list[tuple[int, str, float, float]]:
        """Cuts: day, drug, dose before and after."""
        found = []
        for drug in self.drugs:
            rows = [d for d in self.doses if d.drug == drug]
            found += [(b.day, drug, a.amount, b.amount) for a, b in itertools.pairwise(rows) if b.amount < a.amount]
        return sorted(found)

    def until(self, day: int) -> Record:
        """The record as it stood at the end of a day."""
        return Record(
            self.start,
            day + 1,
            self.signals,
            tuple(o for o in self.observations if o.day <= day),
            tuple(d for d in self.doses if d.day <= day),
            tuple(t for t in self.taken if t.day <= day),
            tuple(s for s in self.sessions if s.day <= day),
            tuple(n for n in self.notices if n.day <= day),
            self.unused,
            self.source,
            self.checksum,
            tuple(s for s in self.scores if s[0] <= day),
        )
