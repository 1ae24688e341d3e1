"""People who are well on a drug have been so for a while before the arms begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import cotreat
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.population.cohort import Numbers
from cotreat.population.populations import population, populations
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.parse import parse
from cotreat.simulate.maintained import Entering, given_by_all, lead_in_of, taken_together, text_of
from cotreat.simulate.run import Settings
from cotreat.simulate.run_in import EntryRule
from cotreat.trial.compare import compare
from cotreat.trial.compare_file import comparison
from cotreat.trial.virtual.file import read_trial
from cotreat.trial.virtual.wording import estimands

KEEP = "sertraline 100 mg daily for 52 weeks"
TAPER = "taper sertraline 100 mg daily to 0 over 8 weeks"
WHO = population("stable on maintenance")
SMALL = Settings(patients=800, draws=10, seed=4, weeks=12)


def ledgers(*sentences: str) -> list[Ledger]:
    return [expand(parse(s), horizon=84) if s else Ledger((), (), ()) for s in sentences]


def names(found: tuple[object, ...]) -> list[str]:
    return [f"{b.subject} {b.amount:g} {b.unit}" for b in found]  # type: ignore[attr-defined]


def test_unit_what_one_arm_stops_was_taken_in_all() -> None:
    assert names(taken_together(ledgers(KEEP, TAPER))) == ["sertraline 100 mg"]
    assert names(taken_together(ledgers("iTBS 5 days a week for 6 weeks", TAPER))) == ["sertraline 100 mg"]
    assert taken_together(ledgers(TAPER, "taper paroxetine 20 mg daily to 0 over 8 weeks")) == ()
    assert taken_together(ledgers(KEEP, KEEP)) == ()


def test_unit_what_every_arm_gives_from_the_first_day_was_taken_before() -> None:
    both = f"{KEEP}\nlithium to 0.7 mmol/L for 24 weeks"
    assert names(given_by_all(ledgers(KEEP, both))) == ["sertraline 100 mg"]
    assert given_by_all(ledgers(KEEP, "iTBS 5 days a week for 6 weeks")) == ()


def test_unit_only_people_who_are_stable_on_a_drug_have_a_lead_in() -> None:
    for name in ("TRD outpatients", "remitters", "not depressed"):
        assert lead_in_of(population(name), ledgers(KEEP, TAPER)) is None
        assert text_of(population(name), ledgers(KEEP, TAPER)) == population(name).text
    found = lead_in_of(WHO, ledgers(KEEP, TAPER))
    assert found is not None
    assert max(i.day for i in found.phases[0].items) == 7 * WHO.lead_in_weeks - 1
    assert text_of(WHO, ledgers(KEEP, TAPER)).endswith(
        "; before the arms sertraline 100 mg daily for 26 weeks, and in remission at its end"
    )
    assert text_of(WHO, ledgers("iTBS 5 days a week for 6 weeks")).endswith("; the arms do not say on what")


def test_property_patients_do_not_depend_on_who_else_is_drawn() -> None:
    """Draws taken one by one, on one thread or two, are those taken together."""
    entering = Entering.of(WHO, ledgers(KEEP, TAPER), SMALL, load_parameters())
    other = Entering.of(WHO, ledgers(KEEP, TAPER), replace(SMALL, threads=1), load_parameters())
    whole = entering(Numbers(np.arange(4)), 20)
    assert whole.shape == (4, 20)
    for draw in range(4):
        alone = other(Numbers(np.array([draw])), 20)
        own = whole.draw == draw
        assert (alone.draw == draw).all()
        np.testing.assert_array_equal(alone.patient, whole.patient[own])
        np.testing.assert_array_equal(alone.state["mood"], whole.state["mood"][own])


def test_unit_they_enter_on_the_drug_and_adapted_to_it() -> None:
    cohort = Entering.of(WHO, ledgers(KEEP, TAPER), SMALL, load_parameters())(Numbers(np.arange(10)), 40)
    assert (cohort.state["exposure.sertraline"] > 50).all()
    assert (cohort.state["tilt"] > 0).all()
    assert (cohort.state["mood"] < 0).mean() > 0.9


def test_unit_staying_on_the_drug_keeps_most_well() -> None:
    """ANTLER (Lewis 2021): 39 of 100 relapsed within a year on the drug, 56 off it; here nobody is lost before."""
    arms = {"keep": KEEP, "taper": TAPER}
    what = comparison(arms, "stable on maintenance", ("relapse by week 52", "well at week 26"))
    document = compare(what, replace(SMALL, patients=2000, draws=40))
    found = {(o["arm"], o["outcome"]): o["median"] for o in document["outcomes"]}
    assert 25 < found["keep", "relapse by week 52"] < 70
    assert found["keep", "relapse by week 52"] + 8 < found["taper", "relapse by week 52"] < 95
    assert found["keep", "well at week 26"] > 50
    assert "in remission at the visit (HAM-D17 at most 7)" in document["definitions"]["well"]


def test_unit_the_one_verb_does_the_same() -> None:
    run = cotreat.simulate(TAPER, "stable on maintenance", patients=200, draws=10, weeks=2)
    ill = cotreat.simulate("escitalopram 10 mg daily", "TRD outpatients", patients=200, draws=10, weeks=2)
    assert run.well(at=0).median > 0.8
    assert ill.well(at=0).median < 0.05


def test_unit_a_lead_in_needs_people_who_enter_well() -> None:
    assert all(p.starts_well for p in populations().values() if p.lead_in_weeks)


def test_unit_where_hardly_anybody_stays_well_the_least_ill_take_the_places() -> None:
    whole = Entering.of(WHO, ledgers(KEEP, TAPER), SMALL, load_parameters()).run_in
    assert whole is not None
    hard = replace(whole, rule=EntryRule(at_most=0.0), settings=replace(SMALL, threads=1))
    cohort, share = hard.enrol(Numbers(np.arange(3)), 6)
    assert cohort.shape == (3, 6)
    assert (np.bincount(cohort.draw, minlength=3) == 6).all()
    assert share < 0.2
    with pytest.raises(InputError, match="brings too few patients to the entry rule"):
        replace(hard, rule=EntryRule(at_most=-1.0), fill=False).enrol(Numbers(np.arange(3)), 6)


def test_unit_who_enters_well_is_at_risk_from_the_first_day() -> None:
    document = compare(
        comparison({"keep": KEEP, "taper": TAPER}, "stable on maintenance", ("relapse by week 12",)),
        replace(SMALL, patients=200),
    )
    assert {o["denominator"] for o in document["outcomes"]} == {"all who started"}
    assert all("selected" not in c["note"] for c in document["contrasts"])
    assert all("selected" not in c["denominator"] for c in document["curves"])


def test_unit_a_virtual_trial_counts_relapse_from_randomisation_in_everybody() -> None:
    made = {"design": "parallel", "population": "stable on maintenance", "per_arm": [50], "title": "t"}
    made |= {"arms": {"keep": KEEP, "taper": TAPER}, "visits": "every 4 weeks for 24 weeks"}
    trial = read_trial(made | {"endpoints": [{"name": "relapse", "kind": "time to relapse", "primary": True}]})
    assert trial.begins_well
    assert trial.primary.analysis_set == "everyone"
    (words,) = estimands(trial)
    assert words["variable"].startswith("the time from randomisation to relapse")
    assert "sertraline 100 mg daily for 26 weeks, and in remission" in words["population"]
    ill = made | {"population": "TRD outpatients"}
    assert not read_trial(ill | {"endpoints": [{"name": "well", "kind": "proportion", "primary": True}]}).begins_well
