"""The rule of the verdict, and one table of words that every language and every place uses."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cotreat.optimise.prose import PROSE
from cotreat.optimise.timing import Asked, timing
from cotreat.optimise.verdict import WORDS, Contrast, signs_differ, together
from cotreat.optimise.windows import read_question
from cotreat.optimise.words import LANGUAGES, keys, missing, word
from cotreat.outcomes.estimate import Spread
from cotreat.report.html import render_page
from cotreat.report.reading import read_provenance
from cotreat.report.timing_page import LIMITS, timing_page
from cotreat.report.timing_terminal import print_timing
from cotreat.report.words import number
from cotreat.simulate.run import Settings
from tests.optimise.conftest import DRUG, ECT, setting


def contrast(middle: float, sd: float, error: float = 0.0) -> Contrast:
    values = middle + sd * np.linspace(-2.5, 2.5, 201)
    return Contrast(values, 2.0, error=error)


@pytest.mark.parametrize(
    ("middle", "sd", "verdict"),
    [
        (5.0, 1.0, "before better"),
        (-5.0, 1.0, "after better"),
        (0.0, 0.5, "no difference that matters"),
        (1.0, 3.0, "cannot tell"),
        (1.9, 0.9, "cannot tell"),
        (5.0, 6.0, "cannot tell"),
    ],
)
def test_unit_the_rule(middle: float, sd: float, verdict: str) -> None:
    assert contrast(middle, sd).verdict() == verdict


@given(st.floats(-8, 8), st.floats(0, 6), st.floats(0, 2))
def test_property_the_rule_is_the_same_in_both_directions(middle: float, sd: float, error: float) -> None:
    other = {"before better": "after better", "after better": "before better"}
    found, mirrored = contrast(middle, sd, error).verdict(), contrast(-middle, sd, error).verdict()
    assert mirrored == other.get(found, found)


def test_unit_few_patients_never_make_a_verdict_sure() -> None:
    sure = Contrast.of(Spread(np.full(50, 3.0), 0.1), 2.0)
    assert sure.verdict() == "before better"
    assert Contrast.of(Spread(np.full(50, 3.0), 3.0), 2.0).verdict() == "cannot tell"


def test_unit_few_draws_never_make_a_verdict_sure() -> None:
    for count, verdict in ((1, "cannot tell"), (18, "cannot tell"), (19, "before better")):
        assert Contrast(np.full(count, 4.0), 2.0).verdict() == verdict
    assert Contrast(np.zeros(8), 2.0).verdict() == "cannot tell"
    assert Contrast(np.zeros(9), 2.0).verdict() == "no difference that matters"


def test_unit_readings_that_point_apart_are_part_of_the_verdict() -> None:
    one, two = contrast(5.0, 1.0), contrast(-5.0, 1.0)
    assert signs_differ([one, two])
    assert together([one, two]) == "cannot tell"
    assert together([one, contrast(4.0, 1.0)]) == "before better"
    assert together([one, contrast(0.0, 0.2)]) == "cannot tell"


def test_unit_weights_count() -> None:
    values = np.array([-4.0] * 50 + [4.0] * 50)
    weights = np.array([0.0] * 50 + [1.0] * 50)
    assert Contrast(values, 2.0).verdict() == "cannot tell"
    assert Contrast(values, 2.0, weights).verdict() == "before better"


def test_unit_every_word_stands_in_every_language() -> None:
    assert missing() == []
    for verdict, english in WORDS.items():
        assert word(verdict, "en") == english
        assert len({word(verdict, lang) for lang in LANGUAGES}) == len(LANGUAGES)
    for lang in LANGUAGES:
        verdicts = [word(v, lang) for v in WORDS]
        assert len(set(verdicts)) == len(verdicts)


_FRAGMENTS = (
    "Before against",
    "Reading",
    "all who started",
    "prior-driven",
    "If this were",
    "Every start",
    "Verdict on",
)


def test_unit_prose_is_of_its_language_and_keeps_its_gaps() -> None:
    """Korean in Hangul, Japanese in kana or Chinese characters; numbers and gaps are those of the English."""
    scripts = {"ko": re.compile("[가-힣]"), "ja": re.compile("[ぁ-んァ-ン一-龥]")}
    for key, texts in PROSE.items():
        english = texts[0]
        for lang, text in zip(LANGUAGES[1:], texts[1:], strict=True):
            if key not in ("interval",):
                assert scripts[lang].search(text), (key, lang)
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english)), (key, lang)
            assert set(re.findall(r"\d+", english)) <= set(re.findall(r"\d+", text)), (key, lang)


@pytest.mark.parametrize("lang", ["ko", "ja"])
def test_unit_a_page_in_another_language_holds_no_english_prose(spoken: dict[str, dict[str, Any]], lang: str) -> None:
    document = spoken[lang]
    head, page = timing_page(document, read_provenance(document))
    html = unescape(head + "".join(page.sections))
    shown = io.StringIO()
    print_timing(document, Console(file=shown, width=2000))
    for english in (*_FRAGMENTS, *(PROSE[k][0] for k in LIMITS), PROSE["how to read"][0], PROSE["how compared"][0]):
        assert english not in html, english
        assert english not in shown.getvalue(), english
    for key in (*LIMITS, "how to read", "how compared", "line by line", "every start", "if one account"):
        assert document["words"][key] in html, key


@pytest.fixture(scope="module")
def spoken() -> dict[str, dict[str, Any]]:
    how = setting(settings=Settings(patients=120, draws=6, seed=2))
    question = read_question(ECT, DRUG)
    return {lang: timing(question, (-14.0, 0.0, 28.0), how, Asked(language=lang)) for lang in LANGUAGES}


def numbers_of(value: Any) -> list[float]:
    """Every number of a document in its order."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers_of(v)]
    if isinstance(value, list):
        return [n for v in value for n in numbers_of(v)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_unit_languages_differ_in_words_and_in_no_number(spoken: dict[str, dict[str, Any]]) -> None:
    assert len({json.dumps(numbers_of(d)) for d in spoken.values()}) == 1
    assert len({d["verdict_key"] for d in spoken.values()}) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_unit_terminal_json_and_page_say_the_same(spoken: dict[str, dict[str, Any]], lang: str) -> None:
    document = spoken[lang]
    shown = io.StringIO()
    print_timing(document, Console(file=shown, width=2000))
    head, page = timing_page(document, read_provenance(document))
    html = unescape(render_page("t", head, page, document["disclaimer"]))
    for place in (shown.getvalue(), html):
        assert document["verdict"].lower() in place.lower()
        assert document["basis"] in place
        assert document["disclaimer"] in place
        assert document["translation"] in place
        assert document["why"].lower() in place.lower()
        assert document["question"]["entry"] in place
        for c in document["contrasts"]:
            assert c["outcome"] in place
            assert c["verdict"] in place
            assert number(c["before_minus_after"]) in place
    assert document["verdict"] == word(document["verdict_key"], lang)  # type: ignore[arg-type]
    assert set(document["words"]) == set(keys())
