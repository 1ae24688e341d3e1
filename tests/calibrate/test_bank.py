"""The bank: what is kept, taken up again, and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cotreat.calibrate import bank as banks
from cotreat.calibrate.bank import BankSettings, bank_folder, load_bank, make_bank, sensitive, simulate_points
from cotreat.calibrate.space import Design, Space
from cotreat.evidence.load import load_study
from cotreat.model.parameter_set import load_parameters

KEY = "murrough2013"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BankSettings:
    monkeypatch.setenv("COTREAT_CACHE", str(tmp_path))
    monkeypatch.setattr(banks, "BLOCK", 16)
    return BankSettings(draws=32, patients=12)


@pytest.mark.slow
def test_unit_a_stopped_bank_goes_on_where_it_was(small: BankSettings) -> None:
    done: list[str] = []
    make_bank(small, [KEY], lambda i, n, k: done.append(f"{k} {i}/{n}"))
    assert done == [f"{KEY} 1/2", f"{KEY} 2/2"]
    first = load_bank(small, KEY)
    files = sorted(bank_folder(small).rglob("block-*.npz"))
    files[1].unlink()
    done.clear()
    make_bank(small, [KEY], lambda i, n, k: done.append(f"{k} {i}/{n}"))
    assert done == [f"{KEY} 1/1"]
    again = load_bank(small, KEY)
    assert np.array_equal(first.readings.value, again.readings.value, equal_nan=True)
    assert first.z.shape == (32, len(Space.of(load_parameters())))
    shares = [j for j, level in enumerate(first.table.levels) if not level.mean]
    assert np.isfinite(first.readings.value[:, shares]).mean() > 0.9
    assert not [f for f in bank_folder(small).rglob("*") if f.name.startswith(".part")]


@pytest.mark.slow
def test_unit_parameters_that_matter_are_found() -> None:
    space = Space.of(load_parameters())
    names = {space.names[j] for j in sensitive(load_study(KEY), space)}
    assert {"transient.ketamine", "mood.time_constant", "rating.sd"} <= names
    assert not {"session_yield.ect", "tilt.lithium", "chronicity.mean.well", "withdrawal.dess_background"} & names


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("zarate2012", "transient.onset"),  # read within hours of a dose
        ("oudevoshaar2003", "restart.hazard"),  # a probability, not an event of a patient
        ("rosenbaum1998", "withdrawal.dess_count"),  # symptoms
    ],
)
def test_unit_what_only_some_readings_show_matters_too(study: str, name: str) -> None:
    space = Space.of(load_parameters())
    assert space.index(name) in sensitive(load_study(study), space)


@pytest.mark.slow
def test_property_a_run_in_that_nobody_passes_spoils_only_its_own_point() -> None:
    space = Space.of(load_parameters())
    z = np.zeros((6, len(space)))
    z[2, space.index("session_yield.ect")] = -4.0
    z[2, space.index("chronicity.mean.resistant")] = 4.0
    readings, _ = simulate_points(load_study("sackeim2001"), space.prior, space.values(z), 12, 3)
    relapse = readings.value[:, 1]
    assert np.isnan(relapse[2])
    assert np.isfinite(np.delete(relapse, 2)).all()


def test_unit_another_design_is_another_bank(small: BankSettings) -> None:
    names = {bank_folder(s) for s in (small, BankSettings(patients=13), BankSettings(patients=12, linear=True))}
    names.add(bank_folder(BankSettings(patients=12, design=Design(seed=5))))
    assert len(names) == 4
