"""Reading a record: what is accepted, and that every error names its row."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.monitor.instruments import load_mapping, range_of
from cotreat.monitor.reader import read
from cotreat.monitor.record import Record
from tests.house.repository import ROOT
from tests.monitor.records import HEADER, published_shape, table

DOSE = "2026-01-05,,dose,venlafaxine,150,mg,prescribed"
PHQ = "2026-01-05,,rating,PHQ-9,6,,"


def reading(text: str, folder: Path, mapping: str | None = None) -> Record:
    (folder / "record.csv").write_text(text)
    if mapping is not None:
        (folder / "mapping.yaml").write_text(mapping)
    return read(folder / "record.csv", None if mapping is None else folder / "mapping.yaml")


def test_unit_the_fixed_example_is_read(tmp_path: Path) -> None:
    record = reading(
        table(
            DOSE,
            PHQ,
            "2026-01-12,09:30,item,mood_down,2,1-7,momentary",
            "2026-01-12,09:30,item,phy_dizzy,1,1-7,momentary",
            "2026-02-16,,dose,venlafaxine,112.5,mg,cut",
        ),
        tmp_path,
    )
    assert record.days == 43
    assert [s.name for s in record.signals] == ["PHQ-9", "mood items", "somatic items"]
    assert record.cuts() == [(42, "venlafaxine", 150.0, 112.5)]
    assert record.prescribed("venlafaxine", 41) == 150.0
    assert record.prescribed("venlafaxine", 42) == 112.5


def test_unit_the_packaged_example_is_read() -> None:
    record = read(ROOT / "examples" / "monitor.csv", ROOT / "examples" / "monitor-mapping.yaml")
    assert {s.name for s in record.signals} >= {"PHQ-9", "DESS", "mood items", "somatic items"}
    assert record.unused == ()
    assert len(record.taken) == 1


WRONG = {
    "order": ([DOSE, "2026-01-07,,rating,PHQ-9,6,,", "2026-01-06,,rating,PHQ-9,6,,"], "row 4", "out of order"),
    "score": ([DOSE, *[f"2026-01-{d:02d},,rating,PHQ-9,6,," for d in range(6, 20)], "2026-01-20,,rating,PHQ-9,31,,"],
              "row 17", "0-27"),
    "duplicate": ([DOSE, PHQ, PHQ], "row 4", "twice"),
    "switch": ([PHQ, "2026-02-05,,rating,QIDS,6,,"], "row 3", "changes from PHQ-9"),
    "range": (["2026-01-05,,rating,SCL-90-R depression,2,1-5,", "2026-01-12,,rating,SCL-90-R depression,30,16-80,"],
              "row 3", "changes its range"),
    "never prescribed": ([DOSE, "2026-01-06,,taken,sertraline,50,mg,"], "row 3", "never prescribed"),
    "more than prescribed": ([DOSE, "2026-01-06,,taken,venlafaxine,300,mg,"], "row 3", "never prescribed"),
    "stopped before": (["2026-01-05,,dose,sertraline,0,mg,"], "row 2", "no dose of it"),
    "date": (["05.01.2026,,rating,PHQ-9,6,,"], "row 2", "no date"),
    "time": (["2026-01-05,9 am,rating,PHQ-9,6,,"], "row 2", "no time"),
    "kind": (["2026-01-05,,score,PHQ-9,6,,"], "row 2", "unknown kind"),
    "number": (["2026-01-05,,rating,PHQ-9,six,,"], "row 2", "no number"),
    "not finite": (["2026-01-05,,rating,PHQ-9,nan,,"], "row 2", "no number"),
    "no value": (["2026-01-05,,rating,PHQ-9,,,"], "row 2", "no value"),
    "scale": (["2026-01-05,,rating,PHQ-99,6,,"], "row 2", "unknown scale"),
    "drug": (["2026-01-05,,dose,venlafaxin,75,mg,"], "row 2", "venlafaxine"),
    "unit": (["2026-01-05,,dose,venlafaxine,75,g,"], "row 2", "mg"),
    "slip": (["2026-01-05,,dose,venlafaxine,7500,mg,"], "row 2", "7500"),
    "item range": (["2026-01-05,09:00,item,mood_down,9,1-7,"], "row 2", "runs 1-7"),
    "item without range": (["2026-01-05,09:00,item,mood_down,2,,"], "row 2", "no range"),
    "decimal comma": (["2026-01-05,,dose,venlafaxine,37,5,mg,cut"], "row 2", "decimal comma"),
    "session": (["2026-01-05,,session,iTBSS,1,,"], "row 2", "iTBS"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_unit_errors_name_the_row(name: str, tmp_path: Path) -> None:
    rows, *words = WRONG[name]
    with pytest.raises(InputError) as error:
        reading(table(*rows), tmp_path)
    for word in words:
        assert word.casefold() in str(error.value).casefold()


def test_unit_two_patients_in_a_file_are_refused(tmp_path: Path) -> None:
    text = "patient," + HEADER + "\nA,2026-01-05,,rating,PHQ-9,6,,\nB,2026-01-06,,rating,PHQ-9,7,,\n"
    with pytest.raises(InputError, match="row 3: a second patient"):
        reading(text, tmp_path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", HEADER + "\n", "\ufeff", HEADER + '\n"unclosed'])
def test_unit_files_that_are_no_record(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        reading(text, tmp_path)


def test_unit_items_without_a_group_are_named_and_not_guessed(tmp_path: Path) -> None:
    record = reading(table(DOSE, "2026-01-06,09:00,item,sparkle,2,1-7,"), tmp_path)
    assert record.signals == ()
    assert "sparkle" in record.unused[0]


def test_unit_a_reversed_item_counts_the_other_way(tmp_path: Path) -> None:
    rows = ["2026-01-06,09:00,item,cheer,7,1-7,"]
    mapped = "items: {cheer: {group: mood, better: high}}"
    assert reading(table(*rows), tmp_path, mapped).observations[0].value == 0.0


def test_unit_a_missed_dose_is_not_taken(tmp_path: Path) -> None:
    record = reading(table(DOSE, "2026-01-06,,missed,venlafaxine,,,", "2026-01-07,,rating,PHQ-9,6,,"), tmp_path)
    assert [record.given("venlafaxine", d) for d in range(3)] == [150.0, 0.0, 150.0]


def test_unit_a_redcap_export_needs_its_mapping(tmp_path: Path) -> None:
    text = "record_id,redcap_event_name,visit,phq9_total,vlx\n"
    text += "1,v1,2026-01-05,6,150\n1,v2,2026-01-12,8,150\n1,v3,2026-01-19,9,75\n"
    with pytest.raises(InputError, match="REDCap"):
        reading(text, tmp_path)
    mapped = "redcap: {date: visit, fields: {phq9_total: {rating: PHQ-9}, vlx: {dose: venlafaxine}}}"
    record = reading(text, tmp_path, mapped)
    assert [o.value for o in record.observations] == [6.0, 8.0, 9.0]
    assert record.cuts() == [(14, "venlafaxine", 150.0, 75.0)]
    two = text.replace("1,v3", "2,v3")
    with pytest.raises(InputError, match="row 4: a second patient"):
        reading(two, tmp_path, mapped)


DIARY = """\
items: {vertigo: somatic, cheerful: {group: mood, better: high}}
table:
  date: day
  date_format: "%d/%m/%y"
  time: beeptime
  missing: [-99]
  fields:
    phy_dizzy: {item: vertigo, unit: 1-7}
    mood_cheerf: {item: cheerful, unit: 1-7}
    dose: {dose: venlafaxine}
    dep: {rating: SCL-90-R depression, unit: 1-5}
