"""The page of a virtual trial: power and assurance, expected curves, estimands, the paragraph for the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cotreat.report.charts import Caption
from cotreat.report.curve_figure import Look, arm_swatch, curve_figure, twice
from cotreat.report.document import Curve, Provenance
from cotreat.report.html import render_page, write_text
from cotreat.report.parts import Figure, Key, Page, Table, facts, figure, listing, paragraph, provenance, table
from cotreat.report.reading import read_provenance
from cotreat.report.svg import escape
from cotreat.report.trial_charts import Axes, Series, describe, share_chart
from cotreat.report.trial_survival import survival_figures
from cotreat.report.words import NO_FIGURE, number, sentence_case

LIMITS = (
    "Power and assurance are those of the simulated trials. A trial in people may differ from the model in ways that "
    "no draw of its parameters covers.",
    "A search for the largest power over designs is not a reason to run a trial. Whether the difference matters is not "
    "asked here.",
    "These are figures about groups. They are not validated for individual patients.",
    "A safety verdict of “not checked” is not a finding of safety.",
)


def write_trial_report(doc: Mapping[str, Any], directory: Path) -> Path:
    """Write the page of a trial document into a folder and return its path."""
    head, page = trial_page(doc, read_provenance(doc))
    return write_text(render_page(doc["title"], head, page, doc["disclaimer"]), directory)


def trial_page(doc: Mapping[str, Any], remake: Provenance) -> tuple[str, Page]:
    """The head of the page and its sections, from the document of ``cotreat trial --json``."""
    page = Page(doc["stamp"])
    page.section("power", "Power and assurance", _power(doc))
    page.section("size", "Sample size", _sample_size(doc))
    page.section("looks", "Looks", _looks(doc))
    page.section("curves", "What is expected of the arms", _curves(doc, page))
    page.section("plan", "For the analysis plan", _plan(doc))
    page.section("guess", "If the allocation is guessed", _guessing(doc))
    page.section("safety", "Safety verdict of each arm", _safety(doc))
    page.section("remake", "How to remake this", provenance(remake))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return _head(doc), page


def _per_100(value: float) -> str:
    return number(100.0 * value, 1)


def _head(doc: Mapping[str, Any]) -> str:
    design = doc["design"]
    arms = "".join(f"<li><b>{escape(a['name'])}</b></li>" for a in design["arms"])
    who = design["population"]["text"] if design["population"] else "a stated effect"
    return (
        f'<p class="kicker">A virtual trial, {escape(design["kind"])}</p><h1>{escape(doc["title"])}</h1>'
        f'<p class="answer">{escape(answer(doc))}</p>'
        f'<p class="who">{escape(sentence_case(who))}. {len(design["arms"])} arms, visits: '
        f"{escape(design['visits_text'])}; {escape(design['dropout'])}"
        f"{'; of the visits ' + escape(design['missed_visits']) if design['missed_visits'] else ''}.</p>"
        f'<ul class="plain">{arms}</ul><p class="badge">{escape(doc["stamp"])}</p>'
    )


def answer(doc: Mapping[str, Any]) -> str:
    """Power and assurance of the primary endpoint at the largest size, in a sentence or two."""
    primary = next(r for r in doc["tests"] if r["primary"])
    row = [r for r in doc["tests"] if r["endpoint"] == primary["endpoint"]][-1]
    said = (
        f"With {row['n_per_arm']} patients in each arm, {_per_100(row['power'])} of 100 such trials would claim a "
        f"difference in “{row['endpoint']}” ({row['contrast']}) at {doc['at']}."
    )
    found = [a for a in doc["assurance"] if a["endpoint"] == row["endpoint"]]
    if found:
        said += f" Over what is not known about the effect it is {_per_100(found[-1]['assurance'])} of 100."
    return said


def _power(doc: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(r["endpoint"] for r in doc["tests"]))
    series = [_series(doc["tests"], n, i, "power", "power_se") for i, n in enumerate(names)]
    body = _figure(
        series,
        Axes("patients in each arm", "trials with a claim, per 100", (80.0, "80 per 100")),
        doc["stamp"],
        "Power",
        f"at {doc['at']}; lines with caps: Monte-Carlo error, 95 %",
    )
    assured = {(a["endpoint"], a["n_per_arm"]): a for a in doc["assurance"]}
    for name in names:
        mine = [r for r in doc["tests"] if r["endpoint"] == name]
        heads = ("Patients per arm", "Power", "Type I error", "Assurance")
        rows = [_power_row(r, assured.get((name, r["n_per_arm"]))) for r in mine]
        title = f"{sentence_case(name)}: {mine[0]['contrast']}; {mine[0]['method']}"
        body += table(Table(f"{title}. Claims per 100 trials, ± Monte-Carlo error", heads, rows), doc["stamp"])
    if doc["assurance"]:
        largest = max(a["n_per_arm"] for a in doc["assurance"])
        spread = [_spread(a, i) for i, a in enumerate(a for a in doc["assurance"] if a["n_per_arm"] == largest)]
        body += _figure(
            spread,
            Axes("power, per 100", "draws with at least this power, per 100", None, (0.0, 100.0)),
            doc["stamp"],
            "How power is spread over what is not known",
            f"{largest} patients in each arm; noise of simulation removed",
        )
    return body + listing([n for n in doc["notes"] if n])


def _power_row(row: Mapping[str, Any], assured: Mapping[str, Any] | None) -> tuple[str, ...]:
    extra = f"<small>after adjustment {_per_100(row['power_adjusted'])}</small>" if "power_adjusted" in row else ""
    return (
        str(row["n_per_arm"]),
        f"{_per_100(row['power'])} ± {_per_100(row['power_se'])}{extra}",
        f"{_per_100(row['type1'])} ± {_per_100(row['type1_se'])}",
        NO_FIGURE if assured is None else f"{_per_100(assured['assurance'])} ± {_per_100(assured['se'])}",
    )


def _series(rows: Sequence[Mapping[str, Any]], name: str, style: int, key: str, error: str) -> Series:
    mine = [r for r in rows if r["endpoint"] == name]
    x = tuple(float(r["n_per_arm"]) for r in mine)
    return Series(name, style, x, tuple(100 * r[key] for r in mine), tuple(100 * r[error] for r in mine))


def _spread(row: Mapping[str, Any], style: int) -> Series:
    levels = row["curve"]
    steps = len(levels) - 1
    return Series(
        row["endpoint"],
        style,
        tuple(100 * v for v in levels),
        tuple(100.0 * (1 - i / steps) for i in range(steps + 1)),
        marks=False,
    )


def _figure(series: Sequence[Series], axes: Axes, stamp: str, title: str, caption: str) -> str:
    drawn = twice(lambda narrow: share_chart(series, axes, Caption(describe(series, title), stamp), narrow))
    legend = "".join(
        f'<tr><th scope="row"><span class="entry">{arm_swatch(s.style)}'
        f'<span class="name">{escape(s.name)}</span></span></th></tr>'
        for s in series
    )
    before = f'<table class="legend"><tbody>{legend}</tbody></table>'
    key = [Key("chance", "Monte-Carlo error, 95 %")] if any(s.error for s in series) else []
    return figure(Figure(title, drawn, key, caption=f"{escape(title)}<span>{escape(caption)}</span>", before=before))


def _sample_size(doc: Mapping[str, Any]) -> str:
    found = doc["sample_size"]
    if found is None:
        return ""
    if found["n_per_arm"] is None:
        said = f"A power of {_per_100(found['power'])} per 100 was not found: {found['reason']}."
    else:
        error = "" if found["se"] is None else f" (Monte-Carlo standard error {number(found['se'], 1)})"
        said = f"{found['n_per_arm']} patients in each arm{error} give a power of {_per_100(found['power'])} per 100."
    rows = [(str(p["n_per_arm"]), f"{_per_100(p['power'])} ± {_per_100(p['se'])}") for p in found["points"]]
    return paragraph(said) + table(
        Table(f"Powers it was read from: {found['endpoint']}", ("Per arm", "Power"), rows), doc["stamp"]
    )


def _looks(doc: Mapping[str, Any]) -> str:
    looks = doc["looks"]
    if looks is None:
        return ""
    rows = [(f"{100 * a['fraction']:g} %", number(a["z"], 3)) for a in looks["at"]]
    body = table(
        Table(f"Alpha spending: {looks['spending']}", ("Information", "Claim when |Z| is at least"), rows), doc["stamp"]
    )
    stopped = [
        (
            f"{escape(r['endpoint'])}, {r['n_per_arm']} per arm",
            ", ".join(f"{_per_100(s['share'])} at {100 * s['fraction']:g} %" for s in r["stopped_at"]),
            f"{_per_100(r['expected_fraction'])} %",
        )
        for r in doc["tests"]
        if "stopped_at" in r
    ]
    heads = ("Endpoint", "Stopped with a claim, per 100", "Information used on average")
    return body + table(Table("Where trials stop", heads, stopped, words=True), doc["stamp"])


_SINCE = {"crossover": "the first period began", "withdrawal": "randomisation"}


def _curves(doc: Mapping[str, Any], page: Page) -> str:
    found = [
        Curve(
            c["arm"],
            c["measure"],
            tuple(c["days"]),
            tuple(c["median"]),
            c["denominator"],
            c["unit"],
            unknown95=None if c["unknown95"] is None else (tuple(c["unknown95"][0]), tuple(c["unknown95"][1])),
            since=_SINCE.get(doc["design"]["kind"], "day 0 of the regimen"),
        )
        for c in doc["curves"]
    ]
    if not found:
        return survival_figures(doc["survival"], doc["stamp"])
    body = curve_figure(page, found, {c.arm: i for i, c in enumerate(found)}, Look(doc["stamp"]))
    rows = [(escape(c["arm"]), _per_100(c["still_seen"][-1])) for c in doc["curves"]]
    body += table(Table("Still seen at the last visit", ("Arm", "Per 100"), rows), doc["stamp"])
    return body + survival_figures(doc["survival"], doc["stamp"])


def _plan(doc: Mapping[str, Any]) -> str:
    body = paragraph(doc["paragraph"])
    for e in doc["estimands"]:
        words = (
            ("treatments", e["treatments"]),
            ("population", e["population"]),
            ("variable", e["variable"]),
            ("intercurrent events", e["intercurrent_events"]),
            ("population-level summary", e["summary"]),
            ("analysis set", e["analysis_set"]),
            ("missing data", e["missing_data"]),
            ("analysis", e["method"]),
        )
        body += f"<h3>Estimand: {escape(e['endpoint'])}</h3>" + facts(words)
    return body


def _guessing(doc: Mapping[str, Any]) -> str:
    if not doc["sensitivity"]:
        return ""
    rows = [
        (f"{escape(r['case'])}, {r['n_per_arm']} per arm", f"{_per_100(r['share_with_a_claim'])} ± {_per_100(r['se'])}")
        for r in doc["sensitivity"]
    ]
    return table(
        Table(f"Trials with a claim on {doc['sensitivity'][0]['endpoint']}", ("Case", "Per 100"), rows), doc["stamp"]
    )


def _safety(doc: Mapping[str, Any]) -> str:
    rows = [(escape(s["arm"]), escape(s["verdict"]), escape(s["detail"])) for s in doc["safety"]]
    return (
        table(Table("For nobody in particular", ("Arm", "Verdict", "Detail"), rows, words=True), doc["stamp"])
        if rows
        else ""
    )
