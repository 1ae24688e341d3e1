"""The command line that remakes a result: what was asked, in words a shell reads back."""

from __future__ import annotations

import shlex

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cotreat.commands import timing
from cotreat.commands.shared import command_line

VALUES = st.one_of(st.text(max_size=20), st.integers(), st.booleans(), st.none())


@given(st.lists(st.text(max_size=20), max_size=3), st.dictionaries(st.sampled_from(["a", "b_c", "d"]), VALUES))
def test_property_a_shell_reads_back_what_was_asked(words: list[str], options: dict[str, object]) -> None:
    read = shlex.split(command_line(words, options, ("a", "b-c", "d")))
    expected = ["cotreat", *words]
    for name in ("a", "b-c", "d"):
        value = options.get(name.replace("-", "_"))
        if value is True:
            expected.append(f"--{name}")
        elif value is not None and value is not False:
            expected += [f"--{name}", str(value)]
    assert read == expected


def test_unit_only_an_engine_that_is_not_the_usual_one_is_named() -> None:
    assert command_line(["x"], {"engine": "kernel"}, ("engine",)) == "cotreat x"
    assert command_line(["x"], {"engine": "gpu"}, ("engine",)) == "cotreat x --engine gpu"


@pytest.mark.parametrize("command", ["map", "settle"])
def test_unit_the_population_is_part_of_what_was_asked(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def record(*arguments: object) -> None:
        seen.extend(a for a in arguments if isinstance(a, str) and a.startswith("cotreat"))
        raise SystemExit(0)

    monkeypatch.setattr("cotreat.optimise.direction.direction_map", record)
    monkeypatch.setattr("cotreat.optimise.settle.settle", record)
    run = CliRunner().invoke(timing.timing, [command, "--population", "TRD outpatients"])
    assert run.exit_code == 0, run.output
    assert "--population 'TRD outpatients'" in seen[0]
