"""What a calibration found, as one document: the pages are made from it, and it is kept beside the draws."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from cotreat.calibrate.checks import (
    PRIOR_DRIVEN,
    Case,
    Coverage,
    Rivalry,
    Seen,
    against_regression,
    coverage,
    misfits,
    normal_overlap,
    seen,
)
from cotreat.calibrate.compare import TRUSTED
from cotreat.calibrate.predictive import FigureDraws, quantiles
from cotreat.calibrate.sbc import Ranks
from cotreat.calibrate.space import EFFECTS, HETEROGENEITY, STRENGTHS
from cotreat.calibrate.stages import Calibration, Foreseen, fitted_figures, left_out_figures, prior_figures
from cotreat.calibrate.terms import size_of
from cotreat.evidence.schema import Outcome, Study
from cotreat.model.parameter_set import LINEAR_MOOD
from cotreat.studies.figures import design_effect

DISCLAIMER = "Research and decision support, not a medical device"
_BANK = ("wide", "patients", "near", "close", "direct_patients", "held", "held_patients")
_RATIOS = ("hazard_ratio", "risk_ratio", "odds_ratio")
_REACH = [round(float(HETEROGENEITY[0] * np.exp(HETEROGENEITY[1] * v)), 3) for v in (0.0, -1.6449, 1.6449)]
_HELD = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S11")


def evidence_version(studies: Sequence[Study]) -> str:
    """The studies of a fit in one short digest."""
    text = "|".join(s.model_dump_json() for s in sorted(studies, key=lambda s: s.id))
    return f"{len(studies)} studies, {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def make_document(
    found: Calibration,
    draws: dict[str, np.ndarray],
    checks: tuple[Ranks | None, dict[str, Any] | None],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """The document; ``facts``: name, date, command and checksum of the set of draws.

    ``checks``: simulation-based calibration, and the fit against direct simulation, where they were made.
    """
    ranks, direct = checks
    material = found.studies
    prior, fitted, left = prior_figures(found), fitted_figures(found), left_out_figures(found)
    inside = _seen(found, fitted)
    outside = _seen(found, left)
    used = {t.study: set(t.used) for t in material.terms}
    counted = [f for f in outside if f.outcome in used[f.study]]
    levels = [f for f in counted if f.kind != "contrast"]
    contrasts = [f for f in outside if f.kind == "contrast"]
    cases = [
        Case(material.studies[s], material.tables[s], material.terms[s], left[s].figures, left[s].weights)
        for s in range(len(left))
    ]
    bad = misfits(inside, material.terms)
    return {
        "kind": "calibration",
        **facts,
        "label": found.plan.label,
        "version": version("cotreat"),
        "seed": found.plan.seed,
        "disclaimer": DISCLAIMER,
        "evidence": evidence_version(material.studies),
        "figures_in_fit": sum(len(t.used) for t in material.terms),
        "bank": {k: getattr(found.plan, k) for k in _BANK},
        "rivals": _rivals(found),
        "coverage": {
            "all": [_cover(c) for c in coverage(counted)],
            "levels": [_cover(c) for c in coverage(levels)],
            "contrasts": [_cover(c) for c in coverage(contrasts)] if contrasts else [],
        },
        "regression": [_rivalry(r) for r in against_regression(cases)],
        "held": _held(material.studies, inside, outside, used),
        "emulator": _emulator(found),
        "direct": None if direct is None else _direct(found, direct),
        "between_studies": _between(found),
        "sbc": None if ranks is None else ranks.summary(),
        "parameters": _parameters(found, draws),
        "studies": [
            _study(found, s, (prior[s], fitted[s], left[s]), bad.get(material.studies[s].id, []))
            for s in range(len(left))
        ],
    }  # fmt: skip


def _seen(found: Calibration, each: Sequence[Foreseen]) -> list[Seen]:
    studies = found.studies.studies
    return [f for s, one in enumerate(each) for f in seen(studies[s], one.figures, one.weights)]


def _cover(c: Coverage) -> dict[str, Any]:
    return {"level": c.level, "share": round(c.share, 4), "se": round(c.se, 4), "studies": c.studies, "holds": c.holds}


def _rivalry(r: Rivalry) -> dict[str, Any]:
    return {
        "what": r.what, "figures": r.figures, "studies": r.studies, "model": round(r.model, 4),
        "regression": round(r.regression, 4), "se": round(r.se, 4), "width": [round(w, 4) for w in r.widths],
        "width_ratio": round(r.widths[0] / r.widths[1], 3) if r.widths[1] else None,
    }  # fmt: skip


def _rivals(found: Calibration) -> list[dict[str, Any]]:
    out = []
    for i, f in enumerate(found.fitted):
        difference, se = found.comparison.difference(i)
        free = f.problem.free
        out.append(
            {
                "name": f.rival.name,
                "claim": f.rival.claim,
                "weight": round(float(found.comparison.weights[i]), 4),
                "averaged": not f.rival.linear,
                "elpd": round(float(found.comparison.density[i].sum()), 2),
                "difference": round(difference, 2),
                "se": round(se, 2),
                "divergent": f.fit.divergent,
                "rhat": round(float(np.nanmax(f.fit.rhat)), 4),
                "ess": round(float(np.nanmin(f.fit.ess)), 1),
                "draws": len(f.fit.z),
                "free": int(free.sum()),
                "refitted": [c.cohort for c in f.left_out if c.refitted],
                "not_trusted": [c.cohort for c in f.left_out if not c.refitted and c.shape > TRUSTED],
            }
        )
    return out


def _held(
    studies: Sequence[Study], inside: Sequence[Seen], outside: Sequence[Seen], used: dict[str, set[int]]
) -> list[dict[str, Any]]:
    """Share of the figures of each system inside the 80 % interval of their study, fitted and left out."""
    systems = {s.id: s.systems for s in studies}
    out = []
    for name in (*_HELD, "all of these"):
        row: dict[str, Any] = {"system": name}
        for what, figures in (("fitted", inside), ("left_out", outside)):
            mine = [
                f
                for f in figures
                if f.outcome in used[f.study]
                and (name in systems[f.study] or (name == "all of these" and set(_HELD) & set(systems[f.study])))
            ]
            row[what] = round(float(np.mean([abs(f.place - 0.5) <= 0.4 for f in mine])), 3) if mine else None
            row["figures"] = len(mine)
        out.append(row)
    return out


def _emulator(found: Calibration) -> dict[str, Any]:
    """Error of the networks against the standard error of each figure in the fit."""
    material = found.studies
    ratios = []
    for s, study in enumerate(material.studies):
        used = material.terms[s].used
        ratios += [(ratio, study.id, i) for i, ratio in figure_errors(found, s) if i in used]
    over = sorted((r for r in ratios if r[0] > 0.2), reverse=True)
    by_id = {study.id: study for study in material.studies}
    in_fit = [r / widening(by_id[key], i) for r, key, i in ratios]
    return {
        "figures": len(ratios),
        "median": round(float(np.median([r[0] for r in ratios])), 4) if ratios else None,
        "below_fifth": round(float(np.mean([r[0] <= 0.2 for r in ratios])), 4) if ratios else None,
        "median_in_fit": round(float(np.median(in_fit)), 4) if ratios else None,
        "below_fifth_in_fit": round(float(np.mean([r <= 0.2 for r in in_fit])), 4) if ratios else None,
        "over": [{"study": s, "outcome": i, "ratio": round(r, 3)} for r, s, i in over],
        "treatment": "the error of a figure's network is added to its likelihood and to its predictions",
    }


def _direct(found: Calibration, checked: dict[str, Any]) -> dict[str, Any]:
    """Bias of the networks at the posterior in standard errors of each figure, and what reweighting would leave."""
    material = found.studies
    bias = [
        (abs(ratio), study.id, i, abs(ratio) / widening(study, i))
        for s, study in enumerate(material.studies)
        for i, ratio in figure_errors(found, s, checked["bias"][s])
        if i in material.terms[s].used and np.isfinite(ratio)
    ]
    return {
        "draws": int(checked["draws"]), "ess": round(float(checked["ess"]), 1),
        "ess_study": round(float(np.median(checked["ess_study"])), 1),
        "median": round(float(np.median([b[0] for b in bias])), 4),
        "below_fifth": round(float(np.mean([b[0] <= 0.2 for b in bias])), 4), "figures": len(bias),
        "largest_in_fit": round(max(b[3] for b in bias), 3),
        "over": [
            {"study": s, "outcome": i, "ratio": round(r, 3)} for r, s, i, _ in sorted(bias, reverse=True) if r > 0.2
        ],
    }  # fmt: skip


def _between(found: Calibration) -> list[dict[str, Any]]:
    """How much strengths of treatments differ between studies: SDs in prior SDs, of the mixture."""
    rows = []
    for g, (name, strengths) in enumerate(STRENGTHS.items()):
        parts = [(f.fit.reach[:, g], w) for f, w in found.mixture()]
        values = np.concatenate([v for v, _ in parts])
        weights = np.concatenate([np.full(len(v), w / len(v)) for v, w in parts])
        low, middle, high = quantiles(values, weights, [0.05, 0.5, 0.95])
        rows.append({"group": name, "strengths": list(strengths), "prior": _REACH,
                     "posterior": [round(float(v), 3) for v in (middle, low, high)]})  # fmt: skip
    return rows


def figure_errors(found: Calibration, s: int, error: np.ndarray | None = None) -> list[tuple[int, float]]:
    """Error of the networks in standard errors of each figure of study ``s`` that has one; ``error`` by level."""
    material = found.studies
    error = material.emulator.error[s] if error is None else error
    out = []
    figures = {f.outcome: f for f in left_scales(found, s)}
    for i, places in enumerate(material.tables[s].of_outcome):
        if i in figures and places:
            size = float(np.sqrt(np.nansum(error[list(places)] ** 2)))
            kind = material.studies[s].outcomes[i].measure
            unit = 0.2 if kind in _RATIOS else 10.0 if kind == "smd" else 1.0
            out.append((i, size / unit / figures[i].scale))
    return out


def widening(study: Study, i: int) -> float:
    """By how much the error a figure has in the fit exceeds its printed one: patients of an arm are alike."""
    outcome = study.outcomes[i]
    n = size_of(study, outcome) or 1.0
    each = n / 2.0 if outcome.kind == "contrast" else n
    return float(np.sqrt(design_effect(max(each, 1.0))))


def left_scales(found: Calibration, s: int) -> list[FigureDraws]:
    """Figures of a study with their standard errors (their draws are not asked for)."""
    from cotreat.calibrate.predictive import LevelDraws, figures

    material = found.studies
    most = material.emulator.most
    half = LevelDraws(np.full((1, len(material.studies), most), 0.5), np.ones((1, len(material.studies), most)) * 8)
    errors = (material.emulator.error, material.emulator.sd_error)
    return figures(material.studies[s], material.tables[s], half, s, errors)


def _parameters(found: Calibration, draws: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    space = found.studies.space
    pairs = [(f, w) for f, w in found.mixture()]
    out = []
    for name in space.names:
        if name in EFFECTS or name == LINEAR_MOOD:
            continue
        p = space.prior.parameters[name]
        j = space.index(name)
        z = np.concatenate([f.fit.z[:: max(1, len(f.fit.z) // max(1, int(1000 * w))), j] for f, w in pairs])
        full = found.fitted[0].fit.z[:, j]
        shared = normal_overlap(full)
        low, middle, high = np.quantile(draws[name], [0.05, 0.5, 0.95])
        out.append(
            {
                "name": name, "unit": p.unit, "identified": p.identified,
                "prior": [p.median, *(p.range90 or (p.median, p.median))],
                "posterior": [float(middle), float(low), float(high)],
                "overlap": round(shared, 3), "prior_driven": shared > PRIOR_DRIVEN,
                "shift": round(float(np.mean(z)), 3),
            }
        )  # fmt: skip
    return out


def _study(found: Calibration, s: int, each: tuple[Foreseen, Foreseen, Foreseen], bad: Sequence[int]) -> dict[str, Any]:
    material = found.studies
    study, terms = material.studies[s], material.terms[s]
    errors = dict(figure_errors(found, s))
    prior, fitted, left = (({f.outcome: f for f in e.figures}, e.weights) for e in each)
    rows = []
    for i, outcome in enumerate(study.outcomes):
        row: dict[str, Any] = {
            "outcome": i, "label": label_of(outcome), "measure": outcome.measure, "of": outcome.of,
            "arm": list(outcome.arms), "against": list(outcome.reference_arms), "scale": outcome.scale,
            "day": outcome.day, "n": outcome.n, "observed": outcome.observed, "read": outcome.read,
            "used": terms.unused[i] is None, "reason": terms.unused[i], "definition": outcome.definition,
            "error": round(errors[i], 3) if i in errors else None,
        }  # fmt: skip
        for name, (known, weights) in (("prior", prior), ("fitted", fitted), ("left_out", left)):
            row[name] = _interval(known[i], weights, outcome) if i in known else None
        rows.append(row)
    shape = {
        f.rival.name: _number(f.left_out[k].shape)
        for f in found.fitted
        for k, c in enumerate(found.comparison.cohorts)
        if c == study.cohort
    }
    return {
        "id": study.id, "title": study.title, "doi": study.doi, "year": study.year, "cohort": study.cohort,
        "systems": list(study.systems), "design": study.design, "weight": study.weight, "shape": shape,
        "misfit": list(bad), "figures": rows,
    }  # fmt: skip


def _number(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _interval(f: FigureDraws, weights: np.ndarray, outcome: Outcome) -> dict[str, Any]:
    """Median and central intervals of what a trial of this size would print; ratios on the natural scale."""
    ends = quantiles(f.draws, weights, [0.5, 0.25, 0.75, 0.1, 0.9, 0.025, 0.975])
    if outcome.measure in _RATIOS:
        ends = np.exp(ends)
    elif outcome.kind == "proportion":
        ends = np.clip(ends, 0.0, 1.0)
    m, a, b, c, d, e, g = (round(float(v), 4) for v in ends)
    place = None if f.observed is None else round(float((weights * (f.draws < f.observed)).sum() / weights.sum()), 4)
    return {"median": m, "pi50": [a, b], "pi80": [c, d], "pi95": [e, g], "place": place}


def label_of(outcome: Outcome) -> str:
    """A figure in a few words."""
    who = " + ".join(outcome.arms) + (
        f" against {' + '.join(outcome.reference_arms)}" if outcome.reference_arms else ""
    )
    what = outcome.measure.replace("_", " ") + (f" of {outcome.of.replace('_', ' ')}" if outcome.of else "")
    when = "" if outcome.day is None else f", day {outcome.day:g}"
    return f"{who}: {what}{f' ({outcome.scale})' if outcome.scale else ''}{when}"
