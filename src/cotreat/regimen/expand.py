"""From a regimen to its ledger: phases of dated items on independent tracks, and the decisions between them.

Statements that hang on each other (the same subject, ``each session``, a hold, a start that only a visit decides) share
a track; all others have tracks of their own. Each track is followed along every path its decisions can take; paths that
lead to the same treatment share a phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, lcm

from cotreat.measures.errors import InputError
from cotreat.regimen.calendar import next_day, pattern_days, visits
from cotreat.regimen.items import Dated
from cotreat.regimen.ledger import Before, Item, Ledger, Phase, Rule, Transition
from cotreat.regimen.plan import Line, Plan, Planned, is_stimulation, start_of
from cotreat.regimen.quantities import Duration
from cotreat.regimen.runs import BEFORE, Run, Runs
from cotreat.regimen.values import Anchor, AroundEach, AtEach, Frequency, Give, Hold, Regimen, Spread, WindowAround
from cotreat.regimen.walk import FAR, Path, Setting, Span, Walk

HORIZON = 364
LONGEST_HORIZON = 3640
MOST_PHASES = 500
MOST_WALKS = 5000
_EARLIEST = -FAR


def expand(regimen: Regimen, horizon: int = HORIZON) -> Ledger:
    """The ledger of a regimen, ``horizon`` days from day 0 and from the start of every later phase.

    Raises InputError when orders contradict each other in time: a subject twice at once, a start that nobody can know.
    """
    if not 1 <= horizon <= LONGEST_HORIZON:
        raise InputError(f"a horizon of {horizon} days", hint=f"From 1 to {LONGEST_HORIZON} days.")
    if not regimen.statements:
        return Ledger((Phase(0, "nothing", (), length=0),), (), (0,), horizon=horizon)
    plan = Plan(regimen)
    phases: list[Phase] = []
    transitions: list[Transition] = []
    first: list[int] = []
    before: list[Before] = []
    notes: list[str] = []
    for course, start in _courses(plan, horizon):
        first.append(len(phases))
        ordered = course.in_order(start, len(phases))
        phases += ordered[0]
        transitions += ordered[1]
        before += course.before
        notes += course.notes
    lead_in = max(0, -min((i.day for p in first for i in phases[p].items), default=0))
    unique = {(b.subject, b.amount, b.unit): b for b in reversed(before)}
    return Ledger(
        tuple(phases),
        tuple(transitions),
        tuple(first),
        tuple(reversed(unique.values())),
        horizon,
        lead_in,
        tuple(dict.fromkeys([*_notes(plan), *notes])),
    )


def planned_days(regimen: Regimen) -> int:
    """Days from day 0 until all that has an end is over, on the path on which no outcome is met."""
    longest = 0
    for course, index in _courses(Plan(regimen), HORIZON) if regimen.statements else ():
        start, here = 0, index
        while True:
            made = course.made[here]
            longest = max(longest, start + made.bounded)
            leaving = [(day, to) for day, rule, to in made.steps if rule.outcome is None]
            if not leaving:
                break
            day, here = min(leaving)
            start += day
    return longest


def _courses(plan: Plan, horizon: int) -> Iterator[tuple[_Course, int]]:
    """Each track followed along all its paths, with the index of its entry phase."""
    base, tracks, fixed = _laid_out(plan, horizon)
    for number, lines in enumerate(tracks):
        course = _Course(plan, Setting(lines, base, horizon, fixed), number)
        start = course.follow(Path(), None)
        course.all_begun()
        yield course, start


# ---- tracks and day 0 -------------------------------------------------------------------------------------------


def _laid_out(plan: Plan, horizon: int) -> tuple[int, list[tuple[int, ...]], dict[tuple[int, Anchor], int]]:
    """Day on which undated statements begin, the statements of each track, and the anchors that are certain."""
    every = tuple(range(len(plan.lines)))
    joined = _Joined(len(plan.lines))
    for a, b in plan.links():
        joined.join(a, b)
    base = _base(plan, every, horizon)
    walk = Walk(plan, Setting(every, base, horizon), Path())
    fixed: dict[tuple[int, Anchor], int] = {}
    anchors = list(plan.anchors())
    while True:
        changed = False
        for p, anchor in anchors:
            named = {q.statement for q in plan.named_by(p, anchor.subject)}
            day = walk.event(p, anchor)
            certain = day is not None and day < _first_stop(plan, joined, named)
            key = (p.index, anchor)
            if certain and day is not None:
                fixed[key] = day
                continue
            changed |= fixed.pop(key, None) is not None
            for statement in named:
                changed |= joined.join(p.statement, statement)
        if not changed:
            return base, joined.sets(), fixed


def _first_stop(plan: Plan, joined: _Joined, lines: set[int]) -> int:
    """The first day on which a branch may stop something on the tracks of these statements."""
    return min(
        (
            7 * line.condition.week
            for line in plan.lines
            if line.condition is not None
            and line.condition.to is not None
            and any(joined.root(line.index) == joined.root(i) for i in lines)
        ),
        default=FAR,
    )


def _base(plan: Plan, every: tuple[int, ...], horizon: int) -> int:
    """Day on which undated statements begin, so that the first undated stimulation, else item, falls on day 0."""

    def first_days(base: int) -> dict[int, int]:
        walk = Walk(plan, Setting(every, base, horizon), Path())
        found = {}
        for p in plan.parts:
            if isinstance(p.part, Give):
                if times := walk.times(p.index):
                    found[p.index] = times[0][0]
            elif walk.spans.get(p.index) and not isinstance(p.part, Hold):
                found[p.index] = walk.spans[p.index][0].start
        return found

    here, later = first_days(0), first_days(7)
    moving = [i for i, day in here.items() if later.get(i) == day + 7]
    stimulation = [i for i in moving if isinstance(p := plan.parts[i].part, Give) and is_stimulation(p.subject)]
    lead = stimulation or moving
    base = 0
    for _ in range(5):
        days = first_days(base)
        day = min((days[i] for i in lead if i in days), default=0)
        if day == 0:
            break
        base -= day
    return base


class _Joined:
    """Which statements share a track."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def root(self, i: int) -> int:
        while self.parent[i] != i:
            i = self.parent[i]
        return i

    def join(self, a: int, b: int) -> bool:
        low, high = sorted((self.root(a), self.root(b)))
        self.parent[high] = low
        return low != high

    def sets(self) -> list[tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for i in range(len(self.parent)):
            found.setdefault(self.root(i), []).append(i)
        return [tuple(found[r]) for r in sorted(found)]


# ---- one track --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decision:
    """Something asked on one day: the rule, and what it ends or begins."""

    day: int
    rule: Rule
    ends: tuple[tuple[int, int], ...] = ()
    begins: tuple[int, ...] = ()


@dataclass(slots=True)
class _Made:
    phase: Phase
    steps: tuple[tuple[int, Rule, int], ...]
    bounded: int


@dataclass
class _Course:
    """Every path of one track."""

    plan: Plan
    setting: Setting
    track: int
    made: list[_Made] = field(default_factory=list)
    known: dict[object, int] = field(default_factory=dict)
    content: dict[object, int] = field(default_factory=dict)
    before: list[Before] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)
    endless: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    walks: int = 0

    def follow(self, path: Path, parent: Walk | None, fired: Rule | None = None) -> int:
        """Index, within this track, of the phase that begins when a path's last decision is taken."""
        self.walks += 1
        walk = Walk(self.plan, self.setting, path)
        self._starts(walk, parent)
        if self.walks > MOST_WALKS or len(self.made) > MOST_PHASES:
            raise InputError(
                "too many ways through this regimen",
                hint="Give courses that run `until` an outcome a limit of sessions.",
            )
        runs = Runs(walk)
        signature = self._signature(walk, runs, fired)
        if signature in self.known:
            return self.known[signature]
        if path.now is None:
            self.before += runs.before
        start = path.now if path.now is not None else 0
        first = path.now if path.now is not None else _EARLIEST
        dated = Dated(walk, runs, first, start + self.setting.horizon)
        steps = []
        settled, period = self._settled(walk, runs)
        same: dict[object, int] = {}
        for decision in self._decisions(walk, fired):
            ended = tuple((part, segment, decision.day) for part, segment in decision.ends)
            taken = tuple((line, decision.day) for line in decision.begins)
            # Once nothing but patterns goes on, a decision leads where it led one period before.
            key = (decision.rule, decision.ends, decision.begins, decision.day % period)
            if decision.day < settled or key not in same:
                following = Path((*path.ended, *ended), (*path.taken, *taken), decision.day)
                same[key] = self.follow(following, walk, decision.rule)
            steps.append((decision.day - start, decision.rule, same[key]))
        phase = Phase(
            self.track,
            self._label(runs, dated, first),
            tuple(_moved(i, start) for i in dated.items),
            tuple(replace(m, day=m.day - start) if start else m for m in dated.marks),
            self._length(walk, runs, dated, steps),
            start % 7,
        )
        bounded = max((r.end - start for r in runs.runs if r.end is not None and r.end > r.start), default=0)
        made = _Made(phase, tuple(steps), bounded)
        index = self.content.setdefault((phase, made.steps), len(self.made))
        if index == len(self.made):
            self.made.append(made)
        self.known[signature] = index
        return index

    # ---- what is decided ----------------------------------------------------------------------------------------

    def _decisions(self, walk: Walk, fired: Rule | None) -> list[Decision]:
        """Everything asked in this phase, by day; on one day what implies the most comes first."""
        now = walk.path.now
        after = now if now is not None else _EARLIEST
        last = (now or 0) + self.setting.horizon
        asked: dict[int, list[Decision]] = {}
        closing: dict[int, list[tuple[int, int]]] = {}
        for span in walk.pending:
            rule, days = self._asked_of(span, after, last)
            for day in days:
                asked.setdefault(day, []).append(Decision(day, rule, ends=((span.part, span.segment),)))
            if span.final is not None:
                closing.setdefault(span.final, []).append((span.part, span.segment))
        for line in walk.asked:
            on = self._day_asked(line, now, fired)
            if on is not None and line.condition is not None:
                c = line.condition
                asked.setdefault(on, []).append(Decision(on, Rule(c.outcome, c.negated, c.to), begins=(line.index,)))
        found: list[Decision] = []
        for day in sorted({*asked, *closing}):
            ends = tuple(closing.get(day, ()))
            here = [_with_implied(d, asked[day], ends) for d in asked.get(day, ())]
            here.sort(key=lambda d: -len(d.ends) - len(d.begins))
            if ends:
                here.append(Decision(day, Rule(), ends=ends))
            found += list({(d.rule.outcome, d.rule.negated): d for d in reversed(here)}.values())[::-1]
        return found

    def _asked_of(self, span: Span, after: int, last: int) -> tuple[Rule, Iterable[int]]:
        part = self.plan.parts[span.part].part
        assert isinstance(part, Give)
        segment = part.segments[span.segment]
        rule = Rule(getattr(segment.length, "outcome", None))
        end = last if span.final is None else min(last, span.final - 1)
        if segment.assessed_each and isinstance(segment.rhythm, Frequency):
            sessions = list(pattern_days(segment.rhythm, span.start, end + 1))[1:]
            return rule, [d for d in sessions if d > after]
        return rule, visits(max(span.start, after), end)

    def _day_asked(self, line: Line, now: int | None, fired: Rule | None) -> int | None:
        """Day a branch is decided; a week later when another decision that does not settle it fell on its day."""
        assert line.condition is not None
        day = 7 * line.condition.week
        if now is None or day > now:
            return day
        if day == now and fired is not None and not _excludes(fired, line.condition.outcome, line.condition.negated):
            text = f"line {line.place.line}: decided a week later when another decision falls on day {day}"
            if text not in self.notes:
                self.notes.append(text)
            return day + 7
        return None

    # ---- what a phase is ----------------------------------------------------------------------------------------

    def _length(self, walk: Walk, runs: Runs, dated: Dated, steps: list[tuple[int, Rule, int]]) -> int | None:
        start = walk.path.now or 0
        ends = [day for day, _, _ in steps]
        if dated.items:
            ends.append(dated.items[-1].day + 1 - start)
        # What hangs on sessions ends with them: its last item counts, not the run.
        lasting = [r for r in runs.runs if not isinstance(r.rhythm, AroundEach | AtEach)]
        ends += [run.until - start for run in lasting if run.until > max(start, run.start)]
        ends += [(span.final if span.final is not None else FAR) - start for span in walk.pending]
        longest = max(ends, default=0)
        return None if longest > FAR // 2 else max(0, longest)

    def _label(self, runs: Runs, dated: Dated, first: int) -> str:
        lasting = [run for run in runs.runs if run.until > max(first, run.start)]
        found = {r.planned.index: f"{r.subject} {r.how.dose} {r.rhythm}" for r in lasting if r.segment == BEFORE}
        found |= {r.planned.index: str(r.planned.part) for r in lasting if r.segment != BEFORE}
        found |= {h.planned.index: str(h.planned.part) for h in dated.held if h.high > first * 24}
        found |= {p.index: str(p.part) for day, p in runs.stops if day >= first}
        return "; ".join(found[i] for i in sorted(found)) or ("nothing" if first == _EARLIEST else "nothing more")

    def _signature(self, walk: Walk, runs: Runs, fired: Rule | None) -> object:
        """Everything the future of a path depends on, in days from its last decision."""
        now = walk.path.now
        if now is None:
            return None
        back = self._look_back
        given = tuple(_ahead(run, now, back) for run in runs.runs if run.until > max(now - back, run.start))
        open_ends = tuple(
            (
                s.part,
                s.segment,
                _sessions_ahead(self.plan, s, now),
                *(None if d is None else d - now for d in (s.last, s.final)),
            )
            for s in walk.pending
        )
        ends = tuple(
            (i, FAR if s.until == FAR else max(s.until - now, 0))
            for i, spans in walk.spans.items()
            for s in spans
            if not isinstance(self.plan.parts[i].part, Give)
        )
        marks = tuple((m.day - now, m.kind, m.text) for m in runs.marks if m.day >= now)
        asked = tuple(
            (line.index, self._day_asked(line, now, fired), 7 * line.condition.week - now)
            for line in walk.asked
            if line.condition is not None and 7 * line.condition.week >= now
        )
        begun = tuple(sorted((i, i in walk.done) for i in walk.spans))
        over = tuple(walk.abandoned(line) for line in walk.lines)
        return now % 7, given, open_ends, ends, marks, asked, begun, over

    def _settled(self, walk: Walk, runs: Runs) -> tuple[int, int]:
        """Day one period after all that has an end or a beginning is past, and the period of what goes on, in days."""
        period = 7
        days = [walk.path.now or 0]
        for run in runs.runs:
            days.append(run.start if run.end is None else run.end)
            if run.end is None and isinstance(run.rhythm, Frequency) and run.rhythm.pattern != "days a week":
                period = lcm(period, run.rhythm.n * (7 if run.rhythm.pattern == "every weeks" else 1))
        days += [m.day for m in runs.marks]
        days += [s.final or s.start for s in walk.pending]
        days += [s.until for spans in walk.spans.values() for s in spans if s.until < FAR]
        days += [7 * line.condition.week + 7 for line in walk.asked if line.condition is not None]
        return max(days) + self._look_back + 2 * period, period

    @cached_property
    def _look_back(self) -> int:
        """How many days of the past can still bring something about: doses and windows after a session or a cut."""
        longest = 0.0
        for n in self.setting.lines:
            for group in self.plan.lines[n].groups:
                for i in group:
                    longest = max(longest, *(d.days for d in _afterwards(self.plan.parts[i])), 0.0)
        return ceil(longest)

    # ---- what can go wrong --------------------------------------------------------------------------------------

    def _starts(self, walk: Walk, parent: Walk | None) -> None:
        now = walk.path.now
        for index, spans in walk.spans.items():
            self.begun.add(index)
            for span in spans:
                unknown = span.end is None and not span.open and not span.pending
                (self.endless if unknown else self.ended).add(index)
            p = self.plan.parts[index]
            if parent is None or now is None or index in parent.spans or not spans:
                continue
            if isinstance(start_of(p.part), Anchor) and spans[0].start < now:
                raise self.plan.wrong(
                    p,
                    f"`{start_of(p.part)}` is decided at a visit: nothing can be dated before it",
                    "Start it on the day of the last session, or after it.",
                )

    def all_begun(self) -> None:
        """InputError for a part that begins on no path at all, or whose stated end comes on none."""
        for n in self.setting.lines:
            for i in (i for group in self.plan.lines[n].groups for i in group):
                if i not in self.begun:
                    raise self._never(self.plan.parts[i])
                if i in self.endless - self.ended:
                    text = "the end of this order hangs on something that never ends, or on itself"
                    raise self.plan.wrong(self.plan.parts[i], text)

    def _never(self, p: Planned) -> InputError:
        moment = start_of(p.part)
        if isinstance(moment, Anchor):
            named = self.plan.named_by(p, moment.subject)
            if moment.which == "last" and not any(start_of(q.part) for q in named):
                return self.plan.wrong(
                    p, f"{moment.subject} has no last session: it goes on and on", "Give it a length."
                )
            return self.plan.wrong(p, f"this never begins: `{moment}` waits for itself or never comes")
        return self.plan.wrong(p, "this never begins: what it follows never ends")

    # ---- order --------------------------------------------------------------------------------------------------

    def in_order(self, start: int, offset: int) -> tuple[list[Phase], list[Transition]]:
        """Phases and transitions of the track, the entry phase first, numbered from ``offset``."""
        order = [start]
        for index in order:
            order += [to for to in dict.fromkeys(to for _, _, to in self.made[index].steps) if to not in order]
        number = {old: offset + new for new, old in enumerate(order)}
        phases = [self.made[i].phase for i in order]
        transitions = [
            Transition(number[i], day, rule, ((self.track, number[to]),))
            for i in order
            for day, rule, to in self.made[i].steps
        ]
        return phases, transitions


