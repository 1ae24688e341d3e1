"""How often each test claims a difference where there is none.

    .venv/bin/python benchmarks/type1.py            20,000 trials for closed forms, 2,000 for fitted models
    .venv/bin/python benchmarks/type1.py --quick    a tenth of that

Both arms are given the same, so every difference is chance. Ratings and losses come from the patient model: eight weeks
from the start of iTBS, and relapse after a run-in with ECT. Each cell is held to one simultaneous 99 % band around 5 %
(Bonferroni over all cells): above it a test is too liberal and the run fails; below it, it is named conservative.
Required without dropout and with MCAR and MAR; MNAR is reported. Writes benchmarks/results/type1.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri

from cotreat.trial.virtual.file import read_trial
from cotreat.trial.virtual.run import Size, simulate_trials

LEVEL = 0.05
RESULTS = Path(__file__).parent / "results" / "type1.json"
TREATED = "iTBS 600 pulses 5 days a week for 4 weeks"
ECT = "ECT right unilateral 3 times a week until remission, at most 12 sessions"
CLOSED = (
    {"name": "t test", "kind": "t", "week": 8},
    {"name": "analysis of covariance", "kind": "ancova", "week": 8},
    {"name": "covariance, last observation", "kind": "ancova", "week": 8, "dropout": "last observation"},
    {"name": "Newcombe", "kind": "newcombe", "what": "response", "week": 8},
    {"name": "chi-square", "kind": "chi2", "what": "response", "week": 8},
    {"name": "chi-square, observed", "kind": "chi2", "what": "response", "week": 8, "dropout": "observed"},
    {"name": "logistic", "kind": "logistic", "what": "response", "week": 8},
    {"name": "risk", "kind": "proportion", "test": "risk", "what": "response", "week": 8},
)
MIXED = ({"name": "mixed model", "kind": "mmrm", "week": 8},)
TIMES = (
    {"name": "log-rank", "kind": "log-rank", "week": 26},
    {"name": "Cox", "kind": "cox", "week": 26},
    {"name": "restricted mean", "kind": "rmst", "week": 26},
)
STATED = tuple(e | {"name": f"{e['name']}, exponential"} for e in TIMES if e["kind"] != "cox")
FACTORIAL = (
    {"name": "Cochran-Mantel-Haenszel", "kind": "cmh", "what": "response", "week": 8},
    {"name": "interaction of risks", "kind": "proportion", "what": "response", "week": 8, "contrast": "interaction"},
    {"name": "interaction of log odds", "kind": "logistic", "what": "response", "week": 8, "contrast": "interaction"},
)
MECHANISMS: dict[str, Any] = {
    "none": "none",
    "MCAR": {"mechanism": "MCAR", "weekly_hazard": 0.04},
    "MAR": {"mechanism": "MAR", "weekly_hazard": 0.04, "per_point": 0.1},
    "MNAR": {"mechanism": "MNAR", "weekly_hazard": 0.04, "per_point": 0.1},
}


@dataclass(frozen=True)
class Cell:
    """One test at one size under one mechanism: the share of trials with a claim."""

    test: str
    n_per_arm: int
    mechanism: str
    trials: int
    share: float
    untestable: float


def cells(trials: int, fitted: int, sizes: tuple[int, ...], mechanisms: tuple[str, ...]) -> Iterator[Cell]:
    """Every cell; ``trials`` for closed forms, ``fitted`` for the mixed model and for times."""
    acute = {
        "population": "TRD outpatients",
        "arms": {"one": TREATED, "other": TREATED},
        "visits": "every 2 weeks for 8 weeks",
    }
    after = {
        "design": "withdrawal",
        "population": "ECT candidates",
        "run_in": ECT,
        "enter": "remission",
        "arms": {"one": "", "other": ""},
        "visits": "every 2 weeks for 26 weeks",
    }
    exponential = {
        "arms": ["one", "other"],
        "effect": {"kind": "exponential", "values": [0.6, 0.6], "by_week": 26},
        "visits": "every 2 weeks for 26 weeks",
    }
    cells_of_four = {
        "design": "factorial",
        "factors": {"drug": ["a", "b"], "stimulation": ["c", "d"]},
        "effect": {"kind": "binary", "values": [0.4, 0.4, 0.4, 0.4]},
        "visits": "every 2 weeks for 8 weeks",
    }
    for mechanism in mechanisms:
        groups = [(acute, CLOSED, trials), (acute, MIXED, fitted), (after, TIMES, fitted)]
        if mechanism in ("none", "MCAR"):  # a stated time has no rating for a loss to depend on
            groups += [(exponential, STATED, trials), (cells_of_four, FACTORIAL, trials)]
        for base, endpoints, count in groups:
            fields = {"per_arm": list(sizes), "endpoints": list(endpoints), "dropout": MECHANISMS[mechanism]}
            trial = read_trial(base | fields)
            found = simulate_trials(trial, Size(trials=count, draws=min(200, count // 5), seed=2026), "median")
            for k, n in enumerate(found.sizes):
                for e, endpoint in enumerate(trial.endpoints):
                    won, estimates = found.won[k, e], found.estimate[k, e]
                    lost = float(np.mean(~np.isfinite(estimates)))
                    yield Cell(endpoint.name, n, mechanism, won.size, float(won.mean()), lost)


def band(trials: int, cells_in_all: int, level: float = LEVEL) -> tuple[float, float]:
    """The simultaneous 99 % band of a share of ``level`` in ``trials`` trials."""
    half = float(-ndtri(0.005 / cells_in_all)) * np.sqrt(level * (1 - level) / trials)
    return max(0.0, level - half), level + half


def verdict(cell: Cell, cells_in_all: int) -> str:
    """ "holds", "conservative" or "too liberal"."""
    low, high = band(cell.trials, cells_in_all)
    return "too liberal" if cell.share > high else "conservative" if cell.share < low else "holds"


def main() -> int:
    """Run the grid, print it, write it; 1 when a required cell is too liberal."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="a tenth of the trials")
    quick = options.parse_args().quick
    begin = time.process_time()
    found = list(cells(2_000 if quick else 20_000, 200 if quick else 2_000, (25, 50, 100), tuple(MECHANISMS)))
    rows = [vars(c) | {"verdict": verdict(c, len(found)), "band": band(c.trials, len(found))} for c in found]
    for row in rows:
        low, high = row["band"]
        print(
            f"{row['test']:<30} {row['n_per_arm']:>4} per arm  {row['mechanism']:<5} {100 * row['share']:6.2f} % "
            f"(band {100 * low:.2f} to {100 * high:.2f}, {row['trials']:,} trials)  {row['verdict']}"
        )
    liberal = [r for r in rows if r["verdict"] == "too liberal" and r["mechanism"] != "MNAR"]
    seconds = time.process_time() - begin
    print(f"{len(rows)} cells, {len(liberal)} required cells too liberal; {seconds:.0f} s of processor time")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"cells": rows, "cpu_seconds": round(seconds, 1)}, indent=1) + "\n", encoding="utf-8")
    return 1 if liberal else 0


if __name__ == "__main__":
    sys.exit(main())
