"""Three languages: the same texts in each, and a font that shows them."""

from __future__ import annotations

import io
import string
import struct
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from pypdf import PdfReader

from cotreat.catalogue.drug_table import drugs
from cotreat.catalogue.modality_table import modalities
from cotreat.plan.document import MUST_READ
from cotreat.plan.documents import fonts
from cotreat.plan.documents.html import html
from cotreat.plan.documents.pdf import pdf
from cotreat.plan.documents.sheet import Fill
from cotreat.plan.documents.sheets import clinic_plan, patient_sheet, sheets
from cotreat.plan.locale.catalogue import catalogue
from cotreat.safety.pack import LANGUAGES, load_pack
from tests.plan.documented import material


def flat(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {k: v for name, inner in value.items() for k, v in flat(inner, f"{path}.{name}").items()}
    if isinstance(value, list):
        return {k: v for n, inner in enumerate(value) for k, v in flat(inner, f"{path}.{n}").items()}
    return {path: str(value)}


@cache
def texts(language: str) -> dict[str, str]:
    return flat(yaml.safe_load(files("cotreat.plan.locale").joinpath(f"{language}.yaml").read_text("utf-8")))


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["ko", "ja"])
def test_unit_every_text_is_in_every_language_with_the_same_places(language: str) -> None:
    english, other = texts("en"), texts(language)
    assert set(english) == set(other)
    for key, text in english.items():
        assert other[key].strip(), key
        if key != ".date":
            assert places(text) == places(other[key]), key
    same = {k for k in english if english[k] == other[k] and not places(english[k])}
    assert same <= {".mg"}


def test_unit_every_text_is_used() -> None:
    root = Path(__file__).parents[2] / "src" / "cotreat"
    code = "\n".join(p.read_text(encoding="utf-8") for p in root.glob("plan/**/*.py"))
    built = ("times_", "ev_", "forms", "releases", "weekdays", "months", "ask", "occasions")
    for key in catalogue("en").texts:
        if not key.startswith(built) and key not in MUST_READ:
            assert f'"{key}"' in code or f"'{key}'" in code, key


def in_font() -> set[int]:
    """Characters of the font file: segments of its table of format 4 (all of them lie below 65536), read by hand."""
    data = fonts.font()

    def numbers(at: int, n: int = 1) -> tuple[int, ...]:
        return struct.unpack(f">{n}H", data[at : at + 2 * n])

    entries = range(12, 12 + 16 * numbers(4)[0], 16)
    base = next(struct.unpack(">I", data[e + 8 : e + 12])[0] for e in entries if data[e : e + 4] == b"cmap")
    found: set[int] = set()
    for k in range(numbers(base + 2)[0]):
        at = base + struct.unpack(">I", data[base + 8 + 8 * k : base + 12 + 8 * k])[0]
        if numbers(at)[0] == 4:
            n = numbers(at + 6)[0] // 2
            for last, first in zip(numbers(at + 14, n), numbers(at + 16 + 2 * n, n), strict=True):
                found |= set(range(first, last + 1)) - {0xFFFF}
    return found


def test_unit_the_font_holds_what_it_is_said_to_hold_and_is_small() -> None:
    shown = in_font()
    assert {c for c in fonts.covered() if ord(c) not in shown} == set()
    assert len(shown) < 1.01 * len(fonts.covered())
    assert len(fonts.font()) + len(fonts.licence()) < 1.5e6
    assert b"SIL OPEN FONT LICENSE" in fonts.licence()
    assert b"Adobe" in fonts.licence()


def test_unit_the_font_shows_every_text_drug_and_rule() -> None:
    shown = in_font()
    said = [t for language in LANGUAGES for t in texts(language).values()]
    said += [n.word for d in drugs() for n in d.names] + [w for m in modalities() for w in m.words()]
    said += [text for rule in load_pack().rules for text in rule.message.values()]
    assert {c for t in said for c in t if not c.isspace() and ord(c) not in shown} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_unit_pdfs_hold_their_text(language: str) -> None:
    m = material("venlafaxine 150 mg daily", language)
    for sheet in sheets(m):
        assert fonts.missing(sheet.text) == ()
        reader = PdfReader(io.BytesIO(pdf(sheet)))
        text = "".join("".join(page.extract_text().split()) for page in reader.pages)
        for said in (sheet.title, m.say("disclaimer"), m.say.drug("venlafaxine")):
            assert "".join(said.split()) in text
        embedded = {str(f["/BaseFont"]) for page in reader.pages for f in page["/Resources"]["/Font"].values()}  # type: ignore[index]
        assert all("NotoSansCJK" in name for name in embedded), embedded


def test_unit_glyphs_are_drawn_as_pictures(tmp_path: Path) -> None:
    """Each script gives its own picture, and not the empty box that stands for a missing glyph."""
    import typst

    def picture(text: str) -> bytes:
        source = f'#set page(width: 40pt, height: 20pt, margin: 2pt)\n#set text(font: ("{fonts.FAMILY}",))\n{text}'
        (tmp_path / "glyph.typ").write_text(source, encoding="utf-8")
        made = typst.compile(str(tmp_path / "glyph.typ"), font_paths=[folder], ignore_system_fonts=True, format="png")
        assert isinstance(made, bytes)
        return made

    folder = str(files("cotreat.plan.documents").joinpath("fonts"))
    pictures = [picture(t) for t in ("약", "줄", "薬", "減", "く", "a", "")]
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize("language", ["ko", "ja"])
def test_unit_what_nobody_has_reviewed_asks_for_a_confirmation(language: str) -> None:
    m = material("venlafaxine 150 mg daily", language)
    labels = [b.label for b in patient_sheet(m).blocks if isinstance(b, Fill)]
    assert m.say("translation_unreviewed") in labels
    name = m.say.doubtful_name("venlafaxine")
    assert name is not None
    assert m.say("name_unconfirmed", name=name, drug="venlafaxine") in labels
    assert f'<html lang="{language}">' in html(patient_sheet(m))


@pytest.mark.parametrize("language", LANGUAGES)
def test_unit_every_patient_sheet_carries_the_fixed_sentences(language: str) -> None:
    m = material("venlafaxine 150 mg daily", language)
    for key in MUST_READ:
        assert m.say(key) in patient_sheet(m).text
    assert (
        m.say("verdict_none", checked=m.safety["checked"], not_checked=m.safety["not_checked"]) in clinic_plan(m).text
    )


def test_unit_dates_and_amounts_are_written_as_the_language_writes_them() -> None:
    assert catalogue("en").day("2026-11-23") == "Mon 23 Nov 2026"
    assert catalogue("ko").day("2026-11-22") == "2026. 11. 22. (일)"
    assert catalogue("ja").day("2026-11-22") == "2026年11月22日(日)"
    p = {"form": "capsule", "release": "extended", "mg": 37.5, "per": "piece", "origin": "marketed"}
    assert catalogue("ja").preparation(p) == "37.5 mg 徐放カプセル"
    p |= {"form": "gastro-resistant tablet", "release": "delayed"}
    assert catalogue("en").preparation(p) == "37.5 mg gastro-resistant tablet"
