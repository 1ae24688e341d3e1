"""The plan as comma-separated tables: what is on which day, and what the pharmacy hands out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from cotreat.plan.documents.material import Material

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def schedule(material: Material) -> str:
    """Every dated event, one a row, with version, rule pack and disclaimer in the last rows."""
    rows = [(e.day.isoformat(), e.hour or "", e.kind, e.what, e.detail) for e in material.events]
    return _csv(("date", "time", "kind", "what", "detail"), [*rows, *_foot(material, 5)])


def pharmacy(material: Material) -> str:
    """Every item of every period of every drug; a list that is withheld has no row."""
    rows = []
    for document in material.tapers:
        for p in document["dispensing"]["periods"]:
            for i in p["items"]:
                amounts = (i["unit"], i["handed_out"], i["used"], i["left_over"], i["mg"])
                known = (document["drug"]["id"], p["first_day"], p["last_day"], i["preparation"])
                rows.append(tuple(str(x) for x in (*known, *amounts)))
    head = ("drug", "first_day", "last_day", "preparation", "unit", "handed_out", "used", "left_over", "mg")
    return _csv(head, [*rows, *_foot(material, 9)])


def _foot(material: Material, width: int) -> list[tuple[str, ...]]:
    made = material.provenance
    pack = made["rule_pack"]
    about = f"Cotreat {made['version']}, rule pack {pack['version']} {pack['hash']}"
    return [(f"# {text}", *[""] * (width - 1)) for text in (about, made["disclaimer"])]


def _csv(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_safe(c) for c in row] for row in rows)
    return out.getvalue()


def _safe(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
