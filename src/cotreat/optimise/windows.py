"""The question of timing as sentences: one regimen for each start of the drug around the stimulation.

Days count from the first session of the stimulation. A drug that is taken every day is moved by weeks, an acute drug
(given with each session) by hours. Each start stands twice: *equal stop date* keeps the day on which the drug ends,
*equal drug-days* keeps how long it is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cotreat.catalogue import modality
from cotreat.measures.errors import InputError
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.parse import parse
from cotreat.regimen.plan import is_modality
from cotreat.regimen.quantities import Duration
from cotreat.regimen.values import Anchor, AroundEach, AtEach, For, Frequency, Give, Level, Occasion, Regimen
from cotreat.simulate.channels import LIKE_SESSIONS, STIMULATION_KINDS

Reading = Literal["equal stop date", "equal drug-days"]
READINGS: tuple[Reading, ...] = ("equal stop date", "equal drug-days")
EXAMPLES = (
    'cotreat timing --stimulation "ECT 3 times a week for 3 weeks" --drug "nortriptyline to 100 ng/mL for 24 weeks"',
    'cotreat timing --stimulation "iTBS 5 days a week for 6 weeks" --drug "methylphenidate 20 mg"',
)
WEEKS = tuple(range(-6, 13))
HOURS = (-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Start:
    """One start of the drug: ``shift`` in days from the first session (hours from each session for an acute drug)."""

    shift: float
    reading: Reading
    regimen: Regimen


@dataclass(frozen=True)
class Question:
    """A stimulation and a drug that is to be placed around it.

    ``acute``: the drug is given with each session and moved by hours. ``subject`` is the stimulation's name, ``drug``
    the drug's; ``weeks`` how long a drug of every day is taken.
    """

    stimulation: Regimen
    order: Give
    subject: str
    acute: bool

    @property
    def drug(self) -> str:
        """Name of the drug that is moved."""
        return self.order.subject

    @property
    def weeks(self) -> float:
        """Weeks for which a drug of every day is taken."""
        length = self.order.segments[0].length
        assert isinstance(length, For)
        return length.duration.days / 7.0

    def at(self, shift: float, reading: Reading) -> Regimen | None:
        """The regimen with this start; None where nothing of the drug is left before its fixed stop date."""
        first = self.order.segments[0]
        if self.acute:
            moved = replace(first, rhythm=_around(shift, self.subject))
        else:
            weeks = self.weeks if reading == "equal drug-days" else self.weeks - shift / 7.0
            if weeks <= 0:
                return None
            moved = replace(first, start=_anchor(shift, self.subject), length=For(_duration(7.0 * weeks)))
        text = f"{self.stimulation}\n{replace(self.order, segments=(moved,))}"
        return parse(text)

    def starts(self, shifts: tuple[float, ...]) -> list[Start]:
        """Every start, first with equal stop date, then with equal drug-days; an acute drug has one reading."""
        readings = READINGS[1:] if self.acute else READINGS
        found = [Start(s, r, regimen) for r in readings for s in shifts if (regimen := self.at(s, r)) is not None]
        if not found:
            raise InputError("no start of the drug is possible in this window")
        return found


def read_question(stimulation: str, drug: str) -> Question:
    """A question of timing from its two sentences.

    Raises
    ------
    InputError
        A sentence cannot be read; the stimulation holds no sessions; the drug has a start of its own, no length, or is
        not one order for one drug.
    """
    base = parse(stimulation)
    subject = _stimulation(base)
    order, acute = _order(drug, subject, base)
    if len(order.segments) != 1 or order.sham:
        raise InputError("the drug must be one order with one dose or level", examples=EXAMPLES)
    first = order.segments[0]
    if first.start is not None or first.window is not None:
        raise InputError("the drug must not say when it starts: that is what is asked", examples=EXAMPLES)
    if not acute and not (isinstance(first.length, For) and isinstance(first.rhythm, Level | Frequency)):
        raise InputError("the drug needs a dose or level and a length: `for 24 weeks`", examples=EXAMPLES)
    return Question(base, order, subject, acute)


def shifts_of(question: Question, low: float | None, high: float | None) -> tuple[float, ...]:
    """Starts to be looked at, in days (hours for an acute drug), between ``low`` and ``high`` weeks (hours).

    Raises
    ------
    InputError
        The window is empty or wider than a year.
    """
    usual: tuple[float, ...] = HOURS if question.acute else tuple(float(w) for w in WEEKS)
    first, last = usual[0] if low is None else low, usual[-1] if high is None else high
    unit = "hours" if question.acute else "weeks"
    widest = 23.0 if question.acute else 52.0
    if not -widest <= first < last <= widest:
        raise InputError(
            f"the window from {first:g} to {last:g} {unit} is not possible",
            hint=f"the start must lie before the end, both within {widest:g} {unit} of the session",
        )
    if question.acute:
        inside = tuple(h for h in usual if first <= h <= last)
        return inside or (first, last)
    return tuple(7.0 * w for w in range(round(first), round(last) + 1))


def course_end(ledger: Ledger, subject: str) -> int:
    """Last day on which a session of the stimulation can fall, counted from its first."""
    days = [i.day for p in ledger.phases for i in p.items if i.subject == subject]
    return max(days, default=0)


def _stimulation(regimen: Regimen) -> str:
    for part in regimen.parts():
        if isinstance(part, Give) and (
            part.subject in LIKE_SESSIONS
            or (is_modality(part.subject) and modality(part.subject).kind in STIMULATION_KINDS)
        ):
            return part.subject
    raise InputError("the stimulation must hold sessions of ECT, TMS, tDCS or ketamine", examples=EXAMPLES)


def _order(drug: str, subject: str, base: Regimen) -> tuple[Give, bool]:
    """The drug's order; without a frequency of its own it is an acute drug, given with each session."""
    text = drug.strip()
    if "\n" in text:
        raise InputError("the drug must be one order on one line", examples=EXAMPLES)
    try:
        acute = parse(f"{base}\n{text} 1 hour before each {subject} session")
    except InputError:
        found = list(parse(text).parts())
        if len(found) != 1 or not isinstance(found[0], Give):
            raise InputError("the drug must be one order for one drug", examples=EXAMPLES) from None
        return found[0], False
    last = list(acute.parts())[-1]
    assert isinstance(last, Give)
    return last, True


def _anchor(shift: float, subject: str) -> Anchor:
    if shift == 0:
        return Anchor("first", subject)
    return Anchor("first", subject, _duration(abs(shift)), "before" if shift < 0 else "after")


def _duration(days: float) -> Duration:
    return Duration(days / 7.0, "weeks") if days % 7 == 0 else Duration(days, "days")


def _around(hours: float, subject: str) -> AroundEach | AtEach:
    occasion = Occasion("subject", subject)
    if hours == 0:
        return AtEach(occasion)
    minutes = abs(hours) * 60.0
    length = Duration(abs(hours), "hours") if minutes % 60 == 0 else Duration(minutes, "minutes")
    return AroundEach(length, "before" if hours < 0 else "after", occasion)
