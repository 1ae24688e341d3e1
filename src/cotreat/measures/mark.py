"""How well a figure is known."""

from __future__ import annotations

from typing import Literal, get_args

from cotreat.measures.errors import InputError

Mark = Literal["seen", "seen-secondary", "derived", "memory", "project"]
"""``seen``: read in a public copy of the source. ``seen-secondary``: read where somebody else quotes it.
``derived``: computed from figures that were seen. ``memory``: recalled, unconfirmed. ``project``: a choice of this
project (a plausibility bound, a default), not a published figure."""

MARKS: tuple[Mark, ...] = get_args(Mark)


def read_mark(text: str) -> Mark:
    """The mark written in a data file; InputError for any other word."""
    for mark in MARKS:
        if text == mark:
            return mark
    raise InputError(f"unknown mark {text!r}", hint=f"Marks are {', '.join(MARKS)}.")
