"""The study: it goes on where it stopped, keeps rows of other settings apart, and says what does not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from validation.monitor import __main__ as study_main
from validation.monitor.pins import Pin
from validation.monitor.study import REPORTED_SEED, TUNING_SEEDS, Sizes, Study, Task, tasks
from validation.monitor.verdicts import required
from validation.monitor.write import lines

SMALL = ["--patients", "6", "--whole", "2", "--wrong", "1", "--published", "2", "--jobs", "1", "--seed", "2"]
PIN = Pin("relapse", "56", 55.5, 56.5, 56.2, 1.1, "a source")


def row(task: Task, well: bool = True) -> dict[str, Any]:
    """What a task gives, made up: figures that hold, or that do not."""
    kind, number, world = task
    ill = number % 2 == 0
    found: dict[str, Any] = {"kind": kind, "world": world, "number": number}
    made = [{"pit": (k + 0.5) / 40, "crps": 1.0, "crps_last_value": 1.2, "crps_running_mean": 1.5} for k in range(40)]
    if kind != "rise":
        days = [ill] * 3
        found |= {
            "forecasts": made if well else [f | {"pit": 0.999} for f in made],
            "relapse": days,
            "withdrawal": days,
        }
        found |= {f"p_{c}": [0.99 if d == well else 0.01 for d in days] for c in ("relapse", "withdrawal")}
        found |= {"days": 182, "alerts": 1, "false_alerts": 0, "lead": 10 if ill else None, "relapsed": ill}
        return found | {"relapse_called_withdrawal": False, "no_cut_largest": 0.01 if well else 0.2}
    for c in ("relapse", "withdrawal"):
        found |= {c: ill, f"exact_{c}": float(ill), f"filter_{c}": 0.99 if ill == well else 0.01}
    names = ("phq", "phq up 5", "days", "later than 2 weeks", "variance", "autocorrelation", "profile")
    return (
        found | {f"baseline_{n}": float(number % 3) for n in names} | {"word": "cannot tell", "staged": 0, "left": 0.4}
    )


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    seen: list[Task] = []

    def one(asked: tuple[Task, Study]) -> tuple[Task, dict[str, Any]]:
        seen.append(asked[0])
        if len(seen) == 5:
            raise KeyboardInterrupt
        return asked[0], row(asked[0])

    monkeypatch.setattr(study_main, "run_one", one)
    monkeypatch.setattr("validation.monitor.write.pins", lambda seed: [PIN])
    return seen


def test_unit_a_run_that_was_cut_off_goes_on(measured: list[Task], tmp_path: Path) -> None:
    arguments = [*SMALL, "--cache", str(tmp_path / "kept"), "--out", str(tmp_path / "page.md")]
    with pytest.raises(KeyboardInterrupt):
        study_main.main(arguments)
    assert not (tmp_path / "page.md").exists()
    (kept,) = (tmp_path / "kept").iterdir()
    kept.write_text(kept.read_text() + '[["rise", 3, "as ass')  # killed in the middle of a line
    study_main.main(arguments)
    wanted = tasks(Sizes(6, 2, 1, 2))
    assert measured == [*wanted[:5], *wanted[4:]]
    assert set(study_main.read_rows(kept)) == set(wanted)
    text = (tmp_path / "page.md").read_text()
    assert "one of them" in text
    assert "not complete" not in text
    study_main.main([*arguments, "--only-write"])
    assert len(measured) == len(wanted) + 1


def test_unit_rows_of_other_settings_are_kept_apart() -> None:
    prints = {Study().fingerprint(), Study(seed=5).fingerprint(), Study(particles=10).fingerprint()}
    assert len(prints) == 3
    assert Study().fingerprint() in prints


@pytest.mark.parametrize("seed", TUNING_SEEDS)
def test_unit_a_seed_used_for_tuning_cannot_be_reported(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert seed != REPORTED_SEED
    with pytest.raises(SystemExit):
        study_main.main(["--seed", str(seed)])
    assert "used while the filter was made" in capsys.readouterr().err


def test_unit_what_does_not_hold_is_said() -> None:
    wanted = tasks(Sizes(60, 20, 10, 10))
    good, bad = ([row(t, well) for t in wanted] for well in (True, False))
    held = required(good)
    assert {r.what for r in held} == {r.what for r in required(bad)}
    assert all(r.holds for r in held), [r for r in held if not r.holds]
    failed = [r.what for r in required(bad) if not r.holds]
    assert any("AUC at least 95 %" in w for w in failed)
    assert any("within 5 points" in w for w in failed)
    assert any("cover at least 85 %" in w for w in failed)
    assert "withdrawal below 0.05 without a cut" in failed
    page = "\n".join(lines(bad, Study(), (len(bad), len(bad) + 1), [PIN]))
    assert "**no**" in page
    assert "not complete" in page
    assert f"of seed {REPORTED_SEED}" in page
    assert json.dumps(TUNING_SEEDS)[1:-1] in page
