"""Numbers, sentences and axes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.report.axes import Scale, round_ticks, tick_text, time_ticks, time_unit
from cotreat.report.document import Contrast
from cotreat.report.reading import read_comparison
from cotreat.report.words import (
    better_direction,
    curve_groups,
    fold,
    interval,
    number,
    outcome_groups,
    plain_answer,
    probability,
    rough,
    text_width,
    verdict,
    when,
)
from tests.report.example import DRUGS, NOTHING, comparison

FINITE = st.floats(min_value=-1e6, max_value=1e6)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(43.1, 0, "43"), (18.5, 0, "19"), (2.5, 0, "3"), (-0.04, 1, "0.0"), (-4.25, 1, "\u22124.3"), (100.0, 1, "100.0")],
)
def test_unit_numbers(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


@given(FINITE, st.integers(min_value=0, max_value=3))
def test_property_numbers_stay_within_half_a_step(value: float, digits: int) -> None:
    shown = float(number(value, digits).replace("\u2212", "-"))
    assert abs(shown - value) <= 0.5 * 10.0**-digits + 1e-9 * abs(value)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "> 0.99"), (0.0, "< 0.01"), (0.99, "0.99"), (0.955, "0.96"), (0.5, "0.50")]
)
def test_unit_probabilities_are_never_certain(value: float, text: str) -> None:
    assert probability(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.98424, "0.98"), (1.49085, "1.5"), (0.0061, "0.0061"), (12.3, "12")])
def test_unit_sizes_of_error_have_two_digits(value: float, text: str) -> None:
    assert rough(value) == text


@pytest.mark.parametrize(
    ("name", "stated", "better"),
    [
        ("well at week 26", None, "higher"),
        ("relapse by week 26", None, "lower"),
        ("HAM-D17 mean", None, "lower"),
        ("relapse by week 26", "higher", "higher"),
        ("something else", None, None),
    ],
)
def test_unit_which_direction_is_better(name: str, stated: str | None, better: str | None) -> None:
    assert better_direction(Contrast(name, "A", "B", better=stated)) == better


def test_unit_curves_of_the_main_outcome_come_first() -> None:
    doc = comparison()
    doc["curves"] = doc["curves"][2:] + doc["curves"][:2]
    groups = curve_groups(read_comparison(doc), selected=False)
    assert [g[0].measure for g in groups] == ["well", "HAM-D17 mean"]


def test_unit_intervals_are_words() -> None:
    assert interval((-2.1, 40.2), 0) == "\u22122 to 40"


@pytest.mark.parametrize(
    ("day", "text"), [(182, "week 26"), (10, "day 10"), (7, "day 7"), (28, "week 4"), (1, "day 1"), (0.25, "hour 6")]
)
def test_unit_times(day: float, text: str) -> None:
    assert when(day) == text


def _contrast(difference: float, unknown: tuple[float, float] | None, unit: str = "per 100") -> Contrast:
    return Contrast("well at week 26", "A", "B", difference, unit, unknown)


@pytest.mark.parametrize(
    ("contrast", "said", "unsaid"),
    [
        (_contrast(18.5, (-2.1, 40.2)), "cannot be told apart", "does not include"),
        (_contrast(18.5, (7.0, 40.2)), "does not include zero: higher", "too little"),
        (_contrast(-18.5, (-40.0, -7.0)), "lower with", "higher"),
        (_contrast(18.5, (2.0, 40.2)), "possibly by less than 5 per 100", "cannot be told"),
        (_contrast(1.0, (-3.0, 4.0)), "no difference that matters", "cannot be told"),
        (_contrast(1.0, (0.4, 1.6), "points HAM-D17"), "within 2 points either way", "higher"),
        (_contrast(1.0, (-3.0, 4.0), "points HAM-D17"), "cannot be told apart", "matters"),
        (_contrast(1.0, (0.0, 9.0)), "cannot be told apart", "higher"),
        (_contrast(1.0, None), "not computed", "higher"),
    ],
)
def test_unit_verdicts_follow_from_the_interval(contrast: Contrast, said: str, unsaid: str) -> None:
    words = verdict(contrast)
    assert said in words
    assert unsaid not in words


@given(FINITE, FINITE, FINITE)
def test_property_a_direction_is_named_only_when_zero_is_outside(a: float, b: float, c: float) -> None:
    low, middle, high = sorted((a, b, c))
    words = verdict(_contrast(middle, (low, high)))
    if low <= 0 <= high:
        assert "higher" not in words
        assert "lower" not in words
    elif "matters" not in words:
        assert ("higher" in words) is (low > 0)


def test_unit_answer_is_built_from_the_main_outcome() -> None:
    answer = " ".join(plain_answer(read_comparison(comparison())))
    assert answer.startswith("Of 100 patients who start, the model expects about 25 (8 to 46) to be well at week 26")
    assert f'43 (20 to 66) with "{DRUGS}"' in answer
    assert "19 per 100 (\u22122 to 40), includes zero" in answer


def test_unit_answer_with_several_contrasts_names_both_arms() -> None:
    doc = comparison()
    doc["contrasts"].append({**doc["contrasts"][0], "arm": NOTHING, "reference": DRUGS})
    answer = plain_answer(read_comparison(doc))
    assert len(answer) == 3
    assert f'between "{NOTHING}" and "{DRUGS}"' in answer[2]


def test_unit_answer_with_one_reference_sorts_the_arms() -> None:
    doc = comparison()
    intervals = {"A": [7.0, 29.0], "B": [-9.0, 9.0], "C": [-2.0, 3.0], "D": [-40.0, -6.0]}
    doc["arms"] += [{"name": name} for name in intervals]
    doc["contrasts"] = [
        {**doc["contrasts"][0], "arm": name, "difference": sum(pair) / 2, "unknown95": pair}
        for name, pair in intervals.items()
    ]
    answer = plain_answer(read_comparison(doc))
    assert answer[1:] == [
        f'Against "{NOTHING}", the model puts "A" higher by 18 per 100 (7 to 29) and '
        '"D" lower by 23 per 100 (6 to 40).',
        f'No difference that matters from "{NOTHING}": "C".',
        f'Cannot be told apart from "{NOTHING}": "B".',
    ]


def test_unit_answer_for_a_score() -> None:
    doc = comparison()
    doc["outcomes"] = [o for o in doc["outcomes"] if o["kind"] == "mean"]
    doc["contrasts"] = []
    answer = plain_answer(read_comparison(doc))
    assert answer == [
        "HAM-D17 mean at week 26 (all who started), points HAM-D17: the model expects about "
        f'16.6 (12.4 to 20.9) with "{NOTHING}" and 12.4 (7.8 to 17.1) with "{DRUGS}".'
    ]


def test_unit_no_figures_no_answer() -> None:
    doc = comparison()
    for outcome in doc["outcomes"]:
        outcome["median"] = None
    assert plain_answer(read_comparison(doc)) == []


def test_unit_all_who_started_come_first_and_remitters_last() -> None:
    groups = outcome_groups(read_comparison(comparison()))
    assert [g[0].outcome for g in groups] == ["well at week 26", "HAM-D17 mean", "relapse by week 26"]


@given(st.text(max_size=80), st.integers(min_value=2, max_value=30))
def test_property_folded_text_fits(text: str, width: int) -> None:
    lines = fold(text, width, 2)
    assert 1 <= len(lines) <= 2
    assert all(text_width(line) <= width for line in lines)


@given(FINITE, st.floats(min_value=1e-3, max_value=1e6), st.integers(min_value=3, max_value=9))
def test_property_ticks_enclose_the_data(low: float, span: float, most: int) -> None:
    ticks = round_ticks(low, low + span, most)
    slack = 1e-6 * (abs(low) + span)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack
    assert len(ticks) <= most + 2
    assert len({tick_text(t, ticks) for t in ticks}) == len(ticks)


@given(st.floats(min_value=-60, max_value=30), st.floats(min_value=0.5, max_value=800), st.integers(4, 12))
def test_property_time_ticks_lie_on_the_axis(first: float, span: float, most: int) -> None:
    ticks = time_ticks(first, first + span, most)
    assert len(ticks) <= most
    assert all(first - 1e-6 <= t <= first + span + 1e-6 for t in ticks)
    unit = time_unit(first, first + span)
    assert all(math.isclose(t / unit.days, round(t / unit.days), abs_tol=1e-6) for t in ticks)


def test_unit_time_units() -> None:
    assert [time_unit(0, d).name for d in (1, 14, 182)] == ["Hour", "Day", "Week"]
    assert time_ticks(0, 182, 9) == [28.0 * k for k in range(7)]
    assert time_unit(0, 182).label(182) == "Week 26"


def test_unit_scale() -> None:
    scale = Scale(0, 100, 40, 240)
    assert (scale(0), scale(50), scale(100)) == (40, 140, 240)
    assert math.isfinite(Scale(3, 3, 0, 10)(3))
