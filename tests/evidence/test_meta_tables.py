"""Tables of studies read into effects: forms, zero cells, what is refused and why."""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotreat.evidence.meta.analysis import analyse, document
from cotreat.evidence.meta.effects import (
    Effect,
    Group,
    Measure,
    back,
    from_interval,
    small_sample_factor,
    standardised_difference,
    two_by_two,
)
from cotreat.evidence.meta.table import design_of, read_table
from cotreat.measures.errors import InputError


def table(folder: Path, text: str) -> Path:
    path = folder / "studies.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("measure", "text", "yi"),
    [
        ("RR", "study,ai,bi,ci,di\na,4,119,11,128\n", math.log(4 / 123 / (11 / 139))),
        ("OR", "study,ai,n1i,ci,n2i\na,4,123,11,139\n", math.log(4 * 128 / (119 * 11))),
        ("RD", "study;ai;bi;ci;di\na;4;6;2;8\n", 0.2),
        ("HR", "study,estimate,lower,upper\na,2.32,1.03,5.22\n", math.log(2.32)),
        ("HR", "study\tyi\tsei\na\t0.5\t0.2\n", 0.5),
        ("MD", "study,m1i,sd1i,n1i,m2i,sd2i,n2i\na,10,3,12,12,3.5,11\n", -2.0),
        ("PLO", "study,xi,ni\na,3,12\n", math.log(1 / 3)),
        ("PLO", "study,xi,mi\na,3,9\n", math.log(1 / 3)),
        ("GEN", "\ufeffstudy,yi,vi\na,0.25,0.01\n\n", 0.25),
        ("GEN", 'study,yi,vi\n"a, b","−0.25",0.01\n', -0.25),
    ],
)
def test_unit_forms_of_a_table(tmp_path: Path, measure: Measure, text: str, yi: float) -> None:
    (effect,) = read_table(table(tmp_path, text), measure).effects
    assert effect.yi == pytest.approx(yi)
    assert effect.vi > 0


@pytest.mark.parametrize(
    ("measure", "text", "says"),
    [
        ("RR", "", "is empty"),
        ("RR", "study,ai,bi,ci,di\n", "no study"),
        ("RR", "trial,ai,bi,ci,di\na,1,2,3,4\n", "no column `study`"),
        ("RR", "study,ai,bi\na,1,2\n", "RR needs the columns ai, bi, ci, di; or ai, n1i, ci, n2i"),
        ("RR", "study,ai,ai,ci,di\na,1,2,3,4\n", "is there twice"),
        ("RR", "study,ai,bi,ci,di\na,1,2,3\n", "4 cells, but the header has 5"),
        ("RR", "study,ai,bi,ci,di\na,1,two,3,4\n", "bi is 'two', not a number"),
        ("RR", "study,ai,bi,ci,di\na,-1,2,3,4\n", "cannot be negative"),
        ("RR", "study,ai,bi,ci,di\na,0,0,3,4\n", "no patients"),
        ("RR", "study,ai,n1i,ci,n2i\na,5,4,3,9\n", "5 events among 4"),
        ("RR", "study,ai,bi,ci,di\na,NA,2,3,4\n", "no row has the numbers"),
        ("GEN", "study,yi,vi\na,1,0\n", "above zero"),
        ("GEN", "study,yi,vi\na,inf,1\n", "not finite"),
        ("GEN", 'study;yi;vi\na;"1,5";1\n', "not a number"),
        ("SMD", "study,m1i,sd1i,n1i,m2i,sd2i,n2i\na,1,1,1,2,1,9\n", "too small"),
        ("SMD", "study,m1i,sd1i,n1i,m2i,sd2i,n2i\na,1,0,9,2,0,9\n", "standardised"),
        ("HR", "study,estimate,lower,upper\na,2,3,4\n", "lies outside its interval"),
        ("HR", "study,estimate,lower,upper\na,2,-1,4\n", "no limit of -1"),
        ("HR", "study,ai,bi,ci,di\na,1,2,3,4\n", "HR needs the columns"),
        ("PLO", "study,xi,ni\na,5,4\n", "5 events among 4"),
        ("RR", "study,ai,bi,ci,di\na\x00,1,2,3,4\n", "binary"),
    ],
)
def test_unit_table_refused_in_one_line(tmp_path: Path, measure: Measure, text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_table(table(tmp_path, text), measure)
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_unit_places_that_are_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        read_table(tmp_path, "RR")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "absent.csv", "RR")
    (tmp_path / "latin.csv").write_bytes("study,yi,vi\né,1,1\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_table(tmp_path / "latin.csv", "GEN")
    with pytest.raises(InputError, match="no column `doze` for --mods"):
        read_table(table(tmp_path, "study,yi,vi,dose\na,1,1,2\n"), "GEN", ["doze"])


def test_unit_rows_without_a_value_are_left_out_and_named(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, "study,yi,vi,dose\na,1,1,2\nb,NA,1,3\nc,1,2,\n"), "GEN", ["dose"])
    assert [e.study for e in found.effects] == ["a"]
    assert [(o.study, o.reason) for o in found.left_out] == [("b", "no value for yi"), ("c", "no value for dose")]


