"""Reading one person's record: the fixed table, or a wide table (REDCap, diary apps) with a mapping file.

    date,time,kind,name,value,unit,note
    2026-01-05,,dose,venlafaxine,150,mg,prescribed

Kinds: dose (the daily dose prescribed from this day on), taken (what was really taken that day), missed, session,
rating (a score of a scale), item (a momentary item), event. Every error names the row of the file, the header being
row 1; nothing is guessed or dropped in silence.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import itertools
import math
from dataclasses import dataclass
from pathlib import Path

from cotreat.catalogue.drug_table import drug as find_drug
from cotreat.catalogue.words import words
from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.monitor.assemble import assemble
from cotreat.monitor.instruments import Mapping_, load_mapping
from cotreat.monitor.record import Record
from cotreat.monitor.wide import is_wide, wide_rows

COLUMNS = ("date", "time", "kind", "name", "value", "unit", "note")
OPTIONAL = ("patient",)
KINDS = ("dose", "taken", "missed", "session", "rating", "item", "event")
_LARGEST_FILE = 20_000_000
_MOST_YEARS = 6
_EXAMPLES = ("2026-01-05,,dose,venlafaxine,150,mg,prescribed", "2026-01-05,,rating,PHQ-9,6,,",
             "2026-01-12,09:30,item,phy_dizzy,1,1-7,momentary")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table, checked; ``number`` is its line in the file, ``hour`` None when no time is said."""

    number: int
    date: dt.date
    hour: float | None
    kind: str
    name: str
    value: float | None
    unit: str
    note: str
    patient: str = ""

    def error(self, message: str, hint: str | None = None, examples: tuple[str, ...] = ()) -> InputError:
        """An error at this row."""
        return InputError(f"row {self.number}: {message}", hint=hint, examples=examples)


def read(path: str | Path, mapping: str | Path | None = None, today: dt.date | None = None) -> Record:
    """The record of one person from a file.

    ``mapping``: a mapping file (groups of items, scales of your own, columns of a wide table). ``today``: no row may
    lie after it, except doses that are planned; the record ends on it.

    Raises
    ------
    InputError
        The file cannot be read, or a row cannot be used; the message names the row.
    """
    where = Path(path)
    try:
        raw = where.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if len(raw) > _LARGEST_FILE:
        raise InputError(f"{path} is larger than {_LARGEST_FILE // 1_000_000} MB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8") from error
    known = load_mapping(mapping)
    rows = read_rows(text, known)
    return assemble(rows, known, today, source=where.name, checksum="sha256:" + hashlib.sha256(raw).hexdigest())


def read_rows(text: str, mapping: Mapping_) -> list[Row]:
    """The rows of a fixed or a wide table, each checked by itself, in order."""
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True, delimiter=_delimiter(text)))
    except csv.Error as error:
        raise InputError(f"not a table of comma-separated values ({error})") from error
    if not lines or not any(lines[0]):
        raise InputError("the file is empty", examples=(",".join(COLUMNS), *_EXAMPLES[:2]))
    header = [h.strip().casefold() for h in lines[0]]
    if is_wide(header, mapping.table):
        numbered = wide_rows(header, lines[1:], mapping.table)
    else:
        _check_header(header)
        numbered = [
            (k, _by_name(header, line, k)) for k, line in enumerate(lines[1:], 2) if any(c.strip() for c in line)
        ]
    rows = [_row(number, cells) for number, cells in numbered]
    if not rows:
        raise InputError("the file has a header and no rows", examples=_EXAMPLES)
    _check_order(rows)
    return rows


def _delimiter(text: str) -> str:
    """What the header separates its columns by: a comma, or a semicolon or tab where it has no comma."""
    header = text.partition("\n")[0]
    return next((d for d in (",", ";", "\t") if d in header), ",")


def _check_header(header: list[str]) -> None:
    unknown = [h for h in header if h not in COLUMNS + OPTIONAL]
    if unknown:
        raise InputError(f"row 1: unknown column {unknown[0]!r}", hint=did_you_mean(unknown[0], COLUMNS + OPTIONAL),
                         examples=(",".join(COLUMNS),))  # fmt: skip
    missing = [c for c in ("date", "kind", "name", "value") if c not in header]
    if missing:
        raise InputError(f"row 1: no column {missing[0]!r}", examples=(",".join(COLUMNS), *_EXAMPLES[:2]))
    if len(set(header)) < len(header):
        raise InputError("row 1: a column stands there twice")


