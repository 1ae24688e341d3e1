"""``cotreat plan``: one person's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cotreat.commands.plan_documents import document_options, write_taper
from cotreat.commands.shared import EXAMPLE, print_json, writable
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.safety.patient import Override

_EXAMPLES = EXAMPLE + (
    'cotreat plan taper "venlafaxine 225 mg daily" --forms EU --with-tms --reason remission\n'
    '  cotreat plan taper "diazepam 20 mg daily" --forms UK --speed fast'
)


@click.group(epilog=EXAMPLE + 'cotreat plan taper "venlafaxine 225 mg daily" --forms EU')
def plan() -> None:
    """Plan for one person: a taper over preparations that exist, checked by the safety rules."""


@plan.command(epilog=_EXAMPLES)
@click.argument("dose")
@click.option("--weeks", type=float, default=None, help="Weeks from the first cut to the stop.")
@click.option(
    "--speed", type=click.Choice(["slow", "standard", "fast"]), default="standard", show_default=True, help="How fast."
)
@click.option("--steps-every", default=None, help="Time between cuts: 2w, 14d, 3 months.")
@click.option(
    "--forms",
    type=click.Choice(["EU", "US", "UK", "KR", "JP"], case_sensitive=False),
    default="EU",
    show_default=True,
    help="Country whose preparations are dispensed.",
)
@click.option(
    "--preparation", "stated", multiple=True, help="One more the pharmacy has: '7.5 mg tablet', '1 mg/mL solution'."
)
@click.option("--release", type=click.Choice(["slow", "quick"]), default=None, help="Release of what is taken now.")
@click.option("--marketed-only", is_flag=True, help="Use nothing that a pharmacy would have to make.")
@click.option("--with-tms", is_flag=True, help="iTBS beside the taper (no trial has shown that it makes it easier).")
@click.option("--reason", default=None, help="Why: remission, patient wish, inefficacy, switch, harm.")
@click.option("--patient", "who", default=None, help="A file of facts about the patient (YAML).")
@click.option("--override", "overrides", multiple=True, help="A prescriber's decision: 'TAP-028=why it is right here'.")
@click.option("--start", default=None, help="Day of the first cut, as 2026-11-30. Default: the next Monday.")
@click.option("--today", default=None, help="The day the plan is made. Default: today.")
@click.option("--rules", "pack", default=None, help="A rule pack of your own (YAML). Default: the packaged one.")
@click.option("--confirm-strengths", is_flag=True, help="A prescriber has confirmed every strength on the list.")
@click.option("--confirm-dose", is_flag=True, help="The dose is right although it is above the usual maximum.")
@click.option("--lang", type=click.Choice(["en", "ko", "ja"]), default="en", show_default=True, help="Language.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--out", default=None, help="Folder for plan, sheets, calendar, tables and FHIR; only on success.")
@document_options
def taper(dose: str, as_json: bool, out: str | None, **given: Any) -> int:
    """Plan a taper to zero.

    DOSE is what is taken now: "venlafaxine 225 mg daily", "lithium 450 mg twice daily". Every dose can be made from
    the preparations named, and no plan is shown that a rule stops: the reasons are shown instead, with exit code 1.
    """
    writable(out)
    from cotreat.plan.make import taper as make
    from cotreat.plan.request import Options, read_date, read_steps
    from cotreat.safety.check import load_patient
    from cotreat.safety.pack import load_pack
    from cotreat.safety.patient import Patient

    options = Options(
        speed=given["speed"],
        weeks=given["weeks"],
        every_days=None if given["steps_every"] is None else read_steps(given["steps_every"]),
        forms=given["forms"],
        preparations=tuple(given["stated"]),
        release=given["release"],
        made_to_order=not given["marketed_only"],
        with_tms=given["with_tms"],
        reason=given["reason"],
        confirm_strengths=given["confirm_strengths"],
        confirm_dose=given["confirm_dose"],
        start=None if given["start"] is None else read_date(given["start"], "start"),
        today=None if given["today"] is None else read_date(given["today"], "today"),
        language=given["lang"],
    )
    patient = Patient() if given["who"] is None else load_patient(given["who"])
    patient = Patient(patient.given, _overrides(given["overrides"]))
    found = make(dose, patient, options, None if given["pack"] is None else load_pack(given["pack"]))
    document = found.document()
    written, complete = ([], True) if out is None or found.stopped else write_taper(document, out, given, as_json)
    if as_json:
        print_json(document)
    else:
        from rich.console import Console

        from cotreat.plan.text import show

        show(document, Console())
        if written:
            print(f"Documents in {out}: {', '.join(path.name for path in written)}")
    return 1 if found.stopped or not complete else 0


@plan.command(epilog=EXAMPLE + "cotreat plan course examples/course.yaml")
@click.argument("file")
@click.option("--patient", "who", default=None, help="A file of facts about the patient, beside those in FILE.")
@click.option("--today", default=None, help="The day the plan is made. Default: today.")
@click.option("--rules", "pack", default=None, help="A rule pack of your own (YAML). Default: the packaged one.")
@click.option("--lang", type=click.Choice(["en", "ko", "ja"]), default=None, help="Language. Default: as FILE says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--out", default=None, help="Folder for plan, sheets, calendar, tables and FHIR; only on success.")
@document_options
def course(file: str, as_json: bool, out: str | None, **given: Any) -> int:
    """Plan a whole course: treatment, tapers, ratings and the clinic's days.

    FILE is a YAML file (examples/course.yaml). A course that a rule stops, or that a blocking rule could not be asked
    about, is not shown: the reasons are shown instead, with exit code 1.
    """
    writable(out)
    from cotreat.commands.plan_documents import run_course

    return run_course(file, as_json, out, given)


def _overrides(given: tuple[str, ...]) -> tuple[Override, ...]:
    from cotreat.safety.patient import read_overrides

    found: dict[str, str] = {}
    for text in given:
        rule, sign, reason = text.partition("=")
        if not sign or not rule.strip():
            raise InputError(f"cannot read the override {text!r}", hint="Write the rule and why: 'TAP-028=why'.")
        if rule.strip() in found:
            raise InputError(f"{rule.strip()} is overridden twice")
        found[rule.strip()] = reason
    return read_overrides(found, "override")
