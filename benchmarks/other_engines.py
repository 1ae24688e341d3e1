"""The same patients by other means: diffrax, SciPy and plain Python, written as their users would write them.

Each function takes the course (``Bench``) and some of its patients and returns a function that gives their mean final
score. Which physics each has:

- ``with_diffrax``: this project's own step as a diffrax solver: the same scheme, the same step, the same equations, one
  solve for the whole course, ratings saved weekly. What a diffrax user would write who wants these results.
- ``with_diffrax_euler``: Euler steps of the main equations, a solve for each day with the session as a jump before it;
  no adaptation, withdrawal, spacing, cognition or rating error. It does less, and its error is larger.
- ``with_scipy``: the same equations as ``with_diffrax_euler`` without noise.
- ``plain_python``: the second implementation of the model, used in the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from cotreat.measures.scales import scale as find_scale
from cotreat.model import patient
from cotreat.model.patient import Channels
from cotreat.population.cohort import Cohort
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.chunks import Job, People
from cotreat.simulate.tables import Decisions
from tests.simulate import reference


@dataclass(frozen=True)
class Bench:
    """A course without decisions, and its patients as an engine takes them."""

    ledger: Ledger
    cohort: Cohort
    job: Job
    people: People

    @property
    def steps(self) -> int:
        """Steps a day."""
        return self.job.steps

    @property
    def days(self) -> int:
        """Length of the course."""
        return 7 * self.job.weeks


class Splitting(diffrax.AbstractItoSolver):
    """One step of the model, as a solver.

    ``given`` tells what is given at a time; ``args`` of a solve are the patient's constants, its state the states in a
    row, its terms a drift that the solver does not ask and the Brownian path of mood.
    """

    channels: Channels
    given: Callable[[Any], dict[str, Any]]
    term_structure: ClassVar[Any] = diffrax.MultiTerm[tuple[diffrax.ODETerm, diffrax.ControlTerm]]
    interpolation_cls: ClassVar[Any] = diffrax.LocalLinearInterpolation

    def order(self, terms: Any) -> int:
        return 2

    def strong_order(self, terms: Any) -> int:
        return 1

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any) -> None:
        return None

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any, solver_state: None, made_jump: Any
    ) -> tuple[Any, None, dict[str, Any], None, Any]:
        del solver_state, made_jump
        noise = terms.terms[1].contr(t0, t1) / jnp.sqrt(t1 - t0)
        state = dict(zip(self.channels.states, y0, strict=True))
        new = patient.step(state, args, self.channels, self.given(t0), noise)
        y1 = jnp.stack([new[n] for n in self.channels.states])
        return y1, None, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def func(self, terms: Any, t0: Any, y0: Any, args: Any) -> Any:
        return terms.terms[0].vf(t0, y0, args)


def with_diffrax(bench: Bench, *, tree: bool = False) -> Callable[[], float]:
    """The same scheme in diffrax; ``tree``: a Brownian path that can be refined, as this project's can."""
    job, channels = bench.job, bench.job.channels
    table = jnp.asarray(job.tables.inputs[: bench.days].reshape(bench.days * bench.steps, -1))
    h = 1.0 / bench.steps
    visits = jnp.arange(1, job.weeks + 1, dtype=jnp.float32) * 7.0

    def given(t: Any) -> dict[str, Any]:
        row = table[(t * bench.steps + 0.5).astype(jnp.int32)]
        return {name: row[j] for j, name in enumerate(channels.inputs)}

    def only_mood(t: Any, y: Any, args: Any) -> Any:
        del t, args
        return jnp.zeros_like(y).at[channels.states.index("mood")].set(1.0)

    def one(c: dict[str, Any], entry: Any, key: Any) -> Any:
        mood_key, rating_key = jax.random.split(key)
        path: Any
        if tree:
            path = diffrax.VirtualBrownianTree(0.0, float(bench.days), h / 2, (), mood_key)
        else:
            path = diffrax.UnsafeBrownianPath((), mood_key)
        still, mood = diffrax.ODETerm(lambda t, y, args: jnp.zeros_like(y)), diffrax.ControlTerm(only_mood, path)
        found = diffrax.diffeqsolve(
            diffrax.MultiTerm(still, mood),
            Splitting(channels, given),
            0.0,
            float(bench.days),
            h,
            entry,
            args=c,
            saveat=diffrax.SaveAt(ts=visits),
            adjoint=diffrax.ForwardMode(),
            max_steps=bench.days * bench.steps + 8,
        ).ys
        error = jax.random.normal(rating_key, visits.shape)
        observe = jax.vmap(lambda y, z: patient.observe(dict(zip(channels.states, y, strict=True)), c, channels, z))
        return observe(found, error)

    run = jax.jit(jax.vmap(one))
    constants = {k: jnp.asarray(v, jnp.float32) for k, v in bench.people.constants.items()}
    entry = jnp.asarray(bench.people.entry.T, jnp.float32)
    keys = jax.random.split(jax.random.key(1), len(bench.people.lanes))
    return lambda: float(np.asarray(run(constants, entry, keys))[:, -1].mean(dtype=np.float64))


