"""A graph as straight-line code: the Python that Numba compiles, or C."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from cotreat.simulate.kernel.graph import Graph, Node

_NUMBA_TYPES = {"f32": "np.float32", "f64": "np.float64", "u32": "np.uint32", "i32": "np.int32", "bool": "np.bool_"}
_C_TYPES = {"f32": "float", "f64": "double", "u32": "uint32_t", "i32": "int32_t", "bool": "int"}
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>"}
_INFIX |= {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}


def lines(
    g: Graph, outputs: tuple[int, ...], given: Mapping[int, str], write: Callable[[Node, list[str], str], str]
) -> tuple[list[str], list[str]]:
    """Statements that compute the outputs, and the name of each output.

    ``given`` maps nodes that need no work to their expression; ``write`` turns a node into a statement.
    """
    names = dict(given)
    code: list[str] = []
    for number in g.reached(outputs, frozenset(given)):
        node = g.nodes[number]
        if number not in names:
            name = f"t{number}"
            code.append(write(node, [names[a] for a in node.args], name))
            names[number] = name
    return code, [names[o] for o in outputs]


def numba(node: Node, args: list[str], name: str) -> str:
    """A statement of the Python that Numba compiles; whole numbers keep their 32 bits."""
    cast = _NUMBA_TYPES[node.kind]
    if node.op == "literal":
        return f"{name} = {cast}({_number(node)})"
    if node.op == "bits":
        return f"{name} = bits_{node.kind}({args[0]})"
    if node.op == "convert":
        return f"{name} = {cast}({args[0]})"
    if node.op in ("fma", "select"):
        return f"{name} = {node.op}({', '.join(args)})"
    if node.op == "neg":
        return f"{name} = -{args[0]}"
    if node.op == "not":
        return f"{name} = not {args[0]}"
    if node.op in _INFIX:
        value = f"{args[0]} {_INFIX[node.op]} {args[1]}"
        return f"{name} = {cast}({value})" if node.kind in ("u32", "i32") else f"{name} = {value}"
    return f"{name} = math.{node.op}({args[0]})"


def c(node: Node, args: list[str], name: str) -> str:
    """A statement of C."""
    kind = _C_TYPES[node.kind]
    suffix = "f" if node.kind == "f32" else ""
    if node.op == "literal":
        value = _number(node)
        value = {"np.inf": "INFINITY", "-np.inf": "-INFINITY", "np.nan": "NAN"}.get(value, value + suffix)
        value = value + "u" if node.kind == "u32" else value
    elif node.op == "bits":
        value = f"bits_{node.kind}({args[0]})"
    elif node.op == "convert":
        value = f"({kind}){args[0]}"
    elif node.op == "fma":
        value = f"fma{suffix}({', '.join(args)})"
    elif node.op == "select":
        value = f"{args[0]} ? {args[1]} : {args[2]}"
    elif node.op in ("neg", "not"):
        value = f"{'-' if node.op == 'neg' else '!'}{args[0]}"
    elif node.op in _INFIX:
        value = f"{args[0]} {_INFIX[node.op]} {args[1]}"
    else:
        value = f"{node.op}{suffix}({args[0]})"
    return f"{kind} {name} = {value};"


def _number(node: Node) -> str:
    value = node.value[0]
    if node.kind == "bool":
        return str(bool(value))
    if isinstance(value, float) and not math.isfinite(value):
        return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return repr(value)
