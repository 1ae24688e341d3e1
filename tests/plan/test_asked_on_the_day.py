"""What only the day can tell is asked on the day; what lasts is answered before a plan is printed."""

from __future__ import annotations

import csv
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.plan.api import taper
from cotreat.plan.course import Course, RefusedCourse, course
from cotreat.plan.course_document import course_document, course_material
from cotreat.plan.course_file import read_course
from cotreat.plan.document import printing_document
from cotreat.plan.documents.sheets import clinic_plan, patient_sheet
from cotreat.plan.locale.catalogue import catalogue
from cotreat.plan.value import Plan
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.safety.check import CheckOptions, Verdict, check
from cotreat.safety.pack import LANGUAGES, load_pack
from cotreat.safety.patient import Patient, read_overrides, read_patient
from tests.plan.documented import EXAMPLE, example, example_material
from tests.plan.requests import QUIET, TODAY
from tests.safety.people import ITBS, QUIET_PLANS, SLOW_DIAZEPAM, SLOW_SERTRALINE, person

FILE: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
PRINTING = CheckOptions(printing=True, whole=True)
PLANS = [
    f"{SLOW_SERTRALINE}\n{ITBS}",
    f"{SLOW_DIAZEPAM}\n{ITBS}",
    QUIET_PLANS["tms"],
    QUIET_PLANS["ect"],
    QUIET_PLANS["esketamine"],
    QUIET_PLANS["taper lithium"],
    "clozapine 100 mg daily\nCBT weekly for 4 weeks",
]
LEDGERS = {plan: expand(parse(plan), 1000) for plan in PLANS}
with (files("cotreat.safety") / "data" / "facts.csv").open(encoding="utf-8") as _file:
    ASKED = {r["name"]: r["asked"] for r in csv.DictReader(_file)}
LASTING = sorted(name for name in QUIET.given if not ASKED[name])
OPTIONAL = {"qtc_ms", "ymrs", "tms.protocol"}
"""Lasting facts that rules demand only where something calls for them."""


def printed(patient: Patient, plan: str = PLANS[0]) -> Verdict:
    return check(LEDGERS[plan], patient, PRINTING)


def without(*names: str) -> Patient:
    return Patient({k: v for k, v in QUIET.given.items() if k not in names})


# ---- which facts wait, which do not -----------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(plan=st.sampled_from(PLANS), left_out=st.sets(st.sampled_from(sorted(QUIET.given))))
def test_property_every_undecided_block_is_asked_for_once_and_none_is_passed(plan: str, left_out: set[str]) -> None:
    verdict = printed(without(*left_out), plan)
    printing = printing_document(verdict)
    listed = {rule for c in printing["on_the_day"] for rule in c["stops"]}
    for f in verdict.findings:
        if f.rule.severity != "block" or f.holds is not None:
            continue
        assert f.verdict == "not checked"
        ways = [f.rule.id in printing["rules"], f.rule.id in listed, f.rule.id in printing["if_known"]]
        assert sum(ways) == 1, f.rule.id
        if f.rule.id in listed:
            assert f.missing
            allowed = {"day", "if known"} | ({"result"} if f.rule.stage == "session" else set())
            assert {ASKED[n] for n in f.missing} <= allowed
    assert printing["allowed"] is (not printing["rules"])
    assert verdict.stopped is (not printing["allowed"])


@settings(max_examples=40, deadline=None)
@given(plan=st.sampled_from(PLANS), kept=st.sets(st.sampled_from(LASTING)), gone=st.sampled_from(LASTING))
def test_property_leaving_out_a_lasting_fact_never_lets_a_stopped_plan_be_printed(
    plan: str, kept: set[str], gone: str
) -> None:
    if gone in OPTIONAL:
        return
    some = Patient({k: v for k, v in QUIET.given.items() if k in kept | {gone}})
    if printed(some, plan).stopped:
        assert printed(some.without(gone), plan).stopped


