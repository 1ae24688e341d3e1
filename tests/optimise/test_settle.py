"""The worth of a trial: against a closed form, and what it must never do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import norm

from cotreat.commands.timing import timing as command
from cotreat.measures.errors import InputError
from cotreat.optimise.bank import STUDY_SD, Bank, Design
from cotreat.optimise.settle import settle, worth
from cotreat.optimise.windows import read_question
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
    files = sorted((tmp_path / "t").iterdir())
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
