"""Reading the documents: strict about types, liberal about absence."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.report.document import DEFAULT_STAMP, is_selected
from cotreat.report.html import render
from cotreat.report.reading import read_comparison, read_prediction
from tests.report.example import comparison, prediction


def _set(doc: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(doc)
    target: Any = changed
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return changed


def test_unit_examples_are_json() -> None:
    for doc in (comparison(), prediction()):
        assert json.loads(json.dumps(doc, allow_nan=False)) == doc


def test_unit_reads_the_example_whole() -> None:
    doc = comparison()
    read = read_comparison(doc)
    assert [a.name for a in read.arms] == [a["name"] for a in doc["arms"]]
    assert [o.median for o in read.outcomes] == [o["median"] for o in doc["outcomes"]]
    assert [o.sample95 for o in read.outcomes] == [tuple(o["sample95"]["interval"]) for o in doc["outcomes"]]
    assert [c.difference for c in read.contrasts] == [c["difference"] for c in doc["contrasts"]]
    assert read.curves[2].patients90 is not None
    assert read.arms[1].timeline[1].conditional
    assert read.arms[0].sessions[0].mean == 8.1
    assert read.provenance.checksum == doc["provenance"]["parameters"]["checksum"]


def test_unit_smallest_document() -> None:
    read = read_comparison({"arms": [{"name": "only"}]})
    assert read.stamp == DEFAULT_STAMP
    assert read.outcomes == ()
    assert "not checked" in render({"arms": [{"name": "only"}]})


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("outcomes", 2, "median"), "43", "outcomes[2].median"),
        (("outcomes", 0, "median"), True, "outcomes[0].median"),
        (("outcomes", 0, "median"), float("nan"), "outcomes[0].median"),
        (("outcomes", 1, "unknown95"), [66.0, 20.0], "outcomes[1].unknown95"),
        (("outcomes", 1, "unknown95"), [66.0], "outcomes[1].unknown95"),
        (("outcomes", 1, "kind"), "rate", "outcomes[1].kind"),
        (("outcomes", 1, "arm"), "nobody", "outcomes[1]"),
        (("outcomes", 1, "sample95", "n"), 9.5, "outcomes[1].sample95.n"),
        (("contrasts", 0, "prob_better"), 1.2, "contrasts[0].prob_better"),
        (("contrasts", 0, "risk_ratio"), {}, "contrasts[0].risk_ratio.estimate"),
        (("curves", 3, "median", 5), None, "curves[3].median[5]"),
        (("curves", 3, "median"), [1.0], "curves[3].median"),
        (("curves", 3, "days", 1), 0, "curves[3].days"),
        (("curves", 3, "unknown95", 1), [1.0], "curves[3].unknown95[1]"),
        (("arms", 0, "timeline", 0, "days"), "0 2 4", "arms[0].timeline[0].days"),
        (("arms", 0, "timeline", 0, "kind"), "pill", "arms[0].timeline[0].kind"),
        (("arms", 0, "in_range"), "yes", "arms[0].in_range"),
        (("arms", 0, "name"), "", "arms[0].name"),
        (("arms",), [], "arms"),
        (("safety", 0), "fine", "safety[0]"),
        (("provenance", "seed"), "one", "provenance.seed"),
        (("title",), 3, "title"),
    ],
)
def test_unit_wrong_types_are_named(path: tuple[str | int, ...], value: object, place: str) -> None:
    with pytest.raises(InputError) as caught:
        read_comparison(_set(comparison(), path, value))
    assert place in caught.value.message
    assert "\n" not in caught.value.message


def test_unit_a_curve_knows_where_its_days_begin() -> None:
    curves = read_comparison(comparison()).curves
    assert {c.measure: c.since for c in curves} == {
        "well": "start",
        "HAM-D17 mean": "start",
        "relapse-free": "remission",
    }


def test_unit_two_arms_of_one_name_are_refused() -> None:
    doc = comparison()
    doc["arms"][1]["name"] = doc["arms"][0]["name"]
    with pytest.raises(InputError, match="same name"):
        read_comparison(doc)


def test_unit_prediction_needs_a_study() -> None:
    with pytest.raises(InputError, match="study"):
        read_prediction({"outcomes": []})
    with pytest.raises(InputError, match=r"study\.id"):
        read_prediction({"study": {"title": "no id"}})


@pytest.mark.parametrize("denominator", ["remitters (selected)", "responders", "completers"])
def test_unit_groups_formed_after_the_start_are_selected(denominator: str) -> None:
    assert is_selected(denominator)
    assert not is_selected("all who started")


OPTIONAL = ("population", "stamp", "disclaimer", "outcomes", "contrasts", "curves", "safety", "provenance", "title")


@given(st.sets(st.sampled_from(OPTIONAL)), st.booleans())
def test_property_any_optional_part_may_be_missing(gone: set[str], null: bool) -> None:
    doc = comparison()
    for key in gone:
        if null:
            doc[key] = None
        else:
            del doc[key]
    page = render(doc)
    assert page.count("<main") == 1
    assert ("Over time" in page) is ("curves" not in gone)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    ("arms", 0, "timeline"),
    ("arms", 0, "sessions"),
    ("outcomes", 0, "sample95"),
    ("contrasts", 0, "hedges_g"),
    ("curves", 0, "unknown50"),
    ("provenance", "parameters"),
    ("population",),
]


@given(st.sampled_from(PLACES), JSON)
def test_property_anything_else_is_shown_or_refused_in_one_line(path: tuple[str | int, ...], value: object) -> None:
    try:
        page = render(_set(comparison(), path, value))
    except InputError as error:
        assert "\n" not in error.message  # noqa: PT017
    else:
        assert page.endswith("</html>\n")
