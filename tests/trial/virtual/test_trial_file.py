"""What a trial file says, and one clear error for what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.trial.virtual.design import MOST_PER_ARM
from cotreat.trial.virtual.file import load_trial, read_trial
from cotreat.trial.virtual.phrases import read_visits
from tests.trial.virtual.designs import ACTIVE, ECT, SHAM

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("trial*.yaml"))
WHOLE: dict[str, Any] = {
    "arms": {"sham": SHAM, "active": ACTIVE},
    "per_arm": [20],
    "visits": "every 2 weeks for 8 weeks",
    "endpoints": [{"name": "response at week 8", "kind": "proportion", "primary": True}],
}
SCORE = {"name": "score at week 8", "kind": "ancova"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_unit_every_example_can_be_read(path: Path) -> None:
    trial = load_trial(str(path))
    assert trial.endpoints
    assert sum(trial.primary.contrast.weights) == pytest.approx(0)


def test_unit_the_factorial_example() -> None:
    trial = load_trial(str(next(p for p in EXAMPLES if p.name == "trial.yaml")))
    assert [a.name for a in trial.arms] == ["before, active", "before, sham", "after, active", "after, sham"]
    main, interaction = trial.endpoints
    assert main.primary
    assert (main.test, main.missing, main.contrast.pairs) == ("cmh", "failure", ((0, 2), (1, 3)))
    assert (interaction.test, interaction.scale, interaction.week) == ("mmrm", "HAM-D17", 10)
    assert interaction.contrast.weights == (1.0, -1.0, -1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "weeks"),
    [
        ("every 2 weeks for 6 weeks", [2, 4, 6]),
        ("weekly for 3 weeks", [1, 2, 3]),
        ("every week for 2 weeks", [1, 2]),
        ("weeks 1, 2 and 8", [1, 2, 8]),
        ("week 8", [8]),
    ],
)
def test_unit_visits(text: str, weeks: list[int]) -> None:
    assert [d // 7 for d in read_visits(text)] == weeks


@given(st.integers(1, 12), st.integers(1, 104))
def test_property_visits_are_regular_and_inside(step: int, length: int) -> None:
    if step > length:
        with pytest.raises(InputError):
            read_visits(f"every {step} weeks for {length} weeks")
        return
    days = read_visits(f"every {step} weeks for {length} weeks")
    assert days[0] == 7 * step
    assert days[-1] <= 7 * length < days[-1] + 7 * step


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "n of 0": ({"per_arm": [0]}, "per_arm"),
    "n of 10 million": ({"per_arm": [10_000_000]}, f"{MOST_PER_ARM:,}"),
    "n as text": ({"per_arm": ["many"]}, "per_arm"),
    "no n": ({"per_arm": None}, "per_arm"),
    "negative alpha": ({"alpha": -0.05}, "alpha"),
    "alpha as text": ({"alpha": "5 %"}, "alpha"),
    "alpha of 1": ({"alpha": 1}, "alpha"),
    "no visits": ({"visits": None}, "visits"),
    "impossible visits": ({"visits": "every 9 weeks for 8 weeks"}, "no visit"),
    "visits in days": ({"visits": "days 1, 2"}, "whole weeks"),
    "falling visits": ({"visits": "weeks 8, 4"}, "rise"),
    "visits for ever": ({"visits": "weekly for 9000 weeks"}, "520"),
    "never measured": (
        {"endpoints": [{"name": "response at week 7", "kind": "proportion"}]},
        "never measured at week 7",
    ),
    "after the end": ({"endpoints": [{"name": "response at week 52", "kind": "proportion"}]}, "never measured"),
    "no endpoints": ({"endpoints": []}, "endpoints"),
    "unknown kind": ({"endpoints": [{"name": "x at week 8", "kind": "anova"}]}, "ancova"),
    "unknown test": ({"endpoints": [{"name": "x at week 8", "kind": "t", "test": "welch"}]}, "welch"),
    "unknown scale": ({"endpoints": [SCORE | {"scale": "HAMD99"}]}, "HAMD99"),
    "unknown arm": ({"endpoints": [SCORE | {"contrast": "active vs shame"}]}, "sham"),
    "same arm": ({"endpoints": [SCORE | {"contrast": "sham vs sham"}]}, "itself"),
    "margin of a log-rank": ({"endpoints": [{"name": "t", "kind": "log-rank", "margin": 1}]}, "non-inferiority"),
    "interaction of two arms": ({"endpoints": [{"name": "interaction at week 8", "kind": "t"}]}, "factorial"),
    "mixed model, last observation": ({"endpoints": [SCORE | {"kind": "mmrm", "dropout": "last observation"}]}, "mmrm"),
    "relapse of everyone": (
        {"endpoints": [{"name": "relapse by week 8", "kind": "proportion", "analysis_set": "everyone"}]},
        "never remitted",
    ),
    "twice the same": ({"endpoints": [SCORE, SCORE]}, "twice"),
    "unknown field": ({"endpoint": []}, "endpoints"),
    "unknown design": ({"design": "paralel"}, "parallel"),
    "factors of a parallel trial": ({"design": "parallel", "factors": {}}, "arms"),
    "one arm": ({"arms": {"only": SHAM}}, "2 to"),
    "a sentence with a typo": ({"arms": {"a": SHAM, "b": "iTSB 5 days a week for 4 weeks"}}, "iTBS"),
    "unknown population": ({"population": "everybody"}, "population"),
    "run-in of a parallel trial": ({"run_in": ECT}, "withdrawal"),
    "withdrawal without run-in": ({"design": "withdrawal"}, "run_in"),
    "unknown mechanism": ({"dropout": "often"}, "MNAR"),
    "hazard above 1": ({"dropout": {"mechanism": "MCAR", "weekly_hazard": 3}}, "weekly_hazard"),
    "sites of 0": ({"sites": 0}, "sites"),
    "guessing by half": ({"guessing": {"treated": 0.5}}, "control"),
    "a share above 1": ({"missed_sessions": "140 %"}, "missed_sessions"),
    "looks without the end": ({"looks": [0.5]}, "last look"),
    "unknown spending": ({"looks": {"at": [0.5, 1], "spending": "haybittle"}}, "pocock"),
    "unknown multiplicity": ({"multiplicity": "some"}, "holm"),
    "search that falls": ({"sample_size": {"from": 50, "to": 20}}, "rise"),
    "effect for a time": (
        {"effect": {"kind": "normal", "values": [0, 1]}, "endpoints": [{"name": "t", "kind": "log-rank"}]},
        "cannot be measured",
    ),
    "effect of three arms": ({"effect": {"kind": "binary", "values": [0.1, 0.2, 0.3]}}, "values"),
    "effect outside": ({"effect": {"kind": "binary", "values": [0.1, 2]}}, "between 0 and 1"),
    "a title that is a list": ({"title": ["a"]}, "title"),
    "a name that is a list": ({"endpoints": [SCORE | {"name": ["x"]}]}, "needs a name"),
    "arms of one name": ({"arms": {"A": SHAM, "a": ACTIVE}}, "capital"),
    "arms that are a word": ({"arms": "sham"}, "arms"),
    "half a site": ({"sites": 2.5}, "whole"),
    "sites with a negative SD": ({"sites": {"number": 4, "sd": -1}}, "sites.sd"),
    "visits every 0 weeks": ({"visits": "every 0 weeks for 8 weeks"}, "no visit"),
    "visits as a number": ({"visits": 8}, "visits"),
    "a week and a half": ({"endpoints": [SCORE | {"week": 7.5}]}, "never measured"),
    "a week in words": ({"endpoints": [SCORE | {"week": "eight"}]}, "week"),
    "a negative margin": ({"endpoints": [SCORE | {"margin": -1}]}, "margin"),
    "a restricted mean beyond the end": ({"endpoints": [{"name": "t", "kind": "rmst", "tau_weeks": 99}]}, "tau_weeks"),
    "alpha that is no number": ({"alpha": float("nan")}, "alpha"),
    "too many sizes": ({"per_arm": list(range(2, 30))}, "1 to 20"),
    "enrolment of nobody": ({"enrolment": {"per_month": 0}}, "per_month"),
    "guessing above 1": ({"guessing": {"treated": 2, "control": 0, "points": 1}}, "guessing.treated"),
    "a negative hazard": ({"dropout": {"mechanism": "MCAR", "weekly_hazard": -0.1}}, "hazard"),
    "a power of 1": ({"sample_size": {"power": "100 %"}}, "power"),
    "a search without end": ({"sample_size": {"to": 10**7}}, "sample_size.to"),
    "an endpoint in words only": ({"endpoints": ["response at week 8"]}, "fields"),
    "primary by yes": ({"endpoints": [SCORE | {"primary": "yes"}]}, "true or false"),
    "a definition nobody reads": (
        {"endpoints": [{"name": "t", "kind": "log-rank", "definition": "feels bad"}]},
        "definition",
    ),
    "a wash-out before time": ({"design": "crossover", "periods": {"a": SHAM, "b": ACTIVE}, "washout_weeks": -2}, ""),
    "an unknown drug": ({"arms": {"a": SHAM, "b": "foomab 10 mg daily"}}, "foomab"),
    "holm over looks": ({"looks": [0.5, 1], "multiplicity": "holm"}, "looks"),
    "two looks at once": ({"looks": [0.5, 0.5, 1]}, "look"),
    "losses of an effect": ({"effect": {"kind": "binary", "values": [0.1, 0.2]}, "dropout": "MCAR"}, "weekly_hazard"),
}


@pytest.mark.parametrize("name", WRONG)
def test_unit_what_cannot_be_gets_one_clear_message(name: str) -> None:
    change, word = WRONG[name]
    with pytest.raises(InputError) as caught:
        read_trial(WHOLE | change)
    assert word in str(caught.value)
    assert "\n" not in caught.value.message


def test_unit_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for name, content in (("empty.yaml", ""), ("list.yaml", "- a\n"), ("broken.yaml", "a: [1\n")):
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=name):
            load_trial(str(tmp_path / name))
    with pytest.raises(InputError, match="directory, not a trial file"):
        load_trial(str(tmp_path))
    (tmp_path / "twice.yaml").write_text("title: a\ntitle: b\n")
    with pytest.raises(InputError, match="title"):
        load_trial(str(tmp_path / "twice.yaml"))


def test_unit_contrasts_of_more_than_two_arms() -> None:
    trial = read_trial(WHOLE | {"arms": {"a": SHAM, "b": ACTIVE, "c": ACTIVE}, "endpoints": [SCORE]})
    assert [e.name for e in trial.endpoints] == [
        "score at week 8: b against a",
        "score at week 8: c against a",
    ]


def test_unit_a_sequential_design_is_made_of_strategies() -> None:
    stages = {
        "first": {"iTBS": ACTIVE, "sham": SHAM},
        "decide": "if no response to iTBS by week 4",
        "then": {
            "ECT": "ECT right unilateral 3 times a week for 4 weeks",
            "drug": "escitalopram 10 mg daily for 4 weeks",
        },
    }
    asked = {"design": "smart", "stages": stages, "endpoints": [SCORE | {"kind": "t"}]}
    trial = read_trial({k: v for k, v in WHOLE.items() if k != "arms"} | asked)
    assert [a.name for a in trial.arms] == ["iTBS, else ECT", "iTBS, else drug", "sham, else ECT", "sham, else drug"]
    assert trial.second_options == 2
    assert "if no response to iTBS by week 4 then ECT" in trial.arms[0].sentence
    for part, word in (
        ({"then": {"ECT": "x"}}, "at least two"),
        ({"decide": "when they feel like it"}, "if no response"),
    ):
        with pytest.raises(InputError, match=word):
            read_trial({k: v for k, v in WHOLE.items() if k != "arms"} | asked | {"stages": stages | part})