def _ahead(run: Run, now: int, back: int) -> object:
    """What the future depends on: a start in the past is moved to the next session where that changes nothing."""
    start, origin = run.start - now, run.origin - now
    end = None if run.end is None else run.end - now
    windowed = isinstance(run.planned.part, Give) and run.planned.part.segments[max(run.segment, 0)].window is not None
    if start < -back and not windowed and not isinstance(run.rhythm, Spread):
        start = origin = -back
        if isinstance(run.rhythm, Frequency) and run.rhythm.pattern != "days a week":
            origin = next_day(run.rhythm, run.origin, now - back) - now
    return run.planned.index, run.segment, run.subject, start, end, origin, run.rhythm, run.how


def _sessions_ahead(plan: Plan, span: Span, now: int) -> object:
    """When the sessions of an undecided course come, and whether the first is over: it is assessed from the second."""
    part = plan.parts[span.part].part
    assert isinstance(part, Give)
    rhythm = part.segments[span.segment].rhythm
    if not isinstance(rhythm, Frequency):
        return None
    first = next_day(rhythm, span.start, span.start)
    return next_day(rhythm, span.start, max(now, span.start)) - now, first < now


def _afterwards(p: Planned) -> list[Duration]:
    segments = p.part.segments if isinstance(p.part, Give) else ()
    windows = [s.window for s in segments] + ([p.part.window] if isinstance(p.part, Hold) else [])
    found = [w.after for w in windows if isinstance(w, WindowAround)]
    found += [s.rhythm.offset for s in segments if isinstance(s.rhythm, AroundEach) and s.rhythm.side == "after"]
    return found


