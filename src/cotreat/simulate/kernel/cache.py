"""Compiled kernels, kept for later processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

_KNOWN: dict[Hashable, Callable[..., None]] = {}
_LOCK = threading.Lock()


def kernel(key: Hashable, source: Callable[[], str]) -> Callable[..., None]:
    found = _KNOWN.get(key)
    if found is None:
        with _LOCK:
            found = _KNOWN.get(key)
            if found is None:
                space: dict[str, Any] = {}
                exec(source(), space)
                found = _KNOWN[key] = space["run"]
    return found
