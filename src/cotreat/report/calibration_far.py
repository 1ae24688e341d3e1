"""The page "How far to believe it": each treatment system with its published figures, fitted and left out.

It is written from the document of a calibration, failures included. Its first line says where the model loses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.report.calibration_words import (
    answer,
    displayed,
    figure_unit,
    percent,
    plain_words,
    ratio_line,
    spread,
)
from cotreat.report.misses import misses

Doc = Mapping[str, Any]

SYSTEMS = (
    ("S1", "TMS (or tDCS) with an antidepressant, started together or continued"),
    ("S2", "iTBS with D-cycloserine"),
    ("S3", "TMS and drugs taken beside it, observational"),
    ("S4", "ECT, acute"),
    ("S5", "after ECT, nothing"),
    ("S6", "after ECT, drugs"),
    ("S7", "after ECT, drugs and continuation ECT"),
    ("S8", "after ECT, CBT with a drug"),
    ("S9", "the two directions side by side"),
    ("S10", "the best timing for a given stimulus and drug"),
    ("S11", "ketamine, single and repeated"),
    ("S12", "taper of an antidepressant, a benzodiazepine or an antipsychotic"),
)
_NO_FIGURES = {
    "S3": "These studies are confounded by who is given which drug. They stand in the evidence as context and are "
    "never fitted as an effect; the model does not claim to reproduce them.",
    "S10": "Nobody has published a figure to hold this against. What the model says here is a prediction; the page of "
    "`cotreat timing` shows it with its rivals and with the regret of acting on a rule that is false.",
}


@dataclass(frozen=True)
class Sheet:
    """A comparison across studies: its heading, what it shows, and which figures belong to it."""

    heading: str
    words: str
    wants: Callable[[Doc, Doc], bool]


def _of(ids: Sequence[str], measures: Sequence[str] = ()) -> Callable[[Doc, Doc], bool]:
    def wants(study: Doc, figure: Doc) -> bool:
        named = study["id"].startswith(tuple(ids))
        of = figure["of"] if figure["against"] else figure["measure"]
        return named and (not measures or figure["measure"] in measures or of in measures)

    return wants


_AFTER = ("relapse", "sustained_response", "sustained_remission")
SHEETS = (
    Sheet(
        "After ECT: four trials, each with its own definition",
        "Sackeim 2001 counts relapse among completers, Prudic 2013 among remitters, Nordenskjold 2013 everybody "
        "who was allotted, Brakemeier 2014 those who still respond (1 less that is not relapse: dropout counts too).",
        _of(("sackeim2001", "prudic2013", "nordenskjold2013", "brakemeier2014"), _AFTER),
    ),
    Sheet(
        "Ketamine against ECT: ELEKT-D and KetECT",
        "ELEKT-D (Anand 2023, outpatients, few psychotic) found ketamine not worse; KetECT (Ekstrand 2022, inpatients) "
        "found ECT better. One set of parameters has to hold both.",
        _of(("anand2023", "ekstrand2022")),
    ),
    Sheet(
        "TMS or tDCS with an antidepressant, with the null trials",
        "Brunelin 2014 (remission 28, 41, 43 %) and Yesavage 2018 found nothing; they stand beside positive trials.",
        _of(
            ("brunelin2014", "yesavage2018", "brunoni2013", "brunoni2017", "burkhardt2023", "george2010", "woodham2024")
        ),
    ),
    Sheet(
        "D-cycloserine: both trials",
        "Cole 2022 (n 50) is positive, Ganesh 2025 (n 30, one day of accelerated iTBS) null. "
        "Figures read second-hand count half.",
        _of(("cole2022", "ganesh2025")),
    ),
    Sheet(
        "Ketamine: how long it lasts, and against what",
        "Saline, midazolam and a spray are different comparisons. Figures at hours, days and weeks.",
        _of(("zarate2006", "zarate2012", "diazgranados2010", "murrough2013", "berman2000", "daly2018", "phillips2019")),
    ),
    Sheet(
        "Keeping the gain of ketamine: riluzole, lithium, rapamycin",
        "Riluzole and lithium add nothing in the trials. Rapamycin before ketamine has no part in the model: it is a "
        "finding the model cannot explain.",
        _of(("mathew2010", "ibrahim2012", "costi2019", "abdallah2020", "diazgranados")),
    ),
)


def far_page(doc: Doc) -> str:
    """The page as Markdown."""
    parts = [answer(doc), "", "# How far to believe it", "", *_preface(doc)]
    for key, title in SYSTEMS:
        parts += [f"## {key}: {title}", "", *_system(doc, key), ""]
        if key == "S2":
            parts += _cycloserine(doc)
        if key == "S12":
            parts += _taper(doc)
    parts += [*_misses(doc), "## Across studies", ""]
    for sheet in SHEETS:
        parts += [f"### {sheet.heading}", "", sheet.words, "", *_figures(doc, sheet.wants), ""]
    parts += _mechanisms(doc)
    parts += [*_remake(doc), "", f"{doc['disclaimer']}."]
    return "\n".join(parts).rstrip() + "\n"


def _preface(doc: Doc) -> list[str]:
    lines = [
        f"Written from the calibration `{doc['name']}` ({doc['status']}; {doc['evidence']}, {doc['figures_in_fit']} "
        "figures in the fit). *Fitted*: the study was in the fit. *Left out*: predicted from the other studies only. "
        "Medians with the middle 95 % of what a trial of that size would print. **Outside** marks a published figure "
        "beyond the left-out interval; failures stay on this page.",
        "",
        "Left-out intervals hold "
        + ", ".join(
            f"{percent(c['share'])} (nominal {percent(c['level'])}, SE {percent(c['se'])})"
            for c in doc["coverage"]["all"]
        )
        + f" of the figures of {doc['coverage']['all'][0]['studies']} studies.",
        "",
    ]
    return lines + [w for r in doc["regression"] for w in (ratio_line(r), "")]


def _system(doc: Doc, key: str) -> list[str]:
    mine = [(s, f) for s in doc["studies"] if key in s["systems"] for f in s["figures"]]
    lines: list[str] = []
    if key in _NO_FIGURES:
        lines += [_NO_FIGURES[key], ""]
    held = next((r for r in doc["held"] if r["system"] == key and r["figures"]), None)
    if held is not None:
        lines += [
            f"{held['figures']} figures in the fit; inside the middle 80 % of their study: {percent(held['fitted'])} "
            f"fitted, {percent(held['left_out'])} left out.",
            "",
        ]
    if not mine:
        return lines or ["No study of this system is in the fit."]
    return lines + _table(mine)


def _figures(doc: Doc, wants: Callable[[Doc, Doc], bool]) -> list[str]:
    found = [(s, f) for s in doc["studies"] for f in s["figures"] if wants(s, f)]
    return _table(found) if found else ["None of these studies is in this fit."]


def _table(rows: Sequence[tuple[Doc, Doc]]) -> list[str]:
    shown = [(s, f) for s, f in rows if f["observed"] is not None or f["left_out"] is not None]
    lines = ["| study, figure | published | fitted | left out | |", "| --- | --- | --- | --- | --- |"]
    for study, figure in shown:
        unit = figure_unit(figure)
        unit = "" if "per 100" in unit else f" ({unit})"
        read = " (not confirmed)" if figure["read"] == "memory" else ""
        lines.append(
            f"| {study['id']}: {_cell(figure['label'])}{unit} | {displayed(figure, figure['observed'])}{read} "
            f"| {spread(figure, 'fitted', 'pi95')} | {spread(figure, 'left_out', 'pi95')} | {_mark(study, figure)} |"
        )
    return lines


def _misses(doc: Doc) -> list[str]:
    """Every figure outside the middle 80 % of its own fit, with what the rest of its study says of it."""
    found, count = misses(doc)
    held = [row["system"] for row in doc["held"] if row["system"].startswith("S")]
    lines = [
        "## Misses, each with its reason",
        "",
        f"Of {count} figures of {', '.join(held)} in the fit, {len(found)} lie outside the middle "
        f"80 % of their own study; {round(0.2 * count)} would by chance. The reason is read off the other figures of "
        "the study: the course of the arm, all arms, one arm, a difference, or two readings of the same patients.",
        "",
        "| study, figure | published | fitted, middle 80 % | reason |",
        "| --- | --- | --- | --- |",
    ]
    lines.extend(
        f"| {m.study['id']}: {_cell(m.figure['label'])} | {displayed(m.figure, m.figure['observed'])} "
        f"| {spread(m.figure, 'fitted', 'pi80')} | {_cell(m.reason)} |"
        for m in found
    )
    return [*lines, ""]


def _cell(text: str) -> str:
    return text.replace("|", "/")


def _mark(study: Doc, figure: Doc) -> str:
    words = []
    left = figure["left_out"]
    if left is not None and figure["observed"] is not None:
        low, high = left["pi95"]
        if not low - 5e-4 <= figure["observed"] <= high + 5e-4:
            words.append("**outside**")
    if figure["outcome"] in study["misfit"]:
        words.append("**no parameter reproduces this**")
    if not figure["used"]:
        words.append(f"not in the fit: {figure['reason']}")
    return ", ".join(words)


def _cycloserine(doc: Doc) -> list[str]:
    gain = next((p for p in doc["parameters"] if p["name"] == "acute_gain.d-cycloserine"), None)
    if gain is None:
        return []
    before, m, low, high = (float(np.exp(v)) for v in (gain["prior"][0], *gain["posterior"]))
    lines = [
        f"Shrunken effect: D-cycloserine multiplies the yield of a session by {m:.2f} (90 % {low:.2f} to {high:.2f}; "
        f"before any trial {before:.2f}); its posterior overlaps with the prior by {gain['overlap']:.2f}.",
        "",
    ]
    again = doc.get("replication")
    if again:
        lines += [
            f"Assurance: a trial like {again['study']} with {again['n']} patients in each arm would show a difference "
            f"with p < 0.05 in {percent(again['assurance'])} of draws.",
            "",
        ]
    return lines


def _taper(doc: Doc) -> list[str]:
    split = doc.get("worsening")
    if not split:
        return [
            "ANTLER also asked who felt worse (44 against 21 % by week 12). The share that felt worse is not a figure "
            "of the model: it mixes withdrawal, nocebo and relapse.",
            "",
        ]
    return [
        "ANTLER, who felt worse by week 12 (44 against 21 %), split by the model (per 100 patients):",
        "",
        "| arm | withdrawal | nocebo | relapse |",
        "| --- | --- | --- | --- |",
        *(f"| {r['arm']} | {r['withdrawal']} | {r['nocebo']} | {r['relapse']} |" for r in split),
        "",
    ]


def _mechanisms(doc: Doc) -> list[str]:
    lines = [
        "## Which mechanism",
        "",
        plain_words(doc),
        "",
        "Weights of the mixture that predicts left-out cohorts best. A difference under two standard errors is a tie.",
        "",
        "| mechanism | weight | log density to the best (SE) |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {r['name']}: {r['claim']} | {percent(r['weight']) if r['averaged'] else 'compared only'} "
        f"| {r['difference']:.1f} ({r['se']:.1f}) |"
        for r in doc["rivals"]
    ]
    driven = [p["name"] for p in doc["parameters"] if p["prior_driven"]]
    lines += [
        "",
        f"{len(driven)} of {len(doc['parameters'])} parameters are driven by their prior (overlap above 0.8): "
        + ", ".join(f"`{n}`" for n in driven)
        + ".",
        "",
    ]
    return lines


def _remake(doc: Doc) -> list[str]:
    return [
        "## How to remake this",
        "",
        f"`{doc['command']}`, then `cotreat calibrate page calibration/calibration.json --out docs`. Version "
        f"{doc['version']}, seed {doc['seed']}, {doc['date']}, draws {doc['checksum']}.",
    ]


def read_document(path: str) -> dict[str, Any]:
    """The document of a calibration from its file.

    Raises
    ------
    InputError
        The file cannot be read, or holds something else.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"cannot read the document of a calibration from {path!r}", hint="`cotreat calibrate --out DIR` writes one"
        ) from error
    if not isinstance(found, dict) or found.get("kind") != "calibration":
        raise InputError(
            f"{path!r} is not the document of a calibration", hint="`cotreat calibrate --out DIR` writes one"
        )
    return found
