"""The source of the GPU kernel: one thread for each patient, all states in registers.

The program's graph is written out as straight-line code of single operations. A product is never merged with a sum
unless the program says so, and every operation rounds as on the processor, so a patient's numbers are the same on both.
"""

from __future__ import annotations

import math

from cotreat.measures.errors import InputError
from cotreat.simulate.kernel.graph import COMPARISONS, Node
from cotreat.simulate.kernel.program import Program

_SIGNS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}
_INFIX = {"add": "+", "sub": "-", "div": "/", "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>"}
_MOST_STEPS = 128
MOST_TRACKS = 32
"""Statements with a clock of their own that a thread has room for."""
_PATHS = ("path0", "path1")
_WORDS = ("key0", "key1", "counter0", "counter1")


def source(p: Program) -> str:
    """Python source with one function, ``run``, for a compiler of kernels; see ``cuda`` for its arguments.

    Its globals must hold ``cuda`` (the module), ``f32``, ``u32``, ``i32``, ``fma``, ``mul``, ``root`` and
    ``bits_<from>_<to>`` for the kinds of the graph.

    Raises
    ------
    InputError
        The program has an operation that is not written for GPUs.
    """
    writer = _Writer(p)
    s, c, u = ([f"{letter}{j}" for j in range(len(names))] for letter, names in zip("scu", _labels(p), strict=True))
    own = dict(zip(p.states, s, strict=True)) | dict(zip(p.constants, c, strict=True)) | {"noise": "noise"}
    given = {p.source[label]: name for label, name in own.items()}
    once = {n: f"o{n}" for n in p.once}
    with_inputs = given | {p.source[label]: name for label, name in zip(p.inputs, u, strict=True)} | once
    fixed = [*c, *once.values()]
    bits = {p.source[name]: name for name in _WORDS}
    parts = [
        writer.function("once", c, p.once, given),
        writer.function("rate", [*s, *fixed, "noise"], (p.score,), given | once),
        writer.function("general", [*s, *fixed, *u, "noise"], p.general, with_inputs),
        writer.function("quiet", [*s, *fixed, *(u[j] for j in p.levels), "noise"], p.quiet, with_inputs),
        writer.function("pair", list(_WORDS), p.pair, bits),
        writer.function("words", list(_WORDS), p.words, bits),
        writer.function("bridge", [*_WORDS, *_PATHS], p.bridge, bits | {p.source[name]: name for name in _PATHS}),
    ]
    fields = {
        "LITERALS": "\n".join(writer.literals),
        "PARTS": "\n\n\n".join(parts),
        "RUN": _run(p, (s, c, u), list(once.values())),
    }
    text = _HEAD
    for mark, value in fields.items():
        text = text.replace(f"@{mark}@", value)
    return text


def _labels(p: Program) -> tuple[tuple[str, ...], ...]:
    return p.states, p.constants, p.inputs


class _Writer:
    """Functions of straight-line code over one graph, with their literals gathered."""

    def __init__(self, p: Program) -> None:
        self.graph = p.graph
        self.literals: list[str] = []
        self._named: dict[int, str] = {}

    def function(self, name: str, arguments: list[str], outputs: tuple[int, ...], given: dict[int, str]) -> str:
        """A device function of the arguments that returns the outputs; ``given`` names what need not be computed."""
        known = {n: g for n, g in given.items() if g in set(arguments)}
        lines = []
        names = dict(known)
        for number in self.graph.reached(outputs, frozenset(known)):
            if number not in names:
                node = self.graph.nodes[number]
                if node.op == "literal":
                    names[number] = self._literal(number)
                else:
                    names[number] = f"t{number}"
                    lines.append(f"    t{number} = {self._expression(node, [names[a] for a in node.args])}")
        result = ", ".join(names[o] for o in outputs)
        comma = "," if len(outputs) == 1 else ""
        return "\n".join(
            ["@cuda.jit(device=True)", f"def {name}({', '.join(arguments)}):", *lines, f"    return ({result}{comma})"]
        )

    def _literal(self, number: int) -> str:
        if number not in self._named:
            node, name = self.graph.nodes[number], f"K{number}"
            value = node.value[0]
            text = repr(value) if node.kind != "f32" or math.isfinite(value) else f'float("{value}")'
            self.literals.append(f"{name} = {text if node.kind == 'bool' else f'{node.kind}({text})'}")
            self._named[number] = name
        return self._named[number]

    def _expression(self, node: Node, a: list[str]) -> str:
        kind = self.graph.kind(node.args[0])
        if node.op == "fma":
            return f"fma({a[0]}, {a[1]}, {a[2]})"
        if node.op == "mul":
            return f"mul({a[0]}, {a[1]})"
        if node.op == "select":
            return f"{a[1]} if {a[0]} else {a[2]}"
        if node.op == "neg":
            return f"-{a[0]}"
        if node.op == "not":
            return f"not {a[0]}"
        if node.op == "bits":
            return f"bits_{kind}_{node.kind}({a[0]})" if kind != node.kind else a[0]
        if node.op == "convert":
            return f"{node.kind}({a[0]})"
        if node.op in COMPARISONS:
            return f"{a[0]} {_SIGNS[node.op]} {a[1]}"
        if node.op in _INFIX:
            text = f"{a[0]} {_INFIX[node.op]} {a[1]}"
            return text if kind in ("f32", "bool") else f"{kind}({text})"
        if node.op == "sqrt":
            return f"root({a[0]})"
        raise InputError(f"no GPU kernel has the operation {node.op}")


