"""Visits missed on the way: who misses them, what each endpoint then reads, and the mixed model with gaps."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cotreat.measures.errors import InputError
from cotreat.trial.virtual.cut import measure
from cotreat.trial.virtual.mmrm import mmrm
from cotreat.trial.virtual.mmrm_gaps import mmrm_gaps
from tests.trial.virtual.designs import modelled, run, stated
from tests.trial.virtual.test_virtual_trials import pools

DATA = Path(__file__).parents[3] / "validation" / "survival" / "data" / "orthodont.csv"
SECOND_LESS_FIRST = np.array([-1.0, 1.0])


def test_unit_the_share_missed_is_the_one_stated() -> None:
    _, seen = pools(4000, missed_visits="20 %", dropout="none")
    missed = seen[1].missed
    assert missed is not None
    assert not missed[0].any()  # nobody misses entry
    share = missed[1:].mean(axis=(1, 2))
    error = np.sqrt(0.2 * 0.8 / missed[1].size)
    assert np.abs(share - 0.2).max() < 4.5 * error  # 8 shares: one alarm in 18,000


def test_unit_those_who_are_worse_miss_more() -> None:
    trial, seen = pools(4000, missed_visits={"share": 0.1, "per_point": 0.1}, dropout="none")
    pool = seen[1]
    assert pool.missed is not None
    score, gone = pool.seen.at(56), pool.missed[-1]
    assert score[gone].mean() - score[~gone].mean() > 1.5
    assert trial.conduct.missed_visits.per_point == 0.1


ENDS: list[dict[str, Any]] = [
    {"name": "a at week 8", "kind": "proportion", "what": "response"},
    {"name": "b at week 8", "kind": "proportion", "what": "response", "dropout": "observed"},
    {"name": "c at week 8", "kind": "ancova", "dropout": "last observation"},
    {"name": "d at week 8", "kind": "ancova"},
    {"name": "e at week 8", "kind": "mmrm"},
]


def test_unit_endpoints_read_missed_visits_as_they_say() -> None:
    trial, seen = pools(1000, missed_visits="30 %", dropout="none", endpoints=ENDS)
    pool = seen[0]
    assert pool.missed is not None
    gone, before = pool.missed[-1], pool.missed[-2]
    failure, observed, carried, present, mixed = (measure(trial, e, pool) for e in trial.endpoints)
    assert not failure.y[gone].any()
    assert failure.who.all()
    assert np.array_equal(observed.who, ~gone)
    assert np.array_equal(present.who, ~gone)
    one = gone & ~before
    assert np.array_equal(carried.y[one], pool.seen.at(42)[one])
    assert np.array_equal(np.isnan(mixed.y[..., -1]), gone)
    assert np.array_equal(np.isnan(mixed.y), np.moveaxis(pool.missed[1:], 0, -1))


def test_property_a_relapse_is_seen_at_the_visits_that_are_attended() -> None:
    """A confirming visit is the next one the patient comes to; compared with a plain loop over patients."""
    ends = [{"name": "time to relapse", "kind": "log-rank", "definition": "HAM-D17 >= 12 on two visits"}]
    trial, seen = pools(120, visits="weekly for 12 weeks", endpoints=ends, missed_visits="35 %")
    pool = seen[0]
    assert pool.missed is not None
    free = replace(pool.seen, acute_end=np.full(pool.luck.shape, 14.0), remitted=np.ones(pool.luck.shape, bool))
    pool = replace(pool, seen=free)
    found = measure(trial, trial.endpoints[0], pool)
    assert found.event is not None
    for d, i in np.ndindex(pool.luck.shape):
        came = [k for k, day in enumerate(free.days) if not pool.missed[k, d, i] and free.dropout[d, i] > day]
        high = [k for k in came if free.days[k] > 14 and free.score[k, d, i] >= 12]
        pairs = [k for k, before in zip(came[1:], came[:-1], strict=True) if k in high and before in high]
        assert found.event[d, i] == bool(pairs)
        end = free.days[pairs[0]] if pairs else max(free.days[k] for k in came)
        assert found.y[d, i] == max(end - 14.0, 0.0)


def orthodont(*, gaps: bool, lost: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with DATA.open() as stream:
        rows = list(csv.DictReader(stream))
    d = {k: np.array([float(r[k]) for r in rows]) for k in rows[0]}
    y = np.stack([d["y10"], d["y12"], d["y14"]], axis=1)
    subject = np.arange(1, len(y) + 1)
    if gaps:
        for visit, (every, rest) in enumerate(((4, 1), (5, 2), (7, 3))):
            y[subject % every == rest, visit] = np.nan
    if lost:
        y = np.where(np.arange(1, 4)[None, :] < d["lost"][:, None], y, np.nan)
    n = int(max((d["arm"] == a).sum() for a in (0, 1)))
    out, base, who = np.full((1, 2, n, 3), np.nan), np.zeros((1, 2, n)), np.zeros((1, 2, n), dtype=bool)
    for a in (0, 1):
        mine = d["arm"] == a
        out[0, a, : mine.sum()], base[0, a, : mine.sum()], who[0, a, : mine.sum()] = y[mine], d["base"][mine], True
    return out, base, who


def test_parity_mixed_model_with_gaps() -> None:
    """R 4, nlme, on the same data (subjects numbered from 1 in the order of the file)::

    w$y10[w$subject %% 4 == 1] <- NA; w$y12[w$subject %% 5 == 2] <- NA; w$y14[w$subject %% 7 == 3] <- NA
    gls(y ~ 0 + v:a + v:base, correlation = corSymm(form = ~visit | subject), weights = varIdent(form = ~1 | v),
        method = "ML")      # contrast at the third visit: -2.170306339
    method = "REML"         # its standard error: 0.7552967511
    """
    fit = mmrm(*orthodont(gaps=True), SECOND_LESS_FIRST)
    assert fit.estimate[0] == pytest.approx(-2.170306339, rel=1e-6)
    assert fit.se[0] == pytest.approx(0.7552967511, rel=0.03)  # another estimator of the same variance


def test_double_the_two_algorithms_agree_where_both_apply() -> None:
    for lost in (False, True):
        data = orthodont(gaps=False, lost=lost)
        one, two = mmrm(*data, SECOND_LESS_FIRST), mmrm_gaps(*data, SECOND_LESS_FIRST)
        assert two.estimate[0] == pytest.approx(one.estimate[0], rel=1e-6)
        assert two.se[0] == pytest.approx(one.se[0], rel=0.06 if lost else 1e-8)


def test_unit_a_trial_that_cannot_be_fitted_makes_no_claim() -> None:
    y, x, who = orthodont(gaps=True)
    y[:, 1, :, 2] = np.nan  # one arm is never seen at the last visit
    fit = mmrm(y, x, who, SECOND_LESS_FIRST)
    assert np.isnan(fit.estimate[0])
    assert fit.p[0] == 1.0


def test_unit_five_per_cent_with_gaps_and_losses() -> None:
    """2,000 trials without a difference, 40 in each arm: within 3.2 to 6.8 % but once in 5,000 (exact binomial)."""
    endpoint = {"name": "score at week 8", "kind": "mmrm"}
    dropout = {"mechanism": "MAR", "weekly_hazard": 0.03, "per_point": 0.05}
    trial = stated(
        "normal", [0, 0], endpoint, 40, dropout=dropout, missed_visits="10 %", visits="every 2 weeks for 8 weeks"
    )
    found = run(trial, 2000, draws=20)
    assert 0.032 < found.won.mean() < 0.068


def test_unit_missed_visits_cost_power_and_move_nothing_else() -> None:
    ends = [{"name": "score at week 8", "kind": "t"}]
    none, half = (
        run(modelled(missed_visits=m, endpoints=ends, per_arm=[40], dropout="none"), 60, 3) for m in (0, "50 %")
    )
    assert half.estimate.std() > 1.2 * none.estimate.std()
    assert half.estimate.mean() == pytest.approx(none.estimate.mean(), abs=1.2)


@pytest.mark.parametrize(
    ("value", "word"),
    [("120 %", "missed_visits"), (0.95, "0.9"), ({"per_point": 0.1}, "share"), ({"share": 0.1, "slope": 1}, "slope")],
)
def test_unit_impossible_missed_visits_are_refused(value: Any, word: str) -> None:
    with pytest.raises(InputError, match=word):
        modelled(missed_visits=value)
    with pytest.raises(InputError, match="no ratings"):
        stated("binary", [0.2, 0.4], {"name": "response at week 8", "kind": "proportion"}, 20, missed_visits=0.1)
