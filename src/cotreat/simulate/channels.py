"""Which inputs a regimen needs, and a refusal where the model has none.

The model sees channels, not words: a drug with its half-life and the curve of its effect, a stimulation with the yield
it shares. What the language can say but the model cannot forecast is refused by name; a qualifier that the model does
not distinguish is reported, not dropped in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cotreat.catalogue import drug as find_drug
from cotreat.catalogue import modality as find_modality
from cotreat.measures.errors import InputError
from cotreat.model.patient import Channels, DrugChannel
from cotreat.regimen.ledger import Item, Ledger

ANTIDEPRESSANT_CLASSES = frozenset({"SSRI", "SNRI", "TCA", "NaSSA", "NDRI", "multimodal"})
STIMULATIONS = frozenset({"ect", "tms"})
TYPICAL_LEVEL = {"nortriptyline": 100.0, "lithium": 0.7}
"""Level with effect 1: middle of 75-125 ng/mL, and 0.7 mmol/L (Sackeim 2001)."""
ASSUMED_OCCUPANCY = 0.8
"""Occupancy at the usual dose where no curve is published (about 80 % at the minimum dose of an SSRI, Meyer 2004)."""

_DISTINGUISHED = frozenset({"subject"})


def stimulation_of(item: Item) -> str | None:
    """The yield a session shares; None for sham, which gives contact only."""
    return None if item.sham else find_modality(item.subject).pathway


@dataclass(frozen=True)
class Layout:
    """What arms that run together share, so that they also share their compiled kernel."""

    channels: Channels
    tracks: int


def layout_of(ledgers: list[Ledger]) -> Layout:
    """Channels and tracks that serve all ledgers; InputError for what the model cannot forecast."""
    return Layout(channels_of(ledgers), max(len(ledger.first) for ledger in ledgers))


def channels_of(ledgers: list[Ledger]) -> Channels:
    """Channels that serve all ledgers of a comparison.

    Raises
    ------
    InputError
        Something is given that the model cannot forecast.
    """
    drugs: dict[str, DrugChannel] = {}
    stimulations: set[str] = set()
    for ledger in ledgers:
        for before in ledger.before:
            _add_drug(drugs, before.subject, by_level=before.unit in ("ng/mL", "mmol/L"))
        for item in (i for phase in ledger.phases for i in phase.items):
            if item.kind != "session":
                if item.unit == "mg/kg":
                    raise InputError(f"cannot forecast {item.subject} in mg/kg: the model has no effect for it yet")
                _add_drug(drugs, item.subject, by_level=item.kind == "level")
                continue
            modality = find_modality(item.subject)
            if not modality.modelled or modality.pathway not in STIMULATIONS:
                raise InputError(
                    f"cannot forecast {item.subject}: the model has no effect for it",
                    hint="doses and safety can still be looked at: cotreat doses, cotreat check",
                )
            if (name := stimulation_of(item)) is not None:
                stimulations.add(name)
    return Channels(tuple(drugs[k] for k in sorted(drugs)), tuple(sorted(stimulations)))


def ignored_qualifiers(ledgers: list[Ledger]) -> list[str]:
    """Qualifiers that the model does not distinguish, as the reader wrote them."""
    found: dict[str, None] = {}
    for item in (i for ledger in ledgers for phase in ledger.phases for i in phase.items):
        for name, _ in item.details:
            if name not in _DISTINGUISHED:
                found[f"{item.subject}: {re.sub('_', ' ', name)} not modelled"] = None
    return sorted(found)


def _add_drug(drugs: dict[str, DrugChannel], name: str, *, by_level: bool) -> None:
    known = drugs.get(name)
    if known is not None:
        if known.by_level != by_level:
            raise InputError(f"{name} is given both by dose and to a level: say it one way in all arms")
        return
    entry = find_drug(name)
    effect_class = "lithium" if name == "lithium" else "antidepressant"
    if effect_class == "antidepressant" and entry.drug_class not in ANTIDEPRESSANT_CLASSES:
        raise InputError(
            f"cannot forecast {name} ({entry.drug_class}): the model has no effect for it",
            hint="doses and safety can still be looked at: cotreat doses, cotreat check",
        )
    if entry.half_life_h is None:
        raise InputError(f"cannot forecast {name}: its half-life is not known")
    if by_level and name not in TYPICAL_LEVEL:
        raise InputError(f"cannot forecast {name} by level: give a dose")
    typical = TYPICAL_LEVEL[name] if by_level else entry.typical_dose_mg
    if typical is None:
        raise InputError(f"cannot forecast {name}: its usual dose is not known")
    e50: float | None = None
    if by_level:
        e50 = None if name == "lithium" else entry.occupancy.ec50 if entry.occupancy else None
    else:
        curve = entry.occupancy.ed50_mg_per_day if entry.occupancy else None
        e50 = curve if curve is not None else typical * (1.0 - ASSUMED_OCCUPANCY) / ASSUMED_OCCUPANCY
    drugs[name] = DrugChannel(name, effect_class, entry.half_life_h / 24.0, typical, e50, by_level)
