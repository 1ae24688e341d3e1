"""Which figures count, and that none counts twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cotreat.calibrate.levels import levels_of
from cotreat.calibrate.terms import StudyTerms, terms_of
from cotreat.evidence.load import load_study
from cotreat.evidence.schema import Study


def _terms(study: Study) -> StudyTerms:
    table = levels_of(study)
    return terms_of(study, table, np.ones(len(table.levels), bool))


def _study(outcomes: list[dict[str, Any]], arms: int = 2) -> Study:
    names = [f"arm{k}" for k in range(arms)]
    document = {
        "id": "made", "title": "made", "design": "rct-double-blind", "use": "fit",
        "population": {"label": "depressed outpatients", "baseline": {"scale": "MADRS", "mean": 30.0, "sd": 5.0}},
        "arms": {n: {"n": 40, "regimen": "sertraline 50 mg daily for 6 weeks"} for n in names},
        "outcomes": [{"read": "seen", "where": "abstract", "day": 42.0, **o} for o in outcomes],
    }  # fmt: skip
    return Study.model_validate(document)


def test_unit_remission_is_nested_in_response() -> None:
    study = _study(
        [
            {"arm": "arm0", "measure": "response", "scale": "MADRS", "n": 40, "events": 20, "proportion": 0.5},
            {"arm": "arm0", "measure": "remission", "scale": "MADRS", "n": 40, "events": 8, "proportion": 0.2},
        ]
    )
    (chain,) = _terms(study).chains
    assert chain.counts == pytest.approx((8.0, 12.0, 20.0))
    assert chain.weight == 1.0


def test_unit_relapse_at_several_days_is_a_row_of_increments() -> None:
    rows = [(28.0, 0.2), (84.0, 0.35), (168.0, 0.5)]
    outcomes = [
        {"arm": "arm0", "measure": "relapse", "scale": "MADRS", "day": d, "n": 40, "proportion": p} for d, p in rows
    ]
    (chain,) = _terms(_study(outcomes)).chains
    assert chain.counts == pytest.approx((8.0, 6.0, 6.0, 20.0))


def test_unit_those_who_stay_well_are_counted_from_the_other_end() -> None:
    rows = [(182.0, 0.6), (365.0, 0.5)]
    outcomes = [
        {"arm": "arm0", "measure": "sustained_response", "scale": "MADRS", "day": d, "n": 40, "proportion": p}
        for d, p in rows
    ]
    (chain,) = _terms(_study(outcomes)).chains
    assert chain.inverted
    assert chain.counts == pytest.approx((16.0, 4.0, 20.0))


def test_unit_a_contrast_is_left_out_when_its_arms_are_in_the_fit() -> None:
    means = [
        {"arm": f"arm{k}", "measure": "change", "scale": "MADRS", "n": 40, "mean": m, "sd": 9.0}
        for k, m in enumerate((-12.0, -8.0))
    ]
    contrast = {"arm": "arm0", "against": "arm1", "measure": "mean_difference", "of": "change", "scale": "MADRS",
                "effect": -4.0, "ci95": [-8.0, 0.0], "n": 80}  # fmt: skip
    assert _terms(_study([*means, contrast])).unused == (None, None, "its arms are in the fit")
    doubtful = [{**m, "read": "memory", "weight": 0.3} for m in means]
    unused = _terms(_study([*doubtful, contrast])).unused
    assert unused == ("in the fit as a contrast", None, None)


def test_unit_contrasts_that_others_imply_are_left_out() -> None:
    study = load_study("brunoni2013")
    contrasts = [i for i, o in enumerate(study.outcomes) if o.measure == "mean_difference"]
    terms = _terms(study)
    kept = [i for i in contrasts if terms.unused[i] is None]
    assert len(contrasts) == 6
    assert len(kept) == 3  # four arms have three independent differences
    (block,) = [b for b in terms.blocks if b.kinds[0] == "difference"]
    correlation = block.covariance / np.sqrt(np.outer(np.diag(block.covariance), np.diag(block.covariance)))
    assert np.linalg.eigvalsh(block.covariance).min() > 0
    assert np.abs(correlation - np.eye(3)).max() == pytest.approx(0.5, abs=1e-6)


def test_unit_several_terms_about_the_same_patients_share_their_information() -> None:
    both = [
        {"arm": "arm0", "measure": "response", "scale": "MADRS", "n": 40, "proportion": 0.5},
        {"arm": "arm0", "measure": "change", "scale": "MADRS", "n": 40, "mean": -12.0},
    ]
    terms = _terms(_study(both))
    assert [t.weight for t in (*terms.chains, *terms.blocks)] == pytest.approx([1 / 1.6, 1 / 1.6])
    apart = [both[0], {**both[1], "arm": "arm1"}]
    assert all(t.weight == 1.0 for t in (*_terms(_study(apart)).chains, *_terms(_study(apart)).blocks))


def test_unit_unconfirmed_figures_never_count_more_than_half() -> None:
    figure = {"arm": "arm0", "measure": "response", "scale": "MADRS", "n": 40, "proportion": 0.5, "read": "memory"}
    for weight, counts in ((0.9, 0.5), (0.3, 0.3)):
        (chain,) = _terms(_study([{**figure, "weight": weight}])).chains
        assert chain.weight == counts


def test_unit_a_wide_published_interval_makes_a_share_count_less() -> None:
    figure = {"arm": "arm0", "measure": "response", "scale": "MADRS", "n": 400, "proportion": 0.5}
    (plain,) = _terms(_study([figure])).chains
    (wide,) = _terms(_study([{**figure, "ci95": [0.4, 0.6]}])).chains
    assert sum(plain.counts) == pytest.approx(400)
    assert sum(wide.counts) == pytest.approx(0.25 / (0.2 / 3.92) ** 2)


def test_published_sackeim2001_enters_as_its_counts() -> None:
    terms = _terms(load_study("sackeim2001"))
    counts = {c.group: c.counts for c in terms.chains if c.family.startswith("event") and len(c.counts) == 2}
    assert counts[("placebo",)] == pytest.approx((21.0, 4.0))
    assert counts[("nt",)] == pytest.approx((15.0, 10.0))


def test_property_observed_values_do_not_change_what_is_simulated() -> None:
    from cotreat.calibrate.bank import study_digest

    study = load_study("sackeim2001")
    document = study.model_dump()
    for outcome in document["outcomes"]:
        outcome.update(events=1, proportion=0.01)
    changed = Study.model_validate(document)
    assert study_digest(changed) == study_digest(study)
    document["arms"]["nt"]["regimen"] = "nortriptyline to 80 ng/mL for 24 weeks"
    assert study_digest(Study.model_validate(document)) != study_digest(study)
