"""Forecasts: the score, the local level, and the research view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cotreat.monitor.follow import Filter, FilterSettings
from cotreat.monitor.forecast import LocalLevel, OneWeekAhead, crps, crps_normal
from cotreat.monitor.research import follow_with_forecasts, research_view
from cotreat.monitor.signals import LEVEL, expected
from cotreat.monitor.whatif import options
from tests.monitor.records import PHQ, person
from validation.monitor import generator as g

FEW = FilterSettings(particles=300)


def test_double_crps_of_a_sample_against_the_closed_form() -> None:
    # with 200,000 draws the SD of the sample score is about 0.0015: 0.01 is passed in under one run in a million
    sample = 1.5 + 2.0 * np.random.default_rng(1).standard_normal(200_000)
    for value in (-2.0, 1.0, 6.0):
        assert crps(sample, value) == pytest.approx(crps_normal(1.5, 2.0, value), abs=0.01)


def test_double_crps_by_its_definition() -> None:
    grid = np.linspace(-12, 12, 40_001)
    step = (norm.cdf(grid) - (grid >= 0.7)) ** 2
    assert crps_normal(0.0, 1.0, 0.7) == pytest.approx(np.trapezoid(step, grid), abs=1e-3)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30), st.floats(-5, 5))
def test_property_the_score_is_zero_only_for_certainty(sample: list[float], value: float) -> None:
    assert crps(np.array(sample), value) >= -1e-9
    assert crps(np.full(5, value), value) == pytest.approx(0.0, abs=1e-12)


def test_unit_a_level_that_stays_becomes_its_mean_and_one_that_wanders_its_last_value() -> None:
    rng = np.random.default_rng(2)
    still, wander = LocalLevel(expected(PHQ)), LocalLevel(expected(PHQ))
    level, values = 8.0, []
    for week in range(40):
        value = 6.0 + rng.standard_normal()
        values.append(value)
        still.learn(7 * week, value)
        level += 2.0 * rng.standard_normal()
        wander.learn(7 * week, level)
    w, centre, _, _ = still.predict(280)
    assert w @ centre == pytest.approx(np.mean(values), abs=0.4)
    w, centre, _, _ = wander.predict(280)
    assert w @ centre == pytest.approx(level, abs=1.0)


def test_unit_the_local_level_learns_the_level_from_one_rating() -> None:
    prior = expected(PHQ)
    local = LocalLevel(prior)
    local.learn(0, 15.0)
    w, centre, _, _ = local.predict(7)
    assert abs(w @ centre - 15.0) < 0.25 * abs(prior.mean[LEVEL] - 15.0)


@pytest.mark.slow
def test_property_forecasts_cover_and_beat_the_last_value_and_the_running_mean() -> None:
    # 6 invented people, about 170 forecasts of a weekly score; under a true cover of 0.95 fewer than 0.86 has a
    # probability of about 1e-6 if they are independent, 1 in 200 with a third as many; people and seed are fixed
    rows = []
    for number in range(6):
        run = Filter(g.like_the_published_record(number).record, FEW)
        ahead = OneWeekAhead(run, frozenset({g.SCL.name}))
        run.run(ahead)
        rows += ahead.rows[3:]
    inside = np.mean([abs(r["pit"] - 0.5) <= 0.475 for r in rows])
    assert 0.86 <= inside <= 1.0
    mean = {k: np.mean([r[k] for r in rows]) for k in ("crps", "crps_last_value", "crps_running_mean")}
    assert mean["crps"] < mean["crps_last_value"]
    assert mean["crps"] < mean["crps_running_mean"]


def test_unit_the_forecast_of_a_day_does_not_know_what_comes() -> None:
    record = person(40, cut=None)
    changed = tuple(replace(o, value=9.0) if o.day > 30 else o for o in record.observations)
    made = []
    for observations in (record.observations, changed):
        run = Filter(replace(record, observations=observations), FEW)
        ahead = OneWeekAhead(run)
        run.run(ahead)
        made.append({(r["signal"], r["day"]): r["pi95"] for r in ahead.rows if r["made_on"] <= 30})
    assert made[0] == made[1]


def test_unit_options_of_a_taper() -> None:
    record = person(40, cut=30)
    drug, found = options(record, 39)
    assert drug == "paroxetine"
    assert [o.name for o in found] == ["hold", "step back", "add TMS"]
    drug, found = options(record, 20)
    assert [o.name for o in found] == ["hold", "go on", "add TMS"]
    assert options(replace(record, doses=()), 39) == (None, [])


def test_unit_the_research_view_is_complete_and_says_what_it_is() -> None:
    record = person(45, cut=30, wave=31)
    run = Filter(record, FEW)
    _, ahead = follow_with_forecasts(run)
    view = research_view(run, ahead)
    fan = view["forecast"]
    assert {r["days_ahead"] for r in fan} == {1, 3, 7, 14, 21, 28}
    for row in fan:
        assert row["pi95"][0] <= row["pi80"][0] <= row["pi50"][0] <= row["median"]
        assert row["median"] <= row["pi50"][1] <= row["pi80"][1] <= row["pi95"][1]
    rows = view["what_if"]["options"]
    assert view["what_if"]["basis"] == "model only, no direct trial"
    assert rows[0]["option"] == "hold"
    assert all(r["contrast"] for r in rows[1:])
    assert all(r["safety"] for r in rows)
    tms = next(r for r in rows if r["option"] == "add TMS")
    assert "no trial has shown" in tms["text"]
