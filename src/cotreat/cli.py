"""The command line: one group, its commands, and one way to end."""

from __future__ import annotations

import sys

import click

from cotreat import __version__
from cotreat.commands.calibrate import calibrate, cite
from cotreat.commands.check import check
from cotreat.commands.compare import compare
from cotreat.commands.doses import doses
from cotreat.commands.evidence import evidence
from cotreat.commands.monitor import monitor
from cotreat.commands.plan import plan
from cotreat.commands.predict import predict
from cotreat.commands.shared import Group
from cotreat.commands.timing import timing
from cotreat.commands.trial import trial
from cotreat.measures.errors import InputError


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


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="cotreat")
def cli() -> None:
    """When should each part of a combined treatment of depression come, and how should it be given?

    Research and decision support, not a medical device.

    \b
    Example:
      cotreat compare after-ect
    """


for command in (compare, predict, timing, doses, check, plan, evidence, calibrate, trial, monitor, cite):
    cli.add_command(command)
