"""The direction map as SVG: who should come first for which stimulus, how sure that is, and where treatments lie.

Each cell of the grid is a square: its hue is the start that is best on average, its depth how probable that is. Where
the verdict is that no difference matters the square is pale and carries the sign for "about equal". Lines are the
probability that before beats after. Ellipses hold 80 of 100 draws of a treatment. Squares carry their numbers in
``data-`` attributes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from cotreat.report.axes import Scale
from cotreat.report.svg import Frame, drawing, element, line, polyline, text
from cotreat.report.words import fold, probability

CLASSES = ("before", "with", "after")
HUES = {"before": "a0", "with": "a2", "after": "a1"}
LEVELS = (0.05, 0.2, 0.5, 0.8, 0.95)
MEANS = {
    "before": "drug first: 4 weeks before the first session",
    "with": "together: with the first session",
    "after": "drug later: after the last session",
}
_SMOOTH = 0.8  # cells; the lines only, never the squares
_X_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_Y_TICKS = (2.0, 4.0, 7.0, 14.0, 28.0)
_LETTER = 6.6
_BOLD = 8.0
_LABEL = 14.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One map: its title, its cells, the treatments on it, and where it is drawn."""

    title: str
    cells: Sequence[Mapping[str, Any]]
    clouds: Sequence[Mapping[str, Any]]
    frame: Frame


ALIKE = "no difference that matters"
_PALE = 0.3  # of its depth, for a square in which no difference matters


def depth(p_best: float, verdict: str = "") -> float:
    """Opacity of a square: faint when the three starts are equally likely to be best, deep when one surely is.

    A square in which no difference matters is pale however sure it is which start is best by a hair.
    """
    full = 0.07 + 0.68 * max(0.0, (p_best - 1 / 3) / (2 / 3))
    return round(full * (_PALE if verdict == ALIKE else 1.0), 3)


def conclusion(doc: Mapping[str, Any]) -> str:
    """What the whole map comes to, in one sentence."""
    cells = doc["cells"]
    count = {v: sum(c["verdict"] == v for c in cells) for v in ("before better", "after better", ALIKE)}
    open_ = len(cells) - sum(count.values())
    said = [f"{word} in {count[word]}" for word in ("before better", "after better", ALIKE) if count[word]]
    said += [f"cannot tell in {open_}"] if open_ else []
    return f"Verdict, of {len(cells)} squares: {', '.join(said)}."


def direction_figure(doc: Mapping[str, Any], narrow: bool) -> str:
    """The whole figure: the map, the map under the prior alone where they differ, keys and what it rests on."""
    width = 360.0 if narrow else 760.0
    side = width - 62 if narrow else 420.0
    top = 146.0 if narrow else 106.0
    twin = doc["prior"] is not None
    if twin and not narrow:
        side = 318.0
    own = f"With trials: {doc['provenance']['parameters']['name']}" if twin else ""
    panels = [Panel(own, doc["cells"], doc["clouds"], _place(0, 0, side, top, narrow))]
    if twin:
        dx, dy = (0.0, side + 84) if narrow else (side + 56, 0.0)
        alone = _place(dx, dy, side, top, narrow)
        panels.append(Panel("Under the prior alone, without trials", doc["prior"], doc["prior_clouds"], alone))
    parts = [_head(doc, width, narrow)]
    for panel in panels:
        parts += _panel(panel, doc)
    last = panels[-1].frame
    beside = not narrow and not twin
    key_x = last.x1 + 28 if beside else 14.0 if narrow else 50.0
    key_y = last.y0 + 8 if beside else last.y1 + 76
    keys, end = _keys(doc, key_x, key_y, width - key_x - 8)
    parts.append(keys)
    height = max(end, last.y1 + 76) + 8
    feet = fold(_foot(doc), (width - 24) / 5.6, 4)
    parts += [text(14, height + 13 * i, f, class_="stamp") for i, f in enumerate(feet)]
    frame = Frame(width, height + 13 * len(feet) + 4, 0, 0, 0, 0, font=12 if narrow else 12.5, narrow=narrow)
    return drawing(frame, "".join(parts), " ".join(sentences(doc)), class_="direction")


