"""Figures of the first hours and of tapers, and what a prediction depends on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from cotreat.evidence.load import load_study, load_text
from cotreat.evidence.schema import Outcome, Study
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.simulate.run import Settings
from cotreat.studies.arms import SimulatedArm, plan, simulate_arms, visit_days
from cotreat.studies.figures import CannotPredictError, hit, mean_score, share
from cotreat.trial.predict import predict

SMALL = Settings(patients=2000, draws=40, seed=5)
KNOWN = load_parameters()

KETAMINE = """
id: tiny-ketamine
title: A small file
design: rct-double-blind
use: context
reason: made up
population: {label: TRD outpatients, baseline: {scale: MADRS, mean: 33, sd: 5}}
arms:
  ketamine: {n: 30, regimen: "ketamine 0.5 mg/kg IV over 40 minutes daily for 1 day"}
  midazolam: {n: 30, regimen: "", placebo: midazolam}
  saline: {n: 30, regimen: "", placebo: saline infusion}
outcomes:
  - {arm: ketamine, measure: change, scale: MADRS, day: 0.12, read: seen}
  - {arm: ketamine, measure: change, scale: MADRS, day: 1, read: seen}
  - {arm: ketamine, measure: score, scale: CADSS, day: 0.028, read: seen}
  - {arm: ketamine, measure: dissociation, scale: CADSS, day: 0.028, read: seen}
  - {arm: ketamine, measure: dissociation, scale: CADSS, day: 0.2, read: seen}
  - {arm: saline, measure: dissociation, scale: CADSS, day: 0.028, read: seen}
  - {arm: ketamine, measure: dissociation, day: 7, read: seen}
  - {arm: saline, measure: change, scale: MADRS, day: 0.12, read: seen}
  - {arm: midazolam, measure: change, scale: MADRS, day: 1, read: seen}
  - {arm: saline, measure: change, scale: MADRS, day: 1, read: seen}
"""


def outcome(study: Study, index: int) -> Outcome:
    return study.outcomes[index]


@pytest.fixture(scope="module")
def ketamine() -> tuple[Study, dict[str, SimulatedArm]]:
    study = load_text(KETAMINE)
    return study, simulate_arms(study, SMALL, KNOWN)


def change(study: Study, arms: dict[str, SimulatedArm], index: int) -> np.ndarray:
    o = outcome(study, index)
    return mean_score([arms[o.arms[0]]], o, "change").mean


def test_published_hours_come_before_days() -> None:
    # MADRS -6.2 at 2-4 hours against -10.0 at 24 hours: about 0.6 of the effect is there; the prior allows 0.3 to 0.9.
    # The calibrated set has 1.1: after 40 minutes ketamine already stands 0.5 and 0.9 SD from saline (Diazgranados
    # 2010, Zarate 2012; decision 0038).
    study = load_text(KETAMINE)
    arms = simulate_arms(study, SMALL, load_parameters(PRIOR))
    early, late = change(study, arms, 0), change(study, arms, 1)
    rise, full = early - change(study, arms, 7), late - change(study, arms, 9)
    assert 0.3 < np.median(rise / full) < 0.9
    assert np.abs(np.median(change(study, arms, 7))) < 0.5 * np.abs(np.median(early))


def test_published_placebo_does_best_in_the_first_hours() -> None:
    # Daly 2018, a spray without drug: MADRS -9.7 after two hours, -5.7 after a day, so 4 points are gone the next day.
    # The prior allows them, and no figure of a whole day knows of them.
    study, small, prior = load_study("daly2018"), Settings(patients=200, draws=60, seed=5), load_parameters(PRIOR)
    none = prior.with_given({"transient.first_hours": np.full(small.draws, 1e-9)})
    two_hours, day = (next(o for o in study.outcomes if o.day == d and o.measure == "change") for d in (0.083, 1.0))
    assert two_hours.arms == day.arms == ("placebo",)
    with_it, without = (simulate_arms(study, small, p)["placebo"] for p in (prior, none))
    early, late = (
        mean_score([without], o, "change").mean - mean_score([with_it], o, "change").mean for o in (two_hours, day)
    )
    assert (early > 0).all()
    assert np.quantile(early, 0.25) < 4.0 < early.max()
    assert (late == 0).all()


def test_unit_midazolam_lies_between_saline_and_ketamine(ketamine: tuple[Study, dict[str, SimulatedArm]]) -> None:
    study, arms = ketamine
    drug, felt, inert = (np.median(change(study, arms, k)) for k in (1, 8, 9))
    assert drug < felt < inert
    assert 0.3 < (drug - felt) / (drug - inert) < 0.85


def test_unit_dissociation_belongs_to_the_hour_of_the_dose(ketamine: tuple[Study, dict[str, SimulatedArm]]) -> None:
    study, arms = ketamine
    during, after, saline = (
        np.median(share([arms[o.arms[0]]], o, "dissociation").value) for o in (outcome(study, k) for k in (3, 4, 5))
    )
    assert during > 0.7
    assert after < 0.1
    assert saline == 0
    points = mean_score([arms["ketamine"]], outcome(study, 2), "score").mean
    assert 8 < np.median(points) < 40
    with pytest.raises(CannotPredictError, match="not as a reported event"):
        hit(arms["ketamine"], outcome(study, 6), "dissociation")


def test_unit_figures_of_the_first_hours_ask_for_daily_visits() -> None:
    study = load_text(KETAMINE)
    assert visit_days(study) == 1
    late = study.model_copy(update={"outcomes": [study.outcomes[1].model_copy(update={"day": 7.0})]})
    assert visit_days(late) == 7


TAPER = """
id: tiny-taper
title: A small file
design: rct-open
use: context
reason: made up
population: {label: long-term users, already_on: diazepam 10 mg daily}
arms:
  taper: {n: 30, regimen: "taper diazepam 10 mg daily to 0 over 8 weeks, steps every week"}
  usual: {n: 30, regimen: "diazepam 10 mg daily for 26 weeks"}
