"""Published studies predicted: from the design alone, for a trial of that size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cotreat.evidence.load import load_study, load_text
from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.simulate.run import Settings
from cotreat.simulate.run_in import EntryRule
from cotreat.simulate.tables import Decisions
from cotreat.studies.arms import read_entry, weeks_needed
from cotreat.studies.feasible import feasible
from cotreat.trial.predict import predict

SMALL = Settings(patients=1200, draws=40, seed=5)


def rows(study: Study, settings: Settings = SMALL) -> list[dict[str, Any]]:
    return list(predict(study, settings)["outcomes"])


def changed(study: Study, **fields: Any) -> Study:
    """The study with other outcome values."""
    return study.model_copy(update={"outcomes": [o.model_copy(update=fields) for o in study.outcomes]})


@pytest.fixture(scope="module")
def sackeim() -> Study:
    return load_study("sackeim2001")


@pytest.fixture(scope="module")
def sackeim_rows(sackeim: Study) -> list[dict[str, Any]]:
    return rows(sackeim)


@pytest.mark.slow
def test_published_sackeim2001_relapse_lies_inside_the_interval(sackeim_rows: list[dict[str, Any]]) -> None:
    # prior only: the interval is wide; what is checked is that the design is simulated and figures are set beside it
    relapse = {r["arm"]: r for r in sackeim_rows if r["measure"] == "relapse" and r["day"] == 168}
    assert [round(relapse[a]["observed"], 2) for a in ("placebo", "nt", "nt_li")] == [0.84, 0.6, 0.39]
    assert all(r["inside95"] for r in relapse.values())
    assert relapse["placebo"]["median"] > relapse["nt"]["median"] > relapse["nt_li"]["median"]
    remission = next(r for r in sackeim_rows if r["arm"] == "run-in")
    assert remission["inside95"]


@pytest.mark.slow
def test_published_prudic2013_is_predicted_without_its_unpublished_figures() -> None:
    found = rows(load_study("prudic2013"))
    pooled = [r for r in found if r["measure"] == "relapse" and r["n"] == 122]
    assert pooled[0]["observed"] == 0.5
    assert pooled[0]["inside95"]
    unpublished = [r for r in found if r["measure"] == "relapse" and r["observed"] is None]
    assert unpublished
    assert all(r["median"] is not None and r["inside95"] is None for r in unpublished)
    contrast = next(r for r in found if r["measure"] == "risk_difference")
    assert contrast["pi95"][0] < 0 < contrast["pi95"][1]


@pytest.mark.slow
def test_published_nordenskjold2013_hazard_ratio_is_above_one_in_the_median() -> None:
    found = rows(load_study("nordenskjold2013"))
    ratio = next(r for r in found if r["measure"] == "hazard_ratio")
    assert ratio["observed"] == 2.32
    assert ratio["median"] > 1
    assert {r["reason"] for r in found} == {None}


@pytest.mark.slow
def test_unit_observed_values_and_names_change_no_prediction(
    sackeim: Study, sackeim_rows: list[dict[str, Any]]
) -> None:
    other = changed(sackeim, events=1, proportion=0.04, ci95=None).model_copy(update={"id": "other", "title": "x"})
    for a, b in zip(sackeim_rows, rows(other), strict=True):
        assert [a[k] for k in ("median", "pi50", "pi95")] == [b[k] for k in ("median", "pi50", "pi95")]
    assert [r["inside95"] for r in rows(other)] != [r["inside95"] for r in sackeim_rows]


@pytest.mark.slow
def test_unit_a_larger_trial_has_a_narrower_interval(sackeim: Study, sackeim_rows: list[dict[str, Any]]) -> None:
    for a, b in zip(sackeim_rows, rows(changed(sackeim, n=2500)), strict=True):
        assert b["pi95"][1] - b["pi95"][0] < a["pi95"][1] - a["pi95"][0] or a["n"] >= 290
        assert b["median"] == pytest.approx(a["median"], abs=0.06)


@pytest.mark.slow
def test_unit_one_sentence_in_all_arms_gives_equal_medians(sackeim: Study) -> None:
    arms = {k: a.model_copy(update={"regimen": "", "n": 28}) for k, a in sackeim.arms.items()}
    found = rows(changed(sackeim.model_copy(update={"arms": arms}), n=28))
    medians = {r["median"] for r in found if r["measure"] == "relapse" and r["day"] == 168}
    assert len(medians) == 1


CONTRASTS = {
    "mean_difference": "score", "smd": "score", "risk_difference": "response", "odds_ratio": "response",
    "risk_ratio": "remission", "hazard_ratio": "relapse",
}  # fmt: skip


@pytest.mark.parametrize("measure", CONTRASTS)
def test_unit_one_sentence_in_both_arms_is_a_contrast_of_zero_with_a_width(measure: str) -> None:
    sentence = '"escitalopram 10 mg daily for 8 weeks"'
    text = f"""
id: same
title: The same in both arms
design: rct-open
use: context
reason: made up
population: {{label: drug-naive outpatients, baseline: {{scale: HAM-D17, mean: 22, sd: 4}}}}
arms:
  one: {{n: 50, regimen: {sentence}}}
  two: {{n: 50, regimen: {sentence}}}
outcomes:
  - {{arm: one, measure: {measure}, against: two, of: {CONTRASTS[measure]}, scale: HAM-D17, day: 42, read: seen}}
