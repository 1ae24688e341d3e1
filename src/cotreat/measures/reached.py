"""How a published figure counts response or remission: its own cut, and whether any rating up to the day will do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cotreat.measures.errors import InputError
from cotreat.measures.scales import Scale, scale

_ANY = re.compile(r"\bat (any|some) (rating|visit|time|point)|\breached by\b|\bfirst (response|remission) by\b", re.I)
_CUT = re.compile(
    r"(?P<scale>[A-Z][\w-]*\d|[A-Z]{3,}(?:-[A-Z]+)?)\s*(?P<sign><=|≤|<|at most)\s*(?P<score>\d+(?:\.\d+)?)"
)
_BELOW = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|per cent|percent)\s*(?:or more )?(?:below|drop|fall|reduction)", re.I)


@dataclass(frozen=True, slots=True)
class Reached:
    """What counts as response or remission.

    ``ever``: at any rating up to the day of the figure, not on that day. ``at_most``: the largest score that counts;
    ``below_baseline``: the least fall from baseline as a share of it; each None when it is not asked for.
    """

    ever: bool
    at_most: float | None
    below_baseline: float | None

    def text(self, of: Scale) -> str:
        """The definition in words."""
        parts = [] if self.at_most is None else [f"{of.id} <= {self.at_most:g}"]
        parts += [] if self.below_baseline is None else [f"{100 * self.below_baseline:g} % below baseline"]
        return " and ".join(parts) + (", at any rating up to the day" if self.ever else "")


def usual(measure: str, of: Scale) -> Reached:
    """Response (a fall by the usual share) or remission (the usual cut) of a scale.

    Raises
    ------
    InputError
        The scale has none.
    """
    limit = of.remission if measure == "remission" else of.response
    if limit is None:
        raise InputError(f"{of.id} has no agreed {measure}")
    return Reached(False, limit, None) if measure == "remission" else Reached(False, None, limit)


def read_reached(text: str | None, measure: str, of: Scale) -> Reached:
    """Read the definition of a figure; what it does not say is as usual for the scale.

    A cut on another scale than that of the figure is passed over. Of a remission the cut replaces the usual one, a fall
    from baseline is asked for beside it; of a response both replace the usual fall.
    """
    common = usual(measure, of)
    words = text or ""
    at_most, below = common.at_most, common.below_baseline
    cut, fall = _cut(words, of), _BELOW.search(words)
    if cut is not None:
        at_most = cut
        below = None if fall is None else below
    if fall is not None:
        below = float(fall[1]) / 100.0
    return Reached(at_any_rating(text), at_most, below)


def at_any_rating(text: str | None) -> bool:
    """Whether a definition lets any rating up to the day of the figure do."""
    return bool(_ANY.search(text or ""))


def _cut(words: str, of: Scale) -> float | None:
    for found in _CUT.finditer(words):
        try:
            named = scale(found["scale"])
        except InputError:
            continue
        if named.id == of.id:
            score = float(found["score"])
            return score - 1.0 if found["sign"] == "<" and score.is_integer() else score
    return None
