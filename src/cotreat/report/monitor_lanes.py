"""Stacked lanes on one time axis: doses, sessions, every rated signal, and the two probabilities.

Withdrawal is drawn solid with round marks, relapse dashed with square ones, so that nothing rests on colour alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotreat.report.axes import Scale, round_ticks, tick_text
from cotreat.report.svg import Frame, drawing, element, line, polyline, ribbon, text

WITHDRAWAL_ARM, RELAPSE_ARM, STRESS_ARM, RATING_ARM = 0, 1, 2, 4
_MOST_MARKS = 400
_MARK_AT = 28
"""Days between the marks on a line of daily values."""


@dataclass(frozen=True)
class Lane:
    """One lane: its label (lines of text), its height, and what is drawn in it given the maps of time and value."""

    label: tuple[str, ...]
    height: float
    draw: Callable[[Scale, float, float], str]
    frame: bool = True


@dataclass
class Lanes:
    """A column of lanes over ``days`` days from ``start``; ``cuts`` are marked through all of them."""

    start: dt.date
    days: int
    cuts: Sequence[int]
    described: str
    lanes: list[Lane] = field(default_factory=list)
    extra_days: int = 0

    def svg(self, narrow: bool) -> str:
        """The drawing, for a wide or a narrow screen."""
        width, left = (360.0, 12.0) if narrow else (860.0, 128.0)
        font = 11.5 if narrow else 12.0
        gap = 26.0 if narrow else 14.0
        top = 20.0 if narrow else 8.0
        height = top + sum(lane.height + gap for lane in self.lanes) + 30.0
        frame = Frame(width, height, left, 42.0 if narrow else 44.0, top, 30.0, font, narrow)
        x = Scale(0.0, float(max(self.days - 1 + self.extra_days, 1)), frame.x0, frame.x1)
        body, y = [], top
        for lane in self.lanes:
            bottom = y + lane.height
            for k, words in enumerate(lane.label[:1] if narrow else lane.label):
                place = (left, y - 6.0) if narrow else (left - 12.0, y + 12.0 + 14.0 * k)
                kind = "row-label" if k == 0 else "row-note"
                body.append(text(*place, words, class_=kind if narrow else f"{kind} end"))
            if lane.frame:
                body.append(line(x(0), bottom, frame.x1, bottom, class_="base"))
            body.append(lane.draw(x, y, bottom))
            y = bottom + gap
        marks = [
            line(x(c), top, x(c), y - gap, class_="cross", stroke_dasharray="2 3", stroke_opacity=0.55)
            for c in self.cuts
        ]
        if self.extra_days:
            marks.append(line(x(self.days - 1), top, x(self.days - 1), y - gap, class_="zero"))
        body = marks + body + self._axis(x, y - gap, narrow)
        return drawing(frame, "".join(body), self.described, class_="lanes")

    def _axis(self, x: Scale, y: float, narrow: bool) -> list[str]:
        most = 4 if narrow else 9
        total = self.days + self.extra_days
        step = next((s for s in (1, 2, 7, 14, 28, 56, 91, 182, 364) if total / s <= most), 728)
        parts = []
        for day in range(0, total, step):
            date = self.start + dt.timedelta(days=day)
            parts.append(line(x(day), y, x(day), y + 5, class_="base"))
            words = f"{date.day} {date:%b}" if step < 300 else f"{date:%b %Y}"
            parts.append(text(x(day), y + 19, words, class_="tick" if narrow and not day else "tick mid"))
        return parts


def dose_lane(drug: str, unit: str, planned: Sequence[float], taken: Sequence[float]) -> Lane:
    """What was prescribed (dashed outline) and what was taken (solid) each day."""
    top = max([*planned, *taken, 1e-9])

    def draw(x: Scale, y0: float, y1: float) -> str:
        y = Scale(0.0, top, y1, y0 + 4)
        given = ribbon(*_steps(x, y, taken, y1))
        outline = polyline(_stairs(x, y, planned))
        labels, last = [], None
        for day, amount in enumerate(planned):
            if amount != last:
                right = x(day) > x.end - 34
                place = x(day) - 3 if right else x(day) + 3
                labels.append(
                    text(
                        place,
                        min(y(amount) + 12, y1 - 4),
                        f"{amount:g}",
                        class_="tick end" if right else "tick",
                    )
                )
                last = amount
        return element(
            "g",
            element("path", class_="level", d=given)
            + element("path", class_="median", d=outline, stroke_dasharray="5 3"),
            class_=f"a{RATING_ARM}",
        ) + "".join(labels)

    return Lane((drug, unit), 52.0, draw)


def _stairs(x: Scale, y: Scale, values: Sequence[float]) -> list[tuple[float, float]]:
    points = []
    for day, value in enumerate(values):
        points += [(x(day), y(value)), (x(day + 1) if day + 1 < len(values) else x(day), y(value))]
    return points


def _steps(x: Scale, y: Scale, values: Sequence[float], base: float) -> tuple[list[float], list[float], list[float]]:
    points = _stairs(x, y, values)
    return [p[0] for p in points], [base] * len(points), [p[1] for p in points]


def session_lane(label: str, days: Sequence[int]) -> Lane:
    """A tick for every day with a session."""

    def draw(x: Scale, y0: float, y1: float) -> str:
        ticks = "".join(f"M{x(d):.1f} {y0 + 2:.1f}L{x(d):.1f} {y1 - 2:.1f}" for d in days)
        return element("g", element("path", class_="session", d=ticks), class_="a3")

    return Lane((label,), 20.0, draw)


def event_lane(label: str, events: Sequence[tuple[int, str]]) -> Lane:
    """A mark and a word for every event."""

    def draw(x: Scale, y0: float, y1: float) -> str:
        parts = []
        for day, words in events:
            right = x(day) > x.end - 80
            place = x(day) - 7 if right else x(day) + 7
            parts.append(element("path", class_="observed", d=f"M{x(day):.1f} {y0 + 3:.1f}l6 6l-6 6l-6 -6Z"))
            parts.append(text(place, y0 + 13, words[:24], class_="tick end" if right else "tick"))
        return "".join(parts)

    return Lane((label,), 20.0, draw, frame=False)


@dataclass(frozen=True)
class Rated:
    """Ratings of one signal, the person's usual range by day, and the named bands of the scale."""

    name: str
    note: str
    low: float
    high: float
    ratings: Sequence[tuple[int, float]]
    usual: Sequence[tuple[float, float]]
    expected: Sequence[float]
    bands: Sequence[tuple[str, float]]


