"""Drawings of a report as SVG: curves with bands, dots with intervals, and what is given when.

Each drawing is made twice, wide and narrow, and the style sheet shows one. Two kinds of spread never look alike:
what is not known about the model is a filled band or bar, the spread between patients (or chance in a trial) is a
thin line with end caps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cotreat.report.axes import Scale, round_ticks, tick_text, time_ticks, time_unit
from cotreat.report.document import Arm, Curve, Given, Interval
from cotreat.report.svg import (
    ARM_STYLES,
    DASHES,
    Frame,
    drawing,
    element,
    line,
    mark,
    num,
    polyline,
    ribbon,
    text,
    whisker,
)
from cotreat.report.words import (
    PATIENTS,
    UNKNOWN,
    fold,
    is_per_100,
    plain_digits,
    short,
    text_width,
    when,
    with_interval,
)

WIDE, NARROW = 760.0, 360.0

# Width of an average letter in user units, on the generous side: fonts differ between machines.
LETTER = 6.6


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One row of a dot-and-interval drawing.

    ``thick`` is drawn as a filled bar, ``thin`` as a line with caps; ``observed`` is a separate open diamond.
    ``values`` is the text at the right.
    """

    label: str
    arm: int
    median: float | None
    thick: Interval | None
    thin: Interval | None
    values: str
    observed: float | None = None


@dataclass(frozen=True, slots=True)
class IntervalAxis:
    """The axis of a dot-and-interval drawing. ``zero``: draw the line of no difference, with a word on each side.

    ``nested``: the thin interval encloses the thick one and is drawn through it rather than below it.
    """

    title: str
    low: float | None = None
    high: float | None = None
    zero: tuple[str, str] | None = None
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of the time axis that is shaded, in days, and what it means. ``kind``: "stopped" or "course"."""

    start: float
    end: float
    text: str
    kind: str = "stopped"


@dataclass(frozen=True, slots=True)
class Caption:
    """What every drawing carries: a description for those who do not see it, and the stamp."""

    label: str
    stamp: str


def arm_class(arm: int) -> str:
    """The style-sheet class of an arm's colour."""
    return f"a{arm % ARM_STYLES}"


# Curves ------------------------------------------------------------------------------------------------------------


def curve_chart(
    curves: Sequence[Curve], arms: Mapping[str, int], caption: Caption, narrow: bool, shades: Sequence[Shade] = ()
) -> str:
    """Median curves of one measure with bands, one line per arm.

    ``arms`` maps the name of an arm to its number (colour, dash and mark). The plot area and the scales are written
    into ``data-`` attributes, so that a script can place a crosshair.
    """
    frame = _curve_frame(narrow)
    days = [d for c in curves for d in (c.days[0], c.days[-1])]
    x = Scale(min(days), max(days), frame.x0, frame.x1)
    ticks = _value_ticks(curves, 5 if narrow else 7)
    y = Scale(ticks[0], ticks[-1], frame.y1, frame.y0)
    unit = time_unit(x.low, x.high)
    parts = [_shade(s, x, frame) for s in shades]
    parts += [_value_axis(frame, y, ticks), _time_axis(frame, x, 5 if narrow else 9)]
    parts.append(text(frame.x0 - (26 if narrow else 34), frame.y0 - 14, _value_title(curves[0]), class_="axis-title"))
    parts.append(_foot(frame, frame.y1 + 34, caption.stamp, f"{unit.name}s since {curves[0].since}"))
    parts += [
        element("g", _bands(c, x, y), class_=f"arm {arm_class(arms[c.arm])}", data_arm=arms[c.arm]) for c in curves
    ]
    for order, c in enumerate(curves):
        body = _patients(c, x, y, (order - (len(curves) - 1) / 2) * (8 if narrow else 9))
        if body:
            parts.append(_of_arm(arms[c.arm], body))
    for c in curves:
        parts.append(
            element("g", _median(c, arms[c.arm], x, y), class_=f"arm {arm_class(arms[c.arm])}", data_arm=arms[c.arm])
        )
    if not narrow:
        parts.append(_end_labels(curves, arms, y, frame))
    parts.append(element("g", element("line", class_="cross", x1=0, x2=0, y1=frame.y0, y2=frame.y1), class_="cursor"))
    plot = " ".join(num(v) for v in (frame.x0, frame.x1, frame.y0, frame.y1))
    scales = f"{short(x.low)} {short(x.high)} {short(y.low)} {short(y.high)}".replace("\N{MINUS SIGN}", "-")
    kind = "curves crowded" if len(curves) > 2 else "curves"
    return drawing(frame, "".join(parts), caption.label, class_=kind, data_plot=plot, data_scales=scales)


