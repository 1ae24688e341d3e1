"""The page and the terminal view of the direction map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table as Shown

from cotreat.report.curve_figure import twice
from cotreat.report.direction_map import CLASSES, conclusion, direction_figure, sentences
from cotreat.report.document import Provenance
from cotreat.report.parts import Page, Table, behind, listing, paragraph, provenance, table
from cotreat.report.svg import escape
from cotreat.report.words import number, probability

LIMITS = (
    "Strength is the push of a session times sessions a week, before sessions that follow close on each other lose "
    "some of it; persistence is one time constant that the model gives to all stimulations, for no trial tells them "
    "apart.",
    "One course and one drug are moved over the map: a treatment's ring shows where its stimulus lies, and its own "
    "course may differ from the one that is mapped.",
    "These are figures about groups. Nothing here is a recommendation to start, stop or combine a treatment.",
)


def direction_page(doc: Mapping[str, Any], remake: Provenance) -> tuple[str, Page]:
    """The head of the page and its sections, from the document of ``cotreat timing map --json``."""
    page = Page(doc["stamp"])
    said = sentences(doc)
    figure = f'<figure aria-label="{escape(said[0])}">{twice(lambda narrow: direction_figure(doc, narrow))}</figure>'
    page.section("map", "For which stimulus should the drug come first?", figure + listing(said))
    page.section("cells", "Every cell in numbers", _cells(doc))
    page.section("remake", "How to remake this", provenance(remake))
    page.section("limits", "What this does not claim", listing(LIMITS))
    q = doc["question"]
    head = (
        '<p class="kicker">The direction map</p>'
        f"<h1>{escape(q['drug'])}<br>{escape(q['stimulation'])}</h1>"
        f'<p class="answer">{escape(conclusion(doc))} {escape(said[0])}</p><p class="note">{escape(doc["basis"])}</p>'
        f'<p class="badge">{escape(doc["stamp"])}</p>'
    )
    return head, page


def _cells(doc: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{number(c['strength'], 2)}<small>{number(c['persistence'])} days</small>",
            escape(c["best"]),
            *(probability(c["p_best"][k]) for k in CLASSES),
            probability(c["p_before_better"]),
            f"{number(c['before_minus_after'], 2)} ({number(c['unknown95'][0], 2)} to {number(c['unknown95'][1], 2)})",
            escape(c["verdict"]),
        )
        for c in doc["cells"]
    ]
    unit = doc["question"]["unit"]
    heads = ("Drive a week", "Best", *(f"P {k}" for k in CLASSES), "P before over after", f"Before less after, {unit}")
    made = table(Table("Every cell", (*heads, "Verdict"), rows, wide=True), doc["stamp"])
    return paragraph("Each cell is a simulation of its own, on the same draws of everything else.") + behind(
        "Show the table", made
    )


def print_map(doc: Mapping[str, Any], console: Console) -> None:
    """Print the document of ``cotreat timing map --json`` for a reader."""

    def say(words: str) -> None:
        console.print(words, markup=False, highlight=False)

    q = doc["question"]
    say(f"{q['drug']} around {q['stimulation']}; {q['population']}")
    shown = Shown(
        title="best start (probability that before beats after)", title_justify="left", box=None, pad_edge=False
    )
    shown.add_column("fades within, days", justify="right")
    for s in doc["strength"]:
        shown.add_column(number(s, 2), justify="right")
    for p in reversed(doc["persistence"]):
        row = [c for c in doc["cells"] if c["persistence"] == p]
        shown.add_row(number(p), *(f"{c['best']} {probability(c['p_before_better'])}" for c in row))
    console.print(shown)
    say("columns: drive per week of sessions")
    for words in sentences(doc):
        say(words)
    say(doc["basis"])
    say(f"{doc['stamp']}. {doc['disclaimer']}.")
    say(f"Remake: {doc['provenance']['command']} (version {doc['provenance']['version']})")
