"""The source of the CPU kernel: the program's straight-line code inside the loop over patients and days.

Patients go through in blocks of ``width`` lanes. All numbers of a block lie in one buffer at offsets that are written
into the source, one row of lanes for each state, constant and input: so every loop over lanes becomes vector code. A
lane's arithmetic is the same wherever it stands, so neither blocks nor neighbours change a patient.
"""

from __future__ import annotations

from cotreat.simulate.kernel import emit
from cotreat.simulate.kernel.program import Program

WIDTH = 16


def source(p: Program, width: int = WIDTH) -> str:
    """Python source with one function, ``run``; see ``cpu`` for its arguments."""
    rows, at = _layout(p)
    real = "np.float32" if p.real == "f32" else "np.float64"
    w = width

    def lane(name: str) -> str:
        return f"s[{at[name] * w} + i]"

    loaded = {number: lane(name) for name, number in p.source.items() if name in at}
    once = {number: lane(f"once.{number}") for number in p.once}

    def loop(outputs: tuple[int, ...], into: list[str], given: dict[int, str], depth: int) -> str:
        code, results = emit.lines(p.graph, outputs, given, emit.numba)
        code += [f"{target} = {value}" for target, value in zip(into, results, strict=True)]
        return ("\n" + " " * depth).join(code)

    states = [lane(f"state.{n}") for n in p.states]
    key = {p.source[n]: n for n in ("key0", "key1", "counter0", "counter1")}
    fields = {
        "REAL": real,
        "W": str(w),
        "ROWS": str(rows * w),
        "NS": str(len(p.states)),
        "NC": str(len(p.constants)),
        "NI": str(len(p.inputs)),
        "STATES": str(len(p.states) * w),
        "MOVING": str((len(p.states) + len(p.sessions)) * w),
        "C0": str(at["constant." + p.constants[0]] * w),
        "U0": str(at["inputs"] * w),
        "NOISE": str(at["noise"] * w),
        "SCORE": str(at["score"] * w),
        "BASE": str(at["baseline"] * w),
        "REFERENCE": str(at["reference"] * w),
        "COUNT": str(at["count"] * w),
        "NSESSION": str(len(p.sessions)),
        "LEVELS": _numbers(p.levels),
        "SESSIONS": _numbers(p.sessions),
        "WORDS_BODY": _function(p, p.words, key),
        "PAIR_BODY": _function(p, p.pair, key),
        "ONCE": loop(p.once, [once[n] for n in p.once], loaded, 12) or "pass",
        "RATE": loop((p.score,), [lane("score")], loaded | once | {p.source["noise"]: "noise"}, 20),
        "GENERAL": loop(p.general, states, loaded | once, 24),
        "QUIET": loop(p.quiet, states, loaded | once, 24),
    }
    text = _TEMPLATE
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value)
    return text


def _layout(p: Program) -> tuple[int, dict[str, int]]:
    """Rows of the buffer, and the row of each name."""
    names = [f"state.{n}" for n in p.states]
    at: dict[str, int] = {}
    groups = [names, ["count"] * len(p.sessions), [f"constant.{n}" for n in p.constants]]
    groups += [[f"once.{n}" for n in p.once], ["inputs"] if not p.inputs else [f"input.{n}" for n in p.inputs]]
    groups += [["noise"], ["score"], ["baseline"], ["reference"]]
    row = 0
    for group in groups:
        for name in group:
            at.setdefault(name, row)
            row += 1
    at.setdefault("count", row)  # read by nothing when there are no sessions
    at.setdefault("inputs", at[f"input.{p.inputs[0]}"] if p.inputs else row)
    return row + 1, at


def _numbers(values: tuple[int, ...]) -> str:
    """A tuple in the source; Numba needs one element to know its type."""
    return f"({', '.join(map(str, values))},)" if values else "(-1,)"


def _function(p: Program, outputs: tuple[int, ...], given: dict[int, str]) -> str:
    code, results = emit.lines(p.graph, outputs, given, emit.numba)
    return "\n    ".join([*code, f"return {', '.join(results)}"])


_TEMPLATE = '''\
"""Generated from the model's step; do not edit."""

import math

import numpy as np
from numba import njit

from cotreat.simulate.kernel.intrinsics import bits_f32, bits_i32, bits_u32, fma, select, widest_vectors

INLINE = {"nogil": True, "error_model": "numpy", "forceinline": True}
LEVELS = @LEVELS@
SESSIONS = @SESSIONS@
NEVER = 1 << 28


@njit(**INLINE)
def words(key0, key1, counter0, counter1):
    @WORDS_BODY@


@njit(**INLINE)
def pair(key0, key1, counter0, counter1):
    @PAIR_BODY@


@njit(nogil=True, error_model="numpy")
def decide(s, q, lane, day, tracks, row0, rows, rule_index, rule_negate, rule_terms, rule_next):
    """Transitions of one lane on one day, track by track; the first that holds fires."""
    score = s[@SCORE@ + lane]
    for track in range(tracks):
        at = lane + track * @W@
        row = row0[q[0, at]] + min(day - q[1, at], rows[q[0, at]] - 1)
        for k in range(rule_index.shape[1]):
            if rule_index[row, k] < 0:
                continue
            holds = True
            for j in range(2):
                sign = rule_terms[row, k, j, 0]
                bound = rule_terms[row, k, j, 1] + rule_terms[row, k, j, 2] * s[@BASE@ + lane]
                bound = bound + rule_terms[row, k, j, 3] * s[@REFERENCE@ + lane]
                holds = holds and sign * score <= sign * bound
            if holds == (rule_negate[row, k] != 0):
                continue
            s[@REFERENCE@ + lane] = score
            for other in range(tracks):
                if rule_next[row, k, other] >= 0:
                    q[0, lane + other * @W@] = rule_next[row, k, other]
                    q[1, lane + other * @W@] = day
            if q[4, lane] < 0:
                return rule_index[row, k]
            break
    return -1


@njit(nogil=True, error_model="numpy")
def decide_first(s, q, f, lane, day, tracks, row0, rows, rule_index, rule_negate, rule_terms, rule_next):
    """Transitions of a lane, and the record of the first that fired."""
    for again in range(2):
        pass


@njit(nogil=True, error_model="numpy")
def run(
    span, words_of_run, constants, entry, lanes, patient, draw, baseline,
    first, row0, rows, spent, inputs, used, steps_used, due_in, rule_index, rule_negate, rule_terms, rule_next,
    score, phase, end_rule, end_day, end_score, sessions, end_sessions, final,
):
    pass
'''
