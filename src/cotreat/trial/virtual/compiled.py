"""Functions compiled by Numba, kept on disk beside the kernels and not in the source tree."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from cotreat.simulate.kernel.cache import directory

Function = TypeVar("Function", bound=Callable[..., Any])


def _kept() -> str:
    """Where compiled functions are kept: in $COTREAT_CACHE, else in the user's cache directory."""
    own = os.environ.get("COTREAT_CACHE")
    return str((Path(own) if own else directory().parent) / "analyses")


def compiled(function: Function) -> Function:
    """Compile a function without the interpreter lock; where nothing can be kept on disk it is compiled each time."""
    config: Any = numba.config
    made: Any
    before, config.CACHE_DIR = config.CACHE_DIR, _kept()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", numba.NumbaWarning)
            made = numba.njit(cache=True, nogil=True)(function)
    except (OSError, RuntimeError):
        made = numba.njit(nogil=True)(function)
    finally:
        config.CACHE_DIR = before
    return cast(Function, made)
