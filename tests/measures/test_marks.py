"""Marks of how well a figure is known, and the comparison of words."""

from __future__ import annotations

import pytest

from cotreat.measures.errors import InputError
from cotreat.measures.mark import MARKS, read_mark
from cotreat.measures.suggest import did_you_mean, fold, nearest


def test_unit_marks() -> None:
    assert [read_mark(m) for m in MARKS] == list(MARKS)
    with pytest.raises(InputError, match="unknown mark"):
        read_mark("sure")


def test_unit_fold_compares_what_looks_the_same() -> None:
    assert fold("ＨＡＭ－Ｄ１７") == fold("ham‑d17") == "ham-d17"
    assert fold("  left \u00a0 DLPFC ") == "left dlpfc"


def test_unit_nearest_leaves_out_the_much_worse() -> None:
    assert nearest("sertralin", ["sertraline", "Ritalin", "S-ketamine"]) == ("sertraline",)
    assert did_you_mean("qqq", ["sertraline"]) is None
