"""What is not known about the person: the numbers each particle has for good, their prior, and how they are refreshed.

The prior is the parameter set with the traits of people who are well on maintenance. Added here, because a set for
groups has no place for them: how prone the person is to withdrawal, the half-lives, how fast symptoms follow mood, how
long stress lasts, how far the level of the ratings wanders, and how long the error of a rating lasts.

Refreshing follows Liu and West (2001): after a resampling each number moves to ``a v + (1 - a) mean`` plus noise that
keeps mean and variance, on a scale without limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.model.mechanisms import mood
from cotreat.model.parameter_set import LINEAR_MOOD, ParameterSet
from cotreat.population.populations import population
from cotreat.simulate.run import Settings, start_cohort

SHRINK = 0.985
SHARE_PRONE = 0.30
"""Share of people who can get withdrawal at all: 31 % report symptoms after stopping and 17 % after placebo over all
drugs (Henssler 2024), up to 66 % with short half-lives when nobody tapers (Rosenbaum 1998)."""
LAG = (5.0, 1.7)
"""Days in which symptoms follow mood: median and SD of the logarithm. Of increases before recurrence 30 % are sudden,
42 % gradual (Smit 2022); read as a lag of at most two days and of more than a week, they give these two numbers."""
STRESS_DAYS = (4.0, 0.4)
"""Days in which stress fades: median and SD of the logarithm."""
MEMORY = (0.25, 0.3)
"""What is left after a day of the error of a rating: median and SD of the logarithm. An assumption: everyday mood is
carried over from day to day to about this degree."""
DRIFT = (0.01, 0.8)
"""How far the level of a rating wanders in a day, in SDs of its error: median and SD of the logarithm. Small: a level
that moves by more within weeks is no habit of the rater but a change of the person."""
_WHO = "stable on maintenance"
_SPREAD_KEPT = 0.4
_PRONE_ABOVE = -1.5
"""Logarithm of the proneness half-way between the two modes."""
_FEWEST_FOR_MOMENTS = 30

_POSITIVE = (
    "mood.time_constant",
    "mood.escape_time",
    "trait.drug",
    "adaptation.time_up",
    "adaptation.time_down",
    "adaptation.time_slow",
    "adaptation.slow_share",
    "trait.withdrawal",
    "half_life",
    "stress.days",
    "mood.lag",
    "level.drift",
    "error.memory",
)
_FREE = ("trait.chronicity", "withdrawal.mood")
LEARNED = _POSITIVE + _FREE
UNSEEN_BEFORE_A_CHANGE = ("trait.withdrawal", "half_life", "adaptation.time_down")
_LIMITS = {
    # what lasts longer than this is no stress of days and no error of a rating, but a change of the person
    "stress.days": (1.0, 8.0),
    "error.memory": (1e-9, 0.4),
    "mood.lag": (0.3, 30.0),
    "mood.time_constant": (0.5, 3.0),
    "mood.escape_time": (30.0, 5000.0),
    "adaptation.slow_share": (1e-3, 0.95),
}


@dataclass
class Person:
    """``values`` (learned numbers, particles) on their free scale; ``draw`` the parameter draw of the rest."""

    values: np.ndarray
    draw: np.ndarray
    bank: dict[str, np.ndarray]

    @property
    def size(self) -> int:
        """Number of particles."""
        return int(self.values.shape[1])

    def __getitem__(self, name: str) -> np.ndarray:
        row = self.values[LEARNED.index(name)]
        return np.asarray(np.exp(row)) if name in _POSITIVE else row

    def take(self, index: np.ndarray) -> Person:
        """The particles at ``index``."""
        return Person(self.values[:, index], self.draw[index], self.bank)

    def refreshed(self, noise: np.ndarray, weight: np.ndarray, group: np.ndarray) -> Person:
        """Liu and West's move inside each group of particles; ``noise`` (learned numbers, particles) standard normal.

        Mean and variance of a group, by the weights of its particles, stay what they are; a small group takes those of
        all.
        """
        centre, spread = np.empty_like(self.values), np.empty_like(self.values)
        for k in np.unique(group):
            own = group == k
            w = np.where(own, weight, 0.0) if own.sum() >= _FEWEST_FOR_MOMENTS else weight
            w = w / w.sum()
            mean = self.values @ w
            centre[:, own] = mean[:, None]
            spread[:, own] = np.sqrt((self.values - mean[:, None]) ** 2 @ w)[:, None]
        moved = SHRINK * self.values + (1 - SHRINK) * centre + np.sqrt(1 - SHRINK**2) * spread * noise
        # proneness has two modes: it is moved inside its own only
        row = LEARNED.index("trait.withdrawal")
        moved[row] = self.values[row] + 0.05 * noise[row]
        return Person(_limited(moved), self.draw, self.bank)

    def shuffled(self, rng: np.random.Generator, group: np.ndarray) -> Person:
        """Numbers that no rating could speak of yet, exchanged between particles of a group: an exact move, which keeps
        them spread until the first change of dose."""
        values = self.values.copy()
        order = np.arange(self.size)
        for k in np.unique(group):
            own = np.flatnonzero(group == k)
            order[own] = rng.permutation(own)
        for name in UNSEEN_BEFORE_A_CHANGE:
            row = LEARNED.index(name)
            values[row] = values[row][order]
        return Person(values, self.draw, self.bank)

    def prone(self) -> np.ndarray:
        """Particles of people who can get withdrawal at all."""
        return np.asarray(self.values[LEARNED.index("trait.withdrawal")] > _PRONE_ABOVE)

    def parameters(self) -> dict[str, np.ndarray]:
        """Parameters and traits of each particle, by the names of the model."""
        p = {name: values[self.draw] for name, values in self.bank.items()}
        p |= {name: self[name] for name in LEARNED if name in p or name.startswith("trait.")}
        p["mood.sigma"] = mood.sigma_for_escape_time(p["mood.escape_time"], p["mood.time_constant"])
        for name in [n for n in p if n.startswith("withdrawal_weight.")]:
            p[name] = p[name] * p["trait.withdrawal"]
        return p


def _limited(values: np.ndarray) -> np.ndarray:
    for name, (low, high) in _LIMITS.items():
        row = LEARNED.index(name)
        values[row] = np.clip(values[row], np.log(low), np.log(high))
    return values


def prior(parameters: ParameterSet, n: int, seed: int, rng: np.random.Generator) -> Person:
    """``n`` particles of a person who is on maintenance treatment, each from a draw of its own.

    A set of joint draws is gone through as often as needed; InputError when none of it has mood with two wells.
    """
    # whoever is followed is followed: the entry rule of trials does not select them
    who = replace(population(_WHO), entry_at_most=None)
    cohort = start_cohort(who, Settings(patients=n, draws=n, seed=seed), parameters)
    rows = two_wells(cohort.parameters[LINEAR_MOOD], parameters.name)
    bank = {name: np.array(values, dtype=float)[rows] for name, values in cohort.parameters.items()}
    bank["trait.placebo"] = np.zeros(n)  # nobody is in a trial
    z = rng.standard_normal((6, n))
    prone = rng.random(n) < SHARE_PRONE
    made = {
        "trait.withdrawal": np.where(prone, np.exp(0.2 + 0.5 * z[0]), np.exp(-3.5 + 0.3 * z[0])),
        "half_life": np.exp(0.35 * z[1]),
        "stress.days": np.exp(np.log(STRESS_DAYS[0]) + STRESS_DAYS[1] * z[2]),
        "mood.lag": np.exp(np.log(LAG[0]) + LAG[1] * z[3]),
        "level.drift": np.exp(np.log(DRIFT[0]) + DRIFT[1] * z[4]),
        "error.memory": np.exp(np.log(MEMORY[0]) + MEMORY[1] * z[5]),
    }
    for name in [k for k in bank if k.startswith("withdrawal_weight.")]:
        # a draw spreads over what is not known of a group; a person's weight is a trait, so that spread is narrowed
        bank[name] = np.exp((1 - _SPREAD_KEPT) * np.log(np.median(bank[name])) + _SPREAD_KEPT * np.log(bank[name]))
    numbers = [made[name] if name in made else bank[name] for name in LEARNED]
    values = np.stack(
        [np.log(np.maximum(v, 1e-12)) if name in _POSITIVE else v for name, v in zip(LEARNED, numbers, strict=True)]
    )
    return Person(_limited(values), np.arange(n), bank)


def two_wells(linear: np.ndarray, name: str) -> np.ndarray:
    """Draws to use, as many as there are: those of mood with two wells, in turn, where a set has both rivals.

    Relapse is a fall into the ill state, so the linear rival, which has none, says nothing of it.

    Raises
    ------
    InputError
        Every draw is of the linear rival.
    """
    found = np.flatnonzero(np.asarray(linear) == 0.0)
    if not len(found):
        raise InputError(
            f"the parameter set {name!r} holds only mood without two states, in which nobody relapses",
            hint="Following one person needs a set with draws of mood with two wells.",
        )
    return np.asarray(np.resize(found, len(linear)))


def well_mood(p: dict[str, np.ndarray], tilt: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mood near the well state under the drugs taken, where there is one."""
    _, well = mood.wells(p["trait.chronicity"] - tilt)
    spread = mood.within_well_sd(well, p["mood.sigma"], p["mood.time_constant"])
    return np.asarray(well + spread * rng.standard_normal(len(tilt)))
