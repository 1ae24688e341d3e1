"""The 5 % of every test where nothing differs: a short form of benchmarks/type1.py.

One simultaneous 99.9 % band over all cells of the file (false alarm at most 1 in 1,000); below it is conservative.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from benchmarks.type1 import LEVEL, MECHANISMS, Cell, band, cells, verdict
from cotreat.trial.virtual import survival
from cotreat.trial.virtual.contrasted import Contrasted
from cotreat.trial.virtual.mmrm import mmrm
from tests.trial.virtual.designs import run, stated

CELLS = 60


def upper(trials: int) -> float:
    return float(LEVEL - ndtri(0.0005 / CELLS) * np.sqrt(LEVEL * (1 - LEVEL) / trials))


def share(result: Contrasted) -> float:
    return float((result.p < LEVEL).mean())


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["none", "MCAR", "MAR"])
def test_unit_no_test_is_too_liberal(mechanism: str) -> None:
    found = list(cells(1000, 400, (40,), (mechanism,)))
    assert len(found) == (12 if mechanism == "MAR" else 17)
    assert [c for c in found if c.share > upper(c.trials)] == []
    exact = {"t test", "analysis of covariance", "mixed model", "log-rank"}
    low = {c.test: c.share for c in found if c.test in exact}
    assert min(low.values()) > 2 * LEVEL - upper(400)


@pytest.mark.parametrize("rate", [0.0, 0.08])
def test_unit_mixed_model_under_loss_by_what_was_seen(rate: float) -> None:
    """Loss is more likely after a bad visit and twice as likely in one arm: valid for the mixed model, 2,000 trials."""
    luck = np.random.default_rng(21)
    trials, n, visits = 2000, 30, 4
    x = luck.normal(24, 4, (trials, 2, n))
    person = 0.5 * x[..., None] + luck.normal(0, 5, (trials, 2, n, 1))
    y = person + luck.normal(0, 4, (trials, 2, n, visits))
    for v in range(1, visits):
        hazard = rate * np.array([1.0, 2.0])[None, :, None] * np.exp(0.08 * (y[..., v - 1] - 12))
        lost = np.isnan(y[..., v - 1]) | (luck.random(hazard.shape) < hazard)
        y[..., v:][lost] = np.nan
    found = share(mmrm(y, x, np.ones(x.shape, bool), np.array([-1.0, 1.0])))
    assert 2 * LEVEL - upper(trials) < found < upper(trials)


def test_unit_restricted_mean_variance_is_the_spread_of_the_estimates() -> None:
    """Greenwood's variance against the variance over 4,000 samples: ratio within 4 standard errors of one."""
    luck = np.random.default_rng(4)
    trials, n = 4000, 80
    time = luck.exponential(120, (trials, 1, n))
    lost = luck.exponential(300, time.shape)
    table = survival.tables(np.minimum(time, lost), time <= lost, np.ones(time.shape, bool))
    found = survival.restricted_mean(table, 150.0)
    ratio = found.variance.mean() / found.mean.var(ddof=1)
    assert abs(ratio - 1) < 4 * np.sqrt(2 / trials) + 2 / n
    truth = 120 * (1 - np.exp(-150 / 120))
    assert abs(found.mean.mean() - truth) < 4 * np.sqrt(found.mean.var() / trials)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_unit_looks_keep_the_level(spending: str) -> None:
    looks = {"at": [0.4, 0.7, 1.0], "spending": spending}
    trial = stated("normal", [0, 0], {"name": "score at week 8", "kind": "t"}, 100, looks=looks)
    found = run(trial, 3000)
    assert 2 * LEVEL - upper(3000) < found.won.mean() < upper(3000)
    assert 2 * LEVEL - upper(3000) < found.null_won.mean() < upper(3000)


def test_unit_dealing_patients_anew_gives_the_level_whatever_the_effect() -> None:
    trial = stated("normal", [0, 9], {"name": "score at week 8", "kind": "t"}, [20, 60])
    found = run(trial, 3000)
    assert found.won[1].mean() > 0.99
    assert ((2 * LEVEL - upper(3000) < found.null_won.mean(axis=(1, 2, 3))).all()) & (
        found.null_won.mean() < upper(3000)
    )


@pytest.mark.parametrize(
    ("kind", "values", "endpoint"),
    [
        ("normal", [0, 0], {"name": "score at week 8", "kind": "ancova", "margin": 2}),
        ("binary", [0.5, 0.5], {"name": "response at week 8", "kind": "proportion", "margin": "10 %"}),
    ],
)
def test_unit_non_inferiority_at_the_margin_is_claimed_one_time_in_forty(
    kind: str, values: list[float], endpoint: dict[str, object]
) -> None:
    found = run(stated(kind, values, endpoint, 80), 3000)
    half = LEVEL / 2
    limit = float(-ndtri(0.0005 / CELLS)) * np.sqrt(half * (1 - half) / 3000)
    assert abs(float(found.null_won.mean()) - half) < limit


def test_unit_the_band_and_the_verdict_of_a_cell() -> None:
    low, high = band(20_000, 100)
    assert low < LEVEL < high
    assert high - low == pytest.approx(2 * 3.8906 * np.sqrt(0.05 * 0.95 / 20_000), rel=0.02)
    names = {verdict(Cell("x", 10, "none", 20_000, s, 0.0), 100) for s in (0.0, 0.05, 0.1)}
    assert names == {"conservative", "holds", "too liberal"}
    assert set(MECHANISMS) == {"none", "MCAR", "MAR", "MNAR"}
