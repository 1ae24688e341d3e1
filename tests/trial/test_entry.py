"""Everybody of a comparison enters on one day: the earliest over its arms, or the day its file names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cotreat.measures.errors import InputError
from cotreat.simulate.run import Settings
from cotreat.trial.compare import compare
from cotreat.trial.compare_file import Comparison, comparison, load_comparison
from cotreat.trial.slices import Setup

TMS = "iTBS 5 days a week for 2 weeks"
EARLY = TMS + "\nescitalopram 10 mg daily from 10 days before iTBS for 6 weeks"
SMALL = Settings(patients=400, draws=4, seed=2, weeks=6)
FILE = "population: TRD outpatients\narms:\n  alone: iTBS 5 days a week for 2 weeks\noutcomes: [well at week 6]\n"


def asked(**arms: str) -> Comparison:
    return comparison(dict(arms), "TRD outpatients", ("well at week 6", "HAM-D17 mean at week 6"))


def days_of_entry(what: Comparison) -> set[int]:
    from cotreat.model.parameter_set import load_parameters

    return {ledger.lead_in for ledger in Setup.of(what, SMALL, load_parameters()).ledgers.values()}


def test_unit_all_arms_enter_when_the_first_of_them_begins() -> None:
    assert days_of_entry(asked(alone=TMS, early=EARLY)) == {14}
    assert days_of_entry(asked(alone=TMS)) == {0}


def test_unit_an_arm_gives_the_same_beside_an_early_one_as_with_that_entry_alone() -> None:
    both = compare(asked(alone=TMS, early=EARLY), SMALL)
    alone = compare(replace(asked(alone=TMS), entry=14), SMALL)
    assert [o for o in both["outcomes"] if o["arm"] == "alone"] == alone["outcomes"]
    at_day_0 = compare(asked(alone=TMS), SMALL)
    assert at_day_0["outcomes"] != alone["outcomes"]  # two weeks of waiting change the score


@pytest.mark.parametrize(("text", "days"), [("6 weeks before", 42), ("10 days before", 10), ("1 week before", 7)])
def test_unit_the_file_names_the_day(tmp_path: Path, text: str, days: int) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FILE + f"entry: {text}\n", encoding="utf-8")
    assert load_comparison(str(path)).entry == days


@pytest.mark.parametrize("text", ["6 weeks after", "soon", "60 weeks before", "-1 days before", "[1]"])
def test_unit_another_day_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(FILE + f"entry: {text}\n", encoding="utf-8")
    with pytest.raises(InputError, match="entry"):
        load_comparison(str(path))


def test_unit_nothing_is_given_before_entry() -> None:
    with pytest.raises(InputError, match="begins 10 days before day 0"):
        compare(replace(asked(early=EARLY), entry=7), SMALL)