@pytest.mark.parametrize("plan", PLANS)
def test_unit_the_day_alone_never_holds_a_plan_back(plan: str) -> None:
    """Nothing of a day is known: the plan can be printed, and its blocking rules for the day are on the list."""
    verdict = printed(without(*(n for n in QUIET.given if ASKED[n] == "day")), plan)
    assert not verdict.stopped
    assert verdict.on_the_day
    assert all(f.verdict == "not checked" for f in verdict.on_the_day)


@pytest.mark.parametrize(
    ("facts", "rule", "plan"),
    [
        ({"bp_sys": 190}, "KET-005", QUIET_PLANS["esketamine"]),
        ({"events": ["seizure_during_tms"]}, "TMS-059", PLANS[0]),
        ({"new_symptoms": ["psychosis"]}, "MAN-003", PLANS[0]),
        ({"motor_threshold_on_file": "no"}, "TMS-040", PLANS[0]),
        ({"cssrs_ideation": 5}, "SUI-001", PLANS[0]),
        ({"qtc_ms": 510}, "CMB-013", PLANS[2]),
        ({"lithium_mmol_l": 1.3}, "CMB-021", PLANS[0]),
        ({"ymrs": 24}, "MAN-002", PLANS[2]),
    ],
)
def test_unit_what_is_known_of_the_day_stops_a_plan_as_ever(facts: dict[str, Any], rule: str, plan: str) -> None:
    verdict = printed(read_patient(person(facts)), plan)
    assert verdict.stopped
    assert rule in [f.rule.id for f in verdict.findings if f.stops]


def test_unit_thoughts_of_suicide_wait_for_the_visit_only_once_the_risk_has_been_judged() -> None:
    scores = (
        "cssrs_ideation",
        "cssrs_behaviour",
        "asq_positive",
        "phq9_item9",
        "madrs_item10",
        "suicide_assessment_today",
    )
    assert not printed(without(*scores)).stopped
    unjudged = printed(without(*scores, "suicide_risk"))
    assert {"SUI-001", "SUI-006"} <= {f.rule.id for f in unjudged.missing_for_printing}
    assert all(f.pending == ("suicide_risk",) for f in unjudged.missing_for_printing if f.rule.id.startswith("SUI"))
    high = Patient({**without(*scores).given, "suicide_risk": "high"})
    assert "cssrs_ideation" in printing_document(printed(high))["missing"]


def test_unit_a_lithium_level_and_a_heart_tracing_are_wanted_where_the_drugs_call_for_them() -> None:
    gone = without("lithium_mmol_l", "qtc_ms", "qtc_change_ms", "ymrs")
    assert not printed(gone).stopped
    assert {f.rule.id for f in printed(gone).undecided("if known")} >= {"CMB-021", "CMB-013", "MAN-002"}
    lithium = printed(gone, QUIET_PLANS["taper lithium"])
    assert [f.rule.id for f in lithium.missing_for_printing] == ["CMB-021"]
    bipolar = Patient({**gone.given, "conditions": ("bipolar",)})
    assert "MAN-002" in [f.rule.id for f in printed(bipolar).missing_for_printing]
    two = check(parse("escitalopram 10 mg daily\nquetiapine 100 mg daily"), gone, PRINTING)
    assert "CMB-013" in [f.rule.id for f in two.missing_for_printing]


@pytest.mark.parametrize("fact", sorted(FILE["patient"]))
def test_unit_each_fact_of_the_example_is_needed_and_asked_for_by_name(fact: str) -> None:
    ledger = expand(parse(example().text), 400)
    whole = example().verdict
    recorded = Patient({**example().wish.patient.given, "taper_reason": "remission"})
    less = Patient({k: v for k, v in recorded.given.items() if not k.startswith(fact)})
    assert not whole.stopped
    stopped = check(ledger, less, PRINTING)
    assert stopped.stopped
    named = printing_document(stopped)["missing"]
    assert any(name.startswith(fact) for name in named)


