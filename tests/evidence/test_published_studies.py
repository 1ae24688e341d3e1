"""Published figures in the packaged files, each under the name of its paper."""

from __future__ import annotations

import pytest

from cotreat.evidence.load import load_study, studies
from cotreat.evidence.schema import Outcome, Study

S1_TO_S12 = {"S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S11", "S12"}


def figure(
    study: Study, arm: str | tuple[str, ...], measure: str, day: float | None, scale: str | None = None
) -> Outcome:
    """The first outcome of that arm, measure and day, confirmed ones before others."""
    keys = (arm,) if isinstance(arm, str) else arm
    found = [
        o
        for o in study.outcomes
        if o.arms == keys and o.measure == measure and o.day == day and (scale is None or o.scale == scale)
    ]
    assert found, f"{study.id} has no {measure} of {arm} on day {day}"
    return min(found, key=lambda o: o.read == "memory")


def test_published_sackeim2001() -> None:
    study = load_study("sackeim2001")
    assert study.doi == "10.1001/jama.285.10.1299"
    assert {key: arm.n for key, arm in study.arms.items()} == {"placebo": 29, "nt": 27, "nt_li": 28}
    relapse = {key: figure(study, key, "relapse", 168) for key in study.arms}
    assert {k: (o.events, o.n, o.analysis_set) for k, o in relapse.items()} == {
        "placebo": (21, 25, "completers"),
        "nt": (15, 25, "completers"),
        "nt_li": (9, 23, "completers"),
    }
    assert {k: round(100 * (o.observed or 0)) for k, o in relapse.items()} == {"placebo": 84, "nt": 60, "nt_li": 39}
    assert all(o.read == "derived" for o in relapse.values())
    acute = figure(study, "run-in", "remission", 28)
    assert (acute.events, acute.n) == (159, 290)
    assert figure(study, "nt_li", "relapse", 35).read == "memory"


def test_published_prudic2013() -> None:
    study = load_study("prudic2013")
    everyone = tuple(study.arms)
    relapse = figure(study, everyone, "relapse", 182)
    assert (relapse.events, relapse.n, relapse.analysis_set) == (61, 122, "remitters")
    acute = figure(study, everyone, "remission", 28)
    assert (acute.events, acute.n) == (181, 319)
    baselines = {k: (a.baseline.mean, a.baseline.sd, a.baseline.n) for k, a in study.arms.items() if a.baseline}
    assert baselines == {
        "placebo_then_nt_li": (30.3, 5.71, 20),
        "placebo_then_ven_li": (28.17, 5.25, 24),
        "nt_then_nt_li": (31.36, 6.49, 39),
        "ven_then_ven_li": (28.97, 5.19, 39),
    }
    assert all(figure(study, arm, "relapse", 182).observed is None for arm in everyone)
    assert all(study.starts(arm) == "with the arm" and "ECT" in (study.arms[arm].regimen or "") for arm in everyone)
    for arm in everyone:
        baseline, after = study.arms[arm].baseline, figure(study, arm, "score", 28)
        assert baseline is not None
        assert after.n == baseline.n
    counts = [figure(study, everyone, m, 182).events for m in ("relapse", "sustained_remission", "dropout")]
    assert counts == [61, 41, 20]


def test_published_nordenskjold2013() -> None:
    study = load_study("nordenskjold2013")
    assert study.doi == "10.1097/YCT.0b013e318276591f"
    assert round(100 * (figure(study, "drug_ect", "relapse", 365).observed or 0)) == 32
    assert round(100 * (figure(study, "drug", "relapse", 365).observed or 0)) == 61
    ratio = figure(study, "drug", "hazard_ratio", 365)
    assert (ratio.effect, ratio.ci95, ratio.against) == (2.32, [1.03, 5.22], "drug_ect")
    assert study.arms["drug"].stands_for is not None
    assert sum(arm.n or 0 for arm in study.arms.values()) == 56


