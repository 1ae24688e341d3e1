"""One regimen simulated: the verb behind ``cotreat.simulate``."""

from __future__ import annotations

from typing import Any

import numpy as np

from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import DEFAULT
from cotreat.population.cohort import Numbers
from cotreat.population.populations import population as find_population
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.regimen.values import Regimen
from cotreat.simulate.maintained import Entering
from cotreat.simulate.result import Run, acute_course, follow_up
from cotreat.simulate.run import Settings, follow
from cotreat.simulate.tables import Decisions


def simulate(regimen: Regimen | str, population: str, *, parameters: str = DEFAULT, **settings: Any) -> Run:
    """Simulate a regimen in a population.

    Parameters
    ----------
    regimen
        A regimen or its sentence.
    population
        Name of a population ("ECT candidates").
    parameters
        Name or file of a parameter set.
    settings
        Fields of ``Settings``: patients (in all), draws, seed, weeks, ...

    Raises
    ------
    InputError
        The sentence, the population or a setting cannot be used, or the model cannot forecast what is given.
    """
    options = Settings(**settings)
    value = parse(regimen) if isinstance(regimen, str) else regimen
    source = load_parameters(parameters)
    ledger = expand(value, horizon=7 * options.weeks)
    entering = Entering.of(find_population(population), [ledger], options, source)
    cohort = entering(Numbers(np.arange(options.draws)), options.per_draw)
    decisions = Decisions.of(find_scale(cohort.scale))
    course = follow(cohort, ledger, options, decisions=decisions)
    acute = acute_course(course, decisions)
    return Run(str(value), course, decisions, acute, follow_up(course, acute), source.status)
