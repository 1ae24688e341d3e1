"""The page: complete, closed to the outside, escaped, and with the numbers of the document."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cotreat.measures.errors import InputError
from cotreat.report.charts import Caption, curve_chart
from cotreat.report.html import render, write_report
from cotreat.report.reading import read_comparison
from cotreat.report.words import number, probability
from tests.report.example import ALL, DISCLAIMER, DRUGS, NOTHING, STAMP, comparison, prediction

VOID = {"meta", "br", "link", "img", "input", "hr"}
HOSTILE = '<script>alert("x")</script>\'"&</style></title>'


class _Reader(HTMLParser):
    """Checks nesting, and collects elements and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", " ".join(_read(page).words))


def _attributes(reader: _Reader) -> Iterator[tuple[str, str, str]]:
    for tag, attrs in reader.elements:
        for key, value in attrs.items():
            yield tag, key, value or ""


@pytest.fixture(name="page")
def _page() -> str:
    return render(comparison())


def test_unit_one_file_below_300_kb(page: str) -> None:
    assert len(page.encode()) < 300_000
    assert page.startswith("<!doctype html>")


@pytest.mark.parametrize("doc", [comparison(), prediction()], ids=["comparison", "prediction"])
def test_unit_nothing_is_loaded_from_elsewhere(doc: dict[str, Any]) -> None:
    reader = _read(render(doc))
    assert not [tag for tag, _ in reader.elements if tag in ("link", "img", "iframe", "object", "base", "form")]
    loading = [(t, k, v) for t, k, v in _attributes(reader) if k in ("src", "srcset", "style") or k.startswith("on")]
    assert loading == []
    links = [v for t, k, v in _attributes(reader) if k == "href" and not v.startswith("#")]
    assert all(v.startswith("https://doi.org/") for v in links)


@pytest.mark.parametrize("doc", [comparison(), prediction()], ids=["comparison", "prediction"])
def test_unit_policy_allows_only_what_the_page_holds(doc: dict[str, Any]) -> None:
    page = render(doc)
    policy = next(a["content"] for t, a in _read(page).elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.S)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_unit_hostile_names_stay_text() -> None:
    doc = json.loads(json.dumps(comparison()).replace(json.dumps(DRUGS)[1:-1], json.dumps(HOSTILE)[1:-1]))
    doc["title"] = doc["stamp"] = doc["disclaimer"] = HOSTILE
    doc["arms"][0]["notes"] = [HOSTILE]
    doc["safety"][0]["verdict"] = HOSTILE
    doc["contrasts"][0]["note"] = HOSTILE
    doc["provenance"]["evidence"] = [HOSTILE]
    for part in (*doc["outcomes"], *doc["contrasts"], *doc["curves"]):
        part["unit"] = HOSTILE
    page = render(doc)
    reader = _read(page)
    assert [a.get("type") for t, a in reader.elements if t == "script"] == ["application/json", None]
    assert "<script>alert" not in page
    assert HOSTILE in "".join(reader.words)
    data = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.S)[0])
    assert data["curves"][0]["arms"][1]["name"] == HOSTILE


def test_unit_hostile_study_stays_text() -> None:
    doc = prediction()
    doc["study"] = {"id": HOSTILE, "title": HOSTILE, "doi": '"><script>alert(1)</script>'}
    doc["outcomes"][0].update(arm=HOSTILE, measure=HOSTILE, definition=HOSTILE, unit=HOSTILE)
    page = render(doc)
    assert [t for t, _ in _read(page).elements].count("script") == 2
    assert "<script>alert" not in page


def test_unit_control_characters_are_dropped() -> None:
    doc = comparison()
    doc["title"] = "a\x00b\x1bc"
    assert "<h1>abc</h1>" in render(doc)


def test_unit_every_outcome_is_on_the_page(page: str) -> None:
    words = _words(page)
    for outcome in comparison()["outcomes"]:
        assert number(outcome["median"]) in words
        for low, high in (outcome["unknown95"], outcome["sample95"]["interval"]):
            assert f"{number(low)} to {number(high)}" in words


def test_unit_every_contrast_is_on_the_page(page: str) -> None:
    words = _words(page)
    for contrast in comparison()["contrasts"]:
        low, high = contrast["unknown95"]
        assert number(contrast["difference"]) in words
        assert f"{number(low)} to {number(high)}" in words
        assert probability(contrast["prob_better"]) in words


def test_unit_curve_tables_hold_every_day(page: str) -> None:
    doc = comparison()
    curve = next(c for c in doc["curves"] if c["measure"] == "HAM-D17 mean" and c["arm"] == DRUGS)
    for median, low, high in zip(curve["median"], *curve["unknown95"], strict=True):
        assert f"<td>{number(median)} ({number(low)} to {number(high)})</td>" in page


def test_unit_the_script_shows_the_numbers_of_the_document(page: str) -> None:
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, flags=re.S)[0])
    shown = {(c["title"], a["name"]): a["median"] for c in data["curves"] for a in c["arms"]}
    assert shown[f"Well, of {ALL}", NOTHING] == comparison()["curves"][0]["median"]
    assert len(shown) == len(comparison()["curves"])


def test_unit_curves_are_drawn_where_the_numbers_say() -> None:
    curves = read_comparison(comparison()).curves[:2]
    drawn = curve_chart(curves, {NOTHING: 0, DRUGS: 1}, Caption("", ""), False)
    x0, x1, y0, y1 = (float(v) for v in re.findall(r'data-plot="([^"]*)"', drawn)[0].split())
    first, last, low, high = (float(v) for v in re.findall(r'data-scales="([^"]*)"', drawn)[0].split())
    for curve, path in zip(curves, re.findall(r'class="median" d="M([^"]*)"', drawn), strict=True):
        points = [tuple(float(v) for v in p.split()) for p in path.split("L")]
        for (x, y), day, value in zip(points, curve.days, curve.median, strict=True):
            assert abs(first + (x - x0) / (x1 - x0) * (last - first) - day) < (last - first) / 2000
            assert abs(low + (y1 - y) / (y1 - y0) * (high - low) - value) < (high - low) / 2000


