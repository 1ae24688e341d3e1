"""Questions put to the evidence base: what is pooled, what is left out and why, nobody counted twice."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cotreat.evidence.load import studies
from cotreat.evidence.meta.analysis import analyse
from cotreat.evidence.meta.base import asked_of_base, read_terms
from cotreat.evidence.meta.choices import chosen
from cotreat.evidence.meta.question import Asked
from cotreat.measures.errors import InputError

PLAIN: dict[str, Any] = {
    "data": None,
    "measure": None,
    "method": "REML",
    "test": "z",
    "mods": "",
    "day": None,
    "include": "",
    "export": None,
}


def ask(query: str, **options: Any) -> Asked:
    return asked_of_base(chosen(query.split(), PLAIN | options))


def reasons(asked: Asked) -> dict[str, str]:
    return {out.study: out.reason for out in asked.left_out}


def test_unit_words_of_a_question() -> None:
    terms = read_terms(["lithium", "after", "ECT", "vs", "placebo", "relapse", "S6"])
    assert terms.treated == (frozenset({"lithium"}),)
    assert terms.text == ("ect",)
    assert [word for word, _ in terms.against] == ["placebo"]
    assert (terms.outcome, terms.systems) == ("relapse", ("S6",))
    assert {"iTBS", "rTMS", "cTBS"} <= read_terms(["TMS"]).treated[0]
    assert read_terms(["sustained", "response"]).outcome == "sustained_response"
    assert read_terms(["bilateral", "rTMS"]).treated == (frozenset({"bilateral rTMS"}),)


def test_published_sackeim2001_lithium_added() -> None:
    """The trial has two drug arms; only nortriptyline with lithium against nortriptyline is the effect of lithium."""
    asked = ask("lithium relapse")
    assert asked.sources == ("sackeim2001",)
    assert asked.effects[0].note == "9 of 23 against 15 of 25, day 168"
    assert "lithium" in asked.title
    assert asked.sides == ("less relapse with lithium", "more relapse with lithium")


def test_published_esketamine_trials_are_pooled_and_their_pooled_publication_is_not() -> None:
    asked = ask("esketamine response")
    assert asked.sources == ("fedgchin2019", "popova2019", "ochsross2020")
    found = reasons(asked)
    assert "pooled publication" in found["turkoz2021"]
    assert "not near day 28" in found["daly2018"]
    assert "quetiapine" in found["reif2023"]
    # printed per cent of 115, 114 and 113 patients: 62 and 61 responders of two doses, put together, against 44
    assert asked.effects[0].note == "123 of 229 against 44 of 113, day 28"
    assert 1.1 < math.exp(analyse(asked.measure, asked.effects).fit.average.estimate) < 1.7


def test_unit_what_is_left_out_has_a_reason() -> None:
    found = reasons(ask("ketamine response"))
    assert found["zarate2006"].startswith("a crossover")
    assert "more than that: ECT" in found["anand2023"]
    assert "pooled" in found["dean2021"]
    taken = ask("ketamine response", include="crossover,unconfirmed")
    assert "murrough2013" in taken.sources
    assert "zarate2006" not in reasons(taken) or not reasons(taken)["zarate2006"].startswith("a crossover")


def test_unit_memory_enters_only_when_asked_for() -> None:
    assert "oreardon2007" in ask("TMS response", include="unconfirmed").sources
    with pytest.raises(InputError, match="no randomised study"):
        ask("TMS response")


def test_unit_direction_of_printed_ratios() -> None:
    """nordenskjold2013 prints drug against drug and ECT; the question is ECT added, so the ratio is turned round."""
    asked = ask("ECT relapse", measure="HR")
    effect = next(e for e in asked.effects if e.study.startswith("nordenskjold2013"))
    assert effect.yi == pytest.approx(-math.log(2.32))


def test_unit_question_without_a_treatment_takes_the_commonest() -> None:
    asked = ask("S12 relapse")
    assert asked.title == "Relapse: tapering a drug, against going on with it"
    assert set(asked.sources) == {"bockting2018", "lewis2021"}


@pytest.mark.parametrize(
    "query", ["TMS", "lithium", "ketamine", "esketamine", "ECT", "tDCS", "CBT", "taper", "S1", "S11", "S12"]
)
def test_property_no_patient_is_counted_twice(query: str) -> None:
    try:
        asked = ask(query, include="unconfirmed,observational,crossover")
    except InputError:
        return
    base = studies()
    cohorts = [base[key].cohort for key in asked.sources]
    assert len(cohorts) == len(set(cohorts))
    assert all(base[key].design != "pooled" for key in asked.sources)
    inside = {part for key in asked.sources for part in base[key].contains}
    assert not inside & set(asked.sources)
    assert not set(asked.sources) & set(reasons(asked))
    names = [effect.study for effect in asked.effects]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        ("", {}, "say what to pool"),
        ("no-such-word", {}, "no study of the base"),
        ("lithium", {"measure": "XX"}, '"XX" is no measure'),
        ("lithium", {"method": "REM"}, '"REM" is no method'),
        ("lithium", {"test": "t"}, '"t" is no test'),
        ("lithium", {"mods": "dose"}, "--mods"),
        ("lithium", {"include": "everything"}, "everything"),
        ("lithium", {"export": "stata"}, "stata"),
        ("lithium", {"data": "x.csv"}, "belong to the base"),
        ("", {"data": "x.csv"}, "--measure"),
        ("", {"data": "x.csv", "measure": "RR", "day": 3.0}, "--day"),
    ],
)
def test_unit_choices_that_cannot_be_meant(query: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        ask(query, **options)


def test_unit_other_names_of_a_method() -> None:
    choice = chosen(["lithium"], PLAIN | {"method": "fe", "test": "HKSJ", "measure": "rr"})
    assert (choice.how.method, choice.how.test, choice.measure) == ("EE", "knha", "RR")
    assert choice.command() == "cotreat evidence forest lithium --measure RR --method EE --test knha"
