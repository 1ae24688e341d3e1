"""A sheet as text for a terminal."""

from __future__ import annotations

import io
from typing import Any

from cotreat.plan.documents.sheet import Fill, Heading, Listed, Sheet, Table, Text

WIDTH = 110


def sheet_text(sheet: Sheet, width: int = WIDTH) -> str:
    """The sheet as text, at most ``width`` columns wide."""
    from rich.console import Console

    out = io.StringIO()
    show(sheet, Console(file=out, width=width))
    return out.getvalue().rstrip()


def show(sheet: Sheet, console: Any) -> None:
    """Print the sheet on a rich console, without the lines that are filled in by hand."""

    def line(text: str = "") -> None:
        console.print(text, markup=False, highlight=False)

    line(sheet.under)
    for block in sheet.blocks:
        match block:
            case Heading(text):
                line()
                line(text)
            case Text(text):
                line(text)
            case Listed(lines):
                for one in lines:
                    line(f"- {one}")
            case Table():
                console.print(_table(block))
            case Fill():
                pass
    line()
    line(sheet.footer)


def _table(table: Table) -> Any:
    from rich.table import Table as Grid

    grid = Grid(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for head in table.head:
        grid.add_column(head)
    for row in table.rows:
        grid.add_row(*(cell.replace("[", "\\[") for cell in row))
    return grid
