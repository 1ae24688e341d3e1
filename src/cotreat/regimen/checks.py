"""The rules that bind orders to each other and that the grammar cannot say."""

from __future__ import annotations

from cotreat.measures.errors import InputError
from cotreat.regimen.plan import Line, Plan, Planned, occasions_of, start_of
from cotreat.regimen.values import Anchor, Change, Give, Hold, Regimen, Stop, UntilLast, UntilTaperEnds
from cotreat.regimen.walk import ends_by_itself

MOST_ORDERS = 200


def check(regimen: Regimen) -> None:
    """InputError unless every order has one meaning beside the others, on every path a decision can take."""
    from cotreat.regimen.expand import expand

    plan = Plan(regimen)
    if len(plan.parts) > MOST_ORDERS:
        raise InputError(f"{len(plan.parts)} orders in one regimen", hint=f"At most {MOST_ORDERS}.")
    for line in plan.lines:
        _sequence(plan, line)
    for p in plan.parts:
        _refers(plan, p)
        _starts(plan, p)
    for line in plan.lines:
        condition = line.condition
        if condition is not None and condition.to is not None and not plan.stopped_by(line):
            raise plan.wrong(
                line,
                f"{condition.to} is not given outside this branch",
                "Name the treatment that may fail, or leave `to ...` out.",
            )
    expand(regimen)


def _sequence(plan: Plan, line: Line) -> None:
    for before, after in zip(line.groups, line.groups[1:], strict=False):
        if not any(ends_by_itself(plan.parts[i]) for i in before):
            raise plan.wrong(
                plan.parts[after[0]],
                "`then` after nothing that ends",
                f"Say how long this lasts: {plan.parts[before[0]].part}",
            )


def _refers(plan: Plan, p: Planned) -> None:
    """Everything a part hangs on exists and has one meaning."""
    moment = start_of(p.part)
    if isinstance(moment, Anchor) and not plan.named_by(p, moment.subject):
        raise plan.wrong(
            p, f"{moment.subject} is not given in this regimen", f"Add a line that says when {moment.subject} is given."
        )
    for occasion in occasions_of(p.part):
        plan.occasion(p, occasion)
    lengths = [s.length for s in p.part.segments] if isinstance(p.part, Give) else []
    if isinstance(p.part, Hold):
        lengths.append(p.part.length)
    for length in lengths:
        if isinstance(length, UntilTaperEnds):
            plan.taper(p)
        elif isinstance(length, UntilLast) and not plan.named_by(p, length.subject):
            raise plan.wrong(p, f"{length.subject} is not given in this regimen")


def _starts(plan: Plan, p: Planned) -> None:
    """A part says when it starts exactly once."""
    led = p.group > 0 or plan.lines[p.statement].condition is not None
    moment = start_of(p.part)
    if led and moment is not None:
        raise plan.wrong(p, "`then` already says when this begins", f"Leave `{moment}` out, or begin a new line.")
    if led:
        return
    if isinstance(p.part, Change) and moment is None:
        raise plan.wrong(
            p,
            f"when does `{p.part.direction} {p.part.subject}` happen?",
            "Say `at the first iTBS`, `at week 3` ...",
        )
    if isinstance(p.part, Stop) and moment is None and plan.giving.get(p.part.subject):
        raise plan.wrong(
            p, f"when does {p.part.subject} stop?", "Say `at week 6`, `at the last ECT` ..., or lead with `then`."
        )
