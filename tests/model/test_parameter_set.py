"""Parameter sets: what a file may say, and seeded draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.model.parameters import PRIOR

GOOD = """
name: tiny
status: prior only
about: two parameters
does_not_claim: anything
parameters:
  a: {distribution: lognormal, median: 1.0, range90: [0.5, 2.0], limits: [0.4, 3.0], unit: day,
      identified: prior, source: here}
  b: {distribution: normal, median: 0.0, range90: [-1, 1], unit: 1, identified: prior, source: here}
"""


def write(tmp_path: Path, text: str) -> ParameterSet:
    path = tmp_path / "set.yaml"
    path.write_text(text)
    return load_parameters(str(path))


def test_unit_draws_hold_the_stated_median_and_range() -> None:
    known = load_parameters(PRIOR)
    draws = known.draws(20_000, seed=3)
    for name, p in known.parameters.items():
        if p.range90 is None:
            assert np.all(draws[name] == p.median)
            continue
        inside = np.mean((draws[name] >= p.range90[0]) & (draws[name] <= p.range90[1]))
        # limits and an uneven range move the share a little; a wrong scale would move it a lot
        assert 0.84 < inside < 0.97, name
        assert draws[name].min() >= p.limits[0]
        assert draws[name].max() <= p.limits[1]


@given(st.integers(1, 50), st.integers(0, 2**40))
def test_property_more_draws_change_no_earlier_draw(count: int, seed: int) -> None:
    known = load_parameters(PRIOR)
    few, many = known.draws(count, seed), known.draws(count + 7, seed)
    assert all(np.array_equal(few[k], many[k][:count]) for k in few)


def test_unit_a_new_parameter_changes_no_other(tmp_path: Path) -> None:
    before = write(tmp_path, GOOD).draws(10, 1)
    line = "  c: {distribution: fixed, median: 2, unit: 1, identified: fixed, source: here}\n"
    after = write(tmp_path, GOOD + line).draws(10, 1)
    assert all(np.array_equal(before[k], after[k]) for k in before)
    assert np.all(after["c"] == 2)


def test_unit_checksum_follows_the_bytes(tmp_path: Path) -> None:
    assert write(tmp_path, GOOD).checksum != write(tmp_path, GOOD + "\n").checksum


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("lognormal", "gamma"), "distribution"),
        (("median: 1.0", "median: 5.0"), "range90"),
        (("range90: [0.5, 2.0]", "range90: [2.0, 0.5]"), "range90"),
        (("range90: [0.5, 2.0], ", ""), "range90"),
        (("median: 1.0", "median: .nan"), "median"),
        (("limits: [0.4, 3.0]", "limits: [1.5, 3.0]"), "limits"),
        (("median: 1.0, range90: [0.5, 2.0]", "median: 1.0, range90: [-0.5, 2.0]"), "positive"),
        (("parameters:", "parameter:"), "parameters"),
        (("unit: day,", ""), "unit"),
        (("name: tiny", "name: [unclosed"), "not a parameter set"),
    ],
)
def test_unit_a_broken_set_is_refused_with_its_reason(tmp_path: Path, change: tuple[str, str], word: str) -> None:
    with pytest.raises(InputError, match=word):
        write(tmp_path, GOOD.replace(*change))


@pytest.mark.parametrize("name", ["no-such-set", "", "/", "a\0b"])
def test_unit_an_unreadable_set_names_the_packaged_ones(name: str) -> None:
    with pytest.raises(InputError, match="literature-2026"):
        load_parameters(name)
