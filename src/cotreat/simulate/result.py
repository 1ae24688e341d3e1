"""What a simulated regimen shows: a result with its outcomes, and the same as a labelled data set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cotreat.measures.crosswalk import crosswalk
from cotreat.measures.errors import InputError
from cotreat.measures.relapse import RelapseDefinition
from cotreat.measures.scales import scale as find_scale
from cotreat.outcomes import estimate
from cotreat.outcomes.followup import FollowUp
from cotreat.outcomes.tally import Link
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.channels import ends_acute_course
from cotreat.simulate.run import Course
from cotreat.simulate.tables import Decisions

if TYPE_CHECKING:
    import xarray as xr

STATED_N = 100
"""Patients per arm of the trial for which chance is stated."""


@dataclass(frozen=True)
class AcuteCourse:
    """When the acute course of each patient ended, the rating then, and whether it ended in remission or response."""

    end: np.ndarray
    score: np.ndarray
    remitted: np.ndarray
    responded: np.ndarray


@dataclass(frozen=True)
class Proportion:
    """A share of patients with its two kinds of spread, as fractions.

    ``unknown95``: what is not known, over parameter draws. ``chance95``: chance, for a trial of ``n`` patients at the
    median. ``among``: the denominator in words.
    """

    median: float
    unknown95: tuple[float, float]
    chance95: tuple[float, float]
    n: int
    among: str
    stamp: str

    def __str__(self) -> str:
        low, high = (100 * v for v in self.unknown95)
        a, b = (100 * v for v in self.chance95)
        return (
            f"{100 * self.median:.0f} per 100 {self.among} "
            f"(not known: {low:.0f} to {high:.0f}; chance in a trial of {self.n}: {a:.0f} to {b:.0f}; {self.stamp})"
        )


@dataclass(frozen=True)
class Run:
    """The result of ``cotreat.simulate``: one regimen, its patients and what their ratings show."""

    sentence: str
    course: Course
    decisions: Decisions
    acute: AcuteCourse
    seen: FollowUp
    stamp: str

    def relapse(self, by: str | int) -> Proportion:
        """Share of those who remitted in the acute course who relapsed by this time from day 0 ("26 weeks")."""
        day = self._day(by)
        hit = self.seen.relapse_day(self.decisions.relapse) <= day
        among = "who started" if self.seen.starts_well else "remitters (selected)"
        return self._share(hit, self.seen.remitted & (self.seen.acute_end <= day), among)

    def well(self, at: str | int) -> Proportion:
        """Share of all who started who are in response, and below the level of relapse, at this time."""
        return self._share(self.seen.well(self._day(at), self.decisions.relapse), None, "who started")

    def response(self, at: str | int) -> Proportion:
        """Share of all who started with a response at this time."""
        return self._share(self.seen.response(self._day(at)), None, "who started")

    def remission(self, at: str | int) -> Proportion:
        """Share of all who started in remission at this time."""
        return self._share(self.seen.remission(self._day(at)), None, "who started")

    def dataset(self) -> xr.Dataset:
        """Every rating as an ``xarray.Dataset`` (docs/results-schema.md): dimensions draw, patient, time."""
        import xarray as xr

        course = self.course
        shape = course.cohort.shape

        def grid(values: np.ndarray) -> np.ndarray:
            return values.reshape(*shape)

        def over_time(values: np.ndarray) -> np.ndarray:
            return np.moveaxis(values.reshape(len(course.days), *shape), 0, -1)

        data = {
            "score": (("draw", "patient", "time"), over_time(course.score), {"units": f"points {course.cohort.scale}"}),
            "phase": (("draw", "patient", "time", "track"),
                      np.moveaxis(course.phase.reshape(*course.phase.shape[:2], *shape), (0, 1), (2, 3))),
            "baseline": (("draw", "patient"), grid(course.cohort.baseline), {"units": f"points {course.cohort.scale}"}),
            "acute_end": (("draw", "patient"), grid(self.acute.end), {"units": "day"}),
            "remitted": (("draw", "patient"), grid(self.acute.remitted)),
            "patient_number": (("draw", "patient"), grid(course.cohort.patient)),
        }  # fmt: skip
        for name, count in zip(course.channels.stimulations, course.sessions, strict=True):
            data[f"sessions_{name}"] = (("draw", "patient"), grid(count))
        coords = {"draw": np.arange(shape[0]), "patient": np.arange(shape[1]), "time": ("time", course.days)}
        attributes = {"sentence": self.sentence, "scale": course.cohort.scale, "stamp": self.stamp}
        return xr.Dataset(data, coords=coords, attrs=attributes)

    def _day(self, when: str | int) -> int:
        if isinstance(when, int):
            day = when
        else:
            match = re.fullmatch(r"\s*(?:(?:week|day)\s+(\d+)|(\d+)\s*(days?|weeks?))\s*", when)
            if not match:
                raise InputError(f"cannot read the time {when!r}", examples=("26 weeks", "week 26", "182 days"))
            number = int(match[1] or match[2])
            day = number * (7 if "week" in when else 1)
        if day not in self.seen.days:
            raise InputError(f"day {day} is not a visit: visits are weekly up to day {int(self.seen.days[-1])}")
        return day

    def _share(self, hit: np.ndarray, among: np.ndarray | None, words: str) -> Proportion:
        spread = estimate.proportion(hit, among)
        middle = spread.median
        low, high = (estimate.binomial_quantile(np.array([middle]), STATED_N, q) for q in (0.025, 0.975))
        return Proportion(middle, spread.interval(), (low, high), STATED_N, words, self.stamp)


def acute_course(course: Course, decisions: Decisions, *, entered_after: bool = False) -> AcuteCourse:
    """Where follow-up for relapse begins.

    The first decision of the regimen ends the acute course; without a decision it ends on the visit after the last
    session of the phases the regimen starts with; without sessions on day 0. ``entered_after``: the arms began after a
    run-in, so it ended on day 0; so it did for people who entered well.
    """
    n = len(course.cohort.draw)
    zero = int(np.flatnonzero(course.days == 0)[0])
    if entered_after or course.cohort.starts_well:
        everyone = np.ones(n, dtype=bool)
        return AcuteCourse(np.zeros(n), course.score[zero], everyone, everyone)
    last = _last_session(course.ledger)
    fixed = min(-(-(last + 1) // 7) * 7, int(course.days[-1])) if last is not None else 0
    decided = course.end_rule >= 0
    end = np.where(decided, course.end_day, fixed)
    at_fixed = course.score[int(np.flatnonzero(course.days == fixed)[0])]
    score = np.where(decided, course.end_score, at_fixed)
    baseline = course.cohort.baseline
    remitted = _holds(decisions, "remission", score, baseline)
    return AcuteCourse(end.astype(float), score, remitted, _holds(decisions, "response", score, baseline))


def follow_up(
    course: Course, acute: AcuteCourse, *, selected: np.ndarray | None = None, dropout: np.ndarray | None = None
) -> FollowUp:
    """Ratings from day 0 on; ``selected`` (default: those who ended in remission) are the remitters."""
    draws = course.cohort.shape[0]
    n = len(course.cohort.draw) // draws
    zero = int(np.searchsorted(course.days, 0))
    stay = np.full(draws * n, np.inf) if dropout is None else dropout
    chosen = acute.remitted if selected is None else selected
    return FollowUp(
        scale=find_scale(course.cohort.scale),
        days=course.days[zero:],
        score=course.score[zero:].reshape(-1, draws, n),
        baseline=course.cohort.baseline.reshape(draws, n),
        acute_end=acute.end.reshape(draws, n),
        reference=acute.score.reshape(draws, n).astype(np.float64),
        remitted=chosen.reshape(draws, n),
        dropout=stay.reshape(draws, n),
        starts_well=course.cohort.starts_well,
    )


def on_scale(score: np.ndarray, source: str, target: str) -> np.ndarray:
    """Scores of a cohort on another scale, float64 (the crosswalk on a fine grid, for averages of the cohort only)."""
    score = np.asarray(score, np.float64)
    return score if source == target else link(source, target)(score)


@cache
def link(source: str, target: str) -> Link:
    """The crosswalk of two scales for every score of the first, on a grid of quarter points."""
    grid = np.arange(4 * int(find_scale(source).high) + 1) / 4
    walk = crosswalk(source, target)  # a score beyond it is read as its end
    return Link(4, np.array([walk.mean(float(g)) for g in np.clip(grid, *walk.domain)]))


def definition_text(definition: RelapseDefinition) -> str:
    """The definition in words, with what of it is not modelled."""
    missing = f" (not modelled: {definition.not_modelled})" if definition.not_modelled else ""
    return definition.text + missing


def _holds(decisions: Decisions, word: str, score: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    if word == "response":
        return np.asarray(score <= (1 - decisions.response_fraction) * baseline)
    most, fraction = decisions.remission
    good = score <= most
    return np.asarray(good if fraction is None else good & (score <= (1 - fraction) * baseline))


def _last_session(ledger: Ledger) -> int | None:
    """Day of the last session of the phases the regimen starts with."""
    days = [i.day for p in ledger.first for i in ledger.phases[p].items if ends_acute_course(i)]
    return max(days, default=None)
