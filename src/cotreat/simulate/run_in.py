"""Patients who come out of a simulated run-in: those whom it brings to an entry rule, with their state at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.population.cohort import Cohort, Numbers
from cotreat.population.patients import PatientValues
from cotreat.population.populations import Population
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.run import Recruiter, Settings, follow
from cotreat.simulate.tables import Decisions

_MOST_RUN_INS = 12
_LARGEST_ROUND = 8  # times the patients wanted
_NUMBERS_PER_ROUND = 1 << 22  # patient numbers set aside for each round of a run-in


@dataclass(frozen=True)
class EntryRule:
    """Who goes on after a run-in: a condition on the score at its end, the baseline, or nothing (everybody)."""

    at_most: float | None = None
    fraction_below_baseline: float | None = None

    def accepts(self, score: np.ndarray, baseline: np.ndarray) -> np.ndarray:
        """Mask of those who go on."""
        good = np.ones(score.shape, dtype=bool)
        if self.at_most is not None:
            good &= score <= self.at_most
        if self.fraction_below_baseline is not None:
            good &= score <= (1.0 - self.fraction_below_baseline) * baseline
        return good


def enrol(
    who: Population | str,
    run_in: Ledger,
    rule: EntryRule,
    settings: Settings,
    *,
    parameters: ParameterSet | None = None,
    decisions: Decisions | None = None,
    first: int = 0,
) -> tuple[Cohort, float]:
    """Patients whom a simulated run-in brings to the entry rule, with their state at its end.

    Returns the cohort (for each draw the same number of patients) and the share of those treated who were enrolled.

    Raises
    ------
    InputError
        Too few are enrolled in some draw.
    """
    recruiter = Recruiter.of(who, settings, parameters or load_parameters())
    numbers = Numbers(np.arange(settings.draws), first)
    return RunIn(recruiter, run_in, rule, settings, decisions).enrol(numbers, settings.per_draw)


@dataclass(frozen=True)
class RunIn:
    """A run-in, and the patients who begin it.

    ``stage``: whose luck it has (``cotreat.simulate.keys``); what follows must have that of another. ``fill``: in a
    draw in which too few come to the entry rule the places that are left are taken by others, the least ill first.
    """

    recruiter: Recruiter
    ledger: Ledger
    rule: EntryRule
    settings: Settings
    decisions: Decisions | None = None
    stage: int = 0
    fill: bool = False

    def enrol(self, numbers: Numbers, n: int) -> tuple[Cohort, float]:
        """``n`` patients for each draw in ``numbers``, and the share of those treated who were enrolled.

        Raises
        ------
        InputError
            Too few are enrolled in some draw.
        """
        kept: list[Cohort] = []
        count = len(self.recruiter.draws["mood.time_constant"])
        found, treated = np.zeros(count, int), np.zeros(count, int)
        for round_ in range(_MOST_RUN_INS):
            open_draws = numbers.draw[found[numbers.draw] < n]
            if not len(open_draws):
                break
            # as many as each draw is expected to need, in classes of size so that few groups are drawn
            rate = (found[open_draws] + 1) / (treated[open_draws] + 2) if round_ else np.ones(len(open_draws))
            wanted = np.clip((n - found[open_draws]) / rate, 4, _LARGEST_ROUND * n)
            sizes = np.ceil(2 ** (np.ceil(4 * np.log2(wanted)) / 4) if round_ else wanted).astype(int)
            batch, state, score = self._treat(open_draws, sizes, numbers.first + round_ * _NUMBERS_PER_ROUND)
            accept = self.rule.accepts(score, batch.baseline)
            found += np.bincount(batch.draw[accept], minlength=count)
            treated += np.bincount(batch.draw, minlength=count)
            passed = np.flatnonzero(accept)
            kept.append(batch.take(passed, (1, len(passed)), state))
        few = numbers.draw[found[numbers.draw] < n]
        if len(few) and self.fill:
            sizes = np.full(len(few), n)
            batch, state, score = self._treat(few, sizes, numbers.first + _MOST_RUN_INS * _NUMBERS_PER_ROUND)
            kept.append(batch.take(np.lexsort((score, batch.draw)), (1, len(score)), state))
        found, treated = found[numbers.draw], treated[numbers.draw]
        if len(few) and not self.fill:
            raise InputError(
                "the run-in brings too few patients to the entry rule: "
                f"{found.min()} of {treated[found.argmin()]} in the least favourable draw"
            )
        joined = _join(kept)
        order = np.argsort(joined.draw, kind="stable")  # draw by draw, in the order they were treated
        drawn = joined.draw[order]
        rank = np.arange(len(order)) - np.searchsorted(drawn, drawn)
        chosen = order[rank < n]
        return joined.take(chosen, (len(numbers.draw), n), joined.state), float(np.mean(found / treated))

    def _treat(
        self, draws: np.ndarray, sizes: np.ndarray, first: int
    ) -> tuple[Cohort, dict[str, np.ndarray], np.ndarray]:
        """Patients of these draws, so many of each, and their state and rating at the end of the run-in."""
        begun = [self.recruiter(Numbers(draws[sizes == k], first), int(k)) for k in np.unique(sizes)]
        batch = _join(begun)
        short = replace(self.settings, weeks=run_in_weeks(self.ledger), visit_days=7, progress=None)
        course = follow(batch, self.ledger, short, decisions=self.decisions, stage=self.stage, until_spent=True)
        return batch, course.state, np.where(course.end_rule >= 0, course.end_score, course.score[-1])


def run_in_weeks(ledger: Ledger) -> int:
    """Weeks a run-in can last: to the end of the longest of its tracks, over every way its decisions may go."""
    last = max((_longest(ledger, phase, ()) for phase in ledger.first), default=0)
    if last > 364:
        raise InputError("the run-in has no end within a year: say `for` or `at most`")
    return max(1, -(-last // 7))


def _longest(ledger: Ledger, phase: int, before: tuple[int, ...]) -> int:
    """Days from the start of a phase to the last decision or item that can follow in any phase it leads to."""
    if phase in before:  # a phase that leads back to itself has no end of its own
        return 365
    items = [1 + i.day for i in ledger.phases[phase].items]
    decided = [
        t.day + max((_longest(ledger, following, (*before, phase)) for _, following in t.set_phases), default=0)
        for t in ledger.transitions
        if t.phase == phase
    ]
    return max([*decided, *items], default=0)


def _join(cohorts: list[Cohort]) -> Cohort:
    """Cohorts one after the other."""

    def named(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        return {k: np.concatenate([d[k] for d in parts]) for k in parts[0]}

    draw = np.concatenate([c.draw for c in cohorts])
    return Cohort(
        shape=(1, len(draw)),
        draw=draw,
        patient=np.concatenate([c.patient for c in cohorts]),
        parameters=PatientValues.joined([c.parameters for c in cohorts]),
        state=named([c.state for c in cohorts]),
        baseline=np.concatenate([c.baseline for c in cohorts]),
        scale=cohorts[0].scale,
        starts_well=cohorts[0].starts_well,
    )
