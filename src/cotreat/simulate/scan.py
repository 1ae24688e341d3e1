"""The reference engine: ``jax.lax.scan`` over weeks, days and steps, one tile of 1,024 patients at a time.

Order within a day: rating and transitions at midnight, then the steps of the day with what is given in them. A tile has
one fixed width, so a patient's numbers depend neither on how many patients run with it nor on chunks or threads.
Trajectories are float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cotreat.model.patient import Channels, observe, step
from cotreat.model.threefry import box_muller, threefry2x32

TILE = 1024
COARSE = 4
"""Steps a day at level 0 of the Brownian path; finer steps bisect it."""
RATING_CONSTANTS = ("rating.well", "rating.half_span", "rating.error", "rating.top", "rating.withdrawal")


@dataclass(frozen=True)
class Plan:
    """What the compiled kernel depends on; a kernel is compiled once for each plan and table shape.

    ``weeks``: length of the run from ``start``; ``freeze``: a patient whose phases are all spent stays as is (the end
    of a run-in).
    """

    channels: Channels
    constants: tuple[str, ...]
    steps: int
    start: int
    weeks: int
    tracks: int
    freeze: bool
    visit_days: int = 7


class Given(NamedTuple):
    """The arrays of ``Tables`` that the kernel reads, and the baseline score of each patient."""

    first: Any
    row0: Any
    rows: Any
    spent: Any
    inputs: Any
    rule_index: Any
    rule_negate: Any
    rule_terms: Any
    rule_next: Any
    baseline: Any


@lru_cache(maxsize=64)
def kernel(plan: Plan) -> Any:
    """The compiled function (given, constants, state, keys, patient) -> (weekly, final) for one tile.

    ``constants`` (constants, TILE), ``state`` (states, TILE), ``keys`` (1 + levels, 2, TILE) uint32: rating, then mood
    by level; ``patient`` (TILE,) uint32. ``weekly`` = scores (visits, TILE), phases (visits, tracks, TILE),
    recorded states (visits, recorded, TILE).
    """
    return jax.jit(partial(_run, plan))


def _run(plan: Plan, tables: Any, constants: Any, state: Any, keys: Any, patient: Any) -> Any:
    c = dict(zip(plan.constants, constants, strict=True))
    names = plan.channels.states
    n_stim = len(plan.channels.stimulations)
    recorded = np.array([names.index(n) for n in plan.channels.recorded], int)
    session_inputs = np.array([j for j, n in enumerate(plan.channels.inputs) if n.startswith("sessions.")], int)
    lanes = patient.shape[0]

    def rate(state: Any, day: Any) -> Any:
        bits = threefry2x32(keys[0, 0], keys[0, 1], patient, day.astype(jnp.uint32))
        return observe(dict(zip(names, state, strict=True)), c, plan.channels, box_muller(*bits, jnp)[0])

    def one_step(carry: Any, x: Any) -> tuple[Any, None]:
        s, frozen = carry
        u = dict(zip(plan.channels.inputs, x[0], strict=True))
        new = step(dict(zip(names, s, strict=True)), c, plan.channels, u, x[1])
        return (jnp.where(frozen, s, jnp.stack([new[n] for n in names])), frozen), None

    def one_day(carry: dict[str, Any], day: Any) -> tuple[dict[str, Any], tuple[Any, ...]]:
        score = rate(carry["state"], day)
        carry = _decide(tables, carry, day, score)
        seen = (score, carry["phase"].astype(jnp.int16), carry["state"][recorded])
        rows = [
            tables.row0[carry["phase"][t]] + jnp.minimum(day - carry["begun"][t], tables.rows[carry["phase"][t]] - 1)
            for t in range(plan.tracks)
        ]
        given = jnp.transpose(sum((tables.inputs[row] for row in rows[1:]), tables.inputs[rows[0]]), (1, 2, 0))
        frozen = jnp.zeros((lanes,), bool)
        if plan.freeze:
            frozen = tables.spent[carry["phase"]].all(axis=0)
        x = (given, _noise(plan.steps, keys, patient, day))
        (moved, _), _ = jax.lax.scan(one_step, (carry["state"], frozen), x)
        today = given[:, session_inputs].sum(axis=0)
        count = carry["sessions"] + jnp.where(frozen, 0.0, today)
        return carry | {"state": moved, "sessions": count}, seen

    def one_week(carry: dict[str, Any], week: Any) -> tuple[dict[str, Any], tuple[Any, ...]]:
        first_day = plan.start + 7 * week
        carry, seen = jax.lax.scan(one_day, carry, first_day + jnp.arange(7, dtype=jnp.int32))
        return carry, tuple(v[:: plan.visit_days] for v in seen)

    phase = jnp.broadcast_to(tables.first[:, None], (plan.tracks, lanes))
    blank = jnp.zeros((lanes,), jnp.float32)
    carry = {
        "state": state,
        "phase": phase,
        "begun": jnp.full((plan.tracks, lanes), plan.start, jnp.int32),
        "baseline": tables.baseline,
        "reference": tables.baseline,
        "sessions": jnp.zeros((n_stim, lanes), jnp.float32),
        "end_rule": jnp.full((lanes,), -1, jnp.int32),
        "end_day": jnp.zeros((lanes,), jnp.int32),
        "end_score": blank,
        "end_sessions": jnp.zeros((n_stim, lanes), jnp.float32),
    }
    carry, visits = jax.lax.scan(one_week, carry, jnp.arange(plan.weeks, dtype=jnp.int32))
    scores, phases, records = (v.reshape(v.shape[0] * v.shape[1], *v.shape[2:]) for v in visits)
    last = jnp.int32(plan.start + 7 * plan.weeks)
    final_score = rate(carry["state"], last)
    carry = _decide(tables, carry, last, final_score)
    weekly = (
        jnp.concatenate([scores, final_score[None]]),
        jnp.concatenate([phases, carry["phase"].astype(jnp.int16)[None]]),
        jnp.concatenate([records, carry["state"][recorded][None]]),
    )
    return weekly, {k: v for k, v in carry.items() if k not in ("begun", "baseline", "reference")}


def _decide(tables: Any, carry: dict[str, Any], day: Any, score: Any) -> dict[str, Any]:
    """Transitions of every track on one day, in order; the first that holds fires."""
    tracks, lanes = carry["phase"].shape
    for track in range(tracks):
        phase, begun = carry["phase"][track], carry["begun"][track]
        row = tables.row0[phase] + jnp.minimum(day - begun, tables.rows[phase] - 1)
        fired = jnp.full((lanes,), -1, jnp.int32)
        following = jnp.full((tracks, lanes), -1, jnp.int32)
        for k in range(tables.rule_index.shape[1]):
            s, a, b, r = (tables.rule_terms[row, k, :, j] for j in range(4))
            bound = a + b * carry["baseline"][:, None] + r * carry["reference"][:, None]
            holds = (s * score[:, None] <= s * bound).all(axis=1) != tables.rule_negate[row, k]
            number = tables.rule_index[row, k]
            fires = holds & (number >= 0) & (fired < 0)
            fired = jnp.where(fires, number, fired)
            following = jnp.where(fires[None, :], tables.rule_next[row, k].T, following)
        moved, change = fired >= 0, following >= 0
        first = moved & (carry["end_rule"] < 0)
        carry = carry | {
            "phase": jnp.where(change, following, carry["phase"]),
            "begun": jnp.where(change, day, carry["begun"]),
            "reference": jnp.where(moved, score, carry["reference"]),
            "end_rule": jnp.where(first, fired, carry["end_rule"]),
            "end_day": jnp.where(first, day, carry["end_day"]),
            "end_score": jnp.where(first, score, carry["end_score"]),
            "end_sessions": jnp.where(first, carry["sessions"], carry["end_sessions"]),
        }
    return carry


def _noise(steps: int, keys: Any, patient: Any, day: Any) -> Any:
    """Standard normal numbers of the steps of one day, (steps, lanes): level 0, then bisections of it."""

    def level(index: int, count: int) -> Any:
        shape = (count // 2, patient.shape[0])
        tick = (day * (count // 2) + jnp.arange(count // 2, dtype=jnp.int32)).astype(jnp.uint32)
        key0, key1, number = (jnp.broadcast_to(v, shape) for v in (keys[1 + index, 0], keys[1 + index, 1], patient))
        pairs = box_muller(*threefry2x32(key0, key1, number, jnp.broadcast_to(tick[:, None], shape)), jnp)
        return jnp.stack(pairs, axis=1).reshape(count, -1)

    path, count = level(0, COARSE), COARSE
    index = 1
    while count < steps:
        bridge = level(index, count)
        left, right = (path + bridge) * np.float32(0.5**0.5), (path - bridge) * np.float32(0.5**0.5)
        path = jnp.stack([left, right], axis=1).reshape(2 * count, -1)
        count, index = 2 * count, index + 1
    return path
