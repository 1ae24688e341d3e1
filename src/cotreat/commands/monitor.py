"""``cotreat monitor``: one person followed, withdrawal or relapse."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from cotreat.commands.shared import EXAMPLE, Progress, command_line, print_json, writable
from cotreat.measures.errors import InputError


@click.command(epilog=EXAMPLE + "cotreat monitor examples/monitor.csv --mapping examples/monitor-mapping.yaml")
@click.argument("file")
@click.option(
    "--mapping", default=None, help="Mapping file (YAML): groups of items, scales of your own, columns of a wide table."
)
@click.option(
    "--research", is_flag=True, help="Add the research view: forecast and what-if, not validated for individuals."
)
@click.option("--lang", type=click.Choice(["en", "ko", "ja"]), default="en", show_default=True, help="Language.")
@click.option("--today", default=None, help="The day the record ends on (2026-01-31). Default: the last row.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of every random number.")
@click.option("--particles", type=int, default=2000, show_default=True, help="Particles of the filter.")
@click.option(
    "--params", default=None, show_default="the packaged one", help="Parameter set: a name or a file (YAML or draws)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--out", default=None, help="Folder for an HTML report; created only on success.")
def monitor(file: str, as_json: bool, out: str | None, **options: Any) -> None:
    """Follow one person: for each day, more like withdrawal or more like relapse, and how sure.

    FILE is a table of one person's ratings, doses and sessions (date,time,kind,name,value,unit,note), or a wide table
    (a REDCap export, a diary app) with a mapping file. Red flags are shown first.
    """
    from cotreat.monitor.reader import read

    writable(out)
    _check(options)
    today = _date(options["today"])
    record = read(file, options["mapping"], today)
    from cotreat.model.parameter_set import load_parameters
    from cotreat.model.parameters import DEFAULT
    from cotreat.monitor.document import Made, document
    from cotreat.monitor.follow import Filter, FilterSettings

    options["params"] = options["params"] or DEFAULT
    parameters = load_parameters(options["params"])
    with Progress(as_json) as progress:
        settings = FilterSettings(options["particles"], options["seed"], progress)
        run = Filter(record, settings, parameters)
        research = None
        if options["research"]:
            from cotreat.monitor.research import follow_with_forecasts, research_view

            track, ahead = follow_with_forecasts(run)
            research = research_view(run, ahead)
        else:
            track = run.run()
    made = Made(_remake(file, options), options["lang"], parameters, today or dt.date.today())
    found = document(track, made, research)
    path: Path | None = None
    if out is not None:
        from cotreat.report.monitor_page import write_monitor

        path = write_monitor(found, Path(out))
    if as_json:
        print_json(found)
        return
    from cotreat.report.monitor_text import lines

    for line in lines(found):
        print(line)
    if path is not None:
        print(f"Report: {path}")


def _check(options: dict[str, Any]) -> None:
    for name, low, high in (("particles", 100, 500_000), ("seed", 0, 2**63 - 1)):
        if not low <= options[name] <= high:
            raise InputError(f"{name} must be between {low} and {high}, not {options[name]}")


def _date(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--today {text!r} is no date", hint="Dates are written 2026-01-31.") from None


def _remake(file: str, options: dict[str, Any]) -> str:
    names = ("mapping", "today", "research", "lang", "seed", "particles", "params")
    return command_line(["monitor", file], options, names)
