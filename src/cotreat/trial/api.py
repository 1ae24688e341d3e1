"""``cotreat.compare``: arms side by side from Python."""

from __future__ import annotations

from typing import Any

from cotreat.model.parameter_set import DEFAULT, load_parameters
from cotreat.regimen.values import Regimen
from cotreat.simulate.run import Settings
from cotreat.trial.compare import compare as run_comparison
from cotreat.trial.compare_file import DEFAULT_OUTCOMES, comparison


def compare(
    arms: dict[str, Regimen | str],
    population: str = "ECT candidates",
    outcomes: tuple[str, ...] = DEFAULT_OUTCOMES,
    *,
    parameters: str = DEFAULT,
    **settings: Any,
) -> dict[str, Any]:
    """Compare arms on the same virtual patients and the same luck.

    Returns the comparison document (docs/compare-document.md) as a dictionary. ``settings`` are fields of
    ``cotreat.simulate.run.Settings``. Raises InputError for input that cannot be used.
    """
    return run_comparison(comparison(arms, population, outcomes), Settings(**settings), load_parameters(parameters))
