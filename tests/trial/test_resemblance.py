"""Which published trials an arm is like."""

from __future__ import annotations

from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.trial.compare import basis
from cotreat.trial.resemblance import alike, direct_trials

ECT = "ECT bitemporal 3 times a week until remission, at most 12 sessions"
DRUGS = ECT + "\nthen nortriptyline to 100 ng/mL for 24 weeks\nand lithium to 0.7 mmol/L for 24 weeks"


def test_published_sackeim2001_is_the_direct_trial_of_drugs_after_ect() -> None:
    nothing, drugs = expand(parse(ECT)), expand(parse(DRUGS))
    assert "sackeim2001" in alike(drugs)
    assert direct_trials(drugs, nothing) == ["sackeim2001"]
    assert basis(drugs, nothing) == "direct trial: sackeim2001"


def test_unit_arms_of_different_trials_are_an_indirect_comparison() -> None:
    tms = expand(parse("iTBS 5 days a week for 6 weeks"))
    assert direct_trials(tms, expand(parse(DRUGS))) == []
    assert basis(tms, expand(parse(DRUGS))).startswith("indirect comparison")


def test_unit_sham_is_not_the_real_thing_and_nothing_is_like_nothing() -> None:
    assert not set(alike(expand(parse("sham iTBS 5 days a week for 6 weeks")))) & {"kaster2019"}
    assert alike(expand(parse(""))) == []
