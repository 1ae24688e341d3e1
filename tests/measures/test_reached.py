"""How a definition of response or remission is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.measures.reached import Reached, at_any_rating, read_reached, usual
from cotreat.measures.scales import scale

MADRS, HAMD = scale("MADRS"), scale("HAM-D24")


@pytest.mark.parametrize(
    ("text", "measure", "expected"),
    [
        (None, "response", Reached(False, None, 0.5)),
        (None, "remission", Reached(False, 10.0, None)),
        ("at four weeks", "response", Reached(False, None, 0.5)),
        ("half of the screening score", "response", Reached(False, None, 0.5)),
        ("MADRS <= 12", "remission", Reached(False, 12.0, None)),
        ("MADRS < 11", "remission", Reached(False, 10.0, None)),
        ("MADRS at most 8", "remission", Reached(False, 8.0, None)),
        ("at any rating within 14 days", "response", Reached(True, None, 0.5)),
        ("response reached by session 5", "response", Reached(True, None, 0.5)),
        ("first response by then", "response", Reached(True, None, 0.5)),
        ("remission reached by then", "remission", Reached(True, 10.0, None)),
        ("at least 60 % below baseline", "response", Reached(False, None, 0.6)),
        ("MADRS <= 12 at any visit", "remission", Reached(True, 12.0, None)),
        ("CGI-S <= 2", "remission", Reached(False, 10.0, None)),
        ("HAM-D17 <= 5", "remission", Reached(False, 10.0, None)),
    ],
)
def test_unit_definitions_of_published_figures(text: str | None, measure: str, expected: Reached) -> None:
    assert read_reached(text, measure, MADRS) == expected


def test_unit_a_cut_and_a_fall_are_both_asked_for() -> None:
    found = read_reached("at least 60 % below baseline and HAM-D24 <= 10, on two ratings", "remission", HAMD)
    assert found == Reached(False, 10.0, 0.6)
    assert found.text(HAMD) == "HAM-D24 <= 10 and 60 % below baseline"


def test_unit_a_remission_with_a_fall_keeps_the_usual_cut() -> None:
    assert read_reached("60 % below baseline", "remission", MADRS) == Reached(False, 10.0, 0.6)


def test_unit_a_scale_without_a_response_says_so() -> None:
    with pytest.raises(InputError, match="has no agreed response"):
        usual("response", scale("CADSS"))


@given(st.text(max_size=60))
def test_property_any_text_can_be_read(text: str) -> None:
    found = read_reached(text, "response", MADRS)
    assert found.ever == at_any_rating(text)
    assert found.at_most is not None or found.below_baseline is not None


@given(st.integers(0, 60))
def test_property_a_cut_comes_back(score: int) -> None:
    assert read_reached(f"MADRS <= {score}", "remission", MADRS).at_most == score