def with_diffrax_euler(bench: Bench) -> Callable[[], float]:
    """Euler on the drift, the session of a day as a jump before its solve."""
    channels, given = bench.job.channels, bench.job.tables.inputs[: bench.days]
    place = {name: j for j, name in enumerate(channels.inputs)}
    targets = jnp.asarray(given[:, 0, [place[f"target.{d.name}"] for d in channels.drugs]])
    sessions = jnp.asarray(given[:, :, [place["sessions.ect"]]].sum(axis=1))
    p = {k: jnp.asarray(v, jnp.float32) for k, v in bench.cohort.parameters.items()}

    def drift(_: Any, y: Any, args: Any) -> Any:
        return jnp.stack(_drift(y, args[0], channels.drugs, args[1], jnp.exp))

    def diffusion(_: Any, y: Any, args: Any) -> Any:
        return jnp.zeros_like(y).at[0].set(args[0]["mood.sigma"])

    def one(q: Any, mood: Any, key: Any) -> Any:
        def day(y: Any, given: Any) -> Any:
            target, count, day_key = given
            kick = count[0] * q["session_yield.ect"] * q["trait.stimulation"] * q["trait.ect"] * jnp.exp(y[5])
            labile = q["labile.largest"] - (q["labile.largest"] - y[3]) * jnp.exp(-kick / q["labile.largest"])
            y = y.at[3].set(labile).at[7].add(count[0] * q["window.ect"])
            path = diffrax.UnsafeBrownianPath(shape=(), key=day_key)
            terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, path))
            forward = diffrax.ForwardMode()  # the Brownian path that is not stored needs it
            end = diffrax.diffeqsolve(
                terms, diffrax.Euler(), 0.0, 1.0, 1.0 / bench.steps, y, args=(q, target), adjoint=forward
            ).ys
            return end[0], None

        start = jnp.zeros(8 + len(channels.drugs), jnp.float32).at[0].set(mood)
        end, _ = jax.lax.scan(day, start, (targets, sessions, jax.random.split(key, bench.days)))
        return q["rating.well"] + q["rating.half_span"] * (end[0] + 1)

    run = jax.jit(jax.vmap(one))
    keys = jax.random.split(jax.random.key(1), len(bench.cohort.draw))
    mood = jnp.asarray(bench.cohort.state["mood"], jnp.float32)
    return lambda: float(np.asarray(run(p, mood, keys)).mean(dtype=np.float64))


def with_scipy(bench: Bench) -> Callable[[], float]:
    """LSODA without noise, one solve for each day, the session of a day as a jump before it."""
    drugs, cohort = bench.job.channels.drugs, bench.cohort

    def drift(_: float, y: np.ndarray, q: dict[str, float], target: list[float]) -> np.ndarray:
        return np.array(_drift(y, q, drugs, target, np.exp))

    def one(lane: int) -> float:
        q = reference.flat_parameters(cohort.parameters, lane)
        y = np.zeros(8 + len(drugs))
        y[0] = cohort.state["mood"][lane]
        for day in range(bench.days):
            today = [i for i in bench.ledger.phases[0].items if i.day == day]
            for _ in [i for i in today if i.kind == "session"]:
                kick = q["session_yield.ect"] * q["trait.stimulation"] * q["trait.ect"] * np.exp(y[5])
                y[3] = q["labile.largest"] - (q["labile.largest"] - y[3]) * np.exp(-kick / q["labile.largest"])
                y[7] += q["window.ect"]
            target = [sum(i.amount for i in today if i.subject == d.name) for d in drugs]
            y = solve_ivp(drift, (0.0, 1.0), y, method="LSODA", rtol=1e-4, args=(q, target)).y[:, -1]
        return float(q["rating.well"] + q["rating.half_span"] * (y[0] + 1))

    return lambda: float(np.mean([one(lane) for lane in range(len(cohort.draw))]))


def plain_python(bench: Bench) -> Callable[[], float]:
    """The plain implementation, without its fine sub-steps."""
    cohort, channels, decisions = bench.cohort, bench.job.channels, Decisions.of(find_scale(bench.cohort.scale))

    def run() -> float:
        reference.FINE = 1
        scores = []
        for lane in range(len(cohort.draw)):
            p = reference.flat_parameters(cohort.parameters, lane)
            person = reference.Patient(p, channels, float(cohort.state["mood"][lane]), float(cohort.baseline[lane]))
            luck = (bench.job.seed, 0, int(cohort.patient[lane]))
            scores.append(reference.simulate(bench.ledger, person, decisions, luck, bench.days, bench.steps)[0][-1])
        return float(np.mean(scores))

    return run


def _drift(y: Any, q: Any, drugs: Any, target: Any, exp: Any) -> list[Any]:
    """Rates of change of mood, tilt, placebo, labile and stored change, both gains, window and exposures."""
    x, tilt, placebo, labile, stored, gain_s, gain_c, window = (y[i] for i in range(8))
    effects = []
    for j, drug in enumerate(drugs):
        e50 = q[f"{drug.effect_class}.half_effect_level"] if drug.e50 is None else drug.e50
        effects.append(y[8 + j] / (y[8 + j] + e50) * (drug.typical + e50) / drug.typical)

    def total(name: str) -> Any:
        return sum(q[f"{name}.{d.effect_class}"] * e for d, e in zip(drugs, effects, strict=True))

    rate = q["stored.rate"] * exp(gain_c + q["consolidation_gain.window"] * window)
    force = q["trait.chronicity"] - tilt - labile - stored - placebo
    return [
        (x - x**3 + force) / q["mood.time_constant"],
        (total("tilt") * q["trait.drug"] - tilt) / q["tilt.time_constant"],
        (q["trait.placebo"] - placebo) / q["placebo.time_constant"],
        -labile * (1 / q["labile.time_constant"] + rate),
        rate * labile - stored / q["stored.time_constant"],
        (total("session_gain") - gain_s) / q["plasticity.time_constant"],
        (total("consolidation_gain") - gain_c) / q["plasticity.time_constant"],
        -window / q["window.time_constant"],
        *(np.log(2.0) / d.half_life_days * (target[j] - y[8 + j]) for j, d in enumerate(drugs)),
    ]
