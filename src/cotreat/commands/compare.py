"""``cotreat compare``: arms side by side."""

from __future__ import annotations

from typing import Any

import click

from cotreat.commands.shared import (
    EXAMPLE,
    Progress,
    keeping,
    remake,
    resumable,
    settings,
    simulation_options,
    writable,
    write_and_show,
)


@click.command(epilog=EXAMPLE + "cotreat compare after-ect --out report")
@click.argument("file")
@simulation_options
@click.option("--weeks", type=int, default=None, help="Weeks to follow. Default: 26, or the latest outcome asked for.")
@resumable
@click.option("--out", default=None, help="Folder for the HTML report; created only on success. Default: report.")
def compare(file: str, as_json: bool, out: str | None, resume: bool, **options: Any) -> None:
    """Compare treatments side by side in the same virtual patients.

    FILE is a YAML file with a title, a population, arms (name: sentences) and outcomes, or the name of an example
    that comes with the package (after-ect).
    """
    from cotreat.trial.compare_file import load_comparison

    writable(out)
    what = load_comparison(file)
    from cotreat.model.parameter_set import load_parameters
    from cotreat.trial.compare import compare as run

    with Progress(quiet=False) as progress:
        document = run(
            what,
            settings(options, progress),
            load_parameters(options["params"]),
            remake("compare", file, options),
            keeping(progress, resume),
        )
    folder = out if out is not None else (None if as_json else "report")
    write_and_show(document, folder, as_json, "comparison")
