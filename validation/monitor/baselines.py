"""What is done today, and what has been proposed: scores that need no model.

Each is a number that should be higher in relapse; withdrawal is its negative. ``phq`` is the rise of the PHQ-9 over the
run-in (the rule "5 points up means relapse" is its cut at 5); ``days`` is the time since the last cut (the rule "within
two weeks means withdrawal" is its cut at 14); ``variance`` and ``autocorrelation`` are early-warning statistics: their
rise over the last four weeks against the run-in; ``profile`` is mood against somatic items.
"""

from __future__ import annotations

import numpy as np

from validation.monitor.generator import RUN_IN, SIGNALS, Patient


def scores(patient: Patient, day: int) -> dict[str, float]:
    """Every baseline on one day, from ratings up to it."""
    table = np.full((day + 1, 5), np.nan)
    place = {s.name: j for j, s in enumerate(SIGNALS)}
    for o in patient.record.observations:
        if o.day <= day:
            table[o.day, place[o.signal]] = o.value
    phq = table[~np.isnan(table[:, 4]), 4]
    before = table[:RUN_IN, 4][~np.isnan(table[:RUN_IN, 4])]
    change = float(phq[-1] - before.mean()) if len(phq) and len(before) else 0.0
    last = max((d for d, _ in patient.cuts if d <= day), default=None)
    since = 60.0 if last is None else float(min(day - last, 60))
    early, late = table[:RUN_IN, 0], table[max(RUN_IN, day - 27) :, 0]
    recent = np.nanmean(table[max(0, day - 6) :, :4], axis=0) - np.nanmean(table[:RUN_IN, :4], axis=0)
    return {
        "phq": change,
        "phq up 5": float(change >= 5),
        "days": since,
        "later than 2 weeks": float(since > 14),
        "variance": float(np.nanvar(late) - np.nanvar(early)),
        "autocorrelation": _lagged(late) - _lagged(early),
        "profile": float(recent[0] - recent[2]),
    }


def _lagged(values: np.ndarray) -> float:
    pairs = ~np.isnan(values[1:]) & ~np.isnan(values[:-1])
    if pairs.sum() < 8:
        return 0.0
    a, b = values[1:][pairs], values[:-1][pairs]
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
