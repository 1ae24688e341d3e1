"""The evidence base as rows, documents and text: what ``cotreat evidence list``, ``show`` and ``check`` print."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotreat.evidence.document import read_document, read_text
from cotreat.evidence.load import (
    check_sentences,
    form_errors,
    load_study,
    studies,
    study_ids,
    study_path,
    unknown_study,
    validate,
)
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.evidence.check import Severity
    from cotreat.evidence.schema import Outcome, Study

READ_WORDS = {
    "seen": "read in the paper or its abstract",
    "seen-secondary": "quoted by others",
    "memory": "not confirmed",
    "derived": "computed from printed figures",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One study in a list: how many patients, arms and figures, and how many of them are confirmed."""

    id: str
    year: int | None
    title: str
    design: str
    use: str
    systems: tuple[str, ...]
    patients: int | None
    arms: int
    figures: int
    confirmed: int

    def document(self) -> dict[str, Any]:
        """The row for JSON."""
        return {**asdict(self), "systems": list(self.systems)}


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding about a file, with its line: what ``check`` prints."""

    file: str
    line: int
    field: str
    rule: str
    severity: Severity
    text: str

    def __str__(self) -> str:
        place = f": {self.field}" if self.field else ""
        return f"{self.file}:{self.line}{place}: {self.severity} ({self.rule}): {self.text}"

    def document(self) -> dict[str, Any]:
        """The finding for JSON."""
        return asdict(self)


def list_rows(query: str = "") -> list[Row]:
    """Packaged studies, oldest first; with a query, those in which every word of it occurs somewhere."""
    words = query.casefold().split()
    rows = []
    for study in studies().values():
        text = study.model_dump_json().casefold() if words else ""
        if all(word in text for word in words):
            rows.append(_row(study))
    return sorted(rows, key=lambda row: (row.year or 0, row.id))


def show_document(path_or_id: str | os.PathLike[str]) -> dict[str, Any]:
    """A study as a JSON document: every field that is known, with ``observed`` and findings added to each outcome."""
    from cotreat.evidence.check import check_study

    study = load_study(path_or_id)
    document: dict[str, Any] = study.model_dump(mode="json", exclude_none=True)
    for outcome, shown in zip(study.outcomes, document["outcomes"], strict=True):
        shown["observed"] = outcome.observed
        shown["confirmed"] = outcome.read != "memory"
    document["findings"] = [
        {"field": f.field, "rule": f.rule, "severity": f.severity, "text": f.text} for f in check_study(study)
    ]
    return document


def file_text(path_or_id: str) -> str:
    """The text of a study file: a packaged study by its id, or a file, once it has been read without an error."""
    load_study(path_or_id)
    return read_text(study_path(path_or_id) if path_or_id in study_ids() else Path(path_or_id))


def show_text(path_or_id: str | os.PathLike[str]) -> str:
    """A study as text for a terminal: who was treated, with what, and every figure with where it was read."""
    study = load_study(path_or_id)
    head = [f"{study.id}: {study.title}"]
    head += [f"  {word}: {value}" for word, value in _head(study) if value]
    body = ["", "Arms"]
    if study.population.run_in:
        body.append("  run-in")
        body += [f"    {line}" for line in study.population.run_in.strip().splitlines()]
        body.append(f"    goes on: {study.population.enter or 'all'}")
    if study.population.already_on:
        body += ["  already on", f"    {study.population.already_on.strip()}"]
    for key, arm in study.arms.items():
        body.append(f"  {key}" + (f" (n {arm.n})" if arm.n is not None else ""))
        sentence = "cannot be written" if arm.regimen is None else arm.regimen.strip() or "nothing"
        body += [f"    {line}" for line in sentence.splitlines()]
        body += [
            f"    {word}: {text}" for word, text in (("stands for", arm.stands_for), ("placebo", arm.placebo)) if text
        ]
    body += ["", "Figures"]
    body += [f"  {figure_line(outcome)}" for outcome in study.outcomes]
    return "\n".join(head + body)


def check_file(path_or_id: str | os.PathLike[str]) -> list[Fault]:
    """Everything wrong or doubtful about one study file, a packaged id or a path, the worst first.

    Errors of form, sentences that do not parse and findings come as faults; a file that cannot be read at all is an
    InputError.
    """
    given = os.fspath(path_or_id)
    path = study_path(given) if given in study_ids() else Path(given)
    if os.sep not in given and not path.suffix and not path.exists():
        raise unknown_study(given)
    return _faults(path)


def fit_lines(path_or_id: str | os.PathLike[str]) -> list[str]:
    """What a study file that can be read still needs before it enters a fit, and lines a template left unchanged."""
    from cotreat.evidence.document import field_name
    from cotreat.evidence.template import missing_for_fit, unchanged

    given = os.fspath(path_or_id)
    path = study_path(given) if given in study_ids() else Path(given)
    text = read_text(path)
    document = read_document(text, path.name)
    left = unchanged(text)
    rows = [f"{path.name}:{n}: still the made-up value of the template" for n in left]
    missing = missing_for_fit(validate(document))
    rows += [f"{path.name}:{document.line(place)}: {field_name(place)}: {text}" for place, text in missing]
    if not missing and not left:
        return ["for a fit: nothing is missing"]
    return ["for a fit:", *(f"  {row}" for row in rows)]


def check_packaged() -> list[Fault]:
    """Findings of the whole packaged base, of files beside each other too."""
    from cotreat.evidence.check import check_base

    base = studies()
    documents = {key: read_document(read_text(study_path(key)), f"{key}.yaml") for key in base}
    return [
        Fault(documents[f.study].name, documents[f.study].line(f.path), f.field, f.rule, f.severity, f.text)
        for f in check_base(base)
    ]


def _faults(path: Path) -> list[Fault]:
    from cotreat.evidence.check import check_beside, check_study
    from cotreat.evidence.document import field_name

    document = read_document(read_text(path), path.name)
    wrong = form_errors(document)
    if wrong:
        return [
            Fault(document.name, document.line(place), field_name(place), "form", "impossible", text)
            for place, text in wrong
        ]
    study = validate(document)
    found = [
        Fault(document.name, document.line(f.path), f.field, f.rule, f.severity, f.text)
        for f in (*check_study(study), *check_beside(study, studies()))
    ]
    try:
        check_sentences(study, document)
    except InputError as error:
        found.insert(0, Fault(document.name, 1, "", "sentence", "impossible", str(error)))
    return found


def _row(study: Study) -> Row:
    counts = [arm.n for arm in study.arms.values()]
    reads = Counter(outcome.read for outcome in study.outcomes)
    return Row(
        id=study.id,
        year=study.year,
        title=study.title,
        design=study.design,
        use=study.use,
        systems=tuple(study.systems),
        patients=None if any(c is None for c in counts) else sum(c for c in counts if c is not None),
        arms=len(study.arms),
        figures=len(study.outcomes),
        confirmed=len(study.outcomes) - reads["memory"],
    )


def _head(study: Study) -> list[tuple[str, str | None]]:
    baseline = study.population.baseline
    known = baseline is not None and baseline.mean is not None
    spread = f" (SD {baseline.sd:g})" if known and baseline and baseline.sd is not None else ""
    return [
        ("citation", study.citation),
        ("doi", study.doi),
        ("design", study.design + (", crossover" if study.crossover else "")),
        ("use", study.use + (f": {study.reason}" if study.reason else "")),
        ("weight", f"{study.weight:g}" if study.weight else None),
        ("systems", ", ".join(study.systems)),
        ("patients", study.population.label),
        ("baseline", f"{baseline.scale} {baseline.mean:g}{spread}" if known and baseline else None),
        ("contains", ", ".join(study.contains)),
        ("note", study.note),
    ]


def figure_line(outcome: Outcome) -> str:
    """One figure on one line."""
    who = " + ".join(outcome.arms)
    if outcome.reference_arms:
        who += " against " + " + ".join(outcome.reference_arms)
    what = outcome.measure.replace("_", " ") + (f" of {outcome.of.replace('_', ' ')}" if outcome.of else "")
    day = f", day {outcome.day:g}" if outcome.day is not None else ""
    origin = f" from {outcome.counted_from}" if outcome.counted_from != "start" else ""
    source = READ_WORDS[outcome.read] + (f": {outcome.where}" if outcome.where else "")
    scale = f" on {outcome.scale}" if outcome.scale else ""
    return f"{who}: {what}{scale}{day}{origin}: {_value(outcome)} [{source}]"


def _value(outcome: Outcome) -> str:
    """The number with its counts, spread and interval, or that it is not known."""
    parts: list[str] = []
    if outcome.kind == "proportion":
        if outcome.observed is not None:
            parts.append(f"{100 * outcome.observed:.1f} %")
        if outcome.events is not None and outcome.n is not None:
            parts.append(f"{outcome.events} of {outcome.n}")
    elif outcome.observed is not None:
        parts.append(f"{outcome.observed:g}")
    if outcome.sd is not None:
        parts.append(f"SD {outcome.sd:g}")
    if outcome.ci95 is not None:
        parts.append(f"95 % interval {outcome.ci95[0]:g} to {outcome.ci95[1]:g}")
    if outcome.p is not None:
        parts.append(f"p {outcome.p:g}")
    return ", ".join(parts) or outcome.note or "not published"
