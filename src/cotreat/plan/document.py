"""A plan, or the reasons why there is none, as plain data (docs/plan-document.md)."""

from __future__ import annotations

import shlex
from importlib.metadata import version
from typing import Any

from cotreat.plan.dispense import Line, Period, periods
from cotreat.plan.locale.catalogue import catalogue
from cotreat.plan.occupied import curve_range
from cotreat.plan.portions import Portion
from cotreat.plan.preparations import Preparation
from cotreat.plan.questions import checks, questions
from cotreat.plan.request import Request
from cotreat.plan.value import Plan, Refused
from cotreat.safety.check import Verdict
from cotreat.safety.pack import load_pack

DISCLAIMER = "Research and decision support, not a medical device."
MUST_READ = ("worse_after_a_cut", "tms_is_not_known_to_help", "never_stop_suddenly", "suicidal_thoughts")
"""Keys of the sentences that every patient sheet carries, in its language."""
UNCONFIRMED = "strengths have not been confirmed by a prescriber"


def plan_document(plan: Plan) -> dict[str, Any]:
    """The whole plan."""
    request = plan.request
    return {
        "kind": "taper",
        "stopped": False,
        "request": _request(request),
        "drug": _drug(request),
        "method": _method(plan),
        "start": request.start.isoformat(),
        "stop": plan.stop.isoformat(),
        "weeks": round(plan.rows[-1].day / 7, 2),
        "rows": _rows(plan),
        "evenness": None if plan.evenness is None else round(plan.evenness, 3),
        "curve": _curve(plan),
        "preparations": [_preparation(p) for p in plan.used],
        "dispensing": _dispensing(plan),
        "regimen": plan.text,
        "day_0": request.monday.isoformat(),
        "stimulation": [s for s in plan.text.splitlines() if not _about(s, request.drug.id)],
        "remarks": list(plan.remarks),
        "must_read": list(MUST_READ),
        "safety": plan.verdict.document(),
        "printing": printing_document(plan.to_print),
        "provenance": _provenance(request, plan.verdict),
    }


def refusal_document(refused: Refused) -> dict[str, Any]:
    """Why there is no plan. It holds no doses."""
    request = refused.request
    return {
        "kind": "taper",
        "stopped": True,
        "request": _request(request),
        "drug": _drug(request),
        "reasons": list(refused.reasons),
        "would_help": list(refused.would_help),
        "safety": None if refused.verdict is None else refused.verdict.document(),
        "provenance": _provenance(request, refused.verdict),
    }


def _about(sentence: str, drug: str) -> bool:
    return drug in sentence.split()[:2]


def _request(request: Request) -> dict[str, Any]:
    o = request.options
    return {
        "sentence": request.sentence,
        "mg_per_dose": request.mg,
        "times_a_day": request.times,
        "mg_per_day": request.per_day,
        "speed": o.speed,
        "weeks": o.weeks,
        "every_days": o.every_days,
        "forms": o.forms,
        "stated_preparations": list(o.preparations),
        "release": o.release,
        "made_to_order": o.made_to_order,
        "with_tms": bool(o.with_tms),
        "reason": o.reason,
        "language": o.language,
        "today": request.today.isoformat(),
    }


def _drug(request: Request) -> dict[str, Any]:
    drug = request.drug
    return {
        "id": drug.id,
        "names": {"en": drug.id, "ko": drug.label("ko"), "ja": drug.label("ja")},
        "class": drug.drug_class,
        "atc": drug.atc,
        "rxcui": drug.rxcui,
    }


def _method(plan: Plan) -> dict[str, Any]:
    s = plan.scale
    return {
        "kind": s.kind,
        "steps_of": s.method,
        "size": round(s.size, 4),
        "interval_days": s.interval_days,
        "source": s.source,
        "mark": s.mark,
    }


def _curve(plan: Plan) -> dict[str, Any] | None:
    curve, box = plan.scale.curve, curve_range(plan.request.drug)
    if curve is None or box is None:
        return None
    return {
        "target": curve.target,
        "region": curve.region,
        "maximum_percent": curve.emax,
        "half_maximal_mg_per_day": curve.ed50_mg_per_day,
        "source": curve.source,
        "mark": curve.mark,
        "range": {"maximum_percent": list(box.emax), "half_maximal_mg_per_day": list(box.ed50), "source": box.source},
    }


def _rows(plan: Plan) -> list[dict[str, Any]]:
    found = []
    for k, row in enumerate(plan.rows):
        before, now = plan.doses[k], plan.doses[k + 1]
        occupied, fall = plan.occupied[k + 1], plan.steps[k]
        curve = plan.scale.curve
        aim = row.aim
        off = None if curve is None or aim is None else round(curve.percent(now) - curve.percent(aim), 2)
        found.append(
            {
                "row": k + 1,
                "kind": row.kind,
                "first_day": plan.date_of(row.day).isoformat(),
                "last_day": None if not row.days else plan.date_of(row.day + row.days - 1).isoformat(),
                "day": row.day,
                "days": row.days,
                "mg_per_dose": row.mg,
                "times_a_day": plan.request.times,
                "mg_per_day": round(now, 4),
                "aimed_mg_per_day": None if aim is None else round(aim, 3),
                "take": [] if row.portion is None else _take(row.portion),
                "text": "" if row.portion is None else str(row.portion),
                "short": "" if row.portion is None else row.portion.short,
                "cut_percent": round(100 * (before - now) / before, 1) if before else None,
                "occupancy": None if occupied is None else _interval(*occupied),
                "occupancy_off_by": off,
                "fall": None if fall is None else _interval(*fall),
                "diazepam_mg": _diazepam(plan, now),
            }
        )
    return found


