"""A regimen as a value: what is given, how much, how often, from when, until when.

Every class is frozen, compares by meaning (where it stood in the text does not count) and prints the canonical
sentence: parsing ``str(value)`` gives an equal value. Amounts are as written; ``Duration`` keeps its unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from cotreat.measures.errors import InputError
from cotreat.regimen.quantities import Dose, Duration, How, Place, plain

Side = Literal["before", "after"]
Which = Literal["first", "last"]
OutcomeWord = Literal["remission", "response", "relapse"]

# ---- how often --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frequency:
    """``times`` a day on the days of a pattern.

    ``pattern`` "every days": every n-th day (1: daily); "days a week": n fixed weekdays; "every weeks": every n-th
    week, counted from the first (1: weekly, 4: monthly).
    """

    times: int = 1
    pattern: Literal["every days", "days a week", "every weeks"] = "every days"
    n: int = 1

    @property
    def daily(self) -> bool:
        """True when it falls on every day."""
        return self.pattern == "every days" and self.n == 1

    def __str__(self) -> str:
        if self.daily:
            return {1: "daily", 2: "twice daily"}.get(self.times, f"{self.times} times a day")
        if self.times > 1:
            often = "twice daily" if self.times == 2 else f"{self.times} times a day"
            days = f"{self.n} days a week" if self.pattern == "days a week" else self._days()
            return f"{often}, {days}"
        return self._days()

    def _days(self) -> str:
        if self.pattern == "days a week":
            return {2: "twice a week", 3: "3 times a week"}.get(self.n, f"{self.n} days a week")
        if self.pattern == "every weeks":
            return {1: "weekly", 4: "monthly"}.get(self.n, f"every {self.n} weeks")
        return f"every {self.n} days"


@dataclass(frozen=True, slots=True)
class Level:
    """A target plasma level, held on every day: the drug is dosed to it."""

    amount: float
    unit: Literal["ng/mL", "mmol/L"]

    def __str__(self) -> str:
        return f"to {plain(self.amount)} {self.unit}"


@dataclass(frozen=True, slots=True)
class Spread:
    """A number of sessions spread over the weekdays of a stretch of time."""

    sessions: int
    over: Duration

    def __str__(self) -> str:
        return f"{self.sessions} {'session' if self.sessions == 1 else 'sessions'} over {self.over}"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What ``each`` refers to: sessions of a subject, sessions of the only modality, or cuts of the taper."""

    kind: Literal["subject", "session", "cut"]
    subject: str | None = None

    def __str__(self) -> str:
        if self.kind == "subject":
            return f"each {self.subject} session"
        return f"each {self.kind}"


@dataclass(frozen=True, slots=True)
class AroundEach:
    """A fixed time before or after each occasion."""

    offset: Duration
    side: Side
    occasion: Occasion

    def __str__(self) -> str:
        return f"{self.offset} {self.side} {self.occasion}"


@dataclass(frozen=True, slots=True)
class AtEach:
    """Together with each occasion, at the same hour."""

    occasion: Occasion

    def __str__(self) -> str:
        return f"at {self.occasion}"


Rhythm = Frequency | Level | Spread | AroundEach | AtEach


# ---- from when, until when --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class For:
    """A fixed length, counted from the start of the part it belongs to."""

    duration: Duration

    def __str__(self) -> str:
        return f"for {self.duration}"


@dataclass(frozen=True, slots=True)
class ForFirst:
    """A fixed length, counted from the first occasion the part hangs on."""

    duration: Duration

    def __str__(self) -> str:
        return f"for the first {self.duration}"


@dataclass(frozen=True, slots=True)
class Until:
    """Until an outcome is met at a visit."""

    outcome: OutcomeWord

    def __str__(self) -> str:
        return f"until {self.outcome}"


@dataclass(frozen=True, slots=True)
class UntilTaperEnds:
    """Until the day on which the taper reaches its last dose."""

    def __str__(self) -> str:
        return "until the taper ends"


@dataclass(frozen=True, slots=True)
class UntilLast:
    """Up to and including the day of the last session or dose of a subject."""

    subject: str

    def __str__(self) -> str:
        return f"until the last {self.subject}"


Length = For | ForFirst | Until | UntilTaperEnds | UntilLast


@dataclass(frozen=True, slots=True)
class Anchor:
    """The day of the first or last session of a subject, or a fixed time before or after it."""

    which: Which
    subject: str
    offset: Duration | None = None
    side: Side | None = None

    def __str__(self) -> str:
        if self.offset is None:
            return f"the {self.which} {self.subject}"
        if self.side == "before" and self.which == "first":
            return f"{self.offset} before {self.subject}"
        return f"{self.offset} {self.side} the {self.which} {self.subject}"

    @property
    def shift(self) -> float:
        """Days from the session to the moment, negative before it."""
        if self.offset is None:
            return 0.0
        return -self.offset.days if self.side == "before" else self.offset.days


