"""The verdict of the rules on a regimen for a patient: what fires, what does not, and what was not checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean
from cotreat.regimen.ledger import Ledger
from cotreat.safety.pack import LANGUAGES, STAGES, Pack, Rule, Severity, Stage, load_pack
from cotreat.safety.patient import Override, Patient, read_overrides, read_patient
from cotreat.safety.tables import facts
from cotreat.safety.truth import Truth

if TYPE_CHECKING:
    from cotreat.regimen.values import Regimen
    from cotreat.safety.course import Course
    from cotreat.safety.paths import Paths
    from cotreat.safety.record import Record
    from cotreat.safety.situation import Situation

RuleVerdict = Literal["fired", "remark", "did not fire", "not checked"]
Asked = Literal["", "before printing", "on the day", "if known"]
"""When what an undecided rule lacks is asked for; "" for a rule that is decided."""
STOPPED = "stopped, prescriber override needed"
CAUTION = "caution"
NOT_CHECKED = "not checked"
PLANNING: tuple[Stage, ...] = ("regimen", "patient")
_LARGEST = 1 << 20
_CASE_FIELDS = ("title", "patient", "regimen", "overrides", "tms", "session", "application")
_NOBODY: Patient = Patient()
_TOO_MANY_WAYS = "more ways through the regimen than were followed"
_UNCONFIRMED = "the rule is not confirmed in a source: it can stop, it cannot clear"


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How to check.

    ``stages``: which rules; None is all but those for an application, which are asked when anything of the kind is
    recorded. A plan that is only compared with others is asked the stages ``PLANNING``. ``pack`` None: the packaged
    rules. ``language`` of the messages.
    ``printing``: the plan is about to be printed, so a blocking rule stops it that lacks a fact which can be known by
    then. ``whole``: the regimen is all that is given to one person, so an order that is over is a stop.
    """

    stages: tuple[Stage, ...] | None = None
    pack: Pack | None = None
    language: str = "en"
    printing: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule and what came of it.

    ``holds`` is the truth of its condition. A rule marked memory that does not hold is not checked: it clears nothing.
    ``day`` is the first day of the plan on which it holds, None when no day matters. ``missing`` names the facts it
    would have needed, ``pending`` those of them that want to be known before the plan is printed (or what may stand for
    them), ``asked`` says when it can be decided. ``override`` is the prescriber's, where one is recorded and has
    something to decide: the rule fired, or it cannot be decided although no fact is missing. It answers no question.
    """

    rule: Rule
    holds: Truth
    verdict: RuleVerdict
    reason: str
    missing: tuple[str, ...]
    day: int | None
    override: Override | None
    language: str = "en"
    asked: Asked = ""
    pending: tuple[str, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether it stops the plan: a block that fired and is not overridden."""
        return self.verdict == "fired" and self.rule.severity == "block" and self.override is None

    def document(self) -> dict[str, Any]:
        """The finding, ready for JSON."""
        rule = self.rule
        return {
            "id": rule.id,
            "stage": rule.stage,
            "group": rule.group,
            "severity": rule.severity,
            "verdict": self.verdict,
            "message": rule.text(self.language),
            "source": rule.source,
            "reference": rule.reference,
            "rationale": rule.rationale,
            "confirmed": rule.confirmed,
            "holds": self.holds,
            "reason": self.reason,
            "missing": list(self.missing),
            "needs": rule.needs,
            "asked": self.asked or None,
            "pending": list(self.pending),
            "demands": sorted(w for f in rule.condition.functions if f[0] == "stated" for w in f[1:]),
            "day": self.day,
            "override": None if self.override is None else {"reason": self.override.reason, "by": self.override.by},
            "rule_version": rule.version,
        }


