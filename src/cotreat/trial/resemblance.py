"""Which published trials have an arm like one of a comparison, and whether a trial has both arms of a contrast.

Two arms are alike when the same things are given in the same place: stimulations, real or sham, once, as a course, or
weekly and rarer; drugs and therapy with the course or only after it; in the run-in or in the arm, whatever their dose
or length. That is a list to read on, not a claim that the arms are equal. Whether doses and numbers of sessions lie
within what such arms gave is a question of its own (``outside``).
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any, Literal

from cotreat.evidence.arms import arm_ledger, run_in_ledger
from cotreat.evidence.load import studies
from cotreat.measures.errors import InputError
from cotreat.regimen.ledger import Item, Ledger
from cotreat.simulate.channels import ends_acute_course
from cotreat.simulate.store import directory, key_of, read_checked, write_checked

Place = Literal["once", "course", "weekly or rarer", "with the course", "after the course", "alone"]
Part = tuple[str, bool, Place]
"""Something given: (subject, whether it is a sham, where it stands)."""
Given = frozenset[Part]
_SLACK = 4.0 / 3.0
"""Amounts up to a third above, or a quarter below, what published arms gave count as within it."""


@dataclass(frozen=True)
class PublishedArm:
    """An arm of a packaged study: what it gives, and how much of it at most (a day, or sessions in all)."""

    study: str
    arm: str
    given: Given
    amounts: tuple[tuple[Part, str, float], ...]


def given(*ledgers: Ledger) -> Given:
    """What the ledgers give, and what was taken before: an arm, and the run-in before it if there was one."""
    return frozenset(_amounts(*ledgers))


def _amounts(arm: Ledger, run_in: Ledger | None = None) -> dict[Part, tuple[str, float]]:
    """The parts of what is given, each with its unit and the highest daily amount or the number of sessions."""
    ledgers = [arm] if run_in is None else [run_in, arm]
    found: dict[Part, tuple[str, float]] = {}

    def add(part: Part, unit: str, amount: float) -> None:
        found[part] = (unit, max(amount, found.get(part, (unit, 0.0))[1]))

    course = any(ends_acute_course(i) for ledger in ledgers for i in _items(ledger))
    early = {b.subject for ledger in ledgers for b in ledger.before} if course else set()
    for ledger in ledgers:
        early |= _with_course(ledger)
    if run_in is not None:
        early |= {i.subject for i in _items(run_in)} if course else set()
    for ledger in ledgers:
        for before in ledger.before:
            add((before.subject, False, "with the course" if course else "alone"), before.unit, before.amount)
        for phase in ledger.phases:
            for subject, sham in {(i.subject, i.sham) for i in phase.items}:
                items = [i for i in phase.items if (i.subject, i.sham) == (subject, sham)]
                if ends_acute_course(items[0]):
                    for place, sessions in _spaced(items).items():
                        add((subject, sham, place), "sessions", float(sessions))
                else:
                    drug_place: Place = "with the course" if subject in early else "after the course"
                    add((subject, sham, drug_place if course else "alone"), items[0].unit, _most_a_day(items))
    return found


def _items(ledger: Ledger) -> list[Item]:
    return [i for phase in ledger.phases for i in phase.items]


def _with_course(ledger: Ledger) -> set[str]:
    """Drugs and therapy that begin before the last session of the course a ledger starts with."""
    first = [i for k in ledger.first for i in ledger.phases[k].items]
    sessions = [i for i in first if ends_acute_course(i)]
    of_course = [i.day for i in sessions if "weekly or rarer" not in _spaced(sessions)] or [i.day for i in sessions]
    first_day, last = min(of_course, default=0), max(of_course, default=-1)
    # "from the last session" begins on its day and is after the course
    until = last if first_day == last else last - 1
    return {i.subject for i in first if i.day <= until and not ends_acute_course(i)}


def _spaced(items: list[Item]) -> dict[Place, int]:
    """Sessions that stand close together, and those a week or more after the one before."""
    days = sorted(i.day for i in items)
    apart = [b - a >= 7 for a, b in pairwise(days)]
    if len(days) == 1:
        return {"once": 1}
    if all(apart):
        return {"weekly or rarer": len(days)}
    rare = sum(apart)
    found: dict[Place, int] = {"course": len(days) - rare}
    return found | ({"weekly or rarer": rare} if rare else {})


def _most_a_day(items: list[Item]) -> float:
    by_day: dict[int, float] = {}
    for item in items:
        by_day[item.day] = by_day.get(item.day, 0.0) + item.amount
    return max(by_day.values(), default=0.0)


@cache
def published_arms() -> tuple[PublishedArm, ...]:
    """Every arm of the packaged studies that can be written as a regimen.

    Reading them all takes a second, so what was read is kept in the user's cache directory under a digest of the
    studies and of the code.
    """
    path = directory().parent / "published" / key_of("published arms", _studies_digest())
    with suppress(ValueError, TypeError, KeyError):
        if (payload := read_checked(path)) is not None:
            return tuple(_arm_of(row) for row in json.loads(payload))
    found = _read_published()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.iterdir():
            old.unlink()
        write_checked(path, json.dumps([[a.study, a.arm, a.amounts] for a in found]).encode())
    return found


def _arm_of(row: Any) -> PublishedArm:
    study, arm, amounts = row
    rows = tuple(((subject, sham, place), unit, amount) for (subject, sham, place), unit, amount in amounts)
    return PublishedArm(study, arm, frozenset(part for part, _, _ in rows), rows)


def _studies_digest() -> str:
    files = sorted((resources.files("cotreat.evidence") / "studies").iterdir(), key=lambda f: f.name)
    return hashlib.sha256(
        b"\0".join(f.name.encode() + b"\0" + f.read_bytes() for f in files if f.is_file())
    ).hexdigest()


def _read_published() -> tuple[PublishedArm, ...]:
    found: list[PublishedArm] = []
    for study in studies().values():
        if study.use != "fit":
            continue
        for key in study.arms:
            try:
                run_in = run_in_ledger(study) if study.starts(key) == "after run-in" else None
                amounts = _amounts(arm_ledger(study, key), run_in)
            except InputError:
                continue
            rows = tuple((part, unit, amount) for part, (unit, amount) in amounts.items())
            found.append(PublishedArm(study.id, key, frozenset(amounts), rows))
    return tuple(found)


def alike(ledger: Ledger) -> list[str]:
    """Packaged studies with an arm that gives the same things."""
    wanted = given(ledger)
    return sorted({a.study for a in published_arms() if a.given == wanted}) if wanted else []


def outside(ledger: Ledger) -> str | None:
    """Why an arm lies outside what the packaged studies gave, in words; None when it lies within."""
    amounts = _amounts(ledger)
    arms = [a for a in published_arms() if a.given == frozenset(amounts)]
    if not amounts:
        return None
    if not arms:
        return "no published arm of the evidence gives these things together in this order"
    for part, (unit, amount) in sorted(amounts.items()):
        known = [n for a in arms for p, u, n in a.amounts if p == part and u == unit]
        low, high = min(known, default=0.0), max(known, default=0.0)
        if not low / _SLACK <= amount <= high * _SLACK:
            each = "" if unit == "sessions" else " a day"
            span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            return f"{part[0]} {amount:g} {unit}{each}: published arms like this one gave {span}"
    return None


def direct_trials(one: Ledger, other: Ledger) -> list[str]:
    """Packaged studies that hold an arm like each of the two; arms that give the same things need two such arms."""
    wanted = (given(one), given(other))
    by_study: dict[str, list[Given]] = {}
    for arm in published_arms():
        by_study.setdefault(arm.study, []).append(arm.given)
    need = {g: wanted.count(g) for g in wanted}
    return sorted(s for s, arms in by_study.items() if all(arms.count(g) >= n for g, n in need.items()))
