"""The ledger shown: rows, JSON, CSV, event table, timeline; and the share that is followed."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest

from cotreat.measures.errors import InputError
from cotreat.regimen.doses import (
    EVENT_COLUMNS,
    dose_rows,
    doses_csv,
    doses_document,
    event_table,
    fitting_horizon,
    stretches,
)
from cotreat.regimen.expand import expand
from cotreat.regimen.options import Conduct, as_followed
from cotreat.regimen.parse import parse
from cotreat.regimen.timeline import timeline, timeline_document, timeline_svg
from tests.regimen.sentences import SENTENCES

AFTER_ECT = (
    "ECT bitemporal 3 times a week until remission, at most 12 sessions\n"
    "then nortriptyline to 100 ng/mL for 24 weeks\nand lithium to 0.7 mmol/L for 24 weeks"
)


def test_unit_rows_are_dated_on_the_path_without_an_outcome() -> None:
    rows = dose_rows(parse(AFTER_ECT))
    assert [r.day for r in rows if r.what == "ECT"] == [0, 2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 25]
    assert [r.day for r in rows if r.what == "lithium"] == list(range(28, 28 + 168))
    first = rows[0]
    assert (first.week, first.weekday, first.clock, first.how, first.line) == (1, "Mon", "10:00", "bitemporal", 1)


def test_unit_weeks_before_day_zero() -> None:
    rows = dose_rows(parse("escitalopram 10 mg daily from 4 weeks before iTBS\niTBS 5 days a week for 1 week"))
    assert (rows[0].day, rows[0].week, rows[0].weekday) == (-28, -3, "Mon")


@pytest.mark.parametrize("text", SENTENCES)
def test_unit_document_is_json_and_counts_what_the_rows_count(text: str) -> None:
    regimen = parse(text)
    document = doses_document(regimen)
    again = json.loads(json.dumps(document, allow_nan=False))
    assert {"items", "branches", "notes"} <= again.keys()
    assert len(again["items"]) == len(dose_rows(regimen))
    assert len(list(csv.DictReader(io.StringIO(doses_csv(regimen))))) == len(again["items"])
    keys = {"day", "hour", "what", "amount", "unit", "line"}
    assert all(keys <= item.keys() for item in again["items"])


def test_unit_branches_of_a_document() -> None:
    text = "iTBS 5 days a week for 6 weeks\nif no response to iTBS by week 4 then ECT 3 times a week for 2 weeks"
    (branch,) = doses_document(parse(text))["branches"]
    assert branch["reached"] == [
        {"day_of_phase": 28, "outcome": "response", "not": True, "to": "iTBS", "text": "no response to iTBS"}
    ]
    assert [i["day"] for i in branch["items"]] == [0, 2, 4, 7, 9, 11]
    assert {i["subject"] for i in branch["items"]} == {"ECT"}


def test_unit_horizon_fits_the_words() -> None:
    assert fitting_horizon(parse("ECT weekly for 4 weeks")) == 364
    assert fitting_horizon(parse("ECT weekly for 60 weeks\nlithium to 0.7 mmol/L")) == 420
    assert (
        fitting_horizon(parse("ECT 3 times a week until remission, at most 12 sessions\nthen CBT weekly for 60 weeks"))
        == 448
    )
    assert len(dose_rows(parse("ECT weekly for 60 weeks"))) == 60


def test_unit_stretches_say_the_same_in_fewer_lines() -> None:
    regimen = parse(AFTER_ECT + "\nlorazepam 1 mg daily\nhold lorazepam from 24 hours before each ECT session")
    rows = dose_rows(regimen)
    short = stretches(rows)
    assert sum(s.count for s in short) == len(rows)
    assert len(short) < len(rows) / 20
    ect = next(s for s in short if s.first.what == "ECT")
    assert (ect.days_text, ect.first.day, ect.last_day, ect.count) == ("Mon Wed Fri", 0, 25, 12)


@pytest.mark.parametrize(
    ("often", "shown"),
    [("weekly for 8 weeks", "Mon"), ("every 2 weeks for 8 weeks", "Mon every 2 weeks"), ("daily for 8 weeks", "daily")],
)
def test_unit_stretch_names_its_days(often: str, shown: str) -> None:
    (stretch,) = stretches(dose_rows(parse(f"tDCS {often}")))
    assert stretch.days_text == shown


def test_unit_event_table() -> None:
    text = "ketamine 0.5 mg/kg IV over 40 minutes weekly for 2 weeks\ntaper diazepam 10 mg daily to 0 over 2 weeks"
    lines = event_table(parse(text), weight_kg=80).splitlines()
    assert lines[0] == ",".join(EVENT_COLUMNS)
    assert [line for line in lines if line.startswith("#")] == [
        "# CMT 1 diazepam",
        "# CMT 2 ketamine",
        "# TIME 0 is midnight of day 0",
    ]
    rows = [dict(zip(EVENT_COLUMNS, map(float, r.split(",")), strict=True)) for r in lines[1:] if r[0] != "#"]
    assert [r["TIME"] for r in rows] == sorted(r["TIME"] for r in rows)
    assert rows[0] | {"SS": 1, "II": 24, "AMT": 10, "CMT": 1, "TIME": 0} == rows[0]
    infusions = [r for r in rows if r["CMT"] == 2]
    assert [(r["TIME"], r["AMT"], r["RATE"]) for r in infusions] == [(10.0, 40.0, 60.0), (178.0, 40.0, 60.0)]
    assert sum(r["AMT"] for r in rows if r["CMT"] == 1 and not r["SS"]) == 7 * 10 + 7 * 5


def test_unit_timeline_data() -> None:
    t = timeline(parse(AFTER_ECT))
    assert [(x.subject, x.kind, x.conditional) for x in t.lanes] == [
        ("ECT", "session", False),
        ("lithium", "level", True),
        ("nortriptyline", "level", True),
    ]
    assert t.decisions == (7, 14, 21)
    assert [(s.from_day, s.to_day, s.amount) for s in t.lanes[1].steps] == [(28, 196, 0.7)]
    assert timeline_document(parse(AFTER_ECT))[0]["days"] == [0, 2, 4, 7, 9, 11, 14, 16, 18, 21, 23, 25]


def test_unit_timeline_adds_the_doses_of_a_day() -> None:
    (lane,) = timeline(parse("diazepam 2 mg 3 times a day for 2 weeks")).lanes
    assert [(s.from_day, s.to_day, s.amount) for s in lane.steps] == [(0, 14, 6.0)]


@pytest.mark.parametrize("text", ["", *SENTENCES])
def test_unit_timeline_figure_is_whole(text: str) -> None:
    root = ET.fromstring(timeline_svg(parse(text), title="<b>&"))
    assert root.tag.endswith("svg")
    ticks = [e for e in root.iter() if e.tag.endswith("title") and ", day" in (e.text or "")]
    lanes = timeline(parse(text)).lanes
    assert len(ticks) == sum(len(set(x.days)) + len(x.steps) for x in lanes)


# ---- followed ---------------------------------------------------------------------------------------------------


def test_unit_followed_in_full_is_the_ledger_itself() -> None:
    ledger = expand(parse(AFTER_ECT))
    assert as_followed(ledger, Conduct()) is ledger


def test_property_missed_items_come_near_their_share_and_are_nested() -> None:
    # 364 doses at a share of 0.8: outside 265 to 317 with probability below 1e-3 (binomial).
    ledger = expand(parse("escitalopram 10 mg daily\niTBS daily for 52 weeks"))
    less = as_followed(ledger, Conduct(taken=0.8, seed=3))
    least = as_followed(ledger, Conduct(taken=0.5, seed=3))
    kept, kept_less = ({i for p in x.phases for i in p.items} for x in (less, least))
    doses = [i for i in kept if i.kind == "dose"]
    assert 265 <= len(doses) <= 317
    assert kept_less < kept
    assert len([i for i in kept if i.kind == "session"]) == 364
    assert as_followed(ledger, Conduct(taken=0.8, seed=3)) == less
    assert as_followed(ledger, Conduct(taken=0.8, seed=3), patient=1) != less


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_unit_shares_are_checked(share: float) -> None:
    with pytest.raises(InputError, match="share from 0 to 1"):
        Conduct(taken=share)
