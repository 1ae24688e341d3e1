"""What is expected of the arms over time: mean ratings, who is still seen, and who has not relapsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from cotreat.trial.virtual.cut import Measured
from cotreat.trial.virtual.design import Endpoint, Trial
from cotreat.trial.virtual.generate import Pool
from cotreat.trial.virtual.survival import kaplan_meier

_Z = float(-ndtri(0.025))


@dataclass(frozen=True)
class Curves:
    """Arms over time, for each draw: mean rating and share still seen, both (arms, days, draws)."""

    days: np.ndarray
    score: np.ndarray
    stay: np.ndarray


@dataclass(frozen=True)
class FreeOfEvent:
    """Kaplan-Meier curves of one endpoint, arrays (arms, weeks, draws).

    ``free`` share without the event; ``at_risk`` share of all patients of the arm who are in the analysis set and still
    at risk; ``unit_variance`` Greenwood's variance of log(free) times the patients of the arm, so that divided by n it
    is that of a trial with n patients in the arm. ``weeks`` count from the origin of the endpoint's time.
    """

    endpoint: str
    weeks: np.ndarray
    free: np.ndarray
    at_risk: np.ndarray
    unit_variance: np.ndarray


def curves_of(pools: tuple[Pool, ...]) -> Curves:
    """Mean ratings of all who started, lost or not, and who is still seen."""
    score = np.stack([p.seen.score.mean(axis=2, dtype=np.float64) for p in pools])
    days = pools[0].seen.days
    stay = np.stack([(p.seen.dropout > days[:, None, None]).mean(axis=2) for p in pools])
    return Curves(days, score, stay)


def free_of_event(endpoint: Endpoint, arms: tuple[Measured, ...]) -> FreeOfEvent:
    """Kaplan-Meier of every arm and replicate at whole weeks from the origin to the end of follow-up."""
    weeks = np.arange(endpoint.week + 1)
    shape = (len(arms), len(weeks), arms[0].y.shape[0])
    made = FreeOfEvent(endpoint.name, weeks, np.ones(shape), np.zeros(shape), np.zeros(shape))
    for a, arm in enumerate(arms):
        assert arm.event is not None
        for d in range(shape[2]):
            inside = arm.who[d]
            found = kaplan_meier(arm.y[d][inside], arm.event[d][inside], 7.0 * weeks)
            made.free[a, :, d] = found.free
            made.at_risk[a, :, d] = found.at_risk / arm.y.shape[1]
            made.unit_variance[a, :, d] = found.greenwood * arm.y.shape[1]
    return made


def joined(parts: list[Curves]) -> Curves:
    """The curves of blocks of draws as one."""
    return Curves(
        parts[0].days,
        np.concatenate([p.score for p in parts], axis=2),
        np.concatenate([p.stay for p in parts], axis=2),
    )


def joined_events(parts: list[tuple[FreeOfEvent, ...]]) -> tuple[FreeOfEvent, ...]:
    """The event-free curves of blocks of draws as one, endpoint by endpoint."""
    out = []
    for same in zip(*parts, strict=True):
        arrays = {k: np.concatenate([getattr(f, k) for f in same], axis=2) for k in _ARRAYS}
        out.append(FreeOfEvent(same[0].endpoint, same[0].weeks, **arrays))
    return tuple(out)


_ARRAYS = ("free", "at_risk", "unit_variance")


def score_rows(trial: Trial, point: Curves, drawn: Curves | None) -> list[dict[str, Any]]:
    """Mean rating of each arm week by week from entry: at the point, with the middle 95 % over draws."""
    if trial.effect is not None and trial.effect.kind != "normal":
        return []
    visits = {0, *trial.days}
    rows = []
    for a, arm in enumerate(trial.arms):
        band = None
        if drawn is not None:
            low, high = np.quantile(drawn.score[a], [0.025, 0.975], axis=1)
            band = [[round(float(v), 3) for v in side] for side in (low, high)]
        rows.append(
            {
                "arm": arm.name,
                "measure": f"{trial.scale} mean",
                "unit": f"points {trial.scale}",
                "denominator": "all who started, lost or not",
                "days": [float(d) for d in point.days],
                "visits": [float(d) for d in point.days if d in visits],
                "median": [round(float(v), 3) for v in point.score[a].mean(axis=1)],
                "unknown95": band,
                "still_seen": [round(float(v), 4) for v in point.stay[a].mean(axis=1)],
            }
        )
    return rows


def event_rows(
    trial: Trial, point: tuple[FreeOfEvent, ...], drawn: tuple[FreeOfEvent, ...] | None
) -> list[dict[str, Any]]:
    """Event-free curves for each definition of the time and arm, with the numbers at risk in the largest trial.

    ``chance95``: where the curve of one trial of this size lies, 95 % (log-log limits of Kaplan and Meier's estimate at
    the point). ``unknown95``: the middle 95 % over draws. Endpoints that read the same time are shown once.
    """
    n = trial.largest
    ends = [e for e in trial.endpoints if e.kind == "time"]
    rows: list[dict[str, Any]] = []
    shown: dict[tuple[object, ...], str] = {}
    for k, found in enumerate(point):
        endpoint = ends[k]
        same = (endpoint.week, endpoint.definition, endpoint.analysis_set, endpoint.missing)
        if same in shown:
            continue
        shown[same] = endpoint.name
        for a, arm in enumerate(trial.arms):
            free = found.free[a].mean(axis=1)
            low, high = _log_log(free, found.unit_variance[a].mean(axis=1) / n)
            band = None
            if drawn is not None:
                band = [_listed(v) for v in np.quantile(drawn[k].free[a], [0.025, 0.975], axis=1)]
            rows.append(
                {
                    "endpoint": endpoint.name,
                    "event": "the event" if endpoint.definition is None else f"relapse ({endpoint.definition.text})",
                    "arm": arm.name,
                    "origin": origin(trial),
                    "losses": endpoint.missing,
                    "weeks": [int(w) for w in found.weeks],
                    "free": _listed(free),
                    "chance95": [_listed(low), _listed(high)],
                    "unknown95": band,
                    "at_risk": [round(float(v), 1) for v in n * found.at_risk[a].mean(axis=1)],
                    "n_per_arm": n,
                }
            )
    return rows


def origin(trial: Trial) -> str:
    """From when times count."""
    return "randomisation" if trial.begins_well else "the end of the acute course"


def _log_log(free: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits on the scale log(-log) of a share with the variance of its logarithm; the share itself where it is 1."""
    inside = (free > 0) & (free < 1) & (variance > 0)
    safe = np.where(inside, free, 0.5)
    spread = _Z * np.sqrt(np.where(inside, variance, 0.0)) / np.abs(np.log(safe))
    return np.where(inside, safe ** np.exp(spread), free), np.where(inside, safe ** np.exp(-spread), free)


def _listed(values: np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in values]
