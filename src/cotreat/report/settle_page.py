"""The page of "which trial would settle it": designs by what they are expected to save, and what that assumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotreat.report.charts import Caption, IntervalAxis, IntervalRow, describe_rows, interval_chart
from cotreat.report.curve_figure import twice
from cotreat.report.document import Provenance
from cotreat.report.parts import Figure, Key, Page, Table, behind, figure, listing, paragraph, provenance, table
from cotreat.report.svg import escape
from cotreat.report.words import number, probability, sentence_case

LIMITS = (
    "The worth of a trial here is what it would change about one choice, the drug before or after the course. A trial "
    "may be worth running for other reasons.",
    "It is read from the model: a world that is no draw of its parameters is not in it.",
    "These are figures about groups. They are not validated for individual patients.",
)
_95 = 1.96


def settle_page(doc: Mapping[str, Any], remake: Provenance) -> tuple[str, Page]:
    """The head of the page and its sections, from the document of ``cotreat timing settle --json``."""
    page = Page(doc["stamp"])
    page.section("rank", "Designs by what they would save", _rank(doc))
    page.section("today", "What is chosen today", _today(doc))
    page.section("arms", "The designs as trial files", _files(doc))
    page.section("assumed", "What is assumed", listing(doc["assumptions"]))
    page.section("remake", "How to remake this", provenance(remake))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return _head(doc), page


def answer(doc: Mapping[str, Any]) -> str:
    """What comes first, and how much it would save, in a sentence or two."""
    best = doc["designs"][0]
    if best["drop_per_100"] <= _95 * 100 * best["error"] / best["patients"]:
        return "None of the designs is expected to change the choice: whatever they found, today's choice would stand."
    return (
        f"First of the designs: {best['design']} with {best['patients']} patients. Choosing after it is expected to "
        f"save {number(best['drop'], 3)} {doc['question']['unit']} per patient treated later, "
        f"{number(best['drop_per_100'], 3)} for every 100 patients of the trial; it would settle the question with "
        f"probability {probability(best['p_settles'])}."
    )


def _head(doc: Mapping[str, Any]) -> str:
    q = doc["question"]
    return (
        '<p class="kicker">Which trial would settle it?</p>'
        f"<h1>{escape(q['drug'])}<br>{escape(q['stimulation'])}</h1>"
        f'<p class="answer">{escape(answer(doc))}</p>'
        f'<p class="note">{escape(q["population"])}; {escape(" or ".join(q["choice"]))}; week {q["week"]}; '
        f"{escape(doc['basis'])}.</p>"
        f'<p class="badge">{escape(doc["stamp"])}</p>'
    )


def _rank(doc: Mapping[str, Any]) -> str:
    unit = doc["question"]["unit"]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(r["design"] for r in doc["designs"]))}
    rows = []
    for r in doc["designs"]:
        error = _95 * 100 * r["error"] / r["patients"]
        low, high = max(r["drop_per_100"] - error, 0.0), r["drop_per_100"] + error
        label = f"{r['design']}: {r['patients']} patients"
        shown = f"{number(r['drop_per_100'], 3)} (settles {probability(r['p_settles'])})"
        rows.append(IntervalRow(label, numbers[r["design"]], r["drop_per_100"], None, (low, high), shown))
    caption = Caption(describe_rows(rows, "Expected drop in regret"), doc["stamp"])
    axis = IntervalAxis(f"expected drop in regret per 100 patients of the trial ({unit})", low=0.0)
    chart = twice(lambda narrow: interval_chart(rows, axis, caption, narrow))
    key = [Key("chance", "Monte-Carlo error, 95 %")]
    drawn = figure(Figure("Expected drop in regret", chart, key, caption=f"<span>{escape(unit)}</span>"))
    heads = ("Design", "Per arm", "Week", "Drop per later patient", "Per 100 in trial", "Settles")
    cells = [
        (
            f"{escape(r['design'])}<small>{escape(r['about'])}</small>",
            str(r["per_arm"]),
            str(r["week"]),
            f"{number(r['drop'], 3)} ± {number(r['error'], 3)}",
            number(r["drop_per_100"], 3),
            probability(r["p_settles"]),
        )
        for r in doc["designs"]
    ]
    said = paragraph(
        "Today one choice is made for everybody, the one with the better mean. After a trial the choice may turn. The "
        "drop is what is expected to be gained by choosing after the trial, for each patient treated later. Settles: "
        "how often the verdict would then be other than cannot tell."
    )
    if doc["designs"][0]["drop_per_100"] == 0:
        drawn = paragraph(
            "No design is expected to save anything: they are in the order of how often they would settle."
        )
    return said + drawn + table(Table(f"Designs, drop in {unit}", heads, cells, wide=True), doc["stamp"])


def _today(doc: Mapping[str, Any]) -> str:
    q, known = doc["question"], doc["before_minus_after"]
    low, high = known["unknown95"]
    return paragraph(
        f"The drug {doc['chosen_today']} the course. Before minus after at week {q['week']} (above zero: before is "
        f"better): {number(known['median'], 2)} {q['unit']} (not known: {number(low, 2)} to {number(high, 2)}). "
        f"Whoever acts on this choice is expected to lose {number(doc['regret_today'], 2)} {q['unit']} per patient "
        "against knowing the truth; no trial can save more."
    )


def _files(doc: Mapping[str, Any]) -> str:
    body = paragraph(
        "Each is a file for `cotreat trial`, which gives its power; --out writes them beside this page.", "note"
    )
    for name in dict.fromkeys(r["design"] for r in doc["designs"]):
        row = max((r for r in doc["designs"] if r["design"] == name), key=lambda r: r["patients"])
        body += behind(sentence_case(name), f"<pre><code>{escape(row['trial'])}</code></pre>")
    return body
