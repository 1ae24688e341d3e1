"""Which published trials have an arm like one of a comparison, and whether a trial has both arms of a contrast.

Two arms are alike when the same things are given: drugs and stimulations, real or sham, in the run-in or in the arm,
whatever their dose, length or order. That is a list to read on, not a claim that the arms are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from cotreat.evidence.arms import arm_ledger, run_in_ledger
from cotreat.evidence.load import studies
from cotreat.measures.errors import InputError
from cotreat.regimen.ledger import Ledger

Given = frozenset[tuple[str, bool]]
"""What is given: (subject, whether it is a sham)."""


@dataclass(frozen=True)
class PublishedArm:
    """An arm of a packaged study and what it gives."""

    study: str
    arm: str
    given: Given


def given(*ledgers: Ledger) -> Given:
    """What the ledgers give, and what was taken before."""
    items = {(i.subject, i.sham) for ledger in ledgers for phase in ledger.phases for i in phase.items}
    return frozenset(items | {(b.subject, False) for ledger in ledgers for b in ledger.before})


@cache
def published_arms() -> tuple[PublishedArm, ...]:
    """Every arm of the packaged studies that can be written as a regimen."""
    found: list[PublishedArm] = []
    for study in studies().values():
        if study.use != "fit":
            continue
        for key in study.arms:
            try:
                ledgers = [arm_ledger(study, key)]
                if study.starts(key) == "after run-in" and (run_in := run_in_ledger(study)) is not None:
                    ledgers.append(run_in)
            except InputError:
                continue
            found.append(PublishedArm(study.id, key, given(*ledgers)))
    return tuple(found)


def alike(ledger: Ledger) -> list[str]:
    """Packaged studies with an arm that gives the same things."""
    wanted = given(ledger)
    return sorted({a.study for a in published_arms() if a.given == wanted}) if wanted else []


def direct_trials(one: Ledger, other: Ledger) -> list[str]:
    """Packaged studies that hold an arm like each of the two; arms that give the same things need two such arms."""
    wanted = (given(one), given(other))
    by_study: dict[str, list[Given]] = {}
    for arm in published_arms():
        by_study.setdefault(arm.study, []).append(arm.given)
    need = {g: wanted.count(g) for g in wanted}
    return sorted(s for s, arms in by_study.items() if all(arms.count(g) >= n for g, n in need.items()))
