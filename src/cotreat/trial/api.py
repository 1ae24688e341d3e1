"""``cotreat.compare``: arms side by side from Python."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import DEFAULT
from cotreat.regimen.values import Regimen
from cotreat.simulate.run import Settings
from cotreat.simulate.store import Store
from cotreat.trial.compare import compare as run_comparison
from cotreat.trial.compare_file import DEFAULT_OUTCOMES, comparison


class Compared(dict[str, Any]):
    """A comparison document (docs/compare-document.md) that prints as a table and writes its own report."""

    def __str__(self) -> str:
        from rich.console import Console

        from cotreat.report.terminal import print_comparison

        text = io.StringIO()
        print_comparison(self, Console(file=text, width=100))
        return text.getvalue()

    def report(self, directory: str | Path) -> Path:
        """Write the HTML report into a folder and return its path."""
        from cotreat.report.html import write_report

        return write_report(self, Path(directory))


def compare(
    arms: dict[str, Regimen | str],
    population: str = "ECT candidates",
    outcomes: tuple[str, ...] = DEFAULT_OUTCOMES,
    *,
    parameters: str = DEFAULT,
    resume: bool = False,
    **settings: Any,
) -> Compared:
    """Compare arms on the same virtual patients and the same luck.

    Parameters
    ----------
    arms
        Sentence or regimen by name of the arm; the first is the reference.
    population, parameters
        Name of a population; name or file of a parameter set.
    outcomes
        Such as "well at week 26".
    resume
        Go on with the same comparison after it was cut off (finished parts are kept in the user's cache directory).
    settings
        Fields of ``cotreat.simulate.run.Settings``: patients, draws, seed, ...

    Raises
    ------
    InputError
        Something cannot be read or used.
    """
    what = comparison(arms, population, outcomes)
    keep = partial(Store, resume=resume)
    return Compared(run_comparison(what, Settings(**settings), load_parameters(parameters), keep=keep))
