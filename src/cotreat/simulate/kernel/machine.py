"""A graph as LLVM instructions inside a function that Numba compiles.

Written as Python, a step of several hundred operations takes Numba several seconds, nearly all of it to find out types
that are known here. So the step is handed to the compiler as it is.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped, unused-ignore]
from numba import types
from numba.extending import intrinsic

from cotreat.simulate.kernel.graph import COMPARISONS, Graph
from cotreat.simulate.kernel.program import Program

_TYPES = {
    "f32": ir.FloatType(),
    "f64": ir.DoubleType(),
    "u32": ir.IntType(32),
    "i32": ir.IntType(32),
    "bool": ir.IntType(1),
}
_SIGNS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}
_WORDS = {"add": "add", "sub": "sub", "and": "and_", "or": "or_", "xor": "xor", "shl": "shl"}
_REAL = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "neg": "fneg"}

_X86 = platform.machine() in ("x86_64", "AMD64")
_HAS_FMA = not _X86 or bool(binding.get_host_cpu_features().get("fma", False))

_PROGRAMS: dict[str, Program] = {}


def remember(name: str, program: Program) -> None:
    """Let the kernel of this name be compiled in this process."""
    _PROGRAMS[name] = program


def on_lanes(name: str, part: str, rows: dict[str, int], width: int) -> Any:
    """A function (buffer, lane) for Numba: one part of a program on one lane of a buffer of rows of ``width`` lanes.

    ``part``: "once", "score", "general" or "quiet". ``rows`` gives the row of each input and result by name.
    """

    def typed(typing: Any, buffer: Any, lane: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            program = _PROGRAMS[name]
            outputs, into = _part(program, part)
            data = context.make_array(signature.args[0])(context, builder, args[0]).data

            def at(row: int) -> Any:
                return builder.gep(data, [builder.add(args[1], ir.Constant(ir.IntType(64), row * width))])

            given = {n: rows[label] for label, n in program.source.items() if label in rows}
            if part != "once":
                given |= {n: rows[f"once.{n}"] for n in program.once}
            results = _instructions(program.graph, outputs, (context, builder), lambda n: _read(builder, at, given, n))
            for label, value in zip(into, results, strict=True):
                builder.store(value, at(rows[label]))
            return context.get_dummy_value()

        return types.void(buffer, lane), write

    return intrinsic(typed)


def of_words(name: str, part: str) -> Any:
    """A function of two words of a key and two of a counter, for Numba: "pair" of normal numbers, or "words"."""

    def typed(typing: Any, key0: Any, key1: Any, counter0: Any, counter1: Any) -> Any:
        pair_of: Any = types.UniTuple
        result = pair_of(types.float32 if part == "pair" else types.uint32, 2)

        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            p = _PROGRAMS[name]
            given = dict(zip((p.source[n] for n in ("key0", "key1", "counter0", "counter1")), args, strict=True))
            outputs = p.pair if part == "pair" else p.words
            return context.make_tuple(builder, result, _instructions(p.graph, outputs, (context, builder), given.get))

        return result(*[types.uint32] * 4), write

    return intrinsic(typed)


def widest_vectors() -> Any:
    """A function () for Numba that lets the function it is called in use the widest vectors of the processor."""

    def typed(typing: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            # LLVM halves the vectors of many processors that have 512 bits; the set of known attributes lacks this one
            if _X86:
                set.add(builder.function.attributes, '"prefer-vector-width"="512"')
            return context.get_dummy_value()

        return types.void(), write

    return intrinsic(typed)


def _part(p: Program, part: str) -> tuple[tuple[int, ...], list[str]]:
    if part == "once":
        return p.once, [f"once.{n}" for n in p.once]
    if part == "score":
        return (p.score,), ["score"]
    return (p.general if part == "general" else p.quiet), list(p.states)


def _read(builder: Any, at: Callable[[int], Any], given: dict[int, int], number: int) -> Any:
    return builder.load(at(given[number])) if number in given else None


def _instructions(g: Graph, outputs: tuple[int, ...], where: tuple[Any, Any], read: Callable[[int], Any]) -> list[Any]:
    """Values of the outputs; all inputs are read before the caller writes a result."""
    values: dict[int, Any] = {}
    todo = list(outputs)
    needed: set[int] = set()
    while todo:
        number = todo.pop()
        if number not in needed:
            needed.add(number)
            found = read(number)
            if found is None:
                todo += g.nodes[number].args
            else:
                values[number] = found
    for number in sorted(needed - values.keys()):
        values[number] = _instruction(g, number, where, [values[a] for a in g.nodes[number].args])
    return [values[o] for o in outputs]


def _instruction(g: Graph, number: int, where: tuple[Any, Any], a: list[Any]) -> Any:
    context, builder = where
    node = g.nodes[number]
    kind = g.kind(node.args[0]) if node.args else node.kind
    if node.op == "literal":
        return ir.Constant(_TYPES[kind], int(node.value[0]) if kind == "bool" else node.value[0])
    if node.op == "fma":
        # in software it would be a hundred times slower
        return builder.fma(*a) if _HAS_FMA else builder.fadd(builder.fmul(a[0], a[1]), a[2])
    if node.op == "select":
        return builder.select(*a)
    if node.op == "not":
        return builder.not_(a[0])
    if node.op == "bits":
        return builder.bitcast(a[0], _TYPES[node.kind])
    if node.op == "convert":
        return _converted(builder, a[0], kind, node.kind)
    if node.op in COMPARISONS:
        return _compared(builder, node.op, kind, a)
    if kind in ("f32", "f64") and node.op in _REAL:
        return getattr(builder, _REAL[node.op])(*a)
    if node.op == "neg":
        return builder.neg(a[0])
    if node.op == "shr":
        return builder.ashr(*a) if kind == "i32" else builder.lshr(*a)
    if node.op in _WORDS:
        return getattr(builder, _WORDS[node.op])(*a)
    function = context.get_function(getattr(math, node.op), types.float64(types.float64))
    return function(builder, a)


def _compared(builder: Any, op: str, kind: str, a: list[Any]) -> Any:
    if kind in ("f32", "f64"):
        return (builder.fcmp_unordered if op == "ne" else builder.fcmp_ordered)(_SIGNS[op], *a)
    return (builder.icmp_signed if kind == "i32" else builder.icmp_unsigned)(_SIGNS[op], *a)


def _converted(builder: Any, value: Any, old: str, new: str) -> Any:
    real, target = ("f32", "f64"), _TYPES[new]
    if old in real and new in real:
        return builder.fpext(value, target) if new == "f64" else builder.fptrunc(value, target)
    if new in real:
        return builder.sitofp(value, target) if old == "i32" else builder.uitofp(value, target)
    if old in real:
        return builder.fptosi(value, target) if new == "i32" else builder.fptoui(value, target)
    return builder.zext(value, target) if old == "bool" else value
