"""``cotreat evidence``: the published trials."""

from __future__ import annotations

import click

from cotreat.commands.shared import DISCLAIMER, EXAMPLE, Group, print_json


@click.group(cls=Group, epilog=EXAMPLE + "cotreat evidence show sackeim2001")
def evidence() -> None:
    """The published trials the project rests on."""


@evidence.command("list", epilog=EXAMPLE + "cotreat evidence list lithium")
@click.argument("query", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_list(query: tuple[str, ...], as_json: bool) -> None:
    """List the studies, or those in which every word of QUERY occurs."""
    from cotreat.evidence.show import list_rows

    rows = list_rows(" ".join(query))
    if as_json:
        print_json([row.document() for row in rows])
        return
    for row in rows:
        systems = " ".join(row.systems)
        print(f"{row.id:<24} {row.year or '    '}  {row.use:<8} {systems:<12} {row.title}")
    print(f"{len(rows)} studies. {DISCLAIMER}")


@evidence.command("show", epilog=EXAMPLE + "cotreat evidence show sackeim2001")
@click.argument("study")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_show(study: str, as_json: bool) -> None:
    """Show one study: who was treated, with what, and each figure with where it was read."""
    from cotreat.evidence.show import show_document, show_text

    if as_json:
        print_json(show_document(study))
    else:
        print(show_text(study))


@evidence.command("check", epilog=EXAMPLE + "cotreat evidence check sackeim2001")
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_check(file: str | None, as_json: bool) -> int:
    """Look for contradictions in a study FILE, or in the whole base when no file is named.

    Exit code 1 when something contradicts itself, 2 when the file cannot be read as a study.
    """
    from cotreat.evidence.show import check_file, check_packaged

    faults = check_packaged() if file is None else check_file(file)
    if as_json:
        print_json([fault.document() for fault in faults])
    else:
        for fault in faults:
            print(fault)
        print(f"{len(faults)} finding{'s' if len(faults) != 1 else ''}")
    severities = {fault.severity for fault in faults}
    return 2 if "impossible" in severities else 1 if "contradiction" in severities else 0
