"""Forest and funnel plots as SVG, drawn from the document of a meta-analysis.

Studies stand on the scale of analysis (logarithmic for ratios, logit for proportions) with ticks on the scale people
read. What is known about one study is a thin line through a square whose area is its weight; the pooled effect is a
diamond as wide as its interval, the prediction interval a capped line below it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotreat.report.axes import Scale, round_ticks, tick_text
from cotreat.report.charts import LETTER, NARROW, WIDE
from cotreat.report.svg import Frame, drawing, element, line, polyline, text, whisker
from cotreat.report.words import fold, number, text_width

RATIOS = ("RR", "OR", "HR")
_RATIO_TICKS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
_FINE_TICKS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0)
_SHARE_TICKS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
_REACH = 0.5  # intervals may pass the outermost estimates by this share of their span before they are cut


@dataclass(frozen=True, slots=True)
class Axis:
    """The horizontal axis: limits on the scale of analysis, ticks with their texts, and the value of no effect."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    zero: float | None


def axis_of(doc: Mapping[str, Any], most: int = 7) -> Axis:
    """An axis that holds every estimate and the pooled intervals; long intervals of single studies are cut."""
    points = [s["yi"] for s in doc["studies"]] + [doc["estimate"], *doc["ci95"], *(doc["pi95"] or ())]
    measure = doc["measure"]
    zero = None if measure == "PLO" else 0.0
    if zero is not None:
        points.append(zero)
    low, high = min(points), max(points)
    span = (high - low) or 1.0
    ends = [e for s in doc["studies"] for e in s["ci95"]]
    low, high = max(min(ends), low - _REACH * span), min(max(ends), high + _REACH * span)
    low, high = min([low, *points]), max([high, *points])
    if measure in RATIOS or measure == "PLO":
        fine = high - low < 1.4  # less than fourfold
        values = _SHARE_TICKS if measure == "PLO" else _FINE_TICKS if fine else _RATIO_TICKS
        placed = [(_logit(v) if measure == "PLO" else math.log(v), f"{v:g}") for v in values]
        inside = [(x, name) for x, name in placed if low <= x <= high]
        if len(inside) >= 2:
            return Axis(low, high, tuple(_thinned(inside, most, zero)), zero)
        steps = round_ticks(low, high, most)
        back = _expit if measure == "PLO" else math.exp
        return Axis(low, high, tuple((t, f"{back(t):.3g}") for t in steps if low <= t <= high), zero)
    steps = round_ticks(low, high, most)
    return Axis(min(low, steps[0]), max(high, steps[-1]), tuple((t, tick_text(t, steps)) for t in steps), zero)


