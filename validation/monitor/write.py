"""The document of the study: every figure from the measured rows, with how sure it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from cotreat import __version__
from validation.monitor import generator as g
from validation.monitor.study import PARTICLES, WITHIN, WORLDS

Row = dict[str, Any]
_LISTED = ("phq", "phq up 5", "days", "later than 2 weeks", "variance", "autocorrelation", "profile")
_NAMES = {
    "phq": "rise of the PHQ-9",
    "phq up 5": "PHQ-9 up 5 means relapse",
    "days": "days since the last cut",
    "later than 2 weeks": "within two weeks of a cut means withdrawal",
    "variance": "early warning: variance",
    "autocorrelation": "early warning: autocorrelation",
    "profile": "mood items against body items (ours)",
}
_BOOTSTRAP = 2000
_EDGES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)


def area(score: np.ndarray, truth: np.ndarray) -> float:
    """Area under the receiver operating curve; ties count half."""
    rank, n = rankdata(score), int(truth.sum())
    if n in (0, len(truth)):
        return float("nan")
    return float((rank[truth].sum() - n * (n + 1) / 2) / (n * (len(truth) - n)))


def paired(one: np.ndarray, other: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Difference of two areas with its 95 % interval, by resampling patients (seed 1)."""
    rng, found = np.random.default_rng(1), []
    for _ in range(_BOOTSTRAP):
        index = rng.integers(len(truth), size=len(truth))
        if 0 < truth[index].sum() < len(truth):
            found.append(area(one[index], truth[index]) - area(other[index], truth[index]))
    low, high = np.quantile(found, (0.025, 0.975))
    return area(one, truth) - area(other, truth), float(low), float(high)


def calibration(p: np.ndarray, truth: np.ndarray) -> tuple[list[tuple[int, float, float]], float]:
    """Count, mean probability and share true in each bin; and the mean gap over days, weighted by count."""
    bins = []
    for low, high in itertools.pairwise(_EDGES):
        inside = (p >= low) & (p < high)
        if inside.any():
            bins.append((int(inside.sum()), float(p[inside].mean()), float(truth[inside].mean())))
    return bins, sum(n * abs(a - b) for n, a, b in bins) / max(len(p), 1)


def write(rows: list[Row], path: Path, tasks: int) -> None:
    """Write the document of the rows."""
    path.write_text("\n".join(_lines(rows, tasks)) + "\n", encoding="utf-8")


def _lines(rows: list[Row], tasks: int) -> list[str]:
    rises = [r for r in rows if r["kind"] == "rise" and r["world"] == "as assumed"]
    whole = [r for r in rows if r["kind"] == "whole" and r["world"] == "as assumed"]
    shape = [r for r in rows if r["kind"] == "published shape"]
    lines = [
        "# Following one person: what was checked",
        "",
        "Made by `python -m validation.monitor`; every figure comes from invented patients. No published record says",
        "how often such words are right, so this shows what the filter can do when the world is roughly as the",
        "literature describes it, and how it fails when the world is not.",
        "",
        f"Version {__version__}, {PARTICLES} particles, seed 1, {tasks} tasks. The generator is not the filter's",
        "model; see `validation/monitor/generator.py` for what it is pinned to.",
        "",
    ]
    if rises:
        lines += _discrimination(rises) + _prevalence(rises)
    if whole:
        lines += _days(whole)
    lines += _forecasts([("as assumed", whole), ("published shape (weekly score)", shape)])
    lines += _worlds(rows) + _numerics(rises)
    return lines


def _column(rows: Sequence[Row], name: str) -> np.ndarray:
    return np.array([r[name] for r in rows], dtype=float)