def _grid(x: Scale, y: Scale, ticks: list[float]) -> list[str]:
    """A line across the lane at each tick, with its number at the right."""
    drawn = []
    for tick in ticks:
        drawn.append(line(x.start, y(tick), x.end, y(tick), class_="grid"))
        drawn.append(text(x.end + 4, y(tick) + 4, tick_text(tick, ticks), class_="tick"))
    return drawn


def rating_lane(rated: Rated) -> Lane:
    """Ratings as dots, what the filter expects as a line, the usual range as a band, cut-offs of the scale as lines."""
    values = [v for _, v in rated.ratings] + [b for pair in rated.usual for b in pair] + list(rated.expected)
    low = max(rated.low, min(values, default=rated.low))
    high = min(rated.high, max(values, default=rated.high))
    ticks = round_ticks(low, high if high > low else low + 1, 3)

    def draw(x: Scale, y0: float, y1: float) -> str:
        y = Scale(ticks[0], ticks[-1], y1, y0 + 4)
        parts = _grid(x, y, ticks)
        for name, start in rated.bands:
            if ticks[0] < start < ticks[-1]:
                parts.append(line(x.start, y(start), x.end, y(start), class_="base", stroke_dasharray="1 4"))
                parts.append(text(x.start + 3, y(start) - 3, name, class_="tick"))
        days = [x(d) for d in range(len(rated.usual))]
        clip = [(max(a, ticks[0]), min(b, ticks[-1])) for a, b in rated.usual]
        band = ribbon(days, [y(a) for a, _ in clip], [y(b) for _, b in clip])
        inside = [min(max(v, ticks[0]), ticks[-1]) for v in rated.expected]
        course = polyline(zip(days, [y(v) for v in inside], strict=True))
        marks = "".join(_dot(x(d), y(v)) for d, v in rated.ratings[-_MOST_MARKS:])
        drawn = element("path", class_="band outer", d=band) + element("path", class_="chance", d=course) + marks
        return "".join(parts) + element("g", drawn, class_=f"a{RATING_ARM}")

    return Lane((rated.name, rated.note), 74.0, draw)


def _dot(x: float, y: float) -> str:
    return element("circle", class_="mark", cx=x, cy=y, r=2.6)


def _square(x: float, y: float) -> str:
    return element("rect", class_="mark", x=x - 3, y=y - 3, width=6, height=6)


