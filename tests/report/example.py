"""A comparison and a prediction as the command line prints them, with believable shapes.

The figures are invented. They have the shape of the after-ECT question (an acute course, then nothing or two drugs)
and are smooth functions of the day, so that every number on a page can be traced.
"""

from __future__ import annotations

import math
from typing import Any

STAMP = "prior only, not checked against trials"
DISCLAIMER = "Research and decision support, not a medical device"
ALL = "all who started"
REMITTERS = "remitters (selected)"

NOTHING = "nothing after"
DRUGS = "nortriptyline and lithium"
DAYS = list(range(0, 183, 7))


def _score(day: float, floor: float, drift: float) -> float:
    """A mean score that falls during the acute course and drifts back up afterwards."""
    acute = floor + (28.0 - floor) * math.exp(-day / 11.0)
    return acute + drift * _later(day, 60.0)


def _later(day: float, pace: float) -> float:
    """0 until day 28, then rising to 1 on day 182."""
    return (1.0 - math.exp(-max(day - 28.0, 0.0) / pace)) / (1.0 - math.exp(-154.0 / pace))


def _well(day: float, peak: float, end: float) -> float:
    rise = peak / (1.0 + math.exp(-(day - 17.0) / 5.0))
    return rise - (peak - end) * _later(day, 55.0)


def _free(day: float, end: float) -> float:
    return 100.0 - (100.0 - end) * (1.0 - math.exp(-day / 45.0)) / (1.0 - math.exp(-168.0 / 45.0))


def _around(values: list[float], width: float, top: float) -> list[list[float]]:
    n = len(values) - 1
    spread = [width * (0.15 + 0.85 * i / n) for i in range(n + 1)]
    low = [round(max(0.0, v - s), 3) for v, s in zip(values, spread, strict=True)]
    high = [round(min(top, v + s), 3) for v, s in zip(values, spread, strict=True)]
    return [low, high]


def curve(arm: str, measure: str, values: list[float], width: float, days: list[int]) -> dict[str, Any]:
    """One curve with bands; a score also has the spread between patients."""
    score = measure.startswith("HAM-D")
    top = 52.0 if score else 100.0
    median = [round(v, 3) for v in values]
    return {
        "arm": arm,
        "measure": measure,
        "denominator": f"{REMITTERS}, days since remission" if measure == "relapse-free" else ALL,
        "unit": "points HAM-D17" if score else "per 100 patients",
        "days": list(days),
        "median": median,
        "unknown50": _around(median, width * 0.38, top),
        "unknown95": _around(median, width, top),
        "patients50": _around(median, 6.5, top) if score else None,
        "patients90": _around(median, 14.0, top) if score else None,
    }


def _curves() -> list[dict[str, Any]]:
    later = DAYS[:25]
    return [
        curve(NOTHING, "well", [_well(d, 62.0, 24.6) for d in DAYS], 20.0, DAYS),
        curve(DRUGS, "well", [_well(d, 62.0, 43.1) for d in DAYS], 23.0, DAYS),
        curve(NOTHING, "HAM-D17 mean", [_score(d, 8.5, 8.1) for d in DAYS], 4.2, DAYS),
        curve(DRUGS, "HAM-D17 mean", [_score(d, 8.5, 3.9) for d in DAYS], 4.6, DAYS),
        curve(NOTHING, "relapse-free", [_free(d, 27.4) for d in later], 22.0, later),
        curve(DRUGS, "relapse-free", [_free(d, 55.0) for d in later], 24.0, later),
    ]


def _outcome(arm: str, name: str, median: float, unknown: list[float], sample: list[float]) -> dict[str, Any]:
    score = name.startswith("HAM-D")
    return {
        "arm": arm,
        "outcome": name,
        "kind": "mean" if score else "proportion",
        "unit": "points HAM-D17" if score else "per 100 patients",
        "day": 182,
        "denominator": REMITTERS if name.startswith("relapse") else ALL,
        "median": median,
        "unknown95": unknown,
        "sample95": {"n": 100, "interval": sample},
        "monte_carlo_se": 0.05 if score else 0.35,
        "better": "higher" if name.startswith("well") else "lower",
    }


def _contrast(name: str, difference: float, unknown: list[float], probability: float) -> dict[str, Any]:
    score = name.startswith("HAM-D")
    return {
        "outcome": name,
        "arm": DRUGS,
        "reference": NOTHING,
        "difference": difference,
        "unit": "points HAM-D17" if score else "per 100",
        "unknown95": unknown,
        "prob_better": probability,
        "risk_ratio": None if score else {"median": 1.75 if difference > 0 else 0.62, "unknown95": [0.88, 3.41]},
        "hedges_g": {"median": 0.47, "unknown95": [-0.08, 0.96]} if score else None,
        "monte_carlo_se": 0.06 if score else 0.4,
        "note": None,
        "better": "higher" if name.startswith("well") else "lower",
    }


ECT_DAYS = [7 * w + d for w in range(4) for d in (0, 2, 4)]
ECT = "ECT bitemporal 3 times a week until remission, at most 12 sessions"


