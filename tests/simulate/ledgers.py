"""Ledgers written by hand, so that the engine is tested without the language."""

from __future__ import annotations

from dataclasses import replace

from cotreat.regimen.ledger import Item, Ledger, Phase, Rule, Transition

MON_WED_FRI = (0, 2, 4)


def sessions(subject: str, count: int, weekdays: tuple[int, ...] = MON_WED_FRI, hour: float = 10.0) -> tuple[Item, ...]:
    days = [d for d in range(7 * count) if d % 7 in weekdays][:count]
    return tuple(Item(d, hour, subject, "session", 1.0, "session") for d in days)


def level(drug: str, amount: float, unit: str, days: int, start: int = 0) -> tuple[Item, ...]:
    return tuple(Item(d, 0.0, drug, "level", amount, unit) for d in range(start, start + days))


def doses(drug: str, mg: float, days: int, hour: float = 8.0) -> tuple[Item, ...]:
    return tuple(Item(d, hour, drug, "dose", mg, "mg") for d in range(days))


def until_remission(after: tuple[Item, ...] = ()) -> Ledger:
    """ECT three times a week until remission, at most 12 sessions, then what is given."""
    phases = (
        Phase(0, "ECT", sessions("ECT", 12), length=26),
        Phase(0, "after", after, length=1 + max((i.day for i in after), default=-1)),
    )
    weekly = tuple(Transition(0, d, Rule("remission"), ((0, 1),)) for d in (7, 14, 21))
    return Ledger(phases, (*weekly, Transition(0, 28, Rule(), ((0, 1),))), (0,), horizon=182)


def plain(items: tuple[Item, ...], lead_in: int = 0) -> Ledger:
    """One phase without a decision."""
    return Ledger((Phase(0, "course", items, length=1 + items[-1].day if items else 0),), (), (0,), lead_in=lead_in)


NORTRIPTYLINE = level("nortriptyline", 100.0, "ng/mL", 168)
LITHIUM = level("lithium", 0.7, "mmol/L", 168)


def ketamine(count: int) -> tuple[Item, ...]:
    return tuple(replace(i, subject="ketamine", kind="dose", amount=0.5, unit="mg/kg") for i in sessions("ECT", count))
