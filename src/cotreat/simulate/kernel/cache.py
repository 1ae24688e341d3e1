"""Compiled kernels, kept on disk for later processes.

A kernel is known by a digest of all it is made from: the traced step, the code that writes it, the compiler and the
processor. So a changed model never meets an old kernel. Each kernel has a directory of its own, which is made under
another name and renamed when it is complete; its files are checked against their digest before they are used. A
directory that cannot be written, read or trusted costs time, never a result: the kernel is then compiled in memory.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from cotreat.simulate.kernel.program import Program
from cotreat.simulate.kernel.source import source

Call = Callable[..., None]

_KNOWN: dict[Hashable, Call] = {}
_NAMED: dict[str, Call] = {}
_LOCK = threading.Lock()
_DIGEST = "digest.json"
_MODULE = "kernel.py"
_UNUSED_SECONDS = 90 * 24 * 3600.0
"""Kernels that nobody has used for so long are removed when another is stored."""


def kernel(key: Hashable, make: Callable[[], Program], arguments: tuple[Any, ...]) -> Call:
    """The compiled kernel of a program, for arguments of these types.

    Parameters
    ----------
    key
        What the program is made from, to find it again in this process.
    make
        Makes the program.
    arguments
        The arguments of a call.
    """
    found = _KNOWN.get(key)
    if found is None:
        with _LOCK:  # one compilation at a time: the compiler has a lock of its own
            found = _KNOWN.get(key)
            if found is None:
                found = _KNOWN[key] = _kernel(make(), arguments)
    return found


def directory() -> Path:
    """Where kernels are kept: $COTREAT_CACHE, else the user's cache directory."""
    if own := os.environ.get("COTREAT_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cotreat" / "kernels"


def name_of(program: Program) -> str:
    """Digest of all that a compiled kernel depends on."""
    import llvmlite  # type: ignore[import-untyped, unused-ignore]
    import numba
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    parts = [repr(getattr(program, f)) for f in program.__dataclass_fields__]
    parts += [p.read_text(encoding="utf-8") for p in sorted(Path(__file__).parent.glob("*.py"))]
    parts += [numba.__version__, llvmlite.__version__, platform.python_version(), platform.platform()]
    parts += [binding.get_host_cpu_name(), features.flatten()]
    parts += [os.environ.get(f"NUMBA_{name}", "") for name in ("CPU_NAME", "CPU_FEATURES", "OPT")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _kernel(program: Program, arguments: tuple[Any, ...]) -> Call:
    from cotreat.simulate.kernel import machine

    name = name_of(program)
    if name in _NAMED:
        return _NAMED[name]
    machine.remember(name, program)
    text = source(program, name)
    try:
        call = _stored(name, text, arguments)
    except Exception:  # whatever is wrong with the files, the kernel can be made without them
        call = _in_memory(name, text, arguments)
    _NAMED[name] = call
    return call


def _stored(name: str, text: str, arguments: tuple[Any, ...]) -> Call:
    home = directory() / name
    if _trusted(home, text):
        with contextlib.suppress(OSError):
            os.utime(home)  # in use
        return _loaded(home, name, arguments)
    staging = _staging(home)
    (staging / _MODULE).write_text(text, encoding="utf-8")
    call = _loaded(staging, name, arguments)
    (staging / _DIGEST).write_text(json.dumps(_digests(staging)), encoding="utf-8")
    _publish(staging, home)
    return call


def _staging(home: Path) -> Path:
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".new-", dir=home.parent))
    except OSError:
        place = Path(tempfile.mkdtemp(prefix="cotreat-"))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        return place


def _publish(staging: Path, home: Path) -> None:
    """Give a complete directory its name; another process may have been first."""
    if staging.parent != home.parent:
        return
    try:
        if home.exists():
            old = Path(tempfile.mkdtemp(prefix=".old-", dir=home.parent))
            home.rename(old / "kernel")
            shutil.rmtree(old, ignore_errors=True)
        staging.rename(home)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
    with contextlib.suppress(OSError):
        for old in home.parent.iterdir():
            if old.stat().st_mtime < time.time() - _UNUSED_SECONDS:
                shutil.rmtree(old, ignore_errors=True)


def _trusted(home: Path, text: str) -> bool:
    try:
        known = json.loads((home / _DIGEST).read_text(encoding="utf-8"))
        return bool(known == _digests(home) and (home / _MODULE).read_text(encoding="utf-8") == text)
    except (OSError, ValueError):
        return False


def _digests(home: Path) -> dict[str, str]:
    files = (p for p in home.rglob("*") if p.is_file() and p.suffix in (".py", ".nbi", ".nbc"))
    return {p.relative_to(home).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def _loaded(home: Path, name: str, arguments: tuple[Any, ...]) -> Call:
    """The kernel of a directory, from its files if they hold it, else compiled into them."""
    title = f"cotreat_kernel_{name}"
    spec = importlib.util.spec_from_file_location(title, home / _MODULE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module  # what is stored refers to its module by name
    spec.loader.exec_module(module)
    module.run.enable_caching()
    return _compiled(module, arguments)


def _in_memory(name: str, text: str, arguments: tuple[Any, ...]) -> Call:
    module = ModuleType(f"cotreat_kernel_{name}")
    exec(compile(text, f"<kernel {name}>", "exec"), module.__dict__)
    return _compiled(module, arguments)


def _compiled(module: ModuleType, arguments: tuple[Any, ...]) -> Call:
    import numba

    call, type_of = module.run, cast(Any, numba.typeof)
    call.compile(tuple(type_of(a) for a in arguments))
    call.disable_compile()
    result: Call = call
    return result
