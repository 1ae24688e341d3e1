"""A published study predicted: for each of its figures the interval in which a trial of that size would fall.

The prediction uses the study's design (patients, run-in, entry, arms, sizes, visits, analysis sets) and never its
results: changing an observed value changes no prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cotreat.evidence.arms import arm_ledger
from cotreat.evidence.schema import Outcome, Study
from cotreat.measures.errors import InputError
from cotreat.measures.relapse import RelapseDefinition, default_relapse, read_relapse_definition
from cotreat.measures.scales import Scale
from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.outcomes import estimate
from cotreat.outcomes.followup import FollowUp
from cotreat.outcomes.symptoms import share_with_syndrome
from cotreat.population.populations import to_scale
from cotreat.simulate.result import definition_text, on_scale
from cotreat.simulate.run import Settings
from cotreat.trial.provenance import DISCLAIMER, provenance
from cotreat.trial.study_arms import SimulatedArm, simulate_arms

Hit = tuple[np.ndarray, np.ndarray]
"""Who has an outcome (or how likely) and among whom, both (draws, patients)."""
EVENTS = frozenset({"relapse", "dropout"})
POINTS = frozenset({"response", "remission", "well"})
SUSTAINED = frozenset({"sustained_response", "sustained_remission", "completion"})
WITHDRAWAL = frozenset({"withdrawal"})
PROPORTIONS = POINTS | SUSTAINED | EVENTS | WITHDRAWAL
SCORES = frozenset({"score", "change", "percent_change"})
RATIOS = frozenset({"risk_ratio", "odds_ratio", "hazard_ratio", "risk_difference"})
DIFFERENCES = frozenset({"smd", "mean_difference"})


class CannotPredictError(Exception):
    """Why one figure of a study cannot be predicted."""


@dataclass(frozen=True)
class Predictive:
    """Quantiles of what a trial would report."""

    quantile: Callable[[float], float]

    def interval(self, level: float) -> list[float]:
        return [round(self.quantile((1 - level) / 2), 4), round(self.quantile((1 + level) / 2), 4)]


def predict(
    study: Study, settings: Settings | None = None, parameters: ParameterSet | None = None, command: str = ""
) -> dict[str, Any]:
    """Predict every figure of a study; the document has the fields of ``cotreat predict --json``."""
    settings, parameters = settings or Settings(), parameters or load_parameters()
    arms = simulate_arms(study, settings, parameters)
    ledgers = [arm_ledger(study, key) for key, arm in study.arms.items() if arm.regimen is not None]
    return {
        "study": {"id": study.id, "title": study.title, "doi": study.doi, "year": study.year},
        "outcomes": [_one(study, o, arms) for o in study.outcomes],
        "stamp": parameters.status,
        "disclaimer": DISCLAIMER,
        "provenance": provenance(settings, parameters, command, ledgers, (study.id,)),
    }


def _one(study: Study, outcome: Outcome, arms: dict[str, SimulatedArm]) -> dict[str, Any]:
    name = " + ".join(outcome.arms) + (f" vs {' + '.join(outcome.reference_arms)}" if outcome.reference_arms else "")
    row: dict[str, Any] = {
        "arm": name,
        "measure": outcome.measure,
        "scale": outcome.scale,
        "day": outcome.day,
        "n": _size(study, outcome),
        "median": None,
        "pi50": None,
        "pi95": None,
        "observed": outcome.observed,
        "inside95": None,
        "reason": None,
        "definition": None,
        "analysis_set": outcome.analysis_set,
        "read": outcome.read,
    }
    try:
        predictive, definition = _predictive(study, outcome, arms)
    except (CannotPredictError, InputError) as error:
        return row | {"reason": error.message if isinstance(error, InputError) else str(error)}
    pi95 = predictive.interval(0.95)
    seen = outcome.observed
    inside = None if seen is None else bool(pi95[0] - 5e-4 <= seen <= pi95[1] + 5e-4)
    return row | {
        "median": round(predictive.quantile(0.5), 4),
        "pi50": predictive.interval(0.5),
        "pi95": pi95,
        "inside95": inside,
        "definition": definition,
        "reason": None if row["n"] is not None else "size not stated: interval for a very large trial",
    }


def _size(study: Study, outcome: Outcome) -> int | None:
    if outcome.n is not None:
        return outcome.n
    sizes = [study.arms[k].n for k in (*outcome.arms, *outcome.reference_arms) if k in study.arms]
    known = [n for n in sizes if n is not None]
    return sum(known) if known and len(known) == len(sizes) else None


def _predictive(study: Study, outcome: Outcome, arms: dict[str, SimulatedArm]) -> tuple[Predictive, str | None]:
    if outcome.day is None:
        raise CannotPredictError("the day of the figure is not known")
    chosen, against = _chosen(outcome.arms, arms), _chosen(outcome.reference_arms, arms)
    n = _size(study, outcome)
    if outcome.measure in PROPORTIONS:
        p, _ = _pooled(chosen, outcome, outcome.measure)
        size = n if n else 10_000_000
        if size > 100_000:
            return Predictive(lambda q: float(np.quantile(p, q))), _definition(outcome, chosen, outcome.measure)
        return Predictive(lambda q: estimate.binomial_quantile(p, size, q)), _definition(
            outcome, chosen, outcome.measure
        )
    if outcome.measure in SCORES:
        m, s = _pooled_score(chosen, outcome, outcome.measure)
        return _normal(m, s / np.sqrt(n if n else np.inf)), None
    if outcome.measure not in RATIOS | DIFFERENCES:
        raise CannotPredictError(f"not modelled: {outcome.measure.replace('_', ' ')}")
    if not against:
        raise CannotPredictError("the arm it is compared with is not stated")
    sizes = _split(study, outcome, n)
    if outcome.measure in DIFFERENCES:
        return _difference(chosen, against, outcome, sizes), None
    return _ratio(chosen, against, outcome, sizes)


def _chosen(keys: tuple[str, ...], arms: dict[str, SimulatedArm]) -> list[SimulatedArm]:
    for key in keys:
        if (reason := arms[key].reason) is not None:
            raise CannotPredictError(f"{key}: {reason}")
    return [arms[k] for k in keys]


def _split(study: Study, outcome: Outcome, n: int | None) -> tuple[float, float]:
    """Sizes of the two sides of a contrast."""
    if n is None:
        return np.inf, np.inf
    one, two = (
        sum(study.arms[k].n or 0 for k in keys if k in study.arms) for keys in (outcome.arms, outcome.reference_arms)
    )
    if not one or not two:
        one = two = 1
    return n * one / (one + two), n * two / (one + two)


# ---- proportions ----------------------------------------------------------------------------------------------------


def _pooled(arms: list[SimulatedArm], outcome: Outcome, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Share with the outcome over the arms together, for each draw, with simulation noise taken out."""
    hits = among = count = 0.0
    for arm in arms:
        hit, who = _hit(arm, outcome, measure)
        hits = hits + arm.weight * (hit * who).mean(axis=1)
        among = among + arm.weight * who.mean(axis=1)
        count = count + who.sum(axis=1)
    if not np.any(np.asarray(among) > 0):
        raise CannotPredictError("nobody is in this analysis set in the simulation")
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.asarray(hits / among)
        spread = estimate.denoise(p, np.maximum(p * (1 - p), 0.25 / np.maximum(count, 1)) / np.maximum(count, 1))
    return np.clip(spread.values, 0.0, 1.0), np.asarray(count)


