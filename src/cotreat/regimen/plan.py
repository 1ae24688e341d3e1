"""The parts of a regimen laid out for expansion: which statement and group each belongs to, and what hangs on what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from cotreat.catalogue.drug_table import drug, drugs
from cotreat.catalogue.modality_table import Modality, modality
from cotreat.measures.errors import InputError
from cotreat.regimen.faults import fault
from cotreat.regimen.quantities import Place
from cotreat.regimen.values import (
    Anchor,
    AroundEach,
    AtEach,
    Chain,
    Change,
    Condition,
    Give,
    Hold,
    Moment,
    Occasion,
    Part,
    Regimen,
    Switch,
    Taper,
    UntilLast,
    UntilTaperEnds,
    When,
    subjects_of,
)


@dataclass(frozen=True, slots=True)
class Planned:
    """One part with its address."""

    index: int
    statement: int
    group: int
    part: Part

    @property
    def line(self) -> int:
        """Line of the source it came from."""
        return self.part.place.line


@dataclass(frozen=True, slots=True)
class Line:
    """One statement: indices of its parts by group, and the condition it waits for."""

    index: int
    groups: tuple[tuple[int, ...], ...]
    condition: Condition | None
    place: Place


class Plan:
    """A regimen with every part numbered."""

    def __init__(self, regimen: Regimen) -> None:
        self.regimen = regimen
        self.parts: list[Planned] = []
        self.lines: list[Line] = []
        for s, statement in enumerate(regimen.statements):
            chain = statement.chain if isinstance(statement, When) else statement
            groups = tuple(self._group(s, g, chain) for g in range(len(chain.groups)))
            condition = statement.condition if isinstance(statement, When) else None
            place = statement.place if isinstance(statement, When) else next(chain.parts()).place
            self.lines.append(Line(s, groups, condition, place))

    def _group(self, statement: int, group: int, chain: Chain) -> tuple[int, ...]:
        first = len(self.parts)
        for part in chain.groups[group].parts:
            self.parts.append(Planned(len(self.parts), statement, group, part))
        return tuple(range(first, len(self.parts)))

    def wrong(self, at: Planned | Line, message: str, hint: str | None = None) -> InputError:
        """The error about a part or a statement."""
        place = at.place if isinstance(at, Line) else at.part.place
        return fault(self.regimen.source, place, message, hint)

    @cached_property
    def giving(self) -> dict[str, tuple[Planned, ...]]:
        """For each subject the parts that give it (a switch gives its new drug, a taper what it tapers)."""
        found: dict[str, list[Planned]] = {}
        for p in self.parts:
            match p.part:
                case Give() | Change():
                    found.setdefault(p.part.subject, []).append(p)
                case Taper() | Switch():
                    for name in subjects_of(p.part):
                        found.setdefault(name, []).append(p)
        return {name: tuple(parts) for name, parts in found.items()}

    @cached_property
    def modality_given(self) -> tuple[str, ...]:
        """Modalities that are given, in order of first mention."""
        return tuple(
            dict.fromkeys(
                p.part.subject for p in self.parts if isinstance(p.part, Give) and is_modality(p.part.subject)
            )
        )

    def named_by(self, at: Planned, subject: str) -> tuple[Planned, ...]:
        """The parts that `the first` or `the last` of a subject means, seen from a part.

        Those of its own branch, else those outside branches, else those of the only branch that has any.
        """
        others = [
            p for p in self.parts if isinstance(p.part, Give) and p.part.subject == subject and p.index != at.index
        ]
        if not others:
            others = [p for p in self.giving.get(subject, ()) if p.index != at.index and not isinstance(p.part, Change)]
        own = [p for p in others if p.statement == at.statement and self.lines[at.statement].condition is not None]
        outside = [p for p in others if self.lines[p.statement].condition is None]
        branches = {p.statement for p in others}
        if own or outside or len(branches) <= 1:
            return tuple(own or outside or others)
        raise self.wrong(at, f"{subject} is given in more than one branch: which one is meant?")

    def occasion(self, at: Planned, occasion: Occasion) -> tuple[Planned, ...]:
        """The parts whose sessions or cuts an `each` means, seen from a part; InputError unless it has one meaning."""
        if occasion.kind == "cut":
            tapers = [p for p in self.parts if isinstance(p.part, Taper)]
            if not tapers:
                tapers = [p for p in self.parts if isinstance(p.part, Change) and p.part.direction == "lower"]
            if len({subjects_of(p.part)[0] for p in tapers}) != 1 or (
                len(tapers) > 1 and isinstance(tapers[0].part, Taper)
            ):
                what = "there is no taper" if not tapers else "there is more than one taper"
                raise self.wrong(at, f"`each cut` has no single meaning: {what}")
            return tuple(tapers)
        name = occasion.subject
        if occasion.kind == "session":
            given = [m for m in self.modality_given if m not in subjects_of(at.part)]
            if len(given) != 1:
                listed = " or ".join(given)
                raise self.wrong(
                    at,
                    "`each session` has no single meaning" + (f": {listed}?" if listed else ": no modality is given"),
                    "Name it: each ECT session.",
                )
            name = given[0]
        found = [p for p in self.giving.get(name or "", ()) if p.index != at.index and isinstance(p.part, Give)]
        if not found:
            raise self.wrong(at, f"{name} is not given in this regimen", f"Add a line that says when {name} is given.")
        return tuple(found)

    def taper(self, at: Planned) -> Planned:
        """The taper that `the taper` means; InputError unless there is exactly one."""
        found = [p for p in self.parts if isinstance(p.part, Taper)]
        if len(found) != 1:
            count = "no taper" if not found else "more than one taper"
            raise self.wrong(at, f"`the taper` has no single meaning: there is {count}")
        return found[0]

    # ---- what hangs on what -------------------------------------------------------------------------------------

    def links(self) -> Iterator[tuple[int, int]]:
        """Pairs of statements that must share a clock: the same subject, each session, a hold, a taper's end."""
        first: dict[str, int] = {}
        for p in self.parts:
            for name in subjects_of(p.part):
                yield p.statement, first.setdefault(name, p.statement)
            for occasion in occasions_of(p.part):
                for other in self.occasion(p, occasion):
                    yield p.statement, other.statement
            for length in lengths_of(p.part):
                if isinstance(length, UntilTaperEnds):
                    yield p.statement, self.taper(p).statement
                elif isinstance(length, UntilLast):
                    for other in self.named_by(p, length.subject):
                        yield p.statement, other.statement
        for line in self.lines:
            if line.condition is not None and line.condition.to is not None:
                for other in self.stopped_by(line):
                    yield line.index, other.statement

    def stopped_by(self, line: Line) -> tuple[Planned, ...]:
        """The parts that a condition `to X` stops: what gives X outside its own branch."""
        to = line.condition.to if line.condition is not None else None
        return tuple(p for p in self.giving.get(to or "", ()) if p.statement != line.index and isinstance(p.part, Give))

    def anchors(self) -> Iterator[tuple[Planned, Anchor]]:
        """Every part that starts by the first or last of a subject, with its anchor."""
        for p in self.parts:
            moment = start_of(p.part)
            if isinstance(moment, Anchor):
                yield p, moment