def test_unit_fewer_than_twenty_facts_are_enough_for_a_course() -> None:
    assert len(FILE["patient"]) < 20
    assert isinstance(example(), Course)


# ---- where it is printed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_unit_the_clinic_gets_the_list_and_the_patient_does_not(language: str) -> None:
    found = course(read_course({**FILE, "language": language}), TODAY)
    assert isinstance(found, Course)
    m = course_material(found, course_document(found, "cotreat plan course examples/course.yaml"))
    say = catalogue(language)
    text = clinic_plan(m).text
    assert say("on_the_day") in text
    for fact, rule in (
        ("sleep_h_last_night", "TMS-036"),
        ("new_symptoms", "MAN-003"),
        ("days_since_rating", "TAP-029"),
    ):
        assert f"[ ] {say.texts['ask'][fact]}" in text
        assert rule in text
    assert say("on_the_day") not in patient_sheet(m).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_unit_every_fact_of_a_day_has_its_question(language: str) -> None:
    asked = {n for n, when in ASKED.items() if when == "day"} | {"sodium_mmol_l"}
    assert set(catalogue(language).texts["ask"]) == asked
    groups: dict[str, set[str]] = {}
    for name, text in catalogue(language).texts["ask"].items():
        groups.setdefault(text, set()).add(name)
    english: dict[str, set[str]] = {}
    for name, text in catalogue("en").texts["ask"].items():
        english.setdefault(text, set()).add(name)
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, english.values()))


# ---- what the plan itself settles -------------------------------------------------------------------------------


def test_unit_a_sedative_taper_beside_stimulation_is_decided() -> None:
    found = taper("diazepam 20 mg daily", QUIET, with_tms=True, forms="UK", today=TODAY, reason="remission")
    assert isinstance(found, Plan)
    today = found.to_print.finding("TMS-036")
    assert today is not None
    assert today.holds is False
    assert not found.to_print.stopped


@pytest.mark.parametrize(
    ("plan", "rule", "fires"),
    [
        ("sertraline 50 mg daily for 6 weeks", "TAP-020", True),
        ("sertraline 50 mg daily for 3 weeks", "TAP-020", False),
        ("lithium 600 mg daily for 12 weeks", "TAP-040", True),
        ("nortriptyline to 100 ng/mL for 24 weeks", "TAP-020", True),
        ("lorazepam 1 mg daily for 6 weeks", "TAP-001", True),
        ("sertraline 50 mg daily", "TAP-020", False),
    ],
)
def test_unit_an_order_that_is_over_is_a_stop_where_the_plan_is_all_there_is(plan: str, rule: str, fires: bool) -> None:
    found = check(parse(plan), QUIET, PRINTING).finding(rule)
    assert (found is not None and found.holds is True) is fires
    if fires and rule != "TAP-001":
        open_ended = check(parse(plan), QUIET).finding(rule)
        assert open_ended is not None
        assert open_ended.holds is None


def test_unit_a_course_with_an_abrupt_end_says_what_would_work() -> None:
    wish = read_course({**FILE, "treatment": "sertraline 50 mg daily for 6 weeks", "tapers": None, "outlook": None})
    found = course(wish, TODAY)
    assert isinstance(found, RefusedCourse)
    assert any(r.startswith("TAP-020") for r in found.reasons)
    assert any("sertraline ends on 2027-01-11 at its full dose" in text for text in found.would_help)


@pytest.mark.parametrize(("gap", "fires"), [(1, True), (3, True), (7, False), (14, False)])
def test_property_small_cuts_day_by_day_are_one_step(gap: int, fires: bool) -> None:
    doses = [50, 37.5, 25, 16, 10, 6]
    lines = [
        f"lower sertraline from {a:g} mg to {b:g} mg daily at day {k * gap}" for k, (a, b) in enumerate(pairwise(doses))
    ]
    found = check(parse("\n".join(lines)), QUIET, PRINTING).finding("TAP-021")
    assert found is not None
    assert found.holds is fires


