"""What a cohort keeps for each patient, and what its covariates and its study do to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.population.patients import PatientValues
from cotreat.population.populations import Covariates, population
from cotreat.simulate.run import Settings, start_cohort

SETTINGS = Settings(patients=6000, draws=60, seed=11)
KNOWN = load_parameters()


def given_as(**values: float) -> ParameterSet:
    return KNOWN.with_given({k.replace("__", "."): np.full(SETTINGS.draws, v) for k, v in values.items()})


def test_unit_only_traits_are_kept_for_each_patient() -> None:
    cohort = start_cohort("ECT candidates", SETTINGS)
    own = {k for k in cohort.parameters if len(cohort.parameters.by_draw.get(k, ())) != SETTINGS.draws}
    assert own == {
        *(f"trait.{k}" for k in ("drug", "stimulation", "chronicity", "placebo", "expectation")),
        "rating.half_span",
    }
    assert all(v.shape == (6000,) for v in cohort.parameters.values())


@given(st.integers(0, 2**31), st.integers(1, 30))
def test_property_taking_patients_takes_their_values(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    draw = rng.integers(0, 4, 30)
    values = PatientValues(draw, {"a": rng.normal(size=4), "b": rng.normal(size=4)}, {"c": rng.normal(size=30)})
    index = rng.integers(0, 30, count)
    taken = values.take(index)
    assert set(taken) == {"a", "b", "c"}
    assert all(np.array_equal(taken[k], values[k][index]) for k in values)
    both = PatientValues.joined([taken, values])
    assert all(np.array_equal(both[k], np.concatenate([taken[k], values[k]])) for k in values)


def test_unit_a_value_set_for_a_copy_leaves_the_original() -> None:
    values = PatientValues(np.array([0, 0, 1]), {"a": np.array([1.0, 2.0])}, {})
    other = values.copy()
    other["a"] = np.array([5.0, 6.0, 7.0])
    assert values["a"].tolist() == [1, 1, 2]
    assert other.take(np.array([2]))["a"].tolist() == [7]
    assert len(other) == len(values) == 1
    # a cohort of which only some have values of their own
    assert PatientValues.joined([values, other])["a"].tolist() == [1, 1, 2, 5, 6, 7]
    del other["a"]
    assert "a" not in other
    with pytest.raises(KeyError):
        del other["a"]


# ---- the study ------------------------------------------------------------------------------------------------------


def test_unit_effects_of_the_study_move_placebo_and_chronicity_of_all_its_patients() -> None:
    base = given_as(study__placebo=0.0, study__resistance=0.0)
    moved = given_as(study__placebo=2.0, study__resistance=-1.0)
    one, two = (start_cohort("drug-naive outpatients", SETTINGS, p) for p in (base, moved))
    shared = np.intersect1d(one.patient + one.draw * 10**6, two.patient + two.draw * 10**6, return_indices=True)[1:]
    p, q = one.parameters.take(shared[0]), two.parameters.take(shared[1])
    assert q["trait.placebo"] - p["trait.placebo"] == pytest.approx(2 * p["study.placebo_sd"])
    assert q["trait.chronicity"] - p["trait.chronicity"] == pytest.approx(-p["study.resistance_sd"])


def test_unit_effects_of_the_study_are_standard_normal_by_draw() -> None:
    draws = KNOWN.draws(20_000, 3)
    for name in ("study.placebo", "study.resistance"):
        # 20,000 numbers: four standard errors
        assert abs(draws[name].mean()) < 0.03
        assert draws[name].std() == pytest.approx(1.0, abs=0.03)
    assert abs(np.corrcoef(draws["study.placebo"], draws["study.resistance"])[0, 1]) < 0.03


# ---- covariates -----------------------------------------------------------------------------------------------------


def who(**covariates: float) -> object:
    return replace(population("TRD outpatients"), covariates=Covariates(**covariates))


def cohort_of(parameters: ParameterSet = KNOWN, **covariates: float):  # type: ignore[no-untyped-def]
    return start_cohort(who(**covariates), SETTINGS, parameters)  # type: ignore[arg-type]


def test_unit_covariates_that_are_not_stated_change_nobody() -> None:
    one, two = cohort_of(), start_cohort("TRD outpatients", SETTINGS)
    assert np.array_equal(one.baseline, two.baseline)
    assert not [k for k in one.parameters if k.startswith("covariate.")]


def test_unit_covariates_move_chronicity_by_their_effect() -> None:
    effects = given_as(
        chronicity__age=0.04, chronicity__psychotic=0.2, chronicity__bipolar=-0.1, chronicity__episode=0.05
    )
    found = cohort_of(effects, age_mean=60.0, age_sd=10.0, psychotic=0.3, bipolar=1.0, episode_months=24.0)
    p = found.parameters
    # 6,000 patients: four standard errors of a share and of a mean
    assert p["covariate.psychotic"].mean() == pytest.approx(0.3, abs=0.03)
    assert p["covariate.age"].mean() == pytest.approx(60.0, abs=1.0)
    assert np.all(p["covariate.bipolar"] == 1)
    expected = 0.004 * (p["covariate.age"] - 45) + 0.2 * p["covariate.psychotic"] - 0.1
    expected += 0.05 * np.log2(p["covariate.episode_months"] / 6)
    plain = cohort_of(effects)
    rest = p["trait.chronicity"] - expected
    assert rest.mean() == pytest.approx(plain.parameters["trait.chronicity"].mean(), abs=0.02)
    assert np.median(p["covariate.episode_months"]) == pytest.approx(24, rel=0.1)


def test_unit_a_stated_share_of_resistant_patients_replaces_the_population() -> None:
    prior = load_parameters(PRIOR)  # by how much resistance counts is a matter of the set
    everyone, nobody = cohort_of(prior, resistant=1.0), cohort_of(prior, resistant=0.0)
    usual = start_cohort("TRD outpatients", SETTINGS, prior)
    assert np.array_equal(everyone.parameters["trait.chronicity"], usual.parameters["trait.chronicity"])
    assert np.array_equal(everyone.parameters["trait.placebo"], usual.parameters["trait.placebo"])
    assert nobody.parameters["trait.chronicity"].mean() < everyone.parameters["trait.chronicity"].mean() - 0.1
    half = cohort_of(prior, resistant=0.5)
    kind = half.parameters["covariate.resistant"] > 0
    assert half.parameters["trait.placebo"][kind].mean() < half.parameters["trait.placebo"][~kind].mean()


@pytest.mark.parametrize("covariates", [{"age_mean": 68.0, "age_sd": 8.0}, {"psychotic": 0.4}, {"resistant": 0.4}])
def test_unit_baseline_is_met_with_covariates_too(covariates: dict[str, float]) -> None:
    found = cohort_of(**covariates)
    assert found.baseline.mean() == pytest.approx(23.5, abs=1.0)
    assert found.baseline.std() == pytest.approx(4.0, abs=1.0)


def test_unit_age_and_psychosis_move_the_yield_of_ect_only() -> None:
    effects = given_as(ect_response__age=0.1, ect_response__psychotic=0.3)
    p = cohort_of(effects, age_mean=65.0, age_sd=5.0, psychotic=1.0).parameters
    assert np.log(p["trait.ect"]) == pytest.approx(0.01 * (p["covariate.age"] - 45) + 0.3)
    assert np.all(cohort_of(effects).parameters["trait.ect"] == 1)


@pytest.mark.parametrize(
    "wrong", [{"resistant": 1.2}, {"psychotic": -0.1}, {"age_mean": -4.0}, {"episode_months": 0.0}]
)
def test_unit_impossible_covariates_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Covariates(**wrong)
