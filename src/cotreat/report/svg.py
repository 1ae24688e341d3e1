"""Small pieces of SVG: escaped text, paths of numbers, marks and line patterns that tell arms apart without colour."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# One dash pattern and one mark per arm; colours are classes a0 .. a5 of the style sheet.
DASHES = ("", "7 4", "2 3.5", "10 3 2 3", "4 2.5", "1 3 7 3")
MARKS = ("circle", "square", "triangle", "diamond", "cross", "ring")
ARM_STYLES = len(DASHES)


@dataclass(frozen=True, slots=True)
class Frame:
    """The drawing area in user units: whole size, margins and font size (about one unit per screen pixel)."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    font: float = 12.5
    narrow: bool = False

    @property
    def x0(self) -> float:
        """Left end of the plot area."""
        return self.left

    @property
    def x1(self) -> float:
        """Right end of the plot area."""
        return self.width - self.right

    @property
    def y0(self) -> float:
        """Upper end of the plot area."""
        return self.top

    @property
    def y1(self) -> float:
        """Lower end of the plot area."""
        return self.height - self.bottom


def escape(value: str) -> str:
    """Text for an element or a quoted attribute, without control characters."""
    return html.escape("".join(c for c in value if c in "\n\t" or ord(c) >= 32), quote=True)


def num(value: float) -> str:
    """A coordinate with at most one decimal."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def attributes(**values: str | float) -> str:
    """``class_="a"`` becomes ``class="a"``, ``stroke_width=2`` becomes ``stroke-width="2"``."""
    parts = []
    for key, value in values.items():
        name = key.rstrip("_").replace("_", "-")
        parts.append(f'{name}="{escape(value) if isinstance(value, str) else num(value)}"')
    return " ".join(parts)


def element(name: str, body: str = "", /, **values: str | float) -> str:
    """One element; ``body`` is markup and not escaped."""
    head = f"<{name} {attributes(**values)}".rstrip()
    return f"{head}>{body}</{name}>" if body else f"{head}/>"


def text(x: float, y: float, words: str, **values: str | float) -> str:
    """A line of text at a baseline point."""
    return element("text", escape(words), x=x, y=y, **values)


def line(x1: float, y1: float, x2: float, y2: float, **values: str | float) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **values)


def polyline(points: Iterable[tuple[float, float]]) -> str:
    """Path data through the points."""
    return "M" + "L".join(f"{num(x)} {num(y)}" for x, y in points)


def ribbon(xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
    """Path data of the closed area between two lines."""
    upper = list(zip(xs, high, strict=True))
    lower = list(zip(xs, low, strict=True))
    return polyline([*upper, *reversed(lower)]) + "Z"


def mark(arm: int, x: float, y: float, size: float = 4.0) -> str:
    """The mark of an arm, centred at a point."""
    shape = MARKS[arm % ARM_STYLES]
    if shape in ("circle", "ring"):
        return element("circle", class_="mark open" if shape == "ring" else "mark", cx=x, cy=y, r=size)
    if shape == "square":
        return element("rect", class_="mark", x=x - size, y=y - size, width=2 * size, height=2 * size)
    if shape == "cross":
        data = f"M{num(x - size)} {num(y - size)}L{num(x + size)} {num(y + size)}"
        data += f"M{num(x - size)} {num(y + size)}L{num(x + size)} {num(y - size)}"
        return element("path", class_="mark stroke", d=data)
    reach = size * 1.3
    corners = [(x, y - reach), (x + reach, y + reach * 0.75), (x - reach, y + reach * 0.75)]
    if shape == "diamond":
        corners = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
    return element("path", class_="mark", d=polyline(corners) + "Z")


def whisker(start: tuple[float, float], end: tuple[float, float], cap: float, **values: str | float) -> str:
    """A horizontal or vertical line with a cap at each end."""
    (x1, y1), (x2, y2) = start, end
    dx, dy = (0.0, cap) if y1 == y2 else (cap, 0.0)
    data = polyline([(x1, y1), (x2, y2)])
    for x, y in (start, end):
        data += polyline([(x - dx, y - dy), (x + dx, y + dy)])
    return element("path", d=data, **values)


def drawing(frame: Frame, body: str, label: str, **values: str | float) -> str:
    """A whole SVG, announced as one image with a description."""
    size = "narrow" if frame.narrow else "wide"
    kind = values.pop("class_", "")
    return element(
        "svg",
        body,
        class_=f"chart {size} {kind}".strip(),
        viewBox=f"0 0 {num(frame.width)} {num(frame.height)}",
        role="img",
        aria_label=label,
        font_size=frame.font,
        **values,
    )
