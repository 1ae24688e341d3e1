"""One path of a regimen as rules look at it: who is on which drug when, and what is given in each session."""

from __future__ import annotations

from functools import cache, cached_property
from itertools import pairwise
from math import inf

from cotreat.catalogue.drug_table import drug, drugs
from cotreat.catalogue.modality_table import Modality, modalities
from cotreat.regimen.ledger import Item
from cotreat.safety.pack import Pack
from cotreat.safety.paths import Path
from cotreat.safety.timeline import Timeline
from cotreat.safety.truth import Range

PARENTERAL = ("IV", "IM", "SC")
_RHYTHM = 1.5


class Course:
    """One path with a timeline for each drug, and sessions by day.

    ``whole``: the regimen is all that is given, so an order that is over is a stop.
    """

    def __init__(self, path: Path, pack: Pack, whole: bool = False) -> None:
        self.path, self.pack = path, pack
        named = [b.subject for b in path.before] + [i.subject for i in path.items]
        self.drugs = {name: Timeline(path, name, whole) for name in dict.fromkeys(named) if name in _drug_ids()}
        self.sessions: dict[int, list[Item]] = {}
        for item in path.items:
            if item.kind == "session" and not item.sham:
                self.sessions.setdefault(item.day, []).append(item)

    # ---- sessions -----------------------------------------------------------------------------------------------

    def sessions_of(self, word: str, day: int) -> list[Item]:
        """Sessions on a day of a modality, or of a kind of modality."""
        return [i for i in self.sessions.get(day, ()) if word in _names_of(i.subject)]

    def session_days(self, word: str) -> tuple[int, ...]:
        """All days with a session of a modality or a kind, or with a dose of a drug."""
        if word in self.pack.groups or word in _drug_ids():
            members = self.pack.members(word)
            return tuple(sorted({d for name, t in self.drugs.items() if name in members for d in t.days}))
        return tuple(d for d in sorted(self.sessions) if self.sessions_of(word, d))

    def doses_of(self, word: str, day: int) -> list[Item]:
        """Doses on a day of a drug or of a group."""
        members = self.pack.members(word)
        return [i for name, t in self.drugs.items() if name in members for i in t.items if i.day == day]

    # ---- drugs --------------------------------------------------------------------------------------------------

    def of(self, *words: str) -> dict[str, Timeline]:
        """Timelines of the drugs of these words."""
        members = frozenset().union(*(self.pack.members(w) for w in words))
        return {name: t for name, t in self.drugs.items() if name in members}

    def still_acts(self, name: str, day: int) -> bool | None:
        """Whether a drug is taken or has not yet washed out; None between its shortest and longest washout."""
        timeline = self.drugs[name]
        off = timeline.days_since_dose(day) if timeline.spaced else timeline.days_since_last(day)
        if off == 0:
            return True
        washout = self.washout(name)
        if isinstance(washout, Range):
            return True if off <= washout.low else False if off > washout.high else None
        return off <= washout

    def washout(self, name: str) -> float | Range:
        """Days for a drug and its active metabolites to wash out; a range where the half-life is one or not known."""
        lives = self.pack.parameters["washout_half_lives"]
        entry = drug(name)
        if entry.half_life_h is None:
            return Range(0.0, self.pack.parameters["washout_unknown_days"])
        own = entry.half_life_h * lives / 24
        lows = [own, *(m.half_life_h[0] * lives / 24 for m in entry.metabolites if m.half_life_h is not None)]
        highs = [own, *(m.half_life_h[1] * lives / 24 for m in entry.metabolites if m.half_life_h is not None)]
        return max(lows) if max(lows) == max(highs) else Range(max(lows), max(highs))

    @cached_property
    def sedatives(self) -> dict[str, Timeline]:
        """Benzodiazepines and Z-drugs taken at home: single doses given in a clinic are no course that can be cut."""
        found = self.of("sedative")
        return {n: t for n, t in found.items() if not _parenteral(t)}

    def diazepam_mg(self, name: str, amount: float | None) -> float | None:
        """Diazepam equivalent of an amount in mg a day, by the published table that gives the most."""
        if amount == 0:
            return 0.0
        by_weight = name in self.drugs and self.drugs[name].unit not in ("mg", "")
        if amount is None or by_weight:
            return None
        entry = drug(name)
        if entry.diazepam_equivalent is not None:
            return amount * 10 / min(entry.diazepam_equivalent.low_mg, entry.diazepam_equivalent.mg)
        equal = self.pack.diazepam_equivalents.get(name)
        return None if equal is None else amount * 10 / equal

    def sedative_load(self, day: int) -> float | None:
        """Diazepam equivalent a day of all sedatives of the regimen in force on a day; None when one is not known."""
        found = [self.diazepam_mg(n, t.amount(day)) for n, t in self.sedatives.items()]
        return None if None in found else sum(f for f in found if f is not None)

    def sedative_fall(self, day: int, within: float) -> tuple[float | None, float | None]:
        """Fall of the sedative load over the last days: in percent of its highest, and in mg diazepam equivalent."""
        first = day - round(within)
        changes = {c.day for t in self.sedatives.values() for c in t.changes if first < c.day <= day}
        if not changes:
            return 0.0, 0.0
        now = self.sedative_load(day)
        then = [self.sedative_load(d) for d in {first, *changes, *(c - 1 for c in changes)} if d < day]
        if now is not None and None not in then:
            top = max((x for x in then if x is not None), default=now)
            # Doses of a ledger are rounded to 0.001: a fall of exactly the limit must not read as more.
            fall = max(0.0, round(top - now, 3))
            return (round(fall / top * 100, 2), fall) if top > 0 else (0.0, 0.0)
        return self._fall_without_equivalents(day, first)

    def _fall_without_equivalents(self, day: int, first: int) -> tuple[float | None, float | None]:
        """Largest fall of one drug in percent; from an amount not stated to nothing the fall is the whole."""
        falls: list[float | None] = []
        for t in self.sedatives.values():
            now, top = t.amount(day), t.highest(first, day - 1)
            if now == 0 and top != 0:
                falls.append(100.0)
            elif now is None or top is None:
                falls.append(None)
            else:
                falls.append(max(0.0, (top - now) / top * 100) if top else 0.0)
        if 100.0 in falls:
            return 100.0, None if any(t.taking(first) for t in self.sedatives.values()) else 0.0
        return (None if None in falls else max((f for f in falls if f is not None), default=0.0)), None

    def abrupt(self, name: str, day: int) -> bool | None:
        """Whether a drug is stopped at once on a day; None when an order is over and the regimen says no more."""
        t = self.drugs[name]
        change = next((c for c in t.changes if c.day == day and c.kind in ("stop", "end")), None)
        if change is None:
            return False
        if self._replaced(name, day):
            return False
        top = t.highest(self._taper_began(t, day), day - 1)
        share = self.pack.parameters["abrupt_share"]
        gentle = change.old is not None and top is not None and change.old <= share * top + 1e-9
        return False if gentle else True if change.kind == "stop" else None

    def _taper_began(self, t: Timeline, day: int) -> int:
        """Day from which the dose a stop is measured against counts: some weeks back, or where its taper began."""
        first = day - round(self.pack.parameters["abrupt_days"])
        run = next((r for r in t.reductions if r[-1].day == day), ())
        gaps = [b.day - a.day for a, b in pairwise(run)]
        k = len(gaps)
        # A pause ends a taper, unless its steps have lain as far apart before: those of some lie months apart.
        while k and (
            gaps[k - 1] <= self.pack.parameters["taper_pause_days"] or (k > 1 and gaps[k - 1] <= _RHYTHM * gaps[k - 2])
        ):
            k -= 1
        return min(first, run[k].day - 1) if run else first

    def _replaced(self, name: str, day: int) -> bool:
        """Whether another sedative takes over: the load stays at three quarters or more."""
        if name not in self.sedatives:
            return False
        before, after = self.sedative_load(day - 1), self.sedative_load(day)
        return before is not None and after is not None and before > 0 and after >= 0.75 * before

    # ---- which days to look at ----------------------------------------------------------------------------------

    @cached_property
    def days(self) -> tuple[int, ...]:
        """Days on which anything a rule asks about can change: sessions, starts, changes, stops, clinic doses."""
        found = {0, *self.sessions}
        for name, t in self.drugs.items():
            found |= {c.day for c in t.changes}
            if t.days:
                found.add(t.days[0])
            if name in ("ketamine", "esketamine") or _parenteral(t) or (t.gap > 3 and len(t.days) < 200):
                found |= set(t.days)
            if name == "D-cycloserine":
                found |= set(t.days[:60])
        return tuple(sorted(found))

    @property
    def last_day(self) -> float:
        """Last day with anything on it."""
        return max((i.day for i in self.path.items), default=-inf)


def _parenteral(t: Timeline) -> bool:
    if not t.items:
        return False
    details = dict(t.items[0].details)
    return details.get("route") in PARENTERAL or "over_minutes" in details


@cache
def _drug_ids() -> frozenset[str]:
    return frozenset(d.id for d in drugs())


@cache
def modality_of(subject: str) -> Modality | None:
    """The modality of a canonical name, None for a drug."""
    return next((m for m in modalities() if m.id == subject), None)


def _names_of(subject: str) -> tuple[str, ...]:
    found = modality_of(subject)
    return (subject,) if found is None else (found.id, found.kind)
