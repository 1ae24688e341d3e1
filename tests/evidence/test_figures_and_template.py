"""From quoted figures to files, and from an empty page to a study that can be fitted."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotreat.evidence.check import check_study
from cotreat.evidence.figures import find_figures, systems
from cotreat.evidence.load import load_study, load_text, studies
from cotreat.evidence.show import check_file, fit_lines
from cotreat.evidence.template import missing_for_fit, new_study, unchanged
from cotreat.measures.errors import InputError

SYSTEMS = systems()


@pytest.mark.parametrize("key", [f"S{i}" for i in range(1, 13)])
def test_published_figures_a_system_is_held_to_stand_in_a_file(key: str) -> None:
    system = SYSTEMS[key]
    assert system.figures or system.open
    for figure in system.figures:
        assert figure.agrees, f"{figure.said}: {figure.study} has {figure.value}"
        assert figure.outcome.where or figure.outcome.read == "memory"


def test_published_numbers_lead_to_their_file() -> None:
    found = find_figures("32 vs 61")
    assert {(f.study, f.outcome.measure) for f in found} == {("nordenskjold2013", "relapse")}
    assert [round(f.value or 0, 2) for f in found] == [0.32, 0.61]
    assert {f.study for f in find_figures("84")} == {"sackeim2001"}
    assert {f.system for f in find_figures("brakemeier2014")} == {"S7", "S8"}
    assert find_figures("s10") == []
    document = found[0].document()
    assert (document["file"], document["field"]) == ("studies/nordenskjold2013.yaml", "outcomes[0]")
    assert "10.1097/YCT" in document["source"]


def test_unit_every_figure_is_listed_once_and_memory_says_so() -> None:
    everything = find_figures()
    keys = [(f.system, f.said) for f in everything]
    assert len(keys) == len(set(keys)) >= 50
    assert {f.study for f in everything if f.outcome.read == "memory"} <= {"rakesh2024", "zarate2006"}


def test_unit_unknown_figures_are_refused() -> None:
    with pytest.raises(InputError, match="no figure"):
        find_figures("99.123")
    with pytest.raises(InputError, match="no figure"):
        find_figures("S99")


def test_unit_template_is_a_whole_study() -> None:
    text = new_study("smith2024")
    study = load_text(text)
    assert (study.id, study.year, study.use) == ("smith2024", 2024, "fit")
    assert check_study(study) == []
    assert len(unchanged(text)) >= 6


def test_unit_template_filled_minimally_can_be_fitted(tmp_path: Path) -> None:
    path = tmp_path / "smith2024.yaml"
    lines = new_study("smith2024").replace("CHANGE the title of the paper", "A trial").splitlines()
    path.write_text("\n".join(line.split("# CHANGE")[0] for line in lines) + "\n", encoding="utf-8")
    assert check_file(path) == []
    assert fit_lines(path) == ["for a fit: nothing is missing"]


@pytest.mark.parametrize("name", ["smith", "Smith2024", "2024", "sackeim2001", "smith2024/../x", ""])
def test_unit_names_that_are_no_study(name: str) -> None:
    with pytest.raises(InputError):
        new_study(name)


def test_unit_missing_for_a_fit_names_the_field() -> None:
    study = next(s for s in studies().values() if s.use == "context" and s.outcomes[0].measure == "p_value_only")
    found = dict(missing_for_fit(study))
    assert found[("use",)].startswith("context")
    assert found[("outcomes", 0)].startswith("only a p value")
    assert missing_for_fit(load_study("zarate2006")) == []
    shown = fit_lines("dunner2014")
    assert any("arms.after.regimen" in row for row in shown)


def test_unit_enough_studies_can_enter_a_fit() -> None:
    fitted = [study for study in studies().values() if study.use == "fit"]
    assert len(fitted) >= 60
    for study in fitted:
        assert all(arm.regimen is not None for arm in study.arms.values())
        assert any(outcome.observed is not None for outcome in study.outcomes), study.id
