"""What every engine is timed on: one regimen, and patients at the median parameters."""

from __future__ import annotations

from dataclasses import replace

from cotreat.model.parameter_set import load_parameters
from cotreat.population.cohort import Cohort
from cotreat.regimen.ledger import Item, Ledger, Phase
from cotreat.simulate.run import Settings, start_cohort

WEEKS = 26


def regimen() -> Ledger:
    """ECT on Monday, Wednesday and Friday for four weeks, then two drugs at a level for 22 weeks; no decision."""
    ect = [Item(d, 10.0, "ECT", "session", 1.0, "session") for d in range(28) if d % 7 in (0, 2, 4)]
    drugs = [
        Item(d, 0.0, name, "level", amount, unit)
        for d in range(28, 7 * WEEKS)
        for name, amount, unit in (("nortriptyline", 100.0, "ng/mL"), ("lithium", 0.7, "mmol/L"))
    ]
    return Ledger((Phase(0, "course", (*ect, *drugs), length=7 * WEEKS),), (), (0,), horizon=7 * WEEKS)


def patients(count: int) -> Cohort:
    """Patients at the median parameters, so that every engine takes the same step."""
    known = load_parameters()
    fixed = {k: replace(p, distribution="fixed") for k, p in known.parameters.items()}
    return start_cohort("ECT candidates", Settings(patients=count, draws=1), replace(known, parameters=fixed))
