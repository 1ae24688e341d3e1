"""Rating scales: names, cut-offs, recall."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.baseline import BaselineTable, EntryRule
from cotreat.measures.errors import InputError
from cotreat.measures.scales import Scale, scale, scales
from cotreat.measures.suggest import fold

DEPRESSION = [s for s in scales() if s.construct == "depression"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("HRSD24", "HAM-D24"),
        ("HDRS17", "HAM-D17"),
        ("HAMD-17", "HAM-D17"),
        ("hamd6", "HAM-D6"),
        ("HRSD-21", "HAM-D21"),
        ("HAM‑D24", "HAM-D24"),
        ("PHQ9", "PHQ-9"),
        ("IDS-SR30", "IDS-SR"),
        ("QIDS-SR", "QIDS-SR16"),
        ("madrs", "MADRS"),
        ("BDI-II", "BDI-II"),
    ],
)
def test_unit_aliases(written: str, expected: str) -> None:
    assert scale(written).id == expected


def test_unit_no_alias_stands_for_two_scales() -> None:
    names = [fold(n) for s in scales() for n in {s.id, *s.aliases}]
    assert len(names) == len(set(names))


def test_unit_unknown_scale_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        scale("MARDS")
    assert caught.value.hint is not None
    assert "MADRS" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "high", "remission", "response"),
    [
        ("HAM-D17", 52, 7, 0.5),
        ("MADRS", 60, 10, 0.5),
        ("QIDS-SR16", 27, 5, 0.5),
        ("PHQ-9", 27, 4, 0.5),
        ("HAM-D24", 75, 10, 0.5),
        ("DESS", 43, None, None),
    ],
)
def test_published_ranges_and_cutoffs(name: str, high: float, remission: float | None, response: float | None) -> None:
    found = scale(name)
    assert (found.low, found.high, found.remission, found.response) == (0, high, remission, response)


def test_published_phq9_and_qids_bands() -> None:
    phq = [scale("PHQ-9").band(s) for s in (4, 5, 9, 10, 14, 15, 19, 20, 27)]
    assert phq == ["minimal", "mild", "mild", *["moderate"] * 2, *["moderately severe"] * 2, "severe", "severe"]
    assert [scale("QIDS").band(s) for s in (5, 6, 11, 16, 21)] == ["none", "mild", "moderate", "severe", "very severe"]


def test_unit_response_is_half_of_the_baseline_and_remission_includes_its_cutoff() -> None:
    hamd = scale("HAM-D17")
    assert hamd.responded(24, 12)
    assert not hamd.responded(24, 12.5)
    assert hamd.remitted(7)
    assert not hamd.remitted(7.5)


def test_unit_recall_guards_early_outcomes() -> None:
    with pytest.raises(InputError, match="looks back 14 days"):
        scale("PHQ-9").responded(20, 5, days=5)
    assert scale("PHQ-9").remitted(4, days=14)


def test_unit_scales_without_an_outcome_refuse_one() -> None:
    with pytest.raises(InputError, match="no agreed remission"):
        scale("CADSS").remitted(0)
    with pytest.raises(InputError, match="no agreed response"):
        scale("ISI").responded(20, 5)
    with pytest.raises(InputError, match="is no score of"):
        scale("HAM-D17").band(53)


def test_unit_item_text_only_where_the_licence_lets() -> None:
    assert {s.id for s in scales() if s.licence == "items"} == {"PHQ-9", "GAD-7"}


@given(st.sampled_from(DEPRESSION), st.floats(min_value=0, max_value=1))
def test_property_bands_rise_with_the_score(found: Scale, share: float) -> None:
    names = [b.name for b in found.bands]
    score = share * found.high
    reached = found.band(score)
    assert reached is not None
    assert names.index(reached) == sum(b.at_least <= score for b in found.bands) - 1
    assert found.remission is not None
    assert found.low < found.remission < found.high / 2


def test_unit_baseline_table_checks_itself() -> None:
    table = BaselineTable("HDRS17", mean=23.5, sd=3.9, n=140, female_share=0.6, entry=EntryRule("HAMD17", at_least=18))
    assert (table.scale, table.entry) == ("HAM-D17", EntryRule("HAM-D17", at_least=18))
    assert not table.looks_like_se
    assert BaselineTable("MADRS", mean=30, sd=0.9).looks_like_se
    for bad in ({"mean": 70.0}, {"sd": 0.0}, {"sd": 40.0}, {"n": 0}, {"female_share": 62.0}, {"age_mean": 400.0}):
        with pytest.raises(InputError):
            BaselineTable("HAM-D17", **bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="own entry rule"):
        BaselineTable("HAM-D17", mean=12, entry=EntryRule("HAM-D17", at_least=18))
    with pytest.raises(InputError, match="lets nobody in"):
        EntryRule("MADRS", at_least=30, at_most=20)
