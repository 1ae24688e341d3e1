"""How far the generated kernel is from the reference engine, on decisions and on paths.

    python benchmarks/agreement.py [--patients N] [--draws N] [--weeks N]

Weekly care: ECT until remission, then two drugs and a look every week; who relapses is treated again. So every patient
is decided about every week. Patients are those of the whole prior, with their own steps. Both engines work in float32
and round differently; a patient who lingers at the saddle multiplies the difference, so a few paths part. Printed are
the decisions taken and how many patients parted in one, the differences of the paths in points of the scale, and the
greatest difference of a weekly mean. Writes benchmarks/results/agreement.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.population.cohort import Cohort
from cotreat.regimen.ledger import Item, Ledger, Phase, Rule, Transition
from cotreat.simulate.channels import layout_of
from cotreat.simulate.run import Course, Settings, follow, start_cohort
from cotreat.simulate.tables import Decisions, build


def weekly_care(weeks: int = 26) -> Ledger:
    """ECT three times a week until remission, then drugs and weekly looks; a relapse begins ECT again."""
    ect = [Item(d, 10.0, "ECT", "session", 1.0, "session") for d in range(28) if d % 7 in (0, 2, 4)]
    drugs = [
        Item(d, 0.0, name, "level", amount, unit)
        for d in range(7 * weeks)
        for name, amount, unit in (("nortriptyline", 100.0, "ng/mL"), ("lithium", 0.7, "mmol/L"))
    ]
    treated = [Transition(0, d, Rule("remission"), ((0, 1),)) for d in (7, 14, 21)]
    watched = [Transition(1, d, Rule("relapse"), ((0, 0),)) for d in range(7, 7 * weeks, 7)]
    phases = (Phase(0, "ECT", tuple(ect), length=28), Phase(0, "drugs", tuple(drugs), length=7 * weeks))
    return Ledger(phases, (*treated, Transition(0, 28, Rule(), ((0, 1),)), *watched), (0,), horizon=7 * weeks)


@dataclass(frozen=True)
class Agreement:
    """What was compared, and how far apart it is.

    ``decisions`` taken by the kernel before a patient parted; ``parted``: patients whose decision differed first (what
    follows is another course); ``median``, ``p99``, ``largest`` differences of a path (its greatest over the visits for
    the last two), ``beyond`` the share of paths that are off by more than 0.01 points, ``mean`` the greatest difference
    of a weekly mean.
    """

    patients: int
    decisions: int
    parted: int
    median: float
    p99: float
    largest: float
    beyond: float
    mean: float


def decided(course: Course, ledger: Ledger) -> np.ndarray:
    """Whether a patient was decided about at a visit, (visits, patients); one track, decisions on visits only."""
    layout = layout_of([ledger])
    tables = build(ledger, layout, Decisions.of(find_scale(course.cohort.scale)), 4)
    has_rule = tables.rule_index.max(axis=1) >= 0
    phase = course.phase[:, 0].astype(int)
    due = np.zeros(phase.shape, bool)
    here, begun = np.full(phase.shape[1], int(tables.first[0])), np.zeros(phase.shape[1], int)
    for visit, day in enumerate(course.days):
        row = tables.row0[here] + np.minimum(day - begun, tables.rows[here] - 1)
        due[visit] = has_rule[row]
        moved = phase[visit] != here
        begun = np.where(moved, day, begun)
        here = phase[visit]
    return due


def agreement(cohort: Cohort, ledger: Ledger, settings: Settings) -> Agreement:
    """The kernel against the reference on one cohort."""
    kernel, scan = (follow(cohort, ledger, replace(settings, engine=e)) for e in ("kernel", "reference"))
    same = np.logical_and.accumulate((kernel.phase == scan.phase)[:, 0], axis=0)
    so_far = np.concatenate([np.ones_like(same[:1]), same[:-1]])  # the visit at which they part counts
    gap = np.abs(kernel.score - scan.score)
    worst = gap.max(axis=0)
    mean = np.abs(kernel.score.mean(axis=1, dtype=np.float64) - scan.score.mean(axis=1, dtype=np.float64))
    return Agreement(
        patients=len(cohort.draw),
        decisions=int((decided(kernel, ledger) & so_far).sum()),
        parted=int((~same[-1]).sum()),
        median=float(np.median(gap)),
        p99=float(np.quantile(worst, 0.99)),
        largest=float(worst.max()),
        beyond=float((worst > 1e-2).mean()),
        mean=float(mean.max()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=65_536)
    parser.add_argument("--draws", type=int, default=128)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    settings = Settings(patients=options.patients, draws=options.draws, weeks=options.weeks, seed=options.seed)
    found = agreement(start_cohort("ECT candidates", settings), weekly_care(options.weeks), settings)
    document = vars(found) | {"weeks": options.weeks, "draws": options.draws, "seed": options.seed}
    for name, value in document.items():
        print(f"{name:>10}  {value:,}" if isinstance(value, int) else f"{name:>10}  {value:.2e}")
    path = Path(__file__).resolve().parent / "results" / "agreement.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"Written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