def _run(p: Program, names: tuple[list[str], list[str], list[str]], once: list[str]) -> str:
    """The kernel: what one thread does for its patient."""
    s, c, u = names
    fixed, states = ", ".join([*c, *once]), ", ".join(s)
    levels = [u[j] for j in p.levels]
    tail = "," if len(s) == 1 else ""
    sessions = [f"n{m}" for m in range(len(p.sessions))]
    blank = {
        "LOAD": [f"{v} = entry[{j}, a]" for j, v in enumerate(s)]
        + [f"{v} = constants[{j}, a]" for j, v in enumerate(c)],
        "ONCE": [f"{', '.join(once)}{',' if len(once) == 1 else ''} = once({', '.join(c)})"] if once else [],
        "NOTHING": [f"{v} = f32(0.0)" for v in [*u, *sessions, *(f"end{v}" for v in sessions)]],
        "RATE": [f"(score,) = rate({states}, {fixed}, noise)"],
        "RECORD": [f"out_record[visit, {k}, a] = {s[j]}" for k, j in enumerate(p.recorded)],
        "ENDED": [f"end{v} = {v}" for v in sessions],
        "LEVELS": [line for j in p.levels for line in _given(u[j], j, "0")],
        "INPUTS": [line for j, v in enumerate(u) for line in _given(v, j, "k")],
        "COUNT": [f"{v} = {v} + {u[j]}" for v, j in zip(sessions, p.sessions, strict=True)],
        "GENERAL": [f"{states}{tail} = general({', '.join([states, fixed, *u, 'noise'])})"],
        "QUIET": [f"{states}{tail} = quiet({', '.join([states, fixed, *levels, 'noise'])})"],
        "FLOOR": [f"{v} = f32(0.0) if abs({v}) < TINY else {v}" for v in s],
        "SESSIONS": [
            line
            for m, v in enumerate(sessions)
            for line in (f"out_sessions[{m}, a] = {v}", f"out_end_sessions[{m}, a] = end{v}")
        ],
        "STATE": [f"out_state[{j}, a] = {v}" for j, v in enumerate(s)],
    }
    lines: list[str] = []
    for line in _RUN.replace("@STEPS@", str(_MOST_STEPS)).replace("@TRACKS@", str(MOST_TRACKS)).splitlines():
        mark = line.strip().strip("@")
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip().startswith("@") and mark in blank:
            lines += [indent + text for text in blank[mark] or ["pass"]]
        else:
            lines.append(line)
    return "\n".join(lines)


def _given(name: str, j: int, step: str) -> list[str]:
    """One input, added over tracks."""
    return [
        f"{name} = inputs[{j}, {step}, row[0]]",
        "for t in range(1, tracks):",
        f"    {name} = {name} + inputs[{j}, {step}, row[t]]",
    ]


