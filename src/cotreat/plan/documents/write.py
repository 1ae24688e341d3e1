"""All documents of a plan, written together or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cotreat.measures.errors import InputError
from cotreat.plan.documents import fonts
from cotreat.plan.documents.fhir import bundle
from cotreat.plan.documents.html import html
from cotreat.plan.documents.ics import FILE as CALENDAR
from cotreat.plan.documents.ics import Earlier, calendar, read_earlier
from cotreat.plan.documents.material import Calls, Material, taper_material
from cotreat.plan.documents.pdf import pdf
from cotreat.plan.documents.sheets import sheets
from cotreat.plan.documents.tables import pharmacy, schedule


@dataclass(frozen=True, slots=True)
class Choices:
    """What goes into the documents beside the plan.

    ``calls``: whom to call. ``calendar_details``: whether the calendar names what is given. ``calendar_name``: tells
    the entries of this plan from those of another one in the same calendar; "": by what the plan is about.
    """

    calls: Calls = field(default_factory=Calls)
    calendar_details: bool = False
    calendar_name: str = ""


def why_not(document: dict[str, Any]) -> tuple[str, ...]:
    """Why no document may be made for patient or pharmacy; empty when they may.

    A rule that fired gives way only to a prescriber's override in writing, which is then printed; one that lacks a fact
    gives way to nothing but the fact.
    """
    if document["stopped"]:
        return tuple(document["reasons"])
    printing = document["printing"]
    if printing["allowed"]:
        return ()
    rules = {r["id"]: r for r in document["safety"]["rules"]}
    fired = [i for i in printing["rules"] if i in rules and rules[i]["verdict"] == "fired"]
    open_ones = [i for i in printing["rules"] if i not in fired]
    said = [f"{i}: {rules[i]['message']}" for i in fired]
    if open_ones:
        said.append(f"rules that cannot be decided yet: {', '.join(open_ones)}")
    return (*said, *(f"in the patient's file (--patient), {q['fact']}: {q['answers']}" for q in printing["questions"]))


def files(material: Material, choices: Choices | None = None, folder: str | Path | None = None) -> dict[str, bytes]:
    """Every document of a plan by file name; a calendar of it in ``folder`` is brought up to date.

    Raises InputError when the calendar there cannot be read.
    """
    choices = choices or Choices()
    if choices.calendar_name:
        material = replace(material, plan_name=choices.calendar_name)
    found: dict[str, bytes] = {}
    for sheet in sheets(material):
        found[f"{sheet.stem}.html"] = html(sheet).encode()
        found[f"{sheet.stem}.pdf"] = pdf(sheet)
    if material.language != "en":
        found[fonts.FILE] = fonts.font()
        found[fonts.LICENCE] = fonts.licence()
    found[CALENDAR] = calendar(material, choices.calendar_details, _earlier(folder))
    found["schedule.csv"] = schedule(material).encode("utf-8-sig")
    found["fhir.json"] = bundle(material).encode()
    if material.tapers:
        found["pharmacy-list.csv"] = pharmacy(material).encode("utf-8-sig")
    return found


def _earlier(folder: str | Path | None) -> Earlier | None:
    if folder is None or not (Path(folder) / CALENDAR).is_file():
        return None
    where = Path(folder) / CALENDAR
    try:
        return read_earlier(where.read_bytes(), str(where))
    except OSError as error:
        raise InputError(f"cannot read {where}: {error.strerror or error}") from error


def taper_files(
    document: dict[str, Any], choices: Choices | None = None, folder: str | Path | None = None
) -> dict[str, bytes]:
    """Every document of a taper's plan document; see ``files``."""
    choices = choices or Choices()
    return files(taper_material(document, choices.calls), choices, folder)


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
