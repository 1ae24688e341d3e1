"""Modalities, sites and placements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.catalogue.modality_table import Modality, modalities, modality, modality_mark, placements, sites
from cotreat.measures.errors import InputError


@pytest.mark.parametrize(
    ("word", "expected", "pathway"),
    [
        ("iTBS", "iTBS", "tms"),
        ("ctbs", "cTBS", "tms"),
        ("rTMS", "rTMS", "tms"),
        ("bilateral rTMS", "bilateral rTMS", "tms"),
        ("H-coil rTMS", "H-coil rTMS", "tms"),
        ("deep TMS", "H-coil rTMS", "tms"),
        ("TMS", "TMS", "tms"),
        ("ECT", "ECT", "ect"),
        ("tDCS", "tDCS", "tdcs"),
        ("cognitive behavioral therapy", "CBT", "psychotherapy"),
        ("電気けいれん療法", "ECT", "ect"),
        ("경두개자기자극", "TMS", "tms"),
        ("exercise", "exercise", "exercise"),
    ],
)
def test_unit_names(word: str, expected: str, pathway: str) -> None:
    assert (modality(word).id, modality(word).pathway) == (expected, pathway)


def test_unit_only_unnamed_protocols_are_not_stated() -> None:
    assert {m.id for m in modalities() if not m.protocol_stated} == {"TMS", "psychotherapy"}


def test_unit_known_but_not_modelled() -> None:
    unmodelled = {m.id for m in modalities() if not m.modelled}
    assert unmodelled == {"MST", "VNS", "taVNS", "DBS", "tACS", "light therapy", "CBT-I"}
    assert all(m.not_modelled for m in modalities() if not m.modelled)


def test_unit_who_can_be_sham() -> None:
    can = {m.id for m in modalities() if m.can_be_sham}
    assert {"iTBS", "rTMS", "H-coil rTMS", "TMS", "tDCS", "ECT"} <= can
    assert not can & {"CBT", "exercise", "psychotherapy"}


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("iTBS", "pulses", 600),
        ("iTBS", "pulses", 1800),
        ("iTBS", "intensity", 120),
        ("iTBS", "intensity", 80),
        ("iTBS", "site", "left DLPFC"),
        ("rTMS", "hertz", 10),
        ("rTMS", "hertz", 1),
        ("H-coil rTMS", "hertz", 18),
        ("tDCS", "milliampere", 2),
        ("tDCS", "minutes", 30),
        ("ECT", "placement", "right unilateral"),
        ("CBT", "format", "group"),
    ],
)
def test_unit_qualifiers_of_the_trials_fit(word: str, name: str, value: float | str) -> None:
    modality(word).check(name, value)


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("iTBS", "pulses", 6),
        ("iTBS", "intensity", 1200),
        ("iTBS", "hertz", 10),
        ("ECT", "pulses", 600),
        ("ECT", "placement", "left DLPFC"),
        ("tDCS", "milliampere", 20),
        ("tDCS", "minutes", 300),
        ("CBT", "site", "vertex"),
        ("iTBS", "site", "bitemporal"),
        ("rTMS", "site", 3),
        ("CBT", "format", "pairs"),
    ],
)
def test_unit_qualifiers_that_do_not_fit(word: str, name: str, value: float | str) -> None:
    with pytest.raises(InputError):
        modality(word).check(name, value)


def test_unit_sessions_a_day() -> None:
    modality("iTBS").check_sessions_a_day(10)
    with pytest.raises(InputError, match="cannot be meant"):
        modality("ECT").check_sessions_a_day(10)


@given(st.sampled_from(modalities()), st.floats(-10, 2e4))
def test_property_bounds_are_exact(found: Modality, value: float) -> None:
    for q in found.qualifiers:
        if q.low is None or q.high is None:
            continue
        if q.low <= value <= q.high:
            found.check(q.name, value)
        else:
            with pytest.raises(InputError, match="cannot be meant"):
                found.check(q.name, value)


def test_unit_typical_session_fits_the_modality() -> None:
    for m in modalities():
        length = m.qualifier("minutes")
        if length is not None and m.session_minutes is not None:
            m.check("minutes", m.session_minutes)


def test_unit_sites_and_placements() -> None:
    assert {s.id for s in sites() if not s.antidepressant_target} >= {"vertex", "left M1", "SMA"}
    assert {s.id for s in sites()} >= {"left DLPFC", "right DLPFC", "bilateral DLPFC", "DMPFC", "OFC"}
    ultrabrief = {p.id: p.electrodes for p in placements() if p.ultrabrief}
    assert ultrabrief["ultrabrief right unilateral"] == "right unilateral"
    assert all(p.electrodes in {q.id for q in placements()} for p in placements())


def test_unit_near_names_and_advice() -> None:
    with pytest.raises(InputError) as caught:
        modality("iTBX")
    assert caught.value.hint == "Did you mean iTBS?"
    with pytest.raises(InputError) as caught:
        modality("SAINT")
    assert caught.value.hint is not None
    assert "10 times a day for 5 days" in caught.value.hint


def test_unit_unconfirmed_names_and_bounds_are_marked() -> None:
    assert modality_mark("ja") == modality_mark("ko") == "memory"
    assert modality_mark("qualifiers") == "project"
    with pytest.raises(InputError, match="no mark"):
        modality_mark("fr")