def _interval(middle: float, bounds: tuple[float, float]) -> dict[str, float]:
    return {"percent": round(middle, 2), "low": round(bounds[0], 2), "high": round(bounds[1], 2)}


def _diazepam(plan: Plan, mg: float) -> list[float] | None:
    equal = plan.request.drug.diazepam_equivalent
    if equal is not None:
        lowest, highest = min(equal.low_mg, equal.mg), max(equal.high_mg, equal.mg)
        return [round(10 * mg / highest, 2), round(10 * mg / lowest, 2)]
    if plan.scale.kind == "sedative" and plan.scale.diazepam_mg:
        return [round(mg / plan.scale.diazepam_mg, 2)] * 2
    return None


def _take(portion: Portion) -> list[dict[str, Any]]:
    return [
        {
            "preparation": p.key,
            "amount": n,
            "unit": p.unit,
            "drops": round(n / p.step) if p.measure == "drops" else None,
            "mg": round(n * p.mg, 4),
        }
        for p, n in portion.parts
    ]


def _preparation(p: Preparation) -> dict[str, Any]:
    return {
        "key": p.key,
        "mg": p.mg,
        "per": "mL" if p.liquid else "piece",
        "form": p.form,
        "release": p.release,
        "origin": p.origin,
        "mark": p.mark,
        "confirmed": p.confirmed,
        "measure": p.measure or None,
        "note": p.note or None,
    }


def _dispensing(plan: Plan) -> dict[str, Any]:
    open_ones = [p.key for p in plan.used if not p.confirmed]
    withheld = bool(open_ones) and not plan.request.options.confirm_strengths
    every = () if withheld else periods(plan)
    return {
        "withheld": withheld,
        "reason": UNCONFIRMED if withheld else None,
        "to_confirm": open_ones,
        "confirmed_by_prescriber": bool(open_ones) and not withheld,
        "periods": [_period(plan, p) for p in every],
        "total_mg": round(sum(p.mg for p in every), 4) if every else None,
    }


def _period(plan: Plan, p: Period) -> dict[str, Any]:
    return {
        "first_day": plan.date_of(p.first).isoformat(),
        "last_day": plan.date_of(p.end - 1).isoformat(),
        "days": p.end - p.first,
        "items": [_line(line) for line in p.lines],
        "mg": p.mg,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "preparation": line.preparation.key,
        "unit": line.preparation.unit,
        "used": line.used,
        "handed_out": line.handed_out,
        "left_over": line.left_over,
        "mg": line.mg,
    }


def printing_document(verdict: Verdict) -> dict[str, Any]:
    """Whether a plan may be printed, what stands against it, and what is asked on the day.

    ``verdict`` was asked as for printing.
    """
    safety = verdict.document()
    asked = questions(safety)
    stops = [f.rule.id for f in verdict.findings if f.stops]
    return {
        "allowed": not verdict.stopped,
        "rules": [*stops, *(f.rule.id for f in verdict.missing_for_printing if f.rule.id not in stops)],
        "missing": [q.fact for q in asked],
        "questions": [
            {"fact": q.fact, "meaning": q.meaning, "answers": q.answers, "rules": list(q.rules)} for q in asked
        ],
        "on_the_day": [
            {"occasion": c.occasion, "facts": list(c.facts), "stops": list(c.stops), "cautions": list(c.cautions)}
            for c in checks(safety, catalogue("en").texts["ask"])
        ],
        "if_known": [f.rule.id for f in verdict.undecided("if known")],
    }


def _provenance(request: Request, verdict: Verdict | None) -> dict[str, Any]:
    pack = request.pack or load_pack()
    return {
        "command": remake(request),
        "version": version("cotreat"),
        "seed": None,
        "rule_pack": {"version": pack.version, "hash": pack.hash}
        if verdict is None
        else {"version": verdict.pack_version, "hash": verdict.pack_hash},
        "calendar": "local dates without hours: nothing moves when clocks change",
        "disclaimer": DISCLAIMER,
    }


def remake(request: Request) -> str:
    """The command line that makes the plan again (a patient's file and a rule file are added by whoever has them)."""
    o = request.options
    parts = ["cotreat", "plan", "taper", request.sentence, "--forms", o.forms, "--speed", o.speed]
    if o.weeks is not None:
        parts += ["--weeks", f"{o.weeks:g}"]
    if o.every_days is not None:
        parts += ["--steps-every", f"{o.every_days}d"]
    if o.release is not None:
        parts += ["--release", o.release]
    for text in o.preparations:
        parts += ["--preparation", text]
    flags = {
        "--with-tms": bool(o.with_tms),
        "--marketed-only": not o.made_to_order,
        "--confirm-strengths": o.confirm_strengths,
        "--confirm-dose": o.confirm_dose,
    }
    parts += [flag for flag, on in flags.items() if on]
    if o.reason is not None:
        parts += ["--reason", o.reason]
    for override in request.patient.overrides:
        parts += ["--override", f"{override.rule}={override.reason}"]
    parts += ["--start", request.start.isoformat(), "--today", request.today.isoformat()]
    return " ".join(shlex.quote(p) for p in parts)
