"""The page of a meta-analysis: the answer, the forest, how studies differ, small studies, and how to remake it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cotreat.measures.errors import InputError
from cotreat.report.forest import alone, digits, forest, funnel, shown_value, with_bounds
from cotreat.report.forest_text import FEW, p_text
from cotreat.report.html import render_page
from cotreat.report.parts import Figure, Page, Table, facts, figure, listing, paragraph, table
from cotreat.report.svg import escape
from cotreat.report.words import number, sentence_case

LIMITS = (
    "A pooled effect describes the studies that were found. It says nothing about studies that were never published.",
    "The prediction interval is where the true effect of a new, similar study would lie; it is the honest answer to "
    "\u201cwhat would happen here\u201d, and it is wide when studies differ.",
    "Differences between studies explained by a moderator are observational, also when every study was randomised.",
    "These are figures about groups. They are not validated for individual patients.",
)


def forest_page(doc: Mapping[str, Any]) -> str:
    """The page of a meta-analysis document as text."""
    page = Page(doc["stamp"])
    page.section("forest", "Studies and pooled effect", _forest(doc))
    page.section("spread", "How far studies differ", _spread(doc))
    if doc.get("moderators"):
        page.section("moderators", "What might explain it", _moderators(doc))
    if doc["k"] > 2 and not doc.get("moderators"):
        page.section("small", "Small studies", _small(doc))
    if len(doc["leave_one_out"]) > 1:
        page.section("one-out", "Without each study", _one_out(doc))
    if doc["left_out"]:
        rows = [(escape(o["study"]), escape(o["reason"])) for o in doc["left_out"]]
        kept = table(Table("Not in this analysis, and why", ("Study", "Reason"), rows, words=True), doc["stamp"])
        page.section("left-out", "What was left out", kept)
    if doc.get("references"):
        page.section("sources", "Sources", _references(doc["references"]))
    page.section("remake", "How to remake this", _remake(doc))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return render_page(doc["title"], _head(doc), page, doc["disclaimer"])


def write_forest(doc: Mapping[str, Any], directory: str | Path) -> list[Path]:
    """Write ``report.html``, ``forest.svg`` and ``funnel.svg`` into a directory that appears only when all is ready.

    Raises InputError when the directory cannot be written.
    """
    files = {"report.html": forest_page(doc), "forest.svg": alone(forest(doc, False))}
    if doc["k"] > 2:
        files["funnel.svg"] = alone(funnel(doc, False))
    target = Path(directory)
    written: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            handle, temporary = tempfile.mkstemp(prefix=".forest-", suffix=".tmp", dir=target)
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(content)
            Path(temporary).chmod(0o644)
            written.append(Path(temporary).replace(target / name))
    except OSError as error:
        raise InputError(f"cannot write to {directory}: {error.strerror or error}") from error
    return written


def _head(doc: Mapping[str, Any]) -> str:
    places = digits(doc)
    model = "equal effects" if doc["method"] == "EE" else f"random effects, {doc['method']}"
    test = "Knapp-Hartung" if doc["test"] == "knha" else "normal"
    answer = f"{doc['shown']['name']} <b>{escape(with_bounds(doc['shown'], places))}</b>"
    if doc["pi95"] is not None and doc["k"] > 2:
        low, high = doc["shown"]["pi95"]
        answer += f"; a new study would lie between {shown_value(low, places)} and {shown_value(high, places)}"
    return (
        '<p class="kicker">Meta-analysis</p>'
        f"<h1>{escape(doc['title'])}</h1>"
        f'<p class="answer">{answer[0].upper() + answer[1:]}.</p>'
        f'<p class="who">{doc["k"]} studies, {escape(model)}, {test} intervals. {escape(doc.get("question") or "")}</p>'
        + "".join(f'<p class="note">{escape(sentence_case(note))}.</p>' for note in doc["notes"])
    )


def _forest(doc: Mapping[str, Any]) -> str:
    title = f"{doc['shown']['name']}, 95 % intervals"
    caption = (
        "<span>Squares: studies, their area is their weight. Diamond: the pooled effect. Line with caps below it: "
        "where a new study would lie.</span>"
    )
    drawn = figure(Figure(title[0].upper() + title[1:], forest(doc, False) + forest(doc, True), (), caption=caption))
    places = digits(doc)
    rows = [
        (
            escape(s["study"]) + (f"<small>{escape(s['note'])}</small>" if s.get("note") else ""),
            with_bounds(s["shown"], places),
            f"{number(s['weight'], 1)} %",
        )
        for s in doc["studies"]
    ]
    rows.append((f"<b>Pooled, {doc['k']} studies</b>", f"<b>{with_bounds(doc['shown'], places)}</b>", ""))
    return drawn + table(
        Table("The same in numbers", ("Study", escape(doc["shown"]["name"]), "Weight"), rows), doc["stamp"]
    )


def _spread(doc: Mapping[str, Any]) -> str:
    if doc["k"] < 2:
        return paragraph("One study says nothing about how far studies differ.")
    rows = [("Q", f"{doc['q']:.2f} on {doc['q_df']} degrees of freedom, p {p_text(doc['q_p'])}")]
    i2 = f"{doc['i2']:.1f} %"
    if doc["i2_ci95"] is not None:
        i2 += f" (95 % {doc['i2_ci95'][0]:.1f} to {doc['i2_ci95'][1]:.1f})"
    rows.append(("I2, share of the variance that is not chance", i2))
    if doc["method"] != "EE":
        low, high = doc["tau2_ci95"] or (None, None)
        interval = "" if low is None else f" (95 % {low:.4g} to {high:.4g}, Q-profile)"
        rows.append(("tau2, variance between studies", f"{doc['tau2']:.4f}{interval}"))
    adjusted = doc["knapp_hartung"]
    if adjusted is not None and doc["test"] != "knha":
        rows.append(("With Knapp-Hartung intervals", with_bounds(adjusted["shown"], digits(doc))))
    rows.append(("Scale of analysis", f"{doc['analysed']}: {doc['estimate']:.4f}, SE {doc['se']:.4f}"))
    return facts(rows)


def _moderators(doc: Mapping[str, Any]) -> str:
    found = doc["moderators"]
    rows = [
        (
            escape(t["name"]),
            number(t["estimate"], 3),
            f"{number(t['ci95'][0], 3)} to {number(t['ci95'][1], 3)}",
            p_text(t["p"]),
        )
        for t in found["coefficients"]
    ]
    heads = ("Term", "Estimate", "95 %", "p")
    body = table(Table(f"Meta-regression on the {doc['analysed']}", heads, rows), doc["stamp"])
    for name, level in found["reference"].items():
        body += paragraph(f"{name} is compared with {level}.", "note")
    return body + paragraph(f"The pooled effect above is at {found['estimate_at']}.", "note")


def _small(doc: Mapping[str, Any]) -> str:
    caption = "<span>Precise studies stand at the top. Shaded: where 95 % of studies would lie by chance alone.</span>"
    body = figure(Figure("Funnel plot", funnel(doc, False) + funnel(doc, True), (), caption=caption))
    if doc["k"] < FEW:
        return body + paragraph(f"With {doc['k']} studies no test can tell a small-study effect from chance.", "note")
    rows = []
    if doc["egger"] is not None:
        test = doc["egger"]
        rows.append(("Egger's test", f"t {test['statistic']:.2f} on {test['df']} df, p {p_text(test['p'])}"))
    filled = doc["trim_and_fill"]
    if filled is not None:
        words = "no study looks missing"
        if filled["missing"]:
            with_them = with_bounds(filled["shown"], digits(doc))
            words = f"{filled['missing']} look missing on the {filled['side']}; with them {with_them}"
        rows.append(("Trim and fill (a what-if, not a correction)", words))
    return body + facts(rows)


def _one_out(doc: Mapping[str, Any]) -> str:
    places = digits(doc)
    rows = [
        (escape(r["study"]), with_bounds(r["shown"], places), f"{r['tau2']:.4f}", f"{r['i2']:.0f} %")
        for r in doc["leave_one_out"]
    ]
    heads = ("Without", escape(doc["shown"]["name"]), "tau2", "I2")
    return table(Table("The pooled effect when one study is left out", heads, rows), doc["stamp"])


def _references(references: Sequence[Mapping[str, Any]]) -> str:
    """Studies of the base with their citations; a doi as a link."""
    items = []
    for entry in references:
        doi = entry["doi"]
        link = f' <a href="https://doi.org/{escape(doi)}" rel="noreferrer">doi {escape(doi)}</a>' if doi else ""
        items.append(f"<li>{escape(entry['study'])}: {escape(entry['citation'])}{link}</li>")
    return f'<ul class="plain">{"".join(items)}</ul>'


def _remake(doc: Mapping[str, Any]) -> str:
    known = [("Command", doc["remake"]), ("Seed", "none: nothing here is random"), ("Version", doc["version"])]
    return facts(known)
