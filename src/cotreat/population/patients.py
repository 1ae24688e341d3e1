"""Parameters and traits of the patients of a cohort, without writing a parameter of the draw down for each patient.

A mapping from names to arrays with one value for each patient. What belongs to a draw is kept once for each draw and
spread over its patients when it is read; what belongs to a patient is kept as it is. A million patients then need what
their traits need, not what all parameters would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping

import numpy as np


class PatientValues(MutableMapping[str, np.ndarray]):
    """Values by name, arrays of shape (patients,) in float64.

    Parameters
    ----------
    draw
        Number of the draw of each patient.
    by_draw
        Arrays with one value for each draw.
    own
        Arrays with one value for each patient; they take precedence.
    """

    def __init__(self, draw: np.ndarray, by_draw: Mapping[str, np.ndarray], own: Mapping[str, np.ndarray]) -> None:
        self._draw, self._by_draw, self._own = draw, dict(by_draw), dict(own)

    def __getitem__(self, name: str) -> np.ndarray:
        own = self._own.get(name)
        return self._by_draw[name][self._draw] if own is None else own

    def __setitem__(self, name: str, values: np.ndarray) -> None:
        self._own[name] = values

    def __delitem__(self, name: str) -> None:
        found = [part.pop(name) for part in (self._own, self._by_draw) if name in part]
        if not found:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        yield from self._by_draw
        yield from (name for name in self._own if name not in self._by_draw)

    def __len__(self) -> int:
        return len(self._by_draw.keys() | self._own.keys())

    def copy(self) -> PatientValues:
        """The same values; setting one leaves the original as it is."""
        return PatientValues(self._draw, self._by_draw, self._own)

    def take(self, index: np.ndarray) -> PatientValues:
        """The patients at ``index``."""
        return PatientValues(self._draw[index], self._by_draw, {k: v[index] for k, v in self._own.items()})

    def whole(self) -> dict[str, np.ndarray]:
        """Every value of every patient."""
        return {name: self[name] for name in self}

    @property
    def by_draw(self) -> Mapping[str, np.ndarray]:
        """What belongs to a draw, one value for each draw (also where some patients have values of their own)."""
        return self._by_draw

    @staticmethod
    def joined(parts: list[PatientValues]) -> PatientValues:
        """Patients of several cohorts of the same draws, one after the other."""
        draw = np.concatenate([p._draw for p in parts])
        names = {name for p in parts for name in p._own}
        own = {k: np.concatenate([p[k] if k in p else np.zeros(len(p._draw)) for p in parts]) for k in sorted(names)}
        return PatientValues(draw, parts[0]._by_draw, own)
