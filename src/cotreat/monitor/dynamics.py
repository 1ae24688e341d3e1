"""The patient model one day at a time, for many particles of one person, under the person's own doses.

The step is ``cotreat.model.patient.step``: 16 steps a day, every particle with its own parameters. What was given is
placed in the steps by ``cotreat.simulate.tables``, as in every other run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cotreat.catalogue.drug_table import drug as find_drug
from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.effects import DRUG_ROLES, SESSION_GAIN, STORAGE_GAIN, TILT, WITHDRAWAL
from cotreat.model.mechanisms import exposure
from cotreat.model.patient import Channels, constants, step
from cotreat.monitor.record import Record
from cotreat.regimen.ledger import Before, Item, Ledger, Phase
from cotreat.simulate.channels import Layout, channels_of
from cotreat.simulate.tables import Decisions, build

STEPS = 16
"""Steps a day: dt is an eighth of the shortest time constant of mood in the parameter set."""
_LEVEL_UNITS = ("ng/mL", "mmol/L")


@dataclass(frozen=True)
class Given:
    """What a person is given, as the model sees it.

    ``inputs`` (days, steps, inputs of the channels); ``start`` amount of each drug taken before day 0, at steady
    state; ``unmodelled`` drugs and sessions that the model has no effect for, with the reason.
    """

    channels: Channels
    inputs: np.ndarray
    start: dict[str, float]
    unmodelled: tuple[tuple[str, str], ...]


def given(record: Record, days: int | None = None, extra: tuple[Item, ...] = ()) -> Given:
    """The person's own doses and sessions as inputs of the model, for ``days`` from day 0.

    After the last row the last prescribed dose goes on. ``extra`` items are added (an option that is looked at).
    """
    length = record.days if days is None else days
    items: list[Item] = []
    unmodelled: dict[str, str] = {}
    before: list[Before] = []
    for drug in record.drugs:
        found, start = _drug_items(record, drug, length)
        why = _refused(Before(drug, 1.0, _unit(record, drug)), found)
        if why:
            unmodelled[drug] = why
            continue
        items += found
        if start:
            before.append(Before(drug, start, _unit(record, drug)))
    sessions = [Item(s.day, s.hour, s.subject, "session", 1.0, "session") for s in record.sessions if s.day < length]
    for item in (*sessions, *extra):
        why = _refused(None, [item])
        if why:
            unmodelled[item.subject] = why
        else:
            items.append(item)
    every = _ledger(tuple(before), tuple(items), length)
    channels = channels_of([every])
    tables = build(every, Layout(channels, 1), Decisions.of(find_scale("PHQ-9")), STEPS)
    rows = np.minimum(np.arange(length), int(tables.rows[0]) - 1) + int(tables.row0[0])
    return Given(channels, tables.inputs[rows], {b.subject: b.amount for b in before}, tuple(unmodelled.items()))


def _ledger(before: tuple[Before, ...], items: tuple[Item, ...], days: int) -> Ledger:
    return Ledger((Phase(0, "as taken", items),), (), (0,), before, horizon=max(days, 1))


def _unit(record: Record, drug: str) -> str:
    return next(d.unit for d in record.doses if d.drug == drug)


def _drug_items(record: Record, drug: str, days: int) -> tuple[list[Item], float]:
    unit = _unit(record, drug)
    level = unit in _LEVEL_UNITS
    items = []
    for day in range(days):
        amount = record.given(drug, day) if day < record.days else (record.prescribed(drug, record.days - 1) or 0.0)
        if amount > 0:
            items.append(Item(day, 0.0 if level else 8.0, drug, "level" if level else "dose", amount, unit))
    first = next(d for d in record.doses if d.drug == drug)
    return items, first.amount if first.before else 0.0


def _refused(before: Before | None, items: list[Item]) -> str:
    """Why the model cannot use something; empty when it can."""
    try:
        channels_of([_ledger(() if before is None else (before,), tuple(items[:1]), 1)])
    except InputError as error:
        return error.message
    return ""


def steady_day(record: Record, found: Given) -> np.ndarray:
    """Inputs of a day (steps, inputs) on what was taken before the record began."""
    own = replace(record, days=1, doses=tuple(d for d in record.doses if d.before), taken=(), sessions=())
    return np.asarray(with_channels(given(own), found.channels).inputs[0])


def half_life_days(drug: str) -> float:
    """Half-life that governs how fast the effect goes: of the active metabolite where it stays longer.

    Middle of a stated range on the log scale.
    """
    entry = find_drug(drug)
    longest = entry.half_life_h or 0.0
    for metabolite in entry.metabolites:
        if metabolite.half_life_h is not None:
            longest = max(longest, float(np.sqrt(metabolite.half_life_h[0] * metabolite.half_life_h[1])))
    return longest / 24.0


def particle_constants(p: dict[str, np.ndarray], channels: Channels, factor: np.ndarray) -> dict[str, np.ndarray]:
    """Constants of the step for each particle; ``factor`` multiplies the half-lives of the person."""
    c = constants(p, channels, 1.0 / STEPS)
    ones = np.ones_like(factor)
    for drug in channels.drugs:
        e50 = p[f"{drug.effect_class}.half_effect_level"] if drug.e50 is None else drug.e50 * ones
        half_life = max(half_life_days(drug.name), drug.half_life_days) * factor
        c |= exposure.constants(drug.name, half_life, e50, drug.typical * ones, 1.0 / STEPS)
    return c


def steady(given_: Given, c: dict[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """States at day 0 with what was taken before at steady state; mood is left to the caller."""
    state = {name: np.zeros(n) for name in given_.channels.states}
    for drug in given_.channels.drugs:
        amount = given_.start.get(drug.name, 0.0)
        if amount <= 0:
            continue
        level = np.full(n, amount)
        effect = np.asarray(exposure.effect(level, drug.name, c))
        state[f"exposure.{drug.name}"] = level
        gives = {role: c[f"{drug.name}.{role}"] * effect for role in DRUG_ROLES[drug.effect_class]}
        state["tilt"] = state["tilt"] + gives.get(TILT, 0.0)
        state["session_gain"] = state["session_gain"] + gives.get(SESSION_GAIN, 0.0)
        state["storage_gain"] = state["storage_gain"] + gives.get(STORAGE_GAIN, 0.0)
        if WITHDRAWAL in gives:
            state[f"adapted.{drug.name}"] = state[f"adapted_slow.{drug.name}"] = effect
    return state


@lru_cache(maxsize=32)
def _compiled(channels: Channels, names: tuple[str, ...]) -> Any:
    states = channels.states
    watched = [states.index(n) for n in ("mood", "withdrawal") if n in states]

    def day(state: Any, c: Any, inputs: Any, noise: Any) -> Any:
        constant = dict(zip(names, c, strict=True))

        def one(carry: Any, x: Any) -> tuple[Any, Any]:
            u = dict(zip(channels.inputs, x[0], strict=True))
            new = step(dict(zip(states, carry, strict=True)), constant, channels, u, x[1])
            stacked = jnp.stack([jnp.broadcast_to(new[s], carry.shape[1:]) for s in states])
            return stacked, stacked[np.array(watched)]

        state, seen = jax.lax.scan(one, state, (inputs, noise))
        return state, seen.mean(axis=0)

    return jax.jit(day)


@dataclass(frozen=True)
class Day:
    """One day of the model for arrays of particles."""

    channels: Channels
    names: tuple[str, ...]

    @classmethod
    def of(cls, channels: Channels, c: dict[str, np.ndarray]) -> Day:
        """The step of these channels, with constants in the order of ``c``."""
        return cls(channels, tuple(c))

    def __call__(
        self, state: np.ndarray, c: np.ndarray, inputs: np.ndarray, noise: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """State a day later, and the means of mood and withdrawal over the day; all arrays float32."""
        shape = (inputs.shape[0], inputs.shape[1], noise.shape[1])
        wide = np.broadcast_to(inputs[:, :, None], shape)
        new, seen = _compiled(self.channels, self.names)(state, c, wide, noise)
        seen = np.asarray(seen, dtype=np.float64)
        withdrawal = seen[1] if len(seen) > 1 else np.zeros(seen.shape[1])
        return np.asarray(new), seen[0], withdrawal


def with_channels(given_: Given, channels: Channels) -> Given:
    """The same doses seen by wider channels (an option may add a drug or a stimulation)."""
    wide = np.zeros((*given_.inputs.shape[:2], len(channels.inputs)), given_.inputs.dtype)
    for j, name in enumerate(given_.channels.inputs):
        wide[:, :, channels.inputs.index(name)] = given_.inputs[:, :, j]
    return replace(given_, channels=channels, inputs=wide)
