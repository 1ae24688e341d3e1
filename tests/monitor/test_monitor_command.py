"""``cotreat monitor`` as a user meets it, and its page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cotreat.commands.monitor import monitor
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from tests.house.repository import ROOT
from tests.monitor.records import table

EXAMPLE = [str(ROOT / "examples" / "monitor.csv"), "--mapping", str(ROOT / "examples" / "monitor-mapping.yaml")]
FEW = ["--particles", "200"]
FIXED = table(
    "2026-01-05,,dose,venlafaxine,150,mg,prescribed",
    "2026-01-05,,rating,PHQ-9,6,,",
    "2026-01-12,09:30,item,mood_down,2,1-7,momentary",
    "2026-01-12,09:30,item,phy_dizzy,1,1-7,momentary",
    "2026-01-12,,item,phq9_9,2,0-3,",
    "2026-02-16,,dose,venlafaxine,112.5,mg,cut",
)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(monitor, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_unit_a_flag_comes_first_and_too_little_cannot_tell(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(FIXED)
    text = run(str(tmp_path / "r.csv"), *FEW)
    assert text.index("!! suicidality (today)") < text.index("Verdict")
    assert "cannot tell" in text
    assert "emergency procedure" in text
    assert text.rstrip().endswith("Research and decision support, not a medical device.")
    assert "cotreat monitor" in text
    assert "forecast" not in text.casefold()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], str]:
    out = tmp_path_factory.mktemp("monitor") / "out"
    document = json.loads(run(*EXAMPLE, *FEW, "--research", "--json", "--out", str(out)))
    return document, (out / "report.html").read_text()


def test_unit_json_is_one_document(documents: tuple[dict[str, object], str]) -> None:
    document, _ = documents
    wanted = {
        "record",
        "verdict",
        "flags",
        "alerts",
        "days",
        "scales",
        "filter",
        "research",
        "provenance",
        "disclaimer",
    }
    assert wanted <= document.keys()
    days = document["days"]
    assert isinstance(days, list)
    words = {"more like withdrawal", "more like relapse", "could be both", "cannot tell"}
    assert {d["verdict"] for d in days} <= words
    assert document["research"]["stamp"] == "not validated for individuals"  # type: ignore[index]


def test_unit_without_research_nothing_is_forecast(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(FIXED)
    document = json.loads(run(str(tmp_path / "r.csv"), *FEW, "--json", "--out", str(tmp_path / "o")))
    assert "research" not in document
    # the parameter set says the same of itself, on every page
    page = (tmp_path / "o" / "report.html").read_text().replace(load_parameters().status, "")
    assert "not validated for individuals" not in page


def test_unit_response_waits_for_the_recall(tmp_path: Path) -> None:
    rows = ["2026-01-05,,rating,PHQ-9,20,,", "2026-01-10,,rating,PHQ-9,5,,"]
    (tmp_path / "r.csv").write_text(table(*rows))
    scale = json.loads(run(str(tmp_path / "r.csv"), *FEW, "--json"))["scales"][0]
    assert scale["response"] is None
    assert "looks back 14 days" in scale["why_not"]
    (tmp_path / "r.csv").write_text(table(rows[0], rows[1].replace("01-10", "01-25")))
    assert json.loads(run(str(tmp_path / "r.csv"), *FEW, "--json"))["scales"][0]["response"] is True


def test_unit_the_page_stands_alone_with_a_table_behind_each_chart(documents: tuple[dict[str, object], str]) -> None:
    _, page = documents
    assert not re.search(r'(?:src|href)="(?!#|https://doi\.org)', page)
    assert page.count("<details>") == 3
    assert page.count('class="chart wide lanes"') == 3
    assert page.count('class="chart narrow lanes"') == 3
    assert "style=" not in page.split("<body>")[1]
    assert "not validated for individuals" in page
    assert "not a medical device" in page
    assert len(page) < 1_000_000


@pytest.mark.parametrize(("language", "word"), [("ko", "판단할 수 없음"), ("ja", "判断できない")])
def test_unit_other_languages(language: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(FIXED)
    text = run(str(tmp_path / "r.csv"), *FEW, "--lang", language, "--out", str(tmp_path / "o"))
    assert word in text
    page = (tmp_path / "o" / "report.html").read_text()
    assert f'<html lang="{language}">' in page
    assert word in page


@pytest.mark.parametrize(
    "options", [["--today", "soon"], ["--today", "2025-01-01"], ["--particles", "3"], ["--mapping", "absent.yaml"]]
)
def test_unit_bad_options_write_nothing(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(FIXED)
    with pytest.raises(InputError):
        run(str(tmp_path / "r.csv"), *options, "--out", str(tmp_path / "out"))
    assert [p.name for p in tmp_path.iterdir()] == ["r.csv"]


def test_unit_today_ends_the_record_before_planned_doses(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(FIXED)
    document = json.loads(run(str(tmp_path / "r.csv"), *FEW, "--today", "2026-01-20", "--json"))
    assert document["record"]["end"] == "2026-01-20"
