"""A graph as straight-line code: the Python that Numba compiles, or C."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cotreat.simulate.kernel.graph import Graph, Node

_NUMBA_TYPES = {"f32": "np.float32", "f64": "np.float64", "u32": "np.uint32", "i32": "np.int32", "bool": "np.bool_"}
_C_TYPES = {"f32": "float", "f64": "double", "u32": "uint32_t", "i32": "int32_t", "bool": "int"}
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>"}
_INFIX |= {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}
_DEEPEST = 24
"""Expressions are nested this far: fewer names compile faster, too many brackets do not parse."""


@dataclass(frozen=True)
class Language:
    """How a node is written: ``expression`` from those of its arguments, ``statement`` that names its value."""

    expression: Callable[[Node, list[str]], str]
    statement: Callable[[str, str, str], str]


def lines(
    g: Graph, outputs: tuple[int, ...], given: Mapping[int, str], language: Language
) -> tuple[list[str], list[str]]:
    """Statements that compute the outputs, and the expression of each output.

    ``given`` maps nodes that need no work to their expression.
    """
    reached = g.reached(outputs, frozenset(given))
    uses = Counter(outputs)
    for number in reached:
        if number not in given:
            uses.update(g.nodes[number].args)
    known, depth = dict(given), dict.fromkeys(given, 0)
    code: list[str] = []
    for number in reached:
        if number in known:
            continue
        node = g.nodes[number]
        value = language.expression(node, [known[a] for a in node.args])
        depth[number] = 1 + max((depth[a] for a in node.args), default=0)
        if uses[number] > 1 or depth[number] >= _DEEPEST or number in outputs:
            name = f"t{number}"
            code.append(language.statement(node.kind, name, value))
            value, depth[number] = name, 0
        known[number] = value
    return code, [known[o] for o in outputs]


def literals(g: Graph, outputs: tuple[int, ...]) -> dict[int, str]:
    """Names of the literals that the outputs need; ``definitions`` gives their values."""
    return {n: f"L{n}" for n in g.reached(outputs) if g.nodes[n].op == "literal"}


def definitions(g: Graph, names: Mapping[int, str]) -> list[str]:
    """Python statements that define literals outside of functions: a call for each use compiles slowly."""
    return [f"{name} = {_NUMBA_TYPES[g.nodes[n].kind]}({_number(g.nodes[n])})" for n, name in sorted(names.items())]


def _numba(node: Node, args: list[str]) -> str:
    cast = _NUMBA_TYPES[node.kind]
    if node.op == "bits":
        return f"bits_{node.kind}({args[0]})"
    if node.op == "convert":
        return f"{cast}({args[0]})"
    if node.op in ("fma", "select"):
        return f"{node.op}({', '.join(args)})"
    if node.op == "neg":
        return f"(-{args[0]})"
    if node.op == "not":
        return f"(not {args[0]})"
    if node.op in _INFIX:
        value = f"{args[0]} {_INFIX[node.op]} {args[1]}"
        # whole numbers would grow to 64 bits
        return f"{cast}({value})" if node.kind in ("u32", "i32") else f"({value})"
    if node.op == "literal":
        return f"{cast}({_number(node)})"
    return f"math.{node.op}({args[0]})"


def _c(node: Node, args: list[str]) -> str:
    suffix = "f" if node.kind == "f32" else ""
    if node.op == "literal":
        value = _number(node)
        if node.kind in ("f32", "f64"):
            return {"np.inf": "INFINITY", "-np.inf": "(-INFINITY)", "np.nan": "NAN"}.get(value, f"({value}{suffix})")
        return f"{value}u" if node.kind == "u32" else f"({int(node.value[0])})"
    if node.op == "bits":
        return f"bits_{node.kind}({args[0]})"
    if node.op == "convert":
        return f"(({_C_TYPES[node.kind]}){args[0]})"
    if node.op == "fma":
        return f"fma{suffix}({', '.join(args)})"
    if node.op == "select":
        return f"({args[0]} ? {args[1]} : {args[2]})"
    if node.op in ("neg", "not"):
        return f"({'-' if node.op == 'neg' else '!'}{args[0]})"
    if node.op in _INFIX:
        return f"({args[0]} {_INFIX[node.op]} {args[1]})"
    return f"{node.op}{suffix}({args[0]})"


NUMBA = Language(_numba, lambda kind, name, value: f"{name} = {value}")
C = Language(_c, lambda kind, name, value: f"{_C_TYPES[kind]} {name} = {value};")


def _number(node: Node) -> str:
    value = node.value[0]
    if node.kind == "bool":
        return str(bool(value))
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return repr(value)
