"""Doses in the ledger are the doses in the sentence: counted again, day by day, with the standard calendar."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Item
from cotreat.regimen.parse import parse

MONDAY = date(2024, 1, 1)
DAYS = {2: "Mon Thu", 3: "Mon Wed Fri", 4: "Mon Tue Thu Fri", 5: "Mon Tue Wed Thu Fri", 6: "Mon Tue Wed Thu Fri Sat"}
STRETCH = st.tuples(
    st.sampled_from(["daily", "week", "every weeks", "every days"]),
    st.integers(2, 6),
    st.integers(1, 3),
    st.integers(1, 80),
)


def words(kind: str, n: int, times: int, length: int) -> str:
    """One stretch of a course, in words."""
    often = {1: "", 2: "twice daily", 3: "3 times a day"}[times]
    days = {
        "daily": often or "daily",
        "week": f"{n} days a week",
        "every weeks": f"every {n} weeks",
        "every days": f"every {n} days",
    }[kind]
    pattern = days if kind == "daily" or not often else f"{often}, {days}"
    return f"{pattern} for {length} days"


def counted(kind: str, n: int, start: int, end: int) -> list[int]:
    """Days of a stretch, found by looking at every day's name."""
    found: list[int] = []
    first: date | None = None
    for day in range(start, end):
        today = MONDAY + timedelta(days=day)
        name = today.strftime("%a")
        if kind == "week":
            if name in DAYS[n].split():
                found.append(day)
            continue
        if first is None and not (kind == "every weeks" and name in ("Sat", "Sun")):
            first = today
        step = {"daily": 1, "every days": n, "every weeks": 7 * n}[kind]
        if first is not None and (today - first).days % step == 0:
            found.append(day)
    return found


def items(text: str, subject: str, horizon: int = 700) -> list[Item]:
    return [i for p in expand(parse(text), horizon).phases for i in p.items if i.subject == subject]


@given(st.lists(STRETCH, min_size=1, max_size=3))
def test_property_sessions_of_a_course(stretches: list[tuple[str, int, int, int]]) -> None:
    text = "tDCS " + " then ".join(words(*s) for s in stretches)
    expected: list[int] = []
    start = 0
    for kind, n, times, length in stretches:
        expected += [d for d in counted(kind, n, start, start + length) for _ in range(times)]
        start += length
    assert Counter(i.day for i in items(text, "tDCS")) == Counter(expected)


@given(STRETCH, st.integers(0, 60), st.sampled_from([1.0, 2.5, 5.0]))
def test_property_milligrams_of_a_drug(stretch: tuple[str, int, int, int], start: int, dose: float) -> None:
    kind, n, times, length = stretch
    text = f"iTBS weekly for 1 week\ndiazepam {dose:g} mg {words(*stretch)} from day {start}"
    expected = len(counted(kind, n, start, start + length)) * times * dose
    assert sum(i.amount for i in items(text, "diazepam")) == expected


@given(st.integers(1, 12), st.integers(1, 6), st.integers(2, 6))
def test_property_one_dose_for_each_session_of_the_first_weeks(weeks: int, first: int, n: int) -> None:
    text = (
        f"iTBS {n} days a week for {weeks} weeks\n"
        f"D-cycloserine 100 mg 90 minutes before each iTBS session for the first {first} weeks"
    )
    assert len(items(text, "iTBS")) == n * weeks
    assert len(items(text, "D-cycloserine")) == n * min(weeks, first)


@given(st.integers(1, 30), st.integers(2, 6))
def test_property_a_limit_is_the_number_of_sessions(cap: int, n: int) -> None:
    text = f"ECT {n} times a week until remission, at most {cap} sessions"
    found = items(text, "ECT")
    assert len(found) == cap
    assert [i.day for i in found] == counted("week", n, 0, 400)[:cap]


@given(st.integers(1, 40), st.integers(1, 8))
def test_property_taper_gives_every_day_once_and_never_more_than_before(weeks: int, step: int) -> None:
    step = min(step, weeks)
    text = f"taper diazepam 20 mg daily to 0 over {weeks} weeks, steps every {step} weeks"
    found = items(text, "diazepam")
    assert [i.day for i in found] == list(range(7 * weeks))
    amounts = [i.amount for i in found]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] == 20.0
    assert len(set(amounts)) == -(-weeks // step)
