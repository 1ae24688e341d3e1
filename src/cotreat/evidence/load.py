"""Study files in and out of the packaged evidence base: read, checked against the schema, every sentence parsed."""

from __future__ import annotations

import difflib
import os
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from cotreat.evidence.document import Document, FieldPath, read_document, read_text
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from cotreat.evidence.schema import Study

SUFFIXES = (".yaml", ".yml")
_OTHER_WORDS = {
    "value": ("mean", "effect", "proportion"),
    "estimate": ("effect", "mean"),
    "hr": ("effect",),
    "versus": ("against",),
    "vs": ("against",),
    "reference": ("against",),
    "size": ("n",),
    "patients": ("n",),
    "week": ("day",),
    "weeks": ("day",),
    "time": ("day",),
    "ci": ("ci95",),
    "treatment": ("regimen",),
    "name": ("label", "title"),
    "before": ("already_on", "run_in"),
}
"""What people write for a field, where letters alone do not lead to it."""


def load_study(path_or_id: str | os.PathLike[str], *, sentences: bool = True) -> Study:
    """One study, from a packaged id or a file.

    Parameters
    ----------
    path_or_id
        The id of a packaged study ("sackeim2001") or the path of a YAML file.
    sentences
        Parse every regimen sentence too; off, only the form is checked.

    Raises
    ------
    InputError
        No such study, an unreadable file, a field that the schema does not know, a value of the wrong kind, a
        sentence that does not parse, or a figure that cannot be (more events than patients).
    """
    study, document = _read(path_or_id)
    _refuse_impossible(study, document)
    if sentences:
        check_sentences(study, document)
    return study


def load_text(text: str, name: str = "study", *, sentences: bool = True) -> Study:
    """One study from the text of a file; ``name`` stands in error messages."""
    document = read_document(text, name)
    study = validate(document)
    _refuse_impossible(study, document)
    if sentences:
        check_sentences(study, document)
    return study


def load_document(path_or_id: str | os.PathLike[str]) -> tuple[Study, Document]:
    """A study of valid form with its line numbers; figures and sentences are not checked."""
    return _read(path_or_id)


def study_ids() -> tuple[str, ...]:
    """Ids of the packaged studies, sorted."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in _folder().iterdir() if p.name.endswith(".yaml")))


def studies(*, sentences: bool = False) -> dict[str, Study]:
    """Every packaged study by id; ``sentences`` parses all their regimens too."""
    return {key: _packaged(key, sentences) for key in study_ids()}


def study_path(key: str) -> Path:
    """File of a packaged study."""
    if key not in study_ids():
        raise unknown_study(key)
    return Path(str(_folder() / f"{key}.yaml"))


def unknown_study(key: str) -> InputError:
    """The error for an id that no packaged study has."""
    near = difflib.get_close_matches(key, study_ids(), n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else "`cotreat evidence list` names them all"
    return InputError(f'there is no study "{key}" and no such file; {hint}')


def validate(document: Document) -> Study:
    """The document as a Study; the first error of form as one line with file, line and field."""
    from pydantic import ValidationError

    from cotreat.evidence.schema import Study

    try:
        return Study.model_validate(document.data)
    except ValidationError as error:
        found = _form_errors(error, document)
        path, reason = found[0]
        rest = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise InputError(f"{document.place(path)}: {reason}{rest}") from None


def form_errors(document: Document) -> list[tuple[FieldPath, str]]:
    """Every error of form: the field and what is wrong with it; empty when the document is a study."""
    from pydantic import ValidationError

    from cotreat.evidence.schema import Study

    try:
        Study.model_validate(document.data)
    except ValidationError as error:
        return _form_errors(error, document)
    return []


def check_sentences(study: Study, document: Document) -> None:
    """Parse every regimen of a study; the first that fails is an InputError naming the arm, with the parser's caret."""
    from cotreat.regimen.parse import parse

    group = study.population
    places: list[tuple[FieldPath, str | None]] = [
        (("population", "run_in"), group.run_in),
        (("population", "already_on"), group.already_on),
    ]
    places += [(("arms", key, "regimen"), arm.regimen) for key, arm in study.arms.items()]
    for path, sentence in places:
        if not sentence:
            continue
        try:
            parse(sentence)
        except InputError as error:
            raise InputError(
                f"{document.place(path)}: {error.message}",
                hint=error.hint,
                excerpt=error.excerpt,
                examples=error.examples,
            ) from None


