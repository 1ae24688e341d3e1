"""Things a reader of a ledger must know that no item shows."""

from __future__ import annotations

from cotreat.catalogue.drug_table import drug
from cotreat.catalogue.modality_table import modality
from cotreat.regimen.plan import Plan, is_modality
from cotreat.regimen.tapering import step_starts
from cotreat.regimen.values import Hold, Stop, Switch, Taper, subjects_of


def notes(plan: Plan) -> list[str]:
    """One line for each: protocols not stated, subjects not modelled, branches that stop nothing, steps not said."""
    found: list[str] = []
    for subject in dict.fromkeys(name for p in plan.parts for name in subjects_of(p.part)):
        if is_modality(subject):
            entry = modality(subject)
            if not entry.protocol_stated:
                found.append(f"{subject}: protocol not stated")
            if entry.not_modelled is not None:
                found.append(f"{subject}: not modelled ({entry.not_modelled})")
        elif (why := drug(subject).not_modelled) is not None:
            found.append(f"{subject}: not modelled ({why})")
    for line in plan.lines:
        if line.condition is None:
            continue
        if line.condition.to is None:
            found.append(f"line {line.place.line}: nothing stops at this decision")
            continue
        to = line.condition.to
        found.append(f"line {line.place.line}: stops {to} on day {7 * line.condition.week} when the condition holds")
        for n in dict.fromkeys(p.statement for p in plan.stopped_by(line)):
            stopped = max(p.group for p in plan.stopped_by(line) if p.statement == n)
            later = [p for p in plan.parts if p.statement == n and p.group > stopped]
            if later:
                names = ", ".join(dict.fromkeys(name for p in later for name in subjects_of(p.part)))
                found.append(f"line {line.place.line}: what was to follow {to} is then not given: {names}")
    for p in plan.parts:
        match p.part:
            case Taper(steps=None):
                found.append(f"line {p.line}: steps not said, taken as weekly")
            case Switch():
                count = len(step_starts(p.part.over, None))
                found.append(f"line {p.line}: the switch crosses over in {count} weekly step{'s' if count > 1 else ''}")
            case Stop() | Hold() if not plan.giving.get(p.part.subject):
                found.append(f"line {p.line}: the dose of {p.part.subject} before is not stated")
    return found
