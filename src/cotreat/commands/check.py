"""``cotreat check``: safety verdicts of a regimen for a patient."""

from __future__ import annotations

import click

from cotreat.commands.shared import DISCLAIMER, EXAMPLE, print_json


@click.command(epilog=EXAMPLE + "cotreat check examples/check.yaml")
@click.argument("file")
@click.option("--patient", "who", default=None, help="A file of facts about the patient, beside those in FILE.")
@click.option("--lang", type=click.Choice(["en", "ko", "ja"]), default="en", show_default=True, help="Language.")
@click.option("--rules", "pack", default=None, help="A rule pack of your own (YAML). Default: the packaged one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def check(file: str, who: str | None, lang: str, pack: str | None, as_json: bool) -> int:
    """Check a regimen for a patient against the safety rules.

    FILE is a YAML file with a regimen and what is known of the patient, who may have a file of their own (--patient);
    a prescriber's overrides stay in FILE, for they belong to the plan. Exit code 1 when a rule stops the plan. What is
    not known is reported as not checked, never as safe.
    """
    from cotreat.safety.check import CheckOptions, load_case, load_patient, with_patient
    from cotreat.safety.check import check as run
    from cotreat.safety.pack import load_pack

    case = load_case(file)
    if who is not None:
        case = with_patient(case, load_patient(who), who)
    options = CheckOptions(pack=None if pack is None else load_pack(pack), language=lang)
    verdict = run(case.regimen, case.patient, options)
    if as_json:
        print_json(verdict.document())
    else:
        from rich.console import Console

        from cotreat.safety.text import lines

        console = Console()
        for line in [*lines(verdict), DISCLAIMER]:
            console.print(line, markup=False, highlight=False)
    return 1 if verdict.stopped else 0
