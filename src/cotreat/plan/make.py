"""A taper for one person: the ways to make it tried in order, each checked by the safety rules before it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from math import exp, log
from statistics import median

from cotreat.measures.errors import InputError
from cotreat.plan.choose import Limits, choose
from cotreat.plan.coarse import coarse
from cotreat.plan.portions import Portion, nearest, portions
from cotreat.plan.preparations import (
    USER_EXAMPLES,
    Preparation,
    borrowed,
    countries,
    made_to_order,
    of_release,
    preparations,
    usual_release,
    why_nothing_is_made,
)
from cotreat.plan.request import REASONS, TMS, Kept, Options, Request, read_request, reason_of
from cotreat.plan.scale import Scale, scale_of
from cotreat.plan.value import Plan, Refused, Row, laid_out
from cotreat.regimen.expand import LONGEST_HORIZON
from cotreat.regimen.parse import parse
from cotreat.regimen.quantities import plain
from cotreat.safety.check import CheckOptions, check
from cotreat.safety.pack import Pack
from cotreat.safety.patient import Patient

MOST_ROWS = 190
UNEVEN = 1.5
"""Largest step of occupancy over the median one from which a plan must say what would mend it."""
TOO_UNEVEN = 2.0
"""From here on a preparation made to order is preferred to marketed ones."""
STRICT = Limits(0.8, 1.2)
LIMITS = {"occupancy": (STRICT,), "proportion": (Limits(0.3, 1.2),), "line": (STRICT, Limits(0.5, 1.5))}
CAUTION_POINTS = 10.0
"""Fall of occupancy in one step from which a rule cautions (TAP-022)."""
CAUTION_CUT = -log(0.9)
"""The same for a cut of a sedative, 10 % of the latest dose (TAP-003)."""
_PACE = frozenset({"TAP-001", "TAP-002", "TAP-020", "TAP-021", "TAP-040", "TAP-050", "TMS-026"})
"""Rules that a slower taper satisfies."""
_TINY = 1e-6
_MOST_TMS_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Way:
    """One way to make a taper: a portion for each step, from these preparations, with what must be said about it."""

    scale: Scale
    portions: tuple[Portion, ...]
    preparations: tuple[Preparation, ...]
    remarks: tuple[str, ...] = ()


def taper(
    text: str, patient: Patient | None = None, options: Options | None = None, pack: Pack | None = None
) -> Plan | Refused:
    """A taper to zero from a dose taken now, such as ``venlafaxine 225 mg daily``.

    The answer is a plan that no rule stops, or the reasons why there is none and what would help. Raises InputError for
    a request that cannot be planned at all.
    """
    request = read_request(text, options or Options(), patient, pack)
    marketed = _preparations(request)
    scale = scale_of(request, _whole(request, marketed))
    ways = ways_down(request, scale, marketed)
    if not ways:
        return _missing(request, scale, marketed)
    way = ways[0]
    rows = _rows(way.scale, way.portions)
    remarks = (*_about_forms(request, marketed), *way.remarks)
    return finished(request, way.scale, rows, way.preparations, remarks)


def _whole(request: Request, marketed: tuple[Preparation, ...]) -> tuple[float, ...]:
    solids = tuple(p for p in marketed if not p.liquid)
    found = {p.mg * request.times for p in portions(solids, 0.0, request.mg) if not p.halves and p.pieces <= 4}
    return tuple(sorted(found))


# ---- the ways down ----------------------------------------------------------------------------------------------


def ways_down(request: Request, scale: Scale, marketed: tuple[Preparation, ...]) -> list[Way]:
    """The first way that will do: equal steps from what is marketed, nearly so, then with what is made to order."""
    return list(_ways(request, scale, marketed))[:1]


def _ways(request: Request, scale: Scale, marketed: tuple[Preparation, ...]) -> Iterator[Way]:
    times = request.times
    even = _evenly_made(request, scale, marketed)
    if even is not None:
        yield Way(*even, marketed)
        return
    targets = scale.targets()
    made = _to_make(request, marketed, min(targets) / times) if targets else ()
    rough = coarse(scale, times, marketed)
    mend = _mend(made, request)
    if rough is not None and _even(scale, times, rough) <= TOO_UNEVEN:
        yield Way(scale, tuple(rough), marketed, _uneven(scale, times, rough, mend))
        return
    if made and request.options.made_to_order:
        every = (*marketed, *made)
        even = _evenly_made(request, scale, every)
        if even is not None:
            yield Way(*even, every, (_to_order(request, even[1]),))
            return
        fine = coarse(scale, times, every)
        if fine is not None and (rough is None or _even(scale, times, fine) < _even(scale, times, rough)):
            yield Way(scale, tuple(fine), every, (_to_order(request, fine), *_uneven(scale, times, fine, mend)))
            return
    if rough is not None:
        yield Way(scale, tuple(rough), marketed, _uneven(scale, times, rough, mend))


def _evenly_made(
    request: Request, scale: Scale, from_these: tuple[Preparation, ...]
) -> tuple[Scale, tuple[Portion, ...]] | None:
    """Portions in steps that are as equal as is asked for, without a step that a rule cautions against if that can be.

    One cut more is taken where it keeps a slow release, or one preparation, for longer.
    """

    def tried(one: Scale, limit: Limits) -> tuple[Scale, tuple[Portion, ...]] | None:
        found = choose(one, request.times, from_these, limit)
        return None if found is None else (one, tuple(found))

    if scale.kind == "antidepressant by occupancy" and scale.size <= CAUTION_POINTS:
        capped = replace(STRICT, most=CAUTION_POINTS)
        scales = [scale] if request.options.weeks is not None else [scale, scale.sized(scale.cuts + 1)]
        gentle = [way for way in (tried(one, capped) for one in scales) if way is not None]
        if gentle:
            slow = any(p.release != "immediate" for p in from_these)
            return min(gentle, key=lambda way: (_quick(way[1]) if slow else 0, _count(way[1]), len(way[1])))
    if scale.kind == "sedative" and scale.size <= CAUTION_CUT * 1.001 and request.options.weeks is None:
        capped = Limits(0.2, 1.5, CAUTION_CUT)
        for more in (1, 3, 6):
            way = tried(scale.sized(scale.cuts + more), capped)
            if way is not None:
                return way
    return next((way for limit in LIMITS[scale.method] if (way := tried(scale, limit)) is not None), None)


def _quick(found: Sequence[Portion]) -> int:
    return sum(p.quick for p in found)


def _count(found: Sequence[Portion]) -> int:
    return len(frozenset().union(*(p.keys for p in found)))


def _to_make(request: Request, marketed: tuple[Preparation, ...], smallest: float) -> tuple[Preparation, ...]:
    """What may be made to order; nothing of another release where milligrams of the two are not the same."""
    made = made_to_order(request.drug, smallest)
    slow = any(p.release != "immediate" for p in marketed)
    if slow and not usual_release(request.drug).mg_for_mg:
        return tuple(p for p in made if p.release != "immediate")
    return made


def _even(scale: Scale, times: int, found: Sequence[Portion]) -> float:
    """Largest step over the median one, where steps should be equal; 1 where they are shares of the latest dose."""
    if scale.method == "proportion":
        return 1.0
    places = [scale.measure(mg) for mg in (scale.start_mg, *(p.mg * times for p in found))] + [0.0]
    steps = [a - b for a, b in pairwise(places)]
    return max(steps) / median(steps)


def _uneven(scale: Scale, times: int, found: Sequence[Portion], mend: str) -> tuple[str, ...]:
    if scale.method == "proportion":
        doses = [scale.start_mg, *(p.mg * times for p in found)]
        largest = max((1 - b / a for a, b in pairwise(doses)), default=0.0)
        wanted = 1 - exp(-scale.size)
        last = doses[-1]
        if last > 2 * scale.end_mg and scale.kind != "sedative":
            return (f"the stop comes from {plain(last)} mg, not from about {plain(scale.end_mg)} mg: {mend}",)
        if largest <= 1.25 * wanted + 1e-9:
            return ()
        return (f"the largest cut is {100 * largest:.0f} % of the dose before it, not {100 * wanted:.0f} %: {mend}",)
    ratio = _even(scale, times, found)
    if ratio <= UNEVEN:
        return ()
    return (f"the steps are uneven: the largest is {ratio:.1f} times the median one; {mend}",)


def _mend(made: tuple[Preparation, ...], request: Request) -> str:
    if not made:
        return f"no preparation on file would mend it ({_why_not(request)})"
    return f"what would mend it: {made[0].key}"


def _why_not(request: Request) -> str:
    known = usual_release(request.drug)
    if known.mg_for_mg:
        return why_nothing_is_made(request.drug)
    return f"one of slow release in small doses; else change to the plain form first: {known.note}"


def _to_order(request: Request, found: Sequence[Portion]) -> str:
    keys = dict.fromkeys(p.key for x in found for p, _ in x.parts if p.origin == "made to order")
    notes = dict.fromkeys(p.note for x in found for p, _ in x.parts if p.origin == "made to order" and p.note)
    return (
        f"no marketed preparation on file for {request.options.forms} makes the small doses of {request.drug.id}; the "
        f"missing preparation: {'; '.join(keys)} ({'; '.join(notes)})"
    )


# ---- when nothing does ------------------------------------------------------------------------------------------


def _missing(request: Request, scale: Scale, marketed: tuple[Preparation, ...]) -> Refused:
    drug, forms = request.drug, request.options.forms
    targets = scale.targets()
    smallest = min(targets) / request.times if targets else request.mg
    least = min((p.step_mg for p in marketed), default=None)
    has = f"the smallest dose that can be made is {plain(least)} mg" if least is not None else "none is on file"
    reasons = (
        f"no plan to zero: from what is on file for {forms}, {drug.id} cannot be brought down to a dose from which it "
        f"may be stopped ({has}; the last doses should be about {plain(round(smallest, 3))} mg)",
    )
    made = _to_make(request, marketed, smallest)
    if made and not request.options.made_to_order:
        return Refused(request, reasons, (f"the missing preparation: {made[0].key}",))
    if made:
        weeks = "slower steps (--speed slow, or more --weeks)"
        return Refused(request, reasons, (f"the missing preparation: {made[0].key}, with {weeks}",))
    return Refused(request, reasons, (f"the missing preparation: {_why_not(request)}",))


def _preparations(request: Request) -> tuple[Preparation, ...]:
    """What the plan may draw on: of the release that is taken now, so far as it makes the dose taken now."""
    drug, asked = request.drug, request.options.release
    every = preparations(drug, request.options.forms, request.options.preparations)
    known = usual_release(drug)
    usual = known.usual
    in_one = any(p.release != "immediate" and abs(p.mg - request.mg) < _TINY for p in every)
    if asked is None and in_one and not known.mg_for_mg and _exactly(of_release(drug, every, "quick"), request.mg):
        raise InputError(
            f"{drug.id} {plain(request.mg)} mg: of slow or of quick release? They differ in milligrams ({known.note})",
            hint="Say which is taken now: --release slow, or --release quick.",
        )
    order: tuple[Kept, ...] = (asked,) if asked else (usual, "quick" if usual == "slow" else "slow")
    tried = [of_release(drug, every, release) for release in order]
    fits = next((found for found in tried if found and starting_portion(request, found) is not None), None)
    if fits is None:
        _wrong_start(request, next((found for found in tried if found), ()))
    return fits or ()


def _wrong_start(request: Request, marketed: tuple[Preparation, ...]) -> None:
    """InputError: the dose taken now cannot be made, and what would be right."""
    drug, forms = request.drug, request.options.forms
    if not marketed:
        others = countries(drug)
        where = f"It is on file for {', '.join(others)} (--forms). " if others else ""
        raise InputError(
            f"no preparation of {drug.id} is on file for {forms}",
            hint=f"{where}Or say what the pharmacy has (--preparation), such as {USER_EXAMPLES[0]!r}.",
        )
    raise InputError(
        f"{drug.id} {plain(request.mg)} mg cannot be made from what is on file for {forms}",
        hint=_nearest_text(marketed, request.mg)
        + f" Or say what the pharmacy has, such as --preparation '{plain(request.mg)} mg capsule'.",
    )


def starting_portion(request: Request, from_these: tuple[Preparation, ...]) -> Portion | None:
    """How the dose taken now is made; None when it cannot be."""
    return _exactly(from_these, request.mg)


def portion_for(request: Request, from_these: tuple[Preparation, ...], mg_a_day: float) -> Portion:
    """How a dose a day is made; InputError, naming the nearest that can be, when it cannot."""
    found = _exactly(from_these, mg_a_day / request.times)
    if found is None:
        raise InputError(
            f"{plain(mg_a_day)} mg a day cannot be made of {request.drug.id} from the preparations of the plan",
            hint=_nearest_text(from_these, mg_a_day / request.times, request.times),
        )
    return found


def _exactly(from_these: tuple[Preparation, ...], mg: float) -> Portion | None:
    found = [p for p in portions(from_these, mg - _TINY, mg + _TINY) if abs(p.mg - mg) < 1e-4]
    return min(found, key=lambda p: p.burden, default=None)


def _nearest_text(from_these: tuple[Preparation, ...], mg: float, times: int = 1) -> str:
    low, high = nearest(from_these, mg)
    said = [f"{plain(p.mg * times)} mg ({p})" for p in (low, high) if p is not None]
    return f"The nearest that can be made: {' or '.join(said)}." if said else "Nothing near it can be made."


# ---- rows, regimen, verdict -------------------------------------------------------------------------------------


def _rows(scale: Scale, found: tuple[Portion, ...]) -> tuple[Row, ...]:
    aims: list[float | None] = [*scale.targets()]
    if len(aims) != len(found):
        aims = [None] * len(found)
    n = len(found)
    lengths = [scale.interval_days] * n
    if scale.total_days is not None and n:
        # The stop falls on the day asked for; later rows take what does not divide.
        each, over = divmod(scale.total_days, n)
        lengths = [each + (k >= n - over) for k in range(n)]
    rows = [Row(0, days, p, "cut", aim) for days, p, aim in zip(lengths, found, aims, strict=True)]
    return laid_out((*rows, Row(0, 0, None, "stop")))


def planned_from(plan: Plan, fixed: tuple[Row, ...], mg_a_day: float) -> Plan | Refused:
    """A plan whose first rows are given and the rest planned anew from their last dose."""
    scale = replace(plan.scale.again(mg_a_day), total_days=None)
    ways = ways_down(plan.request, scale, plan.preparations)
    if not ways:
        return _missing(plan.request, scale, plan.preparations)
    rest = _rows(ways[0].scale, ways[0].portions)
    remarks = tuple(dict.fromkeys((*_about_forms(plan.request, plan.preparations), *ways[0].remarks)))
    return finished(plan.request, plan.scale, (*fixed, *rest), ways[0].preparations, remarks)


def finished(
    request: Request,
    scale: Scale,
    rows: tuple[Row, ...],
    from_these: tuple[Preparation, ...],
    remarks: tuple[str, ...],
) -> Plan | Refused:
    """The plan of some rows if no rule stops it, else the reasons."""
    rows = laid_out(rows)
    if len(rows) > MOST_ROWS:
        raise InputError(
            f"{len(rows)} steps are more than {MOST_ROWS}",
            hint="Give fewer --weeks, steps that are further apart (--steps-every), or another --speed.",
        )
    if rows[-1].day + request.start.weekday() > LONGEST_HORIZON - 56:
        years = rows[-1].day / 365.25
        raise InputError(
            f"a taper over {years:.0f} years cannot be planned", hint="Give --weeks, or steps that are closer together."
        )
    text = sentences(request, rows)
    regimen = parse(text)
    patient = _with_plan(request, rows)
    verdict = check(regimen, patient, CheckOptions(pack=request.pack, language=request.options.language, whole=True))
    if verdict.stopped:
        found = [f for f in verdict.findings if f.stops]
        reasons = tuple(f"{f.rule.id}: {f.rule.text(request.options.language)}" for f in found)
        return Refused(request, reasons, tuple(_way_out(request, {f.rule.id for f in found})), verdict)
    said = tuple(dict.fromkeys((*remarks, *_about_rows(request, scale, rows))))
    return Plan(request, scale, rows, from_these, said, text, verdict, patient)


def _way_out(request: Request, stopped: set[str]) -> Iterator[str]:
    """What would help against rules that stop a plan: time, a fact, or a prescriber's decision."""
    o = request.options
    if stopped & _PACE and (o.weeks is not None or o.every_days is not None):
        yield "more weeks (--weeks) or another time between cuts (--steps-every); without both the usual pace is taken"
    if "TAP-090" in stopped:
        yield f"the reason (--reason): {', '.join(r for r in REASONS if r != 'not_stated')}"
    others = sorted(stopped - _PACE - {"TAP-090"})
    if others:
        yield f"what these rules ask for; or a prescriber's decision in writing: --override '{others[0]}=why'"


