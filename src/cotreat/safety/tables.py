"""Facts a patient file may give, and the words for conditions, read from the data files once."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cotreat.measures.suggest import fold


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that may be recorded: its kind, bounds or choices, and the condition it presupposes."""

    name: str
    section: str
    kind: str
    low: float
    high: float
    choices: tuple[str, ...]
    implies: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: its word, the list that settles it (conditions, implants, seizures), other words for it."""

    word: str
    settled_by: str
    also: tuple[str, ...]


def _rows(name: str) -> list[dict[str, str]]:
    with (files("cotreat.safety") / "data" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def key(word: str) -> str:
    """The form in which words of conditions and facts are compared."""
    return fold(word).replace(" ", "_").replace("-", "_")


@cache
def facts() -> dict[str, Fact]:
    """Every fact by name."""
    return {
        r["name"]: Fact(
            r["name"],
            r["section"],
            r["kind"],
            float(r["low"] or 0),
            float(r["high"] or 0),
            tuple(c for c in r["choices"].split("|") if c),
            r["implies"],
            r["meaning"],
        )
        for r in _rows("facts.csv")
    }


@cache
def conditions() -> dict[str, Condition]:
    """Every condition a rule knows, by its word."""
    return {
        r["word"]: Condition(r["word"], r["list"], tuple(a for a in r["also"].split("|") if a))
        for r in _rows("conditions.csv")
    }


@cache
def condition_words() -> dict[str, str]:
    """Every accepted word for a condition, as compared, with the word the rules use."""
    return {key(word): c.word for c in conditions().values() for word in (c.word, *c.also)}
