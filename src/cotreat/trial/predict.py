"""A published study predicted: for each of its figures the interval in which a trial of that size would fall.

The prediction uses the study's design (patients, run-in, entry, arms, sizes, visits, analysis sets) and never its
results: changing an observed value changes no prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import bdtrik, betaincinv, logit
from scipy.stats import qmc

from cotreat.evidence.arms import arm_ledger
from cotreat.evidence.schema import Outcome, Study
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.outcomes import estimate
from cotreat.simulate.run import Settings
from cotreat.studies.arms import SimulatedArm, simulate_arms
from cotreat.studies.feasible import feasible
from cotreat.studies.figures import (
    DIFFERENCES,
    OVERDISPERSION,
    PROPORTIONS,
    RATIOS,
    SCORES,
    SHAPES,
    CannotPredictError,
    chosen_arms,
    definition,
    design_effect,
    mean_score,
    share,
)
from cotreat.studies.people import led_in
from cotreat.trial.provenance import DISCLAIMER, provenance, stamp

_SPREAD = 16  # points of each beta distribution
_JOINED = 512  # points of their mixture
_TRIALS, _LUCK = 64, 17  # trials printed for each parameter draw, and the seed of their luck


@dataclass(frozen=True)
class Predictive:
    """Quantiles of what a trial would report."""

    quantile: Callable[[float], float]

    def interval(self, level: float) -> list[float]:
        return [round(self.quantile((1 - level) / 2), 4), round(self.quantile((1 + level) / 2), 4)]


def predict(
    study: Study, settings: Settings | None = None, parameters: ParameterSet | None = None, command: str = ""
) -> dict[str, Any]:
    """Predict every figure of a study; the document has the fields of ``cotreat predict --json``.

    ``draws_left_out``: parameter draws with which hardly anybody meets the entry rule, at once or after the run-in; the
    study could not have taken place with them. ``run_in_assumed``: what people who are well on a drug are taken to have
    been given before, where the file states no run-in (``cotreat.studies.people.led_in``); else null.
    """
    settings, parameters = settings or Settings(), parameters or load_parameters()
    arms = simulate_arms(study, settings, parameters)
    left_out = 0
    if any("too few" in (a.reason or "") for a in arms.values()):
        some, with_these, left_out = feasible(study, settings, parameters)
        arms = simulate_arms(study, some, with_these)
    ledgers = [arm_ledger(study, key) for key, arm in study.arms.items() if arm.regimen is not None]
    return {
        "study": {"id": study.id, "title": study.title, "doi": study.doi, "year": study.year},
        "outcomes": [_one(study, o, arms) for o in study.outcomes],
        "draws_left_out": left_out,
        "run_in_assumed": None if study.population.run_in else led_in(study).population.run_in,
        "stamp": stamp(parameters),
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
        p = _in_a_trial(_shares(chosen, outcome, outcome.measure))
        size = n if n else 10_000_000
        if size > 100_000:
            return Predictive(lambda q: float(np.quantile(p, q))), definition(outcome, chosen, outcome.measure)
        return Predictive(lambda q: estimate.binomial_quantile(p, size, q)), definition(
            outcome, chosen, outcome.measure
        )
    if outcome.measure in SCORES:
        m, s = _scores(chosen, outcome, outcome.measure)
        return _normal(m, s * np.sqrt(_per(n or np.inf))), None
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
    measure = str(outcome.of if outcome.of in SCORES else "score")
    x, y = (mean_score(side, outcome, measure) for side in (chosen, against))
    keep = np.isfinite(x.mean) & np.isfinite(y.mean)
    sx, sy = x.sd[keep], y.sd[keep]
    apart = estimate.denoise((x.mean - y.mean)[keep], (x.variance + y.variance)[keep]).values
    one, two = (_per(n) for n in sizes)
    if outcome.measure == "mean_difference":
        return _normal(apart, np.sqrt(sx**2 * one + sy**2 * two))
    g = -apart / np.maximum(np.sqrt((sx**2 + sy**2) / 2), 1e-9)
    return _normal(g, np.sqrt(one + two + g**2 / (2 * (sizes[0] + sizes[1]))))


def _ratio(
    chosen: list[SimulatedArm], against: list[SimulatedArm], outcome: Outcome, sizes: tuple[float, float]
) -> tuple[Predictive, str | None]:
    of = str(outcome.of or ("relapse" if outcome.measure == "hazard_ratio" else "response"))
    if of not in PROPORTIONS:
        raise CannotPredictError(f"not modelled: {of.replace('_', ' ')}")
    words = definition(outcome, chosen, of)
    x, y = (share(side, outcome, of) for side in (chosen, against))
    keep = np.isfinite(x.value) & np.isfinite(y.value)
    # the noise of the simulation is taken out of sum and difference, not of each side: what both share is not noise
    noise = x.variance[keep] + y.variance[keep]
    middle = estimate.denoise((x.value + y.value)[keep] / 2, noise / 4).values
    half = estimate.denoise((x.value - y.value)[keep] / 2, noise / 4).values
    p, q = (np.clip(v, _LEAST, 1 - _LEAST) for v in (middle + half, middle - half))
    published = _sampled((p, q), sizes, outcome.measure)
    if outcome.measure == "risk_difference":
        return Predictive(lambda level: float(np.quantile(published, level))), words
    return Predictive(lambda level: float(np.exp(np.quantile(published, level)))), words


_LEAST = 1e-3
_SCALES: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # a share on the scale of the contrast
    "risk_difference": lambda p: p,
    "risk_ratio": np.log,
    "odds_ratio": logit,
    # complementary log-log of the cumulative share: the hazard ratio if hazards are proportional
    "hazard_ratio": lambda p: np.log(-np.log1p(-p)),
}


def _sampled(shares: tuple[np.ndarray, np.ndarray], sizes: tuple[float, float], measure: str) -> np.ndarray:
    """What trials of these sizes would print, ratios as logarithms, with half an event added to each cell of a ratio.

    Each pair of evenly spread luck is used both ways round, so that equal arms differ by zero in the median.
    """
    luck = qmc.Sobol(4, scramble=True, rng=np.random.default_rng(_LUCK)).random(_TRIALS)
    u = np.concatenate([luck, luck[:, [2, 3, 0, 1]]])
    seen = [_seen(p, n, u[:, 2 * k : 2 * k + 2], measure) for k, (p, n) in enumerate(zip(shares, sizes, strict=True))]
    return np.asarray(_SCALES[measure](seen[0]) - _SCALES[measure](seen[1])).ravel()


def _seen(p: np.ndarray, n: float, u: np.ndarray, measure: str) -> np.ndarray:
    """Published shares (draws, trials) of an arm of ``n`` patients whose average truth is ``p``; ``u`` (trials, 2)."""
    p = np.clip(p, _LEAST, 1 - _LEAST)[:, None]
    own = np.clip(betaincinv(SHAPES * p, SHAPES * (1 - p), np.clip(u[:, 0], 1e-6, 1 - 1e-6)), 1e-6, 1 - 1e-6)
    if np.isinf(n):
        return np.asarray(own)
    events = np.clip(np.ceil(bdtrik(np.clip(u[:, 1], 1e-9, 1 - 1e-9), n, own) - 1e-9), 0.0, n)
    half = 0.0 if measure == "risk_difference" else 0.5
    return np.asarray((events + half) / (n + 2 * half))


def _per(n: float) -> float:
    """One over the independent patients that ``n`` patients of an arm count for."""
    return OVERDISPERSION if np.isinf(n) else design_effect(n) / n


def _in_a_trial(p: np.ndarray) -> np.ndarray:
    """True shares of single arms when ``p`` is what arms like them have on average (beta distributions, joined)."""
    inside = np.clip(p, 1e-6, 1 - 1e-6)[:, None]
    spread = betaincinv(SHAPES * inside, SHAPES * (1 - inside), (np.arange(_SPREAD) + 0.5) / _SPREAD)
    return np.asarray(np.quantile(spread, (np.arange(_JOINED) + 0.5) / _JOINED))


def _normal(centre: np.ndarray, sd: np.ndarray) -> Predictive:
    return Predictive(lambda q: estimate.normal_quantile(centre, sd, q))
