"""The direction map: for which strength and persistence of a stimulus the drug should come before, with or after it.

One course and one drug are kept; the push of a session and the time constant of the labile change take the values of a
grid, and everything else is drawn from the parameter set, the same draws in every cell. Patients of a cell get the
drug before, with and after the course on common luck.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import LINEAR_MOOD, ParameterSet, load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.optimise.basis import pathway, timing_trials
from cotreat.optimise.evaluate import Outcome, Setting, evaluate, ledgers_of, utility
from cotreat.optimise.timing import CLASSES, MARGIN, UNIT
from cotreat.optimise.verdict import WORDS, Contrast
from cotreat.optimise.windows import Question, Reading, course_end
from cotreat.outcomes import estimate
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.trial.provenance import DISCLAIMER, provenance, stamp

PERSISTENCE = "labile.time_constant"
BEFORE = -28.0
HATCHED = 0.8
"""Overlap of the answer with that of the prior alone beyond which a cell is hatched."""
_RADIUS = 3.2189**0.5  # 80 % of a normal cloud in two dimensions
_CLOUD = 400
_NORMAL = np.random.default_rng(0).standard_normal((3, 64))  # spreads the error of finitely many patients


@dataclass(frozen=True)
class Modality:
    """A stimulation on the map: its name, the parameter of its push, and sessions a week of its usual course."""

    name: str
    parameter: str
    per_week: float
    course: str


MODALITIES = (
    Modality("TMS", "session_yield.tms", 5.0, "5 sessions a week"),
    Modality("accelerated TMS", "session_yield.tms", 50.0, "10 sessions a day for 5 days"),
    Modality("ECT", "session_yield.ect", 3.0, "3 sessions a week"),
    Modality("ketamine", "session_yield.ketamine", 3.0, "3 infusions a week"),
)


@dataclass(frozen=True)
class Grid:
    """Values of the map: ``strength`` (drive per week) by ``persistence`` (days), and parameter draws of each cell."""

    strength: tuple[float, ...] = tuple(float(v) for v in np.geomspace(0.08, 6.0, 9))
    persistence: tuple[float, ...] = tuple(float(v) for v in np.geomspace(2.0, 28.0, 7))
    draws: int = 40

    @property
    def cells(self) -> list[tuple[float, float]]:
        """Strength and persistence of each cell, row by row from the least persistent."""
        return [(s, p) for p in self.persistence for s in self.strength]


def direction_map(
    question: Question,
    how: Setting,
    grid: Grid | None = None,
    wanted: tuple[Outcome, Reading] = ("mean score", "equal drug-days"),
    command: str = "",
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """The document of ``cotreat timing map --json``; ``how.settings.patients`` is the total of each start.

    Raises
    ------
    InputError
        The drug is given with each session, too few patients are asked for, or a regimen cannot be forecast.
    """
    grid = grid or Grid()
    ledgers, shifts = _three(question, wanted[1], how)
    number = len(grid.cells) * grid.draws
    if how.settings.patients < 2 * number:
        raise InputError(f"the map needs at least {2 * number} patients: {grid.draws} draws in {len(grid.cells)} cells")
    how = replace(how, settings=replace(how.settings, draws=number))
    prior = load_parameters(PRIOR)
    fitted = how.parameters.checksum != prior.checksum
    steps = 2 if fitted else 1
    cells = _cells(ledgers, how, grid, (question, wanted[0]), _share(progress, 0, steps))
    alone = None
    if fitted:
        alone = _cells(ledgers, replace(how, parameters=prior), grid, (question, wanted[0]), _share(progress, 1, steps))
    for k, cell in enumerate(cells):
        cell["overlap"] = 1.0 if alone is None else round(_overlap(cell.pop("normal"), alone[k].pop("normal")), 4)
        cell.pop("normal", None)
        cell["hatched"] = cell["overlap"] > HATCHED
    trials = timing_trials(question.subject, question.drug)
    return {
        "question": {
            "stimulation": str(question.stimulation),
            "drug": str(question.order),
            "population": how.population.name,
            "outcome": wanted[0],
            "unit": UNIT[wanted[0]],
            "margin": MARGIN[wanted[0]],
            "reading": wanted[1],
            "starts": shifts,
        },
        "strength": [round(s, 6) for s in grid.strength],
        "persistence": [round(p, 6) for p in grid.persistence],
        "cells": cells,
        "prior": alone,
        "clouds": [_cloud(m, how.parameters, how.settings.seed, cells) for m in MODALITIES],
        "prior_clouds": None if alone is None else [_cloud(m, prior, how.settings.seed, alone) for m in MODALITIES],
        "basis": f"direct trial: {', '.join(trials)}" if trials else "model only, no direct trial",
        "stamp": stamp(how.parameters),
        "disclaimer": DISCLAIMER,
        "provenance": provenance(how.settings, how.parameters, command, list(ledgers), trials),
    }


def _three(question: Question, reading: Reading, how: Setting) -> tuple[list[Ledger], dict[str, float]]:
    if question.acute:
        raise InputError("the map moves a drug that is taken every day, not one given with each session")
    end = course_end(expand(question.stimulation, horizon=364), question.subject)
    shifts = {"before": BEFORE, "with": 0.0, "after": 7.0 * (end // 7 + 1)}
    regimens = [question.at(s, reading) for s in shifts.values()]
    if any(r is None for r in regimens):
        raise InputError("the drug ends before the course does: ask for equal drug-days or a longer drug")
    return ledgers_of([r for r in regimens if r is not None], max(how.week, 48)), shifts


def _share(progress: Callable[[float], None] | None, step: int, steps: int) -> Callable[[float], None] | None:
    return None if progress is None else (lambda done: progress((step + done) / steps))


def _cells(
    ledgers: Sequence[Ledger],
    how: Setting,
    grid: Grid,
    asked: tuple[Question, Outcome],
    progress: Callable[[float], None] | None,
) -> list[dict[str, Any]]:
    question, outcome = asked
    weeks = max(how.week, 48)
    spread = _spread(how.parameters, grid, how.settings.seed, question)
    settings = replace(how.settings, weeks=weeks)
    found = evaluate(ledgers, replace(how, parameters=spread, settings=settings), progress)
    values = [utility(f, outcome) for f in found]
    rows = []
    for k, (strength, persistence) in enumerate(grid.cells):
        mine = slice(k * grid.draws, (k + 1) * grid.draws)
        rows.append({"strength": round(strength, 6), "persistence": round(persistence, 6)} | _cell(
            [v[mine] for v in values], MARGIN[outcome]
        ))  # fmt: skip
    return rows


def _spread(parameters: ParameterSet, grid: Grid, seed: int, question: Question) -> ParameterSet:
    """The set with the same draws in every cell, but for strength and persistence."""
    draws = parameters.draws(grid.draws, seed)
    cells = grid.cells
    given = {n: np.tile(v, len(cells)) for n, v in draws.items() if n in parameters.parameters or n == LINEAR_MOOD}
    name = f"session_yield.{pathway(question.subject)}"
    per_week = _per_week(question)
    given[name] = np.repeat([s / per_week for s, _ in cells], grid.draws)
    given[PERSISTENCE] = np.repeat([p for _, p in cells], grid.draws)
    return parameters.with_given(given)


def _per_week(question: Question) -> float:
    ledger = expand(question.stimulation, horizon=364)
    days = [i.day for p in ledger.phases for i in p.items if i.subject == question.subject]
    return len(days) / (max(days) // 7 + 1)


def _cell(values: Sequence[np.ndarray], margin: float) -> dict[str, Any]:
    """What one cell says, from the utilities of before, with and after, each of shape (draws, patients)."""
    before, together, after = values
    to_with = [estimate.paired_difference(before, together), estimate.paired_difference(after, together)]
    one = Contrast.of(estimate.paired_difference(before, after), margin)
    means = np.stack([to_with[0].values, np.zeros_like(to_with[0].values), to_with[1].values])
    errors = np.array([to_with[0].monte_carlo_se, 0.0, to_with[1].monte_carlo_se])
    blurred = means[:, :, None] + errors[:, None, None] * _NORMAL[:, None, :]
    top = blurred >= blurred.max(axis=0) - 1e-12
    p_best = (top / top.sum(axis=0)).mean(axis=(1, 2))
    middle = means.mean(axis=1)
    spread = float(np.sqrt(one.values.var() + one.error**2))
    return {
        "best": CLASSES[int(np.argmax(middle))],
        "p_best": {c: round(float(p), 4) for c, p in zip(CLASSES, p_best, strict=True)},
        "gain": {c: round(float(m), 4) for c, m in zip(CLASSES, middle, strict=True)},
        "p_before_better": round(one.p_better, 4),
        "before_minus_after": round(one.median, 4),
        "unknown95": [round(one.quantile(0.025), 4), round(one.quantile(0.975), 4)],
        "p_no_difference_that_matters": round(one.p_none, 4),
        "verdict": WORDS[one.verdict()],
        "claims": one.verdict() in ("before better", "after better"),
        "normal": (float(one.values.mean()), spread),
    }


def _overlap(one: tuple[float, float], two: tuple[float, float]) -> float:
    """Area shared by two normal distributions (mean, sd)."""
    sds = [max(s, 1e-9) for _, s in (one, two)]
    low = min(m - 6 * s for (m, _), s in zip((one, two), sds, strict=True))
    high = max(m + 6 * s for (m, _), s in zip((one, two), sds, strict=True))
    edges = np.linspace(low, high, 4001)
    shares = [np.diff(ndtr((edges - m) / s)) for (m, _), s in zip((one, two), sds, strict=True)]
    return float(np.minimum(*shares).sum())


def _cloud(modality: Modality, parameters: ParameterSet, seed: int, cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Where a stimulation lies: 80 % of its draws (a normal cloud in logarithms), and the cell of its middle."""
    draws = parameters.draws(_CLOUD, seed)
    points = np.log(np.stack([draws[modality.parameter] * modality.per_week, draws[PERSISTENCE]]))
    middle, spread = points.mean(axis=1), np.linalg.cholesky(np.cov(points) + 1e-12 * np.eye(2))
    angle = np.linspace(0.0, 2 * np.pi, 49)
    ring = np.exp(middle[:, None] + _RADIUS * spread @ np.stack([np.cos(angle), np.sin(angle)]))
    nearest = min(
        cells,
        key=lambda c: (np.log(c["strength"]) - middle[0]) ** 2 + (np.log(c["persistence"]) - middle[1]) ** 2,
    )
    return {
        "name": modality.name,
        "course": modality.course,
        "middle": [round(float(v), 5) for v in np.exp(middle)],
        "ring": [[round(float(x), 5), round(float(y), 5)] for x, y in ring.T],
        "cell": {k: nearest[k] for k in ("strength", "persistence", "best", "p_best", "p_before_better", "verdict")},
    }
