"""The kernel on an NVIDIA GPU: one thread for each patient, the whole course in registers.

It needs the extra ``gpu`` and a driver. Numba's simulator of GPUs (NUMBA_ENABLE_CUDASIM=1) runs the same source on the
processor, slowly, which is how the source is tested where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from importlib import import_module
from typing import Any, cast

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.model.patient import Channels
from cotreat.model.threefry import as_words
from cotreat.simulate.chunks import Job, Output, People
from cotreat.simulate.kernel.cuda_source import MOST_TRACKS, source
from cotreat.simulate.kernel.program import level_numbers, program
from cotreat.simulate.keys import MOOD, RATING, stream
from cotreat.simulate.tables import Tables

THREADS = 128
"""Threads of a block; a patient's numbers do not depend on it."""


def available() -> bool:
    """Whether a GPU can be used here."""
    try:
        found: Any = import_module("numba.cuda")
    except ImportError:
        return False
    return bool(found.is_available())


def require() -> None:
    """Refuse the engine where it cannot run."""
    if not available():
        raise InputError(
            "the engine gpu needs an NVIDIA GPU with its driver, and the extra gpu",
            hint="pip install 'cotreat[gpu]'; without a GPU the engine kernel gives the same numbers",
        )


def runner(job: Job) -> Callable[[People, Output], None]:
    """What runs a chunk of patients on the GPU and fills the output.

    Raises
    ------
    InputError
        There is no GPU, or the regimen has more statements than a thread has room for.
    """
    require()
    from numba import cuda

    if job.tracks > MOST_TRACKS:
        raise InputError(f"the engine gpu takes {MOST_TRACKS} independent statements at most, not {job.tracks}")
    seed = (np.uint32(job.seed & 0xFFFFFFFF), np.uint32(job.seed >> 32))
    span = (job.tables.start, job.weeks, job.steps, job.tracks, int(job.freeze), job.visit_days, *seed)
    levels = (job.steps // 4).bit_length()
    streams = as_words([stream(job.stage, RATING)] + [stream(job.stage, MOOD, level) for level in range(levels)])
    tables = gpu_tables(job.tables, level_numbers(job.channels))

    def run(people: People, out: Output) -> None:
        who = (
            np.stack([np.asarray(v, np.float32) for v in people.constants.values()]),
            np.ascontiguousarray(people.entry, np.float32),
            as_words(people.patient),
            as_words(people.draw),
            people.baseline.astype(np.float32),
        )
        n = len(people.lanes)
        into = [np.empty((*getattr(out, f.name).shape[:-1], n), getattr(out, f.name).dtype) for f in fields(out)]
        there = tuple(cuda.to_device(v) for v in into)
        call: Any = compiled(job.channels, tuple(people.constants))
        on_gpu = (cuda.to_device(streams), tuple(map(cuda.to_device, who)), tuple(map(cuda.to_device, tables)))
        call[-(-n // THREADS), THREADS](span, *on_gpu, there)
        for f, values, device in zip(fields(out), into, there, strict=True):
            getattr(out, f.name)[..., people.lanes] = device.copy_to_host(values)

    return run


def gpu_tables(tables: Tables, levels: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Tables with the inputs by input, step and row; in which steps of a row something is given at a time of day.

    A level (``levels`` are their numbers) that changes within a day makes all steps of that day count.
    """
    level = np.zeros(tables.inputs.shape[2], bool)
    level[list(levels)] = True
    timed = (tables.inputs[:, :, ~level] != 0).any(axis=2)
    timed |= (tables.inputs != tables.inputs[:, :1])[:, :, level].any(axis=(1, 2))[:, None]
    return (
        tables.first.astype(np.int32),
        tables.row0.astype(np.int32),
        tables.rows.astype(np.int32),
        tables.spent.astype(np.uint8),
        np.ascontiguousarray(tables.inputs.transpose(2, 1, 0), np.float32),
        np.ascontiguousarray(timed.T, np.uint8),
        np.asarray((tables.rule_index >= 0).any(axis=1), np.uint8),
        tables.rule_index.astype(np.int32),
        tables.rule_negate.astype(np.uint8),
        tables.rule_terms.astype(np.float32),
        tables.rule_next.astype(np.int32),
    )


@lru_cache(maxsize=16)
def compiled(channels: Channels, constants: tuple[str, ...]) -> Any:
    """The kernel of a set of channels, compiled for the GPU at its first call."""
    return kernel_of(source(program(channels, constants)))


def kernel_of(text: str) -> Any:
    """The kernel in a source text."""
    from numba import cuda, types

    scope: dict[str, Any] = {"cuda": cuda, "f32": np.float32, "u32": np.uint32, "i32": np.int32}
    if _simulated():
        scope |= {"fma": _fma, "mul": lambda a, b: a * b, "root": lambda a: np.float32(np.sqrt(a))}
        scope |= {f"bits_{a}_{b}": _viewed(kind) for a in _KINDS for b, kind in _KINDS.items() if a != b}
    else:
        from numba.cuda import libdevice

        # a product that is rounded by its own name is never merged with a sum
        scope |= {"fma": libdevice.fmaf, "mul": libdevice.fmul_rn, "root": libdevice.fsqrt_rn}
        kinds = {"f32": types.float32, "u32": types.uint32, "i32": types.int32}
        scope |= {f"bits_{a}_{b}": _bits(kinds[a], kinds[b]) for a in kinds for b in kinds if a != b}
    exec(compile(text, "<gpu kernel>", "exec"), scope)
    return scope["run"]


_KINDS = {"f32": np.float32, "u32": np.uint32, "i32": np.int32}


def _simulated() -> bool:
    from numba import config

    return bool(cast(Any, config).ENABLE_CUDASIM)


def _fma(a: Any, b: Any, c: Any) -> Any:
    """a b + c with one rounding to float32, but for ties that float64 makes."""
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))


def _viewed(kind: Any) -> Callable[[Any], Any]:
    return lambda x: x.view(kind)


def _bits(old: Any, new: Any) -> Any:
    """The same bits as another type, for the compiler."""
    from llvmlite import ir  # type: ignore[import-untyped, unused-ignore]
    from numba import types
    from numba.cuda.extending import intrinsic

    target = ir.FloatType() if new == types.float32 else ir.IntType(32)

    def typed(typing: Any, value: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], target)

        return new(old), write

    return intrinsic(typed)
