"""The source of the CPU kernel: the program's straight-line code inside the loop over patients and days.

Patients go through in blocks of ``width`` lanes. All numbers of a block lie in one buffer at offsets that are written
into the source, one row of lanes for each state, constant and input: so every loop over lanes becomes vector code. A
lane's arithmetic is the same wherever it stands, so neither blocks nor neighbours change a patient.
"""

from __future__ import annotations

from cotreat.simulate.kernel.program import Program

WIDTH = 32


def source(p: Program, name: str, width: int = WIDTH) -> str:
    """Python source with one function, ``run``; see ``cpu`` for its arguments.

    ``name`` is that under which ``machine`` knows the program.
    """
    rows, at = _layout(p)
    real = "np.float32" if p.real == "f32" else "np.float64"
    w = width

    fields = {
        "REAL": real,
        "W": str(w),
        "ROWS": str(rows * w),
        "NS": str(len(p.states)),
        "NC": str(len(p.constants)),
        "NI": str(len(p.inputs)),
        "STATES": str(len(p.states) * w),
        "MOVING": str((len(p.states) + len(p.sessions)) * w),
        "C0": str(at[p.constants[0]] * w),
        "U0": str(at["inputs"] * w),
        "NOISE": str(at["noise"] * w),
        "SCORE": str(at["score"] * w),
        "BASE": str(at["baseline"] * w),
        "REFERENCE": str(at["reference"] * w),
        "COUNT": str(at["count"] * w),
        "NWORD": str(-(-len(p.inputs) // 64) or 1),
        "NRECORD": str(len(p.recorded)),
        "RECORDED": _numbers(p.recorded),
        "NSESSION": str(len(p.sessions)),
        "LEVELS": _numbers(p.levels),
        "SESSIONS": _numbers(p.sessions),
        "NAME": repr(name),
        "ROW": repr(at),
    }
    text = _TEMPLATE
    for mark, value in fields.items():
        text = text.replace(f"@{mark}@", value)
    return text


def _layout(p: Program) -> tuple[int, dict[str, int]]:
    """Rows of the buffer, and the row of each name."""
    at: dict[str, int] = {}
    groups = [list(p.states), ["count"] * len(p.sessions), list(p.constants), [f"once.{n}" for n in p.once]]
    groups += [list(p.inputs) or ["inputs"], ["noise"], ["score"], ["baseline"], ["reference"]]
    row = 0
    for group in groups:
        for name in group:
            at.setdefault(name, row)
            row += 1
    at.setdefault("count", row)  # read by nothing when there are no sessions
    at.setdefault("inputs", at[p.inputs[0]] if p.inputs else row)
    return row + 1, at


def _numbers(values: tuple[int, ...]) -> str:
    """A tuple in the source; Numba needs one element to know its type."""
    return f"({', '.join(map(str, values))},)" if values else "(-1,)"


_TEMPLATE = '''\
"""Generated from the model's step; do not edit."""

import numpy as np
from numba import njit

from cotreat.simulate.kernel import machine

LEVELS = @LEVELS@
SESSIONS = @SESSIONS@
RECORDED = @RECORDED@
NEVER = 1 << 28
ROW = @ROW@
once = machine.on_lanes(@NAME@, "once", ROW, @W@)
rate = machine.on_lanes(@NAME@, "score", ROW, @W@)
general = machine.on_lanes(@NAME@, "general", ROW, @W@)
pair = machine.of_words(@NAME@, "pair")
words = machine.of_words(@NAME@, "words")
widest_vectors = machine.widest_vectors()
quiet = machine.on_lanes(@NAME@, "quiet", ROW, @W@)


@njit(nogil=True, error_model="numpy")
def decide(s, q, ended, kept, lane, day, tracks, row0, rows, rule_index, rule_negate, rule_terms, rule_next):
    """Transitions of one lane on one day, track by track; of each the first that holds fires."""
    score = s[@SCORE@ + lane]
    for track in range(tracks):
        here = q[0, lane + track * @W@]
        row = row0[here] + min(day - q[1, lane + track * @W@], rows[here] - 1)
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
            if ended[0, lane] < 0:
                ended[0, lane] = rule_index[row, k]
                ended[1, lane] = day
                kept[0, lane] = score
                for j in range(@NSESSION@):
                    kept[1 + j, lane] = s[@COUNT@ + j * @W@ + lane]
            break


@njit(nogil=True, error_model="numpy")
def place(q, day, tracks, row0, rows, due_in):
    """Rows of all lanes on a day; the next day on which a decision is due."""
    due = np.int64(NEVER)
    for a in range(tracks * @W@):
        here = q[0, a]
        q[2, a] = row0[here] + min(day - q[1, a], rows[here] - 1)
        q[3, a] = row0[here] + rows[here] - 1
        due = min(due, day + due_in[q[2, a]])
    return due


@njit(nogil=True, error_model="numpy")
def noise_of_day(z, both, key, number, day, steps):
    """Normal numbers of the steps of a day: four, bisected until there are enough."""
    widest_vectors()
    for p in range(2):
        tick = np.uint32(2 * day + p)
        for i in range(@W@):
            a, b = pair(key[@W@ * 2 + i], key[@W@ * 3 + i], number[i], tick)
            z[2 * p * @W@ + i] = a
            z[(2 * p + 1) * @W@ + i] = b
    half = np.float32(0.5**0.5)
    count = 4
    level = 2
    while count < steps:
        at = level * 2 * @W@
        for back in range(count // 2):
            p = count // 2 - 1 - back
            tick = np.uint32(day * (count // 2) + p)
            for i in range(@W@):
                a, b = pair(key[at + i], key[at + @W@ + i], number[i], tick)
                both[i] = a
                both[@W@ + i] = b
            # what is bisected is set aside, since the halves may lie in its place
            for i in range(2 * @W@):
                both[2 * @W@ + i] = z[2 * p * @W@ + i]
            for i in range(@W@):
                z[4 * p * @W@ + i] = (both[2 * @W@ + i] + both[i]) * half
                z[(4 * p + 1) * @W@ + i] = (both[2 * @W@ + i] - both[i]) * half
                z[(4 * p + 2) * @W@ + i] = (both[3 * @W@ + i] + both[@W@ + i]) * half
                z[(4 * p + 3) * @W@ + i] = (both[3 * @W@ + i] - both[@W@ + i]) * half
        count *= 2
        level += 1


@njit(nogil=True, error_model="numpy", forceinline=True)
def is_in(bits, j):
    return (bits[j >> 6] >> np.uint64(j & 63)) & np.uint64(1) != 0


@njit(nogil=True, error_model="numpy")
def give(s, q, tracks, inputs, at, j):
    """Input j of every lane, added over tracks."""
    for i in range(@W@):
        s[@U0@ + j * @W@ + i] = inputs[at + q[2, i]]
    for t in range(1, tracks):
        for i in range(@W@):
            s[@U0@ + j * @W@ + i] += inputs[at + q[2, t * @W@ + i]]


@njit(nogil=True, error_model="numpy")
def give_nothing(s, j):
    for i in range(@W@):
        s[@U0@ + j * @W@ + i] = @REAL@(0.0)


@njit(nogil=True, error_model="numpy")
def run(span, seed, streams, people, tables, out):
    start, weeks, steps, tracks, freeze, visit_days = span
    constants, entry, lanes, patient, draw, baseline = people
    first, row0, rows, spent, inputs, used, steps_used, due_in, rule_index, rule_negate, rule_terms, rule_next = tables
    out_score, out_record, out_phase, out_rule, out_day, out_end_score, out_sessions, out_end_sessions, out_state = out
    widest_vectors()
    n = lanes.shape[0]
    nrow = used.shape[0]
    last = start + 7 * weeks
    s = np.zeros(@ROWS@, @REAL@)
    before = np.zeros(@MOVING@, @REAL@)
    z = np.empty(steps * @W@, np.float32)
    both = np.empty(4 * @W@, np.float32)
    key = np.empty(streams.shape[0] * 2 * @W@, np.uint32)
    number = np.empty(@W@, np.uint32)
    q = np.empty((4, tracks * @W@), np.int32)
    ended = np.empty((2, @W@), np.int32)
    kept = np.empty((1 + @NSESSION@, @W@), @REAL@)
    frozen = np.zeros(@W@, np.uint8)
    today = np.zeros(@NWORD@, np.uint64)
    given = np.zeros(@NWORD@, np.uint64)
    timed = np.zeros(2, np.uint64)
    for o in range(0, n, @W@):
        for i in range(@W@):
            a = min(o + i, n - 1)
            for j in range(@NS@):
                s[j * @W@ + i] = entry[j, a]
            for j in range(@NC@):
                s[@C0@ + j * @W@ + i] = constants[j, a]
            for j in range(@NI@):
                s[@U0@ + j * @W@ + i] = @REAL@(0.0)
            for j in range(@NSESSION@):
                s[@COUNT@ + j * @W@ + i] = @REAL@(0.0)
            s[@BASE@ + i] = baseline[a]
            s[@REFERENCE@ + i] = baseline[a]
            number[i] = patient[a]
            for j in range(streams.shape[0]):
                k0, k1 = words(seed[0], seed[1], draw[a], streams[j])
                key[2 * j * @W@ + i] = k0
                key[(2 * j + 1) * @W@ + i] = k1
            for t in range(tracks):
                q[0, t * @W@ + i] = first[t]
                q[1, t * @W@ + i] = start
            ended[0, i] = -1
            ended[1, i] = 0
            for j in range(1 + @NSESSION@):
                kept[j, i] = @REAL@(0.0)
        for i in range(@W@):
            once(s, i)
        given[:] = 0
        due = place(q, start, tracks, row0, rows, due_in)
        for day in range(start, last + 1):
            visit = (day - start) % visit_days == 0
            if visit or day == due:
                tick = np.uint32(day)
                for i in range(@W@):
                    normal, _ = pair(key[i], key[@W@ + i], number[i], tick)
                    s[@NOISE@ + i] = normal
                for i in range(@W@):
                    rate(s, i)
            if day == due:
                for i in range(@W@):
                    decide(
                        s, q, ended, kept, i, day, tracks, row0, rows, rule_index, rule_negate, rule_terms, rule_next
                    )
                due = place(q, day + 1, tracks, row0, rows, due_in)
                place(q, day, tracks, row0, rows, due_in)
            if visit:
                week = (day - start) // visit_days
                for i in range(min(@W@, n - o)):
                    out_score[week, lanes[o + i]] = s[@SCORE@ + i]
                    for j in range(@NRECORD@):
                        out_record[week, j, lanes[o + i]] = s[RECORDED[j] * @W@ + i]
                    for t in range(tracks):
                        out_phase[week, t, lanes[o + i]] = q[0, t * @W@ + i]
            if day == last:
                break

            still = 0
            if freeze:
                for i in range(@W@):
                    rests = True
                    for t in range(tracks):
                        rests = rests and spent[q[0, t * @W@ + i]] != 0
                    frozen[i] = rests
                    still += rests
                if still == @W@:
                    place(q, day + 1, tracks, row0, rows, due_in)
                    continue
                if still:
                    for a in range(@MOVING@):
                        before[a] = s[a]

            today[:] = 0
            timed[:] = 0
            for a in range(tracks * @W@):
                for j in range(@NWORD@):
                    today[j] |= used[q[2, a], j]
                timed[0] |= steps_used[q[2, a], 0]
                timed[1] |= steps_used[q[2, a], 1]
            for j in LEVELS:
                if j >= 0:
                    if is_in(today, j):
                        give(s, q, tracks, inputs, j * steps * nrow, j)
                    elif is_in(given, j):
                        give_nothing(s, j)
            for j in range(@NWORD@):
                given[j] |= today[j]
            noise_of_day(z, both, key, number, day, steps)
            for k in range(steps):
                for i in range(@W@):
                    s[@NOISE@ + i] = z[k * @W@ + i]
                if is_in(timed, k):
                    for j in range(@NI@):
                        if is_in(today, j):
                            give(s, q, tracks, inputs, (j * steps + k) * nrow, j)
                        elif is_in(given, j):
                            give_nothing(s, j)
                    given[:] = today
                    m = 0
                    for j in SESSIONS:
                        if j >= 0:
                            for i in range(@W@):
                                s[@COUNT@ + m * @W@ + i] += s[@U0@ + j * @W@ + i]
                            m += 1
                    for i in range(@W@):
                        general(s, i)
                else:
                    for i in range(@W@):
                        quiet(s, i)

            if still:
                for i in range(@W@):
                    if frozen[i]:
                        for a in range(i, @MOVING@, @W@):
                            s[a] = before[a]
            # what has decayed to almost nothing becomes nothing: arithmetic on denormal numbers is slow
            for a in range(@STATES@):
                v = s[a]
                s[a] = @REAL@(0.0) if abs(v) < @REAL@(1e-25) else v
            for a in range(tracks * @W@):
                q[2, a] = min(q[2, a] + 1, q[3, a])
        for i in range(min(@W@, n - o)):
            a = lanes[o + i]
            out_rule[a] = ended[0, i]
            out_day[a] = ended[1, i]
            out_end_score[a] = kept[0, i]
            for j in range(@NSESSION@):
                out_sessions[j, a] = s[@COUNT@ + j * @W@ + i]
                out_end_sessions[j, a] = kept[1 + j, i]
            for j in range(@NS@):
                out_state[j, a] = s[j * @W@ + i]
'''