@dataclass(frozen=True, slots=True)
class Week:
    """The first day of a week: week k begins on day 7k - 7."""

    number: int

    def __str__(self) -> str:
        return f"week {self.number}"


@dataclass(frozen=True, slots=True)
class Day:
    """A day, counted from day 0."""

    number: int

    def __str__(self) -> str:
        return f"day {self.number}"


Moment = Anchor | Week | Day


@dataclass(frozen=True, slots=True)
class WindowBefore:
    """The time before each occasion; it ends with that occasion."""

    before: Duration
    occasion: Occasion

    def __str__(self) -> str:
        return f"from {self.before} before {self.occasion}"


@dataclass(frozen=True, slots=True)
class WindowAround:
    """From a time before to a time after each occasion; windows that touch are one."""

    before: Duration
    after: Duration
    occasion: Occasion

    def __str__(self) -> str:
        return f"from {self.before} before to {self.after} after {self.occasion}"


Window = WindowBefore | WindowAround


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of a part with one rhythm. ``how`` holds what is said here; what is left out goes on as before."""

    rhythm: Rhythm
    how: How = field(default=How())
    length: Length | None = None
    start: Moment | None = None
    window: Window | None = None
    cap: int | None = None
    assessed_each: bool = False
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        words = [*self.how.words(), str(self.rhythm)]
        if self.length is not None:
            words.append(str(self.length))
        if self.start is not None:
            words.append(f"from {self.start}")
        if self.window is not None:
            words.append(str(self.window))
        text = " ".join(words)
        if self.cap is not None:
            text += f", at most {self.cap} {'session' if self.cap == 1 else 'sessions'}"
        if self.assessed_each:
            text += ", assessed before each session"
        return text


# ---- orders -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Give:
    """A drug or modality that is given: one segment after the other."""

    subject: str
    segments: tuple[Segment, ...]
    sham: bool = False
    added: bool = False
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        head = " ".join([*(["add"] if self.added else []), *(["sham"] if self.sham else []), self.subject])
        return f"{head} " + " then ".join(str(s) for s in self.segments)


@dataclass(frozen=True, slots=True)
class Change:
    """A dose raised or lowered once."""

    direction: Literal["raise", "lower"]
    subject: str
    old: Dose
    new: Dose
    frequency: Frequency
    start: Moment | None = None
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.direction} {self.subject} from {self.old} to {self.new} {self.frequency}" + _at(self.start)


@dataclass(frozen=True, slots=True)
class DrugDose:
    """A drug, a dose and how often: one side of a switch."""

    subject: str
    dose: Dose
    frequency: Frequency

    def __str__(self) -> str:
        return f"{self.subject} {self.dose} {self.frequency}"


@dataclass(frozen=True, slots=True)
class Switch:
    """One drug replaced by another, crossing over in weekly steps."""

    old: DrugDose
    new: DrugDose
    over: Duration
    start: Moment | None = None
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"switch {self.old} to {self.new} over {self.over}" + _from(self.start)


@dataclass(frozen=True, slots=True)
class Taper:
    """A dose brought down in steps. ``to`` None is 0; ``steps`` None is weekly; ``by`` is what falls in equal steps."""

    old: DrugDose
    to: Dose | None
    over: Duration
    by: Literal["dose", "occupancy"] = "dose"
    steps: Duration | None = None
    start: Moment | None = None
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        text = f"taper {self.old} to {self.to if self.to is not None else 0} over {self.over}"
        if self.by == "occupancy":
            text += " by occupancy"
        if self.steps is not None:
            every = {"1 week": "week", "1 day": "day"}.get(str(self.steps), str(self.steps))
            text += f", steps every {every}"
        return text + _from(self.start)


@dataclass(frozen=True, slots=True)
class Hold:
    """A subject left out for a while: in a window before or around each occasion, or from a moment for a length."""

    subject: str
    window: Window | None = None
    start: Moment | None = None
    length: For | UntilLast | None = None
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        said = [self.start and f"from {self.start}", self.length, self.window]
        if isinstance(self.length, For):
            said.reverse()
        return " ".join([f"hold {self.subject}", *(str(s) for s in said if s is not None)])


@dataclass(frozen=True, slots=True)
class Stop:
    """A subject stopped for good."""

    subject: str
    start: Moment | None = None
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"stop {self.subject}" + _at(self.start)


Part = Give | Change | Switch | Taper | Hold | Stop


def _at(moment: Moment | None) -> str:
    return "" if moment is None else f" at {moment}"


def _from(moment: Moment | None) -> str:
    return "" if moment is None else f" from {moment}"


# ---- statements -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Parts side by side (``and``)."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return "\nand ".join(str(p) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Chain:
    """Groups one after the other (``then``)."""

    groups: tuple[Group, ...]

    def __str__(self) -> str:
        return "\nthen ".join(str(g) for g in self.groups)

    def parts(self) -> Iterator[Part]:
        """Every part, in the order of the text."""
        for group in self.groups:
            yield from group.parts


@dataclass(frozen=True, slots=True)
class Condition:
    """An outcome asked at the visit of day 7 x ``week``. ``to``: the treatment it refers to, if said."""

    outcome: OutcomeWord
    week: int
    negated: bool = False
    to: str | None = None

    def __str__(self) -> str:
        no = "no " if self.negated else ""
        to = f" to {self.to}" if self.to is not None else ""
        return f"{no}{self.outcome}{to} by week {self.week}"


@dataclass(frozen=True, slots=True)
class When:
    """A branch: the chain is begun when the condition holds at its visit."""

    condition: Condition
    chain: Chain
    place: Place = field(default=Place(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"if {self.condition} then {self.chain}"

    def parts(self) -> Iterator[Part]:
        """Every part of the branch, in the order of the text."""
        yield from self.chain.parts()


Statement = Chain | When


@dataclass(frozen=True, slots=True)
class Regimen:
    """A whole treatment: independent statements, each with a clock of its own. No statement: nothing is given.

    ``source`` is the text it was read from; it does not count when regimens are compared.
    """

    statements: tuple[Statement, ...] = ()
    source: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return "\n".join(str(s) for s in self.statements)

    def parts(self) -> Iterator[Part]:
        """Every part, in the order of the text."""
        for statement in self.statements:
            yield from statement.parts()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Every drug and modality named as given, changed, held or stopped, in order of first mention."""
        return tuple(dict.fromkeys(name for part in self.parts() for name in subjects_of(part)))

    def then(self, following: Regimen) -> Regimen:
        """``following`` after the parts of this that end. Both must be one statement without ``if``."""
        return _combine("then", Chain((*_one_chain(self, "then").groups, *_one_chain(following, "then").groups)))

    def __and__(self, other: Regimen) -> Regimen:
        """Side by side on one clock: what follows with ``then`` waits for both."""
        mine, its = _one_chain(self, "and"), _one_chain(other, "and")
        if len(its.groups) != 1:
            raise InputError(
                "what stands after `and` cannot go on with `then`", hint="Combine it first: a.and(b).then(c)."
            )
        last = Group((*mine.groups[-1].parts, *its.groups[0].parts))
        return _combine("and", Chain((*mine.groups[:-1], last)))

    def with_(self, other: Regimen) -> Regimen:
        """Beside each other as independent statements."""
        return _combine("with", *self.statements, *other.statements)

    def before(self, other: Regimen, by: str) -> Regimen:
        """This, begun ``by`` ("4 weeks") before the first session of ``other``, and ``other``."""
        return self._around(other, "first", f"{by} before the first")

    def after(self, other: Regimen, by: str = "") -> Regimen:
        """``other``, and this begun on the day of its last session, or ``by`` ("2 weeks") after it."""
        return self._around(other, "last", f"{by} after the last" if by else "the last")

    def _around(self, other: Regimen, which: Which, words: str) -> Regimen:
        from cotreat.regimen.parse import parse

        chain = _one_chain(self, "before" if which == "first" else "after")
        target = other.subjects[:1]
        if not target:
            raise InputError("there is nothing to come before or after: the other regimen is empty")
        if any(isinstance(p, Hold | Stop | Change) or _start(p) is not None for p in chain.groups[0].parts):
            raise InputError("this regimen already says when it starts")
        probe = parse(f"{other}\nexercise weekly for 1 week from {words} {target[0]}")
        moment = _start(next(reversed(list(probe.parts()))))
        first = Group(tuple(_starting(p, moment) for p in chain.groups[0].parts))
        return _combine("before", *other.statements, Chain((first, *chain.groups[1:])))


def subjects_of(part: Part) -> tuple[str, ...]:
    """The subjects a part gives or changes."""
    match part:
        case Switch():
            return part.old.subject, part.new.subject
        case Taper():
            return (part.old.subject,)
        case _:
            return (part.subject,)


def _start(part: Part) -> Moment | None:
    return part.segments[0].start if isinstance(part, Give) else part.start


def _starting(part: Part, moment: Moment | None) -> Part:
    if isinstance(part, Give):
        return replace(part, segments=(replace(part.segments[0], start=moment), *part.segments[1:]))
    return replace(part, start=moment)


def _one_chain(regimen: Regimen, word: str) -> Chain:
    if len(regimen.statements) != 1 or not isinstance(regimen.statements[0], Chain):
        raise InputError(
            f"`{word}` joins regimens of one statement without `if`", hint="Join several statements with with_()."
        )
    return regimen.statements[0]


def _combine(word: str, *statements: Statement) -> Regimen:
    # Read back through the parser, so that a combination is held to the same rules as a sentence.
    from cotreat.regimen.parse import parse

    return parse(str(Regimen(statements)))
