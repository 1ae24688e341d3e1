"""Every way a ledger can go, in calendar days: which phases each track is in, and what is given on which day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, product

from cotreat.regimen.ledger import Before, Item, Ledger, Mark, Transition

MOST_PATHS = 200
MOST_OF_ONE_TRACK = 400

Stay = tuple[int, int, int]
"""Phase, calendar day on which it begins, calendar day on which it is left."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way through the whole regimen: items and marks in calendar days, in order of time.

    ``cut_off`` holds, for everything given in a phase that outlasts the horizon, the day it is cut off there.
    """

    items: tuple[Item, ...]
    marks: tuple[Mark, ...]
    before: tuple[Before, ...]
    cut_off: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Paths:
    """The ways through a ledger. ``whole`` is False when there are more than were followed."""

    every: tuple[Path, ...]
    whole: bool


def reachable(ledger: Ledger) -> Paths:
    """Every combination of decisions of a ledger, at most ``MOST_PATHS`` of them.

    Tracks are combined freely: what is decided on one says nothing about another, so a hazard on a combination that
    cannot happen may be reported, but none that can happen is missed.
    """
    leaving: dict[int, list[Transition]] = {}
    for transition in ledger.transitions:
        leaving.setdefault(transition.phase, []).append(transition)
    tracks = [list(islice(_stays(ledger, first, 0, leaving), MOST_OF_ONE_TRACK + 1)) for first in ledger.first]
    total = 1
    for track in tracks:
        total *= len(track)
    whole = total <= MOST_PATHS and all(len(track) <= MOST_OF_ONE_TRACK for track in tracks)
    combinations = product(*tracks) if whole else islice(_spread(tracks), MOST_PATHS)
    return Paths(tuple(_path(ledger, [s for stays in chosen for s in stays]) for chosen in combinations), whole)


def _stays(
    ledger: Ledger, phase: int, start: int, leaving: dict[int, list[Transition]], depth: int = 0
) -> Iterator[tuple[Stay, ...]]:
    """The stays of one track from a phase on, one tuple for each way; the way without any outcome comes first."""
    track = ledger.phases[phase].track
    options = sorted(leaving.get(phase, ()), key=lambda t: t.day)
    forced = next((t for t in options if t.rule.outcome is None), None)
    if forced is None or depth > 200:
        length = ledger.phases[phase].length
        yield ((phase, start, start + (ledger.horizon if length is None else length)),)
    for t in [*([forced] if forced else []), *(t for t in options if t.rule.outcome is not None)]:
        after = dict(t.set_phases).get(track)
        if after is None or depth > 200 or (forced is not None and t.day > forced.day):
            continue
        here: Stay = (phase, start, start + t.day)
        for rest in _stays(ledger, after, start + t.day, leaving, depth + 1):
            yield (here, *rest)


def _spread(tracks: list[list[tuple[Stay, ...]]]) -> Iterator[tuple[tuple[Stay, ...], ...]]:
    """Combinations when there are too many: each way of each track beside the first and last way of the others."""
    for edge in (0, -1):
        base = [track[edge] for track in tracks]
        for k, track in enumerate(tracks):
            for way in track:
                yield tuple(way if j == k else other for j, other in enumerate(base))


def _path(ledger: Ledger, stays: list[Stay]) -> Path:
    items: list[Item] = []
    marks: list[Mark] = []
    cut_off: dict[str, int] = {}
    for number, start, left in stays:
        phase = ledger.phases[number]
        items += [replace(i, day=i.day + start) if start else i for i in phase.items if i.day + start < left]
        # A mark on the day a phase ends (the last cut of a taper) belongs to it.
        marks += [replace(m, day=m.day + start) for m in phase.marks if m.day + start <= left]
        if phase.length is None or phase.length >= ledger.horizon:
            cut_off |= {i.subject: min(left, start + ledger.horizon) for i in phase.items}
    items.sort(key=lambda i: (i.day, i.hour, i.subject))
    marks.sort(key=lambda m: (m.day, m.subject))
    return Path(tuple(items), tuple(dict.fromkeys(marks)), ledger.before, cut_off)