"""
    row = rows(load_text(text))[0]
    assert row["reason"] is None
    null = 1.0 if measure.endswith("ratio") else 0.0
    assert row["median"] == pytest.approx(null, abs=1e-3)
    assert row["pi95"][0] < null < row["pi95"][1]


def test_unit_draws_in_which_nobody_enters_are_left_out() -> None:
    text = """
id: strict
title: A run-in that hardly anybody passes in some draws
design: rct-open
use: context
reason: made up
population: {label: TRD outpatients, baseline: {scale: HAM-D17, mean: 24, sd: 4},
             run_in: "iTBS 5 days a week for 6 weeks", enter: remission}
arms:
  goes_on: {n: 30, regimen: "iTBS weekly for 12 weeks"}
outcomes:
  - {arm: goes_on, measure: relapse, scale: HAM-D17, day: 84, counted_from: start, read: seen}
"""
    study = load_text(text)
    prior = load_parameters(PRIOR)
    document = predict(study, SMALL, prior)
    assert 0 < document["draws_left_out"] < SMALL.draws
    assert document["outcomes"][0]["median"] is not None
    settings, _, left_out = feasible(study, SMALL, prior)
    assert (settings.draws + left_out, settings.per_draw) == (SMALL.draws, SMALL.per_draw)


def test_unit_draws_in_which_nobody_is_ill_enough_are_left_out() -> None:
    parameters = load_parameters()
    name = "chronicity.mean.resistant"
    ill = np.array(parameters.draws(SMALL.draws, SMALL.seed)[name])
    ill[[3, 8]] = -0.8  # nobody is ill for long
    entry = "sd: 4}, entry_at_least: {scale: HAM-D17, score: 20}}"
    study = load_text(TINY.replace("sd: 4}}", entry))
    document = predict(study, SMALL, parameters.with_given({name: ill}))
    assert document["draws_left_out"] == 2
    assert document["outcomes"][0]["median"] is not None


TINY = """
id: tiny
title: A small file
design: rct-open
use: context
reason: made up
population: {label: TRD outpatients, baseline: {scale: HAM-D17, mean: 24, sd: 4}}
arms:
  tms: {n: 30, regimen: "iTBS 5 days a week for 4 weeks"}
  sham: {n: 30, regimen: "sham iTBS 5 days a week for 4 weeks"}
  talk: {n: 30, regimen: "MST 3 times a week for 4 weeks"}
  unknown: {n: 10, regimen: null}
outcomes:
  - {arm: tms, measure: response, scale: HAM-D17, day: 28, analysis_set: everyone, read: seen}
  - {arm: sham, measure: change, scale: MADRS, day: 28, analysis_set: observed, mean: -6, read: seen}
  - {arm: tms, measure: smd, against: sham, of: score, scale: HAM-D17, day: 28, effect: 0.5, read: seen}
  - {arm: tms, measure: odds_ratio, against: sham, of: response, scale: HAM-D17, day: 28, effect: 2.5, read: seen}
  - {arm: tms, measure: delirium, day: 28, events: 0, n: 30, read: seen}
  - {arm: tms, measure: score, scale: CADSS, day: 28, mean: 3, read: seen}
  - {arm: talk, measure: response, scale: HAM-D17, day: 28, read: seen}
  - {arm: unknown, measure: response, scale: HAM-D17, day: 28, read: seen}
  - {arm: [tms, sham], measure: dropout, day: 28, events: 5, n: 60, read: seen}
  - {arm: tms, measure: response, scale: HAM-D17, day: null, read: seen}
"""


@pytest.fixture(scope="module")
def tiny() -> list[dict[str, Any]]:
    return rows(load_text(TINY))


def test_unit_every_kind_of_figure_is_predicted_or_says_why_not(tiny: list[dict[str, Any]]) -> None:
    reasons = [r["reason"] for r in tiny]
    assert reasons[:4] == [None] * 4
    for reason, word in zip(
        [*reasons[4:8], reasons[9]], ["delirium", "CADSS", "MST", "cannot be written", "day"], strict=True
    ):
        assert reason is not None
        assert word in reason
    assert reasons[8] is None
    for row in tiny:
        if row["median"] is not None:
            assert row["pi95"][0] <= row["pi50"][0] <= row["median"] <= row["pi50"][1] <= row["pi95"][1]
        else:
            assert row["pi50"] is row["pi95"] is row["inside95"] is None


def test_unit_stimulation_beats_sham_in_the_median(tiny: list[dict[str, Any]]) -> None:
    assert tiny[2]["median"] > 0
    assert tiny[3]["median"] > 1
    assert -20 < tiny[1]["median"] < 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, EntryRule()),
        ("all", EntryRule()),
        ("remission", EntryRule(at_most=10.0)),
        ("response", EntryRule(fraction_below_baseline=0.5)),
        ("HAM-D24 <= 10 and 60 % below baseline", EntryRule(at_most=10.0, fraction_below_baseline=0.6)),
        ("MADRS at most 12", EntryRule(at_most=12.0)),
    ],
)
def test_unit_read_entry(text: str | None, expected: EntryRule) -> None:
    hamd = scale("HAM-D24")
    assert read_entry(text, hamd, Decisions.of(hamd)) == expected


def test_unit_an_entry_that_cannot_be_read_is_refused() -> None:
    hamd = scale("HAM-D24")
    with pytest.raises(InputError, match="cannot read who enters"):
        read_entry("the nice ones", hamd, Decisions.of(hamd))


def test_unit_weeks_cover_every_figure(sackeim: Study) -> None:
    assert weeks_needed(sackeim) == 24
    assert weeks_needed(load_study("nordenskjold2013")) == 53
