"""The combinations that must never pass: withdrawal, stimulation and drugs that lower the seizure threshold."""

from __future__ import annotations

from typing import Any

import pytest

from cotreat.regimen.parse import parse
from cotreat.safety.check import STOPPED, Verdict, check
from cotreat.safety.patient import read_patient

WHO: dict[str, Any] = {
    "age": 45,
    "sex": "female",
    "pregnancy": "no",
    "conditions": [],
    "implants": "none",
    "allergies": "none",
    "seizure_history": False,
    "withdrawal": "none",
    "medications": "none",
    "stopped_days_ago": "none",
    "target": "depression",
    "taper_reason": "patient_wish",
}
ITBS = "iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 6 weeks"
DCS = "D-cycloserine 100 mg 90 minutes before each iTBS session for the first 2 weeks"


def verdict(plan: str, **facts: Any) -> Verdict:
    return check(parse(plan), read_patient(WHO | facts))


def blocks(plan: str, **facts: Any) -> set[str]:
    return {f.rule.id for f in verdict(plan, **facts).fired("block")}


def test_unit_alcohol_withdrawal_with_tms_and_bupropion() -> None:
    plan = f"{ITBS}\nbupropion 300 mg daily"
    assert {"TMS-028", "CMB-040"} <= blocks(plan, withdrawal=["alcohol"])
    assert blocks(plan) == set()


def test_unit_alcohol_withdrawal_with_tms_and_cycloserine() -> None:
    fired = blocks(f"{ITBS}\n{DCS}", withdrawal=["alcohol"], research_protocol_id="IRB 7")
    assert {"TMS-028", "DCS-009", "DCS-015"} <= fired
    assert blocks(f"{ITBS}\n{DCS}", research_protocol_id="IRB 7") == set()


def test_unit_fast_benzodiazepine_taper_with_tms_bupropion_and_cycloserine() -> None:
    plan = f"{ITBS}\n{DCS}\nbupropion 300 mg daily\ntaper lorazepam 4 mg daily to 0 over 4 weeks"
    fired = blocks(plan, research_protocol_id="IRB 7")
    assert {"TMS-026", "TMS-033", "DCS-009", "DCS-015", "TAP-002"} <= fired


@pytest.mark.parametrize("stop", ["stop lorazepam", "stop zolpidem", "diazepam 20 mg daily for 5 weeks"])
def test_unit_sedative_stopped_at_once_with_tms_and_bupropion(stop: str) -> None:
    assert {"TAP-001", "TMS-028", "CMB-040"} <= blocks(f"{ITBS}\nbupropion 300 mg daily\n{stop}")


def test_unit_supported_taper_beside_tms_is_not_stopped() -> None:
    found = verdict(f"{ITBS}\ntaper diazepam 10 mg daily to 0 over 40 weeks, steps every 4 weeks")
    assert found.fired("block") == ()
    assert {f.rule.id for f in found.fired("warn")} == {"TMS-027", "TAP-003"}


def test_unit_sedative_ended_long_before_tms_is_no_withdrawal_on_a_tms_day() -> None:
    found = verdict(
        "taper lorazepam 2 mg daily to 0 over 40 weeks, steps every 2 weeks\niTBS weekly for 2 weeks from week 60"
    )
    assert not {"TMS-025", "TMS-026", "TMS-027"} & {f.rule.id for f in found.findings if f.holds}


def test_unit_cycloserine_without_a_protocol_is_stopped_whatever_else_is_known() -> None:
    assert "DCS-002" in blocks(f"{ITBS}\n{DCS}")
    assert check(parse(f"{ITBS}\n{DCS}")).word == STOPPED
    assert "DCS-002" not in blocks(f"{ITBS}\n{DCS}", research_protocol_id="IRB 7")


@pytest.mark.parametrize("maoi", ["phenelzine", "tranylcypromine", "moclobemide"])
def test_unit_maoi_beside_a_serotonergic_drug(maoi: str) -> None:
    assert "CMB-001" in blocks(f"{maoi} 30 mg daily\nsertraline 50 mg daily")
    assert "CMB-001" in blocks("sertraline 50 mg daily", medications=[maoi])
    assert "CMB-003" in blocks(f"{maoi} 30 mg daily", stopped_days_ago={"sertraline": 13})


def test_published_lithium_during_ect_cautions_with_its_figures() -> None:
    found = verdict("ECT 3 times a week for 4 weeks then monthly for 12 weeks\nlithium 600 mg daily").finding("ECT-005")
    assert found is not None
    assert found.verdict == "fired"
    assert "5.7%" in found.rule.text()
    assert "0.6%" in found.rule.text()


def test_published_cleared_ten_hertz_train_passes_with_a_margin_warning() -> None:
    plan = "rTMS 10 Hz 3000 pulses at 120 % rMT to left DLPFC 5 days a week for 6 weeks"
    found = verdict(plan, tms={"train_s": 4, "iti_s": 11})
    assert found.word == "caution"
    assert [f.rule.id for f in found.fired()] == ["TMS-045"]