def _by_name(header: list[str], line: list[str], number: int) -> dict[str, str]:
    if len(line) > len(header) and any(c.strip() for c in line[len(header) :]):
        raise InputError(f"row {number}: {len(line)} cells, but the header has {len(header)}", hint="A decimal comma?")
    return {h: c.strip() for h, c in zip(header, line, strict=False)}


def _row(number: int, cells: dict[str, str]) -> Row:
    def wrong(message: str, hint: str | None = None) -> InputError:
        return InputError(f"row {number}: {message}", hint=hint)

    try:
        date = dt.date.fromisoformat(cells.get("date", ""))
    except ValueError:
        raise wrong(f"{cells.get('date', '')!r} is no date", "Dates are written 2026-01-31.") from None
    hour = None
    if cells.get("time"):
        try:
            clock = dt.time.fromisoformat(cells["time"])
        except ValueError:
            raise wrong(f"{cells['time']!r} is no time", "Times are written 09:30.") from None
        hour = clock.hour + clock.minute / 60.0 + clock.second / 3600.0
    kind = cells.get("kind", "").casefold()
    if kind not in KINDS:
        raise wrong(
            f"unknown kind {cells.get('kind', '')!r}", did_you_mean(kind, KINDS) or f"Kinds are {', '.join(KINDS)}."
        )
    name = cells.get("name", "")
    if not name:
        raise wrong("no name")
    value: float | None = None
    if cells.get("value"):
        try:
            value = float(cells["value"])
        except ValueError:
            raise wrong(f"{cells['value']!r} is no number", "Numbers are written 112.5.") from None
        if not math.isfinite(value):
            raise wrong(f"{cells['value']!r} is no number")
    elif kind in ("dose", "taken", "rating", "item"):
        raise wrong(f"{name} has no value")
    unit, note = cells.get("unit", ""), cells.get("note", "")
    if kind in ("dose", "taken", "missed"):
        name, unit = _drug(name, unit, wrong)
        if value is not None and value < 0:
            raise wrong(f"a dose cannot be negative: {value:g}")
        if value and unit == "mg":
            try:
                find_drug(name).check_dose(value, unit)
            except InputError as error:
                raise wrong(error.message, error.hint) from error
    return Row(number, date, hour, kind, name, value, unit, note, cells.get("patient", ""))


def _drug(name: str, unit: str, wrong: object) -> tuple[str, str]:
    assert callable(wrong)
    canonical = next((d for w, d in words().drug.items() if fold(w) == fold(name)), None)
    if canonical is None:
        raise wrong(f"unknown drug {name!r}", did_you_mean(name, list(words().drug)))
    unit = unit.strip() or "mg"
    known = {"mg": "mg", "ng/ml": "ng/mL", "mmol/l": "mmol/L", "mg/day": "mg", "mg/d": "mg"}
    if unit.casefold() not in known:
        raise wrong(f"{name} in {unit!r}: a dose is written in mg, a level in ng/mL or mmol/L")
    return canonical, known[unit.casefold()]


def _number(row: Row) -> int:
    return row.number


def _check_order(rows: list[Row]) -> None:
    patients = {r.patient: r for r in reversed(rows) if r.patient}
    if len(patients) > 1:
        second = sorted(patients.values(), key=_number)[1]
        first = min(patients.values(), key=_number)
        raise second.error(
            f"a second patient ({second.patient!r}; the file begins with {first.patient!r})",
            "A file holds the record of one person.",
        )
    for earlier, later in itertools.pairwise(rows):
        if later.date < earlier.date:
            raise later.error(
                f"dates out of order: {later.date} comes after {earlier.date} (row {earlier.number})",
                "Rows are in order of date.",
            )
    if (rows[-1].date - rows[0].date).days > _MOST_YEARS * 366:
        raise rows[-1].error(f"more than {_MOST_YEARS} years after the first row ({rows[0].date})")
