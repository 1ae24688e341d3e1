"""Questions put to the evidence base: which studies, which of their arms, which figures, and why the others are not in.

A contrast is clean when two arms of one study differ in the treatment asked for and in nothing else. Arms that had the
same (doses of one drug) are put together; a study gives each patient once; a pooled publication is never put beside
trials, since it may hold them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, get_args

from cotreat.evidence.meta.choices import Choice, Extra
from cotreat.evidence.meta.effects import Effect, Measure
from cotreat.evidence.meta.figures import SYMPTOMS, Contrast, Figure, figures_of, sides_of
from cotreat.evidence.meta.question import Asked
from cotreat.evidence.meta.table import LeftOut
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.evidence.schema import Study

TAPER = "taper"
_NEAR = 2.0  # figures within this factor of the common day belong together
_AGAINST = ("vs", "versus", "against")
_SMALL_WORDS = frozenset({"and", "with", "plus", "after", "in", "of", "the", "by", "to", "on", "for", "during"})
_PLACES = frozenset({"after", "in", "during"})  # what follows says where, not what is compared
_OUTCOME_WORDS = {
    "score": SYMPTOMS,
    "scores": SYMPTOMS,
    "change": SYMPTOMS,
    SYMPTOMS: SYMPTOMS,
    "depression": SYMPTOMS,
    "remitted": "remission",
    "responded": "response",
    "responders": "response",
    "relapsed": "relapse",
    "relapses": "relapse",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """A question in parts.

    ``treated``: treatments asked for, each a set of words of which any will do (all forms of TMS). ``against``: words
    for the arm compared with and what they stand for (nothing, when they only describe it: sham, waiting list); empty
    means the same arm without the treatment. ``outcome``: a measure, or None for the one most studies have.
    ``systems`` and ``text`` narrow the studies.
    """

    treated: tuple[frozenset[str], ...] = ()
    against: tuple[tuple[str, frozenset[str]], ...] = ()
    outcome: str | None = None
    systems: tuple[str, ...] = ()
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Arms of one study that answer a question: those treated, those compared with, and what both had beside it."""

    study: Study = field(repr=False)
    treated: tuple[str, ...]
    control: tuple[str, ...]
    beside: frozenset[str]


def asked_of_base(choice: Choice) -> Asked:
    """The effects of the base that answer a question, what was pooled, and what was left out and why.

    Raises
    ------
    InputError
        No study of the base answers it; the message says what there is.
    """
    from cotreat.evidence.load import studies

    terms = read_terms(choice.query)
    found = [study for study in studies().values() if _concerns(study, terms)]
    if not found:
        raise InputError(f"no study of the base speaks of {' '.join(choice.query)}", hint=_HINT)
    if not terms.treated:
        terms = _commonest(found, terms, choice)
    left_out: list[LeftOut] = []
    pairs: list[Pair] = []
    for study in found:
        answer = _pairs(study, terms, choice.include)
        if isinstance(answer, str):
            left_out.append(LeftOut(study.id, answer))
        else:
            pairs += answer
    contrasts = _contrasts(pairs, terms, choice, left_out)
    contrasts = _once(contrasts, left_out)
    return _asked(contrasts, terms, choice, left_out)


_HINT = "`cotreat evidence list WORD` shows which studies speak of what"


# The words -----------------------------------------------------------------------------------------------------------


def read_terms(query: Sequence[str]) -> Terms:
    """Words of a question as terms: treatments by any of their names, figures, systems, and words of the study."""
    from cotreat.evidence.schema import ProportionMeasure

    outcomes = {name.replace("_", " "): name for name in get_args(ProportionMeasure)}
    treated: list[frozenset[str]] = []
    against: list[tuple[str, frozenset[str]]] = []
    text: list[str] = []
    systems: list[str] = []
    outcome, before = None, ""
    compared = False
    for phrase in _phrases(query, set(outcomes)):
        low = phrase.casefold()
        if low in _AGAINST:
            compared = True
        elif low in outcomes or low in _OUTCOME_WORDS:
            outcome = outcomes.get(low) or _OUTCOME_WORDS[low]
        elif low[0] == "s" and low[1:].isdigit():
            systems.append(low.upper())
        elif low in _SMALL_WORDS:
            before = low
            continue
        elif compared:
            against.append((low, _subjects(low)))
        elif before not in _PLACES and (subjects := _subjects(low)):
            treated.append(subjects)
        else:
            text.append(low)
        before = ""
    return Terms(tuple(treated), tuple(against), outcome, tuple(systems), tuple(text))


