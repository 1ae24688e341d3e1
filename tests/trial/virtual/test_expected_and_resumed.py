"""Curves of the arms with the numbers at risk, and a run that goes on after it was cut off."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cotreat.model.draw_set import About, save_draws
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.report.charts import Caption
from cotreat.report.html import render_page
from cotreat.report.reading import read_provenance
from cotreat.report.trial_page import trial_page
from cotreat.report.trial_survival import survival_chart
from cotreat.simulate.store import Store
from cotreat.trial.virtual.document import Options, trial_document
from cotreat.trial.virtual.file import read_trial
from cotreat.trial.virtual.run import Size
from cotreat.trial.virtual.survival import kaplan_meier
from tests.trial.virtual.designs import modelled, stated
from tests.trial.virtual.test_virtual_trials import AFTER_ECT

SIZE = Size(trials=40, draws=8, seed=3, threads=1)


@pytest.fixture(scope="module")
def relapse() -> dict[str, Any]:
    return trial_document(read_trial(AFTER_ECT | {"per_arm": [20, 30]}), SIZE, load_parameters(PRIOR))


def test_unit_curves_of_relapse_fall_from_everybody_to_the_end(relapse: dict[str, Any]) -> None:
    rows = relapse["survival"]
    # log-rank, Cox and restricted mean read the same time with the same definition: one figure
    assert [r["arm"] for r in rows] == ["nothing", "nortriptyline"]
    for row in rows:
        free, risk = row["free"], row["at_risk"]
        assert row["origin"] == "randomisation"
        assert (free[0], risk[0]) == (1.0, row["n_per_arm"])
        assert all(a >= b for a, b in pairwise(free))
        assert all(a >= b for a, b in pairwise(risk))
        for band in ("chance95", "unknown95"):
            assert all(low <= high for low, high in zip(*row[band], strict=True))
        assert all(low <= v <= high for v, low, high in zip(free, *row["chance95"], strict=True))
    assert rows[0]["free"][-1] < rows[1]["free"][-1]


def test_unit_the_figure_shows_the_numbers_at_risk(relapse: dict[str, Any]) -> None:
    for narrow in (False, True):
        drawn = survival_chart(relapse["survival"], Caption("label", "stamp"), narrow)
        for row in relapse["survival"]:
            assert f'data-at-risk="{row["at_risk"][0]:g}"' in drawn
    head, page = trial_page(relapse, read_provenance(relapse))
    text = render_page("t", head, page, "d")
    assert "Kaplan-Meier" in text
    assert "HAM-D24 mean" in text
    assert text.count("analysis set") + text.count("Analysis set") >= 4


def test_unit_chance_is_that_of_a_trial_of_the_stated_size() -> None:
    """An exponential time without loss: the spread of the curve of a trial of n is the binomial one."""
    trial = stated(
        "exponential", [0.5, 0.5], {"name": "time", "kind": "log-rank", "week": 8}, 50, effect={"by_week": 8}
    )
    made = trial_document(trial, Size(trials=200, draws=4, threads=1), load_parameters(PRIOR))
    row = made["survival"][0]
    assert row["free"][8] == pytest.approx(0.5, abs=0.02)
    width = row["chance95"][1][8] - row["chance95"][0][8]
    assert width == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 50), rel=0.08)


def test_unit_mean_scores_are_shown_from_entry_on() -> None:
    arms = {"before": "escitalopram 10 mg daily from 4 weeks before iTBS for 8 weeks\niTBS 5 days a week for 4 weeks"}
    trial = modelled(arms=arms | {"alone": "iTBS 5 days a week for 4 weeks"}, per_arm=[10])
    made = trial_document(trial, Size(trials=4, draws=2, threads=1), load_parameters(PRIOR), Options(assure=False))
    row = made["curves"][0]
    assert (row["days"][0], row["visits"]) == (-28.0, [0.0, 14.0, 28.0, 42.0, 56.0])
    assert row["still_seen"][0] == 1.0


def test_published_kaplan_meier_and_greenwood() -> None:
    """Five patients, events at 1, 3 and 4 of 5, 3 and 2 at risk: 0.8, 0.533, 0.267; Greenwood by hand."""
    found = kaplan_meier(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1, 0, 1, 1, 0]) > 0, np.array([0, 1, 3, 4.5]))
    assert found.free == pytest.approx([1.0, 0.8, 0.8 * 2 / 3, 0.8 * 2 / 3 / 2])
    assert list(found.at_risk) == [5, 5, 3, 1]
    assert found.greenwood == pytest.approx([0, 1 / 20, 1 / 20 + 1 / 6, 1 / 20 + 1 / 6 + 1 / 2])


class CutOffError(BaseException):
    """Stands for a kill: not an ordinary exception, so that finished parts are kept."""


def test_property_a_run_that_was_cut_off_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COTREAT_CACHE", str(tmp_path))
    monkeypatch.setattr("cotreat.trial.virtual.run.PATIENTS_PER_BLOCK", 200)
    trial = stated("normal", [0, 4], {"name": "score at week 8", "kind": "t"}, 20, effect={"unknown": 1.0})
    parameters, size = load_parameters(PRIOR), Size(trials=80, draws=8, seed=4, threads=1)
    whole = trial_document(trial, size, parameters)
    stores: list[Store] = []

    def keep(key: str) -> Store:
        stores.append(Store(key, resume=True))
        return stores[-1]

    def cut(done: float) -> None:
        if done > 0.6:
            raise CutOffError

    with pytest.raises(CutOffError):
        trial_document(trial, size, parameters, progress=cut, keep=keep)
    kept = list(stores[0].home.iterdir())
    assert len(kept) > 4
    again = trial_document(trial, size, parameters, keep=keep)
    assert stores[1].found >= len(kept) - 1
    assert again == whole
    assert not stores[1].home.exists()
    other = trial_document(trial, Size(trials=80, draws=8, seed=5, threads=1), parameters, keep=partial(Store))
    assert other["tests"] != whole["tests"]


def test_unit_progress_rises_to_the_end() -> None:
    told: list[float] = []
    search = {"sample_size": {"power": "80 %", "to": 400}}
    trial = stated("normal", [0, 4], {"name": "score at week 8", "kind": "t"}, 20, **search)
    trial_document(trial, Size(trials=100, draws=10, threads=1), load_parameters(PRIOR), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_unit_a_fitted_set_is_named_beside_every_figure(tmp_path: Path) -> None:
    values = load_parameters(PRIOR).draws(30, 1)
    path = tmp_path / "fitted.npz"
    save_draws(path, values, About("fitted-2026", "fitted to 3 studies", "a test", "anything", "2026-11-23", "e", "c"))
    trial = modelled(per_arm=[10])
    made = trial_document(trial, Size(trials=8, draws=4, threads=1), load_parameters(str(path)))
    assert made["stamp"] == "fitted-2026: fitted to 3 studies"
    assert "fitted-2026 (fitted to 3 studies)" in made["paragraph"]
    head, page = trial_page(made, read_provenance(made))
    assert "fitted-2026: fitted to 3 studies" in render_page("t", head, page, "d")
    assert "prior only" not in render_page("t", head, page, "d")
