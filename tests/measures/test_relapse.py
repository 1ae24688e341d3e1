"""Definitions of relapse: the reader, the registry, and their use on a series of visits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.measures.relapse import (
    RelapseDefinition,
    default_relapse,
    read_relapse_definition,
    relapse_definition,
    relapse_definitions,
)
from cotreat.measures.scales import scales


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("HAM-D24 >= 16 and 10 points above the continuation baseline", "HAM-D24", ("HAM-D24", 16, 10, 1, False)),
        ("MADRS >= 20", "MADRS", ("MADRS", 20, None, 1, False)),
        ("MADRS>=22 on two visits", "MADRS", ("MADRS", 22, None, 2, False)),
        ("HDRS17 ≥ 18 or an increase of 10 points", "HAM-D17", ("HAM-D17", 18, 10, 1, True)),
        ("HRSD-24 at least 16 and an increase of at least 10 points", "HRSD24", ("HAM-D24", 16, 10, 1, False)),
        ("score of at least 18 at 3 consecutive assessments", "HAM-D17", ("HAM-D17", 18, None, 3, False)),
        ("10 points above baseline, confirmed", "MADRS", ("MADRS", None, 10, 2, False)),
    ],
)
def test_unit_reader(text: str, asked: str, expected: tuple[str, float | None, float | None, int, bool]) -> None:
    found = read_relapse_definition(text, asked)
    assert (found.scale, found.at_least, found.above_baseline, found.confirm_visits, found.either) == expected
    assert found.note is None
    assert found.id == "stated"


def test_unit_reader_tells_what_it_assumed() -> None:
    above = read_relapse_definition("QIDS > 11", "QIDS-SR16")
    assert above.at_least == 12
    assert above.note == "above 11 is read as 12 or more"
    lasting = read_relapse_definition("maintained for at least 1 week, HRSD24 >= 16", "HAM-D24")
    assert (lasting.at_least, lasting.confirm_visits) == (16, 2)
    assert lasting.note is not None
    assert "weekly visits" in lasting.note
    other = read_relapse_definition("MADRS >= 20", "HAM-D17")
    assert other.scale == "MADRS"
    assert other.note == "the definition is on MADRS, the outcome on HAM-D17"


def test_unit_reader_names_events_it_cannot_see() -> None:
    found = read_relapse_definition("MADRS>=20, inpatient care, suicide or suspected suicide", "MADRS")
    assert found.at_least == 20
    assert found.not_modelled == "inpatient care, suicide, suspected suicide"
    found = read_relapse_definition("MADRS >= 22 or CGI-S >= 5", "MADRS")
    assert (found.at_least, found.not_modelled) == (22, "CGI-S >= 5")


@pytest.mark.parametrize(
    "text", [None, "", "loss of response", "psychiatric admission", "CGI-S >= 5", "a rise of 50 %", "DSM-IV episode"]
)
def test_unit_reader_falls_back_and_says_so(text: str | None) -> None:
    found = read_relapse_definition(text, "HDRS17")
    usual = default_relapse("HAM-D17")
    assert (found.scale, found.at_least, found.confirm_visits) == (usual.scale, usual.at_least, 1)
    assert found.note is not None
    assert "default for HAM-D17" in found.note


def test_unit_reader_refuses_impossible_cutoffs() -> None:
    with pytest.raises(InputError, match="is no score of"):
        read_relapse_definition("MADRS >= 70", "MADRS")
    with pytest.raises(InputError, match="unknown scale"):
        read_relapse_definition("MADRS >= 20", "no such scale")


def test_unit_reader_keeps_the_mark_of_the_text() -> None:
    assert read_relapse_definition("MADRS >= 20", "MADRS").mark == "memory"
    assert read_relapse_definition("MADRS >= 20", "MADRS", mark="seen").mark == "seen"


def test_published_sackeim2001() -> None:
    found = relapse_definition("Sackeim2001")
    assert read_relapse_definition("sackeim2001", "HAM-D24") == found
    assert (found.scale, found.at_least, found.above_baseline) == ("HAM-D24", 16, 10)
    assert not found.met(16, baseline=7)
    assert found.met(17, baseline=7)
    assert found.first([4, 17, 5, 18, 19, 3], baseline=7) == 4
    with pytest.raises(InputError, match="baseline"):
        found.met(17)


def test_published_nordenskjold2013() -> None:
    found = relapse_definition("nordenskjold2013")
    assert found.first([3, 19, 20]) == 2
    assert found.not_modelled is not None
    assert "inpatient" in found.not_modelled


def test_unit_definitions_by_events_alone_refuse_a_score() -> None:
    found = relapse_definition("kronsell2025")
    assert not found.by_score
    with pytest.raises(InputError, match="by events"):
        found.met(40)


def test_unit_either_means_or() -> None:
    found = read_relapse_definition("HDRS17 >= 18 or an increase of 10 points", "HAM-D17")
    assert found.met(12, baseline=2)
    assert found.met(18, baseline=15)
    assert not found.met(12, baseline=5)


def test_unit_every_depression_scale_has_a_default() -> None:
    for found in scales():
        if found.construct == "depression":
            usual = default_relapse(found.id)
            assert usual.at_least is not None
            assert found.remission is not None
            assert usual.at_least > found.remission
    with pytest.raises(InputError, match="no default"):
        default_relapse("CADSS")


def test_unit_registry_texts_read_back_to_their_figures() -> None:
    for known in relapse_definitions():
        if known.by_score:
            found = read_relapse_definition(known.text, known.scale)
            figures = (known.scale, known.at_least, known.above_baseline, known.confirm_visits)
            assert (found.scale, found.at_least, found.above_baseline, found.confirm_visits) == figures, known.id


def test_unit_unknown_definition() -> None:
    with pytest.raises(InputError) as caught:
        relapse_definition("sackheim2001")
    assert caught.value.hint == "Did you mean sackeim2001?"


@given(st.integers(1, 60), st.integers(1, 3), st.lists(st.integers(0, 60), max_size=12))
def test_property_first_relapse_is_the_first_full_run(cut: int, visits: int, scores: list[int]) -> None:
    found = RelapseDefinition("x", "MADRS", cut, None, visits, "", "", "project")
    runs = [i for i in range(len(scores)) if i + 1 >= visits and all(s >= cut for s in scores[i + 1 - visits : i + 1])]
    assert found.first(scores) == (runs[0] if runs else None)
