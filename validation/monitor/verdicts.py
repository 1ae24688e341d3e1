"""What is asked of the filter, and whether the measured rows give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validation.monitor.figures import LEVELS, Bin, Forecasts, Row, area, calibration, column, forecasts, paired
from validation.monitor.study import WORLDS

CAUSES = ("relapse", "withdrawal")
PROPOSED = ("phq", "phq up 5", "days", "later than 2 weeks", "variance", "autocorrelation")
"""Baselines that are in use or were proposed by others."""
_POINTS = 0.05
_NOMINAL = 0.03
_WRONG_WORLD = 0.85
_NO_CUT = 0.05


@dataclass(frozen=True)
class Required:
    """One thing that is asked for, what was measured, and whether it holds."""

    what: str
    measured: str
    holds: bool


def required(rows: list[Row]) -> list[Required]:
    """Everything that can be judged from the rows."""
    rises = [r for r in rows if r["kind"] == "rise" and r["world"] == "as assumed"]
    whole = [r for r in rows if r["kind"] == "whole" and r["world"] == "as assumed"]
    found: list[Required] = []
    if rises:
        for cause in CAUSES:
            found += _areas(rises, cause)
        found += [
            _calibrated(f"{c} within 10 days of a rise", calibration(column(rises, f"filter_{c}"), column(rises, c)))
            for c in CAUSES
        ]
    if whole:
        whose = np.concatenate([np.full(len(r["relapse"]), k) for k, r in enumerate(whole)])
        for c in CAUSES:
            p, truth = (np.concatenate([np.array(r[k], dtype=float) for r in whole]) for k in (f"p_{c}", c))
            found.append(_calibrated(f"{c} day by day", calibration(p, truth, whose)))
        largest = [r["no_cut_largest"] for r in whole if r["no_cut_largest"] is not None]
        if largest:
            found.append(
                Required("withdrawal below 0.05 without a cut", f"at most {max(largest):.4f}", max(largest) < _NO_CUT)
            )
        found += _nominal("as assumed", forecasts(whole))
    shape = forecasts([r for r in rows if r["kind"] == "published shape"])
    found += _nominal("published shape", shape)
    if shape is not None:
        for k, name in enumerate(("last value", "running mean")):
            gain = shape.gain[k]
            measured = f"{gain[0]:+.3f} ({gain[1]:+.3f} to {gain[2]:+.3f})"
            found.append(Required(f"published shape: CRPS lower than of the {name}", measured, gain[1] > 0))
    for world in list(WORLDS)[1:]:
        f = forecasts([r for r in rows if r["kind"] == "whole" and r["world"] == world])
        if f is not None:
            cover, sd = f.cover[LEVELS.index(0.95)], f.cover_sd[LEVELS.index(0.95)]
            measured = f"{100 * cover:.1f} ± {100 * sd:.1f} % ({f.records} records)"
            found.append(Required(f"{world}: 95 % intervals cover at least 85 %", measured, cover >= _WRONG_WORLD))
    return found


def _areas(rises: list[Row], cause: str) -> list[Required]:
    truth = column(rises, cause).astype(bool)
    if not 0 < truth.sum() < len(truth):
        return []
    own, exact = column(rises, f"filter_{cause}"), column(rises, f"exact_{cause}")
    share = area(own, truth) / area(exact, truth)
    sign = 1.0 if cause == "relapse" else -1.0
    scores = {name: sign * column(rises, f"baseline_{name}") for name in PROPOSED}
    best = max(scores, key=lambda name: area(scores[name], truth))
    gap, low, high = paired(own, scores[best], truth)
    measured = f"{100 * share:.1f} % ({area(own, truth):.3f} of {area(exact, truth):.3f})"
    above = f"{gap:+.3f} ({low:+.3f} to {high:+.3f})"
    return [
        Required(f"{cause}: AUC at least 95 % of exact inference", measured, share >= 0.95),
        Required(f"{cause}: AUC above the best baseline in use or proposed ({best})", above, low > 0),
    ]


def _calibrated(what: str, found: tuple[list[Bin], float]) -> Required:
    """Every bin within 5 points, as far as its Monte-Carlo error (95 %) can tell."""
    bins, gap = found
    off = [b for b in bins if abs(b.gap) - 1.96 * b.sd > _POINTS]
    worst = max(bins, key=lambda b: abs(b.gap) - 1.96 * b.sd)
    measured = f"mean gap {100 * gap:.1f}; {len(off)} of {len(bins)} bins off, worst {100 * worst.gap:+.1f} ± "
    return Required(
        f"probability of {what} within 5 points", f"{measured}{196 * worst.sd:.1f} (n {worst.count})", not off
    )


def _nominal(name: str, f: Forecasts | None) -> list[Required]:
    if f is None:
        return []
    measured = ", ".join(f"{100 * c:.1f} ± {100 * s:.1f}" for c, s in zip(f.cover, f.cover_sd, strict=True))
    holds = all(abs(c - level) <= _NOMINAL for c, level in zip(f.cover, LEVELS, strict=True))
    return [Required(f"{name}: forecast intervals of 50, 80, 95 % within 3 points", measured, holds)]
