"""The command line as a user meets it: help, results, and one clear message for bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from cotreat.cli import cli
from cotreat.model.parameter_set import load_parameters

FAST = ["--patients", "200", "--draws", "10"]


def cotreat(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cotreat.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


def refused(run: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2, nothing on standard output, a message that says what is wrong, and no traceback."""
    assert run.returncode == 2, run
    assert run.stdout == ""
    assert run.stderr.startswith("cotreat: ")
    assert "Traceback" not in run.stderr
    for word in words:
        assert word in run.stderr, run.stderr


def test_unit_help_answers_within_half_a_second() -> None:
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        assert cotreat("--help").returncode == 0
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.5, times


def commands(group: click.Group = cli, above: str = "") -> list[str]:
    """Every command and group below the top one, as it is typed."""
    found: list[str] = []
    for name, command in group.commands.items():
        found.append(f"{above}{name}")
        found += commands(command, f"{above}{name} ") if isinstance(command, click.Group) else []
    return found


@pytest.mark.parametrize("command", commands())
def test_unit_every_help_has_an_example(command: str) -> None:
    run = cotreat(*command.split(), "--help")
    assert run.returncode == 0
    assert "Example:\n" in run.stdout
    assert f"cotreat {command.split(maxsplit=1)[0]}" in run.stdout


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("compare")
    return cotreat("compare", "after-ect", *FAST, "--out", "out", cwd=folder), folder / "out"


def test_unit_compare_prints_a_table_and_writes_a_report(
    compared: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    run, out = compared
    assert run.returncode == 0, run.stderr
    for word in ("nothing after", "nortriptyline and lithium", load_parameters().status, "Report: "):
        assert word in " ".join(run.stdout.split())
    assert "not a medical device" in run.stdout
    assert [p.name for p in out.iterdir()] == ["report.html"]


def test_unit_compare_json_is_one_document_and_remakes_itself(tmp_path: Path) -> None:
    one = cotreat("compare", "after-ect", *FAST, "--json", cwd=tmp_path)
    document = json.loads(one.stdout)
    assert {"arms", "outcomes", "contrasts", "safety", "provenance"} <= set(document)
    assert list(tmp_path.iterdir()) == []
    again = cotreat(*document["provenance"]["command"].split()[1:], "--json", "--threads", "1", cwd=tmp_path)
    assert again.stdout == one.stdout


@pytest.mark.slow
def test_unit_predict_json_has_its_fields(tmp_path: Path) -> None:
    document = json.loads(cotreat("predict", "sackeim2001", *FAST, "--json", cwd=tmp_path).stdout)
    wanted = {"arm", "measure", "scale", "day", "n", "median", "pi50", "pi95", "observed", "inside95", "reason"}
    assert all(wanted <= set(o) for o in document["outcomes"])


def test_unit_doses_of_a_sentence_and_of_a_file(tmp_path: Path) -> None:
    sentence = "ECT weekly for 4 weeks, every 2 weeks for 8 weeks, then monthly for 36 weeks"
    document = json.loads(cotreat("doses", sentence, "--json").stdout)
    assert len(document["items"]) == 17
    assert document["items"][-1]["day"] == 308
    (tmp_path / "r.txt").write_text(sentence)
    from_file = json.loads(cotreat("doses", "r.txt", "--json", cwd=tmp_path).stdout)
    assert from_file["items"] == document["items"]
    table = cotreat("doses", sentence).stdout
    written = cotreat("doses", sentence, "--out", "plan", "--lang", "ko", cwd=tmp_path)
    assert sorted(p.name for p in (tmp_path / "plan").iterdir()) == ["doses.csv", "doses.json", "timeline.svg"]
    assert "시" in written.stdout
    assert "This means" in table
    assert "not a medical device" in table


ECT = "ECT bitemporal 3 times a week until remission, at most 12 sessions"
WRONG = {
    "typo": ("doses", "nortriptylin to 100 ng/mL", "nortriptylin", "nortriptyline"),
    "unit": ("doses", "nortriptyline to 100 mg/mL", "mg/mL"),
    "dose": ("doses", "lithium 3000 mg daily", "3000"),
    "level": ("doses", "lithium to 7 mmol/L for 4 weeks", "7"),
    "trailing": ("doses", ECT + " please", "please"),
    "unknown example": ("compare", "after-etc", "after-ect"),
    "unknown study": ("predict", "sackeim2002", "sackeim2001"),
    "unknown command": ("compair", "after-ect", "compare"),
    "unknown option": ("compare", "after-ect", "--patiens"),
}


@pytest.mark.parametrize("name", WRONG)
def test_unit_bad_words_get_one_clear_message(name: str, tmp_path: Path) -> None:
    arguments, words = WRONG[name][:2], WRONG[name][2:]
    if name == "unknown option":
        arguments = (*arguments, "--patiens", "3")
    refused(cotreat(*arguments, cwd=tmp_path), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["compare", "predict", "doses"])
def test_unit_an_empty_file_and_a_directory_are_refused(command: str, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "folder").mkdir()
    refused(cotreat(command, str(tmp_path / "empty.yaml")), "empty")
    refused(cotreat(command, str(tmp_path / "folder")), "directory")


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--patients", "0", "patients"),
        ("--patients", "5", "draws"),
        ("--draws", "-1", "draws"),
        ("--seed", "-1", "seed"),
        ("--threads", "0", "threads"),
        ("--params", "nonsense", "literature-2026"),
        ("--engine", "warp", "reference"),
    ],
)
def test_unit_bad_options_are_refused(option: str, value: str, word: str, tmp_path: Path) -> None:
    refused(cotreat("compare", "after-ect", option, value, cwd=tmp_path), word)
    assert list(tmp_path.iterdir()) == []