@dataclass(frozen=True)
class Verdict:
    """All findings of one check, with the rule pack they rest on. Rules that do not apply are counted, not listed.

    ``recorded``: names of the facts that were recorded, without what they say.
    """

    findings: tuple[Finding, ...]
    stages: tuple[Stage, ...]
    not_applicable: int
    pack_version: str
    pack_hash: str
    language: str = "en"
    translation_reviewed: bool = True
    overrides: tuple[Override, ...] = ()
    printing: bool = False
    notes: tuple[str, ...] = field(default=())
    recorded: tuple[str, ...] = ()

    @property
    def checked(self) -> int:
        """How many rules were decided: those that fired, and confirmed ones that did not."""
        return sum(1 for f in self.findings if f.verdict != "not checked")

    @property
    def not_checked(self) -> int:
        """How many rules were not decided."""
        return len(self.findings) - self.checked

    @property
    def stopped(self) -> bool:
        """Whether the plan may not go ahead without a prescriber's override."""
        return any(f.stops for f in self.findings) or bool(self.missing_for_printing)

    @property
    def missing_for_printing(self) -> tuple[Finding, ...]:
        """Blocking rules that cannot be decided and should be by now, when the plan is about to be printed; else none.

        An override lets one through only when no fact is missing: it decides about a hazard, it answers no question.
        """
        if not self.printing:
            return ()
        return tuple(f for f in self.undecided("before printing") if f.override is None)

    @property
    def on_the_day(self) -> tuple[Finding, ...]:
        """Rules that only the day of a session, step or visit can decide, blocking ones first: none of them passed."""
        found = [f for f in self.findings if f.asked == "on the day" and f.rule.severity != "info"]
        return tuple(sorted(found, key=lambda f: (f.rule.severity != "block", f.rule.id)))

    def undecided(self, asked: Asked) -> tuple[Finding, ...]:
        """Blocking rules that are not decided, of one time at which what they lack is asked for."""
        return tuple(f for f in self.findings if f.rule.severity == "block" and f.asked == asked)

    @property
    def idle_overrides(self) -> tuple[Override, ...]:
        """Overrides that decide nothing: the rule did not fire, lacks a fact, does not apply, or does not block."""
        used = {f.rule.id for f in self.findings if f.override is not None}
        return tuple(o for o in self.overrides if o.rule not in used)

    @property
    def word(self) -> str:
        """The verdict in the fixed words."""
        if self.stopped:
            return STOPPED
        if self.fired():
            return CAUTION
        if not self.checked:
            return NOT_CHECKED
        return f"no rule fired ({self.checked} checked, {self.not_checked} not checked)"

    def fired(self, severity: Severity | None = None) -> tuple[Finding, ...]:
        """Rules that fired, of one severity if said; remarks (severity info) are no rules that fire."""
        return tuple(f for f in self.findings if f.verdict == "fired" and severity in (None, f.rule.severity))

    def finding(self, rule_id: str) -> Finding | None:
        """The finding of a rule, None when the rule does not apply."""
        return next((f for f in self.findings if f.rule.id == rule_id), None)

    def missing(self) -> dict[str, tuple[str, ...]]:
        """Facts that were asked for and not known, each with the rules that needed it; most needed first."""
        found: dict[str, list[str]] = {}
        for f in self.findings:
            if f.holds is None:
                for name in f.missing:
                    found.setdefault(name, []).append(f.rule.id)
        return {n: tuple(ids) for n, ids in sorted(found.items(), key=lambda x: (-len(x[1]), x[0]))}

    def detail(self) -> str:
        """One line: the rules that fired, and how many were not checked."""
        ids = [f.rule.id + (" (overridden)" if f.override else "") for f in self.fired()]
        fired = ", ".join(ids) if ids else "no rule fired"
        return f"{fired}; {self.checked} checked, {self.not_checked} not checked"

    def document(self) -> dict[str, Any]:
        """The verdict, ready for JSON."""
        order = {"fired": 0, "remark": 1, "not checked": 2, "did not fire": 3}
        severity = {"block": 0, "warn": 1, "info": 2}
        listed = sorted(self.findings, key=lambda f: (order[f.verdict], severity[f.rule.severity], f.rule.id))
        return {
            "verdict": self.word,
            "stopped": self.stopped,
            "rules": [f.document() for f in listed],
            "checked": self.checked,
            "not_checked": self.not_checked,
            "not_checked_for_lack_of_facts": sum(1 for f in self.findings if f.holds is None),
            "not_checked_unconfirmed": sum(
                1 for f in self.findings if f.verdict == "not checked" and f.holds is not None
            ),
            "not_applicable": self.not_applicable,
            "missing": {name: list(ids) for name, ids in self.missing().items()},
            "missing_for_printing": [f.rule.id for f in self.missing_for_printing],
            "on_the_day": [f.rule.id for f in self.on_the_day],
            "stages": list(self.stages),
            "overrides": [
                {"id": o.rule, "reason": o.reason, "by": o.by, "used": o not in self.idle_overrides}
                for o in self.overrides
            ],
            "rule_pack": {"version": self.pack_version, "hash": self.pack_hash},
            "language": self.language,
            "translation_reviewed": self.translation_reviewed,
            "recorded": list(self.recorded),
            "notes": list(self.notes),
        }


