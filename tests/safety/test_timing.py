"""Rules see the plan in time: what overlaps, what has washed out, and every way a decision can go."""

from __future__ import annotations

import pytest

from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.safety import paths
from cotreat.safety.check import PLANNING, CheckOptions, Verdict, check
from cotreat.safety.course import Course
from cotreat.safety.pack import load_pack
from cotreat.safety.paths import reachable
from cotreat.safety.patient import read_patient
from cotreat.safety.truth import Range
from tests.safety.people import person

HOLD = "hold lorazepam from 24 hours before each ECT session"
QUIET = read_patient(person())


def verdict(plan: str) -> Verdict:
    return check(parse(plan), QUIET, CheckOptions(stages=PLANNING))


def holds(plan: str, rule: str) -> object:
    found = verdict(plan).finding(rule)
    assert found is not None
    return found.holds


def courses(plan: str) -> list[Course]:
    return [Course(path, load_pack()) for path in reachable(expand(parse(plan))).every]


@pytest.mark.parametrize(("gap_weeks", "expected"), [(0, True), (2, False)])
def test_unit_a_drug_stopped_before_the_course_does_not_overlap(gap_weeks: int, expected: bool) -> None:
    # Bupropion: half-life 21 h, hydroxybupropion 20 h, so it is gone within five days.
    first = 7 + 7 * gap_weeks
    assert (
        holds(f"bupropion 150 mg daily for 1 week\niTBS 5 days a week for 2 weeks from day {first}", "TMS-020")
        is expected
    )


def test_unit_washout_comes_from_the_half_life_with_its_metabolites() -> None:
    [course] = courses(
        "bupropion 150 mg daily for 1 week\ndiazepam 5 mg daily for 1 week\nphenelzine 15 mg daily for 1 week"
    )
    assert course.washout("bupropion") == pytest.approx(5 * 21 / 24)
    assert course.washout("diazepam") == Range(5 * 42 / 24, 5 * 200 / 24)
    assert course.washout("phenelzine") == Range(0, 35)
    assert course.still_acts("bupropion", 6) is True
    assert course.still_acts("bupropion", 11) is False
    assert course.still_acts("diazepam", 30) is None
    assert course.still_acts("diazepam", 60) is False


def test_unit_a_drug_that_begins_after_the_course_does_not_overlap() -> None:
    assert holds("iTBS 5 days a week for 2 weeks\nbupropion 150 mg daily from week 5", "TMS-020") is False
    assert holds("iTBS 5 days a week for 2 weeks\nbupropion 150 mg daily from week 2", "TMS-020") is True


def test_unit_every_branch_is_looked_at() -> None:
    plan = (
        "iTBS 5 days a week for 6 weeks\nif no response to iTBS by week 4 then ECT 3 times a week for 4 weeks\n"
        "lithium 600 mg daily from week 5"
    )
    found = verdict(plan)
    fired = {f.rule.id for f in found.fired()}
    assert "ECT-005" in fired


def test_unit_decisions_on_two_tracks_are_combined() -> None:
    plan = "ECT 3 times a week until remission, at most 6 sessions\nCBT weekly until response, at most 3 sessions"
    found = reachable(expand(parse(plan)))
    assert found.whole
    assert len(found.every) == len({(p.items, p.marks) for p in found.every}) > 4


def test_unit_a_drug_after_the_last_session_may_begin_on_several_days() -> None:
    plan = "ECT 3 times a week until remission, at most 12 sessions\nthen bupropion 150 mg daily for 4 weeks"
    starts = {course.drugs["bupropion"].days[0] for course in courses(plan)}
    assert starts == {7, 14, 21, 28}
    assert holds(plan, "ECT-008") is False


def test_unit_too_many_ways_leave_quiet_rules_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = "ECT 3 times a week until remission, at most 12 sessions\nlithium 600 mg daily"
    monkeypatch.setattr(paths, "MOST_PATHS", 2)
    found = verdict(plan)
    quiet, fired = found.finding("ECT-008"), found.finding("ECT-005")
    assert quiet is not None
    assert fired is not None
    assert (quiet.verdict, fired.verdict) == ("not checked", "fired")
    assert found.notes


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ("ECT 3 times a week for 2 weeks\nlorazepam 1 mg daily", True),
        (
            f"ECT 3 times a week for 2 weeks\nlorazepam 1 mg daily\n{HOLD}",
            False,
        ),
    ],
)
def test_unit_a_hold_before_each_session_is_seen(plan: str, expected: bool) -> None:
    assert holds(plan, "ECT-001") is expected


def test_unit_a_hold_is_no_stop_and_no_cut() -> None:
    [course] = courses(f"ECT 3 times a week for 4 weeks\nlorazepam 1 mg twice daily for 6 weeks\n{HOLD}")
    assert [c.kind for c in course.drugs["lorazepam"].changes] == ["start", "end"]


def test_unit_sham_sessions_stimulate_nobody() -> None:
    assert verdict("sham iTBS 5 days a week for 2 weeks\nbupropion 150 mg daily").finding("TMS-020") is None


def test_unit_a_ledger_that_is_shorter_than_a_taper_shows_no_abrupt_stop() -> None:
    ledger = expand(parse("taper diazepam 20 mg daily to 0 over 80 weeks, steps every 4 weeks"), 364)
    found = check(ledger, QUIET).finding("TAP-001")
    assert found is not None
    assert found.holds is False


def test_unit_an_exchange_of_benzodiazepines_is_no_reduction() -> None:
    plan = "switch lorazepam 2 mg daily to diazepam 20 mg daily over 2 weeks"
    assert holds(plan, "TAP-002") is False
    assert holds(plan, "TAP-001") is False


@pytest.mark.parametrize(("days", "expected"), [(5, False), (6, True)])
def test_unit_lamotrigine_gap(days: int, expected: bool) -> None:
    plan = f"lamotrigine 100 mg daily for 4 weeks\nlamotrigine 100 mg daily for 4 weeks from day {28 + days}"
    assert holds(plan, "CMB-036") is expected


def test_unit_a_weekly_infusion_acts_on_its_day_only() -> None:
    plan = "rTMS every 2 weeks for 8 weeks\nketamine 0.5 mg/kg IV over 40 minutes weekly for 8 weeks from day 2"
    assert holds(plan, "TMS-020") is False
    assert holds(plan.replace(" from day 2", ""), "TMS-020") is True


def test_unit_an_empty_plan_is_checked_too() -> None:
    assert check(parse(""), QUIET).findings
