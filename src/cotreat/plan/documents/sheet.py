"""A sheet of paper before it is set: headings, texts, tables and lines to fill in, the same for HTML and PDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside the sheet."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph: plain, in a box that must be read, or small print."""

    text: str
    style: Literal["plain", "must", "small"] = "plain"


@dataclass(frozen=True, slots=True)
class Listed:
    """Lines under each other."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """A label with what is known, or with a line to write on."""

    label: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: heads, rows of as many cells, and the share of the width each column takes."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]


Block = Heading | Text | Listed | Fill | Table


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet.

    ``stem``: name of its files. ``sizes``: sizes of the type in points, the first that fits on one page is taken,
    else the last. ``footer``: on every page.
    """

    stem: str
    language: str
    title: str
    under: str
    blocks: tuple[Block, ...]
    footer: str
    page: str
    sizes: tuple[float, ...]

    @property
    def text(self) -> str:
        """Every character it shows."""
        parts = [self.title, self.under, self.footer, self.page]
        for b in self.blocks:
            match b:
                case Heading(text) | Text(text):
                    parts.append(text)
                case Listed(lines):
                    parts += lines
                case Fill(label, value):
                    parts += [label, value]
                case Table(head, rows):
                    parts += [*head, *(c for r in rows for c in r)]
        return "\n".join(parts)
