"""One drug along one path: how much a day, and when it is started, changed and stopped."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import Literal

from cotreat.regimen.ledger import Item
from cotreat.safety.paths import Path

RECOVERY = 3
SAME = 1e-6
ChangeKind = Literal["start", "raise", "cut", "stop", "end"]


@dataclass(frozen=True, slots=True)
class Change:
    """The dose in force changes on ``day`` from ``old`` to ``new`` a day (None: amount not stated).

    "stop" is a stop the regimen orders (stop, the end of a taper or of a switch); "end" is an order that is over
    without a word on what follows. Where the regimen is all that is given, such an end is a stop.
    """

    day: int
    kind: ChangeKind
    old: float | None
    new: float | None


class Timeline:
    """What one drug does along one path.

    Amounts are totals of a day in ``unit`` (mg, mg/kg or a level's unit). ``before``: taken, at steady state, before
    the regimen begins. ``whole``: the regimen is all that is given, so an order that is over is a stop.
    """

    def __init__(self, path: Path, drug: str, whole: bool = False) -> None:
        self.drug, self.whole = drug, whole
        self.items: tuple[Item, ...] = tuple(i for i in path.items if i.subject == drug and not i.sham)
        self.marks = tuple(m for m in path.marks if m.subject == drug)
        self.cut_off = path.cut_off.get(drug)
        totals: dict[int, float] = {}
        for item in self.items:
            totals[item.day] = totals.get(item.day, 0.0) + item.amount
        self.days = sorted(totals)
        self.totals = totals
        self.unit = self.items[0].unit if self.items else ""
        stated = next((b for b in path.before if b.subject == drug), None)
        self.before = stated is not None
        self.before_amount = stated.amount if stated is not None and stated.unit else None
        self.held = frozenset(m.day for m in self.marks if m.kind == "hold")
        self.spared = frozenset(d for day in self.held for d in range(day, _session_after(path, day) + 1))
        self.switched_in = {
            m.day for m in path.marks if m.kind == "switch" and m.subject != drug and m.text.endswith(f" to {drug}")
        }

    @cached_property
    def gap(self) -> int:
        """Days without a dose that do not mean the drug is stopped."""
        steps = sorted(b - a for a, b in pairwise(self.days))
        return max(RECOVERY, 2 * steps[len(steps) // 2]) if steps else RECOVERY

    @cached_property
    def goes_on(self) -> bool:
        """Whether the drug is still given when the horizon cuts the path off."""
        if not self.days:
            return self.before and not any(m.kind in ("stop", "taper end") for m in self.marks)
        if self.cut_off is None:
            return False
        return self.days[-1] >= self.cut_off - self.gap and not any(
            m.kind in ("stop", "taper end") and m.day > self.days[-1] for m in self.marks
        )

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Every change of the dose in force, in order of time. Dips that are made good within 3 days are none."""
        found: list[Change] = []
        if not self.days:
            stop = next((m.day for m in self.marks if m.kind in ("stop", "taper end", "switch")), None)
            return (Change(stop, "stop", self.before_amount, 0.0),) if self.before and stop is not None else ()
        amount: float | None = self.before_amount if self.before else 0.0
        last: int | None = None
        free = [d for d in self.days if d not in self.spared]
        for day in self.days:
            total = self.totals[day]
            if last is not None and day - last > self.gap:
                found.append(Change(last + 1, self._ending(last + 1), amount, 0.0))
                amount = 0.0
            last = day
            if day in self.spared and free:
                # On days with a hold less is taken, yet the dose has not changed.
                if amount != 0:
                    continue
                total = self.totals[next((d for d in free if d > day), free[-1])]
            if amount is not None and abs(total - amount) <= SAME:
                continue
            if amount is not None and 0 < total < amount and self._recovers(day, amount):
                continue
            kind: ChangeKind = "start" if amount == 0 else "raise" if amount is None or total > amount else "cut"
            if not (self.before and amount is None and not found):
                found.append(Change(day, kind, amount, total))
            amount = total
        if not self.goes_on:
            stopped = self.days[-1] + 1
            ordered = [m.day for m in self.marks if m.kind in ("stop", "taper end") and m.day >= stopped]
            found.append(Change(stopped, "stop" if ordered else self._ending(stopped), amount, 0.0))
        return tuple(found)

    def _recovers(self, day: int, amount: float) -> bool:
        return any(self.totals.get(d, 0.0) >= amount - SAME for d in range(day + 1, day + RECOVERY + 1))

    def _ending(self, day: int) -> ChangeKind:
        """A stop when the regimen orders it (a switch crosses over, so its end is ordered too), else an end."""
        if self.whole:
            return "stop"
        ordered = any(m.kind in ("stop", "taper end") and abs(m.day - day) <= 1 for m in self.marks)
        switched = any(m.kind == "switch" and m.day < day for m in self.marks)
        return "stop" if ordered or switched else "end"

    # ---- the dose in force --------------------------------------------------------------------------------------

    def amount(self, day: int) -> float | None:
        """Amount a day in force on a day: 0 when the drug is not being taken, None when it is not stated."""
        if not self.changes:
            if self.days:
                return self.totals[self.days[0]] if self.before or day >= self.days[0] else 0.0
            return self.before_amount if self.before else 0.0
        k = bisect_right(self.changes, day, key=lambda c: c.day)
        if k == 0:
            return self.changes[0].old if self.before else 0.0
        return self.changes[k - 1].new

    def taking(self, day: int) -> bool:
        """Whether the drug is being taken on a day (days between spaced doses and short holds included)."""
        return self.amount(day) != 0.0

    def days_since_last(self, day: int) -> float:
        """Days since the drug was last being taken: 0 while it is, infinite when it has not been taken."""
        if self.taking(day):
            return 0.0
        stops = [c.day for c in self.changes if c.kind in ("stop", "end") and c.day <= day]
        return day - stops[-1] + 1 if stops else inf

    @cached_property
    def spaced(self) -> bool:
        """Whether doses are commonly two days apart or more, so that each acts by itself."""
        return self.gap > RECOVERY

    def days_since_dose(self, day: int) -> float:
        """Days since the last day with a dose; infinite before the first."""
        k = bisect_right(self.days, day)
        return float(day - self.days[k - 1]) if k else inf

    def highest(self, first: int, last: int) -> float | None:
        """Highest amount a day in force from one day to another, both included; None when one is not stated."""
        found = [self.amount(first), *(c.new for c in self.changes if first < c.day <= last)]
        return None if None in found else max(a for a in found if a is not None)

    def cuts(self, after: int, until: int) -> tuple[Change, ...]:
        """Cuts and ordered stops later than one day and not later than another."""
        return tuple(c for c in self.changes if c.kind in ("cut", "stop") and after < c.day <= until)

    def started(self, day: int) -> int | None:
        """Day on which the present use began; None when it goes back to before the regimen."""
        starts = [c.day for c in self.changes if c.kind == "start" and c.day <= day]
        return starts[-1] if starts else None

    @cached_property
    def reductions(self) -> tuple[tuple[Change, ...], ...]:
        """Runs of cuts without a raise or a restart between them; each is one taper."""
        found: list[list[Change]] = []
        fresh = True
        for change in self.changes:
            if change.kind in ("cut", "stop"):
                if fresh:
                    found.append([])
                found[-1].append(change)
                fresh = change.kind == "stop"
            else:
                fresh = True
        return tuple(tuple(run) for run in found)


def _session_after(path: Path, day: int) -> int:
    """Day of the session a hold that begins on a day is for: the next one within a week, else the day itself."""
    return min((i.day for i in path.items if i.kind == "session" and day <= i.day <= day + 7), default=day)
