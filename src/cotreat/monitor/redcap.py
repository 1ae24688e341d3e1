"""A REDCap export as rows of the fixed table: one line for each visit or diary entry, one column for each field.

The mapping file says which column is what:

    redcap:
      record: record_id            # one record only
      date: visit_date
      time: visit_time             # optional
      fields:
        phq9_total: {rating: PHQ-9}
        ema_dizzy: {item: phy_dizzy, unit: 1-7}
        vlx_mg: {dose: venlafaxine}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotreat.measures.errors import InputError

_KINDS = ("rating", "item", "dose", "taken", "missed", "session", "event")
_MARKS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "record_id")
_EXAMPLE = ("redcap: {date: visit_date, fields: {phq9_total: {rating: PHQ-9}}}",)


def is_redcap(header: list[str]) -> bool:
    """Whether a header is that of a REDCap export."""
    return any(mark in header for mark in _MARKS) and "kind" not in header


def redcap_rows(
    header: list[str], lines: list[list[str]], mapping: Mapping[str, Any]
) -> list[tuple[int, dict[str, str]]]:
    """Rows of the fixed table with the number of the line they came from; empty cells give none.

    Raises
    ------
    InputError
        The mapping does not say what the columns are, or names one that is not there.
    """
    fields = mapping.get("fields")
    date = str(mapping.get("date", "")).casefold()
    if not isinstance(fields, dict) or not fields or not date:
        raise InputError("a REDCap export needs a mapping file that says which column is what", examples=_EXAMPLE)
    record = str(mapping.get("record", "record_id")).casefold()
    time = str(mapping.get("time") or "").casefold()
    for name in [date, *([time] if time else []), *[str(f).casefold() for f in fields]]:
        if name not in header:
            raise InputError(f"row 1: no column {name!r}, which the mapping file names")
    found: list[tuple[int, dict[str, str]]] = []
    last_dose: dict[str, str] = {}
    for number, line in enumerate(lines, 2):
        cells = {h: c.strip() for h, c in zip(header, line, strict=False)}
        given = {f: cells[str(f).casefold()] for f in fields if cells.get(str(f).casefold())}
        if not given:
            continue
        for column, value in given.items():
            kind, name, unit = _meaning(str(column), fields[column])
            if kind == "dose":
                # the daily dose stands on every visit: only a change is a row
                if last_dose.get(name) == value:
                    continue
                last_dose[name] = value
            row = {"date": cells.get(date, ""), "time": cells.get(time, "") if time else "", "kind": kind, "name": name}
            found.append((number, row | {"value": value, "unit": unit, "note": "", "patient": cells.get(record, "")}))
    return sorted(found, key=lambda r: (r[1]["date"], r[0]))


def _meaning(column: str, entry: Any) -> tuple[str, str, str]:
    kinds = [k for k in _KINDS if isinstance(entry, dict) and k in entry]
    if len(kinds) != 1:
        raise InputError(f"mapping file: redcap field {column!r} needs one of {', '.join(_KINDS)}", examples=_EXAMPLE)
    return kinds[0], str(entry[kinds[0]]), str(entry.get("unit", ""))
