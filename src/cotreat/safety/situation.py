"""One day of one path, with the patient's record: the facts a rule is decided on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import Any, cast

from cotreat.catalogue.drug_table import drug
from cotreat.regimen.ledger import Item
from cotreat.safety.course import Course
from cotreat.safety.record import Record
from cotreat.safety.timeline import Change, Timeline
from cotreat.safety.truth import Range, Truth, Value, bounds, compare, count, disjunction, narrowed
from cotreat.safety.vocabulary import DAY_NAMES

_PATTERNS = {"iTBS": "itbs", "cTBS": "ctbs", "bilateral TBS": "bilateral_tbs", "TMS": None}
_SECONDS_PER_600 = {"iTBS": 192.0, "cTBS": 40.0}
_SEDATIVES = ("sedative", "benzodiazepine", "z-drug")
_CLINIC_HOUR = 10.0


class Situation:
    """The facts on one day. What is not recorded, and what the sentence does not say, is None."""

    def __init__(self, course: Course, record: Record, day: int) -> None:
        self.course, self.record, self.day = course, record, day
        self.parameters = record.pack.parameters

    def value(self, name: str) -> Value:
        """A name: a recorded fact, or what the plan says about this day."""
        if name not in DAY_NAMES:
            return self.record.value(name)
        owner = name.split(".", maxsplit=1)[0]
        by_owner = {"tms": "_tms", "esketamine": "_esketamine", "ketamine": "_ketamine", "cycloserine": "_cycloserine"}
        found: dict[str, Value] = getattr(self, by_owner[owner])
        self._note(name, bool(found) and found[name] is None)
        return found.get(name)

    def call(self, name: str, arguments: tuple[Value, ...]) -> Value:
        """A function of the plan or of the record."""
        method = getattr(self, f"_f_{name}", None)
        if method is not None:
            return cast(Value, method(*arguments))
        return self.record.call(name, arguments)

    # ---- sessions and doses of the day --------------------------------------------------------------------------

    def _f_count(self, *terms: Truth) -> Value:
        return count(terms)

    def _f_planned(self, *words: str) -> Truth:
        return any(self._given_today(w) for w in words)

    def _given_today(self, word: str) -> list[Item]:
        return self.course.sessions_of(word, self.day) or self.course.doses_of(word, self.day)

    def _f_completed(self, word: str) -> Truth:
        days = self.course.session_days(word)
        return bool(days) and self.day >= days[-1]

    def _f_followed(self, word: str) -> Truth:
        days = self.course.session_days(word)
        return bool(days) and self.course.last_day > days[-1]

    @cached_property
    def _tms(self) -> dict[str, Value]:
        today = sorted(self.course.sessions_of("tms", self.day), key=lambda i: i.hour)
        if not today:
            return {}
        first, details = today[0], [dict(i.details) for i in today]
        days = [d for d in self.course.session_days("tms") if d <= self.day]
        before = sum(len(self.course.sessions_of("tms", d)) for d in days if d < self.day)
        pulses = [_number(d.get("pulses")) for d in details]
        each = _largest(pulses)
        coil = "H" if first.subject == "H-coil rTMS" else self.record.value("tms.coil")
        return {
            "tms.pattern": _PATTERNS.get(first.subject, "conventional"),
            "tms.intensity_pct_rmt": _largest(
                _number(d.get("intensity_percent")) if d.get("threshold") == "rMT" else None for d in details
            ),
            "tms.freq_hz": _largest(_number(d.get("hertz")) for d in details),
            "tms.pulses_per_session": each,
            "tms.pulses_per_day": None if each is None else sum(p for p in pulses if p is not None),
            "tms.sessions_per_day": float(len(today)),
            "tms.intersession_min": _pause(today, each),
            "tms.session_no": float(before + 1),
            "tms.days": float(len(days)),
            "tms.coil": coil,
        }

    @cached_property
    def _esketamine(self) -> dict[str, Value]:
        today = self.course.doses_of("esketamine", self.day)
        if not today:
            return {}
        days = self.course.session_days("esketamine")
        return {
            "esketamine.dose_mg": sum(i.amount for i in today) if all(i.unit == "mg" for i in today) else None,
            "esketamine.per_week": float(sum(1 for d in days if self.day - 7 < d <= self.day)),
            "esketamine.sessions": float(sum(1 for d in days if d <= self.day)),
            "esketamine.week": float((self.day - days[0]) // 7 + 1),
        }

    @cached_property
    def _ketamine(self) -> dict[str, Value]:
        today = self.course.doses_of("ketamine", self.day)
        if not today:
            return {}
        item, details = today[0], dict(today[0].details)
        weight = cast(float | None, self.record.value("weight_kg"))
        per_kg = item.amount if item.unit == "mg/kg" else None if weight is None else item.amount / weight
        days = self.course.session_days("ketamine")
        return {
            "ketamine.mg_per_kg": per_kg,
            "ketamine.minutes": _number(details.get("over_minutes")),
            "ketamine.route": cast(Value, details.get("route")),
            "ketamine.sessions": float(sum(1 for d in days if d <= self.day)),
        }

    @cached_property
    def _cycloserine(self) -> dict[str, Value]:
        today = self.course.doses_of("D-cycloserine", self.day)
        if not today:
            return {}
        days = self.course.session_days("D-cycloserine")
        return {
            "cycloserine.mg_per_day": sum(i.amount for i in today) if all(i.unit == "mg" for i in today) else None,
            "cycloserine.days": float(self.day - days[0] + 1),
        }

    # ---- who is on what -----------------------------------------------------------------------------------------

    def _members(self, words: Iterable[str]) -> frozenset[str]:
        return frozenset().union(*(self.record.pack.members(w) for w in words))

    def _listed(self, words: Iterable[str]) -> tuple[list[str], bool]:
        """Drugs of these words on the patient's own list, not settled by the regimen; whether more may be missing."""
        open_members = {m for m in self._members(words) if not self._settled(m)}
        listed = self.record.medications
        if listed is None:
            self._note("medications", bool(open_members))
            return [], bool(open_members)
        return [m for m in listed if m in open_members], False

    def _settled(self, name: str) -> bool:
        """Whether the regimen says what is taken today: it does not before the first dose of a drug it starts."""
        timeline = self.course.drugs.get(name)
        return timeline is not None and (timeline.before or (bool(timeline.days) and self.day >= timeline.days[0]))

    def _note(self, fact: str, missing: bool) -> None:
        if missing:
            self.record.missing.add(fact)

    def _acting(self, words: Iterable[str]) -> list[Truth]:
        """One truth for each drug of these words that acts or may act today; a last None when the list is missing."""
        found: list[Truth] = [self.course.still_acts(name, self.day) for name in self.course.of(*words)]
        listed, missing = self._listed(words)
        return [*found, *([True] * len(listed)), *([None] if missing else [])]

    def _f_on(self, *words: str) -> Truth:
        return disjunction(self._acting(words))

    def _f_count_on(self, *words: str) -> Value:
        terms = self._acting(words)
        _, missing = self._listed(words)
        low, high = bounds(count(terms[:-1] if missing else terms))
        return narrowed(low, inf if missing else high)

    def _f_dose_mg(self, name: str) -> Value:
        timeline = self.course.drugs.get(name)
        if timeline is not None and self._settled(name):
            amount = timeline.amount(self.day)
            if amount is None or amount == 0 or timeline.unit in ("mg", ""):
                return amount
            weight = cast(float | None, self.record.value("weight_kg"))
            return amount * weight if timeline.unit == "mg/kg" and weight is not None else None
        if self.record.medications is None:
            self._note("medications", True)
            return None
        found = self.record.medications.get(name)
        return 0.0 if found is None else found.mg_per_day

    def _f_target_level(self, name: str) -> Value:
        timeline = self.course.drugs.get(name)
        levels = [i.amount for i in timeline.items if i.kind == "level" and i.day == self.day] if timeline else []
        return max(levels, default=0.0)

    @cached_property
    def _hour(self) -> float:
        """Hour of the first session of the day; clinic hours begin at ten."""
        return min((i.hour for i in self.course.sessions.get(self.day, ())), default=_CLINIC_HOUR)

    def _f_hours_since_dose(self, word: str) -> Value:
        found: list[Value] = [self._hours_since(t) for t in self.course.of(word).values()]
        listed, missing = self._listed([word])
        if listed:
            found.append(Range(0.0, 24.0))
        low, high = _lowest(found)
        return narrowed(0.0 if missing else low, high)

    def _hours_since(self, timeline: Timeline) -> Value:
        now = self.day * 24 + self._hour
        given = [i.day * 24 + i.hour for i in timeline.items if i.kind == "dose" and i.day * 24 + i.hour <= now]
        if given:
            return now - given[-1]
        if not timeline.taking(self.day):
            return inf
        held = {self.day, self.day - 1} & timeline.held
        # A hold says from when, not whether the dose before it was taken: unknown rather than a guess.
        return Range(0.0, inf) if held else Range(0.0, 24.0)

    def _f_days_on(self, word: str) -> Value:
        found: list[Value] = []
        for t in self.course.of(word).values():
            begun = t.started(self.day - 1)
            if begun is not None:
                found.append(float(self.day - begun))
            elif t.before:
                found.append(Range(self.parameters["days_on_before"], inf))
        listed, missing = self._listed([word])
        if listed or missing:
            found.append(Range(0.0, inf))
        return narrowed(*_highest(found))

    # ---- starts, stops, changes ---------------------------------------------------------------------------------

    def _changes(self, words: Iterable[str], *kinds: str) -> list[tuple[str, Timeline]]:
        return [
            (name, t)
            for name, t in self.course.of(*words).items()
            if any(c.day == self.day and c.kind in kinds for c in t.changes)
        ]

    def _f_starts(self, *words: str) -> Truth:
        return bool(self._changes(words, "start"))

    def _f_stops(self, *words: str) -> Truth:
        return True if self._changes(words, "stop") else None if self._changes(words, "end") else False

    def _f_restarts(self, word: str) -> Truth:
        if not self._f_starts(word):
            return False
        changes = [c for t in self.course.of(word).values() for c in t.changes]
        earlier = any(c.kind in ("stop", "end") and c.day < self.day for c in changes)
        stopped = self.record.stopped
        return True if earlier else None if stopped is None else any(d in self._members([word]) for d in stopped)

    def _f_days_off_before(self, word: str) -> Value:
        """Days between the last dose before today's start and today; infinite when it was never taken."""
        found: list[Value] = []
        for t in self.course.of(word).values():
            stops = [c.day for c in t.changes if c.kind in ("stop", "end") and c.day <= self.day]
            if stops:
                found.append(float(self.day - stops[-1]))
        return narrowed(*_lowest([*found, *self._stopped_before([word])]))

    def _f_days_since_stop(self, *words: str) -> Value:
        """Days since the last of these drugs was stopped; infinite when none was, or while it is taken."""
        found: list[Value] = []
        for t in self.course.of(*words).values():
            off = t.days_since_last(self.day)
            if 0 < off < inf:
                found.append(off - 1)
        return narrowed(*_lowest([*found, *self._stopped_before(words)]))

    def _stopped_before(self, words: Iterable[str]) -> list[Value]:
        members, stopped = self._members(words), self.record.stopped
        if stopped is None:
            self._note("stopped_days_ago", True)
            return [Range(0.0, inf)]
        return [days + self.day for name, days in stopped.items() if name in members]

    def _f_days_since_change(self, *words: str) -> Value:
        found: list[Value] = []
        for t in self.course.of(*words).values():
            days = [c.day for c in t.changes if c.day <= self.day]
            if days:
                found.append(float(self.day - days[-1]))
            elif t.before:
                found.append(Range(self.parameters["days_on_before"], inf))
        listed, missing = self._listed(words)
        if listed or missing:
            found.append(Range(0.0, inf))
        return narrowed(*_lowest(found))

    # ---- tapers -------------------------------------------------------------------------------------------------

    def _tapers(self, words: Iterable[str]) -> list[tuple[Timeline, int, int]]:
        """Reductions going on today: the drug, the day of its first cut and of its last."""
        return [
            (t, run[0].day, run[-1].day)
            for t in self.course.of(*words).values()
            for run in t.reductions
            if run[0].day <= self.day <= run[-1].day
        ]

    def _f_taper(self, *words: str) -> Truth:
        return True if self._tapers(words) else None if self._changes(words, "end") else False

    def _f_taper_starts(self, *words: str) -> Truth:
        started = any(first == self.day for _, first, _ in self._tapers(words))
        return True if started else None if self._changes(words, "end") else False

    def _f_taper_days(self, word: str) -> Value:
        """Days the shortest reduction of today takes in all: from its first cut to its last, and one step more."""
        found: list[Value] = []
        for t, first, last in self._tapers([word]):
            cuts = [c for run in t.reductions for c in run if first <= c.day <= last]
            found.append(float(last - first) * (1 + 1 / (len(cuts) - 1)) if len(cuts) > 1 else 0.0)
        return narrowed(*_lowest(found)) if found else None

    def _f_tapering(self, word: str, days: float) -> Truth:
        if word in _SEDATIVES and self.course.sedatives:
            return compare(">", self.course.sedative_fall(self.day, days)[0], 0.0)
        return any(t.cuts(self.day - round(days), self.day) for t in self.course.of(word).values())

    def _f_count_tapering(self, days: float) -> Value:
        after = self.day - round(days)
        return float(sum(1 for t in self.course.drugs.values() if t.cuts(after, self.day)))

    def _f_stops_at_once(self, *words: str) -> Truth:
        return disjunction(self.course.abrupt(name, self.day) for name in self.course.of(*words))

    def _f_order_ends(self, *words: str) -> Truth:
        return bool(self._changes(words, "end"))

    def _f_withdrawal(self, *words: str) -> Truth:
        """A recorded withdrawal state, or a sedative of the regimen stopped at once in the last weeks."""
        since = self.day - round(self.parameters["withdrawal_days"])
        stopped = "sedative" in words and any(
            self.course.abrupt(name, c.day) is not False
            for name, t in self.course.sedatives.items()
            for c in t.changes
            if since < c.day <= self.day and c.kind in ("stop", "end")
        )
        return True if stopped else self.record.listed("withdrawal", *words)

    def _f_reduction_pct(self, word: str, days: float) -> Value:
        if word in _SEDATIVES:
            return self.course.sedative_fall(self.day, days)[0]
        falls: list[Value] = []
        for t in self.course.of(word).values():
            now, top = t.amount(self.day), t.highest(self.day - round(days), self.day - 1)
            if now is None or top is None:
                falls.append(100.0 if now == 0 else None)
            else:
                falls.append(max(0.0, (top - now) / top * 100) if top else 0.0)
        return narrowed(*_highest(falls))

    def _f_cut_diazepam_eq_mg(self, days: float) -> Value:
        return self.course.sedative_fall(self.day, days)[1]

    def _f_diazepam_eq_mg(self) -> Value:
        planned = self.course.sedative_load(self.day)
        listed, missing = self._listed(["sedative"])
        own = [self.course.diazepam_mg(m, cast(dict[str, Any], self.record.medications)[m].mg_per_day) for m in listed]
        low = sum(x or 0.0 for x in [planned, *own])
        return narrowed(low, inf if missing or planned is None or None in own else low)

    def _steps(self, word: str) -> list[tuple[str, float | None, float]]:
        """Today's cuts of drugs of a word: the drug, the dose before, and the step in percent of it.

        The dose before is the highest of the last week: small cuts day by day are one step.
        """
        if word in _SEDATIVES:
            return [("", None, pct)] if (pct := self.course.sedative_fall(self.day, 1)[0]) else []
        found = []
        for name, t in self.course.of(word).items():
            for c in t.cuts(self.day - 1, self.day):
                old = self._before(t, c)
                # Doses of a ledger are rounded to 0.001: a step of exactly half must not read as more.
                pct = 100.0 if not old else round((old - (c.new or 0.0)) / old * 100, 2)
                found.append((name, old, pct))
        return found

    def _before(self, t: Timeline, cut: Change) -> float | None:
        top = t.highest(self.day - round(self.parameters["step_days"]), self.day - 1)
        return cut.old if cut.old is None or top is None else max(top, cut.old)

    def _f_step_pct(self, word: str) -> Value:
        return max((pct for _, _, pct in self._steps(word)), default=0.0)

    def _f_step_pct_unsoftened(self, word: str) -> Value:
        """The largest step of today that nothing softens.

        Left out are steps from a dose that is small by occupancy or by share (else no taper by occupancy could end),
        and steps of a switch, in which another drug takes over.
        """
        found: list[Value] = [0.0]
        for name, old, pct in self._steps(word):
            if name and any(m.kind == "switch" and m.day <= self.day for m in self.course.drugs[name].marks):
                continue
            small = self._small(name, old)
            found.append(0.0 if small else Range(0.0, pct) if small is None else pct)
        return narrowed(*_highest(found))

    def _small(self, name: str, old: float | None) -> Truth:
        if old is None or not name:
            return None
        occupied = _occupancy(name, old)
        if occupied is not None:
            return occupied <= self.parameters["small_step_occupancy"]
        least = drug(name).min_therapeutic_mg
        return None if least is None else old <= self.parameters["small_step_share"] * least

    def _f_step_interval_days(self, word: str) -> Value:
        """Days from the change before to today's cut; infinite for a first cut and on a day without one."""
        found: list[Value] = []
        for t in self.course.of(word).values():
            if t.cuts(self.day - 1, self.day):
                earlier = [c.day for c in t.changes if c.day < self.day]
                found.append(float(self.day - earlier[-1]) if earlier else inf)
        return narrowed(*_lowest(found))

    def _f_occupancy_drop(self, word: str) -> Value:
        found: list[Value] = [0.0]
        for name, t in self.course.of(word).items():
            for c in t.cuts(self.day - 1, self.day):
                old = self._before(t, c)
                high = None if old is None else _occupancy(name, old)
                low = None if c.new is None else _occupancy(name, c.new)
                found.append(None if high is None or low is None else high - low)
        return narrowed(*_highest(found))

    def _f_last_step_occupancy(self, word: str) -> Value:
        """Occupancy in percent at the dose from which a drug is stopped today; 0 when none is."""
        found: list[Value] = [0.0]
        for name, old, pct in self._steps(word):
            if pct > 100 - 1e-6 and name:
                found.append(None if old is None else _occupancy(name, old))
        return narrowed(*_highest(found))

    def _f_drug_count(self) -> Value:
        taken = sum(1 for t in self.course.drugs.values() if t.taking(self.day))
        listed = self.record.medications
        if listed is None:
            return Range(float(taken), inf)
        return float(taken + sum(1 for m in listed if m not in self.course.drugs))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _largest(numbers: Iterable[float | None]) -> float | None:
    """The largest number, None when one of them is not stated."""
    found = list(numbers)
    return None if None in found else max(n for n in found if n is not None)


