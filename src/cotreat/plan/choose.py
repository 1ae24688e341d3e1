"""Which portion for which step: a mixed-integer program over whole plans.

Every step takes exactly one portion. The fewest preparations, the fewest halves and the smallest error win, inside
linear limits on each step: on the scale on which steps are equal, and in milligrams where rules forbid a larger fall.
Both are constants of a portion, so that the limits hold exactly and not only about the aimed-at doses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cotreat.plan.portions import Portion, one_liquid, portions
from cotreat.plan.preparations import Preparation
from cotreat.plan.scale import Scale

PER_PREPARATION = 2.0
CHANGE_OF_RELEASE = 3.0
NODES, GAP = 200, 0.03
_TINY = 1e-6
_SAME_MG = 1e-4
_OFFSETS = (-0.2, -0.1, 0.0, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a step may lie from the one aimed at, as shares of it."""

    smallest: float = 0.8
    largest: float = 1.2
    most: float = math.inf
    """Largest step on the scale itself."""


def choose(scale: Scale, times: int, preparations: Sequence[Preparation], limits: Limits) -> list[Portion] | None:
    """One portion for each step, taken ``times`` a day; None when the limits cannot be kept.

    Tablets come first, then both, then the liquid alone, if that can be: to go back and forth invites mistakes.
    """
    targets = scale.targets()
    most = 60 if len(targets) <= 20 else 30 if len(targets) <= 40 else 14
    candidates = [_candidates(scale, mg, times, preparations, most) for mg in targets]
    held = taken_now(preparations, scale.start_mg / times)
    in_order = pick(scale, times, candidates, limits, True, held)
    return pick(scale, times, candidates, limits, False, held) if in_order is None else in_order


def taken_now(preparations: Sequence[Preparation], mg: float) -> frozenset[str]:
    """What the dose before the first cut is made of: it is at hand, so it counts as no further preparation."""
    found = [p for p in portions(preparations, mg - _TINY, mg + _TINY) if abs(p.mg - mg) < _SAME_MG]
    return min(found, key=lambda p: p.burden).keys if found else frozenset()


def pick(
    scale: Scale,
    times: int,
    candidates: list[list[Portion]],
    limits: Limits | None,
    in_order: bool,
    held: frozenset[str],
) -> list[Portion] | None:
    """One of the candidates of each step; without limits only the number of preparations and the trouble count.

    ``held``: keys of the preparations that are at hand.
    """
    if not candidates:
        return []
    if not all(candidates):
        return None
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import lil_matrix

    keys = sorted({key for row in candidates for portion in row for key in portion.keys})
    first = np.cumsum([0, *(len(row) for row in candidates)])
    count = int(first[-1]) + len(keys)
    # Who takes a slow release keeps it for as long as it can make the dose.
    slow = any(p.release != "immediate" for row in candidates for portion in row for p, _ in portion.parts)
    targets = [scale.measure(mg) for mg in scale.targets()] if limits is not None else []
    cost = np.zeros(count)
    cost[int(first[-1]) :] = [0.0 if key in held else PER_PREPARATION for key in keys]
    rows: list[tuple[dict[int, float], float, float]] = []
    for k, row in enumerate(candidates):
        at = range(int(first[k]), int(first[k + 1]))
        for i, portion in zip(at, row, strict=True):
            error = abs(scale.measure(portion.mg * times) - targets[k]) / scale.size if targets else 0.0
            cost[i] = portion.burden + error + (CHANGE_OF_RELEASE if slow and portion.quick else 0.0)
        rows.append((dict.fromkeys(at, 1.0), 1.0, 1.0))
        for n, key in enumerate(keys):
            users = {i: 1.0 for i, portion in zip(at, row, strict=True) if key in portion.keys}
            if users:
                rows.append((users | {int(first[-1]) + n: -1.0}, -math.inf, 0.0))
    if in_order:
        rows += _once(candidates, [int(f) for f in first])
    if limits is not None:
        rows += _step_limits(scale, times, candidates, [int(f) for f in first], limits)
    matrix = lil_matrix((len(rows), count))
    for r, (entries, _, _) in enumerate(rows):
        for i, value in entries.items():
            matrix[r, i] = value
    constraint = LinearConstraint(matrix.tocsc(), np.array([r[1] for r in rows]), np.array([r[2] for r in rows]))
    found = milp(
        cost,
        integrality=np.ones(count, dtype=np.int64),
        bounds=Bounds(0.0, 1.0),
        constraints=constraint,
        # A limit in nodes, not in seconds: the same request gives the same plan on a slow machine.
        options={"node_limit": NODES, "mip_rel_gap": GAP},
    )
    if found.x is None:
        return None
    chosen = found.x > 0.5
    return [row[int(np.argmax(chosen[int(first[k]) : int(first[k + 1])]))] for k, row in enumerate(candidates)]


