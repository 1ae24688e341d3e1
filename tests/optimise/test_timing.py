"""Timing: a point of the curve is an arm of a comparison, no effect is said to be none, safety is never traded away."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from cotreat.commands.timing import timing as command
from cotreat.measures.errors import InputError
from cotreat.model.draw_set import About, save_draws
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.optimise import rivals
from cotreat.optimise.informed import overlap
from cotreat.optimise.timing import Asked, timing
from cotreat.optimise.windows import read_question, shifts_of
from cotreat.optimise.words import word
from cotreat.regimen.parse import parse
from cotreat.safety.check import PLANNING, CheckOptions, check
from cotreat.safety.patient import read_patient
from cotreat.simulate.run import Settings
from cotreat.trial.compare import compare
from cotreat.trial.compare_file import load_comparison
from tests.optimise.conftest import DRUG, ECT, SMALL, setting


def row(document: dict[str, Any], key: str, **where: str) -> dict[str, Any]:
    found = [r for r in document[key] if all(r[k] == v for k, v in where.items())]
    assert len(found) == 1
    return dict(found[0])


@pytest.mark.parametrize("reading", ["equal stop date", "equal drug-days"])
def test_double_a_point_of_the_curve_is_what_compare_gives(
    answer: dict[str, Any], tmp_path: Path, reading: str
) -> None:
    point = next(p for p in answer["curve"] if p["shift_days"] == -28 and p["reading"] == reading)
    path = tmp_path / point["file"]
    path.write_text(point["comparison"], encoding="utf-8")
    document = compare(load_comparison(str(path)), SMALL, load_parameters(PRIOR))
    arm = "28 days before"
    well = row(document, "outcomes", arm=arm, outcome="well at week 26")
    assert well["median"] == point["outcomes"]["well"]["median"]
    assert well["unknown95"] == point["outcomes"]["well"]["unknown95"]
    relapse = row(document, "outcomes", arm=arm, outcome="relapse by week 26")
    assert relapse["median"] == pytest.approx(point["outcomes"]["relapse"]["among_remitters"], abs=1e-3)
    against = row(document, "contrasts", arm=arm, outcome="well at week 26")
    assert against["reference"] == point["against"] == "with the first session"
    assert against["difference"] == point["difference"]["well"]["median"]
    assert against["unknown95"] == point["difference"]["well"]["unknown95"]


def test_unit_every_start_enters_on_one_day_and_differs_from_itself_by_nothing(answer: dict[str, Any]) -> None:
    assert answer["question"]["entry"] == "day -28, the same for every start"
    assert all("entry: 4 weeks before" in p["comparison"] for p in answer["curve"])
    for point in answer["curve"]:
        if point["shift_days"] == 0:
            assert all(d["median"] == 0 and d["unknown95"] == [0, 0] for d in point["difference"].values())


def test_unit_paired_differences_are_narrower_than_unpaired_outcomes(answer: dict[str, Any]) -> None:
    def width(band: list[float]) -> float:
        return band[1] - band[0]

    for point in answer["curve"]:
        moved = point["difference"]["mean score"]
        assert width(moved["unknown95"]) < width(point["outcomes"]["mean score"]["unknown95"])


def test_unit_equal_readings_keep_their_promise(answer: dict[str, Any]) -> None:
    days = {(p["reading"], p["shift_days"]): p["drug_days"] for p in answer["curve"]}
    assert {days["equal drug-days", s] for s in (-28, 0, 28)} == {168}
    assert [days["equal stop date", s] for s in (-28, 0, 28)] == [196, 168, 140]


def test_unit_without_drug_effects_the_curve_is_flat_and_nothing_differs() -> None:
    parameters = rivals.without_drug_effects(load_parameters(PRIOR), SMALL.draws)
    found = timing(read_question(ECT, DRUG), (-28.0, 0.0, 28.0), setting(parameters=parameters))
    assert found["verdict_key"] == "no difference that matters"
    assert found["p_before_better"] == 0.5
    for point in found["curve"]:
        for moved in point["difference"].values():
            assert moved["median"] == pytest.approx(0.0, abs=1e-4)
            assert moved["unknown95"] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert found["drivers"] == []


def test_unit_starts_that_safety_stops_are_shown_and_never_the_best() -> None:
    question = read_question("ECT 3 times a week for 2 weeks", "lithium to 0.7 mmol/L for 20 weeks")
    found = timing(question, (-14.0, 0.0, 21.0), setting(settings=replace(SMALL, patients=120)))
    stopped = [p for p in found["curve"] if not p["allowed"]]
    allowed = [p for p in found["curve"] if p["allowed"]]
    assert {p["shift_days"] for p in stopped} == {-14, 0}
    assert all(p["stopped_by"] for p in stopped)
    assert {p["shift_days"] for p in allowed} == {21}
    assert all(b["shift"] == 21 for b in found["best"])
    assert found["verdict_key"] == "cannot tell"
    assert found["why"] == word("no start left")


def test_unit_the_best_start_passes_the_check(answer: dict[str, Any]) -> None:
    for best in answer["best"]:
        verdict = check(parse(best["sentence"]), options=CheckOptions(stages=PLANNING))
        assert not any(f.stops for f in verdict.findings)


def test_unit_the_answer_is_json_and_keeps_its_promised_keys(answer: dict[str, Any]) -> None:
    again = json.loads(json.dumps(answer, allow_nan=False))
    for key in ("verdict", "basis", "curve", "p_before_better", "regret"):
        assert key in again
    assert answer["basis"] == "direct trial: prudic2013"


@pytest.mark.parametrize(
    ("stimulation", "drug", "says"),
    [
        (ECT, "psilocybin 25 mg daily for 3 weeks", "psilocybin"),
        (ECT, "sertraline 50 mg daily", "length"),
        ("CBT weekly for 6 weeks", DRUG, "sessions"),
        (ECT, "nortriptyline to 100 ng/mL for 24 weeks\nlithium to 0.7 mmol/L for 4 weeks", "one line"),
        (ECT, "", "."),
    ],
)
def test_unit_questions_without_an_answer_end_with_one_line(stimulation: str, drug: str, says: str) -> None:
    how = setting(settings=Settings(patients=20, draws=2))
    with pytest.raises(InputError, match=says):
        timing(read_question(stimulation, drug), (-7.0, 7.0), how)


@pytest.mark.parametrize(("low", "high"), [(3.0, 3.0), (5.0, -5.0), (-60.0, 2.0), (0.0, 99.0)])
def test_unit_impossible_windows_are_refused(low: float, high: float) -> None:
    with pytest.raises(InputError, match="not possible"):
        shifts_of(read_question(ECT, DRUG), low, high)


def test_unit_a_window_without_both_sides_says_so() -> None:
    found = timing(read_question(ECT, DRUG), (7.0, 28.0), setting(settings=Settings(patients=24, draws=12)))
    assert found["verdict_key"] == "cannot tell"
    assert found["why"] == word("no start asked")
    assert {p["against"] for p in found["curve"]} == {"7 days after"}


def test_unit_when_rules_stop_every_start_they_are_named() -> None:
    question = read_question("iTBS 5 days a week for 2 weeks", "D-cycloserine 100 mg")
    with pytest.raises(InputError, match=r"stopped by safety rules \(DCS-002\)") as found:
        timing(question, (-1.0, 1.0), setting(settings=Settings(patients=20, draws=2)))
    assert "DCS-002 stops every start" in str(found.value)
    known = Asked(patient=read_patient({"research_protocol_id": "P-1"}))
    allowed = timing(question, (-1.0, 1.0), setting(settings=Settings(patients=20, draws=2)), known)
    assert all(p["allowed"] for p in allowed["curve"])


def test_unit_an_acute_drug_is_moved_by_hours() -> None:
    question = read_question("iTBS 5 days a week for 2 weeks", "methylphenidate 20 mg")
    assert question.acute
    found = timing(question, (-1.5, 0.0, 2.0), setting("TRD outpatients", replace(SMALL, patients=120)))
    assert [p["shift_hours"] for p in found["curve"]] == [-1.5, 0.0, 2.0]
    assert {p["reading"] for p in found["curve"]} == {"equal drug-days"}


def test_unit_rivals_are_read_from_the_draws_of_a_mixture(tmp_path: Path) -> None:
    prior = load_parameters(PRIOR)
    values = prior.draws(40, 1)
    gains = [n for n in values if n.split(".")[0] in ("session_gain", "acute_gain")]
    kept = [n for n in values if n.startswith("consolidation_gain.") and not n.endswith(("window", "therapy"))]
    for name in (*gains, *kept):
        values[name][:20] = 0.0
    path = tmp_path / "mixed.npz"
    save_draws(path, values, About("mixed", "made for a test", "two rivals", "anything", "2026-11-23", "none", "none"))
    mixed = load_parameters(str(path))
    label = rivals.labels(mixed, mixed.draws(40, 3))
    assert (label == rivals.ADDS_ONLY).sum() == 20
    assert (label == rivals.OPEN).sum() == 20
    found = timing(
        read_question(ECT, DRUG),
        (-28.0, 0.0, 28.0),
        setting(parameters=mixed, settings=Settings(patients=400, draws=40)),
    )
    assert found["rivals"] == "draws of the set"
    assert [(r["rival"], r["share"]) for r in found["regret"]] == [
        ("averaged over all of them", None),
        (rivals.OPEN, 0.5),
        (rivals.ADDS_ONLY, 0.5),
    ]
    assert all(min(c["well"] for c in r["choices"].values()) == 0 for r in found["regret"])


def test_unit_what_data_moved_is_told_from_what_only_the_prior_says(tmp_path: Path) -> None:
    prior = load_parameters(PRIOR)
    values = prior.draws(1000, 1)
    values["tilt.antidepressant"] = np.full(1000, 0.2) + np.linspace(-0.01, 0.01, 1000)
    path = tmp_path / "fitted.npz"
    save_draws(path, values, About("fitted", "made for a test", "one", "anything", "2026-11-23", "none", "none"))
    fitted = load_parameters(str(path))
    assert overlap(fitted, "tilt.antidepressant") < 0.3
    assert overlap(fitted, "session_gain.antidepressant") > 0.9
    assert overlap(prior, "tilt.antidepressant") == 1.0


def test_unit_the_command_writes_the_page_and_a_comparison_for_each_point(tmp_path: Path) -> None:
    words = ["--stimulation", ECT, "--drug", DRUG, "--from", "-2", "--to", "4", "--patients", "80", "--draws", "4"]
    run = CliRunner().invoke(command, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert run.exit_code == 0
    assert "not a medical device" in " ".join(run.output.split())
    assert "Remake: cotreat timing" in run.output
    files = sorted(p.name for p in (tmp_path / "out" / "compare").iterdir())
    assert len(files) == 14
    assert load_comparison(str(tmp_path / "out" / "compare" / files[0])).entry == 14
