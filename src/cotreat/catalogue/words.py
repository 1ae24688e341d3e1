"""Every word the treatment language takes from the catalogue, by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from cotreat.catalogue.drug_table import drugs
from cotreat.catalogue.modality_table import advice, modalities, placements, sites
from cotreat.measures.suggest import fold


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Accepted words of each class and the one canonical word each stands for.

    Keys of ``drug``, ``modality``, ``site`` and ``placement`` are words as written in the data, values the canonical
    English word (the ``id`` in the tables). ``advice`` holds words that are refused, with what to write instead.
    """

    drug: Mapping[str, str]
    modality: Mapping[str, str]
    site: Mapping[str, str]
    placement: Mapping[str, str]
    advice: Mapping[str, str]

    def canonical(self, word: str) -> str | None:
        """The canonical word for any accepted word, however it is cased and spaced, or None."""
        return _folded().get(fold(word))


@cache
def words() -> Words:
    """The words of the catalogue, read once."""
    refused = {n.word: n.not_accepted for d in drugs() for n in d.names if n.not_accepted is not None}
    return Words(
        drug=MappingProxyType({w: d.id for d in drugs() for w in d.words()}),
        modality=MappingProxyType({w: m.id for m in modalities() for w in m.words()}),
        site=MappingProxyType({w: s.id for s in sites() for w in s.words}),
        placement=MappingProxyType({w: p.id for p in placements() for w in p.words}),
        advice=MappingProxyType(advice() | refused),
    )


@cache
def _folded() -> Mapping[str, str]:
    w = words()
    return {fold(word): target for table in (w.drug, w.modality, w.site, w.placement) for word, target in table.items()}
