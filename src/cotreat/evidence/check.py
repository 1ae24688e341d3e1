"""What cannot be, what contradicts itself and what looks wrong in study files, each with its rule and its place.

Three severities. *impossible*: no reading of the figure makes sense (more events than patients); such a file is not
loaded. *contradiction*: two statements of the file, or of two files, cannot both be right, or a rule of the evidence
base is broken; `cotreat evidence check` fails. *doubt*: worth a second look in the source.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cotreat.evidence.document import FieldPath, field_name
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.evidence.schema import Baseline, Outcome, Study
    from cotreat.measures.scales import Scale

Severity = Literal["impossible", "contradiction", "doubt"]

RATIOS = ("hazard_ratio", "risk_ratio", "odds_ratio")

# Usual standard deviations in points: (at baseline, where entry rules narrow it; of later scores and of changes).
# Read off the arms of the packaged studies and rounded; only values below a third of them raise a doubt.
USUAL_SD: Mapping[str, tuple[float, float]] = {
    "HAM-D6": (2.2, 4.0),
    "HAM-D17": (4.0, 7.0),
    "HAM-D21": (4.5, 7.5),
    "HAM-D24": (5.5, 9.0),
    "MADRS": (5.5, 10.0),
    "QIDS-SR16": (3.5, 5.5),
    "IDS-SR30": (9.0, 13.0),
    "PHQ-9": (4.5, 6.5),
    "BDI-II": (9.0, 13.0),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong or doubtful: study, place in its file, rule, severity and a sentence."""

    study: str
    path: FieldPath
    rule: str
    severity: Severity
    text: str

    @property
    def field(self) -> str:
        """The place as written in messages: outcomes[2].events."""
        return field_name(self.path)

    def line(self) -> str:
        """The finding as one line of a report."""
        return f"{self.study}: {self.field}: {self.severity} ({self.rule}): {self.text}"


@dataclass(frozen=True, slots=True)
class _Case:
    """One outcome with its place and its study."""

    study: Study
    place: int
    outcome: Outcome

    def finding(self, rule: str, severity: Severity, text: str, field: str = "") -> Finding:
        path: FieldPath = ("outcomes", self.place, field) if field else ("outcomes", self.place)
        return Finding(self.study.id, path, rule, severity, text)

    @property
    def randomised(self) -> int | None:
        """Patients allotted to the arms of this outcome, or None when one is not known."""
        if any(key not in self.study.arms for key in self.outcome.arms):
            return None
        counts = [self.study.arms[key].n for key in (*self.outcome.arms, *self.outcome.reference_arms)]
        return None if any(c is None for c in counts) else sum(c for c in counts if c is not None)


def check_study(study: Study) -> list[Finding]:
    """Everything that can be said about one file alone, the worst first."""
    found = list(_of_study(study))
    for place, outcome in enumerate(study.outcomes):
        case = _Case(study, place, outcome)
        for rule in _OUTCOME_RULES:
            found.extend(rule(case))
    found.extend(_twice(study))
    found.extend(_nested(study))
    found.extend(_ratios(study))
    return _sorted(found)


def check_base(studies: Mapping[str, Study]) -> list[Finding]:
    """Findings of every file and of the files beside each other, the worst first."""
    found = [finding for study in studies.values() for finding in check_study(study)]
    found.extend(_same_paper(studies))
    found.extend(_same_cohort(studies))
    found.extend(_pooled_beside_trial(studies))
    return _sorted(found)


def check_beside(study: Study, base: Mapping[str, Study]) -> list[Finding]:
    """Findings about a study that come of others: its paper or patients are in the base already, or in a pooled file.

    A study of the base with the same id is what this one replaces, and is left out.
    """
    together = {**{key: other for key, other in base.items() if key != study.id}, study.id: study}
    found = [*_same_paper(together), *_same_cohort(together), *_pooled_beside_trial(together)]
    return _sorted([f for f in found if f.study == study.id or study.id in base.get(f.study, study).contains])


def _sorted(found: list[Finding]) -> list[Finding]:
    order: dict[Severity, int] = {"impossible": 0, "contradiction": 1, "doubt": 2}
    return sorted(found, key=lambda f: (order[f.severity], f.study))


# ---- one study -----------------------------------------------------------------------------------------------------


