"""Which published trials an arm is like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cotreat.model.parameter_set import load_parameters
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.trial import resemblance
from cotreat.trial.compare import basis, calibrated_range
from cotreat.trial.resemblance import alike, direct_trials, given, outside

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


def test_unit_continuation_sessions_are_not_the_course_before_them() -> None:
    after = ECT + "\nthen nortriptyline to 100 ng/mL for 24 weeks"
    drug, more = expand(parse(after)), expand(parse(after + "\nand ECT bitemporal weekly for 4 weeks"))
    assert given(drug) != given(more)
    assert "sackeim2001" in direct_trials(drug, expand(parse(ECT)))
    assert direct_trials(more, expand(parse(ECT))) == []


def test_unit_one_infusion_is_not_a_course_of_them() -> None:
    one = expand(parse("ketamine 0.5 mg/kg IV over 40 minutes weekly for 1 week"))
    six = expand(parse("ketamine 0.5 mg/kg IV over 40 minutes 3 times a week for 2 weeks"))
    assert given(one) != given(six)
    assert "zarate2006" in alike(one)
    assert "zarate2006" not in alike(six)


def test_published_prudic2013_moved_the_drug_around_ect() -> None:
    lithium = "\nthen lithium to 0.7 mmol/L for 24 weeks"
    before = expand(parse(ECT + lithium + "\nnortriptyline to 100 ng/mL from the first ECT for 28 weeks"))
    after = expand(parse(DRUGS))
    assert given(before) != given(after)
    assert direct_trials(before, after) == ["prudic2013"]


def test_unit_a_drug_from_the_last_session_is_after_the_course() -> None:
    course = "iTBS 5 days a week for 6 weeks\nescitalopram 10 mg daily from "
    last, first = (expand(parse(course + when)) for when in ("the last iTBS", "the first iTBS"))
    places = [{p for s, _, p in given(ledger) if s == "escitalopram"} for ledger in (last, first)]
    assert places == [{"after the course"}, {"with the course"}]


def test_unit_what_no_trial_gave_lies_outside_and_a_prior_lies_inside_nothing() -> None:
    usual, high = expand(parse(DRUGS)), expand(parse(DRUGS.replace("to 100 ng/mL", "to 150 ng/mL")))
    assert outside(usual) is None
    assert outside(high) == "nortriptyline 150 ng/mL a day: published arms like this one gave 100"
    assert "in this order" in str(outside(expand(parse("iTBS 5 days a week for 2 weeks\nthen CBT weekly for 4 weeks"))))
    prior = load_parameters("literature-2026")
    assert calibrated_range(usual, prior) == (None, [])
    fitted = replace(prior, status="calibrated on groups")
    assert calibrated_range(usual, fitted) == (True, [])
    inside, notes = calibrated_range(high, fitted)
    assert inside is False
    assert "nortriptyline 150" in notes[0]


def test_unit_what_was_read_is_kept_and_a_damaged_copy_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resemblance, "directory", lambda: tmp_path / "runs")
    read = resemblance.published_arms.__wrapped__
    fresh = read()
    (kept,) = (tmp_path / "published").iterdir()
    monkeypatch.setattr(resemblance, "_read_published", lambda: ())
    assert read() == fresh
    kept.write_bytes(kept.read_bytes()[:-1])
    assert read() == ()
