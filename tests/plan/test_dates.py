"""Dates are local days: nothing moves when clocks change, on leap days, or at the end of a year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.plan.make import finished, taper
from cotreat.plan.request import Options, read_request
from cotreat.plan.value import Plan
from cotreat.regimen.doses import dated, fitting_horizon
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from tests.plan.requests import QUIET, TODAY

FIRST = taper("paroxetine 20 mg daily", QUIET, Options(today=TODAY, reason="remission", with_tms=True))
ZONES = [ZoneInfo(z) for z in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")]


def moved(start: date) -> Plan:
    """The same plan begun on another day."""
    assert isinstance(FIRST, Plan)
    request = replace(FIRST.request, start=start, today=start)
    found = finished(request, FIRST.scale, FIRST.rows, FIRST.preparations, FIRST.remarks)
    assert isinstance(found, Plan)
    return found


@settings(max_examples=10)
@given(st.dates(date(2026, 11, 23), date(2032, 3, 5)))
def test_property_rows_follow_each_other_without_a_gap(start: date) -> None:
    rows = moved(start).document()["rows"]
    assert rows[0]["first_day"] == start.isoformat()
    for before, after in pairwise(rows):
        assert date.fromisoformat(after["first_day"]) - date.fromisoformat(before["last_day"]) == timedelta(days=1)
        assert date.fromisoformat(after["first_day"]) - date.fromisoformat(before["first_day"]) == timedelta(
            days=before["days"]
        )
    assert sum(r["days"] for r in rows) == (date.fromisoformat(rows[-1]["first_day"]) - start).days


@settings(max_examples=10)
@given(st.dates(date(2026, 11, 23), date(2032, 3, 5)))
def test_property_the_ledger_falls_on_the_dates_of_the_rows(start: date) -> None:
    plan = moved(start)
    regimen = parse(plan.text)
    monday = plan.request.monday
    assert monday.weekday() == 0
    assert 0 <= (start - monday).days < 7
    items = [i for _, i in dated(expand(regimen, fitting_horizon(regimen)))[0]]
    by_date = {monday + timedelta(days=i.day): i.amount for i in items if i.subject == "paroxetine"}
    for row in plan.document()["rows"][:-1]:
        assert by_date[date.fromisoformat(row["first_day"])] == row["mg_per_day"]
        assert by_date[date.fromisoformat(row["last_day"])] == row["mg_per_day"]
    sessions = [monday + timedelta(days=i.day) for i in items if i.subject == "iTBS"]
    assert sessions
    assert min(sessions) >= start
    assert all(day.weekday() < 5 for day in sessions)


def test_unit_a_plan_over_a_change_of_clocks_a_leap_day_and_a_year_end() -> None:
    plan = moved(date(2027, 12, 20))
    days = [plan.date_of(k) for k in range(plan.rows[-1].day)]
    assert date(2028, 2, 29) in days
    assert date(2028, 1, 1) in days
    assert len(set(days)) == len(days)
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))
    for zone in ZONES:
        # The plan lies across a change of clocks, and its days do not.
        offsets = {datetime(day.year, day.month, day.day, 8, tzinfo=zone).utcoffset() for day in days}
        assert len(offsets) > 1


def test_unit_a_start_on_any_day_of_the_week() -> None:
    for shift in (0, 2, 6):
        start = TODAY + timedelta(days=shift)
        request = read_request("paroxetine 20 mg daily", Options(today=TODAY, start=start))
        assert (request.start, request.monday) == (start, TODAY)
        assert f"at day {shift}" in moved(start).text.splitlines()[0]
