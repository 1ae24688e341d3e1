"""The parts a drug's entry is made of.

Everything that is not known is None or an empty tuple, never a default; every figure carries a mark
(``cotreat.measures.mark``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark

Language = Literal["en", "ja", "ko"]
Country = Literal["US", "EU", "UK", "IT", "JP", "KR"]
Release = Literal["immediate", "extended", "delayed", "weekly"]


@dataclass(frozen=True, slots=True)
class Name:
    """One name of a drug. ``not_accepted`` says why a sentence may not use it, or is None."""

    word: str
    language: Language
    kind: Literal["generic", "brand"]
    mark: Mark
    not_accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Target occupancy against dose: ``emax * dose / (ed50 + dose)``.

    ``emax`` in percent, ``ed50_mg_per_day`` in mg a day (mg for a single dose), ``ec50`` in ``ec50_unit``. A curve
    with state "single dose" does not describe a steady state. A fitted maximum above 100 % is kept as published and
    clipped where it is used.
    """

    target: str
    region: str | None
    emax: float | None
    ed50_mg_per_day: float | None
    ec50: float | None
    ec50_unit: str | None
    state: Literal["steady state", "single dose"]
    mark: Mark
    source: str
    note: str

    @property
    def usable(self) -> bool:
        """True when this is a whole curve at steady state: maximum and half-maximal dose both known."""
        return self.emax is not None and self.ed50_mg_per_day is not None and self.state == "steady state"

    def _curve(self) -> tuple[float, float]:
        if self.emax is None or self.ed50_mg_per_day is None or not self.usable:
            raise InputError(f"no steady-state occupancy curve of {self.target} on file ({self.source}: {self.note})")
        return self.emax, self.ed50_mg_per_day

    def percent(self, mg_per_day: float) -> float:
        """Occupancy in percent at a daily dose at steady state, at most 100; InputError when the curve is not known."""
        emax, ed50 = self._curve()
        if mg_per_day < 0:
            raise InputError(f"a dose cannot be negative: {mg_per_day:g} mg")
        return min(100.0, emax * mg_per_day / (ed50 + mg_per_day))

    def dose_for(self, percent: float) -> float:
        """Daily dose in mg that occupies ``percent`` of the target; InputError at or above the maximum of the curve."""
        emax, ed50 = self._curve()
        if not 0 <= percent < min(100.0, emax):
            raise InputError(
                f"{percent:g} % occupancy of {self.target} is outside the curve (0 to {min(emax, 100):g} %)"
            )
        return ed50 * percent / (emax - percent)


@dataclass(frozen=True, slots=True)
class LevelRange:
    """Plasma level by which a drug is dosed: a plausible range for a target, and the usual therapeutic range."""

    unit: str
    plausible: tuple[float, float]
    therapeutic: tuple[float, float]
    mark: Mark


@dataclass(frozen=True, slots=True)
class DoseLimits:
    """Bounds of what can be meant, chosen wide to catch slips of unit and digit. They are not clinical limits.

    ``single_mg`` and ``daily_max_mg`` in mg, ``per_kg`` in mg/kg for one dose (None: not dosed by weight).
    """

    single_mg: tuple[float, float]
    daily_max_mg: float
    per_kg: tuple[float, float] | None
    mark: Mark = "project"


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Dose in mg taken as equal to 10 mg of diazepam. Published tables differ: use the interval."""

    mg: float
    low_mg: float
    high_mg: float
    mark: Mark


@dataclass(frozen=True, slots=True)
class Product:
    """One marketed strength. ``form`` None: the source names no form."""

    country: Country
    strength_mg: float
    form: str | None
    release: Release
    mark: Mark

    @property
    def confirmed(self) -> bool:
        """False until somebody has read the strength in a source; a pharmacy list needs a prescriber to confirm it."""
        return self.mark == "seen"

    @property
    def splittable(self) -> bool | None:
        """False for release forms that may not be broken, None when the form is not known."""
        if self.release != "immediate":
            return False
        if self.form is None:
            return None
        return self.form in ("tablet", "chewable tablet")


@dataclass(frozen=True, slots=True)
class Liquid:
    """One marketed liquid. ``country`` None: the source names none."""

    country: Country | None
    mg_per_ml: float
    form: str
    mark: Mark

    @property
    def confirmed(self) -> bool:
        """False until somebody has read the strength in a source."""
        return self.mark == "seen"


@dataclass(frozen=True, slots=True)
class Metabolite:
    """An active metabolite and its half-life range in hours (None: not on file)."""

    name: str
    half_life_h: tuple[float, float] | None
    mark: Mark
    source: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route a sentence may name: IV, IM, oral, nasal, SC. ``bioavailability`` None: not known."""

    route: str
    bioavailability: float | None
    usual: bool
    mark: Mark
