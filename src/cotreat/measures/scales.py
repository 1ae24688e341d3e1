"""Rating scales: range, recall, bands, cut-offs, and how well each figure is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark, read_mark
from cotreat.measures.suggest import did_you_mean, fold

Rater = Literal["clinician", "self", "either"]
Construct = Literal["depression", "anxiety", "withdrawal", "sleep", "dissociation"]
Licence = Literal["items", "score+", "score"]
SYMPTOM_GROUPS = ("mood", "anxiety", "sleep", "somatic")
"""Groups of items; how they are counted stands in ``data/scales.yaml``."""


@dataclass(frozen=True, slots=True)
class Band:
    """A severity band: its name and the lowest score in it."""

    name: str
    at_least: float


@dataclass(frozen=True, slots=True)
class Scale:
    """One rating scale; higher is worse on all of them.

    ``response`` is the fraction of the baseline score that must be lost, ``remission`` the highest score that counts
    as remission; None when the scale has none that is agreed. ``recall_days`` is the time the rater looks back over.
    ``licence``: ``items``, the item text may be shown; ``score+``, the total now and the text after written
    permission; ``score``, the total only. ``symptoms``: the largest score of the items of each group of
    ``SYMPTOM_GROUPS``, None where the items are not grouped.
    """

    id: str
    title: str
    aliases: tuple[str, ...]
    low: float
    high: float
    recall_days: int
    recall_mark: Mark | None
    rater: Rater
    construct: Construct
    bands: tuple[Band, ...]
    bands_mark: Mark
    bands_source: str | None
    response: float | None
    remission: float | None
    cutoff_mark: Mark | None
    cutoff_source: str | None
    licence: Licence
    note: str | None
    symptoms: Mapping[str, float] | None = None

    @property
    def clinician_rated(self) -> bool:
        """Whether a clinician gives the score."""
        return self.rater == "clinician"

    def check(self, score: float) -> None:
        """InputError for a score that the scale cannot have."""
        if not self.low <= score <= self.high:
            raise InputError(f"{score:g} is no score of {self.id}, which runs from {self.low:g} to {self.high:g}")

    def band(self, score: float) -> str | None:
        """The name of the band a score lies in, or None when the scale has no band there."""
        self.check(score)
        reached = [b.name for b in self.bands if score >= b.at_least]
        return reached[-1] if reached else None

    def responded(self, baseline: float, score: float, days: float | None = None) -> bool:
        """Whether the fall from baseline is a response.

        ``days`` since the baseline, when given, must reach the recall of the scale: before that the score still looks
        back over the time before treatment. InputError then, and for a scale without a response.
        """
        self.check(baseline)
        self.check(score)
        if self.response is None:
            raise InputError(f"{self.id} has no agreed response", hint=self.note)
        self._check_recall(days)
        if baseline <= self.low:
            raise InputError(f"a response on {self.id} needs a baseline above {self.low:g}")
        return baseline - score >= self.response * baseline

    def remitted(self, score: float, days: float | None = None) -> bool:
        """Whether a score is a remission; InputError for a scale without one, or before its recall has passed."""
        self.check(score)
        if self.remission is None:
            raise InputError(f"{self.id} has no agreed remission", hint=self.note)
        self._check_recall(days)
        return score <= self.remission

    def _check_recall(self, days: float | None) -> None:
        if days is not None and days < self.recall_days:
            raise InputError(
                f"{self.id} looks back {self.recall_days} days: it cannot show an outcome {days:g} days after baseline"
            )


def _scale(row: dict[str, Any]) -> Scale:
    low, high = row["range"]
    return Scale(
        id=row["id"],
        title=row["title"],
        aliases=tuple(row["aliases"]),
        low=float(low),
        high=float(high),
        recall_days=row["recall_days"],
        recall_mark=read_mark(row["recall_mark"]) if "recall_mark" in row else None,
        rater=row["rater"],
        construct=row["construct"],
        bands=tuple(Band(name, float(start)) for name, start in row["bands"].items()),
        bands_mark=read_mark(row["bands_mark"]),
        bands_source=row.get("bands_source"),
        response=row["response"],
        remission=None if row["remission"] is None else float(row["remission"]),
        cutoff_mark=read_mark(row["cutoff_mark"]) if "cutoff_mark" in row else None,
        cutoff_source=row.get("cutoff_source"),
        licence=row["licence"],
        note=row.get("note"),
        symptoms={k: float(v) for k, v in row["symptoms"].items()} if "symptoms" in row else None,
    )


@cache
def scales() -> tuple[Scale, ...]:
    """Every scale on file."""
    import yaml

    text = (files("cotreat.measures") / "data" / "scales.yaml").read_text(encoding="utf-8")
    rows = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["scales"]
    return tuple(_scale(row) for row in cast(list[dict[str, Any]], rows))


@cache
def _by_name() -> dict[str, Scale]:
    return {fold(name): s for s in scales() for name in (s.id, s.title, *s.aliases)}


def scale(name: str) -> Scale:
    """The scale of an id or alias, whatever its case ("HRSD24", "hamd-17"); InputError, with near names, if unknown."""
    found = _by_name().get(fold(name))
    if found is None:
        known = [n for s in scales() for n in (s.id, *s.aliases)]
        raise InputError(f"unknown scale {name!r}", hint=did_you_mean(name, known))
    return found
