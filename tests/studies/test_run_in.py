"""How long the run-in of a study lasts: side by side counts once, one after the other adds up."""

from __future__ import annotations

import pytest

from cotreat.measures.errors import InputError
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.simulate.run_in import run_in_weeks


@pytest.mark.parametrize(
    ("sentences", "weeks"),
    [
        ("ECT 3 times a week for 6 weeks\nvenlafaxine 150 mg daily for 6 weeks", 6),
        ("ECT 3 times a week until remission, at most 12 sessions\nvenlafaxine 225 mg daily for 4 weeks", 4),
        ("ECT 3 times a week until remission, at most 12 sessions\nthen ECT weekly for 4 weeks", 8),
        ("iTBS 5 days a week for 5 weeks", 5),
        ("ketamine 0.5 mg/kg IV over 40 minutes daily for 1 day", 1),
    ],
)
def test_unit_a_run_in_lasts_as_long_as_its_longest_part(sentences: str, weeks: int) -> None:
    assert run_in_weeks(expand(parse(sentences), horizon=364)) == weeks


def test_unit_a_run_in_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="no end within a year"):
        run_in_weeks(expand(parse("iTBS 5 days a week for 52 weeks then weekly for 4 weeks"), horizon=400))