_HEAD = '''\
"""Generated from the model's step; do not edit."""

@LITERALS@
TINY = f32(1e-25)


@PARTS@


@cuda.jit(device=True)
def normals_of_day(z, keys, number, day, steps):
    """Normal numbers of the steps of a day: four, bisected until there are enough."""
    for p in range(2):
        z[2 * p], z[2 * p + 1] = pair(keys[2], keys[3], number, u32(2 * day + p))
    count = 4
    level = 2
    while count < steps:
        for back in range(count // 2):
            p = count // 2 - 1 - back
            tick = u32(day * (count // 2) + p)
            one, two, three, four = bridge(keys[2 * level], keys[2 * level + 1], number, tick, z[2 * p], z[2 * p + 1])
            z[4 * p] = one
            z[4 * p + 1] = two
            z[4 * p + 2] = three
            z[4 * p + 3] = four
        count *= 2
        level += 1


@RUN@
'''

_RUN = """\
@cuda.jit
def run(span, streams, people, tables, out):
    start, weeks, steps, tracks, freeze, visit_days, seed0, seed1 = span
    constants, entry, patient, draw, baseline = people
    first, row0, rows, spent, inputs, timed, decides, rule_index, rule_negate, rule_terms, rule_next = tables
    out_score, out_record, out_phase, out_rule, out_day, out_end_score, out_sessions, out_end_sessions, out_state = out
    a = cuda.grid(1)
    if a >= patient.shape[0]:
        return
    z = cuda.local.array(@STEPS@, f32)
    keys = cuda.local.array(16, u32)
    phase = cuda.local.array(@TRACKS@, i32)
    begun = cuda.local.array(@TRACKS@, i32)
    row = cuda.local.array(@TRACKS@, i32)
    number = patient[a]
    for j in range(streams.shape[0]):
        keys[2 * j], keys[2 * j + 1] = words(seed0, seed1, draw[a], streams[j])
    for t in range(tracks):
        phase[t] = first[t]
        begun[t] = start
    base = baseline[a]
    reference = base
    ended = -1
    end_day = 0
    end_score = f32(0.0)
    score = f32(0.0)
    @LOAD@
    @ONCE@
    @NOTHING@
    last = start + 7 * weeks
    for day in range(start, last + 1):
        visits = (day - start) % visit_days == 0
        due = False
        for t in range(tracks):
            here = phase[t]
            row[t] = row0[here] + min(day - begun[t], rows[here] - 1)
            due = due or decides[row[t]] != 0
        if visits or due:
            noise, _ = pair(keys[0], keys[1], number, u32(day))
            @RATE@
        if due:
            for t in range(tracks):
                here = phase[t]
                at = row0[here] + min(day - begun[t], rows[here] - 1)
                fired = False
                for k in range(rule_index.shape[1]):
                    if rule_index[at, k] < 0 or fired:
                        continue
                    holds = True
                    for j in range(2):
                        sign = rule_terms[at, k, j, 0]
                        bound = rule_terms[at, k, j, 1] + mul(rule_terms[at, k, j, 2], base)
                        bound = bound + mul(rule_terms[at, k, j, 3], reference)
                        holds = holds and mul(sign, score) <= mul(sign, bound)
                    if holds == (rule_negate[at, k] != 0):
                        continue
                    fired = True
                    reference = score
                    for other in range(tracks):
                        if rule_next[at, k, other] >= 0:
                            phase[other] = rule_next[at, k, other]
                            begun[other] = day
                    if ended < 0:
                        ended = rule_index[at, k]
                        end_day = day
                        end_score = score
                        @ENDED@
            for t in range(tracks):
                here = phase[t]
                row[t] = row0[here] + min(day - begun[t], rows[here] - 1)
        if visits:
            visit = (day - start) // visit_days
            out_score[visit, a] = score
            @RECORD@
            for t in range(tracks):
                out_phase[visit, t, a] = phase[t]
        if day == last:
            break
        if freeze != 0:
            rests = True
            for t in range(tracks):
                rests = rests and spent[phase[t]] != 0
            if rests:
                continue
        @LEVELS@
        normals_of_day(z, keys, number, day, steps)
        for k in range(steps):
            noise = z[k]
            some = False
            for t in range(tracks):
                some = some or timed[k, row[t]] != 0
            if some:
                @INPUTS@
                @COUNT@
                @GENERAL@
            else:
                @QUIET@
        @FLOOR@
    out_rule[a] = ended
    out_day[a] = end_day
    out_end_score[a] = end_score
    @SESSIONS@
    @STATE@
"""
