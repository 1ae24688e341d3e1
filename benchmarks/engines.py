"""Patients per second of each engine on the real model: ECT for four weeks, then nortriptyline and lithium, 26 weeks.

    python benchmarks/engines.py [--patients N] [--rounds N] [--no-accuracy]

All engines run the same regimen at the same step (1/8 day) for the same parameters, one after the other in every round
and on one core, so that the ratio between them does not depend on what else the machine does. Figures are medians over
rounds. Engines:

- numba: the kernel of this project, generated from the step, with all it takes to prepare a run
- numba_two_threads: the same on two cores
- c: the same traced step compiled by the C compiler; the loop alone, without decisions
- scan: the reference engine (jax.lax.scan over weeks, days and steps; tiles of 1,024)
- diffrax: Euler steps of the same equations under vmap, a solve for each day with the session between them
- scipy: solve_ivp of the same equations without noise, one patient at a time, a solve for each day
- python: the same model in plain Python, one patient at a time (the second implementation used in the tests)

Then the error of the step: the same patients and the same Brownian path with the step halved up to three times.

Writes benchmarks/results/engines.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from c_kernel import CKernel, compiler
from rich.console import Console
from rich.table import Table
from scipy.integrate import solve_ivp

from cotreat.measures.scales import scale as find_scale
from cotreat.model import patient
from cotreat.model.parameter_set import load_parameters
from cotreat.population.cohort import Cohort
from cotreat.regimen.ledger import Item, Ledger, Phase
from cotreat.simulate.channels import layout_of
from cotreat.simulate.chunks import Engine, Job, People
from cotreat.simulate.result import acute_course, follow_up
from cotreat.simulate.run import Settings, follow, start_cohort
from cotreat.simulate.scan import RATING_CONSTANTS
from cotreat.simulate.tables import Decisions, build
from tests.simulate import reference

WEEKS, STEPS = 26, 8
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
STATES = ("mood", "tilt", "placebo", "labile", "stored", "session_gain", "storage_gain", "window")


def regimen() -> Ledger:
    """ECT on Monday, Wednesday and Friday for four weeks, then two drugs at a level for 22 weeks; no decision."""
    ect = [Item(d, 10.0, "ECT", "session", 1.0, "session") for d in range(28) if d % 7 in (0, 2, 4)]
    drugs = [
        Item(d, 0.0, name, "level", amount, unit)
        for d in range(28, 7 * WEEKS)
        for name, amount, unit in (("nortriptyline", 100.0, "ng/mL"), ("lithium", 0.7, "mmol/L"))
    ]
    return Ledger((Phase(0, "course", (*ect, *drugs), length=7 * WEEKS),), (), (0,), horizon=7 * WEEKS)


def patients(count: int) -> Cohort:
    """Patients at the median parameters, so that every engine takes the same step."""
    known = load_parameters()
    fixed = {k: replace(p, distribution="fixed") for k, p in known.parameters.items()}
    return start_cohort("ECT candidates", Settings(patients=count, draws=1), replace(known, parameters=fixed))


def ours(cohort: Cohort, engine: Engine, threads: int = 1) -> Callable[[], float]:
    """Mean final score by an engine of this project."""
    settings = Settings(patients=len(cohort.draw), draws=1, weeks=WEEKS, threads=threads, engine=engine)

    def run() -> float:
        if CORES:
            os.sched_setaffinity(0, CORES[:threads])  # threads started from here on inherit it
        score = follow(cohort, regimen(), settings).score[-1]
        if CORES:
            os.sched_setaffinity(0, CORES[:1])
        return float(score.mean(dtype=np.float64))

    return run


def in_c(cohort: Cohort) -> tuple[Callable[[], float], int]:
    """Mean final score by the C kernel, and its number of patients."""
    ledger = regimen()
    layout = layout_of([ledger])
    tables = build(ledger, layout, Decisions.of(find_scale(cohort.scale)), STEPS)
    p = cohort.parameters
    people = People(
        constants=patient.constants(p, layout.channels, 1.0 / STEPS) | {k: p[k] for k in RATING_CONSTANTS},
        entry=np.stack([cohort.state.get(k, np.zeros(len(cohort.draw))) for k in layout.channels.states]),
        lanes=np.arange(len(cohort.draw)),
        patient=cohort.patient,
        draw=cohort.draw,
        baseline=cohort.baseline,
    )
    kernel = CKernel(Job(layout.channels, tables, WEEKS, 1), people)
    return lambda: float(kernel()[-1].mean(dtype=np.float64)), kernel.n


def with_scipy(cohort: Cohort) -> Callable[[], float]:
    """Mean final score without noise by LSODA, one solve for each day, the session of a day as a jump before it."""
    ledger = regimen()
    channels = layout_of([ledger]).channels
    drugs = channels.drugs

    def one(lane: int) -> float:
        q = reference.flat_parameters(cohort.parameters, lane)
        y = np.zeros(8 + len(drugs))
        y[0] = cohort.state["mood"][lane]
        for day in range(7 * WEEKS):
            today = [i for i in ledger.phases[0].items if i.day == day]
            for _ in [i for i in today if i.kind == "session"]:
                kick, top = q["session_yield.ect"] * q["trait.stimulation"] * np.exp(y[5]), q["labile.largest"]
                y[3], y[7] = top - (top - y[3]) * np.exp(-kick / top), y[7] + q["window.ect"]
            target = [sum(i.amount for i in today if i.subject == d.name) for d in drugs]
            args = (q, drugs, target)
            y = solve_ivp(_drift, (0.0, 1.0), y, method="LSODA", rtol=1e-4, args=args).y[:, -1]
        return float(q["rating.well"] + q["rating.half_span"] * (y[0] + 1))

    return lambda: float(np.mean([one(lane) for lane in range(len(cohort.draw))]))


def _drift(_: float, y: np.ndarray, q: dict[str, float], drugs: Any, target: list[float]) -> np.ndarray:
    x, tilt, placebo, labile, stored, gain_s, gain_c, window = y[:8]
    effects = []
    for j, drug in enumerate(drugs):
        e50 = q["lithium.half_effect_level"] if drug.e50 is None else drug.e50
        effects.append(y[8 + j] / (y[8 + j] + e50) * (drug.typical + e50) / drug.typical)

    def total(name: str) -> float:
        return float(sum(q[f"{name}.{d.effect_class}"] * e for d, e in zip(drugs, effects, strict=True)))

    rate = q["stored.rate"] * np.exp(gain_c + q["consolidation_gain.window"] * window)
    force = q["trait.chronicity"] - tilt - labile - stored - placebo
    kinetics = [np.log(2.0) / d.half_life_days * (target[j] - y[8 + j]) for j, d in enumerate(drugs)]
    return np.array(
        [
            (x - x**3 + force) / q["mood.time_constant"],
            (total("tilt") * q["trait.drug"] - tilt) / q["tilt.time_constant"],
            (q["trait.placebo"] - placebo) / q["placebo.time_constant"],
            -labile * (1 / q["labile.time_constant"] + rate),
            rate * labile - stored / q["stored.time_constant"],
            (total("session_gain") - gain_s) / q["plasticity.time_constant"],
            (total("consolidation_gain") - gain_c) / q["plasticity.time_constant"],
            -window / q["window.time_constant"],
            *kinetics,
        ]
    )


def with_diffrax(cohort: Cohort) -> Callable[[], float]:
    """Mean final score by diffrax: Euler on the drift, the session of a day as a jump before its solve."""
    ledger = regimen()
    layout = layout_of([ledger])
    tables = build(ledger, layout, Decisions.of(find_scale(cohort.scale)), STEPS)
    given = tables.inputs[: 7 * WEEKS]
    place = {name: j for j, name in enumerate(layout.channels.inputs)}
    targets = jnp.asarray(given[:, 0, [place[f"target.{d.name}"] for d in layout.channels.drugs]])
    sessions = jnp.asarray(given[:, :, [place["sessions.ect"]]].sum(axis=1))
    drugs = layout.channels.drugs
    p = {k: jnp.asarray(v, jnp.float32) for k, v in cohort.parameters.items()}

    def drift(_: Any, y: Any, args: Any) -> Any:
        q, target = args
        x, tilt, placebo, labile, stored, gain_s, gain_c, window = (y[i] for i in range(8))
        effects = []
        for j, drug in enumerate(drugs):
            e50 = q["lithium.half_effect_level"] if drug.e50 is None else drug.e50
            effects.append(y[8 + j] / (y[8 + j] + e50) * (drug.typical + e50) / drug.typical)

        def total(name: str) -> Any:
            return sum(q[f"{name}.{d.effect_class}"] * e for d, e in zip(drugs, effects, strict=True))

        rate = q["stored.rate"] * jnp.exp(gain_c + q["consolidation_gain.window"] * window)
        force = q["trait.chronicity"] - tilt - labile - stored - placebo
        kinetics = [jnp.log(2.0) / d.half_life_days * (target[j] - y[8 + j]) for j, d in enumerate(drugs)]
        return jnp.stack(
            [
                (x - x**3 + force) / q["mood.time_constant"],
                (total("tilt") * q["trait.drug"] - tilt) / q["tilt.time_constant"],
                (q["trait.placebo"] - placebo) / q["placebo.time_constant"],
                -labile * (1 / q["labile.time_constant"] + rate),
                rate * labile - stored / q["stored.time_constant"],
                (total("session_gain") - gain_s) / q["plasticity.time_constant"],
                (total("consolidation_gain") - gain_c) / q["plasticity.time_constant"],
                -window / q["window.time_constant"],
                *kinetics,
            ]
        )

    def diffusion(_: Any, y: Any, args: Any) -> Any:
        return jnp.zeros_like(y).at[0].set(args[0]["mood.sigma"])

    def one(q: Any, mood: Any, key: Any) -> Any:
        def day(y: Any, given: Any) -> Any:
            target, count, day_key = given
            kick = count[0] * q["session_yield.ect"] * q["trait.stimulation"] * jnp.exp(y[5])
            labile = q["labile.largest"] - (q["labile.largest"] - y[3]) * jnp.exp(-kick / q["labile.largest"])
            y = y.at[3].set(labile).at[7].add(count[0] * q["window.ect"])
            path = diffrax.UnsafeBrownianPath(shape=(), key=day_key)
            terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, path))
            forward = diffrax.ForwardMode()  # the Brownian path that is not stored needs it
            end = diffrax.diffeqsolve(
                terms, diffrax.Euler(), 0.0, 1.0, 1.0 / STEPS, y, args=(q, target), adjoint=forward
            ).ys
            return end[0], None

        start = jnp.zeros(8 + len(drugs), jnp.float32).at[0].set(mood)
        end, _ = jax.lax.scan(day, start, (targets, sessions, jax.random.split(key, 7 * WEEKS)))
        return q["rating.well"] + q["rating.half_span"] * (end[0] + 1)

    run = jax.jit(jax.vmap(one))
    keys = jax.random.split(jax.random.key(1), len(cohort.draw))
    mood = jnp.asarray(cohort.state["mood"], jnp.float32)
    return lambda: float(np.asarray(run(p, mood, keys)).mean(dtype=np.float64))


def plain_python(cohort: Cohort) -> Callable[[], float]:
    """Mean final score of a few patients by the plain implementation, without its fine sub-steps."""
    ledger, decisions = regimen(), Decisions.of(find_scale(cohort.scale))
    channels = layout_of([ledger]).channels
    reference.FINE = 1

    def run() -> float:
        scores = []
        for lane in range(len(cohort.draw)):
            p = reference.flat_parameters(cohort.parameters, lane)
            person = reference.Patient(p, channels, float(cohort.state["mood"][lane]), float(cohort.baseline[lane]))
            luck = (1, 0, int(cohort.patient[lane]))
            scores.append(reference.simulate(ledger, person, decisions, luck, 7 * WEEKS, STEPS)[0][-1])
        return float(np.mean(scores))

    return run


def accuracy(count: int) -> list[dict[str, float]]:
    """Response at weeks 2, 8 and 26 by halvings of the step, against the finest, over the whole prior."""
    settings = Settings(patients=count, draws=100, weeks=WEEKS)
    cohort = start_cohort("ECT candidates", settings)
    decisions = Decisions.of(find_scale(cohort.scale))
    seen = []
    for refine in range(4):
        course = follow(cohort, regimen(), replace(settings, refine=refine))
        shown = follow_up(course, acute_course(course, decisions))
        seen.append(np.stack([shown.response(7 * week).ravel() for week in (2, 8, 26)]).astype(float))
    rows = []
    for refine, found in enumerate(seen[:-1]):
        gap = found - seen[-1]
        row: dict[str, float] = {"halvings": refine}
        for week, d in zip((2, 8, 26), gap, strict=True):
            row |= {f"week_{week}": round(d.mean(), 5), f"week_{week}_se": round(d.std() / len(d) ** 0.5, 5)}
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=32_768)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-accuracy", action="store_true", help="leave out the error of the step")
    options = parser.parse_args()
    if CORES:
        os.sched_setaffinity(0, CORES[:1])  # before JAX makes its threads
    everyone = patients(options.patients)
    fewer, few, handful = (
        patients(max(1024, options.patients // 4)),
        patients(max(256, options.patients // 32)),
        patients(2),
    )
    engines: dict[str, tuple[Callable[[], float], int]] = {"numba": (ours(everyone, "kernel"), len(everyone.draw))}
    if len(CORES) > 1:
        engines["numba_two_threads"] = (ours(everyone, "kernel", 2), len(everyone.draw))
    if compiler():
        engines["c"] = in_c(everyone)
    engines |= {
        "scan": (ours(fewer, "reference"), len(fewer.draw)),
        "diffrax": (with_diffrax(few), len(few.draw)),
        "scipy": (with_scipy(handful), 2),
        "python": (plain_python(handful), 2),
    }
    first: dict[str, float] = {}
    values: dict[str, float] = {}
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    for name, (run, _) in engines.items():
        begin = time.perf_counter()
        values[name] = run()
        first[name] = time.perf_counter() - begin
    for _ in range(options.rounds):
        for name, (run, count) in engines.items():
            begin = time.perf_counter()
            run()
            speeds[name].append(count / (time.perf_counter() - begin))
    errors = [] if options.no_accuracy else accuracy(20_000)
    report({k: median(v) for k, v in speeds.items()}, first, values, (options, errors))


def report(speed: dict[str, float], first: dict[str, float], values: dict[str, float], run: tuple[Any, Any]) -> None:
    """Print the tables and write the JSON file."""
    options, errors = run
    table = Table(title=f"{WEEKS} weeks, {STEPS} steps a day, {WEEKS + 1} visits, one core", title_justify="left")
    for column in ("Engine", "Patients/s", "To C", "To scan", "First call, s", "Final score"):
        table.add_column(column, justify="left" if column == "Engine" else "right", overflow="fold", no_wrap=False)
    for name, value in speed.items():
        to_c = f"{value / speed['c']:.4f}" if "c" in speed else "-"
        numbers = (f"{value:,.0f}", to_c, f"{value / speed['scan']:.4f}", f"{first[name]:.1f}", f"{values[name]:.2f}")
        table.add_row(name, *numbers)
    Console().print(table)
    if errors:
        table = Table(
            title="Error of the step: response against the finest step (one standard error)", title_justify="left"
        )
        for column in ("Times halved", "Week 2", "Week 8", "Week 26"):
            table.add_column(column, justify="right")
        for row in errors:
            cells = [f"{row[f'week_{w}']:+.4f} ({row[f'week_{w}_se']:.4f})" for w in (2, 8, 26)]
            table.add_row(str(row["halvings"]), *cells)
        Console().print(table)
    path = Path(__file__).resolve().parent / "results" / "engines.json"
    path.parent.mkdir(exist_ok=True)
    document = {
        "patients_per_second": {k: round(v, 1) for k, v in speed.items()},
        "ratio_to_c": {k: round(v / speed["c"], 4) for k, v in speed.items()} if "c" in speed else None,
        "first_call_seconds": {k: round(v, 2) for k, v in first.items()},
        "mean_final_score": {k: round(v, 3) for k, v in values.items()},
        "response_error_by_halvings": errors,
        "patients": options.patients,
        "rounds": options.rounds,
        "weeks": WEEKS,
        "steps_per_day": STEPS,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        "jax": jax.__version__,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"Written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
