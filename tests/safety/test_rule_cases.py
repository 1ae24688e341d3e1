"""Every rule has a case that fires it, one that does not, and one in which it is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cotreat.regimen.parse import parse
from cotreat.safety.check import CheckOptions, Verdict, check
from cotreat.safety.pack import STAGES, load_pack
from cotreat.safety.patient import read_patient
from cotreat.safety.truth import Truth
from tests.safety.people import QUIET_PLANS, person

CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "rule_cases.yaml").read_text())
RULES = {rule.id: rule for rule in load_pack().rules}


def verdict(plan: str, facts: dict[str, Any], printing: bool = False) -> Verdict:
    return check(parse(plan), read_patient(facts), CheckOptions(stages=STAGES, printing=printing))


def holds(rule: str, plan: str, facts: dict[str, Any], printing: bool = False) -> Truth | str:
    found = verdict(plan, facts, printing).finding(rule)
    return "does not apply" if found is None else found.holds


def test_unit_every_rule_has_its_cases() -> None:
    assert CASES.keys() == RULES.keys()


@pytest.mark.parametrize("rule", RULES)
def test_unit_rule_fires_when_it_should(rule: str) -> None:
    case = CASES[rule]
    plan = case.get("plan", QUIET_PLANS[RULES[rule].needs])
    found = verdict(plan, person(case.get("fires")), case.get("printing", False)).finding(rule)
    assert found is not None
    assert found.holds is True
    assert found.verdict == ("remark" if RULES[rule].severity == "info" else "fired")


@pytest.mark.parametrize("rule", RULES)
def test_unit_rule_is_quiet_when_it_should_be(rule: str) -> None:
    case = CASES[rule]
    plan = case.get("quiet_plan", QUIET_PLANS[RULES[rule].needs])
    found = verdict(plan, person(case.get("quiet")), case.get("printing", False)).finding(rule)
    if found is None:
        assert "sham" in plan or RULES[rule].needs
        return
    assert found.holds is False
    assert found.verdict == ("did not fire" if RULES[rule].confirmed else "not checked")


@pytest.mark.parametrize("rule", [rule for rule in RULES if "settled" not in CASES[rule]])
def test_unit_rule_is_not_checked_when_nothing_is_recorded(rule: str) -> None:
    case = CASES[rule]
    plan = case.get("unknown_plan", case.get("plan", QUIET_PLANS[RULES[rule].needs]))
    found = verdict(plan, {}).finding(rule)
    assert found is not None
    assert found.holds is None
    assert found.verdict == "not checked"
    assert found.reason


@pytest.mark.parametrize("rule", [rule for rule in RULES if RULES[rule].condition.dated and "settled" in CASES[rule]])
def test_unit_rule_is_not_checked_when_not_every_way_was_followed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cotreat.safety import paths

    case = CASES[rule]
    plan = case.get("quiet_plan", QUIET_PLANS[RULES[rule].needs])
    chance = "CBT weekly until remission, at most 12 sessions"
    if "sham" in plan:
        plan = "tDCS 2 mA 5 days a week for 2 weeks"
    monkeypatch.setattr(paths, "MOST_PATHS", 3)
    found = verdict(f"{plan}\n{chance}", person(case.get("quiet"))).finding(rule)
    assert found is None or found.holds in (None, True)
    assert found is None or found.verdict != "did not fire"
