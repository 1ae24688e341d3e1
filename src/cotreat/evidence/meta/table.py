"""A table of studies (CSV) read into effects: which columns make which measure, and which rows cannot be used.

Column names are metafor's: ``ai, bi, ci, di`` (events and others in group 1 and 2), ``n1i, n2i``, ``m1i, sd1i``,
``xi, ni`` and ``yi, vi`` (or ``sei``) on the scale of analysis. A ratio with its interval as printed is
``estimate, lower, upper``.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cotreat.evidence.meta.effects import (
    Effect,
    Group,
    Measure,
    from_interval,
    logit_proportion,
    mean_difference,
    standardised_difference,
    two_by_two,
)
from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 2000
MISSING = frozenset({"", "na", "nan", "null", "none", ".", "-"})
Row = Mapping[str, str]

_COUNTS = (("ai", "bi", "ci", "di"), ("ai", "n1i", "ci", "n2i"))
_MEANS = (("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i"),)
_READY = (("yi", "vi"), ("yi", "sei"))
_PRINTED = (("estimate", "lower", "upper"),)
FORMS: Mapping[Measure, tuple[tuple[str, ...], ...]] = {
    "RR": (*_COUNTS, *_READY, *_PRINTED),
    "OR": (*_COUNTS, *_READY, *_PRINTED),
    "RD": (*_COUNTS, *_READY, *_PRINTED),
    "HR": (*_READY, *_PRINTED),
    "SMD": (*_MEANS, *_READY, *_PRINTED),
    "MD": (*_MEANS, *_READY, *_PRINTED),
    "PLO": (("xi", "ni"), ("xi", "mi"), *_READY, *_PRINTED),
    "GEN": (*_READY, *_PRINTED),
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A study that is not in the analysis, and why."""

    study: str
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """Effects in the order of the file, the rows left out, and the columns the effects were computed from."""

    effects: tuple[Effect, ...]
    left_out: tuple[LeftOut, ...]
    columns: tuple[str, ...]


def read_table(path: Path, measure: Measure, moderators: Sequence[str] = ()) -> Table:
    """Effects of the studies in a CSV file.

    Parameters
    ----------
    path
        A comma-, semicolon- or tab-separated file with a header.
    measure
        What to compute; decides which columns are needed.
    moderators
        Columns to keep for a regression.

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, or a cell is not a number or cannot be (a negative count).
    """
    rows, header = _rows(path)
    if "study" not in header:
        raise InputError(f"{path.name}: there is no column `study`", hint=_columns_hint(header), examples=EXAMPLES)
    for name in moderators:
        if name not in header:
            near = did_you_mean(name, header)
            raise InputError(f"{path.name}: there is no column `{name}` for --mods", hint=near or _columns_hint(header))
    columns = _form(path.name, header, measure)
    effects: list[Effect] = []
    left_out: list[LeftOut] = []
    for line, row in rows:
        study = row["study"].strip() or f"line {line}"
        blank = [c for c in (*columns, *moderators) if row[c].strip().casefold() in MISSING]
        if blank:
            left_out.append(LeftOut(study, f"no value for {', '.join(blank)}"))
            continue
        place = f"{path.name}:{line} ({study})"
        values = [_number(row[c], place, c) for c in columns]
        try:
            yi, vi, note = effect_of(measure, columns, values)
        except InputError as error:
            raise InputError(f"{place}: {error.message}") from None
        effects.append(Effect(study, yi, vi, {m: _moderator(row[m]) for m in moderators}, note))
    if not effects:
        raise InputError(f"{path.name}: no row has the numbers for {measure} ({', '.join(columns)})")
    return Table(tuple(effects), tuple(left_out), columns)


EXAMPLES = ("study,ai,bi,ci,di", "study,yi,vi", "study,m1i,sd1i,n1i,m2i,sd2i,n2i")