def _discrimination(rises: list[Row]) -> list[str]:
    lines = [f"## Within {WITHIN} days of a rise", ""]
    for cause in ("relapse", "withdrawal"):
        truth = _column(rises, cause).astype(bool)
        sign = 1.0 if cause == "relapse" else -1.0
        filter_, exact = _column(rises, f"filter_{cause}"), _column(rises, f"exact_{cause}")
        of = area(filter_, truth) / area(exact, truth)
        lines += [
            f"### {cause.capitalize()}",
            "",
            f"{len(rises)} patients with a rise, {int(truth.sum())} with {cause}.",
            "",
            "| method | AUC | filter minus method (95 %, paired) |",
            "| --- | --- | --- |",
            f"| exact inference under the generator | {area(exact, truth):.3f} | "
            f"{_gap(paired(filter_, exact, truth))} |",
            f"| **filter** | **{area(filter_, truth):.3f}** ({100 * of:.1f} % of exact) | |",
        ]
        for name in _LISTED:
            score = sign * _column(rises, f"baseline_{name}")
            lines.append(f"| {_NAMES[name]} | {area(score, truth):.3f} | {_gap(paired(filter_, score, truth))} |")
        bins, gap = calibration(filter_, truth)
        lines += ["", f"Calibration at this day: mean gap {100 * gap:.1f} points.", ""]
        lines += ["| patients | said | true |", "| --- | --- | --- |"]
        lines += [f"| {n} | {100 * p:.0f} % | {100 * t:.0f} % |" for n, p, t in bins] + [""]
    return lines


def _gap(found: tuple[float, float, float]) -> str:
    return f"{found[0]:+.3f} ({found[1]:+.3f} to {found[2]:+.3f})"


def _prevalence(rises: list[Row]) -> list[str]:
    """What the words are worth among all who feel worse, relapse and withdrawal being as common as they are."""
    relapse, withdrawal = (_column(rises, c).astype(bool) for c in ("relapse", "withdrawal"))
    words = np.array([r["word"] for r in rises])
    lines = [
        "## What the words are worth",
        "",
        "| word | patients | relapse | withdrawal | neither |",
        "| --- | --- | --- | --- | --- |",
    ]
    for word in ("more like withdrawal", "more like relapse", "could be both", "cannot tell"):
        its = words == word
        if its.any():
            neither = ~relapse[its] & ~withdrawal[its]
            shares = (relapse[its].mean(), withdrawal[its].mean(), neither.mean())
            lines.append(f"| {word} | {int(its.sum())} | " + " | ".join(f"{100 * v:.0f} %" for v in shares) + " |")
    false = int(((words == "more like withdrawal") & relapse & ~withdrawal).sum())
    by_rule = _column(rises, "baseline_later than 2 weeks") == 0
    rule = int((by_rule & relapse & ~withdrawal).sum())
    lines += [
        "",
        f"Prevalence: relapse {100 * relapse.mean():.0f} %, withdrawal {100 * withdrawal.mean():.0f} %, the rest",
        f"stress, nocebo and noise. A relapse called withdrawal: {false} of {int(relapse.sum())} true relapses "
        f"({false / max(relapse.sum(), 1):.3f} per relapse);",
        f"by the two-week rule {rule} ({rule / max(relapse.sum(), 1):.3f}).",
        "",
    ]
    return lines


def _days(whole: list[Row]) -> list[str]:
    lines = ["## Day by day", "", f"{len(whole)} whole records of {g.DAYS} days, every fifth day after the run-in.", ""]
    for cause in ("relapse", "withdrawal"):
        p = np.concatenate([np.array(r[f"p_{cause}"]) for r in whole])
        truth = np.concatenate([np.array(r[cause], dtype=float) for r in whole])
        bins, gap = calibration(p, truth)
        lines += [
            f"{cause.capitalize()}: mean gap between said and true {100 * gap:.1f} points over {len(p)} days.",
            "",
        ]
        lines += ["| days | said | true |", "| --- | --- | --- |"]
        lines += [f"| {n} | {100 * a:.0f} % | {100 * t:.0f} % |" for n, a, t in bins] + [""]
    months = sum(r["days"] for r in whole) / 30.0
    total, false = sum(r["alerts"] for r in whole), sum(r["false_alerts"] for r in whole)
    lead = [r["lead"] for r in whole if r["lead"] is not None]
    relapsed = sum(1 for r in whole if r["relapsed"])
    wrong = sum(1 for r in whole if r["relapse_called_withdrawal"])
    largest = [r["no_cut_largest"] for r in whole if r["no_cut_largest"] is not None]
    lines += [
        f"Alerts: {total / months:.2f} per patient-month, {false / months:.2f} of them with nothing behind them.",
        "Lead time before a relapse has been complete for two weeks (what a diagnosis needs): median "
        f"{np.median(lead) if lead else float('nan'):.0f} days",
        f"({len(lead)} relapses warned of and followed that long, of {relapsed}).",
        "",
        "An established relapse without withdrawal was called *more like withdrawal* on some day in "
        f"{wrong} of {relapsed} relapses.",
        "",
        f"Without a cut ({len(largest)} people) the largest probability of withdrawal on any day was "
        f"{max(largest) if largest else float('nan'):.4f}.",
        "",
    ]
    return lines


