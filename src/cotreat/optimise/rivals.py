"""Rival accounts of what a drug does around a stimulation, made from one parameter set or read from its draws.

Each keeps every other parameter as it is: the observation and the placebo response are the same in all. A calibrated
set may itself be a mixture of rivals; then the rival of each draw is read from what the draw holds at zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cotreat.model.effects import ACUTE_GAIN, DRUG_ROLES, SESSION_GAIN, STORAGE_GAIN, TILT, WITHDRAWAL
from cotreat.model.parameter_set import LINEAR_MOOD, ParameterSet

OPEN = "all of them open"
ADDS_ONLY = "drug adds only"
YIELD = "drug changes the yield of sessions"
AFTERWARDS = "drug consolidates afterwards"
NO_STORED_CHANGE = "no stored change"
NO_TIMING = "no part changes what another does"
LINEAR = "linear mood"
NAMES = (OPEN, ADDS_ONLY, YIELD, AFTERWARDS, NO_STORED_CHANGE, NO_TIMING, LINEAR)
_NOW, _KEEP = (SESSION_GAIN, ACUTE_GAIN), (STORAGE_GAIN,)
_ZERO = {ADDS_ONLY: (*_NOW, *_KEEP), YIELD: _KEEP, AFTERWARDS: _NOW}
_AFTER_STIMULATION = ("consolidation_gain.window", "consolidation_gain.therapy")
_STORED = "stored.rate"
_HARDLY = 1e-4  # a stored rate below this quantile of its distribution counts as none
_TINY = 1e-6


def sets(parameters: ParameterSet, draws: int) -> dict[str, ParameterSet]:
    """The rivals of a parameter set by name, and the set itself as "all of them open", for runs of so many draws."""
    found = {OPEN: parameters}
    for name, roles in _ZERO.items():
        found[name] = with_values(parameters, dict.fromkeys(_gains(parameters.parameters, roles), 0.0), draws)
    found[NO_STORED_CHANGE] = with_values(parameters, {_STORED: 0.0}, draws)
    return found


def without_drug_effects(parameters: ParameterSet, draws: int) -> ParameterSet:
    """The set with every effect of every drug at zero, its withdrawal included."""
    zero = _gains(parameters.parameters, (TILT, *_NOW, *_KEEP, WITHDRAWAL))
    return with_values(parameters, dict.fromkeys([*zero, "nocebo.size"], 0.0), draws)


def with_values(parameters: ParameterSet, values: Mapping[str, float], draws: int) -> ParameterSet:
    """The set with some parameters at one value in every draw."""
    return parameters.with_given({name: np.full(draws, value) for name, value in values.items()})


def labels(parameters: ParameterSet, draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """The rival each draw belongs to, by what it holds at zero."""
    count = len(draws[LINEAR_MOOD])

    def none(names: list[str]) -> np.ndarray:
        return np.all([np.abs(draws[n]) < _TINY for n in names], axis=0) if names else np.zeros(count, bool)

    now, keep = (none(_gains(parameters.parameters, roles)) for roles in (_NOW, _KEEP))
    others = none([n for n in _AFTER_STIMULATION if n in draws])
    unstored = draws[_STORED] <= parameters.parameters[_STORED].quantile(np.array([_HARDLY]))[0]
    cases = {
        LINEAR: draws[LINEAR_MOOD] > 0,
        NO_TIMING: now & keep & others,
        ADDS_ONLY: now & keep,
        YIELD: keep,
        AFTERWARDS: now,
        NO_STORED_CHANGE: unstored,
    }
    return np.select(list(cases.values()), list(cases), OPEN)


def _gains(names: Mapping[str, object], roles: tuple[str, ...]) -> list[str]:
    """Parameters of these roles of the drugs that the model knows."""
    known = {f"{role}.{drug}" for drug in DRUG_ROLES for role in roles}
    return [n for n in names if n in known]
