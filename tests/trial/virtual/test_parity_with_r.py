"""Our batched analyses against R's survival and nlme, on data R ships (validation/survival), and against statsmodels.

Tolerances: closed forms 1e-8 relative; iterative fits 1e-6; restricted maximum likelihood with losses is another
estimator of the variance, so it is only held to be near.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from cotreat.trial.virtual import linear, proportions, survival
from cotreat.trial.virtual.contrasted import Contrasted
from cotreat.trial.virtual.mmrm import mmrm

HERE = Path(__file__).parents[3] / "validation" / "survival"
ARMS = ((0,), (1,))
SECOND_LESS_FIRST = np.array([-1.0, 1.0])


@cache
def reference() -> dict[tuple[str, str], float]:
    lines = [line for line in (HERE / "reference.csv").read_text().splitlines() if not line.startswith("#")]
    return {(r["data"], r["quantity"]): float(r["value"]) for r in csv.DictReader(lines)}


def read(name: str) -> dict[str, np.ndarray]:
    with (HERE / "data" / f"{name}.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return {k: np.array([float(r[k]) for r in rows]) for k in rows[0]}


def by_arm(arm: np.ndarray, *columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Columns as (1, arms, patients), padded, and which places are patients."""
    numbers = np.unique(arm).astype(int)
    size = max(int((arm == a).sum()) for a in numbers)
    who = np.zeros((1, len(numbers), size), dtype=bool)
    out = [np.zeros((1, len(numbers), size)) for _ in columns]
    for place, a in enumerate(numbers):
        inside = arm == a
        who[0, place, : inside.sum()] = True
        for made, column in zip(out, columns, strict=True):
            made[0, place, : inside.sum()] = column[inside]
    return out, who


def survival_table(d: dict[str, np.ndarray], arm: np.ndarray) -> survival.Tables:
    (time, event), who = by_arm(arm, d["time"], d["event"])
    return survival.tables(time, event > 0, who)


@pytest.mark.parametrize(("name", "tau"), [("lung", 500.0), ("veteran", 300.0)])
def test_parity_survival_of_two_arms(name: str, tau: float) -> None:
    d, r = read(name), reference()
    table = survival_table(d, d["arm"])
    test = survival.log_rank(table, ((1, 0),))
    assert test.statistic[0] ** 2 == pytest.approx(r[name, "logrank_chisq"], rel=1e-8)
    fit = survival.cox(table, np.array([[0.0], [1.0]]))
    assert fit.estimate[0] == pytest.approx(r[name, "cox_beta"], rel=1e-6)
    assert fit.se[0] == pytest.approx(r[name, "cox_se"], rel=1e-6)
    means = survival.restricted_mean(table, tau)
    for a in (0, 1):
        assert means.mean[0, a] == pytest.approx(r[name, f"rmst_{a}"], rel=1e-8)
        assert np.sqrt(means.variance[0, a]) == pytest.approx(r[name, f"rmst_se_{a}"], rel=1e-8)
        inside = d["arm"] == a
        curve = survival.kaplan_meier(d["time"][inside], d["event"][inside] > 0, np.array([50.0, 100.0, 200.0]))
        assert curve.free == pytest.approx([r[name, f"km_{a}_{t}"] for t in (50, 100, 200)], rel=1e-8)


def test_parity_stratified_survival() -> None:
    d, r = read("veteran"), reference()
    table = survival_table(d, 2 * d["stratum"] + d["arm"])
    pairs = tuple((2 * s + 1, 2 * s) for s in range(4))
    test = survival.log_rank(table, pairs)
    assert test.statistic[0] ** 2 == pytest.approx(r["veteran", "logrank_stratified_chisq"], rel=1e-8)
    fit = survival.cox(table, np.array([[a % 2] for a in range(8)], dtype=float), pairs)
    assert fit.estimate[0] == pytest.approx(r["veteran", "cox_stratified_beta"], rel=1e-6)
    assert fit.se[0] == pytest.approx(r["veteran", "cox_stratified_se"], rel=1e-6)


def test_parity_interaction_of_hazards() -> None:
    d, r = read("veteran"), reference()
    factor = (d["stratum"] == 0).astype(int)
    table = survival_table(d, 2 * factor + d["arm"])
    design = np.array([[f * a, a, f] for f in (0.0, 1.0) for a in (0.0, 1.0)])
    fit = survival.cox(table, design)
    assert fit.estimate[0] == pytest.approx(r["veteran", "cox_interaction_beta"], rel=1e-6)
    assert fit.se[0] == pytest.approx(r["veteran", "cox_interaction_se"], rel=1e-6)


def orthodont(*, whole: bool) -> Contrasted:
    d = read("orthodont")
    y = np.stack([d["y10"], d["y12"], d["y14"]], axis=1)
    lost = np.full(len(y), 4.0) if whole else d["lost"]
    y = np.where(np.arange(1, 4)[None, :] < lost[:, None], y, np.nan)
    columns, who = by_arm(d["arm"], d["base"], *y.T)
    return mmrm(np.stack(columns[1:], axis=-1), columns[0], who, SECOND_LESS_FIRST)


def test_parity_mixed_model_with_losses() -> None:
    fit, r = orthodont(whole=False), reference()
    assert fit.estimate[0] == pytest.approx(r["orthodont", "mmrm_estimate_ML"], rel=1e-6)
    # R takes the covariance as known and rescales it: our error also holds that it was estimated, and is not smaller
    assert fit.se[0] == pytest.approx(r["orthodont", "mmrm_se_REML"], rel=0.1)


