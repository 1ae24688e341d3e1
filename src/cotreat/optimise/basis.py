"""What an answer about timing rests on: trials that moved the drug around the stimulation, or the model alone."""

from __future__ import annotations

from functools import cache

from cotreat.catalogue import drug as find_drug
from cotreat.catalogue import modality
from cotreat.evidence.arms import arm_ledger, run_in_ledger
from cotreat.evidence.load import studies
from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.plan import is_modality
from cotreat.simulate.channels import EFFECT_CLASS, EFFECT_OF_DRUG, LIKE_SESSIONS, STIMULATION_KINDS

_APART = 7
_LATER = 10_000


def pathway(subject: str) -> str | None:
    """What a stimulation acts through ("ect", "tms", "ketamine"); None for anything else."""
    if subject in LIKE_SESSIONS:
        return "ketamine"
    if is_modality(subject) and modality(subject).kind in STIMULATION_KINDS:
        return modality(subject).kind
    return None


def effect_class(subject: str) -> str | None:
    """The class of effect a drug has in the model; None for a stimulation or a drug without one."""
    if is_modality(subject) or subject in LIKE_SESSIONS:
        return None
    return EFFECT_OF_DRUG.get(subject) or EFFECT_CLASS.get(find_drug(subject).drug_class)


def timing_trials(stimulation: str, drug: str) -> tuple[str, ...]:
    """Packaged trials with two arms that differ in when a drug of this class starts around this kind of stimulation."""
    way, kind = pathway(stimulation), effect_class(drug)
    if way is None or kind is None:
        return ()
    found = []
    for study in studies().values():
        if study.use == "fit" and study.design.startswith("rct"):
            starts = [s for key in study.arms if (s := _start(study, key, way, kind)) is not None]
            if starts and max(starts) - min(starts) >= _APART:
                found.append(study.id)
    return tuple(sorted(found))


@cache
def _arm(study_id: str, key: str) -> Ledger | None:
    study = studies()[study_id]
    try:
        if study.starts(key) == "after run-in" and run_in_ledger(study) is not None:
            return None  # everybody had the same stimulation before: its start was not moved
        return arm_ledger(study, key)
    except InputError:
        return None


def _start(study: Study, key: str, way: str, kind: str) -> int | None:
    """First day of the drug from the first session in an arm; a late number when it waits for a decision."""
    ledger = _arm(study.id, key)
    if ledger is None or any(effect_class(b.subject) == kind for b in ledger.before):
        return None
    first = [i for p in ledger.first for i in ledger.phases[p].items]
    sessions = [i.day for i in first if pathway(i.subject) == way and not i.sham]
    if not sessions:
        return None
    early = [i.day for i in first if effect_class(i.subject) == kind]
    if early:
        return min(early) - min(sessions)
    later = [i for p in ledger.phases for i in p.items if effect_class(i.subject) == kind]
    return _LATER if later else None
