"""Designs that would settle a question of timing, and schedules on a front, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from cotreat.report.words import number, probability


def print_settle(doc: Mapping[str, Any], console: Console) -> None:
    """Print the document of ``cotreat timing settle --json`` for a reader."""

    def say(words: str) -> None:
        console.print(words, markup=False, highlight=False)

    q, known = doc["question"], doc["before_minus_after"]
    say(f"{q['drug']} around {q['stimulation']}; {q['population']}")
    low, high = known["unknown95"]
    say(
        f"before minus after at week {q['week']}: {number(known['median'])} {q['unit']} "
        f"(not known: {number(low)} to {number(high)}); chosen today: {doc['chosen_today']}; "
        f"regret of that choice: {number(doc['regret_today'], 2)} points per patient"
    )
    shown = Table(title="designs by expected drop in regret", title_justify="left", box=None, pad_edge=False)
    for head in ("design", "patients", "week", "drop per patient later", "drop per 100 in the trial", "settles"):
        shown.add_column(head, justify="left" if head == "design" else "right")
    for r in doc["designs"]:
        shown.add_row(
            r["design"],
            str(r["patients"]),
            str(r["week"]),
            f"{number(r['drop'], 3)} (error {number(r['error'], 3)})",
            number(r["drop_per_100"], 3),
            probability(r["p_settles"]),
        )
    console.print(shown)
    say("settles: how often the verdict would then be other than cannot tell")
    for words in doc["assumptions"]:
        say(f"assumed: {words}")
    _end(doc, say)


def print_schedule(doc: Mapping[str, Any], console: Console) -> None:
    """Print the document of ``cotreat timing schedule --json`` for a reader."""

    def say(words: str) -> None:
        console.print(words, markup=False, highlight=False)

    say(f"{doc['population']}; {doc['tried']} schedules tried, {doc['stopped']} stopped by safety rules")
    say("the front: nothing else that was tried is better in every goal")
    for number_, row in enumerate(doc["front"], 1):
        say("")
        say(f"{number_}. " + "; ".join(row["sentence"].splitlines()))
        for goal in doc["goals"]:
            found = row["goals"][goal["key"]]
            low, high = found["unknown95"]
            say(f"   {goal['text']}: {number(found['median'])} (not known: {number(low)} to {number(high)})")
        say(f"   on the front with probability {probability(row['p_on_front'])}; {row['safety']}")
    say("")
    for note in dict.fromkeys(n for row in doc["front"] for n in row["notes"]):
        say(note)
    for rule, count in doc["stopped_by"].items():
        say(f"{rule} stopped {count} schedules")
    _end(doc, say)


def _end(doc: Mapping[str, Any], say: Any) -> None:
    say(doc["basis"])
    say(f"{doc['stamp']}. {doc['disclaimer']}.")
    say(f"Remake: {doc['provenance']['command']} (version {doc['provenance']['version']})")
