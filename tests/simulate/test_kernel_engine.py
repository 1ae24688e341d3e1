"""The generated kernel gives what the reference engine gives, however the work is cut."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model import patient
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.population.cohort import Cohort
from cotreat.regimen.ledger import Item, Ledger, Phase, Rule, Transition
from cotreat.simulate.channels import layout_of
from cotreat.simulate.kernel.cpu import kernel_tables
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.run_in import EntryRule, enrol
from cotreat.simulate.tables import Decisions, build
from tests.simulate.ledgers import LITHIUM, NORTRIPTYLINE, doses, level, plain, sessions, until_remission
from tests.simulate.test_kernel_graph import evaluate

SMALL = Settings(patients=1500, draws=15, seed=4, weeks=8)
KNOWN = load_parameters(PRIOR)


def stepped_care() -> Ledger:
    """Two tracks with relapse, non-response, a retreatment and a transition that sets the other track."""
    ect, drug = sessions("ECT", 12), level("nortriptyline", 100.0, "ng/mL", 56)
    phases = (
        Phase(0, "drug", drug, length=56),
        Phase(0, "ECT", ect, length=26),
        Phase(0, "watched", (), length=0),
        Phase(1, "nothing", (), length=0),
        Phase(1, "lithium", level("lithium", 0.7, "mmol/L", 40), length=40),
    )
    transitions = (
        Transition(0, 14, Rule("response", negated=True), ((0, 1), (1, 4))),
        Transition(0, 28, Rule(), ((0, 2),)),
        *(Transition(1, d, Rule("remission"), ((0, 2),)) for d in (5, 9, 14)),
        Transition(1, 21, Rule(), ((0, 2),)),
        *(Transition(2, d, Rule("relapse"), ((0, 1),)) for d in range(7, 40, 7)),
    )
    return Ledger(phases, transitions, (0, 3), horizon=56)


LEDGERS: dict[str, Ledger] = {
    "levels after remission": until_remission(NORTRIPTYLINE + LITHIUM),
    "doses with sessions": plain(
        tuple(sorted(doses("venlafaxine", 150.0, 42) + sessions("ECT", 9), key=lambda i: i.day))
    ),
    "stepped care on two tracks": stepped_care(),
    "lead-in": plain(level("nortriptyline", 100.0, "ng/mL", 30, start=-10), lead_in=10),
    "nothing": Ledger((Phase(0, "nothing", ()),), (), (0,)),
}


def run(ledger: Ledger, settings: Settings = SMALL, **options: Any) -> Course:
    return follow(start_cohort("ECT candidates", settings, KNOWN), ledger, settings, **options)


def same(a: Course, b: Course) -> bool:
    arrays = ("score", "record", "phase", "end_rule", "end_day", "end_score", "sessions", "end_sessions")
    return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in arrays) and all(
        np.array_equal(a.state[k], b.state[k]) for k in a.state
    )


def at_8_steps(settings: Settings) -> Cohort:
    """Patients who all take 8 steps a day, so that the reference is compiled once."""
    everyone = start_cohort("ECT candidates", settings, KNOWN)
    tau = everyone.parameters["mood.time_constant"]
    chosen = np.flatnonzero((tau >= 1) & (tau < 2))
    assert len(chosen) > 100
    return everyone.take(chosen, (1, len(chosen)), everyone.state)


@pytest.mark.parametrize("name", LEDGERS)
def test_parity_with_the_reference_engine(name: str) -> None:
    # paths part only by rounding, which a patient who lingers at the saddle multiplies
    cohort, layout = at_8_steps(SMALL), layout_of(list(LEDGERS.values()))
    kernel, reference = (
        follow(cohort, LEDGERS[name], replace(SMALL, engine=e), layout=layout) for e in ("kernel", "reference")
    )
    decided = kernel.phase.size + kernel.end_rule.size
    differ = np.sum(kernel.phase != reference.phase) + np.sum(kernel.end_rule != reference.end_rule)
    assert differ <= max(1, 1e-5 * decided)
    gap = np.abs(kernel.score - reference.score)
    assert np.median(gap) < 1e-5
    assert (gap.max(axis=0) > 1e-2).mean() <= 3e-3
    assert np.abs(kernel.score.mean(axis=1) - reference.score.mean(axis=1)).max() < 2e-4
    assert np.array_equal(kernel.sessions, reference.sessions)
    assert np.allclose(kernel.record, reference.record, atol=1e-5)
    if name == "stepped care on two tracks":
        assert len(np.unique(kernel.end_rule)) > 1
        assert (kernel.sessions.max(axis=0) > 12).any(), "nobody was treated again"


def test_parity_of_a_run_in() -> None:
    ledger = until_remission()
    found = [
        enrol("ECT candidates", ledger, EntryRule(at_most=10.0), replace(SMALL, patients=150, engine=engine))
        for engine in ("kernel", "reference")
    ]
    (kernel, kernel_share), (reference, reference_share) = found
    assert kernel_share == pytest.approx(reference_share, abs=2e-3)
    match = kernel.patient == reference.patient
    assert match.mean() > 0.99
    gap = np.abs(kernel.state["mood"] - reference.state["mood"])[match]
    assert np.quantile(gap, 0.99) < 1e-3


def test_parity_at_finer_steps() -> None:
    cohort, settings = at_8_steps(SMALL), replace(SMALL, refine=2, weeks=4)
    kernel, reference = (
        follow(cohort, until_remission(), replace(settings, engine=e)) for e in ("kernel", "reference")
    )
    assert np.median(np.abs(kernel.score - reference.score)) < 1e-5


def by_hand(cohort: Cohort, ledger: Ledger, steps: int, settings: Settings) -> np.ndarray:
    """Scores of a ledger without decisions in float64, step by step, with the kernel's float32 random numbers."""
    import jax

    from cotreat.simulate import scan
    from cotreat.simulate.kernel.program import program
    from cotreat.simulate.run import _keys

    layout = layout_of([ledger])
    channels = layout.channels
    tables = build(ledger, layout, Decisions.of(find_scale(cohort.scale)), steps)
    n = len(cohort.draw)
    with jax.enable_x64(True):
        c = patient.constants(cohort.parameters, channels, 1.0 / steps)
        c |= {k: cohort.parameters[k] for k in scan.RATING_CONSTANTS}
        s = {k: cohort.state.get(k, np.zeros(n)) for k in channels.states}
        keys, numbers = _keys(settings.seed, cohort.draw, 0, steps), cohort.patient.astype(np.uint32)
        made = program(channels, tuple(c))

        def pairs(key: np.ndarray, tick: int) -> list[np.ndarray]:
            words = (key[0], key[1], numbers, np.full(n, tick, np.int64).astype(np.uint32))
            names = ("key0", "key1", "counter0", "counter1")
            return evaluate(made.graph, made.pair, {made.source[k]: w for k, w in zip(names, words, strict=True)})

        def noise(day: int) -> list[np.ndarray]:
            path = [*pairs(keys[1], 2 * day), *pairs(keys[1], 2 * day + 1)]
            level = 2
            while len(path) < steps:
                half, count = np.float32(0.5**0.5), len(path) // 2
                bridge = [z for p in range(count) for z in pairs(keys[level], day * count + p)]
                path = [v for a, b in zip(path, bridge, strict=True) for v in ((a + b) * half, (a - b) * half)]
                level += 1
            return path

        one = jax.jit(lambda s, u, z: patient.step(s, c, channels, u, z))
        scores = []
        for day in range(7 * settings.weeks + 1):
            if day % 7 == 0:
                error = pairs(keys[0], day)[0].astype(np.float64)
                scores.append(np.asarray(patient.observe(s, c, channels, error)))
            z = noise(day)
            row = min(day, int(tables.rows[0]) - 1)
            for k in range(steps):
                u = {m: np.full(n, tables.inputs[row, k, j], float) for j, m in enumerate(channels.inputs)}
                s = one(s, u, z[k].astype(np.float64))
    return np.stack(scores)


