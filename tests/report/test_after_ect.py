"""The sheet of trials after ECT: every arm drawn, published figures with their chance, the text says the numbers."""

from __future__ import annotations

import re

import pytest

from cotreat.report.after_ect import after_ect_chart, describe


def _row(study: str, arm: str, published: list[list[float]]) -> dict[str, object]:
    days = [0, 14, 28]
    return {
        "study": study, "arm": arm, "definition": "HAM-D24 >= 16", "measure": "relapse", "among": "completers",
        "days": days, "median": [100.0, 80.0, 60.0], "low": [100.0, 60.0, 40.0], "high": [100.0, 90.0, 80.0],
        "published": published,
    }  # fmt: skip


ROWS = [
    _row("one2001", "drug", [[28.0, 61.0, 23.0]]),
    _row("one2001", "nothing_at_all", []),
    _row("two2002", "drug", [[28.0, 40.0, 0.0]]),
    {"study": "two2002", "arm": "lost", "days": [], "why": "cannot be simulated", "definition": None,
     "measure": "relapse", "among": "everyone", "published": []},
]  # fmt: skip


@pytest.mark.parametrize("narrow", [False, True])
def test_unit_every_arm_and_figure_is_drawn(narrow: bool) -> None:
    drawn = after_ect_chart(ROWS, "a stamp", narrow)
    assert drawn.count('class="band inner"') == 3
    assert drawn.count('class="chance"') == 1  # a figure without its patients has no chance to show
    for words in ("one2001", "two2002", "nothing at all", "a stamp", "completers"):
        assert words in drawn


def test_unit_figures_stand_at_their_height() -> None:
    """Published 61 per 100 lies between the heights of 50 and 75 per 100 of its panel."""
    drawn = after_ect_chart(ROWS[:1], "", False)
    lines = [tag for tag in re.findall(r"<line [^>]*>", drawn) if 'class="grid"' in tag or 'class="base"' in tag]
    heights = [float(re.findall(r'y1="([\d.]+)"', tag)[0]) for tag in lines[:5]]
    mark = re.search(r'<circle class="mark"[^>]*?cy="([\d.]+)"', drawn)
    assert mark is not None
    zero, _, half, three, full = heights
    assert three < float(mark[1]) < half
    assert float(mark[1]) == pytest.approx(zero + 0.61 * (full - zero), abs=0.2)


def test_unit_the_sheet_in_words() -> None:
    said = describe(ROWS)
    assert "one2001, drug: 60 per 100 at day 28; published 61 at day 28" in said
    assert "lost" not in said
