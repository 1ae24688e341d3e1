"""What a regimen means: phases of dated items, and the transitions between them.

A *track* is one independent statement with a clock of its own. At any time a track is in exactly one *phase*; the days
of a phase are counted from the day the phase began. A *transition* belongs to a phase, is looked at on one day of it
(a visit), and when its rule holds it sets the phase of one or more tracks; a phase set on a visit day begins on that
day, after the decision and before that day's items. Transitions of one phase on one day are tried in order, the first
that holds fires. Without a decision a regimen is one phase per track.

All days are integers counted from midnight, hours are on the 24-hour clock. Phases of tracks that start with the
regimen (``Ledger.first``) count from day 0 and may hold items on negative days. Days 0, 7, 14, ... are Mondays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ItemKind = Literal["dose", "level", "session"]
OutcomeWord = Literal["remission", "response", "relapse"]


@dataclass(frozen=True, slots=True)
class Item:
    """One dose, one session, or one day at a target level.

    ``amount`` and ``unit``: mg or mg/kg for a dose, ng/mL or mmol/L for a level (one item for each day at that
    target, hour 0.0), 1.0 "session" for a session. ``details`` are qualifiers as written (("pulses", 600.0),
    ("site", "left DLPFC"), ("route", "IV"), ("over_minutes", 40.0), ("placement", "bitemporal"), ...), sorted by name.
    ``line`` is the line of the sentence it came from, counted from 1.
    """

    day: int
    hour: float
    subject: str
    kind: ItemKind
    amount: float
    unit: str
    sham: bool = False
    details: tuple[tuple[str, float | str], ...] = ()
    line: int = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that is not given but happens: a cut, a hold, a stop, a switch. Safety and taper read these."""

    day: int
    kind: Literal["raise", "cut", "hold", "stop", "switch", "taper end", "add"]
    subject: str
    text: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Phase:
    """Items and marks by phase day, for one track.

    ``start_weekday`` (0 = Monday) is the weekday the phase begins on; a phase that can begin on several weekdays
    stands once for each. ``length`` is the number of days after which nothing of it is left, or None when it goes on
    to the horizon.
    """

    track: int
    label: str
    items: tuple[Item, ...]
    marks: tuple[Mark, ...] = ()
    length: int | None = None
    start_weekday: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """What a transition asks at its visit. ``outcome`` None: always true (the end of a phase).

    ``negated``: true when the outcome is *not* met. ``to`` is the treatment the outcome refers to, if said.
    """

    outcome: OutcomeWord | None = None
    negated: bool = False
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """Looked at on ``day`` of phase ``phase`` (index into ``Ledger.phases``): if ``rule`` holds, set phases.

    ``set_phases`` holds (track, phase index) pairs.
    """

    phase: int
    day: int
    rule: Rule
    set_phases: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Before:
    """A drug the patient already takes, at steady state, before day 0: amount and unit per day."""

    subject: str
    amount: float
    unit: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Ledger:
    """The whole regimen, expanded to ``horizon`` days after day 0.

    ``first`` is the phase index of each track at entry. ``notes`` are things a reader must know ("nothing stops at
    this decision", "protocol not stated"). ``lead_in`` is the number of days before day 0 with items (>= 0).
    """

    phases: tuple[Phase, ...]
    transitions: tuple[Transition, ...]
    first: tuple[int, ...]
    before: tuple[Before, ...] = ()
    horizon: int = 364
    lead_in: int = 0
    notes: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everything that is given or was taken before, in order of first mention."""
        seen = [b.subject for b in self.before] + [i.subject for p in self.phases for i in p.items]
        return tuple(dict.fromkeys(seen))