def test_parity_mixed_model_where_nobody_is_lost() -> None:
    fit, r = orthodont(whole=True), reference()
    assert fit.estimate[0] == pytest.approx(r["orthodont_whole", "mmrm_estimate_REML"], rel=1e-6)
    assert fit.se[0] == pytest.approx(r["orthodont_whole", "mmrm_se_REML"], rel=1e-5)


def test_parity_analysis_of_covariance() -> None:
    d, r = read("orthodont"), reference()
    (y, x), who = by_arm(d["arm"], d["y14"], d["base"])
    fit = linear.ancova(y, x, who, SECOND_LESS_FIRST)
    assert fit.estimate[0] == pytest.approx(r["orthodont", "ancova_estimate"], rel=1e-8)
    assert fit.se[0] == pytest.approx(r["orthodont", "ancova_se"], rel=1e-8)
    assert fit.p[0] == pytest.approx(r["orthodont", "ancova_p"], rel=1e-8)


def counts(d: dict[str, np.ndarray], arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    dead = (d["time"] <= 90) & (d["event"] == 1)
    (hit,), who = by_arm(arm, dead.astype(float))
    return hit.sum(axis=2), who.sum(axis=2).astype(float)


def test_parity_proportions() -> None:
    d, r = read("veteran"), reference()
    x, n = counts(d, d["arm"])
    assert proportions.chi2(x, n).statistic[0] ** 2 == pytest.approx(r["veteran", "chi2_statistic"], rel=1e-8)
    x, n = counts(d, 2 * d["stratum"] + d["arm"])
    test = proportions.cmh(x, n, tuple((2 * s + 1, 2 * s) for s in range(4)))
    assert test.statistic[0] ** 2 == pytest.approx(r["veteran", "cmh_statistic"], rel=1e-8)
    x, n = counts(d, 2 * (d["stratum"] == 0) + d["arm"])
    fit = proportions.logistic(x, n, np.array([1.0, -1.0, -1.0, 1.0]))
    assert fit.estimate[0] == pytest.approx(r["veteran", "logistic_interaction"], rel=1e-6)
    assert fit.se[0] == pytest.approx(r["veteran", "logistic_interaction_se"], rel=1e-5)


def test_published_newcombe1998_first_example() -> None:
    """Newcombe 1998, Stat Med 17:873-890, example (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339."""
    x, n = (np.array([56.0]), np.array([48.0])), (np.array([70.0]), np.array([80.0]))
    low, high = proportions.newcombe_interval(x, n, 0.05)
    assert (round(float(low[0]), 4), round(float(high[0]), 4)) == (0.0524, 0.3339)


def test_property_newcombe_test_agrees_with_its_interval() -> None:
    luck = np.random.default_rng(3)
    n = luck.integers(5, 80, (500, 2)).astype(float)
    x = np.floor(luck.random((500, 2)) * (n + 1))
    test = proportions.newcombe(x, n)
    low, high = proportions.newcombe_interval((x[:, 0], x[:, 1]), (n[:, 0], n[:, 1]), 0.05)
    assert np.array_equal(test.p < 0.05, (low > 0) | (high < 0))


def test_double_batches_against_statsmodels() -> None:
    luck = np.random.default_rng(5)
    shape = (6, 2, 40)
    x = luck.normal(24, 4, shape)
    y = 0.5 * x + luck.normal(0, 6, shape)
    who = luck.random(shape) < 0.9
    fit = linear.ancova(y, x, who, SECOND_LESS_FIRST)
    time = np.ceil(luck.exponential(60, shape) / 7) * 7
    event = (time < 100) & (luck.random(shape) < 0.9)
    hazards = survival.cox(survival.tables(np.minimum(time, 100), event, who), np.array([[0.0], [1.0]]))
    for t in range(shape[0]):
        use, arm = who[t].ravel(), np.repeat([0.0, 1.0], shape[2])
        ols = sm.OLS(y[t].ravel()[use], sm.add_constant(np.column_stack([arm, x[t].ravel()])[use])).fit()
        assert (fit.estimate[t], fit.se[t], fit.p[t]) == pytest.approx(
            (ols.params[1], ols.bse[1], ols.pvalues[1]), rel=1e-8
        )
        cox = sm.PHReg(np.minimum(time[t].ravel()[use], 100), arm[use], event[t].ravel()[use], ties="efron").fit()
        assert (hazards.estimate[t], hazards.se[t]) == pytest.approx((cox.params[0], cox.bse[0]), rel=1e-6)


def test_double_a_fixed_effect_of_site() -> None:
    luck = np.random.default_rng(6)
    shape, sites = (4, 3, 30), 5
    site = luck.integers(0, sites, shape)
    x = luck.normal(24, 4, shape)
    y = 0.5 * x + 2.0 * site + luck.normal(0, 5, shape)
    who = luck.random(shape) < 0.8
    fit = linear.ancova_by_site(y, x, who, np.array([-1.0, 0.0, 1.0]), (site, sites))
    for t in range(shape[0]):
        use = who[t].ravel()
        arm = np.repeat(np.arange(3), shape[2])[use]
        columns = [arm == 1, arm == 2, x[t].ravel()[use], *(site[t].ravel()[use] == k for k in range(sites))]
        ols = sm.OLS(y[t].ravel()[use], np.column_stack(columns).astype(float)).fit()
        found = (fit.estimate[t], fit.se[t], fit.p[t])
        assert found == pytest.approx((ols.params[1], ols.bse[1], ols.pvalues[1]), rel=1e-8)
