"""Straight-line arithmetic as a graph of single operations, simplified as it is built.

Every rewrite gives the same bits as what it replaces, for finite numbers: adding nothing, multiplying by nothing or by
one, taking a number from itself, work on two literals. That is what makes a step in which nothing is given equal to the
general step at zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

DTYPES = {"f32": np.float32, "f64": np.float64, "u32": np.uint32, "i32": np.int32, "bool": np.bool_}
COMPARISONS = {"lt": np.less, "le": np.less_equal, "eq": np.equal, "ne": np.not_equal}
_FOLD = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "shl": np.left_shift,
    "shr": np.right_shift,
    **COMPARISONS,
}


@dataclass(frozen=True)
class Node:
    """One operation: its name, the kind of its result, the numbers of its arguments; ``value`` of an input or literal.

    Operations: input, literal; add, sub, mul, fma (a b + c), neg, div, and functions of ``math`` on real numbers; add,
    sub, and, or, xor, shl, shr on words; lt, le, eq, ne; select (p, if true, if false); not; convert; bits.
    """

    op: str
    kind: str
    args: tuple[int, ...] = ()
    value: Any = None


@dataclass
class Graph:
    """Nodes in the order they were made; equal nodes are made once."""

    nodes: list[Node] = field(default_factory=list)
    known: dict[Node, int] = field(default_factory=dict)

    def kind(self, number: int) -> str:
        """Kind of a node's value: f32, f64, u32, i32 or bool."""
        return self.nodes[number].kind

    def literal(self, value: Any, kind: str) -> int:
        """A number known when the kernel is written."""
        exact = DTYPES[kind](value)
        text = exact.tobytes()  # tells 0 from -0, and NaN equals itself
        return self._keep(Node("literal", kind, (), (exact.item(), text)))

    def like(self, value: float, number: int) -> int:
        """A literal of the kind of a node."""
        return self.literal(value, self.kind(number))

    def input(self, name: str, kind: str) -> int:
        """A value known when the kernel runs."""
        return self._keep(Node("input", kind, (), name))

    def constant(self, number: int) -> Any:
        """The value of a literal, else None."""
        node = self.nodes[number]
        return node.value[0] if node.op == "literal" else None

    def add(self, op: str, *args: int, kind: str | None = None) -> int:
        """The node of an operation, simplified."""
        result = kind or ("bool" if op in COMPARISONS else self.kind(args[1] if op == "select" else args[0]))
        simple = self._simplified(op, args, result)
        return self._keep(Node(op, result, args)) if simple is None else simple

    def _keep(self, node: Node) -> int:
        number = self.known.get(node)
        if number is None:
            number = self.known[node] = len(self.nodes)
            self.nodes.append(node)
        return number

    def _simplified(self, op: str, args: tuple[int, ...], kind: str) -> int | None:
        values = [self.constant(a) for a in args]
        if op == "convert" and kind == self.kind(args[0]):
            return args[0]
        if op == "select":
            if values[0] is not None:
                return args[1] if values[0] else args[2]
            return args[1] if args[1] == args[2] else None
        if all(v is not None for v in values):
            folded = self._folded(op, args, kind)
            if folded is not None:
                return folded
        if op == "neg" and self.nodes[args[0]].op == "neg":
            return self.nodes[args[0]].args[0]
        if op == "fma":
            return self._simple_fma(args, values)
        if op in ("add", "sub", "mul") and len(args) == 2:
            return self._simple_pair(op, args, values)
        return None

    def _simple_pair(self, op: str, args: tuple[int, ...], values: list[Any]) -> int | None:
        (a, b), (x, y) = args, values
        if op == "mul":
            for value, other in ((x, b), (y, a)):
                if value == 0:
                    return self.like(0, a)
                if value == 1:
                    return other
                if value == -1:
                    return self.add("neg", other)
        elif (op == "sub" and a == b) or (op == "add" and self._opposite(a, b)):
            return self.like(0, a)
        elif y == 0:
            return a
        elif x == 0:
            return b if op == "add" else self.add("neg", b)
        return None

    def _opposite(self, a: int, b: int) -> bool:
        return any(self.nodes[x].op == "neg" and self.nodes[x].args == (y,) for x, y in ((a, b), (b, a)))

    def _simple_fma(self, args: tuple[int, ...], values: list[Any]) -> int | None:
        (a, b, c), (x, y, z) = args, values
        if z == 0:
            return self.add("mul", a, b)
        for value, other in ((x, b), (y, a)):
            if value == 0:
                return c
            if value == 1:
                return self.add("add", other, c)
            if value == -1:
                return self.add("sub", c, other)
        return None

    def _folded(self, op: str, args: tuple[int, ...], kind: str) -> int | None:
        value = [np.frombuffer(self.nodes[a].value[1], DTYPES[self.kind(a)])[0] for a in args]
        with np.errstate(all="ignore"):
            if op in _FOLD:
                return self.literal(_FOLD[op](*value), kind)
            if op == "neg":
                return self.literal(-value[0], kind)
            if op == "not":
                return self.literal(not value[0], kind)
            if op == "div":
                return self.literal(value[0] / value[1], kind)
            if op == "fma" and kind == "f32":
                return self.literal(np.float64(value[0]) * np.float64(value[1]) + np.float64(value[2]), kind)
            if op == "bits":
                return self.literal(value[0].view(DTYPES[kind]), kind)
            if op == "convert":
                return self.literal(value[0].astype(DTYPES[kind]), kind)
        return None

    def reached(self, outputs: tuple[int, ...], given: frozenset[int] = frozenset()) -> list[int]:
        """Nodes that the outputs need, in order; what is ``given`` needs nothing."""
        found: set[int] = set()
        todo = list(outputs)
        while todo:
            number = todo.pop()
            if number not in found:
                found.add(number)
                if number not in given:
                    todo += self.nodes[number].args
        return sorted(found)

    def rewritten(self, outputs: tuple[int, ...], replace: dict[int, int]) -> tuple[int, ...]:
        """The outputs with some nodes replaced, simplified again."""
        new = dict(replace)
        for number in self.reached(outputs, frozenset(replace)):
            node = self.nodes[number]
            if number not in new:
                args = tuple(new[a] for a in node.args)
                new[number] = self.add(node.op, *args, kind=node.kind) if args else number
        return tuple(new[o] for o in outputs)

    def contracted(self, outputs: tuple[int, ...]) -> tuple[int, ...]:
        """The outputs with a b + c as one operation with one rounding, where nothing else needs a b."""
        reached = self.reached(outputs)
        uses = {number: outputs.count(number) for number in reached}
        for number in reached:
            for a in self.nodes[number].args:
                uses[a] += 1
        new: dict[int, int] = {}
        for number in reached:
            node = self.nodes[number]
            if not node.args:
                new[number] = number
                continue
            args = tuple(new[a] for a in node.args)
            new[number] = self.add(node.op, *args, kind=node.kind)
            if node.op in ("add", "sub") and node.kind in ("f32", "f64"):
                for at in (1, 0):
                    old = self.nodes[node.args[at]]
                    product = self.nodes[new[node.args[at]]]
                    if old.op == "mul" and product.op == "mul" and uses[node.args[at]] == 1:
                        a, b = product.args
                        rest = args[1 - at]
                        if node.op == "sub":
                            a, rest = (self.add("neg", a), rest) if at == 1 else (a, self.add("neg", rest))
                        new[number] = self.add("fma", a, b, rest)
                        break
        return tuple(new[o] for o in outputs)
