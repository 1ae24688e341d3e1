"""From a regimen to one person: tapers over preparations that exist, checked by the safety rules.

plan = cotreat.plan.taper("venlafaxine 225 mg daily", with_tms=True, forms="EU")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotreat.plan.api import taper as taper

__all__ = ["taper"]


def __getattr__(name: str) -> Any:
    # Read on first use, so that importing the package costs nothing.
    if name != "taper":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cotreat.plan.api import taper as found

    return found