def test_double_float64_states_agree_with_the_step_by_hand() -> None:
    settings = Settings(patients=600, draws=6, seed=9, weeks=4, engine="kernel64")
    ledger = LEDGERS["doses with sessions"]
    cohort = at_8_steps(settings)
    course = follow(cohort, ledger, settings)
    # in units of mood; what is left is that scores are kept in float32
    gap = np.abs(course.score - by_hand(cohort, ledger, 8, settings)).max(axis=0)
    gap = gap / cohort.parameters["rating.half_span"]
    assert np.quantile(gap, 0.999) < 1e-5


def test_unit_results_do_not_move_with_chunks_threads_or_neighbours() -> None:
    ledger = stepped_care()
    settings = replace(SMALL, patients=3000, draws=3)
    base = run(ledger, settings)
    for change in ({"chunk": 1}, {"chunk": 2048, "threads": 1}, {"chunk": 10**6, "threads": 2}):
        assert same(base, run(ledger, replace(settings, **change)))  # type: ignore[arg-type]
    cohort = start_cohort("ECT candidates", settings, KNOWN)
    # other neighbours in other places: 700 patients in another order, some twice
    index = np.random.default_rng(1).integers(0, 3000, 700)
    some = follow(cohort.take(index, (1, 700), cohort.state), ledger, settings)
    assert np.array_equal(some.score, base.score[:, index])
    assert np.array_equal(some.phase, base.phase[:, :, index])