def _phrases(query: Sequence[str], outcomes: set[str]) -> Iterator[str]:
    """Words, with two that belong together (bilateral rTMS, sustained response) as one."""
    words = [word.strip(",;") for word in " ".join(query).split() if word.strip(",;")]
    i = 0
    while i < len(words):
        two = " ".join(words[i : i + 2])
        if i + 1 < len(words) and (two.casefold().replace("_", " ") in outcomes or _subjects(two.casefold())):
            yield two.replace("_", " ")
            i += 2
        else:
            yield words[i].replace("_", " ")
            i += 1


def _subjects(word: str) -> frozenset[str]:
    """What a word stands for in a regimen: one drug or modality, every form of TMS, or a taper; empty when nothing."""
    from cotreat.catalogue.modality_table import modalities
    from cotreat.catalogue.words import words

    if word in ("tms", "rtms"):
        return frozenset(m.id for m in modalities() if m.kind == "tms" and word in ("tms", m.id[-4:].casefold()))
    if word in (TAPER, "tapering", "discontinuation"):
        return frozenset({TAPER})
    known = words().canonical(word)
    if known is None or known in words().site.values() or known in words().placement.values():
        return frozenset()
    return frozenset({known})


def _concerns(study: Study, terms: Terms) -> bool:
    """Whether a study is of the systems and words named, and of the treatment where one is named."""
    if terms.systems and not set(terms.systems) & set(study.systems):
        return False
    text = study.model_dump_json().casefold() if terms.text else ""
    if not all(word in text for word in terms.text):
        return False
    if not terms.treated:
        return True
    given = frozenset[str]().union(*(_active(study, key) or frozenset() for key in study.arms))
    return all(given & term for term in terms.treated)


# The arms ------------------------------------------------------------------------------------------------------------


def _active(study: Study, key: str) -> frozenset[str] | None:
    """What an arm is really given (not in disguise), a taper among it; None when that cannot be written."""
    return None if study.arms[key].regimen is None else _given(study.id, key)


@cache
def _given(study_id: str, key: str) -> frozenset[str]:
    from cotreat.evidence.arms import arm_ledger
    from cotreat.evidence.load import load_study

    ledger = arm_ledger(load_study(study_id), key)
    given = {item.subject for phase in ledger.phases for item in phase.items if not item.sham}
    if any(mark.kind in ("cut", "taper end") for phase in ledger.phases for mark in phase.marks):
        given.add(TAPER)
    return frozenset(given)


def _commonest(found: Sequence[Study], terms: Terms, choice: Choice) -> Terms:
    """The treatment with the most usable comparisons, when the question names none; of equals the one most added."""
    added: Counter[frozenset[str]] = Counter()
    for study in found:
        if not study.design.startswith("rct") or not _has_outcome(study, terms.outcome):
            continue
        given = [active for key in study.arms if (active := _active(study, key)) is not None]
        added.update({one - other for one in given for other in given if other < one})
    if not added:
        raise InputError("none of these studies adds one treatment to another; name a treatment", hint=_HINT)

    def asking(subjects: frozenset[str]) -> Terms:
        return replace(terms, treated=tuple(frozenset({subject}) for subject in sorted(subjects)))

    def usable(subjects: frozenset[str]) -> int:
        answers = (_pairs(study, asking(subjects), choice.include) for study in found)
        pairs = [pair for answer in answers if not isinstance(answer, str) for pair in answer]
        return len(_contrasts(pairs, asking(subjects), choice, []))

    return asking(min(added, key=lambda subjects: (-usable(subjects), -added[subjects], sorted(subjects))))


def _has_outcome(study: Study, outcome: str | None) -> bool:
    if outcome is None:
        return True
    if outcome == SYMPTOMS:
        return any(o.kind == "score" or o.measure in ("smd", "mean_difference") for o in study.outcomes)
    return any(outcome in (o.measure, o.of) for o in study.outcomes)


