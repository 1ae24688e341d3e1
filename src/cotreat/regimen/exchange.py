"""A regimen as YAML or JSON and back: the same value, written as data."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean
from cotreat.regimen import quantities, values
from cotreat.regimen.normal import LARGEST_BYTES
from cotreat.regimen.values import Regimen

FORMAT = "cotreat regimen 1"
_NAMES = [
    "Chain",
    "When",
    "Group",
    "Condition",
    "Give",
    "Change",
    "Switch",
    "Taper",
    "Hold",
    "Stop",
    "DrugDose",
    "Segment",
    "How",
    "Dose",
    "Duration",
    "Intensity",
    "Frequency",
    "Level",
    "Spread",
    "Occasion",
    "AroundEach",
    "AtEach",
    "For",
    "ForFirst",
    "Until",
    "UntilTaperEnds",
    "UntilLast",
    "Anchor",
    "Week",
    "Day",
    "WindowBefore",
    "WindowAround",
]
_CLASSES: dict[str, type[Any]] = {
    name: getattr(quantities if hasattr(quantities, name) else values, name) for name in _NAMES
}
_MOST_BYTES = 16 * LARGEST_BYTES


def to_document(regimen: Regimen) -> dict[str, Any]:
    """A regimen as plain data: ``format``, the canonical ``text``, and ``statements`` with a ``type`` in every object.

    Fields at their default are left out.
    """
    return {
        "format": FORMAT,
        "text": str(regimen),
        "statements": [_plain(s) for s in regimen.statements],
    }


def from_document(document: object) -> Regimen:
    """The regimen of a document; checked like a sentence. InputError for anything unknown, missing or contradictory."""
    from cotreat.regimen.parse import parse

    if not isinstance(document, dict):
        raise InputError("a regimen document is a mapping with format, text and statements")
    for key in document:
        if key not in ("format", "text", "statements"):
            raise InputError(f"unknown key {key!r}", hint=did_you_mean(str(key), ("format", "text", "statements")))
    if document.get("format") != FORMAT:
        raise InputError(f"the format is {document.get('format')!r}, not {FORMAT!r}")
    statements = document.get("statements")
    if not isinstance(statements, list):
        raise InputError("`statements` is a list")
    built = Regimen(tuple(_statement(s, f"statements[{i}]") for i, s in enumerate(statements)))
    try:
        text = str(built)
    except (TypeError, AttributeError, ValueError, KeyError):
        raise InputError("the statements do not fit together: an object stands where another belongs") from None
    read = parse(text)
    if read != built:
        raise InputError("the statements are not what their own text says", hint=f"Read back, they are: {text}")
    if isinstance(said := document.get("text"), str) and parse(said) != read:
        raise InputError("`text` and `statements` say different things")
    return read


def to_json(regimen: Regimen) -> str:
    """The document as JSON."""
    return json.dumps(to_document(regimen), ensure_ascii=False, indent=2) + "\n"


def from_json(text: str) -> Regimen:
    """A regimen from JSON."""
    _small(text)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is not JSON: {str(error).splitlines()[0]}") from None
    return from_document(document)


def to_yaml(regimen: Regimen) -> str:
    """The document as YAML."""
    import yaml

    class Blocks(yaml.SafeDumper):
        """Writes text of several lines as a block."""

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Blocks.add_representer(str, text)
    return yaml.dump(to_document(regimen), Dumper=Blocks, sort_keys=False, allow_unicode=True, width=1000)


def from_yaml(text: str) -> Regimen:
    """A regimen from YAML."""
    import yaml

    _small(text)
    try:
        document = yaml.load(text, _loader())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"this is not YAML: {str(error).splitlines()[0]}") from None
    return from_document(document)


def _loader() -> Any:
    import yaml

    class Plain(yaml.SafeLoader):
        """Safe YAML without aliases: a document that repeats itself could grow without end."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("aliases are not read")
            return super().compose_node(parent, index)

    return Plain


def _small(text: str) -> None:
    if len(text) > _MOST_BYTES:
        raise InputError(f"the document is larger than {_MOST_BYTES // 1024} kB")


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Any] = {"type": type(value).__name__}
        for f in dataclasses.fields(value):
            one = getattr(value, f.name)
            if f.compare and not (f.default is not dataclasses.MISSING and one == f.default):
                found[f.name] = _plain(one)
        return found
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _statement(data: object, where: str) -> values.Statement:
    found = _value(data, where, 0)
    if not isinstance(found, values.Chain | values.When):
        raise InputError(f"{where} is a Chain or a When, not {type(found).__name__}")
    return found


def _value(data: object, where: str, depth: int) -> object:
    if depth > 12:
        raise InputError(f"{where} is nested too deeply")
    if isinstance(data, list):
        return tuple(_value(v, f"{where}[{i}]", depth + 1) for i, v in enumerate(data))
    if not isinstance(data, dict):
        if data is None or isinstance(data, str | int | float):
            return data
        raise InputError(f"{where} is a {type(data).__name__}")
    name = data.get("type")
    cls = _CLASSES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise InputError(f"{where}: unknown type {name!r}", hint=did_you_mean(str(name), _CLASSES))
    fields = {f.name: f for f in dataclasses.fields(cls) if f.compare}
    given: dict[str, object] = {}
    for key, one in data.items():
        if key == "type":
            continue
        if key not in fields:
            raise InputError(f"{where}: {name} has no {key!r}", hint=did_you_mean(str(key), fields))
        given[key] = _value(one, f"{where}.{key}", depth + 1)
    for key, f in fields.items():
        missing = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if key not in given and missing:
            raise InputError(f"{where}: {name} needs {key!r}")
    return cls(**given)
