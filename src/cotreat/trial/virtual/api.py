"""Virtual trials from Python."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import DEFAULT
from cotreat.simulate.store import Store
from cotreat.trial.virtual.document import Options, trial_document
from cotreat.trial.virtual.file import load_trial, read_trial
from cotreat.trial.virtual.run import Over, Size


class Simulated(dict[str, Any]):
    """A trial document (docs/virtual-trials.md) that prints as tables and writes its own report."""

    def __str__(self) -> str:
        from rich.console import Console

        from cotreat.report.trial_terminal import print_trial

        text = io.StringIO()
        print_trial(self, Console(file=text, width=100))
        return text.getvalue()

    def report(self, directory: str | Path) -> Path:
        """Write the HTML report into a folder and return its path."""
        from cotreat.report.trial_page import write_trial_report

        return write_trial_report(self, Path(directory))


def trial(
    design: dict[str, Any] | str | Path,
    *,
    parameters: str = DEFAULT,
    at: Over = "median",
    assurance: bool = True,
    resume: bool = False,
    **size: Any,
) -> Simulated:
    """Simulate a trial many times.

    Parameters
    ----------
    design
        The fields of a trial file as a dictionary, or the path of one.
    parameters
        Name or file of a parameter set.
    at
        Where power is read: "median", or the number of a draw.
    assurance
        Whether success is also averaged over what is not known.
    resume
        Go on with the same trial after it was cut off (finished parts are kept in the user's cache directory).
    size
        Fields of ``cotreat.trial.virtual.run.Size``: trials, draws, patients, seed, threads.

    Raises
    ------
    InputError
        Something cannot be read or done.
    """
    read = read_trial(design) if isinstance(design, dict) else load_trial(str(design))
    how = Options(at=at, assure=assurance, command="cotreat.trial.virtual.api.trial")
    return Simulated(
        trial_document(read, Size(**size), load_parameters(parameters), how, keep=partial(Store, resume=resume))
    )