# ---- checking ---------------------------------------------------------------------------------------------------


def check(regimen: Regimen | Ledger, patient: Patient = _NOBODY, options: CheckOptions | None = None) -> Verdict:
    """The verdict of the rules on every way a regimen can go, for a patient.

    A fact that is not recorded leaves the rules that need it not checked, never passed. Raises InputError when an
    override names no blocking rule, or a drug of the patient's list is a near miss of a known one.
    """
    from cotreat.safety.course import Course
    from cotreat.safety.paths import reachable
    from cotreat.safety.record import Record

    settings = options or CheckOptions()
    if settings.language not in LANGUAGES:
        raise InputError(f"no messages in {settings.language!r}", hint=f"Languages are {', '.join(LANGUAGES)}.")
    pack = settings.pack or load_pack()
    for override in patient.overrides:
        if pack.rule(override.rule).severity != "block":
            raise InputError(f"{override.rule} stops nothing, so it needs no override", hint="Leave it out.")
    paths = reachable(_ledger(regimen))
    record = Record(patient, pack, settings.printing)
    courses = [Course(path, pack, settings.whole) for path in paths.every]
    stages = settings.stages or stages_for(patient)
    asked = [r for r in pack.rules if r.stage in stages]
    applying = [r for r in asked if any(_applies(r, c) for c in courses)]
    decided = _Decisions(record, applying)
    decided.over(courses, paths)
    overrides = {o.rule: o for o in patient.overrides}
    findings = tuple(_finding(r, decided, overrides.get(r.id), settings.language) for r in applying)
    return Verdict(
        findings,
        stages,
        len(asked) - len(applying),
        pack.version,
        pack.hash,
        settings.language,
        settings.language not in pack.unreviewed_languages,
        patient.overrides,
        settings.printing,
        () if paths.whole else (f"{_TOO_MANY_WAYS}: rules that did not fire are not checked",),
        tuple(sorted(patient.given)),
    )


def stages_for(patient: Patient) -> tuple[Stage, ...]:
    """The stages asked unless said: the rules for sessions too, since leaving them out would hide what is not known."""
    sections = {facts()[name].section for name in patient.given}
    return tuple(s for s in STAGES if s != "application" or s in sections)


def _ledger(regimen: Regimen | Ledger) -> Ledger:
    if isinstance(regimen, Ledger):
        return regimen
    from cotreat.regimen.doses import fitting_horizon
    from cotreat.regimen.expand import LONGEST_HORIZON, expand

    # A little beyond the last day, so that what happens on the day a taper ends is seen.
    return expand(regimen, min(fitting_horizon(regimen) + 28, LONGEST_HORIZON))


