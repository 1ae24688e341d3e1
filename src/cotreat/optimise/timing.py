"""When should the drug come? The answer with its uncertainty, its basis, and what acting wrongly would cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.optimise.basis import timing_trials
from cotreat.optimise.evaluate import OUTCOMES, Found, Outcome, Setting, evaluate, ledgers_of, utility
from cotreat.optimise.informed import drivers
from cotreat.optimise.regret import regret
from cotreat.optimise.remake import comparison_file, file_name, start_name
from cotreat.optimise.verdict import MARGIN_PER_100, MARGIN_POINTS, Contrast, Verdict, signs_differ, together
from cotreat.optimise.windows import Question, Reading, Start, course_end
from cotreat.optimise.words import Language, page_words, word
from cotreat.outcomes import estimate
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.values import Regimen
from cotreat.safety.check import PLANNING, CheckOptions
from cotreat.safety.check import Verdict as SafetyVerdict
from cotreat.safety.check import check as check_safety
from cotreat.safety.patient import Patient
from cotreat.simulate.result import STATED_N
from cotreat.trial.provenance import provenance, stamp

CLASSES = ("before", "with", "after")
VERDICT_ON: tuple[Outcome, ...] = ("well", "mean score")
MARGIN: dict[Outcome, float] = {"well": MARGIN_PER_100, "mean score": MARGIN_POINTS, "relapse": MARGIN_PER_100}
UNIT: dict[Outcome, str] = {"well": "per 100", "mean score": "HAM-D17 points", "relapse": "per 100"}
NEVER_CHOSEN = frozenset({"ECT-005"})
"""Warnings that a search takes as stops: lithium while ECT is given (delirium 5.7 against 0.6 %)."""
_USUAL = {"before": -28.0, "with": 0.0}


@dataclass(frozen=True)
class Place:
    """One start with its ledger, its class, what safety says, and how many days the drug is given."""

    start: Start
    ledger: Ledger
    group: str
    safety: str
    stopped_by: tuple[str, ...]
    drug_days: int

    @property
    def allowed(self) -> bool:
        """Whether no rule stops it."""
        return not self.stopped_by


@dataclass(frozen=True)
class Asked:
    """How an answer is wanted: the ``outcomes`` of its verdict, its ``language``, the ``command`` that remakes it.

    ``patient``: what the safety rules may know of the patient; nobody in particular by default.
    """

    outcomes: tuple[Outcome, ...] = VERDICT_ON
    language: Language = "en"
    command: str = ""
    patient: Patient = field(default_factory=Patient)


def timing(
    question: Question,
    shifts: tuple[float, ...],
    how: Setting,
    asked: Asked | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Move the drug around the stimulation and return the document of ``cotreat timing --json``.

    Raises
    ------
    InputError
        A regimen cannot be forecast, or safety rules stop every start.
    """
    asked = asked or Asked()
    lead = max(0.0, -min(shifts)) if not question.acute else 0.0
    how = replace(how, settings=replace(how.settings, weeks=max(how.week, 52 - int(-(-lead // 7)))))
    places = _places(question, shifts, how.settings.weeks, asked.patient)
    if not any(p.allowed for p in places):
        message, hint = _nothing_allowed(places, asked.patient)
        raise InputError(message, hint=hint)
    without = replace(ledgers_of([question.stimulation], how.settings.weeks)[0], lead_in=places[0].ledger.lead_in)
    share = None if progress is None else (lambda done: progress(0.8 * done))
    *found, never = evaluate([*(p.ledger for p in places), without], how, share)
    readings = tuple(dict.fromkeys(p.start.reading for p in places))
    contrasts = {(o, r): _before_after(places, found, o, r) for o in OUTCOMES for r in readings}
    entry = places[0].ledger.lead_in
    verdict, why = _verdict(contrasts, readings, how, asked, any(not p.allowed for p in places))
    trials = timing_trials(question.subject, question.drug)
    lang = asked.language
    basis = word("direct trial", lang, names=", ".join(trials)) if trials else word("model only", lang)
    points = _Points(places, found, how, question)
    rivals_are, losses = _regret(places, found, how, readings[-1])
    if progress is not None:
        progress(1.0)
    main = asked.outcomes[0]
    return {
        "question": {
            "stimulation": str(question.stimulation),
            "drug": str(question.order),
            "population": how.population.name,
            "moved_by": "hours" if question.acute else "days",
            "entry": word("entry day", lang, day=-entry),
        },
        "verdict": word(verdict, lang),
        "verdict_key": verdict,
        "why": why,
        "basis": basis,
        "stamp": stamp(how.parameters),
        "p_before_better": _probability(contrasts, main, readings),
        "contrasts": [_contrast(o, r, c, how, lang) for (o, r), c in contrasts.items() if c is not None],
        "course": [0, 0 if question.acute else course_end(without, question.subject)],
        "curve": [_point(points, i) for i in range(len(places))],
        "without_drug": _outcomes(never, how),
        "best": _best(places, found, asked.outcomes[0], readings),
        "regret": losses,
        "rivals": rivals_are,
        "drivers": _drivers(contrasts[(main, readings[-1])], how),
        "outcomes": {o: word(o, lang, week=how.week) for o in OUTCOMES},
        "words": page_words(lang, names=", ".join(trials), week=how.week, day=-entry),
        "language": lang,
        "disclaimer": word("disclaimer", lang),
        "translation": word("unreviewed", lang),
        "provenance": provenance(how.settings, how.parameters, asked.command, [p.ledger for p in places], trials),
    }


def _nothing_allowed(places: Sequence[Place], patient: Patient) -> tuple[str, str]:
    """The error when rules stop every start, and which of them stop what."""
    rules = sorted({r for p in places for r in p.stopped_by})
    every = [r for r in rules if all(r in p.stopped_by for p in places)]
    said = {
        f.rule.id: f.rule.text("en")
        for p in places
        for f in _verdict_of(p.start.regimen, patient).findings
        if f.rule.id in rules
    }
    hint = " ".join(f"{r} stops {'every start' if r in every else 'some starts'}: {said[r]}" for r in rules)
    return f"no allowed start: every regimen is stopped by safety rules ({', '.join(rules)})", hint


def _verdict_of(regimen: Regimen, patient: Patient) -> SafetyVerdict:
    return check_safety(regimen, patient, options=CheckOptions(stages=PLANNING))


def _places(question: Question, shifts: tuple[float, ...], weeks: int, patient: Patient) -> list[Place]:
    starts = question.starts(shifts)
    ledgers = ledgers_of([s.regimen for s in starts], weeks)
    end = course_end(ledgers[0], question.subject)
    places = []
    for start, ledger in zip(starts, ledgers, strict=True):
        verdict = _verdict_of(start.regimen, patient)
        stops = tuple(
            f.rule.id for f in verdict.findings if f.stops or (f.rule.id in NEVER_CHOSEN and f.verdict == "fired")
        )
        group = "before" if start.shift < 0 else "with"
        if (question.acute and start.shift > 0) or (not question.acute and start.shift > end):
            group = "after"
        days = {i.day for p in ledger.phases for i in p.items if i.subject == question.drug}
        places.append(Place(start, ledger, group, verdict.word, stops, len(days)))
    return places


def _drivers(contrast: Contrast | None, how: Setting) -> list[dict[str, Any]]:
    if contrast is None or len(contrast.values) != how.settings.draws:
        return []
    return drivers(contrast.values, how.parameters, how.settings.seed)


def _members(places: Sequence[Place], group: str, reading: Reading) -> list[int]:
    return [i for i, p in enumerate(places) if p.allowed and p.group == group and p.start.reading == reading]


def _before_after(
    places: Sequence[Place], found: Sequence[Found], outcome: Outcome, reading: Reading
) -> Contrast | None:
    """All allowed starts before the first session against all after the last, each averaged; None when one is empty."""
    before, after = (_members(places, g, reading) for g in ("before", "after"))
    if not before or not after:
        return None
    one, two = (np.mean([utility(found[i], outcome) for i in side], axis=0) for side in (before, after))
    return Contrast.of(estimate.paired_difference(one, two), MARGIN[outcome])


def _verdict(
    contrasts: dict[tuple[Outcome, Reading], Contrast | None],
    readings: tuple[Reading, ...],
    how: Setting,
    asked: Asked,
    stopped: bool,
) -> tuple[Verdict, str]:
    """The verdict over outcomes and readings, and why in the language asked for; ``stopped``: rules stop some start."""
    lang = asked.language

    def name(outcome: Outcome) -> str:
        return word(outcome, lang, week=how.week)

    per_outcome: list[tuple[Outcome, Verdict]] = []
    for outcome in asked.outcomes:
        found = [contrasts[(outcome, r)] for r in readings]
        known = [c for c in found if c is not None]
        if len(known) < len(found):
            return "cannot tell", word("no start left" if stopped else "no start asked", lang)
        if signs_differ(known):
            return "cannot tell", f"{name(outcome)}: {word('readings differ', lang)}"
        per_outcome.append((outcome, together(known)))
    words = {v for _, v in per_outcome}
    if len(words) == 1:
        agree = [word("readings agree", lang)] if len(readings) > 1 else []
        agree += [f"{name(o)}: {word(v, lang)}" for o, v in per_outcome]
        return words.pop(), "; ".join(agree)
    return "cannot tell", "; ".join(f"{name(o)}: {word(v, lang)}" for o, v in per_outcome)


def _probability(
    contrasts: dict[tuple[Outcome, Reading], Contrast | None], outcome: Outcome, readings: tuple[Reading, ...]
) -> float | None:
    """Probability that before beats after on an outcome, the mean over the readings."""
    known = [c.p_better for r in readings if (c := contrasts[(outcome, r)]) is not None]
    return round(float(np.mean(known)), 4) if known else None


def _contrast(outcome: Outcome, reading: Reading, c: Contrast, how: Setting, language: Language) -> dict[str, Any]:
    return {
        "outcome": word(outcome, language, week=how.week),
        "outcome_key": outcome,
        "reading": word(reading, language),
        "reading_key": reading,
        "before_minus_after": round(c.median, 4),
        "better": "higher",
        "unit": UNIT[outcome],
        "unknown95": [round(c.quantile(0.025), 4), round(c.quantile(0.975), 4)],
        "p_before_better": round(c.p_better, 4),
        "p_no_difference_that_matters": round(c.p_none, 4),
        "margin": c.margin,
        "verdict": word(c.verdict(), language),
    }


def _point(points: _Points, index: int) -> dict[str, Any]:
    place, question, how = points.places[index], points.question, points.how
    key = "shift_hours" if question.acute else "shift_days"
    reference = points.reference(place.start.reading)
    name = start_name(place.start.shift, question.acute)
    first = start_name(points.places[reference].start.shift, question.acute)
    arms = {first: points.places[reference].start.regimen} | {name: place.start.regimen}
    title = f"{question.drug} {name} ({place.start.reading})"
    return {
        key: place.start.shift,
        "reading": place.start.reading,
        "group": place.group,
        "sentence": str(place.start.regimen),
        "safety": place.safety,
        "stopped_by": list(place.stopped_by),
        "allowed": place.allowed,
        "drug_days": place.drug_days,
        "outcomes": _outcomes(points.found[index], how),
        "against": first,
        "difference": {o: _against(points.found[index], points.found[reference], o) for o in OUTCOMES},
        "file": file_name(place.start.shift, place.start.reading, question.acute),
        "comparison": comparison_file(title, how.population.name, arms, how.week, place.ledger.lead_in),
    }


@dataclass(frozen=True)
class _Points:
    """The curve before it is written down."""

    places: Sequence[Place]
    found: Sequence[Found]
    how: Setting
    question: Question

    def reference(self, reading: Reading) -> int:
        """The start of this reading that is nearest to the first session."""
        mine = [i for i, p in enumerate(self.places) if p.start.reading == reading]
        return min(mine, key=lambda i: abs(self.places[i].start.shift))


def _against(found: Found, reference: Found, outcome: Outcome) -> dict[str, Any]:
    """The paired difference of a start to the reference, on common luck; more is better for every outcome."""
    spread = estimate.paired_difference(utility(found, outcome), utility(reference, outcome))
    return _shown(spread, 1.0) | {"p_better": round(Contrast.of(spread, MARGIN[outcome]).p_better, 4)}


def _outcomes(found: Found, how: Setting) -> dict[str, Any]:
    well = estimate.proportion(found.well)
    chance = [estimate.binomial_quantile(np.array([well.median]), STATED_N, q) for q in (0.025, 0.975)]
    score = estimate.mean(found.score)
    relapse = estimate.proportion(found.relapsed & found.remitted)
    selected = estimate.proportion(found.relapsed, found.remitted)
    return {
        "well": _shown(well, 100.0) | {"chance95": [round(100 * c, 3) for c in chance], "n": STATED_N},
        "mean score": _shown(score, 1.0)
        | {"patients90": [round(float(q), 3) for q in np.quantile(found.score, [0.05, 0.95])]},
        "relapse": _shown(relapse, 100.0) | {"among_remitters": round(100 * selected.median, 3)},
    }


def _shown(spread: estimate.Spread, factor: float) -> dict[str, Any]:
    return {
        "median": round(factor * spread.median, 4),
        "unknown50": [round(factor * v, 4) for v in spread.interval(0.5)],
        "unknown95": [round(factor * v, 4) for v in spread.interval(0.95)],
        "monte_carlo_se": round(factor * spread.monte_carlo_se, 5),
    }


def _best(
    places: Sequence[Place], found: Sequence[Found], outcome: Outcome, readings: tuple[Reading, ...]
) -> list[dict[str, Any]]:
    """The best allowed start of each reading by the mean over what is not known, and how sure that is."""
    rows = []
    for reading in readings:
        mine = [i for i, p in enumerate(places) if p.allowed and p.start.reading == reading]
        means = np.array([utility(found[i], outcome).mean(axis=1) for i in mine])
        best = int(means.mean(axis=1).argmax())
        share = np.bincount(means.argmax(axis=0), minlength=len(mine)) / means.shape[1]
        rows.append(
            {
                "reading": reading,
                "outcome": outcome,
                "shift": places[mine[best]].start.shift,
                "sentence": str(places[mine[best]].start.regimen),
                "p_best": round(float(share[best]), 4),
            }
        )
    return rows


def _choices(places: Sequence[Place], reading: Reading) -> dict[str, int]:
    """The usual start of each class among those that are allowed; the last reading is the one that stands."""
    chosen: dict[str, int] = {}
    for group in CLASSES:
        mine = _members(places, group, reading)
        if mine:
            usual = _USUAL.get(group, min(places[i].start.shift for i in mine))
            chosen[group] = min(mine, key=lambda i: abs(places[i].start.shift - usual))
    return chosen


def _regret(places: Sequence[Place], found: Sequence[Found], how: Setting, reading: Reading) -> tuple[str, list[Any]]:
    chosen = _choices(places, reading)
    if len(chosen) < 2:
        return "", []
    ledgers = {group: (places[i].start.shift, places[i].ledger) for group, i in chosen.items()}
    return regret(ledgers, [found[i] for i in chosen.values()], how)
