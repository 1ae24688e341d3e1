"""Patients per second on a GPU: the generated kernel, and the reference engine (jax.lax.scan) on the same device.

    python benchmarks/gpu.py [--patients N ...] [--rounds N]

The regimen is that of ``engines.py``: ECT for four weeks, then nortriptyline and lithium, 26 weeks, at a step of 1/8
day.
Each figure is the median over rounds after one run that compiles, and holds all it takes: preparing the patients'
constants, sending them, the run, and bringing 27 ratings of each patient back. Figures for 1e4 to 1e7 patients; a size
that does not fit into memory is left out and named. The scan runs only where JAX sees a GPU.

Writes benchmarks/results/gpu.json. Without a GPU it says so and ends with exit code 0.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.console import Console
from rich.table import Table
from timed import WEEKS, patients, regimen

from cotreat.population.cohort import Cohort
from cotreat.simulate.chunks import Engine
from cotreat.simulate.kernel import cuda
from cotreat.simulate.run import Settings, follow

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SCAN_AT_MOST = 1_000_000


def seconds(cohort: Cohort, engine: Engine, rounds: int) -> tuple[float, float]:
    """Median time of a run, and the mean final score."""
    settings = Settings(patients=len(cohort.draw), draws=1, weeks=WEEKS, engine=engine)
    times, score = [], 0.0
    for number in range(rounds + 1):
        begin = time.perf_counter()
        score = float(follow(cohort, regimen(), settings).score[-1].mean(dtype=np.float64))
        if number:
            times.append(time.perf_counter() - begin)
    return median(times), score


def on_gpu() -> list[Engine]:
    """Engines that run on a GPU here."""
    import jax

    scan: list[Engine] = ["reference"] if jax.default_backend() == "gpu" else []
    return (["gpu"] if cuda.available() else []) + scan


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--patients", type=int, nargs="+", default=list(SIZES), help="sizes to time")
    options.add_argument("--rounds", type=int, default=5, help="timed runs of each size")
    chosen = options.parse_args()
    engines = on_gpu()
    if not engines:
        print("There is no NVIDIA GPU here (with its driver and the extra gpu): nothing to time.")
        return
    rows: list[dict[str, Any]] = []
    table = Table("engine", "patients", "seconds", "patients per second", "mean final score")
    for count in chosen.patients:
        try:
            cohort = patients(count)
        except MemoryError:
            print(f"{count:,} patients do not fit into memory")
            continue
        for engine in engines:
            if engine == "reference" and count > SCAN_AT_MOST:
                continue
            try:
                took, score = seconds(cohort, engine, chosen.rounds)
            except MemoryError:
                print(f"{count:,} patients do not fit into memory ({engine})")
                continue
            rows.append({"engine": engine, "patients": count, "seconds": took, "patients_per_second": count / took})
            table.add_row(engine, f"{count:,}", f"{took:.3f}", f"{count / took:,.0f}", f"{score:.4f}")
    Console().print(table)
    path = Path(__file__).parent / "results" / "gpu.json"
    path.write_text(json.dumps({"weeks": WEEKS, "rounds": chosen.rounds, "runs": rows}, indent=2) + "\n")
    print(f"Written: benchmarks/results/{path.name}")


if __name__ == "__main__":
    main()
