"""The source of the CPU kernel: the program's straight-line code inside the loop over patients and days.

Patients go through in blocks of ``width`` lanes. All numbers of a block lie in one buffer at offsets that are written
into the source, one row of lanes for each state, constant and input: so every loop over lanes becomes vector code. A
lane's arithmetic is the same wherever it stands, so neither blocks nor neighbours change a patient.
"""

from __future__ import annotations

import re

from cotreat.simulate.kernel.program import Program

WIDTH = 48


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
        "PARTS": "\n".join(
            [f'branch{b} = machine.on_block({name!r}, "branch{b}", ROW, {w})' for b in range(len(p.parts.branches))]
            + ([f'bare = machine.on_block({name!r}, "bare", ROW, {w})'] if p.parts.bare else [])
        ),
        "NAME": repr(name),
        "ROW": repr(at),
    }
    text = _TEMPLATE
    for mark, lines in _choices(p).items():
        found = re.search(rf"^( *)@{mark}@\n", text, flags=re.M)
        assert found is not None
        text = text.replace(found[0], "".join(f"{found[1]}{line}\n" for line in lines))
    for mark, value in fields.items():
        text = text.replace(f"@{mark}@", value)
    return text


def _layout(p: Program) -> tuple[int, dict[str, int]]:
    """Rows of the buffer, and the row of each name."""
    at: dict[str, int] = {}
    groups = [list(p.states), ["count"] * len(p.sessions), list(p.constants), [f"node.{n}" for n in p.once]]
    groups += [[f"node.{n}" for b in p.parts.branches for n in b.seen]]
    groups += [list(p.inputs) or ["inputs"], ["noise"], ["score"], ["baseline"], ["reference"]]
    row = 0
    for group in groups:
        for name in group:
            at.setdefault(name, row)
            row += 1
    at.setdefault("count", row)  # read by nothing when there are no sessions
    at.setdefault("inputs", at[p.inputs[0]] if p.inputs else row)
    return row + 1, at


def _choices(p: Program) -> dict[str, list[str]]:
    """Lines that leave out of a quiet step what is nothing in the whole block, by their mark in the template.

    ``active<b>``: branch b is, or may be, something; ``touched``: a state that the bare trunk takes for nothing is not.
    """
    at_rest, awake, leveled, quiet = [], [], [], []
    for b, branch in enumerate(p.parts.branches):
        at_rest += [f"active{b} = is_any(s, {_numbers(branch.states)})"]
        at_rest += [f"if not active{b}:", f"    branch{b}(s, error, 0)"]  # what the trunk sees of nothing
        awake += [f"active{b} = active{b} or is_any(s, {_numbers(branch.states)})"]
        leveled += [f"active{b} = active{b} or is_in(today, {j})" for j in branch.levels]
        quiet += [f"if active{b}:", f"    branch{b}(s, z, k * @W@)"]
    if p.parts.bare:
        at_rest += [f"touched = is_any(s, {_numbers(p.parts.resting)})"]
        awake += [f"touched = touched or is_any(s, {_numbers(p.parts.resting)})"]
        quiet += ["if touched:", "    trunk(s, z, k * @W@)", "else:", "    bare(s, z, k * @W@)"]
    else:
        quiet += ["trunk(s, z, k * @W@)"]
    return {"AT_REST": at_rest, "AWAKE": awake, "LEVELED": leveled, "QUIET": quiet}


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
once = machine.on_block(@NAME@, "once", ROW, @W@)
rate = machine.on_block(@NAME@, "score", ROW, @W@)
general = machine.on_block(@NAME@, "general", ROW, @W@)
trunk = machine.on_block(@NAME@, "trunk", ROW, @W@)
@PARTS@
normals = machine.of_words(@NAME@, "pair", @W@)
words = machine.of_words(@NAME@, "words", @W@)
bridges = machine.of_words(@NAME@, "bridge", @W@)
widest_vectors = machine.widest_vectors()


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
def place(q, day, tracks, row0, rows, ahead):
    """Rows of all lanes on a day; the next day of interest, when each row knows how many days ``ahead`` its is."""
    following = np.int64(NEVER)
    for a in range(tracks * @W@):
        here = q[0, a]
        row = row0[here] + min(day - q[1, a], rows[here] - 1)
        q[2, a] = row
        following = min(following, day + ahead[row])
    return following