def _of_study(study: Study) -> Iterator[Finding]:
    if study.use == "fit":
        for key, arm in study.arms.items():
            if arm.regimen is None:
                text = "a study that is fitted needs a regimen for every arm; write one or set use: context"
                yield Finding(study.id, ("arms", key, "regimen"), "fit-without-regimen", "contradiction", text)
    elif study.reason is None:
        text = "a study kept as context says why in `reason`"
        yield Finding(study.id, ("use",), "context-without-reason", "doubt", text)
    if study.doi is None and study.citation is None and study.registry is None:
        yield Finding(study.id, ("doi",), "no-citation", "doubt", "neither doi, citation nor registry number")
    if study.contains and study.design != "pooled":
        text = f"contains other studies, but the design is {study.design}"
        yield Finding(study.id, ("contains",), "contains-not-pooled", "contradiction", text)
    yield from _baselines(study)


def _baselines(study: Study) -> Iterator[Finding]:
    tables: list[tuple[FieldPath, Baseline | None]] = [(("population", "baseline"), study.population.baseline)]
    tables += [(("arms", key, "baseline"), arm.baseline) for key, arm in study.arms.items()]
    entry = study.population.entry_at_least
    if entry is not None:
        yield from _scale_known(study.id, ("population", "entry_at_least", "scale"), entry.scale)
    for path, table in tables:
        if table is None:
            continue
        yield from _scale_known(study.id, (*path, "scale"), table.scale)
        scale = known_scale(table.scale)
        if scale is not None and table.mean is not None and not scale.low <= table.mean <= scale.high:
            text = f"a mean of {table.mean:g} lies outside {scale.id} ({scale.low:g} to {scale.high:g})"
            yield Finding(study.id, (*path, "mean"), "outside-scale", "impossible", text)
        usual = USUAL_SD.get(scale.id if scale else table.scale)
        if usual and table.sd is not None and table.sd < usual[0] / 3:
            text = f"an SD of {table.sd:g} on {table.scale} is small enough to be a standard error"
            yield Finding(study.id, (*path, "sd"), "sd-looks-like-se", "doubt", text)
        below = entry is not None and study.population.run_in is None and known_scale(entry.scale) == scale
        if below and entry is not None and table.mean is not None and table.mean < entry.score:
            text = f"a baseline mean of {table.mean:g} lies below the entry score {entry.score:g}"
            yield Finding(study.id, (*path, "mean"), "baseline-below-entry", "contradiction", text)


def _scale_known(study: str, path: FieldPath, name: str) -> Iterator[Finding]:
    from cotreat.measures.scales import scale

    try:
        scale(name)
    except InputError as error:
        text = ". ".join(part for part in (error.message, error.hint) if part)
        yield Finding(study, path, "unknown-scale", "contradiction", text)


def known_scale(name: str | None) -> Scale | None:
    """The rating scale of a name or alias, or None when there is none."""
    from cotreat.measures.scales import scale

    if name is None:
        return None
    try:
        return scale(name)
    except InputError:
        return None


# ---- one outcome ---------------------------------------------------------------------------------------------------


def _counts(case: _Case) -> Iterator[Finding]:
    o = case.outcome
    if o.events is not None and o.n is not None and o.events > o.n:
        yield case.finding("events-over-n", "impossible", f"{o.events} events among {o.n} patients", "events")
        return
    if o.events is not None and o.n is None:
        yield case.finding("events-without-n", "doubt", f"{o.events} events, but of how many is not said", "events")
    if o.proportion is None or not o.n:
        return
    if o.events is not None:
        if abs(o.events / o.n - o.proportion) > _rounding(o.proportion):
            text = f"{o.events} of {o.n} is {o.events / o.n:.3f}, not {o.proportion:g}"
            yield case.finding("proportion-mismatch", "contradiction", text, "proportion")
    elif not _is_count(o.proportion, o.n) and not o.note:
        text = f"{o.proportion:g} is no whole number of {o.n} patients; say in `note` how it was computed"
        yield case.finding("not-a-count", "doubt", text, "proportion")


def _rounding(value: float) -> float:
    """Half a unit of the last printed digit, at least of a per cent."""
    digits = len(f"{value:.6f}".rstrip("0").split(".")[1])
    return 0.5 * float(10 ** -max(2, min(digits, 4))) * 1.02 + 1e-9