def _moved(item: Item, start: int) -> Item:
    if not start:
        return item
    return Item(
        item.day - start, item.hour, item.subject, item.kind, item.amount, item.unit, item.sham, item.details, item.line
    )


def _with_implied(decision: Decision, others: list[Decision], closing: tuple[tuple[int, int], ...]) -> Decision:
    ends, begins = [*decision.ends, *closing], [*decision.begins]
    for other in others:
        if other is not decision and _implies(decision.rule, other.rule):
            ends += other.ends
            begins += other.begins
    return replace(decision, ends=tuple(dict.fromkeys(sorted(ends))), begins=tuple(dict.fromkeys(sorted(begins))))


def _implies(a: Rule, b: Rule) -> bool:
    if (a.outcome, a.negated) == (b.outcome, b.negated):
        return True
    return (a.outcome, a.negated, b.outcome, b.negated) in {
        ("remission", False, "response", False),
        ("response", True, "remission", True),
    }


def _excludes(a: Rule, outcome: str, negated: bool) -> bool:
    """Whether the first rule, having held, settles that the second does not."""
    if a.outcome is None:
        return True
    better = {"remission": ("remission", "response"), "response": ("response",), "relapse": ()}
    if not a.negated:
        met = better[a.outcome]
        return outcome in met if negated else (a.outcome == "relapse") == (outcome == "remission")
    return not negated and (a.outcome == outcome or (a.outcome == "response" and outcome == "remission"))


# ---- what a reader must know ------------------------------------------------------------------------------------


def _notes(plan: Plan) -> list[str]:
    from cotreat.regimen.notes import notes

    return notes(plan)
