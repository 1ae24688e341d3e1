"""What patients of a blinded study believe they are given."""

from __future__ import annotations

import pytest

from cotreat.evidence.arms import arm_ledger
from cotreat.evidence.load import load_study, load_text
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.channels import changes_of, infusion_of
from cotreat.studies.disguise import disguised, tapered_on

TAPER = """
id: blind
title: A blinded taper
design: {design}
use: context
reason: made up
population: {{label: stable on maintenance, already_on: sertraline 100 mg daily}}
arms:
  stay: {{n: 30, regimen: "sertraline 100 mg daily for 12 weeks"}}
  cut: {{n: 30, regimen: "taper sertraline 100 mg daily to 0 over 4 weeks"}}
  gone: {{n: 30, regimen: "", placebo: capsules}}
  lithium: {{n: 30, regimen: "sertraline 100 mg daily for 12 weeks\\nlithium to 0.7 mmol/L for 4 weeks"}}
outcomes:
  - {{arm: stay, measure: relapse, day: 84, read: seen}}
"""


def arms_of(text: str) -> dict[str, Ledger]:
    study = load_text(text)
    return disguised(study, {k: arm_ledger(study, k) for k in study.arms}, None)


def changes(ledgers: dict[str, Ledger]) -> dict[str, tuple[int, ...]]:
    return {k: changes_of(v, v.first[0]) for k, v in ledgers.items()}


def test_unit_a_blinded_taper_makes_everybody_expect_a_change() -> None:
    found = changes(arms_of(TAPER.format(design="rct-double-blind")))
    assert found["stay"] == found["gone"] == found["lithium"] == (0,)
    assert len(found["cut"]) > 2


def test_unit_in_an_open_study_only_those_who_are_cut_expect_it() -> None:
    found = changes(arms_of(TAPER.format(design="rct-open")))
    assert found["stay"] == found["lithium"] == ()
    assert found["gone"] == (0,)


def test_unit_a_study_that_changes_no_drug_disguises_nothing() -> None:
    study = load_study("cole2022")
    before = {k: arm_ledger(study, k) for k in study.arms}
    assert disguised(study, before, None) == before


@pytest.mark.parametrize(
    ("name", "arm", "kind", "count"),
    [
        ("murrough2013", "midazolam", "felt_infusion", 1),
        ("zarate2006", "saline", "inert_infusion", 1),
        ("popova2019", "placebo", "inert_infusion", 8),
        ("murrough2013", "ketamine", "felt_infusion", 1),
    ],
)
def test_published_infusions_in_place_of_ketamine(name: str, arm: str, kind: str, count: int) -> None:
    study = load_study(name)
    ledger = disguised(study, {k: arm_ledger(study, k) for k, a in study.arms.items() if a.regimen is not None}, None)[
        arm
    ]
    found = [infusion_of(i) for n in ledger.first for i in ledger.phases[n].items]
    assert [k for k in found if k] == [kind] * count


@pytest.mark.parametrize(
    ("regimen", "until", "expected"),
    [
        ("taper diazepam 10 mg daily to 0 over 8 weeks", 56, 56),
        ("taper diazepam 10 mg daily to 0 over 8 weeks", 49, None),
        ("diazepam 10 mg daily for 8 weeks", 56, None),
        ("diazepam 10 mg daily for 4 weeks", 56, 28),
        ("lithium to 0.7 mmol/L for 20 weeks", 56, 0),
    ],
)
def test_unit_the_day_from_which_the_drug_is_gone(regimen: str, until: int, expected: int | None) -> None:
    text = TAPER.format(design="rct-open").replace('sertraline 100 mg daily for 12 weeks"}', regimen + '"}')
    study = load_text(text)
    assert tapered_on(arm_ledger(study, "stay", horizon=until + 28), until) == expected
