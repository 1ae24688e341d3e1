"""Do a drug and stimulation together give more than their sum? The interaction of a 2 x 2, read four ways.

The four cells have the same patients, the same luck and the same sham sessions. An interaction has a sign on each scale
it is read on, and these can differ: where a share is near its end, effects that add up in points do not add up in per
cent. *Synergy* is said only where all four readings exclude zero on the same side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet
from cotreat.outcomes import estimate
from cotreat.outcomes.estimate import Spread
from cotreat.population.populations import population
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.simulate.channels import layout_of
from cotreat.simulate.entrants import Entrants
from cotreat.simulate.result import acute_course, follow_up, on_scale
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions
from cotreat.studies.feasible import admitting

LEVEL = 0.9


@dataclass(frozen=True)
class Factorial:
    """A 2 x 2 of a drug and stimulation: who, both sentences, the sham, and the day it is read."""

    name: str
    population: str
    stimulation: str
    sham: str
    drug: str
    day: int


CASES = (
    Factorial(
        "TMS with an antidepressant",
        "drug-naive outpatients",
        "iTBS 600 pulses 5 days a week for 6 weeks",
        "sham iTBS 5 days a week for 6 weeks",
        "escitalopram 10 mg daily for 6 weeks",
        42,
    ),
    Factorial(
        "ECT with an antidepressant",
        "ECT candidates",
        "ECT right unilateral 3 times a week for 4 weeks",
        "sham ECT right unilateral 3 times a week for 4 weeks",
        "nortriptyline to 100 ng/mL for 4 weeks",
        28,
    ),
)


def interactions(
    parameters: ParameterSet, draws: int = 400, patients: int = 100, seed: int = 51
) -> list[dict[str, Any]]:
    """Every case: effects of each part alone, and the interaction on four scales, better counted positive."""
    settings = Settings(patients=draws * patients, draws=draws, seed=seed, weeks=6)
    return [interaction(case, parameters, settings) for case in CASES]


def interaction(case: Factorial, parameters: ParameterSet, settings: Settings) -> dict[str, Any]:
    """One case: medians and 90 % intervals over draws, and whether the word synergy is allowed.

    Draws in which hardly any candidate meets the entry rule are left out, and counted (``left_out``).
    """
    people = population(case.population)
    settings, parameters, left_out = admitting(people, settings, parameters)
    decisions = Decisions.of(find_scale(people.scale))
    parts = {
        "both": [case.stimulation, case.drug],
        "stimulation": [case.stimulation],
        "drug": [case.sham, case.drug],
        "neither": [case.sham],
    }
    horizon = 7 * settings.weeks
    cells = {k: expand(parse("\n".join(v)), horizon=horizon) for k, v in parts.items()}
    entrants = Entrants(start_cohort(people, settings, parameters), layout_of(list(cells.values())))
    read = {k: _read(follow(entrants, v, settings, decisions=decisions), decisions, case.day) for k, v in cells.items()}
    found = {name: _four({k: v[name] for k, v in read.items()}) for name in ("drive", "points", "response")}
    odds = _log_odds({k: v["response"] for k, v in read.items()})
    rows = [
        _row("latent drive", found["drive"], 1.0),
        _row("HAM-D17 points", found["points"], 1.0),
        _row("risk difference of response, per 100", found["response"], 100.0),
        _row("log odds ratio of response", odds, 1.0),
    ]
    signs = {r["sign"] for r in rows}
    return {
        "name": case.name, "population": case.population, "day": case.day, "sentences": [case.stimulation, case.drug],
        "rows": rows, "draws": settings.draws, "left_out": left_out, "patients": settings.per_draw,
        "word": {frozenset({1}): "synergy", frozenset({-1}): "antagonism"}.get(frozenset(signs), "not identified"),
    }  # fmt: skip


def _read(course: Course, decisions: Decisions, day: int) -> dict[str, np.ndarray]:
    """What is read of a cell, arrays (draws, patients): drive of drug and sessions, points gained, response."""
    seen = follow_up(course, acute_course(course, decisions))
    zero = np.zeros(course.cohort.shape)
    drive = sum((course.state[k].reshape(zero.shape) for k in ("tilt", "labile", "stored") if k in course.state), zero)
    scale = course.cohort.scale
    gained = on_scale(seen.baseline, scale, "HAM-D17") - on_scale(seen.at(day), scale, "HAM-D17")
    return {"drive": drive, "points": gained, "response": seen.response(day).astype(float)}


def _four(cells: dict[str, np.ndarray]) -> dict[str, Spread]:
    """Each part alone and the interaction, patient by patient."""
    together = cells["both"] - cells["stimulation"] - cells["drug"] + cells["neither"]
    return {
        "stimulation": estimate.paired_difference(cells["stimulation"], cells["neither"]),
        "drug": estimate.paired_difference(cells["drug"], cells["neither"]),
        "interaction": estimate.mean(together),
    }


def _log_odds(cells: dict[str, np.ndarray]) -> dict[str, Spread]:
    n = next(iter(cells.values())).shape[1]
    p = {k: (v.sum(axis=1) + 0.5) / (n + 1.0) for k, v in cells.items()}
    logit = {k: np.log(v / (1 - v)) for k, v in p.items()}
    # the cells share their luck, so this is more than the noise there is, and the interval is not too narrow
    noise = {k: np.zeros_like(v) for k, v in p.items()}
    pairs = {"stimulation": ("stimulation", "neither"), "drug": ("drug", "neither")}
    out = {k: estimate.denoise(logit[a] - logit[b], noise[a]) for k, (a, b) in pairs.items()}
    together = logit["both"] - logit["stimulation"] - logit["drug"] + logit["neither"]
    return out | {"interaction": estimate.denoise(together, noise["both"])}


def _row(unit: str, found: dict[str, Spread], factor: float) -> dict[str, Any]:
    row: dict[str, Any] = {"unit": unit}
    for name, spread in found.items():
        low, high = spread.interval(LEVEL)
        row[name] = [round(factor * v, 4) for v in (spread.median, low, high)]
    _, low, high = row["interaction"]
    return row | {
        "above_zero": round(float(np.mean(found["interaction"].values > 0)), 3),
        "sign": 1 if low > 0 else -1 if high < 0 else 0,
    }
