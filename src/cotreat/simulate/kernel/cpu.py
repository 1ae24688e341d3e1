"""The kernel on processors: tables as it reads them, and one chunk of patients run through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from cotreat.model.threefry import as_words
from cotreat.simulate.chunks import Job, Output, People
from cotreat.simulate.kernel import cache
from cotreat.simulate.kernel.program import Real, level_numbers, machine_dtype, program
from cotreat.simulate.keys import MOOD, RATING, stream
from cotreat.simulate.tables import Tables

_NEVER = 1 << 28


def runner(job: Job, real: Real = "f32") -> Callable[[People, Output], None]:
    """What runs a chunk of patients and fills the output; compiled at the first chunk.

    ``real`` "f64" keeps states in float64, to tell rounding from logic; the random numbers stay the same.
    """
    dtype = machine_dtype(real)
    span = (job.tables.start, job.weeks, job.steps, job.tracks, int(job.freeze), job.visit_days)
    seed = np.concatenate([as_words(job.seed & 0xFFFFFFFF), as_words(job.seed >> 32)])
    levels = (job.steps // 4).bit_length()
    streams = as_words([stream(job.stage, RATING)] + [stream(job.stage, MOOD, level) for level in range(levels)])
    tables = kernel_tables(job.tables, level_numbers(job.channels), dtype)

    def run(people: People, out: Output) -> None:
        who = (
            np.stack([np.asarray(v, dtype) for v in people.constants.values()]),
            np.ascontiguousarray(people.entry, dtype),
            people.lanes.astype(np.int64),
            as_words(people.patient),
            as_words(people.draw),
            people.baseline.astype(dtype),
        )
        into = tuple(getattr(out, f.name) for f in fields(out))
        arguments = (span, seed, streams, who, tables, into)
        names = tuple(people.constants)
        key = (job.channels, names, real)
        cache.kernel(key, lambda: program(job.channels, names, real), arguments)(*arguments)

    return run


def kernel_tables(tables: Tables, levels: tuple[int, ...], dtype: Any) -> tuple[np.ndarray, ...]:
    """Tables with the inputs by input, step and row; which inputs and steps each row uses; days to the next decision.

    A level (``levels`` are their numbers) that changes within a day makes all steps of that day count as used.
    """
    given = tables.inputs != 0
    level = np.zeros(given.shape[2], bool)
    level[list(levels)] = True
    timed = given[:, :, ~level].any(axis=2)
    timed |= (tables.inputs != tables.inputs[:, :1])[:, :, level].any(axis=(1, 2))[:, None]
    levels_then = tables.inputs[:, -1, level][np.maximum(np.arange(len(given)) - 1, 0)]
    new = np.zeros(len(given), bool)
    new |= timed.any(axis=1)
    new |= (tables.inputs[:, 0, level] != levels_then).any(axis=1)
    return (
        tables.first,
        tables.row0,
        tables.rows,
        tables.spent.astype(np.uint8),
        np.ascontiguousarray(tables.inputs.transpose(2, 1, 0), dtype).reshape(-1),
        _bits(given.any(axis=1), -(-given.shape[2] // 64) or 1),
        _bits(timed, 2),
        _days_to(tables, tables.rule_index.max(axis=1) >= 0),
        _days_to(tables, new, first=1),
        tables.rule_index,
        tables.rule_negate.astype(np.uint8),
        tables.rule_terms.astype(dtype),
        tables.rule_next,
    )


def _bits(flags: np.ndarray, count: int) -> np.ndarray:
    """Flags of each row as ``count`` words of 64 bits, the first flag lowest."""
    rows, n = flags.shape
    wide = np.zeros((rows, 64 * count), np.uint64)
    wide[:, :n] = flags
    shifted = wide.reshape(rows, count, 64) << np.arange(64, dtype=np.uint64)
    return np.asarray(shifted.sum(axis=2, dtype=np.uint64))


def _days_to(tables: Tables, marked: np.ndarray, first: int = 0) -> np.ndarray:
    """Days from each row to the next marked row of its phase, ``first`` days ahead at the soonest."""
    count = len(marked)
    number = np.arange(count)
    following = np.where(marked, number, _NEVER)
    following = np.minimum.accumulate(following[::-1])[::-1]
    following = np.concatenate([following[first:], np.full(first, _NEVER)])
    last = np.zeros(count, np.int64)
    for row0, rows in zip(tables.row0, tables.rows, strict=True):
        last[row0 : row0 + rows] = row0 + rows - 1
    return np.where(following <= last, following - number, _NEVER).astype(np.int32)
