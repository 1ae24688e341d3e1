"""Plants worlds and counts verdicts: ``python -m validation.timing`` (about a quarter of a minute of processor time).

Prints, and writes to docs/validation-timing.md, how often a direction is claimed where there is no timing effect, and
how often the right and the wrong one where there are 5 HAM-D17 points.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np

from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.optimise.bank import STUDY_SD, Bank, simulate, widened
from cotreat.optimise.evaluate import Setting
from cotreat.optimise.planted import FIVE_POINTS, LEARNT_FROM, NO_EFFECT, Rates, rates, worlds
from cotreat.optimise.windows import read_question
from cotreat.population.populations import population
from cotreat.simulate.run import Settings

ROOT = Path(__file__).resolve().parents[2]
STIMULATION = "iTBS 5 days a week for 6 weeks"
DRUG = "escitalopram 10 mg daily for 24 weeks"
STUDIES = 20
WIDER = 3.0


@dataclass(frozen=True)
class Plan:
    """Size of the bank and number of planted worlds of each kind."""

    draws: int = 6000
    patients: int = 40
    worlds: int = 400
    seed: int = 1


def bank(plan: Plan) -> Bank:
    """The bank of the question, with gains spread so widely that effects of 5 points occur."""
    parameters = widened(load_parameters(PRIOR), plan.draws, plan.seed, WIDER)
    settings = Settings(patients=plan.draws * plan.patients, draws=plan.draws, seed=plan.seed)
    return simulate(read_question(STIMULATION, DRUG), Setting(population("TRD outpatients"), parameters, settings))


def measure(made: Bank, plan: Plan) -> tuple[Rates, Rates]:
    """Verdicts without a timing effect, and with 5 points in either direction."""
    rng = np.random.default_rng(plan.seed)
    none = rates(made, worlds(made, NO_EFFECT, plan.worlds, rng), STUDIES, rng)
    return none, rates(made, worlds(made, FIVE_POINTS, plan.worlds, rng), STUDIES, rng)


def page(none: Rates, five: Rates, plan: Plan, seconds: float) -> str:
    """The document."""
    text = f"""# Planted worlds for the verdict on timing

Made by `python -m validation.timing --draws {plan.draws} --patients {plan.patients} --worlds {plan.worlds} \
--seed {plan.seed}` in {seconds:.0f} seconds of processor time.

A world is a draw of the parameters, so its truth is known: {DRUG} started 4 weeks before against after
{STIMULATION}, in HAM-D17 points at week 18. In each world {STUDIES} studies are made with 30 to 80 patients in each
arm, with chance and a deviation of {STUDY_SD:g} point of their own: {", ".join(LEARNT_FROM)}, in turn. The other
draws are weighed by the studies, and the verdict is read by the rule of `cotreat timing`. The gains of drugs are
spread {WIDER:g} times as wide as in the prior, so that worlds with 5 points occur in both directions.

| truth | worlds | a direction claimed | the right one | the wrong one | no difference that matters |
| --- | --- | --- | --- | --- | --- |
| within {NO_EFFECT[1]:g} points of none | {none.runs} | {100 * none.share(none.claimed):.1f} % | | | \
{100 * none.share(none.none):.1f} % |
| {FIVE_POINTS[0]:g} to {FIVE_POINTS[1]:g} points either way | {five.runs} | {100 * five.share(five.claimed):.1f} % | \
{100 * five.share(five.right):.1f} % | {100 * five.share(five.wrong):.1f} % | {100 * five.share(five.none):.1f} % |

Wanted: a direction in at most 5 % of worlds without an effect; the right one in at least 80 % and the wrong one in at
most 2.5 % of worlds with 5 points. What this does not test: a world that is no draw of the model.
"""
    lines = (p if p.startswith(("#", "|")) else fill(p, 120) for p in text.split("\n\n"))
    return "\n\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in vars(Plan()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    plan = Plan(**vars(parser.parse_args()))
    began = time.process_time()
    none, five = measure(bank(plan), plan)
    text = page(none, five, plan, time.process_time() - began)
    (ROOT / "docs" / "validation-timing.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
