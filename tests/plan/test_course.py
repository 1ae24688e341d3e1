"""A whole course from a file: days, rules, refusals, and what groups did."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.commands.plan import plan as command
from cotreat.measures.errors import InputError
from cotreat.plan.course import Course, RefusedCourse, course
from cotreat.plan.course_document import course_document, course_material, outlook_lines
from cotreat.plan.course_file import load_course, read_course
from cotreat.plan.documents.sheets import clinic_plan, patient_sheet
from cotreat.plan.documents.write import files
from cotreat.plan.outlook import outlook, shares
from cotreat.regimen.parse import parse
from tests.plan.documented import EXAMPLE, example, example_material
from tests.plan.requests import TODAY
from tests.safety.people import person

FILE: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))


def planned(**changes: Any) -> Course | RefusedCourse:
    document = {k: v for k, v in ({**FILE, **changes}).items() if v is not None}
    return course(read_course(document), TODAY)


def made(**changes: Any) -> Course:
    found = planned(**changes)
    assert isinstance(found, Course), found.reasons
    return found


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command, ["course", *arguments], standalone_mode=False)


def test_unit_the_example_is_planned_written_and_takes_seconds(tmp_path: Path) -> None:
    begun = time.process_time()
    shown = run(str(EXAMPLE), "--today", "2026-11-23", "--out", str(tmp_path / "out"), "--lang", "ja")
    assert time.process_time() - begun < 10
    assert shown.return_value == 0, shown.output
    assert "not a medical device" not in shown.output
    assert "医療機器ではありません" in shown.output
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert {
        "plan.json",
        "clinic-plan.pdf",
        "patient-sheet.pdf",
        "pharmacy-list.pdf",
        "calendar.ics",
        "fhir.json",
    } < names
    document = json.loads((tmp_path / "out" / "plan.json").read_text())
    again = run(*document["provenance"]["command"].split()[3:], "--json")
    assert json.loads(again.output) == document


def test_unit_every_session_is_on_an_open_day_and_none_is_lost() -> None:
    found = example()
    clinic = found.wish.clinic
    days = [e.day for e in found.events if e.kind == "session" and e.what == "iTBS"]
    assert len(days) == len(set(days)) == 30
    assert all(clinic.why_closed(d) is None for d in days)
    assert {m.old for m in found.moves} == {
        date(2026, 12, 24),
        date(2026, 12, 25),
        date(2026, 12, 31),
        date(2027, 1, 1),
    }
    text = clinic_plan(example_material()).text
    assert "iTBS of 2026-12-25 is on 2027-01-12: Christmas Day" in text


@settings(max_examples=8, deadline=None)
@given(week=st.integers(0, 450), country=st.sampled_from(["JP", "KR", "US", "EU", "DE-BY", None]))
def test_property_a_course_keeps_its_sessions_over_leap_days_and_year_ends(week: int, country: str | None) -> None:
    start = date(2026, 11, 30) + timedelta(weeks=week)
    document = {
        "start": start.isoformat(),
        "clinic": {"days": "Mon Wed Fri", "country": country, "hour": "02:30", "zone": "Europe/Berlin"},
        "treatment": "CBT weekly for 16 weeks\nexercise daily for 16 weeks",
        "patient": person(),
    }
    found = course(read_course(document), start - timedelta(days=1))
    assert isinstance(found, Course), found.reasons
    days = {what: [e.day for e in found.events if e.what == what] for what in ("CBT", "exercise")}
    assert len(set(days["CBT"])) == 16
    assert all(found.wish.clinic.why_closed(d) is None for d in days["CBT"])
    assert days["exercise"] == [start + timedelta(days=k) for k in range(112)]


def test_unit_tapers_begin_in_their_week_and_the_whole_is_one_regimen() -> None:
    found = example()
    [plan] = found.tapers
    assert plan.request.start == found.start + timedelta(days=14)
    assert "at day 14" in found.text
    assert {s.split()[1] for s in found.text.splitlines() if s.startswith(("lower", "stop"))} == {"sertraline"}
    assert str(parse(found.text))


def test_unit_the_motor_threshold_is_measured_after_each_change_while_sessions_go_on() -> None:
    found = example()
    last = max(e.day for e in found.events if e.kind == "session" and e.what == "iTBS")
    [plan] = found.tapers
    cuts = [plan.date_of(r.day) for r in plan.rows if plan.date_of(r.day) <= last]
    checks = [e.day for e in found.events if e.kind == "threshold"]
    assert len(checks) == len(cuts)
    assert all(c <= d < c + timedelta(days=7) for c, d in zip(cuts, checks, strict=True))


def test_unit_ratings_are_due_as_often_as_asked_and_say_what_they_look_back_over() -> None:
    days = [e.day for e in example().events if e.kind == "rating"]
    assert days[:3] == [date(2026, 11, 30), date(2026, 12, 14), date(2026, 12, 28)]
    assert "looks back" not in " ".join(example().remarks)
    weekly = made(ratings=[{"scale": "PHQ-9", "every": "1w", "until": "4w"}])
    assert len([e for e in weekly.events if e.kind == "rating"]) == 5
    assert any("looks back over 14 days" in r for r in weekly.remarks)


def test_unit_stimulation_only_around_the_cuts() -> None:
    order = "iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 1 week"
    found = made(treatment="CBT weekly for 12 weeks", around_cuts=order, outlook=None)
    [plan] = found.tapers
    days = {e.day for e in found.events if e.kind == "session" and e.what == "iTBS"}
    assert len(days) == 5 * len(plan.rows)
    assert "no trial has shown" in " ".join(found.remarks)


@pytest.mark.parametrize(
    "treatment",
    [
        "ECT right unilateral 3 times a week for 4 weeks then weekly for 8 weeks\nnortriptyline 100 mg daily",
        "esketamine 56 mg nasal 2 days a week for 4 weeks then weekly for 4 weeks\nsertraline 100 mg daily",
        "ketamine 0.5 mg/kg IV over 40 minutes 2 days a week for 3 weeks\n"
        "sertraline 50 mg daily for 2 weeks then 100 mg daily",
        "rTMS 10 Hz 3000 pulses at 120 % rMT to left DLPFC 5 days a week for 4 weeks\nbupropion 150 mg daily",
        "interpersonal psychotherapy weekly for 16 weeks\nexercise 3 days a week",
    ],
)
def test_unit_every_kind_of_treatment_is_planned(treatment: str) -> None:
    found = made(treatment=treatment, tapers=None, overrides=None, outlook=None, patient=person())
    document = course_document(found, "cotreat plan course x.yaml")
    m = course_material(found, document)
    names = {line.split()[0] for line in treatment.splitlines()}
    assert {e.what.split()[0] for e in found.events if e.kind in ("session", "home", "drug")} == names
    assert all(found.wish.clinic.why_closed(e.day) is None for e in found.events if e.kind == "session")
    assert {o.drug for o in found.orders} <= names
    assert all(m.say.drug(o.drug) in patient_sheet(m).text for o in found.orders)
    assert not any(name.startswith("pharmacy-list") for name in files(m))


def test_unit_a_level_is_not_called_a_dose() -> None:
    treatment = "ECT right unilateral 3 times a week for 4 weeks\nnortriptyline to 100 ng/mL"
    found = made(treatment=treatment, tapers=None, overrides=None, outlook=None, patient=person())
    m = course_material(found, course_document(found, "cotreat plan course x.yaml"))
    assert "nortriptyline: dosed to a level of 100 ng/mL" in patient_sheet(m).text
    assert "level of 100 ng/mL" in files(m)["fhir.json"].decode()


def test_unit_a_dose_that_cannot_be_made_is_not_printed() -> None:
    switch = "switch sertraline 100 mg daily to venlafaxine 75 mg daily over 2 weeks"
    found = planned(treatment=switch, tapers=None, overrides=None, outlook=None, patient=person())
    assert isinstance(found, RefusedCourse)
    assert "sertraline 66.667 mg cannot be made" in found.reasons[0]


def test_unit_a_course_that_a_rule_stops_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "course.yaml"
    file.write_text(yaml.safe_dump({**FILE, "patient": {**FILE["patient"], "implants": ["cochlear_implant"]}}))
    out = tmp_path / "out"
    shown = run(str(file), "--today", "2026-11-23", "--out", str(out))
    assert shown.return_value == 1
    assert not out.exists()
    assert "sertraline" not in shown.output
    assert "TMS-001" in shown.output
    assert "not a medical device" in shown.output


@pytest.mark.parametrize("fact", ["seizure_history", "implants", "medications", "suicide_risk", "age"])
def test_unit_what_is_not_known_stops_a_course(fact: str) -> None:
    found = planned(patient={k: v for k, v in FILE["patient"].items() if k != fact})
    assert isinstance(found, RefusedCourse)
    assert fact in " ".join((*found.reasons, *found.would_help))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start": "2020-01-06"}, "in the past"),
        ({"start": "2026-12-02"}, "Start on 2026-12-07"),
        ({"start": "soon"}, "no date"),
        ({"treatment": "iTBS 5 days a week for 0 weeks"}, ""),
        ({"tapers": [{"drug": "sertralin 50 mg daily"}]}, "sertraline"),
        ({"tapers": [{"drug": "sertraline 50 mg daily", "weeks": 0}]}, "0 weeks"),
        ({"tapers": [{"drug": "sertraline 50 mg daily", "from_week": 0}]}, "from_week"),
        ({"tapers": [{"drug": "sertraline 50 mg daily", "pace": "slow"}]}, "unknown field"),
        ({"clinic": {"country": "Atlantis"}}, "Atlantis"),
        ({"clinic": {"days": "Monday"}}, "Mon"),
        ({"clinic": {"hour": "10:00"}}, "time zone"),
        ({"clinic": {"hour": "10:00", "zone": "Mars/Base"}}, "Mars/Base"),
        ({"ratings": [{"scale": "PHQ-99"}]}, "PHQ-9"),
        ({"ratings": [{"scale": "PHQ-9", "every": "0w"}]}, "0 days"),
        ({"outlook": {"session": 15, "pattern": "iTBS", "improvement_percent": 10}}, "session 10 or 20"),
        ({"outlook": {"session": 10, "pattern": "1 Hz", "improvement_percent": 10}}, "10 Hz or iTBS"),
        ({"treatment": None, "tapers": None}, "nothing is planned"),
        ({"tapers": None, "around_cuts": "iTBS 5 days a week for 1 week"}, "needs a taper"),
        ({"treatment": "iTBS 5 days a week until remission, at most 30 sessions"}, "cannot wait"),
        ({"forms": "XX"}, "EU"),
        ({"colour": "blue"}, "unknown field"),
        ({"language": "fr"}, "language"),
    ],
)
def test_unit_wrong_files_say_what_would_work(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as raised:
        planned(**changes)
    assert says in f"{raised.value.message} {raised.value.hint}"
    assert "\n" not in raised.value.message


def test_unit_files_that_cannot_be_read_are_an_input_error(tmp_path: Path) -> None:
    for name, content in {"a.yaml": b"\xff\xfe", "b.yaml": b"a: [", "c.yaml": b"- 1", "d.yaml": b"a: 1\na: 2"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            load_course(tmp_path / name)
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(InputError):
            load_course(path)


# ---- what groups did --------------------------------------------------------------------------------------------


def test_published_spitz2022_below_20_percent_at_session_10() -> None:
    """Negative predictive values 0.74 (10 Hz) and 0.65 (iTBS): 26 and 35 of 100 still responded."""
    found = {s.pattern: s.per_100 for s in shares() if s.source == "Spitz 2022" and s.session == 10 and s.below == 20}
    assert found == {"10 Hz": 26, "iTBS": 35}


def test_unit_the_outlook_is_of_a_group_with_its_source() -> None:
    assert outlook(10, "iTBS", 20.0) is None
    share = outlook(10, "iTBS", 19.9)
    assert share is not None
    lines = outlook_lines(example().wish)
    assert lines[0] == "Of 100 such people, about 35 still responded by the end of the course."
    assert "Spitz 2022" in lines[2]
    assert "nothing certain about one person" in lines[3]
    assert lines[0] in clinic_plan(example_material()).text
    assert lines[0] not in patient_sheet(example_material()).text
    none = replace(example().wish, share=None, improvement=(10, 60.0))
    assert outlook_lines(none)[0].startswith("No published figure for 60 % better at session 10")
    assert outlook(20, "iTBS", 5.0) is None
    later = replace(example().wish, share=None, improvement=(20, 5.0))
    assert outlook_lines(later)[0] == "No published figure for 5 % better at session 20."
