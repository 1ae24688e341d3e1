"""``cotreat timing``: when should the drug come around a stimulation, and how sure is that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cotreat.commands.shared import (
    EXAMPLE,
    Group,
    Progress,
    command_line,
    settings,
    show,
    simulation_options,
    where,
    writable,
)
from cotreat.measures.errors import InputError
from cotreat.model.parameters import DEFAULT

_SHOWN = (
    'cotreat timing --stimulation "ECT 3 times a week for 3 weeks" --drug "nortriptyline to 100 ng/mL for 24 weeks"'
)
_SIMULATED = ("patients", "draws", "seed", "params", "engine")
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
@click.option("--patient", "facts", default=None, help="A file of facts about the patient, for the safety rules.")
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
    from cotreat.safety.check import load_patient
    from cotreat.safety.patient import Patient

    folder, as_json = options["out"], options["as_json"]
    writable(folder)
    question = read_question(stimulation, drug)
    shifts = shifts_of(question, options["low"], options["high"])
    who = options["population"] or _USUAL.get(pathway(question.subject) or "", "TRD outpatients")
    parameters = load_parameters(options["params"])
    about = Patient() if options["facts"] is None else load_patient(options["facts"])
    command = _remake(stimulation, drug, options)
    asked = Asked(_OUTCOMES[options["outcome"]], options["lang"], command, about)  # type: ignore[arg-type]
    how = Setting(population(who), parameters, settings(options, None), options["week"])
    with Progress(as_json) as progress:
        document = run(question, shifts, how, asked, progress)
    path = None
    if folder is not None:
        from cotreat.report.timing_page import timing_page

        title = f"{document['question']['drug']} around {document['question']['stimulation']}"
        path = _write_page(document, timing_page, title, folder)
        _write_comparisons(document, folder)
    from cotreat.report.timing_terminal import print_timing

    lines = where(path)
    if lines:
        again = command_line(["compare", f"{folder}/compare/FILE.yaml"], options, _SIMULATED)
        lines = (*lines, f"Each point of the curve: {again}")
    show(document, as_json, print_timing, *lines)


@timing.command("map", epilog=EXAMPLE + "cotreat timing map --patients 20160 --out map")
@click.option("--stimulation", default="ECT 3 times a week for 3 weeks", show_default=True, help="The course.")
@click.option("--drug", default="nortriptyline to 100 ng/mL for 24 weeks", show_default=True, help="The drug.")
@click.option("--population", default=None, help="Who is treated. Default: by the stimulation.")
@click.option("--week", type=click.IntRange(1, 104), default=26, show_default=True, help="Week of the outcome.")
@click.option(
    "--outcome",
    type=click.Choice(["well", "mean score", "relapse"]),
    default="mean score",
    show_default=True,
    help="What is best.",
)
@click.option(
    "--reading",
    type=click.Choice(["equal stop date", "equal drug-days"]),
    default="equal drug-days",
    show_default=True,
    help="What is kept when the drug is moved.",
)
@click.option("--cell-draws", type=click.IntRange(4, 1000), default=40, show_default=True, help="Draws of each cell.")
@click.option("--patients", type=int, default=201_600, show_default=True, help="Virtual patients of each start.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of every random number.")
@click.option("--params", default=DEFAULT, show_default=True, help="Parameter set: a name or a file.")
@click.option("--threads", type=int, default=None, help="Threads; results do not depend on it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--out", default=None, help="Folder for the HTML report; created only on success.")
def direction(stimulation: str, drug: str, **options: Any) -> None:
    """Map for which stimulus the drug should come before, with or after it.

    Strength and persistence of the stimulus are varied, everything else is drawn from the parameter set. Rings show
    where TMS, accelerated TMS, ECT and ketamine lie. Where the answer is only that of the prior it is hatched.
    """
    from cotreat.model.parameter_set import load_parameters
    from cotreat.optimise.basis import pathway
    from cotreat.optimise.direction import Grid, direction_map
    from cotreat.optimise.evaluate import Setting
    from cotreat.optimise.windows import read_question
    from cotreat.population.populations import population

    folder, as_json = options["out"], options["as_json"]
    writable(folder)
    question = read_question(stimulation, drug)
    who = options["population"] or _USUAL.get(pathway(question.subject) or "", "TRD outpatients")
    grid = Grid(draws=options["cell_draws"])
    chosen = settings(options | {"draws": 1, "engine": "kernel"}, None)
    how = Setting(population(who), load_parameters(options["params"]), chosen, options["week"])
    names = ("population", "week", "outcome", "reading", "cell-draws", "patients", "seed", "params")
    command = command_line(["timing", "map", *_asked(stimulation, drug)], options, names)
    with Progress(as_json) as progress:
        document = direction_map(question, how, grid, (options["outcome"], options["reading"]), command, progress)
    path = None
    if folder is not None:
        from cotreat.report.direction_map_page import direction_page

        path = _write_page(document, direction_page, "The direction map", folder)
    from cotreat.report.direction_map_page import print_map

    show(document, as_json, print_map, *where(path))


@timing.command("settle", epilog=EXAMPLE + "cotreat timing settle --draws 400 --patients 8000")
@click.option("--stimulation", default="iTBS 5 days a week for 6 weeks", show_default=True, help="The course.")
@click.option("--drug", default="escitalopram 10 mg daily for 26 weeks", show_default=True, help="The drug.")
@click.option("--population", default=None, help="Who is treated. Default: by the stimulation.")
@click.option("--sizes", default="100,200,400", show_default=True, help="Patients of the trial, all arms together.")
@click.option("--patients", type=int, default=80_000, show_default=True, help="Virtual patients per arm, in all.")
@click.option("--draws", type=int, default=2000, show_default=True, help="Parameter draws they are spread over.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of every random number.")
@click.option("--params", default=DEFAULT, show_default=True, help="Parameter set: a name or a file.")
@click.option("--threads", type=int, default=None, help="Threads; results do not depend on it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--out", default=None, help="Folder for the HTML report and a `cotreat trial` file of each design.")
def settle_command(stimulation: str, drug: str, **options: Any) -> None:
    """Rank trials by how much they would improve the choice between before and after.

    The worth of a trial is the expected drop in regret of those treated after it, per 100 patients of the trial.
    """
    from cotreat.model.parameter_set import load_parameters
    from cotreat.optimise.basis import pathway
    from cotreat.optimise.evaluate import Setting
    from cotreat.optimise.settle import settle
    from cotreat.optimise.windows import read_question
    from cotreat.population.populations import population

    folder, as_json = options["out"], options["as_json"]
    writable(folder)
    try:
        sizes = tuple(int(s) for s in options["sizes"].split(","))
    except ValueError:
        raise InputError(f"cannot read the sizes {options['sizes']!r}", examples=("100,200,400",)) from None
    question = read_question(stimulation, drug)
    who = options["population"] or _USUAL.get(pathway(question.subject) or "", "TRD outpatients")
    how = Setting(population(who), load_parameters(options["params"]), settings(options | {"engine": "kernel"}, None))
    names = ("population", "sizes", "patients", "draws", "seed", "params")
    command = command_line(["timing", "settle", *_asked(stimulation, drug)], options, names)
    with Progress(as_json) as progress:
        document = settle(question, how, sizes, command, progress)
    path = None
    if folder is not None:
        from cotreat.report.settle_page import settle_page

        path = _write_page(document, settle_page, "Which trial would settle it?", folder)
        files = {f"{r['design'].replace(' ', '-')}_{r['patients']}.yaml": r["trial"] for r in document["designs"]}
        _write_files(f"{folder}/trials", files)
    from cotreat.report.settle_text import print_settle

    lines = where(path)
    if lines:
        lines = (*lines, f"Power of each: cotreat trial {folder}/trials/FILE.yaml")
    show(document, as_json, print_settle, *lines)


@timing.command(
    "schedule", epilog=EXAMPLE + "cotreat timing schedule examples/schedule.yaml --patients 2000 --draws 40"
)
@click.argument("file")
@click.option("--week", type=click.IntRange(1, 104), default=26, show_default=True, help="Week of the outcomes.")
@simulation_options
@click.option("--out", default=None, help="Folder for the HTML report; created only on success.")
def schedule_command(file: str, **options: Any) -> None:
    """Try every combination of a few choices and show the schedules that no other beats in all goals.

    FILE is a YAML file: a schedule with gaps, choices for each gap, goals. Schedules that a safety rule stops are left
    out and counted.
    """
    from cotreat.model.parameter_set import load_parameters
    from cotreat.optimise.evaluate import Setting
    from cotreat.optimise.schedule import read_search, schedule

    folder, as_json = options["out"], options["as_json"]
    writable(folder)
    search = read_search(file)
    how = Setting(search.who, load_parameters(options["params"]), settings(options, None), options["week"])
    command = command_line(["timing", "schedule", file], options, ("week", *_SIMULATED))
    with Progress(as_json) as progress:
        document = schedule(search, how, command, progress)
    path = None
    if folder is not None:
        from cotreat.report.schedule_page import schedule_page

        path = _write_page(document, schedule_page, document["title"], folder)
    from cotreat.report.settle_text import print_schedule

    show(document, as_json, print_schedule, *where(path))


def _write_page(document: dict[str, Any], made: Callable[..., Any], title: str, folder: str) -> Path:
    """Write the page that ``made`` gives of a document and return its path."""
    from cotreat.report.html import render_page, write_text
    from cotreat.report.reading import read_provenance

    head, page = made(document, read_provenance(document))
    return write_text(render_page(title, head, page, document["disclaimer"]), folder)


def _write_files(folder: str, files: dict[str, str]) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error


def _write_comparisons(document: dict[str, Any], folder: str) -> None:
    """The comparison file of each point of the curve, in ``compare`` beside the report."""
    _write_files(f"{folder}/compare", {p["file"]: p["comparison"] for p in document["curve"]})


def _asked(stimulation: str, drug: str) -> tuple[str, ...]:
    return ("--stimulation", stimulation, "--drug", drug)


def _remake(stimulation: str, drug: str, options: dict[str, Any]) -> str:
    named = options | {"from": options["low"], "to": options["high"], "patient": options["facts"]}
    named |= {"lang": None if options["lang"] == "en" else options["lang"]}
    names = ("from", "to", "population", "patient", "week", "outcome", "lang")
    return command_line(["timing", *_asked(stimulation, drug)], named, (*names, *_SIMULATED))
