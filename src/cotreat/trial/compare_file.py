"""The file `cotreat compare` reads: a title, a population, arms as sentences, outcomes, and when patients enter."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean
from cotreat.outcomes.requests import OutcomeRequest, read_outcome
from cotreat.population.populations import Population, population
from cotreat.regimen.parse import parse
from cotreat.regimen.values import Regimen

_KEYS = ("title", "population", "arms", "outcomes", "entry")
_ENTRY_EXAMPLES = ("6 weeks before", "10 days before")
_EARLIEST_ENTRY = 364
_LARGEST = 1 << 20
DEFAULT_OUTCOMES = ("well at week 26", "relapse by week 26", "HAM-D17 mean")


@dataclass(frozen=True)
class Comparison:
    """What is compared: arms by name (sentence and meaning), in which patients, on which outcomes.

    ``entry``: days before day 0 on which everybody enters, in every arm; None: when the first arm begins.
    """

    title: str
    population: Population
    arms: dict[str, Regimen]
    outcomes: tuple[OutcomeRequest, ...]
    entry: int | None = None


def comparison(
    arms: dict[str, Regimen | str],
    population_name: str = "ECT candidates",
    outcomes: tuple[str, ...] = DEFAULT_OUTCOMES,
    title: str = "",
) -> Comparison:
    """A comparison from Python values.

    Raises
    ------
    InputError
        A sentence, the population or an outcome cannot be read, or there is no arm.
    """
    if not arms:
        raise InputError("a comparison needs at least one arm")
    parsed: dict[str, Regimen] = {}
    for name, sentence in arms.items():
        try:
            parsed[str(name)] = parse(sentence) if isinstance(sentence, str) else sentence
        except InputError as error:
            message = f"arm {name!r}: {error.message}"
            raise InputError(message, hint=error.hint, excerpt=error.excerpt, examples=error.examples) from error
    requests = tuple(read_outcome(o) for o in outcomes)
    return Comparison(title or " against ".join(parsed), population(population_name), parsed, requests)


def packaged_examples() -> list[str]:
    """Names of the comparisons that come with the package."""
    files = (resources.files("cotreat.trial") / "examples").iterdir()
    return sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))


def load_comparison(name_or_path: str) -> Comparison:
    """A packaged example by name, or a comparison from a YAML file.

    Raises
    ------
    InputError
        The file cannot be read, or what it says cannot be understood.
    """
    document = _read(name_or_path)
    unknown = [str(k) for k in document if k not in _KEYS]
    if unknown:
        raise InputError(f"{name_or_path}: unknown field {unknown[0]!r}", hint=did_you_mean(unknown[0], list(_KEYS)))
    arms = document.get("arms")
    if not isinstance(arms, dict) or not arms:
        raise InputError(f"{name_or_path}: 'arms' must name at least one arm with its sentence")
    for name, sentence in arms.items():
        if not isinstance(sentence, str | None):
            raise InputError(f"{name_or_path}: the sentence of arm {name!r} must be text")
    outcomes = document.get("outcomes", list(DEFAULT_OUTCOMES))
    if not isinstance(outcomes, list) or not outcomes:
        raise InputError(f"{name_or_path}: 'outcomes' must be a list", examples=DEFAULT_OUTCOMES)
    try:
        what = comparison(
            {str(k): v or "" for k, v in arms.items()},
            str(document.get("population", "ECT candidates")),
            tuple(str(o) for o in outcomes),
            str(document.get("title", "")),
        )
        return replace(what, entry=_entry(document["entry"])) if "entry" in document else what
    except InputError as error:
        message = f"{name_or_path}: {error.message}"
        raise InputError(message, hint=error.hint, excerpt=error.excerpt, examples=error.examples) from error


def _entry(text: Any) -> int:
    """Days before day 0 from "6 weeks before"."""
    match = re.fullmatch(r"(\d{1,3}) (day|week)s? before", " ".join(str(text).split()))
    days = int(match[1]) * (7 if match[2] == "week" else 1) if match else -1
    if not 0 <= days <= _EARLIEST_ENTRY:
        raise InputError(f"entry: {text!r} is not a time of up to a year before day 0", examples=_ENTRY_EXAMPLES)
    return days


class _UniqueKeys(yaml.SafeLoader):
    """A loader that refuses a key given twice, which would silently drop an arm."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.MarkedYAMLError(problem=f"{key!r} is given twice", problem_mark=key_node.start_mark)
            seen.add(key if isinstance(key, str) else id(key_node))
        return dict(super().construct_mapping(node, deep=deep))


def _read(name_or_path: str) -> dict[str, Any]:
    packaged = resources.files("cotreat.trial") / "examples" / f"{name_or_path}.yaml"
    if "/" not in name_or_path and packaged.is_file():
        raw = packaged.read_bytes()
    else:
        path = Path(name_or_path)
        if path.is_dir():
            raise InputError(f"{name_or_path} is a directory, not a file")
        try:
            if path.stat().st_size > _LARGEST:
                raise InputError(f"{name_or_path} is larger than 1 MB")
            raw = path.read_bytes()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            guess = did_you_mean(name_or_path, packaged_examples())
            hint = f"{guess or ''} Packaged examples: {', '.join(packaged_examples())}.".strip()
            raise InputError(f"cannot read {name_or_path}: {reason}", hint=hint) from error
    try:
        document = yaml.load(raw.decode("utf-8"), _UniqueKeys)
    except UnicodeDecodeError as error:
        raise InputError(f"{name_or_path} is not a text file in UTF-8") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise InputError(f"{name_or_path}: not valid YAML{where}: {problem}") from error
    if document is None:
        raise InputError(f"{name_or_path} is empty")
    if not isinstance(document, dict):
        raise InputError(f"{name_or_path}: expected fields such as {', '.join(_KEYS)}")
    return document
