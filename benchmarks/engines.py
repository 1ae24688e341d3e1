"""Patients per second of each engine on the real model: ECT for four weeks, then nortriptyline and lithium, 26 weeks.

    python benchmarks/engines.py [--patients N] [--rounds N]

All engines run the same regimen at the same step (1/8 day) for the same parameters, one after the other in every round,
so that the ratio between them does not depend on what else the machine does. Figures are medians over rounds. Engines:

- scan: the reference engine of this project (jax.lax.scan over weeks, days and steps; tiles of 1,024; all threads)
- scan, one thread
- diffrax: Euler steps of the same equations under vmap, a solve for each day with the session between them
- python: the same model in plain Python, one patient at a time (the second implementation used in the tests)

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
from rich.console import Console
from rich.table import Table

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import load_parameters
from cotreat.population.cohort import Cohort
from cotreat.regimen.ledger import Item, Ledger, Phase
from cotreat.simulate.channels import layout_of
from cotreat.simulate.run import Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions, build
from tests.simulate import reference

WEEKS, STEPS = 26, 8
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


def scan(cohort: Cohort, threads: int | None) -> Callable[[], float]:
    """Mean final score by the reference engine."""
    settings = Settings(patients=len(cohort.draw), draws=1, weeks=WEEKS, threads=threads)
    return lambda: float(follow(cohort, regimen(), settings).score[-1].mean(dtype=np.float64))


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=32_768)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    everyone = patients(options.patients)
    few, handful = patients(max(256, options.patients // 32)), patients(2)
    engines: dict[str, tuple[Callable[[], float], int]] = {
        "scan": (scan(everyone, None), len(everyone.draw)),
        "scan_one_thread": (scan(everyone, 1), len(everyone.draw)),
        "diffrax": (with_diffrax(few), len(few.draw)),
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
    report({k: median(v) for k, v in speeds.items()}, first, values, options)


def report(speed: dict[str, float], first: dict[str, float], values: dict[str, float], options: Any) -> None:
    """Print the table and write the JSON file."""
    table = Table(title=f"{WEEKS} weeks, {STEPS} steps a day, {WEEKS + 1} visits", title_justify="left")
    for column in ("Engine", "Patients/s", "Ratio to scan", "First call, s", "Mean final score"):
        table.add_column(column, justify="left" if column == "Engine" else "right", overflow="fold", no_wrap=False)
    for name, value in speed.items():
        numbers = (f"{value:,.0f}", f"{value / speed['scan']:.4f}", f"{first[name]:.1f}", f"{values[name]:.2f}")
        table.add_row(name, *numbers)
    Console().print(table)
    path = Path(__file__).resolve().parent / "results" / "engines.json"
    path.parent.mkdir(exist_ok=True)
    document = {
        "patients_per_second": {k: round(v, 1) for k, v in speed.items()},
        "first_call_seconds": {k: round(v, 2) for k, v in first.items()},
        "mean_final_score": {k: round(v, 3) for k, v in values.items()},
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