@pytest.mark.parametrize(
    ("key", "arm", "measure", "day", "value"),
    [
        ("liu2014", "active", "smd", 28, 0.86),
        ("brunelin2014", "rtms_ven", "remission", 42, 0.28),
        ("brunelin2014", "rtms", "remission", 42, 0.41),
        ("brunelin2014", "ven", "remission", 42, 0.43),
        ("yesavage2018", ("active", "sham"), "remission", 56, 0.39),
        ("cole2022", "itbs_dcs", "response", 28, 0.739),
        ("cole2022", "itbs_placebo", "response", 28, 0.293),
        ("cole2022", "itbs_dcs", "remission", 28, 0.391),
        ("cole2022", "itbs_placebo", "remission", 28, 0.042),
        ("hunter2019", "benzodiazepine", "response", 42, 0.164),
        ("hunter2019", "no_benzodiazepine", "response", 42, 0.355),
        ("hunter2019", "stimulant", "response", 42, 0.392),
        ("hunter2019", "no_stimulant", "response", 42, 0.22),
        ("pluijms2021", "tca", "smd", 28, 0.32),
        ("patel2020", "ect_lithium", "delirium", None, 0.057),
        ("patel2020", "ect", "delirium", None, 0.006),
        ("jelovac2013", "drug", "relapse", 182, 0.377),
        ("kronsell2025", "lithium", "hazard_ratio", 365, 0.86),
        ("kronsell2025", "antipsychotic", "hazard_ratio", 365, 1.17),
        ("brakemeier2014", "cbt_drug", "sustained_response", 182, 0.77),
        ("brakemeier2014", "ect_drug", "sustained_response", 182, 0.40),
        ("brakemeier2014", "drug", "sustained_response", 182, 0.44),
        ("zarate2006", "ketamine", "response", 1, 0.706),
        ("zarate2006", "ketamine", "sustained_response", 7, 0.353),
        ("mathew2010", "run-in", "response", 1, 0.654),
        ("costi2019", "lithium", "mean_difference", 28, 0.45),
        ("dean2021", "ketamine_saline", "smd", 1, 0.87),
        ("dean2021", "ketamine_midazolam", "smd", 1, 0.49),
        ("abdallah2020", "rapamycin", "response", 14, 0.41),
        ("abdallah2020", "placebo", "response", 14, 0.13),
        ("lewis2021", "discontinuation", "relapse", 364, 0.56),
        ("lewis2021", "maintenance", "relapse", 364, 0.39),
        ("henssler2024", "drug", "withdrawal", None, 0.31),
        ("henssler2024", "placebo", "withdrawal", None, 0.17),
        ("oudevoshaar2003", "taper", "taper_success", 91, 0.62),
        ("oudevoshaar2003", "usual", "taper_success", 91, 0.21),
    ],
)
def test_published_figures_of_the_systems(
    key: str, arm: str | tuple[str, ...], measure: str, day: float | None, value: float
) -> None:
    assert figure(load_study(key), arm, measure, day).observed == pytest.approx(value, abs=1e-9)


def test_published_cole2022_is_cited_as_confirmed() -> None:
    study = load_study("cole2022")
    assert study.doi == "10.1001/jamapsychiatry.2022.3255"
    assert study.citation is not None
    assert study.citation.startswith("Cole J ")
    assert study.weight is not None
    assert study.weight < 1


def test_published_null_results_are_in_the_base() -> None:
    nulls = {key for key, study in studies().items() if study.note and "Null" in study.note}
    assert {"brunelin2014", "yesavage2018", "ganesh2025", "mathew2010", "ibrahim2012", "costi2019"} <= nulls


def test_published_observational_figures_are_never_fitted() -> None:
    for key in ("hunter2019", "deppe2021", "kronsell2025", "brus2019", "patel2020"):
        assert load_study(key).use == "context"


def test_unit_every_system_has_a_study_and_most_can_be_fitted() -> None:
    base = studies()
    assert {system for study in base.values() for system in study.systems} >= S1_TO_S12
    fitted = [study for study in base.values() if study.use == "fit"]
    assert len(fitted) >= 50
    assert all(arm.regimen is not None for study in fitted for arm in study.arms.values())
    for study in base.values():
        for outcome in study.outcomes:
            assert outcome.read == "memory" or outcome.where, f"{study.id} says nowhere where it was read"
            unconfirmed = outcome.read == "memory" and study.use == "fit"
            assert not unconfirmed or min(outcome.weight or 1, study.weight or 1) < 1
