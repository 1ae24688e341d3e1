"""``cotreat evidence``: the published trials."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from cotreat import __version__
from cotreat.commands.shared import DISCLAIMER, EXAMPLE, Group, print_json, writable
from cotreat.measures.errors import InputError


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
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the study file itself and nothing else.")
def evidence_show(study: str, as_json: bool, as_yaml: bool) -> None:
    """Show one study: who was treated, with what, and each figure with where it was read."""
    from cotreat.evidence.show import file_text, show_document, show_text

    if as_json and as_yaml:
        raise InputError("--json and --yaml cannot both be printed")
    if as_yaml:
        print(file_text(study), end="")
    elif as_json:
        print_json(show_document(study))
    else:
        print(show_text(study))
        print(
            f"\nRemake: cotreat evidence show {shlex.quote(study)} (no seed: nothing is random), Cotreat {__version__}"
        )
        print(DISCLAIMER)


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
        print(f"{len(faults)} finding{'s' if len(faults) != 1 else ''}. Cotreat {__version__}. {DISCLAIMER}")
        if file is not None and not any(fault.severity == "impossible" for fault in faults):
            from cotreat.evidence.show import fit_lines

            for row in fit_lines(file):
                print(row)
    severities = {fault.severity for fault in faults}
    return 2 if "impossible" in severities else 1 if "contradiction" in severities else 0


@evidence.command(
    "forest",
    epilog=EXAMPLE
    + "cotreat evidence forest lithium relapse\n"
    + "  cotreat evidence forest --data validation/metafor/data/bcg.csv --measure RR",
)
@click.argument("query", nargs=-1)
@click.option(
    "--data", default=None, help="A CSV file: study, ai, bi, ci, di or study, yi, vi (docs/meta-analysis.md)."
)
@click.option(
    "--measure", default=None, help="RR, OR, RD, HR, SMD, MD, PLO (a proportion) or GEN (yi, vi as they are)."
)
@click.option("--method", default="REML", show_default=True, help="REML, DL, ML or EE (equal effects).")
@click.option("--test", default="z", show_default=True, help="z, or knha for Knapp-Hartung intervals.")
@click.option("--mods", default="", help="Columns of FILE that may explain differences, with commas between.")
@click.option("--day", type=float, default=None, help="Of the base: the day figures should be near.")
@click.option("--include", default="", help="Of the base: unconfirmed, observational, crossover, with commas between.")
@click.option(
    "--export", default=None, help="metafor: print the effects as a CSV file that metafor reads, nothing else."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--out", default=None, help="Folder for an HTML report and SVG figures; created only on success.")
def evidence_forest(query: tuple[str, ...], as_json: bool, out: str | None, **options: Any) -> None:
    """Pool studies: those of the base that answer QUERY, or the studies in a table of your own.

    QUERY names a treatment (lithium, iTBS, ketamine), may say against what ("ketamine vs midazolam"), a figure
    (response, remission, relapse) and a system (S6). Studies are randomised, confirmed, and counted once; what was
    left out is listed with its reason.
    """
    from cotreat.evidence.figures import reference
    from cotreat.evidence.meta.analysis import analyse, document
    from cotreat.evidence.meta.choices import chosen
    from cotreat.evidence.meta.export import metafor_csv
    from cotreat.evidence.meta.question import from_base, from_file

    choice = chosen(query, options)
    writable(out)
    asked = from_base(choice) if choice.data is None else from_file(choice)
    if choice.export is not None:
        print(metafor_csv(asked.effects), end="")
        return
    analysis = analyse(asked.measure, asked.effects, choice.how, choice.moderators, asked.left_out)
    found = {
        "title": asked.title,
        "question": asked.said,
        "sides": list(asked.sides) if asked.sides else None,
        **document(analysis),
        "sources": list(asked.sources),
        "references": [reference(key) for key in asked.sources],
        "remake": choice.command(),
        "seed": None,
        "version": __version__,
        "stamp": f"{asked.title}. Cotreat {__version__}. {DISCLAIMER}",
        "disclaimer": DISCLAIMER,
    }
    written: list[Path] = []
    if out is not None:
        from cotreat.report.forest_page import write_forest

        written = write_forest(found, out)
    if as_json:
        print_json(found)
        return
    from cotreat.report.forest_text import lines

    for row in lines(found):
        print(row)
    for path in written:
        print(f"Report: {path}")
    print(f"Remake: {choice.command()} (no seed: nothing is random), Cotreat {__version__}")
    print(DISCLAIMER)


@evidence.command("figures", epilog=EXAMPLE + "cotreat evidence figures S7\n  cotreat evidence figures 32 vs 61")
@click.argument("query", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_figures(query: tuple[str, ...], as_json: bool) -> None:
    """The published figures each treatment system is held to, and the file and source each one stands on.

    QUERY is a system (S7), a study, or words and numbers as people quote them (32 vs 61).
    """
    from cotreat.evidence.figures import find_figures, source_of, systems

    found = find_figures(" ".join(query))
    if as_json:
        print_json([figure.document() for figure in found])
        return
    known = systems()
    named = [key for key in known if key.casefold() in {word.casefold() for word in query}]
    for key in dict.fromkeys([*named, *(figure.system for figure in found)]):
        print(f"{key}: {known[key].title}")
        for figure in found:
            if figure.system == key:
                print(f"  {figure.said}{'' if figure.agrees else '   DIFFERS from the file'}")
                print(f"    {figure.line()}")
                print(f"    {source_of(figure.study)}")
        if known[key].open:
            print(f"  open: {known[key].open}")
    differ = sum(not figure.agrees for figure in found)
    print(f"{len(found)} figures, {differ} of them unlike their file. Cotreat {__version__}. {DISCLAIMER}")


@evidence.command("new", epilog=EXAMPLE + "cotreat evidence new smith2024 --out smith2024.yaml")
@click.argument("name")
@click.option("--out", default=None, help="File to write; without it the template is printed.")
def evidence_new(name: str, out: str | None) -> None:
    """Write a study file with a comment on every field, ready to be filled in.

    NAME is the first author and the year: smith2024. An existing file is never overwritten.
    """
    from cotreat.evidence.template import new_study

    text = new_study(name, out)
    if out is None:
        print(text, end="")
        return
    try:
        with Path(out).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(f"{out} is there already; name another file with --out") from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {out}: {getattr(error, 'strerror', None) or error}") from error
    print(f"{out} written. Replace every line that says CHANGE, then: cotreat evidence check {out}")


@evidence.command(
    "patients", epilog=EXAMPLE + "cotreat evidence patients validation/patients/made-up.csv --source reisby1977"
)
@click.argument("file")
@click.option("--source", required=True, help="goldstein2004 or reisby1977: which public data set the file holds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def evidence_patients(file: str, source: str, as_json: bool) -> None:
    """Read a patient-level FILE you have: course of the arms, correlation between visits, error of a rating."""
    from cotreat.evidence.patients import describe, load_patients, text_lines

    found = describe(load_patients(file, source))
    if as_json:
        print_json(found)
        return
    for row in text_lines(found):
        print(row)
    print(f"Cotreat {__version__}. {DISCLAIMER}")
