"""A timing answer in a terminal: verdict, basis, the curve as a table, regret and drivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from cotreat.report.words import number, probability


def print_timing(doc: Mapping[str, Any], console: Console) -> None:
    """Print the document of ``cotreat timing --json`` for a reader."""
    acute = doc["question"]["moved_by"] == "hours"

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    say(doc["question"]["stimulation"])
    say(doc["question"]["drug"])
    say(f"{doc['question']['population']}; entry on {doc['question']['entry']}")
    say("")
    console.print(f"{doc['verdict']}  ({doc['basis']})", style="bold", markup=False, highlight=False)
    p = doc["p_before_better"]
    say(doc["why"] + ("" if p is None else f". Probability that before beats after: {probability(p)}"))
    if doc["translation"]:
        say(doc["translation"])
    for reading in dict.fromkeys(q["reading"] for q in doc["curve"]):
        _curve(doc, reading, acute, console)
    never = doc["without_drug"]
    say("without the drug: " + ", ".join(f"{t} {number(never[k]['median'])}" for k, t in doc["outcomes"].items()))
    say("")
    for c in doc["contrasts"]:
        low, high = c["unknown95"]
        say(
            f"before minus after, {c['outcome']}, {c['reading']}: {number(c['before_minus_after'])} {c['unit']} "
            f"(not known: {number(low)} to {number(high)}); {c['verdict']}"
        )
    if doc["regret"]:
        _regret(doc, console)
    marks = [f"{d['parameter']}{' (prior-driven)' if d['prior_driven'] else ''}" for d in doc["drivers"]]
    if marks:
        say("the difference goes with: " + ", ".join(marks))
    say("")
    say(f"{doc['stamp']}. {doc['disclaimer']}.")
    if doc["provenance"]["command"]:
        say(f"Remake: {doc['provenance']['command']} (version {doc['provenance']['version']})")


def _curve(doc: Mapping[str, Any], reading: str, acute: bool, console: Console) -> None:
    shown = Table(title=reading, title_justify="left", box=None, pad_edge=False)
    shown.add_column("start, " + ("hours" if acute else "weeks"), justify="right")
    for title in doc["outcomes"].values():
        shown.add_column(title, justify="right")
    shown.add_column("drug days", justify="right")
    shown.add_column("safety")
    for point in doc["curve"]:
        if point["reading"] != reading:
            continue
        start = point["shift_hours"] if acute else point["shift_days"] / 7
        cells = [
            f"{number(o['median'])} ({number(o['unknown95'][0])} to {number(o['unknown95'][1])})"
            for o in (point["outcomes"][k] for k in doc["outcomes"])
        ]
        stopped = (
            f"stopped: {', '.join(point['stopped_by'])}" if point["stopped_by"] else point["safety"].split(" (")[0]
        )
        shown.add_row(number(start, 1 if acute else 0), *cells, str(point["drug_days"]), stopped)
    console.print(shown)


def _regret(doc: Mapping[str, Any], console: Console) -> None:
    groups = list(doc["regret"][0]["choices"])
    shown = Table(title="regret: what a choice loses if an account were true", title_justify="left", box=None)
    shown.add_column("if this were true")
    for group in groups:
        shown.add_column(f"{group}: per 100", justify="right")
        shown.add_column("points", justify="right")
    for row in doc["regret"]:
        cells = [number(row["choices"][g][k]) for g in groups for k in ("well", "mean score")]
        shown.add_row(row["rival"], *cells)
    console.print(shown)
