"""Every way to make a dose from the preparations at hand: few pieces, whole before halves, one liquid at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, floor

from cotreat.plan.preparations import MOST_PIECES, Preparation
from cotreat.regimen.quantities import plain

FINE_ML = 5.0
MADE_TO_ORDER = 0.5
"""Trouble of a dose that a pharmacy has to make: it costs, and it keeps for weeks only."""
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Portion:
    """One dose: how much of which preparation, in pieces (halves allowed) or mL, taken together at one time."""

    parts: tuple[tuple[Preparation, float], ...]

    @property
    def mg(self) -> float:
        """Milligrams, exact to a tenth of a microgram."""
        return round(sum(p.mg * n for p, n in self.parts), 4)

    @property
    def keys(self) -> frozenset[str]:
        """Which preparations it needs."""
        return frozenset(p.key for p, _ in self.parts)

    @property
    def halves(self) -> int:
        """How many tablets are halved."""
        return sum(1 for p, n in self.parts if not p.liquid and n % 1)

    @property
    def pieces(self) -> float:
        """How many pieces are swallowed."""
        return sum(n for p, n in self.parts if not p.liquid)

    @property
    def mixed(self) -> bool:
        """Whether a slow and a quick release are taken together, or a liquid beside tablets."""
        return len({(p.release, p.liquid) for p, _ in self.parts}) > 1

    @property
    def quick(self) -> bool:
        """Whether any of it is released at once."""
        return any(p.release == "immediate" for p, _ in self.parts)

    @property
    def burden(self) -> float:
        """How much trouble it is to take: the plan with the least is chosen."""
        liquid = sum(0.2 + 0.03 * max(0.0, n - FINE_ML) for p, n in self.parts if p.liquid)
        made = MADE_TO_ORDER * any(p.origin == "made to order" for p, _ in self.parts)
        return 0.05 * self.pieces + 0.3 * self.halves + liquid + 0.4 * self.mixed + made

    @property
    def short(self) -> str:
        """The same in few characters, for a table; what is made to order is marked with a star."""
        return " + ".join(_short(p, n) for p, n in self.parts)

    def __str__(self) -> str:
        return " + ".join(_said(p, n) for p, n in self.parts)


_SHORT = {"extended": " PR", "delayed": " GR", "weekly": " weekly", "immediate": ""}


def _short(p: Preparation, n: float) -> str:
    star = "*" if p.origin == "made to order" else ""
    if p.liquid:
        return f"{plain(n)} mL of {plain(p.mg)} mg/mL{star}"
    word = " cap" if p.form.startswith("capsule") else " tab" if p.form.endswith("tablet") else ""
    return f"{plain(n)} x {plain(p.mg)} mg{word}{_SHORT[p.release]}{star}"


def _said(p: Preparation, n: float) -> str:
    if p.liquid:
        drops = f" ({round(n / p.step)} drops)" if p.measure == "drops" else ""
        return f"{plain(n)} mL{drops} of {p.key}"
    return f"{plain(n)} x {p.key}"


def portions(preparations: Sequence[Preparation], low: float, high: float) -> list[Portion]:
    """Every portion of ``low`` to ``high`` mg, both included, from at most two solid strengths and one liquid."""
    solids = [p for p in preparations if not p.liquid]
    liquids = [p for p in preparations if p.liquid]
    found = [x for p in (*solids, *liquids) for x in _alone(p, low, high)]
    for a, b in combinations(solids, 2):
        found += _pair(a, b, low, high)
    for a in solids:
        for b in liquids:
            found += _topped_up(a, b, low, high)
    return found


def one_liquid(preparations: Sequence[Preparation], mg: float) -> list[Preparation]:
    """The preparations with one strength of liquid only: the strongest of which a dose fills a millilitre.

    Which strength is used so changes once on the way down, and never back.
    """
    liquids = [p for p in preparations if p.liquid]
    fills = [p for p in liquids if mg / p.mg >= 1.0]
    kept = max(fills, key=lambda p: p.mg) if fills else min(liquids, key=lambda p: p.mg, default=None)
    return [p for p in preparations if not p.liquid or p is kept]


def nearest(preparations: Sequence[Preparation], mg: float) -> tuple[Portion | None, Portion | None]:
    """The largest portion not above a dose and the smallest not below it, the least troublesome of each amount."""
    below = portions(preparations, mg / 2, mg)
    above = portions(preparations, mg, mg * 2)
    low = max(below, key=lambda x: (x.mg, -x.burden), default=None)
    high = min(above, key=lambda x: (x.mg, x.burden), default=None)
    return low, high


def _amounts(p: Preparation, low: float, high: float) -> Iterator[float]:
    """Amounts of one preparation that hold ``low`` to ``high`` mg."""
    first = max(1, ceil(low / p.step_mg - _TINY))
    last = min(floor(high / p.step_mg + _TINY), floor(p.largest / p.step + _TINY))
    for k in range(first, last + 1):
        n = round(k * p.step, 6)
        # Beyond 5 mL a syringe is read to half a millilitre.
        if not p.liquid or n <= FINE_ML or p.measure == "drops" or abs(n * 2 - round(n * 2)) < _TINY:
            yield n


def _alone(p: Preparation, low: float, high: float) -> Iterator[Portion]:
    for n in _amounts(p, low, high):
        yield Portion(((p, n),))


def _pair(a: Preparation, b: Preparation, low: float, high: float) -> Iterator[Portion]:
    """Two solid strengths; at most one tablet is halved, and only one that is not there whole in half its strength."""
    if abs(a.mg - b.mg) < _TINY:
        return
    big, small = (a, b) if a.mg > b.mg else (b, a)
    for n in _amounts(big, 0, high):
        rest_low, rest_high = low - n * big.mg, high - n * big.mg
        if rest_high < small.step_mg - _TINY:
            break
        for m in _amounts(small, max(rest_low, 0.0), rest_high):
            if n + m <= MOST_PIECES and not (n % 1 and m % 1):
                yield Portion(((big, n), (small, m)))


def _topped_up(a: Preparation, b: Preparation, low: float, high: float) -> Iterator[Portion]:
    for n in _amounts(a, 0, high):
        rest_low, rest_high = low - n * a.mg, high - n * a.mg
        if rest_high < b.step_mg - _TINY:
            break
        for m in _amounts(b, max(rest_low, 0.0), rest_high):
            if m <= FINE_ML:
                yield Portion(((a, n), (b, m)))
