"""Populations by name, and a population re-matched to the baseline of a study."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from cotreat.measures.crosswalk import crosswalk
from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale

WELL_HAMD17 = 4.5
"""Score of a patient at the well state, on HAM-D17 (derived: 5-6 points on HAM-D24 after remission, Prudic 2013)."""


Placebo = Literal["full", "resistant", "none"]


@dataclass(frozen=True)
class Covariates:
    """What is known of a group beside its baseline; None where nothing is stated.

    ``age_mean``, ``age_sd`` in years; ``episode_months``: geometric mean length of the episode, with the SD of its log;
    ``resistant``, ``psychotic``, ``bipolar``: shares between 0 and 1. A stated share of resistant patients takes the
    place of the population's own chronicity.
    """

    age_mean: float | None = None
    age_sd: float | None = None
    episode_months: float | None = None
    episode_log_sd: float = 0.8
    resistant: float | None = None
    psychotic: float | None = None
    bipolar: float | None = None

    def __post_init__(self) -> None:
        for name in ("resistant", "psychotic", "bipolar"):
            share = getattr(self, name)
            if share is not None and not 0.0 <= share <= 1.0:
                raise InputError(f"{name} is a share between 0 and 1, not {share:g}")
        for name in ("age_mean", "age_sd", "episode_months", "episode_log_sd"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value < 1000.0:
                raise InputError(f"{name} cannot be {value:g}")
        if self.episode_months == 0:
            raise InputError("episode_months must be above 0")


@dataclass(frozen=True)
class Population:
    """Who the virtual patients are.

    ``baseline_mean`` and ``baseline_sd`` hold after the entry rule ``entry_at_least`` (all in points of ``scale``);
    ``chronicity`` names a parameter ``chronicity.mean.<name>``; ``placebo``: how much of the placebo drive they
    have ("full", "resistant": the share of resistant patients, "none": who enters well has had it).
    ``starts_well``: they enter well, and ``baseline_mean`` and ``baseline_sd`` are those of their last episode.
    ``lead_in_weeks``: for so long they have been well on what they take, when that is known.
    ``covariates`` move chronicity and the yield of ECT; entry by them is left to the baseline.
    """

    name: str
    text: str
    scale: str
    baseline_mean: float
    baseline_sd: float
    entry_at_least: float | None
    chronicity: str
    placebo: Placebo
    source: str
    starts_well: bool = False
    entry_at_most: float | None = None
    lead_in_weeks: int = 0
    covariates: Covariates = Covariates()

    @property
    def entry_text(self) -> str:
        """The entry rule in words."""
        low = [] if self.entry_at_least is None else [f"at least {self.entry_at_least:g}"]
        high = [] if self.entry_at_most is None else [f"at most {self.entry_at_most:g}"]
        return " and ".join(low + high) + f" on {self.scale}"

    def on(self, scale_name: str) -> Population:
        """The same patients described on another scale (a cohort-level crosswalk)."""
        if scale_name == self.scale:
            return self
        sd = (to_scale(self.baseline_mean + self.baseline_sd, self.scale, scale_name)
              - to_scale(self.baseline_mean - self.baseline_sd, self.scale, scale_name)) / 2  # fmt: skip
        entry = None if self.entry_at_least is None else to_scale(self.entry_at_least, self.scale, scale_name)
        mean = to_scale(self.baseline_mean, self.scale, scale_name)
        most = None if self.entry_at_most is None else to_scale(self.entry_at_most, self.scale, scale_name)
        changed = {"scale": scale_name, "baseline_mean": mean, "baseline_sd": sd}
        return replace(self, **changed, entry_at_least=entry, entry_at_most=most)  # type: ignore[arg-type]

    def matched(
        self, scale_name: str, mean: float | None = None, sd: float | None = None, entry: float | None = None
    ) -> Population:
        """This population with the baseline of a study; what the study does not say stays."""
        base = self.on(scale_name)
        return replace(
            base,
            baseline_mean=base.baseline_mean if mean is None else mean,
            baseline_sd=base.baseline_sd if sd is None else sd,
            entry_at_least=base.entry_at_least if entry is None else entry,
        )


def to_scale(value: float, source: str, target: str) -> float:
    """A cohort mean on ``source`` as a cohort mean on ``target``."""
    return value if source == target else crosswalk(source, target).mean(value)


def well_score(scale_name: str) -> float:
    """Score of the well state on a scale."""
    return to_scale(WELL_HAMD17, "HAM-D17", scale_name)


def points_per_hamd17(scale_name: str) -> float:
    """Points of a scale for one HAM-D17 point, over the range from mild to severe."""
    return (to_scale(24.0, "HAM-D17", scale_name) - to_scale(8.0, "HAM-D17", scale_name)) / 16.0


@cache
def populations() -> dict[str, Population]:
    """The packaged populations by name."""
    raw = yaml.safe_load((resources.files("cotreat.population") / "populations.yaml").read_bytes())
    return {
        name: Population(
            name=name,
            text=entry["text"],
            scale=find_scale(entry["scale"]).id,
            baseline_mean=float(entry["baseline_mean"]),
            baseline_sd=float(entry["baseline_sd"]),
            entry_at_least=entry.get("entry_at_least"),
            entry_at_most=entry.get("entry_at_most"),
            starts_well=entry.get("state") == "well",
            lead_in_weeks=entry.get("lead_in_weeks", 0),
            chronicity=entry["chronicity"],
            placebo=entry["placebo"],
            source=entry["source"],
            covariates=Covariates(**entry.get("covariates", {})),
        )
        for name, entry in raw.items()
    }


def population(name: str) -> Population:
    """A packaged population by name.

    Raises
    ------
    InputError
        No population has this name.
    """
    known = populations()
    for key, value in known.items():
        if key.casefold() == name.strip().casefold():
            return value
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]!r}? " if close else ""
    raise InputError(f"unknown population {name!r}", hint=f"{guess}known: {', '.join(known)}")
