"""Arms of study files as ledgers: what was given, and what patients were on already."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotreat.evidence.arms import arm_ledger, run_in_ledger
from cotreat.evidence.load import load_study, load_text
from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.regimen.ledger import Ledger

WHOLE = (Path(__file__).parent / "whole.yaml").read_text(encoding="utf-8")
RUN_IN = "  run_in: ECT bitemporal 3 times a week until remission, at most 12 sessions\n"


def on_already(sentence: str, regimen: str) -> Study:
    text = WHOLE.replace(RUN_IN, f"  already_on: {sentence}\n")
    return load_text(text.replace("regimen: nortriptyline to 100 ng/mL for 24 weeks", f"regimen: {regimen}"))


def taken_before(ledger: Ledger) -> dict[str, tuple[float, str]]:
    return {b.subject: (b.amount, b.unit) for b in ledger.before}


def test_unit_drug_already_taken_goes_on() -> None:
    study = on_already("escitalopram 10 mg daily", "escitalopram 10 mg daily for 24 weeks")
    ledger = arm_ledger(study, "nt")
    assert taken_before(ledger) == {"escitalopram": (10.0, "mg")}
    assert sum(item.amount for phase in ledger.phases for item in phase.items) == 10.0 * 168


def test_unit_drug_already_taken_stops_where_the_arm_is_silent() -> None:
    ledger = arm_ledger(on_already("venlafaxine 75 mg twice daily", '""'), "nt")
    assert taken_before(ledger) == {"venlafaxine": (150.0, "mg")}
    assert not any(phase.items for phase in ledger.phases)


def test_unit_level_already_held() -> None:
    study = load_study("zarate2012")
    assert taken_before(arm_ledger(study, "saline")) == {"lithium": (0.7, "mmol/L")}


def test_unit_taper_after_a_run_in_is_not_taken_before() -> None:
    study = load_study("lewis2021")
    assert run_in_ledger(study) is not None
    assert arm_ledger(study, "discontinuation").before == ()
    alone = study.model_copy(update={"population": study.population.model_copy(update={"run_in": None})})
    assert taken_before(arm_ledger(alone, "discontinuation")) == {"sertraline": (100.0, "mg")}


def test_unit_arm_and_the_drug_it_tapers_stand_once() -> None:
    study = load_study("henssler2024")
    assert taken_before(arm_ledger(study, "drug")) == {"sertraline": (100.0, "mg")}


def test_unit_arm_that_cannot_be_written() -> None:
    with pytest.raises(InputError, match="cannot be written"):
        arm_ledger(load_study("henssler2024"), "placebo")


def test_unit_sessions_are_nothing_one_is_on() -> None:
    with pytest.raises(InputError, match="drugs, not sessions"):
        arm_ledger(on_already("ECT weekly for 4 weeks", '""'), "nt")


def test_published_nordenskjold2013_continuation_ect() -> None:
    ledger = arm_ledger(load_study("nordenskjold2013"), "drug_ect", horizon=364)
    days = sorted(item.day for phase in ledger.phases for item in phase.items if item.subject == "ECT")
    assert len(days) == 29
    assert days[:8] == [0, 7, 14, 21, 28, 35, 42, 56]


def test_published_cole2022_doses_stop_after_two_weeks() -> None:
    ledger = arm_ledger(load_study("cole2022"), "itbs_dcs")
    doses = [item for phase in ledger.phases for item in phase.items if item.subject == "D-cycloserine"]
    sessions = [item for phase in ledger.phases for item in phase.items if item.subject == "iTBS"]
    assert (len(doses), len(sessions)) == (10, 20)
    assert {item.hour for item in doses} == {8.5}
    assert max(item.day for item in doses) == 11
