"""The reason of a miss is what the other figures of its study say."""

from __future__ import annotations

from typing import Any

import pytest

from cotreat.report.misses import better_by, misses, reason


def figure(number: int, place: float | None, **fields: Any) -> dict[str, Any]:
    plain = {
        "outcome": number, "label": f"figure {number}", "measure": "response", "of": None, "arm": ["drug"],
        "against": [], "scale": "MADRS", "day": 28.0, "read": "seen", "used": True,
        "fitted": None if place is None else {"place": place},
    }  # fmt: skip
    return plain | fields


def study(*figures: dict[str, Any], misfit: tuple[int, ...] = (), systems: tuple[str, ...] = ("S1",)) -> dict[str, Any]:
    return {"id": "made", "figures": list(figures), "misfit": list(misfit), "systems": list(systems)}


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ([figure(0, 0.96)], "with one arm nothing tells its treatment from its patients"),
        ([figure(0, 0.96), figure(1, 0.9, arm=["placebo"])], "all arms did better"),
        ([figure(0, 0.96), figure(1, 0.3, arm=["placebo"])], "this arm did better, the others did not"),
        ([figure(0, 0.96, day=7.0), figure(1, 0.2)], "not later: it is too slow"),
        ([figure(0, 0.04, day=7.0), figure(1, 0.8)], "not later: it is too fast"),
        ([figure(0, 0.04), figure(1, 0.8, day=7.0)], "worse by then than the model has it, not sooner"),
        (
            [figure(0, 0.96), figure(1, 0.5, measure="remission")],
            "another reading of the same patients fits (figure 1)",
        ),
        ([figure(0, 0.96, measure="smd", against=["placebo"])], "the first arm did better against the other"),
        ([figure(0, 0.99, read="memory")], "not confirmed and counts less"),
    ],
)
def test_unit_the_pattern_of_a_study_gives_the_reason(figures: list[dict[str, Any]], words: str) -> None:
    assert words in reason(study(*figures), figures[0])


def test_unit_no_parameter_reproduces_this_comes_first() -> None:
    one = figure(0, 0.999)
    assert reason(study(one, misfit=(0,)), one) == "no parameter reproduces this"


def test_unit_what_is_still_inside_the_middle_95_says_so() -> None:
    near, far = figure(0, 0.96), figure(0, 0.99)
    assert reason(study(near), near).endswith("inside the middle 95 %")
    assert "inside" not in reason(study(far), far)


@pytest.mark.parametrize(
    ("measure", "of", "sign"),
    [
        ("response", None, 1),
        ("relapse", None, -1),
        ("score", None, -1),
        ("smd", None, 1),
        ("mean_difference", None, -1),
        ("odds_ratio", "response", 1),
        ("hazard_ratio", "relapse", -1),
    ],
)
def test_unit_better_is_more_response_and_fewer_points(measure: str, of: str | None, sign: int) -> None:
    z = better_by(figure(0, 0.9, measure=measure, of=of))
    assert z is not None
    assert z * sign > 0


def test_unit_only_fitted_figures_of_the_held_systems_are_misses() -> None:
    held = study(figure(0, 0.96), figure(1, 0.5, arm=["b"]), figure(2, None), figure(3, 0.97, used=False))
    other = study(figure(0, 0.99), systems=("S12",))
    found, count = misses({"studies": [held, other], "held": [{"system": "S1"}]})
    assert [m.figure["outcome"] for m in found] == [0]
    assert count == 2