def _is_count(proportion: float, n: int) -> bool:
    nearest = round(proportion * n)
    return abs(nearest / n - proportion) <= _rounding(proportion)


def _intervals(case: _Case) -> Iterator[Finding]:
    o = case.outcome
    if o.ci95 is None:
        return
    low, high = o.ci95
    if low > high:
        yield case.finding("interval-reversed", "impossible", f"the interval {low:g} to {high:g} is reversed", "ci95")
        return
    if o.kind == "proportion" and (low < 0 or high > 1):
        text = f"the interval {low:g} to {high:g} leaves 0 to 1; proportions are fractions"
        yield case.finding("interval-outside", "impossible", text, "ci95")
        return
    if o.measure in RATIOS and low < 0:
        yield case.finding("ratio-not-positive", "impossible", "a ratio has no negative limit", "ci95")
        return
    value = o.observed
    if value is None:
        return
    if not low <= value <= high:
        text = f"{value:g} lies outside its own interval {low:g} to {high:g}"
        yield case.finding("estimate-outside-interval", "contradiction", text, "ci95")
        return
    yield from _width(case, value, low, high)


def _width(case: _Case, value: float, low: float, high: float) -> Iterator[Finding]:
    """Compare the width of an interval with what the counts or the SD say it should be."""
    o = case.outcome
    if o.kind == "proportion" and o.n:
        expected = _wilson_width(value, o.n)
        if not 0.65 <= (high - low) / expected <= 1.6 and case.study.design != "pooled":
            text = f"the interval is {high - low:.2f} wide; {o.n} patients give about {expected:.2f}"
            yield case.finding("interval-width", "doubt", text, "ci95")
    elif o.kind == "score" and o.n and o.sd:
        expected = 2 * 1.96 * o.sd / math.sqrt(o.n)
        if not 0.7 <= (high - low) / expected <= 1.4:
            text = f"the interval is {high - low:.2f} wide; SD {o.sd:g} and n {o.n} give about {expected:.2f}"
            yield case.finding("interval-width", "contradiction", text, "ci95")
    elif o.measure in RATIOS and low > 0 and value > 0:
        middle = (math.log(low) + math.log(high)) / 2
        half = (math.log(high) - math.log(low)) / 2
        if half > 0 and abs(math.log(value) - middle) > 0.25 * half:
            text = f"{value:g} is not in the middle of {low:g} to {high:g} on the logarithmic scale"
            yield case.finding("interval-off-centre", "doubt", text, "ci95")
    elif o.measure in ("smd", "mean_difference", "risk_difference") and high > low:
        half = (high - low) / 2
        if abs(value - (high + low) / 2) > 0.25 * half:
            text = f"{value:g} is not in the middle of {low:g} to {high:g}"
            yield case.finding("interval-off-centre", "doubt", text, "ci95")


def _wilson_width(proportion: float, n: int) -> float:
    z = 1.96
    return 2 * z * math.sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n)) / (1 + z * z / n)


def _spread(case: _Case) -> Iterator[Finding]:
    o = case.outcome
    if o.sd and o.se and o.n:
        ratio = o.sd / (o.se * math.sqrt(o.n))
        if not 0.8 <= ratio <= 1.25:
            text = f"SD {o.sd:g} and n {o.n} give a standard error of {o.sd / math.sqrt(o.n):.2f}, not {o.se:g}"
            yield case.finding("sd-se-mismatch", "contradiction", text, "se")
    if o.scale is None or o.kind != "score":
        return
    scale = known_scale(o.scale)
    usual = USUAL_SD.get(scale.id) if scale else None
    if usual and o.sd is not None and o.measure in ("score", "change") and o.sd < usual[1] / 3:
        remitted = o.analysis_set in ("remitters", "responders")
        if not remitted or o.sd < usual[0] / 3:
            text = f"an SD of {o.sd:g} on {o.scale} is small enough to be a standard error"
            yield case.finding("sd-looks-like-se", "doubt", text, "sd")
    if scale is None or o.mean is None:
        return
    if o.measure == "score" and not scale.low <= o.mean <= scale.high:
        text = f"a mean of {o.mean:g} lies outside {scale.id} ({scale.low:g} to {scale.high:g})"
        yield case.finding("outside-scale", "impossible", text, "mean")
    if o.measure == "change" and abs(o.mean) > scale.high - scale.low:
        text = f"a change of {o.mean:g} is more than {scale.id} has points"
        yield case.finding("outside-scale", "impossible", text, "mean")