def _pairs(study: Study, terms: Terms, include: Sequence[Extra]) -> list[Pair] | str:
    """The clean contrasts of a study, or why it has none."""
    reason = _unfit(study, include)
    if reason:
        return reason
    asked = frozenset[str]().union(*terms.treated)
    opposed = frozenset[str]().union(*(subjects for _, subjects in terms.against))
    given = {key: active for key in study.arms if (active := _active(study, key)) is not None}
    treated = {key: a - asked for key, a in given.items() if all(a & term for term in terms.treated)}
    without = {key: a for key, a in given.items() if not a & asked}
    if not treated:
        return f"no arm that can be written was given {_named(terms.treated)}" if given else "arms cannot be written"
    if terms.against:
        treated = {key: rest for key, rest in treated.items() if not rest & opposed}
        without = {key: a - opposed for key, a in without.items() if _is_against(study, key, a, terms)}
    if not without:
        other = _against(terms)
        return f"no arm was given {other} without it" if other else f"every arm was given {_named(terms.treated)}"
    found = []
    for beside in dict.fromkeys(without.values()):
        with_it = tuple(key for key, rest in treated.items() if rest == beside)
        without_it = tuple(key for key, rest in without.items() if rest == beside)
        if with_it:
            found.append(Pair(study, with_it, without_it, beside))
    if not found:
        return f"the arms differ in more than that: {_differences(treated, without)}"
    return found


def _unfit(study: Study, include: Sequence[Extra]) -> str | None:
    if study.design == "pooled":
        return "a pooled publication: its trials would count twice"
    if not study.design.startswith("rct") and "observational" not in include:
        return f"not randomised ({study.design}); --include observational puts it in"
    if study.crossover and "crossover" not in include:
        return "a crossover, whose paired figures need their correlation; --include crossover takes it as parallel"
    return None


def _is_against(study: Study, key: str, given: frozenset[str], terms: Terms) -> bool:
    """Whether an arm is the one compared with: given it, or described so (an active placebo, a sham)."""
    arm = study.arms[key]
    text = " ".join([key, arm.placebo or "", arm.stands_for or "", arm.regimen or ""]).casefold()
    return all(given & subjects or word in text for word, subjects in terms.against)


def _named(terms: Sequence[frozenset[str]]) -> str:
    names = [next(iter(t)) if len(t) == 1 else "rTMS" if all("rTMS" in s for s in t) else "TMS" for t in terms]
    return " and ".join(names)


def _against(terms: Terms) -> str:
    return " and ".join(word for word, _ in terms.against)


def _differences(treated: Mapping[str, frozenset[str]], without: Mapping[str, frozenset[str]]) -> str:
    shown = []
    for rest in dict.fromkeys(treated.values()):
        for other in dict.fromkeys(without.values()):
            apart = sorted(rest ^ other)
            if apart:
                shown.append(" and ".join(apart))
    return "; or ".join(dict.fromkeys(shown))


# The figures ---------------------------------------------------------------------------------------------------------


def _contrasts(pairs: Sequence[Pair], terms: Terms, choice: Choice, left_out: list[LeftOut]) -> list[Contrast]:
    """One figure for each pair of arms: of the outcome and near the day that most of them share."""
    unconfirmed = "unconfirmed" in choice.include
    known = {
        i: figures_of(pair.study, pair.treated, pair.control, choice.measure, unconfirmed)
        for i, pair in enumerate(pairs)
    }
    outcome = terms.outcome or _most_common([{f.outcome for f in figures} for figures in known.values()])
    suited = {i: [f for f in figures if f.outcome == outcome] for i, figures in known.items()}
    day = choice.day if choice.day is not None else _common_day(suited.values())
    found = []
    for i, pair in enumerate(pairs):
        chosen = _nearest(suited[i], day)
        if chosen is None:
            reason = _no_figure(known[i], suited[i], outcome, day)
            if not known[i] and figures_of(pair.study, pair.treated, pair.control, choice.measure, True):
                reason = "its figures are not confirmed or lack a number of patients; --include unconfirmed takes them"
            left_out.append(LeftOut(_label(pair, pairs), reason))
            continue
        found.append(Contrast(pair.study, _label(pair, pairs), chosen))
    return found


def _most_common(sets: Sequence[set[str]]) -> str | None:
    counts = Counter(name for names in sets for name in names)
    order = ("relapse", "response", "remission", SYMPTOMS)
    if not counts:
        return None
    return min(counts, key=lambda name: (-counts[name], order.index(name) if name in order else len(order), name))


def _common_day(groups: Iterable[list[Figure]]) -> float | None:
    """The day near which most pairs of arms have a figure; the later of two that are equally shared."""
    pairs = [{f.day for f in figures if f.day is not None} for figures in groups]
    days = sorted({day for found in pairs for day in found})
    if not days:
        return None
    return max(
        days, key=lambda day: (sum(any(_near(day, d) for d in found) for found in pairs), _closeness(day, pairs))
    )


