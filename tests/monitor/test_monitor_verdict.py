"""The four words, red flags, alerts, and the three languages."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.monitor.alerts import alerts, per_month
from cotreat.monitor.flags import red_flags
from cotreat.monitor.follow import FilterSettings, follow
from cotreat.monitor.messages import LANGUAGES, known, labels, say
from cotreat.monitor.reader import read
from cotreat.monitor.record import DoseChange, Record
from cotreat.monitor.verdict import CANNOT_TELL, WORDS, verdict, word_of, words_by_day
from tests.monitor.records import person, table

FEW = FilterSettings(particles=300)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_property_every_day_has_one_of_four_words(withdrawal: float, relapse: float, share: float) -> None:
    low, high = max(0.0, withdrawal + relapse - 1.0), min(withdrawal, relapse)
    word = word_of(withdrawal, relapse, low + share * (high - low))
    assert word in WORDS
    if max(withdrawal, relapse) < 0.5:
        assert word == CANNOT_TELL


def test_unit_too_few_ratings_cannot_tell() -> None:
    record = person(4, cut=2, wave=2)
    found = verdict(follow(record, FEW), 3)
    assert found.word == CANNOT_TELL
    assert found.reasons[0][0] == "too_few"


def test_unit_old_ratings_cannot_tell() -> None:
    record = person(80, relapse=40)
    silent = tuple(o for o in record.observations if o.day < 50)
    track = follow(replace(record, observations=silent), FEW)
    assert verdict(track, 79).word == CANNOT_TELL
    assert words_by_day(track)[79] == CANNOT_TELL


def test_unit_a_cut_of_a_drug_without_effect_in_the_model_cannot_be_told() -> None:
    record = person(75, cut=None, relapse=60)
    doses = (DoseChange(0, "zolpidem", 10.0, "mg", True, 2), DoseChange(60, "zolpidem", 0.0, "mg", False, 3))
    track = follow(replace(record, doses=doses), FEW)
    assert [name for name, _ in track.unmodelled] == ["zolpidem"]
    assert verdict(track, 74).word == CANNOT_TELL
    assert any(key == "unmodelled" for key, _ in verdict(track, 74).reasons)


def test_unit_reasons_name_the_cut_the_items_and_the_shape() -> None:
    track = follow(person(78, cut=60, wave=61), FEW)
    found = verdict(track, 68)
    keys = [key for key, _ in found.reasons]
    assert {"onset", "items"} <= set(keys)
    text = " ".join(found.lines("en"))
    assert "day 8 after paroxetine went from 20 to 0 mg" in text
    assert "body items +" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_unit_cannot_tell_never_suggests_going_on(language: str) -> None:
    text = say("advice", CANNOT_TELL, language)
    assert {"en": "no reason for a further cut", "ko": "근거가 되지 않습니다", "ja": "根拠になりません"}[
        language
    ] in text


def test_unit_every_message_stands_in_every_language() -> None:
    names = "days needed what withdrawal relapse both since drug before after half_life first last count ratings"
    values = dict.fromkeys(names.split(), 1)
    for section in ("words", "reasons", "advice", "flags", "labels"):
        for key in known(section):
            for language in LANGUAGES:
                text = say(section, key, language, **values)
                assert text or key == "unreviewed"
                assert "{" not in text
    assert set(known("words")) == set(WORDS)
    assert set(labels("ko")) == set(labels("en"))
    with pytest.raises(InputError):
        say("words", CANNOT_TELL, "fr")


RED = {
    "item 9": (["2026-01-05,,item,phq9_9,1,0-3,"], "suicidality", "warning"),
    "item 9 often": (["2026-01-05,,item,phq9_9,2,0-3,"], "suicidality", "urgent"),
    "ideation": (["2026-01-05,,rating,C-SSRS ideation,4,,"], "suicidality", "urgent"),
    "mania": (["2026-01-05,,rating,YMRS,22,,"], "mania", "urgent"),
    "hypomania": (["2026-01-05,,rating,ASRM,7,,"], "mania", "warning"),
    "seizure": (["2026-01-05,,event,seizure,,,at home"], "seizure", "urgent"),
    "attempt": (["2026-01-05,,event,suicide attempt,,,"], "suicidality", "urgent"),
    "withdrawal": (["2026-01-05,,rating,CIWA-B,45,,"], "severe withdrawal", "urgent"),
}


@pytest.mark.parametrize("name", RED)
def test_unit_red_flags_need_no_filter(name: str, tmp_path: Path) -> None:
    rows, kind, level = RED[name]
    path = tmp_path / "r.csv"
    path.write_text(table(*rows))
    flags = red_flags(read(path))
    assert [(f.kind, f.level, f.row) for f in flags] == [(kind, level, 2)]


def test_unit_a_zero_is_no_flag_and_no_all_clear(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text(table("2026-01-05,,item,phq9_9,0,0-3,"))
    assert red_flags(read(path)) == ()
    for language in LANGUAGES:
        assert "62.9" in say("flags", "none", language)


def test_unit_alerts_tell_expected_from_unexpected() -> None:
    waved = follow(person(80, cut=60, wave=61), FEW)
    assert [a.kind for a in alerts(waved)][:1] == ["expected"]
    fallen = follow(person(80, cut=None, relapse=60), FEW)
    assert {a.kind for a in alerts(fallen)} == {"unexpected"}
    assert per_month(fallen) == pytest.approx(30 * len(alerts(fallen)) / 80)
    quiet = follow(person(60, cut=None), FEW)
    assert len(alerts(quiet)) <= 1


def test_unit_an_empty_record_cannot_tell() -> None:
    record = Record(dt.date(2026, 1, 5), 3, (), (), ())
    track = follow(record, FEW)
    assert words_by_day(track) == [CANNOT_TELL] * 3
    assert np.isfinite(track.relapse).all()