def _kind_of_number(case: _Case) -> Iterator[Finding]:
    """Each family of measures has its own numbers; a number of another family would be lost in silence."""
    o = case.outcome
    own = {
        "proportion": ("events", "proportion"),
        "score": ("mean", "sd"),
        "contrast": ("effect", "p"),
    }
    for family, fields in own.items():
        if family == o.kind:
            continue
        for field in fields:
            if getattr(o, field) is not None and field != "p":
                text = f"{o.measure} has no `{field}`; it is given by {' and '.join(own[o.kind])}"
                yield case.finding("wrong-number", "contradiction", text, field)
    if o.kind == "contrast" and not o.reference_arms:
        text = "compared with what? set `against`"
        yield case.finding("contrast-without-reference", "contradiction", text, "measure")
    if o.kind != "contrast" and o.reference_arms:
        yield case.finding("reference-without-contrast", "contradiction", f"{o.measure} compares nothing", "against")
    if set(o.arms) & set(o.reference_arms):
        yield case.finding("compared-with-itself", "contradiction", "an arm is compared with itself", "against")
    if o.measure in RATIOS and o.effect is not None and o.effect <= 0:
        yield case.finding("ratio-not-positive", "impossible", f"a ratio of {o.effect:g}", "effect")
    if o.measure in (*RATIOS, "risk_difference") and o.of is None:
        yield case.finding("ratio-of-what", "doubt", f"a {o.measure} of what? set `of`", "of")


def _who(case: _Case) -> Iterator[Finding]:
    o, randomised = case.outcome, case.randomised
    if o.n is None or randomised is None:
        return
    if o.n > randomised:
        text = f"{o.n} patients analysed of {randomised} allotted"
        yield case.finding("n-over-randomised", "contradiction", text, "n")
    if o.analysis_set == "completers" and o.n == randomised:
        text = f"all {randomised} allotted patients as completers: is n the number randomised?"
        yield case.finding("completers-all", "doubt", text, "n")
    if o.analysis_set == "everyone" and o.n < randomised:
        text = f"{o.n} of {randomised} allotted patients are not everyone"
        yield case.finding("everyone-fewer", "doubt", text, "n")


def _provenance(case: _Case) -> Iterator[Finding]:
    o, study = case.outcome, case.study
    weights = [w for w in (o.weight, study.weight) if w is not None]
    if study.use == "fit" and o.read == "memory" and not any(w < 1 for w in weights):
        text = "a figure from memory needs a weight below 1 before it is fitted"
        yield case.finding("memory-at-full-weight", "contradiction", text, "read")
    if o.read != "memory" and o.where is None:
        yield case.finding("no-place", "doubt", "where was it read? set `where`", "where")
    if o.measure == "relapse" and o.definition is None:
        yield case.finding("relapse-undefined", "doubt", "what counted as relapse is not said", "definition")


def _when(case: _Case) -> Iterator[Finding]:
    o, study = case.outcome, case.study
    if o.scale is not None:
        yield from _scale_known(study.id, ("outcomes", case.place, "scale"), o.scale)
    in_run_in = o.arms == ("run-in",)
    if o.day is None or study.follow_up_days is None or in_run_in:
        return
    if o.day > study.follow_up_days + 7:
        text = f"day {o.day:g} lies after the end of the study (day {study.follow_up_days:g})"
        yield case.finding("day-outside", "contradiction", text, "day")


_OUTCOME_RULES: tuple[Callable[[_Case], Iterator[Finding]], ...] = (
    _counts,
    _intervals,
    _spread,
    _kind_of_number,
    _who,
    _provenance,
    _when,
)


