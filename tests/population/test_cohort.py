"""Virtual patients: matched to their baseline, and the same whoever asks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.population.populations import population, populations
from cotreat.simulate.run import Settings, start_cohort
from cotreat.simulate.run_in import EntryRule, enrol
from tests.simulate.ledgers import plain, sessions, until_remission

MANY = Settings(patients=20_000, draws=100, seed=9)


@pytest.mark.parametrize("name", sorted(populations()))
def test_unit_baseline_within_a_point_of_the_stated_one(name: str) -> None:
    who = population(name)
    cohort = start_cohort(who, MANY)
    if who.starts_well:
        assert who.entry_at_most is not None
        assert cohort.baseline.max() <= who.entry_at_most
        ill = cohort.parameters["rating.well"] + 2 * cohort.parameters["rating.half_span"]
        assert ill.mean() == pytest.approx(who.baseline_mean, abs=1.0)
        return
    assert cohort.baseline.mean() == pytest.approx(who.baseline_mean, abs=1.0)
    assert cohort.baseline.std() == pytest.approx(who.baseline_sd, abs=1.0)
    assert who.entry_at_least is not None
    assert cohort.baseline.min() >= who.entry_at_least


@pytest.mark.parametrize(
    ("scale", "mean", "sd"), [("MADRS", 38.0, 6.0), ("HAM-D24", 36.0, 7.0), ("HAM-D17", 26.0, 4.0)]
)
def test_unit_a_study_baseline_is_met_on_its_scale(scale: str, mean: float, sd: float) -> None:
    who = replace(population("ECT candidates").matched(scale, mean, sd), entry_at_least=None)
    cohort = start_cohort(who, MANY)
    assert cohort.scale == scale
    assert cohort.baseline.mean() == pytest.approx(mean, abs=1.0)
    assert cohort.baseline.std() == pytest.approx(sd, abs=1.2)


def test_unit_more_patients_or_draws_change_nobody() -> None:
    few = start_cohort("ECT candidates", Settings(patients=50, draws=5))
    more = start_cohort("ECT candidates", Settings(patients=700, draws=7))
    kept = np.concatenate([np.arange(10) + 100 * d for d in range(5)])
    assert np.array_equal(few.patient, more.patient[kept])
    assert np.array_equal(few.baseline, more.baseline[kept])
    assert all(np.array_equal(v, more.parameters[k][kept]) for k, v in few.parameters.items())


def test_unit_another_first_number_gives_other_people() -> None:
    settings = Settings(patients=100, draws=5)
    one, two = start_cohort("ECT candidates", settings), start_cohort("ECT candidates", settings, first=1 << 20)
    assert not set(one.patient) & set(two.patient)
    assert not np.isin(one.baseline, two.baseline).any()


@pytest.mark.parametrize(
    ("entry", "mean", "word"), [(35.0, 30.0, "below the entry rule"), (70.0, 70.5, "too few candidates")]
)
def test_unit_an_entry_nobody_meets_is_refused(entry: float, mean: float, word: str) -> None:
    who = replace(population("ECT candidates"), entry_at_least=entry, baseline_mean=mean)
    with pytest.raises(InputError, match=word):
        start_cohort(who, Settings(patients=100, draws=2))


def test_unit_unknown_population_is_guessed() -> None:
    with pytest.raises(InputError, match="did you mean 'ECT candidates'"):
        population("ECT candidate")


def test_unit_enrol_keeps_those_who_meet_the_rule_and_their_state() -> None:
    settings = Settings(patients=600, draws=12, seed=2)
    cohort, share = enrol("ECT candidates", until_remission(), EntryRule(at_most=10.0), settings)
    everyone, all_in = enrol("ECT candidates", until_remission(), EntryRule(), settings)
    assert cohort.shape == everyone.shape == (12, 50)
    assert np.array_equal(cohort.draw, np.repeat(np.arange(12), 50))
    assert all_in == 1.0
    assert 0.3 < share < 0.95
    # remitters are well, carry the change ECT made, and were the more sensitive ones
    assert cohort.state["mood"].mean() < -0.7
    assert (cohort.state["labile"] > 0).all()
    assert cohort.parameters["trait.chronicity"].mean() < everyone.parameters["trait.chronicity"].mean()


def test_unit_a_run_in_of_fixed_length_ends_at_its_last_visit() -> None:
    settings = Settings(patients=200, draws=4, seed=2)
    cohort, share = enrol("ECT candidates", plain(sessions("ECT", 9)), EntryRule(fraction_below_baseline=0.5), settings)
    assert cohort.shape == (4, 50)
    assert 0.1 < share <= 1.0


def test_unit_a_run_in_that_helps_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="too few patients"):
        enrol("ECT candidates", plain(sessions("ECT", 1)), EntryRule(at_most=0.0), Settings(patients=200, draws=2))


def test_unit_every_population_names_a_chronicity_of_the_parameter_set() -> None:
    known = load_parameters(PRIOR).parameters
    assert all(f"chronicity.mean.{p.chronicity}" in known for p in populations().values())
