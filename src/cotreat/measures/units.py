"""Units of the treatment language and conversion within a dimension.

Each unit belongs to one dimension and is a fixed multiple of the dimension's base unit: mg for mass, mg a day for a
daily dose, mg/kg for a dose by weight, minutes for time. Plasma levels in ng/mL and mmol/L are different dimensions:
changing one into the other needs a molar mass, which nothing here guesses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean, fold


class Dimension(Enum):
    """What a unit measures."""

    MASS = "mass"
    MASS_PER_WEIGHT = "mass per body weight"
    MASS_PER_DAY = "mass per day"
    MASS_CONCENTRATION = "mass concentration"
    MOLAR_CONCENTRATION = "molar concentration"
    TIME = "time"
    PULSES = "number of pulses"
    FREQUENCY = "frequency"
    CURRENT = "current"
    RESTING_THRESHOLD = "percent of the resting motor threshold"
    ACTIVE_THRESHOLD = "percent of the active motor threshold"
    SESSIONS = "number of sessions"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: the symbol it is printed with, its dimension, and how many base units it is."""

    symbol: str
    dimension: Dimension
    in_base: float


_UNITS = (
    Unit("mg", Dimension.MASS, 1.0),
    Unit("g", Dimension.MASS, 1000.0),
    Unit("mcg", Dimension.MASS, 0.001),
    Unit("mg/kg", Dimension.MASS_PER_WEIGHT, 1.0),
    Unit("mg/day", Dimension.MASS_PER_DAY, 1.0),
    Unit("g/day", Dimension.MASS_PER_DAY, 1000.0),
    Unit("mcg/day", Dimension.MASS_PER_DAY, 0.001),
    Unit("ng/mL", Dimension.MASS_CONCENTRATION, 1.0),
    Unit("mmol/L", Dimension.MOLAR_CONCENTRATION, 1.0),
    Unit("minutes", Dimension.TIME, 1.0),
    Unit("hours", Dimension.TIME, 60.0),
    Unit("days", Dimension.TIME, 1440.0),
    Unit("weeks", Dimension.TIME, 10080.0),
    Unit("pulses", Dimension.PULSES, 1.0),
    Unit("Hz", Dimension.FREQUENCY, 1.0),
    Unit("mA", Dimension.CURRENT, 1.0),
    Unit("% rMT", Dimension.RESTING_THRESHOLD, 1.0),
    Unit("% aMT", Dimension.ACTIVE_THRESHOLD, 1.0),
    Unit("session", Dimension.SESSIONS, 1.0),
)
_OTHER_SPELLINGS = {
    "milligram": "mg",
    "milligrams": "mg",
    "gram": "g",
    "grams": "g",
    "\u03bcg": "mcg",
    "microgram": "mcg",
    "micrograms": "mcg",
    "mg/d": "mg/day",
    "g/d": "g/day",
    "mcg/d": "mcg/day",
    "ug/l": "ng/mL",
    "\u03bcg/l": "ng/mL",
    "meq/l of lithium": "mmol/L",
    "min": "minutes",
    "minute": "minutes",
    "hour": "hours",
    "h": "hours",
    "day": "days",
    "week": "weeks",
    "pulse": "pulses",
    "%rmt": "% rMT",
    "%amt": "% aMT",
    "sessions": "session",
}
_BY_NAME = {fold(u.symbol): u for u in _UNITS}
_BY_NAME |= {fold(name): _BY_NAME[fold(symbol)] for name, symbol in _OTHER_SPELLINGS.items()}


def units(dimension: Dimension | None = None) -> tuple[Unit, ...]:
    """Every unit, of one dimension if said."""
    return tuple(u for u in _UNITS if dimension in (None, u.dimension))


def unit(name: str) -> Unit:
    """The unit of a symbol or a name, whatever its case; InputError, with near names, if unknown."""
    found = _BY_NAME.get(fold(name))
    if found is None:
        raise InputError(f"unknown unit {name!r}", hint=did_you_mean(name, [u.symbol for u in _UNITS]))
    return found


@dataclass(frozen=True, slots=True)
class Quantity:
    """A finite amount with its unit; equal only to the same amount in the same unit."""

    amount: float
    unit: Unit

    def __post_init__(self) -> None:
        if not math.isfinite(self.amount):
            raise InputError(f"an amount in {self.unit.symbol} must be a finite number, not {self.amount}")

    def to(self, symbol: str) -> Quantity:
        """The same quantity in another unit of its dimension; InputError for a unit of another dimension."""
        other = unit(symbol)
        if other.dimension is not self.unit.dimension:
            raise InputError(
                f"{self.unit.symbol} is {self.unit.dimension.value}, {other.symbol} is {other.dimension.value}:"
                " one cannot be turned into the other"
            )
        return Quantity(self.amount * (self.unit.in_base / other.in_base), other)

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit.symbol}"


def quantity(amount: float, symbol: str) -> Quantity:
    """An amount in a unit given by its symbol or name."""
    return Quantity(float(amount), unit(symbol))


def convert(amount: float, from_symbol: str, to_symbol: str) -> float:
    """The number that ``amount`` of one unit is in another of the same dimension."""
    return quantity(amount, from_symbol).to(to_symbol).amount


def dose_in_mg(amount: float, symbol: str, weight_kg: float | None = None) -> float:
    """One dose in mg. A dose by body weight needs ``weight_kg``; InputError without it."""
    found = quantity(amount, symbol)
    if found.unit.dimension is Dimension.MASS_PER_WEIGHT:
        if weight_kg is None:
            raise InputError(f"a dose of {found} needs the body weight")
        if not 20 <= weight_kg <= 400:
            raise InputError(f"a body weight of {weight_kg:g} kg cannot be meant")
        return found.to("mg/kg").amount * weight_kg
    return found.to("mg").amount
