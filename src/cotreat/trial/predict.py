"""A published study predicted: for each of its figures the interval in which a trial of that size would fall.

The prediction uses the study's design (patients, run-in, entry, arms, sizes, visits, analysis sets) and never its
results: changing an observed value changes no prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotreat.evidence.arms import arm_ledger
from cotreat.evidence.schema import Outcome, Study
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.outcomes import estimate
from cotreat.simulate.run import Settings
from cotreat.studies.arms import SimulatedArm, simulate_arms
from cotreat.studies.figures import (
    DIFFERENCES,
    PROPORTIONS,
    RATIOS,
    SCORES,
    CannotPredictError,
    chosen_arms,
    definition,
    mean_score,
    share,
)
from cotreat.trial.provenance import DISCLAIMER, provenance


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
    chosen, against = chosen_arms(outcome.arms, arms), chosen_arms(outcome.reference_arms, arms)
    n = _size(study, outcome)
    if outcome.measure in PROPORTIONS:
        p = _shares(chosen, outcome, outcome.measure)
        size = n if n else 10_000_000
        if size > 100_000:
            return Predictive(lambda q: float(np.quantile(p, q))), definition(outcome, chosen, outcome.measure)
        return Predictive(lambda q: estimate.binomial_quantile(p, size, q)), definition(
            outcome, chosen, outcome.measure
        )
    if outcome.measure in SCORES:
        m, s = _scores(chosen, outcome, outcome.measure)
        return _normal(m, s / np.sqrt(n if n else np.inf)), None
    if outcome.measure not in RATIOS | DIFFERENCES:
        raise CannotPredictError(f"not modelled: {outcome.measure.replace('_', ' ')}")
    if not against:
        raise CannotPredictError("the arm it is compared with is not stated")
    sizes = _split(study, outcome, n)
    if outcome.measure in DIFFERENCES:
        return _difference(chosen, against, outcome, sizes), None
    return _ratio(chosen, against, outcome, sizes)


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


# ---- what is not known, with the noise of the simulation taken out --------------------------------------------------


def _shares(arms: list[SimulatedArm], outcome: Outcome, measure: str) -> np.ndarray:
    found = share(arms, outcome, measure)
    return np.asarray(np.clip(estimate.denoise(found.value, found.variance).values, 0.0, 1.0))


def _scores(arms: list[SimulatedArm], outcome: Outcome, measure: str) -> tuple[np.ndarray, np.ndarray]:
    found = mean_score(arms, outcome, measure)
    keep = np.isfinite(found.mean)
    return estimate.denoise(found.mean[keep], found.variance[keep]).values, found.sd[keep]


# ---- contrasts ------------------------------------------------------------------------------------------------------


def _difference(
    chosen: list[SimulatedArm], against: list[SimulatedArm], outcome: Outcome, sizes: tuple[float, float]
) -> Predictive:
    measure = outcome.of if outcome.of in SCORES else "score"
    (a, sa), (b, sb) = (_scores(side, outcome, str(measure)) for side in (chosen, against))
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
    p, q = (_shares(side, outcome, str(of)) for side in (chosen, against))
    if len(p) != len(q):
        raise CannotPredictError("an arm has no patients in this analysis set in some draws")
    words = definition(outcome, chosen, str(of))
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
