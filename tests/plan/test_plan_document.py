"""The document of a plan, what a terminal shows of it, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cotreat.commands.plan import plan as command
from cotreat.measures.errors import InputError
from cotreat.plan.api import taper
from cotreat.plan.document import MUST_READ
from cotreat.plan.value import Plan, Refused
from cotreat.plan.words import _WORDS
from cotreat.regimen.parse import parse
from cotreat.safety.patient import Patient
from tests.plan.requests import QUIET, TODAY
from tests.safety.people import person

ROOT = Path(__file__).parents[2]


def planned(text: str = "venlafaxine 150 mg daily", **options: Any) -> Plan:
    wishes: dict[str, Any] = {"today": TODAY, "reason": "remission"} | options
    found = taper(text, QUIET, **wishes)
    assert isinstance(found, Plan)
    return found


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command, ["taper", *arguments], standalone_mode=False)


def test_unit_the_document_is_described_in_full() -> None:
    text = (ROOT / "docs" / "plan-document.md").read_text(encoding="utf-8")
    described = set(re.findall(r"`([a-z_0-9]+)`", text))

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | set().union(*(keys(v) for v in value.values()))
        return set().union(*(keys(v) for v in value)) if isinstance(value, list) else set()

    found = planned(with_tms=True, confirm_strengths=True).document()
    assert keys({k: v for k, v in found.items() if k != "safety"}) <= described
    refused = taper("venlafaxine 150 mg daily", QUIET, today=TODAY, made_to_order=False)
    assert isinstance(refused, Refused)
    assert keys(refused.document()) <= described


def test_unit_the_guide_runs() -> None:
    guide = (ROOT / "docs" / "taper.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code.replace("print(plan)", "text = str(plan)"), "taper.md", "exec"), names)
    assert isinstance(names["plan"], Plan)
    assert "venlafaxine" in names["text"]
    command = re.search(r'cotreat plan taper "(.*)" (.*)', guide)
    assert command is not None
    assert run(command[1], *command[2].split()).return_value == 0


def test_unit_the_document_is_plain_json_and_its_sentences_are_the_plan() -> None:
    plan = planned(with_tms=True)
    document = json.loads(json.dumps(plan.document(), allow_nan=False))
    assert document == plan.document()
    assert parse(document["regimen"]) == plan.regimen
    assert document["must_read"] == list(MUST_READ)
    assert document["drug"]["names"]["ja"]
    assert document["stimulation"][0].startswith("iTBS")
    assert document["provenance"]["rule_pack"]["hash"]


def test_unit_unconfirmed_strengths_keep_the_list_back_until_a_prescriber_says_so() -> None:
    held = planned().document()["dispensing"]
    assert held["withheld"]
    assert held["periods"] == []
    assert held["total_mg"] is None
    assert held["to_confirm"]
    given = planned(confirm_strengths=True).document()["dispensing"]
    assert not given["withheld"]
    assert given["confirmed_by_prescriber"]
    assert given["to_confirm"] == held["to_confirm"]
    rows = planned().document()["rows"]
    assert given["total_mg"] == pytest.approx(sum(r["mg_per_day"] * r["days"] for r in rows))


def test_unit_a_list_whose_strengths_were_read_needs_no_confirmation() -> None:
    plan = planned("escitalopram 6 mg daily", forms="US")
    assert {p.key for p in plan.used} == {"1 mg/mL solution"}
    assert not plan.document()["dispensing"]["withheld"]
    assert plan.document()["dispensing"]["to_confirm"] == []


def test_unit_what_is_not_known_keeps_a_plan_from_print_and_is_named() -> None:
    known = planned().document()["printing"]
    assert known["allowed"]
    assert known["missing"] == []
    unknown = taper("venlafaxine 150 mg daily", today=TODAY).document()["printing"]
    assert not unknown["allowed"]
    assert "SYS-001" in unknown["rules"]
    assert "age" in unknown["missing"]


def test_unit_a_stopped_plan_shows_its_reasons_and_no_dose() -> None:
    found = taper("sertraline 100 mg daily", person({"pregnancy": "yes", "taper_reason": None}), today=TODAY)
    assert isinstance(found, Refused)
    text = str(found)
    assert "stopped, prescriber override needed" in text
    assert "TAP-037" in text
    assert "mL" not in text
    assert "lower sertraline" not in text
    assert "rows" not in found.document()


def test_unit_an_override_is_the_prescribers_and_stays_with_the_plan() -> None:
    from cotreat.safety.patient import Patient, read_overrides

    facts = read_overrides({"TAP-037": {"reason": "Obstetrics and perinatal psychiatry agree.", "by": "Dr K"}})
    record = Patient({**QUIET.given, "pregnancy": "yes"}, facts)
    found = taper("sertraline 100 mg daily", record, today=TODAY)
    assert isinstance(found, Plan)
    assert "TAP-037 (overridden)" in str(found)


@pytest.mark.parametrize("language", ["en", "ko", "ja"])
@pytest.mark.parametrize("width", [80, 110])
def test_unit_the_text_fits_and_speaks_the_language(language: str, width: int) -> None:
    from cotreat.plan.text import plan_text

    document = planned(language=language, with_tms=True).document()
    text = plan_text(document, width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "Research and decision support, not a medical device." in text
    assert "no random numbers" in text
    assert document["provenance"]["command"].split()[0] == "cotreat"
    assert ("nobody has reviewed" in text) is False or language == "en"
    assert re.search({"en": "Taper", "ko": "감량", "ja": "漸減"}[language], text)


def test_unit_every_word_stands_in_three_languages() -> None:
    assert all(len(row) == 3 and all(row) for row in _WORDS.values())


def test_unit_nothing_promises_that_tms_helps() -> None:
    text = str(planned(with_tms=True))
    assert "no trial has shown that TMS makes stopping easier" in text
    assert not re.search(r"TMS (helps|supports|eases|reduces|improves|speeds)\b", text)


# ---- the command ------------------------------------------------------------------------------------------------


def test_unit_the_command_prints_a_plan() -> None:
    shown = run("paroxetine 20 mg daily", "--today", "2026-11-23", "--with-tms", "--reason", "patient wish")
    assert shown.exception is None
    assert shown.return_value == 0
    assert "2026-11-23" in shown.output
    assert "PR" not in shown.output.split("Steps")[0]


def test_unit_the_command_that_is_printed_makes_the_same_plan() -> None:
    import shlex

    first = run("duloxetine 60 mg daily", "--forms", "KR", "--weeks", "30", "--today", "2026-11-23", "--json")
    made_by = json.loads(first.output)["provenance"]["command"]
    again = run(*shlex.split(made_by)[3:], "--json")
    assert json.loads(again.output) == json.loads(first.output)


def test_unit_a_stopped_plan_ends_with_exit_code_one_and_writes_nothing(tmp_path: Path) -> None:
    patient = tmp_path / "patient.yaml"
    patient.write_text("{pregnancy: yes, medications: none}")
    out = tmp_path / "out"
    shown = run("sertraline 100 mg daily", "--patient", str(patient), "--out", str(out), "--json")
    assert shown.return_value == 1
    assert json.loads(shown.output)["stopped"]
    assert not out.exists()


def test_unit_the_document_is_written_where_asked(tmp_path: Path) -> None:
    shown = run("paroxetine 20 mg daily", "--today", "2026-11-23", "--out", str(tmp_path / "a" / "b"), "--json")
    assert json.loads((tmp_path / "a" / "b" / "plan.json").read_text()) == json.loads(shown.output)


def test_unit_a_prescriber_overrides_a_block_in_writing(tmp_path: Path) -> None:
    patient = tmp_path / "patient.yaml"
    patient.write_text("{pregnancy: yes, medications: none}")
    who = ("sertraline 100 mg daily", "--patient", str(patient), "--today", "2026-11-23")
    shown = run(*who, "--override", "TAP-037=Obstetrics and perinatal psychiatry agree")
    assert shown.return_value == 0
    assert "TAP-037 (overridden)" in shown.output
    assert "--override 'TAP-037=Obstetrics and perinatal psychiatry agree'" in " ".join(shown.output.split())
    for wrong in ("TAP-037", "TAP-037=", "=because", "TAP-999=because it is so"):
        assert isinstance(run(*who, "--override", wrong).exception, InputError)


def test_unit_rules_of_ones_own_are_asked(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "extends: cotreat\nversion: ours\nrules:\n- id: TAP-022\n  severity: block\n"
        '  condition: occupancy_drop("antidepressant") > 5\n'
    )
    shown = run("paroxetine 20 mg daily", "--rules", str(rules), "--today", "2026-11-23")
    assert shown.return_value == 1
    assert "TAP-022" in shown.output
    slow = run("paroxetine 20 mg daily", "--rules", str(rules), "--today", "2026-11-23", "--weeks", "100")
    assert slow.return_value == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("paroxetine 20 mg daily", "--start", "2020-01-01"),
        ("paroxetine 20 mg daily", "--start", "tomorrow"),
        ("paroxetine 20 mg daily", "--weeks", "0"),
        ("paroxetine 20 mg daily", "--steps-every", "0w"),
        ("paroxetine 20 mg daily", "--patient", "no/such/file.yaml"),
        ("paroxetine 20 mg daily", "--rules", "no/such/file.yaml"),
        ("paroxetin 20 mg daily",),
    ],
)
def test_unit_wrong_input_is_an_input_error(arguments: tuple[str, ...]) -> None:
    assert isinstance(run(*arguments).exception, InputError)


def test_unit_reasons_given_twice_must_agree() -> None:
    with pytest.raises(InputError, match="the reason is harm"):
        taper("paroxetine 20 mg daily", QUIET.without("x"), today=TODAY, reason="harm")


def test_unit_a_refusal_says_what_would_help() -> None:
    nobody = QUIET.without("taper_reason")
    found = taper("paroxetine 20 mg daily", nobody, today=TODAY, reason="not_stated")
    assert isinstance(found, Refused)
    assert any("remission" in text and "--reason" in text for text in found.would_help)
    child = Patient({**QUIET.given, "age": 15.0})
    refused = taper("paroxetine 20 mg daily", child, today=TODAY, reason="remission")
    assert isinstance(refused, Refused)
    assert any("--override 'TAP-036=why'" in text for text in refused.would_help)
