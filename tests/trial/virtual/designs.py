"""Small designs that tests share."""

from __future__ import annotations

from typing import Any

from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.trial.virtual.design import Trial
from cotreat.trial.virtual.file import read_trial
from cotreat.trial.virtual.run import Over, Results, Size, simulate_trials

ACTIVE = "iTBS 600 pulses 5 days a week for 4 weeks"
SHAM = "sham iTBS 5 days a week for 4 weeks"
ECT = "ECT right unilateral 3 times a week until remission, at most 12 sessions"


def stated(kind: str, values: list[float], endpoint: dict[str, Any], n: int | list[int], **fields: Any) -> Trial:
    """A trial of a stated effect with arms A, B, ... and one endpoint at week 8."""
    effect = {"kind": kind, "values": values} | fields.pop("effect", {})
    names = ["A", "B", "C", "D"][: len(values)]
    return read_trial(
        {"arms": names, "effect": effect, "per_arm": n, "visits": "weekly for 8 weeks", "endpoints": [endpoint]}
        | fields
    )


def modelled(**fields: Any) -> Trial:
    """A small trial of the patient model: iTBS against its sham."""
    return read_trial(
        {
            "population": "TRD outpatients",
            "arms": {"sham": SHAM, "active": ACTIVE},
            "per_arm": [20, 40],
            "visits": "every 2 weeks for 8 weeks",
            "endpoints": [
                {"name": "change at week 4", "kind": "ancova"},
                {"name": "response at week 4", "kind": "proportion"},
            ],
        }
        | fields
    )


def run(trial: Trial, trials: int, draws: int = 10, over: Over = "median", **options: Any) -> Results:
    """Simulated with a fixed seed."""
    size = Size(trials=trials, draws=draws, **({"seed": 11} | options))
    return simulate_trials(trial, size, over, load_parameters(PRIOR))
