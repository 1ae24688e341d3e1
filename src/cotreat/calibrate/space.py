"""The space of the fit: every free parameter on the scale on which its prior is standard normal.

A point is a vector ``z`` (one coordinate for each free parameter, in the order of the parameter set); the value of a
parameter is its prior's quantile at the normal distribution function of its coordinate. Limits of a parameter are kept,
a half or a double prior standard deviation means the same for each, and a parameter's posterior can be compared with
its prior without looking at units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import qmc

from cotreat.model.parameter_set import LINEAR_MOOD, ParameterSet

WIDEST = 4.0
"""Coordinates beyond this many prior standard deviations are not visited."""
NOTHING_STORED = -4.0
"""Coordinate of ``stored.rate`` at which nothing worth mentioning is stored: 0.0004 a day at the packaged prior."""
STORED = "stored.rate"
_SPARSE = 0.12
EFFECTS = ("study.placebo", "study.resistance")
"""Effects of a study: a standard normal number each, of its own for each study."""
SCALES = ("study.placebo_sd", "study.resistance_sd")
"""How far they reach. In the bank the scales stand at one fixed coordinate, so an effect there has one meaning."""
SCALE_AT = 1.0
STRENGTHS = {
    "drugs and therapy": (
        "tilt.antidepressant", "tilt.lithium", "tilt.antipsychotic", "therapy.psychotherapy",
        "withdrawal_weight.antidepressant",
    ),
    "stimulation": ("session_yield.ect", "session_yield.tms", "session_yield.tdcs"),
    "infusions": (
        "session_yield.ketamine", "transient.ketamine", "transient.felt_infusion", "transient.inert_infusion",
        "transient.first_hours",
    ),
    "conduct and reporting": (
        "dropout.weekly_hazard", "nocebo.size", "withdrawal.dess_count", "withdrawal.dess_background",
    ),
}  # fmt: skip
"""What differs between studies beyond their design: how strong each treatment is where it was given, and how a trial is
conducted. A study moves each of these coordinates by a number of its own; how far these reach is one number for each
group. Gains (what one part does to another) are not among them."""
HETEROGENEITY = (0.4, 0.5)
"""Prior of the reach, in prior SDs of the coordinate: lognormal with this median and log SD (90 %: 0.18 to 0.91)."""


@dataclass(frozen=True)
class Space:
    """The free parameters of a set. ``names``: in order; ``prior``: the set they come from; ``linear``: linear mood."""

    names: tuple[str, ...]
    prior: ParameterSet
    linear: bool = False

    @classmethod
    def of(cls, prior: ParameterSet, linear: bool = False) -> Space:
        """All parameters that are not fixed."""
        return cls(tuple(k for k, p in prior.parameters.items() if p.distribution != "fixed"), prior, linear)

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Coordinate of a parameter."""
        return self.names.index(name)

    @property
    def strengths(self) -> tuple[tuple[int, int], ...]:
        """Coordinates that studies move, each with the number of its group."""
        groups = enumerate(STRENGTHS.values())
        return tuple((self.index(n), g) for g, names in groups for n in names if n in self.names)

    def values(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """Parameter values, arrays (points,), of coordinates (points, free); fixed parameters have their value."""
        u = ndtr(np.clip(z, -WIDEST, WIDEST))
        out: dict[str, np.ndarray] = {}
        for name, p in self.prior.parameters.items():
            at = u[:, self.index(name)] if name in self.names else np.full(len(u), 0.5)
            out[name] = p.quantile(at)
        out[LINEAR_MOOD] = np.full(len(u), float(self.linear))
        return out


@dataclass(frozen=True)
class Design:
    """Where the bank simulates: a scrambled Sobol sequence over the prior, made wider by ``inflate``.

    Levels of illness and of placebo response, which differ between studies, are made wider by ``inflate_levels``. In
    an eighth of the points nothing is stored, for the rival that says so.
    """

    seed: int = 20261123
    inflate: float = 1.25
    inflate_levels: float = 1.7

    def points(self, space: Space, block: int, size: int) -> np.ndarray:
        """Coordinates of one block of points, (size, free); ``size`` is a power of two."""
        sobol = qmc.Sobol(len(space) + 1, scramble=True, rng=np.random.default_rng(self.seed))
        if block:
            sobol.fast_forward(block * size)
        u = sobol.random(size)
        normal = np.sqrt(2.0) * _erfinv(2.0 * np.clip(u[:, :-1], 1e-9, 1 - 1e-9) - 1.0)
        z = normal * np.array([self.inflate_levels if is_level(n) else self.inflate for n in space.names])
        if STORED in space.names:
            z[u[:, -1] < _SPARSE, space.index(STORED)] = NOTHING_STORED
        for name in SCALES:
            z[:, space.index(name)] = SCALE_AT
        return np.asarray(np.clip(z, -WIDEST, WIDEST))


def is_level(name: str) -> bool:
    """Whether a parameter is a level that differs between studies."""
    return name == "placebo.drive" or name.startswith("chronicity.mean.")


def effect_spread(space: Space) -> np.ndarray:
    """Log SDs of the priors of the scales of the study effects, (2,)."""
    out = []
    for name in SCALES:
        p = space.prior.parameters[name]
        assert p.range90 is not None
        out.append((np.log(p.range90[1]) - np.log(p.range90[0])) / (2 * 1.6448536269514722))
    return np.array(out)


def given_draws(prior: ParameterSet, values: Mapping[str, np.ndarray]) -> ParameterSet:
    """A parameter set that hands out ``values`` (arrays of one length) as its draws."""
    return prior.with_given(values)


def _erfinv(x: np.ndarray) -> np.ndarray:
    from scipy.special import erfinv

    return np.asarray(erfinv(x))
