"""A patient's facts in a file of their own: joined with those of the plan, never in place of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cotreat.commands.check import check as command
from cotreat.measures.errors import InputError
from cotreat.safety.check import check, load_case, load_patient, with_patient

PLAN = """
overrides: {TMS-004: The seizure was febrile in infancy; a neurologist agrees.}
regimen: iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 6 weeks
"""
PATIENT = """
age: 52
sex: male
conditions: []
implants: none
stopped_days_ago: none
seizure_history: yes
tms: {train_s: 4}
"""


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_unit_a_plan_and_a_patient_in_two_files_are_one_case(tmp_path: Path) -> None:
    case = load_case(written(tmp_path, "plan.yaml", PLAN))
    patient = load_patient(written(tmp_path, "patient.yaml", PATIENT))
    joined = with_patient(case, patient, "patient.yaml")
    assert check(*case).finding("TMS-004").holds is None  # type: ignore[union-attr]
    found = check(*joined).finding("TMS-004")
    assert found is not None
    assert found.holds is True
    assert found.override is not None
    assert joined.patient.given["tms.train_s"] == 4


def test_unit_facts_may_stand_under_a_heading(tmp_path: Path) -> None:
    under = "patient:" + PATIENT.replace("\n", "\n  ")
    plain = load_patient(written(tmp_path, "a.yaml", PATIENT))
    assert load_patient(written(tmp_path, "b.yaml", under)) == plain


@pytest.mark.parametrize(
    ("plan", "patient", "words"),
    [
        (PLAN + "patient: {age: 40}\n", PATIENT, "age is given in the plan's file too"),
        (PLAN, PATIENT + "overrides: {TMS-001: because I say so}\n", "overrides belongs in the file of the plan"),
        (PLAN, PATIENT + "regimen: stop lithium\n", "regimen belongs in the file of the plan"),
        (PLAN, PATIENT + "patient: {age: 40}\n", "age is given twice"),
        (PLAN, PATIENT + "agee: 40\n", "unknown field 'agee'"),
        (PLAN, "- 1\n", "expected the fields"),
        (PLAN + "patient: {days_since_stroke: 400}\n", PATIENT, "conditions does not list stroke"),
    ],
)
def test_unit_files_that_do_not_go_together_are_one_clear_line(
    plan: str, patient: str, words: str, tmp_path: Path
) -> None:
    case, where = load_case(written(tmp_path, "plan.yaml", plan)), written(tmp_path, "patient.yaml", patient)
    with pytest.raises(InputError, match=words):
        with_patient(case, load_patient(where), where)


def test_unit_the_command_takes_a_patient(tmp_path: Path) -> None:
    arguments = [written(tmp_path, "plan.yaml", PLAN), "--patient", written(tmp_path, "patient.yaml", PATIENT)]
    shown = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert shown.exception is None
    assert "Overridden: The seizure was febrile" in shown.output