def test_unit_zero_cells_get_a_half_only_where_a_cell_is_zero() -> None:
    assert two_by_two("OR", 0, 10, 2, 8) == two_by_two("OR", 0.5, 10.5, 2.5, 8.5)
    assert two_by_two("RR", 1, 9, 2, 8)[0] == pytest.approx(math.log(0.5))


def test_unit_moderators_become_columns() -> None:
    effects = [Effect(str(i), 0.1 * i, 1.0, {"dose": float(i), "form": "cba"[i]}) for i in range(3)]
    design = design_of(effects, ["dose", "form"])
    assert design.names == ("intercept", "dose", "form: b", "form: c")
    assert design.rows == ((1.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0, 0.0), (1.0, 2.0, 0.0, 0.0))
    assert design.reference == {"form": "a"}
    with pytest.raises(InputError, match="explains nothing"):
        design_of(effects[:1], ["dose"])


def test_published_hedges_exact_factor() -> None:
    """Hedges 1981: J(10) is 0.9228 (table 1: 0.9228), close to 1 - 3 / (4 m - 1)."""
    assert small_sample_factor(10) == pytest.approx(0.92275, abs=5e-5)
    assert small_sample_factor(50) == pytest.approx(1 - 3 / (4 * 50 - 1), abs=1e-4)


counts = st.integers(0, 300)


@given(counts, counts, counts, counts)
def test_property_swapping_groups_turns_the_effect_round(a: int, b: int, c: int, d: int) -> None:
    if a + b == 0 or c + d == 0:
        return
    for measure in ("RR", "OR", "RD"):
        one, other = two_by_two(measure, a, b, c, d), two_by_two(measure, c, d, a, b)
        assert one[0] == pytest.approx(-other[0], abs=1e-9)
        assert one[1] == pytest.approx(other[1])
        assert one[1] > 0


@given(st.floats(0.05, 20), st.floats(0.02, 2))
def test_property_interval_of_a_ratio_round_trips(ratio: float, se: float) -> None:
    low, high = ratio * math.exp(-1.959963984540054 * se), ratio * math.exp(1.959963984540054 * se)
    yi, vi = from_interval("HR", ratio, low, high)
    assert back("HR", yi) == pytest.approx(ratio)
    assert vi == pytest.approx(se**2, rel=1e-6)


@given(st.floats(-50, 50), st.floats(0.5, 20), st.integers(2, 500), st.floats(0.1, 10))
def test_property_hedges_g_has_no_unit(mean: float, sd: float, n: int, unit: float) -> None:
    plain = standardised_difference(Group(mean, sd, n), Group(0.0, sd, n))
    scaled = standardised_difference(Group(mean * unit, sd * unit, n), Group(0.0, sd * unit, n))
    assert plain == pytest.approx(scaled)


cells = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=3, max_size=3)


@given(st.lists(cells, max_size=4), st.sampled_from(",;\t"), st.sampled_from(["GEN", "HR", "PLO"]))
def test_property_any_table_is_read_or_refused_in_one_line(rows: list[list[str]], mark: str, measure: Measure) -> None:
    header = {"GEN": ["study", "yi", "vi"], "HR": ["study", "yi", "sei"], "PLO": ["study", "xi", "ni"]}[measure]
    text = "\n".join(mark.join(row) for row in [header, *rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        said, found = "", ()
        try:
            found = read_table(path, measure).effects
        except InputError as error:
            said = error.message
    assert "\n" not in said
    assert all(effect.vi > 0 for effect in found)


numbers = st.floats(-1e6, 1e6)


@settings(max_examples=25)
@given(st.lists(st.tuples(numbers, st.floats(1e-6, 1e6)), min_size=1, max_size=6))
def test_property_any_effects_are_pooled_to_finite_numbers(data: list[tuple[float, float]]) -> None:
    found = document(analyse("GEN", [Effect(str(i), y, v) for i, (y, v) in enumerate(data)]))
    json.dumps(found, allow_nan=False)
    low, high = found["ci95"]
    assert low <= found["estimate"] <= high
