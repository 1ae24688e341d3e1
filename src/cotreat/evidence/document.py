"""A YAML document read with care: where every field stands, no key twice, no aliases, no surprises in size or depth."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from yaml.nodes import Node

MOST_BYTES = 256 * 1024
MOST_DEPTH = 12
MOST_NODES = 20_000

FieldPath = tuple[str | int, ...]
"""Where a field stands: ("outcomes", 0, "day")."""


@dataclass(frozen=True)
class Document:
    """The data of one file and the line (from 1) each field begins on."""

    name: str
    data: dict[str, Any]
    lines: dict[FieldPath, int]

    def line(self, path: FieldPath) -> int:
        """Line of a field, or of the nearest field that holds it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1

    def place(self, path: FieldPath) -> str:
        """File, line and field, as the beginning of an error message."""
        return f"{self.name}:{self.line(path)}: {field_name(path)}" if path else self.name


def field_name(path: FieldPath) -> str:
    """("outcomes", 0, "day") as outcomes[0].day."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else step)
    return text


def read_text(path: Path) -> str:
    """The text of a small UTF-8 file; anything else is an InputError of one line."""
    if "\x00" in str(path):
        raise InputError("a file name may not contain a null character")
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise InputError(f"{path} is a directory, not a study file")
        if not stat.S_ISREG(facts.st_mode):
            raise InputError(f"{path} is not a regular file")
        if facts.st_size > MOST_BYTES:
            raise InputError(f"{path} has {facts.st_size} bytes; a study file has at most {MOST_BYTES}")
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if b"\x00" in raw:
        raise InputError(f"{path} is a binary file, not a study file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise InputError(f"{path} is empty")
    return text


def read_document(text: str, name: str) -> Document:
    """A YAML mapping with the line of every field.

    Raises InputError for anything that is not one plain mapping: bad syntax, a key twice, an alias, a tag, several
    documents, too deep or too large.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_traps(text, name, loader)
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise InputError(f"{name}:{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{name}: not valid YAML: {str(error).splitlines()[0]}") from None
    if node is None:
        raise InputError(f"{name} is empty")
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{name}: a study file is a list of fields, one `name: value` on each line")
    lines: dict[FieldPath, int] = {}
    scalars: Any = yaml.SafeLoader("")
    data = _build(node, (), lines, _Source(name, scalars))
    return Document(name, data, lines)


def _refuse_traps(text: str, name: str, loader: Any) -> None:
    """Aliases can grow without bound and deep nesting can exhaust the stack: both are refused from the event stream."""
    import yaml

    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InputError(f"{name}:{line}: anchors and aliases (& and *) are not used in study files")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > MOST_NODES:
                raise InputError(f"{name}:{line}: too many fields (at most {MOST_NODES})")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                raise InputError(f"{name}:{line}: nested too deeply (at most {MOST_DEPTH} levels)")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise InputError(f"{name}:{line}: a file holds one study; a second document starts here")


@dataclass(frozen=True)
class _Source:
    """Name of the file and the constructor of its scalars."""

    name: str
    scalars: Any


def _build(node: Node, path: FieldPath, lines: dict[FieldPath, int], source: _Source) -> Any:
    import yaml

    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _key(key_node, source)
            here = (*path, key)
            if key in built:
                line = key_node.start_mark.line + 1
                raise InputError(
                    f"{source.name}:{line}: {field_name(here)} is given twice (first on line {lines[here]})"
                )
            built[key] = _build(value_node, here, lines, source)
            lines[here] = key_node.start_mark.line + 1
        return built
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, place), lines, source) for place, item in enumerate(node.value)]
    line = node.start_mark.line + 1
    try:
        value = source.scalars.construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError):
        raise InputError(f"{source.name}:{line}: {field_name(path)}: cannot read the value {node.value!r}") from None
    if value is not None and not isinstance(value, str | int | float | bool):
        raise InputError(
            f"{source.name}:{line}: {field_name(path)}: {node.value!r} reads as {_kind(value)}; put it in quotes"
        )
    return value


def _key(node: Node, source: _Source) -> str:
    import yaml

    line = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode):
        raise InputError(f"{source.name}:{line}: a field name is a word")
    if node.tag != "tag:yaml.org,2002:str":
        raise InputError(f"{source.name}:{line}: the field name {node.value!r} is no word; put it in quotes")
    return str(node.value)


def _kind(value: object) -> str:
    """What YAML took a scalar for, in a reader's words."""
    return "a date" if "date" in type(value).__name__ else f"a {type(value).__name__}"
