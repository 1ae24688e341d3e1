"""Is the fit honest? Coverage and score of left-out cohorts against a regression, and the prior against the posterior.

The unit is the study: each counts once, and its k figures weigh 1/k each, so a study with many figures does not decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cotreat.calibrate.classes import ArmFigure, arm_figures, foresee, regress
from cotreat.calibrate.levels import LevelTable
from cotreat.calibrate.predictive import FigureDraws, crps, place, quantiles
from cotreat.calibrate.terms import StudyTerms
from cotreat.evidence.schema import Study
from cotreat.studies.figures import SHAPES, design_effect

LEVELS = (0.5, 0.8, 0.95)
PRIOR_DRIVEN = 0.8
MISFIT = 0.01
_DRAWS = 1000


@dataclass(frozen=True)
class Seen:
    """One figure set against its distribution: where it fell (0 to 1), median and intervals, and its score.

    ``score``: CRPS in units of the figure's own standard error. ``low``, ``high``: of the middle 50, 80 and 95 %.
    """

    study: str
    outcome: int
    kind: str
    observed: float
    place: float
    median: float
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    score: float


@dataclass(frozen=True)
class Coverage:
    """Share of figures inside the central interval of a level: the mean over studies and its standard error."""

    level: float
    share: float
    se: float
    studies: int

    @property
    def holds(self) -> bool:
        """Within two standard errors of nominal; the error is at least that of as many independent studies."""
        least = float(np.sqrt(self.level * (1 - self.level) / max(self.studies, 1)))
        return abs(self.share - self.level) <= 2 * max(self.se, least)


@dataclass(frozen=True)
class Rivalry:
    """The model and the regression on the same left-out figures.

    ``model`` and ``regression``: mean CRPS in standard errors of the figures, studies weighing alike. ``widths``:
    median width of the 95 % interval of what is not known (chance left out), model and regression.
    """

    what: str
    figures: int
    studies: int
    model: float
    regression: float
    se: float
    widths: tuple[float, float]


def seen(study: Study, found: Sequence[FigureDraws], weights: np.ndarray) -> list[Seen]:
    """Every observed figure of a study against its distribution under weighted draws."""
    out = []
    for f in found:
        if f.observed is None:
            continue
        ends = quantiles(f.draws, weights, [0.25, 0.1, 0.025, 0.5, 0.75, 0.9, 0.975])
        out.append(
            Seen(
                study.id, f.outcome, study.outcomes[f.outcome].kind, f.observed, place(f.draws, weights, f.observed),
                float(ends[3]), (float(ends[0]), float(ends[1]), float(ends[2])),
                (float(ends[4]), float(ends[5]), float(ends[6])), crps(f.draws, weights, f.observed) / f.scale,
            )
        )  # fmt: skip
    return out


def coverage(figures: Sequence[Seen]) -> list[Coverage]:
    """Coverage of the central intervals, studies weighing alike."""
    out = []
    names = list(dict.fromkeys(f.study for f in figures))
    for level in LEVELS:
        inside = {n: [abs(f.place - 0.5) <= level / 2 for f in figures if f.study == n] for n in names}
        each = np.array([float(np.mean(v)) for v in inside.values()])
        se = float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else float("nan")
        out.append(Coverage(level, float(each.mean()), se, len(each)))
    return out


def overlap(prior: np.ndarray, posterior: np.ndarray) -> float:
    """Overlap of two samples of one coordinate: the area under the smaller density, 1 when they are the same."""
    edges = np.linspace(-4.0, 4.0, 33)
    p = np.histogram(np.clip(prior, -3.999, 3.999), edges)[0] / len(prior)
    q = np.histogram(np.clip(posterior, -3.999, 3.999), edges)[0] / len(posterior)
    return float(np.minimum(p, q).sum())


def normal_overlap(posterior: np.ndarray) -> float:
    """Overlap of draws of a coordinate with its standard normal prior."""
    from scipy.special import ndtr

    edges = np.linspace(-4.0, 4.0, 33)
    p = np.diff(ndtr(edges))
    q = np.histogram(np.clip(posterior, -3.999, 3.999), edges)[0] / len(posterior)
    return float(np.minimum(p, q).sum())


def misfits(figures: Sequence[Seen], terms: Sequence[StudyTerms]) -> dict[str, list[int]]:
    """Studies with figures in the fit that hardly any draw of the fit itself reproduces (both tails within 1 %)."""
    used = {t.study: set(t.used) for t in terms}
    out: dict[str, list[int]] = {}
    for f in figures:
        if f.outcome in used.get(f.study, set()) and min(f.place, 1 - f.place) < MISFIT / 2:
            out.setdefault(f.study, []).append(f.outcome)
    return out


# ---- against a regression by class of arm ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A study as both rivals see it: its terms, and the model's left-out figures with the weights of the draws."""

    study: Study
    table: LevelTable
    terms: StudyTerms
    figures: Sequence[FigureDraws]
    weights: np.ndarray