outcomes:
  - {arm: taper, measure: taper_success, day: 50, read: seen}
  - {arm: taper, measure: taper_success, day: 63, read: seen}
  - {arm: taper, measure: taper_success, day: 91, read: seen}
  - {arm: usual, measure: taper_success, day: 91, read: seen}
  - {arm: taper, measure: score, scale: DESS, day: 63, read: seen}
  - {arm: usual, measure: score, scale: DESS, day: 63, read: seen}
"""


def test_unit_a_taper_succeeds_from_its_end_and_is_given_up_by_some() -> None:
    study = load_text(TAPER)
    assert plan(study).people.name == "not depressed"
    arms = simulate_arms(study, SMALL, KNOWN)
    before, at, later = (share([arms["taper"]], outcome(study, k), "taper_success").value for k in (0, 1, 2))
    assert np.all(before == 0)
    assert 0.2 < np.median(at) < 0.9
    assert np.all(later <= at + 1e-9)
    with pytest.raises(CannotPredictError, match="goes on with its drug"):
        share([arms["usual"]], outcome(study, 3), "taper_success")
    cut, usual = (mean_score([arms[o.arms[0]]], o, "score").mean for o in (outcome(study, k) for k in (4, 5)))
    assert np.median(cut) > np.median(usual) + 0.5
    easy = KNOWN.with_given({"restart.hazard": np.zeros(SMALL.draws)})
    kept = share([simulate_arms(study, SMALL, easy)["taper"]], outcome(study, 2), "taper_success").value
    assert np.all(kept >= later)
    assert np.median(kept) > np.median(later)


# ---- what a prediction depends on -----------------------------------------------------------------------------------


def document(study: Study, settings: Settings = SMALL) -> str:
    rows: list[dict[str, Any]] = list(predict(study, settings)["outcomes"])
    kept = [{k: r[k] for k in ("arm", "measure", "day", "median", "pi50", "pi95", "reason")} for r in rows]
    return json.dumps(kept)


def test_unit_identifiers_and_observed_values_leave_predictions_byte_identical() -> None:
    study = load_text(KETAMINE)
    noisy = [o.model_copy(update={"mean": -40.0, "sd": 3.0, "read": "memory", "weight": 0.1}) for o in study.outcomes]
    other = study.model_copy(
        update={"outcomes": noisy, "id": "other", "title": "x", "doi": None, "cohort_id": "z", "year": 1999}
    )
    assert document(study) == document(other)


def test_unit_effects_of_the_study_are_shared_by_its_arms_and_can_be_given() -> None:
    study = load_text(KETAMINE)
    high, low = (
        simulate_arms(study, SMALL, KNOWN, {"study.placebo": np.full(40, v), "study.resistance": np.zeros(40)})
        for v in (3.0, -3.0)
    )
    for key in study.arms:
        a, b = (arms[key].seen for arms in (high, low))
        assert a is not None
        assert b is not None
        assert a.score[-1].mean() < b.score[-1].mean()
    again = simulate_arms(
        study, SMALL, KNOWN, {k: KNOWN.draws(40, 5)[k] for k in ("study.placebo", "study.resistance")}
    )
    usual = simulate_arms(study, SMALL, KNOWN)
    for key in study.arms:
        one, two = again[key].seen, usual[key].seen
        assert one is not None
        assert two is not None
        assert np.array_equal(one.score, two.score)
    with pytest.raises(InputError, match="no parameter"):
        simulate_arms(study, SMALL, KNOWN, {"study.luck": np.zeros(40)})


def test_unit_a_study_tells_its_covariates() -> None:
    people = plan(load_study("brunoni2013")).people
    assert (people.covariates.resistant, people.covariates.age_mean) == (0.42, 42)
    assert plan(load_study("diazgranados2010")).people.covariates.bipolar == 1.0
