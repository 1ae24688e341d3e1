"""A way down through the doses that can be made, where equal steps cannot: the largest step as small as it can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cotreat.plan.choose import pick, taken_now
from cotreat.plan.portions import Portion, one_liquid, portions
from cotreat.plan.preparations import Preparation
from cotreat.plan.scale import Scale

_MOST_DOSES = 400
_TINY = 1e-6


def coarse(scale: Scale, times: int, preparations: Sequence[Preparation]) -> list[Portion] | None:
    """Portions from the first cut to the last dose before the stop; None when a rule forbids every way down."""
    made = _made(scale, times, preparations)
    doses = [scale.start_mg, *sorted((mg for mg in made if mg < scale.start_mg - _TINY), reverse=True)]
    way = _stepwise(scale, doses) if scale.method == "proportion" else _evenly(scale, doses)
    if way is None:
        return None
    candidates = [made[mg] for mg in way]
    held = taken_now(preparations, scale.start_mg / times)
    in_order = pick(scale, times, candidates, None, True, held)
    return pick(scale, times, candidates, None, False, held) if in_order is None else in_order


def _made(scale: Scale, times: int, preparations: Sequence[Preparation]) -> dict[float, list[Portion]]:
    """Portions by dose a day; of many doses those that lie apart."""
    found: dict[float, list[Portion]] = {}
    for portion in portions(preparations, scale.drug.limits.single_mg[0], scale.start_mg / times):
        if portion.mg > 0:
            settled = {p.key for p in one_liquid(preparations, portion.mg)}
            if portion.keys <= settled:
                found.setdefault(round(portion.mg * times, 4), []).append(portion)
    kept = {mg: sorted(group, key=lambda p: p.burden)[:6] for mg, group in found.items()}
    if len(kept) <= _MOST_DOSES:
        return kept
    ordered = sorted(kept)
    apart = math.log(ordered[-1] / ordered[0]) / _MOST_DOSES
    thinned, last = [ordered[0]], ordered[0]
    for mg in ordered[1:]:
        if math.log(mg / last) >= apart:
            thinned.append(mg)
            last = mg
    return {mg: kept[mg] for mg in thinned}


def _stepwise(scale: Scale, doses: list[float]) -> list[float] | None:
    """Each time the largest cut that the share allows, else the smallest that can be made."""
    way: list[float] = []
    recent = [doses[0]]
    while True:
        now = recent[-1]
        floor = max(scale.least_after(mg) for mg in recent[-scale.cuts_at_once :])
        if floor <= _TINY and (now <= scale.end_mg + _TINY or not any(mg < now - _TINY for mg in doses)):
            return way
        wanted = max(math.exp(-scale.size) * now, floor) - _TINY
        below = [mg for mg in doses if mg < now - _TINY]
        gentle = [mg for mg in below if mg >= wanted]
        here = min(gentle) if gentle else max(below, default=0.0)
        if here < floor - _TINY or len(way) > 200:
            return None
        if here <= 0:
            return way
        way.append(here)
        recent.append(here)


def _evenly(scale: Scale, doses: list[float]) -> list[float] | None:
    """The way with the planned number of cuts (at most) whose largest step is smallest, then the most even one."""
    places = [scale.measure(mg) for mg in doses] + [0.0]
    amounts = [*doses, 0.0]
    n = len(amounts)
    best: list[dict[int, tuple[float, float, int]]] = [{0: (0.0, 0.0, -1)}]
    cuts = scale.cuts
    for cut in range(cuts):
        here: dict[int, tuple[float, float, int]] = {}
        for i, (largest, squares, _) in best[cut].items():
            least = scale.least_after(amounts[i])
            for j in range(i + 1, n):
                if amounts[j] < least - _TINY:
                    break
                step = places[i] - places[j]
                score = (round(max(largest, step), 6), squares + step * step, i)
                if j not in here or score < here[j]:
                    here[j] = score
        best.append(here)
    ends = [(best[c][n - 1][:2], c) for c in range(1, cuts + 1) if n - 1 in best[c]]
    if not ends:
        return None
    _, cut = min(ends)
    way, j = [], n - 1
    while cut > 0:
        j = best[cut][j][2]
        cut -= 1
        way.append(amounts[j])
    return way[::-1][1:]
