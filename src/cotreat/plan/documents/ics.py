"""The plan as a calendar (RFC 5545): without drugs or diagnosis in it, unless details are asked for."""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from cotreat.plan.documents.material import Event, Material

_UTC = ZoneInfo("UTC")
_SESSION_HOURS = 1
_MARGIN = timedelta(days=400)
"""How far the rules of the time zone reach beyond the plan: every change of the clocks near it is in."""


def calendar(material: Material, details: bool = False) -> bytes:
    """An iCalendar file: whole days for steps of the plan, the clinic's hours for appointments that have them.

    Without ``details`` an entry says that something is due, not what; identifiers and time stamps come from the plan,
    so that the same plan gives the same file and an edited one replaces nothing.
    """
    import icalendar

    found = icalendar.Calendar()
    found.add("prodid", f"-//Cotreat//{material.provenance['version']}//EN")
    found.add("version", "2.0")
    found.add("method", "PUBLISH")
    made = datetime.combine(material.made, time(), _UTC)
    for k, event in enumerate(material.events):
        entry = icalendar.Event()
        entry.add("uid", _uid(material, k))
        entry.add("dtstamp", made)
        _when(entry, event, material.zone)
        entry.add("summary", _summary(material, event, details))
        entry.add("transp", "OPAQUE" if event.hour and event.kind == "session" else "TRANSPARENT")
        entry.add("class", "PRIVATE")
        said = [event.detail] if details and event.detail else []
        entry.add("description", "\n".join([*said, _about(material)]))
        found.add_component(entry)
    if material.zone is not None:
        found.add_missing_timezones(material.first - _MARGIN, material.last + _MARGIN)
    return bytes(found.to_ical())


def _uid(material: Material, k: int) -> str:
    return hashlib.sha256(f"{material.digest} {k}".encode()).hexdigest()[:32] + "@cotreat"


def _when(entry: object, event: Event, zone: str | None) -> None:
    from icalendar import Event as Entry

    assert isinstance(entry, Entry)
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
