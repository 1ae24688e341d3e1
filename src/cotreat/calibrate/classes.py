"""A rival without mechanism: random-effects meta-regression by class of arm.

What a statistician would do with the same table: each arm has a class (drug, TMS, TMS with a drug, ECT, ketamine,
nothing or sham, ...), each kind of outcome a level of its own, each study and each arm an effect of its own. It says
what a new study of the same kind would show, and what two of its arms would differ by. The left-out predictions of the
model are held against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from cotreat.calibrate.levels import LevelTable
from cotreat.calibrate.terms import effective_size, standard_error, typical_sd, weight_of
from cotreat.evidence.schema import Outcome, Study
from cotreat.studies.figures import design_effect

_PRIOR_SD = 1.5


@dataclass(frozen=True)
class ArmFigure:
    """One figure of one arm on the scale of the regression: logit of a share, or change in standard deviations.

    ``row``: its design (columns of ``Classes.columns``). ``variance`` of its chance.
    """

    study: int
    outcome: int
    share: bool
    y: float
    variance: float
    row: dict[str, float]
    size: float
    unit: float
    shift: float


@dataclass(frozen=True)
class Regression:
    """The regression with one cohort left out: mean and covariance of coefficients, and the two heterogeneities."""

    columns: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray
    between: float
    within: float


def class_of(study: Study, keys: tuple[str, ...]) -> str:
    """Class of an arm, or of arms taken together when they are of one class (else "mixed")."""
    found = {_one_class(study, k) for k in keys}
    return found.pop() if len(found) == 1 else "mixed"


def _one_class(study: Study, key: str) -> str:
    before = study.population.run_in or ""
    text = before if key == "run-in" else (study.arms[key].regimen or "")
    lines = [w for w in text.splitlines() if w.strip() and not w.strip().startswith("sham")]
    joined = " ".join(lines)
    parts = [name for name, pattern in _PARTS if re.search(pattern, joined)]
    rest = re.sub(r"|".join(p for _, p in _PARTS), "", joined)
    drug = bool(re.search(r"\b\d+(?:\.\d+)?\s*(?:mg|ng/mL|mmol/L)", rest)) and "ketamine" not in parts
    drug = drug or any(re.search(r"\b(mg|ng/mL|mmol/L)\b", w) for w in lines if not re.search("ketamine", w))
    if drug:
        parts.append("taper" if re.search(r"taper|stop|lower", joined) else "drug")
    since = "" if key == "run-in" or not before else " after " + ("ECT" if "ECT" in before else "another course")
    return (" and ".join(parts) or "nothing") + since


_PARTS = (
    ("ECT", r"\bECT\b"),
    ("TMS", r"TBS|TMS"),
    ("tDCS", r"tDCS"),
    ("ketamine", r"ketamine"),
    ("therapy", r"CBT|therapy|mindfulness"),
)


def arm_figures(study: Study, s: int, table: LevelTable, chosen: tuple[int, ...]) -> list[ArmFigure]:
    """The figures of arms (shares and means) among ``chosen``, ready for the regression."""
    out = []
    for i in chosen:
        o = study.outcomes[i]
        if o.kind == "proportion" and o.observed is not None:
            n = effective_size(study, o)
            if n is None:
                continue
            p = (o.observed * n + 0.5) / (n + 1.0)
            variance = 1.0 / (n * p * (1 - p)) * design_effect(n)
            row = _row(study, o, o.measure)
            out.append(
                ArmFigure(s, i, True, float(np.log(p / (1 - p))), variance / weight_of(study, o), row, n, 1.0, 0.0)
            )
        elif o.kind == "score" and o.observed is not None:
            se = standard_error(study, o)
            unit, shift = _standard(study, o)
            if se is None or unit is None:
                continue
            n = float(o.n or 50)
            variance = (se / unit) ** 2 * design_effect(n)
            row = _row(study, o, "change")
            out.append(
                ArmFigure(s, i, False, (o.observed - shift) / unit, variance / weight_of(study, o), row, n, unit, shift)
            )
    return out


def _standard(study: Study, o: Outcome) -> tuple[float | None, float]:
    """Unit and origin that turn a mean into a change in standard deviations; None where the baseline is not known."""
    if o.measure == "percent_change":
        return 40.0, 0.0
    if o.measure == "change":
        return typical_sd(o), 0.0
    holders = [study.population.baseline, *(a.baseline for k, a in study.arms.items() if k in o.arms)]
    for base in holders:
        if base is not None and base.mean is not None and base.scale == o.scale and o.analysis_set != "remitters":
            return typical_sd(o), base.mean
    return None, 0.0


def _row(study: Study, o: Outcome, measure: str) -> dict[str, float]:
    name = class_of(study, o.arms)
    kind = "change" if measure == "change" else measure
    good = {"relapse": -1.0, "dropout": -1.0, "change": -1.0, "withdrawal": -1.0}.get(kind, 1.0)
    row = {f"outcome {kind}": 1.0, f"class {name}": good, f"{kind} of {name}": 1.0}
    if o.day:
        row[f"time {kind}"] = float(np.log(max(o.day, 1.0) / (42.0 if good > 0 or kind == "change" else 182.0)))
    return row


def regress(rows: list[ArmFigure]) -> Regression:
    """The regression on these figures: weak normal prior on coefficients, heterogeneities by marginal likelihood."""
    columns = tuple(sorted({c for r in rows for c in r.row}))
    x = design(rows, columns)
    y = np.array([r.y for r in rows])
    v = np.array([r.variance for r in rows])
    same = np.equal.outer([r.study for r in rows], [r.study for r in rows]).astype(float)
    prior = np.diag([_PRIOR_SD**2 if c.startswith(("outcome", "time")) else 0.6**2 for c in columns])

    def cover(raw: np.ndarray) -> np.ndarray:
        return np.asarray(np.diag(v + np.exp(2 * raw[1])) + np.exp(2 * raw[0]) * same)

    def loss(raw: np.ndarray) -> float:
        k = cover(raw) + x @ prior @ x.T
        _, log_det = np.linalg.slogdet(k)
        return float(0.5 * log_det + 0.5 * y @ np.linalg.solve(k, y) + 0.5 * ((raw + 1.0) ** 2).sum())

    best = minimize(
        loss, np.array([-1.0, -1.0]), method="Nelder-Mead", options={"maxiter": 60, "xatol": 0.02, "fatol": 0.02}
    )
    inverse = np.linalg.inv(cover(best.x))
    covariance = np.linalg.inv(x.T @ inverse @ x + np.linalg.inv(prior))
    return Regression(
        columns, covariance @ x.T @ inverse @ y, covariance, float(np.exp(best.x[0])), float(np.exp(best.x[1]))
    )


def design(rows: list[ArmFigure], columns: tuple[str, ...]) -> np.ndarray:
    """Design matrix of figures over columns."""
    return np.array([[r.row.get(c, 0.0) for c in columns] for r in rows]).reshape(len(rows), len(columns))


def foresee(model: Regression, rows: list[ArmFigure], count: int, seed: int) -> np.ndarray:
    """Draws (count, rows) of the true levels of a new study, on the scale of the figures themselves."""
    rng = np.random.default_rng(seed)
    unknown = [np.array([v for c, v in r.row.items() if c not in model.columns]) for r in rows]
    x = design(rows, model.columns)
    factor = np.linalg.cholesky(model.covariance + 1e-9 * np.eye(len(model.mean)))
    beta = model.mean + rng.standard_normal((count, len(model.mean))) @ factor.T
    eta = beta @ x.T
    # a class nobody else studied has its prior
    eta += np.stack([0.6 * np.linalg.norm(u) * np.ones(1) for u in unknown], axis=1) * rng.standard_normal(
        (count, len(rows))
    )
    eta += model.between * rng.standard_normal((count, 1)) + model.within * rng.standard_normal((count, len(rows)))
    share = np.array([r.share for r in rows])
    unit, shift = np.array([r.unit for r in rows]), np.array([r.shift for r in rows])
    return np.asarray(np.where(share, 1.0 / (1.0 + np.exp(-eta)), shift + unit * eta))
