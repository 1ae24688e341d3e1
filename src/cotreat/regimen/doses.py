"""Every dose and session of a regimen as rows: for people, for JSON and CSV, and as a NONMEM-style event table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from cotreat.regimen.expand import HORIZON, LONGEST_HORIZON, expand, planned_days
from cotreat.regimen.ledger import Item, Ledger, Mark, Phase, Rule
from cotreat.regimen.quantities import plain
from cotreat.regimen.values import Regimen

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class DoseRow:
    """One item of the dated ledger: ``day`` from day 0 (a Monday), ``week`` from 1 (0 and below before day 0)."""

    day: int
    week: int
    weekday: str
    hour: float
    what: str
    kind: str
    amount: float
    unit: str
    how: str
    line: int
    track: int

    @property
    def clock(self) -> str:
        """The hour as 08:30."""
        minutes = round(self.hour * 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Equal items on the same weekdays of every n-th week: the first of them, the last day, how many."""

    first: DoseRow
    last_day: int
    weekdays: tuple[int, ...]
    every_weeks: int
    count: int

    @property
    def days_text(self) -> str:
        """The days in words: daily, Mon Wed Fri, Mon every 2 weeks; one item is named by its weekday."""
        days = "daily" if len(self.weekdays) == 7 else " ".join(WEEKDAYS[d] for d in self.weekdays)
        return days if self.every_weeks == 1 else f"{days} every {self.every_weeks} weeks"


@dataclass(frozen=True, slots=True)
class Branch:
    """A phase that an outcome leads to; its items count from the day it begins."""

    track: int
    phase: int
    label: str
    reached: tuple[tuple[int, Rule], ...]
    weekday: str
    rows: tuple[DoseRow, ...]


# ---- the dated ledger -------------------------------------------------------------------------------------------


def fitting_horizon(regimen: Regimen) -> int:
    """A year, or as long as the regimen goes on by its own words when that is longer (at most ten years)."""
    return min(max(HORIZON, planned_days(regimen)), LONGEST_HORIZON)


def dated(ledger: Ledger) -> tuple[list[tuple[int, Item]], list[tuple[int, Mark]]]:
    """Items and marks with their track, in calendar days, of the path on which no outcome is ever met.

    A course that runs ``until`` an outcome goes to its limit, a branch is not begun. Days before the horizon only.
    """
    items: list[tuple[int, Item]] = []
    marks: list[tuple[int, Mark]] = []
    for phase, start, end in _planned(ledger):
        last, track = min(end, ledger.horizon) - start, phase.track
        items += [(track, replace(item, day=item.day + start)) for item in phase.items if item.day < last]
        marks += [(track, replace(mark, day=mark.day + start)) for mark in phase.marks if mark.day < last]
    items.sort(key=lambda x: (x[1].day, x[1].hour, x[1].line, x[1].subject))
    marks.sort(key=lambda x: (x[1].day, x[1].line))
    return items, marks


def _planned(ledger: Ledger) -> Iterator[tuple[Phase, int, int]]:
    """Phases of the path without any outcome: phase, day it begins, day it is left."""
    for first in ledger.first:
        index, start = first, 0
        while True:
            phase = ledger.phases[index]
            always = [t for t in ledger.transitions if t.phase == index and t.rule.outcome is None]
            end = start + (phase.length if phase.length is not None else ledger.horizon)
            if not always:
                yield phase, start, end
                break
            leave = min(always, key=lambda t: t.day)
            yield phase, start, start + leave.day
            start += leave.day
            index = dict(leave.set_phases)[phase.track]


def row(item: Item, track: int) -> DoseRow:
    """One item as a row."""
    return DoseRow(
        item.day,
        item.day // 7 + 1,
        WEEKDAYS[item.day % 7],
        item.hour,
        ("sham " if item.sham else "") + item.subject,
        item.kind,
        item.amount,
        item.unit,
        how_text(item.details),
        item.line,
        track,
    )


def dose_rows(regimen: Regimen, horizon: int | None = None) -> list[DoseRow]:
    """Every dose, session and day at a level on the path on which no outcome is met, in order of time."""
    ledger = expand(regimen, fitting_horizon(regimen) if horizon is None else horizon)
    return [row(item, track) for track, item in dated(ledger)[0]]