def against_regression(cases: Sequence[Case], seed: int = 4) -> list[Rivalry]:
    """Left-out levels and within-study contrasts of arms, foreseen by the model and by the regression."""
    rows = [arm_figures(c.study, s, c.table, c.terms.used) for s, c in enumerate(cases)]
    cohort = [c.study.cohort for c in cases]
    one: dict[str, list[tuple[str, float, float, float, float]]] = {"levels of arms": [], "contrasts of arms": []}
    for s, case in enumerate(cases):
        mine = rows[s]
        if not mine:
            continue
        others = [r for t, some in enumerate(rows) if cohort[t] != cohort[s] for r in some]
        guess = foresee(regress(others), mine, _DRAWS, seed + s)
        found = {f.outcome: f for f in case.figures}
        rng = np.random.default_rng([seed, s, 1])
        pairs = [(r, guess[:, k], found[r.outcome]) for k, r in enumerate(mine) if r.outcome in found]
        for r, other, f in pairs:
            noisy = _chance(r, other, f, rng)
            w = np.full(len(noisy), 1.0)
            truth = float(f.observed or 0.0)
            one["levels of arms"].append(
                (case.study.id, crps(f.draws, case.weights, truth) / f.scale, crps(noisy, w, truth) / f.scale,
                 _width(f.expected, case.weights) / f.scale, _width(other, w) / f.scale)
            )  # fmt: skip
        one["contrasts of arms"] += _contrasts(case, pairs, rng)
    return [_summary(what, found) for what, found in one.items() if found]


def _chance(r: ArmFigure, p: np.ndarray, f: FigureDraws, rng: np.random.Generator) -> np.ndarray:
    """What a trial of its size would print."""
    wide = np.sqrt(design_effect(r.size))
    if not r.share:
        return np.asarray(p + wide * f.scale * rng.standard_normal(len(p)))
    n = max(round(r.size), 1)
    q = rng.beta(np.maximum(SHAPES * p, 1e-3), np.maximum(SHAPES * (1 - p), 1e-3))
    return np.asarray((rng.binomial(n, q) + rng.uniform(-0.5, 0.5, len(p))) / n)


def _contrasts(
    case: Case, pairs: list[tuple[ArmFigure, np.ndarray, FigureDraws]], rng: np.random.Generator
) -> list[tuple[str, float, float, float, float]]:
    """Differences of the first arm and each other arm that has the same figure."""
    groups: dict[tuple[object, ...], list[tuple[ArmFigure, np.ndarray, FigureDraws]]] = {}
    for pair in pairs:
        o = case.study.outcomes[pair[0].outcome]
        if len(o.arms) == 1 and o.arms[0] != "run-in":
            key = (o.measure, o.scale, o.day, o.counted_from, o.analysis_set)
            groups.setdefault(key, []).append(pair)
    out = []
    for group in groups.values():
        first = group[0]
        done = {case.study.outcomes[first[0].outcome].arms}
        for other in group[1:]:
            arms = case.study.outcomes[other[0].outcome].arms
            if arms in done:
                continue
            done.add(arms)
            scale = float(np.hypot(first[2].scale, other[2].scale))
            truth = float(first[2].observed or 0.0) - float(other[2].observed or 0.0)
            w = np.full(len(first[1]), 1.0)
            ours, theirs = (
                first[2].draws - other[2].draws,
                _chance(first[0], first[1], first[2], rng) - _chance(other[0], other[1], other[2], rng),
            )
            wide = _width(first[2].expected - other[2].expected, case.weights), _width(first[1] - other[1], w)
            out.append(
                (case.study.id, crps(ours, case.weights, truth) / scale, crps(theirs, w, truth) / scale,
                 wide[0] / scale, wide[1] / scale)
            )  # fmt: skip
    return out


def _width(draws: np.ndarray, weights: np.ndarray) -> float:
    low, high = quantiles(draws, weights, [0.025, 0.975])
    return float(high - low)


def _summary(what: str, found: list[tuple[str, float, float, float, float]]) -> Rivalry:
    names = list(dict.fromkeys(f[0] for f in found))
    each = np.array([np.mean([f[1:3] for f in found if f[0] == n], axis=0) for n in names])
    difference = each[:, 0] - each[:, 1]
    se = float(difference.std(ddof=1) / np.sqrt(len(names))) if len(names) > 1 else float("nan")
    widths = tuple(float(np.median([f[k] for f in found])) for k in (3, 4))
    return Rivalry(
        what, len(found), len(names), float(each[:, 0].mean()), float(each[:, 1].mean()), se, (widths[0], widths[1])
    )
