"""What is written is what is read: text, values, YAML and JSON."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from cotreat.measures.errors import InputError
from cotreat.regimen import exchange
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.regimen.readback import read_back
from cotreat.regimen.values import Regimen
from tests.regimen.sentences import SENTENCES
from tests.regimen.strategies import regimens


@settings(max_examples=200)
@given(regimens())
def test_property_text_and_value_agree(regimen: Regimen) -> None:
    text = str(regimen)
    assert parse(text) == regimen
    assert str(parse(text)) == text


@pytest.mark.slow
@settings(max_examples=2500)
@given(regimens())
def test_property_text_and_value_agree_many(regimen: Regimen) -> None:
    assert parse(str(regimen)) == regimen


@settings(max_examples=40)
@given(regimens())
def test_property_documents_keep_the_value(regimen: Regimen) -> None:
    assert exchange.from_json(exchange.to_json(regimen)) == regimen
    assert exchange.from_yaml(exchange.to_yaml(regimen)) == regimen


@settings(max_examples=40)
@given(regimens())
def test_property_every_regimen_expands_and_reads_back(regimen: Regimen) -> None:
    read = parse(str(regimen))
    ledger = expand(read)
    assert len(ledger.first) >= 1
    for language in ("en", "ko", "ja"):
        assert all(line.strip() for line in read_back(read, language))


@pytest.mark.parametrize("text", SENTENCES)
def test_unit_sentences_agree_with_their_value(text: str) -> None:
    regimen = parse(text)
    assert parse(str(regimen)) == regimen
    assert exchange.from_yaml(exchange.to_yaml(regimen)) == regimen


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("escitalopram 50 mg/day", "escitalopram 50 mg daily"),
        ("iTBS once daily, 5 days a week, for 6 weeks", "iTBS 5 days a week for 6 weeks"),
        ("ECT once a week for 4 weeks", "ECT weekly for 4 weeks"),
        ("ECT 1 times a week for 4 weeks", "ECT weekly for 4 weeks"),
        ("ECT every 4 weeks for 8 weeks", "ECT monthly for 8 weeks"),
        ("iTBS 7 days a week for 2 weeks", "iTBS daily for 2 weeks"),
        ("ECT WEEKLY FOR 4 WEEKS", "ECT weekly for 4 weeks"),
        ("Lexapro 10 mg daily", "escitalopram 10 mg daily"),
        ("エスシタロプラム 10 mg daily", "escitalopram 10 mg daily"),
        ("에스시탈로프람 10 mg daily", "escitalopram 10 mg daily"),
        ("escitalopram １０ mg daily", "escitalopram 10 mg daily"),
        ("escitalopram 10\u00a0mg daily", "escitalopram 10 mg daily"),
        ("D\u2011cycloserine 100 mg weekly", "D-cycloserine 100 mg weekly"),
        ("escitalopram 10 mg daily # in the morning", "escitalopram 10 mg daily"),
        ("\n\n  escitalopram 10 mg daily\r\n\r\n", "escitalopram 10 mg daily"),
        (
            "ECT weekly for 4 weeks, every 2 weeks for 8 weeks, then monthly for 36 weeks",
            "ECT weekly for 4 weeks then every 2 weeks for 8 weeks then monthly for 36 weeks",
        ),
        ("alprazolam 500 \u00b5g daily", "alprazolam 500 mcg daily"),
        ("ECT weekly for 4 weeks then lithium to 0.7 mmol/L", "ECT weekly for 4 weeks\nthen lithium to 0.7 mmol/L"),
    ],
)
def test_unit_two_ways_to_write_one_value(one: str, other: str) -> None:
    assert parse(one) == parse(other)


def test_unit_empty_text_gives_nothing() -> None:
    assert parse("") == parse("\n # nothing\n") == Regimen()
    assert expand(parse("")).first == (0,)
    assert read_back(parse("")) == ["Nothing is given."]


def test_unit_place_does_not_count_when_values_are_compared() -> None:
    assert parse("\n\n\nECT weekly for 4 weeks") == parse("ECT weekly for 4 weeks")
    assert hash(parse("\nECT weekly for 4 weeks")) == hash(parse("ECT weekly for 4 weeks"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "mapping"),
        ("a: [", "not YAML"),
        ("format: cotreat regimen 1\nstatements: []\nextra: 1", "unknown key 'extra'"),
        ("format: other\nstatements: []", "format"),
        ("format: cotreat regimen 1\nstatements: {}", "list"),
        ("format: cotreat regimen 1\nstatements: [{type: Chian}]", "unknown type 'Chian'"),
        ("format: cotreat regimen 1\nstatements: [{type: Chain}]", "needs 'groups'"),
        ("format: cotreat regimen 1\nstatements: [{type: Chain, groups: [], x: 1}]", "no 'x'"),
        ("&a [*a]", "not YAML"),
        (
            "format: cotreat regimen 1\nstatements: [{type: Chain, groups: [{type: Stop, subject: 1}]}]",
            "unknown word|cannot",
        ),
        ("format: cotreat regimen 1\nstatements: [3]", "Chain or a When"),
    ],
)
def test_unit_broken_documents_are_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        exchange.from_yaml(text)


def test_unit_document_and_its_text_must_agree() -> None:
    document = exchange.to_document(parse("ECT weekly for 4 weeks"))
    document["text"] = "ECT weekly for 5 weeks"
    with pytest.raises(InputError, match="different things"):
        exchange.from_document(document)
