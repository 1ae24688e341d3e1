"""Ledger x patients x parameter draws -> trajectories; called itself, it simulates one regimen.

run = cotreat.simulate(regimen, population="ECT candidates", patients=10_000, draws=100, seed=1)
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotreat.simulate.result import Run


class _Verb(ModuleType):
    """The package is its own verb: ``cotreat.simulate(...)``."""

    def __call__(self, regimen: Any, population: str = "ECT candidates", **options: Any) -> Run:
        from cotreat.simulate.one import simulate

        return simulate(regimen, population, **options)


sys.modules[__name__].__class__ = _Verb
