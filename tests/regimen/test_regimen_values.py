"""Regimens put together as values: the same as written in one text."""

from __future__ import annotations

import pytest

import cotreat.regimen
from cotreat.measures.errors import InputError
from cotreat.regimen.parse import parse

ECT = parse("ECT 3 times a week until remission, at most 12 sessions")
NORTRIPTYLINE = parse("nortriptyline to 100 ng/mL for 24 weeks")
LITHIUM = parse("lithium to 0.7 mmol/L for 24 weeks")
ITBS = parse("iTBS 5 days a week for 6 weeks")
DRUG = parse("escitalopram 10 mg daily for 26 weeks")


def test_unit_then_and_and() -> None:
    assert ECT.then(NORTRIPTYLINE & LITHIUM) == parse(f"{ECT}\nthen {NORTRIPTYLINE}\nand {LITHIUM}")


def test_unit_with() -> None:
    assert ITBS.with_(DRUG) == parse(f"{ITBS}\n{DRUG}")
    assert parse("").with_(DRUG) == DRUG


def test_unit_before_and_after() -> None:
    assert DRUG.before(ITBS, "4 weeks") == parse(f"{ITBS}\n{DRUG} from 4 weeks before iTBS")
    assert DRUG.after(ITBS) == parse(f"{ITBS}\n{DRUG} from the last iTBS")
    assert DRUG.after(ITBS, "2 weeks") == parse(f"{ITBS}\n{DRUG} from 2 weeks after the last iTBS")


def test_unit_combinations_are_held_to_the_rules() -> None:
    with pytest.raises(InputError, match="twice at once"):
        ITBS.with_(ITBS)
    with pytest.raises(InputError, match="nothing that ends"):
        parse("lithium to 0.7 mmol/L").then(ITBS)
    with pytest.raises(InputError, match="one statement"):
        parse(f"{ITBS}\n{DRUG}").then(ECT)
    with pytest.raises(InputError, match="already says"):
        parse("escitalopram 10 mg daily from week 3").before(ITBS, "4 weeks")
    with pytest.raises(InputError, match="empty"):
        DRUG.before(parse(""), "4 weeks")


def test_unit_subjects() -> None:
    text = "switch sertraline 100 mg daily to venlafaxine 75 mg daily over 2 weeks\niTBS weekly for 4 weeks"
    assert parse(text).subjects == ("sertraline", "venlafaxine", "iTBS")


def test_unit_the_package_is_callable() -> None:
    assert cotreat.regimen("ECT weekly for 4 weeks") == parse("ECT weekly for 4 weeks")
