"""Patient-level files, read from generated data of their shape: what is computed, what is refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cotreat.evidence.patients import (
    describe,
    load_patients,
    placebo_course,
    rating_error,
    text_lines,
    visit_correlation,
)
from cotreat.measures.errors import InputError

VISITS = {"4": 7, "5": 14, "6": 28, "7": 42}


def goldstein(path: Path, patients: int = 172, noise: float = 2.0, seed: int = 3) -> Path:
    """A file of the shape of the extract: a random walk of 1.2 points a week, and rating noise, on a falling mean."""
    rng = random.Random(seed)
    rows = ["PATIENT,HAMATOTL,PGIIMP,RELDAYS,VISIT,THERAPY,GENDER,POOLINV,BASVAL,HAMDTL17,CHANGE"]
    for number in range(patients):
        therapy = "DRUG" if number % 2 else "PLACEBO"
        true = rng.gauss(26.0, 4.0)
        baseline = round(true + rng.gauss(0, noise))
        last = 0
        for visit, day in VISITS.items():
            weeks = (day - last) / 7
            true += rng.gauss(-0.8 * weeks, 1.2 * weeks**0.5)
            last = day
            score = "NA" if number == 1 and visit == "7" else min(52, max(0, round(true + rng.gauss(0, noise))))
            rows.append(f"{1000 + number},10,2,{day},{visit},{therapy},F,006,{baseline},{score},0")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def reisby(path: Path, patients: int = 66) -> Path:
    """A file of the shape of the imipramine data: blanks between the cells, weeks 0 to 5."""
    rng = random.Random(5)
    rows = ["id hamd week endog"]
    for number in range(patients):
        true = rng.gauss(23.4, 4.0)
        for week in range(6):
            true += rng.gauss(-1.6 if week < 2 else -2.5, 1.5)
            rows.append(f"{number} {min(52, max(0, round(true)))} {week} {number % 2}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_unit_goldstein_shape(tmp_path: Path) -> None:
    found = load_patients(goldstein(tmp_path / "dia.csv"), "goldstein2004")
    assert (len(found.scores), found.days) == (172, (0.0, 7, 14, 28, 42))
    placebo = placebo_course(found)
    assert [point.n for point in placebo] == [86] * 5
    assert placebo[0].change is None
    assert -6.5 < (placebo[-1].change or 0) < -3
    assert sum(point.n for point in placebo) + 85 + 4 * 86 == 172 * 5 - 1 + 0
    assert "day  42" in "\n".join(text_lines(describe(found)))


def test_unit_reisby_shape(tmp_path: Path) -> None:
    found = load_patients(reisby(tmp_path / "reisby.dat"), "reisby1977")
    assert found.days == (0.0, 7.0, 14.0, 21.0, 28.0, 35.0)
    assert [point.day for point in placebo_course(found)] == [0.0, 7.0]
    assert set(found.arms.values()) == {"imipramine"}


@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_double_rating_error_is_found_again(tmp_path: Path, noise: float) -> None:
    """2,000 generated patients: the noise put in, and the walk of 1.44 points squared a week, come out.

    Rounding to whole points adds 1/12 to the variance. The tolerance is about four standard errors.
    """
    found = rating_error(load_patients(goldstein(tmp_path / "dia.csv", 2000, noise), "goldstein2004"))
    assert found.sd == pytest.approx((noise**2 + 1 / 12) ** 0.5, abs=0.2)
    assert found.per_week == pytest.approx(1.44 / 2, abs=0.1)


def test_property_correlation_falls_with_distance_and_noise(tmp_path: Path) -> None:
    quiet = visit_correlation(load_patients(goldstein(tmp_path / "a.csv", 1000, 0.5), "goldstein2004"))
    loud = visit_correlation(load_patients(goldstein(tmp_path / "b.csv", 1000, 4.0), "goldstein2004"))
    assert quiet[(7, 14)] > quiet[(7, 42)]
    score = visit_correlation(load_patients(tmp_path / "a.csv", "goldstein2004"), of_change=False)
    noisy = visit_correlation(load_patients(tmp_path / "b.csv", "goldstein2004"), of_change=False)
    assert score[(7, 14)] > noisy[(7, 14)]
    assert set(loud) == {(7, 14), (7, 28), (7, 42), (14, 28), (14, 42), (28, 42)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no rows"),
        ("patient,visit\n1,4\n", "no column hamdtl17, therapy, basval"),
        ("patient,visit,therapy,basval,hamdtl17\n1,9,DRUG,20,10\n", "visit '9'"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,BOTH,20,10\n", "arm 'both'"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,DRUG,20,ten\n", "not a number"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,DRUG,20,99\n", "0 to 52"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,DRUG,20,9\n1,4,DRUG,20,9\n", "rated twice"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,DRUG,20,9\n1,5,PLACEBO,20,9\n", "two arms"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,DRUG,20,9\n1,5,DRUG,21,9\n", "two baselines"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,DRUG,20\n", "4 cells"),
        ("patient,visit,therapy,basval,hamdtl17\n1,4,DRUG,20,9\n", "too few"),
    ],
)
def test_unit_patient_file_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_patients(path, "goldstein2004")
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_unit_places_that_are_no_patient_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no known file"):
        load_patients(tmp_path / "x.csv", "reisby")
    with pytest.raises(InputError, match="cannot be read"):
        load_patients(tmp_path / "x.csv", "reisby1977")
