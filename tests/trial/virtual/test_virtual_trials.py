"""Trials of the patient model: what is random, what is not, and that each design and each mishap does what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.simulate.chunks import Engine
from cotreat.trial.virtual.analyse import choose, sample
from cotreat.trial.virtual.api import trial as simulate
from cotreat.trial.virtual.cut import cut, measure
from cotreat.trial.virtual.document import given_apart
from cotreat.trial.virtual.file import read_trial
from cotreat.trial.virtual.generate import Pool, Share, generate, prepare, thinned
from cotreat.trial.virtual.run import Size, simulate_trials
from tests.trial.virtual.designs import ACTIVE, ECT, SHAM, modelled, run, stated

AFTER_ECT = {
    "design": "withdrawal",
    "population": "ECT candidates",
    "run_in": ECT,
    "enter": "remission",
    "arms": {"nothing": "", "nortriptyline": "nortriptyline to 100 ng/mL for 26 weeks"},
    "per_arm": 60,
    "visits": "every 2 weeks for 26 weeks",
    "endpoints": [
        {"name": "time to relapse", "kind": "log-rank"},
        {"name": "time to relapse by Cox", "kind": "cox"},
        {"name": "weeks without relapse", "kind": "rmst", "tau_weeks": 20},
        {"name": "relapse by week 26", "kind": "proportion"},
    ],
}


def pools(patients: int = 400, **fields: Any) -> tuple[Any, tuple[Pool, ...]]:
    trial = modelled(**fields)
    parameters = load_parameters(PRIOR)
    values = {k: np.repeat(v, 2) for k, v in parameters.medians().items()}
    share = Share(parameters.with_given(values), 5, 2, patients)
    made = generate(trial, prepare(trial), share)
    return trial, cut(trial, made, 5, patients)


def test_property_results_depend_on_the_seed_and_not_on_threads() -> None:
    one, again, other = (run(modelled(), 20, 4, threads=t, seed=s) for t, s in ((1, 3), (2, 3), (1, 4)))
    assert np.array_equal(one.p, again.p)
    assert np.array_equal(one.null_p, again.null_p)
    assert not np.array_equal(one.p, other.p)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["reference"])
def test_double_the_reference_engine_gives_the_same_trials(engine: Engine) -> None:
    drug = "escitalopram 10 mg daily for 4 weeks"
    arms = {"drug": drug, "both": f"{drug}\n{ACTIVE}"}
    trial = modelled(arms=arms, per_arm=[10], visits="weeks 4", endpoints=[{"name": "score at week 4", "kind": "t"}])
    size = Size(trials=8, draws=2, seed=3, threads=1)
    one = simulate_trials(trial, size, "median")
    two = simulate_trials(trial, replace(size, engine=engine), "median")
    assert one.estimate == pytest.approx(two.estimate, abs=0.02)


def test_property_patients_are_in_one_trial_only_when_trials_are_disjoint() -> None:
    apart = choose(1000, 10, 50, 2, (1, 2, 3))
    assert apart.disjoint
    assert len(np.unique(apart.index[0])) == 500
    shared = choose(120, 10, 50, 2, (1, 2, 3))
    assert not shared.disjoint
    assert all(len(set(t)) == 50 for t in shared.index[0].tolist())
    assert shared.index.max() < 120


def test_property_dealing_anew_keeps_the_patients_of_a_trial() -> None:
    trial, seen = pools()
    arms = tuple(measure(trial, trial.endpoints[0], p) for p in seen)
    trials = choose(400, 8, 40, 2, (1, 2, 2))
    true, dealt = sample(arms, trials), sample(arms, trials, shuffled=True)
    assert np.array_equal(np.sort(true.y.reshape(16, -1), axis=1), np.sort(dealt.y.reshape(16, -1), axis=1))
    assert not np.array_equal(true.y, dealt.y)
    assert np.array_equal(true.first(10).y, true.y[:, :, :10])


def test_unit_mechanisms_of_dropout() -> None:
    """MCAR loses alike; MAR and MNAR lose those who do badly; the share lost under MCAR is that of its hazard."""
    hard = {"weekly_hazard": 0.04}
    _, none = pools(dropout="none")
    assert np.isinf(none[0].seen.dropout).all()
    _, mcar = pools(4000, dropout={"mechanism": "MCAR", **hard})
    lost = np.isfinite(mcar[1].seen.dropout)
    expected = 1 - np.exp(-0.04 * 8)
    assert abs(lost.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / lost.size)
    last = [np.isfinite(p.seen.dropout) for p in mcar]
    worse = [float(p.seen.at(56)[m].mean() - p.seen.at(56)[~m].mean()) for p, m in zip(mcar, last, strict=True)]
    assert max(abs(w) for w in worse) < 1.5
    for mechanism in ("MAR", "MNAR"):
        _, found = pools(4000, dropout={"mechanism": mechanism, "per_point": 0.15, **hard})
        gone = np.isfinite(found[1].seen.dropout)
        assert found[1].seen.at(56)[gone].mean() - found[1].seen.at(56)[~gone].mean() > 2


def test_unit_at_random_means_by_what_was_seen() -> None:
    """Until the second visit a loss at random cannot depend on ratings between visits: as with a hazard for all."""
    same = {"weekly_hazard": 0.1}
    first = [28.0]
    _, seen = pools(2000, dropout={"mechanism": "MAR", "per_point": 0.5, **same}, visits="weeks 4, 8")
    _, flat = pools(2000, dropout={"mechanism": "MCAR", **same}, visits="weeks 4, 8")
    for a, b in zip(seen, flat, strict=True):
        assert np.array_equal(a.seen.dropout <= first[0], b.seen.dropout <= first[0])


def test_unit_endpoints_read_losses_as_they_say() -> None:
    ends = [
        {"name": "a at week 8", "kind": "proportion", "what": "response"},
        {"name": "b at week 8", "kind": "proportion", "what": "response", "dropout": "observed"},
        {"name": "c at week 8", "kind": "proportion", "what": "response", "dropout": "last observation"},
        {"name": "d at week 8", "kind": "ancova", "dropout": "baseline"},
        {"name": "e at week 8", "kind": "ancova", "dropout": "last observation"},
        {"name": "f at week 8", "kind": "mmrm"},
        {"name": "g at week 8", "kind": "ancova", "scale": "MADRS"},
    ]
    trial, seen = pools(dropout={"mechanism": "MCAR", "weekly_hazard": 0.1}, endpoints=ends)
    pool = seen[1]
    lost = pool.seen.dropout <= 56
    failure, observed, carried, back, forward, mixed, other = (measure(trial, e, pool) for e in trial.endpoints)
    assert not failure.y[lost].any()
    assert failure.who.all()
    assert np.array_equal(observed.who, ~lost)
    assert carried.y[lost].any()
    assert np.array_equal(back.y[lost], pool.seen.baseline[lost])
    assert np.array_equal(forward.y[pool.seen.dropout <= 14], pool.seen.baseline[pool.seen.dropout <= 14])
    assert mixed.y.shape[-1] == 4
    assert np.array_equal(np.isnan(mixed.y[..., -1]), lost)
    assert other.y.mean() > forward.y.mean()


def test_unit_relapse_prevention_after_a_course() -> None:
    found = run(read_trial(AFTER_ECT), 60, 3)
    assert found.entered is not None
    assert 0.3 < found.entered < 0.95
    log_rank, cox, rmst, share = found.estimate[0].mean(axis=(1, 2))
    assert log_rank == pytest.approx(cox, rel=0.15)
    assert cox < 0 < rmst < 140
    assert share < 0
    assert found.curves.days[0] == 0
    assert found.won[0, 0].mean() > 0.5


def test_unit_missed_sessions_weaken_the_treatment() -> None:
    whole, thin = (
        run(modelled(missed_sessions=m, per_arm=[40], endpoints=[{"name": "score at week 4", "kind": "t"}]), 60, 3)
        for m in (0, "60 %")
    )
    assert whole.estimate.mean() < thin.estimate.mean() - 1
    ledger = prepare(modelled()).ledgers[1]
    sessions = [i for p in thinned(ledger, 0.5, 1, 0).phases for i in p.items if i.kind == "session"]
    assert 3 <= len(sessions) <= 17
    assert thinned(ledger, 0.0, 1, 0) == ledger


def test_unit_sites_widen_the_spread_and_guessing_makes_an_effect() -> None:
    ends = [{"name": "score at week 8", "kind": "t"}]
    alike = {"arms": {"sham": SHAM, "other": SHAM}, "endpoints": ends, "per_arm": [60], "dropout": "none"}
    plain = run(modelled(**alike), 200, 10)
    guessed = run(modelled(**alike, guessing={"treated": 0.9, "control": 0.1, "points": 3}), 200, 10)
    assert abs(plain.estimate.mean()) < 0.3
    assert guessed.estimate.mean() == pytest.approx(-2.4, abs=0.4)
    apart = run(modelled(**alike, sites={"number": 4, "sd": 0, "effect_sd": 3}), 200, 10)
    assert apart.estimate.std() > 1.3 * plain.estimate.std()
    level = run(modelled(**alike, sites={"number": 4, "sd": 3}), 200, 10)
    assert level.estimate.std() < 1.15 * plain.estimate.std()


@pytest.mark.slow
def test_unit_a_crossover_and_a_sequential_trial() -> None:
    crossover = {
        "design": "crossover",
        "periods": {"active": ACTIVE, "sham": SHAM},
        "washout_weeks": 4,
        "per_arm": 40,
        "visits": "every 2 weeks for 6 weeks",
        "endpoints": [{"name": "score at week 4", "kind": "t"}],
    }
    crossed = run(read_trial(crossover), 40, 4)
    assert list(crossed.curves.days) == list(range(0, 113, 7))
    assert crossed.estimate.mean() < -1
    stages = {
        "first": {"iTBS": ACTIVE, "sham": SHAM},
        "decide": "if no response to iTBS by week 4",
        "then": {
            "ECT": "ECT right unilateral 3 times a week for 4 weeks",
            "drug": "escitalopram 10 mg daily for 8 weeks",
        },
    }
    ends = [{"name": "score at week 12", "kind": "t", "contrast": "iTBS, else ECT vs iTBS, else drug"}]
    smart = {
        "design": "smart",
        "stages": stages,
        "per_arm": 40,
        "visits": "every 2 weeks for 12 weeks",
        "endpoints": ends,
    }
    sequential = run(read_trial(smart), 40, 4)
    assert sequential.estimate.mean() < -2
    week4 = list(sequential.curves.days).index(28)
    score = sequential.curves.score.mean(axis=2)
    assert score[0, week4] == pytest.approx(score[1, week4], abs=0.6)


def test_unit_the_same_drug_given_to_different_days_is_told() -> None:
    arms = {
        "before": "escitalopram 10 mg daily from 4 weeks before iTBS for 8 weeks\n" + ACTIVE,
        "after": "escitalopram 10 mg daily from the last iTBS for 8 weeks\n" + ACTIVE,
    }
    trial = modelled(arms=arms, endpoints=[{"name": "score at week 6", "kind": "t"}], visits="weeks 6")
    ready = prepare(trial)
    assert {ledger.lead_in for ledger in ready.ledgers} == {28}
    notes = given_apart(trial, list(ready.ledgers))
    assert len(notes) == 1
    assert "escitalopram" in notes[0]
    assert given_apart(modelled(), list(prepare(modelled()).ledgers)) == []


def test_unit_the_document_has_its_fields_and_the_search_its_answer() -> None:
    endpoint = {"name": "score at week 8", "kind": "t", "primary": True}
    other = {"name": "change at week 8", "kind": "ancova"}
    trial = {
        "arms": ["control", "treated"],
        "effect": {"kind": "normal", "values": [0, -4], "unknown": 2},
        "visits": "weekly for 8 weeks",
        "endpoints": [endpoint, other],
        "per_arm": [40],
        "multiplicity": "holm",
        "sample_size": {"power": "80 %", "to": 400},
    }
    made = simulate(trial, trials=2000, draws=50, seed=7)
    wanted = {"endpoint", "method", "n_per_arm", "power", "type1"}
    assert all(wanted <= set(r) for r in made["tests"])
    size = made["sample_size"]
    assert size["n_per_arm"] == pytest.approx(64, abs=4 * size["se"] + 1)
    assert size["se"] < 4
    assert {r["n_per_arm"] for r in made["tests"]} == {40, size["n_per_arm"]}
    assert all(r["power_adjusted"] <= r["power"] for r in made["tests"])
    at = next(r for r in made["assurance"] if r["n_per_arm"] == 40)
    assert 0.3 < at["assurance"] < 0.8
    assert len(made["estimands"]) == 2
    assert "two-sided at 0.05" in made["paragraph"]
    assert "not a medical device" in str(made)


def test_unit_a_search_that_cannot_succeed_says_so() -> None:
    endpoint = {"name": "score at week 8", "kind": "t"}
    effect = {"kind": "normal", "values": [0, 1]}
    design = {"arms": ["a", "b"], "effect": effect, "visits": "week 8", "endpoints": [endpoint]}
    made = simulate(design | {"sample_size": {"power": 0.9, "to": 40}}, trials=200, draws=10)
    assert made["sample_size"]["n_per_arm"] is None
    assert "most allowed" in made["sample_size"]["reason"]


def test_unit_too_much_or_too_little_is_refused() -> None:
    big = stated("normal", [0, 1], {"name": "score at week 8", "kind": "t"}, 10_000)
    with pytest.raises(InputError, match="too many"):
        simulate_trials(big, Size(trials=20_000, draws=10))
    with pytest.raises(InputError, match="fewer than"):
        simulate_trials(modelled(), Size(trials=10, draws=10, patients=50))
    wrong_sizes: list[dict[str, Any]] = [{"trials": 0}, {"draws": 0}, {"seed": -1}, {"trials": 5, "draws": 10}]
    for wrong in [*wrong_sizes, {"threads": 0}]:
        with pytest.raises(InputError):
            Size(**wrong)
