"""What is said back: whole, in three languages, and different whenever the meaning is."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from cotreat.measures.errors import InputError
from cotreat.regimen.parse import parse
from cotreat.regimen.phrases import LANGUAGES, PHRASES
from cotreat.regimen.readback import meaning, read_back
from tests.regimen.sentences import SENTENCES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", SENTENCES)
def test_unit_every_order_is_said(text: str, language: str) -> None:
    regimen = parse(text)
    said = read_back(regimen, language)
    assert len(said) >= 1 + len(list(regimen.parts()))
    assert not any(re.search(r"[{}]", line) for line in said)
    for subject in regimen.subjects:
        assert any(subject in line for line in said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_unit_every_language_has_every_piece_with_the_same_places(language: str) -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    pieces = PHRASES[language]  # type: ignore[index]
    assert pieces.keys() == PHRASES["en"].keys()
    assert {k: places(v) for k, v in pieces.items()} == {k: places(v) for k, v in PHRASES["en"].items()}


def test_unit_in_english() -> None:
    text = (
        "iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 6 weeks\n"
        "D-cycloserine 100 mg 90 minutes before each iTBS session for the first 2 weeks"
    )
    assert read_back(parse(text)) == [
        "Day 0 is a Monday; it is the day of the first iTBS session.",
        "iTBS (600 pulses a session, at 120 % of the resting motor threshold, to the left DLPFC): once a day on "
        "Monday, Tuesday, Wednesday, Thursday and Friday at 10:00, for 6 weeks [30 sessions, day 0 to day 39].",
        "D-cycloserine (100 mg): 90 minutes before each iTBS session, in the first 2 weeks, counted from the first of "
        "them [10 doses, day 0 to day 11].",
        "Missed sessions are not made up.",
    ]
    assert meaning(parse(text)).startswith("This means:\n- Day 0")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sham iTBS 5 days a week for 6 weeks", "iTBS 5 days a week for 6 weeks"),
        ("H-coil rTMS 5 days a week for 6 weeks", "rTMS 5 days a week for 6 weeks"),
        ("CBT group weekly for 6 weeks", "CBT weekly for 6 weeks"),
        ("add lithium to 0.7 mmol/L", "lithium to 0.7 mmol/L"),
        ("ketamine 0.5 mg/kg IV weekly for 2 weeks", "ketamine 0.5 mg/kg weekly for 2 weeks"),
        (
            "iTBS weekly for 8 weeks\nif no response by week 4 then lithium to 0.7 mmol/L",
            "iTBS weekly for 8 weeks\nif response by week 4 then lithium to 0.7 mmol/L",
        ),
        (
            "iTBS weekly for 8 weeks\nif no response to iTBS by week 4 then lithium to 0.7 mmol/L",
            "iTBS weekly for 8 weeks\nif no response by week 4 then lithium to 0.7 mmol/L",
        ),
        ("ECT weekly for 4 weeks\nthen CBT weekly for 4 weeks", "ECT weekly for 4 weeks\nCBT weekly for 4 weeks"),
        ("lithium to 0.7 mmol/L from week 3", "lithium to 0.7 mmol/L from day 3"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_unit_a_word_more_or_less_is_heard(one: str, other: str, language: str) -> None:
    assert read_back(parse(one), language) != read_back(parse(other), language)


def test_unit_counts_are_those_of_the_ledger() -> None:
    said = read_back(parse("ECT weekly for 4 weeks, every 2 weeks for 8 weeks, then monthly for 36 weeks"))
    assert "[17 sessions, day 0 to day 308]" in said[1]
    assert "[first on day 0]" in read_back(parse("lithium to 0.7 mmol/L"))[1]
    after = "ECT 3 times a week until remission, at most 12 sessions\nCBT weekly for 60 weeks from the last ECT"
    assert "[60 sessions, day 28 to day 441]" in read_back(parse(after))[2]


def test_unit_unknown_language() -> None:
    with pytest.raises(InputError, match="language 'fr'"):
        read_back(parse("ECT weekly for 4 weeks"), "fr")
