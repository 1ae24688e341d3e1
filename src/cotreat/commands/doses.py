"""``cotreat doses``: every dose and session of a regimen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cotreat.commands.shared import EXAMPLE, print_json, writable
from cotreat.measures.errors import InputError


@click.command(epilog=EXAMPLE + 'cotreat doses "iTBS 5 days a week for 6 weeks"')
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
    writable(folder)
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
        print_json(shown.doses_document(regimen, days))
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
