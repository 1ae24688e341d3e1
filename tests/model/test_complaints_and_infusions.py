"""Withdrawal by groups of symptoms, nocebo, and the hours after an infusion: closed forms, as the engine gives them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.scales import SYMPTOM_GROUPS, scale, scales
from cotreat.model.mechanisms import infusion
from cotreat.model.parameter_set import load_parameters
from cotreat.population.cohort import Cohort, scale_points
from cotreat.population.populations import population
from cotreat.regimen.ledger import Before, Item, Ledger, Mark, Phase
from cotreat.simulate.channels import changes_of, infusion_of, layout_of
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from tests.simulate.ledgers import doses, ketamine, plain, sessions

SETTINGS = Settings(patients=300, draws=10, seed=4, weeks=6)
DAILY = replace(SETTINGS, weeks=4, visit_days=1)
KNOWN = load_parameters()


@cache
def cohort(name: str = "stable on maintenance") -> Cohort:
    return start_cohort(name, SETTINGS)


def recorded(course: Course, name: str) -> np.ndarray:
    return np.asarray(course.record[:, course.channels.recorded.index(name)], dtype=float)


# ---- scales and loadings --------------------------------------------------------------------------------------------


def test_unit_groups_of_items_fill_a_scale_and_no_more() -> None:
    for s in scales():
        if s.symptoms is not None:
            assert s.symptoms.keys() == set(SYMPTOM_GROUPS)
            assert sum(s.symptoms.values()) <= s.high
        assert s.symptoms is not None or s.construct not in ("depression", "anxiety", "sleep")
    assert {s.id for s in scales() if s.symptoms is not None and sum(s.symptoms.values()) < s.high - 1} == {
        "HAM-D21",
        "HAM-D24",
    }


def test_unit_each_scale_gains_as_much_of_withdrawal_as_it_has_items_for() -> None:
    draws = KNOWN.medians()
    points = {name: float(scale_points(name, draws)[0]) for name in ("HAM-D17", "HAM-D6", "MADRS", "PHQ-9")}
    anxiety, sleep, somatic = (float(draws[f"withdrawal.{g}"][0]) for g in ("anxiety", "sleep", "somatic"))
    assert points["HAM-D17"] == pytest.approx(12 * anxiety + 6 * sleep + 12 * somatic)
    assert points["MADRS"] == pytest.approx(6 * (anxiety + sleep + somatic))
    # of what the scale can show at all, MADRS and the six core items take less than HAM-D17
    share = {name: value / scale(name).high for name, value in points.items()}
    assert share["HAM-D6"] < share["HAM-D17"]
    assert share["MADRS"] < share["HAM-D17"]


def test_unit_a_rating_gains_its_points_of_withdrawal_and_nocebo() -> None:
    drug = tuple(replace(i, day=i.day) for i in doses("venlafaxine", 150.0, 14))
    stop = Ledger((Phase(0, "on", drug, (Mark(14, "stop", "venlafaxine", "stopped"),)),), (), (0,))
    stop = replace(stop, before=(Before("venlafaxine", 150.0, "mg"),))
    everyone = cohort()
    loud = start_cohort(
        "stable on maintenance",
        SETTINGS,
        KNOWN.with_given(
            {f"withdrawal.{g}": 2 * KNOWN.draws(10, 4)[f"withdrawal.{g}"] for g in ("anxiety", "sleep", "somatic")}
        ),
    )
    assert np.array_equal(everyone.baseline, loud.baseline)
    one, two = (follow(c, stop, SETTINGS) for c in (everyone, loud))
    complaints = recorded(one, "withdrawal") + recorded(one, "nocebo")
    assert np.array_equal(recorded(one, "withdrawal"), recorded(two, "withdrawal"))
    inside = (one.score > 0) & (two.score < 52)
    gain = everyone.parameters["rating.withdrawal"] * complaints
    assert np.abs((two.score - one.score) - gain)[inside].max() < 1e-3
    assert gain[3].mean() > 0.5
    assert gain[2].mean() < 0.3  # between doses of a drug of a few hours a little is missed every night


def test_unit_tms_leaves_withdrawal_as_it_is_unless_a_parameter_says_so() -> None:
    stop = Ledger(
        (Phase(0, "off", sessions("iTBS", 20, (0, 1, 2, 3, 4))),), (), (0,), (Before("venlafaxine", 150.0, "mg"),)
    )
    alone = replace(stop, phases=(Phase(0, "off", ()),))
    layout = layout_of([stop, alone])
    assert KNOWN.parameters["relief.tms"].median == 0
    low, high = KNOWN.parameters["relief.tms"].range90 or (0, 0)
    assert low == -high
    by_size = {}
    for size in (0.0, 0.05, -0.05):
        everyone = start_cohort("stable on maintenance", SETTINGS, KNOWN.with_given({"relief.tms": np.full(10, size)}))
        found = [recorded(follow(everyone, v, SETTINGS, layout=layout), "withdrawal")[2] for v in (stop, alone)]
        by_size[size] = found[0].mean() / found[1].mean()
    assert by_size[0.0] == pytest.approx(1.0, abs=1e-5)
    assert by_size[0.05] < 0.9
    assert by_size[-0.05] > 1.1


# ---- nocebo ---------------------------------------------------------------------------------------------------------


def test_unit_nocebo_follows_its_closed_form_and_does_not_add_up() -> None:
    marks = tuple(Mark(day, "cut", "venlafaxine", "cut") for day in (3, 10, 11))
    ledger = Ledger(
        (Phase(0, "on", doses("venlafaxine", 75.0, 42), marks),), (), (0,), (Before("venlafaxine", 75.0, "mg"),)
    )
    course = follow(cohort(), ledger, DAILY)
    size, tau = (cohort().parameters[f"nocebo.{k}"] for k in ("size", "time_constant"))
    for day, last in ((2, None), (4, 3), (9, 3), (11, 10), (12, 11), (28, 11)):
        expected = np.zeros_like(size) if last is None else size * np.exp(-(day - last) / tau)
        assert recorded(course, "nocebo")[day] == pytest.approx(expected, abs=1e-5)


def test_unit_nocebo_shows_in_ratings_but_does_not_move_mood() -> None:
    on = doses("venlafaxine", 75.0, 42)
    quiet = Ledger((Phase(0, "on", on),), (), (0,), (Before("venlafaxine", 75.0, "mg"),))
    told = replace(quiet, phases=(Phase(0, "on", on, (Mark(0, "switch", "capsules", "said to be changed"),)),))
    layout = layout_of([quiet, told])
    one, two = (follow(cohort(), ledger, SETTINGS, layout=layout) for ledger in (quiet, told))
    assert layout.channels.changes
    assert np.array_equal(one.state["mood"], two.state["mood"])
    assert (two.score[1] - one.score[1]).mean() > 0.2
    assert not recorded(one, "nocebo").any()


def test_unit_what_counts_as_a_change() -> None:
    nothing = Ledger((Phase(0, "nothing", ()),), (), (0,), before=(Before("sertraline", 100.0, "mg"),))
    assert changes_of(nothing, 0) == (0,)
    assert changes_of(replace(nothing, before=(Before("lithium", 0.7, "mmol/L"),)), 0) == ()
    on = Ledger((Phase(0, "on", doses("sertraline", 100.0, 7)),), (), (0,), before=(Before("sertraline", 100.0, "mg"),))
    assert changes_of(on, 0) == ()
    marks = (Mark(5, "stop", "sertraline", "x"), Mark(2, "hold", "sertraline", "x"), Mark(1, "cut", "lithium", "x"))
    assert changes_of(replace(on, phases=(replace(on.phases[0], marks=marks),)), 0) == (5,)
    assert not layout_of([on]).channels.changes


# ---- infusions ------------------------------------------------------------------------------------------------------

SALINE = Item(0, 10.0, "ketamine", "dose", 0.5, "mg/kg", sham=True)
MIDAZOLAM = replace(SALINE, details=(("placebo", "active"),))


def test_unit_the_transient_follows_its_closed_form() -> None:
    everyone = cohort("TRD outpatients")
    p = everyone.parameters
    both = layout_of([plain(ketamine(1)), plain((SALINE,))])
    felt, inert = (p[f"transient.{k}"] * p["trait.expectation"] for k in ("felt_infusion", "inert_infusion"))
    sizes = {
        "ketamine": (plain(ketamine(1)), p["transient.ketamine"] * p["trait.stimulation"] + felt),
        "midazolam": (plain((MIDAZOLAM,)), felt),
        "saline": (plain((SALINE,)), inert),
    }
    for ledger, size in sizes.values():
        course = follow(everyone, ledger, DAILY, layout=both)
        for day in (1, 7, 14):
            expected = size * np.exp(-(day - 10 / 24) / p["transient.time_constant"])
            assert recorded(course, "transient")[day] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert [infusion_of(i) for i in (ketamine(1)[0], MIDAZOLAM, SALINE)] == [
        "felt_infusion",
        "felt_infusion",
        "inert_infusion",
    ]


def test_unit_against_midazolam_the_effect_of_ketamine_is_about_half() -> None:
    draws = KNOWN.medians()
    ketamine_part, felt, inert = (
        float(draws[f"transient.{k}"][0]) for k in ("ketamine", "felt_infusion", "inert_infusion")
    )
    assert 0.5 < ketamine_part / (ketamine_part + felt - inert) < 0.8


def test_unit_an_infusion_in_its_place_gives_expectation_only() -> None:
    everyone = cohort("TRD outpatients")
    layout = layout_of([plain(ketamine(1)), plain((SALINE,))])
    arms = {
        k: follow(everyone, v, DAILY, layout=layout) for k, v in (("m", plain((MIDAZOLAM,))), ("s", plain((SALINE,))))
    }
    assert np.array_equal(arms["m"].state["mood"], arms["s"].state["mood"])
    assert not arms["m"].state["labile"].any()
    assert not arms["m"].sessions.any()


@given(st.floats(0.001, 30), st.floats(3, 12), st.floats(0.05, 0.3))
def test_property_the_onset_is_over_within_a_day(days: float, tau: float, onset: float) -> None:
    shown = float(infusion.since_dose(days, np.array(tau), np.array(onset)))
    assert 0 < shown <= np.exp(-days / tau)
    if days > 1.5:
        assert shown == pytest.approx(np.exp(-days / tau), rel=0.01)


def test_unit_a_tripled_time_constant_raises_what_is_left_on_day_7() -> None:
    tau, onset = np.array([7.0]), np.array([0.13])
    assert infusion.since_dose(7, 3 * tau, onset) > 1.5 * infusion.since_dose(7, tau, onset)
    assert infusion.since_dose(0.02, 3 * tau, onset) == pytest.approx(infusion.since_dose(0.02, tau, onset), rel=0.05)


def test_published_diazgranados2010_dissociation_is_raised_at_40_minutes_and_gone_within_hours() -> None:
    draws = KNOWN.medians()
    peak, fade = draws["dissociation.ketamine"], draws["dissociation.time_constant"]
    course = [float(infusion.dissociation(m / 1440, peak, fade)[0]) for m in (0, 20, 40, 80, 110, 230)]
    assert course[0] == 0
    assert course[1] == pytest.approx(course[2] / 2)
    assert course[2] == pytest.approx(peak[0])
    assert course[2] > course[3] > course[4] > course[5]
    assert course[2] > 10
    assert course[5] < 0.5


def test_unit_populations_name_a_scale_with_groups() -> None:
    for name in ("ECT candidates", "stable on maintenance"):
        assert scale(population(name).scale).symptoms is not None
