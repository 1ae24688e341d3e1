"""The figures of two groups of arms as one effect: from counts, from means, or from a printed contrast."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cotreat.evidence.meta.effects import (
    Group,
    Measure,
    from_interval,
    mean_difference,
    standardised_difference,
    two_by_two,
)
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.evidence.schema import Outcome, Study

GOOD = frozenset(
    {"response", "remission", "well", "sustained_response", "sustained_remission", "completion", "taper_success"}
)
SYMPTOMS = "symptoms"
_SETS = ("everyone", "observed", "completers", "remitters", "responders", None)
_PRINTED: dict[str, Measure] = {
    "hazard_ratio": "HR",
    "risk_ratio": "RR",
    "odds_ratio": "OR",
    "risk_difference": "RD",
    "smd": "SMD",
    "mean_difference": "MD",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One effect of a pair of arms.

    ``outcome``: a measure of the schema, "symptoms" for scores. ``rank``: order of preference at one day (counts before
    printed contrasts, whole groups before parts). ``patients``: in both groups, 0 when not known.
    """

    outcome: str
    measure: Measure
    day: float | None
    yi: float
    vi: float
    patients: float
    rank: int
    note: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """A study's answer: its label and the figure chosen."""

    study: Study
    label: str
    figure: Figure


def figures_of(
    study: Study, treated: Sequence[str], control: Sequence[str], measure: Measure | None, unconfirmed: bool
) -> list[Figure]:
    """Every effect of ``treated`` against ``control`` that a study's figures give.

    ``measure`` None: risk ratios of proportions and standardised differences of scores. ``unconfirmed`` lets figures
    from memory in, and takes the patients allotted where the number analysed was not read.
    """
    usable = [o for o in study.outcomes if unconfirmed or o.read != "memory"]
    if unconfirmed:
        usable = [_with_n(study, o) for o in usable]
    found = [*_of_counts(usable, treated, control, measure), *_of_scores(usable, treated, control, measure)]
    found += _of_printed(usable, treated, control, measure)
    return found


def _with_n(study: Study, o: Outcome) -> Outcome:
    if o.n or o.kind == "contrast" or any(key not in study.arms for key in o.arms):
        return o
    counts = [study.arms[key].n for key in o.arms]
    return o.model_copy(update={"n": sum(c or 0 for c in counts)}) if all(counts) else o


def sides_of(measure: Measure, outcome: str, treated: str) -> tuple[str, str] | None:
    """What lies below and above no effect, in words."""
    if measure == "SMD":
        return f"worse with {treated}", f"better with {treated}"
    if measure == "MD":
        return f"lower with {treated}", f"higher with {treated}"
    name = outcome.replace("_", " ")
    return f"less {name} with {treated}", f"more {name} with {treated}"


_Key = tuple[str, str | None, float | None, str, str | None]


def _key(o: Outcome) -> _Key:
    return (o.measure, o.scale, o.day, o.counted_from, o.analysis_set)


def _rank(o: Outcome, printed: bool = False) -> int:
    return _SETS.index(o.analysis_set) + (10 if printed else 0)


def _matched(
    outcomes: Sequence[Outcome], treated: Sequence[str], control: Sequence[str]
) -> Iterator[tuple[list[Outcome], list[Outcome]]]:
    """Outcomes of all treated and all control arms that are the same figure; one over several arms is taken whole."""
    keys = dict.fromkeys(_key(o) for o in outcomes)
    for key in keys:
        same = [o for o in outcomes if _key(o) == key]
        one, other = _cover(same, treated), _cover(same, control)
        if one and other:
            yield one, other


def _cover(outcomes: Sequence[Outcome], arms: Sequence[str]) -> list[Outcome]:
    """Figures that cover every arm once: one over all of them, or one of each; empty when there is none."""
    whole = [o for o in outcomes if set(o.arms) == set(arms)]
    if whole:
        return whole[:1]
    single = [next((o for o in outcomes if o.arms == (arm,)), None) for arm in arms]
    return [o for o in single if o is not None] if all(single) else []