def _forecasts(groups: list[tuple[str, list[Row]]]) -> list[str]:
    lines = [
        "## Forecasts one week ahead",
        "",
        "Coverage by the probability integral transform (ties in the middle), since scores are discrete. CRPS: lower",
        "is better; the last value and the running mean carry the spread of their own past errors.",
        "",
        "| records | forecasts | 50 % | 80 % | 95 % | CRPS | last value | running mean |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_forecast_row(name, rows) for name, rows in groups if any(r["forecasts"] for r in rows)]
    return [*lines, ""]


def _forecast_row(name: str, rows: list[Row]) -> str:
    found = [f for r in rows for f in r["forecasts"]]
    pit = np.array([f["pit"] for f in found])
    cover = [100 * float(np.mean(np.abs(pit - 0.5) <= level / 2)) for level in (0.5, 0.8, 0.95)]
    mean: Callable[[str], float] = lambda k: float(np.mean([f[k] for f in found]))  # noqa: E731
    return (
        f"| {name} | {len(found)} | {cover[0]:.1f} | {cover[1]:.1f} | {cover[2]:.1f} | {mean('crps'):.3f} | "
        f"{mean('crps_last_value'):.3f} | {mean('crps_running_mean'):.3f} |"
    )


def _worlds(rows: list[Row]) -> list[str]:
    lines = [
        "## When the world is not as assumed",
        "",
        "| world | rises | AUC relapse | AUC withdrawal | 80 % | 95 % | CRPS |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for world in WORLDS:
        its = [r for r in rows if r["kind"] == "rise" and r["world"] == world]
        whole = [r for r in rows if r["kind"] == "whole" and r["world"] == world]
        found = [f for r in whole for f in r["forecasts"]]
        if not its or not found:
            continue
        aucs = [area(_column(its, f"filter_{c}"), _column(its, c).astype(bool)) for c in ("relapse", "withdrawal")]
        pit = np.array([f["pit"] for f in found])
        cover = [100 * float(np.mean(np.abs(pit - 0.5) <= level / 2)) for level in (0.8, 0.95)]
        crps = float(np.mean([f["crps"] for f in found]))
        shown = ["not enough" if np.isnan(a) else f"{a:.3f}" for a in aucs]
        lines.append(
            f"| {world} | {len(its)} | {shown[0]} | {shown[1]} | {cover[0]:.1f} | {cover[1]:.1f} | {crps:.2f} |"
        )
    return [*lines, ""]


def _numerics(rises: list[Row]) -> list[str]:
    if not rises:
        return []
    staged = sum(1 for r in rises if r["staged"])
    return [
        "## Numerics",
        "",
        "Fewest particles that carried the weight on any day: median "
        f"{100 * float(np.median(_column(rises, 'left'))):.1f} % of {PARTICLES}.",
        f"{staged} of {len(rises)} records had a day that was taken in stages (tempering). The tests hold the filter",
        "to an exact Kalman filter on a linear case and to a run with 100 times as many particles.",
    ]
