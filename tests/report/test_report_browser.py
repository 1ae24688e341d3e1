"""The page in a browser: quiet, closed, readable by pointer, finger and keyboard, and accessible in light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from cotreat.report.html import write_report
from cotreat.report.words import number
from tests.report.example import DRUGS, NOTHING, comparison, prediction

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = 1280, 390
Scheme = Literal["light", "dark"]
WELL = "figure[data-chart='0']"


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser_path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {
        "comparison": write_report(comparison(), folder / "comparison"),
        "prediction": write_report(prediction(), folder / "prediction"),
    }


class Visit:
    """Opens pages and remembers what they said and asked for."""

    def __init__(self, browser: Browser, reports: dict[str, Path]) -> None:
        self._browser = browser
        self._reports = reports
        self.said: list[str] = []
        self.asked: list[str] = []

    def open(self, name: str = "comparison", width: int = WIDE, scheme: Scheme = "light", script: bool = True) -> Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=script,
            has_touch=width == NARROW,
        )
        page = context.new_page()
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(self._reports[name].as_uri())
        return page


@pytest.fixture
def visit(browser: Browser, reports: dict[str, Path]) -> Iterator[Visit]:
    made = Visit(browser, reports)
    yield made
    for context in browser.contexts:
        context.close()


def _shown(page: Page, figure: str = WELL) -> list[str]:
    return page.locator(f"{figure} .legend td.value").all_inner_texts()


def _text_at(index: int, arm: int) -> str:
    curve = comparison()["curves"][arm]
    low, high = curve["unknown95"]
    return f"{number(curve['median'][index], 0)} ({number(low[index], 0)} to {number(high[index], 0)})"


def _plot(drawing: Locator) -> tuple[float, float, float, float]:
    """Left, right, top and height of the plot area on the screen."""
    box = drawing.bounding_box()
    assert box is not None
    x0, x1, y0, y1 = (float(v) for v in (drawing.get_attribute("data-plot") or "").split())
    scale = box["width"] / float((drawing.get_attribute("viewBox") or "").split()[2])
    return box["x"] + x0 * scale, box["x"] + x1 * scale, box["y"] + y0 * scale, (y1 - y0) * scale


@pytest.mark.parametrize("name", ["comparison", "prediction"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_unit_quiet_and_closed(visit: Visit, name: str, width: int) -> None:
    page = visit.open(name, width)
    page.wait_for_load_state("networkidle")
    assert visit.said == []
    assert visit.asked == [page.url]


def test_unit_foreign_content_is_refused(visit: Visit) -> None:
    page = visit.open()
    ran = page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.broken = true';
            document.body.append(script);
            const image = document.createElement('img');
            image.src = 'https://example.net/x.png';
            document.body.append(image);
            return window.broken === true;
        }"""
    )
    assert ran is False
    assert any("Content Security Policy" in text for text in visit.said)


