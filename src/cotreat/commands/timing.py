"""``cotreat timing``: when should the drug come around a stimulation, and how sure is that."""

from __future__ import annotations

import shlex
from typing import Any

import click

from cotreat.commands.shared import EXAMPLE, Group, Progress, print_json, settings, simulation_options, writable
from cotreat.measures.errors import InputError

_SHOWN = (
    'cotreat timing --stimulation "ECT 3 times a week for 3 weeks" --drug "nortriptyline to 100 ng/mL for 24 weeks"'
)
_USUAL = {"ect": "ECT candidates"}
_OUTCOMES = {"well": ("well",), "score": ("mean score",), "both": ("well", "mean score")}


@click.group(cls=Group, invoke_without_command=True, epilog=EXAMPLE + _SHOWN)
@click.option("--stimulation", default=None, help="The stimulation, as a sentence.")
@click.option("--drug", default=None, help="The drug, as a sentence without a start; an acute drug: name and dose.")
@click.option("--from", "low", type=float, default=None, help="Earliest start: weeks (hours) from the first session.")
@click.option("--to", "high", type=float, default=None, help="Latest start: weeks (hours) from the first session.")
@click.option("--population", default=None, help="Who is treated. Default: by the stimulation.")
@click.option("--week", type=click.IntRange(1, 104), default=26, show_default=True, help="Week of the outcomes.")
@click.option(
    "--outcome", type=click.Choice(list(_OUTCOMES)), default="both", show_default=True, help="What the verdict is on."
)
@click.option("--lang", type=click.Choice(["en", "ko", "ja"]), default="en", show_default=True, help="Language.")
@simulation_options
@click.option("--out", default=None, help="Folder for the HTML report; created only on success.")
@click.pass_context
def timing(ctx: click.Context, /, stimulation: str | None, drug: str | None, **options: Any) -> None:
    """Move a drug from 6 weeks before a stimulation to 12 weeks after its first session.

    Says which is better, before or after, how sure that is, what it rests on and what acting wrongly would cost. Starts
    that a safety rule stops are shown and never chosen.
    """
    if ctx.invoked_subcommand is not None:
        return
    if stimulation is None or drug is None:
        raise InputError("say the --stimulation and the --drug", examples=(_SHOWN,))
    from cotreat.model.parameter_set import load_parameters
    from cotreat.optimise.basis import pathway
    from cotreat.optimise.evaluate import Setting
    from cotreat.optimise.timing import Asked
    from cotreat.optimise.timing import timing as run
    from cotreat.optimise.windows import read_question, shifts_of
    from cotreat.population.populations import population

    folder, as_json = options["out"], options["as_json"]
    writable(folder)
    question = read_question(stimulation, drug)
    shifts = shifts_of(question, options["low"], options["high"])
    who = options["population"] or _USUAL.get(pathway(question.subject) or "", "TRD outpatients")
    parameters = load_parameters(options["params"])
    asked = Asked(_OUTCOMES[options["outcome"]], options["lang"], _remake(stimulation, drug, options))  # type: ignore[arg-type]
    how = Setting(population(who), parameters, settings(options, None), options["week"])
    with Progress(as_json) as progress:
        document = run(question, shifts, how, asked, progress)
    path = None
    if folder is not None:
        from cotreat.report.html import render_page, write_text
        from cotreat.report.reading import read_provenance
        from cotreat.report.timing_page import timing_page

        head, page = timing_page(document, read_provenance(document))
        title = f"{document['question']['drug']} around {document['question']['stimulation']}"
        path = write_text(render_page(title, head, page, document["disclaimer"]), folder)
        _write_comparisons(document, folder)
    if as_json:
        print_json(document)
        return
    from rich.console import Console

    from cotreat.report.timing_terminal import print_timing

    print_timing(document, Console())
    if path is not None:
        again = " ".join(f"--{k} {shlex.quote(str(options[k]))}" for k in ("patients", "draws", "seed", "params"))
        print(f"Report: {path}")
        print(f"Each point of the curve: cotreat compare {folder}/compare/FILE.yaml {again}")


def _write_comparisons(document: dict[str, Any], folder: str) -> None:
    """The comparison file of each point of the curve, in ``compare`` beside the report."""
    from pathlib import Path

    home = Path(folder) / "compare"
    try:
        home.mkdir(exist_ok=True)
        for point in document["curve"]:
            (home / point["file"]).write_text(point["comparison"], encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {home}: {error.strerror or error}") from error


def _remake(stimulation: str, drug: str, options: dict[str, Any]) -> str:
    parts = ["cotreat timing", "--stimulation", shlex.quote(stimulation), "--drug", shlex.quote(drug)]
    for flag, name in (("--from", "low"), ("--to", "high"), ("--population", "population")):
        if options[name] is not None:
            parts += [flag, shlex.quote(str(options[name]))]
    for name in ("week", "outcome", "patients", "draws", "seed", "params"):
        parts += [f"--{name}", shlex.quote(str(options[name]))]
    return " ".join(parts)
