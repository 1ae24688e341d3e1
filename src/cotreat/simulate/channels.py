"""Which inputs a regimen needs, and a refusal where the model has none.

The model sees channels, not words: a drug with its half-life and the curve of its effect, a stimulation with the yield
it shares. What the language can say but the model cannot forecast is refused by name; a qualifier that the model does
not distinguish is reported, not dropped in silence.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from cotreat.catalogue import Drug
from cotreat.catalogue import drug as find_drug
from cotreat.catalogue import modality as find_modality
from cotreat.measures.errors import InputError
from cotreat.model.effects import DRUG_ROLES, FELT_INFUSION, INERT_INFUSION, STIMULATION_ROLES, WITHDRAWAL
from cotreat.model.patient import Channels, DrugChannel
from cotreat.regimen.ledger import Item, Ledger, Phase

EFFECT_CLASS = {
    "SSRI": "antidepressant",
    "SNRI": "antidepressant",
    "TCA": "antidepressant",
    "NaSSA": "antidepressant",
    "NDRI": "antidepressant",
    "multimodal": "antidepressant",
    "antipsychotic": "antipsychotic",
    "benzodiazepine": "benzodiazepine",
    "thienodiazepine": "benzodiazepine",
    "stimulant": "stimulant",
    "NMDA glycine-site partial agonist": "d-cycloserine",
    "glutamate modulator": "glutamate modulator",
    "anticonvulsant": "anticonvulsant",
}
"""Class of the catalogue to class of effect in the model; a class that is not here cannot be forecast."""
EFFECT_OF_DRUG = {"lithium": "lithium", "valproate": "anticonvulsant", "lamotrigine": "anticonvulsant"}
KETAMINE = frozenset({"ketamine", "esketamine"})
LIKE_SESSIONS = KETAMINE
"""Drugs whose doses act like sessions: each gives a transient, a labile change and a window."""
HALF_EFFECT = {"mg/kg": 0.5, "mg": 84.0}
"""Dose of ketamine (mg/kg i.v.) and esketamine (mg nasal) with strength 1; twice the dose gives 1.33."""
TYPICAL_LEVEL = {"nortriptyline": 100.0, "lithium": 0.7}
"""Level with effect 1: middle of 75-125 ng/mL, and 0.7 mmol/L (Sackeim 2001)."""
ASSUMED_OCCUPANCY = 0.8
"""Occupancy at the usual dose where no curve is published (about 80 % at the minimum dose of an SSRI, Meyer 2004)."""
CHANGES = frozenset({"cut", "stop", "switch"})
"""Marks of a ledger that a patient takes as a change of the drug."""
DISGUISED = "capsules"
"""Subject of a mark that stands for an exchange of capsules or tablets in a blinded trial."""
STIMULATION_KINDS = frozenset({"tms", "ect", "tdcs"})
"""Kinds of modality whose last session, real or sham, ends an acute course."""


def session_of(item: Item) -> tuple[str, float] | None:
    """The kind of session an item counts as and its strength; None for a drug that is not one, and for sham.

    Sham gives contact only.
    """
    if item.sham:
        return None
    if item.kind == "session":
        return find_modality(item.subject).pathway, 1.0
    if item.subject in LIKE_SESSIONS and item.kind == "dose":
        return "ketamine", 2.0 * item.amount / (item.amount + HALF_EFFECT[item.unit])
    return None


def infusion_of(item: Item) -> str | None:
    """What a patient notices of a dose of ketamine or of what is given in its place; None for anything else.

    In place of ketamine stands saline or an empty spray, unless the item says ("placebo", "active").
    """
    if item.subject not in LIKE_SESSIONS or item.kind != "dose":
        return None
    return INERT_INFUSION if item.sham and ("placebo", "active") not in item.details else FELT_INFUSION


def changes_of(ledger: Ledger, number: int) -> tuple[int, ...]:
    """Days of a phase on which a drug that can be missed is changed, or seems to be to the patient.

    These are its cuts, stops and switches; and in the phases a ledger starts with, day 0 when a drug taken before is
    not given any more.
    """
    phase = ledger.phases[number]
    days = {mark.day for mark in phase.marks if mark.kind in CHANGES and can_be_missed(mark.subject)}
    if number == ledger.first[0]:
        first = [ledger.phases[k] for k in ledger.first]
        stopped = [b.subject for b in ledger.before if not any(_gives(p, b.subject) for p in first)]
        days |= {0} if any(can_be_missed(name) for name in stopped) else set()
    return tuple(sorted(days))


def _gives(phase: Phase, subject: str) -> bool:
    return any(i.subject == subject and i.day == 0 for i in phase.items)


def can_be_missed(name: str) -> bool:
    """Whether a drug leaves withdrawal behind when it goes."""
    if name == DISGUISED:
        return True
    if name in LIKE_SESSIONS:
        return False
    try:
        return WITHDRAWAL in DRUG_ROLES.get(_effect_class(find_drug(name)) or "", ())
    except InputError:
        return False


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
    sessions: set[str] = set()
    infusions: set[str] = set()
    for ledger in ledgers:
        for before in ledger.before:
            if before.subject not in LIKE_SESSIONS:
                _add_drug(drugs, before.subject, by_level=before.unit in ("ng/mL", "mmol/L"))
        for item in (i for phase in ledger.phases for i in phase.items):
            if item.kind == "session":
                _check_session(item.subject)
            elif item.subject not in LIKE_SESSIONS:
                if item.unit not in ("mg", "ng/mL", "mmol/L"):
                    raise InputError(f"cannot forecast {item.subject} in {item.unit}: give mg or a level")
                _add_drug(drugs, item.subject, by_level=item.kind == "level")
            if (found := session_of(item)) is not None:
                sessions.add(found[0])
            if (infusion := infusion_of(item)) is not None:
                infusions.add(infusion)
    changes = any(changes_of(ledger, k) for ledger in ledgers for k in range(len(ledger.phases)))
    return Channels(tuple(drugs[k] for k in sorted(drugs)), tuple(sorted(sessions)), tuple(sorted(infusions)), changes)


def ends_acute_course(item: Item) -> bool:
    """Whether an item belongs to the acute course: stimulation or its sham, or a dose of ketamine."""
    if item.kind == "session":
        return find_modality(item.subject).kind in STIMULATION_KINDS
    return item.subject in LIKE_SESSIONS and item.kind == "dose"


def _check_session(subject: str) -> None:
    modality = find_modality(subject)
    if not modality.modelled or modality.pathway not in STIMULATION_ROLES:
        why = f" ({modality.not_modelled})" if modality.not_modelled else ""
        raise InputError(
            f"cannot forecast {subject}: the model has no effect for it{why}",
            hint="doses and safety can still be looked at: cotreat doses, cotreat check",
        )


def ignored_qualifiers(ledgers: list[Ledger]) -> list[str]:
    """Qualifiers that the model does not distinguish, as the reader wrote them."""
    found: dict[str, None] = {}
    for item in (i for ledger in ledgers for phase in ledger.phases for i in phase.items):
        for name, _ in item.details:
            if item.kind == "session" or item.subject in LIKE_SESSIONS:
                found[f"{item.subject}: {re.sub('_', ' ', name)} not modelled"] = None
    return sorted(found)


def _add_drug(drugs: dict[str, DrugChannel], name: str, *, by_level: bool) -> None:
    known = drugs.get(name)
    if known is not None:
        if known.by_level != by_level:
            raise InputError(f"{name} is given both by dose and to a level: say it one way in all arms")
        return
    entry = find_drug(name)
    effect_class = _effect_class(entry)
    if effect_class is None or not entry.modelled:
        raise InputError(
            f"cannot forecast {name} ({entry.drug_class}): the model has no effect for it",
            hint="doses and safety can still be looked at: cotreat doses, cotreat check",
        )
    if entry.half_life_h is None:
        raise InputError(f"cannot forecast {name}: its half-life is not known")
    typical, e50 = _curve(entry, effect_class, by_level=by_level)
    drugs[name] = DrugChannel(name, effect_class, entry.half_life_h / 24.0, typical, e50, by_level)


def _effect_class(entry: Drug) -> str | None:
    return EFFECT_OF_DRUG.get(entry.id) or EFFECT_CLASS.get(entry.drug_class)


def _curve(entry: Drug, effect_class: str, *, by_level: bool) -> tuple[float, float | None]:
    """Typical exposure, and the exposure with half the largest effect (None: a parameter; infinite: linear)."""
    if by_level:
        if entry.id not in TYPICAL_LEVEL:
            raise InputError(f"cannot forecast {entry.id} by level: give a dose")
        curve = entry.occupancy.ec50 if entry.occupancy else None
        return TYPICAL_LEVEL[entry.id], None if effect_class == "lithium" else curve
    if effect_class == "benzodiazepine":
        if entry.diazepam_equivalent is None:
            raise InputError(f"cannot forecast {entry.id}: its diazepam equivalent is not known")
        return entry.diazepam_equivalent.mg, math.inf
    typical = entry.typical_dose_mg
    if typical is None:
        raise InputError(f"cannot forecast {entry.id}: its usual dose is not known")
    known = entry.occupancy.ed50_mg_per_day if entry.occupancy else None
    return typical, known if known is not None else typical * (1.0 - ASSUMED_OCCUPANCY) / ASSUMED_OCCUPANCY
