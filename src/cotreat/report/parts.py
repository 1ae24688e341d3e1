"""Parts that pages share: tables, figures, keys, provenance. Everything that comes from a document is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cotreat.report.document import Provenance
from cotreat.report.svg import element, escape, line, mark, whisker
from cotreat.report.words import Voice, sentence_case, short

PAGE_VOICE = Voice(name=lambda s: f"<b>{escape(s)}</b>", text=escape)


@dataclass(slots=True)
class Page:
    """A page in the making: its sections, and the figures whose numbers the script shows."""

    stamp: str
    sections: list[str] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)

    def section(self, key: str, heading: str, body: str) -> None:
        """Add a section with a heading; an empty body adds nothing."""
        if body:
            self.sections.append(
                f'<section aria-labelledby="{key}"><h2 id="{key}">{escape(heading)}</h2>{body}</section>'
            )


@dataclass(frozen=True, slots=True)
class Table:
    """A table of cells that are already markup; the first cell of a row is its header.

    ``wide``: may be wider than a narrow screen and then scrolls by itself. ``words``: cells are prose, not numbers.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: bool = False
    words: bool = False


def table(content: Table, stamp: str) -> str:
    """An HTML table whose caption carries the stamp."""
    heads = "".join(f'<th scope="col">{h}</th>' for h in content.heads)
    rows = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
        for row in content.rows
    )
    caption = f"{escape(content.title)}<span>{escape(stamp)}</span>"
    kind = "data words" if content.words else "data"
    made = (
        f'<table class="{kind}"><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    if not content.wide:
        return made
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(content.title)}">{made}</div>'


def behind(summary: str, body: str) -> str:
    """Something folded away under a line that opens it."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def listing(items: Sequence[str]) -> str:
    """A bulleted list of plain texts."""
    return '<ul class="plain">' + "".join(f"<li>{escape(i)}</li>" for i in items) + "</ul>" if items else ""


# Keys: small drawings that say what a mark means. -------------------------------------------------------------------

_ICONS = {
    "bands": element("rect", class_="band outer", x=1, y=1, width=30, height=16)
    + element("rect", class_="band inner", x=1, y=5, width=30, height=8),
    "patients": whisker((16, 1), (16, 17), 3, class_="patients")
    + element("rect", class_="patients box", x=13, y=5, width=6, height=8),
    "unknown": element("rect", class_="unknown", x=1, y=4, width=30, height=10, rx=3) + mark(0, 16, 9, 4),
    "chance": whisker((2, 9), (30, 9), 3.5, class_="chance"),
    "half": element("rect", class_="unknown", x=6, y=4, width=20, height=10, rx=3) + mark(0, 16, 9, 4),
    "observed": element("path", class_="observed", d="M16 2L23 9L16 16L9 9Z"),
    "session": element("path", class_="session", d="M8 2L8 16M16 2L16 16M24 2L24 16"),
    "dose": element("rect", class_="dose", x=1, y=4, width=30, height=10, rx=3),
    "level": element("rect", class_="level", x=1, y=4, width=30, height=10, rx=3),
    "shade": element("rect", class_="shade stopped", x=1, y=1, width=30, height=16),
    "depends": element("rect", class_="level depends", x=1, y=4, width=30, height=10, rx=3),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a key: the mark, what it means, and the layer it can switch off (or None)."""

    icon: str
    text: str
    hides: str | None = None


def keys(entries: Sequence[Key]) -> str:
    """A list of marks with their meaning."""
    items = []
    for entry in entries:
        icon = element("svg", _ICONS[entry.icon], viewBox="0 0 32 18", aria_hidden="true")
        body = f"{icon}<span>{escape(entry.text)}</span>"
        hides = f' data-hides="{entry.hides}"' if entry.hides else ""
        items.append(f"<li{hides}>{body}</li>")
    return f'<ul class="keys">{"".join(items)}</ul>'


_MARK_NAMES = {
    "bands": "Filled bands",
    "patients": "Open boxes with caps",
    "unknown": "Filled bar",
    "chance": "Line with caps",
    "half": "Filled bar",
    "observed": "Open diamond",
    "session": "Ticks",
    "dose": "Solid bar",
    "level": "Pale bar",
    "shade": "Shaded stretch",
    "depends": "Dashed outline",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its caption and key.

    ``title`` stands alone, for a saved copy. ``caption``, ``before`` and ``drawing`` are markup; ``chart`` is the
    number of the figure's entry in ``Page.curves`` when the script can read it.
    """

    title: str
    drawing: str
    key: Sequence[Key]
    caption: str = ""
    before: str = ""
    after: str = ""
    chart: int | None = None


def figure(content: Figure) -> str:
    """A figure; its title and the meaning of its marks in words travel with a saved copy."""
    note = ". ".join(f"{_MARK_NAMES[entry.icon]}: {entry.text}" for entry in content.key)
    chart = "" if content.chart is None else f' data-chart="{content.chart}"'
    caption = f"<figcaption>{content.caption}</figcaption>" if content.caption else ""
    return (
        f'<figure data-title="{escape(content.title)}" data-note="{escape(note)}"{chart}>'
        f"{caption}{content.before}{content.drawing}{keys(content.key) if content.key else ''}{content.after}</figure>"
    )


def swatch(arm: int, style: str, dash: str) -> str:
    """The line and mark of an arm, for a legend."""
    stroke = {"stroke_dasharray": dash} if dash else {}
    body = line(1, 8, 41, 8, class_="median", **stroke) + mark(arm, 21, 8, 4)
    return element("svg", body, viewBox="0 0 42 16", class_=style, aria_hidden="true")


# Provenance ---------------------------------------------------------------------------------------------------------


def facts(items: Sequence[tuple[str, str]]) -> str:
    """Words and their meaning, as plain texts."""
    body = "".join(f"<dt>{escape(sentence_case(word))}</dt><dd>{escape(text)}</dd>" for word, text in items)
    return f'<dl class="facts">{body}</dl>' if body else ""


def provenance(content: Provenance) -> str:
    """Everything needed to make the page again."""
    known = [
        ("Made on", escape(content.date)),
        ("Version", escape(content.version)),
        ("Seed", "" if content.seed is None else str(content.seed)),
        ("Patients", "" if content.patients is None else f"{content.patients:,} in all"),
        ("Parameter draws", "" if content.draws is None else short(content.draws)),
        ("Parameters", _parameters(content)),
        ("Engine", escape(content.engine)),
        ("Rests on", ", ".join(escape(e) for e in content.evidence)),
        ("Ignored by the model", "<br>".join(escape(q) for q in content.ignored_qualifiers)),
    ]
    body = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in known if value)
    made = f'<dl class="facts">{body}</dl>' if body else ""
    if content.command:
        made = f'<p class="note">This command remakes every number above.</p>{_command(content.command)}{made}'
    return made


def _command(command: str) -> str:
    return f'<p class="command"><code>{escape(command)}</code></p>'


def _parameters(content: Provenance) -> str:
    checksum = f" <code>{escape(content.checksum)}</code>" if content.checksum else ""
    return escape(content.parameters) + checksum
