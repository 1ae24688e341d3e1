"""Sheets, tables and the folder they are written to."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from cotreat.commands.plan import plan as command
from cotreat.measures.errors import InputError
from cotreat.plan.api import taper
from cotreat.plan.documents.html import html
from cotreat.plan.documents.material import taper_material
from cotreat.plan.documents.pdf import pdf
from cotreat.plan.documents.sheet import Fill, Heading, Listed, Sheet, Table, Text
from cotreat.plan.documents.sheets import clinic_plan, patient_sheet, pharmacy_list
from cotreat.plan.documents.tables import pharmacy, schedule
from cotreat.plan.documents.write import files, taper_files, why_not, write
from cotreat.plan.value import Refused
from cotreat.regimen.doses import dose_rows
from cotreat.regimen.parse import parse
from cotreat.safety.pack import load_pack
from cotreat.safety.patient import Patient
from tests.plan.documented import DIAZEPAM, VENLAFAXINE, example_material, material, taper_document
from tests.plan.requests import QUIET, TODAY
from tests.safety.people import person

SHEETS = ("clinic-plan", "patient-sheet", "pharmacy-list")


def text_of(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


def test_unit_every_document_names_version_rules_and_what_it_is_not() -> None:
    found = files(example_material())
    assert {f"{s}.{kind}" for s in SHEETS for kind in ("html", "pdf")} < set(found)
    assert {"calendar.ics", "schedule.csv", "pharmacy-list.csv", "fhir.json"} < set(found)
    digest = load_pack().hash[:12]
    for name, content in found.items():
        text = text_of(content) if name.endswith(".pdf") else re.sub(r"\r\n ", "", content.decode("utf-8-sig"))
        assert "not a medical device" in text, name
        assert digest in text, name


def test_unit_sheets_fit_their_pages() -> None:
    m = material(with_tms=True)
    assert len(PdfReader(io.BytesIO(pdf(clinic_plan(m)))).pages) == 1
    assert len(PdfReader(io.BytesIO(pdf(pharmacy_list(m)))).pages) == 1


def test_unit_the_same_plan_gives_the_same_files() -> None:
    sheet = patient_sheet(material())
    assert pdf(sheet) == pdf(sheet)
    document = taper_document()
    assert schedule(taper_material(document)) == schedule(taper_material(document))


def test_unit_the_patient_sheet_says_what_every_patient_sheet_says() -> None:
    m = material(with_tms=True)
    text = text_of(pdf(patient_sheet(m)))
    for said in ("often withdrawal", "before you restart or stop", "No trial has shown it", "Never stop suddenly"):
        assert said in text
    assert "555 0100" in text
    blank = patient_sheet(taper_material(taper_document()))
    assert Fill(m.say("crisis_line"), "") in blank.blocks
    assert '<span class="line"></span>' in html(blank)


def test_unit_no_sheet_holds_a_forecast_or_a_promise() -> None:
    for m in (material(with_tms=True), example_material()):
        for sheet in (clinic_plan(m), patient_sheet(m), pharmacy_list(m)):
            assert not re.search(
                r"probab|forecast|likely to (relapse|respond)|will (relapse|respond)", sheet.text, re.I
            )
            assert not re.search(r"TMS (helps|supports|eases|reduces|improves|speeds)\b", sheet.text)
        assert "occupied" not in patient_sheet(m).text


@pytest.mark.parametrize(
    ("text", "forms"), [(VENLAFAXINE, "EU"), (DIAZEPAM, "UK"), ("lithium 450 mg twice daily", "EU")]
)
def test_unit_what_the_pharmacy_hands_out_is_what_the_ledger_gives(text: str, forms: str) -> None:
    document = taper_document(text, forms=forms)
    m = taper_material(document)
    strengths = {p["key"]: p["mg"] for p in document["preparations"]}
    rows = [r for r in csv.DictReader(io.StringIO(pharmacy(m))) if not r["drug"].startswith("#")]
    assert rows
    listed = sum(float(r["used"]) * strengths[r["preparation"]] for r in rows)
    drug = document["drug"]["id"]
    begin = (date.fromisoformat(document["start"]) - date.fromisoformat(document["day_0"])).days
    given = sum(r.amount for r in dose_rows(parse(document["regimen"])) if r.what == drug and r.day >= begin)
    assert listed == pytest.approx(given, abs=1e-3)
    assert sum(float(r["mg"]) for r in rows) == pytest.approx(document["dispensing"]["total_mg"], abs=1e-3)


def test_unit_a_list_that_is_withheld_names_what_is_to_be_confirmed() -> None:
    document = json.loads(json.dumps(taper_document()))
    document["dispensing"] |= {"withheld": True, "periods": [], "total_mg": None}
    sheet = pharmacy_list(taper_material(document))
    assert not [b for b in sheet.blocks if isinstance(b, Table)]
    assert any(isinstance(b, Text) and "withheld" in b.text for b in sheet.blocks)
    assert any(isinstance(b, Listed) and "37.5 mg prolonged-release capsule" in b.lines for b in sheet.blocks)


def test_unit_text_is_never_markup() -> None:
    evil = '<script>alert(1)</script> #import "x" $x$ *b* _i_ \\ "q" & @a'
    blocks = (Heading(evil), Text(evil), Listed((evil,)), Fill(evil, evil), Table((evil,), ((evil,),), (1.0,)))
    sheet = Sheet("s", "en", evil, evil, blocks, evil, "{n}/{all}", (10.0,))
    assert "<script" not in html(sheet)
    assert text_of(pdf(sheet)).count("alert(1)") >= 6


def test_unit_a_spreadsheet_takes_no_cell_for_a_formula() -> None:
    m = taper_material(taper_document())
    object.__setattr__(m.events[0], "what", "=HYPERLINK(1)")
    assert ",'=HYPERLINK(1)," in schedule(m)


# ---- the folder -------------------------------------------------------------------------------------------------


def test_unit_files_appear_together_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    with pytest.raises(InputError, match="cannot write"):
        write({"good.txt": b"1", "no/such/folder.txt": b"2"}, out)
    assert not out.exists()
    assert list((tmp_path / "a").iterdir()) == []
    assert [p.name for p in write({"one.txt": b"1", "two.txt": b"2"}, out)] == ["one.txt", "two.txt"]
    write({"one.txt": b"3"}, out)
    assert (out / "one.txt").read_bytes() == b"3"
    assert (out / "two.txt").read_bytes() == b"2"
    (out / "sub").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write({"one.txt": b"4", "sub": b"5"}, out)
    assert (out / "one.txt").read_bytes() == b"3"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command, ["taper", *arguments], standalone_mode=False)


def test_unit_a_taper_is_written_with_its_documents(tmp_path: Path) -> None:
    patient = tmp_path / "patient.yaml"
    patient.write_text(json.dumps(person()))
    out = tmp_path / "out"
    wishes = ("--patient", str(patient), "--today", "2026-11-23", "--confirm-strengths", "--out", str(out))
    shown = run(VENLAFAXINE, *wishes, "--crisis-line", "555 0100", "--lang", "ko")
    assert shown.return_value == 0, shown.output
    expected = set(taper_files(taper_document(language="ko"))) | {"plan.json"}
    assert {p.name for p in out.iterdir()} == expected
    assert "555 0100" in (out / "patient-sheet.html").read_text()


def test_unit_without_the_facts_no_sheet_is_made(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = run("paroxetine 20 mg daily", "--today", "2026-11-23", "--out", str(out))
    assert shown.return_value == 1
    assert [p.name for p in out.iterdir()] == ["plan.json"]
    assert "No sheets for patient or pharmacy" in shown.output


def test_unit_an_override_in_writing_lets_a_plan_be_printed_and_is_printed_for_the_clinic() -> None:
    document = taper_document(with_tms=True)
    assert why_not(document) == ()
    assert "TAP-035 overridden by the prescriber: The rescue plan is written at the next visit (Dr Example)" in (
        clinic_plan(material(with_tms=True)).text
    )
    assert "TAP-035" not in patient_sheet(material(with_tms=True)).text
    rule = next(r for r in document["safety"]["rules"] if r["id"] == "TAP-035")
    assert (rule["verdict"], rule["severity"]) == ("fired", "block")
    assert document["safety"]["verdict"] == "caution"


def test_unit_the_same_plan_without_the_override_is_refused() -> None:
    patient = Patient({**QUIET.given, "rescue_plan": False})
    found = taper("venlafaxine 225 mg daily", patient, today=TODAY, reason="remission", with_tms=True)
    assert isinstance(found, Refused)
    assert any(reason.startswith("TAP-035") for reason in found.reasons)
