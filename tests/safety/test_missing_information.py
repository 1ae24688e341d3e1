"""Telling less never gives a cleaner verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.parse import parse
from cotreat.safety.check import STOPPED, CheckOptions, check, load_case
from cotreat.safety.pack import STAGES, load_pack
from cotreat.safety.patient import Patient, read_patient
from tests.safety.people import QUIET_PLANS, person

CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "rule_cases.yaml").read_text())
ALL = CheckOptions(stages=STAGES)
DEMANDS = {"DCS-002", "SYS-001"}
"""Rules that fire because something is not on file: telling less can only make these stop a plan."""

EXTRA = [
    "ECT 3 times a week until remission, at most 6 sessions\nthen nortriptyline 75 mg daily for 8 weeks",
    "iTBS twice daily, 5 days a week for 2 weeks\nbupropion 300 mg daily\ntaper lorazepam 3 mg daily to 0 over 8 weeks",
    "ketamine 40 mg IV over 40 minutes twice a week for 2 weeks\nsertraline 50 mg daily from week 2",
]
PLANS = sorted({*QUIET_PLANS.values(), *(c["plan"] for c in CASES.values() if "plan" in c), *EXTRA})
FIRED = sorted((c for c in (c.get("fires") or {} for c in CASES.values()) if c), key=str)


def ledger(plan: str) -> Ledger:
    return expand(parse(plan), 200)


LEDGERS = {plan: ledger(plan) for plan in PLANS}


@st.composite
def patients(draw: st.DrawFn) -> Patient:
    """The quiet person with up to three things that fire rules, as far as these go together."""
    changes: dict[str, Any] = {}
    for one in draw(st.lists(st.sampled_from(FIRED), max_size=3)):
        changes |= one
    try:
        return read_patient(person(changes))
    except InputError:
        return read_patient(person())


@given(st.sampled_from(PLANS), patients(), st.data())
def test_property_leaving_facts_out_only_leaves_rules_not_checked(
    plan: str, patient: Patient, data: st.DataObject
) -> None:
    left_out = data.draw(st.sets(st.sampled_from(sorted(patient.given)), min_size=1))
    less = Patient({k: v for k, v in patient.given.items() if k not in left_out})
    whole, part = check(LEDGERS[plan], patient, ALL), check(LEDGERS[plan], less, ALL)
    before = {f.rule.id: f.holds for f in whole.findings}
    after = {f.rule.id: f.holds for f in part.findings}
    assert before.keys() == after.keys()
    changed = {r for r in before if before[r] is not after[r]}
    assert all(after[r] is None or (r in DEMANDS and after[r] is True) for r in changed)
    assert part.not_checked >= whole.not_checked - sum(1 for r in changed & DEMANDS if after[r] is True)
    if whole.stopped and not part.stopped:
        assert part.not_checked > whole.not_checked


@given(st.sampled_from(PLANS), st.data())
def test_property_each_single_fact_left_out_in_turn(plan: str, data: st.DataObject) -> None:
    patient = read_patient(person({"medications": ["lorazepam 2 mg daily", "ibuprofen"], "conditions": ["bipolar"]}))
    name = data.draw(st.sampled_from(sorted(patient.given)))
    before = {f.rule.id: f.holds for f in check(LEDGERS[plan], patient, ALL).findings}
    after = {f.rule.id: f.holds for f in check(LEDGERS[plan], patient.without(name), ALL).findings}
    for rule, holds in after.items():
        assert holds is before[rule] or holds is None or rule in DEMANDS


EXAMPLE = """
patient: {age: 45, sex: female, conditions: [], pregnancy: no, seizure_history: no, implants: none, phq9: 11,
  taper_reason: remission, target: depression}
regimen: |
  taper sertraline 50 mg daily to 0 over 120 weeks by occupancy, steps every 6 weeks
  iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 5 weeks
"""


@pytest.mark.parametrize(
    ("fact", "rule"),
    [
        ("phq9", "TAP-027"),
        ("phq9", "TAP-026"),
        ("seizure_history", "TMS-004"),
        ("implants", "TMS-002"),
        ("conditions", "TMS-011"),
        ("pregnancy", "TMS-008"),
        ("age", "TMS-010"),
        ("target", "TMS-062"),
        ("taper_reason", "TAP-090"),
    ],
)
def test_unit_a_deleted_fact_leaves_its_rule_not_checked(fact: str, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(EXAMPLE)
    regimen, patient = load_case(path)
    whole, part = check(regimen, patient), check(regimen, patient.without(fact))
    before, after = whole.finding(rule), part.finding(rule)
    assert before is not None
    assert after is not None
    assert before.holds is not None
    assert (after.holds, after.verdict) == (None, "not checked")
    assert fact in after.missing
    for f in part.findings:
        old = whole.finding(f.rule.id)
        assert old is not None
        assert f.holds is None or f.holds is old.holds


def test_unit_leaving_out_what_a_session_recorded_leaves_its_rules_not_checked() -> None:
    regimen = parse(EXTRA[1])
    whole = check(regimen, read_patient({"session": {"sleep_h_last_night": 3}})).finding("TMS-030")
    part = check(regimen).finding("TMS-030")
    assert whole is not None
    assert part is not None
    assert (whole.verdict, part.verdict) == ("fired", "not checked")


def test_unit_memory_rules_may_stop_but_never_clear() -> None:
    findings = [f for plan in PLANS for f in check(LEDGERS[plan], read_patient(person()), ALL).findings]
    unconfirmed = [f for f in findings if not f.rule.confirmed]
    assert {f.verdict for f in unconfirmed} == {"fired", "remark", "not checked"}
    assert not any(f.verdict == "did not fire" for f in unconfirmed)
    assert any(not r.confirmed and r.severity == "block" for r in load_pack().rules)


def test_unit_nothing_recorded_stops_a_plan_only_when_it_is_printed() -> None:
    regimen = parse("iTBS 600 pulses 5 days a week for 6 weeks")
    assert not check(regimen).stopped
    printed = check(regimen, options=CheckOptions(printing=True))
    assert printed.word == STOPPED
    assert {f.rule.id for f in printed.missing_for_printing} >= {"TMS-001", "TMS-002", "TMS-004"}
    # SYS-001 is a rule about printing: without it, it has nothing to say.
    demanded = printed.finding("SYS-001")
    assert demanded is not None
    assert demanded.holds is True