def sentences(doc: Mapping[str, Any]) -> list[str]:
    """What the map says in words, from its numbers."""
    q, cells = doc["question"], doc["cells"]
    share = {c: sum(x["best"] == c for x in cells) for c in CLASSES}
    said = [
        f"Of {len(cells)} combinations of strength and persistence, before is best on average in {share['before']}, "
        f"with in {share['with']}, after in {share['after']}."
    ]
    claimed = sum(bool(x["claims"]) for x in cells)
    said.append(
        f"A verdict that one is better is reached in {claimed} of them."
        if claimed
        else "In none of them is it sure enough for a verdict that one is better."
    )
    said.append(conclusion(doc))
    for cloud in doc["clouds"]:
        cell = cloud["cell"]
        said.append(
            f"{cloud['name']}: {cell['best']} is best with probability {probability(cell['p_best'][cell['best']])}; "
            f"before beats after with probability {probability(cell['p_before_better'])} ({cell['verdict']})."
        )
    if all(x["hatched"] for x in cells):
        said.append("Every cell is hatched: the answer is that of the prior, no trial has moved it.")
    said.append(f"Outcome: {q['outcome']}, {q['reading']}; {q['drug']}; {q['population']}.")
    return said


def _place(dx: float, dy: float, side: float, top: float, narrow: bool) -> Frame:
    left = 46.0 if narrow else 50.0
    return Frame(left + dx + side, top + dy + side * 0.86, left + dx, 0.0, top + dy, 0.0, narrow=narrow)


def _head(doc: Mapping[str, Any], width: float, narrow: bool) -> str:
    lines = fold("Should the drug come before, with or after the stimulation?", width / (8.6 if narrow else 9.2), 2)
    parts = [
        text(14, 22 + 19 * i, words, class_="end-label", font_size="15" if narrow else "17")
        for i, words in enumerate(lines)
    ]
    q = doc["question"]
    note = f"{q['outcome']}, {q['reading']}; {q['drug']} around {q['stimulation']}"
    start = 22 + 19 * len(lines)
    parts += [
        text(14, start + 14 * i, words, class_="row-note") for i, words in enumerate(fold(note, (width - 20) / 5.7, 2))
    ]
    start += 14 * len(fold(note, (width - 20) / 5.7, 2)) + 4
    said = fold(conclusion(doc), (width - 20) / 6.9, 3)
    parts += [text(14, start + 15 * i, words, class_="end-label", data_conclusion="1") for i, words in enumerate(said)]
    return "".join(parts)


def _panel(panel: Panel, doc: Mapping[str, Any]) -> list[str]:
    frame = panel.frame
    x, y, wide, high = _scales(doc, frame)
    parts = [text(frame.x0, frame.y0 - 8, panel.title, class_="end-label")] if panel.title else []
    parts += [_square(cell, x, y, wide, high) for cell in panel.cells]
    parts += _lines(panel.cells, doc, x, y)
    parts += _clouds(panel.clouds, x, y, frame)
    parts += _axes(x, y, frame)
    return parts


def _scales(doc: Mapping[str, Any], frame: Frame) -> tuple[Scale, Scale, float, float]:
    """Logarithmic scales with half a cell beyond the outermost middles, and the size of a cell."""

    def ends(values: Sequence[float]) -> tuple[float, float]:
        logs = [math.log(v) for v in values]
        half = (logs[-1] - logs[0]) / (len(logs) - 1) / 2
        return logs[0] - half, logs[-1] + half

    x = Scale(*ends(doc["strength"]), frame.x0, frame.width)
    y = Scale(*ends(doc["persistence"]), frame.height, frame.y0)
    wide = (frame.width - frame.x0) / len(doc["strength"])
    return x, y, wide, (frame.height - frame.y0) / len(doc["persistence"])


def _square(cell: Mapping[str, Any], x: Scale, y: Scale, wide: float, high: float) -> str:
    left, top = x(math.log(cell["strength"])) - wide / 2, y(math.log(cell["persistence"])) - high / 2
    best, p = cell["best"], cell["p_best"][cell["best"]]
    size = {"x": left + 0.6, "y": top + 0.6, "width": wide - 1.2, "height": high - 1.2}
    drawn = element("rect", class_="band", fill_opacity=f"{depth(p, cell['verdict'])}", rx=2, **size)
    if cell["claims"]:
        drawn += element("rect", class_="zero", fill="none", rx=2, **size)
    if cell.get("hatched"):
        drawn += _hatch(left, top, wide, high)
    if cell["verdict"] == ALIKE:
        drawn += text(left + wide - 5, top + high - 5, "\N{ALMOST EQUAL TO}", class_="tick end", data_alike="1")
    named = {"data_best": best, "data_p": f"{p:g}", "data_before": f"{cell['p_before_better']:g}"}
    place = {"data_strength": f"{cell['strength']:g}", "data_persistence": f"{cell['persistence']:g}"}
    return element("g", drawn, class_=HUES[best], **named, **place)


