"""The quiet step in parts: what is nothing may be left out, and what is left has the bits of the whole."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.model.patient import Channels, constants
from cotreat.simulate.channels import layout_of
from cotreat.simulate.kernel import cache
from cotreat.simulate.kernel.program import Program, program
from cotreat.simulate.run import Settings, follow, start_cohort
from cotreat.simulate.scan import RATING_CONSTANTS
from tests.simulate.ledgers import LITHIUM, NORTRIPTYLINE, doses, plain, sessions, until_remission
from tests.simulate.test_kernel_graph import evaluate

Patients = tuple[Program, Channels, dict[str, np.ndarray]]
COUNT = 200


@pytest.fixture(scope="module")
def patients() -> Patients:
    items = doses("venlafaxine", 150.0, 42) + sessions("ECT", 9) + NORTRIPTYLINE + LITHIUM
    channels = layout_of([plain(tuple(sorted(items, key=lambda i: i.day)))]).channels
    p = start_cohort("ECT candidates", Settings(patients=COUNT, draws=10)).parameters
    c = {k: v.astype(np.float32) for k, v in constants(dict(p), channels, 0.125).items()}
    c |= {k: p[k].astype(np.float32) for k in RATING_CONSTANTS}
    return program(channels, tuple(c)), channels, c


def known(made: Program, c: dict[str, np.ndarray], state: list[np.ndarray], u: list[np.ndarray]) -> dict[int, Any]:
    """Values of all leaves; the noise is zero."""
    found = dict(zip(made.states, state, strict=True)) | dict(zip(made.inputs, u, strict=True))
    found |= dict(zip(made.constants, c.values(), strict=True)) | {"noise": np.zeros(COUNT, np.float32)}
    return {made.source[k]: v for k, v in found.items()}


def test_unit_every_drug_is_a_branch_and_sessions_rest_before_the_first(patients: Patients) -> None:
    made, channels, _ = patients
    branches = [{channels.states[k] for k in b.states} for b in made.parts.branches]
    assert len(branches) == len(channels.drugs) == 3
    for drug in channels.drugs:
        assert any(f"exposure.{drug.name}" in branch for branch in branches)
    moved_by_a_level = sum(bool(b.levels) for b in made.parts.branches)
    assert moved_by_a_level == 2
    resting = {channels.states[k] for k in made.parts.resting}
    assert resting >= {"labile", "stored", "spacing", "window"}
    assert not resting & {"mood", "tilt", "placebo"}


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), asleep=st.sets(st.integers(0, 2)), rests=st.booleans())
def test_property_the_parts_give_the_bits_of_the_whole_step(
    patients: Patients, seed: int, asleep: set[int], rests: bool
) -> None:
    made, channels, c = patients
    r = np.random.default_rng(seed)
    state = [r.uniform(0.01, 1.0, COUNT).astype(np.float32) for _ in channels.states]
    u = [
        r.uniform(0, 100, COUNT).astype(np.float32) if n.startswith("target.") else np.zeros(COUNT, np.float32)
        for n in channels.inputs
    ]
    branches = made.parts.branches
    nothing = [k for b in asleep for k in branches[b].states] + (list(made.parts.resting) if rests else [])
    for k in nothing:
        state[k] = np.zeros(COUNT, np.float32)
    for j in (j for b in asleep for j in branches[b].levels):
        u[j] = np.zeros(COUNT, np.float32)
    leaves = known(made, c, state, u)
    whole = evaluate(made.graph, made.quiet, leaves)
    for b in asleep:
        for k in branches[b].states:
            assert not whole[k].any(), channels.states[k]
    # the trunk reads constants and what the branches leave, never a state of a branch itself
    seen: dict[int, Any] = dict(zip(made.once, evaluate(made.graph, made.once, leaves), strict=True))
    for b in branches:
        found = evaluate(made.graph, b.outputs, leaves)
        for k, value in zip(b.states, found, strict=False):
            assert np.array_equal(value, whole[k])
        seen |= dict(zip(b.seen, found[len(b.states) :], strict=True))
    own = {made.source[made.states[k]] for b in branches for k in b.states}
    own |= {made.source[made.inputs[j]] for b in branches for j in b.levels}
    rest = {n: v for n, v in leaves.items() if n not in own} | seen
    for k, value in zip(made.parts.states, evaluate(made.graph, made.parts.trunk, rest), strict=True):
        assert np.array_equal(value, whole[k]), channels.states[k]
    if rests:
        resting = {made.source[made.states[k]] for k in made.parts.resting}
        rest = {n: v for n, v in rest.items() if n not in resting}
        for k, value in zip(made.parts.moving, evaluate(made.graph, made.parts.bare, rest), strict=True):
            assert np.array_equal(value, whole[k]), channels.states[k]
        for k in made.parts.resting:
            assert not whole[k].any()


def test_unit_channels_that_rest_leave_the_bits_of_a_run_as_they_are() -> None:
    # half of the patients remit and get drugs on another day than the rest: alone and in blocks with the others
    ledger, other = until_remission(NORTRIPTYLINE + LITHIUM), plain(doses("venlafaxine", 150.0, 42))
    options = Settings(patients=480, draws=4, seed=3, weeks=8)
    cohort = start_cohort("ECT candidates", options, load_parameters(PRIOR))
    layout = layout_of([ledger, other])
    together = follow(cohort, ledger, options, layout=layout)
    late = np.flatnonzero(together.end_day > np.median(together.end_day))
    early = np.flatnonzero(together.end_day <= np.median(together.end_day))
    for lanes in (late, early):
        alone = follow(cohort.take(lanes, (1, len(lanes)), cohort.state), ledger, options, layout=layout)
        assert np.array_equal(alone.score, together.score[:, lanes])
        assert all(np.array_equal(v, together.state[k][lanes]) for k, v in alone.state.items())


def test_unit_an_operation_without_a_kernel_names_the_mechanism(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax.lax, "rsqrt", jax.lax.lgamma)
    monkeypatch.setattr(cache, "_KNOWN", {})
    options = Settings(patients=60, draws=3, seed=5, weeks=2)
    with pytest.raises(InputError, match=r"lgamma \(mood\.py, flow, line \d+\)"):
        follow(start_cohort("ECT candidates", options), plain(()), options)
