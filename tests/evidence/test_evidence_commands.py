"""``cotreat evidence`` as a user types it: forest, figures, new, check, patients."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cotreat.cli import cli
from cotreat.commands.evidence import evidence
from cotreat.measures.errors import InputError
from tests.house.repository import ROOT

BCG = str(ROOT / "validation" / "metafor" / "data" / "bcg.csv")
DISCLAIMER = "Research and decision support, not a medical device"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["evidence", *words])


def test_published_bcg_on_the_command_line() -> None:
    result = run("forest", "--data", BCG, "--measure", "RR", "--json")
    found = json.loads(result.stdout)
    assert round(found["estimate"], 4) == -0.7145
    assert round(found["se"], 4) == 0.1798
    assert round(found["tau2"], 4) == 0.3132
    assert {"ci95", "pi95", "i2", "h2", "q", "studies", "leave_one_out", "egger"} <= found.keys()
    assert found["disclaimer"].startswith(DISCLAIMER)
    adjusted = json.loads(run("forest", "--data", BCG, "--measure", "RR", "--test", "knha", "--json").stdout)
    assert [round(v, 3) for v in adjusted["ci95"]] == [-1.108, -0.321]


def test_published_bcg_latitude_explains_the_difference() -> None:
    """metafor's documentation: latitude -0.0291 (SE 0.0072), tau2 0.0764, R2 75.6 %."""
    found = json.loads(run("forest", "--data", BCG, "--measure", "RR", "--mods", "ablat", "--json").stdout)
    slope = found["moderators"]["coefficients"][1]
    assert (slope["name"], round(slope["estimate"], 4), round(slope["se"], 4)) == ("ablat", -0.0291, 0.0072)
    assert found["tau2"] == pytest.approx(0.0764, abs=1e-4)
    assert found["r2"] == pytest.approx(75.6, abs=0.1)


def test_unit_text_is_ascii_within_80_columns_and_says_how_to_remake_it() -> None:
    result = run("forest", "--data", BCG, "--measure", "RR", "--mods", "ablat,alloc", "--test", "knha")
    assert result.exit_code == 0
    result.stdout.encode("ascii")
    drawn = [row for row in result.stdout.splitlines() if "(0." in row and "Left" not in row]
    assert all(len(row) <= 84 for row in drawn)
    assert f"Remake: cotreat evidence forest --data {BCG} --measure RR --test knha --mods ablat,alloc" in result.stdout
    assert "no seed" in result.stdout
    assert DISCLAIMER in result.stdout
    assert "alloc is compared with alternate" in result.stdout


