"""The page of a meta-analysis in a browser: silent, within the width of a phone, accessible in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from playwright.sync_api import Browser, sync_playwright

from cotreat.cli import cli
from tests.house.repository import ROOT

pytestmark = pytest.mark.browser
DATA = str(ROOT / "validation" / "metafor" / "data" / "bcg.csv")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
ASKED = {
    "table": ["--data", DATA, "--measure", "RR"],
    "regression": ["--data", DATA, "--measure", "OR", "--mods", "ablat,alloc"],
    "base": ["esketamine", "response"],
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("forests")
    for name, words in ASKED.items():
        result = CliRunner().invoke(cli, ["evidence", "forest", *words, "--out", str(folder / name)])
        assert result.exit_code == 0, result.output
    return {name: folder / name / "report.html" for name in ASKED}


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser_path, args=FLAGS)
        yield opened
        opened.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("table", 1280, "light"), ("table", 390, "dark"), ("regression", 390, "light"), ("base", 360, "dark")],
)
def test_unit_page_is_silent_fits_and_axe_finds_nothing(
    browser: Browser, pages: dict[str, Path], name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert said == []
    assert asked == [pages[name].as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown = page.locator("svg.forest:visible")
    assert shown.count() == 1
    box = shown.bounding_box()
    assert box is not None
    inside = "els => els.map(e => e.getBoundingClientRect()).map(r => [r.left, r.right])"
    edges = shown.locator("text").evaluate_all(inside)
    assert min(left for left, _ in edges) >= box["x"] - 2
    assert max(right for _, right in edges) <= box["x"] + box["width"] + 2
    found = Axe().run(page)
    context.close()
    assert [violation["id"] for violation in found.response["violations"]] == []