def test_unit_stamp_on_every_figure_and_table(page: str) -> None:
    drawings = re.findall(r'<svg class="chart.*?</svg>', page, flags=re.S)
    tables = re.findall(r'<table class="data.*?</table>', page, flags=re.S)
    assert len(drawings) == 2 * (3 + 3 + 3 + 2)
    assert len(tables) == 3 + 3 + 3 + 1
    for part in (*drawings, *tables):
        assert STAMP in part
    assert DISCLAIMER in page


def test_unit_two_spreads_are_drawn_and_named_differently(page: str) -> None:
    words = _words(page)
    assert "what is not known" in words
    assert "spread between patients" in words
    assert 'class="band outer"' in page
    assert 'class="patients box"' in page
    doc = comparison()
    for curve in doc["curves"]:
        curve["patients50"] = curve["patients90"] = None
    without = render(doc)
    assert 'class="patients' not in without
    assert "spread between patients: middle" not in _words(without)


def test_unit_order_of_the_page(page: str) -> None:
    headings = [html.unescape(h) for h in re.findall(r"<h2[^>]*>(.*?)</h2>", page)]
    assert headings == [
        "Well at week 26, of all who started",
        "Over time",
        "Other outcomes",
        "Differences",
        "Among remitters only (a selected group)",
        "What is given, and when",
        "Safety",
        "What the words mean here",
        "How to remake this",
        "What this does not claim",
    ]


def test_unit_an_arm_without_a_verdict_is_not_checked() -> None:
    doc = comparison()
    doc["safety"] = []
    section = re.findall(r'<section aria-labelledby="safety">.*?</section>', render(doc), flags=re.S)[0]
    assert section.count("not checked</span>") == len(doc["arms"])


def test_unit_provenance_is_complete(page: str) -> None:
    words = _words(page)
    origin = comparison()["provenance"]
    for key in ("command", "version", "engine", "date"):
        assert origin[key] in words
    for value in (*origin["evidence"], *origin["ignored_qualifiers"], *origin["parameters"].values(), "20,000"):
        assert value in words


def test_unit_headings_tables_and_landmarks(page: str) -> None:
    reader = _read(page)
    tags = [t for t, _ in reader.elements]
    assert (tags.count("main"), tags.count("header"), tags.count("footer"), tags.count("h1")) == (1, 1, 1, 1)
    assert all(a.get("scope") in ("row", "col") for t, a in reader.elements if t == "th")
    assert all(a.get("aria-label") for t, a in reader.elements if t == "svg" and a.get("role") == "img")
    ids = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_unit_eight_arms_with_long_names() -> None:
    doc = comparison()
    names = [f"arm {i} with a rather long name that goes on and on" for i in range(8)]
    doc["arms"] = [{"name": n} for n in names]
    doc["safety"] = []
    doc["outcomes"] = [{**doc["outcomes"][2], "arm": n} for n in names]
    doc["contrasts"] = [{**doc["contrasts"][0], "arm": n, "reference": names[0]} for n in names[1:]]
    doc["curves"] = [{**doc["curves"][0], "arm": n} for n in names]
    page = render(doc)
    assert all(n in page for n in names)
    assert len(page.encode()) < 600_000


def test_unit_prediction_shows_proportions_per_100() -> None:
    words = _words(render(prediction()))
    assert "2 of 3 published figures lie inside" in words
    assert "66 (42 to 90)" in words
    assert "outside" in words
    assert words.count("unconfirmed") == 1
    assert "cannot predict" in words
    assert "time to relapse is not among the outcomes that can be predicted" in words


def test_unit_every_measure_of_a_study_can_be_shown() -> None:
    doc = prediction()
    row = doc["outcomes"][0]
    doc["outcomes"] = [
        {**row, "measure": "change", "scale": "MADRS", "median": -9.5, "pi50": [-11, -8], "pi95": [-14, -5]},
        {**row, "measure": "smd", "median": 0.31, "pi50": [0.2, 0.4], "pi95": [-0.1, 0.7], "observed": 0.86},
        {**row, "measure": "hazard_ratio", "median": 0.61, "pi50": None, "pi95": [0.3, 1.2], "observed": None},
        {**row, "measure": "percent_change", "median": -40.0, "pi50": None, "pi95": [-60, -20], "observed": -45},
        {**row, "measure": "relapse", "median": None, "pi50": None, "pi95": None, "reason": "placebo: not modelled"},
    ]
    words = _words(render(doc))
    assert "Change, points MADRS" in words
    assert "Standardised mean difference" in words
    assert "0.31 (−0.10 to 0.70)" in words
    assert "Percent change, per cent" in words
    assert "placebo: not modelled." in words
    assert "placebo: placebo" not in words


def test_unit_write_report(tmp_path: Path) -> None:
    target = write_report(comparison(), tmp_path / "new" / "folder")
    assert target.name == "report.html"
    assert target.read_text(encoding="utf-8") == render(comparison())
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]


def test_unit_a_bad_document_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_report({"arms": [{}]}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unit_a_failed_rename_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = write_report(prediction(), tmp_path)
    before = target.read_bytes()

    def fail(self: Path, other: Path) -> Path:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="cannot write"):
        write_report(comparison(), tmp_path)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_unit_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        write_report(comparison(), tmp_path / "taken")
