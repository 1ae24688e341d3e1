"""The linear rival of mood: exact flow, the same spread, and the same engines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.mechanisms import mood
from cotreat.model.parameter_set import LINEAR_MOOD, ParameterSet, load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.population.cohort import Cohort
from cotreat.population.populations import population, populations
from cotreat.simulate.channels import layout_of
from cotreat.simulate.run import Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions
from tests.simulate import reference
from tests.simulate.ledgers import NORTRIPTYLINE, plain, sessions, until_remission

MANY = Settings(patients=8000, draws=40, seed=9)
LAYOUT = layout_of([until_remission(NORTRIPTYLINE)])
"""One layout for all, so that few kernels are compiled."""


def rival(draws: int, linear: bool | np.ndarray = True) -> ParameterSet:
    return load_parameters(PRIOR).with_given({LINEAR_MOOD: np.broadcast_to(np.asarray(linear, float), (draws,))})


def constants(h: float, pull: float = 0.3, tau: float = 1.1, sigma: float = 0.4) -> dict[str, np.ndarray]:
    p = {"mood.time_constant": tau, "mood.linear_pull": pull, "mood.sigma": sigma, "mood.home": 0.9}
    return mood.linear_constants({k: np.array([v]) for k, v in p.items()}, h)


@given(st.floats(-2, 2), st.floats(-0.5, 0.5), st.floats(0.02, 1.0), st.floats(0.02, 1.0))
def test_property_flow_under_a_constant_drive_composes(x: float, drive: float, s: float, t: float) -> None:
    def move(y: float, h: float) -> float:
        return float(mood.linear_step(y, {k: float(v[0]) for k, v in constants(h).items()}, drive, 0.0))

    assert move(move(x, s), t) == pytest.approx(move(x, s + t), abs=1e-12)


@given(st.floats(0.1, 0.9), st.floats(0.5, 3.0), st.floats(0.2, 0.6), st.sampled_from([1 / 4, 1 / 8, 1 / 16]))
def test_property_spread_at_rest_is_that_of_a_well_whatever_the_step(
    pull: float, tau: float, sigma: float, h: float
) -> None:
    c = constants(h, pull, tau, sigma)
    at_rest = c["mood.noise"] / np.sqrt(1 - c["mood.keep"] ** 2)  # where one step leaves the variance as it is
    well = mood.within_well_sd(np.array([-1.0]), np.array([sigma]), np.array([tau]))
    assert at_rest == pytest.approx(well, rel=1e-9)


def test_unit_rest_lies_at_home_plus_drive_over_pull() -> None:
    c = {k: jnp.float32(v[0]) for k, v in constants(0.25).items()}
    x = jnp.float32(-0.5)
    for _ in range(400):
        x = mood.linear_step(x, c, jnp.float32(-0.2), jnp.float32(0))
    assert float(x) == pytest.approx(0.9 - 0.2 / 0.3, abs=1e-5)


@pytest.mark.parametrize("name", ["drug-naive outpatients", "ECT candidates", "TRD outpatients"])
def test_unit_baseline_within_a_point_of_the_stated_one(name: str) -> None:
    who = population(name)
    cohort = start_cohort(who, MANY, rival(MANY.draws))
    assert cohort.baseline.mean() == pytest.approx(who.baseline_mean, abs=1.0)
    assert cohort.baseline.std() == pytest.approx(who.baseline_sd, abs=1.0)


@pytest.mark.parametrize("name", sorted(n for n, p in populations().items() if p.starts_well))
def test_unit_who_enters_well_is_well(name: str) -> None:
    cohort = start_cohort(name, MANY, rival(MANY.draws))
    assert cohort.state["mood"].mean() < -0.3
    assert cohort.baseline.max() <= 7


def test_unit_without_treatment_and_placebo_the_ill_stay_where_they_entered() -> None:
    settings = replace(MANY, weeks=8)
    off = {k: np.zeros(40) for k in ("placebo.drive", "placebo.sd", "study.placebo")}
    cohort = start_cohort("ECT candidates", settings, rival(settings.draws).with_given(off))
    nothing, ect = (follow(cohort, v, settings, layout=LAYOUT) for v in (plain(()), until_remission()))
    # the mean of 8,000 ratings of about 6 points has a standard error of 0.07; selection at entry brings a small fall
    assert nothing.score[4].mean() == pytest.approx(nothing.score[8].mean(), abs=0.35)
    assert ect.score[4].mean() < nothing.score[4].mean() - 5


def test_parity_kernel_and_reference_engine() -> None:
    settings = Settings(patients=600, draws=6, seed=4, weeks=6)
    cohort = start_cohort("ECT candidates", settings, rival(6))
    kernel, scan = (
        follow(cohort, until_remission(NORTRIPTYLINE), replace(settings, engine=e), layout=LAYOUT)
        for e in ("kernel", "reference")
    )
    gap = np.abs(kernel.score - scan.score)
    assert np.median(gap) < 1e-5
    assert (kernel.end_rule != scan.end_rule).mean() < 2e-3
    assert np.quantile(gap, 0.99) < 1e-3


def test_double_plain_python() -> None:
    settings = Settings(patients=20, draws=10, seed=4, weeks=4)
    cohort = start_cohort("ECT candidates", settings, rival(10))
    ledger = plain(sessions("ECT", 9))
    decisions = Decisions.of(find_scale("HAM-D24"))
    course = follow(cohort, ledger, settings, decisions=decisions, layout=LAYOUT)
    channels = replace(course.channels, mood="linear")
    for lane in range(0, 20, 7):
        p = reference.flat_parameters(cohort.parameters, lane)
        steps = next(n for n in (4, 8, 16) if n >= 8 / p["mood.time_constant"] * (1 - 1e-9))
        person = reference.Patient(p, channels, float(cohort.state["mood"][lane]), float(cohort.baseline[lane]))
        luck = (settings.seed, int(cohort.draw[lane]), int(cohort.patient[lane]))
        scores, _ = reference.simulate(ledger, person, decisions, luck, 28, steps)
        assert np.abs(np.array(scores) - course.score[:, lane]).max() < 0.1


def part(cohort: Cohort, draws: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.isin(cohort.draw, draws))


def test_unit_draws_of_both_rivals_run_side_by_side_as_they_do_alone() -> None:
    settings = Settings(patients=320, draws=8, seed=5, weeks=4)
    mixed = np.array([0, 1, 1, 0, 0, 1, 0, 1], float)
    ledger = until_remission()
    cohort = start_cohort("ECT candidates", settings, rival(8, mixed))
    together = follow(cohort, ledger, settings, layout=LAYOUT)
    for kind in (0.0, 1.0):
        one_kind = start_cohort("ECT candidates", settings, rival(8, np.full(8, kind)))
        alone = follow(one_kind, ledger, settings, layout=LAYOUT)
        lanes = part(cohort, np.flatnonzero(mixed == kind))
        assert np.array_equal(together.score[:, lanes], alone.score[:, lanes])
        assert np.array_equal(together.end_rule[lanes], alone.end_rule[lanes])


def test_unit_the_structure_is_named_in_the_file_of_the_set(tmp_path: Path) -> None:
    text = (Path(mood.__file__).parent.parent / "parameters" / "literature-2026.yaml").read_text(encoding="utf-8")
    path = tmp_path / "linear.yaml"
    path.write_text(text.replace("structure: {mood: bistable}", "structure: {mood: linear}"), encoding="utf-8")
    known = load_parameters(str(path))
    assert known.structure["mood"] == "linear"
    assert np.all(known.draws(3, 1)[LINEAR_MOOD] == 1)
    assert np.all(load_parameters(PRIOR).draws(3, 1)[LINEAR_MOOD] == 0)
    path.write_text(text.replace("structure: {mood: bistable}", "structure: {mood: cubic}"), encoding="utf-8")
    with pytest.raises(InputError, match="mood is one of bistable, linear"):
        load_parameters(str(path))
