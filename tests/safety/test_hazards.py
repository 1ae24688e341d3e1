"""Every control of the hazard table is a rule or a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cotreat.safety.pack import load_pack

ROOT = Path(__file__).parents[2]
COLUMNS = ["id", "hazard", "cause", "harm", "control", "rule or test"]


def rows() -> list[list[str]]:
    text = (ROOT / "docs" / "hazards.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == COLUMNS
    return cells[2:]


def names_of_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_unit_a_hazard_has_controls_that_exist(row: list[str]) -> None:
    assert len(row) == len(COLUMNS)
    assert all(row)
    names = [name.strip() for name in row[-1].split(",")]
    known = {rule.id for rule in load_pack().rules} | names_of_tests()
    assert [name for name in names if name not in known] == []


def test_unit_hazards_are_numbered_once() -> None:
    ids = [row[0] for row in rows()]
    assert len(set(ids)) == len(ids) >= 30
    assert all(re.fullmatch(r"H-\d\d", name) for name in ids)


def test_unit_every_subject_with_a_blocking_rule_stands_in_the_table() -> None:
    groups = {rule.group for rule in load_pack().rules if rule.severity == "block"}
    named = {name.strip() for row in rows() for name in row[-1].split(",")}
    guarded = {rule.group for rule in load_pack().rules if rule.id in named}
    assert groups <= guarded
