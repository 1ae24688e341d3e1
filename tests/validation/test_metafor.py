"""Meta-analyses against metafor: every data set, measure, estimator and test of the recorded grid."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cotreat.evidence.meta.analysis import analyse, document
from cotreat.evidence.meta.effects import Effect
from cotreat.evidence.meta.export import metafor_csv
from cotreat.evidence.meta.fit import METHODS, TESTS, Data, Fit, How, fit, intercept_only
from cotreat.evidence.meta.sensitivity import asymmetry, egger, leave_one_out, trim_and_fill
from cotreat.evidence.meta.table import Table, design_of, read_table
from tests.house.repository import ROOT

FOLDER = ROOT / "validation" / "metafor"
RELATIVE = 1e-4


@cache
def reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))
    return found


NAMES = list(reference()["analyses"])
REGRESSIONS = [name for name in NAMES if "regression" in reference()["analyses"][name]]


def effects(name: str, mods: tuple[str, ...] = ()) -> Table:
    entry = reference()["analyses"][name]
    return read_table(FOLDER / "data" / f"{entry['data']}.csv", entry["measure"], mods)


def numbers(fitted: Fit) -> dict[str, Any]:
    """The numbers of a fit under the names of the reference."""
    average, spread, test = fitted.average, fitted.spread, fitted.moderators
    return {
        "estimate": average.estimate,
        "se": average.se,
        "ci95": average.ci95,
        "pi95": average.pi95,
        "tau2": spread.tau2,
        "tau2_ci95": spread.tau2_ci95,
        "tau2_se": spread.tau2_se,
        "i2": spread.i2,
        "h2": spread.h2,
        "q": spread.q,
        "q_p": spread.q_p,
        "r2": spread.r2,
        "coefficients": [c.estimate for c in fitted.coefficients],
        "coefficient_se": [c.se for c in fitted.coefficients],
        "coefficient_p": [c.p for c in fitted.coefficients],
        "qm": test.statistic if test else None,
        "qm_p": test.p if test else None,
    }


def not_given(method: str) -> set[str]:
    """What metafor prints and this project does not, with the reason in validation/metafor/README.md."""
    return {"tau2_se"} if method == "DL" else {"r2", "tau2_se"} if method == "EE" else set()


def agree(ours: Any, theirs: Any) -> bool:
    if theirs is None or ours is None:
        return ours is theirs
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(agree(a, b) for a, b in zip(ours, theirs, strict=True))
    return math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=1e-9)


def differences(fitted: Fit, expected: dict[str, Any], method: str) -> dict[str, tuple[Any, Any]]:
    ours = numbers(fitted)
    compared = expected.keys() - not_given(method)
    return {key: (ours[key], expected[key]) for key in compared if not agree(ours[key], expected[key])}


def test_unit_reference_covers_the_whole_grid() -> None:
    grid = {f"{method}-{test}" for method in METHODS for test in TESTS}
    analyses = reference()["analyses"]
    assert len({entry["data"] for entry in analyses.values()}) >= 8
    assert {entry["measure"] for entry in analyses.values()} == {"RR", "OR", "RD", "HR", "SMD", "MD", "PLO", "GEN"}
    assert {path.stem for path in (FOLDER / "data").glob("*.csv")} == {e["data"] for e in analyses.values()}
    assert all(entry["models"].keys() == grid for entry in analyses.values())
    assert len(REGRESSIONS) >= 8
    assert all(analyses[name]["regression"]["models"].keys() == grid for name in REGRESSIONS)
    assert reference()["made_with"].keys() == {"R", "metafor", "metadat"}


def test_published_bcg_trials() -> None:
    """Colditz et al. 1994 as analysed in the documentation of metafor."""
    table = effects("bcg-RR")
    yi, vi = [e.yi for e in table.effects], [e.vi for e in table.effects]
    plain = fit(intercept_only(yi, vi))
    assert (round(plain.average.estimate, 4), round(plain.average.se, 4)) == (-0.7145, 0.1798)
    assert round(plain.spread.tau2, 4) == 0.3132
    adjusted = fit(intercept_only(yi, vi), How("REML", "knha"))
    assert [round(v, 3) for v in adjusted.average.ci95] == [-1.108, -0.321]


@pytest.mark.parametrize("name", NAMES)
def test_parity_effects(name: str) -> None:
    entry = reference()["analyses"][name]
    expected = [(y, v) for y, v in zip(entry["yi"], entry["vi"], strict=True) if y is not None]
    found = effects(name).effects
    assert len(found) == len(expected)
    for effect, (yi, vi) in zip(found, expected, strict=True):
        assert agree(effect.yi, yi)
        assert agree(effect.vi, vi)


@pytest.mark.parametrize("name", NAMES)
def test_parity_models(name: str) -> None:
    entry = reference()["analyses"][name]
    found = effects(name).effects
    data = intercept_only([e.yi for e in found], [e.vi for e in found])
    for model, values in entry["models"].items():
        method, test = model.split("-")
        assert differences(fit(data, How(method, test)), values["tight"], method) == {}, model


@pytest.mark.parametrize("name", REGRESSIONS)
def test_parity_regressions(name: str) -> None:
    entry = reference()["analyses"][name]["regression"]
    found = effects(name, tuple(entry["mods"])).effects
    assert len(found) == entry["k"]
    design = design_of(found, entry["mods"])
    data = Data([e.yi for e in found], [e.vi for e in found], design.rows, design.names)
    for model, values in entry["models"].items():
        method, test = model.split("-")
        assert differences(fit(data, How(method, test)), values["tight"], method) == {}, model


@pytest.mark.parametrize("name", NAMES)
def test_parity_leave_one_out_and_small_studies(name: str) -> None:
    entry = reference()["analyses"][name]
    found = effects(name).effects
    yi, vi = [e.yi for e in found], [e.vi for e in found]
    without = leave_one_out([e.study for e in found], intercept_only(yi, vi), How())
    expected = entry["leave_one_out"]
    assert agree([w.fit.average.estimate for w in without], expected["estimate"])
    assert agree([w.fit.average.se for w in without], expected["se"])
    assert agree([w.fit.spread.tau2 for w in without], expected["tau2"])
    for test, wanted in ((asymmetry(yi, vi, How()), entry["small_studies"]), (egger(yi, vi), entry["egger"])):
        assert test is not None
        assert agree(test.slope.statistic, wanted["statistic"])
        assert agree(test.slope.p, wanted["p"])
        assert agree([test.limit, *test.limit_ci95], [wanted["limit"], *wanted["limit_ci95"]])
    filled = trim_and_fill(yi, vi, How())
    assert filled is not None
    wanted = entry["trim_and_fill"]
    assert (filled.missing, filled.side) == (wanted["missing"], wanted["side"])
    shown = [filled.missing_se, filled.fit.average.estimate, filled.fit.average.se, filled.fit.spread.tau2]
    assert agree(shown, [wanted["missing_se"], wanted["estimate"], wanted["se"], wanted["tau2"]])


def test_unit_default_tolerances_of_metafor_stop_near_the_same_values() -> None:
    """metafor's own stopping rule is absolute (1e-5 in tau2), so its tau2 may be off by that; never by more."""
    off = []
    for name in NAMES:
        for model, values in reference()["analyses"][name]["models"].items():
            if isinstance(values["default"], dict):
                apart = abs(values["default"]["tau2"] - values["tight"]["tau2"])
                if apart > 1e-4 * max(1.0, values["tight"]["tau2"]):
                    off.append((name, model, apart))
    assert off == []