def test_unit_results_do_not_move_with_the_width_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    from cotreat.simulate.kernel import cache, source

    ledger = LEDGERS["doses with sessions"]
    base = run(ledger)
    made = source.source
    monkeypatch.setattr(cache, "_KNOWN", {})
    monkeypatch.setattr(cache, "_NAMED", {})
    monkeypatch.setattr(cache, "source", lambda p, name: made(p, name, width=8))
    monkeypatch.setattr(cache, "name_of", lambda program, name=cache.name_of: name(program) + "8")
    assert same(base, run(ledger))


def test_unit_a_level_that_changes_within_a_day_is_given_as_it_is() -> None:
    ledger = plain(level("nortriptyline", 100.0, "ng/mL", 14))
    layout = layout_of([ledger])
    tables = build(ledger, layout, Decisions.of(find_scale("HAM-D24")), 8)
    assert not kernel_tables(tables, (0,), np.float32)[6].any()
    tables.inputs[3, 5:, 0] = 0.0
    words = kernel_tables(tables, (0,), np.float32)[6]
    assert words[3, 0] == 0xFF
    assert not np.delete(words, 3, axis=0).any()


def test_unit_days_to_the_next_decision() -> None:
    ledger = until_remission()
    tables = build(ledger, layout_of([ledger]), Decisions.of(find_scale("HAM-D24")), 4)
    due, new = kernel_tables(tables, (), np.float32)[7:9]
    assert due[:8].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert due[28] == 0
    assert (due[29:] > 10**6).all()
    # sessions on Monday, Wednesday and Friday: from each day to the next on which something else is given
    assert new[:8].tolist() == [2, 1, 2, 1, 3, 2, 1, 2]
    assert (new[28:] > 10**6).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0])
def test_unit_parameters_that_no_run_can_use_are_refused(value: float) -> None:
    cohort = start_cohort("ECT candidates", SMALL, KNOWN)
    cohort.parameters["tilt.time_constant"] = cohort.parameters["tilt.time_constant"].copy()
    cohort.parameters["tilt.time_constant"][37] = value
    who = f"patient {cohort.patient[37]} in draw 0"
    with pytest.raises(InputError, match=rf"tilt\.time_constant of {who}"):
        follow(cohort, until_remission(), SMALL)


def test_unit_no_patients_and_unknown_engines_are_refused() -> None:
    cohort = start_cohort("ECT candidates", SMALL, KNOWN)
    nobody = np.zeros(0, int)
    with pytest.raises(InputError, match="no patients"):
        follow(cohort.take(nobody, (1, 0), cohort.state), until_remission(), SMALL)
    with pytest.raises(InputError, match="engine"):
        Settings(engine="warp")  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["kernel", "reference"])
def test_unit_a_trajectory_that_is_not_finite_is_reported_with_patient_and_day(engine: Any) -> None:
    cohort = at_8_steps(SMALL)
    cohort.state["mood"] = cohort.state["mood"].copy()
    cohort.state["mood"][123] = np.nan
    who = f"patient {cohort.patient[123]} in draw {cohort.draw[123]}"
    with pytest.raises(FloatingPointError, match=rf"{who} is not finite on day 0 \(step 0 of \d+ a day\)"):
        follow(cohort, until_remission(), replace(SMALL, refine=2, weeks=4, engine=engine))


def test_unit_the_compiler_is_imported_only_when_a_kernel_runs() -> None:
    code = "import sys, cotreat.simulate.run, cotreat.simulate.one; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unit_many_sessions_in_one_step_count() -> None:
    items = tuple(Item(d, 9.0 + k / 10, "ECT", "session", 1.0, "session") for d in range(3) for k in range(5))
    cohort, settings = at_8_steps(SMALL), replace(SMALL, weeks=2)
    kernel, reference = (follow(cohort, plain(items), replace(settings, engine=e)) for e in ("kernel", "reference"))
    assert (kernel.sessions == 15).all()
    assert np.median(np.abs(kernel.score - reference.score)) < 1e-5
