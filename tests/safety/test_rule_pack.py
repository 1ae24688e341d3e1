"""Rules are data: checked in full when read, hashed, changed by editing, refused when wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cotreat.measures.errors import InputError
from cotreat.regimen.parse import parse
from cotreat.safety.check import CheckOptions, check
from cotreat.safety.pack import build, digest, load_pack, packaged_document
from cotreat.safety.patient import read_patient
from tests.safety.people import person

PLAN = "taper diazepam 20 mg daily to 0 over 5 weeks"
QUIET = read_patient(person())


def numbers(text: str) -> list[float]:
    """Every number of a condition that stands outside quotes and names."""
    bare = re.sub(r'"[^"]*"', "", text)
    return [float(x) for x in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])", bare)]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return path


def edited(tmp_path: Path, rule: str, old: str, new: str) -> Path:
    document = packaged_document()
    for entry in document["rules"]:
        if entry["id"] == rule:
            assert old in entry["condition"]
            entry["condition"] = entry["condition"].replace(old, new)
    return written(tmp_path, yaml.safe_dump(document, allow_unicode=True))


def test_unit_editing_a_limit_changes_the_verdict_and_the_hash(tmp_path: Path) -> None:
    before = check(parse(PLAN), QUIET)
    pack = load_pack(edited(tmp_path, "TAP-002", "> 25", "> 100"))
    after = check(parse(PLAN), QUIET, CheckOptions(pack=pack))
    first, second = before.finding("TAP-002"), after.finding("TAP-002")
    assert first is not None
    assert second is not None
    assert (first.verdict, second.verdict) == ("fired", "did not fire")
    assert before.pack_hash != after.pack_hash


def test_unit_a_file_that_extends_changes_only_what_it_says(tmp_path: Path) -> None:
    change = {"id": "TAP-002", "condition": 'reduction_pct("sedative", 14) > 100'}
    text = yaml.safe_dump({"extends": "cotreat", "version": "our site", "rules": [change]})
    pack = load_pack(written(tmp_path, text))
    assert "our site" in pack.version
    assert [r.id for r in pack.rules] == [r.id for r in load_pack().rules]
    assert not {f.rule.id for f in check(parse(PLAN), QUIET, CheckOptions(pack=pack)).fired("block")} & {"TAP-002"}


def test_unit_the_hash_is_of_the_content_not_of_the_layout(tmp_path: Path) -> None:
    document = packaged_document()
    turned = {k: document[k] for k in reversed(document)}
    assert load_pack(written(tmp_path, json.dumps(turned))).hash == load_pack().hash == digest(document)
    document["rules"][0]["severity"] = "info"
    assert digest(document) != load_pack().hash


MINIMAL: dict[str, Any] = {"extends": "cotreat", "version": "test"}


def rule(**changes: Any) -> dict[str, Any]:
    entry = {
        "id": "X-1",
        "stage": "patient",
        "group": "x",
        "condition": "age < 18",
        "severity": "warn",
        "message": {"en": "Young."},
        "rationale": "x",
        "source": "x",
        "confirmed": "seen",
        "version": "1",
    }
    return MINIMAL | {"rules": [entry | changes]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (rule(condition="age <"), "cannot be read"),
        (rule(condition="agee < 18"), "unknown name 'agee'"),
        (rule(condition='on("setraline")'), "unknown word 'setraline'"),
        (rule(condition='onn("sertraline")'), "unknown function 'onn'"),
        (rule(condition='hx("epilepsi")'), "unknown word"),
        (rule(condition="age"), "not something true or false"),
        (rule(condition="age < 'x'"), "cannot be compared"),
        (rule(condition="sex == 'femal'"), "is never 'femal'"),
        (rule(condition="__import__('os').system('true')"), "not a call of a known function"),
        (rule(condition="age.__class__"), "unknown name"),
        (rule(condition="[x for x in (1,)]"), "is not allowed"),
        (rule(condition="(lambda: True)()"), "not a call"),
        (rule(condition="age < 18 < 20"), "two things at a time"),
        (rule(condition="age ** 9 < 18"), "is not allowed"),
        (rule(condition="not " * 60 + "breastfeeding"), "nested too deeply"),
        (rule(condition="age < 18 or " * 400 + "age < 18"), "longer than"),
        (rule(severity="fatal"), "severity is one of"),
        (rule(stage="home"), "stage is one of"),
        (rule(confirmed="yes"), "confirmed is one of"),
        (rule(needs="taper setraline"), "needs is one of"),
        (rule(message={"ko": "x"}), "English"),
        (rule(message={"en": "x", "fr": "y"}), "'fr'"),
        (rule(colour="red"), "unknown field 'colour'"),
        (rule(source=""), "source is missing"),
        (MINIMAL | {"definitions": {"a": "b and breastfeeding", "b": "a or breastfeeding"}}, "in a circle: a and b"),
        (MINIMAL | {"definitions": {"a": "a"}}, "in a circle: a"),
        (MINIMAL | {"definitions": {"age": "breastfeeding"}}, "hides a fact"),
        (MINIMAL | {"definitions": {"a b": "breastfeeding"}}, "must be a name"),
        (MINIMAL | {"groups": {"x": ["sertralin"]}}, "unknown drug or group"),
        (MINIMAL | {"parameters": {"washout": 5}}, "parameter 'washout' is not known"),
        (MINIMAL | {"parameters": {"abrupt_share": "half"}}, "is a number"),
        (MINIMAL | {"train_limits": {"rows": [[1, 90, 5], [5, 100, 5]]}}, "one figure for each"),
        (MINIMAL | {"extends": "others"}, "can extend cotreat"),
        ({"version": "1", "rules": []}, "there are no rules"),
        ({"rules": [{}]}, "version is missing"),
        (MINIMAL | {"rulez": []}, "unknown field 'rulez'"),
    ],
)
def test_unit_a_wrong_rule_file_is_one_clear_error(document: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        load_pack(written(tmp_path, yaml.safe_dump(document, allow_unicode=True)))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [", "not valid YAML"),
        ("- 1", "expected fields"),
        ("", "expected fields"),
        ("a: &a [1]\nrules: [*a, *a]", "anchors and aliases"),
        ("[" * 5000, "not valid YAML"),
    ],
)
def test_unit_a_file_that_is_no_rule_pack(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        load_pack(written(tmp_path, text))


def test_unit_too_many_rules_are_refused_before_they_are_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="larger than"):
        load_pack(written(tmp_path, "version: x\nrules:\n" + "- {id: a}\n" * 1_000_000))
    document = packaged_document()
    document["rules"] = [document["rules"][0] | {"id": f"X-{n}"} for n in range(2001)]
    with pytest.raises(InputError, match="2001 rules are more than"):
        build(document, "here")


def test_unit_a_rule_given_twice_is_refused(tmp_path: Path) -> None:
    document = packaged_document()
    document["rules"].append(document["rules"][0])
    with pytest.raises(InputError, match="given twice"):
        build(document, "here")


def test_unit_missing_and_unreadable_files_are_one_line() -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_pack("no/such/rules.yaml")
    with pytest.raises(InputError, match="is a directory"):
        load_pack(Path(__file__).parent)


# ---- the packaged rules -----------------------------------------------------------------------------------------


def test_unit_every_message_stands_in_three_languages() -> None:
    for one in load_pack().rules:
        assert all(one.message.get(language) for language in ("en", "ko", "ja")), one.id
        assert re.search("[가-힣]", one.message["ko"]), one.id
        assert re.search("[ぁ-んァ-ン一-龥]", one.message["ja"]), one.id


def test_unit_figures_of_a_message_are_the_same_in_every_language() -> None:
    def figures(text: str) -> set[str]:
        plain = text.replace(",", "").replace("%", "")
        return set(re.findall(r"\d+(?:\.\d+)?", plain))

    for one in load_pack().rules:
        for language in ("ko", "ja"):
            spoken = {"0", "1", "2", "3", "4", "5", "6", "10", "12"}
            assert figures(one.message[language]) - figures(one.message["en"]) <= spoken, one.id
            assert figures(one.message["en"]) - figures(one.message[language]) <= spoken, one.id


def test_unit_train_limits_are_the_table_and_never_extrapolated() -> None:
    limits = load_pack().train_limits
    assert limits.verified_by is None
    assert limits.seconds(10, 120) == 4.2
    assert limits.seconds(10, 115) == 4.2
    assert limits.seconds(9, 120) == 4.2
    assert limits.seconds(11, 121) == 0.55
    assert limits.seconds(25, 130) == 0.24
    assert limits.seconds(26, 100) is None
    assert limits.seconds(10, 131) is None


def test_unit_thresholds_are_those_on_record() -> None:
    recorded = json.loads((Path(__file__).parent / "thresholds.json").read_text())
    pack = load_pack()
    found: dict[str, Any] = {r.id: n for r in pack.rules if (n := numbers(r.condition.text))}
    found |= {f"definition {name}": n for name, e in pack.definitions.items() if (n := numbers(e.text))}
    found |= {f"demand {r.id}": n for r in pack.rules if r.demand is not None and (n := numbers(r.demand.text))}
    found["parameters"] = dict(sorted(pack.parameters.items()))
    found["train limits"] = [list(row) for row in pack.train_limits.rows]
    assert found == recorded