R_SCRIPT = """
suppressMessages(suppressWarnings(library(metafor)))
d <- read.csv(commandArgs(TRUE)[1]); m <- rma(yi, vi, data = d, test = "knha", slab = study); p <- predict(m)
cat(m$beta, m$se, m$tau2, m$ci.lb, m$ci.ub, p$pi.lb, p$pi.ub, sep = "\\n")
"""


def has_metafor() -> bool:
    program = shutil.which("Rscript")
    if program is None:
        return False
    asked = subprocess.run([program, "-e", 'stopifnot(requireNamespace("metafor"))'], capture_output=True, check=False)
    return asked.returncode == 0


@pytest.mark.slow
def test_parity_metafor_reads_the_export(tmp_path: Path) -> None:
    if not has_metafor():
        pytest.skip("R with the package metafor is not installed; the recorded values above stand for it")
    table = effects("bcg-OR", ("ablat",))
    path = tmp_path / "effects.csv"
    path.write_text(metafor_csv(table.effects), encoding="utf-8")
    script = tmp_path / "ask.R"
    script.write_text(R_SCRIPT, encoding="utf-8")
    shown = subprocess.run(["Rscript", script, path], capture_output=True, text=True, check=True).stdout.split()
    ours = fit(intercept_only([e.yi for e in table.effects], [e.vi for e in table.effects]), How("REML", "knha"))
    assert ours.average.pi95 is not None
    mine = [ours.average.estimate, ours.average.se, ours.spread.tau2, *ours.average.ci95, *ours.average.pi95]
    assert [float(v) for v in shown] == pytest.approx(mine, rel=RELATIVE)


def test_unit_export_holds_every_digit() -> None:
    table = effects("bcg-RR", ("ablat", "alloc"))
    rows = list(csv.DictReader(metafor_csv(table.effects).splitlines()))
    assert [float(r["yi"]) for r in rows] == [e.yi for e in table.effects]
    assert list(rows[0]) == ["study", "yi", "vi", "ablat", "alloc"]


def test_unit_document_states_the_scale_of_analysis_and_the_scale_people_read() -> None:
    found = document(analyse("RR", effects("bcg-RR").effects))
    assert found["shown"]["estimate"] == pytest.approx(math.exp(found["estimate"]))
    assert sum(study["weight"] for study in found["studies"]) == pytest.approx(100)
    assert found["knapp_hartung"]["ci95"] == pytest.approx([-1.1084, -0.3206], abs=1e-4)
    json.dumps(found, allow_nan=False)
    one = document(analyse("GEN", [Effect("alone", 0.4, 0.04)]))
    assert (one["tau2"], one["ci95"]) == (0.0, pytest.approx([0.4 - 0.392, 0.4 + 0.392], abs=1e-3))
