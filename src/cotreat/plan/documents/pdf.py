"""A sheet as PDF, set by Typst with the font that comes with Cotreat."""

from __future__ import annotations

import json
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from cotreat.plan.documents import fonts
from cotreat.plan.documents.sheet import Block, Fill, Heading, Listed, Sheet, Table, Text


def pdf(sheet: Sheet) -> bytes:
    """The sheet as a PDF file; the same sheet gives the same file.

    Characters beyond the font are set in whatever font of the machine has them.
    """
    import typst

    source = files("cotreat.plan.documents").joinpath("sheet.typ").read_bytes()
    strange = bool(fonts.missing(sheet.text))
    with tempfile.TemporaryDirectory(prefix="cotreat-") as folder:
        (Path(folder) / fonts.FILE).write_bytes(fonts.font())
        (Path(folder) / "sheet.typ").write_bytes(source)
        found = typst.compile(
            str(Path(folder) / "sheet.typ"),
            root=folder,
            font_paths=[folder],
            ignore_system_fonts=not strange,
            format="pdf",
            sys_inputs={"sheet": json.dumps(as_data(sheet), ensure_ascii=False)},
            timestamp=0,
        )
    return bytes(found)


def as_data(sheet: Sheet) -> dict[str, Any]:
    """The sheet as the Typst source reads it."""
    return {
        "title": sheet.title,
        "under": sheet.under,
        "language": sheet.language,
        "footer": sheet.footer,
        "page": sheet.page,
        "sizes": list(sheet.sizes),
        "font": fonts.FAMILY,
        "blocks": [_block(b) for b in sheet.blocks],
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Heading(text):
            return {"kind": "heading", "text": text}
        case Text(text, style):
            return {"kind": "text", "text": text, "style": style}
        case Listed(lines):
            return {"kind": "listed", "lines": list(lines)}
        case Fill(label, value):
            return {"kind": "fill", "label": label, "value": value}
        case Table(head, rows, widths):
            return {"kind": "table", "head": list(head), "rows": [list(r) for r in rows], "widths": list(widths)}
