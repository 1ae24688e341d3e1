"""Finished parts on disk: whole or not there, verified when read, gone when the run has succeeded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cotreat.simulate import store as stores
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.store import Store, digest, key_of
from tests.simulate.ledgers import until_remission

PART = {"counts": np.arange(6).reshape(2, 3), "sums": np.array([0.1, np.inf])}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stores, "directory", lambda: tmp_path / "runs")
    return tmp_path / "runs"


def equal(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> bool:
    return one.keys() == two.keys() and all(
        np.array_equal(one[k], two[k]) and one[k].dtype == two[k].dtype for k in one
    )


def put_and(stop: type[BaseException], tell: Callable[[str], None] = stores.silent) -> None:
    """A run that keeps a part and is then cut off."""
    with Store("run", resume=True, tell=tell) as store:
        assert store.get("a") is None
        store.put("a", PART)
        raise stop


def test_unit_a_part_comes_back_bit_for_bit(home: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        put_and(KeyboardInterrupt)
    assert [p.name for p in (home / "run").iterdir()] == ["a"]
    with Store("run", resume=True) as again:
        found = again.get("a")
        assert found is not None
        assert equal(found, PART)
        assert again.found == 1
    assert not (home / "run").exists()


def test_unit_a_run_that_is_not_resumed_starts_anew(home: Path) -> None:
    Store("run", resume=True).put("a", PART)
    fresh = Store("run")
    assert fresh.get("a") is None
    assert not (home / "run").exists()


def test_unit_a_short_run_writes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("run")
    store.put("a", PART)
    assert not home.exists()
    monkeypatch.setattr(stores, "KEEP_AFTER", 0.0)
    store.put("a", PART)
    assert (home / "run" / "a").exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_unit_a_damaged_part_is_noticed_and_made_again(home: Path, damage: str) -> None:
    Store("run", resume=True).put("a", PART)
    path = home / "run" / "a"
    raw = bytearray(path.read_bytes())
    raw[-9] ^= 1
    path.write_bytes({"cut": bytes(raw[:60]), "flipped": bytes(raw), "empty": b"", "other": os.urandom(400)}[damage])
    said: list[str] = []
    store = Store("run", resume=True, tell=said.append)
    assert store.get("a") is None
    assert said == ["a stored part of this run is damaged: it is made again"]
    store.put("a", PART)
    found = store.get("a")
    assert found is not None
    assert equal(found, PART)


def test_unit_an_error_leaves_nothing_and_an_interruption_says_how_to_go_on(home: Path) -> None:
    said: list[str] = []
    with pytest.raises(ZeroDivisionError):
        put_and(ZeroDivisionError, said.append)
    assert not (home / "run").exists()
    assert said == []
    with pytest.raises(KeyboardInterrupt):
        put_and(KeyboardInterrupt, said.append)
    assert len(said) == 1
    assert "--resume" in said[0]


def test_unit_a_folder_that_cannot_be_written_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(stores, "directory", lambda: tmp_path / "file")
    said: list[str] = []
    store = Store("run", resume=True, tell=said.append)
    store.put("a", PART)
    store.put("b", PART)
    assert len(said) == 1
    assert "cannot be kept" in said[0]


def test_unit_runs_that_nobody_goes_on_with_are_removed(home: Path) -> None:
    Store("old", resume=True).put("a", PART)
    os.utime(home / "old", (0, 0))
    Store("new", resume=True).put("a", PART)
    assert [p.name for p in home.iterdir()] == ["new"]


def test_unit_a_digest_tells_types_shapes_and_bits() -> None:
    a = np.array([[1.0, 2.0]])
    others = (a.T, a.astype(np.float32), np.array([[1.0, np.nextafter(2.0, 3.0)]]), np.array([[-1.0, 2.0]]))
    assert len({digest(a), *map(digest, others)}) == 5
    assert digest(a) == digest(np.asfortranarray(a))
    assert key_of("a", 1) != key_of("a", 2)


def test_unit_chunks_read_back_are_those_that_were_computed(home: Path) -> None:
    settings = Settings(patients=300, draws=3, seed=2, weeks=2)
    cohort = start_cohort("ECT candidates", settings)

    def run(store: Store | None, seed: int = 2) -> Course:
        return follow(cohort, until_remission(), replace(settings, store=store, seed=seed))

    plain = run(None)
    first = Store("run", resume=True)
    run(first)
    files = sorted(p.name for p in (home / "run").iterdir())
    assert first.found == 0
    assert files
    again = Store("run", resume=True)
    read = run(again)
    assert again.found == len(files)
    assert np.array_equal(read.score, plain.score)
    assert np.array_equal(read.sessions, plain.sessions)
    assert all(np.array_equal(read.state[k], plain.state[k]) for k in plain.state)
    # other luck is another run: nothing of the first is taken for it
    other = Store("run", resume=True)
    assert not np.array_equal(run(other, seed=3).score, plain.score)
    assert other.found == 0
