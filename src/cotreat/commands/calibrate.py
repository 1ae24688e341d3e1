"""``cotreat calibrate``: the model fitted to the trials, and what must be known to believe it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from cotreat.commands.shared import DISCLAIMER, EXAMPLE, Group, command_line, print_json, writable
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.calibrate.material import Plan


def _options(command: Any) -> Any:
    for option in reversed(
        [
            click.option("--quick", is_flag=True, help="Minutes: some studies, few points. To see that it works."),
            click.option("--draws", type=int, default=None, help="Points of the bank over the prior (full: 30,720)."),
            click.option("--jobs", type=int, default=2, show_default=True, help="Processes that simulate."),
            click.option("--seed", type=int, default=1, show_default=True, help="Seed of every random number."),
        ]
    ):
        command = option(command)
    return command


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog=EXAMPLE + "cotreat calibrate --quick --out calibration",
)
@_options
@click.option("--name", default=None, help="Name of the set of draws; default cotreat-YEAR-MONTH.")
@click.option("--sbc", type=int, default=None, help="Rounds of simulation-based calibration (full: 32; 0: none).")
@click.option("--rivals/--no-rivals", default=True, show_default=True, help="Fit the rival with linear mood too.")
@click.option("--out", default="calibration", show_default=True, help="Folder for draws, document and report.")
@click.option("--json", "as_json", is_flag=True, help="Print the document as JSON and nothing else.")
@click.pass_context
def calibrate(ctx: click.Context, /, **options: Any) -> None:
    """Fit the model to the published trials and write a set of joint draws, with its report.

    What was done before is taken up where it was left: simulations, networks and fits are kept in the cache folder
    ($COTREAT_CACHE). The full run takes one to two hours of two processors after the bank is made.
    """
    if ctx.invoked_subcommand is not None:
        return
    writable(options["out"])
    plan = _plan(options)
    from cotreat.calibrate.run import run_calibration

    command = _command(options)
    with Teller(options["as_json"]) as tell:
        document, path = run_calibration(plan, options["out"], options["name"], command, tell)
    if options["as_json"]:
        print_json(document)
        return
    from rich.console import Console

    from cotreat.report.calibration_terminal import print_calibration

    print_calibration(document, Console())
    print(f"Draws: {path}")
    print(f"Report: {options['out']}/report.html")
    print(f"Remake: {command}  (version {document['version']}, seed {document['seed']})")
    print(DISCLAIMER)


@calibrate.command(epilog=EXAMPLE + "cotreat calibrate bank --quick --seed 2")
@_options
@click.option("--linear", is_flag=True, help="The bank of the rival with linear mood.")
def bank(linear: bool, **options: Any) -> None:
    """Simulate every arm of every fitted study over the prior, or go on with it; prints the folder.

    A bank that was stopped goes on where it was; one of another model, prior or study is another bank.
    """
    plan = _plan({**options, "sbc": None, "rivals": True})
    from cotreat.calibrate.bank import fitted_studies, make_bank
    from cotreat.calibrate.material import wide_bank

    known = fitted_studies()
    keys = [k for k in (plan.studies or tuple(known)) if k in known]
    with Teller(False) as tell:
        folder = make_bank(wide_bank(plan, linear), keys, lambda i, n, k: tell(f"bank: {i} of {n} ({k})"))
    print(f"Bank: {folder}")
    print(DISCLAIMER)


@calibrate.command(epilog=EXAMPLE + "cotreat calibrate page calibration/calibration.json --out docs")
@click.argument("document", type=click.Path())
@click.option("--out", default=".", show_default=True, help="Folder for how-far-to-believe-it.md.")
def page(document: str, out: str) -> None:
    """Write "How far to believe it" from the document of a calibration."""
    writable(out)
    from pathlib import Path

    from cotreat.report.calibration_far import far_page, read_document

    text = far_page(read_document(document))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "how-far-to-believe-it.md"
    partial = target.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)
    print(f"Page: {target}")
    print(DISCLAIMER)


def _plan(options: dict[str, Any]) -> Plan:
    from dataclasses import replace

    from cotreat.calibrate.material import Plan

    if options["jobs"] < 1:
        raise InputError(f"jobs must be at least 1, not {options['jobs']}")
    if options["seed"] < 0:
        raise InputError(f"seed must not be negative, not {options['seed']}")
    plan = (
        Plan.quick(options["seed"], options["jobs"])
        if options["quick"]
        else Plan(seed=options["seed"], jobs=options["jobs"])
    )
    draws = options["draws"]
    if draws is not None:
        if draws < 1024 or draws % 1024:
            raise InputError(f"draws must be a multiple of 1024, not {draws}", examples=("4096", "20480", "30720"))
        plan = replace(plan, wide=draws)
    if options["sbc"] is not None:
        plan = replace(plan, sbc=options["sbc"])
    return plan if options["rivals"] else replace(plan, linear_part=0.0)


def _command(options: dict[str, Any]) -> str:
    names = ("quick", "draws", "seed", "sbc", "no-rivals", "name")
    return command_line(["calibrate"], options | {"no_rivals": not options["rivals"]}, names)


class Teller:
    """What goes on, on standard error: one line that is written over on a terminal, a line a minute elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        self._begun = self._last = time.monotonic()

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        if self._quiet:
            return
        minutes = (now - self._begun) / 60
        if self._terminal:
            print(f"\r\033[K{minutes:5.1f} min  {line}", end="", file=sys.stderr, flush=True)
        elif now - self._last > 60:
            self._last = now
            print(f"{minutes:5.1f} min  {line}", file=sys.stderr, flush=True)

    def __enter__(self) -> Teller:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal and not self._quiet:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@click.command(epilog=EXAMPLE + "cotreat cite --params literature-2026")
@click.option("--params", default=None, help="Parameter set: a name or a file; default the packaged one.")
def cite(params: str | None) -> None:
    """What to cite: the program, the set of parameters, and the studies it was fitted to."""
    from importlib.metadata import version

    from cotreat.evidence.load import studies
    from cotreat.model.draw_set import DrawSet
    from cotreat.model.parameter_set import load_parameters
    from cotreat.model.parameters import DEFAULT

    found = load_parameters(params or DEFAULT)
    print(f"The Cotreat developers. Cotreat, version {version('cotreat')}.")
    print(f"Parameters: {found.name} ({found.status}), {found.checksum}")
    if isinstance(found, DrawSet) and found.origin is not None:
        print(f"Fitted to: {found.origin.evidence}; remade by: {found.origin.command}")
        print("Studies of the packaged evidence that enter a fit:")
        for study in studies().values():
            if study.use == "fit":
                print(f"  {study.citation or study.title}" + (f" doi:{study.doi}" if study.doi else ""))
    else:
        print("Not fitted to any trial; its sources stand beside each parameter in its file.")
    print(DISCLAIMER)
