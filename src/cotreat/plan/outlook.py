"""What groups of patients did who had improved little by a session: published shares, never a forecast for one person.

The figures are in ``outlook.csv``: of those below an improvement at a session, the share that had responded at the end.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cotreat.measures.errors import InputError

SESSIONS = (10, 20)


@dataclass(frozen=True, slots=True)
class Share:
    """A published share: of people below ``below`` percent of improvement at ``session``, ``per_100`` responded.

    ``n``: people in the study's group, all of them, not only those below.
    """

    session: int
    pattern: str
    below: float
    per_100: int
    n: int
    scale: str
    source: str
    doi: str
    read: str
    note: str


@cache
def shares() -> tuple[Share, ...]:
    """Every share on file."""
    text = files("cotreat.plan").joinpath("outlook.csv").read_text(encoding="utf-8")
    return tuple(
        Share(
            int(r["session"]),
            r["pattern"],
            float(r["improvement_below_percent"]),
            int(r["still_responded_percent"]),
            int(r["n"]),
            r["scale"],
            r["source"],
            r["doi"],
            r["read"],
            r["note"],
        )
        for r in csv.DictReader(text.splitlines())
    )


def outlook(session: int, pattern: str, improvement: float) -> Share | None:
    """The share for a pattern (iTBS, 10 Hz), a session and an improvement in percent; None where nobody counted it.

    Nobody has for session 20. Raises InputError for a session or pattern that is no point of decision.
    """
    patterns = tuple(dict.fromkeys(s.pattern for s in shares()))
    if session not in SESSIONS or pattern not in patterns:
        raise InputError(
            f"no outlook is given at session {session} of {pattern}",
            hint=f"It is given at session {' or '.join(map(str, SESSIONS))} of {' or '.join(patterns)}.",
        )
    found = [s for s in shares() if s.session == session and s.pattern == pattern]
    return next((s for s in sorted(found, key=lambda s: s.below) if improvement < s.below), None)
