"""The baseline table of a study: what its patients were like at entry."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale


@dataclass(frozen=True, slots=True)
class EntryRule:
    """Who may enter by score: at least ``at_least`` and at most ``at_most`` on ``scale`` (None: no bound)."""

    scale: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        found = scale(self.scale)
        object.__setattr__(self, "scale", found.id)
        for bound in (self.at_least, self.at_most):
            if bound is not None:
                found.check(bound)
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise InputError(f"an entry rule from {self.at_least:g} to {self.at_most:g} lets nobody in")

    def admits(self, score: float) -> bool:
        """Whether a score on the rule's scale may enter."""
        return (self.at_least is None or score >= self.at_least) and (self.at_most is None or score <= self.at_most)


@dataclass(frozen=True, slots=True)
class BaselineTable:
    """Baseline of a cohort as published. None: not reported.

    ``mean`` and ``sd`` are of the score on ``scale`` after entry, ``n`` the number of patients they were computed
    from, ages in years, ``female_share`` between 0 and 1. The scale may be given by any alias and is kept by its id.
    """

    scale: str
    mean: float | None = None
    sd: float | None = None
    n: int | None = None
    age_mean: float | None = None
    age_sd: float | None = None
    female_share: float | None = None
    entry: EntryRule | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        found = scale(self.scale)
        object.__setattr__(self, "scale", found.id)
        if self.mean is not None:
            found.check(self.mean)
        for name, value in (("sd", self.sd), ("age_sd", self.age_sd)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} of a baseline table must be above 0, not {value:g}")
        if self.sd is not None and self.sd > (found.high - found.low) / 2:
            raise InputError(f"an sd of {self.sd:g} cannot be had on {found.id}")
        if self.n is not None and self.n < 1:
            raise InputError(f"a baseline table of {self.n} patients is empty")
        if self.age_mean is not None and not 0 < self.age_mean < 120:
            raise InputError(f"a mean age of {self.age_mean:g} years cannot be meant")
        if self.female_share is not None and not 0 <= self.female_share <= 1:
            raise InputError(f"the share of women lies between 0 and 1, not {self.female_share:g}")
        self._check_entry()

    def _check_entry(self) -> None:
        if self.entry is None or self.mean is None or self.entry.scale != self.scale:
            return
        if not self.entry.admits(self.mean):
            raise InputError(f"the mean of {self.mean:g} does not meet the study's own entry rule")

    @property
    def looks_like_se(self) -> bool:
        """True when the sd is so small for the scale that a standard error may have been copied in its place."""
        found = scale(self.scale)
        return self.sd is not None and self.sd < 0.025 * (found.high - found.low)