def _applies(rule: Rule, course: Course) -> bool:
    """Whether a path holds what a rule is about."""
    kind, _, drug = rule.needs.partition(" ")
    match kind:
        case "":
            return True
        case "tms" | "ect":
            return bool(course.session_days(kind))
        case "ketamine":
            return bool(course.session_days("ketamine") or course.session_days("esketamine"))
        case "esketamine" | "cycloserine":
            return bool(course.session_days(kind))
    tapered = course.of(drug) if drug else course.drugs
    return any(c.kind in ("cut", "stop", "end") for t in tapered.values() for c in t.changes)


class _Decisions:
    """Rules decided over all days of all paths: true once true on any, not known when it may be on one."""

    def __init__(self, record: Record, rules: Iterable[Rule]) -> None:
        self.record = record
        self.open = {r.id: r for r in rules}
        self.holds: dict[str, Truth] = dict.fromkeys(self.open, False)
        self.day: dict[str, int | None] = dict.fromkeys(self.open)
        self.missing: dict[str, set[str]] = {r: set() for r in self.open}
        self.unfollowed: set[str] = set()
        self.undemanded: set[str] = set()

    def over(self, courses: list[Course], paths: Paths) -> None:
        """Decides every rule; a ledger has at least one way."""
        from cotreat.safety.situation import Situation

        every = dict(self.open)
        still = Situation(courses[0], self.record, 0)
        for rule in [r for r in self.open.values() if not r.condition.dated]:
            self._decide(rule, still)
            del self.open[rule.id]
        for course in courses:
            mine = [r for r in self.open.values() if _applies(r, course)]
            for day in course.days:
                situation = Situation(course, self.record, day)
                for rule in mine:
                    if rule.id in self.open and self._decide(rule, situation):
                        del self.open[rule.id]
        if not paths.whole:
            for rule_id in self.open:
                if self.holds[rule_id] is False:
                    self.holds[rule_id] = None
                    self.unfollowed.add(rule_id)
        for rule in every.values():
            if rule.demand is not None and self.holds[rule.id] is None and not self._demanded(rule, courses):
                self.undemanded.add(rule.id)

    def _demanded(self, rule: Rule, courses: list[Course]) -> bool:
        """Whether on any day what a rule lacks must be known, or whether that itself is not known."""
        from cotreat.safety.situation import Situation

        demand = rule.demand
        return demand is None or any(
            demand.truth(Situation(course, self.record, day)) is not False for course in courses for day in course.days
        )

    def _decide(self, rule: Rule, situation: Situation) -> bool:
        self.record.missing.clear()
        holds = rule.condition.truth(situation)
        if holds is True:
            self.holds[rule.id] = True
            self.day[rule.id] = situation.day if rule.condition.dated else None
            return True
        if holds is None:
            self.holds[rule.id] = None
            self.missing[rule.id] |= self.record.missing
        return False


def _finding(rule: Rule, decided: _Decisions, override: Override | None, language: str) -> Finding:
    holds = decided.holds[rule.id]
    missing = tuple(sorted(decided.missing[rule.id])) if holds is None else ()
    verdict: RuleVerdict
    reason = ""
    if holds is True:
        verdict = "remark" if rule.severity == "info" else "fired"
    elif holds is None:
        verdict = "not checked"
        reason = f"not known: {', '.join(missing)}" if missing else "the plan does not say enough"
        if rule.id in decided.unfollowed:
            reason = _TOO_MANY_WAYS
    elif rule.confirmed:
        verdict = "did not fire"
    else:
        verdict, reason = "not checked", _UNCONFIRMED
    asked, pending = _asked(rule, decided, missing) if holds is None else ("", ())
    decides = holds is True or (holds is None and not missing)
    used = override if decides and rule.severity == "block" else None
    return Finding(rule, holds, verdict, reason, missing, decided.day[rule.id], used, language, asked, pending)


