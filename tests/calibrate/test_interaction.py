"""The interaction of drug and stimulation: none without gains, and the word synergy only where all four agree."""

from __future__ import annotations

import numpy as np
import pytest

from cotreat.calibrate.interaction import CASES, interaction
from cotreat.model.parameter_set import load_parameters
from cotreat.simulate.run import Settings

SETTINGS = Settings(patients=20 * 40, draws=20, seed=3, weeks=6)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_unit_without_gains_nothing_is_stored_together(case: object) -> None:
    parameters = load_parameters()
    gains = [n for n in parameters.parameters if "_gain." in n]
    none = parameters.with_given({n: np.zeros(SETTINGS.draws) for n in gains})
    found = interaction(case, none, SETTINGS)  # type: ignore[arg-type]
    drive = next(r for r in found["rows"] if r["unit"] == "latent drive")
    assert drive["interaction"] == pytest.approx([0.0, 0.0, 0.0], abs=2e-3)
    assert found["word"] == "not identified"
    points = next(r for r in found["rows"] if r["unit"] == "HAM-D17 points")
    assert points["stimulation"][0] > 0
    assert points["drug"][0] > 0


def test_unit_a_large_gain_is_synergy_on_the_drive() -> None:
    parameters = load_parameters()
    strong = parameters.with_given({"session_gain.antidepressant": np.full(SETTINGS.draws, 1.5)})
    found = interaction(CASES[0], strong, SETTINGS)
    drive = next(r for r in found["rows"] if r["unit"] == "latent drive")
    assert drive["sign"] == 1
    assert found["word"] == ("synergy" if {r["sign"] for r in found["rows"]} == {1} else "not identified")


def test_unit_a_draw_that_hardly_anybody_enters_is_left_out_and_counted() -> None:
    parameters = load_parameters()
    name = "chronicity.mean.depressed"
    ill = np.array(parameters.draws(SETTINGS.draws, SETTINGS.seed)[name])
    ill[4] = -0.8  # nobody is ill for long
    found = interaction(CASES[0], parameters.with_given({name: ill}), SETTINGS)
    assert (found["draws"], found["left_out"], found["patients"]) == (19, 1, 40)
    others = {k: np.delete(v, 4) for k, v in parameters.draws(SETTINGS.draws, SETTINGS.seed).items()}
    fewer = Settings(patients=19 * 40, draws=19, seed=SETTINGS.seed, weeks=6)
    assert interaction(CASES[0], parameters.with_given(others), fewer)["rows"] == found["rows"]
