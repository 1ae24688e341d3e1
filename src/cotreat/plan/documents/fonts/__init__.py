"""The font of the sheets: Noto Sans CJK cut down to what they can need (docs/plans.md says how), under the OFL."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

FILE = "NotoSansCJK-subset.otf"
FAMILY = "Noto Sans CJK JP"
LICENCE = "OFL.txt"


def font() -> bytes:
    """The font file."""
    return files("cotreat.plan.documents.fonts").joinpath(FILE).read_bytes()


def licence() -> bytes:
    """The licence that goes wherever the font goes."""
    return files("cotreat.plan.documents.fonts").joinpath(LICENCE).read_bytes()


@cache
def covered() -> frozenset[str]:
    """Every character the font can show."""
    return frozenset(files("cotreat.plan.documents.fonts").joinpath("characters.txt").read_text(encoding="utf-8"))


def missing(text: str) -> tuple[str, ...]:
    """Characters of a text that the font cannot show, in order."""
    return tuple(dict.fromkeys(c for c in text if c not in covered() and not c.isspace()))
