"""The README's code runs as it stands, and its commands exist."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cotreat.model.parameter_set import load_parameters
from tests.house.repository import ROOT

README = (ROOT / "README.md").read_text()
# What every figure says of the parameters it rests on.
STAMP = load_parameters().status.lower()


def blocks(language: str) -> list[str]:
    """Fenced blocks of the README in one language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_unit_python_blocks_run_in_order_and_print_a_stamped_result() -> None:
    names: dict[str, object] = {}
    assert blocks("python")
    for number, code in enumerate(blocks("python"), 1):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"README.md, python block {number}", "exec"), names)
        assert STAMP in " ".join(printed.getvalue().lower().split())


def subcommands() -> list[str]:
    """The cotreat commands that the README's shell blocks show."""
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    return sorted({words[1] for words in lines if words and words[0].endswith("/cotreat")})


def test_unit_the_readme_shows_commands() -> None:
    assert {"doses", "compare", "predict"} <= set(subcommands())


@pytest.mark.parametrize("command", subcommands())
def test_unit_commands_of_the_readme_exist(command: str) -> None:
    program = Path(sys.executable).with_name("cotreat")
    answer = subprocess.run([program, command, "--help"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert f"cotreat {command}" in answer.stdout


def test_unit_the_readme_says_what_it_is_not() -> None:
    assert "Research and decision support, not a medical device" in README
