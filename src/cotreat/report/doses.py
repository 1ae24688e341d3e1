"""The ledger of a regimen on a terminal: what it means in words, every stretch of doses and sessions, the branches."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, JustifyMethod
from rich.table import Table

from cotreat.regimen.doses import DoseRow, branches, dose_rows, fitting_horizon, rule_text, stretches
from cotreat.regimen.expand import expand
from cotreat.regimen.readback import read_back
from cotreat.regimen.values import Regimen

DISCLAIMER = "Research and decision support, not a medical device."


def print_doses(regimen: Regimen, days: int | None, console: Console, language: str = "en") -> None:
    """Print a regimen's meaning, its dated items and its branches.

    ``days`` None: as long as it goes on. ``language`` of the meaning: en, ko or ja.
    """
    horizon = fitting_horizon(regimen) if days is None else days
    ledger = expand(regimen, horizon)
    console.print("[bold]This means[/bold]")
    for line in read_back(regimen, language):
        console.print(f"  {line}", markup=False, highlight=False)
    rows = dose_rows(regimen, horizon)
    decided = any(t.rule.outcome is not None for t in ledger.transitions)
    console.print(_table("What is given if no outcome is met" if decided else "What is given", rows))
    for before in ledger.before:
        line = f"Before day 0: {before.subject} {before.amount:g} {before.unit} a day, at steady state."
        console.print(line, markup=False, highlight=False)
    for branch in branches(ledger):
        ways = ", ".join(f"day {day} ({rule_text(rule)})" for day, rule in branch.reached)
        console.print(_table(f"Branch, begins on {ways}", branch.rows))
    for note in ledger.notes:
        console.print(f"Note: {note}", markup=False, highlight=False)
    console.print("Day 0 is a Monday. Days of a branch count from the day it begins.", highlight=False)
    console.print(DISCLAIMER, highlight=False)


def _table(title: str, rows: Iterable[DoseRow]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in ("From day", "to day", "Days", "At", "What", "Amount", "How", "Count", "Line"):
        # folded, never cut: half a drug name is a dosing error
        justify: JustifyMethod = "right" if name in ("From day", "to day", "Count", "Line") else "left"
        table.add_column(name, justify=justify, overflow="fold")
    rows = list(rows)
    for s in stretches(rows):
        r = s.first
        at = "" if r.kind == "level" else r.clock
        amount = "" if r.kind == "session" else f"{r.amount:g} {r.unit}"
        days = (str(r.day), str(s.last_day), s.days_text)
        table.add_row(*days, at, r.what, amount, r.how, str(s.count), str(r.line))
    table.caption = f"{len(rows)} items" if rows else "nothing is given"
    table.caption_justify = "left"
    return table
