"""The file that is checked, the verdict words, overrides, and the document."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cotreat.measures.errors import InputError
from cotreat.regimen.parse import parse
from cotreat.safety.check import CAUTION, NOT_CHECKED, PLANNING, STOPPED, CheckOptions, check, load_case
from cotreat.safety.patient import Patient, read_overrides, read_patient
from cotreat.safety.text import lines
from tests.safety.people import person

EXAMPLE = """
patient: {age: 45, sex: female, conditions: [], pregnancy: no, seizure_history: no, implants: none, phq9: 11,
  taper_reason: remission, target: depression}
regimen: |
  taper diazepam 20 mg daily to 0 over 20 weeks, steps every 2 weeks
  iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 5 weeks then 2 days a week until the taper ends
"""
QUIET = read_patient(person())


def written(folder: Path, text: str) -> Path:
    path = folder / "case.yaml"
    path.write_text(text)
    return path


def test_unit_example_of_a_taper_beside_tms(tmp_path: Path) -> None:
    regimen, patient = load_case(written(tmp_path, EXAMPLE))
    found = check(regimen, patient)
    assert found.word == STOPPED
    # Equal steps of 2 mg are a third of the dose and more at the end of the taper.
    assert {f.rule.id: f.day for f in found.fired("block")} == {"TAP-002": 112, "TMS-026": 112}
    assert patient.given["pregnancy"] == "no"
    assert patient.given["implants"] == ()
    assert "medications" in found.missing()


def test_unit_the_document_has_the_agreed_fields(tmp_path: Path) -> None:
    found = check(*load_case(written(tmp_path, EXAMPLE)))
    document = json.loads(json.dumps(found.document()))
    for row in document["rules"]:
        assert {"id", "stage", "severity", "verdict", "message", "source"} <= row.keys()
        assert row["verdict"] in {"fired", "remark", "did not fire", "not checked"}
    counted = [row["verdict"] for row in document["rules"]]
    assert document["checked"] + document["not_checked"] == len(counted)
    assert document["not_checked"] == counted.count("not checked")
    assert document["verdict"] == STOPPED
    assert re.fullmatch("[0-9a-f]{64}", document["rule_pack"]["hash"])
    assert document["rule_pack"]["version"]


@pytest.mark.parametrize("language", ["en", "ko", "ja"])
def test_unit_messages_in_a_language(language: str) -> None:
    verdict = check(parse("stop diazepam"), QUIET, CheckOptions(language=language))
    found = verdict.finding("TAP-001")
    assert found is not None
    assert verdict.document()["translation_reviewed"] is (language == "en")
    assert found.document()["message"] == found.rule.message[language]


def test_unit_an_unknown_language_is_refused() -> None:
    with pytest.raises(InputError, match="no messages in 'fr'"):
        check(parse("stop diazepam"), QUIET, CheckOptions(language="fr"))


def test_unit_verdict_words() -> None:
    plan = CheckOptions(stages=PLANNING)
    assert check(parse("stop diazepam"), QUIET, plan).word == STOPPED
    assert check(parse("escitalopram 10 mg daily\nlithium 600 mg daily"), QUIET, plan).word == CAUTION
    quiet = check(parse("CBT weekly for 12 weeks"), QUIET, plan)
    assert quiet.word == f"no rule fired ({quiet.checked} checked, {quiet.not_checked} not checked)"
    assert quiet.checked > 10
    assert check(parse("CBT weekly for 12 weeks"), Patient(), CheckOptions(stages=("session",))).word == NOT_CHECKED


# ---- overrides --------------------------------------------------------------------------------------------------


def test_unit_an_override_has_a_reason_follows_the_plan_and_leaves_a_caution(tmp_path: Path) -> None:
    text = (
        EXAMPLE
        + """
overrides:
  TAP-002: {reason: "last 4 mg in hospital, seen daily", by: "Dr Kim"}
  TMS-026: last weeks of the course, seen daily
