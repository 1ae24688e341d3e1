"""Curves of patients without relapse, with what is not known, chance in one trial, and the numbers at risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotreat.report.axes import Scale, time_ticks
from cotreat.report.charts import NARROW, WIDE, Caption, arm_class
from cotreat.report.curve_figure import arm_swatch, twice
from cotreat.report.parts import Figure, Key, Table, behind, figure, table
from cotreat.report.svg import (
    ARM_STYLES,
    DASHES,
    Frame,
    drawing,
    element,
    escape,
    line,
    mark,
    polyline,
    ribbon,
    text,
    whisker,
)
from cotreat.report.words import NO_FIGURE, UNKNOWN, fold, number, sentence_case

_SHARES = (0, 20, 40, 60, 80, 100)
_ROW = 17.0
_WHISKERS = 6
_LOSSES = {
    "event": "those lost count as having relapsed",
    "censored": "those lost are followed to their last visit",
}


def survival_figures(rows: Sequence[Mapping[str, Any]], stamp: str) -> str:
    """A figure for each endpoint of the event-free curves of a trial document."""
    return "".join(
        _one([r for r in rows if r["endpoint"] == name], stamp) for name in dict.fromkeys(r["endpoint"] for r in rows)
    )


def _one(rows: Sequence[Mapping[str, Any]], stamp: str) -> str:
    first = rows[0]
    title = f"Without {first['event']}"
    under = (
        f"per 100 in the analysis set, from {first['origin']} (Kaplan-Meier), for “{first['endpoint']}”; "
        f"{_LOSSES[first['losses']]}; trials of {first['n_per_arm']} in each arm"
    )
    drawn = twice(lambda narrow: survival_chart(rows, Caption(describe_survival(rows), stamp), narrow))
    legend = "".join(
        f'<tr><th scope="row"><span class="entry">{arm_swatch(i)}<span class="name">{escape(r["arm"])}</span></span>'
        f'</th><td class="value">{number(100 * r["free"][-1])} of 100</td></tr>'
        for i, r in enumerate(rows)
    )
    legend = (
        f'<table class="legend"><thead><tr><th scope="col">Arm</th><th scope="col" class="at">At week '
        f"{first['weeks'][-1]}</th></tr></thead><tbody>{legend}</tbody></table>"
    )
    key = [Key("chance", f"where one trial of {first['n_per_arm']} in each arm would lie, 95 %")]
    if first["unknown95"] is not None:
        key.insert(0, Key("bands", f"{UNKNOWN}: middle 95 %"))
    numbers = behind("The numbers behind this figure", table(_numbers(rows), stamp))
    caption = f"{escape(sentence_case(title))}<span>{escape(under)}</span>"
    return figure(Figure(title, drawn, key, caption=caption, before=legend, after=numbers))


def describe_survival(rows: Sequence[Mapping[str, Any]]) -> str:
    """The curves in words, for those who do not see them."""
    ends = "; ".join(f"{r['arm']}: {number(100 * r['free'][-1])} of 100" for r in rows)
    first = rows[0]
    return f"Patients without {first['event']} from {first['origin']} to week {first['weeks'][-1]}. At the end {ends}."


def survival_chart(rows: Sequence[Mapping[str, Any]], caption: Caption, narrow: bool) -> str:
    """Steps of every arm over the weeks, and under the axis how many are at risk."""
    below = 66.0 + _ROW * len(rows) + (18.0 if narrow else 0.0)
    if narrow:
        frame = Frame(NARROW, 286 + below, 32, 10, 30, below, font=12, narrow=True)
    else:
        frame = Frame(WIDE, 334 + below, 150, 152, 32, below)
    weeks = rows[0]["weeks"]
    x, y = Scale(0, weeks[-1], frame.x0, frame.x1), Scale(0, 100, frame.y1, frame.y0)
    ticks = [t / 7 for t in time_ticks(0, 7.0 * weeks[-1], 6 if narrow else 9)] if weeks[-1] > 6 else weeks
    ticks = [t for t in ticks if t == int(t) and t <= weeks[-1]]
    parts = [line(frame.x0, y(t), frame.x1, y(t), class_="grid" if t else "base") for t in _SHARES]
    parts += [text(frame.x0 - 7, y(t) + 4, str(t), class_="tick end") for t in _SHARES]
    parts += [line(x(t), frame.y1, x(t), frame.y1 + 4, class_="base") for t in ticks]
    parts += [text(x(t), frame.y1 + 17, f"{t:g}", class_="tick mid") for t in ticks]
    parts.append(
        text(frame.x0 - (26 if narrow else 34), frame.y0 - 14, "without relapse, per 100", class_="axis-title")
    )
    parts.append(text(frame.x1, frame.y1 + 34, f"weeks from {rows[0]['origin']}", class_="axis-title end"))
    for i, row in enumerate(rows):
        if row["unknown95"] is not None:
            low, high = ([100 * v for v in side] for side in row["unknown95"])
            xs, edges = _steps(x, weeks), ([y(v) for v in _held(side)] for side in (low, high))
            parts.append(_of_arm(i, element("path", class_="band outer", d=ribbon(xs, *edges))))
    for i, row in enumerate(rows):
        parts.append(_of_arm(i, _line(row, i, x, y) + _chance(row, i, len(rows), x, y)))
    if not narrow:
        parts += _names(rows, y, frame)
    parts += _at_risk(rows, ticks, x, frame)
    room = (frame.x1 - 14) / 6.6
    parts.append(text(14, frame.height - 6, fold(caption.stamp, room, 1)[0], class_="stamp"))
    return drawing(frame, "".join(parts), caption.label, class_="curves survival")


def _of_arm(arm: int, body: str) -> str:
    return element("g", body, class_=f"arm {arm_class(arm)}", data_arm=arm)


def _steps(x: Scale, weeks: Sequence[float]) -> list[float]:
    """Places of a step function: every week twice but the first."""
    return [x(weeks[0])] + [x(w) for w in weeks[1:] for _ in (0, 1)]


def _held(values: Sequence[float]) -> list[float]:
    """Values of a step function: each is held to the next week."""
    return [v for pair in zip(values[:-1], values[:-1], strict=True) for v in pair] + [values[-1]]


def _line(row: Mapping[str, Any], arm: int, x: Scale, y: Scale) -> str:
    points = list(zip(_steps(x, row["weeks"]), (y(100 * v) for v in _held(row["free"])), strict=True))
    dash = DASHES[arm % ARM_STYLES]
    shown = element("path", class_="median", d=polyline(points), **({"stroke_dasharray": dash} if dash else {}))
    return element("path", class_="halo", d=polyline(points)) + shown + mark(arm, *points[-1])


def _chance(row: Mapping[str, Any], arm: int, arms: int, x: Scale, y: Scale) -> str:
    """Where one trial would lie, at a few weeks, the arms side by side."""
    last = row["weeks"][-1]
    shift = 5.0 * (arm - (arms - 1) / 2)
    body = ""
    for k in range(1, _WHISKERS + 1):
        week = round(last * k / (_WHISKERS + 0.5))
        low, high = (100 * side[week] for side in row["chance95"])
        if week and high > low:
            body += whisker((x(week) + shift, y(low)), (x(week) + shift, y(high)), 2.5, class_="chance")
    return body


def _names(rows: Sequence[Mapping[str, Any]], y: Scale, frame: Frame) -> list[str]:
    parts, last = [], frame.y0 - 20.0
    order = sorted(range(len(rows)), key=lambda i: -rows[i]["free"][-1])
    for i in order:
        lines = fold(rows[i]["arm"], 19, 2)
        top = max(y(100 * rows[i]["free"][-1]) - 7.5 * len(lines), last)
        parts += [text(frame.x1 + 14, top + 11.5 + 15 * k, w, class_="end-label") for k, w in enumerate(lines)]
        last = top + 15 * len(lines) + 4
    return parts


def _at_risk(rows: Sequence[Mapping[str, Any]], ticks: Sequence[float], x: Scale, frame: Frame) -> list[str]:
    """How many are at risk at the ticks, a row for each arm."""
    top = frame.y1 + 58
    parts = [text(14, top - 6, "at risk", class_="axis-title")]
    for i, row in enumerate(rows):
        at = top + 10 + i * _ROW
        if frame.narrow:
            parts.append(_of_arm(i, mark(i, 14, at - 4, 3.5)))
        else:
            parts.append(_of_arm(i, mark(i, 18, at - 4, 3.5)))
            parts.append(text(28, at, fold(row["arm"], 17, 1)[0], class_="row-label"))
        for t in ticks:
            count = row["at_risk"][int(t)]
            parts.append(text(x(t), at, f"{count:.0f}", class_="tick mid", data_at_risk=f"{count:g}"))
    return parts


def _numbers(rows: Sequence[Mapping[str, Any]]) -> Table:
    weeks = rows[0]["weeks"]
    step = max(1, -(-weeks[-1] // 26))
    body = [
        (
            str(w),
            *(f"{number(100 * r['free'][w])} {_range(r, w)}<small>{r['at_risk'][w]:.0f} at risk</small>" for r in rows),
        )
        for w in weeks[::step]
    ]
    heads = ("Week", *(escape(r["arm"]) for r in rows))
    return Table("Still without it, per 100 (not known, 95 %)", heads, body, wide=True)


def _range(row: Mapping[str, Any], week: int) -> str:
    if row["unknown95"] is None:
        return NO_FIGURE
    low, high = (side[week] for side in row["unknown95"])
    return f"({number(100 * low)} to {number(100 * high)})"
