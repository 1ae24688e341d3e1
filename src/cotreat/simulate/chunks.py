"""A chunk of a run: patients who go through an engine together.

What a chunk gives is a function of its job and its patients alone, so chunks may run in any order, on any number of
threads or machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cotreat.model.patient import Channels
from cotreat.simulate.tables import Tables

Engine = Literal["kernel", "kernel64", "reference", "gpu"]
ENGINES: tuple[Engine, ...] = ("kernel", "kernel64", "reference", "gpu")


@dataclass(frozen=True)
class Job:
    """What all chunks of patients with the same step share.

    ``stage`` 0 or 1 and ``seed`` choose the random numbers; ``freeze``: a patient whose phases are all spent stays as
    is; ``visit_days``: days between the visits written down (1 or 7).
    """

    channels: Channels
    tables: Tables
    weeks: int
    seed: int
    stage: int = 0
    freeze: bool = False
    visit_days: int = 7

    @property
    def steps(self) -> int:
        """Steps a day."""
        return int(self.tables.inputs.shape[1])

    @property
    def tracks(self) -> int:
        """Statements with a clock of their own."""
        return len(self.tables.first)


@dataclass(frozen=True)
class People:
    """Patients of a chunk: arrays with one value for each.

    ``constants`` by name, of the step and of the rating; ``entry`` (states, patients); ``lanes`` their places in the
    output; ``patient`` and ``draw`` numbers; ``baseline`` scores.
    """

    constants: dict[str, np.ndarray]
    entry: np.ndarray
    lanes: np.ndarray
    patient: np.ndarray
    draw: np.ndarray
    baseline: np.ndarray


@dataclass(frozen=True)
class Output:
    """Arrays of a whole run, which each chunk fills at its ``lanes``.

    ``score`` (visits, n); ``record`` (visits, recorded states, n); ``phase`` (visits, tracks, n); ``end_rule``,
    ``end_day``, ``end_score`` (n,): the first transition that fired (-1: none); ``sessions`` and ``end_sessions``
    (stimulations, n): given in all, and before that transition; ``state`` (states, n) at the end.
    """

    score: np.ndarray
    record: np.ndarray
    phase: np.ndarray
    end_rule: np.ndarray
    end_day: np.ndarray
    end_score: np.ndarray
    sessions: np.ndarray
    end_sessions: np.ndarray
    state: np.ndarray

    @classmethod
    def empty(cls, channels: Channels, tracks: int, visits: int, n: int) -> Output:
        """Arrays to be filled."""
        stimulations, real = len(channels.stimulations), np.float32
        return cls(
            score=np.empty((visits, n), real),
            record=np.empty((visits, len(channels.recorded), n), real),
            phase=np.empty((visits, tracks, n), np.int16),
            end_rule=np.empty(n, np.int32),
            end_day=np.empty(n, np.int32),
            end_score=np.empty(n, real),
            sessions=np.empty((stimulations, n), real),
            end_sessions=np.empty((stimulations, n), real),
            state=np.empty((len(channels.states), n), real),
        )