def _arms() -> list[dict[str, Any]]:
    course = {
        "subject": "ECT",
        "kind": "session",
        "from_day": 0,
        "to_day": 25,
        "days": list(ECT_DAYS),
        "amount": 1,
        "unit": "session",
        "conditional": False,
    }
    level = {"kind": "level", "from_day": 28, "to_day": 196, "conditional": True}
    return [
        {
            "name": NOTHING,
            "sentence": ECT,
            "read_back": ["ECT, bitemporal, Monday Wednesday Friday, until remission, at most 12 sessions"],
            "sessions": {"ECT": {"mean": 8.1, "sd": 2.9}},
            "notes": [],
            "timeline": [{**course, "days": list(ECT_DAYS)}],
            "in_range": True,
            "resembles": ["sackeim2001"],
        },
        {
            "name": DRUGS,
            "sentence": f"{ECT}\nthen nortriptyline to 100 ng/mL for 24 weeks\nand lithium to 0.7 mmol/L for 24 weeks",
            "read_back": [
                "ECT, bitemporal, Monday Wednesday Friday, until remission, at most 12 sessions",
                "then nortriptyline at 100 ng/mL for 168 days, from the visit that ends ECT",
                "and lithium at 0.7 mmol/L for 168 days",
            ],
            "sessions": {"ECT": {"mean": 8.1, "sd": 2.9}},
            "notes": ["Both drugs begin on the day of the visit that ends ECT, so the start differs between patients."],
            "timeline": [
                course,
                {"subject": "nortriptyline", "amount": 100, "unit": "ng/mL", **level},
                {"subject": "lithium", "amount": 0.7, "unit": "mmol/L", **level},
            ],
            "in_range": None,
            "resembles": ["sackeim2001", "brakemeier2014"],
        },
    ]


def comparison() -> dict[str, Any]:
    """A fresh comparison document of two arms."""
    return {
        "title": "After ECT, what keeps people well?",
        "population": {
            "name": "ECT candidates",
            "text": "Adults with a major depressive episode referred for ECT, mean age 57",
            "scale": "HAM-D24",
        },
        "stamp": STAMP,
        "disclaimer": DISCLAIMER,
        "arms": _arms(),
        "outcomes": [
            _outcome(NOTHING, "relapse by week 26", 72.6, [50.1, 90.3], [63.2, 81.0]),
            _outcome(DRUGS, "relapse by week 26", 45.0, [21.7, 69.5], [35.1, 55.3]),
            _outcome(NOTHING, "well at week 26", 24.6, [8.2, 45.9], [16.1, 33.4]),
            _outcome(DRUGS, "well at week 26", 43.1, [20.3, 66.2], [33.5, 53.0]),
            _outcome(NOTHING, "HAM-D17 mean", 16.6, [12.4, 20.9], [15.0, 18.2]),
            _outcome(DRUGS, "HAM-D17 mean", 12.4, [7.8, 17.1], [10.9, 14.0]),
        ],
        "contrasts": [
            _contrast("well at week 26", 18.5, [-2.1, 40.2], 0.96),
            _contrast("HAM-D17 mean", -4.2, [-8.6, 0.7], 0.95),
            _contrast("relapse by week 26", -27.6, [-50.3, -3.2], 0.98),
        ],
        "curves": _curves(),
        "definitions": {
            "well": "at least 50 % below baseline at the visit, of all who started",
            "relapse": "HAM-D24 >= 16 and 10 points above the score at remission",
        },
        "safety": [
            {"arm": NOTHING, "verdict": "not checked", "detail": "No patient was described."},
            {
                "arm": DRUGS,
                "verdict": "caution",
                "detail": "Lithium close to ECT sessions: prolonged seizures and delirium have been reported.",
            },
        ],
        "provenance": {
            "command": "cotreat compare after-ect.yaml --seed 1 --patients 20000 --draws 100",
            "seed": 1,
            "patients": 20000,
            "draws": 100,
            "version": "0.1.0",
            "parameters": {"name": "literature-2026", "checksum": "sha256:5b1c0f7d9a63e2c48f17"},
            "engine": "reference (lax.scan)",
            "evidence": ["sackeim2001", "brakemeier2014", "prudic2013"],
            "ignored_qualifiers": ["placement bitemporal: not modelled"],
            "date": "2026-11-23",
        },
    }


def prediction() -> dict[str, Any]:
    """A fresh prediction document of one published trial; one outcome cannot be predicted."""

    def row(arm: str, n: int, median: float, observed: float | None) -> dict[str, Any]:
        low, high = max(0.0, median - 0.24), min(1.0, median + 0.24)
        return {
            "arm": arm,
            "measure": "relapse",
            "scale": "HAM-D24",
            "day": 168,
            "n": n,
            "median": median,
            "pi50": [median - 0.08, median + 0.08],
            "pi95": [low, high],
            "observed": observed,
            "inside95": None if observed is None else low <= observed <= high,
            "reason": "",
            "definition": "HAM-D24 >= 16 and 10 points above the continuation baseline",
            "analysis_set": "completers",
            "read": "memory" if arm == "nt" else "seen",
        }

    return {
        "study": {
            "id": "sackeim2001",
            "title": "Continuation pharmacotherapy after ECT",
            "doi": "10.1001/jama.285.10.1299",
            "year": 2001,
        },
        "stamp": STAMP,
        "disclaimer": DISCLAIMER,
        "outcomes": [
            row("placebo", 29, 0.72, 0.84),
            row("nt", 27, 0.55, 0.60),
            row("nt_li", 28, 0.66, 0.39),
            {
                "arm": "nt_li",
                "measure": "time_to_relapse",
                "scale": "HAM-D24",
                "day": None,
                "n": 28,
                "median": None,
                "pi50": None,
                "pi95": None,
                "observed": None,
                "inside95": None,
                "reason": "time to relapse is not among the outcomes that can be predicted",
            },
        ],
        "provenance": {
            "command": "cotreat predict sackeim2001 --seed 1",
            "seed": 1,
            "draws": 100,
            "version": "0.1.0",
            "parameters": {"name": "literature-2026", "checksum": "sha256:5b1c0f7d9a63e2c48f17"},
            "date": "2026-11-23",
        },
    }