def test_unit_a_parameter_set_that_lacks_parameters_is_refused(tmp_path: Path) -> None:
    entry = "{distribution: fixed, median: 1, unit: day, identified: fixed, source: here}"
    text = f"name: small\nstatus: none\nabout: x\ndoes_not_claim: x\nparameters:\n  mood.time_constant: {entry}\n"
    (tmp_path / "small.yaml").write_text(text)
    refused(cotreat("compare", "after-ect", "--params", "small.yaml", cwd=tmp_path), "'small' lacks")
    assert [p.name for p in tmp_path.iterdir()] == ["small.yaml"]


def test_unit_an_unwritable_output_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    begin = time.perf_counter()
    for out in ("file", "file/below", "/proc/cotreat"):
        refused(cotreat("compare", "after-ect", "--out", out, cwd=tmp_path), "cannot write")
    assert time.perf_counter() - begin < 10
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_unit_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # root may write anywhere: a file system without a place for folders stands in for it
        refused(cotreat("compare", "after-ect", *FAST, "--out", "/sys/cotreat", cwd=tmp_path), "cannot write")
        return
    tmp_path.chmod(0o500)
    refused(cotreat("compare", "after-ect", *FAST, "--out", "out", cwd=tmp_path), "permission")


def test_unit_check_stops_a_dangerous_plan_with_exit_code_1() -> None:
    file = str(Path(__file__).parents[2] / "examples" / "check.yaml")
    run = cotreat("check", file)
    assert run.returncode == 1
    assert "stopped, prescriber override needed" in run.stdout
    assert "not a medical device" in " ".join(run.stdout.split())
    document = json.loads(cotreat("check", file, "--json").stdout)
    assert {"rules", "checked", "not_checked"} <= set(document)
    assert all({"id", "stage", "severity", "verdict", "message", "source"} <= set(r) for r in document["rules"])


def test_unit_a_broken_study_is_refused_and_a_contradiction_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("id: s\ntitle: t\n")
    run = cotreat("predict", str(tmp_path / "s.yaml"))
    refused(run, "s.yaml")
    checked = cotreat("evidence", "check", "sackeim2001")
    assert checked.returncode == 0
