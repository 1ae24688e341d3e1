"""The model's scalar JAX functions as graphs: traced once, nested calls opened, functions lowered."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend import core

from cotreat.measures.errors import InputError
from cotreat.simulate.kernel import lower
from cotreat.simulate.kernel.graph import Graph

KINDS = {"float32": "f32", "float64": "f64", "uint32": "u32", "int32": "i32", "bool": "bool"}
_CALLS = ("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint")
_SAME = ("copy", "copy_p", "stop_gradient", "broadcast_in_dim", "reshape", "squeeze", "reduce_precision")
_PLAIN = {
    "add": "add",
    "add_any": "add",
    "sub": "sub",
    "mul": "mul",
    "neg": "neg",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "not": "not",
    "shift_left": "shl",
    "shift_right_logical": "shr",
    "shift_right_arithmetic": "shr",
    "eq": "eq",
    "ne": "ne",
    "lt": "lt",
    "le": "le",
}
_LOWERED: dict[str, Callable[..., int]] = {
    "div": lower.divide,
    "max": lower.maximum,
    "min": lower.minimum,
    "exp": lower.exp,
    "expm1": lower.expm1,
    "log": lower.log,
    "log1p": lower.log1p,
    "sqrt": lower.root,
    "rsqrt": lower.reciprocal_root,
    "tanh": lower.tanh,
    "logistic": lower.logistic,
    "sin": lower.sine,
    "cos": lower.cosine,
    "abs": lower.absolute,
    "sign": lower.sign,
    "pow": lower.general_power,
}


def trace(g: Graph, function: Callable[..., Any], inputs: dict[str, int], *structure: Any) -> tuple[int, ...]:
    """Nodes of what ``function`` returns.

    Parameters
    ----------
    g
        The graph to add to.
    function
        A scalar, branch-free JAX function.
    inputs
        Nodes of the arguments by name.
    structure
        The arguments of ``function``: trees whose leaves are names in ``inputs``.

    Raises
    ------
    InputError
        The function uses an operation that no kernel has; the message names it and the line of the model.
    """
    names, tree = jax.tree.flatten(structure)
    numpy_kind = {kind: name for name, kind in KINDS.items()}
    struct: Any = jax.ShapeDtypeStruct
    shapes = [struct((), numpy_kind[g.kind(inputs[name])]) for name in names]
    closed = jax.make_jaxpr(lambda *leaves: function(*jax.tree.unflatten(tree, leaves)))(*shapes)
    return tuple(_opened(g, closed.jaxpr, closed.consts, [inputs[name] for name in names]))


def _opened(g: Graph, jaxpr: Any, consts: Any, arguments: list[int]) -> list[int]:
    values: dict[Any, int] = dict(zip(jaxpr.invars, arguments, strict=True))
    values |= {v: _literal(g, c, v.aval) for v, c in zip(jaxpr.constvars, consts, strict=True)}

    def read(atom: Any) -> int:
        return _literal(g, atom.val, atom.aval) if isinstance(atom, core.Literal) else values[atom]

    for equation in jaxpr.eqns:
        given = [read(v) for v in equation.invars]
        name = equation.primitive.name
        if any(v.aval.shape for v in equation.outvars):
            raise InputError(f"the step must be scalar: {name} makes an array ({_where(equation)})")
        if name in _CALLS:
            inner = equation.params.get("jaxpr") or equation.params["call_jaxpr"]
            found = _opened(g, inner.jaxpr, inner.consts, given)
        else:
            found = [_operation(g, equation, given)]
        values |= dict(zip(equation.outvars, found, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _operation(g: Graph, equation: Any, given: list[int]) -> int:
    name = equation.primitive.name
    kind = KINDS.get(str(equation.outvars[0].aval.dtype))
    if kind is None:
        raise InputError(f"no kernel computes with {equation.outvars[0].aval.dtype} ({name}, {_where(equation)})")
    if name in _LOWERED and g.kind(given[0]) in ("f32", "f64"):
        return _LOWERED[name](g, *given)
    if name == "mul" and g.kind(given[0]) not in ("f32", "f64"):
        raise InputError(f"no kernel multiplies whole numbers ({_where(equation)})")
    if name in _PLAIN:
        return g.add(_PLAIN[name], *given)
    if name in _SAME:
        return given[0]
    if name in ("gt", "ge"):
        return g.add("lt" if name == "gt" else "le", given[1], given[0])
    if name == "integer_pow":
        return lower.power(g, given[0], int(equation.params["y"]))
    if name == "square":
        return g.add("mul", given[0], given[0])
    if name == "select_n" and len(given) == 3 and g.kind(given[0]) == "bool":
        return g.add("select", given[0], given[2], given[1])
    if name == "clamp":
        return lower.minimum(g, lower.maximum(g, given[1], given[0]), given[2])
    if name == "is_finite":
        return g.add("lt", lower.absolute(g, given[0]), g.like(math.inf, given[0]))
    if name == "convert_element_type":
        return g.add("convert", given[0], kind=kind)
    if name == "bitcast_convert_type":
        return g.add("bits", given[0], kind=kind)
    raise InputError(f"no kernel has the operation {name} ({_where(equation)}); the reference engine may")


def _literal(g: Graph, value: Any, aval: Any) -> int:
    array = np.asarray(value)
    if array.shape:
        raise InputError("the step must be scalar: it holds a constant array")
    return g.literal(array.item(), KINDS[str(aval.dtype)])


def _where(equation: Any) -> str:
    """File and function of the model that asked for an operation."""
    stack = equation.source_info.traceback
    ours = [f for f in (stack.frames if stack else ()) if "/jax/" not in f.file_name and "/kernel/" not in f.file_name]
    if not ours:
        return "place unknown"
    file = ours[0].file_name.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{file}, {ours[0].function_name.rsplit('.', 1)[-1]}, line {ours[0].line_num}"
