"""The command line: parses, calls, prints. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cotreat import __version__
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.simulate.run import Settings

DISCLAIMER = "Research and decision support, not a medical device."
_EXAMPLE = "\b\nExample:\n  "


class _Group(click.Group):
    """Commands in the order they are written, with one way to report bad input."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from cotreat.measures.suggest import did_you_mean

            hint = did_you_mean(args[0], list(self.commands)) if args else None
            raise click.UsageError(f"{error.message} {hint or ''}".strip(), ctx) from error


def main() -> None:
    """Entry point: bad input ends with one clear message and exit code 2."""
    try:
        code = cli.main(standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except click.UsageError as error:
        place = error.ctx.command_path if error.ctx is not None else "cotreat"
        _fail(f"{error.format_message()}\nSee '{place} --help'.")
    except click.ClickException as error:
        _fail(error.format_message())
    except FloatingPointError as error:
        _fail(f"the simulation broke down: {error}")
    except (click.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    print(f"cotreat: {message}", file=sys.stderr)
    sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="cotreat")
def cli() -> None:
    """When should each part of a combined treatment of depression come, and how should it be given?

    Research and decision support, not a medical device.

    \b
    Example:
      cotreat compare after-ect
    """


def _simulation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        [
            click.option(
                "--patients", type=int, default=20_000, show_default=True, help="Virtual patients per arm, in all."
            ),
            click.option(
                "--draws", type=int, default=100, show_default=True, help="Parameter draws they are spread over."
            ),
            click.option("--seed", type=int, default=1, show_default=True, help="Seed of every random number."),
            click.option("--params", default="prior-2026", show_default=True, help="Parameter set: a name or a file."),
            click.option(
                "--engine",
                type=click.Choice(["kernel", "reference"]),
                default="kernel",
                show_default=True,
                help="kernel: compiled from the model. reference: the plain scan it is checked against.",
            ),
            click.option("--threads", type=int, default=None, help="Threads; results do not depend on it."),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
        ]
    ):
        command = option(command)
    return command


def _settings(options: dict[str, Any], done: Callable[[float], None] | None) -> Settings:
    from cotreat.simulate.run import Settings

    if options["threads"] is not None and options["threads"] < 1:
        raise InputError(f"threads must be at least 1, not {options['threads']}")
    names = ("patients", "draws", "seed", "threads", "engine")
    return Settings(**{k: options[k] for k in names}, progress=done)


