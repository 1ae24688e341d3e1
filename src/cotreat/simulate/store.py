"""Finished parts of a long run, kept on disk, so that a run that was cut off goes on where it stopped.

A part is a function of its description alone. Parts of one run lie in a folder named by a digest of all that the run
depends on: what is simulated, the code, the libraries, the processor. So what is read back is what would be computed
again, bit for bit. A part is written under another name and renamed when it is complete, with a checksum that is
verified when it is read; a damaged part is made again. A folder that cannot be written costs time, never a result.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import os
import platform
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cotreat.simulate.chunks import Engine, Job, Output, People

Arrays = dict[str, np.ndarray]
Runner = Callable[[People, Output], None]

KEEP_AFTER = 5.0
"""Seconds a run must have lasted before its parts are kept, unless it is asked to resume."""
_UNUSED_SECONDS = 30 * 24 * 3600.0
_CHECKSUM = hashlib.sha256().digest_size


def silent(_: str) -> None:
    """Tell nobody."""


class Store:
    """Parts of one run by name; used as a context that removes them once the run has succeeded.

    ``key`` names the run (see ``key_of``). ``resume``: parts of an earlier run are used, and every part is kept from
    the beginning; otherwise the run starts anew. ``tell`` takes one line for the user.
    """

    def __init__(self, key: str, *, resume: bool = False, tell: Callable[[str], None] = silent) -> None:
        self.home = directory() / key
        self.found = 0
        self._resume, self._tell = resume, tell
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._writes = True
        if not resume:
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, trace: TracebackType | None) -> None:
        stopped = kind is not None and (kind is MemoryError or not issubclass(kind, Exception))
        if not stopped:
            shutil.rmtree(self.home, ignore_errors=True)
        elif self.home.exists():
            self._tell("finished parts of this run are kept: the same command with --resume goes on from there")

    def get(self, name: str) -> Arrays | None:
        """A finished part, or None."""
        path = self.home / name
        if not self._resume:
            return None
        try:
            payload = read_checked(path)
            if payload is None:
                return None
            with np.load(io.BytesIO(payload), allow_pickle=False) as file:
                part = {k: file[k] for k in file.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            self._tell("a stored part of this run is damaged: it is made again")
            return None
        with self._lock:
            self.found += 1
        return part

    def put(self, name: str, part: Arrays) -> None:
        """Keep a finished part, once the run has lasted long enough for that to be worth while."""
        if not self._writes or not (self._resume or time.monotonic() - self._began > KEEP_AFTER):
            return
        content = io.BytesIO()
        np.savez(content, **part)  # type: ignore[arg-type, unused-ignore]
        try:
            with self._lock:
                if not self.home.exists():
                    _remove_unused(self.home.parent)
                    self.home.mkdir(parents=True, exist_ok=True)
            write_checked(self.home / name, content.getvalue())
        except OSError as error:
            if self._writes:
                self._writes = False
                self._tell(f"finished parts cannot be kept in {self.home.parent}: {error.strerror or error}")

    def through(self, job: Job, engine: Engine, run: Runner, people: People, out: Output) -> None:
        """Run a chunk and keep what it gives, or fill the output with what was kept."""
        name = _name_of_chunk(job, engine, people)
        kept = self.get(name)
        into = {f.name: getattr(out, f.name) for f in fields(out)}
        shapes = {k: (*v.shape[:-1], len(people.lanes)) for k, v in into.items()}
        if kept is not None and {k: v.shape for k, v in kept.items()} == shapes:
            for k, v in kept.items():
                into[k][..., people.lanes] = v
            return
        run(people, out)
        self.put(name, {k: v[..., people.lanes] for k, v in into.items()})


def write_checked(path: Path, payload: bytes) -> None:
    """Write a file that is whole or not there, with the checksum of what it holds; OSError when it cannot be."""
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(payload).digest() + payload)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def read_checked(path: Path) -> bytes | None:
    """What such a file holds; None when it is not there, ValueError when it is damaged."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(raw[_CHECKSUM:]).digest() != raw[:_CHECKSUM]:
        raise ValueError("the checksum does not match")
    return raw[_CHECKSUM:]


def directory() -> Path:
    """Where unfinished runs are kept: in $COTREAT_CACHE, else in the user's cache directory."""
    from cotreat.simulate.kernel import cache as kernels

    own = os.environ.get("COTREAT_CACHE")
    return (Path(own) if own else kernels.directory().parent) / "runs"


def key_of(*description: Any) -> str:
    """Digest of what a run depends on: its description (by its ``repr``), the code, the libraries and the processor."""
    text = "\0".join([*(repr(d) for d in description), _surroundings()])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@cache
def _surroundings() -> str:
    """The code of this package, and the libraries and the processor that decide how it rounds."""
    from llvmlite import binding  # type: ignore[import-untyped, unused-ignore]

    code = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        code.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scipy", "jax", "numba", "llvmlite")]
    processor = (platform.machine(), binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten())
    return "\0".join([code.hexdigest(), platform.python_version(), *versions, *processor])


def digest(*arrays: np.ndarray) -> str:
    """Digest of arrays: their types, shapes and bits."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _name_of_chunk(job: Job, engine: Engine, people: People) -> str:
    """Digest of a chunk: its job and its patients."""
    plain = (engine, job.channels, job.weeks, job.seed, job.stage, job.freeze, job.visit_days, list(people.constants))
    tables = [getattr(job.tables, f.name) for f in fields(job.tables) if f.name != "start"]
    patients = (people.entry, people.lanes, people.patient, people.draw, people.baseline)
    return key_of(plain, job.tables.start, digest(*tables, *people.constants.values(), *patients))


def _remove_unused(home: Path) -> None:
    """Runs that nobody has gone on with for a month."""
    with contextlib.suppress(OSError):
        for old in home.iterdir():
            if old.stat().st_mtime < time.time() - _UNUSED_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
