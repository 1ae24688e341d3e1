"""Cotreat: when should each part of a combined treatment of depression come, and how should it be given?

    import cotreat as ct
    after_ect = ct.regimen("ECT bitemporal 3 times a week until remission, at most 12 sessions")
    run = ct.simulate(after_ect, population="ECT candidates", patients=2_000, draws=20, seed=1)
    print(run.relapse(by="26 weeks"))

Research and decision support, not a medical device.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cotreat.trial.api import compare as compare

_CALLABLE_ROOMS = ("plan", "regimen", "simulate")
_HOMES = {"compare": "cotreat.trial.api", "InputError": "cotreat.measures.errors"}

__all__ = ["InputError", "__version__", "compare", "plan", "regimen", "simulate"]


def __getattr__(name: str) -> Any:
    # Heavy imports late: `import cotreat` costs nothing until something is used.
    if name in _CALLABLE_ROOMS:
        return import_module(f"cotreat.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cotreat' has no attribute {name!r}")
