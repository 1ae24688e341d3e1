"""One calibration from beginning to end, and the files it leaves: draws, document, report."""

from __future__ import annotations

import datetime as dt
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cotreat.calibrate.direct import compare_networks, simulate_fit
from cotreat.calibrate.document import evidence_version, make_document
from cotreat.calibrate.extras import after_ect, felt_worse, replication
from cotreat.calibrate.interaction import interactions
from cotreat.calibrate.material import Plan, Tell, fit_folder
from cotreat.calibrate.sbc import Ranks, ranks
from cotreat.calibrate.stages import Calibration, calibrate, stacked_draws
from cotreat.measures.errors import InputError
from cotreat.model.draw_set import About, read_draws, save_draws

_CLAIM = (
    "It was fitted to group figures of published trials. It has not been checked on individual patients, parameters "
    "whose posterior is their prior were not learnt from any trial, and a mechanism that no trial separates from its "
    "rivals is averaged over them, not known."
)


_CHECKED, _PATIENTS = 500, 64


def run_calibration(plan: Plan, out: str, name: str | None, command: str, tell: Tell) -> tuple[dict[str, Any], Path]:
    """Calibrate, and write ``NAME.npz``, ``calibration.json`` and ``report.html`` into a folder.

    Raises
    ------
    InputError
        Nothing could be fitted, or the folder cannot be written.
    """
    found = calibrate(plan, tell)
    worlds = _first_folder(found) / "worlds"
    tested = ranks(found.fitted[0].problem, plan.sbc, plan.seed, tell, worlds) if plan.sbc else None
    checked = check_directly(found, tell) if plan.close else None
    return write_calibration(found, (tested, checked), Path(out), (name, command), tell)


def check_directly(found: Calibration, tell: Tell) -> dict[str, Any]:
    """The fit of the first rival against direct simulation at draws of its own."""
    plan, first = found.plan, found.fitted[0]
    folder = _first_folder(found) / "check"
    how = (_CHECKED, _PATIENTS, plan.jobs)
    return compare_networks(first.problem, first.fit, simulate_fit(first.problem, first.fit, how, folder, tell))


def _first_folder(found: Calibration) -> Path:
    return fit_folder(found.plan, [s.id for s in found.studies.studies], found.fitted[0].rival.linear)


def write_calibration(
    found: Calibration,
    checks: tuple[Ranks | None, dict[str, Any] | None],
    folder: Path,
    named: tuple[str | None, str],
    tell: Tell,
) -> tuple[dict[str, Any], Path]:
    """The files of a calibration; each appears whole or not at all."""
    from cotreat.report.calibration_page import calibration_page
    from cotreat.report.html import write_text

    date = _date()
    label = found.plan.label
    name = named[0] or f"cotreat-{date[:7]}" + ("" if label == "full" else f"-{label}")
    if not name.replace("-", "").replace(".", "").replace("_", "").isalnum():
        raise InputError(f"a name is made of letters, digits, '.', '_' and '-', not {name!r}")
    values, _ = stacked_draws(found)
    tell("files")
    about = About(
        name=name,
        status=_status(found),
        about=_about(found),
        does_not_claim=_CLAIM,
        date=date,
        evidence=evidence_version(found.studies.studies),
        command=named[1],
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.npz"
        checksum = save_draws(path, values, about)
        facts = {"name": name, "date": date, "command": named[1], "checksum": checksum, "status": about.status}
        document = make_document(found, values, checks, facts)
        raw = path.read_bytes()
        document |= {
            "replication": replication(found),
            "worsening": felt_worse(found, raw),
            "interactions": interactions(read_draws(raw, "the draws of this calibration")),
            "after_ect": after_ect(read_draws(raw, "the draws of this calibration")),
        }
        _write(folder / "calibration.json", json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))
        write_text(calibration_page(document), folder)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    return document, path


def _status(found: Calibration) -> str:
    count = len(found.studies.studies)
    if found.plan.label == "quick":
        return f"quick fit to {count} studies, for trying out only"
    return f"fitted to {count} studies, {len(found.mixture())} rival mechanisms averaged; not validated for individuals"


def _about(found: Calibration) -> str:
    shares = ", ".join(f"{f.rival.name} {100 * w:.0f} %" for f, w in found.mixture())
    return f"Joint draws of the stacked posterior: {shares}. Weights from leaving out one cohort at a time."


def _date() -> str:
    """Today, or the day of ``SOURCE_DATE_EPOCH``."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch else dt.datetime.now(dt.UTC)
    return when.date().isoformat()


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)