def _asked(rule: Rule, decided: _Decisions, missing: tuple[str, ...]) -> tuple[Asked, tuple[str, ...]]:
    """When a rule that is not decided can be, and which facts want to be known before the plan is printed."""
    if rule.id in decided.undemanded:
        return "if known", ()
    if not missing or rule.id in decided.unfollowed:
        return "before printing", ()
    pending: list[str] = []
    day = False
    for name in missing:
        fact = facts().get(name)
        if fact is None or not fact.asked or (fact.asked == "result" and rule.stage != "session"):
            pending.append(name)
        elif fact.once is not None and decided.record.given.get(fact.once[0]) not in fact.once[1]:
            pending.append(fact.once[0] if fact.once[0] not in decided.record.given else name)
        else:
            day |= fact.asked != "if known"
    if pending:
        return "before printing", tuple(dict.fromkeys(pending))
    return ("on the day" if day else "if known"), ()


# ---- a file -----------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """What a file for ``cotreat check`` says: the regimen, and what is recorded about the patient."""

    regimen: Regimen
    patient: Patient


def load_case(path: str | FilePath) -> Case:
    """The regimen and the patient of a YAML file, overrides included.

    Raises InputError, in one line, for anything that cannot be read in full.
    """
    from cotreat.regimen.parse import parse

    where = str(path)
    document = _read(FilePath(path), where)
    unknown = [str(k) for k in document if k not in _CASE_FIELDS]
    if unknown:
        raise InputError(f"{where}: unknown field {unknown[0]!r}", hint=did_you_mean(unknown[0], _CASE_FIELDS))
    sentence = document.get("regimen")
    if not isinstance(sentence, str) or not sentence.strip():
        raise InputError(f"{where}: 'regimen' must hold the sentences of the plan")
    try:
        regimen = parse(sentence)
    except InputError as error:
        message = f"{where}: {error.message}"
        raise InputError(message, hint=error.hint, excerpt=error.excerpt, examples=error.examples) from error
    given = document.get("patient") or {}
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: 'patient' must hold facts such as age and sex")
    for section in ("tms", "session", "application"):
        if section in document and section in given:
            raise InputError(f"{where}: {section} is given twice")
    own = {k: document[k] for k in ("tms", "session", "application") if k in document}
    patient = read_patient({**given, **own}, f"{where}: patient")
    overrides = read_overrides(document.get("overrides"), f"{where}: overrides")
    return Case(regimen, Patient(patient.given, overrides))


def load_patient(path: str | FilePath) -> Patient:
    """What is recorded about one person, from a YAML file of facts (at its top, or under ``patient``).

    Raises InputError for anything that cannot be read in full, and for overrides: these belong to a plan.
    """
    where = str(path)
    document = _read(FilePath(path), where)
    if "overrides" in document or "regimen" in document:
        name = "overrides" if "overrides" in document else "regimen"
        raise InputError(f"{where}: {name} belongs in the file of the plan, not in that of the patient")
    given = document.pop("patient", None)
    if given is not None and not isinstance(given, Mapping):
        raise InputError(f"{where}: 'patient' must hold facts such as age and sex")
    for name in given or ():
        if name in document:
            raise InputError(f"{where}: {name} is given twice")
    return read_patient({**document, **(given or {})}, where)


def with_patient(case: Case, patient: Patient, where: str) -> Case:
    """A case with the facts of another file added; InputError when a fact stands in both. Overrides are the case's."""
    return Case(case.regimen, case.patient.joined(patient, where))


def _read(path: FilePath, where: str) -> dict[str, Any]:
    import yaml

    from cotreat.safety.reading import UniqueKeys

    try:
        if path.is_dir():
            raise InputError(f"{where} is a directory, not a file")
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{where} is larger than 1 MB")
        document = yaml.load(path.read_bytes().decode("utf-8"), UniqueKeys)
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not a text file in UTF-8") from error
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {where}: {getattr(error, 'strerror', None) or error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{where}: not valid YAML{line}: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(document, dict):
        raise InputError(f"{where}: expected the fields patient and regimen")
    return document
