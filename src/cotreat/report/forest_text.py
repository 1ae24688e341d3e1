"""A meta-analysis as text for a terminal of 80 columns, in ASCII letters."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import Any

from cotreat.report.axes import Scale
from cotreat.report.forest import axis_of, digits, short_name, shown_value, with_bounds

WIDTH = 80
PLOT = 29
NAME = 21
FEW = 5  # with fewer studies tests for small-study effects are noise


def lines(doc: Mapping[str, Any]) -> list[str]:
    """The whole result: studies with a text forest, the pooled effect, how studies differ, and what was left out."""
    places = digits(doc)
    axis = axis_of(doc, 5)
    column = Scale(axis.low, axis.high, 0, PLOT - 1)
    zero = None if axis.zero is None else round(column(axis.zero))
    found = [doc["title"], *textwrap.wrap(doc["question"], WIDTH), ""] if doc.get("title") else []
    head = f"{short_name(doc)} (95 %)"
    found.append(f"{'Study':<{NAME}} {'':<{PLOT}} {head:>20}  %")
    for study in doc["studies"]:
        ends = [min(max(column(v), 0), PLOT - 1) for v in study["ci95"]]
        cells = _bar(ends[0], ends[1], zero, "-")
        for end, limit, mark in ((study["ci95"][0], axis.low, "<"), (study["ci95"][1], axis.high, ">")):
            if (mark == "<" and end < limit) or (mark == ">" and end > limit):
                cells[0 if mark == "<" else PLOT - 1] = mark
        cells[round(column(study["yi"]))] = "o" if study["weight"] < 100 / doc["k"] else "O"
        found.append(_row(study["study"], cells, with_bounds(study["shown"], places), f"{study['weight']:.0f}"))
    low, high = (column(v) for v in doc["ci95"])
    cells = _bar(low, high, zero, "=")
    cells[round(column(doc["estimate"]))] = "#"
    found.append(_row("Pooled", cells, with_bounds(doc["shown"], places), ""))
    if doc["pi95"] is not None and doc["k"] > 2:
        ends = [min(max(column(v), 0), PLOT - 1) for v in doc["pi95"]]
        bounds = doc["shown"]["pi95"]
        words = f"{shown_value(bounds[0], places)} to {shown_value(bounds[1], places)}"
        found.append(_row("A new study", _bar(ends[0], ends[1], zero, "."), words, ""))
    found.append(f"{'':<{NAME}} {_ticks(axis.ticks, column)}")
    if doc.get("sides"):
        found.append(f"{'':<{NAME}} <- {doc['sides'][0]} | {doc['sides'][1]} ->")
    found += ["", *summary(doc), *_sources(doc)]
    return [ascii_only(row) for row in found]


def _bar(low: float, high: float, zero: int | None, letter: str) -> list[str]:
    cells = [" "] * PLOT
    if zero is not None and 0 <= zero < PLOT:
        cells[zero] = "|"
    for i in range(round(low), round(high) + 1):
        cells[i] = letter
    return cells


def _row(name: str, cells: list[str], value: str, weight: str) -> str:
    short = name if len(name) <= NAME else name[: NAME - 2] + ".."
    return f"{short:<{NAME}} {''.join(cells)} {value:>20} {weight:>3}".rstrip()


def _ticks(ticks: tuple[tuple[float, str], ...], column: Scale) -> str:
    cells = [" "] * (PLOT + 8)
    for at, name in ticks:
        start = max(0, min(round(column(at)) - len(name) // 2, len(cells) - len(name)))
        if all(c == " " for c in cells[max(0, start - 1) : start + len(name)]):
            cells[start : start + len(name)] = name
    return "".join(cells).rstrip()


def summary(doc: Mapping[str, Any]) -> list[str]:
    """The result in words: model, pooled effect, spread, small studies, moderators, and what was left out."""
    places = digits(doc)
    model = "equal effects" if doc["method"] == "EE" else f"random effects ({doc['method']})"
    test = "Knapp-Hartung" if doc["test"] == "knha" else "normal"
    found = [f"{doc['k']} {'studies' if doc['k'] != 1 else 'study'}, {model}, {test} intervals; {doc['analysed']}:"]
    low, high = doc["ci95"]
    p = "" if doc["p"] is None else f", p {p_text(doc['p'])}"
    found.append(f"  estimate {doc['estimate']:.4f}, SE {doc['se']:.4f}, 95 % {low:.4f} to {high:.4f}{p}")
    if doc["pi95"] is not None:
        found.append(f"  prediction interval of a new study {doc['pi95'][0]:.4f} to {doc['pi95'][1]:.4f}")
    if doc["k"] > 1:
        found += _spread(doc)
    adjusted = doc["knapp_hartung"]
    if adjusted is not None and doc["test"] != "knha" and doc["k"] > 1:
        found.append(f"  with Knapp-Hartung: {with_bounds(adjusted['shown'], places)}")
    found += _moderators(doc)
    found += _small_studies(doc, places)
    found += _one_out(doc, places)
    found += [f"Note: {note}." for note in doc["notes"]]
    if doc["left_out"]:
        found.append(f"Left out ({len(doc['left_out'])}):")
        found += [f"  {out['study']}: {out['reason']}" for out in doc["left_out"]]
    return found


def _sources(doc: Mapping[str, Any]) -> list[str]:
    """Of the base: the figures each row is made of, and where they were published."""
    if not doc.get("references"):
        return []
    found = ["Figures:", *(f"  {s['study']}: {s['note']}" for s in doc["studies"] if s.get("note"))]
    found.append("Sources:")
    dois = [f", doi {entry['doi']}" if entry["doi"] else "" for entry in doc["references"]]
    found += [f"  {e['study']}: {e['citation']}{doi}" for e, doi in zip(doc["references"], dois, strict=True)]
    return found


def p_text(p: float) -> str:
    """A p value as people print it."""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def _spread(doc: Mapping[str, Any]) -> list[str]:
    found = f"  Q {doc['q']:.2f} on {doc['q_df']} df (p {p_text(doc['q_p'])}), I2 {doc['i2']:.1f} %"
    if doc["method"] == "EE":
        return [found]
    bounds = doc["tau2_ci95"]
    interval = "" if bounds is None else f" (95 % {bounds[0]:.4g} to {bounds[1]:.4g})"
    return [found, f"  tau2 {doc['tau2']:.4f}{interval}, tau {math.sqrt(doc['tau2']):.3f}"]


def _moderators(doc: Mapping[str, Any]) -> list[str]:
    table = doc.get("moderators")
    if not table:
        return []
    found = [f"Moderators (estimate above: at {table['estimate_at']}):"]
    for term in table["coefficients"]:
        low, high = term["ci95"]
        found.append(f"  {term['name']:<28} {term['estimate']:9.4f} ({low:.4f} to {high:.4f}), p {p_text(term['p'])}")
    for name, level in table["reference"].items():
        found.append(f"  {name} is compared with {level}")
    if table["test"]:
        df = table["test"]["df"]
        kind = f"chi2({df[0]})" if df[1] is None else f"F({df[0]}, {df[1]})"
        found.append(f"  all together: {kind} {table['test']['statistic']:.3f}, p {p_text(table['test']['p'])}")
    if doc["r2"] is not None:
        found.append(f"  they account for {doc['r2']:.0f} % of the variance between studies")
    return found


def _small_studies(doc: Mapping[str, Any], places: int) -> list[str]:
    found: list[str] = []
    if doc["k"] < FEW:
        return found
    if doc["egger"] is not None:
        test = doc["egger"]
        found.append(f"  Egger's test: t {test['statistic']:.2f} on {test['df']} df, p {p_text(test['p'])}")
    filled = doc["trim_and_fill"]
    if filled is not None and filled["missing"]:
        with_them = with_bounds(filled["shown"], places)
        found.append(f"  trim and fill would add {filled['missing']} on the {filled['side']}: {with_them}")
    return found


def _one_out(doc: Mapping[str, Any], places: int) -> list[str]:
    rows = doc["leave_one_out"]
    if len(rows) < 2:
        return []
    low, high = (f(rows, key=lambda r: r["estimate"]) for f in (min, max))
    one, other = (shown_value(r["shown"]["estimate"], places) for r in (low, high))
    return [f"  leaving out one study moves it between {one} (without {low['study']}) and {other} ({high['study']})"]


def ascii_only(row: str) -> str:
    """Typographic signs as plain letters."""
    return row.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-").replace("\N{NO-BREAK SPACE}", " ")
