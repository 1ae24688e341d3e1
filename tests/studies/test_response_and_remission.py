"""Response and remission as a figure defines them: its cut, its day, any rating up to the day, and inside a run-in."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cotreat.evidence.load import load_study
from cotreat.evidence.schema import Outcome
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.simulate.run import Settings
from cotreat.studies.arms import SimulatedArm, simulate_arms
from cotreat.studies.figures import definition, hit, share


@cache
def arms(key: str) -> dict[str, SimulatedArm]:
    return simulate_arms(load_study(key), Settings(patients=600, draws=30, seed=3), load_parameters(PRIOR))


def figure(key: str, measure: str, arm: str) -> Outcome:
    return next(o for o in load_study(key).outcomes if o.measure == measure and o.arms == (arm,))


def patients(key: str, outcome: Outcome) -> np.ndarray:
    good, _ = hit(arms(key)[outcome.arms[0]], outcome, outcome.measure)
    return np.asarray(good)


def test_unit_whoever_responds_on_a_day_has_responded_by_it() -> None:
    ever = figure("diazgranados2010", "response", "ketamine")
    assert ever.definition == "at any rating within 14 days"
    on_the_day = ever.model_copy(update={"definition": None})
    by, on = patients("diazgranados2010", ever), patients("diazgranados2010", on_the_day)
    assert (by | ~on).all()
    assert by.mean() > 2 * on.mean()  # one infusion does not last two weeks


def test_unit_who_reached_it_before_leaving_has_reached_it() -> None:
    ever = figure("diazgranados2010", "response", "ketamine")
    arm = arms("diazgranados2010")["ketamine"]
    assert arm.seen is not None
    gone = arm.seen.dropout <= 14
    assert gone.any()
    assert (patients("diazgranados2010", ever) & gone).any()


def test_unit_a_laxer_cut_counts_more_patients() -> None:
    stated = figure("popova2019", "remission", "esketamine")
    assert stated.definition == "MADRS <= 12"
    usual = stated.model_copy(update={"definition": None})
    by, on = patients("popova2019", stated), patients("popova2019", usual)
    assert (by | ~on).all()
    assert by.sum() > on.sum()


def test_unit_a_figure_of_the_first_days_of_a_run_in_is_read_on_its_day() -> None:
    """A response a day after one infusion is not that of the week's end."""
    first, third = (o for o in load_study("mathew2010").outcomes if o.arm == "run-in")
    assert (first.day, third.day) == (1, 3)
    by_day = [float(np.nanmean(share([arms("mathew2010")["run-in"]], o, "response").value)) for o in (first, third)]
    end = first.model_copy(update={"day": 7.0})
    at_end = float(np.nanmean(share([arms("mathew2010")["run-in"]], end, "response").value))
    assert by_day[0] > by_day[1] > at_end


def test_unit_a_course_that_is_over_counts_as_it_ended() -> None:
    stated = figure("brakemeier2014", "remission", "run-in")
    arm = arms("brakemeier2014")["run-in"]
    assert arm.seen is not None
    np.testing.assert_array_equal(patients("brakemeier2014", stated), arm.seen.remitted)


@pytest.mark.parametrize(
    ("key", "measure", "arm", "words"),
    [
        ("popova2019", "remission", "esketamine", "MADRS <= 12"),
        ("popova2019", "response", "esketamine", None),
        ("zarate2012", "response", "ketamine", "50 % below baseline, at any rating up to the day"),
    ],
)
def test_unit_what_is_not_usual_is_said(key: str, measure: str, arm: str, words: str | None) -> None:
    outcome = figure(key, measure, arm)
    assert definition(outcome, [arms(key)[arm]], measure) == words
