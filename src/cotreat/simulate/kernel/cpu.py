"""The kernel on processors: tables as it reads them, and one chunk of patients run through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from cotreat.model.patient import Channels
from cotreat.model.threefry import as_words
from cotreat.simulate.kernel import cache
from cotreat.simulate.kernel.program import LEVEL, Real, machine_dtype, program
from cotreat.simulate.kernel.source import source
from cotreat.simulate.keys import MOOD, RATING, stream
from cotreat.simulate.tables import Tables

_NEVER = 1 << 28


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
class Course:
    """Output arrays of a run, filled at ``People.lanes``; shapes as in ``simulate.run.Course``, ``state`` (states, n)."""

    score: np.ndarray
    record: np.ndarray
    phase: np.ndarray
    end_rule: np.ndarray
    end_day: np.ndarray
    end_score: np.ndarray
    sessions: np.ndarray
    end_sessions: np.ndarray
    state: np.ndarray


@dataclass(frozen=True)
class Job:
    """What all chunks of patients with the same step share.

    ``stage`` 0 or 1 and ``seed`` choose the random numbers; ``freeze``: a patient whose phases are all spent stays as is.
    """

    channels: Channels
    tables: Tables
    weeks: int
    seed: int
    stage: int = 0
    freeze: bool = False
    real: Real = "f32"

    @property
    def steps(self) -> int:
        """Steps a day."""
        return int(self.tables.inputs.shape[1])

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The tables as the kernel reads them."""
        levels = tuple(j for j, name in enumerate(self.channels.inputs) if name.startswith(LEVEL))
        return kernel_tables(self.tables, levels, machine_dtype(self.real))

    @cached_property
    def streams(self) -> np.ndarray:
        """Numbers of the random streams: rating, then mood by level."""
        levels = (self.steps // 4).bit_length()
        numbers = [stream(self.stage, RATING)] + [stream(self.stage, MOOD, level) for level in range(levels)]
        return as_words(numbers)

    def run(self, people: People, out: Course) -> None:
        """Run a chunk of patients and fill the output."""
        dtype = machine_dtype(self.real)
        run = compiled(self.channels, tuple(people.constants), self.real)
        constants = np.stack([np.asarray(v, dtype) for v in people.constants.values()])
        run(
            (self.tables.start, self.weeks, self.steps, len(self.tables.first), self.freeze),
            np.concatenate([as_words(self.seed & 0xFFFFFFFF), as_words(self.seed >> 32)]),
            self.streams,
            (
                constants,
                np.ascontiguousarray(people.entry, dtype),
                people.lanes.astype(np.int64),
                as_words(people.patient),
                as_words(people.draw),
                people.baseline.astype(dtype),
            ),
            self.arrays,
            tuple(getattr(out, f.name) for f in fields(out)),
        )


def compiled(channels: Channels, constants: tuple[str, ...], real: Real = "f32") -> Callable[..., None]:
    """The compiled kernel; made once in a process, and kept on disk for later ones."""
    return cache.kernel((channels, constants, real), lambda: source(program(channels, constants, real)))


def kernel_tables(tables: Tables, levels: tuple[int, ...], dtype: Any) -> tuple[np.ndarray, ...]:
    """Tables with the inputs by input, step and row; which inputs and steps each row uses; days to the next decision.

    A level (``levels`` are their numbers) that changes within a day makes all steps of that day count as used.
    """
    given = tables.inputs != 0
    level = np.zeros(given.shape[2], bool)
    level[list(levels)] = True
    timed = given[:, :, ~level].any(axis=2)
    timed |= (tables.inputs != tables.inputs[:, :1])[:, :, level].any(axis=(1, 2))[:, None]
    used = np.concatenate([given.any(axis=1), given.any(axis=(1, 2))[:, None]], axis=1)
    return (
        tables.first,
        tables.row0,
        tables.rows,
        tables.spent.astype(np.uint8),
        np.ascontiguousarray(tables.inputs.transpose(2, 1, 0), dtype).reshape(-1),
        used.astype(np.uint8),
        timed.astype(np.uint8),
        _due_in(tables),
        tables.rule_index,
        tables.rule_negate.astype(np.uint8),
        tables.rule_terms.astype(dtype),
        tables.rule_next,
    )


def _due_in(tables: Tables) -> np.ndarray:
    """Days from each row to the next row of its phase with a decision."""
    count = len(tables.rule_index)
    number = np.arange(count)
    following = np.where((tables.rule_index >= 0).any(axis=1), number, _NEVER)
    following = np.minimum.accumulate(following[::-1])[::-1]
    last = np.zeros(count, np.int64)
    for row0, rows in zip(tables.row0, tables.rows, strict=True):
        last[row0 : row0 + rows] = row0 + rows - 1
    return np.where(following <= last, following - number, _NEVER).astype(np.int32)
