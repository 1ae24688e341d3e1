"""Two drawings of a virtual trial: power by the number of patients, and how power is spread over parameter draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cotreat.report.axes import Scale, round_ticks, tick_text
from cotreat.report.charts import NARROW, WIDE, Caption, arm_class
from cotreat.report.svg import ARM_STYLES, DASHES, Frame, drawing, element, line, mark, polyline, text, whisker
from cotreat.report.words import fold

_SHARES = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]


@dataclass(frozen=True, slots=True)
class Series:
    """One line: points (x, y per 100) and, where known, a standard error of each y. ``style``: its colour and dash."""

    name: str
    style: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    error: tuple[float, ...] | None = None
    marks: bool = True


@dataclass(frozen=True, slots=True)
class Axes:
    """Titles of the two axes; ``line`` a level of y that is drawn across, with its words."""

    x: str
    y: str
    line: tuple[float, str] | None = None
    x_range: tuple[float, float] | None = None


def share_chart(series: Sequence[Series], axes: Axes, caption: Caption, narrow: bool) -> str:
    """Lines of shares per 100 over a number, one for each series."""
    frame = Frame(NARROW, 316, 32, 10, 30, 60, 12, narrow=True) if narrow else Frame(WIDE, 360, 40, 168, 32, 46)
    values = [v for s in series for v in s.x]
    low, high = axes.x_range or (min(values), max(values))
    ticks = round_ticks(low, high if high > low else low + 1, 5 if narrow else 8)
    x, y = Scale(ticks[0], ticks[-1], frame.x0, frame.x1), Scale(0.0, 100.0, frame.y1, frame.y0)
    parts = [line(frame.x0, y(t), frame.x1, y(t), class_="grid" if t else "base") for t in _SHARES]
    parts += [text(frame.x0 - 7, y(t) + 4, tick_text(t, _SHARES), class_="tick end") for t in _SHARES]
    parts += [line(x(t), frame.y1, x(t), frame.y1 + 4, class_="base") for t in ticks]
    parts += [text(x(t), frame.y1 + 17, tick_text(t, ticks), class_="tick mid") for t in ticks]
    parts.append(text(frame.x0 - (26 if narrow else 34), frame.y0 - 14, axes.y, class_="axis-title"))
    parts.append(text(frame.x1, frame.y1 + 34, axes.x, class_="axis-title end"))
    room = (frame.x1 - 14) / 6.6 - (0 if narrow else len(axes.x) + 4)
    parts.append(
        text(14 if narrow else 0, frame.y1 + (50 if narrow else 34), fold(caption.stamp, room, 1)[0], class_="stamp")
    )
    if axes.line is not None:
        parts.append(line(frame.x0, y(axes.line[0]), frame.x1, y(axes.line[0]), class_="zero", stroke_dasharray="3 4"))
        parts.append(text(frame.x0 + 6, y(axes.line[0]) - 5, axes.line[1], class_="tick"))
    parts += [_series(s, x, y) for s in series]
    if not narrow and all(s.marks for s in series):
        parts += _labels(series, y, frame)
    return drawing(frame, "".join(parts), caption.label, class_="curves")


def _series(series: Series, x: Scale, y: Scale) -> str:
    points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True)]
    dash = DASHES[series.style % ARM_STYLES]
    body = element("path", class_="halo", d=polyline(points))
    body += element("path", class_="median", d=polyline(points), **({"stroke_dasharray": dash} if dash else {}))
    if series.error is not None:
        for (a, _), value, error in zip(points, series.y, series.error, strict=True):
            ends = [min(max(value + k * 1.96 * error, 0.0), 100.0) for k in (-1, 1)]
            body += whisker((a, y(ends[0])), (a, y(ends[1])), 3, class_="chance")
    if series.marks:
        body += "".join(mark(series.style, a, b) for a, b in points)
    return element("g", body, class_=f"arm {arm_class(series.style)}", data_arm=series.style)


def _labels(series: Sequence[Series], y: Scale, frame: Frame) -> list[str]:
    parts, last = [], frame.y0 - 20.0
    for s in sorted(series, key=lambda s: -s.y[-1]):
        lines = fold(s.name, 22, 2)
        top = max(y(s.y[-1]) - 7.5 * len(lines), last)
        top = min(top, frame.y1 - 15 * len(lines) + 8)
        for k, words in enumerate(lines):
            words_at = text(frame.x1 + 14, top + 11.5 + 15 * k, words, class_="end-label")
            parts.append(element("g", words_at, class_=arm_class(s.style)))
        last = top + 15 * len(lines) + 5
    return parts


def describe(series: Sequence[Series], title: str) -> str:
    """The drawing in words: first and last value of each line."""
    parts = [f"{s.name}: {s.y[0]:.0f} at {s.x[0]:g}, {s.y[-1]:.0f} at {s.x[-1]:g}" for s in series]
    return f"{title}. {'; '.join(parts)}."