def _thinned(ticks: list[tuple[float, str]], most: int, keep: float | None) -> list[tuple[float, str]]:
    """Every second, third ... tick, the one of no effect among them."""
    step = -(-len(ticks) // most)
    anchor = next((i for i, (x, _) in enumerate(ticks) if keep is not None and abs(x - keep) < 1e-12), 0)
    return [tick for i, tick in enumerate(ticks) if (i - anchor) % step == 0]


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def digits(doc: Mapping[str, Any]) -> int:
    """Decimals that suit the size of the effects: two, or fewer for differences of many points."""
    if doc["measure"] in (*RATIOS, "SMD", "PLO"):
        return 2
    largest = max(abs(s["shown"]["estimate"] or 0.0) for s in doc["studies"])
    return 3 if largest < 0.2 else 2 if largest < 10 else 1 if largest < 1000 else 0


def shown_value(value: float | None, places: int) -> str:
    """A number on the scale people read; very large and very small ones by their size."""
    if value is None:
        return "beyond 1e300"
    if abs(value) >= 1000 or (value != 0 and abs(value) < 0.5 * 10**-places):
        return f"{value:.2g}".replace("-", "\N{MINUS SIGN}")
    return number(value, places)


def with_bounds(shown: Mapping[str, Any], places: int, which: str = "ci95") -> str:
    """``0.49 (0.34 to 0.70)`` for an entry with ``estimate`` and an interval."""
    low, high = shown[which]
    bounds = f"{shown_value(low, places)} to {shown_value(high, places)}"
    return f"{shown_value(shown['estimate'], places)} ({bounds})"


def forest(doc: Mapping[str, Any], narrow: bool) -> str:
    """The forest plot of a document, wide or narrow."""
    places = digits(doc)
    axis = axis_of(doc, 5 if narrow else 7)
    step = 40.0 if narrow else 27.0
    top = 12.0 if narrow else 30.0
    pooled = 50.0 if narrow else 46.0
    sides = doc.get("sides")
    below = 40.0 + (18.0 if sides else 0.0) * (2 if narrow else 1)
    height = top + step * len(doc["studies"]) + pooled + below
    frame = (
        Frame(NARROW, height, 12, 12, top, below, font=12, narrow=True)
        if narrow
        else Frame(WIDE, height, 216, 202, top, below)
    )
    x = Scale(axis.low, axis.high, frame.x0, frame.x1)
    parts = [line(x(t), frame.y0, x(t), frame.y1, class_="grid") for t, _ in axis.ticks]
    parts += [text(x(t), frame.y1 + 17, name, class_="tick mid") for t, name in axis.ticks]
    parts.append(line(frame.x0, frame.y1, frame.x1, frame.y1, class_="base"))
    if axis.zero is not None:
        parts.append(line(x(axis.zero), frame.y0 - 4, x(axis.zero), frame.y1, class_="zero"))
    middle = x(doc["estimate"])
    parts.append(
        element("line", class_="leader", x1=middle, y1=frame.y0, x2=middle, y2=frame.y1, stroke_dasharray="3 4")
    )
    if not narrow:
        parts.append(text(0, frame.y0 - 13, "Study", class_="axis-title"))
        parts.append(text(frame.x1 + 12, frame.y0 - 13, f"{short_name(doc)} (95 %)", class_="axis-title"))
        parts.append(text(frame.width, frame.y0 - 13, "Weight", class_="axis-title end"))
    heaviest = max(s["weight"] for s in doc["studies"])
    for i, study in enumerate(doc["studies"]):
        parts.append(
            _study(study, frame.y0 + i * step, (x, frame, axis), places, math.sqrt(study["weight"] / heaviest))
        )
    parts.append(_pooled(doc, frame.y0 + step * len(doc["studies"]), (x, frame, axis), places))
    parts.append(_sides(sides, frame, x(axis.zero) if axis.zero is not None else middle))
    parts.append(text(frame.x1, frame.y1 + below - 6, doc["shown"]["name"], class_="axis-title end"))
    return drawing(frame, "".join(parts), describe(doc), class_="forest")


_Area = tuple[Scale, Frame, Axis]


def short_name(doc: Mapping[str, Any]) -> str:
    """The name of the measure for the head of a column."""
    names = {"SMD": "Hedges g", "MD": "Difference", "RD": "Risk difference", "GEN": "Effect"}
    name: str = names.get(doc["measure"], doc["shown"]["name"])
    return name[0].upper() + name[1:]


def _study(study: Mapping[str, Any], y: float, area: _Area, places: int, size: float) -> str:
    x, frame, axis = area
    label = fold(study["study"], 24 if frame.narrow else 30, 1)[0]
    value = with_bounds(study["shown"], places)
    weight = f"{number(study['weight'], 1)} %"
    if frame.narrow:
        centre = y + 28
        parts = [text(frame.x0, y + 14, label, class_="row-label")]
        parts.append(text(frame.x1, y + 14, value, class_="row-note end"))
    else:
        centre = y + 13
        parts = [text(0, centre + 4, label, class_="row-label")]
        parts.append(text(frame.x1 + 12, centre + 4, value, class_="tick"))
        parts.append(text(frame.width, centre + 4, weight, class_="tick end"))
    low, high = study["ci95"]
    parts.append(_cut_line(max(low, axis.low), min(high, axis.high), centre, x))
    parts += [_arrow(x(axis.low), centre, -1)] if low < axis.low else []
    parts += [_arrow(x(axis.high), centre, 1)] if high > axis.high else []
    half = 2.2 + 5.2 * size
    at = x(study["yi"])
    parts.append(element("rect", class_="mark", x=at - half, y=centre - half, width=2 * half, height=2 * half))
    return element("g", "".join(parts), class_="a4")


def _cut_line(low: float, high: float, y: float, x: Scale) -> str:
    return element("path", class_="chance", d=polyline([(x(low), y), (x(high), y)]))


def _arrow(at: float, y: float, way: int) -> str:
    data = polyline([(at - 5 * way, y - 4), (at, y), (at - 5 * way, y + 4)])
    return element("path", class_="chance", d=data)


def _pooled(doc: Mapping[str, Any], y: float, area: _Area, places: int) -> str:
    x, frame, _ = area
    name = f"Pooled, {doc['k']} studies" if doc["k"] > 1 else "One study"
    value = with_bounds(doc["shown"], places)
    centre = y + (30 if frame.narrow else 16)
    if frame.narrow:
        parts = [
            text(frame.x0, y + 15, name, class_="row-value"),
            text(frame.x1, y + 15, value, class_="row-value end"),
        ]
    else:
        parts = [text(0, centre + 4, name, class_="row-value")]
        parts.append(text(frame.x1 + 12, centre + 4, value, class_="row-value"))
    low, high = (x(v) for v in doc["ci95"])
    middle = x(doc["estimate"])
    corners = [(low, centre), (middle, centre - 8), (max(high, low + 2), centre), (middle, centre + 8)]
    parts.append(element("path", class_="mark", d=polyline(corners) + "Z"))
    if doc["pi95"] is not None:
        level = centre + 16
        ends = [x(v) for v in doc["pi95"]]
        parts.append(whisker((ends[0], level), (ends[1], level), 3.5, class_="chance"))
        if not frame.narrow:
            parts.append(text(0, level + 4, "A new study (95 %)", class_="row-note"))
            bounds = doc["shown"]["pi95"]
            words = f"{shown_value(bounds[0], places)} to {shown_value(bounds[1], places)}"
            parts.append(text(frame.x1 + 12, level + 4, words, class_="tick"))
    return element("g", "".join(parts), class_="a0")


def _sides(sides: Sequence[str] | None, frame: Frame, zero: float) -> str:
    """What lies on each side of no effect, with arrows."""
    if not sides:
        return ""
    lower, higher = f"\u2190 {sides[0]}", f"{sides[1]} \u2192"
    y = frame.y1 + 36
    if frame.narrow:
        return text(frame.x0, y, lower, class_="tick") + text(frame.x1, y + 17, higher, class_="tick end")
    left = max(zero - 9, text_width(lower) * LETTER)
    right = min(zero + 9, frame.width - text_width(higher) * LETTER)
    return text(left, y, lower, class_="tick end") + text(right, y, higher, class_="tick")


# Funnel --------------------------------------------------------------------------------------------------------------


def funnel(doc: Mapping[str, Any], narrow: bool) -> str:
    """Effect against standard error, precise studies at the top, with the region of 95 % of chance alone."""
    frame = Frame(NARROW, 320, 44, 12, 14, 46, font=12, narrow=True) if narrow else Frame(WIDE, 400, 64, 40, 14, 48)
    errors = [math.sqrt(s["vi"]) for s in doc["studies"]]
    rows = round_ticks(0.0, max(errors), 5)
    y = Scale(0.0, rows[-1], frame.y0, frame.y1)
    reach = 1.96 * rows[-1]
    points = [s["yi"] for s in doc["studies"]]
    low, high = min(*points, doc["estimate"] - reach), max(*points, doc["estimate"] + reach)
    axis = axis_of({**doc, "studies": [{"yi": v, "ci95": (low, high)} for v in (low, high)]}, 5 if narrow else 7)
    x = Scale(axis.low, axis.high, frame.x0, frame.x1)
    parts = [line(frame.x0, y(t), frame.x1, y(t), class_="grid") for t in rows]
    parts += [text(frame.x0 - 7, y(t) + 4, tick_text(t, rows), class_="tick end") for t in rows]
    parts += [text(x(t), frame.y1 + 17, name, class_="tick mid") for t, name in axis.ticks]
    cone = [
        (x(doc["estimate"] - reach), y(rows[-1])),
        (x(doc["estimate"]), y(0.0)),
        (x(doc["estimate"] + reach), y(rows[-1])),
    ]
    parts.append(element("path", class_="band inner", d=polyline(cone) + "Z"))
    parts.append(line(x(doc["estimate"]), frame.y0, x(doc["estimate"]), frame.y1, class_="leader"))
    if axis.zero is not None:
        parts.append(line(x(axis.zero), frame.y0, x(axis.zero), frame.y1, class_="zero"))
    for value, error in zip(points, errors, strict=True):
        parts.append(element("circle", class_="mark", cx=x(value), cy=y(error), r=4.2))
    parts.append(line(frame.x0, frame.y1, frame.x1, frame.y1, class_="base"))
    parts.append(text(frame.x1, frame.y1 + 38, doc["shown"]["name"], class_="axis-title end"))
    parts.append(text(frame.x0, frame.y1 + 38, "up: standard error, small at the top", class_="stamp"))
    words = f"Funnel plot of {doc['k']} studies: effect against standard error."
    return drawing(frame, element("g", "".join(parts), class_="a0"), words, class_="funnel")


def describe(doc: Mapping[str, Any]) -> str:
    """The forest plot in words, for those who do not see it."""
    places = digits(doc)
    rows = "; ".join(f"{s['study']} {with_bounds(s['shown'], places)}" for s in doc["studies"])
    return f"Forest plot, {doc['shown']['name']}. {rows}. Pooled {with_bounds(doc['shown'], places)}."


_ALONE = """
svg{font-family:system-ui,"Segoe UI","Noto Sans","Liberation Sans",Arial,sans-serif;background:#fdfcfa}
text{fill:#1d1f23}.tick,.axis-title,.row-note,.stamp{fill:#565b63}.end{text-anchor:end}.mid{text-anchor:middle}
.row-value{font-weight:600}.grid{stroke:#e9e6df}.base{stroke:#565b63}.zero{stroke:#1d1f23;stroke-width:1.4}
.a0{--c:#0072b2}.a4{--c:#5f6672}.leader{stroke:#0072b2;fill:none}.mark{fill:var(--c);stroke:#fdfcfa}
.chance{fill:none;stroke:var(--c);stroke-width:1.5}.band{fill:var(--c);fill-opacity:.13}
@media(prefers-color-scheme:dark){svg{background:#15171b}text{fill:#eceae5}.tick,.axis-title,.row-note,.stamp{fill:#adb2bb}
.grid{stroke:#292d34}.base{stroke:#adb2bb}.zero{stroke:#eceae5}.a0{--c:#56b4e9}.a4{--c:#b4bac6}.leader{stroke:#56b4e9}
.mark{stroke:#15171b}}
"""


def alone(svg: str) -> str:
    """A drawing as a file of its own, with its name space and colours."""
    head, rest = svg.split(">", 1)
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{_ALONE}</style>{rest}\n'
