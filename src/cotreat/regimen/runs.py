"""Who is on what dose when: the spans of a walk with raises, tapers, switches and stops worked in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cotreat.regimen.calendar import spread_days
from cotreat.regimen.ledger import Before, Mark
from cotreat.regimen.plan import Planned
from cotreat.regimen.quantities import Dose, How, plain
from cotreat.regimen.tapering import switch_steps, taper_steps
from cotreat.regimen.values import (
    Change,
    DrugDose,
    Frequency,
    Give,
    Hold,
    Level,
    Part,
    Rhythm,
    Spread,
    Stop,
    Switch,
    Taper,
    subjects_of,
)
from cotreat.regimen.walk import FAR, Span, Walk

OVERRIDE, BEFORE = -1, -2


@dataclass(frozen=True, slots=True)
class Run:
    """One subject in one way, days [start, end) (``end`` None: on and on).

    ``origin`` is the day its pattern counts from; ``segment`` that of its part, OVERRIDE when the run comes from a
    taper, a switch or a change of dose, BEFORE when from before the regimen.
    """

    planned: Planned
    subject: str
    start: int
    end: int | None
    rhythm: Rhythm
    how: How
    origin: int
    segment: int = OVERRIDE
    sham: bool = False

    @property
    def until(self) -> int:
        """``end``, or a day beyond any horizon."""
        return FAR if self.end is None else self.end


class Runs:
    """All runs of one walk, with the marks (in calendar days) and the drugs taken before."""

    def __init__(self, walk: Walk) -> None:
        self.walk, self.plan = walk, walk.plan
        self.runs: list[Run] = []
        self.marks: list[Mark] = []
        self.before: list[Before] = []
        self.stops: list[tuple[int, Planned]] = []
        for spans in walk.spans.values():
            for span in spans:
                self._give(span)
        begun = [p for line in walk.lines for group in line.groups for i in group if (p := self.plan.parts[i])]
        overrides = [p for p in begun if isinstance(p.part, Change | Taper | Switch | Stop | Hold)]
        for subject in dict.fromkeys(subjects_of(p.part)[0] for p in overrides):
            self._baseline([p for p in overrides if subjects_of(p.part)[0] == subject], subject)
        started = [(found[0].start, p) for p in overrides if (found := walk.spans.get(p.index))]
        for day, p in sorted(started, key=lambda x: (x[0], x[1].index)):
            self._override(p, day)
        self._alone()

    # ---- what is given ------------------------------------------------------------------------------------------

    def _give(self, span: Span) -> None:
        p = self.plan.parts[span.part]
        part = p.part
        if not isinstance(part, Give):
            return
        segment = part.segments[span.segment]
        end = None if span.until == FAR else span.until
        how = self.walk.how(p, span.segment)
        start = span.start
        if segment.window is not None:
            times = self.walk.span_times(span)
            if times:
                start, end = min(start, times[0][0]), min(times[-1][0] + 1, span.until)
        if isinstance(segment.rhythm, Spread):
            whole = range(start, start + round(segment.rhythm.over.days))
            if len(set(spread_days(segment.rhythm.sessions, whole.start, whole.stop))) != segment.rhythm.sessions:
                weekdays = sum(1 for d in whole if d % 7 < 5)
                raise self.plan.wrong(p, f"{segment.rhythm.sessions} sessions do not fit into {weekdays} weekdays")
        self.runs.append(Run(p, part.subject, start, end, segment.rhythm, how, start, span.segment, part.sham))
        if part.added and span.segment == 0:
            self.marks.append(Mark(start, "add", part.subject, f"{part.subject} added", p.line))

    def _baseline(self, overrides: list[Planned], subject: str) -> None:
        """A drug that is changed but not started: the patient is on the stated dose from before day 0."""
        spans = self.walk.spans

        def when(p: Planned) -> tuple[int, int]:
            return (spans[p.index][0].start if spans.get(p.index) else FAR, p.index)

        first = min(overrides, key=when)
        for q in self.plan.giving.get(subject, ()):
            given = isinstance(q.part, Give) or (isinstance(q.part, Switch) and q.part.new.subject == subject)
            if given and self._earlier(q, first, when):
                return
        start = min(0, self.walk.setting.base, when(first)[0])
        dosed = [p for p in sorted(overrides, key=when) if not isinstance(p.part, Stop | Hold)]
        if not dosed:
            self.before.append(Before(subject, 0.0, "", first.line))
            return
        old = _old(dosed[0].part)
        amount, unit = old.dose.standard
        a_day = amount * old.frequency.times * _share_of_days(old.frequency)
        self.before.append(Before(subject, round(a_day, 6), unit, dosed[0].line))
        self.runs.append(Run(dosed[0], subject, start, None, old.frequency, How(dose=old.dose), start, BEFORE))

    def _earlier(self, q: Planned, first: Planned, when: object) -> bool:
        assert callable(when)
        if q.statement == first.statement:
            return q.index < first.index
        if self.plan.lines[q.statement].condition is not None:
            return False
        mine, its = when(first)[0], when(q)[0]
        return bool(its <= mine)

    # ---- what changes it ----------------------------------------------------------------------------------------

    def _override(self, p: Planned, day: int) -> None:
        match p.part:
            case Change():
                self._change(p, p.part, day)
            case Taper():
                self._taper(p, p.part, day)
            case Switch():
                self._switch(p, p.part, day)
            case Stop():
                self._stop(p, p.part, day)

    def _active(self, subject: str, day: int) -> Run | None:
        found = [r for r in self.runs if r.subject == subject and r.start <= day < r.until]
        return max(found, key=lambda r: r.start) if found else None

    def _ended(self, subject: str, day: int) -> Run | None:
        """The run that ends on a day, so that what changes it then follows without a gap."""
        return next((r for r in self.runs if r.subject == subject and r.end == day > r.start), None)

    def _way(self) -> str | None:
        """Which branches lead to this, for a message."""
        lines = sorted(self.plan.lines[n].place.line for n, _ in self.walk.path.taken)
        if not lines:
            return None
        return f"This happens when the branch of line {' and of line '.join(map(str, lines))} is taken."

    def _take_over(self, p: Planned, old: DrugDose, day: int) -> Run | None:
        """Ends the run in force on a day; InputError when the drug is not at the stated dose then."""
        run = self._active(old.subject, day) or self._ended(old.subject, day)
        if run is None:
            raise self.plan.wrong(p, f"{old.subject} is not being given on day {day}", self._way())
        dose = run.how.dose
        if isinstance(run.rhythm, Level) or dose is None:
            raise self.plan.wrong(p, f"{old.subject} is dosed to a level, not to {old.dose}")
        if dose.standard != old.dose.standard or run.rhythm != old.frequency:
            raise self.plan.wrong(
                p,
                f"{old.subject} is at {dose} {run.rhythm} on day {day}, not at {old.dose} {old.frequency}",
                self._way(),
            )
        self.runs[self.runs.index(run)] = replace(run, end=day)
        return run

    def _add(self, p: Planned, old: DrugDose, amount: float, days: tuple[int, int | None]) -> None:
        if amount > 0:
            dose = Dose(amount, "mg/kg" if old.dose.unit == "mg/kg" else "mg")
            self.runs.append(Run(p, old.subject, days[0], days[1], old.frequency, How(dose=dose), days[0]))

    def _change(self, p: Planned, part: Change, day: int) -> None:
        old = _old(part)
        run = self._take_over(p, old, day)
        how = (run.how if run is not None else How()).updated(How(dose=part.new))
        end = run.end if run is not None and run.until > day else None
        origin = run.origin if run is not None else day
        self.runs.append(Run(p, part.subject, day, end, part.frequency, how, max(origin, day)))
        kind = "raise" if part.direction == "raise" else "cut"
        text = f"{part.subject} {part.old} to {part.new} {part.frequency}"
        self.marks.append(Mark(day, kind, part.subject, text, p.line))  # type: ignore[arg-type]

    def _taper(self, p: Planned, part: Taper, day: int) -> None:
        self._take_over(p, part.old, day)
        steps = self._steps(p, part)
        length = round(part.over.days)
        goal = part.to.standard[0] if part.to is not None else 0.0
        unit = part.old.dose.standard[1]
        starts = [d for d, _ in steps[1:]] + [length]
        doses = [dose for _, dose in steps] + [goal]
        for (start, dose), end in zip(steps, starts, strict=True):
            self._add(p, part.old, dose, (day + start, day + end))
        self._add(p, part.old, goal, (day + length, None))
        for cut, high, low in zip(starts, doses, doses[1:], strict=False):
            text = f"{part.old.subject} {plain(high)} to {plain(low)} {unit} {part.old.frequency}"
            self.marks.append(Mark(day + cut, "cut", part.old.subject, text, p.line))
        self.marks.append(Mark(day + length, "taper end", part.old.subject, f"{part.old.subject} taper ends", p.line))

    def _steps(self, p: Planned, part: Taper) -> list[tuple[int, float]]:
        from cotreat.measures.errors import InputError

        try:
            return taper_steps(part)
        except InputError as error:
            raise self.plan.wrong(p, error.message, error.hint) from None

    def _switch(self, p: Planned, part: Switch, day: int) -> None:
        self._take_over(p, part.old, day)
        steps = switch_steps(part)
        length = round(part.over.days)
        ends = [d for d, _, _ in steps[1:]] + [length]
        for (start, old, new), end in zip(steps, ends, strict=True):
            self._add(p, part.old, old, (day + start, day + end))
            self._add(p, part.new, new, (day + start, day + end))
        self._add(p, part.new, part.new.dose.standard[0], (day + length, None))
        text = f"{part.old.subject} to {part.new.subject}"
        self.marks.append(Mark(day, "switch", part.old.subject, text, p.line))

    def _stop(self, p: Planned, part: Stop, day: int) -> None:
        kept = []
        for run in self.runs:
            if run.subject == part.subject and run.start <= day < run.until:
                kept.append(replace(run, end=day))
            elif run.subject == part.subject and run.start > day and self._continues(run, day):
                continue
            else:
                kept.append(run)
        self.runs = kept
        self.stops.append((day, p))
        self.marks.append(Mark(day, "stop", part.subject, f"{part.subject} stopped", p.line))

    def _continues(self, run: Run, day: int) -> bool:
        """Whether a later run belongs to a part that was already running on a day."""
        return any(r.planned.index == run.planned.index and r.start <= day for r in self.runs)

    # ---- one at a time ------------------------------------------------------------------------------------------

    def _alone(self) -> None:
        """InputError when a subject runs twice at the same time."""
        by_subject: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.until > run.start:
                by_subject.setdefault(run.subject, []).append(run)
        for subject, runs in by_subject.items():
            runs.sort(key=lambda r: (r.start, r.planned.index))
            last = runs[0]
            for run in runs[1:]:
                if run.start < last.until:
                    lines = sorted({last.planned.line, run.planned.line})
                    where = f"lines {lines[0]} and {lines[1]}" if len(lines) == 2 else f"line {lines[0]}"
                    raise self.plan.wrong(
                        max(last.planned, run.planned, key=lambda q: q.index),
                        f"{subject} would run twice at once from day {run.start} ({where})",
                        self._way()
                        or "Is a `then` missing at the start of the line? Else give the first one an end, or stop it.",
                    )
                last = max(last, run, key=lambda r: r.until)


def _old(part: Part) -> DrugDose:
    match part:
        case Change():
            return DrugDose(part.subject, part.old, part.frequency)
        case Taper() | Switch():
            return part.old
    raise TypeError(f"{part} states no dose from before")


def _share_of_days(frequency: Frequency) -> float:
    if frequency.pattern == "days a week":
        return frequency.n / 7
    return 1 / (frequency.n * (7 if frequency.pattern == "every weeks" else 1))