@pytest.mark.parametrize("name", ["comparison", "prediction"])
@pytest.mark.parametrize("width", [320, NARROW, 641, 768, WIDE])
def test_unit_no_sideways_scrolling(visit: Visit, name: str, width: int) -> None:
    page = visit.open(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["comparison", "prediction"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_unit_tables_fit_their_section(visit: Visit, name: str, width: int) -> None:
    page = visit.open(name, width)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    too_wide = page.evaluate(
        """() => [...document.querySelectorAll('section table')]
            .filter(t => t.getBoundingClientRect().right > t.closest('section').getBoundingClientRect().right + 0.5)
            .map(t => t.caption ? t.caption.textContent : 'legend')"""
    )
    assert too_wide == []


@pytest.mark.parametrize(("width", "kind"), [(WIDE, "wide"), (NARROW, "narrow")])
def test_unit_one_drawing_of_each_pair_is_shown(visit: Visit, width: int, kind: str) -> None:
    page = visit.open(width=width)
    shown = [s for s in page.locator("svg.chart").all() if s.is_visible()]
    assert shown
    assert all(kind in (s.get_attribute("class") or "").split() for s in shown)


def test_unit_drawn_text_is_large_enough_on_a_phone(visit: Visit) -> None:
    page = visit.open(width=NARROW)
    heights = page.evaluate(
        """() => [...document.querySelectorAll('svg.narrow text')].map(t => {
            const svg = t.ownerSVGElement;
            const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            return parseFloat(getComputedStyle(t).fontSize) * scale;
        })"""
    )
    assert min(heights) >= 9.5


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_unit_drawn_text_stays_on_the_page(visit: Visit, width: int) -> None:
    page = visit.open(width=width)
    outside = page.evaluate(
        """width => [...document.querySelectorAll('svg.chart text')]
            .filter(t => t.getClientRects().length)
            .filter(t => t.getBoundingClientRect().left < 0 || t.getBoundingClientRect().right > width)
            .map(t => t.textContent)""",
        width,
    )
    assert outside == []


def test_unit_the_pointer_reads_the_curves(visit: Visit) -> None:
    page = visit.open()
    drawing = page.locator(f"{WELL} svg.wide")
    drawing.scroll_into_view_if_needed()
    left, right, top, height = _plot(drawing)
    assert _shown(page) == [_text_at(-1, 0), _text_at(-1, 1)]
    page.mouse.move(left + (right - left) * 84 / 182, top + height / 2)
    assert page.locator(f"{WELL} .legend .at").inner_text() == "At week 12"
    assert _shown(page) == [_text_at(12, 0), _text_at(12, 1)]
    assert page.locator(f"{WELL} svg.wide .cursor").is_visible()
    page.mouse.move(5, 5)
    assert _shown(page) == [_text_at(-1, 0), _text_at(-1, 1)]
    assert not page.locator(f"{WELL} svg.wide .cursor line").is_visible()


def test_unit_a_finger_reads_the_curves(visit: Visit) -> None:
    page = visit.open(width=NARROW)
    drawing = page.locator(f"{WELL} svg.narrow")
    drawing.scroll_into_view_if_needed()
    left, right, top, height = _plot(drawing)
    page.touchscreen.tap(left + (right - left) * 56 / 182, top + height / 2)
    assert page.locator(f"{WELL} .legend .at").inner_text() == "At week 8"
    assert _shown(page) == [_text_at(8, 0), _text_at(8, 1)]


def test_unit_arrow_keys_read_the_curves(visit: Visit) -> None:
    page = visit.open()
    slider = page.locator(f"{WELL} input[type=range]")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    assert page.locator(f"{WELL} .legend .at").inner_text() == "At week 23"
    assert _shown(page) == [_text_at(23, 0), _text_at(23, 1)]
    spoken = slider.get_attribute("aria-valuetext") or ""
    assert spoken.startswith("week 23")
    assert f"{DRUGS} {_text_at(23, 1)}" in spoken
    slider.press("Home")
    assert _shown(page) == [_text_at(0, 0), _text_at(0, 1)]
    slider.press("ArrowLeft")
    slider.press("ArrowRight")
    assert _shown(page) == [_text_at(1, 0), _text_at(1, 1)]
    slider.press("End")
    assert _shown(page) == [_text_at(-1, 0), _text_at(-1, 1)]


@pytest.mark.parametrize(("width", "kind"), [(WIDE, "wide"), (NARROW, "narrow")])
def test_unit_the_thumb_stands_below_the_crosshair(visit: Visit, width: int, kind: str) -> None:
    page = visit.open(width=width)
    slider = page.locator(f"{WELL} input[type=range]")
    left, right, _, _ = _plot(page.locator(f"{WELL} svg.{kind}"))
    box = slider.bounding_box()
    assert box is not None
    assert abs(box["x"] + 9 - left) < 1
    assert abs(box["x"] + box["width"] - 9 - right) < 1


def test_unit_arms_can_be_switched_off(visit: Visit) -> None:
    page = visit.open()
    lines = page.locator(f"{WELL} svg.wide .median")
    assert [line.is_visible() for line in lines.all()] == [True, True]
    switch = page.locator(f"{WELL} .legend button").first
    switch.click()
    assert switch.get_attribute("aria-pressed") == "false"
    assert [line.is_visible() for line in lines.all()] == [False, True]
    slider = page.locator(f"{WELL} input[type=range]")
    slider.focus()
    slider.press("Home")
    assert NOTHING not in (slider.get_attribute("aria-valuetext") or "")
    switch.click()
    assert [line.is_visible() for line in lines.all()] == [True, True]


def test_unit_each_spread_can_be_switched_off(visit: Visit) -> None:
    page = visit.open()
    figure = "figure[data-chart='1']"
    band = page.locator(f"{figure} svg.wide .band").first
    box = page.locator(f"{figure} svg.wide .patients.box").first
    page.get_by_role("button", name=re.compile("^spread between patients")).click()
    assert (band.is_visible(), box.is_visible()) == (True, False)
    page.locator(f"{figure} .keys button", has_text="what is not known").click()
    assert (band.is_visible(), box.is_visible()) == (False, False)


def test_unit_a_figure_can_be_saved(visit: Visit) -> None:
    page = visit.open(scheme="dark")
    with page.expect_download() as waiting:
        page.locator(f"{WELL} .save").click()
    saved = Path(waiting.value.path()).read_text(encoding="utf-8")
    root = ElementTree.fromstring(saved)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prior only, not checked against trials" in saved
    assert "Filled bands: what is not known" in saved
    assert "Well, of all who started" in saved
    assert "var(" not in saved
    assert visit.said == []


def test_unit_without_script_nothing_is_missing(visit: Visit) -> None:
    page = visit.open(script=False)
    assert _shown(page) == [_text_at(-1, 0), _text_at(-1, 1)]
    assert page.locator("button, input").count() == 0
    page.locator("summary").first.click()
    table = page.locator("details table").first
    assert table.is_visible()
    assert _text_at(12, 0) in table.inner_text()


@pytest.mark.parametrize("name", ["comparison", "prediction"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unit_axe_finds_nothing(visit: Visit, name: str, width: int, scheme: Scheme) -> None:
    page = visit.open(name, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    found = Axe().run(page)
    assert len(found.response["passes"]) > 15
    assert found.violations_count == 0, found.generate_report()


def test_unit_on_paper_the_wide_drawings_are_black_on_white(visit: Visit) -> None:
    page = visit.open(width=700, scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("svg.chart.wide").first.is_visible()
    assert not page.locator(".scrub").first.is_visible()
