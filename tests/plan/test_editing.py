"""A plan is a value: holding, going back and changing one dose give new plans, checked like the first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.plan.make import finished, taper
from cotreat.plan.request import Options
from cotreat.plan.value import Plan, Refused
from tests.plan.invariants import assert_ledger, assert_limits, assert_list
from tests.plan.requests import QUIET, TODAY


def planned(text: str = "paroxetine 20 mg daily", forms: str = "EU") -> Plan:
    found = taper(text, QUIET, Options(today=TODAY, forms=forms, reason="remission"))  # type: ignore[arg-type]
    assert isinstance(found, Plan)
    return found


PLANS = {"paroxetine": planned(), "diazepam": planned("diazepam 10 mg daily", "UK")}


def sound(found: Plan | Refused) -> Plan:
    assert isinstance(found, Plan), str(found)
    assert_ledger(found)
    assert_list(found)
    assert_limits(found)
    return found


def test_unit_a_hold_moves_what_follows_and_nothing_else() -> None:
    plan = PLANS["paroxetine"]
    held = sound(plan.hold(2, row=3))
    assert [r.mg for r in held.rows] == [r.mg for r in plan.rows]
    assert [r.day for r in held.rows[:3]] == [r.day for r in plan.rows[:3]]
    assert [b.day - a.day for a, b in zip(plan.rows[3:], held.rows[3:], strict=True)] == [14] * (len(plan.rows) - 3)
    assert held.rows[2].kind == "hold"
    assert held.stop == plan.stop + timedelta(days=14)


def test_unit_the_first_plan_stays_as_it_was() -> None:
    plan = PLANS["paroxetine"]
    before = (plan.rows, plan.text)
    plan.hold(4, row=2)
    plan.step_back(row=4)
    assert (plan.rows, plan.text) == before


def test_unit_a_step_back_takes_the_dose_before_for_one_interval() -> None:
    plan = PLANS["paroxetine"]
    back = sound(plan.step_back(row=4, after_days=10))
    assert back.doses == (*plan.doses[:5], plan.doses[3], *plan.doses[4:])
    assert back.rows[3].days == 10
    assert back.rows[4].kind == "step back"
    assert "raise paroxetine" in back.text


def test_unit_a_step_back_from_the_first_cut_is_the_dose_taken_before() -> None:
    back = sound(PLANS["paroxetine"].step_back(row=1))
    assert back.doses[:4] == (20, back.doses[1], 20, back.doses[1])


def test_unit_a_step_back_after_the_stop_is_the_last_dose_again() -> None:
    plan = PLANS["paroxetine"]
    back = sound(plan.step_back(row=len(plan.rows), after_days=1))
    assert back.doses[-3:] == (0, plan.doses[-2], 0)
    assert back.doses.count(0) == 2


def test_unit_one_dose_is_changed_and_the_rest_planned_anew() -> None:
    plan = PLANS["paroxetine"]
    other = sound(plan.with_dose(2, 10))
    assert other.doses[:3] == (plan.doses[0], plan.doses[1], 10)
    assert all(b < a for a, b in pairwise(other.doses))
    assert other.evenness is not None


def test_unit_a_change_that_a_rule_forbids_gives_the_reasons_and_no_plan() -> None:
    found = PLANS["paroxetine"].with_dose(2, 2)
    assert isinstance(found, Refused)
    assert found.reasons[0].startswith("TAP-021")
    assert "paroxetine 2 mg" not in str(found)
    assert "rows" not in found.document()
    stopped = PLANS["diazepam"].with_dose(1, 0)
    assert isinstance(stopped, Refused)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda p: p.with_dose(2, 10.03), "cannot be made"),
        (lambda p: p.with_dose(2, 30), "is not below it"),
        (lambda p: p.with_dose(2, -1), "is not below it"),
        (lambda p: p.with_dose(99, 10), "there is no row 99"),
        (lambda p: p.hold(0), "a hold of 0 weeks"),
        (lambda p: p.hold(1, row=0), "there is no row 0"),
        (lambda p: p.hold(1, row=len(p.rows)), "no dose to hold"),
        (lambda p: p.step_back(row=3, after_days=0), "not 0"),
    ],
)
def test_unit_edits_that_make_no_sense_are_one_clear_line(edit: Callable[[Plan], object], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        edit(PLANS["paroxetine"])
    assert "\n" not in caught.value.message


def test_unit_a_plan_of_hundreds_of_rows_is_refused_with_what_would_work() -> None:
    plan = PLANS["paroxetine"]
    rows = (*[plan.rows[0]] * 200, plan.rows[-1])
    with pytest.raises(InputError, match="201 steps are more than") as caught:
        finished(plan.request, plan.scale, rows, plan.preparations, ())
    assert "--steps-every" in str(caught.value)


def test_unit_a_dose_that_cannot_be_made_names_its_neighbours() -> None:
    with pytest.raises(InputError) as caught:
        PLANS["paroxetine"].with_dose(2, 10.03)
    assert "10 mg" in str(caught.value)
    assert "10.2 mg" in str(caught.value)


def test_unit_without_a_row_the_one_in_force_is_meant() -> None:
    plan = PLANS["paroxetine"]
    assert plan.row_on(date(2026, 1, 1)) == 1
    third = plan.date_of(plan.rows[2].day)
    assert plan.row_on(third) == 3
    assert plan.row_on(third - timedelta(days=1)) == 2
    held = plan.on(third + timedelta(days=3)).hold(1)
    assert isinstance(held, Plan)
    assert held.rows[2].kind == "hold"


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(PLANS)),
    st.lists(st.tuples(st.sampled_from(["hold", "back", "dose"]), st.integers(1, 6), st.integers(1, 8)), max_size=3),
)
def test_property_edited_plans_keep_every_promise(name: str, edits: list[tuple[str, int, int]]) -> None:
    plan = PLANS[name]
    for what, row, amount in edits:
        try:
            found = (
                plan.hold(amount, row=row)
                if what == "hold"
                else plan.step_back(row=row)
                if what == "back"
                else plan.with_dose(row, round(plan.doses[row] * (1 - 0.02 * amount), 1))
            )
        except InputError:
            continue
        if isinstance(found, Plan):
            plan = sound(found)
        else:
            assert found.reasons
