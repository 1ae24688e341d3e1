"""A parameter set: named parameters with what is known about each, and seeded draws from it.

A set is a YAML file (see ``parameters/literature-2026.yaml``), or a file of joint draws (``cotreat.model.draw_set``)
for what was fitted. Draw *k* of a parameter depends on (seed, name of the parameter, k) only, so adding a parameter or
asking for more draws changes no earlier number.

``structure`` of a set says which of the rival equations it is about; ``draws`` gives it as flags beside the parameters
("mood.linear": 1 for the linear rival), so that a set may hold draws of several rivals.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from scipy.special import ndtr, ndtri

from cotreat.measures.errors import InputError
from cotreat.model.effects import MOOD_STRUCTURES
from cotreat.model.parameters import DEFAULT
from cotreat.model.threefry import stream_key, uniform

_ENDS = (".yaml", ".npz")
_Z95 = 1.6448536269514722  # half width of a central 90 % range, in standard deviations
_STREAM = 0x50415241  # keeps parameter draws apart from every other random stream

Distribution = Literal["lognormal", "normal", "fixed"]


@dataclass(frozen=True)
class Parameter:
    """One parameter: median, central 90 % range, hard limits, unit, what identifies it, and its source."""

    name: str
    distribution: Distribution
    median: float
    range90: tuple[float, float] | None
    limits: tuple[float, float]
    unit: str
    identified: str
    source: str

    def quantile(self, p: np.ndarray) -> np.ndarray:
        """Values at probabilities ``p``; a distribution with limits is truncated to them."""
        if self.distribution == "fixed" or self.range90 is None:
            return np.full_like(p, self.median)
        log = self.distribution == "lognormal"
        centre, low, high = (math.log(v) if log else v for v in (self.median, *self.range90))
        sd = (high - low) / (2 * _Z95)
        cut = [(math.log(v) if v > 0 else -math.inf) if log and math.isfinite(v) else v for v in self.limits]
        below, above = (ndtr((c - centre) / sd) for c in cut)
        values = centre + sd * ndtri(below + p * (above - below))
        return np.asarray(np.exp(values) if log else values)


LINEAR_MOOD = "mood.linear"
"""Flag of a draw: 1 for the linear rival, 0 for two wells."""


@dataclass(frozen=True)
class ParameterSet:
    """Parameters by name, with the name, status and checksum of the file they came from.

    ``structure``: the rival of each part that has several ("mood": "bistable" or "linear"). ``given``: values by draw
    that stand in place of a distribution, arrays of at least as many values as draws are asked for.
    """

    name: str
    status: str
    about: str
    does_not_claim: str
    parameters: Mapping[str, Parameter]
    checksum: str
    structure: Mapping[str, str] = field(default_factory=lambda: {"mood": "bistable"})
    given: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    def draws(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """``count`` joint draws and the flags of the structure, float64 arrays of shape (count,) by name.

        Raises
        ------
        InputError
            ``given`` holds fewer values than draws are asked for.
        """
        index = np.arange(count)
        key = stream_key(seed, [0], _STREAM)
        linear = np.full(count, float(self.structure.get("mood") == "linear"))
        drawn = {LINEAR_MOOD: linear} | {
            name: p.quantile(uniform(key, index, zlib.crc32(name.encode())))
            for name, p in self.parameters.items()
            if name not in self.given
        }
        return drawn | {name: self._given(name, count) for name in self.given}

    def with_given(self, values: Mapping[str, np.ndarray]) -> ParameterSet:
        """This set with values by draw in place of some distributions (or flags of the structure).

        Raises
        ------
        InputError
            A name is not one of this set, or a value is not finite.
        """
        known = {*self.parameters, LINEAR_MOOD}
        for name, array in values.items():
            if name not in known:
                raise InputError(f"the parameter set {self.name!r} has no parameter {name!r}")
            if np.ndim(array) != 1 or not np.isfinite(array).all():
                raise InputError(f"{name}: one finite number is needed for each draw")
        return replace(self, given={**self.given, **values})

    def medians(self) -> dict[str, np.ndarray]:
        """One draw with every parameter at its median."""
        linear = np.array([float(self.structure.get("mood") == "linear")])
        return {LINEAR_MOOD: linear} | {name: np.array([p.median]) for name, p in self.parameters.items()}

    def _given(self, name: str, count: int) -> np.ndarray:
        values = self.given[name]
        if len(values) < count:
            raise InputError(f"{name} is given for {len(values)} draws: {count} are asked for")
        return np.asarray(values[:count], dtype=np.float64)


def load_parameters(name_or_path: str = DEFAULT) -> ParameterSet:
    """A packaged set by name, or a set from a file: YAML, or joint draws (``cotreat.model.draw_set``).

    Raises
    ------
    InputError
        The file cannot be read, or an entry is not a valid parameter.
    """
    folder = resources.files("cotreat.model.parameters")
    try:
        packaged = [f for f in (folder / f"{name_or_path}{end}" for end in _ENDS) if f.is_file()]
        raw = packaged[0].read_bytes() if packaged else Path(name_or_path).read_bytes()
    except (OSError, ValueError) as error:
        known = ", ".join(packaged_sets())
        raise InputError(f"cannot read the parameter set {name_or_path!r}", hint=f"packaged sets: {known}") from error
    if raw[:2] == b"PK" or name_or_path.endswith(".npz"):
        from cotreat.model.draw_set import read_draws

        return read_draws(raw, name_or_path)
    return _read_yaml(raw, name_or_path)


@lru_cache(maxsize=8)
def _read_yaml(raw: bytes, name_or_path: str) -> ParameterSet:
    """A set from the text of its file; reading it again costs a tenth of a second, so the last ones are kept."""
    try:
        document = yaml.safe_load(raw)
        parameters = {k: _parameter(k, v) for k, v in document["parameters"].items()}
        text: dict[str, Any] = {k: str(document[k]) for k in ("name", "status", "about", "does_not_claim")}
        structure = read_structure(document.get("structure", {}))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name_or_path}: not a parameter set ({reason})") from error
    checksum = "sha256:" + hashlib.sha256(raw).hexdigest()
    return ParameterSet(**text, parameters=parameters, checksum=checksum, structure=structure)


def read_structure(entry: Mapping[str, Any]) -> dict[str, str]:
    """The structure of a set, with its defaults; ValueError for one that does not exist."""
    structure = {"mood": "bistable"} | {str(k): str(v) for k, v in entry.items()}
    if structure.keys() != {"mood"} or structure["mood"] not in MOOD_STRUCTURES:
        raise ValueError(f"structure: mood is one of {', '.join(MOOD_STRUCTURES)}")
    return structure


def packaged_sets() -> list[str]:
    """Names of the parameter sets that come with the package."""
    files = resources.files("cotreat.model.parameters").iterdir()
    return sorted(f.name.rpartition(".")[0] for f in files if f.name.endswith(_ENDS))


def _parameter(name: str, entry: Mapping[str, Any]) -> Parameter:
    kind = entry["distribution"]
    if kind not in ("lognormal", "normal", "fixed"):
        raise ValueError(f"{name}: unknown distribution {kind!r}")
    median = float(entry["median"])
    range90 = tuple(float(v) for v in entry["range90"]) if "range90" in entry else None
    limits = tuple(float(v) for v in entry.get("limits", (-math.inf, math.inf)))
    if kind != "fixed" and (range90 is None or len(range90) != 2 or not range90[0] < median < range90[1]):
        raise ValueError(f"{name}: range90 must be two numbers with the median between them")
    if len(limits) != 2 or not limits[0] <= median <= limits[1] or not math.isfinite(median):
        raise ValueError(f"{name}: the median must be finite and inside its limits")
    if kind == "lognormal" and (median <= 0 or (range90 is not None and range90[0] <= 0)):
        raise ValueError(f"{name}: a lognormal parameter must be positive")
    return Parameter(
        name=name,
        distribution=kind,
        median=median,
        range90=None if range90 is None else (range90[0], range90[1]),
        limits=(limits[0], limits[1]),
        unit=str(entry["unit"]),
        identified=str(entry["identified"]),
        source=str(entry["source"]),
    )