# ---- overrides --------------------------------------------------------------------------------------------------

WHY = "Seen daily by the team, discussed with neurology"


def test_unit_an_override_lets_a_block_pass_and_leaves_it_a_block() -> None:
    seizure = Patient({**QUIET.given, "seizure_history": True}, read_overrides({"TMS-004": WHY}))
    verdict = printed(seizure)
    assert not verdict.stopped
    found = verdict.finding("TMS-004")
    assert found is not None
    assert (found.verdict, found.rule.severity, found.holds) == ("fired", "block", True)
    assert verdict.word == "caution"
    assert verdict.document()["overrides"] == [{"id": "TMS-004", "reason": WHY, "by": "", "used": True}]


@settings(max_examples=20, deadline=None)
@given(gone=st.sampled_from([n for n in LASTING if n not in OPTIONAL]), plan=st.sampled_from(PLANS))
def test_property_no_override_answers_a_question(gone: str, plan: str) -> None:
    blocks = {r.id: WHY for r in load_pack().rules if r.severity == "block"}
    bare, covered = without(gone), Patient(without(gone).given, read_overrides(blocks))
    missing = [f.rule.id for f in printed(bare, plan).missing_for_printing]
    assert [f.rule.id for f in printed(covered, plan).missing_for_printing] == missing
    assert printed(covered, plan).stopped is bool(missing)


def test_unit_an_override_covers_its_own_rule_only_and_decides_nothing_elsewhere() -> None:
    two = {**QUIET.given, "seizure_history": True, "implants": ("cochlear_implant",)}
    verdict = printed(Patient(two, read_overrides({"TMS-004": WHY, "TMS-006": WHY})))
    assert verdict.stopped
    assert [f.rule.id for f in verdict.findings if f.stops] == ["TMS-001"]
    assert [o.rule for o in verdict.idle_overrides] == ["TMS-006"]
    with pytest.raises(InputError, match="TAP-022 stops nothing"):
        printed(Patient(QUIET.given, read_overrides({"TAP-022": WHY})))


def test_unit_an_override_of_what_is_not_known_is_said_to_decide_nothing() -> None:
    patient = {k: v for k, v in FILE["patient"].items() if k != "implants"}
    found = course(read_course({**FILE, "patient": patient, "overrides": {"TMS-001": WHY, "TMS-002": WHY}}), TODAY)
    assert isinstance(found, RefusedCourse)
    assert "TMS-001: the answer; an override decides nothing here" in found.would_help
    assert any(text.startswith("implants: none, or a list") for text in found.would_help)


def test_unit_never_is_an_answer_for_a_stay_in_hospital() -> None:
    never = read_patient({"days_since_discharge": "never"})
    assert never.document() == {"days_since_discharge": "never"}
    found = check(parse(ITBS), never).finding("SUI-010")
    assert found is not None
    assert found.holds is False
    with pytest.raises(InputError, match="is a number"):
        read_patient({"egfr": "never"})


# ---- what the patient and the pharmacy read ---------------------------------------------------------------------


def test_unit_tablets_that_are_at_hand_come_before_a_liquid_made_to_order() -> None:
    found = taper("sertraline 50 mg daily", QUIET, today=TODAY, reason="remission")
    assert isinstance(found, Plan)
    first = found.rows[0].portion
    assert first is not None
    assert str(first) == "0.5 x 50 mg tablet"


def test_unit_the_patient_reads_what_to_take_until_the_first_step_and_when_a_liquid_changes() -> None:
    text = patient_sheet(example_material()).text
    assert "as now, 50 mg a day" in text
    assert "half a 50 mg tablet" in text
    assert "the liquid has another strength: 0.5 mg/mL solution (made to order), before that 5 mg/mL" in text
