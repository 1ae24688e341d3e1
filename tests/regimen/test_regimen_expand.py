"""Days, hours, phases and transitions of single sentences, against hand counts."""

from __future__ import annotations

import pytest
from hypothesis import given as given_regimens

import cotreat.regimen.expand as expand_module
from cotreat.measures.errors import InputError
from cotreat.regimen.calendar import capped, next_day, pattern_days, spread_days, visits
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Before, Item, Ledger, Rule
from cotreat.regimen.parse import parse
from cotreat.regimen.values import Frequency, Regimen
from cotreat.regimen.walk import FAR
from tests.regimen.sentences import SENTENCES
from tests.regimen.strategies import regimens


def given(text: str, subject: str, horizon: int = 364) -> list[Item]:
    """Items of a subject in the entry phases."""
    ledger = expand(parse(text), horizon)
    return [i for p in ledger.first for i in ledger.phases[p].items if i.subject == subject]


def days(text: str, subject: str, horizon: int = 364) -> list[int]:
    return [i.day for i in given(text, subject, horizon)]


# ---- the calendar -----------------------------------------------------------------------------------------------


def test_unit_continuation_ect_is_seventeen_sessions() -> None:
    found = days("ECT weekly for 4 weeks, every 2 weeks for 8 weeks, then monthly for 36 weeks", "ECT")
    assert found == [0, 7, 14, 21, 28, 42, 56, 70, 84, 112, 140, 168, 196, 224, 252, 280, 308]


@pytest.mark.parametrize("order", [1, -1])
def test_unit_d_cycloserine_is_ninety_minutes_before_its_session(order: int) -> None:
    lines = [
        "iTBS 600 pulses at 120 % rMT to left DLPFC once daily, 5 days a week, for 6 weeks",
        "D-cycloserine 100 mg 90 minutes before each iTBS session for the first 2 weeks",
    ][::order]
    text = "\n".join(lines)
    sessions, doses = given(text, "iTBS"), given(text, "D-cycloserine")
    assert len(sessions) == 30
    assert len(doses) == 10
    assert [(s.day * 24 + s.hour) - (d.day * 24 + d.hour) for s, d in zip(sessions, doses, strict=False)] == [1.5] * 10


@pytest.mark.parametrize(
    ("often", "expected"),
    [
        ("5 days a week", [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]),
        ("3 times a week", [0, 2, 4, 7, 9, 11]),
        ("twice a week", [0, 3, 7, 10]),
        ("4 times a week", [0, 1, 3, 4, 7, 8, 10, 11]),
        ("6 days a week", [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]),
        ("daily", list(range(14))),
        ("every 3 days", [0, 3, 6, 9, 12]),
        ("weekly", [0, 7]),
        ("every 2 weeks", [0]),
    ],
)
def test_unit_weekdays(often: str, expected: list[int]) -> None:
    assert days(f"iTBS {often} for 2 weeks", "iTBS") == expected


def test_unit_monthly_is_28_days() -> None:
    assert days("ECT monthly for 12 weeks", "ECT") == [0, 28, 56]


