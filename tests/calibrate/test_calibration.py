"""A calibration from beginning to end on made-up banks: files, resumption, the same bytes twice, honest refusal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cotreat.calibrate.emulator import TrainSettings
from cotreat.calibrate.extras import AFTER_ECT
from cotreat.calibrate.interaction import CASES
from cotreat.calibrate.material import make_material
from cotreat.calibrate.run import run_calibration
from cotreat.calibrate.space import STRENGTHS
from cotreat.cli import cli
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import load_parameters
from cotreat.report.calibration_far import far_page, read_document
from tests.calibrate.made import STUDIES, small_plan, use_made_banks


@pytest.mark.slow
def test_unit_networks_come_closer_to_where_the_fit_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_made_banks(monkeypatch, tmp_path / "cache")
    plan = replace(small_plan(), train=TrainSettings(width=24, steps=200, batch=128), direct_patients=40)
    refine = TrainSettings(width=24, steps=1200, batch=128, rate=1e-3)
    made = [
        make_material(replace(plan, near=near, close=close, refine=refine, last=refine), STUDIES, False, lambda _: None)
        for near, close in ((0, 0), (512, 0), (512, 1024))
    ]
    error = [np.sqrt(np.nanmean(np.where(m.emulator.is_mean, np.nan, m.emulator.error) ** 2)) for m in made]
    assert error[0] > error[1] > error[2]
    assert error[2] < 0.02  # a count of 40 patients is off by 0.08
    assert made[0].near is None
    assert made[2].near is not None


@pytest.mark.slow
def test_unit_a_whole_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_made_banks(monkeypatch, tmp_path / "cache")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    told: list[str] = []
    document, path = run_calibration(small_plan(), str(tmp_path / "one"), None, "cotreat calibrate", told.append)
    assert any("fit of the rival" in line for line in told)
    # taken up again: nothing is fitted, and the file is the same to the byte
    told.clear()
    _, again = run_calibration(small_plan(), str(tmp_path / "two"), None, "cotreat calibrate", told.append)
    assert not [line for line in told if "fit" in line]
    assert path.read_bytes() == again.read_bytes()

    drawn = load_parameters(str(path)).draws(50, 1)
    assert np.ptp(drawn["placebo.drive"]) > 0
    assert load_parameters(str(path)).status.startswith("quick fit")
    assert sum(r["weight"] for r in document["rivals"]) == pytest.approx(1.0, abs=0.01)
    assert [c["level"] for c in document["coverage"]["all"]] == [0.5, 0.8, 0.95]

    page = (tmp_path / "one" / "report.html").read_text()
    assert document["checksum"] in page
    assert "not a medical device" in page
    for heading in ("Drug and stimulation together", "After ECT: four trials on one sheet", "Is the arithmetic right?"):
        assert heading in page
    assert [c["name"] for c in document["interactions"]] == [c.name for c in CASES]
    # what the paragraph says of the gains is counted from the table of parameters
    gains = [p for p in document["parameters"] if "_gain." in p["name"]]
    driven = sum(p["prior_driven"] for p in gains)
    assert f"{driven} of the {len(gains)} parameters by which one part" in page
    assert {r["study"] for r in document["after_ect"]} == set(AFTER_ECT)
    assert [g["group"] for g in document["between_studies"]] == list(STRENGTHS)
    text = far_page(read_document(str(tmp_path / "one" / "calibration.json")))
    assert "# How far to believe it" in text.splitlines()[2]
    assert all(f"## S{k}:" in text for k in range(1, 13))

    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    wrong = tmp_path / "damaged.npz"
    wrong.write_bytes(bytes(damaged))
    with pytest.raises(InputError, match="checksum"):
        load_parameters(str(wrong))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["calibrate", "--draws", "1000"], "multiple of 1024"),
        (["calibrate", "--jobs", "0"], "jobs"),
        (["calibrate", "--seed", "-1"], "seed"),
        (["calibrate", "page", "nothing.json"], "cannot read"),
    ],
)
def test_unit_bad_options_are_refused_in_one_line(arguments: list[str], word: str) -> None:
    found = CliRunner().invoke(cli, arguments)
    assert isinstance(found.exception, InputError)
    assert word in str(found.exception).splitlines()[0]


def test_unit_another_document_is_not_taken_for_a_calibration(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"kind": "comparison"}))
    with pytest.raises(InputError, match="not the document of a calibration"):
        read_document(str(other))