def _once(candidates: list[list[Portion]], first: list[int]) -> list[tuple[dict[int, float], float, float]]:
    """A liquid once begun goes on, and pieces once left off do not come back."""
    rows = []
    for k in range(1, len(candidates)):
        for liquid, low, high in ((True, 0.0, math.inf), (False, -math.inf, 0.0)):
            terms: dict[int, float] = {}
            for row, sign in ((k - 1, -1.0), (k, 1.0)):
                for j, portion in enumerate(candidates[row]):
                    if any(p.liquid == liquid for p, _ in portion.parts):
                        terms[first[row] + j] = sign
            if terms:
                rows.append((terms, low, high))
    return rows


def _step_limits(
    scale: Scale, times: int, candidates: list[list[Portion]], first: list[int], limits: Limits
) -> list[tuple[dict[int, float], float, float]]:
    """Limits on each step as rows of a linear program: (coefficients, lowest, highest)."""
    rows: list[tuple[dict[int, float], float, float]] = []
    start, n = scale.start_mg, len(candidates)

    def terms(k: int, value: list[float]) -> dict[int, float]:
        return {first[k] + j: v for j, v in enumerate(value)}

    doses = [[p.mg * times for p in row] for row in candidates]
    places = [[scale.measure(mg) for mg in row] for row in doses]
    size = scale.size
    aims = [scale.measure(mg) for mg in (start, *scale.targets())] + [0.0]
    high = min(limits.largest * size, limits.most)
    for k in range(n + 1):
        if scale.method == "proportion" and k == n:
            continue
        here = terms(k, places[k]) if k < n else {}
        low = limits.smallest * min(size, aims[k] - aims[k + 1])
        if k == 0:
            top = scale.measure(start)
            rows.append((here, top - high - _TINY, top - low + _TINY))
        else:
            before = {i: -v for i, v in terms(k - 1, places[k - 1]).items()}
            rows.append((before | here, -high - _TINY, -low + _TINY))
    for back in range(1, scale.cuts_at_once + 1):
        for k in range(back - 1, n + back):
            after = terms(k, doses[k]) if k < n else {}
            earlier = k - back
            if earlier >= n:
                continue
            if earlier < 0:
                rows.append((after, scale.least_after(start) - _TINY, math.inf))
            else:
                floors = [-scale.least_after(mg) for mg in doses[earlier]]
                rows.append((after | terms(earlier, floors), -_TINY, math.inf))
    return [r for r in rows if r[0]]


def _candidates(scale: Scale, mg: float, times: int, preparations: Sequence[Preparation], most: int) -> list[Portion]:
    """Portions near a dose a day: of each set of preparations those nearest to it and a little on either side."""
    size, place = scale.size, scale.measure(mg)
    low, high = scale.dose(place - 0.5 * size) / times, scale.dose(place + 0.5 * size) / times
    # Below what the catalogue holds to be a dose at all, the language refuses it.
    low = max(low, scale.drug.limits.single_mg[0])
    slow = any(p.release != "immediate" for p in preparations)
    sets: dict[frozenset[str], list[Portion]] = {}
    for portion in portions(one_liquid(preparations, mg / times), low, min(high, scale.start_mg / times)):
        if portion.mg > 0:
            sets.setdefault(portion.keys, []).append(portion)
    found: dict[Portion, float] = {}
    for group in sets.values():
        for offset in _OFFSETS:
            aim = place + offset * size
            best = min(group, key=lambda x: (abs(scale.measure(x.mg * times) - aim), x.burden))
            found[best] = (
                (CHANGE_OF_RELEASE if slow and best.quick else 0.0)
                + best.burden
                + abs(scale.measure(best.mg * times) - place) / size
                + 0.3 * len(best.keys)
            )
    return sorted(found, key=lambda x: found[x])[:most]
