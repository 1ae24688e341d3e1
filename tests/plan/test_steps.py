"""The way down: equal steps of occupancy, shares within the guideline, equal doses; what the curve may be."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.catalogue.drug_table import drug, drugs
from cotreat.measures.errors import InputError
from cotreat.plan.make import taper
from cotreat.plan.occupied import curve_range, falls, occupancies
from cotreat.plan.portions import portions
from cotreat.plan.preparations import made_to_order, preparations
from cotreat.plan.request import COUNTRIES, Options
from cotreat.plan.scale import kind_of
from cotreat.plan.value import Plan
from tests.plan.requests import QUIET, TODAY

CURVES = [d for d in drugs() if d.occupancy is not None and d.occupancy.usable]


def planned(text: str, **options: Any) -> Plan:
    wishes: dict[str, Any] = {"today": TODAY, "reason": "remission"} | options
    found = taper(text, QUIET, Options(**wishes))
    assert isinstance(found, Plan), str(found)
    return found


# ---- antidepressants --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", ["slow", "standard", "fast"])
@pytest.mark.parametrize("text", ["venlafaxine 225 mg daily", "escitalopram 20 mg daily", "duloxetine 60 mg daily"])
def test_unit_steps_of_occupancy_are_even_to_the_last(text: str, speed: str) -> None:
    plan = planned(text, speed=speed)
    steps = [s[0] for s in plan.steps if s is not None]
    assert plan.evenness is not None
    assert plan.evenness <= 1.5
    assert steps[-1] <= 1.5 * sorted(steps)[len(steps) // 2]
    assert sum(steps) == pytest.approx(plan.scale.measure(plan.request.per_day))


def test_published_a_ladder_that_looks_hyperbolic_ends_in_a_cliff() -> None:
    """The blinded venlafaxine ladder of the taper notes: 86.7 to 54.8 % in eight steps, the rest in one."""
    curve = drug("venlafaxine").occupancy
    assert curve is not None
    ladder = [150, 105, 73, 51, 37, 25, 18, 12, 9]
    places = [curve.percent(mg) for mg in ladder]
    assert places[0] == pytest.approx(86.7, abs=0.05)
    assert places[-1] == pytest.approx(54.8, abs=0.05)
    # A plan from the same dose never falls so far at once.
    assert max(s[0] for s in planned("venlafaxine 150 mg daily").steps if s is not None) < 12


def test_unit_no_cut_takes_more_than_half_while_much_is_occupied() -> None:
    plan = planned("venlafaxine 225 mg daily", speed="fast")
    curve = drug("venlafaxine").occupancy
    assert curve is not None
    assert all(b >= a / 2 or curve.percent(a) <= 20 for a, b in pairwise(plan.doses))


def test_unit_slow_release_is_kept_for_as_long_as_it_makes_the_dose_and_never_split() -> None:
    plan = planned("venlafaxine 225 mg daily")
    releases = [r.portion.quick for r in plan.rows if r.portion is not None]
    assert releases == sorted(releases)
    assert releases[:3] == [False, False, False]
    for row in plan.rows:
        for p, n in () if row.portion is None else row.portion.parts:
            assert p.release == "immediate" or n == round(n)


# ---- benzodiazepines --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", ["slow", "standard", "fast"])
def test_published_asam_pace(speed: str) -> None:
    """ASAM 2025: 5-10 % every 2 to 4 weeks, never over 25 % in 2 weeks. A liquid makes every step."""
    plan = planned("diazepam 20 mg daily", forms="US", speed=speed)
    shares = [(a - b) / a for a, b in pairwise(plan.doses[:-1])]
    assert 14 <= plan.scale.interval_days <= 28
    # Measured to 0.1 mL, a step of 10 % may come out at 12, one of 5 % near the end at 10.
    assert max(shares) <= (0.1 if speed == "slow" else 0.125)
    assert plan.doses[-2] <= 1


def test_unit_equivalents_are_intervals() -> None:
    rows = planned("lorazepam 2 mg daily", forms="UK").document()["rows"]
    # Published tables hold 1 to 2 mg of lorazepam for 10 mg of diazepam.
    assert rows[0]["diazepam_mg"] == [rows[0]["mg_per_day"] * 5, rows[0]["mg_per_day"] * 10]


def test_unit_sedatives_are_stopped_from_at_most_a_milligram_of_diazepam() -> None:
    for text, forms in (
        ("lorazepam 4 mg daily", "EU"),
        ("clonazepam 2 mg daily", "KR"),
        ("zolpidem 10 mg daily", "JP"),
    ):
        plan = planned(text, forms=forms, speed="fast")
        assert plan.scale.diazepam_mg is not None
        assert plan.doses[-2] / plan.scale.diazepam_mg <= 1 + 1e-9


# ---- antipsychotics, lithium, clozapine -------------------------------------------------------------------------


def test_published_horowitz_2021_pace() -> None:
    plan = planned("olanzapine 10 mg daily", forms="US")
    assert plan.scale.kind == "antipsychotic by occupancy"
    assert 84 <= plan.scale.interval_days <= 183
    assert max(s[0] for s in plan.steps if s is not None) <= 12


@pytest.mark.parametrize(("text", "least"), [("lithium 900 mg daily", 4), ("clozapine 300 mg daily", 12)])
@pytest.mark.parametrize("speed", ["slow", "standard", "fast"])
def test_unit_lithium_and_clozapine_are_stopped_over_weeks(text: str, least: int, speed: str) -> None:
    plan = planned(text, forms="KR", speed=speed)
    assert plan.rows[-1].day >= 7 * least
    assert plan.verdict.finding("TAP-041") is None or plan.verdict.finding("TAP-041").holds is not True  # type: ignore[union-attr]


def test_unit_weeks_asked_for_are_kept_to_the_day() -> None:
    for text, forms in (
        ("diazepam 20 mg daily", "KR"),
        ("lithium 900 mg daily", "JP"),
        ("sertraline 100 mg daily", "US"),
    ):
        assert planned(text, forms=forms, weeks=30).rows[-1].day == 210


def test_unit_every_drug_has_its_group() -> None:
    found = {d.id: kind_of(d) for d in drugs()}
    assert found["venlafaxine"] == "antidepressant by occupancy"
    assert found["mirtazapine"] == "antidepressant by dose"
    assert found["zolpidem"] == "sedative"
    assert found["quetiapine"] == "antipsychotic by dose"
    assert found["valproate"] == found["pregabalin"] == "anticonvulsant"
    assert found["methylphenidate"] == "other"


# ---- what the curve may be --------------------------------------------------------------------------------------


@given(st.sampled_from(CURVES), st.lists(st.floats(0.01, 500), min_size=2, max_size=12))
def test_property_intervals_hold_the_curve_and_its_steps(d: Any, doses: list[float]) -> None:
    down = sorted(doses, reverse=True)
    box = curve_range(d)
    assert box is not None
    middle = [d.occupancy.percent(mg) for mg in down]
    assert all(low - 1e-6 <= m <= high + 1e-6 for m, (low, high) in zip(middle, occupancies(d, down), strict=True))
    for low, high in falls(d, down):
        assert 0 <= low <= high <= 100


def test_unit_the_interval_of_escitalopram_spans_the_regions() -> None:
    [(low, high)] = occupancies(drug("escitalopram"), [10])
    regions = [c.percent(10) for c in drug("escitalopram").other_occupancy]
    assert low <= min(regions)
    assert high >= max(regions)


# ---- preparations -----------------------------------------------------------------------------------------------


@given(st.sampled_from([d for d in drugs() if d.modelled]), st.sampled_from(COUNTRIES), st.floats(0.1, 400))
def test_property_portions_are_what_they_say(d: Any, forms: Any, top: float) -> None:
    for portion in portions(preparations(d, forms), top / 2, top)[:200]:
        assert top / 2 - 1e-4 <= portion.mg <= top + 1e-4
        assert portion.mg == pytest.approx(sum(p.mg * n for p, n in portion.parts), abs=1e-4)
        for p, n in portion.parts:
            assert p.liquid or n % 1 == 0 or (p.release == "immediate" and n * 2 % 1 == 0 and "tablet" in p.form)
            assert n <= p.largest


@pytest.mark.parametrize(
    ("text", "forms", "kept"),
    [
        ("paroxetine 20 mg daily", "US", "quick"),
        ("quetiapine 300 mg daily", "JP", "quick"),
        ("zolpidem 10 mg daily", "KR", "quick"),
        ("venlafaxine 150 mg daily", "US", "slow"),
        ("methylphenidate 20 mg daily", "EU", "quick"),
    ],
)
def test_unit_the_release_that_is_taken_is_kept_and_named(text: str, forms: str, kept: str) -> None:
    plan = planned(text, forms=forms)
    first = plan.rows[0].portion
    assert first is not None
    assert first.quick == (kept == "quick")
    assert any(remark.startswith(f"{kept} release is taken") for remark in plan.remarks)
    if kept == "quick":
        assert all(p.release == "immediate" for p in plan.used)


def test_unit_slow_paroxetine_is_not_exchanged_for_plain_milligrams() -> None:
    plan = taper("paroxetine 25 mg daily", QUIET, Options(today=TODAY, forms="US", release="slow"))
    assert not isinstance(plan, Plan)
    assert "20 mg" in plan.would_help[0]
    for text in ("paroxetine 25 mg daily", "zolpidem 12.5 mg daily", "methylphenidate 36 mg daily"):
        with pytest.raises(InputError, match="of slow or of quick release"):
            taper(text, QUIET, Options(today=TODAY, forms="US", confirm_dose=True, preparations=("0.5 mg/mL liquid",)))
    quick = planned("paroxetine 25 mg daily", forms="US", release="quick")
    assert all(p.release == "immediate" for p in quick.used)


@pytest.mark.parametrize(
    ("text", "forms"),
    [("lorazepam 3 mg daily", "US"), ("diazepam 20 mg daily", "UK"), ("venlafaxine 225 mg daily", "EU")],
)
def test_unit_nobody_goes_back_and_forth_between_tablets_and_liquids(text: str, forms: str) -> None:
    plan = planned(text, forms=forms)
    taken = [r.portion.parts for r in plan.rows if r.portion is not None]
    liquid = [any(p.liquid for p, _ in parts) for parts in taken]
    solid = [any(not p.liquid for p, _ in parts) for parts in taken]
    assert liquid == sorted(liquid)
    assert solid == sorted(solid, reverse=True)
    strengths = [p.mg for parts in taken for p, _ in parts if p.liquid]
    assert strengths == sorted(strengths, reverse=True)


def test_unit_nothing_is_made_to_order_where_nothing_would_do() -> None:
    assert made_to_order(drug("paliperidone"), 0.1) == ()
    plan = planned("paliperidone 6 mg daily", forms="JP")
    assert any("risperidone" in remark for remark in plan.remarks)


def test_unit_gastro_resistant_drugs_are_not_made_into_a_liquid() -> None:
    assert all(not p.liquid and p.release == "delayed" for p in made_to_order(drug("duloxetine"), 1))


def test_unit_the_same_request_gives_the_same_plan() -> None:
    one, two = planned("paroxetine 20 mg daily", forms="JP"), planned("paroxetine 20 mg daily", forms="JP")
    assert one.rows == two.rows
    assert one.document() == two.document()
