"""What is read off the simulated arms of a study: its *levels*, one for each share or mean its figures rest on.

A figure of one group of patients is one level; a contrast rests on two. A level is found once even when several figures
rest on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.evidence.schema import Outcome, Study
from cotreat.measures.errors import InputError
from cotreat.measures.reached import read_reached, usual
from cotreat.measures.scales import scale as find_scale
from cotreat.studies.arms import SimulatedArm
from cotreat.studies.figures import (
    DIFFERENCES,
    PROPORTIONS,
    RATIOS,
    REACHED,
    SCORES,
    CannotPredictError,
    chosen_arms,
    mean_score,
    share,
)


@dataclass(frozen=True)
class Level:
    """A share or mean of one group: of which arms, of what, when, among whom.

    ``like`` is the figure it is read as, with arm and measure of this level.
    """

    key: str
    mean: bool
    like: Outcome


@dataclass(frozen=True)
class LevelTable:
    """Levels of a study and where each figure finds its own.

    ``of_outcome[i]``: index of the level of figure i, or of its two sides, or () when it has none. ``why_not[i]``: why.
    """

    levels: tuple[Level, ...]
    of_outcome: tuple[tuple[int, ...], ...]
    why_not: tuple[str | None, ...]


@dataclass(frozen=True)
class Readings:
    """Levels read off one simulation, arrays (draws, levels).

    ``value``: the share or mean, NaN where nobody counts. ``count``: patients it rests on. ``sd``: spread between
    patients of a mean (0 for shares).
    """

    value: np.ndarray
    count: np.ndarray
    sd: np.ndarray


def levels_of(study: Study) -> LevelTable:
    """The levels of a study, in the order of its figures; those of its unknown figures too, so they are predicted."""
    found: dict[str, int] = {}
    levels: list[Level] = []
    places: list[tuple[int, ...]] = []
    reasons: list[str | None] = []

    def place(outcome: Outcome, arms: tuple[str, ...], measure: str) -> int:
        like = outcome.model_copy(update={"arm": list(arms), "against": None, "measure": measure, "of": None})
        parts = (*sorted(arms), measure, outcome.scale, outcome.day, outcome.counted_from, outcome.analysis_set)
        definition = outcome.definition if measure in ("relapse", *_SUSTAINED) else _unusual(outcome, measure)
        key = "|".join(str(p) for p in (*parts, definition))
        if key not in found:
            found[key] = len(levels)
            levels.append(Level(key, measure in SCORES, like))
        return found[key]

    for outcome in study.outcomes:
        measure, why = _measure(study, outcome)
        reasons.append(why)
        sides = (outcome.arms, outcome.reference_arms) if outcome.kind == "contrast" else (outcome.arms,)
        places.append(() if measure is None else tuple(place(outcome, side, measure) for side in sides))
    return LevelTable(tuple(levels), tuple(places), tuple(reasons))


_SUSTAINED = ("sustained_response", "sustained_remission")


def _unusual(outcome: Outcome, measure: str) -> str | None:
    """How response or remission is counted, where it is not as usual for the scale."""
    if measure not in REACHED or outcome.scale is None:
        return None
    scale = find_scale(outcome.scale)
    if scale.response is None or scale.remission is None:
        return None
    how = read_reached(outcome.definition, measure, scale)
    return None if how == usual(measure, scale) else how.text(scale)


def _measure(study: Study, outcome: Outcome) -> tuple[str | None, str | None]:
    """What a figure is read as, or why it has no level."""
    if outcome.day is None:
        return None, "the day of the figure is not known"
    missing = [k for k in (*outcome.arms, *outcome.reference_arms) if k in study.arms and study.arms[k].regimen is None]
    if missing:
        return None, f"{missing[0]}: its treatment cannot be written as a regimen"
    if outcome.kind != "contrast":
        known = PROPORTIONS | SCORES
        if outcome.measure not in known:
            return None, f"not modelled: {outcome.measure.replace('_', ' ')}"
        return outcome.measure, None
    if not outcome.reference_arms or set(outcome.arms) & set(outcome.reference_arms):
        return None, "no two separate groups are compared"
    if outcome.measure in DIFFERENCES:
        return (outcome.of if outcome.of in SCORES else "score"), None
    if outcome.measure in RATIOS:
        of = outcome.of or ("relapse" if outcome.measure == "hazard_ratio" else "response")
        return (of, None) if of in PROPORTIONS else (None, f"not modelled: {of.replace('_', ' ')}")
    return None, f"not modelled: {outcome.measure.replace('_', ' ')}"


def read_levels(table: LevelTable, arms: dict[str, SimulatedArm], draws: int) -> tuple[Readings, list[str | None]]:
    """Every level read off simulated arms, and for each that cannot be read the reason."""
    shape = (draws, len(table.levels))
    value, count, sd = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    reasons: list[str | None] = []
    for j, level in enumerate(table.levels):
        try:
            chosen = chosen_arms(level.like.arms, arms)
            if level.mean:
                scores = mean_score(chosen, level.like, level.like.measure)
                value[:, j], sd[:, j] = scores.mean, scores.sd
                with np.errstate(invalid="ignore", divide="ignore"):
                    count[:, j] = np.nan_to_num(scores.sd**2 / np.maximum(scores.variance, 1e-12), posinf=0.0)
            else:
                found = share(chosen, level.like, level.like.measure)
                value[:, j], count[:, j] = found.value, _count(found.value, found.variance)
        except (CannotPredictError, InputError) as error:
            reasons.append(error.message if isinstance(error, InputError) else str(error))
        else:
            reasons.append(None)
    return Readings(value, count, sd), reasons


def _count(p: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Patients behind a share, from its simulation variance max(p (1 - p), 1 / 4n) / n."""
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = p * (1 - p) / variance
        edge = 0.5 / np.sqrt(variance)
        return np.asarray(np.nan_to_num(np.where(p * (1 - p) * plain >= 0.25, plain, edge)))


def merged(parts: list[Readings]) -> Readings:
    """Readings of several runs, one after the other."""
    return Readings(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("value", "count", "sd")))


def padded(readings: Readings, keep: np.ndarray) -> Readings:
    """Readings of the draws in ``keep`` (a mask) in a table of all draws; the others hold nothing."""
    shape = (len(keep), readings.value.shape[1])
    value, count, sd = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    value[keep], count[keep], sd[keep] = readings.value, readings.count, readings.sd
    return replace(readings, value=value, count=count, sd=sd)
