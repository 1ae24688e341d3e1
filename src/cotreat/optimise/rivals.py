"""Rival accounts of what a drug does around a stimulation, as parameter sets made from one.

Each keeps every other parameter as it is: the observation and the placebo response are the same in all.
"""

from __future__ import annotations

from dataclasses import replace

from cotreat.model.effects import ACUTE_GAIN, SESSION_GAIN, STORAGE_GAIN
from cotreat.model.parameter_set import Parameter, ParameterSet

NAMES = {
    "drug adds only": (SESSION_GAIN, ACUTE_GAIN, STORAGE_GAIN),
    "drug changes the yield of sessions": (STORAGE_GAIN,),
    "drug consolidates afterwards": (SESSION_GAIN, ACUTE_GAIN),
}
"""Rival by name, and the gains that are zero in it."""
NO_STORED_CHANGE = "no stored change"
_AFTER_STIMULATION = ("consolidation_gain.window", "consolidation_gain.therapy")


def sets(parameters: ParameterSet) -> dict[str, ParameterSet]:
    """The rivals of a parameter set by name, and the set itself as "all of them open"."""
    found = {"all of them open": parameters}
    for name, roles in NAMES.items():
        zero = [k for k in parameters.parameters if k.split(".")[0] in roles and k not in _AFTER_STIMULATION]
        found[name] = with_values(parameters, dict.fromkeys(zero, 0.0))
    rate = parameters.parameters["stored.rate"]
    found[NO_STORED_CHANGE] = with_values(parameters, {"stored.rate": max(0.0, rate.limits[0])})
    return found


def with_values(parameters: ParameterSet, values: dict[str, float]) -> ParameterSet:
    """The set with some parameters fixed at a value."""
    fixed = {k: _fixed(parameters.parameters[k], v) for k, v in values.items()}
    return replace(parameters, parameters={**parameters.parameters, **fixed})


def _fixed(parameter: Parameter, value: float) -> Parameter:
    return replace(parameter, distribution="fixed", median=value, range90=None)