class _Progress:
    """A line on standard error while the work goes on; silent when it is not a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._show = sys.stderr.isatty() and not quiet

    def __call__(self, share: float) -> None:
        if self._show:
            print(f"\rsimulating {100 * share:3.0f} %", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._show:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _remake(command: str, what: str, options: dict[str, Any]) -> str:
    """The command line that remakes a result."""
    parts = ["cotreat", command, shlex.quote(what)]
    for name in ("patients", "draws", "seed", "params"):
        parts += [f"--{name}", shlex.quote(str(options[name]))]
    return " ".join(parts)


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, allow_nan=False)
    print()


def _writable(directory: str | None) -> None:
    """Refuse an output folder that cannot be written, before any work."""
    if directory is None:
        return
    import tempfile

    path = Path(directory)
    if path.exists() and not path.is_dir():
        raise InputError(f"cannot write to {directory}: it is a file, not a folder")
    parent = path
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise InputError(f"cannot write to {directory}: {parent} is not a folder")
    try:  # asking for permission is not enough: some file systems take no new folder from anybody
        with tempfile.TemporaryDirectory(dir=parent, prefix=".cotreat-"):
            pass
    except OSError as error:
        raise InputError(f"cannot write to {directory}: {error.strerror or error}") from error


@cli.command(epilog=_EXAMPLE + "cotreat compare after-ect --out report")
@click.argument("file")
@_simulation_options
@click.option("--out", default=None, help="Folder for the HTML report; created only on success. Default: report.")
def compare(file: str, as_json: bool, out: str | None, **options: Any) -> None:
    """Compare treatments side by side in the same virtual patients.

    FILE is a YAML file with a title, a population, arms (name: sentences) and outcomes, or the name of an example
    that comes with the package (after-ect).
    """
    from cotreat.trial.compare_file import load_comparison

    _writable(out)
    what = load_comparison(file)
    from cotreat.model.parameter_set import load_parameters
    from cotreat.trial.compare import compare as run

    with _Progress(as_json) as progress:
        document = run(
            what, _settings(options, progress), load_parameters(options["params"]), _remake("compare", file, options)
        )
    folder = out if out is not None else (None if as_json else "report")
    _write_and_show(document, folder, as_json, "comparison")


@cli.command(epilog=_EXAMPLE + "cotreat predict sackeim2001")
@click.argument("study")
@_simulation_options
@click.option("--out", default=None, help="Folder for an HTML report; created only on success.")
def predict(study: str, as_json: bool, out: str | None, **options: Any) -> None:
    """Predict the figures of a published study from its design, and set them beside what was observed.

    STUDY is a study file (YAML) or the id of a packaged study (cotreat evidence list).
    """
    from cotreat.evidence.load import load_study

    _writable(out)
    loaded = load_study(study)
    from cotreat.model.parameter_set import load_parameters
    from cotreat.trial.predict import predict as run

    with _Progress(as_json) as progress:
        document = run(
            loaded, _settings(options, progress), load_parameters(options["params"]), _remake("predict", study, options)
        )
    _write_and_show(document, out, as_json, "prediction")


def _write_and_show(document: dict[str, Any], folder: str | None, as_json: bool, kind: str) -> None:
    path: Path | None = None
    if folder is not None:
        from cotreat.report.html import write_report

        try:
            path = write_report(document, Path(folder))
        except OSError as error:
            raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    if as_json:
        _print_json(document)
        return
    from rich.console import Console

    from cotreat.report import terminal

    console = Console()
    show = terminal.print_comparison if kind == "comparison" else terminal.print_prediction
    show(document, console)
    if path is not None:
        print(f"Report: {path}")


@cli.command(epilog=_EXAMPLE + 'cotreat doses "iTBS 5 days a week for 6 weeks"')
@click.argument("sentences")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=None, help="Days to show. Default: as long as it goes on."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.option("--nonmem", is_flag=True, help="Print a NONMEM-style event table.")
@click.option("--lang", type=click.Choice(["en", "ko", "ja"]), default="en", show_default=True, help="Language.")
@click.option("--out", default=None, help="Folder for timeline.svg, doses.csv and doses.json; created only on success.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def doses(sentences: str, **options: Any) -> None:
    """Show every dose and session of a regimen, and what the sentences mean in plain words.

    SENTENCES is a regimen in quotes, or a file that holds one.
    """
    from cotreat.regimen import doses as shown
    from cotreat.regimen.parse import parse

    days, folder = options["days"], options["out"]
    if options["as_csv"] + options["nonmem"] + options["as_json"] > 1:
        raise InputError("choose one of --csv, --nonmem and --json")
    _writable(folder)
    regimen = parse(_sentences(sentences))
    if folder is not None:
        from cotreat.regimen.timeline import timeline_svg

        files = {
            "timeline.svg": timeline_svg(regimen, days),
            "doses.csv": shown.doses_csv(regimen, days),
            "doses.json": json.dumps(shown.doses_document(regimen, days), ensure_ascii=False, indent=2) + "\n",
        }
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
    if options["as_json"]:
        _print_json(shown.doses_document(regimen, days))
    elif options["as_csv"]:
        print(shown.doses_csv(regimen, days), end="")
    elif options["nonmem"]:
        print(shown.event_table(regimen, days), end="")
    else:
        from rich.console import Console

        from cotreat.report.doses import print_doses

        print_doses(regimen, days, Console(), options["lang"])
        if folder is not None:
            print(f"Written: {', '.join(str(Path(folder) / name) for name in files)}")


@cli.command(epilog=_EXAMPLE + "cotreat check examples/check.yaml")
@click.argument("file")
@click.option("--lang", type=click.Choice(["en", "ko", "ja"]), default="en", show_default=True, help="Language.")
@click.option("--rules", "pack", default=None, help="A rule pack of your own (YAML). Default: the packaged one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def check(file: str, lang: str, pack: str | None, as_json: bool) -> int:
    """Check a regimen for a patient against the safety rules.

    FILE is a YAML file with a regimen and what is known of the patient. Exit code 1 when a rule stops the plan. What is
    not known is reported as not checked, never as safe.
    """
    from cotreat.safety.check import CheckOptions, load_case
    from cotreat.safety.check import check as run
    from cotreat.safety.pack import load_pack

    case = load_case(file)
    options = CheckOptions(pack=None if pack is None else load_pack(pack), language=lang)
    verdict = run(case.regimen, case.patient, options)
    if as_json:
        _print_json(verdict.document())
    else:
        from rich.console import Console

        from cotreat.safety.text import lines

        console = Console()
        for line in [*lines(verdict), DISCLAIMER]:
            console.print(line, markup=False, highlight=False)
    return 1 if verdict.stopped else 0


def _sentences(text: str) -> str:
    """The text itself, or what stands in the file it names."""
    path = Path(text) if "\n" not in text and len(text) < 1024 and "\0" not in text else None
    if path is None or not (path.exists() or path.suffix in (".txt", ".regimen")):
        return text
    if path.is_dir():
        raise InputError(f"{text} is a directory, not a file")
    try:
        if path.stat().st_size > 1 << 16:
            raise InputError(f"{text} is larger than 64 kB")
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{text} is not a text file in UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read {text}: {error.strerror or error}") from error
    if not content.strip():
        raise InputError(f"{text} is empty")
    return content


@cli.group(cls=_Group, epilog=_EXAMPLE + "cotreat evidence show sackeim2001")
def evidence() -> None:
    """The published trials the project rests on."""


@evidence.command("list", epilog=_EXAMPLE + "cotreat evidence list lithium")
@click.argument("query", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_list(query: tuple[str, ...], as_json: bool) -> None:
    """List the studies, or those in which every word of QUERY occurs."""
    from cotreat.evidence.show import list_rows

    rows = list_rows(" ".join(query))
    if as_json:
        _print_json([row.document() for row in rows])
        return
    for row in rows:
        systems = " ".join(row.systems)
        print(f"{row.id:<24} {row.year or '    '}  {row.use:<8} {systems:<12} {row.title}")
    print(f"{len(rows)} studies. {DISCLAIMER}")


@evidence.command("show", epilog=_EXAMPLE + "cotreat evidence show sackeim2001")
@click.argument("study")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_show(study: str, as_json: bool) -> None:
    """Show one study: who was treated, with what, and each figure with where it was read."""
    from cotreat.evidence.show import show_document, show_text

    if as_json:
        _print_json(show_document(study))
    else:
        print(show_text(study))


@evidence.command("check", epilog=_EXAMPLE + "cotreat evidence check sackeim2001")
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_check(file: str | None, as_json: bool) -> int:
    """Look for contradictions in a study FILE, or in the whole base when no file is named.

    Exit code 1 when something contradicts itself, 2 when the file cannot be read as a study.
    """
    from cotreat.evidence.show import check_file, check_packaged

    faults = check_packaged() if file is None else check_file(file)
    if as_json:
        _print_json([fault.document() for fault in faults])
    else:
        for fault in faults:
            print(fault)
        print(f"{len(faults)} finding{'s' if len(faults) != 1 else ''}")
    severities = {fault.severity for fault in faults}
    return 2 if "impossible" in severities else 1 if "contradiction" in severities else 0
