"""For every drug a way to stop exists that no rule blocks, and the common wrong ways are blocked."""

from __future__ import annotations

import pytest

from cotreat.catalogue.drug_table import Drug, drugs
from cotreat.measures.errors import InputError
from cotreat.regimen.parse import parse
from cotreat.safety.check import PLANNING, CheckOptions, Verdict, check
from cotreat.safety.patient import read_patient
from tests.safety.people import person

OPTIONS = CheckOptions(stages=PLANNING)
QUIET = read_patient(person())


def dose(entry: Drug) -> float:
    """A usual daily dose: typical, or half of what a day can hold for a drug known by name only."""
    return entry.typical_dose_mg or entry.limits.daily_max_mg / 2


def gentle(entry: Drug, mg: float) -> str:
    """A slow taper: by occupancy where a curve is on file, sedatives in steps of a hundredth."""
    by = " by occupancy" if entry.occupancy is not None and entry.occupancy.usable else ""
    weeks = 2 if "benzodiazepine" in entry.groups or "z-drug" in entry.groups else 4
    return f"taper {entry.id} {mg:g} mg daily to 0 over 200 weeks{by}, steps every {weeks} weeks"


def verdict(plan: str) -> Verdict:
    return check(parse(plan), QUIET, OPTIONS)


@pytest.mark.parametrize("entry", [d for d in drugs() if d.id != "D-cycloserine"], ids=lambda d: d.id)
def test_unit_every_drug_can_be_tapered_to_zero(entry: Drug) -> None:
    mg = dose(entry)
    while True:
        try:
            plan = parse(gentle(entry, mg))
            break
        except InputError:
            mg /= 2
            assert mg > 1e-4
    found = check(plan, QUIET, OPTIONS)
    allowed = {"esketamine": {"KET-020"}, "ketamine": {"KET-025"}}.get(entry.id, set())
    assert {f.rule.id for f in found.fired("block")} <= allowed


@pytest.mark.parametrize("drug", ["diazepam 20", "lorazepam 4", "zolpidem 10", "clonazepam 4"])
def test_published_asam_pace_is_a_block(drug: str) -> None:
    found = verdict(f"taper {drug} mg daily to 0 over 5 weeks").finding("TAP-002")
    assert found is not None
    assert found.verdict == "fired"


def test_unit_exactly_a_quarter_in_two_weeks_is_not_more_than_a_quarter() -> None:
    found = verdict("lower diazepam from 20 mg to 15 mg daily at week 2").finding("TAP-002")
    assert found is not None
    assert found.holds is False
    more = verdict("lower diazepam from 20 mg to 14.9 mg daily at week 2").finding("TAP-002")
    assert more is not None
    assert more.holds is True


def test_unit_cuts_in_one_fortnight_add_up() -> None:
    plan = "lower diazepam from 20 mg to 17 mg daily at week 2\nlower diazepam from 17 mg to 14 mg daily at week 3"
    found = verdict(plan).finding("TAP-002")
    assert found is not None
    assert found.holds is True
    apart = verdict(plan.replace("week 3", "week 4")).finding("TAP-002")
    assert apart is not None
    assert apart.holds is False


@pytest.mark.parametrize(
    ("plan", "rule"),
    [
        ("stop sertraline", "TAP-020"),
        ("stop clozapine", "TAP-050"),
        ("stop lithium", "TAP-040"),
        ("stop diazepam", "TAP-001"),
        ("stop zolpidem", "TAP-001"),
        ("stop pregabalin", "TAP-009"),
        ("lower sertraline from 200 mg to 50 mg daily at week 2", "TAP-021"),
    ],
)
def test_unit_wrong_ways_to_stop_are_blocked(plan: str, rule: str) -> None:
    assert rule in {f.rule.id for f in verdict(plan).fired("block")}


def test_unit_an_order_that_is_simply_over_does_not_say_how_it_ends() -> None:
    found = verdict("sertraline 50 mg daily for 12 weeks").finding("TAP-020")
    assert found is not None
    assert found.holds is None
    assert found.reason == "the plan does not say enough"
