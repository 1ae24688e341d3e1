"""Amounts as the language writes them: times, doses, intensities, and everything a sentence says about how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TimeUnit = Literal["minutes", "hours", "days", "weeks"]

HOURS_OF: dict[str, float] = {"minutes": 1 / 60, "hours": 1.0, "days": 24.0, "weeks": 168.0}


def plain(x: float) -> str:
    """A number as the language writes it: no exponent, no trailing zeros, at most four decimals."""
    return f"{x:.4f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the source text: line and column from 1, width in characters."""

    line: int = 1
    column: int = 1
    width: int = 1


@dataclass(frozen=True, slots=True)
class Duration:
    """A stretch of time."""

    amount: float
    unit: TimeUnit

    def __str__(self) -> str:
        unit = self.unit[:-1] if self.amount == 1 else self.unit
        return f"{plain(self.amount)} {unit}"

    @property
    def hours(self) -> float:
        """Length in hours."""
        return self.amount * HOURS_OF[self.unit]

    @property
    def days(self) -> float:
        """Length in days."""
        return self.hours / 24

    @property
    def minutes(self) -> float:
        """Length in minutes."""
        return self.amount if self.unit == "minutes" else self.hours * 60


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose as written: ``unit`` is mg, g, mcg or mg/kg."""

    amount: float
    unit: Literal["mg", "g", "mcg", "mg/kg"]

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.unit}"

    @property
    def standard(self) -> tuple[float, str]:
        """Amount and unit in mg or mg/kg."""
        if self.unit == "mg/kg":
            return self.amount, "mg/kg"
        return round(self.amount * {"mg": 1.0, "g": 1000.0, "mcg": 0.001}[self.unit], 7), "mg"


@dataclass(frozen=True, slots=True)
class Intensity:
    """Stimulation intensity in percent of the resting or active motor threshold."""

    percent: float
    threshold: Literal["rMT", "aMT"]

    def __str__(self) -> str:
        return f"at {plain(self.percent)} % {self.threshold}"


@dataclass(frozen=True, slots=True)
class How:
    """How much and in which way, as far as the sentence says: every field may be None.

    ``pulses`` a session, ``hertz``, ``milliampere``; ``minutes`` is the length of a session, ``over`` of an infusion.
    """

    dose: Dose | None = None
    pulses: float | None = None
    hertz: float | None = None
    milliampere: float | None = None
    intensity: Intensity | None = None
    site: str | None = None
    minutes: Duration | None = None
    over: Duration | None = None
    placement: str | None = None
    route: str | None = None
    format: str | None = None

    def words(self) -> Iterator[str]:
        """The qualifiers in the canonical order."""
        if self.placement is not None:
            yield self.placement
        if self.format is not None:
            yield self.format
        if self.dose is not None:
            yield str(self.dose)
        if self.route is not None:
            yield self.route
        if self.over is not None:
            yield f"over {self.over}"
        for value, unit in ((self.pulses, "pulses"), (self.hertz, "Hz"), (self.milliampere, "mA")):
            if value is not None:
                yield f"{plain(value)} {unit}"
        if self.intensity is not None:
            yield str(self.intensity)
        if self.minutes is not None:
            yield str(self.minutes)
        if self.site is not None:
            yield f"to {self.site}"

    def updated(self, other: How) -> How:
        """This, with everything that ``other`` says put in its place."""
        said = {name: value for name in HOW_FIELDS if (value := getattr(other, name)) is not None}
        return How(**({name: getattr(self, name) for name in HOW_FIELDS} | said))


HOW_FIELDS = tuple(How.__dataclass_fields__)
