"""Definitions of relapse: those of published studies, a default for each scale, and a reader for short texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark
from cotreat.measures.scales import Scale, scale, scales
from cotreat.measures.suggest import did_you_mean, fold


@dataclass(frozen=True, slots=True)
class RelapseDefinition:
    """When a patient who was well counts as relapsed.

    A visit meets it when the score is at least ``at_least`` and (``either``: or) at least ``above_baseline`` points
    over the score at which the patient entered (each None: not asked for); ``confirm_visits`` visits in a row must.
    ``not_modelled`` names what the study counted as relapse beside the score, ``note`` what was assumed in reading
    the text, ``source`` and ``mark`` where the figures come from.
    """

    id: str
    scale: str
    at_least: float | None
    above_baseline: float | None
    confirm_visits: int
    text: str
    source: str
    mark: Mark
    not_modelled: str | None = None
    note: str | None = None
    either: bool = False

    def __post_init__(self) -> None:
        known = scale(self.scale)
        object.__setattr__(self, "scale", known.id)
        if self.at_least is not None:
            known.check(self.at_least)
        if self.above_baseline is not None and not 0 < self.above_baseline <= known.high - known.low:
            raise InputError(f"{self.above_baseline:g} points above baseline cannot be had on {known.id}")
        if self.confirm_visits < 1:
            raise InputError("a relapse needs at least one visit")

    @property
    def by_score(self) -> bool:
        """False when the study defined relapse by events alone, which a score cannot show."""
        return self.at_least is not None or self.above_baseline is not None

    def met(self, score: float, baseline: float | None = None) -> bool:
        """Whether the score of one visit meets the definition; ``baseline`` is needed when it counts from there."""
        if not self.by_score:
            raise InputError(f"{self.id} defines relapse by events, not by a score: {self.not_modelled}")
        asked = [] if self.at_least is None else [score >= self.at_least]
        if self.above_baseline is not None:
            if baseline is None:
                raise InputError(f"{self.id} counts from the baseline, which is missing")
            asked.append(score >= baseline + self.above_baseline)
        return any(asked) if self.either else all(asked)

    def first(self, scores: Sequence[float], baseline: float | None = None) -> int | None:
        """Index of the visit that completes the first relapse in a series of visits, or None."""
        run = 0
        for index, score in enumerate(scores):
            run = run + 1 if self.met(score, baseline) else 0
            if run >= self.confirm_visits:
                return index
        return None


@cache
def relapse_definitions() -> tuple[RelapseDefinition, ...]:
    """Definitions of published studies."""
    return (
        RelapseDefinition(
            "sackeim2001",
            "HAM-D24",
            16,
            10,
            2,
            "HAM-D24 >= 16 and 10 points above the continuation baseline, on two visits",
            "Sackeim 2001, doi 10.1001/jama.285.10.1299",
            "memory",
            not_modelled="a change of treatment for worsening",
        ),
        RelapseDefinition(
            "prudic2013",
            "HAM-D24",
            16,
            10,
            2,
            "HAM-D24 >= 16 and 10 points above the continuation baseline, on two visits",
            "Prudic 2013, doi 10.1097/YCT.0b013e31826ea8c4",
            "memory",
        ),
        RelapseDefinition(
            "kellner2006",
            "HAM-D24",
            16,
            10,
            2,
            "HAM-D24 >= 16 and 10 points above the baseline, on two visits, or admission, or suicidality",
            "Kellner 2006, doi 10.1001/archpsyc.63.12.1337",
            "memory",
            not_modelled="psychiatric admission, suicidality",
        ),
        RelapseDefinition(
            "nordenskjold2013",
            "MADRS",
            20,
            None,
            1,
            "MADRS >= 20, inpatient care, suicide or suspected suicide",
            "Nordenskjold 2013",
            "seen",
            not_modelled="inpatient psychiatric care, suicide or suspected suicide",
        ),
        RelapseDefinition(
            "sustain1",
            "MADRS",
            22,
            None,
            2,
            "MADRS >= 22 on two visits 5 to 15 days apart, or admission or another event of worsening",
            "Daly 2019, doi 10.1001/jamapsychiatry.2019.1189",
            "memory",
            not_modelled="admission for worsening, suicide attempt, other clinically relevant events",
        ),
        RelapseDefinition(
            "elektd2023",
            "QIDS-SR16",
            12,
            None,
            1,
            "QIDS-SR16 above 11",
            "Anand 2023, ELEKT-D",
            "memory",
        ),
        RelapseDefinition(
            "protect2025",
            "MADRS",
            16,
            None,
            1,
            "MADRS above 15, restart of ECT, or suicide attempt",
            "PROTECT cohort, Duffel, abstract",
            "seen",
            not_modelled="restart of ECT, suicide attempt",
        ),
        RelapseDefinition(
            "kronsell2025",
            "MADRS",
            None,
            None,
            1,
            "psychiatric admission, new ECT, self-harm or suicide",
            "Kronsell 2025, national cohort after ECT",
            "seen",
            not_modelled="psychiatric admission, new ECT, self-harm or suicide: no score is part of it",
        ),
        RelapseDefinition(
            "barton1973",
            "HAM-D17",
            None,
            None,
            1,
            "even minimal return of depressive symptoms, by clinical judgement",
            "Barton 1973",
            "seen",
            not_modelled="clinical judgement: no score is part of it",
        ),
    )


# Scale, lowest score, points above baseline, where the cut comes from, mark.
_DEFAULTS: tuple[tuple[str, float, float | None, str, Mark], ...] = (
    ("HAM-D24", 16, 10, "the definition of trials after ECT, at one visit", "memory"),
    ("HAM-D21", 16, None, "start of the moderate band", "project"),
    ("HAM-D17", 16, None, "usual in relapse-prevention trials (16 or 18)", "memory"),
    ("HAM-D6", 9, None, "start of the moderate band", "project"),
    ("MADRS", 20, None, "Nordenskjold 2013; 22 in trials of esketamine", "seen"),
    ("MADRS-S", 20, None, "start of the moderate band", "project"),
    ("QIDS-SR16", 11, None, "start of the moderate band", "project"),
    ("QIDS-C16", 11, None, "start of the moderate band", "project"),
    ("IDS-SR", 26, None, "start of the moderate band", "project"),
    ("PHQ-9", 10, None, "start of the moderate band", "project"),
    ("BDI-II", 20, None, "start of the moderate band", "project"),
    ("BDI", 19, None, "start of the moderate band", "project"),
    ("GAD-7", 10, None, "start of the moderate band", "project"),
)


def relapse_definition(name: str) -> RelapseDefinition:
    """The definition of a study by its id; InputError, with near ids, if unknown."""
    for definition in relapse_definitions():
        if fold(definition.id) == fold(name):
            return definition
    raise InputError(f"no relapse definition {name!r}", hint=did_you_mean(name, [d.id for d in relapse_definitions()]))


def default_relapse(scale_name: str) -> RelapseDefinition:
    """The definition used for a scale when a study states none that can be read; InputError for a scale without one."""
    name = scale(scale_name).id
    for scale_id, at_least, above, source, mark in _DEFAULTS:
        if scale_id == name:
            text = f"{name} >= {at_least:g}" + (f" and {above:g} points above the baseline" if above else "")
            return RelapseDefinition(f"default {name}", name, at_least, above, 1, text, source, mark)
    raise InputError(f"{name} has no default definition of relapse")


_NOT_A_SCORE = r"(?![\d.]|\s*(?:%|percent|weeks?|days?|months?|visits?))"
_COMPARISON = re.compile(
    r"(>=|=>|\u2265|>|\bat least|\babove|\bover|\bmore than)\s*(\d+(?:\.\d+)?)" + _NOT_A_SCORE,
    re.I,
)
_AT_LEAST = r"(?:at least\s+|>=\s*|\u2265\s*)?"
_RISE = re.compile(
    rf"(?:rise|increase|worsening)s?\s+(?:of\s+|by\s+)?{_AT_LEAST}(\d+(?:\.\d+)?){_NOT_A_SCORE}(?:\s*points?)?"
    rf"|{_AT_LEAST}(\d+(?:\.\d+)?)\s*(?:or more\s+)?points?\s+(?:above|over|higher than|more than|from|worse)",
    re.I,
)
_VISITS = re.compile(
    r"\b(two|2|three|3)\s+(?:consecutive\s+|successive\s+)?(?:visits|assessments|ratings|occasions)|\bconfirmed\b", re.I
)
_LASTING = re.compile(r"\bfor\s+(?:at least\s+)?(one|1|two|2)\s+weeks?\b", re.I)
_EVENTS = re.compile(
    r"inpatient|hospitali[sz]|admission|admitted|suicid|self-harm|new ect|further ect|restart|rescue"
    r"|change of treatment|clinical judg|CGI",
    re.I,
)
_NUMBERS = {"one": 1, "1": 1, "two": 2, "2": 2, "three": 3, "3": 3}


def read_relapse_definition(text: str | None, scale_name: str, mark: Mark = "memory") -> RelapseDefinition:
    """A definition from a short text, such as "HAM-D24 >= 16 and 10 points above the continuation baseline".

    Understood: the id of a published definition; a scale with a lowest score; points above the baseline, with "and" or
    "or"; "on two visits"; "for one week", read as weekly visits; events beside the score, which go to
    ``not_modelled``. What was assumed is told in ``note``. A text that cannot be read gives the default of
    ``scale_name`` and says so. ``mark`` is how well the text itself is known. InputError for an unknown scale or a
    cut-off that the scale cannot have.
    """
    asked = scale(scale_name)
    if text is None or not text.strip():
        return replace(default_relapse(asked.id), note=f"no definition is stated; the default for {asked.id} is used")
    for definition in relapse_definitions():
        if fold(definition.id) == fold(text):
            return definition
    rise = _RISE.search(text)
    rest = text if rise is None else text[: rise.start()] + " " * len(rise.group()) + text[rise.end() :]
    found, at_least, notes = _cut(rest, asked)
    above = float(next(g for g in rise.groups() if g is not None)) if rise else None
    if at_least is None and above is None:
        usual = default_relapse(asked.id)
        note = f"the definition {text.strip()!r} could not be read; the default for {asked.id} is used: {usual.text}"
        return replace(usual, note=note, not_modelled=_events(text))
    if found.id != asked.id:
        notes.append(f"the definition is on {found.id}, the outcome on {asked.id}")
    return RelapseDefinition(
        "stated",
        found.id,
        at_least,
        above,
        _visits(text, notes),
        text.strip(),
        "as stated",
        mark,
        not_modelled=_events(text),
        note="; ".join(notes) or None,
        either=rise is not None and at_least is not None and _joined_by_or(text, rise),
    )


def _visits(text: str, notes: list[str]) -> int:
    """How many visits in a row a text asks for; a length of time is read as weekly visits, with a note."""
    visits = _VISITS.search(text)
    if visits is not None:
        return _NUMBERS.get((visits.group(1) or "two").lower(), 2)
    lasting = _LASTING.search(text)
    if lasting is None:
        return 1
    count = _NUMBERS[lasting.group(1).lower()] + 1
    notes.append(f"{lasting.group().strip()!r} is read as {count} weekly visits in a row")
    return count


def _joined_by_or(text: str, rise: re.Match[str]) -> bool:
    """Whether the rise and the lowest score are alternatives: an "or" stands between the two."""
    for match in _COMPARISON.finditer(text):
        if match.end() <= rise.start():
            return re.search(r"\bor\b", text[match.end() : rise.start()], re.I) is not None
        if match.start() >= rise.end():
            return re.search(r"\bor\b", text[rise.end() : match.start()], re.I) is not None
    return False


def _cut(text: str, asked: Scale) -> tuple[Scale, float | None, list[str]]:
    """The scale and the lowest score named in a text, with notes on what was assumed."""
    notes: list[str] = []
    for match in _COMPARISON.finditer(text):
        named = _scale_before(text[: match.start()], asked)
        if named is None:
            continue
        value = float(match.group(2))
        if match.group(1).lower() in (">", "above", "over", "more than"):
            notes.append(f"above {value:g} is read as {value + 1:g} or more")
            value += 1
        return named, value, notes
    return asked, None, notes


def _scale_before(text: str, asked: Scale) -> Scale | None:
    """The scale a comparison is about: the one named just before it, the one asked for if none is named there.

    None when an unknown instrument is named (letters with a digit or hyphen, or capitals only).
    """
    names = sorted(((n, s) for s in scales() for n in (s.id, *s.aliases)), key=lambda pair: -len(pair[0]))
    clause = re.split(r",|;|\bor\b|\band\b", text)[-1]
    folded = fold(clause)
    for name, known in names:
        if re.search(rf"(?<![\w-]){re.escape(fold(name))}(?![\w-])", folded):
            return known
    other = re.search(r"\b(?:[A-Z]{2,}[\w-]*|[A-Za-z]+-[A-Z]\w*)\b", clause)
    return None if other else asked


def _events(text: str) -> str | None:
    """The clauses of a text that speak of events or other instruments, or None."""
    clauses = [c.strip(" .") for c in re.split(r",|;|\bor\b", text)]
    found = [c for c in clauses if _EVENTS.search(c)]
    return ", ".join(found) or None
