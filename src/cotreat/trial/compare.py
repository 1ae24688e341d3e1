"""Arms side by side on the same patients and the same luck: one document with every number a reader needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.outcomes import estimate
from cotreat.outcomes.followup import FollowUp
from cotreat.outcomes.requests import OutcomeRequest
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.readback import read_back
from cotreat.regimen.timeline import timeline_document
from cotreat.regimen.values import Regimen
from cotreat.safety.check import PLANNING, CheckOptions, check
from cotreat.simulate.channels import ends_acute_course, ignored_qualifiers, layout_of
from cotreat.simulate.result import STATED_N, AcuteCourse, acute_course, definition_text, follow_up, on_scale
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions
from cotreat.trial.compare_file import Comparison
from cotreat.trial.provenance import DISCLAIMER, provenance
from cotreat.trial.resemblance import alike, direct_trials


@dataclass(frozen=True)
class ArmResult:
    """One simulated arm; ``relapse`` is the day of relapse of each patient, infinity for none."""

    name: str
    regimen: Regimen
    ledger: Ledger
    course: Course
    acute: AcuteCourse
    seen: FollowUp
    relapse: np.ndarray


def compare(
    what: Comparison, settings: Settings | None = None, parameters: ParameterSet | None = None, command: str = ""
) -> dict[str, Any]:
    """Simulate every arm and return the comparison document (see docs/compare-document.md).

    Raises
    ------
    InputError
        An arm cannot be forecast.
    """
    parameters = parameters or load_parameters()
    settings = fit_horizon(settings or Settings(), what.outcomes)
    arms, decisions = run_arms(what, settings, parameters)
    ledgers = [a.ledger for a in arms.values()]
    results = [_outcomes(arm, r, decisions) for r in what.outcomes for arm in arms.values()]
    contrasts = _contrasts(list(arms.values()), what.outcomes, decisions)
    return {
        "title": what.title,
        "population": {"name": what.population.name, "text": what.population.text, "scale": what.population.scale},
        "stamp": parameters.status,
        "disclaimer": DISCLAIMER,
        "arms": [_arm(a, settings.weeks * 7) for a in arms.values()],
        "outcomes": [o for group in results for o in group],
        "contrasts": contrasts,
        "curves": [c for a in arms.values() for c in _curves(a, what.outcomes, decisions)],
        "definitions": _definitions(what, decisions),
        "safety": [_safety(a) for a in arms.values()],
        "provenance": provenance(settings, parameters, command, ledgers, _evidence(ledgers))
        | {"ignored_qualifiers": ignored_qualifiers(ledgers)},
    }


def run_arms(what: Comparison, settings: Settings, parameters: ParameterSet) -> tuple[dict[str, ArmResult], Decisions]:
    """Simulate the arms of a comparison on the same patients."""
    ledgers = {name: expand(regimen, horizon=settings.weeks * 7) for name, regimen in what.arms.items()}
    layout = layout_of(list(ledgers.values()))
    decisions = Decisions.of(find_scale(what.population.scale))
    cohort = start_cohort(what.population, settings, parameters)
    arms: dict[str, ArmResult] = {}
    for index, (name, ledger) in enumerate(ledgers.items()):
        share = _share(settings.progress, index, len(ledgers))
        course = follow(cohort, ledger, replace(settings, progress=share), layout=layout, decisions=decisions)
        acute = acute_course(course, decisions)
        seen = follow_up(course, acute)
        relapse = seen.relapse_day(decisions.relapse)
        arms[name] = ArmResult(name, what.arms[name], ledger, course, acute, seen, relapse)
    return arms, decisions


def fit_horizon(settings: Settings, outcomes: tuple[OutcomeRequest, ...]) -> Settings:
    """Settings long enough for every outcome asked for."""
    latest = max((o.week for o in outcomes if o.week is not None), default=0)
    return replace(settings, weeks=max(latest, settings.weeks))


def _share(progress: Callable[[float], None] | None, index: int, count: int) -> Callable[[float], None] | None:
    return None if progress is None else lambda done: progress((index + done) / count)


def _arm(arm: ArmResult, horizon: int) -> dict[str, Any]:
    given = {
        name.upper(): {"mean": round(float(n.mean()), 2), "sd": round(float(n.std()), 2)}
        for name, n in zip(arm.course.channels.stimulations, arm.course.sessions, strict=True)
    }
    return {
        "name": arm.name,
        "sentence": str(arm.regimen),
        "read_back": read_back(arm.regimen),
        "sessions": given,
        "notes": [*arm.ledger.notes, *([TAPER_WITH_TMS] if taper_with_stimulation(arm.ledger) else [])],
        "timeline": timeline_document(arm.regimen, horizon),
        "in_range": False if taper_with_stimulation(arm.ledger) else None,
        "resembles": alike(arm.ledger),
    }


TAPER_WITH_TMS = (
    "We do not know that TMS makes stopping easier, no trial has shown it. The figures of this arm carry the effect of "
    "TMS in ill patients over to well ones, which is outside anything observed."
)


def taper_with_stimulation(ledger: Ledger) -> bool:
    """Whether a drug is cut while stimulation goes on: no trial has shown what that does."""
    cuts = any(mark.kind in ("cut", "taper end") for phase in ledger.phases for mark in phase.marks)
    return cuts and any(ends_acute_course(i) for phase in ledger.phases for i in phase.items)


def _hit(arm: ArmResult, request: OutcomeRequest, decisions: Decisions) -> tuple[np.ndarray, np.ndarray]:
    """For a proportion: who has it, and among whom."""
    assert request.week is not None
    day, seen = 7 * request.week, arm.seen
    if request.kind == "relapse":
        return arm.relapse <= day, seen.remitted & (seen.acute_end <= day)
    everyone = np.ones(seen.baseline.shape, dtype=bool)
    if request.kind == "well":
        return seen.well(day, decisions.relapse), everyone
    return (seen.response(day) if request.kind == "response" else seen.remission(day)), everyone


def _scores(arm: ArmResult, request: OutcomeRequest) -> tuple[np.ndarray, int]:
    week = int(arm.seen.days[-1]) // 7 if request.week is None else request.week
    return on_scale(arm.seen.at(7 * week), arm.course.cohort.scale, request.scale or arm.course.cohort.scale), week


def _outcomes(arm: ArmResult, request: OutcomeRequest, decisions: Decisions) -> list[dict[str, Any]]:
    if request.kind == "mean":
        values, week = _scores(arm, request)
        spread = estimate.mean(values)
        half = 1.96 * float(values.std()) / STATED_N**0.5
        middle = spread.median
        return [
            {
                "arm": arm.name,
                "outcome": f"{request.scale} mean at week {week}",
                "kind": "mean",
                "unit": f"points {request.scale}",
                "day": 7 * week,
                "denominator": "all who started",
                "median": round(middle, 4),
                "unknown95": _rounded(spread.interval()),
                "sample95": {"n": STATED_N, "interval": _rounded((middle - half, middle + half))},
                "monte_carlo_se": round(spread.monte_carlo_se, 5),
            }
        ]
    hit, among = _hit(arm, request, decisions)
    spread = estimate.proportion(hit, among)
    chance = [estimate.binomial_quantile(np.array([spread.median]), STATED_N, q) for q in (0.025, 0.975)]
    return [
        {
            "arm": arm.name,
            "outcome": request.text,
            "kind": "proportion",
            "unit": "per 100 patients",
            "day": 7 * (request.week or 0),
            "denominator": "remitters (selected)" if request.kind == "relapse" else "all who started",
            "median": round(100 * spread.median, 4),
            "unknown95": _rounded(spread.interval(), 100),
            "sample95": {"n": STATED_N, "interval": _rounded((chance[0], chance[1]), 100)},
            "monte_carlo_se": round(100 * spread.monte_carlo_se, 5),
        }
    ]


def _rounded(interval: tuple[float, float], factor: float = 1.0) -> list[float]:
    return [round(factor * interval[0], 4), round(factor * interval[1], 4)]


def _safety(arm: ArmResult) -> dict[str, Any]:
    """The safety verdict of an arm, for nobody in particular: what needs a patient stays not checked."""
    verdict = check(arm.regimen, options=CheckOptions(stages=PLANNING))
    return {"arm": arm.name, "verdict": verdict.word, "detail": verdict.detail(), "rule_pack": verdict.pack_version}


def _evidence(ledgers: list[Ledger]) -> tuple[str, ...]:
    return tuple(sorted({study for ledger in ledgers for study in alike(ledger)}))


def basis(one: Ledger, other: Ledger) -> str:
    """What a contrast rests on: trials that hold both arms, or none."""
    found = direct_trials(one, other)
    return f"direct trial: {', '.join(found)}" if found else "indirect comparison: no packaged trial has both arms"


def _contrasts(
    arms: list[ArmResult], outcomes: tuple[OutcomeRequest, ...], decisions: Decisions
) -> list[dict[str, Any]]:
    return [_contrast(arm, arms[0], r, decisions) for r in outcomes for arm in arms[1:]]


def _contrast(arm: ArmResult, reference: ArmResult, request: OutcomeRequest, decisions: Decisions) -> dict[str, Any]:
    ratio = g = None
    note = f"{arm.name} against {reference.name}: {basis(arm.ledger, reference.ledger)}"
    if request.kind == "mean":
        (a, week), (b, _) = _scores(arm, request), _scores(reference, request)
        spread, factor, unit = estimate.paired_difference(a, b), 1.0, f"points {request.scale}"
        pooled = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 2) if a.shape[1] > 1 else None
        if pooled is not None:
            effect = estimate.denoise(-(a - b).mean(axis=1) / pooled, (a - b).var(axis=1) / a.shape[1] / pooled**2)
            g = {"median": round(effect.median, 4), "unknown95": _rounded(effect.interval())}
        name, better = f"{request.scale} mean at week {week}", spread.values < 0
    else:
        one, two = _hit(arm, request, decisions), _hit(reference, request, decisions)
        factor, unit, name = 100.0, "per 100", request.text
        if one[1].all() and two[1].all():
            spread = estimate.paired_difference(one[0], two[0])
        else:
            spread = estimate.difference(one, two)
            note = f"among remitters, who are selected: the arms may differ in who remits; {note}"
        p, q = estimate.proportion(*one).values, estimate.proportion(*two).values
        if len(p) == len(q):
            with np.errstate(divide="ignore", invalid="ignore"):
                values = p / q
            values = values[np.isfinite(values)]
            if len(values):
                quantiles = np.quantile(values, [0.025, 0.5, 0.975])
                ratio = {"median": round(float(quantiles[1]), 4), "unknown95": _rounded((quantiles[0], quantiles[2]))}
        better = spread.values < 0 if request.kind == "relapse" else spread.values > 0
    ties = spread.values == 0
    return {
        "outcome": name,
        "arm": arm.name,
        "reference": reference.name,
        "difference": round(factor * spread.median, 4),
        "unit": unit,
        "unknown95": _rounded(spread.interval(), factor),
        "better": "lower" if request.kind in ("mean", "relapse") else "higher",
        "prob_better": round(float(better.mean() + 0.5 * ties.mean()), 4),
        "risk_ratio": ratio,
        "hedges_g": g,
        "monte_carlo_se": round(factor * spread.monte_carlo_se, 5),
        "note": note,
    }


def _curves(arm: ArmResult, outcomes: tuple[OutcomeRequest, ...], decisions: Decisions) -> list[dict[str, Any]]:
    seen = arm.seen
    scales = list(dict.fromkeys(o.scale for o in outcomes if o.scale is not None)) or [arm.course.cohort.scale]
    curves = [_score_curve(arm, s) for s in scales]
    well = [(seen.well(int(d), decisions.relapse), None) for d in seen.days]
    curves.append(_share_curve(arm, "well", "all who started", list(seen.days), well))
    # from the end of each patient's own acute course, as far as everybody is followed
    limit = int(seen.days[-1] - seen.acute_end.max())
    days = list(range(0, limit + 1, 7))
    free = [(arm.relapse - seen.acute_end > d, seen.remitted) for d in days]
    curves.append(_share_curve(arm, "relapse-free", "remitters (selected), days since remission", days, free))
    return curves


def _score_curve(arm: ArmResult, scale: str) -> dict[str, Any]:
    rows = [on_scale(s, arm.course.cohort.scale, scale) for s in arm.seen.score]
    spreads = [estimate.mean(r) for r in rows]
    between = [np.quantile(r, [0.05, 0.25, 0.75, 0.95]) for r in rows]
    base = _curve(arm.name, f"{scale} mean", "all who started", list(arm.seen.days), spreads)
    return base | {
        "patients50": [[round(float(q[1]), 3) for q in between], [round(float(q[2]), 3) for q in between]],
        "patients90": [[round(float(q[0]), 3) for q in between], [round(float(q[3]), 3) for q in between]],
        "unit": f"points {scale}",
    }


def _share_curve(
    arm: ArmResult,
    measure: str,
    denominator: str,
    days: list[int],
    hits: Sequence[tuple[np.ndarray, np.ndarray | None]],
) -> dict[str, Any]:
    spreads = [estimate.proportion(hit, among) for hit, among in hits]
    base = _curve(arm.name, measure, denominator, days, spreads, 100.0)
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
    return {
        "well": f"at least {share:.0f} % below baseline at the visit{below}, of all who started",
        "remission": f"{scale.id} at most {decisions.remission[0]:g}",
        "relapse": definition_text(decisions.relapse),
    }