def branches(ledger: Ledger) -> list[Branch]:
    """Every phase that an outcome leads to."""
    reached: dict[int, list[tuple[int, Rule]]] = {}
    for t in ledger.transitions:
        if t.rule.outcome is not None:
            for _, target in t.set_phases:
                reached.setdefault(target, []).append((t.day, t.rule))
    found = []
    for index, ways in sorted(reached.items()):
        phase = ledger.phases[index]
        rows = [replace(row(i, phase.track), weekday=WEEKDAYS[(i.day + phase.start_weekday) % 7]) for i in phase.items]
        weekday = WEEKDAYS[phase.start_weekday]
        found.append(Branch(phase.track, index, phase.label, tuple(ways), weekday, tuple(rows)))
    return found


def stretches(rows: Iterable[DoseRow]) -> list[Stretch]:
    """Rows joined to stretches of equal items on the same weekdays, in order of their first day."""
    same: dict[object, list[DoseRow]] = {}
    for r in rows:
        same.setdefault((r.what, r.amount, r.unit, r.how, r.line, r.hour), []).append(r)
    found = [stretch for group in same.values() for stretch in _joined(group)]
    return sorted(found, key=lambda s: (s.first.day, s.first.hour, s.first.line))


def _joined(group: list[DoseRow]) -> Iterator[Stretch]:
    weeks: dict[int, list[DoseRow]] = {}
    for r in group:
        weeks.setdefault(r.day // 7, []).append(r)
    run: list[int] = []
    for week in weeks:
        if run and not _goes_on(weeks, run, week):
            yield _stretch(weeks, run)
            run = []
        run.append(week)
    yield _stretch(weeks, run)


def _goes_on(weeks: dict[int, list[DoseRow]], run: list[int], week: int) -> bool:
    """Whether a week repeats the pattern: the same days, or fewer at the very start or end of it."""
    step = run[1] - run[0] if len(run) > 1 else week - run[0]
    if week - run[-1] != step:
        return False
    pattern, here = _weekdays(weeks[run[-1]]), _weekdays(weeks[week])
    if pattern == here:
        return step == 1 or len(here) == 1 or len(run) > 1
    ends_early = step == 1 and here == pattern[: len(here)]
    began_late = step == 1 and len(run) == 1 and pattern == here[len(here) - len(pattern) :]
    return ends_early or began_late


def _weekdays(rows: list[DoseRow]) -> tuple[int, ...]:
    return tuple(r.day % 7 for r in rows)


def _stretch(weeks: dict[int, list[DoseRow]], run: list[int]) -> Stretch:
    rows = [r for week in run for r in weeks[week]]
    pattern = max((_weekdays(weeks[week]) for week in run), key=len)
    return Stretch(rows[0], rows[-1].day, pattern, run[1] - run[0] if len(run) > 1 else 1, len(rows))


# ---- documents --------------------------------------------------------------------------------------------------


def doses_document(regimen: Regimen, horizon: int | None = None) -> dict[str, Any]:
    """What ``cotreat doses --json`` prints, ready for JSON.

    ``items``: the dated ledger of the path on which no outcome is met. ``branches``: what each decision leads to, its
    items counted from the day the branch begins. ``notes``: what no item shows. Hours on the 24-hour clock, days from
    day 0.
    """
    ledger = expand(regimen, fitting_horizon(regimen) if horizon is None else horizon)
    items, marks = dated(ledger)
    return {
        "sentence": str(regimen),
        "horizon_days": ledger.horizon,
        "lead_in_days": ledger.lead_in,
        "before": [{"what": b.subject, "amount": b.amount, "unit": b.unit, "line": b.line} for b in ledger.before],
        "items": [_item(row(item, track), item) for track, item in items],
        "events": [
            {"day": m.day, "kind": m.kind, "what": m.subject, "text": m.text, "line": m.line, "track": track}
            for track, m in marks
        ],
        "branches": [_branch(b, ledger) for b in branches(ledger)],
        "notes": list(ledger.notes),
    }


def _item(r: DoseRow, item: Item) -> dict[str, Any]:
    return {
        "day": r.day,
        "week": r.week,
        "weekday": r.weekday,
        "hour": round(r.hour, 4),
        "clock": r.clock,
        "what": r.what,
        "subject": item.subject,
        "kind": r.kind,
        "amount": r.amount,
        "unit": r.unit,
        "sham": item.sham,
        "details": dict(item.details),
        "line": r.line,
        "track": r.track,
    }


def _branch(b: Branch, ledger: Ledger) -> dict[str, Any]:
    phase = ledger.phases[b.phase]
    return {
        "phase": b.phase,
        "track": b.track,
        "label": b.label,
        "begins_on": b.weekday,
        "length_days": phase.length,
        "reached": [
            {"day_of_phase": day, "outcome": r.outcome, "not": r.negated, "to": r.to, "text": rule_text(r)}
            for day, r in b.reached
        ],
        "items": [_item(r, item) for r, item in zip(b.rows, phase.items, strict=True)],
    }


def rule_text(rule: Rule) -> str:
    """A rule in words."""
    if rule.outcome is None:
        return "always"
    return f"{'no ' if rule.negated else ''}{rule.outcome}" + (f" to {rule.to}" if rule.to else "")


def how_text(details: Iterable[tuple[str, float | str]]) -> str:
    """Qualifiers as one short text."""
    d = dict(details)
    parts = [str(d[k]) for k in ("placement", "format", "route") if k in d]
    if "over_minutes" in d:
        parts.append(f"over {_number(d['over_minutes'])} min")
    for key, unit in (("pulses", "pulses"), ("hertz", "Hz"), ("milliampere", "mA"), ("session_minutes", "min")):
        if key in d:
            parts.append(f"{_number(d[key])} {unit}")
    if "intensity_percent" in d:
        parts.append(f"{_number(d['intensity_percent'])} % {d['threshold']}")
    if "site" in d:
        parts.append(str(d["site"]))
    return ", ".join(parts)


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else plain(value)


COLUMNS = ("day", "week", "weekday", "hour", "what", "kind", "amount", "unit", "how", "line")


def doses_csv(regimen: Regimen, horizon: int | None = None) -> str:
    """The dated ledger as CSV, one row for each item, with a header. ``hour`` is in decimal hours."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in dose_rows(regimen, horizon):
        values = [getattr(r, c) for c in COLUMNS]
        writer.writerow([plain(v) if isinstance(v, float) else v for v in values])
    return out.getvalue()


EVENT_COLUMNS = ("ID", "TIME", "EVID", "MDV", "AMT", "RATE", "CMT", "SS", "II", "TYPE")


def event_table(regimen: Regimen, horizon: int | None = None, weight_kg: float | None = None) -> str:
    """The dated ledger as a NONMEM-style event table (CSV, all columns numeric; read with IGNORE=@ and IGNORE=#).

    One subject, ``TIME`` in hours from midnight of the first day listed. A dose is EVID 1 with AMT in mg, RATE in mg/h
    for an infusion, CMT the number of the drug; a drug taken before is a dose at steady state (SS 1, II 24). A session
    or a day at a target level is EVID 2 with the number of sessions, or the level, in AMT. TYPE is 1 for a dose, 2 for
    a session, 3 for a level, 4 for a dose in mg/kg where ``weight_kg`` is not given (AMT is then in mg/kg). Lines that
    begin with # name the numbers.
    """
    ledger = expand(regimen, fitting_horizon(regimen) if horizon is None else horizon)
    items = [item for _, item in dated(ledger)[0]]
    names = list(dict.fromkeys([b.subject for b in ledger.before] + [i.subject for i in items]))
    first = min([0, *(i.day for i in items)])
    number = {name: k for k, name in enumerate(names, 1)}
    lines = [",".join(EVENT_COLUMNS)]
    lines += [f"# CMT {k} {name}" for name, k in number.items()]
    lines.append(f"# TIME 0 is midnight of day {first}")
    for b in ledger.before:
        if b.amount > 0:
            amount, kind = _in_mg(b.amount, b.unit, weight_kg)
            lines.append(_event(0.0, (1, amount, 0.0, number[b.subject], 1, 24.0, kind)))
    for i in items:
        time = (i.day - first) * 24 + i.hour
        if i.kind == "dose":
            amount, kind = _in_mg(i.amount, i.unit, weight_kg)
            minutes = dict(i.details).get("over_minutes", 0.0)
            rate = amount / (float(minutes) / 60) if minutes else 0.0
            lines.append(_event(time, (1, amount, rate, number[i.subject], 0, 0.0, kind)))
        else:
            amount = 0.0 if i.sham else i.amount
            lines.append(_event(time, (2, amount, 0.0, number[i.subject], 0, 0.0, 2 if i.kind == "session" else 3)))
    return "\n".join(lines) + "\n"


def _in_mg(amount: float, unit: str, weight_kg: float | None) -> tuple[float, int]:
    if unit != "mg/kg":
        return amount, 1
    return (amount, 4) if weight_kg is None else (amount * weight_kg, 1)


def _event(time: float, rest: tuple[int, float, float, int, int, float, int]) -> str:
    evid, amount, rate, cmt, ss, ii, kind = rest
    values = (1, time, evid, 1, amount, rate, cmt, ss, ii, kind)
    return ",".join(plain(float(v)) for v in values)