def _hatch(left: float, top: float, wide: float, high: float) -> str:
    """Thin slanted lines across a square."""
    drawn = []
    for k in range(-int(high // 9), int(wide // 9) + 1):
        begin = max(0.0, k * 9.0)
        end = min(wide, k * 9.0 + high)
        if end > begin:
            drawn.append(polyline([(left + begin, top + begin - k * 9.0), (left + end, top + end - k * 9.0)]))
    return element("path", d="".join(drawn), class_="grid", fill="none", stroke_opacity="0.9")


def _lines(cells: Sequence[Mapping[str, Any]], doc: Mapping[str, Any], x: Scale, y: Scale) -> list[str]:
    """Lines of equal probability that before beats after, each with its label."""
    columns, rows = len(doc["strength"]), len(doc["persistence"])
    field = np.array([c["p_before_better"] for c in cells]).reshape(rows, columns)
    smooth = gaussian_filter(field, _SMOOTH, mode="nearest")
    across, up = [x(math.log(v)) for v in doc["strength"]], [y(math.log(v)) for v in doc["persistence"]]
    parts = []
    for level in LEVELS:
        pieces = contour(smooth, level)
        if not pieces:
            continue
        points = [[(_at(across, c), _at(up, r)) for r, c in piece] for piece in pieces]
        style = {"class_": "zero" if level == 0.5 else "base", "fill": "none"}
        parts.append(element("path", d="".join(polyline(p) for p in points), data_level=f"{level:g}", **style))
        longest = points[len(points) // 2]
        middle = longest[0]
        parts.append(
            text(middle[0] + 3, middle[1] - 3, f"{round(100 * level)} %", class_="row-label", font_size="10.5")
        )
    return parts


def contour(field: np.ndarray, level: float) -> list[list[tuple[float, float]]]:
    """Pieces of the line on which a field (rows, columns) has a value: pairs of (row, column), straight in between.

    Each small square of four values is cut where its edges cross the level; two crossings make a piece, four make two.
    """
    pieces = []
    for r in range(field.shape[0] - 1):
        for c in range(field.shape[1] - 1):
            corners = [(r, c), (r, c + 1), (r + 1, c + 1), (r + 1, c)]
            cut = []
            for a, b in pairwise([*corners, corners[0]]):
                va, vb = float(field[a]), float(field[b])
                if (va < level) != (vb < level):
                    t = (level - va) / (vb - va)
                    cut.append((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])))
            pieces += [[cut[k], cut[k + 1]] for k in range(0, len(cut) - 1, 2)]
    return pieces


def _at(places: Sequence[float], index: float) -> float:
    low = min(int(index), len(places) - 2)
    return places[low] + (index - low) * (places[low + 1] - places[low])


def _clouds(clouds: Sequence[Mapping[str, Any]], x: Scale, y: Scale, frame: Frame) -> list[str]:
    parts, labels, taken = [], [], list[tuple[float, float, float]]()
    for cloud in sorted(clouds, key=lambda c: c["middle"][0]):
        ring = [
            (min(max(x(math.log(a)), frame.x0), frame.width), min(max(y(math.log(b)), frame.y0), frame.height))
            for a, b in cloud["ring"]
        ]
        parts.append(element("path", d=polyline(ring) + "Z", class_="halo"))
        parts.append(element("path", d=polyline(ring) + "Z", class_="cross", fill="none", stroke_dasharray="5 3"))
        px, py = x(math.log(cloud["middle"][0])), y(math.log(cloud["middle"][1]))
        parts.append(element("circle", class_="mark open", cx=px, cy=py, r=3.6))
        top = min(v for _, v in ring)
        half = 0.5 * _BOLD * len(cloud["name"]) + 3
        middle = min(max(px, frame.x0 + half), frame.width - half)
        at = _free_line(middle, top - 5, half, taken, frame)
        taken.append((middle, at, half))
        if top - at > 14:
            labels.append(line(px, at + 3, px, top, class_="base"))
        labels.append(
            text(middle, at, cloud["name"], class_="row-label mid", font_weight="600", data_cloud=cloud["name"])
        )
    return [*parts, *labels]


def _free_line(
    middle: float, wanted: float, half: float, taken: Sequence[tuple[float, float, float]], frame: Frame
) -> float:
    """The lowest baseline at or above the wanted one where a label meets no other; below the top of the map."""
    at = wanted
    while any(abs(middle - m) < half + h and abs(at - v) < _LABEL for m, v, h in taken):
        at -= _LABEL
    if at >= frame.y0 + 11:
        return at
    at = max(wanted, frame.y0 + 11)  # no room above: downwards
    while any(abs(middle - m) < half + h and abs(at - v) < _LABEL for m, v, h in taken):
        at += _LABEL
    return at


def _axes(x: Scale, y: Scale, frame: Frame) -> list[str]:
    parts = [line(frame.x0, frame.height, frame.width, frame.height, class_="base")]
    parts += [
        text(x(math.log(v)), frame.height + 16, f"{v:g}", class_="tick mid")
        for v in _X_TICKS
        if x.low <= math.log(v) <= x.high
    ]
    parts += [
        text(frame.x0 - 7, y(math.log(v)) + 4, f"{v:g}", class_="tick end")
        for v in _Y_TICKS
        if y.low <= math.log(v) <= y.high
    ]
    parts.append(text(frame.x0, frame.height + 33, "weaker", class_="tick"))
    parts.append(text(frame.width, frame.height + 33, "stronger stimulus \N{RIGHTWARDS ARROW}", class_="tick end"))
    parts.append(
        text(
            frame.width,
            frame.height + 48,
            "push of a week of sessions (from 0.39 the ill state gives way)",
            class_="axis-title end",
        )
    )
    middle = (frame.y0 + frame.height) / 2
    turn = f"rotate(-90 {frame.x0 - 33:.1f} {middle:.1f})"
    parts.append(
        text(
            frame.x0 - 33,
            middle,
            "the push fades within (days) \N{RIGHTWARDS ARROW}",
            class_="axis-title mid",
            transform=turn,
        )
    )
    return parts


def _keys(doc: Mapping[str, Any], x: float, y: float, room: float) -> tuple[str, float]:
    """What hues, depth, lines, rings and hatching mean; returns markup and its lower end."""
    parts, at = [], y
    parts.append(text(x, at, "Best on average", class_="end-label"))
    at += 10
    for name in CLASSES:
        steps = "".join(
            element("rect", class_="band", fill_opacity=f"{depth(p)}", x=x + 14 * i, y=at, width=13, height=13, rx=2)
            for i, p in enumerate((0.4, 0.7, 1.0))
        )
        parts.append(element("g", steps, class_=HUES[name]))
        lines = fold(f"{name}: {MEANS[name]}", (room - 50) / _LETTER, 3)
        parts += [text(x + 50, at + 11 + 14 * i, words) for i, words in enumerate(lines)]
        at += 7 + 14 * max(1, len(lines))
    notes = ["deeper: more probably the best of the three", "lines: probability that before beats after"]
    notes.append("rings: 80 of 100 draws of a treatment, its usual course")
    q = doc["question"]
    if any(c["verdict"] == ALIKE for c in [*doc["cells"], *(doc["prior"] or [])]):
        notes.append(f"\N{ALMOST EQUAL TO} and pale: no difference that matters (within {q['margin']:g} {q['unit']})")
    if any(c["claims"] for c in doc["cells"]):
        notes.append("outlined: sure enough for a verdict, before better or after better")
    else:
        notes.append("no square is outlined: nowhere is it sure enough for a verdict that one is better")
    if any(c.get("hatched") for c in doc["cells"]):
        notes.append("hatched: the answer is the prior's, trials have hardly moved it")
    for note in notes:
        lines = fold(note, room / _LETTER, 3)
        parts += [text(x, at + 13 + 14 * i, words, class_="row-note") for i, words in enumerate(lines)]
        at += 4 + 14 * len(lines)
    return "".join(parts), at + 10


def _foot(doc: Mapping[str, Any]) -> str:
    q = doc["question"]
    return f"{doc['stamp']}; {doc['basis']}; {q['population']}; {doc['disclaimer']}."
