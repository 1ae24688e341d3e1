"""Endpoints against hand-made ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cotreat.measures.relapse import default_relapse, relapse_definition
from cotreat.measures.scales import scale
from cotreat.outcomes.followup import FollowUp, dropout_day

DAYS = np.arange(0, 43, 7)
RELAPSE = default_relapse("HAM-D24")


def patients(*rows: list[float], end: float = 7.0, reference: float = 5.0) -> FollowUp:
    """One draw of patients with weekly HAM-D24 ratings from day 0; the first rating is the baseline."""
    score = np.array(rows, float).T[:, None, :]
    shape = score.shape[1:]
    return FollowUp(
        scale=scale("HAM-D24"),
        days=DAYS,
        score=score,
        baseline=score[0],
        acute_end=np.full(shape, end),
        reference=np.full(shape, reference),
        remitted=np.ones(shape, dtype=bool),
        dropout=np.full(shape, np.inf),
    )


WELL = [30, 5, 5, 5, 5, 5, 5]
RELAPSED = [30, 5, 5, 20, 20, 5, 5]
ONE_HIGH = [30, 5, 5, 20, 5, 5, 5]
NEVER_WELL = [30, 28, 28, 28, 28, 28, 28]
EDGE = [30, 15, 15, 15, 15, 15, 15]


def test_unit_response_and_well_at_the_edges() -> None:
    seen = patients(WELL, RELAPSED, NEVER_WELL, EDGE)
    assert seen.response(21).tolist() == [[True, False, False, True]]
    assert seen.well(21, RELAPSE).tolist() == [[True, False, False, True]]
    assert seen.remission(42).tolist() == [[True, True, False, False]]
    low = replace(seen, baseline=np.full((1, 4), 60.0))  # 20 is a response from 60 but counts as relapse
    assert low.response(21)[0, 1]
    assert not low.well(21, RELAPSE)[0, 1]


def test_unit_relapse_day_needs_height_rise_and_time() -> None:
    seen = patients(WELL, RELAPSED, ONE_HIGH, NEVER_WELL)
    assert seen.relapse_day(RELAPSE).tolist() == [[np.inf, 21, 21, 14]]
    twice = replace(RELAPSE, confirm_visits=2)
    assert seen.relapse_day(twice).tolist() == [[np.inf, 28, np.inf, 21]]
    assert seen.relapse_day(replace(RELAPSE, confirm_visits=3))[0, 1] == np.inf
    assert patients(NEVER_WELL).relapse_day(replace(RELAPSE, confirm_visits=3))[0, 0] == 28
    assert patients(RELAPSED, reference=12.0).relapse_day(RELAPSE)[0, 0] == np.inf  # not 10 points above
    assert patients(RELAPSED, end=28.0).relapse_day(RELAPSE)[0, 0] == np.inf  # relapse is after the course
    either = replace(RELAPSE, either=True)
    assert patients(RELAPSED, reference=12.0).relapse_day(either)[0, 0] == 21


def test_unit_a_definition_by_events_is_refused() -> None:
    with pytest.raises(ValueError, match="events"):
        patients(WELL).relapse_day(relapse_definition("kronsell2025"))


def test_unit_a_day_without_a_visit_is_refused() -> None:
    with pytest.raises(ValueError, match="no visit on day 10"):
        patients(WELL).response(10)


@given(hnp.arrays(float, (7, 1, 20), elements=st.floats(0, 75)))
def test_property_a_stricter_definition_relapses_no_earlier(score: np.ndarray) -> None:
    base = patients(*([WELL] * 20))
    seen = replace(base, score=score)
    easy = replace(RELAPSE, above_baseline=None).__class__(
        "easy", "HAM-D24", 12, None, 1, "HAM-D24 >= 12", "made up", "project"
    )
    assert np.all(seen.relapse_day(RELAPSE) >= seen.relapse_day(easy))
    assert np.all(seen.relapse_day(replace(RELAPSE, confirm_visits=2)) >= seen.relapse_day(RELAPSE))


def test_unit_dropout_follows_its_hazard() -> None:
    n = 200_000
    days = np.arange(0, 183, 7)
    threshold = -np.log(np.random.default_rng(1).random((1, n)))
    change = np.zeros((len(days), 1, n))
    lost = dropout_day(days, change, np.array([0.007]), np.array([0.04]), threshold)
    expected = 1 - np.exp(-0.007 * 26)
    assert np.mean(lost <= 182) == pytest.approx(expected, abs=0.0033)  # 4 standard errors
    worse = dropout_day(days, change + 5, np.array([0.007]), np.array([0.04]), threshold)
    assert np.all(worse <= lost)
    assert np.mean(worse <= 182) == pytest.approx(1 - np.exp(-0.007 * np.exp(0.2) * 26), abs=0.0035)


@given(hnp.arrays(np.float32, 40, elements=st.floats(0, 52, width=32)), st.floats(1, 60), st.floats(0, 20))
def test_property_ratings_in_float32_are_judged_as_in_float64(ratings: np.ndarray, entry: float, rest: float) -> None:
    # cut-offs that no float32 number equals must not be rounded towards the ratings
    score = ratings.reshape(5, 1, 8)
    exact = replace(
        patients(*([[30.0] * 5] * 8)),
        days=DAYS[:5],
        score=score.astype(np.float64),
        baseline=np.full((1, 8), entry),
        reference=np.full((1, 8), rest),
    )
    short = replace(exact, score=score)
    for day in DAYS[:5]:
        assert np.array_equal(short.well(day, RELAPSE), exact.well(day, RELAPSE))
        assert np.array_equal(exact.well(day, RELAPSE), exact.response(day) & (exact.at(day) < 16))
    for definition in (RELAPSE, replace(RELAPSE, either=True), replace(RELAPSE, confirm_visits=2)):
        assert np.array_equal(short.relapse_day(definition), exact.relapse_day(definition))
