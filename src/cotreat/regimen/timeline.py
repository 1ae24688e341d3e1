"""The timeline of a regimen: doses as steps, sessions as ticks, as data and as an SVG figure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from cotreat.regimen.doses import dated, fitting_horizon
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Item, Ledger, Mark
from cotreat.regimen.quantities import plain
from cotreat.regimen.values import Regimen

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5b5b")
"""Okabe and Ito's palette, told apart with any colour vision; the lane's name says the same as its colour."""


@dataclass(frozen=True, slots=True)
class Step:
    """One dose or level held over days [from_day, to_day); ``amount`` is the day's total."""

    from_day: int
    to_day: int
    amount: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One subject over time. ``days`` holds the session days; ``steps`` the doses or levels of a drug.

    ``conditional``: it is reached only after a decision, and is dated here as if no outcome had been met before.
    """

    subject: str
    kind: str
    unit: str
    days: tuple[int, ...]
    steps: tuple[Step, ...]
    conditional: bool

    @property
    def from_day(self) -> int:
        """First day of the lane."""
        return min([*self.days, *(s.from_day for s in self.steps)])

    @property
    def to_day(self) -> int:
        """Day after the last of the lane."""
        return max([*(d + 1 for d in self.days), *(s.to_day for s in self.steps)])


@dataclass(frozen=True, slots=True)
class Timeline:
    """Lanes in order of first day, marks, and visits at which a decision may fall."""

    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    decisions: tuple[int, ...]
    first_day: int
    last_day: int


def timeline(regimen: Regimen, horizon: int | None = None) -> Timeline:
    """The timeline of the path on which no outcome is met."""
    ledger = expand(regimen, fitting_horizon(regimen) if horizon is None else horizon)
    items, marks = dated(ledger)
    certain = _certain_days(ledger)
    by_subject: dict[tuple[str, str, str, bool], list[Item]] = {}
    for track, item in items:
        key = (("sham " if item.sham else "") + item.subject, item.kind, item.unit, item.day >= certain[track])
        by_subject.setdefault(key, []).append(item)
    lanes = [_lane(key, found) for key, found in by_subject.items()]
    lanes.sort(key=lambda x: (x.conditional, x.from_day, x.kind != "session", x.subject))
    decisions = sorted({t.day for t in ledger.transitions if t.phase in ledger.first and t.rule.outcome is not None})
    first = min([0, *(x.from_day for x in lanes)])
    last = max([7, *(x.to_day for x in lanes)])
    return Timeline(tuple(lanes), tuple(m for _, m in marks), tuple(decisions), first, last)


def _certain_days(ledger: Ledger) -> dict[int, int]:
    """For each track the day from which what is shown has followed on a decision."""
    found = {}
    for first in ledger.first:
        always = [t.day for t in ledger.transitions if t.phase == first and t.rule.outcome is None]
        found[ledger.phases[first].track] = min(always, default=1 << 20)
    return found


def _lane(key: tuple[str, str, str, bool], items: list[Item]) -> Lane:
    subject, kind, unit, conditional = key
    if kind == "session":
        return Lane(subject, kind, unit, tuple(i.day for i in items), (), conditional)
    totals: dict[int, float] = {}
    for item in items:
        totals[item.day] = totals.get(item.day, 0.0) + (
            item.amount if kind == "dose" else item.amount - totals.get(item.day, 0.0)
        )
    steps: list[Step] = []
    for day in sorted(totals):
        amount = round(totals[day], 6)
        if steps and steps[-1].to_day == day and steps[-1].amount == amount:
            steps[-1] = Step(steps[-1].from_day, day + 1, amount)
        else:
            steps.append(Step(day, day + 1, amount))
    return Lane(subject, kind, unit, (), tuple(steps), conditional)


def timeline_document(regimen: Regimen, horizon: int | None = None) -> list[dict[str, Any]]:
    """The lanes as plain data: one entry for each session lane, one for each step of a dose or level."""
    found: list[dict[str, Any]] = []
    for lane in timeline(regimen, horizon).lanes:
        base = {"subject": lane.subject, "kind": lane.kind, "conditional": lane.conditional}
        if lane.kind == "session":
            days = list(lane.days)
            found.append(
                base
                | {"from_day": lane.from_day, "to_day": lane.to_day, "days": days, "amount": 1.0, "unit": lane.unit}
            )
        else:
            found += [
                base | {"from_day": s.from_day, "to_day": s.to_day, "days": [], "amount": s.amount, "unit": lane.unit}
                for s in lane.steps
            ]
    return found


# ---- figure -----------------------------------------------------------------------------------------------------

_LEFT, _TOP, _LANE, _WIDTH, _RIGHT = 190, 34, 52, 900, 24


def timeline_svg(regimen: Regimen, horizon: int | None = None, title: str = "What is given when") -> str:
    """The timeline as one SVG document: weeks across, a lane for each subject, decisions as dashed lines.

    Readable in black and white: sessions are ticks, doses steps with their amount written on them; lanes after a
    decision are drawn dashed and named so.
    """
    t = timeline(regimen, horizon)
    height = _TOP + _LANE * max(1, len(t.lanes)) + 40
    span = max(1, t.last_day - t.first_day)
    scale = (_WIDTH - _LEFT - _RIGHT) / span

    def x(day: float) -> float:
        return round(_LEFT + (day - t.first_day) * scale, 2)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title, quote=True)}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    bottom = height - 34
    for day in range(t.first_day - t.first_day % 7, t.last_day + 1, _grid(span)):
        if day >= t.first_day:
            out.append(f'<line x1="{x(day)}" y1="{_TOP - 8}" x2="{x(day)}" y2="{bottom}" stroke="#e3e3e3"/>')
            out.append(f'<text x="{x(day)}" y="{bottom + 16}" text-anchor="middle" fill="#444444">{day // 7}</text>')
    out.append(f'<text x="{_LEFT}" y="{height - 4}" fill="#444444">weeks from day 0</text>')
    out += [
        f'<line x1="{x(day)}" y1="{_TOP - 12}" x2="{x(day)}" y2="{bottom}" stroke="#888888" stroke-dasharray="2 4">'
        f"<title>decision at the visit on day {day}</title></line>"
        for day in t.decisions
    ]
    subjects = list(dict.fromkeys(lane.subject for lane in t.lanes))
    for number, lane in enumerate(t.lanes):
        colour = COLOURS[subjects.index(lane.subject) % len(COLOURS)]
        out += _drawn(lane, _TOP + number * _LANE, colour, x)
    if not t.lanes:
        out.append(f'<text x="{_LEFT}" y="{_TOP + 20}" fill="#444444">nothing is given</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _grid(span: int) -> int:
    """Days between grid lines, so that there are at most about 16."""
    for weeks in (1, 2, 4, 8, 13, 26, 52):
        if span <= 16 * 7 * weeks:
            return 7 * weeks
    return 7 * 104


def _drawn(lane: Lane, top: int, colour: str, x: Any) -> list[str]:
    base = top + _LANE - 14
    name = lane.subject + (" (after a decision)" if lane.conditional else "")
    dash = ' stroke-dasharray="4 3"' if lane.conditional else ""
    out = [
        f'<g aria-label="{escape(name, quote=True)}">',
        f'<text x="8" y="{base - 8}" fill="#1b1b1b">{escape(lane.subject)}</text>',
        f'<text x="8" y="{base + 6}" font-size="11" fill="#555555">{escape(_below(lane))}</text>',
        f'<line x1="{_LEFT}" y1="{base}" x2="{_WIDTH - _RIGHT}" y2="{base}" stroke="#c9c9c9"/>',
    ]
    for day in dict.fromkeys(lane.days):
        n = lane.days.count(day)
        label = f"day {day}" + (f", {n} sessions" if n > 1 else "")
        out.append(
            f'<line x1="{x(day)}" y1="{base}" x2="{x(day)}" y2="{base - 22}" stroke="{colour}" stroke-width="2"{dash}>'
            f"<title>{escape(lane.subject)}, {label}</title></line>"
        )
    highest = max((s.amount for s in lane.steps), default=1.0)
    free_from, last = -1e9, -1.0
    for step in lane.steps:
        high = round(6 + 22 * step.amount / highest, 2)
        left, right = x(step.from_day), x(step.to_day)
        text = f"{plain(step.amount)} {lane.unit}"
        out.append(
            f'<rect x="{left}" y="{base - high}" width="{max(round(right - left, 2), 1)}" height="{high}" '
            f'fill="{colour}" fill-opacity="0.25" stroke="{colour}"{dash}>'
            f"<title>{escape(lane.subject)} {escape(text)}, day {step.from_day} to day {step.to_day - 1}</title></rect>"
        )
        if left >= free_from and step.amount != last:
            out.append(
                f'<text x="{left + 2}" y="{base - high - 2}" font-size="10" fill="#333333">{escape(text)}</text>'
            )
            free_from, last = left + 7 * len(text), step.amount
    out.append("</g>")
    return out


def _below(lane: Lane) -> str:
    if lane.kind == "session":
        text = f"{len(lane.days)} sessions"
    else:
        text = "plasma level" if lane.kind == "level" else f"{lane.unit} a day"
    return text + (", after a decision" if lane.conditional else "")