@njit(nogil=True, error_model="numpy")
def noise_of_day(z, key, number, day, steps):
    """Normal numbers of the steps of a day: four, bisected until there are enough."""
    widest_vectors()
    for p in range(2):
        normals(key, number, np.uint32(2 * day + p), z, (2, 0, 2 * p))
    count = 4
    level = 2
    while count < steps:
        for back in range(count // 2):
            p = count // 2 - 1 - back
            bridges(key, number, np.uint32(day * (count // 2) + p), z, (2 * level, 2 * p, 4 * p))
        count *= 2
        level += 1


@njit(nogil=True, error_model="numpy", forceinline=True)
def aligned(count, kind):
    """An array of zeros that begins with a line of the cache."""
    whole = np.zeros(count + 16, kind)
    skip = (64 - whole.ctypes.data % 64) % 64 // whole.itemsize
    return whole[skip : skip + count]


@njit(nogil=True, error_model="numpy", forceinline=True)
def is_in(bits, j):
    return (bits[j >> 6] >> np.uint64(j & 63)) & np.uint64(1) != 0


@njit(nogil=True, error_model="numpy", forceinline=True)
def set_bits(bits, others):
    for j in range(bits.shape[0]):
        bits[j] = others[j]


@njit(nogil=True, error_model="numpy")
def is_any(s, rows):
    """Whether anything in some rows is not 0."""
    found = False
    for j in rows:
        for i in range(j * @W@, (j + 1) * @W@):
            found |= s[i] != 0
    return found


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
    first, row0, rows, spent, inputs, used, steps_used, due_in, new_in = tables[:9]
    rule_index, rule_negate, rule_terms, rule_next = tables[9:]
    out_score, out_record, out_phase, out_rule, out_day, out_end_score, out_sessions, out_end_sessions, out_state = out
    widest_vectors()
    n = lanes.shape[0]
    nrow = used.shape[0]
    last = start + 7 * weeks
    s = aligned(@ROWS@, np.dtype(@REAL@))
    before = np.zeros(@MOVING@, @REAL@)
    z = aligned(steps * @W@, np.dtype(np.float32))
    error = aligned(2 * @W@, np.dtype(np.float32))
    secret = np.empty(2 * @W@, np.uint32)
    for i in range(@W@):
        secret[i] = seed[0]
        secret[@W@ + i] = seed[1]
    who = np.empty(@W@, np.uint32)
    key = aligned(streams.shape[0] * 2 * @W@, np.dtype(np.uint32))
    number = np.empty(@W@, np.uint32)
    q = np.empty((3, tracks * @W@), np.int32)
    ended = np.empty((2, @W@), np.int32)
    kept = np.empty((1 + @NSESSION@, @W@), @REAL@)
    frozen = np.zeros(@W@, np.uint8)
    today = np.zeros(@NWORD@, np.uint64)
    given = np.zeros(@NWORD@, np.uint64)
    timed = np.zeros(2, np.uint64)
    nothing = np.zeros(max(2, @NWORD@), np.uint64)
    for o in range(0, n, @W@):
        here = min(@W@, n - o)
        for i in range(@W@):
            a = min(o + i, n - 1)
            s[@BASE@ + i] = baseline[a]
            s[@REFERENCE@ + i] = baseline[a]
            number[i] = patient[a]
            who[i] = draw[a]
            for t in range(tracks):
                q[0, t * @W@ + i] = first[t]
                q[1, t * @W@ + i] = start
            ended[0, i] = -1
            ended[1, i] = 0
        for j in range(@NS@):
            for i in range(@W@):
                s[j * @W@ + i] = entry[j, min(o + i, n - 1)]
        for j in range(@NC@):
            for i in range(@W@):
                s[@C0@ + j * @W@ + i] = constants[j, min(o + i, n - 1)]
        for j in range(@U0@, @U0@ + @NI@ * @W@):
            s[j] = @REAL@(0.0)
        for j in range(@COUNT@, @COUNT@ + @NSESSION@ * @W@):
            s[j] = @REAL@(0.0)
        for j in range(1 + @NSESSION@):
            for i in range(@W@):
                kept[j, i] = @REAL@(0.0)
        for j in range(streams.shape[0]):
            words(secret, who, streams[j], key, (0, 0, 2 * j))
        once(s, error, 0)
        @AT_REST@
        set_bits(given, nothing)
        due = place(q, start, tracks, row0, rows, due_in)
        wake = start
        for day in range(start, last + 1):
            visit = (day - start) % visit_days == 0
            if visit or day == due:
                normals(key, number, np.uint32(day), error, (0, 0, 0))
                rate(s, error, 0)
            if day == due:
                for i in range(@W@):
                    decide(
                        s, q, ended, kept, i, day, tracks, row0, rows, rule_index, rule_negate, rule_terms, rule_next
                    )
                due = place(q, day + 1, tracks, row0, rows, due_in)
                wake = day
            if visit:
                week = (day - start) // visit_days
                for i in range(here):
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
                    continue
                if still:
                    for a in range(@MOVING@):
                        before[a] = s[a]

            set_bits(timed, nothing)
            if day == wake:
                wake = place(q, day, tracks, row0, rows, new_in)
                set_bits(today, nothing)
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
                @LEVELED@
            noise_of_day(z, key, number, day, steps)
            for k in range(steps):
                if is_in(timed, k):
                    for j in range(@NI@):
                        if is_in(today, j):
                            give(s, q, tracks, inputs, (j * steps + k) * nrow, j)
                        elif is_in(given, j):
                            give_nothing(s, j)
                    set_bits(given, today)
                    m = 0
                    for j in SESSIONS:
                        if j >= 0:
                            for i in range(@W@):
                                s[@COUNT@ + m * @W@ + i] += s[@U0@ + j * @W@ + i]
                            m += 1
                    general(s, z, k * @W@)
                    @AWAKE@
                else:
                    @QUIET@

            if still:
                for i in range(@W@):
                    if frozen[i]:
                        for a in range(i, @MOVING@, @W@):
                            s[a] = before[a]
            # what has decayed to almost nothing becomes nothing: arithmetic on denormal numbers is slow
            for a in range(@STATES@):
                v = s[a]
                s[a] = @REAL@(0.0) if abs(v) < @REAL@(1e-25) else v
        for i in range(here):
            a = lanes[o + i]
            out_rule[a] = ended[0, i]
            out_day[a] = ended[1, i]
            out_end_score[a] = kept[0, i]
            for j in range(@NSESSION@):
                out_sessions[j, a] = s[@COUNT@ + j * @W@ + i]
                out_end_sessions[j, a] = kept[1 + j, i]
        for j in range(@NS@):
            for i in range(here):
                out_state[j, lanes[o + i]] = s[j * @W@ + i]
'''
