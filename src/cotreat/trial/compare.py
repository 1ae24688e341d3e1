"""Arms side by side on the same patients and the same luck: one document with every number a reader needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.outcomes import estimate, tally
from cotreat.outcomes.requests import OutcomeRequest
from cotreat.outcomes.tally import Sums
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.readback import read_back
from cotreat.regimen.timeline import timeline_document
from cotreat.regimen.values import Regimen
from cotreat.safety.check import PLANNING, CheckOptions, check
from cotreat.simulate.channels import ends_acute_course, ignored_qualifiers
from cotreat.simulate.maintained import text_of
from cotreat.simulate.result import STATED_N, definition_text, on_scale
from cotreat.simulate.run import Settings
from cotreat.simulate.store import Store
from cotreat.simulate.tables import Decisions
from cotreat.trial.compare_file import Comparison
from cotreat.trial.provenance import DISCLAIMER, provenance, stamp
from cotreat.trial.resemblance import alike, direct_trials, outside
from cotreat.trial.slices import Setup, scales, tallied


@dataclass(frozen=True)
class ArmResult:
    """One simulated arm: its regimen, and the counts and sums over its patients (see ``cotreat.outcomes.tally``)."""

    name: str
    regimen: Regimen
    ledger: Ledger
    days: np.ndarray
    sums: Sums

    @property
    def n(self) -> np.ndarray:
        """Patients of each draw."""
        return self.sums["patients"]


def compare(
    what: Comparison,
    settings: Settings | None = None,
    parameters: ParameterSet | None = None,
    command: str = "",
    keep: Callable[[str], Store] | None = None,
) -> dict[str, Any]:
    """Simulate every arm and return the comparison document (see docs/compare-document.md).

    ``keep`` gives a store for the digest of a run: finished slices of the patients are kept there, so that a run that
    was cut off goes on where it stopped.

    Raises
    ------
    InputError
        An arm cannot be forecast.
    """
    parameters = parameters or load_parameters()
    settings = fit_horizon(settings or Settings(), what.outcomes)
    setup = Setup.of(what, settings, parameters)
    ledgers = list(setup.ledgers.values())
    with keep(setup.key) if keep is not None else nullcontext() as store, tallied(setup, store) as sums:
        # what needs no patients is worked out while they are simulated
        safety = [_safety(name, regimen) for name, regimen in what.arms.items()]
        evidence = _evidence(ledgers)
        arms = _arms(setup, sums())
    return {
        "title": what.title,
        "population": {
            "name": what.population.name,
            "text": text_of(what.population, ledgers),
            "scale": what.population.scale,
        },
        "stamp": stamp(parameters),
        "disclaimer": DISCLAIMER,
        "arms": [_arm(a, setup) for a in arms],
        "outcomes": [_outcome(a, k, r, what) for k, r in enumerate(what.outcomes) for a in arms],
        "contrasts": [_contrast(a, arms[0], k, r, what) for k, r in enumerate(what.outcomes) for a in arms[1:]],
        "curves": [c for a in arms for c in _curves(a, what)],
        "definitions": _definitions(what, setup.decisions),
        "safety": safety,
        "provenance": provenance(settings, parameters, command, ledgers, evidence)
        | {"ignored_qualifiers": ignored_qualifiers(ledgers)},
    }


def _arms(setup: Setup, sums: Sums) -> list[ArmResult]:
    every = setup.settings.visit_days
    days = np.arange(0, 7 * setup.settings.weeks + 1, every)
    return [
        ArmResult(name, setup.what.arms[name], ledger, days, tally.of(sums, f"arm {k}"))
        for k, (name, ledger) in enumerate(setup.ledgers.items())
    ]


def fit_horizon(settings: Settings, outcomes: tuple[OutcomeRequest, ...]) -> Settings:
    """Settings long enough for every outcome asked for."""
    latest = max((o.week for o in outcomes if o.week is not None), default=0)
    return replace(settings, weeks=max(latest, settings.weeks))


def _arm(arm: ArmResult, setup: Setup) -> dict[str, Any]:
    n = float(arm.n.sum())
    given = {}
    for name, total, squares in zip(
        setup.layout.channels.stimulations, *arm.sums["sessions"].sum(axis=-1), strict=True
    ):
        if total > 0:
            sd = max(squares / n - (total / n) ** 2, 0.0) ** 0.5
            given[name.upper()] = {"mean": round(float(total / n), 2), "sd": round(float(sd), 2)}
    in_range, notes = calibrated_range(arm.ledger, setup.parameters)
    return {
        "name": arm.name,
        "sentence": str(arm.regimen),
        "read_back": read_back(arm.regimen),
        "sessions": given,
        "notes": [*arm.ledger.notes, *notes],
        "timeline": timeline_document(arm.regimen, 7 * setup.settings.weeks),
        "in_range": in_range,
        "resembles": alike(arm.ledger),
    }


def calibrated_range(ledger: Ledger, parameters: ParameterSet) -> tuple[bool | None, list[str]]:
    """Whether an arm lies within what the model was calibrated on, and what a reader must know of that.

    A prior was calibrated on nothing: what lies within the published arms is then not assessed.
    """
    if taper_with_stimulation(ledger):
        return False, [TAPER_WITH_TMS]
    if (why := outside(ledger)) is not None:
        return False, [f"Outside what trials have given: {why}."]
    return (None if parameters.status.startswith(PRIOR_ONLY) else True), []


PRIOR_ONLY = "prior only"
TAPER_WITH_TMS = (
    "We do not know that TMS makes stopping easier, no trial has shown it. The figures of this arm carry the effect of "
    "TMS in ill patients over to well ones, which is outside anything observed."
)


def taper_with_stimulation(ledger: Ledger) -> bool:
    """Whether a drug is cut while stimulation goes on: no trial has shown what that does."""
    cuts = any(mark.kind in ("cut", "taper end") for phase in ledger.phases for mark in phase.marks)
    return cuts and any(ends_acute_course(i) for phase in ledger.phases for i in phase.items)


def _name(request: OutcomeRequest, arm: ArmResult) -> tuple[str, int]:
    """An outcome in words, and its day."""
    if request.kind == "mean":
        week = int(arm.days[-1]) // 7 if request.week is None else request.week
        return f"{request.scale} mean at week {week}", 7 * week
    return request.text, 7 * (request.week or 0)


def _selected(request: OutcomeRequest, what: Comparison) -> bool:
    """Whether a proportion is of those who remitted, who are selected; who entered well is at risk from day 0."""
    return request.kind == "relapse" and not what.population.starts_well


def _outcome(arm: ArmResult, number: int, request: OutcomeRequest, what: Comparison) -> dict[str, Any]:
    name, day = _name(request, arm)
    row: dict[str, Any] = {"arm": arm.name, "outcome": name}
    if request.kind == "mean":
        total, squares = arm.sums[f"score {number}"]
        spread = estimate.mean_of_sums(arm.n, total, squares)
        n = float(arm.n.sum())
        half = 1.96 * max(squares.sum() / n - (total.sum() / n) ** 2, 0.0) ** 0.5 / STATED_N**0.5
        middle = spread.median
        return row | {
            "kind": "mean",
            "unit": f"points {request.scale}",
            "day": day,
            "denominator": "all who started",
            "median": round(middle, 4),
            "unknown95": _rounded(spread.interval()),
            "sample95": {"n": STATED_N, "interval": _rounded((middle - half, middle + half))},
            "monte_carlo_se": round(spread.monte_carlo_se, 5),
        }
    row |= {
        "kind": "proportion",
        "unit": "per 100 patients",
        "day": day,
        "denominator": "remitters (selected)" if _selected(request, what) else "all who started",
    }
    spread = estimate.share(*_counts(arm, number))
    if not np.isfinite(spread.median):  # nobody is among them, in any draw
        return row | dict.fromkeys(("median", "unknown95", "sample95", "monte_carlo_se"))
    chance = [estimate.binomial_quantile(np.array([spread.median]), STATED_N, q) for q in (0.025, 0.975)]
    return row | {
        "median": round(100 * spread.median, 4),
        "unknown95": _rounded(spread.interval(), 100),
        "sample95": {"n": STATED_N, "interval": _rounded((chance[0], chance[1]), 100)},
        "monte_carlo_se": round(100 * spread.monte_carlo_se, 5),
    }


def _counts(arm: ArmResult, number: int) -> tuple[np.ndarray, np.ndarray]:
    return arm.sums[f"hits {number}"], arm.sums[f"among {number}"]


def _rounded(interval: tuple[float, float], factor: float = 1.0) -> list[float]:
    return [round(factor * interval[0], 4), round(factor * interval[1], 4)]


def _safety(name: str, regimen: Regimen) -> dict[str, Any]:
    """The safety verdict of an arm, for nobody in particular: what needs a patient stays not checked."""
    verdict = check(regimen, options=CheckOptions(stages=PLANNING))
    return {"arm": name, "verdict": verdict.word, "detail": verdict.detail(), "rule_pack": verdict.pack_version}


def _evidence(ledgers: list[Ledger]) -> tuple[str, ...]:
    return tuple(sorted({study for ledger in ledgers for study in alike(ledger)}))


def basis(one: Ledger, other: Ledger) -> str:
    """What a contrast rests on: trials that hold both arms, or none."""
    found = direct_trials(one, other)
    return f"direct trial: {', '.join(found)}" if found else "indirect comparison: no packaged trial has both arms"


def _contrast(
    arm: ArmResult, reference: ArmResult, number: int, request: OutcomeRequest, what: Comparison
) -> dict[str, Any]:
    ratio = g = None
    note = f"{arm.name} against {reference.name}: {basis(arm.ledger, reference.ledger)}"
    if request.kind == "mean":
        factor, unit = 1.0, f"points {request.scale}"
        spread, g = _mean_difference(arm, reference, number)
        better = spread.values < 0
    else:
        factor, unit = 100.0, "per 100"
        one, two = _counts(arm, number), _counts(reference, number)
        if _selected(request, what):
            spread = estimate.difference(one, two, same=not arm.sums[f"unlike {number}"].any())
            note = f"among remitters, who are selected: the arms may differ in who remits; {note}"
        else:
            discordant = one[0] + two[0] - 2 * arm.sums[f"both {number}"]
            spread = estimate.mean_of_sums(arm.n, one[0] - two[0], discordant)
        ratio = _ratio(estimate.share(*one).values, estimate.share(*two).values)
        better = spread.values < 0 if request.kind == "relapse" else spread.values > 0
    ties = spread.values == 0
    row = {
        "outcome": _name(request, arm)[0],
        "arm": arm.name,
        "reference": reference.name,
        "unit": unit,
        "better": "lower" if request.kind in ("mean", "relapse") else "higher",
        "risk_ratio": ratio,
        "hedges_g": g,
        "note": note,
    }
    if not np.isfinite(spread.median):
        return row | dict.fromkeys(("difference", "unknown95", "prob_better", "monte_carlo_se"))
    return row | {
        "difference": round(factor * spread.median, 4),
        "unknown95": _rounded(spread.interval(), factor),
        "prob_better": round(float(better.mean() + 0.5 * ties.mean()), 4),
        "monte_carlo_se": round(factor * spread.monte_carlo_se, 5),
    }


def _mean_difference(
    arm: ArmResult, reference: ArmResult, number: int
) -> tuple[estimate.Spread, dict[str, Any] | None]:
    """Difference of two means on common luck, and Hedges g (positive where the arm is better)."""
    n, (total, squares) = arm.n, arm.sums[f"difference {number}"]
    spread = estimate.mean_of_sums(n, total, squares)
    if n.min() < 2:
        return spread, None
    pooled = sum(estimate.variance(n, *a.sums[f"score {number}"]) for a in (arm, reference)) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled, noise = -total / n / np.sqrt(pooled), estimate.variance(n, total, squares) / n / pooled
    effect = estimate.denoise(scaled, noise)
    return spread, {"median": round(effect.median, 4), "unknown95": _rounded(effect.interval())}


def _ratio(p: np.ndarray, q: np.ndarray) -> dict[str, Any] | None:
    """Risk ratio over draws; None when no draw has one."""
    if len(p) != len(q):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        values = p / q
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return {"median": round(float(middle), 4), "unknown95": _rounded((low, high))}


def _curves(arm: ArmResult, what: Comparison) -> list[dict[str, Any]]:
    curves = [_score_curve(arm, k, what.population.scale, scale) for k, scale in enumerate(scales(what))]
    days = list(arm.days)
    well = [estimate.share(w, arm.n) for w in arm.sums["well"]]
    curves.append(_share_curve(arm.name, "well", "all who started", days, well))
    # from the end of each patient's own acute course, as far as everybody is followed
    weeks = int(arm.days[-1] - arm.sums["latest_end"].max()) // 7
    remitters = arm.sums["remitters"]
    free = remitters - np.cumsum(arm.sums["relapse_week"], axis=0)
    shares = [estimate.share(free[k], remitters) for k in range(weeks + 1)]
    if not all(np.isfinite(s.median) for s in shares):
        return curves  # nobody remits, so there is nobody to relapse
    since = "all who started" if what.population.starts_well else "remitters (selected), days since remission"
    curves.append(_share_curve(arm.name, "relapse-free", since, list(range(0, 7 * weeks + 1, 7)), shares))
    return curves


def _score_curve(arm: ArmResult, number: int, own: str, scale: str) -> dict[str, Any]:
    spreads = [estimate.mean_of_sums(arm.n, *sums) for sums in arm.sums["score"][number].swapaxes(0, 1)]
    between = on_scale(tally.quantiles(arm.sums["histogram"], (0.05, 0.25, 0.75, 0.95)), own, scale)
    base = _curve(arm.name, f"{scale} mean", "all who started", list(arm.days), spreads)
    return base | {
        "patients50": [[round(float(v), 3) for v in between[:, side]] for side in (1, 2)],
        "patients90": [[round(float(v), 3) for v in between[:, side]] for side in (0, 3)],
        "unit": f"points {scale}",
    }


def _share_curve(
    arm: str, measure: str, denominator: str, days: list[int], spreads: list[estimate.Spread]
) -> dict[str, Any]:
    base = _curve(arm, measure, denominator, days, spreads, 100.0)
    return base | {"patients50": None, "patients90": None, "unit": "per 100 patients"}


def _curve(
    arm: str, measure: str, denominator: str, days: list[int], spreads: list[estimate.Spread], factor: float = 1.0
) -> dict[str, Any]:
    def band(level: float) -> list[list[float]]:
        pairs = [s.interval(level) for s in spreads]
        return [[round(factor * p[side], 3) for p in pairs] for side in (0, 1)]

    return {
        "arm": arm,
        "measure": measure,
        "denominator": denominator,
        "days": [int(d) for d in days],
        "median": [round(factor * s.median, 3) for s in spreads],
        "unknown50": band(0.5),
        "unknown95": band(0.95),
    }


def _definitions(what: Comparison, decisions: Decisions) -> dict[str, str]:
    scale = find_scale(what.population.scale)
    least = decisions.relapse.at_least
    below = "" if least is None else f" and below {least:g} on {scale.id}"
    share = 100 * decisions.response_fraction
    well = f"at least {share:.0f} % below baseline at the visit{below}"
    if what.population.starts_well:
        well = f"in remission at the visit ({scale.id} at most {decisions.remission[0]:g})"
    return {
        "well": f"{well}, of all who started",
        "remission": f"{scale.id} at most {decisions.remission[0]:g}",
        "relapse": definition_text(decisions.relapse),
    }