def _of_counts(
    outcomes: Sequence[Outcome], treated: Sequence[str], control: Sequence[str], measure: Measure | None
) -> Iterator[Figure]:
    wanted: Measure = measure or "RR"
    if wanted not in ("RR", "OR", "RD"):
        return
    counted = [o for o in outcomes if o.kind == "proportion" and o.n and o.observed is not None]
    for one, other in _matched(counted, treated, control):
        a, n1 = _counts(one)
        c, n2 = _counts(other)
        yi, vi = two_by_two(wanted, a, n1 - a, c, n2 - c)
        note = "half a patient added to each cell" if min(a, n1 - a, c, n2 - c) == 0 else ""
        words = f"{a:g} of {n1:g} against {c:g} of {n2:g}, day {one[0].day or 0:g}"
        first = one[0]
        yield Figure(
            first.measure, wanted, first.day, yi, vi, n1 + n2, _rank(first), "; ".join(filter(None, [note, words]))
        )


def _counts(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Events and patients over several arms; events that are not printed are the printed proportion of n, rounded."""
    events = sum(o.events if o.events is not None else round((o.observed or 0.0) * (o.n or 0)) for o in outcomes)
    return float(events), float(sum(o.n or 0 for o in outcomes))


def _of_scores(
    outcomes: Sequence[Outcome], treated: Sequence[str], control: Sequence[str], measure: Measure | None
) -> Iterator[Figure]:
    wanted: Measure = measure or "SMD"
    if wanted not in ("SMD", "MD"):
        return
    scored = [o for o in outcomes if o.measure in ("score", "change") and o.mean is not None and o.n and _sd(o)]
    for one, other in _matched(scored, treated, control):
        groups = _combined(one), _combined(other)
        try:
            yi, vi = standardised_difference(*groups) if wanted == "SMD" else mean_difference(*groups)
        except InputError:
            continue
        first = one[0]
        # a lower score is better, and a standardised difference is positive when the first did better
        sign = -1.0 if wanted == "SMD" else 1.0
        words = f"{first.measure} on {first.scale}, day {first.day or 0:g}"
        patients = groups[0].n + groups[1].n
        yield Figure(SYMPTOMS, wanted, first.day, sign * yi, vi, patients, _rank(first), words)


def _sd(o: Outcome) -> float | None:
    """The standard deviation of a score: printed, or from its standard error or interval and n."""
    if o.sd:
        return o.sd
    if o.n and o.se:
        return o.se * math.sqrt(o.n)
    if o.n and o.ci95:
        return (o.ci95[1] - o.ci95[0]) / (2 * 1.96) * math.sqrt(o.n)
    return None


def _combined(outcomes: Sequence[Outcome]) -> Group:
    """One group from several arms: total n, overall mean, and the spread within and between them."""
    n = float(sum(o.n or 0 for o in outcomes))
    mean = sum((o.n or 0) * (o.mean or 0.0) for o in outcomes) / n
    squares = sum(
        ((o.n or 0) - 1) * (_sd(o) or 0.0) ** 2 + (o.n or 0) * ((o.mean or 0.0) - mean) ** 2 for o in outcomes
    )
    return Group(mean, math.sqrt(squares / max(n - 1, 1)), n)


def _of_printed(
    outcomes: Sequence[Outcome], treated: Sequence[str], control: Sequence[str], measure: Measure | None
) -> Iterator[Figure]:
    """Contrasts as the paper prints them, turned round where it compares the other way."""
    for o in outcomes:
        if o.kind != "contrast" or o.measure not in _PRINTED or o.effect is None:
            continue
        name = _PRINTED[o.measure]
        if name != (measure or ("SMD" if name == "SMD" else "RR")):
            continue
        if (set(o.arms), set(o.reference_arms)) == (set(treated), set(control)):
            sign = 1.0
        elif (set(o.arms), set(o.reference_arms)) == (set(control), set(treated)):
            sign = -1.0
        else:
            continue
        try:
            yi, vi = _printed_effect(name, o)
        except InputError:
            continue
        outcome = SYMPTOMS if name in ("SMD", "MD") else (o.of or "")
        if not outcome:
            continue
        words = f"{o.measure.replace('_', ' ')} as printed, day {o.day or 0:g}"
        yield Figure(outcome, name, o.day, sign * yi, vi, float(o.n or 0), _rank(o, True), words)


def _printed_effect(name: Measure, o: Outcome) -> tuple[float, float]:
    if o.ci95 is not None and o.effect is not None:
        return from_interval(name, o.effect, *o.ci95)
    if o.se and o.effect is not None and name in ("SMD", "MD", "RD"):
        return o.effect, o.se**2
    raise InputError("neither an interval nor a standard error")