def effect_of(measure: Measure, columns: Sequence[str], values: Sequence[float]) -> tuple[float, float, str]:
    """Effect, variance and a note from the numbers of one row; raises InputError where they cannot be."""
    given = dict(zip(columns, values, strict=True))
    if "yi" in given:
        variance = given["vi"] if "vi" in given else given["sei"] ** 2
        if variance <= 0 or ("sei" in given and given["sei"] <= 0):
            raise InputError("the variance must be above zero")
        return given["yi"], variance, ""
    if "estimate" in given:
        return *from_interval(measure, *values), "from the printed interval"
    if "m1i" in given:
        one, two = Group(*values[:3]), Group(*values[3:])
        return *(standardised_difference if measure == "SMD" else mean_difference)(one, two), ""
    if "xi" in given:
        others = given["mi"] if "mi" in given else given["ni"] - given["xi"]
        if others < 0:
            raise InputError(f"{given['xi']:g} events among {given['ni']:g} patients")
        note = "half a patient added to each count" if min(given["xi"], others) == 0 else ""
        return *logit_proportion(given["xi"], others), note
    a, second, c, fourth = values
    if "n1i" in given:
        for events, n in ((a, second), (c, fourth)):
            if events > n:
                raise InputError(f"{events:g} events among {n:g} patients")
        second, fourth = second - a, fourth - c
    note = "half a patient added to each cell" if min(a, second, c, fourth) == 0 else ""
    return *two_by_two(measure, a, second, c, fourth), note


def _rows(path: Path) -> tuple[list[tuple[int, Row]], list[str]]:
    text = _text(path)
    first = text.splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        header = [name.strip().strip("\ufeff") for name in next(reader)]
        twice = sorted({name for name in header if header.count(name) > 1 and name})
        if twice:
            raise InputError(f"{path.name}: the column {twice[0]} is there twice")
        found: list[tuple[int, Row]] = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                hint = "a decimal comma needs another separator" if len(cells) > len(header) else None
                text = f"{path.name}:{reader.line_num}: {len(cells)} cells, but the header has {len(header)}"
                raise InputError(text, hint=hint)
            found.append((reader.line_num, dict(zip(header, cells, strict=True))))
            if len(found) > MOST_ROWS:
                raise InputError(f"{path.name} has more than {MOST_ROWS} rows")
    except csv.Error as error:
        raise InputError(f"{path.name}:{reader.line_num}: not a readable table: {error}") from None
    if not found:
        raise InputError(f"{path.name} has a header and no study")
    return found, header


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory, not a table")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} has {path.stat().st_size} bytes; a table has at most {MOST_BYTES}")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        if isinstance(error, UnicodeDecodeError):
            raise InputError(f"{path} is not UTF-8 text") from None
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not text.strip():
        raise InputError(f"{path} is empty")
    if "\x00" in text:
        raise InputError(f"{path} is a binary file, not a table")
    return text.lstrip("\r\n")


def _form(file: str, header: Sequence[str], measure: Measure) -> tuple[str, ...]:
    for columns in FORMS[measure]:
        if all(name in header for name in columns):
            return columns
    ways = "; or ".join(", ".join(columns) for columns in FORMS[measure])
    raise InputError(f"{file}: {measure} needs the columns {ways}", hint=_columns_hint(header))


def _columns_hint(header: Sequence[str]) -> str:
    return "the file has " + ", ".join(name or "(no name)" for name in header[:20])


def _number(cell: str, place: str, column: str) -> float:
    text = cell.strip().replace("\N{MINUS SIGN}", "-")
    try:
        value = float(text)
    except ValueError:
        hint = "write a decimal point, not a comma" if "," in text else None
        raise InputError(f"{place}: {column} is {cell.strip()!r}, not a number", hint=hint) from None
    if not math.isfinite(value):
        raise InputError(f"{place}: {column} is not finite")
    return value


def _moderator(cell: str) -> float | str:
    try:
        value = float(cell)
    except ValueError:
        return cell.strip()
    return value if math.isfinite(value) else cell.strip()


# Moderators as columns of a design ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Design:
    """Columns of a regression: an intercept, numbers as they are, words as 0/1 against the first in the alphabet."""

    rows: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]
    reference: Mapping[str, str]


def design_of(effects: Sequence[Effect], moderators: Sequence[str]) -> Design:
    """The design of a meta-regression; raises InputError for a moderator that is the same in all studies."""
    columns: list[list[float]] = [[1.0] * len(effects)]
    names, reference = ["average" if not moderators else "intercept"], {}
    for moderator in moderators:
        values = [effect.moderators[moderator] for effect in effects]
        if len(set(values)) < 2:
            raise InputError(f"{moderator} is {values[0]} in all studies, so it explains nothing")
        if all(isinstance(value, float) for value in values):
            columns.append([float(value) for value in values])
            names.append(moderator)
            continue
        words = [value if isinstance(value, str) else f"{value:g}" for value in values]
        levels = sorted(set(words))
        reference[moderator] = levels[0]
        for level in levels[1:]:
            columns.append([float(word == level) for word in words])
            names.append(f"{moderator}: {level}")
    return Design(tuple(zip(*columns, strict=True)), tuple(names), reference)