def _closeness(day: float, pairs: Sequence[set[float]]) -> float:
    return -sum(min((abs(math.log((d + 0.1) / (day + 0.1))) for d in found), default=0.0) for found in pairs)


def _near(day: float, other: float) -> bool:
    low, high = sorted((day, other))
    return high <= max(_NEAR * low, low + 0.5)


def _nearest(figures: Sequence[Figure], day: float | None) -> Figure | None:
    """The figure nearest to a day; the larger group, then the whole group, of two at one distance."""
    near = [f for f in figures if f.day is not None and day is not None and _near(f.day, day)]
    if not near:
        return None
    return min(near, key=lambda f: (abs((f.day or 0.0) - (day or 0.0)), f.rank))


def _no_figure(known: Sequence[Figure], suited: Sequence[Figure], outcome: str | None, day: float | None) -> str:
    if not known:
        return "no figure of both arms that is confirmed and has its numbers"
    if not suited:
        there = ", ".join(sorted({f.outcome for f in known}))
        return f"no {(outcome or 'figure').replace('_', ' ')} of both arms; there is {there.replace('_', ' ')}"
    days = sorted({f.day for f in suited if f.day is not None})
    if not days:
        return "the day of its figure is not stated"
    return f"its figures are of day {', '.join(f'{d:g}' for d in days)}, not near day {day or 0:g} (choose with --day)"


def _label(pair: Pair, pairs: Sequence[Pair]) -> str:
    """The study, with its arms where it gives more than one contrast."""
    if sum(other.study is pair.study for other in pairs) == 1:
        return pair.study.id
    return f"{pair.study.id} ({'+'.join(pair.treated)} / {'+'.join(pair.control)})"


def _once(contrasts: Sequence[Contrast], left_out: list[LeftOut]) -> list[Contrast]:
    """One file for each group of patients: the one that is fitted, then the larger, then the first."""
    best: dict[str, Contrast] = {}
    for contrast in contrasts:
        other = best.get(contrast.study.cohort)
        if other is None or _preferred(contrast) > _preferred(other):
            best[contrast.study.cohort] = contrast
    kept = []
    for contrast in contrasts:
        chosen = best[contrast.study.cohort].study
        if chosen is contrast.study:
            kept.append(contrast)
        else:
            left_out.append(LeftOut(contrast.label, f"the same patients as {chosen.id}"))
    return kept


def _preferred(contrast: Contrast) -> tuple[bool, float]:
    return contrast.study.use == "fit", contrast.figure.patients


def _asked(contrasts: Sequence[Contrast], terms: Terms, choice: Choice, left_out: list[LeftOut]) -> Asked:
    treated, other = _named(terms.treated), _against(terms)
    if not contrasts:
        reasons = "; ".join(f"{out.study}: {out.reason}" for out in left_out[:6])
        raise InputError(f"no randomised study answers that for {treated}. {reasons}", hint=_HINT)
    first = contrasts[0].figure
    measure: Measure = first.measure
    outcome = first.outcome.replace("_", " ")
    against = f"{treated} against {other}" if other else f"{treated} added, against the same without it"
    if treated == TAPER and not other:
        against = "tapering a drug, against going on with it"
    days = sorted({c.figure.day for c in contrasts if c.figure.day is not None})
    span = f"day {days[0]:g}" if days[0] == days[-1] else f"days {days[0]:g} to {days[-1]:g}"
    ordered = sorted(contrasts, key=lambda c: (c.study.year or 0, c.label))
    context = [f"{c.label} ({c.study.reason})" for c in ordered if c.study.use == "context" and c.study.reason]
    return Asked(
        title=f"{outcome[0].upper()}{outcome[1:]}: {against}",
        said=f"Randomised comparisons of {against}, {outcome} at {span}, each patient once, "
        f"{'unconfirmed figures included' if 'unconfirmed' in choice.include else 'confirmed figures only'}."
        + (f" Kept as context in the base: {'; '.join(context)}." if context else ""),
        measure=measure,
        effects=tuple(_effect(c) for c in ordered),
        left_out=tuple(sorted(left_out, key=lambda out: out.study)),
        sides=sides_of(measure, first.outcome, treated),
        sources=tuple(dict.fromkeys(c.study.id for c in ordered)),
    )


def _effect(contrast: Contrast) -> Effect:
    figure = contrast.figure
    year = f" {contrast.study.year}" if contrast.study.year and str(contrast.study.year) not in contrast.label else ""
    return Effect(f"{contrast.label}{year}", figure.yi, figure.vi, {}, figure.note)
