"""The quiet step in parts, so that what stays nothing costs nothing.

Most steps of most patients leave much of the model alone: arms that are compared share their channels, so an arm
without a drug would carry the drug's exposure, effect and adaptation along at nothing. Two things are found in the
trace. A *branch* is a set of states (and of the levels that move them) that depend on nothing else and stay nothing
once they are: a drug. It can be left out of a block of patients as long as it is nothing in all of them; what the rest
needs of it lies in the buffer. The rest, the *trunk*, has a shorter form for blocks in which a further set of states is
nothing: labile and stored change before the first session. Both give the bits of the whole step.
"""

from __future__ import annotations

from dataclasses import dataclass

from cotreat.simulate.kernel.graph import Graph

_WORTH = 10
"""A part with fewer operations is not worth the choice."""
_FREE = ("input", "literal", "bits", "neg")


@dataclass(frozen=True)
class Branch:
    """States (their numbers) that move by themselves under ``levels`` (numbers of inputs).

    ``outputs``: the nodes of their new values, then of ``seen``, what the trunk needs of them.
    """

    states: tuple[int, ...]
    levels: tuple[int, ...]
    outputs: tuple[int, ...]
    seen: tuple[int, ...]


@dataclass(frozen=True)
class Parts:
    """Branches and trunk of a quiet step.

    ``states``: numbers of the states of the trunk, ``trunk`` the nodes of their new values. ``bare``: the same while
    the states ``resting`` are nothing (those stay as they are); empty if there is no shorter form.
    """

    branches: tuple[Branch, ...]
    states: tuple[int, ...]
    trunk: tuple[int, ...]
    resting: tuple[int, ...]
    bare: tuple[int, ...]

    @property
    def moving(self) -> tuple[int, ...]:
        """Numbers of the states that the bare trunk moves."""
        return tuple(k for k in self.states if k not in self.resting)


def parts(
    g: Graph, quiet: tuple[int, ...], leaves: tuple[dict[int, int], dict[int, int]], known: frozenset[int]
) -> Parts:
    """The parts of a step.

    Parameters
    ----------
    g
        The graph.
    quiet
        Nodes of the new states.
    leaves
        Nodes of states and of inputs, with their numbers.
    known
        Nodes that are computed elsewhere, and inputs that do not change.
    """
    states, levels = leaves
    reached = g.reached(quiet, known)
    needs: dict[int, frozenset[int]] = {}
    for n in reached:
        own = frozenset([n]) if g.nodes[n].op == "input" else frozenset()
        needs[n] = frozenset() if n in known else own.union(*(needs[a] for a in g.nodes[n].args))
    branches = []
    for group in _groups(g, quiet, leaves, needs):
        numbers = tuple(sorted(states[n] for n in group if n in states))
        inside = {n for n in reached if needs[n] and needs[n] <= group}
        if sum(g.nodes[n].op not in _FREE for n in inside) < _WORTH:
            continue
        outside = g.reached(tuple(q for k, q in enumerate(quiet) if k not in numbers), known | frozenset(inside))
        used = {a for n in outside if n not in inside and n not in known for a in g.nodes[n].args}
        used |= {q for k, q in enumerate(quiet) if k not in numbers}
        seen = tuple(sorted(used & inside))
        moved_by = tuple(sorted(levels[n] for n in group if n in levels))
        branches.append(Branch(numbers, moved_by, (*(quiet[k] for k in numbers), *seen), seen))
    taken = {k for b in branches for k in b.states}
    rest = tuple(k for k in range(len(quiet)) if k not in taken)
    trunk = tuple(quiet[k] for k in rest)
    known |= {n for b in branches for n in b.seen}
    resting, bare = _resting(g, rest, trunk, ({k: n for n, k in states.items()}, known))
    if _cost(g, trunk, known) - _cost(g, bare, known) < _WORTH:
        resting, bare = (), ()
    return Parts(tuple(branches), rest, trunk, resting, bare)


def _cost(g: Graph, outputs: tuple[int, ...], known: frozenset[int]) -> int:
    return sum(g.nodes[n].op not in _FREE for n in g.reached(outputs, known) if n not in known)


def _groups(
    g: Graph, quiet: tuple[int, ...], leaves: tuple[dict[int, int], dict[int, int]], needs: dict[int, frozenset[int]]
) -> list[frozenset[int]]:
    """Disjoint sets of states and levels that depend on themselves alone and stay nothing, the smallest first."""
    states, levels = leaves
    node = {k: n for n, k in states.items()}
    closed = {k: _closed(k, quiet, states, needs) | {node[k]} for k in range(len(quiet))}
    found: list[frozenset[int]] = []
    for k in sorted(closed, key=lambda k: (len(closed[k]), k)):
        group = closed[k]
        if not group <= (states.keys() | levels.keys()):
            continue
        nothing = {n: g.like(0.0, n) for n in group}
        new = g.rewritten(tuple(quiet[states[n]] for n in sorted(group & states.keys())), nothing)
        touched = [other for other in found if other & group]
        if len(touched) > 1 or any(g.constant(n) != 0 for n in new):
            continue
        found = [other for other in found if other not in touched] + [group.union(*touched)]
    return found


def _closed(k: int, quiet: tuple[int, ...], states: dict[int, int], needs: dict[int, frozenset[int]]) -> frozenset[int]:
    """All that the course of state ``k`` depends on."""
    found: set[int] = set()
    todo = [k]
    while todo:
        new = needs[quiet[todo.pop()]] - found
        found |= new
        todo += [states[n] for n in new if n in states]
    return frozenset(found)


def _resting(
    g: Graph, rest: tuple[int, ...], trunk: tuple[int, ...], given: tuple[dict[int, int], frozenset[int]]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The most states of the trunk that stay nothing together, and the new values of the others meanwhile."""
    node, known = given
    same = {n: n for n in known}
    resting = set(rest)
    while True:
        new = g.rewritten(trunk, same | {node[k]: g.like(0.0, node[k]) for k in resting})
        still = {k for k, n in zip(rest, new, strict=True) if k in resting and g.constant(n) == 0}
        if still == resting:
            break
        resting = still
    bare = tuple(n for k, n in zip(rest, new, strict=True) if k not in resting)
    return tuple(sorted(resting)), bare
