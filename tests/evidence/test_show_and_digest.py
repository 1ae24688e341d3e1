"""What the command line prints of the evidence base, and the digests that tell when the language moved a study."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cotreat.evidence.digest import changes, ledger_digest, recorded_digests, study_digests, write_digests
from cotreat.evidence.load import load_study, studies, study_ids
from cotreat.evidence.show import check_file, check_packaged, list_rows, show_document, show_text
from cotreat.measures.errors import InputError
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse


def test_unit_list_has_one_row_a_study() -> None:
    rows = list_rows()
    assert sorted(row.id for row in rows) == list(study_ids())
    assert [row.year for row in rows] == sorted(row.year or 0 for row in rows)
    assert all(0 <= row.confirmed <= row.figures for row in rows)
    assert json.loads(json.dumps([row.document() for row in rows]))[0]["id"] == rows[0].id


def test_unit_list_finds_every_word() -> None:
    found = {row.id for row in list_rows("nortriptyline LITHIUM remitters")}
    assert {"sackeim2001", "prudic2013"} <= found
    assert "zarate2006" not in found
    assert list_rows("no study has this word") == []


def test_unit_show_traces_a_figure_to_its_source() -> None:
    document = json.loads(json.dumps(show_document("sackeim2001")))
    shown = next(o for o in document["outcomes"] if o["arm"] == "placebo")
    assert shown["observed"] == 0.84
    assert shown["confirmed"] is True
    assert shown["where"].startswith("JAMA abstract")
    text = show_text("sackeim2001")
    assert "placebo: relapse on HAM-D24, day 168: 84.0 %, 21 of 25" in text
    assert "10.1001/jama.285.10.1299" in text
    assert "not confirmed" in text


@pytest.mark.parametrize("key", study_ids())
def test_unit_every_study_can_be_shown(key: str) -> None:
    assert show_text(key).startswith(f"{key}: ")
    assert show_document(key)["id"] == key


def test_unit_check_of_the_packaged_base() -> None:
    assert [str(fault) for fault in check_packaged()] == []
    assert check_file("sackeim2001") == []
    with pytest.raises(InputError, match="no study"):
        check_file("nobody1999")


def test_unit_digests_are_recorded_for_every_sentence() -> None:
    """A failure with "meaning" is a change of the language: it belongs under the numbers that changed."""
    assert [f"{c.study}.{c.arm}: {c.kind}" for c in changes(studies())] == []


def test_unit_digest_sees_doses_and_not_lines() -> None:
    one = expand(parse("nortriptyline to 100 ng/mL for 24 weeks"))
    moved = expand(parse("\n# a comment\nnortriptyline to 100 ng/mL for 24 weeks"))
    other = expand(parse("nortriptyline to 100 ng/mL for 23 weeks"))
    assert ledger_digest(one) == ledger_digest(moved)
    assert ledger_digest(one) != ledger_digest(other)
    assert ledger_digest(replace(one, notes=("a note",))) == ledger_digest(one)


def test_unit_changes_are_told_apart(tmp_path: Path) -> None:
    study = load_study("nordenskjold2013")
    now = study_digests(study)
    assert set(now) == {"run-in", "drug", "drug_ect"}
    moved = {key: dict(value) for key, value in now.items()}
    moved["run-in"]["ledger"] = "0" * 16
    moved["drug"]["sentence"] = "0" * 16
    moved["gone"] = moved.pop("drug_ect")
    found = {(c.arm, c.kind) for c in changes({study.id: study}, {study.id: moved})}
    assert found == {("run-in", "meaning"), ("drug", "sentence"), ("drug_ect", "new"), ("gone", "gone")}
    path = tmp_path / "digests.json"
    write_digests({study.id: study}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {study.id: now}
    assert set(recorded_digests()) == set(study_ids())
