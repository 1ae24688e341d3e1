"""A timing answer in a terminal: verdict, basis, the curve as a table, regret and drivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from cotreat.report.timing_page import safety_said
from cotreat.report.words import number, probability


def print_timing(doc: Mapping[str, Any], console: Console) -> None:
    """Print the document of ``cotreat timing --json`` for a reader."""
    acute = doc["question"]["moved_by"] == "hours"

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    say(doc["question"]["stimulation"])
    say(doc["question"]["drug"])
    say(f"{doc['question']['population']}; {doc['words']['entry']}: {doc['question']['entry']}")
    say("")
    console.print(f"{doc['verdict']}  ({doc['basis']})", style="bold", markup=False, highlight=False)
    p, said = doc["p_before_better"], doc["words"]
    say(doc["why"] + ("" if p is None else f". {said['p before']}: {probability(p)}"))
    if doc["translation"]:
        say(doc["translation"])
    for reading in dict.fromkeys(q["reading"] for q in doc["curve"]):
        _curve(doc, reading, acute, console)
    never = doc["without_drug"]
    say(
        f"{said['without the drug']}: "
        + ", ".join(f"{t} {number(never[k]['median'])}" for k, t in doc["outcomes"].items())
    )
    say("")
    for c in doc["contrasts"]:
        say(
            f"{said['before minus after']}, {c['outcome']}, {c['reading']}: "
            f"{number(c['before_minus_after'])} {said[c['unit']]} "
            f"({said['not known']}: {_between(c['unknown95'], said)}); "
            f"{c['verdict']}"
        )
    for b in doc["best"]:
        at = f"{number(b['shift'], 1)} {said['hours']}" if acute else f"{number(b['shift'] / 7)} {said['weeks']}"
        say(f"{said['best']}, {doc['outcomes'][b['outcome']]}, {said[b['reading']]}: {at} ({probability(b['p_best'])})")
    if doc["regret"]:
        _regret(doc, console)
    marks = [
        f"{d['parameter']}{' (' + said['prior-driven'] + ')' if d['prior_driven'] else ''}" for d in doc["drivers"]
    ]
    if marks:
        say(f"{said['drivers']}: " + ", ".join(marks))
    say("")
    say(f"{doc['stamp']}. {doc['disclaimer']}.")
    if doc["provenance"]["command"]:
        say(f"{said['remake with']}: {doc['provenance']['command']} (version {doc['provenance']['version']})")


def _curve(doc: Mapping[str, Any], reading: str, acute: bool, console: Console) -> None:
    said = doc["words"]
    shown = Table(title=said[reading], title_justify="left", box=None, pad_edge=False)
    shown.add_column(f"{said['start']}, " + said["hours" if acute else "weeks"], justify="right")
    for key in doc["outcomes"]:
        shown.add_column(said[f"{key} in short"], justify="right")
    shown.add_column(said["difference in short"], justify="right")
    shown.add_column(said["drug days"], justify="right")
    shown.add_column(said["safety"])
    for point in doc["curve"]:
        if point["reading"] != reading:
            continue
        start = point["shift_hours"] if acute else point["shift_days"] / 7
        cells = [
            f"{number(o['median'])} ({_between(o['unknown95'], said)})"
            for o in (point["outcomes"][k] for k in doc["outcomes"])
        ]
        moved = point["difference"]["well"]
        cells.append(f"{number(moved['median'])} ({_between(moved['unknown95'], said)})")
        stopped = (
            f"{said['stopped']}: {', '.join(point['stopped_by'])}"
            if point["stopped_by"]
            else safety_said(point["safety"], said).split(" (")[0].split("(")[0].split("（")[0]
        )
        shown.add_row(number(start, 1 if acute else 0), *cells, str(point["drug_days"]), stopped)
    console.print(shown)


def _between(ends: Sequence[float], said: Mapping[str, str]) -> str:
    low, high = ends
    return said["interval"].format(low=number(low), high=number(high))


def _regret(doc: Mapping[str, Any], console: Console) -> None:
    groups = list(doc["regret"][0]["choices"])
    shown = Table(title=doc["words"]["regret"], title_justify="left", box=None)
    said = doc["words"]
    shown.add_column(said["if true"])
    for group in groups:
        shown.add_column(f"{said[group]}: {said['per 100']}", justify="right")
        shown.add_column(said["points"], justify="right")
    for row in doc["regret"]:
        cells = [number(row["choices"][g][k]) for g in groups for k in ("well", "mean score")]
        shown.add_row(said[row["rival"]], *cells)
    console.print(shown)
