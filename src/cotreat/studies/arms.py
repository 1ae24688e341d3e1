"""The arms of a published study, simulated: its patients, its run-in and entry, its arms, its dropout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cotreat.evidence.arms import arm_ledger, run_in_ledger
from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.measures.scales import Scale
from cotreat.measures.scales import scale as find_scale
from cotreat.model.effects import NOCEBO
from cotreat.model.parameter_set import ParameterSet
from cotreat.model.threefry import stream_key, uniform
from cotreat.outcomes.followup import FollowUp, dropout_day
from cotreat.outcomes.symptoms import mean_count
from cotreat.population.cohort import Cohort
from cotreat.population.populations import Population, points_per_hamd17
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.channels import Layout, layout_of
from cotreat.simulate.keys import COUNT, DROPOUT, stream
from cotreat.simulate.result import acute_course, follow_up
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.run_in import EntryRule, enrol, run_in_weeks
from cotreat.simulate.tables import Decisions
from cotreat.studies.disguise import disguised, tapered_on
from cotreat.studies.hours import Hours, hours_of
from cotreat.studies.people import led_in, people_of

_NUMBERS_PER_ARM = 1 << 26  # patient numbers set aside for each arm: arms of a trial are different people
_LONGEST_ACUTE = 140
_LONGEST_DAILY = 30
_BEYOND = 28  # days looked at after the last figure to see whether a drug goes on


@dataclass(frozen=True)
class SimulatedArm:
    """One arm: what its patients' ratings show, or why it cannot be simulated (``reason``).

    ``weight`` is the share of the trial in it; ``entered`` the share of those treated who passed the run-in;
    ``symptoms`` (visits, draws, patients) the mean count of new or worse symptoms since the arm began; ``complaints``
    the withdrawal and nocebo behind it, ``restart`` what they add to the hazard of going back to the drug, ``luck`` a
    uniform number of each patient for the count. ``hours``: what shows within hours of a dose. ``tapered``: day from
    which the drugs that can be missed are at zero, None where one of them goes on.
    """

    name: str
    weight: float
    seen: FollowUp | None
    responded: np.ndarray | None
    entered: float | None
    reason: str | None = None
    symptoms: np.ndarray | None = None
    complaints: np.ndarray | None = None
    restart: np.ndarray | None = None
    luck: np.ndarray | None = None
    hours: Hours | None = None
    tapered: int | None = None


@dataclass(frozen=True)
class StudyPlan:
    """How a study is simulated: patients, scale, decisions, run-in and who goes on from it."""

    people: Population
    scale: Scale
    decisions: Decisions
    run_in: Ledger | None
    enter: EntryRule


def plan(study: Study) -> StudyPlan:
    """Read a study's population into a plan.

    Raises
    ------
    InputError
        The run-in or the entry cannot be understood.
    """
    study = led_in(study)
    group = study.population
    scale = _scale(study)
    people = people_of(study, scale)
    decisions = Decisions.of(scale)
    return StudyPlan(people, scale, decisions, run_in_ledger(study), read_entry(group.enter, scale, decisions))


def weeks_needed(study: Study) -> int:
    """Weeks to simulate: the latest figure, and an acute course before it when it is counted from its end."""
    latest = 0.0
    for outcome in study.outcomes:
        if outcome.day is not None and outcome.arm != "run-in":
            before = 0 if outcome.counted_from == "start" else _LONGEST_ACUTE // 4
            latest = max(latest, outcome.day + before)
    return int(min(max(1, -(-latest // 7)), 520))


def visit_days(study: Study) -> int:
    """1 when a figure of the first days, or between weekly visits of a short study, needs daily visits; else 7."""
    early = any(0 < o.day < 4 for o in study.outcomes if o.day is not None)
    return 1 if early and weeks_needed(study) <= _LONGEST_DAILY else 7


def simulate_arms(
    study: Study,
    settings: Settings,
    parameters: ParameterSet,
    effects: Mapping[str, np.ndarray] | None = None,
) -> dict[str, SimulatedArm]:
    """Every arm of a study by key, and its run-in (as "run-in") when it has one; each with patients of its own.

    Parameters
    ----------
    study, settings, parameters
        What is simulated, how, and with which parameters. All arms of a draw share its parameters, and with them the
        random effects of the study.
    effects
        Values by draw in place of some parameters: arrays of shape (draws,), as a rule of "study.placebo" and
        "study.resistance". None: as ``parameters`` draws them, standard normal for a study that is not known.
    """
    parameters = parameters if effects is None else parameters.with_given(effects)
    study = led_in(study)
    how = plan(study)
    settings = replace(settings, weeks=weeks_needed(study), visit_days=visit_days(study), progress=None)
    ledgers, reasons = _ledgers(study, how, settings)
    common = [*ledgers.values(), *([how.run_in] if how.run_in is not None else [])]
    job = _Job(how, settings, parameters, layout_of(common) if ledgers else None)
    known = all(a.n for a in study.arms.values())
    total = sum(a.n or 0 for a in study.arms.values())
    arms: dict[str, SimulatedArm] = {}
    same: dict[tuple[object, ...], int] = {}
    for index, (key, arm) in enumerate(study.arms.items()):
        weight = (arm.n or 0) / total if known else 1.0 / len(study.arms)
        empty = SimulatedArm(key, weight, None, None, None, reasons.get(key))
        if key in ledgers:
            after = study.starts(key) == "after run-in"
            longer = arm_ledger(study, key, horizon=7 * settings.weeks + _BEYOND)
            empty = replace(empty, tapered=tapered_on(longer, 7 * settings.weeks))
            # arms given the same differ by chance only, so here they are the same patients
            number = same.setdefault((arm.regimen, arm.placebo, after, repr(arm.baseline)), index)
            empty = _arm(empty, ledgers[key], job, number * _NUMBERS_PER_ARM, after=after)
        arms[key] = empty
    if how.run_in is not None:
        arms["run-in"] = _run_in(job, len(study.arms) * _NUMBERS_PER_ARM)
    return arms


@dataclass(frozen=True)
class _Job:
    how: StudyPlan
    settings: Settings
    parameters: ParameterSet
    layout: Layout | None


def _ledgers(study: Study, how: StudyPlan, settings: Settings) -> tuple[dict[str, Ledger], dict[str, str]]:
    """The arms that can be forecast, and for the others the reason why not."""
    ledgers: dict[str, Ledger] = {}
    reasons: dict[str, str] = {}
    for key, arm in study.arms.items():
        if arm.regimen is None:
            reasons[key] = "its treatment cannot be written as a regimen"
            continue
        try:
            ledger = arm_ledger(study, key, horizon=7 * settings.weeks)
            # one drug must be given in one way over all arms, so arms are tried together
            layout_of([*ledgers.values(), ledger, *([how.run_in] if how.run_in is not None else [])])
        except InputError as error:
            reasons[key] = error.message
        else:
            ledgers[key] = ledger
    return disguised(study, ledgers, how.run_in), reasons


def _arm(arm: SimulatedArm, ledger: Ledger, job: _Job, first: int, *, after: bool) -> SimulatedArm:
    how, settings = job.how, job.settings
    entered: float | None = None
    try:
        if after and how.run_in is not None:
            cohort, entered = enrol(
                how.people,
                how.run_in,
                how.enter,
                settings,
                parameters=job.parameters,
                decisions=how.decisions,
                first=first,
            )
        else:
            cohort = start_cohort(how.people, settings, job.parameters, first)
    except InputError as error:
        return replace(arm, reason=error.message)
    stage = 1 if after else 0
    course = follow(cohort, ledger, settings, layout=job.layout, decisions=how.decisions, stage=stage)
    acute = acute_course(course, how.decisions, entered_after=after)
    seen = follow_up(course, acute)
    seen = replace(seen, dropout=_dropout(seen.weekly(), cohort, settings.seed, stage))
    shape = seen.baseline.shape
    p = course.cohort.parameters
    complaints = _complaints(course, (len(seen.days), *shape))
    background, unit = (p[f"withdrawal.dess_{k}"].reshape(shape) for k in ("background", "count"))
    return replace(
        arm,
        seen=seen,
        responded=acute.responded.reshape(shape),
        entered=entered,
        symptoms=mean_count(complaints, background, unit),
        complaints=complaints,
        restart=p["restart.hazard"].reshape(shape),
        luck=uniform(stream_key(settings.seed, cohort.draw, stream(stage, COUNT)), cohort.patient, 0).reshape(shape),
        hours=hours_of(course, seen, settings.seed) if settings.visit_days == 1 else None,
    )


def _complaints(course: Course, shape: tuple[int, ...]) -> np.ndarray:
    """Withdrawal and nocebo at the visits from day 0 on."""
    recorded = course.channels.recorded
    named = [recorded.index(name) for name in ("withdrawal", NOCEBO) if name in recorded]
    return np.asarray(course.record[course.days >= 0][:, named].sum(axis=1, dtype=np.float64)).reshape(shape)


def _run_in(job: _Job, first: int) -> SimulatedArm:
    """The run-in itself, as an arm: everybody who started it."""
    how = job.how
    assert how.run_in is not None
    try:
        short = replace(job.settings, weeks=run_in_weeks(how.run_in))
        cohort = start_cohort(how.people, short, job.parameters, first)
        course = follow(cohort, how.run_in, short, decisions=how.decisions, until_spent=True)
    except InputError as error:
        return SimulatedArm("run-in", 1.0, None, None, None, error.message)
    acute = acute_course(course, how.decisions)
    passed = how.enter.accepts(acute.score, cohort.baseline)
    seen = follow_up(course, acute, selected=passed)
    return SimulatedArm("run-in", 1.0, seen, acute.responded.reshape(seen.baseline.shape), float(passed.mean()))


def _dropout(seen: FollowUp, cohort: Cohort, seed: int, stage: int) -> np.ndarray:
    shape = seen.baseline.shape
    luck = -np.log(uniform(stream_key(seed, cohort.draw, stream(stage, DROPOUT)), cohort.patient, 0)).reshape(shape)
    reference = seen.score[0] if stage else seen.baseline
    change = (seen.score - reference) / points_per_hamd17(cohort.scale)
    hazard, slope = (cohort.parameters[k].reshape(shape)[:, 0] for k in ("dropout.weekly_hazard", "dropout.per_point"))
    return dropout_day(seen.days, change, hazard, slope, luck)


def _scale(study: Study) -> Scale:
    """The scale a study is simulated on: that of its baseline, else of its first figure that can be simulated."""
    named: list[Any] = [study.population.baseline, *(a.baseline for a in study.arms.values()), *study.outcomes]
    for holder in named:
        if holder is not None and holder.scale is not None:
            try:
                scale = find_scale(holder.scale)
                points_per_hamd17(scale.id)
            except InputError:
                continue
            if scale.response is not None and scale.remission is not None:
                return scale
    return find_scale("HAM-D17")


def read_entry(text: str | None, scale: Scale, decisions: Decisions) -> EntryRule:
    """Who goes on from a run-in: "remission", "response", "all", or "HAM-D24 <= 10 and 60 % below baseline"."""
    words = (text or "all").strip()
    if words.casefold() in ("all", "everyone", "everybody"):
        return EntryRule()
    if words.casefold() == "remission":
        most, fraction = decisions.remission
        return EntryRule(at_most=most, fraction_below_baseline=fraction)
    if words.casefold() == "response":
        return EntryRule(fraction_below_baseline=decisions.response_fraction)
    most_match = re.search(r"(?:<=|at most|no more than)\s*(\d+(?:\.\d+)?)", words)
    fraction_match = re.search(r"(\d+(?:\.\d+)?)\s*(?:%|per cent|percent)\s*(?:or more )?(?:below|drop|fall)", words)
    if most_match is None and fraction_match is None:
        raise InputError(
            f"cannot read who enters: {words!r}",
            examples=("remission", "response", f"{scale.id} <= 10 and 60 % below baseline"),
        )
    return EntryRule(
        at_most=None if most_match is None else float(most_match[1]),
        fraction_below_baseline=None if fraction_match is None else float(fraction_match[1]) / 100.0,
    )
