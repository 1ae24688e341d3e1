"""``cotreat predict``: a published study from its design."""

from __future__ import annotations

from dataclasses import replace
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


@click.command(epilog=EXAMPLE + "cotreat predict sackeim2001")
@click.argument("study")
@simulation_options
@resumable
@click.option("--out", default=None, help="Folder for an HTML report; created only on success.")
def predict(study: str, as_json: bool, out: str | None, resume: bool, **options: Any) -> None:
    """Predict the figures of a published study from its design, and set them beside what was observed.

    STUDY is a study file (YAML) or the id of a packaged study (cotreat evidence list).
    """
    from cotreat.evidence.load import load_study

    writable(out)
    loaded = load_study(study)
    from cotreat.model.parameter_set import load_parameters
    from cotreat.simulate.store import key_of
    from cotreat.trial.predict import predict as run

    parameters, remade = load_parameters(options["params"]), remake("predict", study, options)
    with Progress(quiet=False) as progress:
        how = settings(options, progress)
        # every chunk is kept under a digest of all that it depends on; this names only the folder
        with keeping(progress, resume)(key_of("predict", loaded, parameters.checksum, remade)) as store:
            document = run(loaded, replace(how, store=store), parameters, remade)
    write_and_show(document, out, as_json, "prediction")
