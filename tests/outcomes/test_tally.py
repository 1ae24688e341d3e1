"""Counts and sums of patients in portions give what all patients at once give."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.measures.relapse import default_relapse
from cotreat.measures.scales import scale
from cotreat.outcomes import tally
from cotreat.outcomes.followup import FollowUp

RELAPSE = default_relapse("HAM-D24")
DAYS = np.arange(0, 57, 7)


def patients(draws: int, n: int, seed: int = 1) -> FollowUp:
    """Random ratings in float32, some of them exactly on a cut-off."""
    rng = np.random.default_rng(seed)
    score = rng.uniform(0, 40, (len(DAYS), draws, n)).astype(np.float32)
    score[rng.random(score.shape) < 0.1] = 16.0
    baseline = rng.uniform(20, 40, (draws, n))
    return FollowUp(
        scale=scale("HAM-D24"),
        days=DAYS,
        score=score,
        baseline=baseline,
        acute_end=rng.choice([0.0, 7.0, 9.0, 14.0], (draws, n)),
        reference=rng.uniform(0, 12, (draws, n)),
        remitted=rng.random((draws, n)) < 0.6,
        dropout=np.full((draws, n), np.inf),
    )


def part(seen: FollowUp, draws: slice, who: slice = slice(None)) -> FollowUp:
    names = ("baseline", "acute_end", "reference", "remitted", "dropout")
    return replace(seen, score=seen.score[:, draws, who], **{k: getattr(seen, k)[draws, who] for k in names})


def read(seen: FollowUp) -> tally.Sums:
    double = tally.Link(4, np.linspace(0, 104, 4 * 52 + 1))
    return tally.visits(seen, RELAPSE, [None, double]) | tally.relapses(seen, seen.relapse_day(RELAPSE))


def same(one: tally.Sums, two: tally.Sums) -> None:
    assert one.keys() == two.keys()
    for name in one:
        assert np.array_equal(one[name], two[name]), name


@given(st.integers(1, 5), st.integers(1, 2500), st.lists(st.integers(0, 5), max_size=3))
@settings(max_examples=30, deadline=None)
def test_property_a_tally_does_not_depend_on_how_draws_are_divided(draws: int, n: int, cuts: list[int]) -> None:
    seen = patients(draws, n)
    edges = sorted({0, draws, *(c for c in cuts if c < draws)})
    pieces = [read(part(seen, slice(a, b))) for a, b in pairwise(edges)]
    same(tally.beside(pieces), read(seen))


def test_unit_parts_of_a_draw_add_up() -> None:
    seen = patients(2, 5000)
    together = tally.together([read(part(seen, slice(None), slice(a, a + 1024))) for a in range(0, 5000, 1024)])
    whole = read(seen)
    for name in whole.keys() - {"score"}:
        assert np.array_equal(together[name], whole[name]), name
    assert np.allclose(together["score"], whole["score"], rtol=1e-13)


@given(st.integers(1, 3), st.integers(1, 5000))
@settings(max_examples=30, deadline=None)
def test_double_sums_over_tiles_against_exact_sums(draws: int, n: int) -> None:
    values = np.random.default_rng(n).uniform(0, 52, (draws, n))
    total, squares = tally.moments(values)
    for draw in range(draws):
        assert total[draw] == pytest.approx(fsum(values[draw]), rel=1e-14)
        assert squares[draw] == pytest.approx(fsum(values[draw] ** 2), rel=1e-14)


def test_unit_sums_over_tiles_are_taken_in_order() -> None:
    values = np.random.default_rng(2).uniform(0, 52, 5000)
    in_order = 0.0
    for begin in range(0, 5000, tally.TILE):
        in_order += values[begin : begin + tally.TILE].sum()
    assert tally.moments(values[None])[0, 0] == in_order


def test_double_visits_and_relapses_against_plain_numpy() -> None:
    seen = patients(3, 400)
    found = read(seen)
    score = seen.score.astype(np.float64)
    well = (score <= 0.5 * seen.baseline) & (score < 16)
    assert np.array_equal(found["well"], well.sum(axis=2))
    assert np.allclose(found["score"][0, 0], score.sum(axis=2), rtol=1e-13)
    assert np.allclose(found["score"][1, 1], ((2 * score) ** 2).sum(axis=2), rtol=1e-12)
    after = DAYS[:, None, None] > seen.acute_end
    high = (score >= 16) & (score >= seen.reference + 10) & after
    day = np.where(high.any(axis=0), DAYS[high.argmax(axis=0)], np.inf)
    assert np.array_equal(day, seen.relapse_day(RELAPSE))
    gone = np.cumsum(found["relapse_week"], axis=0)
    for week in range(len(DAYS)):
        free = (day - seen.acute_end > 7 * week) & seen.remitted
        assert np.array_equal(found["remitters"] - gone[week], free.sum(axis=1))
    assert np.array_equal(found["latest_end"], seen.acute_end.max(axis=1))


def test_double_quantiles_of_a_histogram_against_numpy() -> None:
    seen = patients(3, 4000)
    levels = (0.05, 0.25, 0.75, 0.95)
    found = tally.quantiles(read(seen)["histogram"], levels)
    exact = np.quantile(seen.score.reshape(len(DAYS), -1).astype(np.float64), levels, axis=1).T
    assert np.abs(found - exact).max() <= 1 / tally.BINS_PER_POINT


def test_unit_a_link_is_the_line_through_its_points() -> None:
    values = np.cumsum(np.random.default_rng(3).uniform(0.1, 1, 209))
    at = np.random.default_rng(4).uniform(0, 52, 1000)
    assert np.allclose(tally.Link(4, values)(at), np.interp(at, np.arange(209) / 4, values), rtol=1e-13)
    assert tally.Link(4, values)(np.array([52.0]))[0] == pytest.approx(values[-1])
