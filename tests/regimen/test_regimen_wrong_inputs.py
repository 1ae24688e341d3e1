"""Wrong inputs: each gets its message, in time, and never a traceback."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from cotreat.measures.errors import InputError
from cotreat.regimen.parse import parse

TABLE: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("wrong_inputs.yaml").read_text(encoding="utf-8"))


def text_of(row: dict[str, Any]) -> str:
    return str(row["text"]) * int(row.get("times", 1)) + str(row.get("tail", ""))


@pytest.fixture(scope="module", autouse=True)
def _parser_is_built() -> None:
    parse("")
    parse("ECT weekly for 4 weeks")


def test_unit_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 60
    assert len({text_of(row) for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["text"][:40].encode("ascii", "backslashreplace").decode())
def test_unit_wrong_input(row: dict[str, Any]) -> None:
    text = text_of(row)
    began = time.process_time()
    with pytest.raises(InputError) as caught:
        parse(text)
    took = time.process_time() - began
    error = caught.value
    assert row["says"] in error.message
    assert "\n" not in error.message
    assert row.get("hint", "") in (error.hint or "")
    assert took < 1.0
    if not row.get("whole"):
        points_at_the_place(error)


def points_at_the_place(error: InputError) -> None:
    """The message names line and column, shows the line with a caret, and gives sentences that are right."""
    place = re.match(r"line (\d+), column (\d+): ", error.message)
    assert place is not None
    assert error.excerpt is not None
    line, caret = error.excerpt.split("\n")
    assert set(caret.strip()) == {"^"}
    assert caret.index("^") <= len(line) * 2 + 1
    assert 1 <= len(error.examples) <= 3
    for example in error.examples:
        right(example)


def right(example: str) -> None:
    """An example parses, on its own or beside what it refers to."""
    context = {
        "iTBS 5 days a week for 6 weeks": "iTBS",
        "ECT 3 times a week for 4 weeks": "ECT",
        "ketamine 0.5 mg/kg weekly for 4 weeks": "ketamine",
    }
    wanted = [line for line, name in context.items() if name in example and not example.startswith((name, "sham"))]
    lines = [line for line in wanted if "then ECT" not in example or "ECT" not in line]
    parse("\n".join([*lines, "tDCS weekly for 1 week", example]))


def test_unit_caret_stands_under_the_word() -> None:
    with pytest.raises(InputError) as caught:
        parse("iTBS 5 days a week for 6 weeks\nエスシタロプラム 10 mg biweekly")
    line, caret = str(caught.value.excerpt).split("\n")
    assert line.strip().endswith("biweekly")
    # Eight double-width characters stand before the word.
    assert caret.index("^") == line.index("biweekly") + 8
    assert caret.count("^") == len("biweekly")


def test_unit_not_text() -> None:
    with pytest.raises(InputError, match="text, not int"):
        parse(3)  # type: ignore[arg-type]
