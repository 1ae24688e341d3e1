"""Who the patients of a study are taken to be, and what they had been through."""

from __future__ import annotations

import json

import pytest

from cotreat.calibrate.bank import fitted_studies
from cotreat.evidence.load import load_text
from cotreat.evidence.schema import Study
from cotreat.measures.scales import scale
from cotreat.model.parameter_set import load_parameters
from cotreat.report.predicted import summary
from cotreat.report.reading import read_prediction
from cotreat.simulate.run import Settings
from cotreat.studies.people import led_in, people_of, population_name
from cotreat.trial.predict import predict

SMALL = Settings(patients=600, draws=20, seed=3)
KEEP, TAPER = "paroxetine 20 mg daily for 12 weeks", "taper paroxetine 20 mg daily to 0 over 4 weeks"


def study(*sentences: str, who: str = "label: remitted on maintenance") -> Study:
    """A study of these arms, with relapse in each."""
    arms = "\n".join(f"  a{k}: {{n: 60, regimen: {json.dumps(s)}}}" for k, s in enumerate(sentences))
    rows = "\n".join(f"  - {{arm: a{k}, measure: relapse, day: 84, read: seen}}" for k in range(len(sentences)))
    return load_text(
        f"id: well\ntitle: Well\ndesign: rct-open\nuse: context\nreason: made up\npopulation: {{{who}}}\n"
        f"arms:\n{arms}\noutcomes:\n{rows}\n"
    )


def run_in(*sentences: str, who: str = "label: remitted on maintenance") -> str | None:
    return led_in(study(*sentences, who=who)).population.run_in


def test_unit_who_is_well_on_a_drug_has_taken_it_for_half_a_year() -> None:
    assert run_in(KEEP, TAPER) == "paroxetine 20 mg daily for 26 weeks"
    assert run_in(KEEP, "") == "paroxetine 20 mg daily for 26 weeks"  # relapse prevention
    assert run_in(KEEP, "sertraline 100 mg daily for 12 weeks", "") is None  # which of the two is not said
    well = "label: remitted, already_on: lithium to 0.7 mmol/L"
    assert run_in("lithium to 0.7 mmol/L for 12 weeks", "", who=well) == "lithium to 0.7 mmol/L for 26 weeks"
    assert led_in(study(KEEP, TAPER)).population.enter == "remission"


def test_unit_no_run_in_is_put_in_the_place_of_one() -> None:
    stated = "label: stable on maintenance, run_in: sertraline 50 mg daily for 8 weeks, enter: response"
    assert led_in(study("sertraline 50 mg daily for 12 weeks", "", who=stated)).population.enter == "response"
    assert run_in(KEEP, TAPER, who="label: outpatients with depression") is None
    assert run_in(KEEP, "", who="label: remitters") is None  # by name: just remitted, on no drug


def test_unit_arms_that_stop_different_drugs_say_nothing_together() -> None:
    other = "taper sertraline 100 mg daily to 0 over 1 day"
    found = study(TAPER, other, who="label: remitted on an SSRI")
    assert led_in(found) is found
    assert population_name(found) == "remitters"


def test_property_the_lead_in_is_named_once() -> None:
    once = led_in(study(KEEP, TAPER))
    assert led_in(once) is once
    assert population_name(once) == "stable on maintenance"


@pytest.mark.parametrize("key", ["lewis2021", "kuyken2015", "rosenbaum1998", "hindmarch2000", "oudevoshaar2003"])
def test_unit_studies_of_the_fit_are_as_their_files_say(key: str) -> None:
    found = fitted_studies()[key]
    assert led_in(found) is found


def test_unit_a_baseline_of_people_who_are_well_is_not_that_of_an_episode() -> None:
    well = study(KEEP, who="label: remitters, baseline: {scale: HAM-D17, mean: 5, sd: 3}")
    episode = study(KEEP, who="label: remitters, baseline: {scale: HAM-D17, mean: 25, sd: 3}")
    silent = study(KEEP, who="label: remitters")
    hamd = scale("HAM-D17")
    assert people_of(well, hamd) == people_of(silent, hamd)
    assert people_of(episode, hamd).baseline_mean == 25.0


def test_unit_relapse_on_and_off_the_drug() -> None:
    """ANTLER: 39 and 56 of 100 in a year; a study that says less of its patients is predicted alike."""
    who = "label: remitted on maintenance, baseline: {scale: HAM-D17, mean: 5, sd: 3}"
    document = predict(study(KEEP, TAPER, who=who), SMALL, load_parameters())
    on, off = (row["median"] for row in document["outcomes"])
    assert 0.05 < on < 0.30
    assert on + 0.05 < off < 0.6
    assert document["run_in_assumed"] == "paroxetine 20 mg daily for 26 weeks"
    said = summary(read_prediction(document))
    assert "since no run-in is stated: paroxetine 20 mg daily for 26 weeks before, and in remission" in said
    stated = predict(fitted_studies()["lewis2021"], SMALL, load_parameters())
    assert stated["run_in_assumed"] is None


def test_unit_stimulation_beside_a_taper_makes_nobody_ill() -> None:
    who = "label: long-term users of antidepressants, already_on: sertraline 100 mg daily"
    with_tms = "taper sertraline 100 mg daily to 0 over 16 weeks\niTBS weekly for 16 weeks"
    assert population_name(study("sertraline 100 mg daily for 26 weeks", with_tms, who=who)) == "stable on maintenance"


@pytest.mark.parametrize(
    "who",
    [
        "label: depressed on a stable antidepressant, baseline: {scale: HAM-D17, mean: 23, sd: 4}",
        "label: partial responders on a stable antidepressant",
        "label: patients not in remission on escitalopram",
        "label: recovered once but ill again, entry_at_least: {scale: HAM-D17, score: 18}",
    ],
)
def test_unit_who_is_ill_on_a_drug_does_not_enter_well(who: str) -> None:
    assert population_name(study(KEEP, TAPER, who=who)) == "drug-naive outpatients"
    assert run_in(KEEP, TAPER, who=who) is None
