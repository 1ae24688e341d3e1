"""A wide table as rows of the fixed table: one line for each visit, diary entry or prompt, one column for each field.

REDCap exports and the exports of diary apps look like this. The mapping file says which column is what:

    table:                           # "redcap" says the same
      record: record_id              # one record only
      date: visit_date
      date_format: "%d/%m/%y"        # optional; dates are ISO otherwise
      time: beeptime                 # optional; needed where a day has several lines
      missing: ["-99"]               # optional; empty cells, NA, NaN and . are missing anyway
      fields:
        phq9_total: {rating: PHQ-9}
        phy_dizzy: {item: phy_dizzy, unit: 1-7}
        vlx_mg: {dose: venlafaxine}

A daily dose may stand in every line: only a change becomes a row, and zeros before a first dose give none. A score that
is repeated in every line of a day is one score; two different ones are an error.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean

_KINDS = ("rating", "item", "dose", "taken", "missed", "session", "event")
_MARKS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "record_id")
_KEYS = ("record", "date", "date_format", "time", "missing", "fields")
_EXAMPLE = ("table: {date: visit_date, fields: {phq9_total: {rating: PHQ-9}}}",)
_MISSING = frozenset({"", "na", "n/a", "nan", "."})


def is_wide(header: list[str], mapping: Mapping[str, Any]) -> bool:
    """Whether a header is that of a wide table: a REDCap export, or a table whose columns the mapping file names."""
    return "kind" not in header and (bool(mapping) or any(mark in header for mark in _MARKS))


@dataclass(frozen=True)
class _Layout:
    """Columns of a wide table; ``fields`` by column: kind, name and unit."""

    date: str
    date_format: str
    time: str
    record: str
    missing: frozenset[str]
    fields: dict[str, tuple[str, str, str]]

    def cells(self, header: list[str], line: list[str]) -> dict[str, str]:
        """The cells of a line by column; what is missing is empty."""
        found = {h: c.strip() for h, c in zip(header, line, strict=False)}
        return {h: "" if c.casefold() in self.missing else c for h, c in found.items()}

    def when(self, cells: dict[str, str], number: int) -> tuple[str, str]:
        """Date and time of a line, as they stand in the fixed table."""
        date, time = cells.get(self.date, ""), cells.get(self.time, "") if self.time else ""
        if self.date_format:
            try:
                date = dt.datetime.strptime(date, self.date_format).date().isoformat()
            except ValueError:
                raise InputError(f"row {number}: {date!r} is no date of the form {self.date_format!r}") from None
        elif len(date) > 10 and date[10] in " T":
            date, time = date[:10], time or date[11:]
        if len(time) > 1 and time[1] == ":":
            time = f"0{time}"
        return date, time


def wide_rows(
    header: list[str], lines: list[list[str]], mapping: Mapping[str, Any]
) -> list[tuple[int, dict[str, str]]]:
    """Rows of the fixed table with the number of the line they came from, in order of date.

    Raises
    ------
    InputError
        The mapping does not say what the columns are, or names one that is not there; a line cannot be read.
    """
    layout = _layout(header, mapping)
    found: list[tuple[int, dict[str, str]]] = []
    dated = []
    for number, line in enumerate(lines, 2):
        cells = layout.cells(header, line)
        given = {f: cells[f] for f in layout.fields if cells.get(f)}
        if given:
            date, time = layout.when(cells, number)
            dated.append((date, number, time, given, cells.get(layout.record, "")))
    last_dose: dict[str, float | str] = {}
    scored: set[tuple[str, str, str]] = set()
    for date, number, time, given, patient in sorted(dated, key=lambda d: (d[0], d[1])):
        for column, value in given.items():
            kind, name, unit = layout.fields[column]
            if kind == "dose":
                amount = _number(value)
                if last_dose.get(name, 0.0) == amount:
                    continue
                last_dose[name] = amount
            if kind == "rating":
                if (date, name, value) in scored:
                    continue
                scored.add((date, name, value))
            row = {"date": date, "time": time if kind in ("item", "session") else "", "kind": kind, "name": name}
            found.append((number, row | {"value": value, "unit": unit, "note": "", "patient": patient}))
    return found


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _layout(header: list[str], mapping: Mapping[str, Any]) -> _Layout:
    unknown = [str(k) for k in mapping if k not in _KEYS]
    if unknown:
        raise InputError(f"mapping file: unknown field {unknown[0]!r} of table", hint=did_you_mean(unknown[0], _KEYS))
    fields, date = mapping.get("fields"), str(mapping.get("date", "")).casefold()
    if not isinstance(fields, dict) or not fields or not date:
        raise InputError(
            "a REDCap export or another wide table needs a mapping file that says which column is what",
            examples=_EXAMPLE,
        )
    missing = mapping.get("missing") or []
    if not isinstance(missing, list):
        raise InputError("mapping file: missing is a list of codes", examples=('missing: ["-99"]',))
    layout = _Layout(
        date,
        str(mapping.get("date_format") or ""),
        str(mapping.get("time") or "").casefold(),
        str(mapping.get("record", "record_id")).casefold(),
        _MISSING | {str(m).casefold() for m in missing},
        {str(column).casefold(): _meaning(str(column), entry) for column, entry in fields.items()},
    )
    for name in [layout.date, *([layout.time] if layout.time else []), *layout.fields]:
        if name not in header:
            raise InputError(
                f"row 1: no column {name!r}, which the mapping file names", hint=did_you_mean(name, header)
            )
    return layout


def _meaning(column: str, entry: Any) -> tuple[str, str, str]:
    kinds = [k for k in _KINDS if isinstance(entry, dict) and k in entry]
    if len(kinds) != 1:
        raise InputError(f"mapping file: field {column!r} of table needs one of {', '.join(_KINDS)}", examples=_EXAMPLE)
    return kinds[0], str(entry[kinds[0]]), str(entry.get("unit", ""))
