"""The terminal tables: complete, within the width, and safe on a terminal without Unicode."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from cotreat.measures.errors import InputError
from cotreat.report.terminal import BAR, bar, print_comparison, print_prediction
from cotreat.report.words import number
from tests.report.example import DISCLAIMER, DRUGS, STAMP, comparison, prediction


def _printed(doc: dict[str, Any], width: int, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    console = Console(file=stream, width=width, color_system=None)
    (print_prediction if "study" in doc else print_comparison)(doc, console)
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("doc", [comparison(), prediction()], ids=["comparison", "prediction"])
def test_unit_fits_the_width_and_ends_with_how_to_remake_it(doc: dict[str, Any], width: int) -> None:
    text = _printed(doc, width)
    lines = text.rstrip().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    assert lines[-1].strip() == doc["provenance"]["command"]
    tail = "\n".join(lines[-5:])
    assert DISCLAIMER in tail
    assert STAMP.lower() in tail.lower()


@pytest.mark.parametrize("width", [80, 120])
def test_unit_every_number_is_printed_whole(width: int) -> None:
    text = _printed(comparison(), width)
    for outcome in comparison()["outcomes"]:
        for low, high in (outcome["unknown95"], outcome["sample95"]["interval"]):
            assert f"{number(low)} to {number(high)}" in text
        assert f" {number(outcome['median'])} " in text
    for contrast in comparison()["contrasts"]:
        low, high = contrast["unknown95"]
        assert f"{number(low)} to {number(high)}" in text


def test_unit_stamp_below_every_table() -> None:
    text = _printed(comparison(), 120)
    assert text.count(STAMP) == 3 + 3 + 3 + 1


def test_unit_ascii_terminal() -> None:
    doc = comparison()
    doc["title"] = "D\u00e9pression \u2013 \u2265 16"
    text = _printed(doc, 80, "ascii")
    assert text.isascii()
    assert "D?pression - >= 16" in text
    assert "-2.1 to 40.2" in text


def test_unit_other_encodings_keep_what_they_can() -> None:
    doc = comparison()
    doc["title"] = "\uc6b0\uc6b8\uc99d \u2013 ECT"
    text = _printed(doc, 80, "cp949")
    assert "\uc6b0\uc6b8\uc99d" in text


def test_unit_markup_and_escape_codes_stay_text() -> None:
    doc = comparison()
    doc["title"] = "[red]x[/red] :smile: \x1b[31mred\x1b[0m\x07"
    doc["arms"][0]["notes"] = ["[/nothing]"]
    text = _printed(doc, 100)
    assert "[red]x[/red] :smile: [31mred[0m" in text
    assert "[/nothing]" in text
    assert "\x1b" not in text


def test_unit_bad_document_prints_nothing() -> None:
    stream = io.StringIO()
    doc = comparison()
    doc["outcomes"][0]["median"] = "many"
    with pytest.raises(InputError):
        print_comparison(doc, Console(file=stream, width=80))
    assert stream.getvalue() == ""


def test_unit_smallest_documents() -> None:
    assert "not checked" in _printed({"arms": [{"name": "only"}]}, 80)
    assert "No outcome of this study" in _printed({"study": {"id": "x2020"}}, 80)


def test_unit_unbreakable_names_are_folded() -> None:
    doc = comparison()
    long = "x" * 200
    doc = {"arms": [{"name": long}], "outcomes": [{**doc["outcomes"][2], "arm": long}]}
    text = _printed(doc, 80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "24.6" in text


@pytest.mark.parametrize(("median", "bounds", "place"), [(0, (0, 100), 0), (50, (40, 60), 15), (100, (90, 100), 30)])
def test_unit_bar(median: float, bounds: tuple[float, float], place: int) -> None:
    drawn = bar(median, bounds, (0.0, 100.0))
    assert len(drawn) == BAR
    assert drawn.index("o") == place


def test_unit_unconfirmed_figures_are_marked() -> None:
    text = _printed(prediction(), 100)
    assert "60 ?" in text
    assert "Unconfirmed" in text
    assert "84 ?" not in text


def test_unit_selected_groups_are_marked() -> None:
    text = _printed(comparison(), 120)
    assert text.index("Well at week 26, of all who started") < text.index("Relapse by week 26, of remitters (selected)")
    assert "A selected group" in text
    assert DRUGS in text
