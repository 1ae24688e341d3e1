"""FHIR resources of a plan: valid, drafts, with the doses of the plan and nothing that is not in it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from cotreat.plan.documents.fhir import bundle
from tests.plan.documented import example_material, material, taper_document


def resources(text: str, kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in json.loads(text)["entry"] if e["resource"]["resourceType"] == kind]


@pytest.mark.parametrize("which", ["taper", "with TMS", "Korean", "course"])
def test_unit_the_bundle_is_valid_and_its_references_resolve(which: str) -> None:
    text = {
        "taper": lambda: bundle(material()),
        "with TMS": lambda: bundle(material(with_tms=True)),
        "Korean": lambda: bundle(material("venlafaxine 150 mg daily", "ko")),
        "course": lambda: bundle(example_material()),
    }[which]()
    Bundle.model_validate_json(text)
    document = json.loads(text)
    urls = {e["fullUrl"] for e in document["entry"]}
    assert len(urls) == len(document["entry"])
    kinds = {e["resource"]["resourceType"] for e in document["entry"]}
    assert kinds <= {"Patient", "CarePlan", "MedicationRequest", "ServiceRequest"}
    for e in document["entry"]:
        r = e["resource"]
        if r["resourceType"] != "Patient":
            assert r["subject"]["reference"] in urls
            assert (r["status"], r["intent"]) == ("draft", "plan")
            assert any("not a medical device" in n["text"] for n in r["note"])
    [plan] = resources(text, "CarePlan")
    assert {a["reference"]["reference"] for a in plan["activity"]} <= urls


def test_unit_the_dosage_is_the_plan_day_by_day() -> None:
    document = taper_document()
    [request] = resources(bundle(material()), "MedicationRequest")
    day = date.fromisoformat(document["start"])
    rows = [r for r in document["rows"] if r["take"]]
    assert [d["sequence"] for d in request["dosageInstruction"]] == [r["row"] for r in rows]
    for dosage, row in zip(request["dosageInstruction"], rows, strict=True):
        repeat = dosage["timing"]["repeat"]
        assert repeat["boundsPeriod"]["start"] == day.isoformat()
        day = date.fromisoformat(repeat["boundsPeriod"]["end"]) + timedelta(days=1)
        dose = float(dosage["doseAndRate"][0]["doseQuantity"]["value"])
        assert dose * repeat["frequency"] == pytest.approx(row["mg_per_day"])
    assert day.isoformat() == document["stop"]
    codings = {c["system"]: c["code"] for c in request["medicationCodeableConcept"]["coding"]}
    assert codings["http://www.whocc.no/atc"] == document["drug"]["atc"]


def test_unit_services_have_the_days_of_the_sessions() -> None:
    m = example_material()
    found = {r["code"]["text"]: r for r in resources(bundle(m), "ServiceRequest")}
    assert set(found) == {e.what for e in m.of_kind("session", "home")}
    days = sorted({e.day.isoformat() for e in m.of_kind("session") if e.what == "iTBS"})
    assert [d[:10] for d in found["iTBS"]["occurrenceTiming"]["event"]] == days
    assert len(days) == 30


def test_unit_nothing_of_a_forecast_is_in_it() -> None:
    text = bundle(example_material())
    assert "RiskAssessment" not in text
    assert "responded" not in text
    assert "occupancy" not in text


def test_unit_the_classes_do_refuse_what_is_wrong() -> None:
    document = json.loads(bundle(material()))
    document["entry"][1]["resource"]["status"] = ["draft"]
    with pytest.raises(ValidationError):
        Bundle.model_validate(document)