"""
PROMPTS = """\
day;beepno;beeptime;mood_cheerf;phy_dizzy;dose;dep;remark
13/08/12;1;8:58;5;1;150;1.5;
13/08/12;2;10:31;NA;2;150;1.5;x
13/08/12;3;12:05;NA;NA;150;1.5;
14/08/12;1;9:10;-99;NA;150;;
15/08/12;1;9:02;4;3;105;;
16/08/12;1;9:20;;;105;NaN;
17/08/12;1;9:00;4;4;0;1.75;
"""


def test_unit_a_diary_export_with_its_daily_dose_is_read(tmp_path: Path) -> None:
    record = reading(PROMPTS, tmp_path, DIARY)
    assert record.start == dt.date(2012, 8, 13)
    assert record.days == 5
    assert record.cuts() == [(2, "venlafaxine", 150.0, 105.0), (4, "venlafaxine", 105.0, 0.0)]
    assert [d.row for d in record.doses] == [2, 6, 8]
    assert record.doses[0].before
    somatic = [(o.day, o.count) for o in record.observations if o.signal == "somatic items"]
    assert somatic == [(0, 2), (2, 1), (4, 1)]
    assert [o.value for o in record.observations if o.signal == "SCL-90-R depression"] == [1.5, 1.75]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("15/08/12;1", "2012-08-15;1"), "row 6: '2012-08-15' is no date of the form"),
        (("10:31;NA;2", "10:31;NA;9"), "row 3: 9 is no value of vertigo, which runs 1-7"),
        (("150;1.5;x", "150;1.6;x"), "row 3: SCL-90-R depression .*twice"),
        (("day;beepno", "date;beepno"), "row 1: no column 'day'"),
        (("105;NaN", "105;x"), "row 7: 'x' is no number"),
    ],
)
def test_unit_what_is_wrong_in_a_diary_export_is_named(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        reading(PROMPTS.replace(*change), tmp_path, DIARY)


@pytest.mark.parametrize(
    "text",
    ["table: [a]", "table: {date: d, colour: red, fields: {a: {rating: PHQ-9}}}", "table: {date: d, fields: {}}",
             "table: {date: d, fields: {a: b}}", "table: {date: d, missing: 9, fields: {a: {rating: PHQ-9}}}",
             "{table: {date: d, fields: {a: {rating: PHQ-9}}}, redcap: {date: d}}"],
)  # fmt: skip
def test_unit_a_table_that_is_not_described_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        reading("d,a\n2026-01-05,3\n", tmp_path, text)


def test_unit_a_dose_that_is_written_every_day_changes_nothing(tmp_path: Path) -> None:
    rows = [f"2026-01-{5 + k:02d},,dose,sertraline,{100 if k < 6 else 50},mg," for k in range(10)]
    record = reading(table(*rows), tmp_path)
    assert record.cuts() == [(6, "sertraline", 100.0, 50.0)]
    assert len(record.doses) == 2


def test_unit_a_scoring_of_your_own_can_be_added(tmp_path: Path) -> None:
    row = "2026-01-05,,rating,SCL-90-R depression,34,,"
    with pytest.raises(InputError, match=r"row 2: 34 is no score of SCL-90-R depression, which runs 0-4"):
        reading(table(row), tmp_path)
    mapped = "scales: {SCL-90-R depression: {range: [16, 80], recall_days: 7, construct: depression}}"
    assert reading(table(row), tmp_path, mapped).signals[0].high == 80.0
    assert reading(table(row.replace(",34,,", ",34,16-80,")), tmp_path).signals[0].low == 16.0


def test_unit_a_record_of_the_published_shape_is_read(tmp_path: Path) -> None:
    record = reading(published_shape(), tmp_path)
    assert record.days == 239
    assert sum(1 for o in record.observations if o.signal == "SCL-90-R depression") == 34
    momentary = [o.count for o in record.observations if o.signal == "mood items"]
    assert max(momentary) == 10
    assert record.prescribed("venlafaxine", 238) == 0.0


@pytest.mark.parametrize(
    "text",
    ["items: {a: nonsense}", "items: [a]", "scales: {A: {}}", "scales: {A: {range: [5, 1]}}", "colour: red", "[", "3"],
)
def test_unit_mapping_files_that_cannot_be_used(text: str, tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(InputError):
        load_mapping(path)


@given(st.integers(-9, 9), st.integers(1, 30))
def test_property_ranges_are_read_both_ways(low: int, width: int) -> None:
    assert range_of(f"{low}-{low + width}") == (low, low + width)
    assert range_of(f"{low} to {low + width}") == (low, low + width)


@given(st.text(max_size=200))
def test_property_no_text_breaks_the_reader(text: str) -> None:
    from cotreat.monitor.instruments import packaged
    from cotreat.monitor.reader import read_rows

    for whole in (text, HEADER + "\n" + text):
        try:
            read_rows(whole, packaged())
        except InputError as refused:
            message = refused.message
        else:
            message = ""
        assert "\n" not in message
