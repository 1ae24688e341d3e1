"""Outcomes as people write them."""

from __future__ import annotations

import pytest

from cotreat.measures.errors import InputError
from cotreat.outcomes.requests import OutcomeRequest, read_outcome


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("well at week 26", OutcomeRequest("well at week 26", "well", 26)),
        ("  Relapse  by week 8 ", OutcomeRequest("Relapse by week 8", "relapse", 8)),
        ("HAM-D17 mean", OutcomeRequest("HAM-D17 mean", "mean", None, "HAM-D17")),
        ("hrsd24 mean at week 4", OutcomeRequest("hrsd24 mean at week 4", "mean", 4, "HAM-D24")),
        ("remission at week 6", OutcomeRequest("remission at week 6", "remission", 6)),
    ],
)
def test_unit_read(text: str, expected: OutcomeRequest) -> None:
    assert read_outcome(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("wel at week 26", "well"),
        ("relapse at week 26", "relapse by week"),
        ("well", "well at week"),
        ("well at week 0", "outside"),
        ("well at week 99999", "unknown outcome"),
        ("HAM-X mean", "HAM"),
        ("", "unknown outcome"),
        ("well at week 2.5", "unknown outcome"),
    ],
)
def test_unit_refuse(text: str, word: str) -> None:
    with pytest.raises(InputError) as error:
        read_outcome(text)
    assert word in str(error.value)
    assert "Traceback" not in str(error.value)