def _hit(arm: SimulatedArm, outcome: Outcome, measure: str) -> Hit:
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
    if measure in EVENTS | SUSTAINED:
        return _event_hit(arm, outcome, measure, until, lost, member)
    at = _visit(seen, until)
    score = np.asarray(np.take_along_axis(seen.score, at[None], axis=0)[0])
    if arm.name == "run-in":
        good = seen.remitted if measure == "remission" else _as_response(arm)
    else:
        good = _met(seen, score, measure, outcome)
    if outcome.analysis_set in ("completers", "observed"):
        return good & ~lost, member & ~lost
    return good & ~lost, member


def _syndrome(arm: SimulatedArm, until: np.ndarray) -> np.ndarray:
    """Probability of a withdrawal syndrome at the worst visit up to the day."""
    assert arm.seen is not None
    assert arm.symptoms is not None
    inside = arm.seen.days[:, None, None] <= until
    return share_with_syndrome(np.where(inside, arm.symptoms, 0.0).max(axis=0))


def _event_hit(
    arm: SimulatedArm, outcome: Outcome, measure: str, until: np.ndarray, lost: np.ndarray, member: np.ndarray
) -> Hit:
    seen = arm.seen
    assert seen is not None
    if measure == "completion":
        return ~lost, member
    definition = _relapse(outcome, seen.scale)
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


