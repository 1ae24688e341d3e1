"""The page of a timing answer: the verdict, the curve for both readings, what acting wrongly costs, what drives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from cotreat.report.charts import Caption, IntervalAxis, IntervalRow, Shade, describe_rows, interval_chart
from cotreat.report.curve_figure import Look, curve_figure, twice
from cotreat.report.document import Curve, Provenance
from cotreat.report.parts import Figure, Key, Page, Table, behind, figure, listing, paragraph, provenance, table
from cotreat.report.svg import escape
from cotreat.report.words import NO_FIGURE, UNKNOWN, number, probability, sentence_case, with_interval

LIMITS = (
    "These are figures about groups. They are not validated for individual patients.",
    "The curve moves one drug around one stimulation. It does not say whether the drug should be given at all.",
    "The intervals cover what is not known about the parameters of the model, not the chance that the model itself has "
    "the wrong form; the regret under each rival shows some of that.",
    "Nothing here is a recommendation to start, stop or combine a treatment.",
)
_DIFFERENCES = {"well": "patients per 100", "mean score": "points HAM-D17", "relapse": "patients per 100"}
_UNITS = {"well": "per 100 patients", "mean score": "points HAM-D17", "relapse": "per 100 patients"}


def timing_page(doc: Mapping[str, Any], remake: Provenance) -> tuple[str, Page]:
    """The head of the page and its sections, from the document of ``cotreat timing --json``."""
    page = Page(doc["stamp"])
    acute = doc["question"]["moved_by"] == "hours"
    page.section("curves", "Where the drug is put", _curves(doc, page, acute))
    page.section("contrasts", "Before against after", _contrasts(doc))
    page.section("regret", "What it costs to act on the wrong account", _regret(doc))
    page.section("drivers", "What the answer depends on", _drivers(doc))
    page.section("starts", "Every start, with its safety verdict", _starts(doc, acute))
    page.section("remake", "How to remake this", provenance(remake))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return _head(doc), page


def _head(doc: Mapping[str, Any]) -> str:
    p, said = doc["p_before_better"], doc["words"]
    chance = "" if p is None else f" {escape(said['p before'])}: {probability(p)}."
    note = f'<p class="note">{escape(doc["translation"])}</p>' if doc["translation"] else ""
    return (
        f'<p class="kicker">{escape(said["title"])}</p>'
        f"<h1>{escape(doc['question']['drug'])}<br>{escape(doc['question']['stimulation'])}</h1>"
        f'<p class="answer"><b>{escape(sentence_case(doc["verdict"]))}</b> ({escape(doc["basis"])}).{chance}</p>'
        f'<p class="note">{escape(sentence_case(doc["why"]))}. {escape(doc["question"]["population"])}; entry: '
        f"{escape(doc['question']['entry'])}.</p>{note}"
        f'<p class="badge">{escape(doc["stamp"])}</p>'
    )


def _shift(point: Mapping[str, Any], acute: bool) -> float:
    return float(point["shift_hours"]) / 24.0 if acute else float(point["shift_days"])


def _curves(doc: Mapping[str, Any], page: Page, acute: bool) -> str:
    readings = list(dict.fromkeys(p["reading"] for p in doc["curve"]))
    numbers = {doc["words"][r]: i for i, r in enumerate(readings)}
    shades = _shades(doc, acute)
    said, look = doc["words"], Look(doc["stamp"], "Reading", shades)
    body = paragraph(
        "The first session is at 0. Left of it the drug starts before, right of it after. Every start has the same "
        "patients, the same luck and the same day of entry. First the difference each start makes to the start at 0 in "
        "the same patients: its bands hold only what is not known about timing. Then the outcomes themselves, whose "
        "bands also hold what is not known about the illness and the treatments. Grey: the course of sessions."
    )
    for key, title in doc["outcomes"].items():
        name = f"{said['difference to the first session']}: {title} ({said['more is better']})"
        curves = [_curve(doc, r, (key, name), acute, "difference") for r in readings]
        body += curve_figure(page, curves, numbers, look)
    for key, title in doc["outcomes"].items():
        curves = [_curve(doc, r, (key, title), acute) for r in readings]
        body += curve_figure(page, curves, numbers, look)
    never = doc["without_drug"]
    alone = ", ".join(f"{t}: {number(never[k]['median'])}" for k, t in doc["outcomes"].items())
    return body + paragraph(f"{sentence_case(said['without the drug'])}: {alone}.", "note")


def _curve(
    doc: Mapping[str, Any], reading: str, outcome: tuple[str, str], acute: bool, what: str = "outcomes"
) -> Curve:
    key, title = outcome
    points = sorted((p for p in doc["curve"] if p["reading"] == reading), key=lambda p: _shift(p, acute))
    shown = [p[what][key] for p in points]

    def band(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return tuple(float(o[name][0]) for o in shown), tuple(float(o[name][1]) for o in shown)

    patients = band("patients90") if key == "mean score" and what == "outcomes" else None
    return Curve(
        arm=doc["words"][reading],
        measure=title,
        days=tuple(_shift(p, acute) for p in points),
        median=tuple(float(o["median"]) for o in shown),
        denominator="all who started",
        unit=_UNITS[key] if what == "outcomes" else _DIFFERENCES[key],
        unknown50=band("unknown50"),
        unknown95=band("unknown95"),
        patients90=patients,
        since="the first session to the start of the drug" if not acute else "each session to the dose",
    )


def _shades(doc: Mapping[str, Any], acute: bool) -> tuple[Shade, ...]:
    """The course of sessions, and starts that a safety rule stops, each as wide as the distance to its neighbours."""
    places = sorted({_shift(p, acute) for p in doc["curve"]})
    half = min((b - a for a, b in pairwise(places)), default=1.0) / 2
    stopped = sorted({_shift(p, acute) for p in doc["curve"] if not p["allowed"]})
    course = [] if acute else [Shade(0.0, float(doc["course"][1]), doc["words"]["course"], "course")]
    stops = [Shade(s - half, s + half, f"{doc['words']['stopped']}: never the optimum") for s in stopped]
    return (*course, *stops)


def _contrasts(doc: Mapping[str, Any]) -> str:
    body = paragraph(
        "All allowed starts before the first session against all after the last, each averaged. A difference matters "
        "beyond 2 HAM-D points or 5 per 100."
    )
    for unit in dict.fromkeys(c["unit"] for c in doc["contrasts"]):
        group = [c for c in doc["contrasts"] if c["unit"] == unit]
        rows = [
            IntervalRow(
                f"{c['outcome']}: {c['reading']}",
                i % 2,
                c["before_minus_after"],
                (c["unknown95"][0], c["unknown95"][1]),
                None,
                with_interval(c["before_minus_after"], (c["unknown95"][0], c["unknown95"][1])),
            )
            for i, c in enumerate(group)
        ]
        caption = Caption(describe_rows(rows, "Before against after"), doc["stamp"])
        axis = IntervalAxis(unit, zero=("after better", "before better"))
        chart = twice(lambda narrow, r=rows, a=axis, c=caption: interval_chart(r, a, c, narrow))  # type: ignore[misc]
        key = [Key("unknown", f"median, and {UNKNOWN} (95 %)")]
        body += figure(Figure(f"Before against after ({unit})", chart, key, caption=f"<span>{escape(unit)}</span>"))
    rows_ = [
        (
            f"{escape(c['outcome'])}<small>{escape(c['reading'])}</small>",
            probability(c["p_before_better"]),
            probability(c["p_no_difference_that_matters"]),
            escape(c["verdict"]),
        )
        for c in doc["contrasts"]
    ]
    heads = ("Outcome", "Before better", "No difference that matters", "Verdict on this line")
    return body + table(Table("The verdict line by line", heads, rows_, wide=True), doc["stamp"])


def _regret(doc: Mapping[str, Any]) -> str:
    if not doc["regret"]:
        return ""
    groups = list(doc["regret"][0]["choices"])
    body = paragraph(
        "If one account were true, what each choice would lose against the best of these choices (equal drug-days). "
        + (
            "The accounts are those the draws of the parameter set belong to."
            if doc["rivals"] == "draws of the set"
            else "Each account is the parameter set with some effects at zero; none was weighed against trials."
        )
    )
    for key in ("well", "mean score"):
        rows = [
            (_account(r), *(number(r["choices"][g][key]) if g in r["choices"] else NO_FIGURE for g in groups))
            for r in doc["regret"]
        ]
        unit = "per 100 patients" if key == "well" else "HAM-D17 points"
        title = f"Regret, {doc['outcomes'][key]} ({unit})"
        body += table(Table(title, ("If this were true", *groups), rows), doc["stamp"])
    return body


def _account(row: Mapping[str, Any]) -> str:
    share = row["share"]
    return escape(row["rival"]) + ("" if share is None else f"<small>{probability(share)} of the draws</small>")


def _drivers(doc: Mapping[str, Any]) -> str:
    if not doc["drivers"]:
        return paragraph("No parameter goes with the difference beyond chance.")
    rows = [
        (escape(d["parameter"]), number(d["rank_correlation"], 2), "prior-driven" if d["prior_driven"] else "data")
        for d in doc["drivers"]
    ]
    said = paragraph(
        "Rank correlation of a parameter with the difference over the draws. Prior-driven: the evidence hardly moved "
        "it, so the answer rests on an assumption."
    )
    heads = ("Parameter", "Correlation", "Informed by")
    return said + table(Table("What the difference goes with", heads, rows), doc["stamp"])


def _starts(doc: Mapping[str, Any], acute: bool) -> str:
    unit = "hours" if acute else "days"
    rows: Sequence[Sequence[str]] = [
        (
            f"{number(p['shift_hours' if acute else 'shift_days'], 1 if acute else 0)}"
            f"<small>{escape(p['reading'])}</small>",
            str(p["drug_days"]),
            *(number(p["outcomes"][k]["median"]) for k in doc["outcomes"]),
            escape(p["safety"]) + (f" ({escape(', '.join(p['stopped_by']))})" if p["stopped_by"] else ""),
        )
        for p in doc["curve"]
    ]
    heads = (f"Start, {unit}", "Drug days", *(escape(t) for t in doc["outcomes"].values()), "Safety")
    note = paragraph(
        "Each start is an arm of a comparison: `compare/` beside this page holds a file for each, and "
        "`cotreat compare` with the same patients, draws and seed gives the same figures to the last digit.",
        "note",
    )
    return note + behind("Show the table", table(Table("Every start", heads, rows, wide=True), doc["stamp"]))
