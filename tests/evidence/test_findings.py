"""Findings: contradictions planted in a clean file, and files that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cotreat.evidence.check import check_base, check_beside, check_study
from cotreat.evidence.load import load_text, studies, study_path
from cotreat.evidence.schema import Study
from cotreat.evidence.show import check_file

WHOLE = (Path(__file__).parent / "whole.yaml").read_text(encoding="utf-8")
RUN_IN = "run_in: ECT bitemporal 3 times a week until remission, at most 12 sessions"
SCORE = "    measure: score"


def changed(*pairs: tuple[str, str]) -> Study:
    text = WHOLE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return load_text(text, sentences=False)


def rules(study: Study) -> dict[str, str]:
    return {finding.rule: finding.field for finding in check_study(study)}


def test_unit_whole_file_has_no_finding() -> None:
    assert check_study(changed()) == []


@pytest.mark.parametrize(
    ("rule", "field", "pairs"),
    [
        ("completers-all", "outcomes[0].n", [("analysis_set: everyone", "analysis_set: completers")]),
        ("everyone-fewer", "outcomes[1].n", [("analysis_set: observed", "analysis_set: everyone")]),
        ("relapse-undefined", "outcomes[0].definition", [("    definition: HAM-D24 >= 16 on two visits\n", "")]),
        ("no-place", "outcomes[1].where", [("    where: Table 2\n", "")]),
        ("no-citation", "doi", [("doi: 10.1000/made.up\n", "")]),
        ("context-without-reason", "use", [("use: fit", "use: context")]),
        ("events-without-n", "outcomes[0].events", [("    n: 40\n    events", "    events")]),
        ("not-a-count", "outcomes[0].proportion", [("    events: 16\n", ""), ("0.40", "0.41")]),
        ("interval-width", "outcomes[0].ci95", [("[0.26, 0.55]", "[0.37, 0.43]")]),
        ("interval-off-centre", "outcomes[2].ci95", [("[0.30, 0.833]", "[0.45, 0.833]")]),
        ("ratio-of-what", "outcomes[2].of", [("    of: relapse\n", "")]),
        ("sd-looks-like-se", "population.baseline.sd", [("sd: 2.5", "sd: 0.4")]),
        ("baseline-below-entry", "population.baseline.mean", [(RUN_IN, "entry_at_least: {scale: HAM-D24, score: 20}")]),
        ("reference-without-contrast", "outcomes[1].against", [(SCORE, f"    against: placebo\n{SCORE}")]),
        ("unknown-scale", "population.baseline.scale", [("scale: HAM-D24, mean", "scale: HAMM, mean")]),
    ],
    ids=lambda value: value if isinstance(value, str) and "-" in value else "",
)
def test_unit_planted_contradiction_is_found(rule: str, field: str, pairs: list[tuple[str, str]]) -> None:
    assert rules(changed(*pairs)).get(rule) == field


def test_unit_same_figure_twice() -> None:
    first = WHOLE[WHOLE.index("  - arm: nt\n    measure: relapse") : WHOLE.index("  - arm: nt\n    measure: score")]
    same = [f for f in check_study(load_text(WHOLE + first, sentences=False)) if f.rule == "figure-twice"]
    other = first.replace("16\n    proportion: 0.40", "20\n    proportion: 0.50")
    differs = [f for f in check_study(load_text(WHOLE + other, sentences=False)) if f.rule == "figure-twice"]
    assert [f.severity for f in same] == ["doubt"]
    assert [f.severity for f in differs] == ["contradiction"]


def test_unit_more_remitted_than_responded() -> None:
    response = changed(("measure: relapse", "measure: response"), ("    definition: HAM-D24 >= 16 on two visits\n", ""))
    text = WHOLE[WHOLE.index("  - arm: nt\n    measure: relapse") : WHOLE.index("  - arm: nt\n    measure: score")]
    more = text.replace("relapse", "remission").replace("16\n    proportion: 0.40", "20\n    proportion: 0.50")
    both = response.model_copy(
        update={"outcomes": [*response.outcomes, load_text(WHOLE + more, sentences=False).outcomes[-1]]}
    )
    assert rules(both)["remission-over-response"] == "outcomes[3].proportion"


def test_unit_ratio_against_its_proportions() -> None:
    placebo = """\
  - {arm: placebo, measure: relapse, scale: HAM-D24, definition: as above, day: 168, n: 40, events: 20, proportion: 0.5,
     read: seen, where: abstract}
  - {arm: nt, against: placebo, measure: odds_ratio, of: relapse, scale: HAM-D24, day: 168, effect: 0.3,
     ci95: [0.2, 0.45], read: seen, where: abstract}
