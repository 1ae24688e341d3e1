"""The plan as FHIR R4 resources, drafts for a prescriber to take over: a care plan, and what it is made of.

Status is ``draft`` and intent ``plan`` (or ``proposal`` for a service) throughout, never an order. The patient is an
empty resource: who it is, the receiving system knows. Classes of R4B are used; for these resources its JSON is that of
R4.
"""

from __future__ import annotations

import uuid
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from cotreat.plan.documents.material import Event, Material
from cotreat.regimen.quantities import plain

_SPACE = uuid.UUID("6f3a2d0c-5d64-5b0a-9f5e-2b9f0d1c7e11")
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_ATC = "http://www.whocc.no/atc"
_UCUM = "http://unitsofmeasure.org"


def bundle(material: Material) -> str:
    """A FHIR bundle (JSON) of type collection, validated by the classes of each resource."""
    from fhir.resources.R4B.bundle import Bundle

    ids = _Ids(material.digest)
    subject = {"reference": ids.of("Patient")}
    parts: list[tuple[str, dict[str, Any]]] = []
    for k, document in enumerate(material.tapers):
        parts.append((ids.of(f"MedicationRequest/{k}"), _medication(material, document, subject)))
    for k, drug in enumerate(dict.fromkeys(o.drug for o in material.orders)):
        parts.append((ids.of(f"MedicationRequest/order/{k}"), _ordered(material, drug, subject)))
    for k, (what, events) in enumerate(_sessions(material).items()):
        parts.append((ids.of(f"ServiceRequest/{k}"), _service(material, what, events, subject)))
    plan = _care_plan(material, subject, [ref for ref, _ in parts])
    entries = [(ids.of("Patient"), _patient(material)), (ids.of("CarePlan"), plan), *parts]
    whole = {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": datetime.combine(material.made, time(), ZoneInfo("UTC")).isoformat(),
        "entry": [{"fullUrl": ref, "resource": _checked(resource)} for ref, resource in entries],
    }
    return str(Bundle.model_validate(whole).model_dump_json(indent=2)) + "\n"


class _Ids:
    """Names of the resources, made from the plan: the same plan gives the same ones."""

    def __init__(self, digest: str) -> None:
        self._space = uuid.uuid5(_SPACE, digest)

    def of(self, name: str) -> str:
        return f"urn:uuid:{uuid.uuid5(self._space, name)}"


def _checked(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource, once its class has accepted it."""
    from importlib import import_module

    kind = resource["resourceType"]
    found = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    found.model_validate(resource)
    return resource


def _patient(material: Material) -> dict[str, Any]:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">Identified by the receiving system.</div>'
    return {"resourceType": "Patient", "text": {"status": "generated", "div": div}}


def _care_plan(material: Material, subject: dict[str, str], parts: list[str]) -> dict[str, Any]:
    made = material.provenance
    pack = made["rule_pack"]
    notes = [
        f"Cotreat {made['version']}, rule pack {pack['version']} {pack['hash']}.",
        made["disclaimer"],
        f"Safety rules: {material.safety['verdict']}.",
        *(material.say(key) for key in material.must_read),
    ]
    overridden = [f"{o['id']} overridden by the prescriber: {o['reason']}" for o in material.safety["overrides"]]
    return {
        "resourceType": "CarePlan",
        "language": material.language,
        "status": "draft",
        "intent": "plan",
        "title": material.title,
        "subject": subject,
        "period": {"start": material.first.isoformat(), "end": material.last.isoformat()},
        "created": material.made.isoformat(),
        "activity": [{"reference": {"reference": ref}} for ref in parts],
        "note": [{"text": text} for text in (*notes, *overridden)],
    }


def _medication(material: Material, document: dict[str, Any], subject: dict[str, str]) -> dict[str, Any]:
    drug = document["drug"]
    coding = []
    if drug["rxcui"]:
        coding.append({"system": _RXNORM, "code": drug["rxcui"], "display": drug["id"]})
    if drug["atc"]:
        coding.append({"system": _ATC, "code": drug["atc"]})
    concept: dict[str, Any] = {"text": drug["id"]}
    if coding:
        concept["coding"] = coding
    return {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "plan",
        "medicationCodeableConcept": concept,
        "subject": subject,
        "authoredOn": material.made.isoformat(),
        "dosageInstruction": [_dosage(r) for r in document["rows"] if r["take"]],
        "note": [
            {"text": f"Taper to zero. First day without the drug: {document['stop']}."},
            {"text": f"Cotreat {material.provenance['version']}. {material.provenance['disclaimer']}"},
        ],
    }


def _ordered(material: Material, name: str, subject: dict[str, str]) -> dict[str, Any]:
    dosage = []
    for k, o in enumerate((o for o in material.orders if o.drug == name), 1):
        bounds = {"start": o.first.isoformat()} | ({} if o.last is None else {"end": o.last.isoformat()})
        repeat = {
            "boundsPeriod": bounds,
            "frequency": o.times,
            "period": 1,
            "periodUnit": "d",
        }
        step: dict[str, Any] = {
            "sequence": k,
            "text": f"level of {plain(o.amount)} {o.unit}" if o.is_level else f"{plain(o.amount)} {o.unit} a day",
            "timing": {"repeat": repeat},
        }
        if o.unit == "mg":
            each = {"value": round(o.amount / o.times, 6), "unit": "mg", "system": _UCUM, "code": "mg"}
            step["doseAndRate"] = [{"doseQuantity": each}]
        dosage.append(step)
    return {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "plan",
        "medicationCodeableConcept": {"text": name},
        "subject": subject,
        "authoredOn": material.made.isoformat(),
        "dosageInstruction": dosage,
        "note": [{"text": f"Cotreat {material.provenance['version']}. {material.provenance['disclaimer']}"}],
    }


def _dosage(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sequence": row["row"],
        "text": row["text"],
        "timing": {
            "repeat": {
                "boundsPeriod": {"start": row["first_day"], "end": row["last_day"]},
                "frequency": row["times_a_day"],
                "period": 1,
                "periodUnit": "d",
            }
        },
        "doseAndRate": [
            {"doseQuantity": {"value": row["mg_per_dose"], "unit": "mg", "system": _UCUM, "code": "mg"}},
        ],
    }


def _sessions(material: Material) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for e in material.of_kind("session", "home"):
        found.setdefault(e.what, []).append(e)
    return found


def _service(material: Material, what: str, events: list[Event], subject: dict[str, str]) -> dict[str, Any]:
    days = list(dict.fromkeys(e.day.isoformat() for e in events))
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "plan",
        "code": {"text": what},
        "subject": subject,
        "authoredOn": material.made.isoformat(),
        "quantityQuantity": {"value": len(days), "unit": "days with sessions"},
        "occurrenceTiming": {"event": [f"{d}" for d in days]},
        "note": [
            *({"text": s} for s in material.sentences if what in s),
            {"text": f"Cotreat {material.provenance['version']}. {material.provenance['disclaimer']}"},
        ],
    }
