"""The traced step as a graph: its functions, its simplifications, and the step it gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.model.patient import constants, step
from cotreat.simulate.channels import layout_of
from cotreat.simulate.kernel.graph import DTYPES, Graph
from cotreat.simulate.kernel.program import Program, program
from cotreat.simulate.kernel.trace import trace
from cotreat.simulate.run import Settings, start_cohort
from cotreat.simulate.scan import RATING_CONSTANTS
from tests.simulate.ledgers import LITHIUM, NORTRIPTYLINE, doses, plain, sessions

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "shl": np.left_shift,
    "shr": np.right_shift,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "neg": np.negative,
    "not": np.logical_not,
    "select": np.where,
}


def evaluate(g: Graph, outputs: tuple[int, ...], known: dict[int, Any]) -> list[np.ndarray]:
    """The graph in NumPy; a b + c in float64, rounded once."""
    value = {k: np.asarray(v) for k, v in known.items()}
    with np.errstate(all="ignore"):
        for number in g.reached(outputs, frozenset(known)):
            node = g.nodes[number]
            if number in value:
                continue
            a, dtype = [value[x] for x in node.args], DTYPES[node.kind]
            if node.op == "literal":
                value[number] = np.asarray(node.value[0], dtype)
            elif node.op == "fma":
                value[number] = (a[0].astype(np.float64) * a[1] + a[2]).astype(dtype)
            elif node.op == "bits":
                value[number] = a[0].view(dtype)
            elif node.op == "convert":
                value[number] = a[0].astype(dtype)
            else:
                value[number] = np.asarray(_OPERATIONS[node.op](*a)).astype(dtype)
    return [value[o] for o in outputs]


def graph_of(function: Callable[..., Any], *values: np.ndarray) -> np.ndarray:
    """A scalar function of float32 through its graph."""
    g = Graph()
    names = {f"x{k}": g.input(f"x{k}", "f32") for k in range(len(values))}
    (found,) = g.contracted(trace(g, function, names, *names))
    return evaluate(g, (found,), dict(zip(names.values(), values, strict=True)))[0]


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], float, float]] = {
    "exp": (jnp.exp, np.exp, -87.0, 88.0),
    "expm1": (jnp.expm1, np.expm1, -20.0, 20.0),
    "expm1 near 0": (jnp.expm1, np.expm1, -1e-3, 1e-3),
    "log": (jnp.log, np.log, 1e-6, 1e6),
    "log1p": (jnp.log1p, np.log1p, -0.5, 5.0),
    "sqrt": (jnp.sqrt, np.sqrt, 0.0, 1e6),
    "rsqrt": (jax.lax.rsqrt, lambda x: 1 / np.sqrt(x), 1e-6, 1e6),
    "reciprocal": (lambda x: 1.0 / x, lambda x: 1 / x, 1e-6, 1e6),
    "negative reciprocal": (lambda x: 1.0 / x, lambda x: 1 / x, -1e6, -1e-6),
    "tanh": (jnp.tanh, np.tanh, -12.0, 12.0),
    "logistic": (jax.nn.sigmoid, lambda x: 1 / (1 + np.exp(-x)), -20.0, 20.0),
    "cube": (lambda x: x**3, lambda x: x**3, -10.0, 10.0),
    "inverse square": (lambda x: x**-2, lambda x: x**-2.0, 0.1, 10.0),
    "abs": (jnp.abs, np.abs, -3.0, 3.0),
    "clip": (lambda x: jnp.clip(x, -1.0, 1.0), lambda x: np.clip(x, -1, 1), -3.0, 3.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_double_functions_agree_with_float64(name: str) -> None:
    traced, exact, low, high = FUNCTIONS[name]
    x = np.random.default_rng(1).uniform(low, high, 20_000).astype(np.float32)
    expected = exact(x.astype(np.float64))
    assert np.allclose(graph_of(traced, x), expected, rtol=6e-7, atol=1e-37)


@pytest.mark.parametrize(("traced", "exact"), [(jnp.sin, np.sin), (jnp.cos, np.cos)])
def test_double_sine_and_cosine_agree_with_float64(traced: Any, exact: Any) -> None:
    x = np.random.default_rng(1).uniform(-100, 100, 20_000).astype(np.float32)
    assert np.abs(graph_of(traced, x) - exact(x.astype(np.float64))).max() < 2e-7


def test_unit_what_has_no_value_is_not_a_number() -> None:
    x = np.array([np.nan, -1.0], np.float32)
    for function in (jnp.sqrt, jnp.log, jax.lax.rsqrt):
        assert np.isnan(graph_of(function, x)).all()
    nan = np.array([np.nan], np.float32)
    for function in (jnp.exp, jnp.expm1, jnp.tanh, jnp.sin, jnp.abs, lambda v: 1 / v):
        assert np.isnan(graph_of(function, nan)).all()
    for function in (jnp.maximum, jnp.minimum):
        assert np.isnan(graph_of(function, nan, np.array([1.0], np.float32))).all()
        assert np.isnan(graph_of(function, np.array([1.0], np.float32), nan)).all()
    assert np.isnan(graph_of(lambda v: jnp.clip(v, 0.0, 1.0), nan)).all()
    assert not np.isfinite(graph_of(lambda v: 1 / v, np.array([0.0], np.float32))).any()


def test_unit_an_operation_without_a_kernel_is_named_with_its_place() -> None:
    def mechanism(x: Any) -> Any:
        return jax.lax.lgamma(x)

    with pytest.raises(InputError, match=r"lgamma \(test_kernel_graph.py, mechanism"):
        graph_of(mechanism, np.ones(1, np.float32))


def test_unit_a_step_that_is_not_scalar_is_refused() -> None:
    with pytest.raises(InputError, match="scalar"):
        graph_of(lambda x: jnp.stack([x, x]).sum(), np.ones(1, np.float32))


def test_unit_simplifications() -> None:
    g = Graph()
    x, one, zero = g.input("x", "f32"), g.literal(1.0, "f32"), g.literal(0.0, "f32")
    assert g.add("mul", x, one) == g.add("add", zero, x) == g.add("sub", x, zero) == x
    assert g.add("mul", zero, x) == zero
    assert g.add("fma", x, zero, x) == x
    assert g.add("fma", one, x, zero) == x
    assert g.constant(g.add("add", g.literal(2.0, "f32"), one)) == 3.0
    assert g.add("select", g.literal(True, "bool"), x, one) == x
    assert g.add("add", x, one) == g.add("add", x, one)


def test_unit_a_product_is_joined_to_its_sum_only_where_nothing_else_needs_it() -> None:
    g = Graph()
    x, y = g.input("x", "f32"), g.input("y", "f32")
    alone = g.contracted((g.add("add", g.add("mul", x, y), x),))
    assert g.nodes[alone[0]].op == "fma"
    product = g.add("mul", y, y)
    both = g.contracted((g.add("add", product, x), product))
    assert [g.nodes[n].op for n in both] == ["add", "mul"]


@pytest.fixture(scope="module")
def patients() -> tuple[Program, dict[str, Any]]:
    items = doses("venlafaxine", 150.0, 42) + sessions("ECT", 9) + NORTRIPTYLINE + LITHIUM
    channels = layout_of([plain(tuple(sorted(items, key=lambda i: i.day)))]).channels
    p = start_cohort("ECT candidates", Settings(patients=500, draws=10)).parameters
    c = {k: v.astype(np.float32) for k, v in constants(p, channels, 0.125).items()}
    c |= {k: p[k].astype(np.float32) for k in RATING_CONSTANTS}
    return program(channels, tuple(c)), {"channels": channels, "c": c}


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), is_quiet=st.booleans())
def test_property_the_graph_is_the_step(patients: Any, seed: int, is_quiet: bool) -> None:
    made, given_ = patients
    channels, c = given_["channels"], given_["c"]
    r, n = np.random.default_rng(seed), 500

    def some(low: float, high: float) -> np.ndarray:
        return r.uniform(low, high, n).astype(np.float32)

    state = {k: some(0.01, 1.0) for k in channels.states}
    u = {k: np.zeros(n, np.float32) for k in channels.inputs}
    for name in u:
        if name.startswith("target."):
            u[name] = some(0, 100)
        elif not is_quiet:
            u[name] = np.ones(n, np.float32) if name.startswith("sessions.") else some(0.0, 1.0)
    noise = r.normal(size=n).astype(np.float32)
    expected = step(state, c, channels, u, noise)
    known = dict(zip(made.states, state.values(), strict=True)) | dict(zip(made.inputs, u.values(), strict=True))
    known |= dict(zip(made.constants, c.values(), strict=True)) | {"noise": noise}
    nodes = {made.source[k]: v for k, v in known.items()}
    found = evaluate(made.graph, made.general, nodes)
    for name, value in zip(channels.states, found, strict=True):
        exact = np.asarray(expected[name])
        assert np.allclose(value, exact, rtol=2e-5, atol=2e-6), name
    if is_quiet:
        # the short step has the very same bits
        for a, b in zip(found, evaluate(made.graph, made.quiet, nodes), strict=True):
            assert np.array_equal(a, np.broadcast_to(b, a.shape))


def test_unit_the_short_step_is_shorter(patients: tuple[Program, dict[str, Any]]) -> None:
    made, _ = patients
    general, quiet = (len(made.graph.reached(o, frozenset(made.once))) for o in (made.general, made.quiet))
    assert quiet < 0.7 * general


def test_unit_random_numbers_are_those_of_the_model(patients: tuple[Program, dict[str, Any]]) -> None:
    from cotreat.model.threefry import box_muller, threefry2x32

    made, _ = patients
    words = np.random.default_rng(3).integers(0, 2**32, (4, 5000), dtype=np.uint32)
    nodes = {made.source[k]: v for k, v in zip(("key0", "key1", "counter0", "counter1"), words, strict=True)}
    bits = threefry2x32(*words)
    for found, exact in zip(evaluate(made.graph, made.words, nodes), bits, strict=True):
        assert np.array_equal(found, exact)
    for found, exact in zip(evaluate(made.graph, made.pair, nodes), box_muller(*bits), strict=True):
        assert np.abs(found - exact).max() < 3e-6
        assert math.isclose(float(found.std()), 1.0, abs_tol=0.05)
