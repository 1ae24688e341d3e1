"""The figures of a published study, read off its simulated arms: one value for each parameter draw.

A figure is a share of patients or a mean score, over one arm or several together. Values are those of the finite
number of patients simulated; beside them stands the variance of that simulation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from cotreat.evidence.schema import Outcome
from cotreat.measures.reached import Reached, at_any_rating, read_reached, usual
from cotreat.measures.relapse import RelapseDefinition, default_relapse, read_relapse_definition
from cotreat.measures.scales import Scale
from cotreat.measures.scales import scale as find_scale
from cotreat.outcomes.followup import FollowUp
from cotreat.outcomes.symptoms import counted, share_with_syndrome
from cotreat.population.populations import points_per_hamd17, to_scale
from cotreat.simulate.result import definition_text, on_scale
from cotreat.studies.arms import SimulatedArm
from cotreat.studies.hours import Hours

Hit = tuple[np.ndarray, np.ndarray]
"""Who has an outcome (or how likely) and among whom, both (draws, patients)."""
EVENTS = frozenset({"relapse", "dropout"})
REACHED = frozenset({"response", "remission"})
POINTS = REACHED | {"well"}
SUSTAINED = frozenset({"sustained_response", "sustained_remission", "completion"})
WITHDRAWAL = frozenset({"withdrawal"})
TAPER = frozenset({"taper_success"})
WORSENING = frozenset({"worsening"})
DISSOCIATION = frozenset({"dissociation"})
_Size = TypeVar("_Size", float, np.ndarray)
OVERDISPERSION = 0.02
"""Correlation between patients of one arm of a trial: no arm counts for more than fifty independent patients. Of 0.01,
0.02 and 0.03 the first predicts left-out cohorts worse by seven units of log density, the others alike."""
SHAPES = (1.0 - OVERDISPERSION) / OVERDISPERSION
"""Sum of both shapes of the beta distribution of true shares of arms that are alike but for this correlation."""
PROPORTIONS = POINTS | SUSTAINED | EVENTS | WITHDRAWAL | TAPER | WORSENING | DISSOCIATION
SCORES = frozenset({"score", "change", "percent_change"})
RATIOS = frozenset({"risk_ratio", "odds_ratio", "hazard_ratio", "risk_difference"})
DIFFERENCES = frozenset({"smd", "mean_difference"})


WITHIN_HOURS = 0.5
"""Ratings sooner than this after day 0 began are read within hours of the first dose."""
_DISSOCIATED = 4.0  # points of CADSS
_RATED_DAILY = (
    3  # days on which "any rating" may be one of each day, weekly after; as trials of ketamine rate; assumption
)
_FELT_WORSE = 4.0  # HAM-D17 points above the start of the arm that are felt; assumption


class CannotPredictError(Exception):
    """Why one figure of a study cannot be predicted."""


def chosen_arms(keys: tuple[str, ...], arms: dict[str, SimulatedArm]) -> list[SimulatedArm]:
    """The arms of a figure.

    Raises
    ------
    CannotPredictError
        One of them could not be simulated; the reason is its own.
    """
    for key in keys:
        if (reason := arms[key].reason) is not None:
            raise CannotPredictError(f"{key}: {reason}")
    return [arms[k] for k in keys]


@dataclass(frozen=True)
class Share:
    """A proportion for each draw (draws,), NaN where nobody counts, and the variance that simulation leaves in it."""

    value: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class Scores:
    """A mean score and the SD between patients for each draw (draws,), and the simulation variance of the mean."""

    mean: np.ndarray
    sd: np.ndarray
    variance: np.ndarray


def share(arms: list[SimulatedArm], outcome: Outcome, measure: str) -> Share:
    """Share with the outcome over the arms together, each weighted by its part of the trial."""
    hits = among = count = 0.0
    for arm in arms:
        good, who = hit(arm, outcome, measure)
        hits = hits + arm.weight * (good * who).mean(axis=1)
        among = among + arm.weight * who.mean(axis=1)
        count = count + who.sum(axis=1)
    if not np.any(np.asarray(among) > 0):
        raise CannotPredictError("nobody is in this analysis set in the simulation")
    n = np.maximum(np.asarray(count), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.asarray(hits / among)
        return Share(p, np.asarray(np.maximum(p * (1 - p), 0.25 / n) / n))


def hit(arm: SimulatedArm, outcome: Outcome, measure: str) -> Hit:
    """Who of an arm has the outcome (or how likely), and who counts."""
    seen = arm.seen
    assert seen is not None
    assert outcome.day is not None
    if outcome.counted_from == "last session":
        raise CannotPredictError("days counted from the last session are not simulated")
    origin = np.zeros_like(seen.baseline) if outcome.counted_from == "start" else seen.acute_end
    until = origin + outcome.day
    if float(np.min(until)) > seen.days[-1] + 6:
        raise CannotPredictError(f"day {outcome.day:g} lies beyond the simulated time")
    member = _members(arm, outcome)
    lost = seen.dropout <= until
    if measure in WITHDRAWAL:
        return _syndrome(arm, until), member & ~lost
    if measure in DISSOCIATION:
        return _dissociated(arm, outcome), member
    if measure in TAPER:
        return _off_the_drug(arm, outcome, until) * ~lost, member
    if measure in EVENTS | SUSTAINED:
        return _event_hit(arm, outcome, measure, until, lost, member)
    if measure in WORSENING:
        score = _score_at(arm, outcome)
        return (score - seen.score[0] >= _FELT_WORSE * points_per_hamd17(seen.scale.id)) & ~lost, member
    good = _reached(arm, outcome, measure, until) if measure in REACHED else _well(arm, outcome)
    if measure in REACHED and at_any_rating(outcome.definition):
        lost = np.zeros_like(lost)  # who reached it before leaving has reached it
    if arm.name == "run-in":  # as its end had it, for those in whom it was over by then
        ended = seen.remitted if measure == "remission" else _as_response(arm)
        good = np.where(seen.acute_end <= until, ended, good)
    if outcome.analysis_set in ("completers", "observed"):
        return good & ~lost, member & ~lost
    return good & ~lost, member


def _syndrome(arm: SimulatedArm, until: np.ndarray) -> np.ndarray:
    """Probability of a withdrawal syndrome at the worst visit up to the day."""
    assert arm.seen is not None
    assert arm.symptoms is not None
    inside = arm.seen.days[:, None, None] <= until
    return share_with_syndrome(np.where(inside, arm.symptoms, 0.0).max(axis=0))


def _dissociated(arm: SimulatedArm, outcome: Outcome) -> np.ndarray:
    """Probability of dissociation at a rating within hours of the first dose."""
    assert outcome.day is not None
    if not 0 < outcome.day < WITHIN_HOURS or outcome.scale is None or find_scale(outcome.scale).id != "CADSS":
        raise CannotPredictError("dissociation is predicted as CADSS within hours of a dose, not as a reported event")
    return _hours(arm).dissociated(outcome.day, _DISSOCIATED)


def _off_the_drug(arm: SimulatedArm, outcome: Outcome, until: np.ndarray) -> np.ndarray:
    """Probability of being off the drug at a day: it was tapered to zero, and neither relapse nor withdrawal brought
    it back.
    """
    seen = arm.seen
    assert seen is not None
    assert arm.complaints is not None
    assert arm.restart is not None
    if arm.tapered is None:
        raise CannotPredictError("the arm goes on with its drug: that patients stop by themselves is not modelled")
    days = np.append(seen.days, seen.days[-1] + 7.0)
    weeks = np.clip(np.minimum(days[1:, None, None], until) - seen.days[:, None, None], 0.0, None) / 7.0
    kept = np.exp(-arm.restart * (arm.complaints * weeks).sum(axis=0))
    definition = relapse_definition(outcome, seen.scale)
    relapse = _on(seen.weekly(), definition.scale).relapse_day(definition)
    return np.asarray(kept * (relapse > until) * (until >= arm.tapered))


def _hours(arm: SimulatedArm) -> Hours:
    if arm.hours is None:
        raise CannotPredictError("ratings within hours need a treatment that begins on day 0")
    return arm.hours


def _event_hit(
    arm: SimulatedArm, outcome: Outcome, measure: str, until: np.ndarray, lost: np.ndarray, member: np.ndarray
) -> Hit:
    seen = arm.seen
    assert seen is not None
    if measure == "completion":
        return ~lost, member
    definition = relapse_definition(outcome, seen.scale)
    relapse = _on(seen.weekly(), definition.scale).relapse_day(definition)
    relapsed = (relapse <= until) & (relapse <= seen.dropout)
    if measure == "relapse":
        inside = member & (relapsed | ~lost) if outcome.analysis_set in ("completers", "observed") else member
        return relapsed, inside
    if measure == "dropout":
        return lost & ~relapsed, member
    start = _as_response(arm) if measure == "sustained_response" else seen.remitted
    return start & ~relapsed & ~lost, member


def _as_response(arm: SimulatedArm) -> np.ndarray:
    assert arm.responded is not None
    return arm.responded


def _members(arm: SimulatedArm, outcome: Outcome) -> np.ndarray:
    seen = arm.seen
    assert seen is not None
    if outcome.analysis_set == "remitters" or outcome.counted_from == "remission":
        return seen.remitted
    if outcome.analysis_set == "responders" or outcome.counted_from == "response":
        return _as_response(arm)
    return np.ones(seen.baseline.shape, dtype=bool)


def _well(arm: SimulatedArm, outcome: Outcome) -> np.ndarray:
    """In response on the day of the figure, and below the score of a relapse."""
    seen, score = arm.seen, _score_at(arm, outcome)
    assert seen is not None
    scale = find_scale(outcome.scale) if outcome.scale else seen.scale
    good = _counts(score, seen, how_reached(outcome, "response", seen.scale), scale)
    least = default_relapse(scale.id).at_least
    return good if least is None else good & (on_scale(score, seen.scale.id, scale.id) < least)


def _reached(arm: SimulatedArm, outcome: Outcome, measure: str, until: np.ndarray) -> np.ndarray:
    """Response or remission on the day of the figure, or at any rating up to it where its definition says so."""
    seen = arm.seen
    assert seen is not None
    scale = find_scale(outcome.scale) if outcome.scale else seen.scale
    how = how_reached(outcome, measure, seen.scale)
    if not how.ever:
        return _counts(_score_at(arm, outcome), seen, how, scale)
    day = seen.days[:, None, None]
    rated = (day > 0) & ((day <= _RATED_DAILY) | (day % 7 == 0)) & (day <= until) & (day < seen.dropout)
    return np.asarray((_counts(seen.score, seen, how, scale) & rated).any(axis=0))


def _counts(score: np.ndarray, seen: FollowUp, how: Reached, scale: Scale) -> np.ndarray:
    value, base = (on_scale(v, seen.scale.id, scale.id) for v in (score, seen.baseline))
    good = np.ones(value.shape, dtype=bool) if how.at_most is None else value <= how.at_most
    return np.asarray(good if how.below_baseline is None else good & (value <= (1 - how.below_baseline) * base))


def how_reached(outcome: Outcome, measure: str, simulated: Scale) -> Reached:
    """How a figure counts response or remission.

    Raises
    ------
    CannotPredictError
        The scale has no such thing.
    """
    scale = find_scale(outcome.scale) if outcome.scale else simulated
    if scale.response is None or scale.remission is None:
        raise CannotPredictError(f"{scale.id} has no agreed {measure}")
    return read_reached(outcome.definition, measure, scale)


def _score_at(arm: SimulatedArm, outcome: Outcome) -> np.ndarray:
    """Ratings on the day of a figure, (draws, patients)."""
    seen = arm.seen
    assert seen is not None
    assert outcome.day is not None
    if outcome.counted_from == "start" and 0 < outcome.day < WITHIN_HOURS:
        return _hours(arm).score(outcome.day)
    origin = np.zeros_like(seen.baseline) if outcome.counted_from == "start" else seen.acute_end
    at = _visit(seen, origin + outcome.day)
    return np.asarray(np.take_along_axis(seen.score, at[None], axis=0)[0])


def _visit(seen: FollowUp, day: np.ndarray) -> np.ndarray:
    """Index of the visit nearest to a day."""
    every = float(seen.days[1] - seen.days[0])
    index = np.clip(np.rint((day - seen.days[0]) / every).astype(int), 0, len(seen.days) - 1)
    before_first = bool(np.any((day > 0) & (index == 0)))  # the visit at entry shows no effect of the treatment
    if before_first or float(np.max(np.abs(day - seen.days[index]))) > every / 2:
        often = "daily" if every == 1 else "weekly"
        raise CannotPredictError(f"visits are simulated {often}: there is none near day {float(np.min(day)):g}")
    return np.asarray(index)


def relapse_definition(outcome: Outcome, simulated: Scale) -> RelapseDefinition:
    """The definition of the figure; without a scale of its own it is read on the scale of the simulation."""
    definition = read_relapse_definition(outcome.definition, outcome.scale or simulated.id)
    if not definition.by_score:
        raise CannotPredictError(f"relapse by events alone is not modelled: {definition.not_modelled}")
    return definition


def design_effect(n: _Size) -> _Size:
    """Variance of a mean of ``n`` patients of one arm, over that of ``n`` independent patients (Kish 1965)."""
    return 1.0 + (n - 1.0) * OVERDISPERSION


def definition(outcome: Outcome, arms: list[SimulatedArm], measure: str) -> str | None:
    """What relapse, or a response or remission that is not the usual one, means in this figure, in words."""
    assert arms[0].seen is not None
    if measure in REACHED:
        scale = find_scale(outcome.scale) if outcome.scale else arms[0].seen.scale
        how = how_reached(outcome, measure, scale)
        return None if how == usual(measure, scale) else how.text(scale)
    if measure not in ("relapse", "sustained_response", "sustained_remission"):
        return None
    definition = relapse_definition(outcome, arms[0].seen.scale)
    return definition_text(definition) + (f"; {definition.note}" if definition.note else "")


def _on(seen: FollowUp, scale: str) -> FollowUp:
    """The same ratings on another scale (a crosswalk of the cohort)."""
    if scale == seen.scale.id:
        return seen
    score, base, reference = (on_scale(v, seen.scale.id, scale) for v in (seen.score, seen.baseline, seen.reference))
    return replace(seen, scale=find_scale(scale), score=score, baseline=base, reference=reference)


# ---- scores ---------------------------------------------------------------------------------------------------------


def mean_score(arms: list[SimulatedArm], outcome: Outcome, measure: str) -> Scores:
    """Mean and SD of a score over the arms together; NaN in draws where nobody counts."""
    means, squares, weight, variance = 0.0, 0.0, 0.0, 0.0
    for arm in arms:
        values, who = _values(arm, outcome, measure)
        n = np.maximum(who.sum(axis=1), 1)
        m = (values * who).sum(axis=1) / n
        v = (who * (values - m[:, None]) ** 2).sum(axis=1) / np.maximum(n - 1, 1)
        w = arm.weight * who.mean(axis=1)
        means, squares, weight = means + w * m, squares + w * (v + m**2), weight + w
        variance = variance + w**2 * v / n
    if not np.any(np.asarray(weight) > 0):
        raise CannotPredictError("nobody is in this analysis set in the simulation")
    total = np.where(np.asarray(weight) > 0, weight, np.nan)
    mean = np.asarray(means / total)
    return Scores(mean, np.sqrt(np.maximum(squares / total - mean**2, 0.0)), np.asarray(variance / total**2))


def _values(arm: SimulatedArm, outcome: Outcome, measure: str) -> tuple[np.ndarray, np.ndarray]:
    seen = arm.seen
    assert seen is not None
    assert outcome.day is not None
    if outcome.scale is None:
        raise CannotPredictError("the scale of the score is not stated")
    target = find_scale(outcome.scale).id
    if target == "DESS":
        return _counted(arm, outcome), _members(arm, outcome)
    if target == "CADSS" and 0 < outcome.day < WITHIN_HOURS:
        return _dissociation(arm, outcome.day, measure), _members(arm, outcome)
    to_scale(10.0, seen.scale.id, target)  # refuses a scale without a crosswalk before any work
    origin = np.zeros_like(seen.baseline) if outcome.counted_from == "start" else seen.acute_end
    score = on_scale(_score_at(arm, outcome), seen.scale.id, target)
    member = _members(arm, outcome)
    if outcome.analysis_set in ("completers", "observed"):
        member = member & (seen.dropout > origin + outcome.day)
    base = on_scale(seen.baseline, seen.scale.id, target)
    if measure == "score":
        return score, member
    change = score - base
    return (change, member) if measure == "change" else (100.0 * change / np.maximum(base, 1.0), member)


def _counted(arm: SimulatedArm, outcome: Outcome) -> np.ndarray:
    """Count of new or worse symptoms of each patient at a visit; it counts what is new, so a change is the count."""
    seen = arm.seen
    assert seen is not None
    assert outcome.day is not None
    assert arm.symptoms is not None
    assert arm.luck is not None
    at = _visit(seen, np.full(seen.baseline.shape, outcome.day))
    return counted(np.take_along_axis(arm.symptoms, at[None], axis=0)[0], arm.luck)


def _dissociation(arm: SimulatedArm, day: float, measure: str) -> np.ndarray:
    """Mean points of CADSS; its baseline is taken as 0."""
    if measure == "percent_change":
        raise CannotPredictError("CADSS begins at 0: there is no change in per cent")
    return _hours(arm).dissociation(day)
