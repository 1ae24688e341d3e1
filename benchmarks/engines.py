"""Patients per second of each engine on the real model: ECT for four weeks, then nortriptyline and lithium, 26 weeks.

    python benchmarks/engines.py [--patients N] [--rounds N] [--quick]

All engines run the same regimen at the same step (1/8 day) for the same parameters, one after the other in every round
and on one core, so that the ratio between them does not depend on what else the machine does. Figures are medians over
rounds. Engines:

- numba: the kernel of this project, generated from the step, with all it takes to prepare a run
- numba_kernel: that kernel alone, on patients who are ready (what further arms of a comparison cost)
- numba_two_threads: numba on two cores
- c: the same traced step compiled by the C compiler; the loop alone, without decisions
- scan: the reference engine (jax.lax.scan over weeks, days and steps; tiles of 1,024)
- diffrax: the same scheme as a diffrax solver, one solve for the course, vmap over patients, UnsafeBrownianPath
- diffrax_tree: the same with VirtualBrownianTree, whose path can be refined as the kernel's can
- diffrax_euler: Euler steps of the main equations only (see other_engines.py)
- scipy: solve_ivp of the main equations without noise, one patient at a time
- python: the same model in plain Python, one patient at a time (the second implementation used in the tests)

Then: the time to the first result with and without a stored kernel, a million patients (time and memory), and the error
of the step over the whole prior, on the same Brownian path, against steps of 1/128 day. ``--quick`` leaves these out.

Writes benchmarks/results/engines.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import jax
import numpy as np
from c_kernel import CKernel, compiler
from other_engines import Bench, plain_python, with_diffrax, with_diffrax_euler, with_scipy
from rich.console import Console
from rich.table import Table
from timed import WEEKS, patients, regimen

from cotreat.measures.scales import scale as find_scale
from cotreat.population.cohort import Cohort
from cotreat.simulate.channels import layout_of
from cotreat.simulate.chunks import Engine, Job, Output
from cotreat.simulate.entrants import Entrants, steps_a_day
from cotreat.simulate.run import Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions, build

STEPS, FINEST = 8, 128
SHOWN = (2, 8, 26)
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
CHILD = """
import json, resource, sys, time
sys.path[:0] = {path!r}
begin = time.perf_counter(), time.process_time()
import engines
made = time.perf_counter(), time.process_time()
engines.whole_run({patients}, {draws}, {threads})
end = time.perf_counter(), time.process_time()
print(json.dumps({{"seconds": end[0] - made[0], "cpu_seconds": end[1] - made[1], "import_seconds": made[0] - begin[0],
                   "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""


def bench_of(cohort: Cohort) -> Bench:
    """The course for these patients."""
    ledger = regimen()
    layout = layout_of([ledger])
    ((steps, structure), people), *others = Entrants(cohort, layout).people(()).items()
    assert steps == STEPS
    assert not others
    tables = build(ledger, layout, Decisions.of(find_scale(cohort.scale)), STEPS)
    return Bench(ledger, cohort, Job(replace(layout.channels, mood=structure), tables, WEEKS, 1), people)


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


def kernel_alone(cohort: Cohort) -> Callable[[], float]:
    """Mean final score by the kernel, patients and output being ready."""
    from cotreat.simulate.kernel.cpu import runner

    bench = bench_of(cohort)
    out = Output.empty(bench.job.channels, 1, WEEKS + 1, len(cohort.draw))
    go = runner(bench.job)

    def run() -> float:
        go(bench.people, out)
        return float(out.score[-1].mean(dtype=np.float64))

    return run


def in_c(cohort: Cohort) -> tuple[Callable[[], float], int]:
    """Mean final score by the C kernel, and its number of patients."""
    bench = bench_of(cohort)
    kernel = CKernel(bench.job, bench.people)
    return lambda: float(kernel()[-1].mean(dtype=np.float64)), kernel.n


def whole_run(count: int, draws: int, threads: int | None) -> None:
    """A run over the whole prior, from recruiting to the last visit."""
    settings = Settings(patients=count, draws=draws, weeks=WEEKS, threads=threads)
    follow(start_cohort("ECT candidates", settings), regimen(), settings)


def child(count: int, draws: int, threads: int | None = None, cache: str | None = None) -> dict[str, float]:
    """``whole_run`` in a process of its own: seconds and peak memory."""
    code = CHILD.format(path=sys.path[:2], patients=count, draws=draws, threads=threads)
    environment = os.environ | ({"COTREAT_CACHE": cache} if cache else {})
    if CORES:
        os.sched_setaffinity(0, CORES)
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    if CORES:
        os.sched_setaffinity(0, CORES[:1])
    found: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return {k: round(v, 2) for k, v in found.items()}


def starts() -> dict[str, dict[str, float]]:
    """The first run of a process without a stored kernel, and with it."""
    with tempfile.TemporaryDirectory() as cache:
        return {name: child(300, 3, 1, cache) for name in ("without_stored_kernel", "with_stored_kernel")}


def accuracy(count: int, draws: int) -> list[dict[str, Any]]:
    """Response and mean score at some weeks by the step, against the finest step, over the whole prior.

    Everybody has the same Brownian path at every step. The spread over the draws of the coupled difference gives its
    Monte-Carlo error (one standard error).
    """
    settings = Settings(patients=count, draws=draws, weeks=WEEKS)
    cohort = start_cohort("ECT candidates", settings)
    ledger = regimen()
    layout = layout_of([ledger])
    own = steps_a_day(cohort.parameters["mood.time_constant"], 0)
    fraction = find_scale(cohort.scale).response
    assert fraction is not None

    def seen(steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        response, score = np.zeros((3, len(own))), np.zeros((3, len(own)))
        for pair in sorted({(int(a), int(b)) for a, b in zip(own, steps, strict=True)}):
            lanes = np.flatnonzero((own == pair[0]) & (steps == pair[1]))
            some = cohort.take(lanes, (1, len(lanes)), cohort.state)
            halvings = int(np.log2(pair[1] / pair[0]))
            course = follow(Entrants(some, layout, halvings), ledger, settings)
            score[:, lanes] = course.score[list(SHOWN)]
            response[:, lanes] = score[:, lanes] <= (1.0 - fraction) * some.baseline
        return response, score

    wanted = {f"1/{k}": np.full(len(own), k) for k in (4, 8, 16, 32, 64)}
    wanted = {"tau/4": np.maximum(own // 2, 4), "tau/8 (default)": own, "tau/16": 2 * own} | wanted
    exact = seen(np.full(len(own), FINEST))
    rows = []
    for name, steps in wanted.items():
        row: dict[str, Any] = {"step": name, "steps_a_day": round(float(steps.mean()), 2)}
        for kind, found, best in zip(("response", "score"), seen(steps), exact, strict=True):
            for week, gap in zip(SHOWN, found - best, strict=True):
                by_draw = gap.reshape(draws, -1).mean(axis=1)
                error = by_draw.std(ddof=1) / draws**0.5
                row[f"{kind}_week_{week}"], row[f"{kind}_week_{week}_se"] = round(gap.mean(), 5), round(error, 5)
        rows.append(row)
    return rows


def speeds(options: argparse.Namespace) -> dict[str, Any]:
    """Patients per second of every engine, from interleaved rounds."""
    everyone = patients(options.patients)
    counts = {"scan": max(1024, options.patients // 4), "diffrax": max(256, options.patients // 32), "one": 2}
    benches = {name: bench_of(patients(count)) for name, count in counts.items()}
    engines: dict[str, tuple[Callable[[], float], int]] = {
        "numba": (ours(everyone, "kernel"), len(everyone.draw)),
        "numba_kernel": (kernel_alone(everyone), len(everyone.draw)),
    }
    if len(CORES) > 1:
        engines["numba_two_threads"] = (ours(everyone, "kernel", 2), len(everyone.draw))
    if compiler():
        engines["c"] = in_c(everyone)
    engines |= {
        "scan": (ours(benches["scan"].cohort, "reference"), counts["scan"]),
        "diffrax": (with_diffrax(benches["diffrax"]), counts["diffrax"]),
        "diffrax_tree": (with_diffrax(benches["diffrax"], tree=True), counts["diffrax"]),
        "diffrax_euler": (with_diffrax_euler(benches["diffrax"]), counts["diffrax"]),
        "scipy": (with_scipy(benches["one"]), 2),
        "python": (plain_python(benches["one"]), 2),
    }
    first: dict[str, float] = {}
    values: dict[str, float] = {}
    walls: dict[str, list[float]] = {name: [] for name in engines}
    cpus: dict[str, list[float]] = {name: [] for name in engines}
    for name, (run, _) in engines.items():
        begin = time.perf_counter()
        values[name] = run()
        first[name] = time.perf_counter() - begin
    for _ in range(options.rounds):
        for name, (run, _) in engines.items():
            begin = time.perf_counter(), time.process_time()
            run()
            walls[name].append(time.perf_counter() - begin[0])
            cpus[name].append(time.process_time() - begin[1])
    speed = {name: count / median(walls[name]) for name, (_, count) in engines.items()}
    per_core = {name: count / median(cpus[name]) for name, (_, count) in engines.items()}
    # a round has all engines, one after the other: the ratio in a round is free of most of what the machine does beside
    to_c = {
        name: median(b / a for a, b in zip(cpus[name], cpus["c"], strict=True)) * count / engines["c"][1]
        for name, (_, count) in engines.items()
        if "c" in engines
    }
    threads = {}
    if "numba_two_threads" in engines:
        one, two = walls["numba"], walls["numba_two_threads"]
        threads = {
            "speed_up_two_threads": round(median(a / b for a, b in zip(one, two, strict=True)), 3),
            "best_speed_up_two_threads": round(min(one) / min(two), 3),
            "cpu_seconds_two_threads_to_one": round(median(cpus["numba_two_threads"]) / median(cpus["numba"]), 3),
        }
    return {
        "patients_per_second": {k: round(v, 1) for k, v in speed.items()},
        "patients_per_cpu_second": {k: round(v, 1) for k, v in per_core.items()},
        "ratio_to_c": {k: round(v, 4) for k, v in to_c.items()} or None,
        "threads": threads,
        "first_call_seconds": {k: round(v, 2) for k, v in first.items()},
        "mean_final_score": {k: round(v, 3) for k, v in values.items()},
    }


def show(document: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console()
    table = Table(title=f"{WEEKS} weeks, {STEPS} steps a day, {WEEKS + 1} visits, one core", title_justify="left")
    for column in ("Engine", "Patients/s", "Per CPU second", "To C", "First call, s", "Final score"):
        table.add_column(column, justify="left" if column == "Engine" else "right", overflow="fold", no_wrap=False)
    for name, value in document["patients_per_second"].items():
        to_c = f"{document['ratio_to_c'][name]:.4f}" if document["ratio_to_c"] else "-"
        numbers = [f"{value:,.0f}", f"{document['patients_per_cpu_second'][name]:,.0f}", to_c]
        numbers += [f"{document['first_call_seconds'][name]:.1f}", f"{document['mean_final_score'][name]:.2f}"]
        table.add_row(name, *numbers)
    console.print(table)
    if document["threads"]:
        print("Two threads against one: " + ", ".join(f"{k} {v}" for k, v in document["threads"].items()))
    for name in ("starts", "million"):
        if name in document:
            print(f"{name}: {json.dumps(document[name])}")
    if document.get("error_of_the_step"):
        table = Table(title=f"Error against 1/{FINEST} day over the prior (one standard error)", title_justify="left")
        for column in ("Step, days", *(f"Response, week {w}" for w in SHOWN), "Score, week 8"):
            table.add_column(column, justify="left" if column == "Step, days" else "right")
        for row in document["error_of_the_step"]:
            cells = [f"{row[f'response_week_{w}']:+.4f} ({row[f'response_week_{w}_se']:.4f})" for w in SHOWN]
            table.add_row(row["step"], *cells, f"{row['score_week_8']:+.3f} ({row['score_week_8_se']:.3f})")
        console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=32_768)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="the speeds only")
    options = parser.parse_args()
    if CORES:
        os.sched_setaffinity(0, CORES[:1])  # before JAX makes its threads
    document = speeds(options)
    if not options.quick:
        parts: dict[str, Callable[[], Any]] = {
            "starts": starts,
            "million": lambda: child(1_000_000, 100),
            "error_of_the_step": lambda: accuracy(40_000, 400),
        }
        for name, measure in parts.items():
            print(f"Measuring: {name}", flush=True)
            document[name] = measure()
    document |= {
        "patients": options.patients,
        "rounds": options.rounds,
        "weeks": WEEKS,
        "steps_per_day": STEPS,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load": [round(v, 1) for v in os.getloadavg()] if hasattr(os, "getloadavg") else None,
            "python": platform.python_version(),
        },
        "jax": jax.__version__,
    }
    show(document)
    path = Path(__file__).resolve().parent / "results" / "engines.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"Written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