"""
    study = load_text(WHOLE + placebo, sentences=False)
    assert rules(study)["ratio-mismatch"] == "outcomes[4].effect"


def test_unit_same_patients_fitted_twice() -> None:
    one = changed()
    again = changed(("id: whole2020", "id: again2021"), ("10.1000/made.up", "10.1000/again"))
    found = {f.rule: f for f in check_base({one.id: one, again.id: again})}
    assert found["cohort-twice"].severity == "contradiction"
    assert "relapse on day 168" in found["cohort-twice"].text
    context = again.model_copy(update={"use": "context", "reason": "a re-analysis"})
    assert "cohort-twice" not in {f.rule for f in check_base({one.id: one, context.id: context})}


def test_unit_same_paper_twice() -> None:
    one = changed()
    again = changed(("id: whole2020", "id: again2021"), ("cohort_id: whole2020", "cohort_id: again2021"))
    assert [f.rule for f in check_base({one.id: one, again.id: again})] == ["paper-twice"]


def test_unit_pooled_beside_its_trial() -> None:
    trial = changed()
    pooled = changed(
        ("id: whole2020", "id: pooled2022"),
        ("10.1000/made.up", "10.1000/pooled"),
        ("cohort_id: whole2020", "cohort_id: pooled2022"),
        ("design: rct-double-blind", "design: pooled"),
        ("contains: []", "contains: [whole2020]"),
    )
    found = check_base({trial.id: trial, pooled.id: pooled})
    assert [(f.rule, f.field) for f in found] == [("pooled-beside-trial", "contains[0]")]
    kept = pooled.model_copy(update={"use": "context", "reason": "contains a fitted trial"})
    assert check_base({trial.id: trial, kept.id: kept}) == []


def test_unit_own_file_about_patients_of_the_base(tmp_path: Path) -> None:
    path = tmp_path / "mine2025.yaml"
    text = study_path("sackeim2001").read_text(encoding="utf-8")
    path.write_text(text.replace("id: sackeim2001", "id: mine2025", 1), encoding="utf-8")
    assert {fault.rule for fault in check_file(path)} == {"paper-twice", "cohort-twice"}
    path.write_text(text, encoding="utf-8")  # the same id replaces the study of the base
    assert check_file(path) == []
    pooled = changed(
        ("id: whole2020", "id: pooled2022"),
        ("cohort_id: whole2020", "cohort_id: pooled2022"),
        ("design: rct-double-blind", "design: pooled"),
        ("contains: []", "contains: [sackeim2001]"),
    )
    assert [f.rule for f in check_beside(pooled, studies())] == ["pooled-beside-trial"]


def test_unit_packaged_base_has_no_finding() -> None:
    assert [finding.line() for finding in check_base(studies())] == []


@given(n=st.integers(1, 400), share=st.floats(0, 1), digits=st.integers(2, 4))
def test_property_rounded_proportion_of_a_count_is_never_a_mismatch(n: int, share: float, digits: int) -> None:
    events = round(share * n)
    study = changed(
        ("    n: 40\n    events: 16\n    proportion: 0.40\n    ci95: [0.26, 0.55]\n", ""),
        ("analysis_set: everyone", f"n: {n}\n    events: {events}\n    proportion: {round(events / n, digits)}"),
    )
    assert "proportion-mismatch" not in rules(study)


@given(n=st.integers(20, 400), events=st.integers(0, 400), shift=st.floats(0.011, 0.5))
def test_property_shifted_proportion_is_a_mismatch(n: int, events: int, shift: float) -> None:
    assume(events <= n and events / n + shift <= 1)
    study = changed(
        ("    n: 40\n    events: 16\n    proportion: 0.40\n    ci95: [0.26, 0.55]\n", ""),
        ("analysis_set: everyone", f"n: {n}\n    events: {events}\n    proportion: {round(events / n + shift, 3)}"),
    )
    assert "proportion-mismatch" in rules(study)
