"""Small runs that several tests of timing read."""

from __future__ import annotations

from typing import Any

import pytest

from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.optimise.evaluate import Setting
from cotreat.optimise.timing import Asked, timing
from cotreat.optimise.windows import read_question
from cotreat.population.populations import population
from cotreat.simulate.run import Settings

ECT = "ECT 3 times a week for 3 weeks"
DRUG = "nortriptyline to 100 ng/mL for 24 weeks"
SMALL = Settings(patients=480, draws=12, seed=5)


def setting(who: str = "ECT candidates", settings: Settings = SMALL, **changes: Any) -> Setting:
    return Setting(population(who), changes.pop("parameters", load_parameters(PRIOR)), settings, **changes)


@pytest.fixture(scope="session")
def answer() -> dict[str, Any]:
    return timing(read_question(ECT, DRUG), (-28.0, 0.0, 28.0), setting(), Asked(command="cotreat timing"))
