"""The invented patients: what they are pinned to, and exact inference where its answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from validation.monitor import generator as g
from validation.monitor.exact import infer
from validation.monitor.write import area, calibration, paired


@pytest.fixture(scope="module")
def people() -> list[g.Patient]:
    return [g.draw(k, days=g.RUN_IN + 364) for k in range(500)]


def test_published_lewis2021_relapse_in_a_year(people: list[g.Patient]) -> None:
    # 56 and 39 %; with about 375 and 125 people the SDs are 2.6 and 4.4 points: bounds at 3.5 SDs, 1 run in 2,000
    for stops, share, bound in ((True, 0.56, 0.09), (False, 0.39, 0.155)):
        group = [p for p in people if p.stops == stops]
        assert np.mean([p.relapse_day is not None for p in group]) == pytest.approx(share, abs=bound)


def test_published_lewis2021_most_extra_relapses_fall_in_weeks_12_to_26() -> None:
    stop, stay = (g.relapse_hazard(np.arange(364.0), s, 42.0) for s in (True, False))
    extra = stop - stay
    assert extra[84:182].sum() > 0.4 * extra.sum()
    assert 70 <= int(np.argmax(extra)) <= 130


def test_published_henssler2024_nocebo_and_withdrawal(people: list[g.Patient]) -> None:
    # 17 % and 31 % (interval 27-35) with any symptom; with about 375 people the SDs are 2 and 2.5 points
    group = [p for p in people if p.stops]
    nocebo = np.array([p.nocebo.max() >= g.PRESENT for p in group])
    withdrawal = np.array([p.withdrawal.max() >= g.PRESENT for p in group])
    assert nocebo.mean() == pytest.approx(0.17, abs=0.07)
    assert (nocebo | withdrawal).mean() == pytest.approx(0.31, abs=0.10)


def test_published_lewis2021_more_feel_worse_at_week_12(people: list[g.Patient]) -> None:
    # published 44 against 21 %: the direction and a gap of at least 5 points are asked for
    rng = np.random.default_rng(1)
    worse = [np.mean([g.felt_worse(p, g.RUN_IN + 84, rng) for p in people if p.stops == s]) for s in (True, False)]
    assert worse[0] > worse[1] + 0.05


def test_unit_a_patient_is_a_function_of_seed_and_number() -> None:
    one, other = g.draw(5), g.draw(5)
    assert one.record.observations == other.record.observations
    assert g.draw(6).record.observations != one.record.observations


def test_unit_exact_inference_knows_what_is_plain() -> None:
    plain = next(p for p in (g.draw(k) for k in range(200)) if p.relapse_day is not None and 60 < p.relapse_day < 130)
    assert plain.relapse_day is not None
    assert infer(plain, plain.relapse_day - 8).relapse < 0.3
    assert infer(plain, min(plain.relapse_day + 40, g.DAYS - 1)).relapse > 0.9
    calm = next(p for p in (g.draw(k) for k in range(200)) if not p.stops)
    assert infer(calm, 120).withdrawal == 0.0


@pytest.mark.slow
def test_property_exact_inference_is_calibrated() -> None:
    # 80 patients on one day: the mean of a calibrated probability differs from the share true by under 3.5 SDs
    said, true = [], []
    for number in range(80):
        patient = g.draw(number)
        said.append(infer(patient, 120).relapse)
        true.append(patient.relapse_day is not None and patient.relapse_day <= 120)
    p = np.array(said)
    assert abs(p.mean() - np.mean(true)) < 3.5 * np.sqrt((p * (1 - p)).sum() + 0.5) / len(p)


def test_double_area_under_the_curve_by_pairs() -> None:
    rng = np.random.default_rng(3)
    score, truth = rng.integers(0, 5, 60).astype(float), rng.random(60) < 0.4
    one, other = score[truth][:, None], score[~truth][None, :]
    assert area(score, truth) == pytest.approx(np.mean((one > other) + 0.5 * (one == other)))
    assert paired(score, score, truth) == (0.0, 0.0, 0.0)
    bins, gap = calibration(np.array([0.1, 0.1, 0.9]), np.array([0.0, 0.0, 1.0]))
    assert [n for n, *_ in bins] == [2, 1]
    assert gap == pytest.approx(0.1)
