"""Reading parse trees: children by kind, and the names the grammar gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from cotreat.regimen.values import Frequency

if TYPE_CHECKING:
    from lark import Token, Tree

    Node = Tree[Token]

QUALIFIERS = {
    "dose", "pulses", "hertz", "milliampere", "intensity", "site", "session_length", "infusion", "placement", "route",
    "format",
}  # fmt: skip
NUMBERED = {"dose", "pulses", "hertz", "milliampere", "session_length"}
"""Qualifiers that begin with a number."""
NAMES = {"milliampere": "current", "hertz": "frequency", "over": "infusion time", "minutes": "session length"}
CLAUSES = {
    "start": "start",
    "window": "start",
    "cap": "limit of sessions",
    "assessed_each": "time of assessment",
    "length": "length",
}
FIXED = {
    "once_a_day": Frequency(),
    "twice_a_day": Frequency(2),
    "weekly": Frequency(1, "every weeks", 1),
    "monthly": Frequency(1, "every weeks", 4),
    "twice_weekly": Frequency(1, "days a week", 2),
}


def trees(tree: Node) -> list[Node]:
    """The children that are trees."""
    return [cast("Node", c) for c in tree.children if hasattr(c, "data")]


def tokens(tree: Node, kind: str) -> list[Token]:
    """The children that are tokens of one kind."""
    return [c for c in _leaves(tree) if c.type == kind]


def _leaves(tree: Node) -> Iterator[Token]:
    for child in tree.children:
        if not hasattr(child, "data"):
            yield child


def spaced(token: Token) -> str:
    """The token's text with single spaces."""
    return " ".join(str(token).split())
