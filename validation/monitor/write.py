"""The document of the study: every figure from the measured rows, with how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cotreat import __version__
from cotreat.model.parameter_set import load_parameters
from validation.monitor import generator as g
from validation.monitor.figures import LEVELS, Bin, Row, area, calibration, column, forecasts, paired
from validation.monitor.pins import Pin, pins
from validation.monitor.study import TUNING_SEEDS, WITHIN, WORLDS, Study
from validation.monitor.verdicts import CAUSES, PROPOSED, required

_LISTED = (*PROPOSED, "profile")
_NAMES = {
    "phq": "rise of the PHQ-9",
    "phq up 5": "PHQ-9 up 5 means relapse",
    "days": "days since the last cut",
    "later than 2 weeks": "within two weeks of a cut means withdrawal",
    "variance": "early warning: variance",
    "autocorrelation": "early warning: autocorrelation",
    "profile": "mood items against body items (ours)",
}


def write(rows: list[Row], path: Path, made: tuple[Study, int, int]) -> None:
    """Write the document of the rows; ``made``: the study, tasks measured and tasks asked for."""
    study, measured, asked = made
    path.write_text("\n".join(lines(rows, study, (measured, asked), pins(study.seed))) + "\n", encoding="utf-8")


def lines(rows: list[Row], study: Study, tasks: tuple[int, int], of_generator: list[Pin]) -> list[str]:
    """The lines of the document."""
    rises = [r for r in rows if r["kind"] == "rise" and r["world"] == "as assumed"]
    whole = [r for r in rows if r["kind"] == "whole" and r["world"] == "as assumed"]
    shape = [r for r in rows if r["kind"] == "published shape"]
    found = _head(study, tasks) + _required(rows) + _pins(of_generator)
    if rises:
        found += _discrimination(rises) + _words(rises)
    if whole:
        found += _days(whole)
    found += _forecasts([("as assumed", whole), ("published shape (weekly score)", shape)])
    return found + _worlds(rows) + _numerics(rises, study)


def _head(study: Study, tasks: tuple[int, int]) -> list[str]:
    seeds = ", ".join(str(s) for s in TUNING_SEEDS)
    tuned = f"The filter and the generator were made while looking at patients of seeds {seeds}; "
    if study.seed in TUNING_SEEDS:
        tuned += f"**this run is of seed {study.seed}, one of them, and shows too good a picture.**"
    else:
        tuned += f"the patients here are of seed {study.seed}, which nobody had drawn before."
    checksum = load_parameters(study.parameters).checksum.removeprefix("sha256:")
    whole = "" if tasks[0] == tasks[1] else f" **The study is not complete: {tasks[1]} tasks were asked for.**"
    return [
        "# Following one person: what was checked",
        "",
        "Made by `python -m validation.monitor`; every figure comes from invented patients. No published record says",
        "how often such words are right, so this shows what the filter can do when the world is roughly as the",
        "literature describes it, and how it fails when the world is not.",
        "",
        f"Version {__version__}, {study.particles} particles, {tasks[0]} tasks.{whole}",
        f"Parameters {study.parameters}, checksum {checksum[:12]}.",
        f"{tuned} The generator is not the filter's model (`validation/monitor/generator.py`).",
        "",
    ]


def _required(rows: list[Row]) -> list[str]:
    table = ["## What is asked for", "", "| asked for | measured | holds |", "| --- | --- | --- |"]
    table += [f"| {r.what} | {r.measured} | {'yes' if r.holds else '**no**'} |" for r in required(rows)]
    return [*table, ""]


def _pins(found: list[Pin]) -> list[str]:
    table = [
        "## What the generator is pinned to",
        "",
        "Published figure, and what the invented patients show with its Monte-Carlo SD. ANTLER's rows are of patients",
        'with its drugs and taper. It reports the time to "a fixed quantile"; a quarter is our reading and fits both',
        "arms. A row in brackets is shown and not used.",
        "",
        "| | published | invented patients | agrees | source |",
        "| --- | --- | --- | --- | --- |",
    ]
    for pin in found:
        what = pin.what if pin.held else f"({pin.what})"
        digits = 2 if pin.unit == "ratio" else 1
        measured = f"{pin.measured:.{digits}f} ± {pin.sd:.{digits}f}"
        unit = " %" if pin.unit == "%" else ""
        agrees = "yes" if pin.agrees else "**no**"
        table.append(f"| {what} | {pin.published}{unit} | {measured}{unit} | {agrees} | {pin.source} |")
    return [*table, ""]


def _bins(bins: list[Bin], of: str) -> list[str]:
    table = [f"| {of} | said | true | gap (± 1.96 SD) |", "| --- | --- | --- | --- |"]
    table += [
        f"| {b.count} | {100 * b.said:.0f} % | {100 * b.true:.0f} % | {100 * b.gap:+.1f} ± {196 * b.sd:.1f} |"
        for b in bins
    ]
    return [*table, ""]


def _discrimination(rises: list[Row]) -> list[str]:
    found = [f"## Within {WITHIN} days of a rise", ""]
    for cause in CAUSES:
        truth = column(rises, cause).astype(bool)
        sign = 1.0 if cause == "relapse" else -1.0
        filter_, exact = column(rises, f"filter_{cause}"), column(rises, f"exact_{cause}")
        of = area(filter_, truth) / area(exact, truth)
        found += [
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
            score = sign * column(rises, f"baseline_{name}")
            found.append(f"| {_NAMES[name]} | {area(score, truth):.3f} | {_gap(paired(filter_, score, truth))} |")
        bins, gap = calibration(filter_, truth.astype(float))
        found += ["", f"Calibration at this day: mean gap {100 * gap:.1f} points.", "", *_bins(bins, "patients")]
        bins, gap = calibration(exact, truth.astype(float))
        found += [f"Exact inference on the same patients, for comparison: mean gap {100 * gap:.1f} points.", ""]
    return found


def _gap(found: tuple[float, float, float]) -> str:
    return f"{found[0]:+.3f} ({found[1]:+.3f} to {found[2]:+.3f})"


def _words(rises: list[Row]) -> list[str]:
    """What the words are worth among all who feel worse, relapse and withdrawal being as common as they are."""
    relapse, withdrawal = (column(rises, c).astype(bool) for c in CAUSES)
    words = np.array([r["word"] for r in rises])
    found = [
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
            found.append(f"| {word} | {int(its.sum())} | " + " | ".join(f"{100 * v:.0f} %" for v in shares) + " |")
    false = int(((words == "more like withdrawal") & relapse & ~withdrawal).sum())
    rule = int(((column(rises, "baseline_later than 2 weeks") == 0) & relapse & ~withdrawal).sum())
    return [
        *found,
        "",
        f"Prevalence: relapse {100 * relapse.mean():.0f} %, withdrawal {100 * withdrawal.mean():.0f} %, the rest",
        f"stress, nocebo and noise. A relapse called withdrawal: {false} of {int(relapse.sum())} true relapses "
        f"({false / max(relapse.sum(), 1):.3f} per relapse);",
        f"by the two-week rule {rule} ({rule / max(relapse.sum(), 1):.3f}).",
        "",
    ]


def _days(whole: list[Row]) -> list[str]:
    found = ["## Day by day", "", f"{len(whole)} whole records of {g.DAYS} days, every fifth day after the run-in.", ""]
    whose = np.concatenate([np.full(len(r["relapse"]), k) for k, r in enumerate(whole)])
    for cause in CAUSES:
        p = np.concatenate([np.array(r[f"p_{cause}"]) for r in whole])
        truth = np.concatenate([np.array(r[cause], dtype=float) for r in whole])
        bins, gap = calibration(p, truth, whose)
        said = f"{cause.capitalize()}: mean gap between said and true {100 * gap:.1f} points over {len(p)} days."
        found += [said, "", *_bins(bins, "days")]
    months = sum(r["days"] for r in whole) / 30.0
    total, false = sum(r["alerts"] for r in whole), sum(r["false_alerts"] for r in whole)
    lead = [r["lead"] for r in whole if r["lead"] is not None]
    relapsed = sum(1 for r in whole if r["relapsed"])
    wrong = sum(1 for r in whole if r["relapse_called_withdrawal"])
    largest = [r["no_cut_largest"] for r in whole if r["no_cut_largest"] is not None]
    return [
        *found,
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


def _forecasts(groups: Sequence[tuple[str, list[Row]]]) -> list[str]:
    found = [
        "## Forecasts one week ahead",
        "",
        "Coverage by the probability integral transform (ties in the middle), since scores are discrete; its SD is",
        "between records. CRPS: lower is better; last value and running mean carry the spread of their own past",
        "errors. The gain is their score less ours, with a 95 % interval over records.",
        "",
        "| records | forecasts | 50 % | 80 % | 95 % | CRPS | gain over last value | gain over running mean |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, rows in groups:
        f = forecasts(rows)
        if f is None:
            continue
        cover = " | ".join(f"{100 * c:.1f} ± {100 * s:.1f}" for c, s in zip(f.cover, f.cover_sd, strict=True))
        gain = " | ".join(_gap(v) for v in f.gain)
        found.append(f"| {name} ({f.records}) | {f.count} | {cover} | {f.crps[0]:.3f} | {gain} |")
    return [*found, ""]


def _worlds(rows: list[Row]) -> list[str]:
    found = [
        "## When the world is not as assumed",
        "",
        "| world | rises | AUC relapse | AUC withdrawal | records | 80 % | 95 % | CRPS |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for world in WORLDS:
        its = [r for r in rows if r["kind"] == "rise" and r["world"] == world]
        f = forecasts([r for r in rows if r["kind"] == "whole" and r["world"] == world])
        if not its or f is None:
            continue
        aucs = [area(column(its, f"filter_{c}"), column(its, c).astype(bool)) for c in CAUSES]
        shown = " | ".join("not enough" if np.isnan(a) else f"{a:.3f}" for a in aucs)
        at = [LEVELS.index(level) for level in (0.8, 0.95)]
        cover = " | ".join(f"{100 * f.cover[k]:.1f} ± {100 * f.cover_sd[k]:.1f}" for k in at)
        found.append(f"| {world} | {len(its)} | {shown} | {f.records} | {cover} | {f.crps[0]:.2f} |")
    return [*found, ""]


def _numerics(rises: list[Row], study: Study) -> list[str]:
    if not rises:
        return []
    staged = sum(1 for r in rises if r["staged"])
    return [
        "## Numerics",
        "",
        "Fewest particles that carried the weight on any day: median "
        f"{100 * float(np.median(column(rises, 'left'))):.1f} % of {study.particles}.",
        f"{staged} of {len(rises)} records had a day that was taken in stages (tempering). The tests hold the filter",
        "to an exact Kalman filter on a linear case and to a run with 100 times as many particles.",
    ]
