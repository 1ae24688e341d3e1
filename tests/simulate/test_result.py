"""The result of a simulation: outcomes by name, and the labelled data set."""

from __future__ import annotations

import numpy as np
import pytest

import cotreat
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.simulate.result import Run
from tests.simulate.ledgers import sessions

ECT = "ECT bitemporal 3 times a week until remission, at most 12 sessions"


@pytest.fixture(scope="module")
def run() -> Run:
    return cotreat.simulate(cotreat.regimen(ECT), population="ECT candidates", patients=800, draws=10, seed=2, weeks=12)


def test_unit_times_may_be_said_in_three_ways(run: Run) -> None:
    assert run.well(at="12 weeks") == run.well(at="week 12") == run.well(at=84) == run.well(at="84 days")
    for wrong in ("soon", "3 months", "13 days", "40 weeks"):
        with pytest.raises(InputError):
            run.well(at=wrong)


def test_unit_a_proportion_shows_both_spreads_and_its_stamp(run: Run) -> None:
    found = run.relapse(by="12 weeks")
    assert found.unknown95[0] <= found.median <= found.unknown95[1]
    assert found.chance95[0] <= found.median <= found.chance95[1]
    text = str(found)
    assert "not known" in text
    assert "trial of 100" in text
    assert load_parameters().status in text
    assert "remitters (selected)" in text


def test_unit_the_dataset_follows_its_schema(run: Run) -> None:
    data = run.dataset()
    assert dict(data.sizes) == {"draw": 10, "patient": 80, "time": 13, "track": 1}
    assert data["score"].attrs["units"] == "points HAM-D24"
    assert np.array_equal(data["time"], np.arange(0, 85, 7))
    # the rating at entry is the baseline, up to float32
    assert np.allclose(data["score"].sel(time=0), data["baseline"], atol=1e-3)
    assert np.array_equal(data["score"].values[3, 7], run.seen.score[:, 3, 7].astype(np.float32))
    assert data["sessions_ect"].max() <= 12
    assert (data["acute_end"].values[data["sessions_ect"].values == 3] == 7).all()
    assert load_parameters().status in data.attrs["stamp"]


def test_unit_remission_ends_the_course_with_fewer_sessions(run: Run) -> None:
    early = run.acute.end < 28
    assert run.acute.remitted[early].all()
    assert run.course.sessions[0][early].max() < len(sessions("ECT", 12))


@pytest.mark.parametrize(
    ("regimen", "options", "word"),
    [
        ("ECT please", {}, "ECT"),
        (ECT, {"population": "nobody"}, "unknown population"),
        (ECT, {"patients": 0}, "patients"),
        (ECT, {"parameters": "nonsense"}, "parameter set"),
        ("VNS daily for 4 weeks", {}, "cannot forecast VNS"),
        ("psilocybin 25 mg every 3 weeks", {}, "cannot forecast psilocybin"),
    ],
)
def test_unit_what_cannot_be_used_is_refused(regimen: str, options: dict[str, object], word: str) -> None:
    with pytest.raises(InputError) as error:
        cotreat.simulate(regimen, **options)
    assert word in str(error.value)
