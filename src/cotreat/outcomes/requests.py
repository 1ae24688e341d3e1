"""Outcomes as people write them: "well at week 26", "relapse by week 26", "HAM-D17 mean"."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale

OutcomeKind = Literal["well", "response", "remission", "relapse", "mean"]
EXAMPLES = ("well at week 26", "relapse by week 26", "HAM-D17 mean at week 8")
_WORDS = ("well", "response", "remission", "relapse")


@dataclass(frozen=True)
class OutcomeRequest:
    """One outcome: what, on which scale (a mean only), and at which week (None: the whole course)."""

    text: str
    kind: OutcomeKind
    week: int | None
    scale: str | None = None


def read_outcome(text: str) -> OutcomeRequest:
    """Read one outcome.

    Raises
    ------
    InputError
        It is not one of the known forms.
    """
    words = " ".join(str(text).split())
    if match := re.fullmatch(r"(well|response|remission) at week (\d{1,4})", words, re.IGNORECASE):
        kind = match[1].lower()
        return OutcomeRequest(words, kind, _week(match[2]))  # type: ignore[arg-type]
    if match := re.fullmatch(r"relapse by week (\d{1,4})", words, re.IGNORECASE):
        return OutcomeRequest(words, "relapse", _week(match[1]))
    if match := re.fullmatch(r"(\S+) mean(?: at week (\d{1,4}))?", words, re.IGNORECASE):
        week = None if match[2] is None else _week(match[2])
        return OutcomeRequest(words, "mean", week, find_scale(match[1]).id)
    first = words.split(" ")[0].lower() if words else ""
    close = difflib.get_close_matches(first, _WORDS, n=1)
    hint = f"did you mean {close[0]!r}?" if close and close[0] != first else None
    raise InputError(f"unknown outcome {words!r}", hint=hint, examples=EXAMPLES)


def _week(digits: str) -> int:
    week = int(digits)
    if not 1 <= week <= 1040:
        raise InputError(f"week {week} is outside 1 to 1040")
    return week
