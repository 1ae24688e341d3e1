"""One possible course of a regimen: when each part runs, given the decisions taken so far."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from cotreat.regimen.calendar import capped, dose_hours, pattern_days, session_hours, spread_days
from cotreat.regimen.plan import Line, Plan, Planned, in_clinic, is_modality, start_of
from cotreat.regimen.quantities import How
from cotreat.regimen.tapering import cut_days
from cotreat.regimen.values import (
    Anchor,
    AroundEach,
    AtEach,
    Day,
    For,
    ForFirst,
    Frequency,
    Give,
    Hold,
    Level,
    Occasion,
    Segment,
    Spread,
    Stop,
    Switch,
    Taper,
    Until,
    UntilLast,
    UntilTaperEnds,
    Week,
    Window,
    WindowAround,
)

Time = tuple[int, float]
FAR = 1 << 20


@dataclass(frozen=True, slots=True)
class Path:
    """Decisions taken so far: segments ended (part, segment, day), branches begun (line, day), the last day."""

    ended: tuple[tuple[int, int, int], ...] = ()
    taken: tuple[tuple[int, int], ...] = ()
    now: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """One segment of one part in time: days [start, end).

    ``pending``: ended by a decision not yet taken; ``last`` is then the day after the last session a cap allows and
    ``final`` the day on which it is over in any case (None without a cap). ``open``: nothing ends it.
    """

    part: int
    segment: int
    start: int
    end: int | None
    pending: bool = False
    last: int | None = None
    final: int | None = None
    open: bool = False

    @property
    def until(self) -> int:
        """First day on which nothing of it can be given."""
        return next((d for d in (self.end, self.last) if d is not None), FAR)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a walk is told: the statements it covers, the day undated statements begin, anchors that are certain."""

    lines: tuple[int, ...]
    base: int = 0
    horizon: int = 364
    fixed: dict[tuple[int, Anchor], int] = field(default_factory=dict)