def _met(seen: FollowUp, score: np.ndarray, measure: str, outcome: Outcome) -> np.ndarray:
    scale = find_scale(outcome.scale) if outcome.scale else seen.scale
    if scale.response is None or scale.remission is None:
        raise CannotPredictError(f"{scale.id} has no agreed {measure}")
    value, base = on_scale(score, seen.scale.id, scale.id), on_scale(seen.baseline, seen.scale.id, scale.id)
    if measure == "remission":
        return np.asarray(value <= scale.remission)
    good = value <= (1 - scale.response) * base
    if measure == "well" and (least := default_relapse(scale.id).at_least) is not None:
        good &= value < least
    return np.asarray(good)


def _visit(seen: FollowUp, day: np.ndarray) -> np.ndarray:
    """Index of the visit nearest to a day."""
    every = float(seen.days[1] - seen.days[0])
    index = np.clip(np.rint((day - seen.days[0]) / every).astype(int), 0, len(seen.days) - 1)
    before_first = bool(np.any((day > 0) & (index == 0)))  # the visit at entry shows no effect of the treatment
    if before_first or float(np.max(np.abs(day - seen.days[index]))) > every / 2:
        often = "daily" if every == 1 else "weekly"
        raise CannotPredictError(f"visits are simulated {often}: there is none near day {float(np.min(day)):g}")
    return np.asarray(index)


def _relapse(outcome: Outcome, simulated: Scale) -> RelapseDefinition:
    """The definition of the figure; without a scale of its own it is read on the scale of the simulation."""
    definition = read_relapse_definition(outcome.definition, outcome.scale or simulated.id)
    if not definition.by_score:
        raise CannotPredictError(f"relapse by events alone is not modelled: {definition.not_modelled}")
    return definition


def _definition(outcome: Outcome, arms: list[SimulatedArm], measure: str) -> str | None:
    if measure not in ("relapse", "sustained_response", "sustained_remission"):
        return None
    assert arms[0].seen is not None
    definition = _relapse(outcome, arms[0].seen.scale)
    return definition_text(definition) + (f"; {definition.note}" if definition.note else "")


def _on(seen: FollowUp, scale: str) -> FollowUp:
    """The same ratings on another scale (a crosswalk of the cohort)."""
    if scale == seen.scale.id:
        return seen
    score, base, reference = (on_scale(v, seen.scale.id, scale) for v in (seen.score, seen.baseline, seen.reference))
    return replace(seen, scale=find_scale(scale), score=score, baseline=base, reference=reference)


# ---- scores ---------------------------------------------------------------------------------------------------------


