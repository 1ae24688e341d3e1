"""The page of a timing answer: the verdict, the curve for both readings, what acting wrongly costs, what drives it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from cotreat.report.charts import Caption, IntervalAxis, IntervalRow, Shade, describe_rows, interval_chart
from cotreat.report.curve_figure import Look, curve_figure, twice
from cotreat.report.document import Curve, Provenance
from cotreat.report.parts import Figure, Key, Page, Table, behind, figure, listing, paragraph, provenance, table
from cotreat.report.svg import escape
from cotreat.report.words import NO_FIGURE, number, probability, sentence_case, with_interval

LIMITS = ("limit groups", "limit one drug", "limit form", "limit advice")
_DIFFERENCES = {"well": "patients per 100", "mean score": "points HAM-D17", "relapse": "patients per 100"}
_UNITS = {"well": "per 100 patients", "mean score": "points HAM-D17", "relapse": "per 100 patients"}
_CHECKED = re.compile(r"no rule fired \((\d+) checked, (\d+) not checked\)")


def safety_said(verdict: str, said: Mapping[str, str]) -> str:
    """A safety verdict in the language of a timing document; ``said`` its words."""
    found = _CHECKED.fullmatch(verdict)
    if found:
        return said["safety no rule"].format(checked=found[1], not_checked=found[2])
    known = {said_in: said[key] for said_in, key in _VERDICTS.items()}
    return known.get(verdict, verdict)


_VERDICTS = {
    "caution": "safety caution",
    "stopped, prescriber override needed": "safety stopped",
    "not checked": "safety not checked",
}


def timing_page(doc: Mapping[str, Any], remake: Provenance) -> tuple[str, Page]:
    """The head of the page and its sections, from the document of ``cotreat timing --json``."""
    page = Page(doc["stamp"])
    acute = doc["question"]["moved_by"] == "hours"
    said = doc["words"]
    page.section("curves", said["where"], _curves(doc, page, acute))
    page.section("contrasts", said["before against after"], _contrasts(doc))
    page.section("regret", said["wrong account"], _regret(doc))
    page.section("drivers", said["depends on"], _drivers(doc))
    page.section("starts", said["every start"], _starts(doc, acute))
    page.section("remake", said["remake"], provenance(remake))
    page.section("limits", said["not claimed"], listing([said[k] for k in LIMITS]))
    return _head(doc), page


def _head(doc: Mapping[str, Any]) -> str:
    p, said = doc["p_before_better"], doc["words"]
    chance = "" if p is None else f" {escape(said['p before'])}: {probability(p)}."
    note = f'<p class="note">{escape(doc["translation"])}</p>' if doc["translation"] else ""
    return (
        f'<p class="kicker">{escape(said["title"])}</p>'
        f"<h1>{escape(doc['question']['drug'])}<br>{escape(doc['question']['stimulation'])}</h1>"
        f'<p class="answer"><b>{escape(sentence_case(doc["verdict"]))}</b> ({escape(doc["basis"])}).{chance}</p>'
        f'<p class="note">{escape(sentence_case(doc["why"]))}. {escape(doc["question"]["population"])}; '
        f"{escape(said['entry'])}: {escape(doc['question']['entry'])}.</p>{note}"
        f'<p class="badge">{escape(doc["stamp"])}</p>'
    )


def _shift(point: Mapping[str, Any], acute: bool) -> float:
    return float(point["shift_hours"]) / 24.0 if acute else float(point["shift_days"])


def _curves(doc: Mapping[str, Any], page: Page, acute: bool) -> str:
    readings = list(dict.fromkeys(p["reading"] for p in doc["curve"]))
    numbers = {doc["words"][r]: i for i, r in enumerate(readings)}
    shades = _shades(doc, acute)
    said = doc["words"]
    look = Look(doc["stamp"], said["reading"], shades)
    body = paragraph(said["how to read"])
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
    said = doc["words"]
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
        denominator=said["all who started"] if doc["language"] == "en" else "",
        unit=said[_UNITS[key] if what == "outcomes" else _DIFFERENCES[key]],
        unknown50=band("unknown50"),
        unknown95=band("unknown95"),
        patients90=patients,
        since=said["since each session" if acute else "since first session"],
    )


def _shades(doc: Mapping[str, Any], acute: bool) -> tuple[Shade, ...]:
    """The course of sessions, and starts that a safety rule stops, each as wide as the distance to its neighbours."""
    places = sorted({_shift(p, acute) for p in doc["curve"]})
    half = min((b - a for a, b in pairwise(places)), default=1.0) / 2
    stopped = sorted({_shift(p, acute) for p in doc["curve"] if not p["allowed"]})
    course = [] if acute else [Shade(0.0, float(doc["course"][1]), doc["words"]["course"], "course")]
    stops = [
        Shade(s - half, s + half, f"{doc['words']['stopped']}: {doc['words']['never the optimum']}") for s in stopped
    ]
    return (*course, *stops)


def _contrasts(doc: Mapping[str, Any]) -> str:
    said = doc["words"]
    body = paragraph(said["how compared"])
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
        caption = Caption(describe_rows(rows, said["before against after"]), doc["stamp"])
        axis = IntervalAxis(said[unit], zero=(said["after better"], said["before better"]))
        chart = twice(lambda narrow, r=rows, a=axis, c=caption: interval_chart(r, a, c, narrow))  # type: ignore[misc]
        key = [Key("unknown", said["median and"])]
        title = f"{said['before against after']} ({said[unit]})"
        body += figure(Figure(title, chart, key, caption=f"<span>{escape(said[unit])}</span>"))
    rows_ = [
        (
            f"{escape(c['outcome'])}<small>{escape(c['reading'])}</small>",
            probability(c["p_before_better"]),
            probability(c["p_no_difference_that_matters"]),
            escape(c["verdict"]),
        )
        for c in doc["contrasts"]
    ]
    heads = tuple(escape(said[k]) for k in ("outcome", "before is better", "none that matters", "verdict on this line"))
    return body + table(Table(said["line by line"], heads, rows_, wide=True), doc["stamp"])


def _regret(doc: Mapping[str, Any]) -> str:
    if not doc["regret"]:
        return ""
    said, groups = doc["words"], list(doc["regret"][0]["choices"])
    made = "accounts of the set" if doc["rivals"] == "draws of the set" else "accounts made"
    body = paragraph(f"{said['if one account']} {said[made]}")
    for key in ("well", "mean score"):
        rows = [
            (
                _account(r, said),
                *(number(r["choices"][g][key]) if g in r["choices"] else NO_FIGURE for g in groups),
            )
            for r in doc["regret"]
        ]
        unit = said["per 100 patients" if key == "well" else "HAM-D17 points"]
        title = f"{said['regret in short']}: {doc['outcomes'][key]} ({unit})"
        heads = (escape(said["if true"]), *(escape(said[g]) for g in groups))
        body += table(Table(title, heads, rows), doc["stamp"])
    return body


def _account(row: Mapping[str, Any], said: Mapping[str, str]) -> str:
    share = row["share"]
    name = escape(said[row["rival"]])
    return name if share is None else f"{name}<small>{said['of the draws'].format(share=probability(share))}</small>"


def _drivers(doc: Mapping[str, Any]) -> str:
    said = doc["words"]
    if not doc["drivers"]:
        return paragraph(said["no driver"])
    rows = [
        (
            escape(d["parameter"]),
            number(d["rank_correlation"], 2),
            escape(said["prior-driven" if d["prior_driven"] else "data"]),
        )
        for d in doc["drivers"]
    ]
    heads = tuple(escape(said[k]) for k in ("parameter", "correlation", "informed by"))
    return paragraph(said["what drives"]) + table(Table(said["goes with"], heads, rows), doc["stamp"])


def _starts(doc: Mapping[str, Any], acute: bool) -> str:
    said = doc["words"]
    rows: Sequence[Sequence[str]] = [
        (
            f"{number(p['shift_hours' if acute else 'shift_days'], 1 if acute else 0)}"
            f"<small>{escape(said[p['reading']])}</small>",
            str(p["drug_days"]),
            *(number(p["outcomes"][k]["median"]) for k in doc["outcomes"]),
            escape(safety_said(p["safety"], said))
            + (f" ({escape(', '.join(p['stopped_by']))})" if p["stopped_by"] else ""),
        )
        for p in doc["curve"]
    ]
    heads = (
        escape(said["start in hours" if acute else "start in days"]),
        escape(said["drug days"]),
        *(escape(t) for t in doc["outcomes"].values()),
        escape(said["safety"]),
    )
    shown = table(Table(said["all starts"], heads, rows, wide=True), doc["stamp"])
    return paragraph(said["each is an arm"], "note") + behind(said["show the table"], shown)
