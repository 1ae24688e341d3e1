"""The ledgers of a study's arms and run-in: the sentences expanded, with the drugs patients were on already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cotreat.measures.errors import InputError
from cotreat.regimen.ledger import Before, Ledger

if TYPE_CHECKING:
    from cotreat.evidence.schema import Study

RUN_IN_DAYS = 364


def run_in_ledger(study: Study) -> Ledger | None:
    """The run-in of a study, or None when it has none."""
    from cotreat.regimen.expand import expand
    from cotreat.regimen.parse import parse

    sentence = study.population.run_in
    return expand(parse(sentence), horizon=RUN_IN_DAYS) if sentence else None


def arm_ledger(study: Study, key: str, horizon: int = 364) -> Ledger:
    """What an arm is given, and what its patients were on when it began.

    Drugs of ``already_on`` stand in ``Ledger.before``, whether the arm goes on with them or they stop on day 0. After
    a run-in a drug that the run-in gave does not stand there: the patient's state at the end of the run-in holds it.

    Parameters
    ----------
    study, key
        A study and the name of one of its arms.
    horizon
        Days to expand.

    Raises
    ------
    InputError
        The arm cannot be written as a regimen, or a sentence does not parse.
    """
    from cotreat.regimen.expand import expand
    from cotreat.regimen.parse import parse

    sentence = study.arms[key].regimen
    if sentence is None:
        raise InputError(f"{study.id}: what the arm {key} was given cannot be written as a regimen")
    ledger = expand(parse(sentence), horizon=horizon)
    before = {b.subject: b for b in (*taken_before(study), *ledger.before)}
    run_in = run_in_ledger(study) if study.starts(key) == "after run-in" else None
    for subject in run_in.subjects if run_in is not None else ():
        before.pop(subject, None)
    return replace(ledger, before=tuple(before.values()))


def taken_before(study: Study) -> tuple[Before, ...]:
    """The daily amount (or level) of every drug of ``already_on``, read off its first day; () when none is stated."""
    from cotreat.regimen.expand import expand
    from cotreat.regimen.parse import parse

    sentence = study.population.already_on
    if not sentence:
        return ()
    items = [item for phase in expand(parse(sentence), horizon=28).phases for item in phase.items]
    amounts: dict[str, tuple[float, str]] = {}
    for item in items:
        if item.kind == "session":
            raise InputError(f"{study.id}: already_on holds drugs, not sessions of {item.subject}")
        if item.day == 0:
            given = amounts.get(item.subject, (0.0, item.unit))[0]
            amounts[item.subject] = (given + item.amount, item.unit)
    return tuple(Before(subject, amount, unit) for subject, (amount, unit) in amounts.items())
