"""Kernels kept on disk: found again, never trusted blindly, never met by a model they were not made from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from cotreat.model.mechanisms import mood
from cotreat.simulate.kernel import cache
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from tests.simulate.ledgers import plain

SETTINGS = Settings(patients=60, draws=3, seed=2, weeks=2)


def run() -> Course:
    return follow(start_cohort("ECT candidates", SETTINGS), plain(()), SETTINGS)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory of kernels, and a process that has compiled none."""
    monkeypatch.setenv("COTREAT_CACHE", str(tmp_path / "kernels"))
    forget(monkeypatch)
    before = dict(sys.modules)
    yield tmp_path / "kernels"
    for name in set(sys.modules) - set(before):
        if name.startswith("cotreat_kernel_"):
            del sys.modules[name]


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_KNOWN", {})
    monkeypatch.setattr(cache, "_NAMED", {})


def hits() -> int:
    (call,) = cache._NAMED.values()
    found: Any = call
    return sum(found.stats.cache_hits.values())


@pytest.mark.slow
def test_unit_a_stored_kernel_is_found_again_and_a_damaged_one_is_made_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run()
    (kept,) = home.iterdir()
    assert hits() == 0
    forget(monkeypatch)
    assert np.array_equal(run().score, first.score)
    assert hits() == 1

    (data,) = kept.rglob("*.nbc")
    for damage in (data.read_bytes()[: data.stat().st_size // 2], b"\0" * data.stat().st_size):
        data.write_bytes(damage)
        forget(monkeypatch)
        assert np.array_equal(run().score, first.score)
        assert hits() == 0
        assert cache._digests(kept) == cache._digests(next(home.iterdir()))
        (data,) = kept.rglob("*.nbc")
    assert [p.name for p in home.iterdir()] == [kept.name]


def test_unit_kernels_that_nobody_uses_are_removed(home: Path) -> None:
    old, new = home / ("0" * 32), home / ("1" * 32)
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    run()
    assert not old.exists()
    assert new.exists()


def test_unit_a_home_that_cannot_be_written_costs_nothing_but_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write_text("a file where the directory should be")
    assert np.isfinite(run().score).all()


def test_unit_without_any_disk_the_kernel_is_made_in_memory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> str:
        raise OSError("no space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    assert np.isfinite(run().score).all()
    assert not home.exists() or not list(home.iterdir())


def test_unit_a_changed_mechanism_never_meets_an_old_kernel(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run()
    flow = mood.flow
    monkeypatch.setattr(mood, "flow", lambda x, a, b: flow(x, a, b) + 0.01 * jnp.tanh(x))
    forget(monkeypatch)
    after = run()
    assert not np.array_equal(before.score[1:], after.score[1:])
    assert len(list(home.iterdir())) == 2


@pytest.mark.slow
def test_unit_two_processes_at_once_do_no_harm(home: Path) -> None:
    code = (
        "from tests.simulate.test_kernel_cache import run; import numpy as np; "
        "print(np.asarray(run().score, float).sum())"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        for _ in range(2)
    ]
    said = [p.communicate(timeout=240)[0] for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert said[0] == said[1]
    assert len(list(home.iterdir())) == 1
