"""Arms side by side: common luck, names that do not matter, numbers that agree with each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.report.html import render
from cotreat.simulate.run import Settings
from cotreat.trial.compare import compare
from cotreat.trial.compare_file import Comparison, comparison, load_comparison, packaged_examples

ECT = "ECT bitemporal 3 times a week until remission, at most 12 sessions"
DRUG = ECT + "\nthen nortriptyline to 100 ng/mL for 24 weeks"
OUTCOMES = ("well at week 12", "relapse by week 12", "HAM-D17 mean at week 12", "remission at week 4")
SMALL = Settings(patients=2000, draws=20, seed=3, weeks=12)


def document(arms: dict[str, str], settings: Settings = SMALL) -> dict[str, Any]:
    return compare(comparison(arms, outcomes=OUTCOMES), settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def two() -> dict[str, Any]:
    return document({"nothing": ECT, "drug": DRUG})


def numbers(doc: dict[str, Any], key: str, **where: str) -> list[Any]:
    return [r for r in doc[key] if all(r[k] == v for k, v in where.items())]


def test_unit_identical_arms_differ_by_exactly_zero() -> None:
    same = document({"a": DRUG, "b": DRUG})
    for c in same["contrasts"]:
        assert c["difference"] == 0
        assert c["unknown95"] == [0, 0]
        assert c["prob_better"] == 0.5
    one, two = (numbers(same, "outcomes", arm=arm) for arm in ("a", "b"))
    assert [o["median"] for o in one] == [o["median"] for o in two]


def test_unit_swapping_names_swaps_numbers_and_nothing_else(two: dict[str, Any]) -> None:
    swapped = document({"drug": ECT, "nothing": DRUG})
    text = json.dumps(two)
    renamed = text.replace('"nothing"', '"@"').replace('"drug"', '"nothing"').replace('"@"', '"drug"')
    renamed = renamed.replace('"nothing against drug"', '"drug against nothing"')
    renamed = renamed.replace("drug against nothing: ", "nothing against drug: ")
    assert json.loads(renamed) == swapped


def test_unit_an_arm_does_not_depend_on_its_neighbours(two: dict[str, Any]) -> None:
    three = document({"nothing": ECT, "drug": DRUG, "again": DRUG})
    for arm in ("nothing", "drug"):
        assert numbers(two, "outcomes", arm=arm) == numbers(three, "outcomes", arm=arm)


def test_unit_the_document_is_json_and_complete(two: dict[str, Any]) -> None:
    assert json.loads(json.dumps(two, allow_nan=False)) == two
    assert {"arms", "outcomes", "contrasts", "safety", "provenance", "stamp", "disclaimer"} <= set(two)
    assert load_parameters().status in two["stamp"]
    for row in two["safety"]:
        # nobody's facts are known, so rules about the patient stay not checked whatever the verdict
        assert "not checked" in row["detail"]
        assert row["verdict"].startswith(("no rule fired (", "caution", "stopped", "not checked"))
    assert len(two["outcomes"]) == 8
    assert [o["outcome"] for o in two["outcomes"][::2]] == list(OUTCOMES)
    assert two["provenance"]["ignored_qualifiers"] == ["ECT: placement not modelled"]


def test_unit_a_contrast_agrees_with_its_arms(two: dict[str, Any]) -> None:
    for c in two["contrasts"]:
        a, b = (numbers(two, "outcomes", arm=c[k], outcome=c["outcome"])[0] for k in ("arm", "reference"))
        # medians of draws do not subtract exactly; both lie within the spread of the draws
        assert a["median"] - b["median"] == pytest.approx(c["difference"], abs=8)
        assert c["unknown95"][0] <= c["difference"] <= c["unknown95"][1]


def test_unit_curves_end_in_the_outcomes(two: dict[str, Any]) -> None:
    well = numbers(two, "curves", arm="drug", measure="well")[0]
    assert well["days"][-1] == 84
    assert well["median"][-1] == pytest.approx(numbers(two, "outcomes", arm="drug")[0]["median"], abs=1e-3)
    free = numbers(two, "curves", arm="nothing", measure="relapse-free")[0]
    assert free["median"][0] == 100
    assert all(a >= b - 1e-9 for a, b in zip(free["median"], free["median"][1:], strict=False))


def test_unit_the_drug_helps_in_this_parameter_set(two: dict[str, Any]) -> None:
    # the prior of the tilt is positive, so this only shows that the sign survives the way to the document
    well = numbers(two, "contrasts", outcome="well at week 12")[0]
    assert well["difference"] > 0
    assert numbers(two, "contrasts", outcome="relapse by week 12")[0]["difference"] < 0
    assert numbers(two, "contrasts", outcome="HAM-D17 mean at week 12")[0]["difference"] < 0


def test_unit_packaged_examples_load() -> None:
    assert "after-ect" in packaged_examples()
    for name in packaged_examples():
        assert isinstance(load_comparison(name), Comparison)


def test_unit_what_the_model_cannot_forecast_is_refused_by_name() -> None:
    for sentence, word in (("MST 3 times a week for 4 weeks", "MST"), ("zuranolone 50 mg daily", "zuranolone")):
        with pytest.raises(InputError, match=f"cannot forecast {word}"):
            document({"a": sentence})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "is empty"),
        ("arms: {}", "at least one arm"),
        ("arms: {a: 3}", "must be text"),
        ("[1, 2]", "expected fields"),
        ("arms: {a: ECT}\nx: 1", "unknown field 'x'"),
        ("arm: {a: ECT}", "unknown field 'arm'"),
        ("arms:\n  a: ''\n  a: ''", "given twice"),
        ("arms: {a: nortriptylin to 100 ng/mL}", "nortriptyline"),
        ("arms: {a: ''}\npopulation: martians", "unknown population"),
        ("arms: {a: ''}\noutcomes: [happy at week 3]", "unknown outcome"),
        ("arms: {a: ''}\noutcomes: []", "must be a list"),
        ("arms: {a: 'nortriptyline to 9000 ng/mL for 2 weeks'}", "nortriptyline"),
        ("arms: [unclosed", "not valid YAML"),
        ("arms: {a: 'ECT 3 times a week for 4 weeks please'}", "please"),
    ],
)
def test_unit_a_bad_file_is_refused_with_its_reason(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "compare.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_comparison(str(path))
    assert word in str(error.value)


def test_unit_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1 << 20) + b"\n\n")
    for name, word in (
        ("binary.yaml", "UTF-8"),
        ("large.yaml", "1 MB"),
        ("missing.yaml", "cannot read"),
        ("", "a directory"),
    ):
        with pytest.raises(InputError, match=word):
            load_comparison(str(tmp_path / name))


def test_unit_where_nobody_remits_relapse_has_no_figure() -> None:
    arms = {"one": "sertraline 50 mg daily", "two": ""}
    what = comparison(arms, "ECT candidates", ("well at week 1", "relapse by week 1"))
    made = compare(what, Settings(patients=3, draws=3, weeks=2, seed=3))
    json.dumps(made, allow_nan=False)
    assert [o["median"] for o in made["outcomes"] if o["outcome"] == "relapse by week 1"] == [None, None]
    assert [c["difference"] for c in made["contrasts"] if c["outcome"] == "relapse by week 1"] == [None]
    assert "no figure" in render(made)