def _pooled_score(arms: list[SimulatedArm], outcome: Outcome, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD between patients of a score over the arms together, for each draw."""
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
    keep = np.asarray(weight) > 0
    total = np.where(keep, weight, 1.0)
    mean = np.asarray(means / total)
    sd = np.sqrt(np.maximum(squares / total - mean**2, 0.0))
    spread = estimate.denoise(mean[keep], (variance / total**2)[keep])
    return spread.values, np.asarray(sd)[keep]


def _values(arm: SimulatedArm, outcome: Outcome, measure: str) -> tuple[np.ndarray, np.ndarray]:
    seen = arm.seen
    assert seen is not None
    assert outcome.day is not None
    if outcome.scale is None:
        raise CannotPredictError("the scale of the score is not stated")
    target = find_scale(outcome.scale).id
    to_scale(10.0, seen.scale.id, target)  # refuses a scale without a crosswalk before any work
    origin = np.zeros_like(seen.baseline) if outcome.counted_from == "start" else seen.acute_end
    at = _visit(seen, origin + outcome.day)
    score = on_scale(np.take_along_axis(seen.score, at[None], axis=0)[0], seen.scale.id, target)
    member = _members(arm, outcome)
    if outcome.analysis_set in ("completers", "observed"):
        member = member & (seen.dropout > origin + outcome.day)
    base = on_scale(seen.baseline, seen.scale.id, target)
    if measure == "score":
        return score, member
    change = score - base
    return (change, member) if measure == "change" else (100.0 * change / np.maximum(base, 1.0), member)


# ---- contrasts ------------------------------------------------------------------------------------------------------


def _difference(
    chosen: list[SimulatedArm], against: list[SimulatedArm], outcome: Outcome, sizes: tuple[float, float]
) -> Predictive:
    measure = outcome.of if outcome.of in SCORES else "score"
    (a, sa), (b, sb) = (_pooled_score(side, outcome, str(measure)) for side in (chosen, against))
    if len(a) != len(b):
        raise CannotPredictError("an arm has no patients in this analysis set in some draws")
    if outcome.measure == "mean_difference":
        return _normal(a - b, np.sqrt(sa**2 / sizes[0] + sb**2 / sizes[1]))
    pooled = np.sqrt((sa**2 + sb**2) / 2)
    g = (b - a) / np.maximum(pooled, 1e-9)
    return _normal(g, np.sqrt(1 / sizes[0] + 1 / sizes[1] + g**2 / (2 * (sizes[0] + sizes[1]))))


def _ratio(
    chosen: list[SimulatedArm], against: list[SimulatedArm], outcome: Outcome, sizes: tuple[float, float]
) -> tuple[Predictive, str | None]:
    of = outcome.of or ("relapse" if outcome.measure == "hazard_ratio" else "response")
    if of not in PROPORTIONS:
        raise CannotPredictError(f"not modelled: {str(of).replace('_', ' ')}")
    (p, _), (q, _) = (_pooled(side, outcome, str(of)) for side in (chosen, against))
    if len(p) != len(q):
        raise CannotPredictError("an arm has no patients in this analysis set in some draws")
    words = _definition(outcome, chosen, str(of))
    p, q = np.clip(p, 0.5 / 1e4, 1 - 0.5 / 1e4), np.clip(q, 0.5 / 1e4, 1 - 0.5 / 1e4)
    n, m = sizes
    if outcome.measure == "risk_difference":
        return _normal(p - q, np.sqrt(p * (1 - p) / n + q * (1 - q) / m)), words
    if outcome.measure == "risk_ratio":
        log, sd = np.log(p / q), np.sqrt((1 - p) / (p * n) + (1 - q) / (q * m))
    elif outcome.measure == "odds_ratio":
        log, sd = np.log(p / (1 - p) / (q / (1 - q))), np.sqrt(1 / (n * p * (1 - p)) + 1 / (m * q * (1 - q)))
    else:  # complementary log-log of the cumulative share: the hazard ratio if hazards are proportional
        log, sd = np.log(np.log1p(-p) / np.log1p(-q)), np.sqrt(1 / (n * p) + 1 / (m * q))
    inner = _normal(log, sd)
    return Predictive(lambda level: float(np.exp(inner.quantile(level)))), words


def _normal(centre: np.ndarray, sd: np.ndarray) -> Predictive:
    return Predictive(lambda q: estimate.normal_quantile(centre, sd, q))
