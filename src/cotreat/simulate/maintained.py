"""People who are well on a drug have been so for a while: the months on it before a comparison, a trial or a study.

Who is stable on maintenance has stayed well on the drug. Patients put into the well state on day 0 have not been
through that: among them are those who fall ill in the first months on any drug, and relapse comes out several times too
high. So they take what they are on for ``lead_in_weeks`` of their population, and those in remission at its end go on.

What they are on is what the arms say together. The patients are the same in every arm, so a drug that one arm finds
them on was taken before in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet
from cotreat.population.cohort import Cohort, Numbers
from cotreat.population.populations import Population
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Before, Ledger
from cotreat.regimen.parse import parse
from cotreat.simulate.channels import can_be_missed
from cotreat.simulate.run import Recruiter, Settings
from cotreat.simulate.run_in import EntryRule, RunIn
from cotreat.simulate.tables import Decisions

_STAGE = 2  # a luck of its own: what follows begins as stage 0


@dataclass(frozen=True)
class Entering:
    """Patients of a population as they enter the arms of a comparison, by their numbers.

    ``draws`` holds every parameter draw of the run; ``lead_in`` what they took before, None where nothing is known.
    """

    recruiter: Recruiter
    run_in: RunIn | None

    @property
    def draws(self) -> dict[str, np.ndarray]:
        """Every parameter draw of the run."""
        return self.recruiter.draws

    @classmethod
    def of(
        cls, people: Population, ledgers: Sequence[Ledger], settings: Settings, parameters: ParameterSet
    ) -> Entering:
        """For the arms of a run; InputError when the parameter set lacks a parameter."""
        recruiter = Recruiter.of(people, settings, parameters)
        lead_in = lead_in_of(people, ledgers)
        if lead_in is None:
            return cls(recruiter, None)
        decisions = Decisions.of(find_scale(people.scale))
        rule = EntryRule(*decisions.remission)
        return cls(recruiter, RunIn(recruiter, lead_in, rule, settings, decisions, _STAGE, fill=True))

    def __call__(self, numbers: Numbers, n: int) -> Cohort:
        """``n`` patients for each draw in ``numbers``."""
        if self.run_in is None:
            return self.recruiter(numbers, n)
        return self.run_in.enrol(numbers, n)[0]


def lead_in_of(people: Population, ledgers: Sequence[Ledger]) -> Ledger | None:
    """What people of this population took before the arms; None where they did not enter well, or nothing is known."""
    taken = taken_together(ledgers) or given_by_all(ledgers) if people.lead_in_weeks else ()
    return expand(parse(sentence_of(taken, people.lead_in_weeks)), horizon=7 * people.lead_in_weeks) if taken else None


def text_of(people: Population, ledgers: Sequence[Ledger]) -> str:
    """Who the patients of these arms are, with what they took before the arms where that plays a part."""
    if not people.lead_in_weeks:
        return people.text
    taken = taken_together(ledgers) or given_by_all(ledgers)
    before = " and ".join(sentence_of(taken, people.lead_in_weeks).splitlines())
    said = f"before the arms {before}, and in remission at its end" if taken else "the arms do not say on what"
    return f"{people.text}; {said}"


def sentence_of(taken: Sequence[Before], weeks: int) -> str:
    """Orders for what is taken, for this many weeks."""
    return "\n".join(f"{_order(b)} for {weeks} weeks" for b in taken)


def _order(taken: Before) -> str:
    if "/" in taken.unit:
        return f"{taken.subject} to {taken.amount:g} {taken.unit}"
    return f"{taken.subject} {taken.amount:g} {taken.unit} daily"


def taken_together(ledgers: Sequence[Ledger]) -> tuple[Before, ...]:
    """Drugs that everybody took when the arms began, as far as some arm says so and none speaks against it.

    A drug that some arm stops or tapers was taken in every arm that goes on with it or has no drug of that kind; where
    the arms taper different drugs (Rosenbaum 1998) there is none.
    """
    said = {b.subject: b for ledger in reversed(ledgers) for b in ledger.before if can_be_missed(b.subject)}
    return tuple(said.values()) if all(_goes_with(ledger, set(said)) for ledger in ledgers) else ()


def given_by_all(ledgers: Sequence[Ledger]) -> tuple[Before, ...]:
    """Drugs that can be missed and that every arm gives in the same daily amount from day 0 on."""
    found = [_on_day_0(ledger) for ledger in ledgers]
    same = set(found[0].items()).intersection(*(set(f.items()) for f in found[1:])) if found else set()
    return tuple(Before(name, amount, unit) for name, (amount, unit) in sorted(same))


def _goes_with(ledger: Ledger, said: set[str]) -> bool:
    """Whether patients of an arm can have been on all of these: they are on them at day 0, or on nothing like them."""
    on = {b.subject for b in ledger.before if can_be_missed(b.subject)} | set(_on_day_0(ledger))
    return not on or said <= on


def _on_day_0(ledger: Ledger) -> dict[str, tuple[float, str]]:
    """Amount and unit of day 0 of every drug that can be missed."""
    amounts: dict[str, tuple[float, str]] = {}
    for item in (i for n in ledger.first for i in ledger.phases[n].items):
        if item.day == 0 and item.kind != "session" and can_be_missed(item.subject):
            given = amounts.get(item.subject, (0.0, item.unit))[0]
            amounts[item.subject] = (given + item.amount, item.unit)
    return amounts
