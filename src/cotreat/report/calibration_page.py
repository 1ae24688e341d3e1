"""The page of a calibration: can the fit be believed, where does it fail, which mechanism, what was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotreat.report.after_ect import after_ect_chart
from cotreat.report.calibration_words import (
    answer,
    coverage_word,
    displayed,
    figure_unit,
    percent,
    plain_words,
    ratio_line,
    spread,
    why_word,
)
from cotreat.report.charts import Caption, IntervalAxis, IntervalRow, describe_rows, interval_chart
from cotreat.report.html import render_page
from cotreat.report.parts import Figure, Key, Page, Table, behind, facts, figure, listing, paragraph, table
from cotreat.report.svg import escape
from cotreat.report.words import number

Doc = Mapping[str, Any]

LIMITS = (
    "Trials say what happened to groups. Nothing here was checked on individual patients.",
    "A left-out prediction is honest about trials like those in the table, not about treatments nobody has tried.",
    "A parameter whose posterior is its prior was not learnt; a result that rests on it is the prior's.",
    "The weights of the mechanisms compare predictions of trials. They are not probabilities that a mechanism is true.",
)


def calibration_page(doc: Doc) -> str:
    """The page of a calibration document as text."""
    page = Page(doc["status"])
    page.section("coverage", "Left-out studies: do the intervals hold?", _coverage(doc))
    page.section("regression", "Against a regression without mechanism", _regression(doc))
    page.section("systems", "Figures of each system inside their 80 % interval", _systems(doc))
    page.section("rivals", "Which mechanism", _rivals(doc))
    page.section("interactions", "Drug and stimulation together", _interactions(doc))
    page.section("after-ect", "After ECT: four trials on one sheet", _after_ect(doc))
    page.section("misfits", "What no parameter reproduces", _misfits(doc))
    page.section("parameters", "What was learnt", _parameters(doc))
    page.section("machinery", "Is the arithmetic right?", _machinery(doc))
    page.section("studies", "Study by study", _studies(doc))
    page.section("remake", "How to remake this", _remake(doc))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return render_page(f"Calibration {doc['name']}", _head(doc), page, doc["disclaimer"])


def _head(doc: Doc) -> str:
    quick = (
        "" if doc["label"] == "full" else f" \u00b7 {escape(doc['label'])} run: to see that it works, not to be used"
    )
    return (
        '<p class="kicker">Calibration</p>'
        f"<h1>{escape(doc['name'])}</h1>"
        f'<p class="answer">{escape(answer(doc))}</p>'
        f'<p class="who">{escape(doc["evidence"])} \u00b7 {doc["figures_in_fit"]} figures{quick}</p>'
        f'<p class="badge">{escape(doc["status"])}</p>'
    )


def _coverage(doc: Doc) -> str:
    rows = []
    for what, name in (
        ("all", "all figures in the fit"),
        ("levels", "shares and means of arms"),
        ("contrasts", "contrasts"),
    ):
        rows += [
            (
                f"{name}, {percent(c['level'])}",
                f"{percent(c['share'])} ({percent(c['se'])})",
                str(c["studies"]),
                coverage_word(c),
            )
            for c in doc["coverage"][what]
        ]
    heads = ("Interval", "Holds (standard error)", "Studies", "Within 2 standard errors")
    body = paragraph("Each study is predicted from the others; each study counts once, its figures share its weight.")
    return body + table(Table("Coverage of left-out intervals", heads, rows), doc["status"])


def _regression(doc: Doc) -> str:
    if not doc["regression"]:
        return ""
    rows = [
        (
            f"{escape(r['what'])}<small>{r['figures']} figures in {r['studies']} studies</small>",
            number(r["model"], 2),
            number(r["regression"], 2),
            number(r["se"], 2),
            number(r["width_ratio"] or 0.0, 2),
        )
        for r in doc["regression"]
    ]
    heads = ("Left out", "Model", "Regression", "SE of difference", "Ratio of widths")
    lines = "".join(paragraph(ratio_line(r)) for r in doc["regression"])
    title = "Mean CRPS in standard errors of the figure; less is better"
    return lines + table(Table(title, heads, rows), doc["status"])


def _systems(doc: Doc) -> str:
    rows = [
        (r["system"], percent(r["fitted"]), percent(r["left_out"]), str(r["figures"]))
        for r in doc["held"]
        if r["figures"]
    ]
    heads = ("System", "In the fit", "Left out", "Figures")
    return table(Table("Share of figures inside the middle 80 %", heads, rows), doc["status"])


def _rivals(doc: Doc) -> str:
    rows = [
        (
            f"{escape(r['name'])}<small>{escape(r['claim'])}</small>",
            percent(r["weight"]) if r["averaged"] else "compared only",
            f"{number(r['difference'], 1)} ({number(r['se'], 1)})",
            number(r["rhat"], 2),
            number(r["ess"], 0),
        )
        for r in doc["rivals"]
    ]
    heads = ("Mechanism", "Weight", "To the best (SE)", "R-hat", "ESS")
    body = paragraph(
        "Weights of the mixture that predicts left-out cohorts best. Beside them, in log density of these cohorts, how "
        "far each is behind the best alone, with the standard error over cohorts; a difference under two standard "
        "errors is a tie. R-hat and effective sample size are those of the worst coordinate."
    )
    divergent = [f"{r['name']} {r['divergent']} of {r['draws']}" for r in doc["rivals"] if r["divergent"]]
    refits = sorted({c for r in doc["rivals"] for c in r["refitted"]})
    doubtful = sorted({c for r in doc["rivals"] for c in r["not_trusted"]})
    notes = [
        f"Cohorts fitted again because importance weights could not be trusted: {', '.join(refits)}." if refits else "",
        f"Importance weights cannot be trusted, and nothing was fitted again, for: {', '.join(doubtful)}."
        if doubtful
        else "",
        f"Divergent steps of the sampler: {', '.join(divergent) or 'none'}.",
    ]
    shown = table(Table("Rivals, same figures, same placebo block", heads, rows), doc["status"])
    return body + shown + "".join(paragraph(n, "note") for n in notes if n)


def _interactions(doc: Doc) -> str:
    parts = []
    for case in doc.get("interactions") or []:
        rows = [
            (r["unit"], _three(r["stimulation"]), _three(r["drug"]), _three(r["interaction"]), percent(r["above_zero"]))
            for r in case["rows"]
        ]
        heads = ("Read as", "Stimulation", "Drug", "Interaction", "Above 0")
        less = case.get("left_out", 0)
        fewer = f" ({less} of {case['draws'] + less} draws left out: hardly anybody would enter)" if less else ""
        title = f"{case['name']}, day {case['day']}, {case['population']}: {case['word']}{fewer}"
        parts.append(table(Table(title, heads, rows, wide=True), doc["status"]))
    lead = paragraph(
        "Each cell has the same patients and the same luck; medians and 90 % of draws, better is positive. The word "
        "synergy is used only where all four readings exclude zero on the same side."
    )
    return paragraph(plain_words(doc)) + lead + "".join(parts) if parts else paragraph(plain_words(doc))


def _after_ect(doc: Doc) -> str:
    rows = doc.get("after_ect") or []
    if not rows:
        return ""
    drawn = after_ect_chart(rows, doc["status"], False) + after_ect_chart(rows, doc["status"], True)
    key = [Key("half", "line: median of the model; band: middle 80 % of draws, chance left out"),
           Key("chance", "mark with caps: published, 95 % of chance")]  # fmt: skip
    words = paragraph(
        "The definitions differ, so the panels must not be read against each other: what one trial calls relapse "
        "another does not count, and two of them count dropout as not staying well."
    )
    missing = [f"{r['study']}, {r['arm']}: {r['why']}" for r in rows if not r["days"]]
    return words + figure(Figure("Who stays well after ECT", drawn, key)) + (listing(missing) if missing else "")


def _misfits(doc: Doc) -> str:
    bad = [(s, f) for s in doc["studies"] for f in s["figures"] if f["outcome"] in s["misfit"]]
    if not bad:
        return paragraph("Every figure in the fit lies inside the middle 99 % of its own fitted distribution.")
    rows = [
        (
            f"{escape(s['id'])}<small>{escape(f['label'])}</small>",
            displayed(f, f["observed"]),
            spread(f, "fitted", "pi95"),
        )
        for s, f in bad
    ]
    heads = ("Figure", "Published", "Fitted, 95 %")
    lead = paragraph(
        f"{len(bad)} figures in {len({s['id'] for s, _ in bad})} studies: no draw of the fit reproduces them."
    )
    return lead + table(Table("Published figures outside the middle 99 % of the fit", heads, rows), doc["status"])


def _parameters(doc: Doc) -> str:
    rows = [
        (
            f"{escape(p['name'])}<small>{escape(p['unit'])}</small>",
            _three(p["prior"]),
            _three(p["posterior"]),
            number(p["overlap"], 2),
            "prior-driven" if p["prior_driven"] else "",
        )
        for p in sorted(doc["parameters"], key=lambda p: p["overlap"])
    ]
    heads = ("Parameter", "Prior, 90 %", "Posterior, 90 %", "Overlap", "")
    driven = sum(p["prior_driven"] for p in doc["parameters"])
    lead = paragraph(
        f"{driven} of {len(rows)} parameters overlap with their prior by more than 0.8: trials say little of them."
    )
    return lead + behind(
        "All parameters, the best known first", table(Table("Parameters", heads, rows, wide=True), doc["status"])
    )


def _three(values: Sequence[float]) -> str:
    m, low, high = (f"{v:.3g}" for v in values)
    return f"{m} <small>{low} to {high}</small>"


def _in_words(values: Sequence[float]) -> str:
    m, low, high = (f"{v:.2g}" for v in values)
    return f"{m} ({low} to {high})"


def _machinery(doc: Doc) -> str:
    e, bank, direct = doc["emulator"], doc["bank"], doc["direct"]
    lines = [
        f"Bank: {bank['wide']:,} points of the prior, {bank['patients']} patients in each arm and point. Networks "
        "stand in for the simulation; they learn from the bank, and where the fit is from direct simulation of "
        f"{bank['near']:,} and then {bank['close']:,} draws with {bank['direct_patients']} patients in each arm. At "
        f"{bank['held']} draws held back, with {bank['held_patients']} patients, their error, draw by draw, has a "
        f"median of {number(e['median'] or 0.0, 2)} standard errors of the figure and is "
        f"below a fifth for {percent(e['below_fifth'])} of {e['figures']}. In the errors that figures have "
        f"in the fit, where patients of an arm are alike, it is {number(e['median_in_fit'], 2)}, below a fifth for "
        f"{percent(e['below_fifth_in_fit'])}; {e['treatment']}."
        if bank["close"]
        else f"Bank: {bank['wide']:,} points of the prior. The error of the networks was measured on draws held back: "
        f"median {number(e['median'] or 0.0, 2)} standard errors of the figure; {e['treatment']}."
    ]
    if direct is not None:
        lines.append(
            f"Checked on {direct['draws']} draws of the final fit, simulated again: the networks are off by less than "
            f"a fifth of a standard error for {percent(direct['below_fifth'])} of {direct['figures']} figures (median "
            f"{number(direct['median'], 2)}; at most {number(direct['largest_in_fit'], 2)} of the error a figure has "
            "in the fit). Reweighting these draws by direct simulation would leave an effective "
            f"{number(direct['ess'], 1)} of {direct['draws']} (median study alone: {number(direct['ess_study'], 0)}); "
            "the noise of the simulation is in that number. The draws are not reweighted."
        )
    between = "; ".join(f"{b['group']} {_in_words(b['posterior'])}" for b in doc["between_studies"])
    lines.append(
        "How much the strength of one treatment differs between studies, in prior standard deviations (median and "
        f"90 %; before any trial {_in_words(doc['between_studies'][0]['prior'])}): {between}. The shipped draws hold "
        "strengths as a study nobody has seen would have them."
    )
    s = doc["sbc"]
    if s is None:
        lines.append("Simulation-based calibration was not run.")
    else:
        verdict = "inside its band" if s["inside"] else "OUTSIDE its band"
        lines.append(
            f"Simulation-based calibration: {s['rounds']} rounds, ranks of {s['coordinates']} coordinates in "
            f"{s['bins']} bins; largest chi-square {s['largest']} ({s['worst']}), threshold {s['threshold']} (false "
            f"alarm {percent(s['false_alarm'])} over all of them): {verdict}."
        )
    over = [(f"{escape(o['study'])}, figure {o['outcome'] + 1}", number(o["ratio"], 2)) for o in e["over"]]
    more = (
        behind(
            "Figures whose network error is above a fifth",
            table(Table("Error in standard errors", ("Figure", "Error"), over), doc["status"]),
        )
        if over
        else ""
    )
    return "".join(paragraph(t) for t in lines) + more


def _studies(doc: Doc) -> str:
    return "".join(_study(s, doc["status"]) for s in doc["studies"])


def _study(study: Doc, stamp: str) -> str:
    shown = [f for f in study["figures"] if f["left_out"] is not None]
    parts = []
    for unit in dict.fromkeys(figure_unit(f) for f in shown):
        rows = [_row(f) for f in shown if figure_unit(f) == unit]
        axis = IntervalAxis(
            unit,
            0.0 if unit.startswith("per 100") else None,
            100.0 if unit.startswith("per 100") else None,
            nested=True,
        )
        caption = Caption(describe_rows(rows, study["id"]), stamp)
        drawing = interval_chart(rows, axis, caption, False) + interval_chart(rows, axis, caption, True)
        key = [
            Key("half", "left out: median and middle 50 %"),
            Key("chance", "middle 95 %, chance included"),
            Key("observed", "published"),
        ]
        parts.append(figure(Figure(f"{study['id']} ({unit})", drawing, key)))
    cells = [
        (
            escape(f["label"]),
            displayed(f, f["observed"]),
            spread(f, "prior", "pi95"),
            spread(f, "fitted", "pi95"),
            spread(f, "left_out", "pi95"),
            why_word(f),
        )
        for f in study["figures"]
    ]
    heads = ("Figure", "Published", "Before, 95 %", "In the fit, 95 %", "Left out, 95 %", "Use")
    parts.append(table(Table(study["title"], heads, cells, wide=True), stamp))
    name = f"{study['id']} ({', '.join(study['systems'])})" + (" \u2014 does not fit" if study["misfit"] else "")
    return behind(name, "".join(parts))


def _row(f: Doc) -> IntervalRow:
    scale = 100.0 if figure_unit(f).startswith("per 100") else 1.0
    left = f["left_out"]

    def pair(name: str) -> tuple[float, float]:
        return scale * left[name][0], scale * left[name][1]

    seen = None if f["observed"] is None else scale * f["observed"]
    return IntervalRow(
        f["label"], 0, scale * left["median"], pair("pi50"), pair("pi95"), spread(f, "left_out", "pi95"), seen
    )


def _remake(doc: Doc) -> str:
    rows = [
        ("command", doc["command"]),
        ("version", doc["version"]),
        ("seed", str(doc["seed"])),
        ("made on", doc["date"]),
        ("evidence", doc["evidence"]),
        ("checksum of the draws", doc["checksum"]),
    ]
    return facts(rows)
