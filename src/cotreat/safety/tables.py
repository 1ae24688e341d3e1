"""Facts a patient file may give, and the words for conditions, read from the data files once."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from cotreat.measures.suggest import fold

Asked = Literal["", "day", "result", "if known"]
"""When a fact is asked for: before a plan is printed (""), on the day of a session or step, or only used if known.

A result (of the laboratory) is asked for before a plan is printed, except by a rule for sessions, which looks at the
latest one on the day.
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that may be recorded: its kind, bounds or choices, and the condition it presupposes.

    ``once``: a fact asked on the day may wait for it only once this other fact is recorded as one of these words.
    """

    name: str
    section: str
    kind: str
    low: float
    high: float
    choices: tuple[str, ...]
    implies: str
    asked: Asked
    once: tuple[str, tuple[str, ...]] | None
    meaning: str

    @property
    def never(self) -> bool:
        """Whether a number of days since an event may also be "never"."""
        return self.name == "days_since_discharge"


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


def _once(text: str) -> tuple[str, tuple[str, ...]] | None:
    name, _, words = text.partition(":")
    return (name.strip(), tuple(words.strip().split("|"))) if text else None


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
            cast(Asked, r["asked"]),
            _once(r["once"]),
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