def start_of(part: Part) -> Moment | None:
    """The moment a part says it starts at."""
    return part.segments[0].start if isinstance(part, Give) else part.start


def occasions_of(part: Part) -> Iterator[Occasion]:
    """Every `each` of a part."""
    match part:
        case Give():
            for segment in part.segments:
                if isinstance(segment.rhythm, AroundEach | AtEach):
                    yield segment.rhythm.occasion
                if segment.window is not None:
                    yield segment.window.occasion
        case Hold():
            if part.window is not None:
                yield part.window.occasion


def lengths_of(part: Part) -> Iterator[object]:
    """Every length of a part."""
    match part:
        case Give():
            for segment in part.segments:
                yield segment.length
        case Hold():
            yield part.length


def is_modality(subject: str) -> bool:
    """Whether a canonical name is a modality (else it is a drug)."""
    return subject not in _drug_names()


@cache
def _drug_names() -> frozenset[str]:
    return frozenset(d.id for d in drugs())


def is_stimulation(subject: str) -> bool:
    """Whether a subject stimulates the brain: what day 0 is counted from."""
    return is_modality(subject) and _stimulates(modality(subject))


def _stimulates(entry: Modality) -> bool:
    # Of the kinds not modelled, those with a stimulation frequency stimulate; light therapy has none.
    return entry.kind in ("tms", "ect", "tdcs") or (entry.kind == "other" and entry.qualifier("hertz") is not None)


def in_clinic(subject: str, route: str | None, infused: bool) -> bool:
    """Whether a dose is given at a visit to the clinic, in the hours of sessions: by infusion, injection or spray."""
    if route is None and not infused:
        usual = [r.route for r in drug(subject).routes if r.usual]
        route = usual[0] if len(usual) == 1 else None
    return infused or route in ("IV", "IM", "SC", "nasal")
