"""The engine: the same as a second implementation, and independent of how the work is cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.regimen.ledger import Item, Ledger, Phase
from cotreat.simulate.channels import layout_of
from cotreat.simulate.entrants import Entrants, steps_a_day
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions
from tests.simulate import reference
from tests.simulate.ledgers import LITHIUM, NORTRIPTYLINE, doses, ketamine, level, plain, sessions, until_remission

SMALL = Settings(patients=1500, draws=15, seed=4, weeks=6)


def run(ledger: Ledger, settings: Settings = SMALL, **options: object) -> Course:
    return follow(start_cohort("ECT candidates", settings), ledger, settings, **options)  # type: ignore[arg-type]


def same(a: Course, b: Course) -> bool:
    arrays = ("score", "phase", "end_rule", "end_day", "end_score", "sessions")
    return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in arrays)


@pytest.mark.slow
@pytest.mark.parametrize(
    "ledger",
    [
        until_remission(NORTRIPTYLINE + LITHIUM),
        plain(tuple(sorted(doses("venlafaxine", 150.0, 14) + sessions("ECT", 9), key=lambda i: i.day))),
        plain(
            tuple(
                sorted(
                    sessions("iTBS", 20, (0, 1, 2, 3, 4))
                    + doses("D-cycloserine", 100.0, 12, 8.5)
                    + doses("diazepam", 5.0, 20),
                    key=lambda i: i.day,
                )
            )
        ),
        plain(tuple(sorted(ketamine(6) + sessions("CBT", 6, (3,), 14.0), key=lambda i: i.day))),
    ],
    ids=["levels after remission", "a drug stopped during ECT", "acute gains", "ketamine and talking"],
)
def test_double_engine_agrees_with_plain_python(ledger: Ledger) -> None:
    # steps of hours against steps of minutes: the median path must agree to 0.05 points on a scale to 75; one in ten
    # may linger at the saddle, where every difference grows
    settings = replace(SMALL, patients=30, draws=10)
    cohort = start_cohort("ECT candidates", settings, load_parameters(PRIOR))
    decisions = Decisions.of(find_scale("HAM-D24"))
    course = follow(cohort, ledger, settings, decisions=decisions)
    gaps = []
    for lane in range(0, 30, 3):
        p = reference.flat_parameters(cohort.parameters, lane)
        steps = next(n for n in (4, 8, 16) if n >= 8 / p["mood.time_constant"] * (1 - 1e-9))
        patient = reference.Patient(p, course.channels, float(cohort.state["mood"][lane]), float(cohort.baseline[lane]))
        luck = (settings.seed, int(cohort.draw[lane]), int(cohort.patient[lane]))
        scores, fired = reference.simulate(ledger, patient, decisions, luck, 42, steps)
        assert (fired[0] if fired else -1) == course.end_rule[lane]
        gaps.append(np.abs(np.array(scores) - course.score[:, lane]).max())
    assert np.median(gaps) < 0.05
    assert np.quantile(gaps, 0.9) < 0.3


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal up to rounding: a patient who lingers at the saddle multiplies it, so a few paths may part."""
    gap = np.abs(a - b)
    return bool(np.median(gap) < 1e-4 and (gap > 0.05).mean() < 2e-3)


def test_unit_results_do_not_move_with_chunks_or_threads() -> None:
    ledger = until_remission(NORTRIPTYLINE)
    settings = replace(SMALL, patients=3000, draws=3, weeks=5)
    base = run(ledger, settings)
    for change in ({"chunk": 1}, {"chunk": 1024, "threads": 1}, {"chunk": 10**6, "threads": 2}):
        assert same(base, run(ledger, replace(settings, **change)))  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_unit_daily_visits_see_the_same_course(engine: str) -> None:
    settings = replace(SMALL, patients=300, draws=3, weeks=5, engine=engine)  # type: ignore[arg-type]
    weekly, daily = run(until_remission(), settings), run(until_remission(), replace(settings, visit_days=1))
    assert daily.score.shape[0] == 36
    assert np.array_equal(daily.days, np.arange(36))
    assert np.array_equal(daily.score[::7], weekly.score)
    assert np.array_equal(daily.end_day, weekly.end_day)


def test_unit_a_patient_does_not_depend_on_how_many_run_beside() -> None:
    ledger = until_remission()
    few, many = (run(ledger, replace(SMALL, patients=n, draws=5, weeks=4)) for n in (100, 2000))
    take = np.concatenate([np.arange(20) + 400 * d for d in range(5)])
    assert np.array_equal(few.score, many.score[:, take])


def test_unit_channels_that_give_nothing_change_nothing() -> None:
    ledger = until_remission()
    more = layout_of([ledger, until_remission(NORTRIPTYLINE + LITHIUM)])
    assert close(run(ledger).score, run(ledger, layout=more).score)


def test_unit_a_lead_in_does_not_shift_the_noise() -> None:
    # nothing is given before day 0 of the second ledger except a level of the drug for a week, at almost nothing
    quiet = plain(level("nortriptyline", 1e-6, "ng/mL", 14))
    early = plain(level("nortriptyline", 1e-6, "ng/mL", 21, start=-7), lead_in=7)
    a, b = run(quiet), run(early)
    assert b.days[0] == -7
    # mood has moved on by a week, but the luck of each calendar day is the same: late scores correlate almost fully
    late = np.corrcoef(a.score[4:].ravel(), b.score[5:].ravel())[0, 1]
    assert late > 0.9
    unlike = follow(start_cohort("ECT candidates", SMALL, first=10_000), quiet, SMALL)
    assert np.corrcoef(unlike.score[4:].ravel(), b.score[5:].ravel())[0, 1] < 0.6


