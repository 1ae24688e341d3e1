"""Random requests and people for plans, from a seed."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from cotreat.catalogue.drug_table import Drug, drugs
from cotreat.measures.errors import InputError
from cotreat.plan.portions import portions
from cotreat.plan.preparations import of_release, preparations, usual_release
from cotreat.plan.request import COUNTRIES, REASONS, SPEEDS, Forms, Options
from cotreat.safety.patient import Patient, read_patient
from tests.safety.people import person

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "safety" / "rule_cases.yaml").read_text(encoding="utf-8")
)
FIRED = sorted((c for c in (c.get("fires") or {} for c in CASES.values()) if c), key=str)
TODAY = date(2026, 11, 23)
QUIET = read_patient(person())
IN_CLINIC = ("ketamine", "esketamine")


def tapered() -> list[tuple[Drug, Forms]]:
    """Every drug taken at home with every country that has a preparation of it."""
    return [(d, c) for d in drugs() if d.modelled and d.id not in IN_CLINIC for c in COUNTRIES if preparations(d, c)]


def usual(drug: Drug, forms: Forms) -> float:
    """The largest dose a day up to the usual one that the preparations of a country make."""
    assert drug.typical_dose_mg is not None
    every = preparations(drug, forms)
    of_one = of_release(drug, every, usual_release(drug).usual) or every
    made = portions(of_one, drug.typical_dose_mg / 2, drug.typical_dose_mg)
    return max(p.mg for p in made) if made else of_one[0].mg


def random_person(draw: random.Random) -> Patient:
    """Somebody of whom much is known, up to three things are wrong and some are left out."""
    changes: dict[str, Any] = {}
    for one in draw.sample(FIRED, draw.choice([0, 0, 1, 2, 3])):
        changes |= one
    try:
        whole = read_patient(person(changes))
    except InputError:
        whole = QUIET
    left_out = set(draw.sample(sorted(whole.given), draw.choice([0, 0, 5, 20, 80])))
    left_out |= {"taper_reason", "dose_form", "instruction", "dose_achievable"}
    return Patient({k: v for k, v in whole.given.items() if k not in left_out})


def random_request(draw: random.Random) -> tuple[str, Options]:
    """A drug at a dose that its preparations make, with random wishes."""
    drug, forms = draw.choice(tapered())
    times = draw.choice([1, 1, 1, 2])
    top = (drug.max_dose_mg or usual(drug, forms)) / times
    made = sorted({p.mg for p in portions(preparations(drug, forms), top / 50, top)})
    mg = draw.choice(made) if made else usual(drug, forms)
    options = Options(
        speed=draw.choice(SPEEDS),
        forms=forms,
        weeks=draw.choice([None, None, None, 8, 16, 24.5, 52]),
        every_days=draw.choice([None, None, None, 7, 10, 14, 28]),
        made_to_order=draw.random() < 0.8,
        with_tms=draw.random() < 0.4,
        reason=draw.choice(REASONS),
        start=TODAY + timedelta(days=draw.randrange(0, 360)),
        today=TODAY,
        confirm_strengths=True,
    )
    often = {1: "daily", 2: "twice daily"}[times]
    return f"{drug.id} {mg:.10g} mg {often}", options