"""
    )
    found = check(*load_case(written(tmp_path, text)))
    assert found.word == CAUTION
    assert not found.stopped
    document = found.document()
    said = {"id": "TAP-002", "reason": "last 4 mg in hospital, seen daily", "by": "Dr Kim", "used": True}
    assert document["overrides"][0] == said
    row = next(r for r in document["rules"] if r["id"] == "TAP-002")
    assert (row["verdict"], row["override"]["by"]) == ("fired", "Dr Kim")


def test_unit_overriding_one_block_leaves_the_other(tmp_path: Path) -> None:
    text = EXAMPLE + "overrides: {TAP-002: seen daily in hospital}\n"
    assert check(*load_case(written(tmp_path, text))).stopped


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"TAP-002": ""}, "needs a written reason"),
        ({"TAP-002": "ok"}, "needs a written reason"),
        ({"TAP-002": None}, "needs a written reason"),
        ({"TAP-002": {"reason": "seen daily", "who": "x"}}, "unknown field 'who'"),
        (["TAP-002"], "expected rule ids"),
    ],
)
def test_unit_an_override_without_a_reason_is_refused(overrides: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_overrides(overrides)


def test_unit_an_override_of_no_rule_is_refused() -> None:
    patient = Patient({}, read_overrides({"TAP-0002": "seen daily in hospital"}))
    with pytest.raises(InputError, match="unknown rule 'TAP-0002'") as caught:
        check(parse("stop diazepam"), patient)
    assert caught.value.hint == "Did you mean TAP-002?"


# ---- files that are wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected the fields patient and regimen"),
        ("- 1", "expected the fields"),
        ("patient: {age: 45}", "'regimen' must hold"),
        ("regimen: 3", "'regimen' must hold"),
        ("regimen: stop\n", "case.yaml: "),
        ("regimen: stop lithium\npatient: 3", "'patient' must hold"),
        ("regimen: stop lithium\npatien: {}", "unknown field 'patien'"),
        ("regimen: stop lithium\npatient: {agee: 45}", "unknown field 'agee'"),
        ("regimen: stop lithium\npatient: {age: old}", "age is a number"),
        ("regimen: stop lithium\npatient: {age: yes}", "age is a number"),
        ("regimen: stop lithium\npatient: {age: 450}", "between 0 and 120"),
        ("regimen: stop lithium\npatient: {age: .nan}", "age is a number"),
        ("regimen: stop lithium\npatient: {age: 45, age: 46}", "'age' is given twice"),
        ("regimen: stop lithium\npatient: {sex: femal}", "sex is never 'femal'"),
        ("regimen: stop lithium\npatient: {seizure_history: maybe}", "yes or no"),
        ("regimen: stop lithium\npatient: {implants: yes}", "which"),
        ("regimen: stop lithium\npatient: {conditions: [epilepsi]}", "unknown word 'epilepsi'"),
        ("regimen: stop lithium\npatient: {conditions: [], days_since_stroke: 3}", "does not list stroke"),
        ("regimen: stop lithium\npatient: {implants: none, metal_distance_cm: 10}", "implants is none"),
        ("regimen: stop lithium\npatient: {medications: [3]}", "list of drugs"),
        ("regimen: stop lithium\npatient: {tms: 3}", "tms is a list of facts"),
        ("regimen: stop lithium\npatient: {tms: {age: 3}}", "does not belong under tms"),
        ("regimen: stop lithium\npatient: {tms: {trains_s: 3}}", "unknown field 'trains_s'"),
        ("regimen: stop lithium\ntms: {}\npatient: {tms: {}}", "tms is given twice"),
        ("regimen: stop lithium\npatient: {3: x}", "not the name of a fact"),
        ("regimen: stop lithium\npatient: {research_protocol_id: no}", "Leave the line out"),
        ("regimen: [", "not valid YAML"),
        ("a: &a 1\nb: *a", "aliases are not used"),
        ("regimen: !!python/object:os.system stop", "not valid YAML"),
    ],
)
def test_unit_a_wrong_file_is_one_clear_error(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_case(written(tmp_path, text))
    assert words in str(caught.value)
    assert "\n" not in caught.value.message


def test_unit_unknown_is_the_same_as_not_recorded(tmp_path: Path) -> None:
    path = written(tmp_path, "regimen: stop lithium\npatient: {pregnancy: unknown, age: null, medications: not known}")
    assert load_case(path).patient.given == {}


def test_unit_missing_large_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_case(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="directory"):
        load_case(tmp_path)
    with pytest.raises(InputError, match="larger than 1 MB"):
        load_case(written(tmp_path, "#" * (1 << 20) + "\n\n"))
    (tmp_path / "case.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        load_case(tmp_path / "case.yaml")


def test_unit_a_misspelt_drug_on_the_list_is_refused_and_an_unknown_one_is_reported() -> None:
    with pytest.raises(InputError, match="unknown drug 'setraline'"):
        check(parse("stop diazepam"), read_patient({"medications": ["setraline 50 mg"]}))
    found = check(parse("stop diazepam"), read_patient({"medications": ["xqz 5 mg"]})).finding("SYS-003")
    assert found is not None
    assert found.verdict == "fired"


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"conditions": ["epilepsy"], "seizure_history": False}, "TMS-004"),
        ({"conditions": ["pacemaker"], "implants": "none"}, "TMS-002"),
    ],
)
def test_unit_of_two_statements_that_disagree_the_worse_counts(facts: dict[str, object], rule: str) -> None:
    found = check(parse("iTBS 5 days a week for 6 weeks"), read_patient(person(facts))).finding(rule)
    assert found is not None
    assert found.verdict == "fired"


def test_unit_two_ratings_that_disagree_are_refused() -> None:
    facts = person({"phq9": 4, "madrs": None}) | {"madrs": 25}
    with pytest.raises(InputError, match="disagree"):
        check(parse("taper sertraline 50 mg daily to 0 over 20 weeks"), read_patient(facts))


def test_unit_the_safety_module_starts_fast_and_alone() -> None:
    code = (
        "import sys, time; t = time.process_time(); import cotreat.safety.check; s = time.process_time() - t;"
        "print(s, [m for m in ('jax', 'lark', 'numpy', 'pandas', 'pydantic', 'yaml', 'socket') if m in sys.modules])"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    assert {r.stdout.split(" ", 1)[1].strip() for r in runs} == {"[]"}
    assert min(float(r.stdout.split(" ", 1)[0]) for r in runs) < 0.2


def test_unit_the_text_is_grouped_and_short(tmp_path: Path) -> None:
    found = check(*load_case(written(tmp_path, EXAMPLE)))
    text = list(lines(found))
    assert text[0] == f"Verdict: {STOPPED}"
    assert text.index("Stops the plan:") < text.index("Caution:") < text.index("To know:")
    assert any("TAP-002 (day 112)" in line for line in text)
    assert any(line.startswith("  medications: ") for line in text)
    assert found.pack_hash[:12] in text[-1]
    assert len(text) < 45
