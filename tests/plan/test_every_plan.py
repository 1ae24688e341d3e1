"""No plan breaks a rule, every dose can be made, and a way to zero exists for every drug and country."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from cotreat.catalogue.drug_table import Drug
from cotreat.measures.errors import InputError
from cotreat.plan.make import finished, taper
from cotreat.plan.request import SPEEDS, Forms, Options
from cotreat.plan.value import Plan, Refused
from cotreat.regimen.quantities import plain
from tests.plan.invariants import assert_plan
from tests.plan.requests import QUIET, TODAY, random_person, random_request, tapered, usual


def answer(draw: random.Random) -> Plan | Refused | None:
    """A plan or a refusal for a random request and person; None when the request cannot be planned at all."""
    text, options = random_request(draw)
    try:
        return taper(text, random_person(draw), options)
    except InputError as error:
        if not (error.hint or error.examples) or "\n" in error.message:
            raise
        return None


def many(seed: int, requests: int, people: int) -> dict[str, int]:
    """How many plans were given and refused; each plan is looked at once more for other people."""
    draw = random.Random(seed)
    count = {"plan": 0, "refused": 0, "none": 0}
    for _ in range(requests):
        found = answer(draw)
        if found is None:
            count["none"] += 1
            continue
        if isinstance(found, Refused):
            assert found.reasons
            count["refused"] += 1
            continue
        assert_plan(found)
        count["plan"] += 1
        for _ in range(people):
            request = replace(found.request, patient=random_person(draw))
            try:
                other = finished(request, found.scale, found.rows, found.preparations, ())
            except InputError:
                continue
            if isinstance(other, Refused):
                assert other.verdict is not None
                assert other.verdict.stopped
                count["refused"] += 1
            else:
                assert not other.verdict.stopped
                count["plan"] += 1
    return count


def test_property_no_plan_of_many_breaks_a_rule_or_cannot_be_made() -> None:
    count = many(seed=1, requests=25, people=3)
    assert count["plan"] > 25
    assert count["refused"] > 5


@pytest.mark.slow
def test_property_no_plan_of_thousands_breaks_a_rule_or_cannot_be_made() -> None:
    count = many(seed=2, requests=250, people=10)
    assert sum(count.values()) > 1500
    assert count["plan"] > 1000


@pytest.mark.parametrize(("drug", "forms"), tapered(), ids=lambda x: getattr(x, "id", x))
def test_unit_a_way_to_zero_exists_or_the_missing_preparation_is_named(drug: Drug, forms: Forms) -> None:
    speed = SPEEDS[(len(drug.id) + len(forms)) % 3]
    options = Options(speed=speed, forms=forms, reason="remission", today=TODAY)
    found = taper(f"{drug.id} {plain(usual(drug, forms))} mg daily", QUIET, options)
    assert isinstance(found, Plan)
    assert found.doses[-1] == 0
    assert all(b < a for a, b in zip(found.doses, found.doses[1:], strict=False))
    if any(p.origin == "made to order" for p in found.used):
        assert any("missing preparation" in r for r in found.remarks)
    if found.evenness is not None and found.evenness > 1.5:
        assert any("would mend it" in r for r in found.remarks)


@pytest.mark.parametrize(("drug", "forms"), tapered()[::7], ids=lambda x: getattr(x, "id", x))
def test_unit_from_marketed_preparations_alone_there_is_a_plan_or_what_is_missing(drug: Drug, forms: Forms) -> None:
    options = Options(forms=forms, reason="remission", today=TODAY, made_to_order=False)
    found = taper(f"{drug.id} {plain(usual(drug, forms))} mg daily", QUIET, options)
    if isinstance(found, Refused):
        assert found.verdict is None
        assert "missing preparation" in found.would_help[0]
        assert "rows" not in found.document()
    else:
        assert all(p.origin == "marketed" for p in found.used)
        assert_plan(found)
