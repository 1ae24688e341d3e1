"""The direction map: the figure says what the numbers say, and the prior is never shown as knowledge."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.model.draw_set import About, save_draws
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.optimise import rivals
from cotreat.optimise.direction import Grid, direction_map
from cotreat.optimise.verdict import WORDS
from cotreat.optimise.windows import read_question
from cotreat.report.direction_map import ALIKE, CLASSES, HUES, conclusion, contour, depth, direction_figure, sentences
from cotreat.report.direction_map_page import direction_page
from cotreat.report.html import render_page
from cotreat.report.reading import read_provenance
from cotreat.simulate.run import Settings
from tests.optimise.conftest import DRUG, ECT, setting

GRID = Grid((0.1, 0.7, 5.0), (3.0, 20.0), draws=6)
SMALL = Settings(patients=6 * 36, draws=1, seed=3)
SQUARE = re.compile(
    r'<g class="(a\d)" data-best="(\w+)" data-p="([\d.]+)" data-before="([\d.e-]+)" '
    r'data-strength="([\d.]+)" data-persistence="([\d.]+)"><rect class="band" fill-opacity="([\d.]+)"'
)


NAMED = re.compile(r'<text x="([\d.]+)" y="([\d.]+)" class="row-label mid" font-weight="600" data-cloud="([^"]+)"')


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return direction_map(read_question(ECT, DRUG), setting(settings=SMALL), GRID)


@pytest.mark.parametrize("narrow", [False, True])
def test_unit_the_figure_says_what_the_numbers_say(document: dict[str, Any], narrow: bool) -> None:
    squares = SQUARE.findall(direction_figure(document, narrow))
    assert len(squares) == len(document["cells"]) == 6
    for square, cell in zip(squares, document["cells"], strict=True):
        hue, best, p, before, strength, persistence, opacity = square
        assert best == cell["best"] == max(CLASSES, key=lambda c: cell["gain"][c])
        assert hue == HUES[best]
        assert float(p) == pytest.approx(cell["p_best"][best], rel=1e-5)
        assert float(before) == pytest.approx(cell["p_before_better"], rel=1e-5)
        assert (float(strength), float(persistence)) == pytest.approx((cell["strength"], cell["persistence"]), rel=1e-4)
        assert float(opacity) == depth(cell["p_best"][best], cell["verdict"])


def test_unit_the_sentences_say_what_the_numbers_say(document: dict[str, Any]) -> None:
    said = " ".join(sentences(document))
    for name in CLASSES:
        count = sum(c["best"] == name for c in document["cells"])
        assert f"{'before is best on average' if name == 'before' else name} in {count}" in said
    assert all(cloud["name"] in said for cloud in document["clouds"])
    assert {c["verdict"] for c in document["cells"]} <= set(WORDS.values())


@pytest.mark.parametrize("narrow", [False, True])
def test_unit_squares_where_nothing_matters_are_pale_and_marked(document: dict[str, Any], narrow: bool) -> None:
    alike = [c for c in document["cells"] if c["verdict"] == ALIKE]
    drawn = direction_figure(document, narrow)
    assert drawn.count("data-alike=") == len(alike)
    assert ("no difference that matters (within 2 HAM-D17 points)" in re.sub("<[^>]+>", " ", drawn)) == bool(alike)
    assert depth(1.0, ALIKE) < depth(0.5)
    verdicts = [c["verdict"] for c in document["cells"]]
    assert f"of {len(verdicts)} squares" in conclusion(document)
    for verdict in set(verdicts):
        assert (
            f"{verdict.removesuffix(' from today' + chr(39) + 's evidence')} in {verdicts.count(verdict)}"
            in conclusion(document)
        )


def test_property_labels_of_treatments_never_cover_each_other(document: dict[str, Any]) -> None:
    for narrow in (False, True):
        drawn = direction_figure(document, narrow)
        found = re.findall(
            r'<text x="([\d.]+)" y="([\d.]+)" class="row-label mid" font-weight="600" data-cloud="([^"]+)"', drawn
        )
        assert len(found) == 4
        for k, (x, y, name) in enumerate(found):
            for x2, y2, other in found[:k]:
                apart = abs(float(x) - float(x2)) > 3.3 * (len(name) + len(other)) or abs(float(y) - float(y2)) > 12
                assert apart, (name, other)


def test_unit_probabilities_add_up_and_treatments_lie_where_their_parameters_do(document: dict[str, Any]) -> None:
    for cell in document["cells"]:
        assert sum(cell["p_best"].values()) == pytest.approx(1.0, abs=1e-3)
    prior = load_parameters(PRIOR).parameters
    for cloud in document["clouds"]:
        name = "tms" if "TMS" in cloud["name"] else cloud["name"].lower()
        per_week = {"TMS": 5, "accelerated TMS": 50, "ECT": 3, "ketamine": 3}[cloud["name"]]
        middle = prior[f"session_yield.{name}"].median * per_week
        # 400 draws: the mean of the logarithm errs by 0.03 to 0.04; five times that is left
        assert math.log(cloud["middle"][0] / middle) == pytest.approx(0.0, abs=0.2)


def test_unit_the_prior_is_hatched_everywhere(document: dict[str, Any]) -> None:
    assert document["prior"] is None
    assert all(c["hatched"] and c["overlap"] == 1.0 for c in document["cells"])
    assert "no trial has moved it" in " ".join(sentences(document))


def test_unit_a_fitted_set_stands_beside_the_prior(tmp_path: Path) -> None:
    values = load_parameters(PRIOR).draws(50, 1)
    values["session_gain.antidepressant"] = np.full(50, 0.9)
    values["consolidation_gain.antidepressant"] = np.full(50, 0.0)
    path = tmp_path / "fitted.npz"
    save_draws(path, values, About("fitted", "made for a test", "a gain", "anything", "2026-11-23", "none", "none"))
    fitted = load_parameters(str(path))
    found = direction_map(read_question(ECT, DRUG), setting(settings=SMALL, parameters=fitted), GRID)
    assert len(found["prior"]) == len(found["cells"])
    assert all(0.0 <= c["overlap"] <= 1.0 for c in found["cells"])
    assert any(not c["hatched"] for c in found["cells"])
    figure = direction_figure(found, False)
    assert len(SQUARE.findall(figure)) == 12
    assert "Under the prior alone" in figure
    assert "With trials: fitted" in figure
    assert figure.count('data-cloud="ECT"') == 2
    head, page = direction_page(found, read_provenance(found))
    assert found["stamp"] == "fitted: made for a test"
    text = render_page("map", head, page, found["disclaimer"])
    assert "fitted: made for a test" in text
    assert "prior only" not in text


def test_unit_without_drug_effects_no_start_is_better() -> None:
    parameters = rivals.without_drug_effects(load_parameters(PRIOR), 400)
    how = setting(settings=replace(SMALL, patients=6 * 60), parameters=parameters)
    found = direction_map(read_question(ECT, DRUG), how, replace(GRID, draws=10))
    assert {c["verdict"] for c in found["cells"]} == {"no difference that matters"}
    assert all(c["p_before_better"] == 0.5 for c in found["cells"])


def test_unit_impossible_maps_are_refused() -> None:
    acute = read_question("iTBS 5 days a week for 2 weeks", "methylphenidate 20 mg")
    with pytest.raises(InputError, match="every day"):
        direction_map(acute, setting("TRD outpatients", SMALL), GRID)
    with pytest.raises(InputError, match="at least 72 patients"):
        direction_map(read_question(ECT, DRUG), setting(settings=replace(SMALL, patients=50)), GRID)


@given(st.lists(st.floats(0.01, 0.99), min_size=12, max_size=12), st.floats(0.05, 0.95))
def test_property_a_contour_lies_between_values_on_both_sides(values: list[float], level: float) -> None:
    field = np.array(values).reshape(3, 4)
    for piece in contour(field, level):
        for r, c in piece:
            low, high = (math.floor(r), math.floor(c)), (math.ceil(r), math.ceil(c))
            between = sorted([field[low], field[high]])
            assert between[0] - 1e-9 <= level <= between[1] + 1e-9
    if field.min() >= level or field.max() < level:
        assert contour(field, level) == []
