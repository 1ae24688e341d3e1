"""One sheet: who stays well after ECT in four trials, each by its own definition, model beside published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from cotreat.report.axes import Scale, tick_text
from cotreat.report.charts import NARROW, WIDE, arm_class
from cotreat.report.svg import (
    ARM_STYLES,
    DASHES,
    Frame,
    drawing,
    element,
    line,
    mark,
    polyline,
    ribbon,
    text,
    whisker,
)
from cotreat.report.words import fold

Doc = Mapping[str, Any]
_SHARES = [0.0, 25.0, 50.0, 75.0, 100.0]
_KINDS = {
    "relapse": "no relapse",
    "sustained_response": "response kept, not lost to follow-up",
    "sustained_remission": "remission kept, not lost to follow-up",
}
_AMONG = {"remitters": "remitters", "responders": "responders", "completers": "completers"}


def after_ect_chart(rows: Sequence[Doc], stamp: str, narrow: bool) -> str:
    """Panels, one for each trial; lines are medians, bands the middle 80 %, diamonds published (95 % of chance)."""
    studies = [(k, list(v)) for k, v in groupby((r for r in rows if r["days"]), key=lambda r: r["study"])]
    across = 1 if narrow else 2
    width, height = (NARROW, 268.0) if narrow else (WIDE / 2, 292.0)
    down = -(-len(studies) // across)
    body = ""
    for k, (study, arms) in enumerate(studies):
        x, y = (k % across) * width, (k // across) * height
        body += element("g", _panel(study, arms, width, height), transform=f"translate({x:g} {y:g})")
    frame = Frame(width * across, height * down + 20, 0, 0, 0, 0, 12 if narrow else 12.5, narrow=narrow)
    body += text(frame.width, frame.height - 4, stamp, class_="stamp end")
    return drawing(frame, body, describe(rows), class_="curves")


def describe(rows: Sequence[Doc]) -> str:
    """The sheet in words."""
    parts = []
    for row in rows:
        if row["days"]:
            seen = "; published " + ", ".join(f"{p[1]:g} at day {p[0]:g}" for p in row["published"])
            parts.append(
                f"{row['study']}, {row['arm'].replace('_', ' ')}: {row['median'][-1]:.0f} per 100 at day "
                f"{row['days'][-1]}{seen if row['published'] else ''}"
            )
    return "Who stays well after ECT. " + ". ".join(parts) + "."


def _panel(study: str, arms: Sequence[Doc], width: float, height: float) -> str:
    frame = Frame(width, height, 34, 14, 62, 58)
    last = max(a["days"][-1] for a in arms)
    x, y = Scale(0.0, float(last), frame.x0, frame.x1), Scale(0.0, 100.0, frame.y1, frame.y0)
    out = text(0, 16, study, class_="axis-title")
    for k, words in enumerate(fold(_meaning(arms[0]), (width - 24) / 6.9, 2)):
        out += text(0, 31 + 14 * k, words, class_="tick")
    out += "".join(line(frame.x0, y(t), frame.x1, y(t), class_="grid" if t else "base") for t in _SHARES)
    out += "".join(text(frame.x0 - 6, y(t) + 4, tick_text(t, _SHARES), class_="tick end") for t in _SHARES)
    weeks = [w for w in (0, 13, 26, 39, 52) if 7 * w <= last + 1]
    out += "".join(line(x(7 * w), frame.y1, x(7 * w), frame.y1 + 4, class_="base") for w in weeks)
    out += "".join(text(x(7 * w), frame.y1 + 17, f"week {w}" if not w else str(w), class_="tick mid") for w in weeks)
    out += "".join(_arm(a, k, x, y) for k, a in enumerate(arms))
    at = frame.x0
    for k, a in enumerate(arms):  # the key stands under the panel, so that lines that end together stay readable
        words = a["arm"].replace("_", " ")
        if at + 24 + 6.4 * len(words) > frame.x1 and k:
            at = frame.x0
        row = frame.y1 + (36 if not _wraps(arms[:k], frame) else 51)
        dash = DASHES[k % ARM_STYLES]
        swatch = element("path", class_="median", d=polyline([(at, row - 4), (at + 16, row - 4)]),
                         **({"stroke_dasharray": dash} if dash else {}))  # fmt: skip
        out += element("g", swatch + text(at + 20, row, words, class_="end-label"), class_=f"arm {arm_class(k)}")
        at += 34 + 6.4 * len(words)
    return out


def _wraps(before: Sequence[Doc], frame: Frame) -> bool:
    return sum(34 + 6.4 * len(a["arm"]) for a in before) > 0.72 * (frame.x1 - frame.x0)


def _meaning(row: Doc) -> str:
    among = _AMONG.get(row["among"])
    what = _KINDS[row["measure"]]
    said = f" ({row['definition']})" if row["definition"] else ""
    return f"per 100 {among or 'who entered'}: {what}{said}"


def _arm(row: Doc, style: int, x: Scale, y: Scale) -> str:
    xs = [x(float(d)) for d in row["days"]]
    body = element("path", class_="band inner", d=ribbon(xs, *([y(v) for v in row[k]] for k in ("low", "high"))))
    points = [(a, y(v)) for a, v in zip(xs, row["median"], strict=True)]
    dash = DASHES[style % ARM_STYLES]
    body += element("path", class_="median", d=polyline(points), **({"stroke_dasharray": dash} if dash else {}))
    for day, share, size in row["published"]:
        at = x(day) - 3.0 * style  # figures of several arms on one day stand side by side
        low, high = _chance(share, size)
        if size:
            body += whisker((at, y(low)), (at, y(high)), 3, class_="chance")
        body += mark(style, at, y(share), 4.5)
    return element("g", body, class_=f"arm {arm_class(style)}", data_arm=style)


def _chance(share: float, size: float) -> tuple[float, float]:
    """95 % Wilson interval of a published share, per 100."""
    if not size:
        return share, share
    p, z = share / 100.0, 1.96
    middle = (p + z * z / (2 * size)) / (1 + z * z / size)
    half = z * ((p * (1 - p) / size + z * z / (4 * size * size)) ** 0.5) / (1 + z * z / size)
    return 100 * max(middle - half, 0.0), 100 * min(middle + half, 1.0)
