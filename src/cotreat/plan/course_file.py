"""A course as a YAML file: what is given, tapered, rated and when the clinic is open. Read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from cotreat.measures.errors import InputError
from cotreat.measures.scales import Scale, scale
from cotreat.measures.suggest import did_you_mean
from cotreat.plan.calendar_days import WEEKDAYS, Clinic
from cotreat.plan.outlook import Share, outlook
from cotreat.plan.request import COUNTRIES, read_date, read_steps
from cotreat.safety.pack import LANGUAGES
from cotreat.safety.patient import Patient, read_overrides, read_patient
from cotreat.safety.reading import UniqueKeys

FIELDS = (
    "title", "start", "language", "forms", "clinic", "patient", "overrides", "treatment", "tapers", "around_cuts",
    "ratings", "outlook", "confirm_strengths",
)  # fmt: skip
_TAPER = ("drug", "from_week", "weeks", "steps_every", "speed", "reason", "release", "preparations", "marketed_only")
_CLINIC = ("days", "country", "closed", "hour", "zone")
_RATING = ("scale", "every", "until")
_LARGEST = 1 << 20
_MOST = 20


@dataclass(frozen=True, slots=True)
class TaperWish:
    """One drug to be tapered: the sentence of its dose, the week of the course it begins in, and options by name."""

    sentence: str
    from_week: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RatingWish:
    """A scale, the days between ratings, and after how many days they end (None: with the course)."""

    scale: Scale
    every_days: int
    until_days: int | None


@dataclass(frozen=True)
class CourseWish:
    """What a course file asks for. ``around_cuts``: an order that is given for a while from each cut on."""

    title: str
    start: date | None
    language: str
    forms: str
    clinic: Clinic
    patient: Patient
    treatment: str
    tapers: tuple[TaperWish, ...]
    around_cuts: str | None
    ratings: tuple[RatingWish, ...]
    share: Share | None
    improvement: tuple[int, float] | None
    confirm_strengths: bool


def load_course(path: str | Path) -> CourseWish:
    """The course of a file; InputError, in one line, for anything that cannot be read in full."""
    where, file = str(path), Path(path)
    try:
        if file.is_dir() or file.stat().st_size > _LARGEST:
            raise InputError(f"{where} is no file of at most 1 MB")
        document = yaml.load(file.read_bytes().decode("utf-8"), UniqueKeys)
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not a text file in UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read {where}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{where}: not valid YAML{line}: {getattr(error, 'problem', None) or error}") from None
    return read_course(document, where)


def read_course(document: object, where: str = "course") -> CourseWish:
    """The course of a mapping with the fields ``FIELDS``."""
    found = _mapping(document, FIELDS, where)
    if not found.get("treatment") and not found.get("tapers"):
        raise InputError(f"{where}: nothing is planned", hint="Give treatment, tapers, or both.")
    language = _text(found.get("language", "en"), "language", where)
    if language not in LANGUAGES:
        raise InputError(f"{where}: language {language!r} is not known", hint=f"It can be {', '.join(LANGUAGES)}.")
    forms = _text(found.get("forms", "EU"), "forms", where)
    if forms not in COUNTRIES:
        raise InputError(f"{where}: forms {forms!r} is not known", hint=f"It can be {', '.join(COUNTRIES)}.")
    patient = Patient(
        read_patient(found.get("patient"), f"{where}: patient").given,
        read_overrides(found.get("overrides"), f"{where}: overrides"),
    )
    share, improvement = _outlook(found.get("outlook"), where)
    around = found.get("around_cuts")
    confirmed = found.get("confirm_strengths", False)
    if not isinstance(confirmed, bool):
        raise InputError(f"{where}: confirm_strengths is yes or no, not {confirmed!r}")
    return CourseWish(
        title=_text(found.get("title", ""), "title", where),
        start=None if found.get("start") is None else _date(found["start"], f"{where}: start"),
        language=language,
        forms=forms,
        clinic=_clinic(found.get("clinic"), where),
        patient=patient,
        treatment=_text(found.get("treatment", ""), "treatment", where),
        tapers=tuple(_taper(t, f"{where}: tapers") for t in _list(found.get("tapers"), "tapers", where)),
        around_cuts=None if around is None else _text(around, "around_cuts", where).strip(),
        ratings=tuple(_rating(r, f"{where}: ratings") for r in _list(found.get("ratings"), "ratings", where)),
        share=share,
        improvement=improvement,
        confirm_strengths=confirmed,
    )


def _mapping(document: object, known: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise InputError(f"{where}: expected fields such as {', '.join(known[:3])}")
    for name in document:
        if name not in known:
            raise InputError(f"{where}: unknown field {name!r}", hint=did_you_mean(str(name), known))
    return dict(document)


def _text(value: object, name: str, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: {name} is a text, not {value!r}")
    return value


def _list(value: object, name: str, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST:
        raise InputError(f"{where}: {name} is a list of at most {_MOST}")
    return value


def _date(value: object, where: str) -> date:
    if isinstance(value, date) and type(value) is date:
        return value
    return read_date(str(value), where)


def _clinic(value: object, where: str) -> Clinic:
    if value is None:
        return Clinic()
    found = _mapping(value, _CLINIC, f"{where}: clinic")
    days = found.get("days", "Mon Tue Wed Thu Fri")
    names = str(days).replace(",", " ").split()
    unknown = [n for n in names if n not in WEEKDAYS]
    if unknown or not names:
        raise InputError(f"{where}: clinic days {days!r} cannot be read", hint=f"Write some of {' '.join(WEEKDAYS)}.")
    hour, zone, country = found.get("hour"), found.get("zone"), found.get("country")
    if (hour is None) != (zone is None):
        raise InputError(f"{where}: an hour needs its time zone", hint='Write hour: "10:00" and zone: Europe/Berlin.')
    clinic = Clinic(
        frozenset(WEEKDAYS.index(n) for n in names),
        None if country is None else _text(country, "country (in quotes, such as 'NO')", where),
        frozenset(_date(d, f"{where}: closed") for d in found.get("closed") or ()),
        None if hour is None else _hour(hour, where),
        None if zone is None else _zone(zone, where),
    )
    clinic.why_closed(date(2027, 1, 4))  # an unknown country is named before any work
    return clinic


def _hour(value: object, where: str) -> str:
    try:
        return time.fromisoformat(str(value)).strftime("%H:%M")
    except ValueError:
        raise InputError(f"{where}: hour {value!r} cannot be read", hint='Write it in quotes, as "10:00".') from None


def _zone(value: object, where: str) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (KeyError, ValueError, OSError):
        raise InputError(f"{where}: no time zone {value!r}", hint="Write one such as Asia/Seoul.") from None


def _taper(value: object, where: str) -> TaperWish:
    found = _mapping(value, _TAPER, where)
    week = found.pop("from_week", 1)
    if isinstance(week, bool) or not isinstance(week, int) or not 1 <= week <= 104:
        raise InputError(f"{where}: from_week is a week of the course, 1 to 104, not {week!r}")
    sentence = _text(found.pop("drug", ""), "drug", where)
    options: dict[str, Any] = {}
    for name, given in found.items():
        if name == "steps_every":
            options["every_days"] = read_steps(str(given))
        elif name == "marketed_only":
            options["made_to_order"] = not given
        elif name == "preparations":
            options[name] = tuple(str(p) for p in _list(given, name, where))
        elif name == "weeks":
            if isinstance(given, bool) or not isinstance(given, int | float):
                raise InputError(f"{where}: weeks is a number, not {given!r}")
            options[name] = float(given)
        else:
            options[name] = _text(given, name, where)
    return TaperWish(sentence, week, options)


def _rating(value: object, where: str) -> RatingWish:
    found = _mapping(value, _RATING, where)
    known = scale(_text(found.get("scale", ""), "scale", where))
    every = read_steps(str(found.get("every", "2 weeks")))
    until = None if found.get("until") is None else read_steps(str(found["until"]))
    return RatingWish(known, every, until)


def _outlook(value: object, where: str) -> tuple[Share | None, tuple[int, float] | None]:
    if value is None:
        return None, None
    names = ("session", "pattern", "improvement_percent")
    found = _mapping(value, names, f"{where}: outlook")
    session, improvement = found.get("session"), found.get("improvement_percent")
    if isinstance(session, bool) or not isinstance(session, int):
        raise InputError(f"{where}: outlook: session is a number such as 10, not {session!r}")
    if isinstance(improvement, bool) or not isinstance(improvement, int | float) or not -500 <= improvement <= 100:
        raise InputError(f"{where}: outlook: improvement_percent is a number up to 100, not {improvement!r}")
    pattern = _text(found.get("pattern", ""), "pattern", where)
    return outlook(session, pattern, float(improvement)), (session, float(improvement))
