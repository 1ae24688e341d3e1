"""All documents of a plan, written together or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotreat.measures.errors import InputError
from cotreat.plan.documents import fonts
from cotreat.plan.documents.fhir import bundle
from cotreat.plan.documents.html import html
from cotreat.plan.documents.ics import calendar
from cotreat.plan.documents.material import Calls, Material, taper_material
from cotreat.plan.documents.pdf import pdf
from cotreat.plan.documents.sheets import sheets
from cotreat.plan.documents.tables import pharmacy, schedule


@dataclass(frozen=True, slots=True)
class Choices:
    """What goes into the documents beside the plan: whom to call, and whether the calendar names what is given."""

    calls: Calls = field(default_factory=Calls)
    calendar_details: bool = False


def why_not(document: dict[str, Any]) -> tuple[str, ...]:
    """Why no document may be made for patient or pharmacy; empty when they may.

    A rule that stands against it, and one that lacks a fact, gives way only to a prescriber's override in writing,
    which is then printed.
    """
    if document["stopped"]:
        return tuple(document["reasons"])
    overridden = {o["id"] for o in document["safety"]["overrides"]}
    against = [rule for rule in document["printing"]["rules"] if rule not in overridden]
    if not against:
        return ()
    rules = {r["id"]: r for r in document["safety"]["rules"]}
    unknown = [f"not known: {', '.join(document['printing']['missing'])}"] if document["printing"]["missing"] else []
    said = [f"{i}: {rules[i]['message']}" for i in against if i in rules and rules[i]["verdict"] == "fired"]
    return (*said, f"rules that could not be decided: {', '.join(against)}", *unknown)


def files(material: Material, choices: Choices | None = None) -> dict[str, bytes]:
    """Every document of a plan by file name."""
    choices = choices or Choices()
    found: dict[str, bytes] = {}
    for sheet in sheets(material):
        found[f"{sheet.stem}.html"] = html(sheet).encode()
        found[f"{sheet.stem}.pdf"] = pdf(sheet)
    if material.language != "en":
        found[fonts.FILE] = fonts.font()
        found[fonts.LICENCE] = fonts.licence()
    found["calendar.ics"] = calendar(material, choices.calendar_details)
    found["schedule.csv"] = schedule(material).encode("utf-8-sig")
    found["fhir.json"] = bundle(material).encode()
    if material.tapers:
        found["pharmacy-list.csv"] = pharmacy(material).encode("utf-8-sig")
    return found


def taper_files(document: dict[str, Any], choices: Choices | None = None) -> dict[str, bytes]:
    """Every document of a taper's plan document."""
    choices = choices or Choices()
    return files(taper_material(document, choices.calls), choices)


def write(found: dict[str, bytes], folder: str | Path) -> list[Path]:
    """Write files into a folder, all or none: they are made beside it and moved in at the end.

    Raises InputError when that cannot be done; files of the same names are replaced.
    """
    path = Path(folder)
    in_the_way = [name for name in found if (path / name).is_dir()]
    if in_the_way:
        raise InputError(f"cannot write to {folder}: {in_the_way[0]} is a folder there")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".cotreat-", dir=path.parent))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        for name, content in found.items():
            (beside / name).write_bytes(content)
        if path.exists():
            for name in found:
                os.replace(beside / name, path / name)
        else:
            beside.chmod(0o777 & ~_umask())
            os.replace(beside, path)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return [path / name for name in found]


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now
