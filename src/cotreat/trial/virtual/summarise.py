"""Fourth step: powers, type I error, assurance, each with its Monte-Carlo error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cotreat.outcomes import estimate
from cotreat.trial.virtual.design import Endpoint, Trial
from cotreat.trial.virtual.multiplicity import adjusted
from cotreat.trial.virtual.run import Results


@dataclass(frozen=True)
class Rate:
    """A share of trials and its Monte-Carlo standard error."""

    value: float
    se: float


def rate(won: np.ndarray, *, disjoint: bool) -> Rate:
    """Share of trials with a claim; ``won`` (draws, trials), every draw at the same truth.

    Trials that share no patient are independent: binomial error. Trials that share a pool are alike within it, so the
    error is read from the spread between pools.
    """
    p = float(won.mean())
    floor = np.sqrt(max(p * (1 - p), 0.25 / won.size) / won.size)
    if disjoint or won.shape[0] < 2:
        return Rate(p, float(floor))
    between = float(won.mean(axis=1).std(ddof=1) / np.sqrt(won.shape[0]))
    return Rate(p, max(between, float(floor)))


def power_rows(trial: Trial, point: Results) -> list[dict[str, Any]]:
    """One row for each endpoint and size: power and type I error at the point."""
    rows = []
    for k, n in enumerate(point.sizes):
        claims = family(trial, point, k)
        for e, endpoint in enumerate(trial.endpoints):
            power = rate(point.won[k, e], disjoint=point.disjoint)
            type1 = rate(point.null_won[k, e], disjoint=point.disjoint)
            estimates = point.estimate[k, e]
            known = estimates[np.isfinite(estimates)]
            row = {
                "endpoint": endpoint.name,
                "method": trial.method(endpoint),
                "n_per_arm": n,
                "power": round(power.value, 5),
                "type1": round(type1.value, 5),
                "power_se": round(power.se, 5),
                "type1_se": round(type1.se, 5),
                "primary": endpoint is trial.primary or endpoint.primary,
                "contrast": endpoint.contrast.text,
                "estimate": round(float(np.mean(known)), 5) if len(known) else None,
                "unit": unit(endpoint),
                "alpha": trial.alpha,
                "untestable": round(float(1 - len(known) / estimates.size), 5),
            }
            if trial.multiplicity != "none" and len(trial.endpoints) > 1:
                row["power_adjusted"] = round(float(claims[..., e].mean()), 5)
            if point.stopped is not None and point.used is not None:
                row |= _looks(trial, point, k, e)
            rows.append(row)
    return rows


def family(trial: Trial, results: Results, size: int) -> np.ndarray:
    """Claims of every endpoint after the adjustment for multiplicity, (draws, trials, endpoints)."""
    won = np.moveaxis(results.won[size], 0, -1)
    if trial.multiplicity == "fixed sequence":
        return np.asarray(np.logical_and.accumulate(won, axis=-1))
    p = np.moveaxis(results.p[size], 0, -1)
    flat = adjusted(p.reshape(-1, p.shape[-1]), trial.multiplicity).reshape(p.shape)
    return np.asarray(won & (flat < trial.alpha))


def _looks(trial: Trial, point: Results, k: int, e: int) -> dict[str, Any]:
    assert trial.looks is not None
    assert point.stopped is not None
    assert point.used is not None
    stopped = point.stopped[k, e]
    return {
        "stopped_at": [
            {"fraction": f, "share": round(float((stopped == i).mean()), 5)}
            for i, f in enumerate(trial.looks.fractions)
        ],
        "expected_fraction": round(float(point.used[k, e].mean()), 5),
    }


def unit(endpoint: Endpoint) -> str:
    """Unit of the estimate."""
    if endpoint.kind == "proportion":
        return "log odds ratio" if endpoint.test == "logistic" else "risk difference"
    if endpoint.kind == "time":
        return "days" if endpoint.test == "rmst" else "log hazard ratio"
    return f"points {endpoint.scale}"


def assurance(trial: Trial, drawn: Results) -> list[dict[str, Any]]:
    """Probability of success over what is not known, for each endpoint and size.

    The power of each draw is the share of its trials with a claim; the spread of these over draws holds the noise of
    a finite number of trials, which is taken out (``cotreat.outcomes.estimate.denoise``).
    """
    rows = []
    for k, n in enumerate(drawn.sizes):
        for e, endpoint in enumerate(trial.endpoints):
            won = drawn.won[k, e]
            power = won.mean(axis=1)
            noise = (won.sum(axis=1) + 0.5) / (won.shape[1] + 1.0)
            spread = estimate.denoise(power, noise * (1 - noise) / won.shape[1])
            values = np.clip(spread.values, 0.0, 1.0)
            right = direction(endpoint, drawn.estimate[k, e])
            se = float(power.std(ddof=1) / np.sqrt(len(power))) if len(power) > 1 else rate(won, disjoint=True).se
            rows.append(
                {
                    "endpoint": endpoint.name,
                    "n_per_arm": n,
                    "assurance": round(float(won.mean()), 5),
                    "se": round(se, 5),
                    "in_favour": round(float((won & right).mean()), 5),
                    "power_quantiles": {
                        str(q): round(float(np.quantile(values, q)), 4) for q in (0.05, 0.25, 0.5, 0.75, 0.95)
                    },
                    "share_of_draws_with_power_80": round(float((values >= 0.8).mean()), 4),
                    "curve": [round(float(v), 4) for v in np.quantile(values, np.linspace(0, 1, 41))],
                }
            )
    return rows


def direction(endpoint: Endpoint, estimates: np.ndarray) -> np.ndarray:
    """Where the estimate favours the first side of the contrast."""
    return np.asarray(estimates > 0 if endpoint.higher_is_better else estimates < 0)
