"""``cotreat trial`` as a user meets it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cotreat.cli import main

FAST = ("--trials", "20", "--draws", "4", "--seed", "2")
SMALL = """
title: iTBS against sham
population: TRD outpatients
arms: {sham: sham iTBS 5 days a week for 4 weeks, active: iTBS 600 pulses 5 days a week for 4 weeks}
per_arm: [20, 30]
visits: every 2 weeks for 4 weeks
endpoints: [{name: response at week 4, kind: proportion}, {name: change at week 4, kind: ancova}]
looks: [0.5, 1]
guessing: {treated: 0.7, control: 0.4, points: 1}
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def cotreat(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """The command line in this process, in an empty folder: a fresh interpreter for each call would take minutes."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["cotreat", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        text = capsys.readouterr()
        return Ran(int(ended.value.code or 0), text.out, text.err)

    return run


def test_unit_help_has_an_example(cotreat: Command) -> None:
    run = cotreat("trial", "--help")
    assert run.code == 0
    assert "Example:\n    cotreat trial examples/trial.yaml" in run.out


@pytest.mark.slow
def test_unit_a_table_a_report_and_the_same_again(cotreat: Command, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    run = cotreat("trial", "small.yaml", *FAST, "--out", "out")
    assert run.code == 0, run.err
    words = " ".join(run.out.split())
    for word in ("response at week 4", "For the analysis plan", "not a medical device", "nobody guesses", "Report: "):
        assert word in words
    page = (tmp_path / "out" / "report.html").read_text()
    for word in ("Power and assurance", "Estimand: response at week 4", "What this does not claim"):
        assert word in page
    assert not re.search(r'(src|href)="https?:', page)
    document = json.loads(cotreat("trial", "small.yaml", *FAST, "--json").out)
    assert {"tests", "assurance", "estimands", "paragraph", "provenance", "looks", "sensitivity"} <= set(document)
    again = cotreat(*document["provenance"]["command"].split()[1:], "--json", "--threads", "1")
    assert json.loads(again.out) == document


@pytest.mark.parametrize(
    ("line", "wrong", "word"),
    [
        ("per_arm: [20, 30]", "per_arm: 10000000", "per_arm"),
        ("visits: every 2 weeks for 4 weeks", "visits: every 20 weeks for 4 weeks", "visit"),
        ("title:", "alpha: -0.05\ntitle:", "alpha"),
        ("response at week 4", "response at week 3", "never measured"),
    ],
)
def test_unit_bad_files_end_with_one_message_and_leave_nothing(
    line: str, wrong: str, word: str, cotreat: Command, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text(SMALL.replace(line, wrong))
    run = cotreat("trial", "bad.yaml", "--out", "out")
    assert run.code == 2
    assert word in run.err
    assert "Traceback" not in run.err
    assert [p.name for p in tmp_path.iterdir()] == ["bad.yaml"]


def test_unit_bad_options_are_refused(cotreat: Command, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    for option, value in (
        ("--trials", "0"),
        ("--draws", "-1"),
        ("--at", "mean"),
        ("--patients", "3"),
        ("--threads", "0"),
    ):
        run = cotreat("trial", "small.yaml", option, value)
        assert run.code == 2, (option, run.err)
        assert "Traceback" not in run.err
