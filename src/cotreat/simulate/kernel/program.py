"""What a kernel computes: the step, the step in which nothing is given at a time of day, the rating, random numbers.

Three things are found in the trace. *Levels* (inputs ``target.``) hold for a day and are read once a day; all other
inputs are nothing in most steps, and for those steps a shorter form of the step is derived. What depends on the
constants of the patient alone is computed once for each patient. And a b + c is one operation wherever the product
serves nothing else, in both forms of the step alike, so that both give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from cotreat.model.patient import Channels, observe, step
from cotreat.model.threefry import box_muller, threefry2x32
from cotreat.simulate.kernel.branches import Parts, parts
from cotreat.simulate.kernel.graph import Graph
from cotreat.simulate.kernel.trace import trace

Real = Literal["f32", "f64"]
LEVEL, SESSIONS = "target.", "sessions."


@dataclass(frozen=True)
class Program:
    """Graph and outputs of a kernel.

    ``states``, ``constants`` and ``inputs`` are labels by number ("state.0"): drugs of one kind share their kernel.
    ``source`` holds the node of each label, of "noise" and of the words below. ``levels``, ``sessions``, ``recorded``:
    numbers of the inputs that hold for a day, of those that count sessions, and of the states written down at visits.
    ``general`` and ``quiet`` are the new states; ``once`` what a patient needs computed once; ``score`` the rating from
    the states and "noise"; ``pair`` two normal numbers and ``words`` two words, both from "key0", "key1", "counter0",
    "counter1".
    """

    graph: Graph
    real: Real
    states: tuple[str, ...]
    constants: tuple[str, ...]
    inputs: tuple[str, ...]
    levels: tuple[int, ...]
    sessions: tuple[int, ...]
    recorded: tuple[int, ...]
    source: dict[str, int]
    general: tuple[int, ...]
    quiet: tuple[int, ...]
    parts: Parts
    once: tuple[int, ...]
    score: int
    pair: tuple[int, ...]
    bridge: tuple[int, ...]
    words: tuple[int, ...]


def program(channels: Channels, constants: tuple[str, ...], real: Real = "f32") -> Program:
    """The program of a set of channels; ``constants`` names the constants of the step and of the rating.

    Raises
    ------
    InputError
        A mechanism uses an operation that no kernel has.
    """
    with jax.enable_x64(real == "f64"):
        return _program(channels, constants, real)


def _program(channels: Channels, constants: tuple[str, ...], real: Real) -> Program:
    g = Graph()
    state, c, u = (
        {n: f"{group}.{k}" for k, n in enumerate(names)}
        for group, names in (("state", channels.states), ("constant", constants), ("input", channels.inputs))
    )
    source = {label: g.input(label, real) for group in (state, c, u) for label in group.values()}
    source["noise"] = g.input("noise", real)
    source |= {n: g.input(n, "u32") for n in ("key0", "key1", "counter0", "counter1")}

    def new_states(state: dict[str, object], c: dict[str, object], u: dict[str, object], noise: object) -> list[object]:
        new = step(state, c, channels, u, noise)
        return [new[n] for n in channels.states]

    general = g.contracted(trace(g, new_states, source, state, c, u, "noise"))
    nothing = {source[label]: g.literal(0.0, real) for n, label in u.items() if not n.startswith(LEVEL)}
    quiet = g.rewritten(general, nothing)

    def rating(state: dict[str, object], c: dict[str, object], noise: object) -> object:
        return observe(state, c, channels, noise)

    (score,) = g.contracted(trace(g, rating, source, state, c, "noise"))
    words = trace(g, threefry2x32, source, "key0", "key1", "counter0", "counter1")
    normals = trace(
        g,
        lambda *key_and_counter: box_muller(*threefry2x32(*key_and_counter), jnp),
        source,
        *("key0", "key1", "counter0", "counter1"),
    )
    source |= {n: g.input(n, "f32") for n in ("path0", "path1")}
    half = g.literal(0.5**0.5, "f32")
    bridge = tuple(
        g.add("mul", g.add(sign, source[f"path{k}"], normal), half)
        for k, normal in enumerate(normals)
        for sign in ("add", "sub")
    )
    once = _once(g, (*general, *quiet, score), frozenset(source[label] for label in c.values()))
    numbers = ({source[label]: k for k, label in enumerate(group.values())} for group in (state, u))
    still = frozenset(once) | {source[label] for label in c.values()}
    return Program(
        graph=g,
        real=real,
        states=tuple(state.values()),
        constants=tuple(c.values()),
        inputs=tuple(u.values()),
        levels=level_numbers(channels),
        sessions=tuple(j for j, name in enumerate(channels.inputs) if name.startswith(SESSIONS)),
        recorded=tuple(channels.states.index(n) for n in channels.recorded),
        source=source,
        general=general,
        quiet=quiet,
        parts=parts(g, quiet, (next(numbers), next(numbers)), still),
        once=once,
        score=score,
        pair=g.contracted(normals),
        bridge=g.contracted(bridge),
        words=words,
    )


def level_numbers(channels: Channels) -> tuple[int, ...]:
    """Numbers of the inputs that hold for a day."""
    return tuple(j for j, name in enumerate(channels.inputs) if name.startswith(LEVEL))


def _once(g: Graph, outputs: tuple[int, ...], constants: frozenset[int]) -> tuple[int, ...]:
    """Nodes that depend on constants of the patient alone and are needed by what changes."""
    fixed: dict[int, bool] = {}
    reached = g.reached(outputs)
    for number in reached:
        node = g.nodes[number]
        fixed[number] = number in constants or node.op == "literal" or (
            bool(node.args) and all(fixed[a] for a in node.args)
        )  # fmt: skip
    wanted = {a for number in reached if not fixed[number] for a in g.nodes[number].args if fixed[a]}
    wanted |= {o for o in outputs if fixed[o]}
    return tuple(sorted(n for n in wanted if g.nodes[n].args and g.constant(n) is None))


def machine_dtype(real: Real) -> type[np.floating]:
    """The NumPy type of states and constants."""
    return np.float32 if real == "f32" else np.float64
