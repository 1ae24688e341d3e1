"""The treatment language: sentences, the values they stand for, and the ledger a regimen expands to.

The package is callable: ``regimen("ECT weekly for 4 weeks")`` reads a text and returns a ``Regimen``. Reading,
expanding and showing live in modules of their own and are loaded on first use.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotreat.regimen.values import Regimen


class _Callable(ModuleType):
    """The package as a function from text to regimen."""

    def __call__(self, text: str) -> Regimen:
        from cotreat.regimen.parse import parse

        return parse(text)


sys.modules[__name__].__class__ = _Callable
