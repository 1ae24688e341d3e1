"""Plans that may be printed, for the tests of documents."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cotreat.plan.api import taper
from cotreat.plan.course import Course, course
from cotreat.plan.course_document import course_document, course_material
from cotreat.plan.course_file import load_course
from cotreat.plan.documents.material import Calls, Material, taper_material
from cotreat.safety.patient import Override, Patient
from tests.plan.requests import QUIET, TODAY

EXAMPLE = Path(__file__).parents[2] / "examples" / "course.yaml"
LATER = Override("TAP-035", "The rescue plan is written at the next visit", "Dr Example")
"""For a plan made without a rescue plan."""
VENLAFAXINE, DIAZEPAM = "venlafaxine 225 mg daily", "diazepam 10 mg daily"


@cache
def taper_document(text: str = VENLAFAXINE, language: str = "en", with_tms: bool = False, forms: str = "EU") -> Any:
    """The plan document of a taper that may be printed; beside TMS one without a rescue plan and with an override."""
    patient = Patient({**QUIET.given, "rescue_plan": False}, (LATER,)) if with_tms else QUIET
    wishes: dict[str, Any] = {"with_tms": with_tms, "language": language, "forms": forms}
    found = taper(text, patient, today=TODAY, reason="remission", confirm_strengths=True, **wishes)
    return found.document()


@cache
def material(text: str = VENLAFAXINE, language: str = "en", with_tms: bool = False, forms: str = "EU") -> Material:
    """Its material, with whom to call."""
    return taper_material(taper_document(text, language, with_tms, forms), Calls("555 0100", "555 0199"))


@cache
def example() -> Course:
    """The course of the example file."""
    found = course(load_course(EXAMPLE), TODAY)
    assert isinstance(found, Course)
    return found


@cache
def example_material() -> Material:
    """Its material."""
    return course_material(example(), course_document(example(), "cotreat plan course examples/course.yaml"))
