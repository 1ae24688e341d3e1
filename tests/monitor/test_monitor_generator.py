"""The invented patients: what they are pinned to, and exact inference where its answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from validation.monitor import generator as g
from validation.monitor.exact import infer
from validation.monitor.figures import area, calibration, forecasts, paired
from validation.monitor.pins import Pin, pins


@pytest.fixture(scope="module")
def measured() -> dict[str, Pin]:
    return {p.what: p for p in pins(1, 500)}


@pytest.mark.parametrize("arm", ["stopped", "stayed on"])
def test_published_lewis2021_relapse_and_feeling_worse(measured: dict[str, Pin], arm: str) -> None:
    # each pin allows 2.6 Monte-Carlo SDs: a false alarm in 1 of 100 seeds, and the seed is fixed
    for what in ("relapse by week 52", "week by which a quarter relapsed", "felt worse at week 12"):
        pin = measured[f"{what}, {arm}"]
        assert pin.agrees, pin
        assert pin.sd < 5.0


def test_published_henssler2024_nocebo_and_withdrawal(measured: dict[str, Pin]) -> None:
    for what in ("symptoms after stopping placebo (nocebo)", "any symptom after stopping a drug"):
        assert measured[what].agrees, measured[what]


def test_unit_a_pin_that_is_missed_is_said_to_be() -> None:
    pin = Pin("x", "56", 55.5, 56.5, 62.0, 2.0, "a source")
    assert not pin.agrees
    assert replace(pin, measured=60.0).agrees


def test_published_lewis2021_most_extra_relapses_fall_in_weeks_12_to_26() -> None:
    stop, stay = (g.relapse_hazard(np.arange(364.0), s, 56.0) for s in (True, False))
    extra = stop - stay
    assert extra[84:182].sum() > 0.6 * extra.sum()
    assert 84 <= int(np.argmax(extra)) <= 126


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
    assert [b.count for b in bins] == [2, 1]
    assert gap == pytest.approx(0.1)


def test_double_days_of_one_patient_are_taken_together() -> None:
    # ten days of one patient are one draw: the SD of the gap is that of a single Bernoulli number, here 0.5
    p, truth = np.full(20, 0.5), np.repeat([0.0, 1.0], 10)
    together, _ = calibration(p, truth, np.repeat([0, 1], 10))
    apart, _ = calibration(p, truth)
    assert together[0].sd == pytest.approx(0.5 / np.sqrt(2))
    assert apart[0].sd == pytest.approx(0.5 / np.sqrt(20))


def test_unit_coverage_and_gain_of_forecasts() -> None:
    def record(pit: list[float]) -> dict[str, object]:
        rows = [{"pit": v, "crps": 1.0, "crps_last_value": 1.5, "crps_running_mean": 0.8} for v in pit]
        return {"forecasts": rows}

    assert forecasts([{"forecasts": []}]) is None
    found = forecasts([record([0.5, 0.3, 0.99]), record([0.05, 0.5, 0.7])])
    assert found is not None
    assert (found.records, found.count) == (2, 6)
    assert found.cover == pytest.approx((4 / 6, 4 / 6, 5 / 6))
    assert found.gain[0] == pytest.approx((0.5, 0.5, 0.5))
    assert found.gain[1] == pytest.approx((-0.2, -0.2, -0.2))