def test_unit_report_and_figures_are_written_together(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    result = run("forest", "--data", BCG, "--measure", "OR", "--out", str(out))
    assert result.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["forest.svg", "funnel.svg", "report.html"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert DISCLAIMER in page
    assert page.count('class="chart wide forest"') == 1 == page.count('class="chart narrow forest"')
    drawing = (out / "forest.svg").read_text(encoding="utf-8")
    assert drawing.startswith("<svg ")
    assert 'xmlns="http://www.w3.org/2000/svg"' in drawing
    assert drawing.count("<rect") == 13


@pytest.mark.parametrize(
    ("measure", "text"),
    [
        ("PLO", "study,xi,ni\na,1,20\nb,10,40\nc,0,12\n"),
        ("SMD", "study,m1i,sd1i,n1i,m2i,sd2i,n2i\na,1,2,20,2,2,20\nb,5,9,9,2,8,10\n"),
        ("MD", "study,m1i,sd1i,n1i,m2i,sd2i,n2i\na,1000,200,20,2000,200,20\nb,900,500,9,2,8,10\n"),
        ("GEN", "study,yi,vi\nonly one,0.5,0.1\n"),
        ("RR", "study,ai,bi,ci,di\n<b>x</b>,1,900,400,3\ny & z,0,5,0,5\n"),
        ("GEN", "study,yi,vi\na,0.5,0.1\nb,0.5,0.1\n"),
        ("HR", "study,yi,vi\na,800,1\nb,-800,1\n"),
    ],
)
def test_unit_any_table_makes_text_json_and_a_page(tmp_path: Path, measure: str, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    words = ["forest", "--data", str(path), "--measure", measure]
    plain = run(*words, "--out", str(tmp_path / "out"))
    assert plain.exit_code == 0, plain.output
    found = json.loads(run(*words, "--json").stdout)
    assert found["k"] == len(found["studies"])
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<b>x</b>" not in page
    assert not re.search(r'="(nan|inf)', page)


def test_unit_failure_leaves_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("forest", "--data", str(tmp_path / "absent.csv"), "--measure", "RR", "--out", str(out))
    assert isinstance(result.exception, InputError)
    assert not out.exists()


def test_unit_export_is_a_table_and_nothing_else() -> None:
    result = run("forest", "esketamine", "response", "--export", "metafor")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["study"] for row in rows] == ["fedgchin2019", "popova2019", "ochsross2020"]
    assert all(float(row["vi"]) > 0 for row in rows)


def test_unit_base_question_names_its_sources_and_what_was_left_out() -> None:
    found = json.loads(run("forest", "taper", "relapse", "--json").stdout)
    assert found["sources"] == ["bockting2018", "lewis2021"]
    assert {"study", "reason"} == found["left_out"][0].keys()
    assert found["question"].startswith("Randomised comparisons")


def test_unit_figures_of_a_system() -> None:
    result = run("figures", "S7")
    assert "studies/nordenskjold2013.yaml, outcomes[0]" in result.stdout
    assert "10.1097/YCT" in result.stdout
    assert len(json.loads(run("figures", "S7", "--json").stdout)) == 5
    assert "no published figure exists" in run("figures", "S10").stdout


def test_unit_a_packaged_study_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    shown = run("show", "zarate2012", "--yaml")
    assert shown.exit_code == 0
    path = tmp_path / "zarate2012.yaml"
    path.write_text(shown.stdout, encoding="utf-8")
    again = run("show", str(path), "--yaml")
    assert again.stdout == shown.stdout
    assert json.loads(run("show", str(path), "--json").stdout) == json.loads(run("show", "zarate2012", "--json").stdout)
    assert isinstance(run("show", "zarate2012", "--yaml", "--json").exception, InputError)


def test_unit_new_then_check(tmp_path: Path) -> None:
    path = tmp_path / "smith2024.yaml"
    assert run("new", "smith2024", "--out", str(path)).exit_code == 0
    result = run("check", str(path))
    assert result.exit_code == 0
    assert "still the made-up value of the template" in result.stdout
    assert isinstance(run("new", "smith2024", "--out", str(path)).exception, InputError)
    assert run("new", "smith2024").stdout.startswith("# smith2024")


def test_unit_patients_file(tmp_path: Path) -> None:
    rows = "".join(f"{i} {30 - 2 * w - i % 3} {w} 0\n" for i in range(6) for w in range(6))
    path = tmp_path / "reisby.dat"
    path.write_text("id hamd week endog\n" + rows, encoding="utf-8")
    assert json.loads(run("patients", str(path), "--source", "reisby1977", "--json").stdout)["patients"] == 6
    assert DISCLAIMER in run("patients", str(path), "--source", "reisby1977").stdout


EXAMPLES = [
    line.strip().removeprefix("cotreat evidence ")
    for command in evidence.commands.values()
    for line in (command.epilog or "").splitlines()
    if line.strip().startswith("cotreat evidence ")
]


@pytest.mark.parametrize("line", EXAMPLES)
def test_unit_examples_of_the_help_run(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "validation").symlink_to(ROOT / "validation")
    result = run(*shlex.split(line))
    assert result.exit_code == 0, result.output
    assert DISCLAIMER in result.stdout or "--out" in line


def test_unit_page_of_the_base_names_its_sources(tmp_path: Path) -> None:
    result = run("forest", "esketamine", "response", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(key in page for key in ("fedgchin2019", "popova2019", "ochsross2020"))
    assert page.count("https://doi.org/") >= 2
    assert "a pooled publication: its trials would count twice" in page
    assert "no test can tell" in page