def _lowest(values: Iterable[Value]) -> tuple[float, float]:
    """Bounds of the smallest of several numbers; infinite when there is none. None may be any number from 0."""
    low = high = inf
    for value in values:
        its = (0.0, inf) if value is None else bounds(cast(float | Range, value))
        low, high = min(low, its[0]), min(high, its[1])
    return low, high


def _highest(values: Iterable[Value]) -> tuple[float, float]:
    """Bounds of the largest of several numbers that are not negative; 0 when there is none."""
    low = high = 0.0
    for value in values:
        its = (0.0, inf) if value is None else bounds(cast(float | Range, value))
        low, high = max(low, its[0]), max(high, its[1])
    return low, high


def _pause(today: list[Item], pulses: float | None) -> Value:
    """Shortest pause between two sessions of a day, in minutes; infinite with one session."""
    if len(today) < 2:
        return inf
    apart = min(b.hour - a.hour for a, b in pairwise(today)) * 60
    pace = _SECONDS_PER_600.get(today[0].subject)
    if pulses is None or pace is None:
        return Range(0.0, apart)
    return apart - pulses / 600 * pace / 60


def _occupancy(name: str, mg_per_day: float) -> float | None:
    curve = drug(name).occupancy
    return curve.percent(mg_per_day) if curve is not None and curve.usable else None
