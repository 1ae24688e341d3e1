"""What is asked: every wrong request ends in one clear line that says what would work."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cotreat.catalogue.drug_table import drug
from cotreat.measures.errors import InputError
from cotreat.plan.make import taper
from cotreat.plan.request import Options, alternate_days, read_request, read_steps
from cotreat.plan.value import Plan
from tests.plan.requests import QUIET, TODAY


def wrong(text: str, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        taper(text, QUIET, Options(**({"today": TODAY} | options)))
    return caught.value


@pytest.mark.parametrize(
    ("text", "options", "says", "helps"),
    [
        ("sertralin 50 mg daily", {}, "unknown word", "Did you mean sertraline?"),
        ("escitalopram 7.3 mg daily", {}, "cannot be made", "7 mg"),
        ("escitalopram 60 mg daily", {}, "above 20 mg", "--confirm-dose"),
        ("escitalopram 6000 mg daily", {}, "cannot be meant", "between"),
        ("sertraline 100 mg daily", {"weeks": 0}, "0 weeks", "Give 1 to"),
        ("sertraline 100 mg daily", {"weeks": -3}, "-3 weeks", "Give 1 to"),
        ("sertraline 100 mg daily", {"weeks": float("nan")}, "cannot be planned", "Give 1 to"),
        ("sertraline 100 mg daily", {"weeks": 1}, "no step of 14 days", "Give at least"),
        ("sertraline 100 mg daily", {"weeks": 3, "every_days": 14}, "too few", "Give at least"),
        ("lithium 900 mg daily", {"weeks": 2, "forms": "KR"}, "too few for lithium", "Give at least 4 weeks."),
        ("clozapine 300 mg daily", {"weeks": 2, "forms": "KR"}, "too few for clozapine", "Give at least 12 weeks."),
        ("lorazepam 4 mg daily", {"weeks": 4, "forms": "EU"}, "too few", "Give at least"),
        ("sertraline 100 mg daily", {"start": date(2026, 11, 22)}, "in the past", "2026-11-23 or later"),
        ("sertraline 100 mg daily", {"start": date(2029, 1, 1)}, "more than a year away", "nearer"),
        ("sertraline 100 mg daily", {"forms": "FR"}, "forms 'FR'", "EU, US, UK, KR, JP"),
        ("sertraline 100 mg daily", {"speed": "quick"}, "speed 'quick'", "slow, standard, fast"),
        ("sertraline 100 mg daily", {"reason": "bored"}, "reason 'bored'", "remission"),
        ("citalopram 20 mg daily", {"forms": "JP"}, "no preparation of citalopram", "--preparation"),
        ("sertraline 100 mg daily", {"preparations": ("3 mg pill",)}, "cannot read the preparation", "7.5 mg tablet"),
        ("sertraline 100 mg daily", {"preparations": ("0 mg tablet",)}, "cannot read the preparation", "tablet"),
        ("paroxetine 25 mg daily", {"forms": "US"}, "of slow or of quick release", "--release"),
        ("D-cycloserine 100 mg daily", {"forms": "US"}, "cannot be made", "--preparation"),
        ("ketamine 35 mg daily", {}, "given in sessions", "weekly"),
        ("esketamine 56 mg daily", {}, "given in sessions", "weekly"),
        ("lithium to 0.7 mmol/L", {}, "one drug and its dose a day", "venlafaxine 225 mg daily"),
        ("ECT weekly for 4 weeks", {}, "one drug and its dose a day", "venlafaxine 225 mg daily"),
        ("taper sertraline 50 mg daily to 0 over 8 weeks", {}, "one drug and its dose", "venlafaxine"),
        ("sertraline 50 mg daily for 4 weeks", {}, "only what is taken now", "venlafaxine"),
        ("sertraline 50 mg daily\nlithium 900 mg daily", {}, "one drug at a time", "by itself"),
        ("", {}, "which drug", "venlafaxine"),
    ],
)
def test_unit_a_wrong_request_says_what_would_work(text: str, options: dict[str, Any], says: str, helps: str) -> None:
    error = wrong(text, **options)
    assert says in error.message
    assert "\n" not in error.message
    assert helps in str(error)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("venlafaxine", "half-life of 11 h"),
        ("paroxetine", "half-life of 21 h"),
        ("lorazepam", "half-life of 14 h"),
        ("fluoxetine", "92 % of a dose is left"),
    ],
)
def test_unit_alternate_days_are_refused_with_the_reason(name: str, says: str) -> None:
    error = wrong(f"{name} 20 mg every 2 days" if name != "lorazepam" else "lorazepam 1 mg every 2 days")
    assert says in error.message
    assert says in alternate_days(drug(name))


def test_unit_alternate_days_swing_over_half_of_the_range_of_venlafaxine() -> None:
    # Half-life of the longest-lived part 11 h: after 48 h 2^(-48/11) = 4.9 % is left.
    assert "4.9 %" in alternate_days(drug("venlafaxine"))


def test_unit_a_dose_above_the_usual_maximum_is_planned_when_confirmed() -> None:
    found = taper("escitalopram 40 mg daily", None, Options(today=TODAY, confirm_dose=True, forms="US"))
    assert isinstance(found, Plan)
    # A taper leads out of a dose that a rule would stop (CMB-011: above 20 mg), so its first cut is large enough.
    assert found.doses[:2] == (40, 20)


def test_unit_the_start_is_the_next_monday_unless_said() -> None:
    for today, start in ((date(2026, 11, 23), date(2026, 11, 23)), (date(2026, 11, 24), date(2026, 11, 30))):
        request = read_request("sertraline 50 mg daily", Options(today=today))
        assert request.start == start
        assert request.monday == start


@pytest.mark.parametrize(("text", "days"), [("2w", 14), ("14d", 14), ("3 months", 84), ("1 week", 7), ("10 days", 10)])
def test_unit_steps_are_read(text: str, days: int) -> None:
    assert read_steps(text) == days


@pytest.mark.parametrize("text", ["0w", "0 days", "two weeks", "2", "2y", "-2w", "1.5w"])
def test_unit_steps_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_steps(text)


def test_unit_a_preparation_the_pharmacy_has_is_used_and_counts_as_confirmed() -> None:
    options = Options(today=TODAY, forms="KR", preparations=("1 mg/mL solution",), reason="remission")
    found = taper("escitalopram 10 mg daily", QUIET, options)
    assert isinstance(found, Plan)
    stated = [p for p in found.used if p.origin == "stated"]
    assert [p.key for p in stated] == ["1 mg/mL solution"]
    assert all(p.confirmed for p in stated)
    assert not any(p.origin == "made to order" for p in found.used)


def test_unit_a_drug_known_by_name_only_is_planned_from_stated_preparations() -> None:
    options = Options(today=TODAY, preparations=("15 mg scored tablet",), reason="remission")
    found = taper("phenelzine 45 mg daily", QUIET, options)
    assert isinstance(found, Plan)
    assert found.doses[-1] == 0
