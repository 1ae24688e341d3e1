"""Files of joint draws: the same content back, and one changed byte is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.model.draw_set import About, DrawSet, read_draws, save_draws
from cotreat.model.parameter_set import LINEAR_MOOD, load_parameters
from cotreat.simulate.run import Settings, start_cohort

ABOUT = About("tiny-2026", "fitted for a test", "40 draws", "anything", "2026-11-23", "evidence 1", "cotreat calibrate")
PRIOR = load_parameters("literature-2026")


def values(count: int = 40) -> dict[str, np.ndarray]:
    return {
        k: v for k, v in PRIOR.draws(count, 8).items() if k.startswith(("tilt", "mood", "stored")) and k != LINEAR_MOOD
    }


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("draws") / "tiny.npz"
    save_draws(path, values(), ABOUT)
    return path.read_bytes()


def write(path: Path, **changes: np.ndarray) -> DrawSet:
    save_draws(path, values() | changes, ABOUT)
    found = load_parameters(str(path))
    assert isinstance(found, DrawSet)
    return found


def test_unit_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "tiny.npz"
    checksum = save_draws(path, values(), ABOUT)
    found = load_parameters(str(path))
    assert isinstance(found, DrawSet)
    assert (found.name, found.status, found.checksum, found.origin) == ("tiny-2026", ABOUT.status, checksum, ABOUT)
    assert found.rows.keys() == values().keys()
    for name, expected in values().items():
        assert np.array_equal(found.rows[name], expected.astype(np.float32))
    # NumPy opens it as it is
    with np.load(path) as file:
        assert file["values"].shape == (len(values()), 40)


def test_unit_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    assert save_draws(one, values(), ABOUT) == save_draws(two, dict(reversed(values().items())), ABOUT)
    assert one.read_bytes() == two.read_bytes()
    assert save_draws(two, values(), replace(ABOUT, date="2026-11-24")) != save_draws(one, values(), ABOUT)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@given(st.data())
def test_property_one_flipped_bit_is_found(content: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(content) - 1))
    broken = bytearray(content)
    broken[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(InputError, match="checksum"):
        read_draws(bytes(broken), "tiny.npz")


@pytest.mark.parametrize("cut", [0, 1, 40, 2000])
def test_unit_a_file_cut_short_is_refused(content: bytes, cut: int) -> None:
    with pytest.raises(InputError, match="checksum"):
        read_draws(content[: len(content) - cut - 1], "tiny.npz")


def test_unit_draws_are_rows_of_a_seeded_permutation(tmp_path: Path) -> None:
    known = write(tmp_path / "a.npz")
    few, many = known.draws(10, 3), known.draws(95, 3)
    assert all(np.array_equal(few[k], many[k][:10]) for k in few)
    rows = known.chosen(95, 3)
    assert sorted(rows[:40]) == sorted(rows[40:80]) == list(range(40))
    assert not np.array_equal(rows[:40], rows[40:80])
    assert not np.array_equal(rows[:40], known.chosen(40, 4))
    for name in ("tilt.antidepressant", "mood.escape_time"):  # joint: one row for all parameters
        assert np.array_equal(many[name], known.rows[name][rows].astype(float))


def test_unit_what_the_file_lacks_comes_from_the_prior(tmp_path: Path) -> None:
    known = write(tmp_path / "a.npz")
    assert known.parameters.keys() == PRIOR.parameters.keys()
    assert np.array_equal(known.draws(12, 5)["study.placebo"], PRIOR.draws(12, 5)["study.placebo"])
    assert known.medians()["study.placebo"] == 0
    assert known.medians()["tilt.lithium"] == pytest.approx(np.median(values()["tilt.lithium"]), rel=1e-5)


def test_unit_rivals_side_by_side_and_given_values(tmp_path: Path) -> None:
    flags = np.tile([0.0, 1.0], 20)
    known = write(tmp_path / "a.npz", **{LINEAR_MOOD: flags})
    rows = known.chosen(30, 2)
    assert np.array_equal(known.draws(30, 2)[LINEAR_MOOD], flags[rows])
    fixed = known.with_given({"tilt.antidepressant": np.full(30, 0.5)})
    assert np.all(fixed.draws(30, 2)["tilt.antidepressant"] == 0.5)
    assert np.array_equal(fixed.draws(30, 2)["tilt.lithium"], known.draws(30, 2)["tilt.lithium"])


def test_unit_no_stored_change_and_no_gain_are_allowed(tmp_path: Path) -> None:
    zeros = {k: np.zeros(40) for k in PRIOR.parameters if "_gain." in k} | {"stored.rate": np.zeros(40)}
    known = write(tmp_path / "a.npz", **zeros)
    assert start_cohort("ECT candidates", Settings(patients=40, draws=4), known).shape == (4, 10)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"tilt.aspirin": np.zeros(40)}, "unknown parameter 'tilt.aspirin'"),
        ({"mood.time_constant": np.full(40, 9.0)}, "mood.time_constant must be"),
        ({"tilt.lithium": np.full(40, np.nan)}, "tilt.lithium must be finite"),
        ({"tilt.lithium": np.zeros(39)}, "one number"),
        ({LINEAR_MOOD: np.full(40, 2.0)}, "mood.linear must be"),
    ],
)
def test_unit_wrong_draws_are_not_written(tmp_path: Path, change: dict[str, np.ndarray], word: str) -> None:
    with pytest.raises(InputError, match=word):
        save_draws(tmp_path / "a.npz", values() | change, ABOUT)
    assert not list(tmp_path.iterdir())


def test_unit_another_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(InputError, match="checksum"):
        load_parameters(str(path))


def test_unit_a_wrong_given_value_is_refused() -> None:
    with pytest.raises(InputError, match="no parameter 'x'"):
        PRIOR.with_given({"x": np.zeros(3)})
    with pytest.raises(InputError, match="finite"):
        PRIOR.with_given({"study.placebo": np.array([np.inf])})
    with pytest.raises(InputError, match="given for 3 draws: 4"):
        PRIOR.with_given({"study.placebo": np.zeros(3)}).draws(4, 1)
    assert json.dumps(PRIOR.structure) == '{"mood": "bistable"}'
