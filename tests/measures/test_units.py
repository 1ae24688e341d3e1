"""Units: conversion within a dimension, refusal across dimensions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotreat.measures.errors import InputError
from cotreat.measures.units import Dimension, Unit, convert, dose_in_mg, quantity, unit, units

amounts = st.floats(min_value=1e-6, max_value=1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("amount", "from_symbol", "to_symbol", "expected"),
    [
        (1.5, "g", "mg", 1500.0),
        (250, "mcg", "mg", 0.25),
        (2, "weeks", "days", 14.0),
        (90, "minutes", "hours", 1.5),
        (0.2, "g/day", "mg/d", 200.0),
        (100, "ng/mL", "µg/L", 100.0),
    ],
)
def test_unit_convert(amount: float, from_symbol: str, to_symbol: str, expected: float) -> None:
    assert convert(amount, from_symbol, to_symbol) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("symbol", "other"), [("mg", "mg/kg"), ("ng/mL", "mmol/L"), ("% rMT", "% aMT"), ("mA", "Hz"), ("mg", "mg/day")]
)
def test_unit_dimensions_do_not_mix(symbol: str, other: str) -> None:
    with pytest.raises(InputError, match="cannot be turned into"):
        convert(1.0, symbol, other)


def test_unit_unknown_unit_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        unit("mmol/l.")
    assert caught.value.hint == "Did you mean mmol/L?"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_unit_amounts_are_finite(bad: float) -> None:
    with pytest.raises(InputError, match="finite"):
        quantity(bad, "mg")


def test_unit_dose_by_weight_needs_the_weight() -> None:
    assert dose_in_mg(0.5, "mg/kg", 70.0) == pytest.approx(35.0)
    assert dose_in_mg(0.25, "g") == pytest.approx(250.0)
    with pytest.raises(InputError, match="body weight"):
        dose_in_mg(0.5, "mg/kg")
    with pytest.raises(InputError, match="cannot be meant"):
        dose_in_mg(0.5, "mg/kg", 700.0)


def test_unit_every_dimension_has_a_unit() -> None:
    assert {u.dimension for u in units()} == set(Dimension)


@given(amounts, st.sampled_from(units()), st.data())
def test_property_conversion_round_trip(amount: float, here: Unit, data: st.DataObject) -> None:
    there = data.draw(st.sampled_from(units(here.dimension)))
    forth = convert(amount, here.symbol, there.symbol)
    assert convert(forth, there.symbol, here.symbol) == pytest.approx(amount, rel=1e-12)
    assert (forth > amount) == (here.in_base > there.in_base) or forth == pytest.approx(amount)
