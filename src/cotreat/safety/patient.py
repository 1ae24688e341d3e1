"""What is recorded about one person: read strictly, kept as given, and never completed by a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from math import inf, isfinite
from typing import Any

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.safety.tables import Fact, condition_words, facts, key

SECTIONS = ("tms", "session", "application")
_NONE = ("none", "no", "nil")
_NOT_KNOWN = ("unknown", "not known", "?")
_LONGEST_LIST = 200
_MEDICATION = re.compile(
    r"^(?P<name>.*?)(?:\s+(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>mg|mcg|g)(?:\s*(?P<often>daily|once daily|twice daily"
    r"|3 times a day|at night))?)?$"
)
_TIMES = {None: 1, "daily": 1, "once daily": 1, "twice daily": 2, "3 times a day": 3, "at night": 1}


@dataclass(frozen=True, slots=True)
class Medication:
    """A drug taken beside the regimen, as named, with mg a day where given."""

    name: str
    mg_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A prescriber's decision to go on although a rule blocks: why, and who."""

    rule: str
    reason: str
    by: str = ""


@dataclass(frozen=True)
class Patient:
    """What is recorded, by the name of each fact; what is not in ``given`` is not known.

    Lists are tuples and complete: what is not in a list that was given is not there. ``overrides`` follow the plan.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()

    def without(self, name: str) -> Patient:
        """The same person with one fact not recorded."""
        return Patient({k: v for k, v in self.given.items() if k != name}, self.overrides)

    def joined(self, other: Patient, where: str) -> Patient:
        """The same person with the facts of another record added, overrides kept; InputError when a fact is in both."""
        both = sorted(self.given.keys() & other.given.keys())
        if both:
            raise InputError(f"{where}: {both[0]} is given in the plan's file too", hint="Leave it out of one of them.")
        given = {**self.given, **other.given}
        _consistent(given, where)
        return Patient(given, self.overrides)

    def document(self) -> dict[str, Any]:
        """What is recorded, ready for JSON."""
        return {k: _plain(v) for k, v in sorted(self.given.items())}


def read_patient(document: object, where: str = "patient") -> Patient:
    """A patient from a mapping of facts; ``tms``, ``session`` and ``application`` may be mappings of their own.

    Raises InputError for an unknown fact, a value of the wrong kind or out of bounds, and for statements that
    contradict each other.
    """
    if document is None:
        return Patient()
    if not isinstance(document, Mapping):
        raise InputError(f"{where}: expected facts such as age and sex, not {type(document).__name__}")
    given: dict[str, Any] = {}
    for raw, value in document.items():
        if not isinstance(raw, str):
            raise InputError(f"{where}: {raw!r} is not the name of a fact", hint="Put the name in quotes.")
        if raw in SECTIONS:
            _section(raw, value, given, where)
        else:
            _put(raw, value, given, where)
    _consistent(given, where)
    return Patient(given)


def read_overrides(document: object, where: str = "overrides") -> tuple[Override, ...]:
    """Overrides from a mapping of rule ids to a reason, or to a mapping with ``reason`` and ``by``."""
    if document is None:
        return ()
    if not isinstance(document, Mapping):
        raise InputError(f"{where}: expected rule ids, each with its reason")
    found = []
    for rule, said in document.items():
        entry = said if isinstance(said, Mapping) else {"reason": said}
        unknown = [k for k in entry if k not in ("reason", "by")]
        if unknown:
            raise InputError(f"{where}: unknown field {unknown[0]!r} of {rule}", hint="It has a reason and a by.")
        reason, by = entry.get("reason"), entry.get("by", "")
        if not isinstance(reason, str) or len(reason.strip()) < 5 or not isinstance(by, str):
            raise InputError(f"{where}: {rule} needs a written reason")
        found.append(Override(str(rule), " ".join(reason.split()), by.strip()))
    return tuple(found)


# ---- one fact ---------------------------------------------------------------------------------------------------


def _section(section: str, value: object, given: dict[str, Any], where: str) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: {section} is a list of facts, not {value!r}")
    for raw, inner in value.items():
        name = f"{section}.{raw}" if f"{section}.{raw}" in facts() else str(raw)
        known = facts().get(name)
        if known is not None and known.section != section:
            raise InputError(f"{where}: {raw} does not belong under {section}")
        _put(name, inner, given, f"{where}.{section}", section)


def _put(name: str, value: object, given: dict[str, Any], where: str, section: str | None = None) -> None:
    known = facts().get(name)
    if known is None:
        prefix = f"{section}." if section else ""
        names = [n.removeprefix(prefix) for n, f in facts().items() if section is None or f.section == section]
        bare = name.removeprefix(prefix)
        raise InputError(f"{where}: unknown field {bare!r}", hint=did_you_mean(bare, [*names, *SECTIONS]))
    if value is None or (isinstance(value, str) and fold(value) in _NOT_KNOWN):
        return
    if name in given:
        raise InputError(f"{where}: {name} is given twice")
    given[name] = _read(known, value, f"{where}: {name}")


def _read(fact: Fact, value: object, where: str) -> Any:
    match fact.kind:
        case "number":
            return _number(fact, value, where)
        case "yes_no":
            return _yes_no(value, where)
        case "word":
            return _word(fact, value, where)
        case "text":
            text = value.isoformat() if isinstance(value, date) else str(value).strip()
            if isinstance(value, bool | list | dict) or fold(text) in ("", *_NONE):
                raise InputError(f"{where} is {value!r}", hint="Leave the line out when there is none.")
            return text
        case "words":
            return _words(fact, value, where)
        case "medications":
            return tuple(_medication(v, where) for v in _listed(value, where))
        case "days" | "hours":
            return _times(fact, value, where)
    raise InputError(f"{where} has no kind")


def _number(fact: Fact, value: object, where: str) -> float:
    if fact.never and isinstance(value, str) and fold(value) == "never":
        return inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise InputError(f"{where} is a number, not {value!r}")
    if not fact.low <= value <= fact.high:
        raise InputError(f"{where} lies between {fact.low:g} and {fact.high:g}, not at {value:g}")
    return float(value)


def _yes_no(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and fold(value) in ("yes", "true", "no", "false", "none"):
        return fold(value) in ("yes", "true")
    raise InputError(f"{where} is yes or no, not {value!r}")


def _word(fact: Fact, value: object, where: str) -> str:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if not isinstance(value, str):
        raise InputError(f"{where} is a word, not {value!r}")
    by_key = {key(c): c for c in fact.choices}
    if key(value) not in by_key:
        options = did_you_mean(value, fact.choices) or f"It can be {', '.join(fact.choices)}."
        raise InputError(f"{where} is never {value!r}", hint=options)
    return by_key[key(value)]


def _listed(value: object, where: str) -> list[object]:
    if value is False or (isinstance(value, str) and fold(value) in _NONE):
        return []
    if value is True:
        raise InputError(f"{where}: which?", hint="Give a list, or none.")
    entries = list(value) if isinstance(value, list | tuple) else [value]
    if len(entries) > _LONGEST_LIST:
        raise InputError(f"{where} has more than {_LONGEST_LIST} entries")
    return entries


def _words(fact: Fact, value: object, where: str) -> tuple[str, ...]:
    found = []
    for entry in _listed(value, where):
        if not isinstance(entry, str) or not entry.strip():
            raise InputError(f"{where} is a list of words, not {entry!r}")
        found.append(_listed_word(fact, entry, where))
    return tuple(dict.fromkeys(found))


def _listed_word(fact: Fact, entry: str, where: str) -> str:
    if fact.choices:
        if key(entry) not in fact.choices:
            options = did_you_mean(entry, fact.choices) or f"It can be {', '.join(fact.choices)}."
            raise InputError(f"{where} is never {entry!r}", hint=options)
        return key(entry)
    if fact.name == "allergies":
        return fold(entry)
    known = condition_words()
    if key(entry) in known:
        return known[key(entry)]
    # A slip of the pen must not pass for a condition that no rule knows.
    near = did_you_mean(key(entry), known)
    if near is not None:
        raise InputError(f"{where}: unknown word {entry!r}", hint=near)
    return key(entry)


def _medication(value: object, where: str) -> Medication:
    if isinstance(value, Mapping):
        unknown = [k for k in value if k not in ("drug", "mg_per_day")]
        if unknown or not isinstance(value.get("drug"), str):
            raise InputError(f"{where}: a drug has a name (drug) and may have mg_per_day")
        amount = value.get("mg_per_day")
        if amount is not None and (
            isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < 1e5
        ):
            raise InputError(f"{where}: mg_per_day of {value['drug']} is a number, not {amount!r}")
        return Medication(fold(value["drug"]), None if amount is None else float(amount))
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where} is a list of drugs, not {value!r}")
    found = _MEDICATION.match(fold(value))
    if found is None or not found["name"]:
        raise InputError(f"{where}: cannot read {value!r}", examples=("sertraline 100 mg daily", "ibuprofen"))
    if found["amount"] is None:
        return Medication(found["name"])
    factor = {"mg": 1.0, "g": 1000.0, "mcg": 0.001}[found["unit"]]
    return Medication(found["name"], float(found["amount"]) * factor * _TIMES[found["often"]])


def _times(fact: Fact, value: object, where: str) -> tuple[tuple[str, float], ...]:
    if value is False or (isinstance(value, str) and fold(value) in _NONE):
        return ()
    if not isinstance(value, Mapping):
        raise InputError(f"{where} names each with a number of {fact.kind}, or is none")
    found = []
    for name, amount in value.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < 1e5:
            raise InputError(f"{where}: {name} needs a number of {fact.kind}, not {amount!r}")
        word = key(str(name)) if fact.choices else fold(str(name))
        if fact.choices and word not in fact.choices:
            raise InputError(f"{where}: unknown word {name!r}", hint=did_you_mean(str(name), fact.choices))
        found.append((word, float(amount)))
    return tuple(found)


# ---- together ---------------------------------------------------------------------------------------------------


def _consistent(given: Mapping[str, Any], where: str) -> None:
    """InputError for statements of which one must be wrong: to believe either would be a guess."""
    listed = set(given.get("conditions", ()))
    for name in given:
        implied = facts()[name].implies
        if implied and "conditions" in given and implied not in listed:
            raise InputError(f"{where}: {name} is given, but conditions does not list {implied}")
    if given.get("implants") == () and "metal_distance_cm" in given:
        raise InputError(f"{where}: metal_distance_cm is given, but implants is none")


def _plain(value: Any) -> Any:
    if isinstance(value, Medication):
        return {"drug": value.name, "mg_per_day": value.mg_per_day}
    if value == inf:
        return "never"
    if isinstance(value, tuple):
        if value and all(isinstance(v, tuple) for v in value):
            return dict(value)
        return [_plain(v) for v in value]
    return value
