"""``cotreat trial``: power, assurance and sample size of a virtual trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cotreat.commands.shared import EXAMPLE, Progress, command_line, keeping, resumable, show, where, writable
from cotreat.measures.errors import InputError
from cotreat.model.parameters import DEFAULT


@click.command(epilog=EXAMPLE + "cotreat trial examples/trial.yaml --trials 400 --draws 40")
@click.argument("file")
@click.option("--trials", type=int, default=2000, show_default=True, help="Trials simulated at each step.")
@click.option("--draws", type=int, default=100, show_default=True, help="Parameter draws that assurance is over.")
@click.option("--patients", type=int, default=None, help="Virtual patients of each arm, in all. Default: enough.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of every random number.")
@click.option("--params", default=DEFAULT, show_default=True, help="Parameter set: a name or a file.")
@click.option("--at", default="median", show_default=True, help="Where power is read: median, or the number of a draw.")
@click.option("--no-assurance", is_flag=True, help="Power at one point only, in a third of the time.")
@click.option(
    "--engine",
    type=click.Choice(["kernel", "reference"]),
    default="kernel",
    show_default=True,
    help="kernel: compiled from the model. reference: the plain scan it is checked against.",
)
@click.option("--threads", type=int, default=None, help="Threads; results do not depend on it.")
@resumable
@click.option("--out", default=None, help="Folder for an HTML report; created only on success.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def trial(file: str, as_json: bool, out: str | None, resume: bool, **options: Any) -> None:
    """Simulate a clinical trial many times: its power, assurance and sample size.

    FILE is a YAML file: arms or factors as treatment sentences (or a stated effect), visits, endpoints, sizes. Finished
    parts of a long run are kept: after it was cut off, the same command with --resume goes on.
    """
    from cotreat.trial.virtual.file import load_trial

    writable(out)
    design = load_trial(file)
    at = _at(options["at"])
    from cotreat.model.parameter_set import load_parameters
    from cotreat.trial.virtual.document import Options, trial_document
    from cotreat.trial.virtual.run import Size

    size = Size(**{k: options[k] for k in ("trials", "draws", "seed", "patients", "threads", "engine")})
    how = Options(at=at, assure=not options["no_assurance"], command=_remake(file, options))
    with Progress(as_json) as progress:
        parameters = load_parameters(options["params"])
        document = trial_document(design, size, parameters, how, progress, keeping(progress, resume))
    path: Path | None = None
    if out is not None:
        from cotreat.report.trial_page import write_trial_report

        path = write_trial_report(document, Path(out))
    from cotreat.report.trial_terminal import print_trial

    show(document, as_json, print_trial, *where(path))


def _at(text: str) -> Any:
    if text == "median":
        return "median"
    if not text.isdigit() or int(text) >= 1_000_000:
        raise InputError(f"--at is median or the number of a draw, not {text!r}", examples=("--at median", "--at 17"))
    return int(text)


def _remake(file: str, options: dict[str, Any]) -> str:
    names = ("trials", "draws", "patients", "seed", "params", "at", "no-assurance", "engine")
    return command_line(["trial", file], options, names)
