"""A graph as LLVM instructions on vectors of lanes, inside a function that Numba compiles.

Written as Python, a step of several hundred operations takes Numba several seconds, nearly all of it to find out types
that are known here. So the step is handed to the compiler as it is, and as vectors as wide as the processor's. Two or
three go through side by side, operation by operation: while one waits for a result, another computes. A lane's
arithmetic is the same at any width.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped, unused-ignore]
from numba import types
from numba.core import cgutils
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
_FEATURES = binding.get_host_cpu_features()
_HAS_FMA = not _X86 or bool(_FEATURES.get("fma", False))
_VECTOR_BYTES = 64 if _FEATURES.get("avx512f", False) else 32 if _FEATURES.get("avx2", False) else 16
_ABREAST = 3 if _VECTOR_BYTES == 64 else 2

_OFTEN = ("pair", "bridge", "branch", "trunk", "bare")
"""Parts worth the longer code; the others have their vectors one after the other."""

_PROGRAMS: dict[str, Program] = {}


def remember(name: str, program: Program) -> None:
    """Let the kernel of this name be compiled in this process."""
    _PROGRAMS[name] = program


def on_block(name: str, part: str, rows: dict[str, int], width: int) -> Any:
    """A function (buffer, noise, at) for Numba: one part of a program on all lanes of a block.

    The buffer has rows of ``width`` lanes. ``part``: "once", "score", "general", "branch0" and on, "trunk" or "bare".
    ``rows`` gives the row of each input and result by name; the noise of lane i is ``noise[at + i]``, float32.
    """

    def typed(typing: Any, buffer: Any, noise: Any, at: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            program = _PROGRAMS[name]
            outputs, into, read_from = _part(program, part)
            data, normal = (_data(context, builder, signature.args[k], args[k]) for k in (0, 1))
            given = {n: rows[label] for label, n in program.source.items() if label in rows}
            given |= {n: rows[f"node.{n}"] for n in read_from}

            def group(v: _Vectors) -> None:
                def read(number: int) -> list[Any] | None:
                    if number == program.source["noise"]:
                        found = v.load(normal, "f32", args[2])
                        return found if program.real == "f32" else v.widened(found)
                    return v.load(data, program.real, given[number] * width) if number in given else None

                results = v.computed(program.graph, outputs, read)
                for label, values in zip(into, results, strict=True):
                    v.store(values, data, rows[label] * width)

            _groups(context, builder, (width, program.real, part.startswith(_OFTEN)), group)
            return context.get_dummy_value()

        return types.void(buffer, noise, at), write

    return intrinsic(typed)


def of_words(name: str, part: str, width: int) -> Any:
    """A function (keys, counter0, counter1, out, (key, path, into)) for Numba, on a block of ``width`` lanes.

    ``keys`` and ``out`` have rows of ``width``. Lane i has the key in the rows ``key`` and ``key + 1`` of ``keys`` and
    the counter (``counter0[i]``, ``counter1``). ``part`` "words" writes two words and "pair" two normal numbers to the
    rows of ``out`` from ``into`` on; "bridge" bisects the increments in the rows ``path`` and ``path + 1`` of ``out``
    and writes four.
    """

    def typed(typing: Any, keys: Any, counter0: Any, counter1: Any, out: Any, rows: Any) -> Any:
        def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            p = _PROGRAMS[name]
            keys_at, count, target = (_data(context, builder, signature.args[k], args[k]) for k in (0, 1, 3))
            key, path, into = (builder.extract_value(args[4], k) for k in range(3))
            places = {"key0": (keys_at, key, 0), "key1": (keys_at, key, 1)}
            places |= {"path0": (target, path, 0), "path1": (target, path, 1)}
            known = {p.source[k]: v for k, v in places.items()}

            def at(row: Any, more: int) -> Any:
                return builder.mul(builder.add(row, ir.Constant(row.type, more)), ir.Constant(row.type, width))

            def group(v: _Vectors) -> None:
                def read(number: int) -> list[Any] | None:
                    if number in known:
                        data, row, more = known[number]
                        return v.load(data, p.graph.kind(number), at(row, more))
                    if number == p.source["counter0"]:
                        return v.load(count, "u32", 0)
                    return v.same(args[2]) if number == p.source["counter1"] else None

                outputs = {"words": p.words, "pair": p.pair, "bridge": p.bridge}[part]
                for k, values in enumerate(v.computed(p.graph, outputs, read)):
                    v.store(values, target, at(into, k))

            _groups(context, builder, (width, "f32", part.startswith(_OFTEN)), group)
            return context.get_dummy_value()

        numbers: Any = types.UniTuple
        return types.void(keys, counter0, types.uint32, out, numbers(types.intp, 3)), write

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


def _part(p: Program, part: str) -> tuple[tuple[int, ...], list[str], tuple[int, ...]]:
    """Outputs of a part, the rows they go to, and what is read of the rows of other parts."""
    if part == "once":
        return p.once, [f"node.{n}" for n in p.once], ()
    if part == "score":
        return (p.score,), ["score"], p.once
    if part == "general":
        return p.general, list(p.states), p.once
    if part.startswith("branch"):
        branch = p.parts.branches[int(part.removeprefix("branch"))]
        return branch.outputs, [*(p.states[k] for k in branch.states), *(f"node.{n}" for n in branch.seen)], p.once
    known = (*p.once, *(n for b in p.parts.branches for n in b.seen))
    if part == "bare":
        return p.parts.bare, [p.states[k] for k in p.parts.moving], known
    return p.parts.trunk, [p.states[k] for k in p.parts.states], known


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value).data


def _groups(context: Any, builder: Any, shape: tuple[int, str, bool], group: Callable[[_Vectors], None]) -> None:
    """Emit the code of a group of vectors, in a loop over the groups of a block."""
    width, real, often = shape
    lanes = min(width, _VECTOR_BYTES // (4 if real == "f32" else 8))
    most = _ABREAST if often else 1
    abreast = next(k for k in range(most, 0, -1) if width // lanes % k == 0)
    step = lanes * abreast
    if step == width:
        group(_Vectors(context, builder, lanes, abreast, ir.Constant(ir.IntType(64), 0)))
    else:
        zero, end, by = (ir.Constant(ir.IntType(64), k) for k in (0, width, step))
        with cgutils.for_range_slice(builder, zero, end, by) as (first, _):
            group(_Vectors(context, builder, lanes, abreast, first))


@dataclass(frozen=True)
class _Vectors:
    """``abreast`` vectors of ``lanes`` lanes of a block, from lane ``first`` on; a value is a list of vectors."""

    context: Any
    builder: Any
    lanes: int
    abreast: int
    first: Any

    def kind(self, kind: str) -> Any:
        return ir.VectorType(_TYPES[kind], self.lanes)

    def load(self, data: Any, kind: str, at: Any) -> list[Any]:
        """Lanes of a row that begins at ``at``."""
        return [self.builder.load(p, align=4) for p in self._places(data, self.kind(kind), at)]

    def store(self, values: list[Any], data: Any, at: Any) -> None:
        for value, place in zip(values, self._places(data, values[0].type, at), strict=True):
            self.builder.store(value, place, align=4)

    def _places(self, data: Any, kind: Any, at: Any) -> list[Any]:
        b, word = self.builder, ir.IntType(64)
        row = b.add(self.first, ir.Constant(word, at) if isinstance(at, int) else at)
        places = [b.gep(data, [b.add(row, ir.Constant(word, k * self.lanes))]) for k in range(self.abreast)]
        return [b.bitcast(p, kind.as_pointer()) for p in places]

    def same(self, value: Any) -> list[Any]:
        """One number in all lanes."""
        empty = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        one = self.builder.insert_element(empty, value, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), 0)
        return [self.builder.shuffle_vector(one, empty, mask)] * self.abreast

    def widened(self, values: list[Any]) -> list[Any]:
        return [self.builder.fpext(v, self.kind("f64")) for v in values]

    def computed(self, g: Graph, outputs: tuple[int, ...], read: Callable[[int], list[Any] | None]) -> list[list[Any]]:
        """Values of the outputs; all inputs are read before the caller writes a result."""
        values: dict[int, list[Any]] = {}
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
            arguments = [values[a] for a in g.nodes[number].args]
            values[number] = [self._instruction(g, number, [a[k] for a in arguments]) for k in range(self.abreast)]
        return [values[o] for o in outputs]

    def _instruction(self, g: Graph, number: int, a: list[Any]) -> Any:
        builder, node = self.builder, g.nodes[number]
        kind = g.kind(node.args[0]) if node.args else node.kind
        if node.op == "literal":
            return ir.Constant(self.kind(kind), int(node.value[0]) if kind == "bool" else node.value[0])
        if node.op == "fma":
            return self._fma(*a)
        if node.op == "select":
            return builder.select(*a)
        if node.op == "not":
            return builder.not_(a[0])
        if node.op == "bits":
            return builder.bitcast(a[0], self.kind(node.kind))
        if node.op == "convert":
            return self._converted(a[0], kind, node.kind)
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
        return self._by_lane(getattr(math, node.op), a[0])

    def _fma(self, a: Any, b: Any, c: Any) -> Any:
        if not _HAS_FMA:  # in software it would be a hundred times slower
            return self.builder.fadd(self.builder.fmul(a, b), c)
        name = f"llvm.fma.v{self.lanes}{'f32' if a.type.element == _TYPES['f32'] else 'f64'}"
        declared: Any = cgutils.get_or_insert_function
        function = declared(self.builder.module, ir.FunctionType(a.type, [a.type] * 3), name)
        return self.builder.call(function, [a, b, c])

    def _by_lane(self, function: Any, value: Any) -> Any:
        """A function of the mathematics library, one lane after the other."""
        call = self.context.get_function(function, types.float64(types.float64))
        for k in range(self.lanes):
            at = ir.Constant(ir.IntType(32), k)
            one = call(self.builder, [self.builder.extract_element(value, at)])
            value = self.builder.insert_element(value, one, at)
        return value

    def _converted(self, value: Any, old: str, new: str) -> Any:
        builder, real, target = self.builder, ("f32", "f64"), self.kind(new)
        if old in real and new in real:
            return builder.fpext(value, target) if new == "f64" else builder.fptrunc(value, target)
        if new in real:
            return builder.sitofp(value, target) if old == "i32" else builder.uitofp(value, target)
        if old in real:
            return builder.fptosi(value, target) if new == "i32" else builder.fptoui(value, target)
        return builder.zext(value, target) if old == "bool" else value


def _compared(builder: Any, op: str, kind: str, a: list[Any]) -> Any:
    if kind in ("f32", "f64"):
        return (builder.fcmp_unordered if op == "ne" else builder.fcmp_ordered)(_SIGNS[op], *a)
    return (builder.icmp_signed if kind == "i32" else builder.icmp_unsigned)(_SIGNS[op], *a)
