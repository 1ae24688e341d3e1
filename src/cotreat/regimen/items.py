"""From runs to dated doses, levels and sessions, with holds taken out."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from cotreat.regimen.calendar import dose_hours, next_day, pattern_days, session_hours
from cotreat.regimen.ledger import Item, Mark
from cotreat.regimen.plan import Planned, in_clinic, is_modality
from cotreat.regimen.quantities import How
from cotreat.regimen.runs import Run, Runs
from cotreat.regimen.values import AroundEach, AtEach, Frequency, Give, Hold, Level, Occasion
from cotreat.regimen.walk import FAR, Time, Walk


@dataclass(frozen=True, slots=True)
class Held:
    """A subject left out between two times, in hours from day 0, half-open."""

    planned: Planned
    subject: str
    low: float
    high: float


class Dated:
    """Every item of one walk from day ``first`` on, before day ``end``, in calendar days."""

    def __init__(self, walk: Walk, runs: Runs, first: int, end: int) -> None:
        self.walk, self.runs, self.first, self.end = walk, runs, first, end
        self.held = self._holds()
        # By subject and hold: the windows of one hold are in order and do not overlap, those of two holds may.
        self._windows: dict[str, dict[int, list[tuple[float, float]]]] = {}
        for h in self.held:
            self._windows.setdefault(h.subject, {}).setdefault(h.planned.index, []).append((h.low, h.high))
        self._found: dict[int, list[Item]] = {}
        items = [item for run in dict.fromkeys(runs.runs) for item in self._items(run)]
        items = [i for i in items if first <= i.day < end]
        self.items = sorted(items, key=lambda i: (i.day, i.hour, i.line, i.subject))
        self.marks = sorted(
            (m for m in (*runs.marks, *self._hold_marks()) if first <= m.day < end),
            key=lambda m: (m.day, m.line, m.subject),
        )

    # ---- holds --------------------------------------------------------------------------------------------------

    def _holds(self) -> list[Held]:
        found = []
        for spans in self.walk.spans.values():
            for span in spans:
                p = self.walk.plan.parts[span.part]
                if not isinstance(p.part, Hold):
                    continue
                if p.part.window is None:
                    found.append(Held(p, p.part.subject, span.start * 24.0, span.until * 24.0))
                    continue
                for low, high in self.walk.windows(p, p.part.window):
                    if high > span.start * 24 or p.group == 0:
                        found.append(Held(p, p.part.subject, low, high))
        return found

    def _hold_marks(self) -> list[Mark]:
        return [Mark(math.floor(h.low / 24), "hold", h.subject, f"{h.subject} held", h.planned.line) for h in self.held]

    def _is_held(self, subject: str, day: int, hour: float) -> bool:
        at = day * 24 + hour
        for windows in self._windows.get(subject, {}).values():
            i = bisect_right(windows, (at, math.inf)) - 1
            if i >= 0 and windows[i][1] > at:
                return True
        return False

    # ---- items --------------------------------------------------------------------------------------------------

    def _items(self, run: Run) -> list[Item]:
        kind, amount, unit = "session", 1.0, "session"
        if isinstance(run.rhythm, Level):
            kind, amount, unit = "level", run.rhythm.amount, run.rhythm.unit
        elif run.how.dose is not None:
            kind = "dose"
            amount, unit = run.how.dose.standard
        details = details_of(run.how)
        return [
            Item(day, hour, run.subject, kind, amount, unit, run.sham, details, run.planned.line)  # type: ignore[arg-type]
            for day, hour in self._times(run)
            if not self._is_held(run.subject, day, hour)
        ]

    def _times(self, run: Run) -> list[Time]:
        end = min(run.until, self.end + 1)
        if isinstance(run.rhythm, AroundEach | AtEach):
            return self._hung(run, run.rhythm, end)
        if isinstance(run.rhythm, Level):
            return [(d, 0.0) for d in range(max(run.start, self.first), end)]
        if isinstance(run.rhythm, Frequency):
            part = run.planned.part
            if run.segment >= 0 and isinstance(part, Give) and part.segments[run.segment].window is not None:
                return self._of_part(run, end)
            start = max(run.start, self.first)
            start = next_day(run.rhythm, run.origin, start) if start > run.origin else run.origin
            if start >= end:
                return []
            hours = dose_hours(run.rhythm.times)
            if is_modality(run.subject) or in_clinic(run.subject, run.how.route, run.how.over is not None):
                hours = session_hours(run.rhythm.times)
            return [(d, h) for d in pattern_days(run.rhythm, start, end) for h in hours]
        return self._of_part(run, end)

    def _of_part(self, run: Run, end: int) -> list[Time]:
        spans = [s for s in self.walk.spans[run.planned.index] if s.segment == run.segment]
        return [t for s in spans for t in self.walk.span_times(s) if run.start <= t[0] < end]

    def _hung(self, run: Run, rhythm: AroundEach | AtEach, end: int) -> list[Time]:
        shift = 0.0
        if isinstance(rhythm, AroundEach):
            shift = rhythm.offset.hours * (-1 if rhythm.side == "before" else 1)
        found = []
        for day, hour in self._occasions(run.planned, rhythm.occasion):
            if run.start <= day < min(run.until, FAR) and day <= end + abs(shift) / 24:
                at = round(day * 24 + hour + shift, 6)
                found.append((math.floor(at / 24), round(at % 24, 6)))
        return found

    def _occasions(self, p: Planned, occasion: Occasion) -> list[Time]:
        """Sessions as they are really given: not held, not stopped."""
        if occasion.kind == "cut":
            return self.walk.cuts(p)
        wanted = {q.index for q in self.walk.plan.occasion(p, occasion)}
        found: set[Time] = set()
        for run in self.runs.runs:
            if run.planned.index in wanted:
                found |= {t for t in self._all_times(run) if not self._is_held(run.subject, *t)}
        return sorted(found)

    def _all_times(self, run: Run) -> list[Time]:
        first, self.first = self.first, min(self.first, run.start)
        try:
            return self._times(run)
        finally:
            self.first = first


def details_of(how: How) -> tuple[tuple[str, float | str], ...]:
    """Qualifiers as the ledger names them, sorted by name; times in minutes."""
    found: dict[str, float | str | None] = {
        "pulses": how.pulses,
        "hertz": how.hertz,
        "milliampere": how.milliampere,
        "site": how.site,
        "placement": how.placement,
        "route": how.route,
        "format": how.format,
    }
    if how.intensity is not None:
        found |= {"intensity_percent": how.intensity.percent, "threshold": how.intensity.threshold}
    if how.minutes is not None:
        found["session_minutes"] = how.minutes.minutes
    if how.over is not None:
        found["over_minutes"] = how.over.minutes
    return tuple(sorted((k, v) for k, v in found.items() if v is not None))