def _shade(shade: Shade, x: Scale, frame: Frame) -> str:
    start, end = (min(max(x(d), frame.x0), frame.x1) for d in (shade.start, shade.end))
    size = {"x": start, "y": frame.y0, "width": max(end - start, 1.0), "height": frame.y1 - frame.y0}
    return element("rect", class_=f"shade {shade.kind}", **size)


def _foot(frame: Frame, y: float, stamp: str, title: str) -> str:
    """The title of the horizontal axis at the right and the stamp at the left; narrow, the stamp goes below."""
    start = min(frame.x0, 14) if frame.narrow else 0.0
    room = (frame.x1 - start) / LETTER - (0 if frame.narrow else text_width(title) + 4)
    shown = text(start, y + (16 if frame.narrow else 0), fold(stamp, room, 1)[0], class_="stamp")
    return shown + text(frame.x1, y, title, class_="axis-title end")


def _of_arm(arm: int, body: str) -> str:
    return element("g", body, class_=f"arm {arm_class(arm)}", data_arm=arm) if body else ""


def _frame(narrow: bool, height: float, left: float, right: float, top: float, bottom: float) -> Frame:
    """A frame with labels left and right of the plot; narrow, they stand above it."""
    if narrow:
        return Frame(NARROW, height, 14, 14, top, bottom, font=12, narrow=True)
    return Frame(WIDE, height, left, right, top, bottom)


def _curve_frame(narrow: bool) -> Frame:
    if narrow:
        return Frame(NARROW, 316, 32, 10, 30, 60, font=12, narrow=True)
    return Frame(WIDE, 380, 40, 152, 32, 46)


