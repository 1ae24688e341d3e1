"""What patients of a blinded study believe they are given: placebo infusions, and capsules that were exchanged.

A study file says in words what was given in disguise (``placebo`` of an arm). Where the other arms are given ketamine,
an infusion or spray in its place raises expectation on the same days: much when it can be felt (midazolam), little
when it cannot (saline). Where a blinded study stops or cuts a drug in one arm, the patients of every arm are told that
theirs may have been changed.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cotreat.evidence.schema import Study
from cotreat.regimen.ledger import Item, Ledger, Mark, Phase
from cotreat.simulate.channels import DISGUISED, LIKE_SESSIONS, can_be_missed, changes_of

_INFUSED = re.compile(r"infusion|spray|nasal|saline|injection|midazolam|diphenhydramine|remifentanil|active", re.I)
_FELT = re.compile(r"midazolam|diphenhydramine|remifentanil|an active placebo|active placebo", re.I)


def disguised(study: Study, ledgers: dict[str, Ledger], run_in: Ledger | None) -> dict[str, Ledger]:
    """The ledgers of a study's arms, with what patients were led to believe."""
    model = next((items for ledger in ledgers.values() if (items := _ketamine(ledger))), ())
    blinded = study.design == "rct-double-blind"
    stops = {k: _stops(v, run_in if study.starts(k) == "after run-in" else None) for k, v in ledgers.items()}
    changed = {k: stops[k] or bool(changes_of(v, v.first[0])) for k, v in ledgers.items()}
    told = {k: stops[k] or (blinded and any(changed.values()) and not changed[k]) for k in ledgers}
    return {
        key: _believed(ledger, study.arms[key].placebo or "", model, marked=told[key])
        for key, ledger in ledgers.items()
    }


def _believed(ledger: Ledger, placebo: str, ketamine: tuple[Item, ...], *, marked: bool) -> Ledger:
    if ketamine and _INFUSED.search(placebo) and not _ketamine(ledger):
        ledger = _with_items(ledger, [_in_place_of(item, felt=bool(_FELT.search(placebo))) for item in ketamine])
    return _with_mark(ledger) if marked else ledger


def tapered_on(ledger: Ledger, until: int) -> int | None:
    """First day on which no drug that can be missed is given any more; None where one goes on ``until`` that day.

    Read off the phases the ledger starts with, which must reach beyond ``until``; 0 where no such drug is given. A drug
    that is simply written to the end of the follow-up goes on; one that is tapered or stopped then does not.
    """
    days = [
        item.day
        for number in ledger.first
        for item in ledger.phases[number].items
        if item.kind != "session" and can_be_missed(item.subject)
    ]
    last = max(days, default=-1)
    ends = any(m.kind in ("taper end", "stop") for number in ledger.first for m in ledger.phases[number].marks)
    return None if last + 1 > until or (last + 1 == until and not ends) else last + 1


def _ketamine(ledger: Ledger) -> tuple[Item, ...]:
    items = (i for number in ledger.first for i in ledger.phases[number].items)
    return tuple(i for i in items if i.subject in LIKE_SESSIONS and i.kind == "dose" and not i.sham)


def _in_place_of(item: Item, *, felt: bool) -> Item:
    return replace(item, sham=True, details=(("placebo", "active" if felt else "inert"),))


def _stops(ledger: Ledger, run_in: Ledger | None) -> bool:
    """Whether a drug of the run-in that can be missed is not given on day 0."""
    if run_in is None:
        return False
    given = {i.subject for number in ledger.first for i in ledger.phases[number].items if i.day == 0}
    return any(can_be_missed(name) for name in run_in.subjects if name not in given)


def _with_items(ledger: Ledger, items: list[Item]) -> Ledger:
    first = ledger.phases[ledger.first[0]]
    both = tuple(sorted((*first.items, *items), key=lambda i: (i.day, i.hour)))
    length = None if first.length is None else max(first.length, 1 + max(i.day for i in items))
    return _with_first(ledger, replace(first, items=both, length=length))


def _with_mark(ledger: Ledger) -> Ledger:
    first = ledger.phases[ledger.first[0]]
    mark = Mark(0, "switch", DISGUISED, "capsules exchanged, or said to be")
    return _with_first(ledger, replace(first, marks=(mark, *first.marks)))


def _with_first(ledger: Ledger, phase: Phase) -> Ledger:
    phases = tuple(phase if n == ledger.first[0] else p for n, p in enumerate(ledger.phases))
    return replace(ledger, phases=phases)
