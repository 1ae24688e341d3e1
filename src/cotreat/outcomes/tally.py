"""What is read of the patients of an arm, added up for each parameter draw.

A million patients need not be held at once: each portion of them leaves counts and sums, and these are added. Counts
are whole numbers. Sums are taken in float64 over fixed tiles of 1,024 patients and over fixed parts of a draw, always
in the order of the patients, so that no result depends on how patients were divided among threads or portions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cotreat.measures.relapse import RelapseDefinition
from cotreat.outcomes.followup import FollowUp

Sums = dict[str, np.ndarray]
"""Counts and sums by name. The last axis is the draw, but for names in ``POOLED``, which run over all draws."""

TILE = 1024
PART = 64 * TILE
"""Patients of one draw that are added up on their own; a larger draw is a sum of such parts."""
BINS_PER_POINT = 16
POOLED = frozenset({"histogram"})
_LARGEST = frozenset({"latest_end"})


@dataclass(frozen=True)
class Link:
    """A rising line through ``values`` at scores 0, 1 / ``per_point``, 2 / ``per_point``, ...; straight in between."""

    per_point: int
    values: np.ndarray

    def __call__(self, score: np.ndarray) -> np.ndarray:
        """Values at scores (float64)."""
        place = score * self.per_point
        index = np.clip(place.astype(np.intp), 0, len(self.values) - 2)
        return np.asarray(self.values[index] + np.diff(self.values)[index] * (place - index))


def moments(values: np.ndarray) -> np.ndarray:
    """Sum and sum of squares over patients of (..., draws, patients), float64 of shape (2, ..., draws)."""
    values = np.ascontiguousarray(values, np.float64)
    return np.stack([_total(values), _total(values * values)])


def _total(values: np.ndarray) -> np.ndarray:
    n = values.shape[-1]
    whole = n - n % TILE
    tiles = values[..., :whole].reshape(*values.shape[:-1], n // TILE, TILE).sum(axis=-1)
    parts = [tiles[..., k] for k in range(tiles.shape[-1])]
    parts += [values[..., whole:].sum(axis=-1)] if n > whole else []
    total = np.zeros(values.shape[:-1])
    for part in parts:
        total += part
    return total


def count(mask: np.ndarray) -> np.ndarray:
    """How many patients of (..., draws, patients), int64."""
    return np.asarray(np.count_nonzero(mask, axis=-1), np.int64)


def visits(seen: FollowUp, relapse: RelapseDefinition, links: Sequence[Link | None]) -> Sums:
    """What every visit shows.

    Returns
    -------
    Sums
        ``patients`` (draws,); ``well`` (visits, draws); ``histogram`` (visits, bins) of all patients, bins of
        1/16 point; ``score`` (links, 2, visits, draws): sum and sum of squares on each scale (None: the scale of the
        scores).
    """
    draws, n = seen.baseline.shape
    bins = BINS_PER_POINT * int(seen.scale.high) + 1
    limit = seen.well_at_most(relapse)
    well = np.empty((len(seen.days), draws), np.int64)
    histogram = np.empty((len(seen.days), bins), np.int64)
    score = np.empty((len(links), 2, len(seen.days), draws))
    for visit, rating in enumerate(seen.score):
        well[visit] = count(rating <= limit)
        place = np.minimum((rating * BINS_PER_POINT).astype(np.int32), bins - 1)
        histogram[visit] = np.bincount(place.ravel(), minlength=bins)
        exact = rating.astype(np.float64)
        for number, link in enumerate(links):
            score[number, :, visit] = moments(exact if link is None else link(exact))
    return {"patients": np.full(draws, n, np.int64), "well": well, "histogram": histogram, "score": score}


def relapses(seen: FollowUp, relapse_day: np.ndarray) -> Sums:
    """When remitters relapse, in weeks since their own acute course ended.

    Returns
    -------
    Sums
        ``remitters`` (draws,); ``relapse_week`` (weeks + 1, draws): relapses in week k, from day 7 k - 6 to day 7 k;
        ``latest_end`` (draws,): the last day on which an acute course ended.
    """
    draws = len(seen.baseline)
    weeks = int(seen.days[-1]) // 7 + 1
    who = seen.remitted & np.isfinite(relapse_day)
    week = np.ceil((relapse_day - seen.acute_end)[who] / 7).astype(np.int64)
    draw = np.broadcast_to(np.arange(draws)[:, None], who.shape)[who]
    found = np.bincount(week * draws + draw, minlength=(weeks + 1) * draws)
    return {
        "remitters": count(seen.remitted),
        "relapse_week": found.reshape(weeks + 1, draws),
        "latest_end": seen.acute_end.max(axis=1),
    }


def beside(tallies: Sequence[Sums]) -> Sums:
    """Tallies of different draws, in their order, as one."""
    first = tallies[0]
    joined: Sums = {}
    for name in first:
        values = [t[name] for t in tallies]
        pooled = _plain(name) in POOLED
        joined[name] = np.sum(values, axis=0) if pooled else np.concatenate(values, axis=-1)
    return joined


def together(tallies: Sequence[Sums]) -> Sums:
    """Tallies of the parts of the same draws, in their order, as one."""
    joined = dict(tallies[0])
    for tally in tallies[1:]:
        for name, values in tally.items():
            joined[name] = np.maximum(joined[name], values) if _plain(name) in _LARGEST else joined[name] + values
    return joined


def of(tally: Sums, owner: str) -> Sums:
    """What belongs to one owner of a tally with names like "owner/name"."""
    return {_plain(name): values for name, values in tally.items() if name.rpartition("/")[0] == owner}


def owned(tally: Sums, owner: str) -> Sums:
    """The same with names that tell whose it is."""
    return {f"{owner}/{name}": values for name, values in tally.items()}


def _plain(name: str) -> str:
    return name.rpartition("/")[2]


def quantiles(histogram: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles of scores (visits, levels) from a histogram (visits, bins), to a sixteenth of a point or better."""
    found = np.empty((len(histogram), len(levels)))
    edges = np.arange(histogram.shape[1] + 1) / BINS_PER_POINT
    for visit, counts in enumerate(histogram):
        below = np.concatenate([[0], np.cumsum(counts)])
        # each count is spread evenly over its bin
        keep = np.concatenate([[True], np.diff(below) > 0])
        keep[:-1] |= keep[1:]
        found[visit] = np.interp(np.asarray(levels) * below[-1], below[keep], edges[keep])
    return found
