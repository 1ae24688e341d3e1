"""A whole course for one person: treatment, tapers, ratings and the clinic's days, checked by the rules as one plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, cast

from cotreat.catalogue.drug_table import drug
from cotreat.catalogue.modality_table import modalities
from cotreat.measures.errors import InputError
from cotreat.plan.calendar_days import Move, moved
from cotreat.plan.course_file import CourseWish, TaperWish
from cotreat.plan.documents.material import Event, EventKind, Order, step_events, threshold_events
from cotreat.plan.locale.catalogue import catalogue
from cotreat.plan.make import taper
from cotreat.plan.portions import portions
from cotreat.plan.preparations import preparations
from cotreat.plan.questions import questions
from cotreat.plan.request import Forms, Options, read_date, start_day
from cotreat.plan.value import Plan
from cotreat.regimen.doses import dated, fitting_horizon
from cotreat.regimen.expand import LONGEST_HORIZON, expand
from cotreat.regimen.ledger import Item, Ledger
from cotreat.regimen.parse import parse
from cotreat.safety.check import CheckOptions, Finding, Verdict, check
from cotreat.safety.pack import Pack
from cotreat.safety.patient import Patient

IN_CLINIC = ("ketamine", "esketamine")
"""Drugs that are given in sessions."""
AT_HOME = ("exercise",)
"""Kinds of modalities that need no open clinic."""
_ON_DAY = re.compile(r"\b(at|from) day (-?\d+)\b")
_BEYOND = 28
_SAME_MG = 1e-3
_ABRUPT = {"TAP-001", "TAP-020", "TAP-009", "TAP-040", "TAP-050"}
"""Rules about a drug that is stopped at once."""
_SETTLED_BY_PLAN = ("dose_form", "instruction", "dose_achievable", "taper_reason")


@dataclass(frozen=True)
class Course:
    """A course that no rule stops, with every dated thing in it.

    ``text``: the whole of it in the treatment language, day 0 being ``monday``. ``moves``: sessions that fell on closed
    days. ``verdict``: of the rules on the course with the moved sessions; ``stopped`` is false.
    """

    wish: CourseWish
    today: date
    start: date
    tapers: tuple[Plan, ...]
    text: str
    events: tuple[Event, ...]
    orders: tuple[Order, ...]
    moves: tuple[Move, ...]
    verdict: Verdict
    remarks: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def monday(self) -> date:
        """Day 0 of ``text``."""
        return _monday(self.start)

    @property
    def last(self) -> date:
        """The last day on which anything is planned."""
        return max([self.start, *(e.day for e in self.events), *(o.last for o in self.orders if o.last is not None)])


@dataclass(frozen=True)
class RefusedCourse:
    """No course: the reasons and what would help. ``verdict``: of the rules, when these stop it."""

    wish: CourseWish
    today: date
    reasons: tuple[str, ...]
    would_help: tuple[str, ...] = ()
    verdict: Verdict | None = None
    stopped: bool = True
    remarks: tuple[str, ...] = field(default=())


def course(wish: CourseWish, today: date | None = None, pack: Pack | None = None) -> Course | RefusedCourse:
    """The course a file asks for, or the reasons why there is none.

    Raises InputError for what cannot be planned at all: a start in the past, a sentence that cannot be read, a drug
    that is not known, a branch that depends on an outcome.
    """
    now = today or date.today()
    start = start_day(wish.start, now)
    if start.weekday() != 0:
        monday = start + timedelta(days=7 - start.weekday())
        raise InputError(f"the start, {start}, is no Monday: day 0 of a treatment is one", hint=f"Start on {monday}.")
    plans: list[Plan] = []
    for one in wish.tapers:
        with named("tapers"):
            found = taper(one.sentence, wish.patient, _options(wish, one, start, now), pack)
        if not isinstance(found, Plan):
            return RefusedCourse(wish, now, found.reasons, found.would_help, found.verdict)
        plans.append(found)
    text = _text(wish, plans, _monday(start))
    ledger = _one_path(text, wish.treatment, plans)
    monday = _monday(start)
    sessions = _sessions(ledger, monday)
    moves = moved({k: [d for d, _ in v] for k, v in sessions.items() if _in_clinic(k)}, wish.clinic)
    shifted = _shifted(ledger, moves, monday)
    patient = _patient(wish.patient, plans)
    verdict = check(shifted, patient, CheckOptions(pack=pack, language=wish.language, printing=True, whole=True))
    reasons = why_stopped(verdict)
    if reasons:
        return RefusedCourse(wish, now, reasons, tuple(_would_help(verdict, ledger, plans, monday)), verdict)
    events, orders = _events(wish, plans, shifted, monday)
    cannot = tuple(_not_made(wish, orders))
    if cannot:
        return RefusedCourse(wish, now, cannot, ("a dose that can be made, or the drug under `tapers`",), verdict)
    return Course(wish, now, start, tuple(plans), text, events, orders, moves, verdict, tuple(_remarks(wish, plans)))


@contextmanager
def named(field_name: str) -> Iterator[None]:
    """Errors of a sentence with the field of the file that it stands in."""
    try:
        yield
    except InputError as error:
        message = f"{field_name}: {error.message}"
        raise InputError(message, hint=error.hint, excerpt=error.excerpt, examples=error.examples) from error


def read_today(text: str | None) -> date | None:
    """The day a plan is made, as 2026-11-23; None for None."""
    return None if text is None else read_date(text, "today")


def why_stopped(verdict: Verdict) -> tuple[str, ...]:
    """Why the rules stop a course about to be printed: blocks that fired without an override, or lack a fact."""
    found = [f"{f.rule.id}: {f.rule.text(f.language)}" for f in verdict.findings if f.stops]
    return (*found, *(f"{f.rule.id} cannot be decided: {_lacks(f)}" for f in verdict.missing_for_printing))


def _lacks(finding: Finding) -> str:
    return f"not known {', '.join(finding.pending)}" if finding.pending else finding.reason or "the plan does not say"


def _not_made(wish: CourseWish, orders: tuple[Order, ...]) -> Iterator[str]:
    """Doses on the sheet that no preparation of the country makes; a drug without any on file is not judged."""
    for order in orders:
        found = preparations(drug(order.drug), cast(Forms, wish.forms))
        if order.unit != "mg" or not found:
            continue
        each = order.amount / order.times
        if not any(abs(p.mg - each) < _SAME_MG for p in portions(found, 0.99 * each, 1.01 * each)):
            yield f"{order.drug} {each:g} mg cannot be made from the preparations of {wish.forms} on {order.first}"


def _would_help(verdict: Verdict, ledger: Ledger, plans: list[Plan], monday: date) -> Iterator[str]:
    yield from (q.line for q in questions(verdict.document()))
    lacking = {f.rule.id for f in verdict.missing_for_printing}
    yield from (
        f"{o.rule}: the answer; an override decides nothing here" for o in verdict.overrides if o.rule in lacking
    )
    tapered = {p.request.drug.id for p in plans}
    stopped = {f.rule.id for f in verdict.findings if f.stops}
    if not stopped & _ABRUPT:
        return
    for name, day in _ends(ledger).items():
        if name not in tapered:
            yield (
                f"{name} ends on {monday + timedelta(days=day)} at its full dose: let it go on (without an end such as "
                "`for 6 weeks`), or put it under tapers"
            )


def _ends(ledger: Ledger) -> dict[str, int]:
    """Drugs taken at home that are over before the horizon, with the first day without."""
    last: dict[str, int] = {}
    for _, item in dated(ledger)[0]:
        if item.kind != "session" and item.subject not in IN_CLINIC:
            last[item.subject] = max(item.day, last.get(item.subject, item.day))
    return {name: day + 1 for name, day in last.items() if day < ledger.horizon - 1}


# ---- what is asked ----------------------------------------------------------------------------------------------


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _options(wish: CourseWish, one: TaperWish, start: date, today: date) -> Options:
    first = start + timedelta(days=7 * (one.from_week - 1))
    given = {"forms": wish.forms, "confirm_strengths": wish.confirm_strengths, **one.options}
    return Options(start=first, today=today, language=wish.language, **given)


def _text(wish: CourseWish, plans: list[Plan], monday: date) -> str:
    lines = [line.strip() for line in wish.treatment.splitlines() if line.strip()]
    for plan in plans:
        later = (plan.request.monday - monday).days
        lines += [_later(line, later) for line in plan.text.splitlines()]
    if wish.around_cuts is not None:
        days = sorted({(plan.date_of(r.day) - monday).days for plan in plans for r in plan.rows})
        if not days:
            raise InputError("around_cuts needs a taper", hint="Give tapers, or write the order under treatment.")
        lines += [f"{wish.around_cuts} from day {day}" for day in days]
    return "\n".join(lines)


def _later(line: str, days: int) -> str:
    return _ON_DAY.sub(lambda m: f"{m[1]} day {int(m[2]) + days}", line)


def _one_path(text: str, treatment: str, plans: list[Plan]) -> Ledger:
    if treatment.strip():
        with named("treatment"):
            alone = parse(treatment)
        twice = {p.request.drug.id for p in plans} & {str(getattr(part, "subject", "")) for part in alone.parts()}
        if twice:
            raise InputError(
                f"{min(twice)} stands under treatment and under tapers",
                hint="Leave it out of treatment: a taper says what is taken before its first cut, too.",
            )
    regimen = parse(text)
    ledger = expand(regimen, min(fitting_horizon(regimen) + _BEYOND, LONGEST_HORIZON))
    if ledger.transitions:
        raise InputError(
            "a course has days, so it cannot wait for an outcome", hint="Write what is given; plan anew at a decision."
        )
    return ledger


def _patient(given: Patient, plans: Iterable[Plan]) -> Patient:
    """The person with what the tapers settle; what two of them settle differently is not known."""
    own: dict[str, Any] = {}
    unclear = set()
    for plan in plans:
        for name in _SETTLED_BY_PLAN:
            if name in plan.patient.given:
                value = plan.patient.given[name]
                if own.setdefault(name, value) != value:
                    unclear.add(name)
    settled = {k: v for k, v in own.items() if k not in unclear}
    return Patient({**settled, **given.given}, given.overrides)


# ---- days -------------------------------------------------------------------------------------------------------


def _in_clinic(what: str) -> bool:
    kind = next((m.kind for m in modalities() if m.id == what), None)
    return kind not in AT_HOME


def _sessions(ledger: Ledger, monday: date) -> dict[str, list[tuple[date, Item]]]:
    found: dict[str, list[tuple[date, Item]]] = {}
    for _, item in dated(ledger)[0]:
        if _is_session(item):
            found.setdefault(item.subject, []).append((monday + timedelta(days=item.day), item))
    return found


def _is_session(item: Item) -> bool:
    return item.kind == "session" or item.subject in IN_CLINIC


def _shifted(ledger: Ledger, moves: tuple[Move, ...], monday: date) -> Ledger:
    """The ledger with the sessions of the phases it begins with on the days they are moved to."""
    to = {(m.what, (m.old - monday).days): None if m.new is None else (m.new - monday).days for m in moves}
    phases = list(ledger.phases)
    for index in ledger.first:
        items = []
        for item in phases[index].items:
            day = to.get((item.subject, item.day), item.day) if _is_session(item) else item.day
            if day is not None:
                items.append(replace(item, day=day))
        items.sort(key=lambda i: (i.day, i.hour))
        length = phases[index].length
        if length is not None:
            length = max([length, *(i.day + 1 for i in items)])
        phases[index] = replace(phases[index], items=tuple(items), length=length)
    return replace(ledger, phases=tuple(phases))


def _events(
    wish: CourseWish, plans: list[Plan], ledger: Ledger, monday: date
) -> tuple[tuple[Event, ...], tuple[Order, ...]]:
    from cotreat.plan.documents.material import in_order, pharmacy_events

    tapered = {p.request.drug.id for p in plans}
    sessions = []
    for what, found in _sessions(ledger, monday).items():
        counted: dict[date, int] = {}
        for day, _ in found:
            counted[day] = counted.get(day, 0) + 1
        kind: EventKind = "session" if _in_clinic(what) else "home"
        hour = wish.clinic.hour if kind == "session" else None
        sessions += [Event(d, kind, what, f"{n} x" if n > 1 else "", hour=hour) for d, n in counted.items()]
    orders = _orders(ledger, monday, tapered)
    steps = [e for p in plans for e in step_events(p.document())]
    handed = [e for p in plans for e in pharmacy_events(p.document())]
    taken = [Event(o.first, "drug", o.drug, f"{o.amount:g} {o.unit}/day") for o in orders]
    changes = [e.day for e in steps if e.kind in ("cut", "stop")] + [e.day for e in taken]
    checks = threshold_events(sorted(set(changes)), sessions)
    before = [*steps, *handed, *taken, *sessions, *checks]
    last = max((e.day for e in before), default=monday)
    return in_order([*before, *_ratings(wish, monday, last)]), orders


def _orders(ledger: Ledger, monday: date, tapered: set[str]) -> tuple[Order, ...]:
    daily: dict[str, dict[int, list[Item]]] = {}
    for _, item in dated(ledger)[0]:
        if item.kind != "session" and item.subject not in IN_CLINIC and item.subject not in tapered:
            daily.setdefault(item.subject, {}).setdefault(item.day, []).append(item)
    found = []
    for name, by_day in daily.items():
        stretch: list[int] = []
        for day in [*sorted(by_day), None]:
            same = day is not None and stretch and _taken(by_day[day]) == _taken(by_day[stretch[0]])
            if stretch and not (same and day == stretch[-1] + 1):
                amount, unit, times = _taken(by_day[stretch[0]])
                goes_on = stretch[-1] >= ledger.horizon - 1
                first, last = (monday + timedelta(days=d) for d in (stretch[0], stretch[-1]))
                found.append(Order(name, amount, unit, times, first, None if goes_on else last))
                stretch = []
            if day is not None:
                stretch.append(day)
    return tuple(sorted(found, key=lambda o: (o.first, o.drug)))


def _taken(items: list[Item]) -> tuple[float, str, int]:
    unit = items[0].unit
    return (items[0].amount if items[0].kind == "level" else round(sum(i.amount for i in items), 6)), unit, len(items)


def _ratings(wish: CourseWish, monday: date, last: date) -> list[Event]:
    """Each rating on its day from day 0 on, or on the next open one."""
    found, say = [], catalogue(wish.language)
    for one in wish.ratings:
        recall = one.scale.recall_days
        asks = say("rating_recall", days=recall) if recall else say("rating_recall_now")
        end = last if one.until_days is None else min(last, monday + timedelta(days=one.until_days))
        day = monday
        while day <= end:
            open_day = day if wish.clinic.why_closed(day) is None else wish.clinic.next_open(day)
            if open_day is not None:
                found.append(Event(open_day, "rating", one.scale.id, asks))
            day += timedelta(days=one.every_days)
    return found


def _remarks(wish: CourseWish, plans: list[Plan]) -> Iterable[str]:
    for plan in plans:
        yield from (f"{plan.request.drug.id}: {remark}" for remark in plan.remarks)
    for one in wish.ratings:
        if one.every_days < one.scale.recall_days:
            yield (
                f"{one.scale.id} looks back over {one.scale.recall_days} days: ratings every {one.every_days} days "
                "overlap, and response is not read before that time has passed"
            )
    if wish.around_cuts is not None:
        yield "stimulation around the cuts only: no trial has shown that it makes stopping easier"
