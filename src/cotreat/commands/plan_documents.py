"""Options and output that the commands of ``cotreat plan`` share: the documents of a plan."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cotreat.commands.shared import command_line, print_json


def document_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What goes into the documents beside the plan."""
    for option in reversed(
        [
            click.option("--crisis-line", default="", help="Number to call with thoughts of suicide. Default: a line."),
            click.option("--clinic-phone", default="", help="The clinic's telephone. Default: a line to fill in."),
            click.option("--calendar-details", is_flag=True, help="Name drugs and treatments in the calendar."),
            click.option(
                "--calendar-name",
                default="",
                help="Tells this plan from another person's same plan in one calendar; keep it when you plan anew.",
            ),
        ]
    ):
        command = option(command)
    return command


def write_taper(
    document: dict[str, Any], out: str, given: dict[str, Any], quiet: bool = False
) -> tuple[list[Path], bool]:
    """Write the plan document and, where they may be made, all documents of a taper; and whether they were.

    When they may not, the reasons are said on standard error, unless ``quiet``.
    """
    from cotreat.plan.documents.write import taper_files, why_not, write

    found = {"plan.json": as_json(document)}
    against = why_not(document)
    if not against:
        found |= taper_files(document, choices(given), out)
    written = write(found, out)
    for line in () if quiet else refused(against):
        print(line, file=sys.stderr)
    return written, not against


def choices(given: dict[str, Any]) -> Any:
    """The documents' choices from the options of a command."""
    from cotreat.plan.documents.material import Calls
    from cotreat.plan.documents.write import Choices

    calls = Calls(given["crisis_line"].strip(), given["clinic_phone"].strip())
    return Choices(calls, given["calendar_details"], given["calendar_name"].strip())


def as_json(document: dict[str, Any]) -> bytes:
    """A document as the bytes of a JSON file."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def refused(against: tuple[str, ...]) -> list[str]:
    """Lines that say why no sheets are made."""
    if not against:
        return []
    return ["No sheets for patient or pharmacy:", *(f"- {reason}" for reason in against)]


def run_course(file: str, as_json_only: bool, out: str | None, given: dict[str, Any]) -> int:
    """Plan the course of a file, show it and write its documents; the exit code."""
    from dataclasses import replace

    from cotreat.plan.course import Course, course, read_today
    from cotreat.plan.course_document import course_document, course_material
    from cotreat.plan.course_file import load_course
    from cotreat.plan.documents.write import files, write
    from cotreat.safety.check import load_patient
    from cotreat.safety.pack import load_pack

    wish = load_course(file)
    if given["who"] is not None:
        wish = replace(wish, patient=wish.patient.joined(load_patient(given["who"]), given["who"]))
    if given["lang"] is not None:
        wish = replace(wish, language=given["lang"])
    pack = None if given["pack"] is None else load_pack(given["pack"])
    found = course(wish, read_today(given["today"]), pack)
    document = course_document(found, _remake(file, found.today.isoformat(), given))
    written: list[Path] = []
    if isinstance(found, Course):
        chosen = choices(given)
        material = course_material(found, document, chosen.calls)
        if out is not None:
            written = write({"plan.json": as_json(document), **files(material, chosen, out)}, out)
    if as_json_only:
        print_json(document)
        return 1 if found.stopped else 0
    from rich.console import Console

    console = Console()
    if isinstance(found, Course):
        from cotreat.plan.documents.plain_text import show
        from cotreat.plan.documents.sheets import clinic_plan

        show(clinic_plan(material), console)
    else:
        for line in _no_course(document):
            console.print(line, markup=False, highlight=False)
    if written:
        print(f"Documents in {out}: {', '.join(path.name for path in written)}")
    return 1 if found.stopped else 0


def _no_course(document: dict[str, Any]) -> list[str]:
    made = document["provenance"]
    pack = made["rule_pack"]
    return [
        "No course:",
        *(f"- {reason}" for reason in document["reasons"]),
        *(["", "What would help (facts under patient, or in a file for --patient):"] if document["would_help"] else []),
        *(f"  {text}" for text in document["would_help"]),
        "",
        f"Made by: {made['command']}",
        f"cotreat {made['version']}, rule pack {pack['version']} {pack['hash'][:12]}, no random numbers.",
        made["disclaimer"],
    ]


def _remake(file: str, today: str, given: dict[str, Any]) -> str:
    named = {"patient": given["who"], "rules": given["pack"], "lang": given["lang"], "today": today}
    return command_line(["plan", "course", file], named, tuple(named))
