"""The page of a schedule search: what was tried, what the rules stopped, and the schedules that no other beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotreat.report.axes import Scale, round_ticks, tick_text
from cotreat.report.charts import NARROW, WIDE, Caption, arm_class
from cotreat.report.curve_figure import twice
from cotreat.report.document import Provenance
from cotreat.report.parts import Figure, Page, Table, behind, figure, listing, paragraph, provenance, table
from cotreat.report.svg import Frame, drawing, element, escape, line, text
from cotreat.report.words import fold, number, probability

LIMITS = (
    "A schedule on the front is not a recommendation: which goal weighs how much is for those who are treated.",
    "Only the written combinations were tried. What lies between them, or beyond, was not.",
    "The safety rules were asked for nobody in particular. A patient may have reasons against any of these.",
    "These are figures about groups. They are not validated for individual patients.",
)


def schedule_page(doc: Mapping[str, Any], remake: Provenance) -> tuple[str, Page]:
    """The head of the page and its sections, from the document of ``cotreat timing schedule --json``."""
    page = Page(doc["stamp"])
    page.section("front", "The front", _front(doc))
    page.section("rules", "What safety rules stopped", _stopped(doc))
    page.section("others", "Every other schedule that was tried", _others(doc))
    page.section("remake", "How to remake this", provenance(remake))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return _head(doc), page


def _head(doc: Mapping[str, Any]) -> str:
    goals = ", ".join(g["text"] for g in doc["goals"])
    said = (
        f"Of {doc['tried']} schedules {doc['stopped'] or 'none'} are stopped by safety rules. Of the others "
        f"{len(doc['front'])} are equalled or beaten by no other in every goal ({goals})."
    )
    return (
        f'<p class="kicker">A search over schedules</p><h1>{escape(doc["title"])}</h1>'
        f'<p class="answer">{escape(said)}</p><p class="note">{escape(doc["population"])}; {escape(doc["basis"])}.</p>'
        f'<p class="badge">{escape(doc["stamp"])}</p>'
    )


def _front(doc: Mapping[str, Any]) -> str:
    pairs = [(0, k) for k in range(1, len(doc["goals"]))]
    body = ""
    for one, two in pairs:
        title = f"{doc['goals'][one]['text']} against {doc['goals'][two]['text']}"
        caption = Caption(describe_front(doc, one, two), doc["stamp"])
        chart = twice(lambda narrow, a=one, b=two, c=caption: front_chart(doc, (a, b), c, narrow))  # type: ignore[misc]
        under = "Numbers: the schedules of the front as listed below. Dots: the others. Lines: what is not known, 95 %."
        body += figure(Figure(title, chart, [], caption=f"{escape(title)}<span>{escape(under)}</span>"))
    named = [
        (str(k), "<br>".join(escape(s) for s in r["sentence"].splitlines()), escape(r["safety"]))
        for k, r in enumerate(doc["front"], 1)
    ]
    body += table(Table("The front", ("No.", "Schedule", "Safety"), named, words=True), doc["stamp"])
    rows = [_row(doc, r, f"<b>{k}</b>") for k, r in enumerate(doc["front"], 1)]
    heads = ("No.", *(escape(g["text"]) for g in doc["goals"]), "Stays on the front")
    notes = list(dict.fromkeys(n for r in doc["front"] for n in r["notes"]))
    return (
        body
        + table(Table("Goals of the front (not known, 95 %)", heads, rows, wide=True), doc["stamp"])
        + listing(notes)
    )


def describe_front(doc: Mapping[str, Any], one: int, two: int) -> str:
    """The front in words, for those who do not see it."""
    a, b = (doc["goals"][k] for k in (one, two))
    ends = "; ".join(
        f"{k}: {number(r['goals'][a['key']]['median'])} and {number(r['goals'][b['key']]['median'])}"
        for k, r in enumerate(doc["front"], 1)
    )
    return f"{a['text']} and {b['text']} of each schedule of the front. {ends}."


def front_chart(doc: Mapping[str, Any], goals: tuple[int, int], caption: Caption, narrow: bool) -> str:
    """Every allowed schedule at its medians of two goals; those of the front numbered, with what is not known."""
    high, across = (doc["goals"][k] for k in goals)
    frame = Frame(NARROW, 330, 34, 12, 44, 62, 12, narrow=True) if narrow else Frame(WIDE, 400, 44, 40, 46, 50)
    rows = [*doc["front"], *doc["others"]]
    wide = [v for r in doc["front"] for v in r["goals"][across["key"]]["unknown95"]]
    tall = [v for r in doc["front"] for v in r["goals"][high["key"]]["unknown95"]]
    xs = wide + [r["goals"][across["key"]]["median"] for r in rows]
    ys = tall + [r["goals"][high["key"]]["median"] for r in rows]
    at_x, at_y = round_ticks(min(xs), max(xs), 5 if narrow else 8), round_ticks(min(ys), max(ys), 6)
    x, y = Scale(at_x[0], at_x[-1], frame.x0, frame.x1), Scale(at_y[0], at_y[-1], frame.y1, frame.y0)
    parts = [line(frame.x0, y(t), frame.x1, y(t), class_="base" if t == at_y[0] else "grid") for t in at_y]
    parts += [text(frame.x0 - 7, y(t) + 4, tick_text(t, at_y), class_="tick end") for t in at_y]
    parts += [text(x(t), frame.y1 + 17, tick_text(t, at_x), class_="tick mid") for t in at_x]
    room = (frame.x1 - frame.x0) / 6.2
    better = {g["key"]: "higher" if g["better"] == "higher" else "lower" for g in (high, across)}
    parts.append(
        text(
            14,
            frame.y0 - 18,
            fold(f"{high['text']} ({better[high['key']]} is better)", room, 1)[0],
            class_="axis-title",
        )
    )
    title = fold(f"{across['text']} ({better[across['key']]} is better)", room, 1)[0]
    parts.append(text(frame.x1, frame.y1 + 34, title, class_="axis-title end"))
    parts.append(text(14, frame.height - 6, fold(caption.stamp, room, 1)[0], class_="stamp"))
    for r in doc["others"]:
        place = (x(r["goals"][across["key"]]["median"]), y(r["goals"][high["key"]]["median"]))
        parts.append(element("circle", class_="base", cx=place[0], cy=place[1], r=2.6))
    parts += _numbered(doc["front"], (high["key"], across["key"]), x, y)
    return drawing(frame, "".join(parts), caption.label, class_="curves front")


def _numbered(front: Sequence[Mapping[str, Any]], keys: tuple[str, str], x: Scale, y: Scale) -> list[str]:
    lines, marks = [], []
    for k, row in enumerate(front):
        tall, wide = row["goals"][keys[0]], row["goals"][keys[1]]
        cx, cy = x(wide["median"]), y(tall["median"])
        low, high = (y(v) for v in tall["unknown95"])
        left, right = (x(v) for v in wide["unknown95"])
        lines.append(line(cx, low, cx, high, class_="base", stroke_opacity="0.45"))
        lines.append(line(left, cy, right, cy, class_="base", stroke_opacity="0.45"))
        disc = element("circle", class_="mark", cx=cx, cy=cy, r=8)
        label = text(
            cx, cy + 4, str(k + 1), class_="mid front-number", fill="#fff", font_size="10.5", font_weight="700"
        )
        marks.append(element("g", disc + label, class_=arm_class(0), data_front=k + 1))
    return [*lines, *marks]


def _row(doc: Mapping[str, Any], row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    cells = []
    for goal in doc["goals"]:
        found = row["goals"][goal["key"]]
        low, high = found["unknown95"]
        cells.append(f"{number(found['median'])}<small>{number(low)} to {number(high)}</small>")
    return (name, *cells, probability(row["p_on_front"]))


def _stopped(doc: Mapping[str, Any]) -> str:
    if not doc["stopped_by"]:
        return paragraph("None of them is stopped by a rule.")
    rows = [(escape(rule), str(count)) for rule, count in doc["stopped_by"].items()]
    said = paragraph("A schedule that a rule stops is never simulated. One schedule may be stopped by several rules.")
    return said + table(
        Table(f"Rules that stopped some of {doc['tried']} schedules", ("Rule", "Schedules"), rows), doc["stamp"]
    )


def _others(doc: Mapping[str, Any]) -> str:
    if not doc["others"]:
        return ""
    heads = ("Schedule", *(escape(g["text"]) for g in doc["goals"]), "On the front in")
    rows = [_row(doc, r, "<br>".join(escape(s) for s in r["sentence"].splitlines())) for r in doc["others"]]
    return behind(
        "Show the table", table(Table("Beaten by another (not known, 95 %)", heads, rows, wide=True), doc["stamp"])
    )