@cache
def _packaged(key: str, sentences: bool) -> Study:
    return load_study(study_path(key), sentences=sentences)


def _folder() -> Any:
    return resources.files("cotreat.evidence") / "studies"


def _read(path_or_id: str | os.PathLike[str]) -> tuple[Study, Document]:
    given = os.fspath(path_or_id)
    if given in study_ids():
        path = study_path(given)
    else:
        path = Path(given)
        looks_like_id = os.sep not in given and not given.endswith(SUFFIXES)
        if looks_like_id and "\x00" not in given and not path.exists():
            raise unknown_study(given)
    document = read_document(read_text(path), path.name)
    return validate(document), document


def _refuse_impossible(study: Study, document: Document) -> None:
    from cotreat.evidence.check import check_study

    for finding in check_study(study):
        if finding.severity == "impossible":
            raise InputError(f"{document.place(finding.path)}: {finding.text}")


def _form_errors(error: ValidationError, document: Document) -> list[tuple[FieldPath, str]]:
    """One line for each field in error, misspelt names first because they explain missing ones."""
    from cotreat.evidence.schema import Study

    details = error.errors(include_url=False)
    details.sort(key=lambda d: (d["type"] != "extra_forbidden", d["type"] == "missing"))
    found: dict[FieldPath, str] = {}
    for detail in details:
        path = _known_path(_location(detail), document)
        found.setdefault(path, _reason(detail, path, Study))
    return list(found.items())


def _location(detail: ErrorDetails) -> tuple[int | str, ...]:
    """Where an error belongs; errors about the whole study carry the field in their context."""
    place = detail.get("ctx", {}).get("place")
    return tuple(place) if place else detail["loc"]


def _known_path(loc: tuple[int | str, ...], document: Document) -> FieldPath:
    """The location without the names pydantic adds for members of a union."""
    path: FieldPath = ()
    for step in loc:
        written = (*path, step) in document.lines
        added = isinstance(step, str) and (step in ("str", "list") or "[" in step)
        if written or (step == loc[-1] and not added):
            path = (*path, step)
    return path


def _reason(detail: ErrorDetails, path: FieldPath, model: type[BaseModel]) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        names = _fields_at(path[:-1], model)
        said = str(path[-1])
        near = [n for n in _OTHER_WORDS.get(said.casefold(), ()) if n in names]
        near = near or difflib.get_close_matches(said, names, n=1, cutoff=0.7)
        close = " or ".join(f'"{n}"' for n in near)
        return f"unknown field; {f'did you mean {close}?' if near else 'the fields here are ' + ', '.join(names)}"
    if kind == "missing":
        return "is missing"
    if kind == "literal_error":
        expected = str(detail.get("ctx", {}).get("expected", ""))
        words = [w.strip().strip("'") for w in expected.replace(" or ", ", ").split(",")]
        near = difflib.get_close_matches(str(detail["input"]), words, n=1, cutoff=0.6)
        hint = f'did you mean "{near[0]}"?' if near else "one of " + ", ".join(words)
        return f"{detail['input']!r} is not known here; {hint}"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind in ("value_error", "unknown_arm", "reserved_arm"):
        return message
    return f"{_shown(detail['input'])} is not allowed: should be {message[0].lower()}{message[1:]}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fields_at(path: FieldPath, model: type[BaseModel]) -> list[str]:
    """Names of the fields a document may have at a place of the schema."""
    from pydantic import BaseModel

    here: Any = model
    in_container = False
    for step in path:
        if in_container:
            in_container = False
        elif isinstance(here, type) and issubclass(here, BaseModel) and step in here.model_fields:
            annotation = here.model_fields[str(step)].annotation
            in_container = get_origin(annotation) in (dict, list)
            here = _model_in(annotation)
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _model_in(annotation: Any) -> Any:
    """The model inside an annotation such as ``dict[Key, Arm]`` or ``Baseline | None``."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in reversed(get_args(annotation)):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
