"""The plan as a calendar (RFC 5545): without drugs or diagnosis in it, unless details are asked for.

An entry keeps its identifier when the plan is made again: the third theta burst session stays the third, whatever its
day. So an application that reads the file a second time moves its entries instead of adding them. What a later version
of the plan holds no longer is called off (STATUS:CANCELLED), when the earlier file is at hand.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cotreat.measures.errors import InputError
from cotreat.plan.documents.material import Event, Material

if TYPE_CHECKING:
    from icalendar import Event as Entry

FILE = "calendar.ics"
_UTC = ZoneInfo("UTC")
_SESSION_HOURS = 1
_MARGIN = timedelta(days=400)
"""How far the rules of the time zone reach beyond the plan: every change of the clocks near it is in."""
_FIRST_DAY = date(2026, 1, 1)
"""Sequence numbers count days from here: a plan made on a later day replaces one made before."""
_PLAN = "X-COTREAT-PLAN"
_BOOKKEEPING = ("DTSTAMP", "SEQUENCE", "LAST-MODIFIED")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The entries of an earlier file by identifier, and the plan it belongs to."""

    plan: str
    entries: dict[str, Entry]


def calendar(material: Material, details: bool = False, earlier: Earlier | None = None) -> bytes:
    """An iCalendar file: whole days for steps of the plan, the clinic's hours for appointments that have them.

    Without ``details`` an entry says that something is due, not what. Sequence numbers and time stamps come from the
    day the plan was made, so that the same plan gives the same file; beside an ``earlier`` file an entry that has
    changed gets a higher number than it had, one that has not stays as it was, and one that is gone is called off.
    """
    import icalendar

    found = icalendar.Calendar()
    found.add("prodid", f"-//Cotreat//{material.provenance['version']}//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    plan = plan_id(material)
    found.add(_PLAN, plan)
    # The file of another plan in the same folder says nothing about this one, least of all what to call off.
    before = dict(earlier.entries) if earlier is not None and earlier.plan == plan else {}
    for uid, event in _named(material):
        found.add_component(_stamped(_entry(material, uid, event, details), material, before.pop(uid, None)))
    for old in before.values():
        found.add_component(_called_off(old, material))
    if material.zone is not None:
        found.add_missing_timezones(material.first - _MARGIN, material.last + _MARGIN)
    return bytes(found.to_ical())


def read_earlier(content: bytes, where: str) -> Earlier:
    """The entries of a file made before; InputError when it is no calendar of a plan."""
    import icalendar

    try:
        read = icalendar.Calendar.from_ical(content)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise InputError(
            f"{where} cannot be read as a calendar, so its entries cannot be replaced",
            hint="Remove it, or give another folder.",
        ) from error
    entries = {str(e["UID"]): e for e in read.walk("VEVENT") if isinstance(e, icalendar.Event) and "UID" in e}
    return Earlier(str(read.get(_PLAN, "")), entries)


def plan_id(material: Material) -> str:
    """What names a plan through all its versions, as 16 characters.

    It is made from the plan's name: the one it was given, or its first day with what is tapered or the course's title.
    Nothing of that can be read from it.
    """
    return hashlib.sha256(f"cotreat plan {material.plan_name}".encode()).hexdigest()[:16]


def _named(material: Material) -> list[tuple[str, Event]]:
    """Each event with its identifier: of which plan, what it is, and the how-manyeth of its kind."""
    counted: dict[tuple[str, str], int] = {}
    found, plan = [], plan_id(material)
    for event in material.events:
        kind = ("cut", event.what) if event.kind in ("cut", "hold", "stop") else (event.kind, event.what)
        counted[kind] = counted.get(kind, 0) + 1
        key = f"{plan} {kind[0]} {kind[1]} {counted[kind]}"
        found.append((hashlib.sha256(key.encode()).hexdigest()[:32] + "@cotreat", event))
    return found


def _entry(material: Material, uid: str, event: Event, details: bool) -> Entry:
    import icalendar

    entry = icalendar.Event()
    entry.add("uid", uid)
    _when(entry, event, material.zone)
    entry.add("summary", _summary(material, event, details))
    entry.add("transp", "OPAQUE" if event.hour and event.kind == "session" else "TRANSPARENT")
    entry.add("class", "PRIVATE")
    entry.add("status", "CONFIRMED")
    said = [event.detail] if details and event.detail else []
    entry.add("description", "\n".join([*said, _about(material)]))
    return entry


def _stamped(entry: Entry, material: Material, old: Entry | None) -> Entry:
    """An entry with its sequence number and time stamps; those of the earlier file where nothing has changed."""
    sequence = max(0, (material.made - _FIRST_DAY).days)
    made = datetime.combine(material.made, time(), _UTC)
    if old is not None and _content(old) == _content(entry):
        for name in _BOOKKEEPING:
            if name in old:
                entry[name] = old[name]
        return entry
    if old is not None:
        sequence = max(sequence, _sequence(old) + 1)
        stamp = old.get("DTSTAMP")
        if stamp is not None and stamp.dt >= made:
            made = stamp.dt + timedelta(seconds=1)
    entry.add("dtstamp", made)
    entry.add("last-modified", made)
    entry.add("sequence", sequence)
    return entry


def _called_off(old: Entry, material: Material) -> Entry:
    import icalendar

    if str(old.get("STATUS", "")) == "CANCELLED":
        return old
    entry = icalendar.Event()
    for name, value in old.items():
        if name not in (*_BOOKKEEPING, "STATUS"):
            entry[name] = value
    entry.add("status", "CANCELLED")
    return _stamped(entry, material, old)


def _content(entry: Entry) -> dict[str, Any]:
    """What an entry says, without its bookkeeping and without the version of the program in its last line."""
    found = {k: v.to_ical() if hasattr(v, "to_ical") else str(v) for k, v in entry.items() if k not in _BOOKKEEPING}
    found["DESCRIPTION"] = str(entry.get("DESCRIPTION", "")).rpartition("\n")[0]
    return found


def _sequence(entry: Entry) -> int:
    return int(entry.get("SEQUENCE", 0))


def _when(entry: Entry, event: Event, zone: str | None) -> None:
    if event.hour is not None and zone is not None:
        begin = datetime.combine(event.day, time.fromisoformat(event.hour), ZoneInfo(zone))
        entry.add("dtstart", begin)
        # The end is a wall-clock hour too: adding a duration would move it on a day when the clocks change.
        entry.add("dtend", begin + timedelta(hours=_SESSION_HOURS))
        return
    entry.add("dtstart", event.day)
    entry.add("dtend", event.day + timedelta(days=event.days))


def _summary(material: Material, event: Event, details: bool) -> str:
    text = material.say(f"ev_{event.kind}")
    return f"{text}: {event.what}" if details else text


def _about(material: Material) -> str:
    made, say = material.provenance, material.say
    pack = made["rule_pack"]
    version = say("footer_version", version=made["version"], pack=pack["version"], hash=pack["hash"][:12])
    return f"{version}. {say('disclaimer')}"