def chance_lane(
    label: tuple[str, str], withdrawal: Sequence[float], relapse: Sequence[float], names: tuple[str, str]
) -> Lane:
    """The two probabilities by day."""

    def draw(x: Scale, y0: float, y1: float) -> str:
        y = Scale(0.0, 1.0, y1, y0 + 4)
        parts = []
        for tick in (0.0, 0.5, 1.0):
            parts.append(line(x.start, y(tick), x.end, y(tick), class_="grid"))
            parts.append(text(x.end + 4, y(tick) + 4, f"{100 * tick:g} %", class_="tick"))
        for arm, values, dash, mark in (
            (WITHDRAWAL_ARM, withdrawal, "", _dot),
            (RELAPSE_ARM, relapse, "7 4", _square),
        ):
            path = polyline([(x(d), y(v)) for d, v in enumerate(values)])
            stroke = {"stroke_dasharray": dash} if dash else {}
            marks = "".join(mark(x(d), y(values[d])) for d in range(len(values) - 1, -1, -_MARK_AT))
            parts.append(element("g", element("path", class_="median", d=path, **stroke) + marks, class_=f"a{arm}"))
        return "".join(parts)

    return Lane((*label, f"● {names[0]}", f"■ {names[1]}"), 96.0, draw)


def word_lane(label: str, words: Sequence[str], short: Mapping[str, str]) -> Lane:
    """A strip that says which word each day has; days that cannot be told are left blank."""

    def draw(x: Scale, y0: float, y1: float) -> str:
        parts, day = [], 0
        while day < len(words):
            last = day
            while last + 1 < len(words) and words[last + 1] == words[day]:
                last += 1
            if words[day] in short:
                arm = {"more like withdrawal": WITHDRAWAL_ARM, "more like relapse": RELAPSE_ARM}.get(words[day], 3)
                left, wide = x(day), max(x(last) - x(day), 2.0)
                box = element("rect", class_="level", x=left, y=y0 + 2, width=wide, height=y1 - y0 - 4, rx=2)
                parts.append(element("g", box, class_=f"a{arm}"))
                if wide > 26:
                    parts.append(text(left + wide / 2, y0 + 15, short[words[day]], class_="tick mid"))
            day = last + 1
        return "".join(parts)

    return Lane((label,), 22.0, draw)


def part_lane(name: str, parts: Sequence[tuple[int, Sequence[float]]], unit: str) -> Lane:
    """What relapse, withdrawal and ups and downs add to a signal, by day, in its own points."""
    top = max([0.1, *(v for _, values in parts for v in values)])
    low = min([0.0, *(v for _, values in parts for v in values)])
    ticks = round_ticks(low, top, 3)

    def draw(x: Scale, y0: float, y1: float) -> str:
        y = Scale(ticks[0], ticks[-1], y1, y0 + 4)
        drawn = _grid(x, y, ticks)
        for arm, values in parts:
            dash = {RELAPSE_ARM: "7 4", STRESS_ARM: "2 3.5"}.get(arm, "")
            stroke: dict[str, Any] = {"stroke_dasharray": dash} if dash else {}
            path = polyline([(x(d), y(v)) for d, v in enumerate(values)])
            marker = {WITHDRAWAL_ARM: _dot, RELAPSE_ARM: _square}.get(arm)
            marks = (
                ""
                if marker is None
                else "".join(marker(x(d), y(values[d])) for d in range(len(values) - 1, -1, -_MARK_AT))
            )
            drawn.append(element("g", element("path", class_="median", d=path, **stroke) + marks, class_=f"a{arm}"))
        return "".join(drawn)

    return Lane((name, unit), 64.0, draw)


def fan_lane(
    name: str, note: str, ratings: Sequence[tuple[int, float]], fan: Sequence[Mapping[str, Any]], last: int
) -> Lane:
    """Past ratings, and the forecast with its 50, 80 and 95 % intervals."""
    values = [v for _, v in ratings] + [v for row in fan for v in row["pi95"]]
    ticks = round_ticks(min(values), max(values) if max(values) > min(values) else min(values) + 1, 3)

    def draw(x: Scale, y0: float, y1: float) -> str:
        y = Scale(ticks[0], ticks[-1], y1, y0 + 4)
        parts = _grid(x, y, ticks)
        days = [x(last + row["days_ahead"]) for row in fan]
        bands = "".join(
            element(
                "path", class_=f"band {kind}", d=ribbon(days, [y(r[pi][0]) for r in fan], [y(r[pi][1]) for r in fan])
            )
            for pi, kind in (("pi95", "outer"), ("pi80", "inner"), ("pi50", "inner"))
        )
        course = element("path", class_="median", d=polyline(zip(days, [y(r["median"]) for r in fan], strict=True)))
        marks = "".join(_dot(x(d), y(v)) for d, v in ratings)
        return "".join(parts) + element("g", bands + course + marks, class_=f"a{RATING_ARM}")

    return Lane((name, note), 84.0, draw)
