"""What was seen of each patient, and the endpoints read from it.

All arrays have the shape (draws, patients); scores have (visits, draws, patients), in the precision in which they were
simulated. Days count from day 0 of the regimen. "Never" is infinity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.relapse import RelapseDefinition
from cotreat.measures.scales import Scale


@dataclass(frozen=True)
class FollowUp:
    """Ratings of a group of patients.

    Parameters
    ----------
    scale
        The scale of every score.
    days
        Visit days, shape (visits,).
    score
        Ratings at the visits.
    baseline
        Rating at entry.
    acute_end
        Day the acute course ended; 0 when follow-up begins after it.
    reference
        Rating at that day: the baseline of continuation.
    remitted
        True for those who ended the acute course in remission.
    dropout
        Day a patient was lost; infinity for those who stayed.
    starts_well
        True for people who entered well: the baseline is then no measure of how ill they were.
    """

    scale: Scale
    days: np.ndarray
    score: np.ndarray
    baseline: np.ndarray
    acute_end: np.ndarray
    reference: np.ndarray
    remitted: np.ndarray
    dropout: np.ndarray
    starts_well: bool = False

    def weekly(self) -> FollowUp:
        """The same with weekly visits only: relapse and dropout are looked for weekly, as in trials."""
        take = self.days % 7 == 0
        return self if take.all() else replace(self, days=self.days[take], score=self.score[take])

    def at(self, day: int) -> np.ndarray:
        """Ratings at a visit day, float64.

        Raises
        ------
        ValueError
            There is no visit on this day.
        """
        index = np.flatnonzero(self.days == day)
        if not len(index):
            raise ValueError(f"no visit on day {day}")
        return np.asarray(self.score[index[0]], np.float64)

    def response(self, day: int) -> np.ndarray:
        """Rating at least the scale's response fraction below baseline."""
        if self.scale.response is None:
            raise ValueError(f"{self.scale.id} has no agreed response")
        return self.at(day) <= (1.0 - self.scale.response) * self.baseline

    def remission(self, day: int) -> np.ndarray:
        """Rating at or below the scale's remission cut-off."""
        return self.at(day) <= _cut_off(self.scale)

    def well(self, day: int, relapse: RelapseDefinition) -> np.ndarray:
        """In response at the visit (who entered well: in remission), and below the level that counts as relapse."""
        return np.asarray(self.at(day) <= self.well_at_most(relapse))

    def well_at_most(self, relapse: RelapseDefinition) -> np.ndarray:
        """The highest rating with which each patient is well, a number of the scores' own precision.

        Raises
        ------
        ValueError
            The scale has no agreed response.
        """
        if self.scale.response is None:
            raise ValueError(f"{self.scale.id} has no agreed response")
        bound = np.full_like(self.baseline, _cut_off(self.scale)) if self.starts_well else self.baseline
        most = _rounded((1.0 if self.starts_well else 1.0 - self.scale.response) * bound, self.score.dtype, -np.inf)
        if relapse.at_least is None:
            return most
        least = _rounded(np.asarray(relapse.at_least, np.float64), self.score.dtype, np.inf)
        return np.asarray(np.minimum(most, np.nextafter(least, -np.inf, dtype=self.score.dtype)))

    def relapse_day(self, definition: RelapseDefinition) -> np.ndarray:
        """Day of the first visit after the acute course on which the definition is met.

        With several confirming visits it is the day of the last of them.

        Raises
        ------
        ValueError
            The definition rests on events, not on a score.
        """
        if not definition.by_score:
            raise ValueError(f"{definition.id} defines relapse by events, not by a score")
        asked = []
        if definition.at_least is not None:
            asked.append(np.full_like(self.reference, definition.at_least, np.float64))
        if definition.above_baseline is not None:
            asked.append(self.reference + definition.above_baseline)
        least = np.minimum.reduce(asked) if definition.either else np.maximum.reduce(asked)
        least = _rounded(least, self.score.dtype, np.inf)
        found = np.full(least.shape, np.inf)
        in_a_row = np.zeros(least.shape, np.uint8)
        for day, score in zip(self.days, self.score, strict=True):
            high = (score >= least) & (self.acute_end < day)
            if definition.confirm_visits > 1:
                in_a_row = np.where(high, np.minimum(in_a_row, 254) + 1, 0).astype(np.uint8)
                high = in_a_row >= definition.confirm_visits
            np.copyto(found, day, where=high & (found == np.inf))
        return found


def dropout_day(
    days: np.ndarray, change: np.ndarray, weekly_hazard: np.ndarray, per_point: np.ndarray, threshold: np.ndarray
) -> np.ndarray:
    """Day each patient is lost: missing not at random, after Gomeni 2009 (doi:10.1016/j.ejps.2008.10.025).

    The hazard of a week is ``weekly_hazard * exp(per_point * change)`` with ``change`` (visits, draws, patients) the
    rating above baseline at its start, in HAM-D17 points; a patient is lost in the week in which the summed hazard
    passes ``threshold`` (a standard exponential number). ``weekly_hazard`` and ``per_point`` have shape (draws,).
    """
    weeks = np.diff(days)[:, None, None] / 7.0
    hazard = weekly_hazard[:, None] * np.exp(np.clip(per_point[:, None] * change[:-1], -5.0, 5.0)) * weeks
    passed = np.cumsum(hazard, axis=0) >= threshold
    day = np.where(passed, days[1:, None, None].astype(float), np.inf)
    return np.asarray(day.min(axis=0))


def _rounded(values: np.ndarray, dtype: np.dtype, towards: float) -> np.ndarray:
    """Values in another precision, so that comparing with them there gives what comparing in float64 gives."""
    near = values.astype(dtype)
    beyond = near < values if towards > 0 else near > values
    return np.asarray(np.where(beyond, np.nextafter(near, dtype.type(towards)), near))


def _cut_off(scale: Scale) -> float:
    if scale.remission is None:
        raise ValueError(f"{scale.id} has no registered remission cut-off")
    return scale.remission
