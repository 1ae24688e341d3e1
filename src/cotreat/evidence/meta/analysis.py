"""A meta-analysis from effects to a document: pooled effect, spread, weights, and what the result hangs on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cotreat.evidence.meta.effects import ANALYSED, NAMES, NORMAL_975, Effect, Measure, back, no_effect
from cotreat.evidence.meta.fit import Coefficient, Data, Fit, How, Interval, Prediction, fit
from cotreat.evidence.meta.sensitivity import (
    Asymmetry,
    Filled,
    WithoutOne,
    asymmetry,
    egger,
    leave_one_out,
    trim_and_fill,
)
from cotreat.evidence.meta.table import Design, LeftOut, design_of

MOST_LEFT_OUT = 200  # leaving each study out in turn takes the square of their number
FEW = 10
FEW_FOR_TESTS = 5  # with fewer studies the tests for small-study effects are not shown


@dataclass(frozen=True, slots=True)
class Analysis:
    """Effects, the model fitted to them, and what was looked at beside it.

    ``knapp_hartung`` is the same model with the other test, None when that cannot be; ``small_studies`` is the
    regression on the standard error within the model, ``egger`` its classical form.
    """

    measure: Measure
    effects: tuple[Effect, ...]
    left_out: tuple[LeftOut, ...]
    design: Design
    fit: Fit
    knapp_hartung: Fit | None
    without: tuple[WithoutOne, ...]
    small_studies: Asymmetry | None
    egger: Asymmetry | None
    filled: Filled | None


def analyse(
    measure: Measure,
    effects: Sequence[Effect],
    how: How | None = None,
    moderators: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> Analysis:
    """Fit the model and everything that is reported beside it.

    Small-study tests and trim-and-fill belong to the plain model and are left out with moderators.

    Raises
    ------
    InputError
        No study, or moderators that cannot be estimated.
    """
    how = how or How()
    design = design_of(effects, moderators)
    yi, vi = [e.yi for e in effects], [e.vi for e in effects]
    data = Data(yi, vi, design.rows, design.names)
    fitted = fit(data, how)
    k, p = len(yi), len(design.names)
    adjusted = fit(data, How(how.method, "knha")) if k > p and how.method != "EE" else None
    plain = not moderators and k > 1
    return Analysis(
        measure=measure,
        effects=tuple(effects),
        left_out=tuple(left_out),
        design=design,
        fit=fitted,
        knapp_hartung=adjusted,
        without=leave_one_out([e.study for e in effects], data, how) if k <= MOST_LEFT_OUT else (),
        small_studies=asymmetry(yi, vi, how) if plain else None,
        egger=egger(yi, vi) if plain else None,
        filled=trim_and_fill(yi, vi, how) if plain else None,
    )


def document(analysis: Analysis) -> dict[str, Any]:
    """The analysis as a JSON document; ``estimate, se, tau2, ci95, pi95`` on the scale of analysis at the top level.

    With moderators these are at the mean of every column of the design. ``shown`` repeats them on the scale people
    read (a ratio, a proportion), where ``no_effect`` is marked.
    """
    measure, fitted = analysis.measure, analysis.fit
    average, spread = fitted.average, fitted.spread
    found: dict[str, Any] = {
        "measure": measure,
        "name": NAMES[measure],
        "analysed": ANALYSED[measure],
        "method": fitted.how.method,
        "test": fitted.how.test,
        "k": fitted.k,
        **_prediction(average),
        "statistic": _finite(average.estimate / average.se),
        "df": fitted.df,
        "p": fitted.coefficients[0].p if len(fitted.coefficients) == 1 else None,
        "tau2": spread.tau2,
        "tau2_se": spread.tau2_se,
        "tau2_ci95": _pair(spread.tau2_ci95),
        "i2": spread.i2,
        "i2_ci95": _pair(spread.i2_ci95),
        "h2": spread.h2,
        "h2_ci95": _pair(spread.h2_ci95),
        "q": spread.q,
        "q_df": spread.q_df,
        "q_p": spread.q_p,
        "r2": spread.r2,
        "no_effect": no_effect(measure),
        "shown": {**_shown(measure, average), "name": NAMES[measure]},
        "knapp_hartung": _adjusted(analysis),
        "studies": [_study(analysis, i) for i in range(fitted.k)],
        "left_out": [{"study": o.study, "reason": o.reason} for o in analysis.left_out],
        "leave_one_out": [
            {
                "study": w.study,
                **_prediction(w.fit.average),
                "tau2": w.fit.spread.tau2,
                "i2": w.fit.spread.i2,
                "shown": _shown(measure, w.fit.average),
            }
            for w in analysis.without
        ],
        "small_studies": _asymmetry(analysis.small_studies),
        "egger": _asymmetry(analysis.egger),
        "trim_and_fill": _filled(analysis),
        "notes": _notes(analysis),
    }
    if analysis.design.names != ("average",):
        found["moderators"] = _moderators(analysis)
    return found


def _prediction(at: Prediction) -> dict[str, Any]:
    return {"estimate": at.estimate, "se": at.se, "ci95": list(at.ci95), "pi95": _pair(at.pi95)}


def _shown(measure: Measure, at: Prediction) -> dict[str, Any]:
    return {
        "estimate": _finite(back(measure, at.estimate)),
        "ci95": _pair((back(measure, at.ci95[0]), back(measure, at.ci95[1]))),
        "pi95": None if at.pi95 is None else _pair((back(measure, at.pi95[0]), back(measure, at.pi95[1]))),
    }


def _adjusted(analysis: Analysis) -> dict[str, Any] | None:
    fitted = analysis.knapp_hartung
    if fitted is None:
        return None
    p = fitted.coefficients[0].p if len(fitted.coefficients) == 1 else None
    return {**_prediction(fitted.average), "df": fitted.df, "p": p, "shown": _shown(analysis.measure, fitted.average)}


def _study(analysis: Analysis, i: int) -> dict[str, Any]:
    effect = analysis.effects[i]
    half = NORMAL_975 * math.sqrt(effect.vi)
    alone = Prediction(effect.yi, math.sqrt(effect.vi), (effect.yi - half, effect.yi + half), None)
    shown = _shown(analysis.measure, alone)
    found: dict[str, Any] = {
        "study": effect.study,
        "yi": effect.yi,
        "vi": effect.vi,
        "ci95": list(alone.ci95),
        "weight": analysis.fit.weights[i],
        "shown": {"estimate": shown["estimate"], "ci95": shown["ci95"]},
    }
    if effect.note:
        found["note"] = effect.note
    if effect.moderators:
        found["moderators"] = dict(effect.moderators)
    return found


def _coefficient(term: Coefficient) -> dict[str, Any]:
    return {
        "name": term.name,
        "estimate": term.estimate,
        "se": term.se,
        "statistic": _finite(term.statistic),
        "p": term.p,
        "ci95": list(term.ci95),
    }


def _asymmetry(test: Asymmetry | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {**_coefficient(test.slope), "df": test.df, "limit": test.limit, "limit_ci95": list(test.limit_ci95)}


def _filled(analysis: Analysis) -> dict[str, Any] | None:
    filled = analysis.filled
    if filled is None:
        return None
    at = filled.fit.average
    return {
        "missing": filled.missing,
        "missing_se": filled.missing_se,
        "side": filled.side,
        **_prediction(at),
        "tau2": filled.fit.spread.tau2,
        "shown": _shown(analysis.measure, at),
    }


def _moderators(analysis: Analysis) -> dict[str, Any]:
    test = analysis.fit.moderators
    return {
        "coefficients": [_coefficient(term) for term in analysis.fit.coefficients],
        "reference": dict(analysis.design.reference),
        "test": None if test is None else {"statistic": test.statistic, "df": list(test.df), "p": test.p},
        "estimate_at": "the mean of every column of the design",
    }


def _notes(analysis: Analysis) -> list[str]:
    """What a reader must know before using the number."""
    k, notes = analysis.fit.k, list(analysis.fit.notes)
    names = [e.study for e in analysis.effects]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        notes.append(f"named more than once: {', '.join(twice)}; the same patients may count twice")
    added = [e.study for e in analysis.effects if e.note.startswith("half a patient")]
    if added:
        notes.append(f"half a patient was added to the cells of {', '.join(added)}, where a cell is zero")
    if 1 < k < 5:
        notes.append(f"{k} studies say little about the variance between studies; prefer the Knapp-Hartung interval")
    if k > MOST_LEFT_OUT:
        notes.append(f"with more than {MOST_LEFT_OUT} studies none is left out in turn")
    if analysis.egger is not None and FEW_FOR_TESTS <= k < FEW:
        notes.append(f"tests for small-study effects have little power with fewer than {FEW} studies")
    return notes


def _pair(bounds: Interval | None) -> list[float | None] | None:
    return None if bounds is None else [_finite(bounds[0]), _finite(bounds[1])]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
