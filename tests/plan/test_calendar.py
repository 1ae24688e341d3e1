"""The calendar: dates and hours that stay where they are, nothing that gives a person away, and closed days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.catalogue.drug_table import drugs
from cotreat.catalogue.modality_table import modalities
from cotreat.measures.errors import InputError
from cotreat.plan.calendar_days import Clinic, holiday_name, moved
from cotreat.plan.documents.ics import calendar, read_earlier
from cotreat.plan.documents.material import Event, Material, in_order
from tests.plan.documented import example_material, material

ZONES = (
    "Europe/Berlin", "America/New_York", "Asia/Seoul", "Asia/Tokyo", "Australia/Lord_Howe", "America/St_Johns",
    "Africa/Casablanca", "Pacific/Apia", "UTC",
)  # fmt: skip
DAYS = st.dates(date(2026, 1, 1), date(2034, 12, 31))


def events(content: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(content).walk("VEVENT"))


@settings(max_examples=60, deadline=None)
@given(days=st.lists(DAYS, min_size=1, max_size=4), zone=st.sampled_from(ZONES), hour=st.integers(6, 20))
def test_property_days_and_hours_survive_the_file(days: list[date], zone: str, hour: int) -> None:
    """Leap days, year ends and days on which the clocks change included."""
    timed = [Event(d, "session", "iTBS", hour=f"{hour:02d}:30") for d in days]
    m = replace(material(), events=(*timed, *(Event(d, "cut", "x") for d in days)), zone=zone)
    m = replace(m, first=min(days), last=max(days))
    read = events(calendar(m))
    assert len(read) == 2 * len(days)
    for entry, day in zip(read, [*days, *days], strict=True):
        start, end = entry["dtstart"].dt, entry["dtend"].dt
        if isinstance(start, datetime):
            assert start.replace(tzinfo=None) == datetime(day.year, day.month, day.day, hour, 30)
            assert end.replace(tzinfo=None) - start.replace(tzinfo=None) == timedelta(hours=1)
            assert (
                start.utcoffset() == datetime(day.year, day.month, day.day, hour, 30, tzinfo=ZoneInfo(zone)).utcoffset()
            )
        else:
            assert (start, end) == (day, day + timedelta(days=1))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_unit_the_file_itself_knows_when_the_clocks_change(zone: str) -> None:
    m = replace(example_material(), zone=zone)
    [rules] = icalendar.Calendar.from_ical(calendar(m)).walk("VTIMEZONE")
    assert isinstance(rules, icalendar.Timezone)
    own = rules.to_tz()
    day = m.first
    while day <= m.last:
        noon = datetime(day.year, day.month, day.day, 12)
        assert noon.replace(tzinfo=own).utcoffset() == noon.replace(tzinfo=ZoneInfo(zone)).utcoffset(), day
        day += timedelta(days=7)


def named() -> list[str]:
    words = [w for d in drugs() for w in d.words()] + [w for m in modalities() for w in m.words()]
    return [*words, "depress", "suicid", "PHQ-9", "mg", "taper", "우울", "うつ"]


@pytest.mark.parametrize("language", ["en", "ko", "ja"])
def test_unit_a_calendar_names_no_drug_and_no_diagnosis_unless_asked(language: str) -> None:
    plans: list[Material] = [
        material("venlafaxine 150 mg daily", language),
        replace(example_material(), language=language),
    ]
    for m in plans:
        text = calendar(m).decode().replace("\r\n ", "").split("END:VTIMEZONE")[-1]
        shown = " ".join(
            line.split(":", 1)[1]
            for line in text.splitlines()
            if line.startswith(("SUMMARY", "DESC", "UID", "LOC", "CAT"))
        )
        found = [w for w in named() if w.casefold() in shown.casefold() and w not in ("운동", "運動")]
        assert found == []
        with_details = calendar(m, details=True).decode().replace("\r\n ", "")
        assert m.drugs[0] in with_details


def test_unit_entries_have_names_of_their_own_that_do_not_change() -> None:
    first = [str(e["uid"]) for e in events(calendar(example_material()))]
    assert first == [str(e["uid"]) for e in events(calendar(example_material()))]
    assert len(set(first)) == len(first)


def at(m: Material, day: date) -> Material:
    return replace(m, made=day)


def stored(content: bytes) -> dict[str, Any]:
    """What a calendar application holds after a file was read into an empty calendar: entries by identifier."""
    return {str(e["uid"]): e for e in events(content)}


def reread(store: dict[str, Any], content: bytes) -> dict[str, Any]:
    """The same after a further file: an entry that is known is replaced by a newer one, and goes when it is called off.

    Newer is a higher sequence number, or the same with a later time stamp (RFC 5546, 2.1.5).
    """
    found = dict(store)
    for entry in events(content):
        uid, old = str(entry["uid"]), store.get(str(entry["uid"]))
        order = (int(entry["sequence"]), entry["dtstamp"].dt)
        if old is None or order > (int(old["sequence"]), old["dtstamp"].dt):
            found[uid] = entry
    return {uid: e for uid, e in found.items() if str(e["status"]) != "CANCELLED"}


def shown(store: dict[str, Any]) -> list[tuple[Any, str]]:
    return sorted(((e["dtstart"].dt, str(e["summary"])) for e in store.values()), key=str)


def planned(m: Material) -> list[tuple[Any, str]]:
    return shown(stored(calendar(m)))


def test_unit_reading_the_file_twice_adds_nothing() -> None:
    first = calendar(example_material())
    store = stored(first)
    assert shown(reread(store, first)) == shown(store)
    assert len(store) == len(example_material().events)


@settings(max_examples=30, deadline=None)
@given(
    moves=st.lists(st.tuples(st.integers(0, 40), st.integers(-5, 30)), max_size=6),
    dropped=st.sets(st.integers(0, 40), max_size=8),
    later=st.integers(0, 30),
)
def test_property_a_calendar_follows_every_version_of_a_plan(
    moves: list[tuple[int, int]], dropped: set[int], later: int
) -> None:
    """Entries are moved, called off and added, and what is shown is the latest version: on the same day too."""
    m = example_material()
    first = calendar(m)
    changed = list(m.events)
    for k, days in moves:
        changed[k] = replace(changed[k], day=changed[k].day + timedelta(days=days))
    kept = [e for k, e in enumerate(changed) if k not in dropped]
    second = at(replace(m, events=in_order(kept)), m.made + timedelta(days=later))
    followed = calendar(second, earlier=read_earlier(first, "calendar.ics"))
    assert shown(reread(stored(first), followed)) == planned(second)
    third = at(m, second.made)
    back = calendar(third, earlier=read_earlier(followed, "calendar.ics"))
    assert shown(reread(reread(stored(first), followed), back)) == planned(m)
    for name in ("sertraline", "iTBS"):
        assert name not in followed.decode().split("END:VTIMEZONE")[-1]


def test_unit_entries_that_have_not_changed_keep_their_number() -> None:
    m = example_material()
    first = calendar(m)
    again = calendar(at(m, m.made + timedelta(days=3)), earlier=read_earlier(first, "calendar.ics"))
    assert {str(e["sequence"]) for e in events(again)} == {str(e["sequence"]) for e in events(first)}


def test_unit_the_calendar_of_another_plan_is_never_called_off() -> None:
    mine, other = example_material(), replace(example_material(), plan_name="somebody else")
    written = calendar(mine, earlier=read_earlier(calendar(other), "calendar.ics"))
    assert written == calendar(mine)
    assert not stored(calendar(other)).keys() & stored(written).keys()


def test_unit_a_file_that_is_no_calendar_is_an_input_error() -> None:
    for content in (b"", b"BEGIN:VEVENT", b"\xff\xfe", b"hello"):
        with pytest.raises(InputError, match="cannot be read as a calendar"):
            read_earlier(content, "calendar.ics")


# ---- closed days ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("JP", date(2026, 11, 23), "Labor Thanksgiving Day"),
        ("KR", date(2026, 10, 9), "Hangul Day"),
        ("US", date(2026, 11, 26), "Thanksgiving Day"),
        ("EU", date(2026, 12, 25), "Christmas Day"),
        ("DE-BY", date(2027, 1, 6), "Epiphany"),
        ("DE", date(2027, 1, 6), None),
    ],
)
def test_published_public_holidays(country: str, day: date, name: str | None) -> None:
    assert holiday_name(country, day) == name


@pytest.mark.parametrize("country", ["Atlantis", "DE-XX", "", "de"])
def test_unit_unknown_countries_are_refused(country: str) -> None:
    with pytest.raises(InputError):
        holiday_name(country, date(2027, 1, 6))


@settings(max_examples=60, deadline=None)
@given(
    planned=st.sets(st.integers(0, 120), max_size=40),
    open_on=st.sets(st.integers(0, 6), min_size=1),
    closed=st.sets(st.integers(0, 160), max_size=20),
    country=st.sampled_from([None, "JP", "KR", "US", "EU"]),
)
def test_property_moved_sessions_fall_on_open_free_days(
    planned: set[int], open_on: set[int], closed: set[int], country: str | None
) -> None:
    first = date(2026, 12, 1)
    clinic = Clinic(frozenset(open_on), country, frozenset(first + timedelta(days=d) for d in closed))
    days = {first + timedelta(days=d) for d in planned}
    moves = moved({"iTBS": days}, clinic)
    assert {m.old for m in moves} == {d for d in days if clinic.why_closed(d) is not None}
    new = [m.new for m in moves if m.new is not None]
    kept = days - {m.old for m in moves}
    assert all(clinic.why_closed(d) is None for d in new)
    assert len({*new, *kept}) == len(new) + len(kept)
    assert all(m.new is None or m.new > m.old for m in moves)


def test_unit_a_weekly_session_goes_to_the_next_day_and_a_daily_series_goes_on() -> None:
    clinic = Clinic(country="US")
    thanksgiving = date(2026, 11, 26)
    [weekly] = moved({"CBT": [thanksgiving, thanksgiving + timedelta(days=7)]}, clinic)
    assert (weekly.new, weekly.why) == (thanksgiving + timedelta(days=1), "Thanksgiving Day")
    week = [date(2026, 11, 23) + timedelta(days=k) for k in range(5)]
    [daily] = moved({"iTBS": week}, clinic)
    assert daily.new == date(2026, 11, 30)