def _twice(study: Study) -> Iterator[Finding]:
    """The same figure given twice in one file."""
    first: dict[tuple[object, ...], int] = {}
    for place, o in enumerate(study.outcomes):
        key = (
            (o.arms, o.reference_arms, o.measure, o.of),
            (o.scale, o.definition, o.day, o.counted_from, o.analysis_set, o.dropout_handling),
        )
        if key in first:
            same = study.outcomes[first[key]].observed == o.observed
            text = f"the same figure as outcomes[{first[key]}]" + ("" if same else ", with another value")
            severity: Severity = "doubt" if same else "contradiction"
            yield Finding(study.id, ("outcomes", place), "figure-twice", severity, text)
        first.setdefault(key, place)


def _nested(study: Study) -> Iterator[Finding]:
    """More remitted than responded on one scale and one day; a note explains the exception (a mild baseline)."""
    for place, o in enumerate(study.outcomes):
        if o.measure != "remission" or o.observed is None or o.note:
            continue
        for other in study.outcomes:
            same = (o.arms, o.scale, o.day, o.counted_from, o.analysis_set) == (
                other.arms,
                other.scale,
                other.day,
                other.counted_from,
                other.analysis_set,
            )
            defined_apart = o.definition and other.definition and o.definition != other.definition
            if other.measure != "response" or not same or defined_apart or other.observed is None:
                continue
            if o.observed > other.observed + 1e-9:
                text = f"{o.observed:.3f} remitted, but {other.observed:.3f} responded"
                yield Finding(study.id, ("outcomes", place, "proportion"), "remission-over-response", "doubt", text)


def _ratios(study: Study) -> Iterator[Finding]:
    """A printed ratio or difference whose interval leaves out what the file's own proportions give."""
    shares = {(o.arms, o.measure, o.day, o.scale): o.observed for o in study.outcomes if o.kind == "proportion"}
    for place, o in enumerate(study.outcomes):
        if o.kind != "contrast" or o.of is None or o.ci95 is None or o.note:
            continue
        one = shares.get((o.arms, o.of, o.day, o.scale))
        other = shares.get((o.reference_arms, o.of, o.day, o.scale))
        implied = _implied(o.measure, one, other)
        if implied is not None and not o.ci95[0] <= implied <= o.ci95[1]:
            text = f"the proportions of the two arms give {implied:.2f}, outside {o.ci95[0]:g} to {o.ci95[1]:g}"
            yield Finding(study.id, ("outcomes", place, "effect"), "ratio-mismatch", "doubt", text)


def _implied(measure: str, one: float | None, other: float | None) -> float | None:
    """The contrast of two proportions, or None when it is not one of proportions or not defined."""
    if one is None or other is None:
        return None
    if measure == "risk_difference":
        return one - other
    if measure == "risk_ratio" and other > 0:
        return one / other
    if measure == "odds_ratio" and 0 < one < 1 and 0 < other < 1:
        return one / (1 - one) / (other / (1 - other))
    return None


# ---- studies beside each other -------------------------------------------------------------------------------------


def _same_paper(studies: Mapping[str, Study]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for study in studies.values():
        if study.doi is None:
            continue
        doi = study.doi.casefold()
        if doi in first:
            text = f"{first[doi]} has the same doi: one paper is one file"
            yield Finding(study.id, ("doi",), "paper-twice", "contradiction", text)
        first.setdefault(doi, study.id)


def _same_cohort(studies: Mapping[str, Study]) -> Iterator[Finding]:
    """Two fitted files about the same patients may share no figure: it would count twice."""
    fitted = [s for s in studies.values() if s.use == "fit"]
    for place, study in enumerate(fitted):
        for other in fitted[:place]:
            if study.cohort != other.cohort:
                continue
            shared = {(o.measure, o.day) for o in study.outcomes} & {(o.measure, o.day) for o in other.outcomes}
            if shared:
                what = ", ".join(sorted(f"{m} on day {d:g}" if d is not None else m for m, d in shared))
                text = f"the same patients as {other.id}, and both are fitted to {what}"
                yield Finding(study.id, ("cohort_id",), "cohort-twice", "contradiction", text)


def _pooled_beside_trial(studies: Mapping[str, Study]) -> Iterator[Finding]:
    for study in studies.values():
        for place, inside in enumerate(study.contains):
            part = studies.get(inside)
            if part is not None and study.use == "fit" and part.use == "fit":
                text = f"the pooled figure contains {inside}, and both are fitted"
                yield Finding(study.id, ("contains", place), "pooled-beside-trial", "contradiction", text)
