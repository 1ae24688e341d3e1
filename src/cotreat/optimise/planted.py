"""Planted worlds: with the truth known, how often does the verdict claim a direction, and the right one?

A world is a draw of the bank that is taken out of it. Twenty studies of the designs are made in that world, each with
chance and a deviation of its own; the other draws are weighed by them, and the rule of the verdict is applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.optimise.bank import Bank, weigh
from cotreat.optimise.verdict import MARGIN_POINTS, Contrast, Verdict
from cotreat.outcomes.estimate import denoise

LEARNT_FROM = (
    "before against after",
    "before against with",
    "with against without",
    "after against nothing",
    "drug against placebo",
)
"""Designs of the studies of a planted world: one in five moves the drug around the course."""
NO_EFFECT = (-0.3, 0.3)
FIVE_POINTS = (4.5, 6.0)
FEWEST = 6.0
"""Draws (effective) that must be left after weighing; with fewer nothing is claimed."""


@dataclass(frozen=True)
class Rates:
    """How many of ``runs`` worlds got which verdict, against the direction that is true ("before", "after", "none")."""

    runs: int
    right: int
    wrong: int
    claimed: int
    none: int

    def share(self, count: int) -> float:
        """A count as a share of the runs."""
        return count / self.runs


def verdict_from(bank: Bank, weights: np.ndarray) -> Verdict:
    """The verdict on before against after over weighed draws.

    Few draws left after weighing are too narrow a picture: each is spread by Silverman's width for as many.
    """
    left = 1.0 / float((weights**2).sum())
    if left < FEWEST:
        return "cannot tell"
    values = denoise(bank.truth, bank.error).values
    middle = float(np.average(values, weights=weights))
    sd = float(np.sqrt(np.average((values - middle) ** 2, weights=weights)))
    return Contrast(values, MARGIN_POINTS, weights, error=1.06 * sd * left**-0.2).verdict()


def learn(bank: Bank, world: int, studies: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of the draws after studies made in one of them, which itself gets none."""
    total = np.zeros(len(bank.truth))
    for number in range(studies):
        design = LEARNT_FROM[number % len(LEARNT_FROM)]
        n = int(rng.integers(30, 81))
        total += bank.log_likelihood(design, n, bank.see(design, world, n, rng))
    total[bank.twins(np.array([world]))[0]] = -np.inf
    return weigh(total)


def worlds(bank: Bank, size: tuple[float, float], count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws whose truth has a size between two limits, in either direction, as often as each occurs.

    Raises
    ------
    InputError
        There are none.
    """
    low, high = size
    value = bank.truth if low < 0 else np.abs(bank.truth)
    found = np.flatnonzero((value >= low) & (value <= high))
    if not len(found):
        raise InputError(f"no draw has a timing effect between {low:g} and {high:g} points")
    return np.asarray(rng.choice(found, count))


def rates(bank: Bank, chosen: Sequence[int] | np.ndarray, studies: int, rng: np.random.Generator) -> Rates:
    """Verdicts over planted worlds."""
    right = wrong = claimed = none = 0
    for world in chosen:
        verdict = verdict_from(bank, learn(bank, int(world), studies, rng))
        up = verdict == "before better"
        if verdict in ("before better", "after better"):
            claimed += 1
            agrees = bool(up == (bank.truth[world] > 0))
            right, wrong = right + agrees, wrong + (not agrees)
        none += verdict == "no difference that matters"
    return Rates(len(chosen), right, wrong, claimed, none)