def _value_ticks(curves: Sequence[Curve], most: int) -> list[float]:
    if is_per_100(curves[0].unit):
        return [0.0, 25.0, 50.0, 75.0, 100.0] if most < 7 else [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    series = [v for c in curves for v in c.median]
    for band in (b for c in curves for b in (c.unknown95, c.patients50, c.patients90) if b):
        series += [*band[0], *band[1]]
    return round_ticks(min(0.0, *series), max(series), most)


def _value_title(curve: Curve) -> str:
    unit = curve.unit or ""
    return unit if is_per_100(unit) or curve.measure.split()[0] in unit else f"{curve.measure} ({unit})" if unit else ""


def _value_axis(frame: Frame, y: Scale, ticks: Sequence[float]) -> str:
    marks = [line(frame.x0, y(t), frame.x1, y(t), class_="base" if t == ticks[0] else "grid") for t in ticks]
    names = [text(frame.x0 - 7, y(t) + 4, tick_text(t, list(ticks)), class_="tick end") for t in ticks]
    return "".join([*marks, *names])


def _time_axis(frame: Frame, x: Scale, most: int) -> str:
    unit = time_unit(x.low, x.high)
    parts = []
    for day in time_ticks(x.low, x.high, most):
        parts.append(line(x(day), frame.y1, x(day), frame.y1 + 4, class_="base"))
        parts.append(text(x(day), frame.y1 + 17, short(round(day / unit.days, 3)), class_="tick mid"))
    return "".join(parts)


def _bands(curve: Curve, x: Scale, y: Scale) -> str:
    xs = [x(d) for d in curve.days]
    parts = []
    for band, name in ((curve.unknown95, "band outer"), (curve.unknown50, "band inner")):
        if band:
            path = ribbon(xs, [y(v) for v in band[0]], [y(v) for v in band[1]])
            parts.append(element("path", class_=name, d=path))
    return "".join(parts)


def _patients(curve: Curve, x: Scale, y: Scale, shift: float) -> str:
    """The spread between patients at about six visits, as open boxes on capped lines, side by side for the arms."""
    if not (curve.patients50 or curve.patients90):
        return ""
    parts = []
    for i in _visits(curve, x):
        centre = x(curve.days[i]) + shift
        if curve.patients90:
            low, high = curve.patients90[0][i], curve.patients90[1][i]
            parts.append(whisker((centre, y(low)), (centre, y(high)), 2.5, class_="patients"))
        if curve.patients50:
            low, high = curve.patients50[0][i], curve.patients50[1][i]
            parts.append(
                element("rect", class_="patients box", x=centre - 3, y=y(high), width=6, height=y(low) - y(high))
            )
    return element("g", "".join(parts), class_="patients-layer")


def _visits(curve: Curve, x: Scale) -> list[int]:
    """Indices of about six days, evenly spaced on the axis and away from its ends."""
    chosen: list[int] = []
    for k in range(1, 7):
        target = x.start + (k - 0.4) / 6 * (x.end - x.start)
        index = min(range(len(curve.days)), key=lambda i: abs(x(curve.days[i]) - target))
        near = abs(x(curve.days[index]) - target) < (x.end - x.start) / 9
        if near and index not in chosen:
            chosen.append(index)
    return chosen


def _median(curve: Curve, arm: int, x: Scale, y: Scale) -> str:
    points = [(x(d), y(v)) for d, v in zip(curve.days, curve.median, strict=True)]
    path = polyline(points)
    dash = DASHES[arm % ARM_STYLES]
    shown = element("path", class_="median", d=path, **({"stroke_dasharray": dash} if dash else {}))
    return element("path", class_="halo", d=path) + shown + mark(arm, *points[-1])


def _end_labels(curves: Sequence[Curve], arms: Mapping[str, int], y: Scale, frame: Frame) -> str:
    """Names at the ends of the curves, moved apart where they would overlap, with a thin line back to the curve."""
    names = [(c, fold(c.arm, 19, 2)) for c in sorted(curves, key=lambda c: -c.median[-1])]
    tops: list[float] = []
    for c, lines in names:
        wanted = y(c.median[-1]) - len(lines) * 7.5
        tops.append(max(wanted, tops[-1] if tops else frame.y0 - 8))
        tops[-1] = max(tops[-1], frame.y0 - 8)
        tops.append(tops[-1] + len(lines) * 15 + 6)
    parts = []
    overflow = max(0.0, tops[-1] - frame.y1 - 8) if tops else 0.0
    for (c, lines), top in zip(names, tops[::2], strict=True):
        place, target = top - overflow, y(c.median[-1])
        middle = place + len(lines) * 7.5
        body = ""
        if abs(middle - target) > 6:
            body += element("path", class_="leader", d=polyline([(frame.x1 + 7, target), (frame.x1 + 15, middle)]))
        for k, words in enumerate(lines):
            body += text(frame.x1 + 18, place + 11.5 + 15 * k, words, class_="end-label")
        parts.append(_of_arm(arms[c.arm], body))
    return "".join(parts)


# Dots with intervals -----------------------------------------------------------------------------------------------


def interval_chart(rows: Sequence[IntervalRow], axis: IntervalAxis, caption: Caption, narrow: bool) -> str:
    """One row per arm or comparison: a dot at the median, a filled bar and a capped line for the two spreads."""
    labels = [fold(row.label, 40 if narrow else 30, 2) for row in rows]
    # Narrow: the values stand beside the last line of the label where both fit, else on a line of their own.
    apart = [text_width(lines[-1]) + text_width(row.values) > 46 for lines, row in zip(labels, rows, strict=True)]
    steps = [
        40 + 16 * (len(lines) + own_line) if narrow else 46 + 7 * (len(lines) - 1)
        for lines, own_line in zip(labels, apart, strict=True)
    ]
    top = 8.0
    height = top + sum(steps) + 46 + (17 if axis.zero else 0) + (16 + (17 if axis.zero else 0) if narrow else 0)
    frame = _frame(narrow, height, 220, 150, top, height - top - sum(steps))
    ticks = _interval_ticks(rows, axis, 5 if narrow else 7)
    x = Scale(ticks[0], ticks[-1], frame.x0, frame.x1)
    parts = [line(x(t), frame.y0, x(t), frame.y1, class_="grid") for t in ticks]
    parts += [text(x(t), frame.y1 + 16, tick_text(t, ticks), class_="tick mid") for t in ticks]
    parts.append(line(frame.x0, frame.y1, frame.x1, frame.y1, class_="base"))
    parts.append(_interval_footer(frame, x, axis, caption.stamp))
    place = frame.y0
    for row, lines, step in zip(rows, labels, steps, strict=True):
        parts.append(
            element("g", _interval_row(row, lines, (place, step), (x, frame, axis)), class_=arm_class(row.arm))
        )
        place += step
    return drawing(frame, "".join(parts), caption.label, class_="intervals")


def _interval_ticks(rows: Sequence[IntervalRow], axis: IntervalAxis, most: int) -> list[float]:
    values = [v for r in rows for v in (r.median, r.observed) if v is not None]
    values += [v for r in rows for pair in (r.thick, r.thin) if pair for v in pair]
    values += [v for v in (axis.low, axis.high, 0.0 if axis.zero else None) if v is not None]
    return round_ticks(min(values, default=0.0), max(values, default=1.0), most)


def _interval_footer(frame: Frame, x: Scale, axis: IntervalAxis, stamp: str) -> str:
    parts = []
    below = frame.y1 + 34
    if axis.zero:
        parts.append(line(x(0), frame.y0, x(0), frame.y1, class_="zero"))
        most = (frame.width - 24) / (LETTER if frame.narrow else 2 * LETTER)
        lower, higher = (fold(w, most, 1)[0] for w in axis.zero)
        anchor = min(max(x(0), text_width(lower) * LETTER + 24), frame.width - text_width(higher) * LETTER - 24)
        if frame.narrow:
            parts.append(text(frame.x0, below, f"\u2190 {lower}", class_="tick"))
            below += 17
            parts.append(text(frame.x1, below, f"{higher} \u2192", class_="tick end"))
        else:
            parts.append(text(anchor - 9, below, f"\u2190 {lower}", class_="tick end"))
            parts.append(text(anchor + 9, below, f"{higher} \u2192", class_="tick"))
        below += 17
    parts.append(_foot(frame, below, stamp, axis.title))
    return "".join(parts)


def _interval_row(
    row: IntervalRow, lines: Sequence[str], place: tuple[float, float], area: tuple[Scale, Frame, IntervalAxis]
) -> str:
    x, frame, axis = area
    top, step = place
    parts = []
    if frame.narrow:
        parts += [text(frame.x0, top + 16 + 16 * k, words, class_="row-label") for k, words in enumerate(lines)]
        last = top + step - 40
        parts.append(text(frame.x1, last, row.values, class_="row-value end"))
        centre = last + 14
    else:
        first = top + step / 2 - 7.5 * (len(lines) - 1) + 1
        parts += [text(0, first + 15 * k, words, class_="row-label") for k, words in enumerate(lines)]
        parts.append(text(frame.x1 + 16, top + step / 2 + 1, row.values, class_="row-value"))
        centre = top + step / 2 - (3 if row.thin and not axis.nested else 0)
    if row.thick:
        low, high = (x(v) for v in row.thick)
        parts.append(element("rect", class_="unknown", x=low, y=centre - 6, width=max(high - low, 1), height=12, rx=3))
    if row.thin:
        level = centre if axis.nested else centre + 13
        parts.append(whisker((x(row.thin[0]), level), (x(row.thin[1]), level), 3.5, class_="chance"))
    if row.median is not None:
        parts.append(mark(row.arm, x(row.median), centre, 4.6))
    if row.observed is not None:
        parts.append(_observed(x(row.observed), centre))
    return "".join(parts)


def _observed(x: float, y: float) -> str:
    reach = 7.5
    corners = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
    return element("path", class_="observed", d=polyline(corners) + "Z")


# What is given when ------------------------------------------------------------------------------------------------


def timeline_chart(arm: Arm, index: int, span: Interval, caption: Caption, narrow: bool) -> str:
    """One lane per subject: marks for sessions and single doses, bars for what goes on; dashed when it depends.

    ``span`` is the first and last day of the time axis, the same for all arms of a page.
    """
    lanes: dict[str, list[Given]] = {}
    for given in arm.timeline:
        lanes.setdefault(given.subject, []).append(given)
    step = 48.0 if narrow else 34.0
    below = 60 if narrow else 44
    height = 10 + step * len(lanes) + below
    frame = _frame(narrow, height, 150, 14, 10, below)
    x = Scale(span[0], span[1], frame.x0, frame.x1)
    unit = time_unit(*span)
    ticks = time_ticks(span[0], span[1], 6 if narrow else 10)
    parts = [line(x(t), frame.y0, x(t), frame.y1, class_="grid") for t in ticks]
    parts += [line(frame.x0, frame.y1, frame.x1, frame.y1, class_="base"), _time_axis(frame, x, 6 if narrow else 10)]
    parts.append(_foot(frame, frame.y1 + 34, caption.stamp, f"{unit.name}s since start"))
    for i, (subject, items) in enumerate(lanes.items()):
        top = frame.y0 + i * step
        centre = top + (32 if narrow else step / 2)
        amounts = ", ".join(dict.fromkeys(a for a in (_amount(g) for g in items) if a))
        if narrow:
            words = fold(f"{subject} {amounts}".strip(), 44, 1)[0]
            parts.append(text(frame.x0, top + 16, words, class_="row-label"))
        else:
            parts.append(text(0, centre + (-2 if amounts else 4), fold(subject, 20, 1)[0], class_="row-label"))
            parts.append(text(0, centre + 12, fold(amounts, 24, 1)[0], class_="row-note"))
        parts += [_lane_item(g, x, centre) for g in items]
    return drawing(frame, element("g", "".join(parts), class_=arm_class(index)), caption.label, class_="timeline")


def _amount(given: Given) -> str:
    if given.kind == "session" or given.amount is None:
        return f"{len(given.days)} sessions at most" if given.days and given.conditional else ""
    return f"{short(given.amount)} {given.unit}".strip()


def _lane_item(given: Given, x: Scale, centre: float) -> str:
    state = " depends" if given.conditional else ""
    if given.days:
        path = "".join(polyline([(x(d), centre - 8), (x(d), centre + 8)]) for d in given.days)
        return element("path", class_=f"session{state}", d=path)
    start, end = x(given.from_day), x(given.to_day)
    name = "level" if given.kind == "level" else "dose"
    return element("rect", class_=f"{name}{state}", x=start, y=centre - 7, width=max(end - start, 2), height=14, rx=3)


def span_of(arms: Sequence[Arm]) -> Interval:
    """First and last day that anything is given in any arm."""
    days = [d for a in arms for g in a.timeline for d in (g.from_day, g.to_day, *g.days)]
    first, last = min(days, default=0.0), max(days, default=1.0)
    return first, max(last, first + 1.0)


# Descriptions ------------------------------------------------------------------------------------------------------


def describe_curves(curves: Sequence[Curve], title: str) -> str:
    """The drawing of curves in words: first and last value of each arm."""
    parts = []
    for c in curves:
        digits = plain_digits(c.unit)
        last = with_interval(c.median[-1], _last(c), digits)
        parts.append(
            f"{c.arm}: {with_interval(c.median[0], None, digits)} at {when(c.days[0])}, {last} at {when(c.days[-1])}"
        )
    spread = f"; boxes show the {PATIENTS}" if any(c.patients50 for c in curves) else ""
    return f"{title}. {'; '.join(parts)}. Bands show {UNKNOWN}{spread}."


def _last(curve: Curve) -> Interval | None:
    return (curve.unknown95[0][-1], curve.unknown95[1][-1]) if curve.unknown95 else None


def describe_rows(rows: Sequence[IntervalRow], title: str) -> str:
    """The drawing of intervals in words."""
    return f"{title}. " + "; ".join(f"{r.label}: {r.values}" for r in rows) + "."


def describe_timeline(arm: Arm) -> str:
    """The timeline in words."""
    parts = []
    for g in arm.timeline:
        amount = f" {_amount(g)}" if g.amount is not None and g.kind != "session" else ""
        count = f", {len(g.days)} times" if g.days else ""
        depends = ", depends on a decision" if g.conditional else ""
        parts.append(f"{g.subject}{amount} from {when(g.from_day)} to {when(g.to_day)}{count}{depends}")
    return f"What is given in {arm.name}: " + "; ".join(parts) + "."
