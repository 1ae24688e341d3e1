"""The filter on joint draws of parameters, as a calibration leaves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cotreat.commands.monitor import monitor
from cotreat.measures.errors import InputError
from cotreat.model.draw_set import About, save_draws
from cotreat.model.parameter_set import LINEAR_MOOD, load_parameters
from cotreat.monitor.follow import Filter, FilterSettings
from cotreat.monitor.forecast import OneWeekAhead
from cotreat.monitor.person import two_wells
from cotreat.monitor.whatif import what_if
from tests.monitor.records import person, table

ABOUT = About("tiny", "made for a test", "60 draws", "anything", "2026-11-23", "none", "none")


def draws(path: Path, linear: np.ndarray, **changes: np.ndarray) -> str:
    """A file with draws of the rivals given, and values of some parameters."""
    wanted = ("mood.escape_time", "tilt.antidepressant", "withdrawal_weight", "withdrawal.", "adaptation", "nocebo")
    prior = load_parameters("literature-2026").draws(len(linear), 5)
    values = {k: v for k, v in prior.items() if k.startswith(wanted)} | {LINEAR_MOOD: linear} | changes
    save_draws(path, values, ABOUT)
    return str(path)


def test_unit_every_path_takes_a_set_of_draws(tmp_path: Path) -> None:
    linear = (np.arange(60) % 3 == 0).astype(float)
    loads = np.full(60, 0.24)
    name = draws(tmp_path / "tiny.npz", linear, **{"withdrawal.somatic": loads})
    run = Filter(person(50, cut=40, wave=41), FilterSettings(particles=200), load_parameters(name))
    plain = Filter(person(3), FilterSettings(particles=200), load_parameters("literature-2026"))
    # somatic items answer twice as much to withdrawal as in the first set, whose median is 0.12
    assert run.priors[2].mean[2] == pytest.approx(2.0 * plain.priors[2].mean[2])
    ahead = OneWeekAhead(run)
    track = run.run(ahead)
    assert np.isfinite(track.evidence).all()
    assert (run.cloud.person.bank[LINEAR_MOOD] == 0.0).all()
    assert len(ahead.rows) > 20
    assert len(what_if(run)["options"]) >= 3


def test_unit_the_command_takes_a_file_of_draws(tmp_path: Path) -> None:
    name = draws(tmp_path / "tiny.npz", np.zeros(20))
    rows = ["2026-01-05,,dose,venlafaxine,150,mg,", "2026-01-05,,rating,PHQ-9,6,,", "2026-01-12,,rating,PHQ-9,7,,"]
    (tmp_path / "r.csv").write_text(table(*rows))
    arguments = [str(tmp_path / "r.csv"), "--params", name, "--particles", "100", "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(monitor, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "made for a test" in result.output
    assert f"--params {name}" in result.output
    assert "tiny" in (tmp_path / "o" / "report.html").read_text()


def test_unit_draws_of_one_mood_state_are_passed_over_or_refused(tmp_path: Path) -> None:
    found = two_wells(np.array([1.0, 0.0, 1.0, 0.0, 1.0]), "a set")
    assert found.tolist() == [1, 3, 1, 3, 1]
    name = draws(tmp_path / "linear.npz", np.ones(10))
    with pytest.raises(InputError, match="'tiny' holds only mood without two states"):
        Filter(person(3), FilterSettings(particles=100), load_parameters(name))


def test_property_what_counts_as_withdrawal_does_not_hang_on_its_unit(tmp_path: Path) -> None:
    """Twice the withdrawal with half of what a unit of it does is the same person."""
    one = load_parameters(draws(tmp_path / "one.npz", np.zeros(60)))
    twice = load_parameters(draws(tmp_path / "twice.npz", np.zeros(60), **in_units_half_as_large(60)))
    said = []
    for parameters in (one, twice):
        run = Filter(person(60, cut=40, wave=41), FilterSettings(particles=400), parameters)
        said.append((run.usual, run.run()))
    assert said[1][0] == pytest.approx(2.0 * said[0][0])
    assert said[0][1].withdrawal.max() > 0.5
    np.testing.assert_allclose(said[1][1].withdrawal, said[0][1].withdrawal, atol=1e-3)
    np.testing.assert_allclose(said[1][1].lately, said[0][1].lately, atol=1e-3)


def in_units_half_as_large(rows: int) -> dict[str, np.ndarray]:
    """The withdrawal block of the first set in another unit."""
    prior = load_parameters("literature-2026").draws(rows, 5)
    weights = {k: 2.0 * v for k, v in prior.items() if k.startswith("withdrawal_weight.")}
    return weights | {
        f"withdrawal.{k}": prior[f"withdrawal.{k}"] / 2.0 for k in ("mood", "anxiety", "sleep", "somatic")
    }