def test_unit_spread_over_weekdays() -> None:
    found = days("rTMS 10 Hz 25 sessions over 8 weeks", "rTMS")
    weekdays = [7 * (k // 5) + k % 5 for k in range(40)]
    assert found == [weekdays[40 * k // 25] for k in range(25)]


@pytest.mark.parametrize(
    ("often", "hours"),
    [
        ("daily", [8.0]),
        ("twice daily", [8.0, 20.0]),
        ("3 times a day", [8.0, 14.0, 20.0]),
    ],
)
def test_unit_hours_of_doses(often: str, hours: list[float]) -> None:
    assert [i.hour for i in given(f"diazepam 2 mg {often} for 1 day", "diazepam")] == hours


def test_unit_hours_of_sessions_and_clinic_doses() -> None:
    assert [i.hour for i in given("iTBS 10 times a day for 1 day", "iTBS")] == [10.0 + k for k in range(10)]
    assert {i.hour for i in given("ketamine 0.5 mg/kg IV over 40 minutes weekly for 2 weeks", "ketamine")} == {10.0}
    assert {i.hour for i in given("esketamine 84 mg nasal weekly for 2 weeks", "esketamine")} == {10.0}


def test_unit_week_and_day() -> None:
    assert days("iTBS weekly for 1 week\nlithium to 0.7 mmol/L for 1 week from week 6", "lithium") == list(
        range(35, 42)
    )
    assert days("iTBS weekly for 1 week\nlithium to 0.7 mmol/L for 2 days from day 5", "lithium") == [5, 6]


def test_unit_weekly_counts_from_the_first_session_moved_to_monday() -> None:
    text = "iTBS weekly for 1 week\nECT weekly for 2 weeks from day 5"
    assert days(text, "ECT") == [7, 14]


# ---- day 0 ------------------------------------------------------------------------------------------------------


def test_unit_day_zero_is_the_first_stimulation() -> None:
    text = "escitalopram 10 mg daily from 4 weeks before iTBS for 26 weeks\niTBS 5 days a week for 6 weeks"
    assert days(text, "iTBS")[0] == 0
    assert days(text, "escitalopram") == list(range(-28, -28 + 182))
    assert expand(parse(text)).lead_in == 28


def test_unit_day_zero_moves_everything_undated() -> None:
    text = "escitalopram 10 mg daily for 10 days\nthen iTBS 5 days a week for 1 week\nCBT weekly for 4 weeks"
    assert days(text, "escitalopram") == list(range(-10, 0))
    assert days(text, "iTBS") == [0, 1, 2, 3, 4]
    assert days(text, "CBT") == [-10, -3, 4, 11]  # day -10 is a Friday


def test_unit_dated_stimulation_leaves_day_zero_to_the_first_item() -> None:
    text = "escitalopram 10 mg daily\niTBS 5 days a week for 1 week from week 3"
    assert days(text, "escitalopram")[0] == 0
    assert days(text, "iTBS") == [14, 15, 16, 17, 18]


def test_unit_day_zero_without_stimulation_is_the_first_item() -> None:
    text = "escitalopram 10 mg daily for 4 weeks\nlithium to 0.7 mmol/L for 1 week from 2 weeks before escitalopram"
    assert days(text, "lithium")[0] == 0
    assert days(text, "escitalopram")[0] == 14


# ---- what hangs on what -----------------------------------------------------------------------------------------


def test_unit_from_the_last_session_includes_that_day() -> None:
    text = "iTBS 5 days a week for 6 weeks\nescitalopram 10 mg daily for 26 weeks from the last iTBS"
    assert days(text, "escitalopram")[0] == 39


def test_unit_hold_leaves_out_the_dose_before_the_session() -> None:
    hold = "hold lorazepam from 24 hours before each ECT session"
    text = f"lorazepam 1 mg twice daily\nECT 3 times a week for 1 week\n{hold}"
    found = {(i.day, i.hour) for i in given(text, "lorazepam", 7)}
    held = {(d, h) for d in range(7) for h in (8.0, 20.0)} - found
    assert held == {(0, 8.0), (1, 20.0), (2, 8.0), (3, 20.0), (4, 8.0)}


def test_unit_raise_changes_the_dose_on_its_day() -> None:
    text = (
        "iTBS 5 days a week for 6 weeks\nescitalopram 10 mg daily from 2 weeks before iTBS for 4 weeks\n"
        "raise escitalopram from 10 mg to 20 mg daily at the first iTBS"
    )
    found = {i.day: i.amount for i in given(text, "escitalopram")}
    assert found == {d: (10.0 if d < 0 else 20.0) for d in range(-14, 14)}


def test_unit_raise_of_a_drug_from_before() -> None:
    ledger = expand(parse("iTBS 5 days a week for 6 weeks\nraise escitalopram from 10 mg to 20 mg daily at week 3"), 42)
    assert ledger.before == (Before("escitalopram", 10.0, "mg", 2),)
    found = {i.day: i.amount for p in ledger.phases for i in p.items if i.subject == "escitalopram"}
    assert found == {d: (10.0 if d < 14 else 20.0) for d in range(42)}


def test_unit_linear_taper() -> None:
    ledger = expand(parse("taper diazepam 20 mg daily to 0 over 20 weeks, steps every 2 weeks"))
    (phase,) = ledger.phases
    assert {i.day: i.amount for i in phase.items} == {d: 20.0 - 2 * (d // 14) for d in range(140)}
    assert [m.day for m in phase.marks if m.kind == "cut"] == [14 * k for k in range(1, 11)]
    assert [m.day for m in phase.marks if m.kind == "taper end"] == [140]
    assert ledger.before == (Before("diazepam", 20.0, "mg", 1),)


def test_unit_taper_by_occupancy_falls_in_equal_steps_of_occupancy() -> None:
    # Venlafaxine XR, striatum: half-maximal dose 5.80 mg a day.
    found = given("taper venlafaxine 225 mg daily to 0 over 24 weeks by occupancy, steps every 2 weeks", "venlafaxine")
    occupancy = [found[14 * k].amount / (5.80 + found[14 * k].amount) for k in range(12)]
    steps = [a - b for a, b in zip(occupancy, [*occupancy[1:], 0.0], strict=True)]
    assert max(steps) - min(steps) < 1e-3


def test_unit_switch_crosses_over() -> None:
    text = "switch sertraline 120 mg daily to venlafaxine 75 mg daily over 2 weeks"
    old, new = given(text, "sertraline"), given(text, "venlafaxine")
    assert {i.day: i.amount for i in old} == {d: (80.0 if d < 7 else 40.0) for d in range(14)}
    assert [new[d].amount for d in (0, 7, 14, 300)] == [25.0, 50.0, 75.0, 75.0]


def test_unit_until_the_taper_ends() -> None:
    text = (
        "taper diazepam 20 mg daily to 0 over 20 weeks, steps every 2 weeks\n"
        "iTBS 5 days a week for 5 weeks then 2 days a week until the taper ends"
    )
    found = days(text, "iTBS")
    assert len(found) == 25 + 2 * 15
    assert found[-1] == 136


def test_unit_around_each_cut() -> None:
    text = (
        "taper diazepam 20 mg daily to 0 over 20 weeks, steps every 10 weeks\n"
        "CBT weekly for 1 week\nexercise daily from 1 week before to 2 weeks after each cut"
    )
    assert days(text, "exercise") == [*range(63, 84), *range(133, 154)]


# ---- decisions --------------------------------------------------------------------------------------------------

AFTER_ECT = (
    "ECT bitemporal 3 times a week until remission, at most 12 sessions\n"
    "then nortriptyline to 100 ng/mL for 24 weeks\nand lithium to 0.7 mmol/L for 24 weeks"
)


def test_unit_until_remission_with_a_limit() -> None:
    ledger = expand(parse(AFTER_ECT))
    assert ledger.first == (0,)
    first, after = ledger.phases
    assert [i.day for i in first.items] == [0, 2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 25]
    assert first.items[0].details == (("placement", "bitemporal"),)
    assert first.length == 28
    assert [(t.phase, t.day, t.rule, t.set_phases) for t in ledger.transitions] == [
        (0, 7, Rule("remission"), ((0, 1),)),
        (0, 14, Rule("remission"), ((0, 1),)),
        (0, 21, Rule("remission"), ((0, 1),)),
        (0, 28, Rule(), ((0, 1),)),
    ]
    assert after.length == 168
    assert [(i.day, i.kind, i.hour) for i in after.items if i.subject == "lithium"] == [
        (d, "level", 0.0) for d in range(168)
    ]


def test_unit_nothing_more_is_a_phase() -> None:
    ledger = expand(parse("ECT 3 times a week until remission, at most 12 sessions"))
    assert [(p.items == (), p.length) for p in ledger.phases] == [(False, 28), (True, 0)]
    assert ledger.phases[1].label == "nothing more"


def test_unit_without_a_limit_the_phase_goes_to_the_horizon() -> None:
    ledger = expand(parse("ECT 3 times a week until remission"), 70)
    assert ledger.phases[0].length is None
    assert [i.day for i in ledger.phases[0].items][-1] == 67
    assert [t.day for t in ledger.transitions] == list(range(7, 71, 7))
    assert all(t.rule == Rule("remission") for t in ledger.transitions)


def test_unit_assessed_before_each_session() -> None:
    course = "ECT 3 times a week until remission, at most 6 sessions, assessed before each session"
    text = f"{course}\nthen ECT weekly for 2 weeks"
    ledger = expand(parse(text))
    asked = [(t.day, t.rule.outcome) for t in ledger.transitions if t.phase == 0]
    assert asked == [(d, "remission") for d in (2, 4, 7, 9, 11)] + [(14, None)]
    by_weekday = {ledger.phases[t.set_phases[0][1]].start_weekday for t in ledger.transitions if t.phase == 0}
    assert by_weekday == {0, 2, 4}
    assert all([i.day for i in p.items] == [0, 7] for p in ledger.phases[1:4])


def test_unit_a_phase_begins_on_the_first_day_its_pattern_allows() -> None:
    text = "ECT 3 times a week until remission, assessed before each session\nthen iTBS twice a week for 1 week"
    ledger = expand(parse(text))
    # From Monday: Monday and Thursday; from Wednesday: Thursday and Monday; from Friday: Monday and Thursday.
    assert {p.start_weekday: [i.day for i in p.items] for p in ledger.phases if p.label.startswith("iTBS")} == {
        0: [0, 3],
        2: [1, 5],
        4: [3, 6],
    }


def test_unit_branch_that_stops_what_failed() -> None:
    text = (
        "iTBS 5 days a week for 6 weeks\nescitalopram 10 mg daily\n"
        "if no response to iTBS by week 4 then ECT 3 times a week for 2 weeks"
    )
    ledger = expand(parse(text))
    (step,) = ledger.transitions
    assert (step.phase, step.day, step.rule) == (ledger.first[0], 28, Rule("response", True, "iTBS"))
    branch = ledger.phases[dict(step.set_phases)[ledger.phases[step.phase].track]]
    assert {i.subject for i in branch.items} == {"ECT"}
    assert len([i for p in ledger.first for i in ledger.phases[p].items if i.subject == "escitalopram"]) == 364
    assert any("stops iTBS" in n for n in ledger.notes)


def test_unit_branch_without_to_stops_nothing_and_says_so() -> None:
    text = "iTBS 5 days a week for 6 weeks\nif no response by week 4 then lithium to 0.7 mmol/L"
    ledger = expand(parse(text))
    assert any("nothing stops" in n for n in ledger.notes)
    assert len(ledger.first) == 2
    (step,) = ledger.transitions
    assert {track for track, _ in step.set_phases} == {1}


def test_unit_start_decided_at_a_visit() -> None:
    text = (
        "ECT 3 times a week until remission, at most 12 sessions\n"
        "lithium to 0.7 mmol/L from the first ECT\nCBT weekly for 12 weeks from the last ECT\n"
        "lorazepam 1 mg daily\nstop lorazepam at the last ECT"
    )
    ledger = expand(parse(text))
    first = ledger.phases[0]
    assert {i.subject for i in first.items} == {"ECT", "lorazepam"}
    (after,) = {t.set_phases for t in ledger.transitions}
    phase = ledger.phases[dict(after)[first.track]]
    assert [i.day for i in phase.items] == list(range(0, 84, 7))
    assert {i.subject for i in phase.items} == {"CBT"}
    assert [m.kind for m in phase.marks] == ["stop"]


def test_unit_open_ended_parts_go_on_after_a_decision() -> None:
    course = "ECT 3 times a week until remission, at most 12 sessions"
    text = f"{course}\nand lithium to 0.7 mmol/L\nthen CBT weekly for 4 weeks"
    ledger = expand(parse(text))
    after = ledger.phases[1]
    assert after.length is None
    assert [i.day for i in after.items if i.subject == "lithium"] == list(range(364))


def test_unit_bounded_parts_carry_what_is_left_into_each_path() -> None:
    text = "ECT 3 times a week until remission, at most 6 sessions\nand lithium to 0.7 mmol/L for 5 weeks"
    ledger = expand(parse(text))
    left = {t.day: ledger.phases[t.set_phases[0][1]].length for t in ledger.transitions if t.phase == 0}
    assert left == {7: 28, 14: 21}


def test_unit_two_decisions_one_implies_the_other() -> None:
    text = "ECT 3 times a week until response\nand CBT weekly until remission\nand exercise weekly until remission"
    ledger = expand(parse(text), 28)
    at_first = [t for t in ledger.transitions if t.phase == 0 and t.day == 7]
    assert [t.rule.outcome for t in at_first] == ["remission", "response"]
    assert ledger.phases[at_first[0].set_phases[0][1]].label == "nothing more"
    assert "CBT" in ledger.phases[at_first[1].set_phases[0][1]].label


def test_unit_many_decisions_share_phases() -> None:
    text = (
        "ECT 3 times a week until remission\nthen lithium to 0.7 mmol/L until relapse\n"
        "then ECT 3 times a week until remission\nthen venlafaxine 150 mg daily until relapse\n"
        "then ECT weekly until remission"
    )
    assert len(expand(parse(text)).phases) == 6


@pytest.mark.parametrize("text", SENTENCES)
def test_property_every_ledger_is_well_formed(text: str) -> None:
    well_formed(expand(parse(text)))


def well_formed(ledger: Ledger) -> None:
    """What an engine may rely on."""
    tracks = range(len(ledger.first))
    assert [ledger.phases[i].track for i in ledger.first] == list(tracks)
    for number, phase in enumerate(ledger.phases):
        entry = number in ledger.first
        assert all(entry or i.day >= 0 for i in phase.items)
        assert all(phase.length is None or i.day < phase.length for i in phase.items)
        assert all(i.day < ledger.horizon and 0 <= i.hour < 24 for i in phase.items)
        assert list(phase.items) == sorted(phase.items, key=lambda i: (i.day, i.hour, i.line, i.subject))
        assert not entry or phase.start_weekday == 0
    reached = set(ledger.first)
    for t in ledger.transitions:
        phase = ledger.phases[t.phase]
        assert phase.length is None or t.day <= phase.length
        for track, target in t.set_phases:
            assert ledger.phases[target].track == track
            reached.add(target)
            if track == phase.track:
                assert ledger.phases[target].start_weekday == (phase.start_weekday + t.day) % 7
    assert reached == set(range(len(ledger.phases)))


def test_unit_horizon_is_checked() -> None:
    for horizon in (0, -7, 100_000):
        with pytest.raises(InputError, match="horizon"):
            expand(parse("ECT weekly for 4 weeks"), horizon)


# ---- pieces -----------------------------------------------------------------------------------------------------


def test_unit_visits_are_on_mondays_after_a_day() -> None:
    assert list(visits(0, 21)) == [7, 14, 21]
    assert list(visits(9, 21)) == [14, 21]
    assert list(visits(-10, 7)) == [-7, 0, 7]


def test_unit_a_limit_ends_at_the_first_visit_after_the_last_session() -> None:
    thrice = Frequency(1, "days a week", 3)
    assert capped(thrice, 0, 12, each_session=False) == (26, 28)
    assert capped(thrice, 0, 13, each_session=False) == (29, 35)
    assert capped(thrice, 0, 12, each_session=True) == (26, 28)


@pytest.mark.parametrize("pattern", [("every days", 1), ("every days", 5), ("days a week", 3), ("every weeks", 2)])
def test_property_next_day_agrees_with_the_pattern(pattern: tuple[str, int]) -> None:
    frequency = Frequency(1, pattern[0], pattern[1])  # type: ignore[arg-type]
    for start in range(-9, 9):
        found = list(pattern_days(frequency, start, start + 120))
        for day in range(start, start + 60):
            assert next_day(frequency, start, day) == min(d for d in found if d >= day)


def test_unit_spread_never_falls_on_a_weekend() -> None:
    assert all(d % 7 < 5 for start in range(7) for d in spread_days(17, start, start + 56))


def test_unit_two_holds_of_one_drug() -> None:
    text = (
        "lorazepam 1 mg daily\nECT 3 times a week for 4 weeks\nhold lorazepam from 24 hours before each ECT session\n"
        "hold lorazepam for 3 weeks from week 1"
    )
    assert days(text, "lorazepam", 30) == [22, 24, 26, 27, 28, 29]


def test_unit_a_taper_follows_its_course_without_a_gap() -> None:
    text = "venlafaxine 75 mg daily for 8 weeks\nthen taper venlafaxine 75 mg daily to 0 over 5 weeks"
    found = {i.day: i.amount for i in given(text, "venlafaxine")}
    assert found == {d: 75.0 - 15 * max(0, (d - 56) // 7) for d in range(56 + 35)}
    assert expand(parse(text)).before == ()


def test_unit_the_drug_from_before_goes_on_until_a_taper_that_a_visit_begins() -> None:
    text = "ECT 3 times a week until remission, at most 12 sessions\nthen taper diazepam 10 mg daily to 0 over 2 weeks"
    ledger = expand(parse(text))
    assert [i.amount for i in ledger.phases[0].items if i.subject == "diazepam"] == [10.0] * 364
    assert [i.amount for i in ledger.phases[1].items if i.subject == "diazepam"] == [10.0] * 7 + [5.0] * 7
    assert ledger.before == (Before("diazepam", 10.0, "mg", 2),)


def test_unit_a_branch_may_change_a_drug() -> None:
    text = (
        "escitalopram 10 mg daily\niTBS 5 days a week for 6 weeks\n"
        "if no response by week 4 then raise escitalopram from 10 mg to 20 mg daily"
    )
    ledger = expand(parse(text), 42)
    raised = {t.set_phases[0][1] for t in ledger.transitions}
    assert [{i.amount for i in ledger.phases[p].items} for p in raised] == [{20.0}]
    assert [m.kind for p in raised for m in ledger.phases[p].marks] == ["raise"]


def test_unit_a_branch_cuts_spread_sessions_short_and_does_not_crowd_them() -> None:
    text = "rTMS 10 Hz 20 sessions over 8 weeks\nif response to rTMS by week 4 then lithium to 0.7 mmol/L"
    ledger = expand(parse(text))
    assert [i.day for i in ledger.phases[0].items] == days("rTMS 10 Hz 20 sessions over 8 weeks", "rTMS")


@given_regimens(regimens())
def test_property_paths_that_repeat_are_those_that_would_be_followed(regimen: Regimen) -> None:
    quick = expand(regimen, 140)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expand_module._Course, "_settled", lambda self, walk, runs: (FAR, 7))
        patch.setattr(expand_module, "MOST_WALKS", 10**6)
        assert expand(regimen, 140) == quick
