"""Options and output that the commands of ``cotreat plan`` share: the documents of a plan."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def document_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What goes into the documents beside the plan."""
    for option in reversed(
        [
            click.option("--crisis-line", default="", help="Number to call with thoughts of suicide. Default: a line."),
            click.option("--clinic-phone", default="", help="The clinic's telephone. Default: a line to fill in."),
            click.option("--calendar-details", is_flag=True, help="Name drugs and treatments in the calendar."),
        ]
    ):
        command = option(command)
    return command


def write_taper(document: dict[str, Any], out: str, given: dict[str, Any]) -> tuple[list[Path], bool]:
    """Write the plan document and, where they may be made, all documents of a taper; and whether they were.

    When they may not, the reasons are said on standard error.
    """
    from cotreat.plan.documents.write import taper_files, why_not, write

    found = {"plan.json": as_json(document)}
    against = why_not(document)
    if not against:
        found |= taper_files(document, choices(given))
    written = write(found, out)
    for line in refused(against):
        print(line, file=sys.stderr)
    return written, not against


def choices(given: dict[str, Any]) -> Any:
    """The documents' choices from the options of a command."""
    from cotreat.plan.documents.material import Calls
    from cotreat.plan.documents.write import Choices

    return Choices(Calls(given["crisis_line"].strip(), given["clinic_phone"].strip()), given["calendar_details"])


def as_json(document: dict[str, Any]) -> bytes:
    """A document as the bytes of a JSON file."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def refused(against: tuple[str, ...]) -> list[str]:
    """Lines that say why no sheets are made."""
    if not against:
        return []
    return ["No sheets for patient or pharmacy:", *(f"- {reason}" for reason in against)]
