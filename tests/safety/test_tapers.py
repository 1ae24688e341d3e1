"""For every drug a way to stop exists that no rule blocks, and the common wrong ways are blocked."""

from __future__ import annotations

from itertools import pairwise

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


IN_CLINIC = {
    "ketamine": (
        "ketamine 0.5 mg/kg IV over 40 minutes twice a week for 4 weeks then weekly for 4 weeks "
        "then every 2 weeks for 8 weeks then monthly for 12 weeks"
    ),
    "esketamine": (
        "esketamine 84 mg nasal twice a week for 4 weeks then 56 mg nasal weekly for 4 weeks "
        "then 28 mg nasal every 2 weeks for 8 weeks"
    ),
}
"""Drugs given under supervision in single doses: they are ended by spacing doses, and by devices that exist."""


def gentle(entry: Drug, mg: float) -> str:
    """A slow taper: by occupancy where a curve is on file, sedatives in steps of a hundredth."""
    if entry.id in IN_CLINIC:
        return IN_CLINIC[entry.id]
    by = " by occupancy" if entry.occupancy is not None and entry.occupancy.usable else ""
    weeks = 2 if "benzodiazepine" in entry.groups or "z-drug" in entry.groups else 4
    return f"taper {entry.id} {mg:g} mg daily to 0 over 200 weeks{by}, steps every {weeks} weeks"


def verdict(plan: str) -> Verdict:
    return check(parse(plan), QUIET, OPTIONS)


@pytest.mark.parametrize("entry", drugs(), ids=lambda d: d.id)
def test_unit_every_drug_can_be_tapered_to_zero(entry: Drug) -> None:
    mg = dose(entry)
    while True:
        try:
            plan = parse(gentle(entry, mg))
            break
        except InputError:
            mg /= 2
            assert mg > 1e-4
    # The person of these tests is in a research protocol, as D-cycloserine demands (DCS-002).
    assert "research_protocol_id" in QUIET.given
    assert [f.rule.id for f in check(plan, QUIET, OPTIONS).fired("block")] == []


def test_unit_a_nasal_dose_that_no_device_makes_is_a_block() -> None:
    found = verdict("esketamine 42 mg nasal weekly for 4 weeks")
    assert "KET-020" in {f.rule.id for f in found.fired("block")}


def test_unit_cycloserine_without_a_protocol_is_stopped_however_it_ends() -> None:
    plan = parse("taper D-cycloserine 100 mg daily to 0 over 8 weeks, steps every 2 weeks")
    fired = check(plan, QUIET.without("research_protocol_id"), OPTIONS).fired("block")
    assert [f.rule.id for f in fired] == ["DCS-002"]


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


def test_unit_the_last_step_of_a_gentle_sedative_taper_is_no_caution() -> None:
    down = [10.0]
    while down[-1] > 1:
        down.append(round(0.91 * down[-1], 2))
    cuts = [
        f"lower diazepam from {a:g} mg to {b:g} mg daily at day {14 * k}" for k, (a, b) in enumerate(pairwise(down))
    ]
    plan = "\n".join([*cuts, f"stop diazepam at day {14 * len(cuts)}"])
    assert down[-1] <= 1
    assert verdict(plan).fired() == ()
    early = "\n".join([*cuts[:8], f"stop diazepam at day {14 * 8}"])
    assert "TAP-003" in {f.rule.id for f in verdict(early).fired("warn")}


@pytest.mark.parametrize("every", [4, 13, 26, 40])
def test_unit_steps_that_lie_months_apart_are_one_taper(every: int) -> None:
    doses = [8, 5, 3, 1.5, 0.5]
    cuts = [
        f"lower risperidone from {a:g} mg to {b:g} mg daily at day {7 * every * k}"
        for k, (a, b) in enumerate(pairwise(doses))
    ]
    plan = "\n".join([*cuts, f"stop risperidone at day {7 * every * len(cuts)}"])
    found = verdict(plan).finding("TAP-052")
    assert found is not None
    assert found.holds is False


def test_unit_a_stop_long_after_the_last_cut_is_abrupt() -> None:
    plan = (
        "lower risperidone from 4 mg to 3 mg daily at day 0\nlower risperidone from 3 mg to 2 mg daily at day 28\n"
        "stop risperidone at day 200"
    )
    found = verdict(plan).finding("TAP-052")
    assert found is not None
    assert found.holds is True
