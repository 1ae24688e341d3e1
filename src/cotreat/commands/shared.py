"""What commands have in common: options, progress, output, and one way to report bad input."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cotreat.measures.errors import InputError
from cotreat.model.parameters import DEFAULT

if TYPE_CHECKING:
    from rich.console import Console

    from cotreat.simulate.run import Settings
    from cotreat.simulate.store import Store

DISCLAIMER = "Research and decision support, not a medical device."
EXAMPLE = "\b\nExample:\n  "


class Group(click.Group):
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


def simulation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        [
            click.option(
                "--patients", type=int, default=20_000, show_default=True, help="Virtual patients per arm, in all."
            ),
            click.option(
                "--draws", type=int, default=100, show_default=True, help="Parameter draws they are spread over."
            ),
            click.option("--seed", type=int, default=1, show_default=True, help="Seed of every random number."),
            click.option("--params", default=DEFAULT, show_default=True, help="Parameter set: a name or a file."),
            click.option(
                "--engine",
                type=click.Choice(["kernel", "reference", "gpu"]),
                default="kernel",
                show_default=True,
                help="kernel: compiled from the model. reference: the plain scan it is checked against. "
                "gpu: the kernel on an NVIDIA GPU.",
            ),
            click.option("--threads", type=int, default=None, help="Threads; results do not depend on it."),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."),
        ]
    ):
        command = option(command)
    return command


def resumable(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --resume of a command with long runs; see ``keeping``."""
    return click.option(
        "--resume",
        is_flag=True,
        help="Go on with the same run after it was cut off. Its finished parts lie in $COTREAT_CACHE/runs (else in the "
        "user's cache directory) and are removed when it succeeds; the result is the same to the last digit.",
    )(command)


def settings(options: dict[str, Any], done: Callable[[float], None] | None) -> Settings:
    from cotreat.simulate.run import Settings

    if options["threads"] is not None and options["threads"] < 1:
        raise InputError(f"threads must be at least 1, not {options['threads']}")
    names = ["patients", "draws", "seed", "threads", "engine"]
    names += ["weeks"] if options.get("weeks") is not None else []
    return Settings(**{k: options[k] for k in names}, progress=done)


class Progress:
    """A line on standard error while the work goes on: the share that is done and the time that is left.

    Silent when it is not a terminal, or when ``quiet``.
    """

    def __init__(self, quiet: bool) -> None:
        self._show = sys.stderr.isatty() and not quiet
        self._base = (time.monotonic(), 0.0)

    def __call__(self, share: float) -> None:
        if self._show:
            text = f"\r\033[Ksimulating {100 * share:3.0f} %{self._left(share)}"
            print(text, end="", file=sys.stderr, flush=True)

    def _left(self, share: float) -> str:
        now = time.monotonic()
        since, before = self._base
        if now - since < 1.0:  # what was kept by an earlier run comes at once and says nothing about speed
            self._base = (since, share)
            return ""
        seconds = (1.0 - share) * (now - since) / max(share - before, 1e-9)
        return f", about {_in_words(seconds)} left" if 0 < seconds < 1e7 else ""

    def tell(self, line: str) -> None:
        """A line for the user on standard error, whether or not it is a terminal."""
        erase = "\r\033[K" if self._show else ""
        print(f"{erase}cotreat: {line}", file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._show:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _in_words(seconds: float) -> str:
    for limit, unit, size in ((90, "s", 1), (5400, "min", 60)):
        if seconds < limit:
            return f"{max(1, round(seconds / size))} {unit}"
    return f"{seconds / 3600:.1f} h"


def keeping(progress: Progress, resume: bool) -> Callable[[str], Store]:
    """How the finished parts of a run are kept: a store for the digest of the run."""
    from cotreat.simulate.store import Store

    return lambda key: Store(key, resume=resume, tell=progress.tell)


def remake(command: str, what: str, options: dict[str, Any]) -> str:
    """The command line that remakes a result."""
    return command_line([command, what], options, ("patients", "draws", "seed", "weeks", "params", "engine"))


def command_line(words: Sequence[str], options: Mapping[str, Any], names: Sequence[str]) -> str:
    """The command line that remakes a result: ``words``, and those of the options ``names`` that are given.

    A flag is named when it is set, an engine when it is not the usual one.
    """
    parts = ["cotreat", *(shlex.quote(word) for word in words)]
    for name in names:
        value = options.get(name.replace("-", "_"))
        if value is None or value is False or (name, value) == ("engine", "kernel"):
            continue
        parts += [f"--{name}"] if value is True else [f"--{name}", shlex.quote(str(value))]
    return " ".join(parts)


def print_json(document: Any) -> None:
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, allow_nan=False)
    print()


def show(document: Any, as_json: bool, print_text: Callable[[Any, Console], None], *lines: str) -> None:
    """A document as JSON and nothing else; or as text, and then ``lines``, which say where its files are."""
    if as_json:
        print_json(document)
        return
    from rich.console import Console

    print_text(document, Console())
    for line in lines:
        print(line)


def writable(directory: str | None) -> None:
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


def write_and_show(document: dict[str, Any], folder: str | None, as_json: bool, kind: str) -> None:
    path: Path | None = None
    if folder is not None:
        from cotreat.report.html import write_report

        try:
            path = write_report(document, Path(folder))
        except OSError as error:
            raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    from cotreat.report import terminal

    print_text = terminal.print_comparison if kind == "comparison" else terminal.print_prediction
    show(document, as_json, print_text, *where(path))


def where(path: Path | None) -> tuple[str, ...]:
    """The line that says where the report is, if there is one."""
    return () if path is None else (f"Report: {path}",)
