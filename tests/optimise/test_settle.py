"""The worth of a trial: against a closed form, and what it must never do."""

from __future__ import annotations

import json
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from scipy.stats import norm

from cotreat.commands.timing import timing as command
from cotreat.measures.errors import InputError
from cotreat.model.draw_set import About, save_draws
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.optimise.bank import STUDY_SD, Bank, Design
from cotreat.optimise.planted import learn
from cotreat.optimise.settle import settle, worth
from cotreat.optimise.windows import read_question
from cotreat.report.words import number
from cotreat.simulate.run import Settings
from cotreat.trial.virtual.file import load_trial
from tests.optimise.conftest import setting

DESIGN = Design("direct", "direct", "a", "b", 10)


def made_up(truth: np.ndarray, shown: np.ndarray) -> Bank:
    zero = np.zeros(len(truth))
    by = {"direct": np.full(len(truth), 128.0)}
    return Bank(truth, zero, {"direct": shown}, by, {"direct": zero}, (DESIGN,))


@pytest.mark.parametrize(("middle", "n"), [(0.5, 20), (1.0, 100), (-0.7, 50)])
def test_double_the_worth_of_a_direct_trial_is_that_of_a_normal_prior(middle: float, n: int) -> None:
    sd = 1.5
    truth = norm.ppf((np.arange(4000) + 0.5) / 4000, middle, sd)
    found = worth(made_up(truth, truth), DESIGN, n, 1)
    variance = STUDY_SD**2 + 128.0 / n
    spread = sd**2 / (sd**2 + variance) ** 0.5
    expected = spread * norm.pdf(middle / spread) - abs(middle) * norm.cdf(-abs(middle) / spread)
    assert found.drop == pytest.approx(expected, abs=5 * found.error)
    assert found.error < 0.05


def test_unit_a_trial_of_something_else_is_worth_next_to_nothing() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(1.0, 1.5, 3000)
    other = worth(made_up(truth, rng.permutation(truth)), DESIGN, 100, 1)
    direct = worth(made_up(truth, truth), DESIGN, 100, 1)
    assert other.drop < direct.drop / 5


def test_unit_a_larger_trial_is_worth_more_and_none_is_worth_less_than_nothing() -> None:
    truth = norm.ppf((np.arange(2000) + 0.5) / 2000, 0.3, 1.5)
    made = made_up(truth, truth)
    drops = [worth(made, DESIGN, n, 1).drop for n in (10, 50, 400)]
    assert 0 <= drops[0] < drops[1] < drops[2] < float(np.maximum(-truth, 0).mean())


def test_unit_the_command_ranks_designs_and_writes_trials_that_load(tmp_path: Path) -> None:
    words = ["settle", "--draws", "60", "--patients", "600", "--sizes", "80,160", "--out", str(tmp_path / "t")]
    run = CliRunner().invoke(command, words, catch_exceptions=False)
    assert run.exit_code == 0
    said = " ".join(run.output.split())
    assert "not a medical device" in said
    assert "Remake: cotreat timing settle" in said
    assert said.count("assumed:") == 4
    files = sorted((tmp_path / "t" / "trials").iterdir())
    assert len(files) == 14
    for file in files:
        assert load_trial(str(file)).title


def test_unit_designs_are_ranked_by_their_worth_per_patient() -> None:
    question = read_question("iTBS 5 days a week for 2 weeks", "escitalopram 10 mg daily for 12 weeks")
    found = settle(question, setting("TRD outpatients", Settings(patients=600, draws=60)), (40, 80))
    drops = [r["drop_per_100"] for r in found["designs"]]
    assert drops == sorted(drops, reverse=True)
    assert all(0 <= r["drop"] <= found["regret_today"] + 5 * r["error"] + 0.05 for r in found["designs"])
    for r in found["designs"]:
        assert r["drop_per_100"] == pytest.approx(100 * r["drop"] / r["patients"], abs=1e-3)


def test_unit_impossible_trials_are_refused() -> None:
    question = read_question("iTBS 5 days a week for 2 weeks", "escitalopram 10 mg daily for 12 weeks")
    with pytest.raises(InputError, match="at least 8"):
        settle(question, setting("TRD outpatients", Settings(patients=20, draws=10)), (4,))
    acute = read_question("iTBS 5 days a week for 2 weeks", "methylphenidate 20 mg")
    with pytest.raises(InputError, match="every day"):
        settle(acute, setting("TRD outpatients", Settings(patients=20, draws=10)))


def test_unit_a_study_is_never_explained_by_the_parameters_it_was_made_with() -> None:
    """With 3 rows drawn 4 times each, every twin is left out, so nothing is learnt from the truth itself."""
    row = np.repeat(np.arange(3), 4)
    truth = np.repeat([-3.0, 0.0, 3.0], 4)
    zero, by = np.zeros(12), {"direct": np.full(12, 50.0)}
    bank = Bank(truth, zero, {"direct": truth}, by, {"direct": zero}, (DESIGN,), row)
    assert bank.twins(np.array([5])).tolist() == [[False] * 4 + [True] * 4 + [False] * 4]
    weights = learn(replace(bank, designs=(DESIGN,)), 5, 0, np.random.default_rng(1))
    assert weights[4:8].sum() == 0.0
    assert weights.sum() == pytest.approx(1.0)


def test_unit_pages_of_designs_and_of_schedules(tmp_path: Path) -> None:
    values = load_parameters(PRIOR).draws(20, 1)
    path = tmp_path / "fitted.npz"
    save_draws(path, values, About("fitted", "fitted to 3 studies", "a test", "anything", "2026-11-23", "e", "c"))
    same = ["--params", str(path), "--seed", "2", "--threads", "1"]
    words = ["settle", "--draws", "40", "--patients", "400", "--sizes", "80,160", "--out", str(tmp_path / "s"), *same]
    run = CliRunner().invoke(command, words, catch_exceptions=False)
    page = unescape((tmp_path / "s" / "report.html").read_text())
    assert "fitted: fitted to 3 studies" in page
    assert "prior only" not in page
    assert "Report: " in run.output
    files = sorted(p.name for p in (tmp_path / "s" / "trials").iterdir())
    assert "2-x-2_160.yaml" in files
    for name in ("before against after", "2 x 2", "Settles", "What is assumed"):
        assert name in page
    search = {
        "population": "ECT candidates",
        "schedule": "ECT {times} for 2 weeks",
        "choices": {"times": ["twice a week", "3 times a week"]},
        "goals": ["well", "sessions", "mean score"],
    }
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(search))
    words = ["schedule", str(tmp_path / "search.yaml"), "--draws", "4", "--patients", "80", *same]
    run = CliRunner().invoke(command, [*words, "--out", str(tmp_path / "c")], catch_exceptions=False)
    assert run.exit_code == 0
    page = unescape((tmp_path / "c" / "report.html").read_text())
    document = json.loads(CliRunner().invoke(command, [*words, "--json"], catch_exceptions=False).output)
    assert page.count("data-front=") == 4 * len(document["front"])  # two pairs of goals, each wide and narrow
    for row in document["front"]:
        assert row["sentence"] in page
        assert number(row["goals"]["well"]["median"]) in page
