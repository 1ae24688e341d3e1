"""What a person must see at once: suicidality, mania, seizure, severe withdrawal. None of them is ever shown as green.

Thresholds follow the packaged safety rules, whose ids are given. They need no filter and no model: a flag stands on the
row that raised it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cotreat.measures.suggest import fold
from cotreat.monitor.instruments import warnings_table
from cotreat.monitor.record import Record

Level = Literal["urgent", "warning"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One red flag: what it is about, when, from which row, and its rule ("own": a choice of this project)."""

    kind: str
    level: Level
    day: int
    row: int
    rule: str
    text: str


def red_flags(record: Record) -> tuple[Flag, ...]:
    """Every red flag of a record, newest first."""
    table = warnings_table()
    found: list[Flag] = []
    for notice in record.notices:
        if notice.kind == "event":
            rule = next((r for name, r in table["events"].items() if fold(name) in fold(notice.name)), None)
            if rule is not None:
                found.append(Flag(rule["kind"], rule["level"], notice.day, notice.row, rule["rule"], notice.name))
            continue
        rule = table["suicidality"][notice.name]
        if notice.value is not None and notice.value >= rule["at_least"]:
            urgent = rule.get("level") == "urgent" or notice.value >= rule.get("urgent_from", float("inf"))
            level: Level = "urgent" if urgent else "warning"
            found.append(
                Flag("suicidality", level, notice.day, notice.row, rule["rule"], f"{notice.text} {notice.value:g}")
            )
    for day, name, value, row in record.scores:
        rule = table["scales"].get(name)
        if rule is not None and value >= rule["at_least"]:
            level = "urgent" if value >= rule["urgent_from"] else "warning"
            found.append(Flag(rule["kind"], level, day, row, rule["rule"], f"{name} {value:g}"))
    return tuple(sorted(found, key=lambda f: (-f.day, f.level != "urgent", f.row)))
