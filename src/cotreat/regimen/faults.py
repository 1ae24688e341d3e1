"""Errors that point: line, column, the line itself with a caret, and three sentences that are right."""

from __future__ import annotations

import unicodedata

from cotreat.measures.errors import InputError
from cotreat.regimen.quantities import Place

EXAMPLES = (
    "escitalopram 10 mg daily from 4 weeks before iTBS",
    "iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 6 weeks",
    "ECT right unilateral 3 times a week until remission, at most 12 sessions",
)
HOW_OFTEN = (
    "iTBS 5 days a week for 6 weeks",
    "escitalopram 10 mg daily",
    "esketamine 84 mg nasal twice a week for 4 weeks",
)
HOW_LONG = ("iTBS 5 days a week for 6 weeks", "ECT 3 times a week until remission, at most 12 sessions", EXAMPLES[0])
HOW_MUCH = ("escitalopram 10 mg daily", "nortriptyline to 100 ng/mL for 24 weeks", "venlafaxine 75 mg twice daily")
_WIDEST = 160


def fault(
    source: str, place: Place, message: str, hint: str | None = None, examples: tuple[str, ...] = EXAMPLES
) -> InputError:
    """An InputError about one place of a text. Without a text (a regimen made of values) it carries no excerpt."""
    if not source:
        return InputError(message, hint=hint, examples=examples)
    return InputError(
        f"line {place.line}, column {place.column}: {message}",
        hint=hint,
        excerpt=excerpt(source, place),
        examples=examples,
    )


def excerpt(source: str, place: Place) -> str:
    """The line a place stands on, with a caret under it; a long line is cut around the place."""
    lines = source.split("\n")
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    at = min(max(place.column - 1, 0), len(line))
    first = 0 if len(line) <= _WIDEST or at <= _WIDEST // 2 else at - _WIDEST // 2
    shown = line[first : first + _WIDEST]
    width = max(1, min(place.width, len(shown) - (at - first)))
    before, under = shown[: at - first], shown[at - first : at - first + width]
    indent = "".join(c if c == "\t" else " " * _columns(c) for c in before)
    caret = "^" * max(1, sum(_columns(c) for c in under))
    return f"    {shown}\n    {indent}{caret}"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
