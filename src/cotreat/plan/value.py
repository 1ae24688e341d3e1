"""A plan as a value: its rows, what they occupy, and the regimen they are. Editing gives a new plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from cotreat.measures.errors import InputError
from cotreat.plan.occupied import Interval, falls, occupancies
from cotreat.plan.portions import Portion
from cotreat.plan.preparations import Preparation
from cotreat.plan.request import Request
from cotreat.plan.scale import Scale
from cotreat.safety.check import Verdict
from cotreat.safety.patient import Patient

if TYPE_CHECKING:
    from cotreat.regimen.values import Regimen

RowKind = Literal["cut", "hold", "step back", "stop"]


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch on one dose, from ``day`` (counted from the start) for ``days``; a stop has no portion and no days.

    ``portion`` is one dose, taken as often a day as the request says. ``aim``: milligrams a day that equal steps would
    have here, None where nothing was aimed at.
    """

    day: int
    days: int
    portion: Portion | None
    kind: RowKind = "cut"
    aim: float | None = None

    @property
    def mg(self) -> float:
        """Milligrams of one dose."""
        return 0.0 if self.portion is None else self.portion.mg


@dataclass(frozen=True)
class Plan:
    """A taper that no rule stops.

    ``rows``: from the first cut to the stop. ``remarks``: what whoever uses it must know. ``verdict``: of the rules on
    the plan for ``patient``: the person of the request with what the plan itself settles. ``preparations``: all it may
    draw on, not only those it uses.
    """

    request: Request
    scale: Scale
    rows: tuple[Row, ...]
    preparations: tuple[Preparation, ...]
    remarks: tuple[str, ...]
    text: str
    verdict: Verdict
    patient: Patient
    stopped: bool = False

    # ---- what it says -------------------------------------------------------------------------------------------

    @property
    def regimen(self) -> Regimen:
        """The plan in the treatment language: what simulation and comparison run."""
        from cotreat.regimen.parse import parse

        return parse(self.text)

    @property
    def doses(self) -> tuple[float, ...]:
        """Milligrams a day: the dose taken now, then one for each row, the stop included."""
        return (self.request.per_day, *(round(r.mg * self.request.times, 4) for r in self.rows))

    @property
    def used(self) -> tuple[Preparation, ...]:
        """Preparations the plan uses, in order of first use."""
        found = {p.key: p for r in self.rows if r.portion is not None for p, _ in r.portion.parts}
        return tuple(found.values())

    @property
    def stop(self) -> date:
        """First day without the drug."""
        return self.date_of(self.rows[-1].day)

    def date_of(self, day: int) -> date:
        """The calendar date of a day counted from the start."""
        return self.request.start + timedelta(days=day)

    @cached_property
    def to_print(self) -> Verdict:
        """The verdict as if the plan were about to be printed, when what should be known by then stops it too."""
        from cotreat.safety.check import CheckOptions, check

        language = self.request.options.language
        asked = CheckOptions(pack=self.request.pack, language=language, printing=True, whole=True)
        return check(self.regimen, self.patient, asked)

    @cached_property
    def occupied(self) -> tuple[tuple[float, Interval] | None, ...]:
        """Occupancy of each of ``doses`` in percent, with its interval; None without a curve."""
        curve = self.scale.curve
        if curve is None:
            return (None,) * len(self.doses)
        intervals = occupancies(self.request.drug, self.doses)
        return tuple((curve.percent(mg), i) for mg, i in zip(self.doses, intervals, strict=True))

    @cached_property
    def steps(self) -> tuple[tuple[float, Interval] | None, ...]:
        """Fall of occupancy into each row in points (below 0: a step back), with its interval; None without a curve."""
        if self.scale.curve is None:
            return (None,) * len(self.rows)
        middle = [o[0] for o in self.occupied if o is not None]
        intervals = falls(self.request.drug, self.doses)
        return tuple((a - b, i) for a, b, i in zip(middle, middle[1:], intervals, strict=False))

    @property
    def evenness(self) -> float | None:
        """Largest step of occupancy over the median one, the last included; None without a curve."""
        falls_only = sorted(s[0] for s in self.steps if s is not None and s[0] > 1e-9)
        if not falls_only:
            return None
        n = len(falls_only)
        median = (falls_only[(n - 1) // 2] + falls_only[n // 2]) / 2
        return falls_only[-1] / median

    # ---- editing ------------------------------------------------------------------------------------------------

    def row_on(self, day: date) -> int:
        """Number of the row in force on a date, counted from 1; the first before the start."""
        behind = [k for k, r in enumerate(self.rows, 1) if self.date_of(r.day) <= day]
        return max(behind, default=1)

    def on(self, today: date) -> Plan:
        """The same plan looked at on another day: edits then concern the row in force on it."""
        return replace(self, request=replace(self.request, today=today))

    def hold(self, weeks: float, row: int | None = None) -> Plan | Refused:
        """The plan with a row held so much longer; later ones move. Without a row, the one in force today."""
        days = round(weeks * 7)
        if not 1 <= days <= 7 * 260:
            raise InputError(f"a hold of {weeks:g} weeks", hint="Hold for 1 day to 260 weeks.")
        k = self._row(row)
        if self.rows[k].portion is None:
            raise InputError("the drug is stopped in that row: there is no dose to hold", hint="Hold an earlier row.")
        held = replace(self.rows[k], days=self.rows[k].days + days, kind="hold")
        return self._with((*self.rows[:k], held, *self.rows[k + 1 :]))

    def step_back(self, row: int | None = None, after_days: int | None = None) -> Plan | Refused:
        """The plan with the dose before a row taken again for one interval, then that row once more, then the rest.

        ``after_days``: days on the row before going back (all of it unless said).
        """
        k = self._row(row)
        here = self.rows[k]
        before = self.rows[k - 1].portion if k else self._starting()
        if before is None:
            raise InputError("the dose before that row cannot be made from the preparations of the plan")
        if after_days is not None and not 1 <= after_days <= max(1, here.days):
            raise InputError(f"the row lasts {here.days} days, not {after_days}")
        stay = after_days if after_days is not None else max(here.days, 1)
        back = Row(0, self.scale.interval_days, before, "step back")
        if here.portion is None:
            # After the stop: some days without, the last dose again, and the stop once more.
            last = Row(0, self.scale.interval_days, before, "step back")
            return self._with((*self.rows[:k], Row(0, stay, None, "stop"), last, here))
        return self._with((*self.rows[:k], replace(here, days=stay), back, here, *self.rows[k + 1 :]))

    def with_dose(self, row: int, mg: float) -> Plan | Refused:
        """The plan with another dose a day in one row, and all later rows planned anew from it.

        InputError when the dose cannot be made, naming the nearest that can, or is not below the one before it.
        """
        from cotreat.plan.make import planned_from, portion_for

        k = self._row(row)
        before = self.doses[k]
        if not 0 <= mg < before:
            raise InputError(
                f"row {row} follows {before:g} mg a day: {mg:g} mg is not below it",
                hint="To go back to an earlier dose, use step_back.",
            )
        if mg == 0:
            return self._with((*self.rows[:k], Row(0, 0, None, "stop")))
        portion = portion_for(self.request, self.preparations, mg)
        fixed = (*self.rows[:k], Row(0, self.rows[k].days or self.scale.interval_days, portion))
        return planned_from(self, fixed, mg)

    def _row(self, row: int | None) -> int:
        number = self.row_on(self.request.today) if row is None else row
        if not 1 <= number <= len(self.rows):
            raise InputError(f"there is no row {number}", hint=f"Rows are numbered 1 to {len(self.rows)}.")
        return number - 1

    def _starting(self) -> Portion | None:
        from cotreat.plan.make import starting_portion

        return starting_portion(self.request, self.preparations)

    def _with(self, rows: tuple[Row, ...]) -> Plan | Refused:
        from cotreat.plan.make import finished

        return finished(self.request, self.scale, rows, self.preparations, self.remarks)

    # ---- documents ----------------------------------------------------------------------------------------------

    def document(self) -> dict[str, Any]:
        """The plan as plain data (docs/plan-document.md)."""
        from cotreat.plan.document import plan_document

        return plan_document(self)

    def __str__(self) -> str:
        from cotreat.plan.text import plan_text

        return plan_text(self.document())


@dataclass(frozen=True)
class Refused:
    """No plan: the reasons, and what would help. ``verdict``: of the rules, when these stop it."""

    request: Request
    reasons: tuple[str, ...]
    would_help: tuple[str, ...] = ()
    verdict: Verdict | None = None
    stopped: bool = True

    def document(self) -> dict[str, Any]:
        """The answer as plain data (docs/plan-document.md)."""
        from cotreat.plan.document import refusal_document

        return refusal_document(self)

    def __str__(self) -> str:
        from cotreat.plan.text import plan_text

        return plan_text(self.document())


def laid_out(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Rows with the day each begins on, one after the other."""
    day, found = 0, []
    for r in rows:
        found.append(replace(r, day=day))
        day += r.days
    return tuple(found)