@pytest.mark.slow
def test_unit_response_is_within_0_002_of_steps_of_1_128_day() -> None:
    # 20,000 patients of the whole prior on the same Brownian path: the coupled difference has a standard error of
    # 0.0004, so with an error of 0.0003 a false alarm has a probability below 1e-4
    settings = Settings(patients=20_000, draws=200, weeks=26)
    cohort = start_cohort("ECT candidates", settings)
    ledger = until_remission(NORTRIPTYLINE)
    layout, fraction = layout_of([ledger]), find_scale(cohort.scale).response
    assert fraction is not None
    steps = steps_a_day(cohort.parameters["mood.time_constant"], 0)
    seen = np.zeros((2, 3, len(steps)))
    for count in np.unique(steps):
        lanes = np.flatnonzero(steps == count)
        some = cohort.take(lanes, (1, len(lanes)), cohort.state)
        for k, halvings in enumerate((0, int(np.log2(128 / count)))):
            score = follow(Entrants(some, layout, halvings), ledger, settings).score[[2, 8, 26]]
            seen[k][:, lanes] = score <= (1.0 - fraction) * some.baseline
    gap = seen[0] - seen[1]
    assert np.abs(gap).any(), "the steps were the same"
    assert np.abs(gap.mean(axis=1)).max() < 0.002


def test_unit_sessions_are_counted_until_the_decision() -> None:
    course = run(until_remission())
    ended = course.end_rule >= 0
    assert ended.all()
    for day, count in ((7, 3), (14, 6), (21, 9), (28, 12)):
        assert np.all(course.end_sessions[0][course.end_day == day] == count)
    assert np.array_equal(course.sessions, course.end_sessions)
    remission = find_scale("HAM-D24").remission
    assert remission is not None
    early = course.end_day < 28
    assert np.all(course.end_score[early] <= remission)


def test_unit_sham_gives_contact_only() -> None:
    real = sessions("ECT", 12)
    sham = tuple(replace(i, sham=True) for i in real)
    nothing = run(Ledger((Phase(0, "nothing", ()),), (), (0,)))
    assert close(run(plain(sham)).score, nothing.score)
    assert run(plain(real)).score[-1].mean() < nothing.score[-1].mean() - 3


def test_unit_two_tracks_add_up() -> None:
    ect, drug = sessions("ECT", 9), level("nortriptyline", 100.0, "ng/mL", 35)
    together = plain(tuple(sorted(ect + drug, key=lambda i: (i.day, i.hour))))
    apart = Ledger((Phase(0, "ECT", ect, length=20), Phase(1, "drug", drug, length=35)), (), (0, 1))
    assert close(run(together).score, run(apart).score)


def test_unit_zero_gains_make_the_order_of_drug_and_session_irrelevant_for_stored_change() -> None:
    parameters = load_parameters(PRIOR)
    zero = {
        k: replace(p, distribution="fixed", median=0.0) if "_gain." in k else p
        for k, p in parameters.parameters.items()
    }
    settings = replace(SMALL, weeks=12)
    cohort = start_cohort("ECT candidates", settings, replace(parameters, parameters=zero))
    ect = sessions("ECT", 9)
    before = plain(tuple(sorted(ect + level("nortriptyline", 100.0, "ng/mL", 20), key=lambda i: i.day)))
    after = plain(ect + level("nortriptyline", 100.0, "ng/mL", 20, start=30))
    one, two = (follow(cohort, ledger, settings) for ledger in (before, after))
    assert np.allclose(one.state["stored"], two.state["stored"], rtol=1e-5)
    assert np.allclose(one.state["labile"], two.state["labile"], rtol=1e-5, atol=1e-9)


def test_unit_a_drug_taken_before_is_at_steady_state() -> None:
    from cotreat.regimen.ledger import Before

    drug = doses("venlafaxine", 150.0, 42)
    on = Ledger(plain(drug).phases, (), (0,), before=(Before("venlafaxine", 150.0, "mg"),))
    stopped = Ledger((Phase(0, "nothing", ()),), (), (0,), before=(Before("venlafaxine", 150.0, "mg"),))
    kept, off = run(on), run(stopped)
    exposure = kept.state["exposure.venlafaxine"]
    # half-life of hours: exposure swings within the day, but its effect on tilt is that of the mean
    assert exposure.min() > 0
    assert off.state["exposure.venlafaxine"].max() < 1.0
    assert kept.score[-1].mean() < off.score[-1].mean()


def test_unit_items_lie_where_their_hour_says() -> None:
    from cotreat.simulate.tables import build

    item = Item(0, 10.0, "ECT", "session", 1.0, "session")
    ledger = plain((item,))
    for steps in (4, 8, 16):
        tables = build(ledger, layout_of([ledger]), Decisions.of(find_scale("HAM-D24")), steps)
        assert layout_of([ledger]).channels.inputs == ("sessions.ect", "session_moment")
        (step,) = np.flatnonzero(tables.inputs[0, :, 0])
        assert (step + tables.inputs[0, step, 1]) / steps * 24 == pytest.approx(10.0, abs=1e-5)


def test_unit_both_engines_take_a_regimen_without_recorded_states() -> None:
    settings = Settings(patients=4, draws=2, weeks=1)
    ledger = plain(sessions("iTBS", 3))
    cohort = start_cohort("TRD outpatients", settings)
    courses = [follow(cohort, ledger, replace(settings, engine=e)) for e in ("kernel", "reference")]
    assert not courses[0].channels.recorded
    assert np.allclose(courses[0].score, courses[1].score, atol=1e-3)
