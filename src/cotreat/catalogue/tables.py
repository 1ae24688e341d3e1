"""The data files of the catalogue, read once."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from cotreat.measures.errors import InputError


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of ``data/NAME.csv`` as text, in file order."""
    with (files("cotreat.catalogue") / "data" / f"{name}.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


@cache
def document(name: str) -> str:
    """The text of ``data/NAME``."""
    return (files("cotreat.catalogue") / "data" / name).read_text(encoding="utf-8")


def number(text: str) -> float | None:
    """A number of a data file, or None for an empty cell: not known."""
    return float(text) if text else None


def required(row: dict[str, str], column: str) -> float:
    """A number that may not be missing."""
    value = number(row[column])
    if value is None:
        raise InputError(f"{column} is missing in the row of {next(iter(row.values()))}")
    return value
