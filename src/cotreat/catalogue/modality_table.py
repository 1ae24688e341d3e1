"""Stimulation, psychotherapy and exercise that can be named in a regimen, the sites and the electrode placements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from cotreat.catalogue.tables import document
from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark, read_mark
from cotreat.measures.suggest import did_you_mean, fold

Kind = Literal["tms", "ect", "tdcs", "psychotherapy", "exercise", "other"]
QualifierName = Literal["pulses", "hertz", "milliampere", "intensity", "site", "placement", "minutes", "format"]

UNITS: dict[str, str] = {"pulses": "pulses", "hertz": "Hz", "milliampere": "mA", "intensity": "%", "minutes": "minutes"}
"""Unit in which each numeric qualifier is given; intensity is percent of the resting or active motor threshold."""


@dataclass(frozen=True, slots=True)
class Qualifier:
    """Something a sentence may say about a session: a number between ``low`` and ``high``, or one of ``choices``.

    The bounds are of what can be meant, wide on purpose: a choice of this project, not clinical limits.
    """

    name: QualifierName
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Modality:
    """One modality.

    ``id`` is the word a regimen prints. Modalities with one ``pathway`` share one yield. ``protocol_stated`` False: the
    word names no protocol ("TMS"). ``session_minutes`` is the typical length, None when not on file.
    ``not_modelled`` says why a forecast is refused, or is None.
    """

    id: str
    title: str
    kind: Kind
    pathway: str
    names: tuple[tuple[str, str], ...]
    qualifiers: tuple[Qualifier, ...]
    can_be_sham: bool
    max_sessions_a_day: int
    session_minutes: float | None
    protocol_stated: bool
    not_modelled: str | None
    note: str

    @property
    def modelled(self) -> bool:
        """Whether a forecast may be made for it."""
        return self.not_modelled is None

    def words(self, language: str | None = None) -> tuple[str, ...]:
        """Accepted names, of one language ("en", "ja", "ko") if said."""
        return tuple(word for lang, word in self.names if language in (None, lang))

    def label(self, language: str) -> str | None:
        """The name to print in a language, or None when there is none on file."""
        return next(iter(self.words(language)), None)

    def qualifier(self, name: str) -> Qualifier | None:
        """What may be said under this name, or None when the modality does not have it."""
        return next((q for q in self.qualifiers if q.name == name), None)

    def check(self, name: str, value: float | str) -> None:
        """InputError unless this qualifier belongs to the modality and the value can be meant."""
        allowed = self.qualifier(name)
        if allowed is None:
            has = ", ".join(q.name for q in self.qualifiers)
            raise InputError(f"{self.id} has no {name}", hint=f"It can have {has}.")
        if isinstance(value, str):
            if value not in allowed.choices:
                raise InputError(
                    f"{value!r} is no {name} of {self.id}",
                    hint=did_you_mean(value, allowed.choices) or f"It can be {', '.join(allowed.choices)}.",
                )
            return
        unit = UNITS.get(name, name)
        if allowed.low is None or allowed.high is None:
            raise InputError(f"the {name} of {self.id} is a word, not a number")
        if not allowed.low <= value <= allowed.high:
            raise InputError(
                f"{self.id} with {value:g} {unit} cannot be meant",
                hint=f"It lies between {allowed.low:g} and {allowed.high:g} {unit}.",
            )

    def check_sessions_a_day(self, count: float) -> None:
        """InputError when so many sessions in one day cannot be meant."""
        if count > self.max_sessions_a_day:
            raise InputError(
                f"{self.id} {count:g} times a day cannot be meant", hint=f"At most {self.max_sessions_a_day} a day."
            )


@dataclass(frozen=True, slots=True)
class Site:
    """Where a session goes. ``antidepressant_target`` False: a control or motor site."""

    id: str
    words: tuple[str, ...]
    antidepressant_target: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """Electrode placement of ECT; ``ultrabrief`` when the sentence says so (else the pulse width is not stated)."""

    id: str
    words: tuple[str, ...]
    electrodes: str
    ultrabrief: bool


@cache
def _file() -> dict[str, Any]:
    import yaml

    return cast(dict[str, Any], yaml.load(document("modalities.yaml"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@cache
def sites() -> tuple[Site, ...]:
    """Every site a sentence may name."""
    return tuple(Site(s["id"], tuple(s["words"]), s["target"]) for s in _file()["sites"])


@cache
def placements() -> tuple[Placement, ...]:
    """Every electrode placement a sentence may name."""
    return tuple(Placement(p["id"], tuple(p["words"]), p["electrodes"], p["ultrabrief"]) for p in _file()["placements"])


def modality_mark(kind: str) -> Mark:
    """How well a kind of figure is known in this table.

    Kinds: names by language ("en", "ja", "ko"), bounds of "qualifiers", sessions "per_day", typical "minutes".
    """
    marks = _file()["marks"]
    if kind not in marks:
        raise InputError(f"no mark for {kind!r} in the modalities", hint=f"There is one for {', '.join(marks)}.")
    return read_mark(marks[kind])


def advice() -> dict[str, str]:
    """Words that are not accepted because they are ambiguous or no treatment, and what to write instead."""
    return dict(_file()["advice"])


def _qualifier(name: QualifierName, spec: Any) -> Qualifier:
    if name == "site":
        return Qualifier(name, choices=tuple(s.id for s in sites()))
    if name == "placement":
        return Qualifier(name, choices=tuple(p.id for p in placements()))
    if name == "format":
        return Qualifier(name, choices=tuple(spec))
    return Qualifier(name, low=float(spec[0]), high=float(spec[1]))


def _modality(row: dict[str, Any]) -> Modality:
    return Modality(
        id=row["id"],
        title=row["title"],
        kind=row["kind"],
        pathway=row["pathway"],
        names=tuple((lang, word) for lang, found in row["words"].items() for word in found),
        qualifiers=tuple(_qualifier(name, spec) for name, spec in row["qualifiers"].items()),
        can_be_sham=row["sham"],
        max_sessions_a_day=row["per_day"],
        session_minutes=row["minutes"],
        protocol_stated=row.get("protocol_stated", True),
        not_modelled=row.get("not_modelled"),
        note=row["note"],
    )


@cache
def modalities() -> tuple[Modality, ...]:
    """Every modality a regimen may name."""
    return tuple(_modality(row) for row in _file()["modalities"])


@cache
def _by_word() -> dict[str, Modality]:
    return {fold(word): m for m in modalities() for word in m.words()}


def modality(name: str) -> Modality:
    """The modality of a name in English, Japanese or Korean. InputError, with near names, if unknown."""
    found = _by_word().get(fold(name))
    if found is not None:
        return found
    for word, instead in advice().items():
        if fold(word) == fold(name):
            raise InputError(f"{name} is not accepted", hint=instead[0].upper() + instead[1:] + ".")
    raise InputError(
        f"unknown modality {name!r}", hint=did_you_mean(name, [w for m in modalities() for w in m.words()])
    )
