"""Limits of rules at both sides of the figure, at it and a little beyond: written down here, not read from the pack."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from cotreat.regimen.parse import parse
from cotreat.safety.check import CheckOptions, check
from cotreat.safety.pack import STAGES
from cotreat.safety.patient import read_patient
from tests.safety.people import ECT, ITBS, QUIET_PLANS, RTMS, person

ALL = CheckOptions(stages=STAGES)
ANTIDEPRESSANT = QUIET_PLANS["taper antidepressant"]
SEDATIVE = QUIET_PLANS["taper sedative"]
CYCLOSERINE = QUIET_PLANS["cycloserine"]
KETAMINE = QUIET_PLANS["ketamine"]


def cut(drug: str, *doses: float, every: int = 14, first: int = 28) -> str:
    """A drug lowered from dose to dose, so many days apart; a last dose of 0 is a stop."""
    lines = []
    for k, (a, b) in enumerate(pairwise(doses)):
        day = first + k * every
        lines.append(f"lower {drug} from {a:g} mg to {b:g} mg daily at day {day}" if b else f"stop {drug} at day {day}")
    return "\n".join(lines)


def since(drug: str, days: int) -> str:
    """An antidepressant that has been stopped for so many days when an MAOI begins."""
    return f"stop {drug}\nphenelzine 30 mg daily from day {days}"


# (rule, plan, facts, whether it holds)
FACTS: list[tuple[str, str, dict[str, Any], bool]] = [
    ("TMS-001", RTMS, {"implants": ["aneurysm clip"], "metal_distance_cm": 40}, True),
    ("TMS-001", RTMS, {"implants": ["dental implant"], "metal_distance_cm": 29.9}, True),
    ("TMS-001", RTMS, {"implants": ["dental implant"], "metal_distance_cm": 30}, False),
    ("TMS-029", RTMS, {"used_hours_ago": {"amphetamine_illicit": 72}}, True),
    ("TMS-029", RTMS, {"used_hours_ago": {"amphetamine_illicit": 73}}, False),
    ("TMS-029", RTMS, {"used_hours_ago": {"mdma": 72}}, True),
    ("TMS-029", RTMS, {"used_hours_ago": {"mdma": 73}}, False),
    ("KET-004", KETAMINE, {"bp_sys": 141}, True),
    ("KET-004", KETAMINE, {"bp_sys": 140, "bp_dia": 90}, False),
    ("KET-005", KETAMINE, {"bp_sys": 179, "bp_dia": 110}, True),
    ("KET-005", KETAMINE, {"bp_sys": 179, "bp_dia": 109}, False),
    ("KET-008", KETAMINE, {"session_open": "ketamine", "sedation_score": 3}, True),
    ("KET-008", KETAMINE, {"session_open": "ketamine", "sedation_score": 2}, False),
    ("KET-028", KETAMINE, {"conditions": ["stroke"], "days_since_stroke": 41}, True),
    ("KET-028", KETAMINE, {"conditions": ["stroke"], "days_since_stroke": 42}, False),
    ("DCS-003", CYCLOSERINE, {"egfr": 29}, True),
    ("DCS-003", CYCLOSERINE, {"egfr": 30}, False),
    ("DCS-004", CYCLOSERINE, {"egfr": 30}, True),
    ("DCS-004", CYCLOSERINE, {"egfr": 60}, False),
    ("DCS-005", CYCLOSERINE, {"used_hours_ago": {"alcohol": 24}}, True),
    ("DCS-005", CYCLOSERINE, {"used_hours_ago": {"alcohol": 25}}, False),
    ("CMB-013", "escitalopram 10 mg daily", {"qtc_ms": 499, "qtc_change_ms": 60}, True),
    ("CMB-013", "escitalopram 10 mg daily", {"qtc_ms": 499, "qtc_change_ms": 59}, False),
    ("CMB-010", "citalopram 21 mg daily", {"age": 61}, True),
    ("CMB-010", "citalopram 20 mg daily", {"age": 61}, False),
    ("CMB-010", "citalopram 40 mg daily", {"age": 60}, False),
    ("CMB-010", "citalopram 41 mg daily", {"age": 60}, True),
    ("CMB-011", "escitalopram 11 mg daily", {"age": 66}, True),
    ("CMB-011", "escitalopram 10 mg daily", {"age": 66}, False),
    ("CMB-011", "escitalopram 20 mg daily", {"age": 65}, False),
    ("CMB-011", "escitalopram 21 mg daily", {"age": 65}, True),
    ("CMB-021", "lithium 900 mg daily", {"lithium_mmol_l": 1.21}, True),
    ("CMB-021", "lithium 900 mg daily", {"lithium_mmol_l": 1.2}, False),
    ("CMB-021", "lithium to 1.3 mmol/L for 4 weeks", {}, True),
    ("CMB-021", "lithium to 1.2 mmol/L for 4 weeks", {}, False),
    ("TAP-026", ANTIDEPRESSANT, {"phq9": None, "madrs": 20}, True),
    ("TAP-026", ANTIDEPRESSANT, {"phq9": None, "madrs": 19}, False),
    ("TAP-026", ANTIDEPRESSANT, {"phq9": None, "hamd17": 17}, True),
    ("TAP-026", ANTIDEPRESSANT, {"phq9": None, "hamd17": 16}, False),
    ("TAP-026", ANTIDEPRESSANT, {"phq9": None, "qids": 16}, True),
    ("TAP-026", ANTIDEPRESSANT, {"phq9": None, "qids": 15}, False),
    ("TAP-027", ANTIDEPRESSANT, {"phq9": None, "madrs": 11}, True),
    ("TAP-027", ANTIDEPRESSANT, {"phq9": None, "madrs": 10}, False),
    ("TAP-027", ANTIDEPRESSANT, {"phq9": None, "hamd17": 8}, True),
    ("TAP-027", ANTIDEPRESSANT, {"phq9": None, "hamd17": 7}, False),
    ("TAP-027", ANTIDEPRESSANT, {"phq9": None, "qids": 6}, True),
    ("TAP-027", ANTIDEPRESSANT, {"phq9": None, "qids": 5}, False),
    ("TAP-028", ANTIDEPRESSANT, {"months_in_remission": 5}, True),
    ("TAP-028", ANTIDEPRESSANT, {"months_in_remission": 6}, False),
    ("TAP-028", ANTIDEPRESSANT, {"months_in_remission": 23, "episodes": 3}, True),
    ("TAP-028", ANTIDEPRESSANT, {"months_in_remission": 23, "episodes": 2}, False),
    ("TAP-032", ANTIDEPRESSANT, {"change_phq9": None, "change_madrs": 6}, True),
    ("TAP-032", ANTIDEPRESSANT, {"change_phq9": None, "change_madrs": 5}, False),
    ("TAP-082", ANTIDEPRESSANT, {"weeks_since_last_step": 6, "dess_new": 4}, True),
    ("TAP-082", ANTIDEPRESSANT, {"weeks_since_last_step": 6, "dess_new": 3}, False),
    ("TAP-081", SEDATIVE, {"audit_c": 4}, True),
    ("TAP-081", SEDATIVE, {"audit_c": 3}, False),
    ("TAP-004", SEDATIVE, {"medications": ["lorazepam 3.2 mg"]}, True),
    ("TAP-004", SEDATIVE, {"medications": ["lorazepam 3.1 mg"]}, False),
    ("SUI-002", "escitalopram 10 mg daily", {"cssrs_ideation": 3}, True),
    ("SUI-002", "escitalopram 10 mg daily", {"cssrs_ideation": 2}, False),
]
PLANS: list[tuple[str, str, bool]] = [
    # TAP-002 and TMS-026: more than 25 % and more than 1 mg of diazepam in 14 days.
    ("TAP-002", cut("diazepam", 20, 15), False),
    ("TAP-002", cut("diazepam", 20, 14.9), True),
    ("TAP-002", cut("diazepam", 20, 17, 14.9, every=13), True),
    ("TAP-002", cut("diazepam", 20, 17, 14.9, every=14), False),
    ("TAP-002", cut("diazepam", 3, 2), False),
    ("TAP-002", cut("diazepam", 3, 1.9), True),
    ("TMS-026", f"{RTMS}\n{cut('diazepam', 20, 15)}", False),
    ("TMS-026", f"{RTMS}\n{cut('diazepam', 20, 14.9)}", True),
    ("TMS-026", f"{RTMS}\n{cut('diazepam', 3, 2)}", False),
    ("TMS-026", f"{RTMS}\n{cut('diazepam', 3, 1.9)}", True),
    ("TMS-026", f"{RTMS}\n{cut('diazepam', 20, 17, 14.9, every=13, first=8)}", True),
    ("TMS-026", f"{RTMS}\n{cut('diazepam', 20, 17, 14.9, every=14, first=8)}", False),
    ("TAP-003", cut("diazepam", 10, 9, 8.1, every=14), False),
    ("TAP-003", cut("diazepam", 10, 9, 8.1, every=13), True),
    ("TAP-003", cut("diazepam", 1.1, 1, 0), False),
    ("TAP-003", cut("diazepam", 1.2, 1.1, 0), True),
    ("TAP-011", f"{cut('sertraline', 100, 90)}\n{cut('lithium', 900, 800)}", True),
    ("TAP-012", f"{cut('diazepam', 10, 9.5)}\nlower lamotrigine from 100 mg to 90 mg daily at day 41", True),
    ("TAP-012", f"{cut('diazepam', 10, 9.5)}\nlower lamotrigine from 100 mg to 90 mg daily at day 42", False),
    ("TAP-021", cut("paroxetine", 20, 10), False),
    ("TAP-021", cut("paroxetine", 20, 9.9), True),
    # Paroxetine: 97.14 d / (5.6 + d) is 20 % at 1.452 mg.
    ("TAP-021", cut("paroxetine", 1.45, 0.2), False),
    ("TAP-021", cut("paroxetine", 1.46, 0.2), True),
    ("TAP-022", cut("paroxetine", 20, 11.85), False),
    ("TAP-022", cut("paroxetine", 20, 11.75), True),
    ("TAP-023", cut("paroxetine", 2, 1.45, 0), False),
    ("TAP-023", cut("paroxetine", 2, 1.46, 0), True),
    ("TAP-040", cut("lithium", 900, 450, 0, every=6), True),
    ("TAP-040", cut("lithium", 900, 450, 0, every=7), False),
    ("TAP-041", cut("lithium", 900, 450, 0, every=13), True),
    ("TAP-041", cut("lithium", 900, 450, 0, every=14), False),
    ("CMB-003", since("sertraline", 13), True),
    ("CMB-003", since("sertraline", 15), False),
    ("CMB-003", since("vortioxetine", 20), True),
    ("CMB-003", since("vortioxetine", 22), False),
    ("KET-020", "esketamine 28 mg nasal weekly for 4 weeks", False),
    ("KET-020", "esketamine 84 mg nasal weekly for 4 weeks", False),
    ("KET-020", "esketamine 42 mg nasal weekly for 4 weeks", True),
    ("KET-020", "esketamine 56 mg nasal 3 times a week for 4 weeks", True),
    ("KET-025", "ketamine 1 mg/kg IV over 40 minutes weekly for 4 weeks", False),
    ("KET-025", "ketamine 1.01 mg/kg IV over 40 minutes weekly for 4 weeks", True),
    ("KET-025", "ketamine 0.5 mg/kg IV over 39 minutes weekly for 4 weeks", True),
    ("DCS-006", f"{ITBS}\nD-cycloserine 250 mg 90 minutes before each iTBS session for the first 2 weeks", True),
    ("DCS-007", f"{ITBS}\nD-cycloserine 250 mg 90 minutes before each iTBS session for the first 2 weeks", False),
    ("DCS-007", f"{ITBS}\nD-cycloserine 251 mg 90 minutes before each iTBS session for the first 2 weeks", True),
    ("TMS-052", "iTBS 1800 pulses 10 times a day for 5 days", False),
    ("TMS-052", "iTBS 1801 pulses 10 times a day for 5 days", True),
    ("CMB-041", "bupropion 450 mg daily", False),
    ("CMB-041", "bupropion 226 mg twice daily", True),
    ("ECT-001", f"{ECT}\nlorazepam 1 mg daily", True),
]


def holds(rule: str, plan: str, facts: dict[str, Any]) -> object:
    found = check(parse(plan), read_patient(person(facts)), ALL).finding(rule)
    return None if found is None else found.holds


@pytest.mark.parametrize(("rule", "plan", "facts", "expected"), FACTS, ids=lambda x: x if isinstance(x, str) else "")
def test_unit_limits_on_what_is_recorded(rule: str, plan: str, facts: dict[str, Any], expected: bool) -> None:
    assert holds(rule, plan, facts) is expected


@pytest.mark.parametrize(("rule", "plan", "expected"), PLANS, ids=lambda x: x if isinstance(x, str) else "")
def test_unit_limits_on_what_is_planned(rule: str, plan: str, expected: bool) -> None:
    assert holds(rule, plan, {}) is expected
