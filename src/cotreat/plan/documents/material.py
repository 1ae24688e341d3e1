"""What every document of a plan is made from: tapers, dated events and fixed facts, read off the plan document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from cotreat.plan.locale.catalogue import Catalogue, catalogue
from cotreat.regimen.doses import dated, fitting_horizon
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.regimen.quantities import plain

EventKind = Literal["cut", "stop", "hold", "session", "home", "threshold", "rating", "pharmacy", "drug"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something on a day.

    ``what`` names the drug, modality or rating scale, and ``detail`` says more: neither leaves the clinic in a calendar
    unless it is asked for. ``days`` above 1: any of so many days from ``day`` on will do. ``hour``: the clinic's
    clock as 10:00, where it has one.
    """

    day: date
    kind: EventKind
    what: str
    detail: str = ""
    days: int = 1
    hour: str | None = None


@dataclass(frozen=True, slots=True)
class Calls:
    """Whom to call; an empty one is a line to be filled in by hand."""

    crisis: str = ""
    clinic: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A drug that is taken but not tapered: a daily amount from a day to a day, both included (None: it goes on)."""

    drug: str
    amount: float
    unit: str
    times: int
    first: date
    last: date | None

    @property
    def is_level(self) -> bool:
        """Whether the amount is a level in the blood that is aimed at, not a dose."""
        return self.unit in ("ng/mL", "mmol/L")


@dataclass(frozen=True)
class Material:
    """A plan ready to be set.

    ``tapers``: plan documents of kind taper. ``events`` in order of day. ``notices``: lines for the clinic plan, each
    list under the key of its heading. ``orders``: drugs that are taken but not tapered. ``zone``: name of the time
    zone of the hours, None where there are none. ``plan_name``: what names it through all its versions.
    """

    document: dict[str, Any]
    language: str
    title: str
    first: date
    last: date
    made: date
    tapers: tuple[dict[str, Any], ...]
    sentences: tuple[str, ...]
    events: tuple[Event, ...]
    safety: dict[str, Any]
    remarks: tuple[str, ...]
    must_read: tuple[str, ...]
    provenance: dict[str, Any]
    calls: Calls = field(default_factory=Calls)
    notices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    zone: str | None = None
    orders: tuple[Order, ...] = ()
    plan_name: str = ""

    @property
    def printing(self) -> dict[str, Any]:
        """What was asked before printing, and what is asked on the day."""
        found: dict[str, Any] = self.document["printing"]
        return found

    @property
    def say(self) -> Catalogue:
        """The texts in the language of the plan."""
        return catalogue(self.language)

    @property
    def digest(self) -> str:
        """SHA-256 of the plan document: the same plan gives the same files."""
        text = json.dumps(self.document, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def drugs(self) -> tuple[str, ...]:
        """Drugs the documents name, in order."""
        named = [t["drug"]["id"] for t in self.tapers] + [o.drug for o in self.orders]
        return tuple(dict.fromkeys(named))

    def of_kind(self, *kinds: EventKind) -> tuple[Event, ...]:
        """Events of some kinds."""
        return tuple(e for e in self.events if e.kind in kinds)


def taper_material(document: dict[str, Any], calls: Calls | None = None) -> Material:
    """The material of a taper's plan document (docs/plan-document.md)."""
    language = document["request"]["language"]
    say = catalogue(language)
    name = say.drug(document["drug"]["id"])
    sessions = session_events("\n".join(document["stimulation"]), date.fromisoformat(document["day_0"]))
    steps = step_events(document)
    checks = threshold_events((e.day for e in steps if e.kind in ("cut", "stop")), sessions)
    return Material(
        document=document,
        language=language,
        title=say("taper_of", drug=name, mg=plain(document["request"]["mg_per_day"])),
        first=date.fromisoformat(document["start"]),
        last=max([date.fromisoformat(document["stop"]), *(e.day for e in sessions)]),
        made=date.fromisoformat(document["request"]["today"]),
        tapers=(document,),
        sentences=tuple(document["stimulation"]),
        events=in_order([*steps, *pharmacy_events(document), *sessions, *checks]),
        safety=document["safety"],
        remarks=tuple(document["remarks"]),
        must_read=tuple(document["must_read"]),
        provenance=document["provenance"],
        calls=calls or Calls(),
        plan_name=f"{document['request']['sentence']} from {document['start']}",
    )


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events by day, then kind and name."""
    return tuple(sorted(events, key=lambda e: (e.day, e.kind, e.what)))


def step_events(document: dict[str, Any]) -> list[Event]:
    """The rows of a taper: each on the first day of its dose."""
    found = []
    for row in document["rows"]:
        kind: EventKind = "stop" if row["kind"] == "stop" else "hold" if row["kind"] == "hold" else "cut"
        detail = f"{plain(row['mg_per_day'])} mg/day: {row['text']}" if row["text"] else "stop"
        found.append(Event(date.fromisoformat(row["first_day"]), kind, document["drug"]["id"], detail))
    return found


def pharmacy_events(document: dict[str, Any]) -> list[Event]:
    """The first day of each period of the dispensing list."""
    name = document["drug"]["id"]
    return [
        Event(
            date.fromisoformat(p["first_day"]),
            "pharmacy",
            name,
            "; ".join(f"{i['handed_out']} x {i['preparation']}" for i in p["items"]),
        )
        for p in document["dispensing"]["periods"]
    ]


def session_events(sentences: str, day_0: date) -> list[Event]:
    """Every session of some sentences, one event for each modality and day."""
    if not sentences.strip():
        return []
    regimen = parse(sentences)
    items, _ = dated(expand(regimen, fitting_horizon(regimen)))
    counted: dict[tuple[int, str], int] = {}
    for _, item in items:
        if item.kind == "session":
            counted[item.day, item.subject] = counted.get((item.day, item.subject), 0) + 1
    return [
        Event(day_0 + timedelta(days=day), "session", what, f"{n} x" if n > 1 else "")
        for (day, what), n in counted.items()
    ]


def threshold_events(changes: Iterable[date], sessions: Iterable[Event]) -> list[Event]:
    """The motor threshold again in the week after each change of a drug, while a magnetic stimulation goes on."""
    from cotreat.catalogue.modality_table import modalities

    magnetic = {m.id for m in modalities() if m.kind == "tms"}
    days: dict[str, list[date]] = {}
    for s in sessions:
        if s.what in magnetic:
            days.setdefault(s.what, []).append(s.day)
    found = set()
    for change in changes:
        for what, on in days.items():
            after = [d for d in on if change <= d < change + timedelta(days=7)]
            if after and min(on) < min(after):
                found.add(Event(min(after), "threshold", what))
    return sorted(found, key=lambda e: e.day)
