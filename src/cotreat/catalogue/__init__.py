"""Drugs and modalities: what a regimen may name, and what is known about each, as data.

``drug(name)`` and ``modality(name)`` look one up under any of its names; ``drugs()`` and ``modalities()`` list them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotreat.catalogue.drug_table import Drug, drug, drugs
    from cotreat.catalogue.modality_table import Modality, modalities, modality

__all__ = ["Drug", "Modality", "drug", "drugs", "modalities", "modality"]

_HOME = {"Drug": "drug_table", "drug": "drug_table", "drugs": "drug_table"} | {
    "Modality": "modality_table",
    "modalities": "modality_table",
    "modality": "modality_table",
}


def __getattr__(name: str) -> object:
    # Read on first use, so that importing the package costs nothing.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"cotreat.catalogue.{_HOME[name]}"), name)