def sentences(request: Request, rows: tuple[Row, ...]) -> str:
    """The rows in the treatment language. Day 0 of the language is the Monday of the week the plan starts in."""
    drug, first = request.drug.id, request.start.weekday()
    often = {1: "daily", 2: "twice daily"}.get(request.times, f"{request.times} times a day")
    lines = []
    before = request.mg
    for row in rows:
        day = first + row.day
        if row.portion is None:
            lines.append(f"stop {drug} at day {day}")
        elif before == 0:
            lines.append(f"{drug} {plain(row.mg)} mg {often} from day {day}")
        elif abs(row.mg - before) > 1e-9:
            verb = "lower" if row.mg < before else "raise"
            lines.append(f"{verb} {drug} from {plain(before)} mg to {plain(row.mg)} mg {often} at day {day}")
        before = row.mg
    return "\n".join([*lines, *_stimulation(request, rows)])


def _stimulation(request: Request, rows: tuple[Row, ...]) -> list[str]:
    asked = request.options.with_tms
    if not asked:
        return []
    if isinstance(asked, str):
        return [asked]
    weeks = max(4, -(-rows[-1].day // 7))
    often = min(6, weeks)
    text = f"{TMS} 5 days a week for {often} weeks from day {request.start.weekday()}"
    rest = min(weeks, _MOST_TMS_WEEKS) - often
    return [text + (f" then 2 days a week for {rest} weeks" if rest > 0 else "")]


def _with_plan(request: Request, rows: tuple[Row, ...]) -> Patient:
    """The person with what the plan itself settles, where the record says nothing else."""
    taken = [r.portion for r in rows if r.portion is not None]
    halves = any(p.halves for p in taken)
    forms = {"liquid" if x.liquid else x.release for p in taken for x, _ in p.parts}
    form = {"extended": "extended_release", "delayed": "enteric_coated", "liquid": "liquid"}
    own: dict[str, object] = {"dose_achievable": True, "instruction": "split" if halves else "whole"}
    # Only tablets that are released at once are ever halved, so a plan with halves is named by those.
    own["dose_form"] = "immediate_release" if halves or not forms else form.get(sorted(forms)[0], "immediate_release")
    reason = reason_of(request.options)
    if reason is not None:
        if request.patient.given.get("taper_reason", reason) != reason:
            raise InputError(
                f"the reason is {reason}, but the patient's file says {request.patient.given['taper_reason']}",
                hint="Give it once.",
            )
        own["taper_reason"] = reason
    return Patient({**own, **request.patient.given}, request.patient.overrides)


# ---- remarks ----------------------------------------------------------------------------------------------------


def _about_forms(request: Request, found: tuple[Preparation, ...]) -> Iterator[str]:
    every = preparations(request.drug, request.options.forms)
    if request.options.release is None and len({p.release == "immediate" for p in every if not p.liquid}) > 1:
        kept = "slow" if any(p.release != "immediate" for p in found) else "quick"
        other = "quick" if kept == "slow" else "slow"
        note = usual_release(request.drug).note
        yield f"{kept} release is taken to be what is used now (--release {other} otherwise)" + (
            f"; {note}" if note else ""
        )
    if borrowed(request.drug, request.options.forms):
        yield (
            f"no tablet or capsule of {request.drug.id} is on file for {request.options.forms}: those of the "
            "neighbouring market are taken; check that they can be had"
        )


def _about_rows(request: Request, scale: Scale, rows: tuple[Row, ...]) -> Iterator[str]:
    drug = request.drug
    taken = [r.portion for r in rows if r.portion is not None]
    releases = [any(x.release == "immediate" for x, _ in p.parts) for p in taken]
    slow = any(p.release in ("extended", "delayed") for p in drug.products)
    if slow and any(releases) and drug.half_life_h is not None and drug.half_life_h < 24:
        day = next(r.day for r, quick in zip(rows, releases, strict=False) if quick)
        yield (
            f"from {request.start + timedelta(days=day)} on, preparations that release at once are taken: with a "
            f"half-life of {drug.half_life_h:g} h the day's amount is better divided in two"
        )
    if any(p.halves for p in taken):
        yield "half tablets: only where the tablet is scored; the other half is taken the next day"
    if any(x.measure == "oral syringe" for p in taken for x, _ in p.parts):
        yield "liquids are measured with an oral syringe that shows 0.1 mL, never with a spoon"
    if drug.id == "fluoxetine":
        yield "fluoxetine and norfluoxetine leave the body over weeks: what a cut brings may come late"
    if scale.kind.startswith("antipsychotic") and request.options.with_tms:
        yield "prefrontal TMS for depression is no treatment for positive symptoms and does not replace the drug"
    if request.options.with_tms:
        yield "no trial has shown that TMS makes stopping easier; it is beside the taper, not a reason for it"
        yield "the motor threshold is measured again in the week after each cut: a precaution, not a finding"
        if request.options.with_tms is True and rows[-1].day > 7 * _MOST_TMS_WEEKS:
            yield f"sessions end after {_MOST_TMS_WEEKS} weeks, before the taper does: no figure supports more"