class Walk:
    """The spans of every part of some statements along one path."""

    def __init__(self, plan: Plan, setting: Setting, path: Path) -> None:
        self.plan, self.setting, self.path = plan, setting, path
        self.lines = [plan.lines[i] for i in setting.lines]
        self.covered = frozenset(setting.lines)
        self.limit = (path.now or 0) + setting.horizon
        self.spans: dict[int, list[Span]] = {}
        self.done: dict[int, int] = {}
        self.cut: dict[int, int] = {}
        self.opened: dict[int, int] = {}
        self._group_start: dict[tuple[int, int], int] = {}
        self._ended = {(p, s): day for p, s, day in path.ended}
        self._taken = dict(path.taken)
        self._stops = {
            p.index: day
            for line in self.lines
            if (day := self._taken.get(line.index)) is not None
            for p in plan.stopped_by(line)
        }
        self._times: dict[int, list[Time]] = {}
        changed = True
        while changed:
            changed = sum(self._advance(line) for line in self.lines) > 0
            self._times.clear()
        self._times.clear()

    # ---- statements and groups ----------------------------------------------------------------------------------

    def _advance(self, line: Line) -> bool:
        changed = False
        if (line.index, 0) not in self._group_start:
            begin = self.setting.base if line.condition is None else self._taken.get(line.index)
            if begin is None:
                return False
            self._group_start[line.index, 0] = begin
            changed = True
        for g in range(len(line.groups)):
            begin = self._group_start.get((line.index, g))
            if begin is None:
                break
            for index in line.groups[g]:
                changed |= self._run(self.plan.parts[index], begin)
            if g + 1 < len(line.groups) and (line.index, g + 1) not in self._group_start:
                ends = [self.done.get(i) for i in line.groups[g] if ends_by_itself(self.plan.parts[i])]
                known = [e for e in ends if e is not None]
                if ends and len(known) == len(ends) and not self._abandoned(line, max(known)):
                    self._group_start[line.index, g + 1] = max(known)
                    changed = True
        return changed

    def abandoned(self, line: Line) -> bool:
        """Whether what was still to come in a statement has been given up for a branch."""
        return self._abandoned(line, FAR)

    def _abandoned(self, line: Line, day: int) -> bool:
        """Whether a branch that stops a treatment has also ended the rest of its statement."""
        for index, stopped in self._stops.items():
            if self.plan.parts[index].statement == line.index and day >= stopped:
                done = self.done.get(index)
                if done is None or index in self.cut or done > stopped:
                    return True
        return False

    def _run(self, p: Planned, begin: int) -> bool:
        if p.index not in self.spans:
            start = self._start(p, begin)
            if start is None:
                return False
            stopped = self._stops.get(p.index)
            if stopped is not None and start >= stopped:
                self.spans[p.index], self.done[p.index], self.cut[p.index] = [], stopped, stopped
                return True
            self.spans[p.index] = [self._span(p, 0, start)]
            self._extend(p)
            return True
        if p.index in self.done:
            return False
        return self._extend(p)

    def _start(self, p: Planned, begin: int) -> int | None:
        moment = start_of(p.part) if p.group == 0 else None
        if moment is None:
            return begin
        if isinstance(moment, Week):
            return 7 * moment.number - 7
        if isinstance(moment, Day):
            return moment.number
        day = self.event(p, moment)
        return None if day is None else day + round(moment.shift)

    def _extend(self, p: Planned) -> bool:
        spans = self.spans[p.index]
        changed = False
        while spans and p.index not in self.done:
            if spans[-1].end is None:
                renewed = self._span(p, spans[-1].segment, spans[-1].start)
                if renewed == spans[-1] and self._stops.get(p.index) is None:
                    return changed
                changed |= renewed != spans[-1]
                spans[-1] = renewed
            stopped = self._stops.get(p.index)
            if stopped is not None and (spans[-1].end is None or spans[-1].end > stopped):
                spans[-1] = Span(p.index, spans[-1].segment, spans[-1].start, stopped)
                self.done[p.index], self.cut[p.index] = stopped, stopped
                return True
            end = spans[-1].end
            if end is None:
                return changed
            if isinstance(p.part, Give) and spans[-1].segment + 1 < len(p.part.segments):
                spans.append(self._span(p, spans[-1].segment + 1, end))
            else:
                self.done[p.index] = end
            changed = True
        return changed

    # ---- one span -----------------------------------------------------------------------------------------------

    def _span(self, p: Planned, segment: int, start: int) -> Span:
        match p.part:
            case Give():
                return self._give_span(p, p.part.segments[segment], segment, start)
            case Taper() | Switch():
                return Span(p.index, segment, start, start + round(p.part.over.days))
            case Hold(length=For() as length):
                return Span(p.index, segment, start, start + round(length.duration.days))
            case Hold(length=UntilLast() as until):
                return Span(p.index, segment, start, self._end_of_last(p, until.subject, start))
            case Stop():
                return Span(p.index, segment, start, start)
            case _:
                return Span(p.index, segment, start, None, open=True)

    def _give_span(self, p: Planned, s: Segment, segment: int, start: int) -> Span:
        if isinstance(s.rhythm, Spread):
            return Span(p.index, segment, start, start + round(s.rhythm.over.days))
        match s.length:
            case For():
                return Span(p.index, segment, start, start + round(s.length.duration.days))
            case ForFirst():
                first = next((d for d, _ in self._hung_on(p, s) if d >= start), None)
                return Span(p.index, segment, start, None if first is None else first + round(s.length.duration.days))
            case Until():
                end = self._ended.get((p.index, segment))
                if end is not None:
                    return Span(p.index, segment, start, end)
                if s.cap is None or not isinstance(s.rhythm, Frequency):
                    return Span(p.index, segment, start, None, pending=True)
                last, final = capped(s.rhythm, start, s.cap, each_session=s.assessed_each)
                return Span(p.index, segment, start, None, pending=True, last=last, final=final)
            case UntilTaperEnds():
                end = self.done.get(self.plan.taper(p).index)
                return Span(p.index, segment, start, None if end is None else max(start, end))
            case UntilLast():
                return Span(p.index, segment, start, self._end_of_last(p, s.length.subject, start))
            case _:
                return Span(p.index, segment, start, None, open=True)

    def _end_of_last(self, p: Planned, subject: str, start: int) -> int | None:
        found = self._last(p, subject)
        if found is None:
            return None
        day, decided = found
        return max(start, day if decided else day + 1)

    # ---- first and last -----------------------------------------------------------------------------------------

    def event(self, at: Planned, anchor: Anchor) -> int | None:
        """Day of the first or last session an anchor means, or None while it is not known on this path."""
        key = (at.index, anchor)
        if key in self.setting.fixed:
            return self.setting.fixed[key]
        if anchor.which == "last":
            found = self._last(at, anchor.subject)
            return None if found is None else found[0]
        days = []
        named = self.plan.named_by(at, anchor.subject)
        for statement in sorted({p.statement for p in named}):
            p = min((q for q in named if q.statement == statement), key=lambda q: q.index)
            if statement not in self.covered or not self.spans.get(p.index):
                return None
            times = self.times(p.index)
            if not times:
                return None
            days.append(times[0][0])
        return min(days) if days else None

    def _last(self, at: Planned, subject: str) -> tuple[int, bool] | None:
        """Day of the last session, and whether it is the day of the decision that ended the course."""
        found: list[tuple[int, bool]] = []
        for p in self.plan.named_by(at, subject):
            line = self.plan.lines[p.statement]
            if p.statement not in self.covered:
                return None
            if p.index not in self.spans and self._abandoned(line, FAR):
                continue
            if p.index not in self.done:
                if (stop := self._stopped(subject)) is not None:
                    found.append((stop, True))
                    continue
                return None
            spans = self.spans[p.index]
            decided = self._ended.get((p.index, spans[-1].segment)) if spans else None
            if p.index in self.cut:
                decided = self.cut[p.index]
            if decided is not None:
                found.append((decided, True))
            elif times := self.times(p.index):
                found.append((times[-1][0], False))
        return max(found) if found else None

    def _stopped(self, subject: str) -> int | None:
        days = [
            self.spans[p.index][0].start
            for p in self.plan.parts
            if isinstance(p.part, Stop) and p.part.subject == subject and self.spans.get(p.index)
        ]
        return min(days) if days else None

    # ---- days and hours -----------------------------------------------------------------------------------------

    def times(self, index: int) -> list[Time]:
        """Day and hour of every session or dose of a part, before holds, stops and changes of dose."""
        if index not in self._times:
            self._times[index] = []
            self._times[index] = sorted(chain.from_iterable(self.span_times(s) for s in self.spans.get(index, ())))
        return self._times[index]

    def span_times(self, span: Span) -> list[Time]:
        """Day and hour of every session or dose in one span; a span without end is followed to the horizon."""
        p = self.plan.parts[span.part]
        end = max(self.limit, span.start + 8 * 7) if span.until == FAR else span.until
        if not isinstance(p.part, Give):
            return [(d, 8.0) for d in range(span.start, end)]
        s = p.part.segments[span.segment]
        match s.rhythm:
            case Frequency():
                hours = self.hours(p, span.segment, s.rhythm.times)
                if s.window is not None:
                    return self._windowed(p, s.window, s.rhythm, (span.start, end, hours))
                return [(d, h) for d in pattern_days(s.rhythm, span.start, end) for h in hours]
            case Level():
                return [(d, 0.0) for d in range(span.start, end)]
            case Spread():
                # Spread over the whole stretch, also when a branch cuts it short.
                days = spread_days(s.rhythm.sessions, span.start, span.start + round(s.rhythm.over.days))
                return [(d, h) for d in days if d < end for h in self.hours(p, span.segment, 1)]
            case _:
                return self._hung_times(p, s, span.start, end)

    def _hung_times(self, p: Planned, s: Segment, start: int, end: int) -> list[Time]:
        shift = 0.0
        if isinstance(s.rhythm, AroundEach):
            shift = s.rhythm.offset.hours * (-1 if s.rhythm.side == "before" else 1)
        found = []
        for day, hour in self._hung_on(p, s):
            if start <= day < end:
                at = round(day * 24 + hour + shift, 6)
                found.append((math.floor(at / 24), round(at % 24, 6)))
        return found

    def _windowed(
        self, p: Planned, window: Window, rhythm: Frequency, bounds: tuple[int, int, tuple[float, ...]]
    ) -> list[Time]:
        start, end, hours = bounds
        found = self.windows(p, window)
        if not found:
            return []
        first = math.floor(found[0][0] / 24)
        # A first group has no start but its window; what follows `then` cannot begin before it follows.
        if p.group > 0 or self.plan.lines[p.statement].condition is not None:
            first = max(first, start)
        return [
            (d, h)
            for d in pattern_days(rhythm, first, min(end, math.ceil(found[-1][1] / 24)))
            for h in hours
            if any(low <= d * 24 + h < high for low, high in found)
        ]

    def windows(self, p: Planned, window: Window) -> list[tuple[float, float]]:
        """Windows in hours from day 0, half-open, joined where they touch. Around a cut they are whole days."""
        joined: list[tuple[float, float]] = []
        for day, hour in self.occasions(p, window.occasion):
            at = day * 24 + (0.0 if window.occasion.kind == "cut" else hour)
            after = window.after.hours if isinstance(window, WindowAround) else 0.0
            low, high = at - window.before.hours, at + after
            if joined and low <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
            else:
                joined.append((low, high))
        return joined

    def _hung_on(self, p: Planned, s: Segment) -> list[Time]:
        if not isinstance(s.rhythm, AroundEach | AtEach):
            return []
        return self.occasions(p, s.rhythm.occasion)

    def occasions(self, p: Planned, occasion: Occasion) -> list[Time]:
        """Day and hour of every session or cut an `each` means."""
        if occasion.kind == "cut":
            return self.cuts(p)
        found = chain.from_iterable(self.times(q.index) for q in self.plan.occasion(p, occasion))
        return sorted(set(found))

    def cuts(self, p: Planned) -> list[Time]:
        """Days of the cuts of the taper, or of each lowered dose."""
        found: list[int] = []
        for q in self.plan.occasion(p, Occasion("cut")):
            for span in self.spans.get(q.index, ()):
                if isinstance(q.part, Taper):
                    found += [span.start + d for d in cut_days(q.part)]
                else:
                    found.append(span.start)
        return [(d, 8.0) for d in sorted(found)]

    def hours(self, p: Planned, segment: int, times: int) -> tuple[float, ...]:
        """Hours of the day for so many sessions or doses."""
        how = self.how(p, segment)
        if not isinstance(p.part, Give) or is_modality(p.part.subject):
            return session_hours(times)
        return session_hours(times) if in_clinic(p.part.subject, how.route, how.over is not None) else dose_hours(times)

    def how(self, p: Planned, segment: int) -> How:
        """Everything said of a part up to a segment."""
        how = How()
        if isinstance(p.part, Give):
            for s in p.part.segments[: segment + 1]:
                how = how.updated(s.how)
        return how

    # ---- what is still open -------------------------------------------------------------------------------------

    @cached_property
    def pending(self) -> list[Span]:
        """Spans that a decision can end."""
        return [s for spans in self.spans.values() for s in spans if s.pending]

    @cached_property
    def asked(self) -> list[Line]:
        """Branches whose condition has not come true on this path."""
        return [line for line in self.lines if line.condition is not None and line.index not in self._taken]

    @cached_property
    def waiting(self) -> list[Planned]:
        """Parts that have not begun although their group has."""
        return [
            self.plan.parts[i]
            for line in self.lines
            for g, group in enumerate(line.groups)
            if (line.index, g) in self._group_start
            for i in group
            if i not in self.spans
        ]


def ends_by_itself(p: Planned) -> bool:
    """Whether a part comes to an end, so that something can follow it."""
    match p.part:
        case Give():
            last = p.part.segments[-1]
            return last.length is not None or isinstance(last.rhythm, Spread)
        case Taper() | Switch() | Stop():
            return True
        case Hold():
            return p.part.length is not None
        case _:
            return False
