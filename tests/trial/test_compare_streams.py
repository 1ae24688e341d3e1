"""A comparison is read from counts and sums of slices: they give what all patients at once give, however cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cotreat.measures.scales import scale
from cotreat.model.parameter_set import load_parameters
from cotreat.outcomes import tally
from cotreat.outcomes.followup import FollowUp
from cotreat.simulate.result import acute_course, follow_up, on_scale
from cotreat.simulate.run import Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions
from cotreat.trial import slices
from cotreat.trial.compare import compare
from cotreat.trial.compare_file import comparison
from cotreat.trial.slices import Setup, Slice

ECT = "ECT bitemporal 3 times a week until remission, at most 12 sessions"
DRUG = ECT + "\nthen nortriptyline to 100 ng/mL for 10 weeks"
OUTCOMES = ("well at week 10", "relapse by week 10", "HAM-D17 mean at week 8", "remission at week 4", "HAM-D24 mean")
WHAT = comparison({"nothing": ECT, "drug": DRUG}, outcomes=OUTCOMES)
SMALL = Settings(patients=1800, draws=12, seed=3, weeks=10)


def text(settings: Settings) -> str:
    return json.dumps(compare(WHAT, settings))


@pytest.fixture(scope="module")
def whole() -> str:
    return text(SMALL)


@pytest.mark.parametrize("options", [{"threads": 1}, {"threads": 3}, {"chunk": 1024}])
def test_unit_no_number_depends_on_threads_or_chunks(whole: str, options: dict[str, Any]) -> None:
    assert text(replace(SMALL, **options)) == whole


@pytest.mark.parametrize("jobs", [1, 5, 12])
def test_unit_no_number_depends_on_the_slices(whole: str, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_FEWEST", jobs)
    assert len(slices.slices(SMALL)) == jobs
    assert text(SMALL) == whole


@pytest.mark.slow
def test_unit_a_large_draw_is_simulated_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(patients=4200, draws=2, seed=3, weeks=4)
    once = json.loads(text(settings))
    monkeypatch.setattr(tally, "PART", tally.TILE)
    assert [len(job) for job in slices.slices(settings)] == [3, 3]
    parts = json.loads(text(settings))
    # counts are equal; sums of scores are taken in another order
    for one, two in zip(once["outcomes"], parts["outcomes"], strict=True):
        assert one["median"] == pytest.approx(two["median"], abs=1e-3)
        assert one["kind"] == "mean" or one == two


def test_unit_parts_of_a_draw_hold_the_patients_of_the_whole() -> None:
    setup = Setup.of(WHAT, SMALL, load_parameters())
    one = slices.tally_of(setup, Slice(3, 4, 300))
    first = slices.tally_of(setup, Slice(3, 4, 200, 0))
    second = slices.tally_of(setup, Slice(3, 4, 100, 1), int(first["next"]))
    assert second["next"] == one["next"]
    assert np.array_equal(one["arm 1/histogram"], first["arm 1/histogram"] + second["arm 1/histogram"])


def test_property_every_patient_is_in_one_slice() -> None:
    for patients, draws in ((20_000, 100), (1_000_000, 100), (300, 7), (200_000, 1), (500_000, 3), (1000, 1000)):
        settings = Settings(patients=patients, draws=draws)
        jobs = slices.slices(settings)
        found = np.zeros(draws, int)
        for piece in (s for job in jobs for s in job):
            found[piece.first : piece.last] += piece.n
            assert (piece.last - piece.first) * piece.n <= max(tally.PART, settings.per_draw)
        assert (found == settings.per_draw).all()
        assert [s.first for job in jobs for s in job[:1]] == sorted(s.first for job in jobs for s in job[:1])


def test_double_the_document_against_all_patients_at_once(whole: str) -> None:
    document = json.loads(whole)
    setup = Setup.of(WHAT, SMALL, load_parameters())
    cohort = start_cohort("ECT candidates", SMALL)
    decisions = Decisions.of(scale("HAM-D24"))
    seen: dict[str, FollowUp] = {}
    for name, ledger in setup.ledgers.items():
        course = follow(cohort, ledger, SMALL, layout=setup.layout, decisions=decisions)
        seen[name] = follow_up(course, acute_course(course, decisions))
    shares = {n: shrunk(s.well(70, decisions.relapse), np.ones_like(s.remitted)) for n, s in seen.items()}
    relapse = {}
    for name, s in seen.items():
        relapse[name] = shrunk(s.relapse_day(decisions.relapse) <= 70, s.remitted & (s.acute_end <= 70))
    means = {n: on_scale(s.at(56), "HAM-D24", "HAM-D17").mean(axis=1) for n, s in seen.items()}
    for row in document["outcomes"]:
        if row["outcome"] == "well at week 10":
            assert row["median"] == pytest.approx(100 * np.median(shares[row["arm"]]), abs=1e-3)
        if row["outcome"] == "relapse by week 10":
            assert row["median"] == pytest.approx(100 * np.median(relapse[row["arm"]]), abs=1e-3)
        if row["outcome"] == "HAM-D17 mean at week 8":
            # shrinking leaves the mean over draws as it is, and moves the median little
            assert row["median"] == pytest.approx(np.median(means[row["arm"]]), abs=0.3)
    curve = next(c for c in document["curves"] if c["measure"] == "HAM-D24 mean" and c["arm"] == "drug")
    ratings = seen["drug"].score.reshape(11, -1).astype(np.float64)
    for found, level in zip(curve["patients50"], (0.25, 0.75), strict=True):
        # within a patient in a thousand, and within a bin
        low, high = np.quantile(ratings, [level - 1e-3, level + 1e-3], axis=1)
        assert (low - 1 / 16 <= found).all()
        assert (found <= high + 1 / 16).all()


def shrunk(hit: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Shares by draw with the noise of the simulation taken out, written out once more."""
    k, n = (hit & among).sum(axis=1), among.sum(axis=1)
    p, smooth = k / n, (k + 0.5) / (n + 1)
    keep = np.sqrt(max(0.0, 1 - (smooth * (1 - smooth) / n).mean() / p.var(ddof=1)))
    return np.asarray(np.clip(p.mean() + keep * (p - p.mean()), 0, 1))
