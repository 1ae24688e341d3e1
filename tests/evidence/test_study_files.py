"""Study files: what is read, what is refused and why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cotreat.evidence.load import load_study, load_text, studies, study_ids, study_path
from cotreat.evidence.schema import Study
from cotreat.evidence.show import check_file
from cotreat.measures.errors import InputError

HERE = Path(__file__).parent
WHOLE = (HERE / "whole.yaml").read_text(encoding="utf-8")
BROKEN: list[dict[str, Any]] = yaml.safe_load((HERE / "broken.yaml").read_text(encoding="utf-8"))


def broken_text(case: dict[str, Any]) -> str:
    assert WHOLE.count(case["old"]) >= 1, f"{case['case']}: the text to replace is not there"
    return WHOLE.replace(case["old"], case["new"], 1)


def refusal(text: str) -> str:
    """Why a text is no study, or nothing when it is one; any other exception is a failure."""
    try:
        load_text(text, sentences=False)
    except InputError as error:
        return error.message
    return ""


def test_unit_whole_file_is_clean() -> None:
    assert load_text(WHOLE).id == "whole2020"
    assert check_file(HERE / "whole.yaml") == []


def test_unit_broken_table_is_large_enough() -> None:
    assert len(BROKEN) >= 50
    assert len({case["case"] for case in BROKEN}) == len(BROKEN)


@pytest.mark.parametrize("case", BROKEN, ids=[case["case"] for case in BROKEN])
def test_unit_broken_file_is_refused_with_its_reason(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(broken_text(case), encoding="utf-8")
    if case.get("stage") == "check":
        load_study(path)
        faults = check_file(path)
        shown = "\n".join(str(fault) for fault in faults)
        assert any(fault.severity != "doubt" for fault in faults)
        assert all(fault.file == "broken.yaml" and fault.line > 1 and fault.field for fault in faults)
    else:
        with pytest.raises(InputError) as caught:
            load_study(path)
        shown = str(caught.value)
        assert "broken.yaml" in shown
        assert "\n" not in caught.value.message
    for words in case["says"]:
        assert words in shown


def test_unit_message_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(WHOLE.replace("events: 16", "events: 61"), encoding="utf-8")
    line = next(n for n, text in enumerate(WHOLE.splitlines(), 1) if "events: 16" in text)
    with pytest.raises(InputError, match=rf"broken\.yaml:{line}: outcomes\[0\]\.events"):
        load_study(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"\x00\x01\x02", "binary"),
        (b"title: caf\xe9\n", "not UTF-8"),
        (b"- a\n- b\n", "list of fields"),
        (b"just words\n", "list of fields"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b"a: [" + b"1, " * 30_000 + b"1]\n", "too many fields"),
        (b"a: 1\n" * 60_000, "has 300000 bytes"),
    ],
)
def test_unit_unreadable_files(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        load_study(path)
    assert "\n" not in str(caught.value)


def test_unit_places_that_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        load_study(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        load_study(tmp_path / "absent.yaml")
    with pytest.raises(InputError, match="did you mean sackeim2001"):
        load_study("sackiem2001")
    with pytest.raises(InputError, match="null character"):
        load_study("a\x00b.yaml")


def test_unit_example_format_is_read() -> None:
    text = WHOLE.replace("format: 1\n", "").replace("follow_up_days: 168\n", "").replace("systems: [S6]\n", "")
    study = load_text(text)
    assert study.starts("nt") == "after run-in"
    assert study.outcomes[0].observed == 0.4
    assert study.outcomes[2].kind == "contrast"


def test_unit_every_packaged_study_is_named_after_its_file() -> None:
    assert len(study_ids()) >= 60
    for key, study in studies().items():
        assert study.id == key
        assert study_path(key).is_file()


@pytest.mark.parametrize("key", study_ids())
def test_unit_packaged_study_loads_and_its_sentences_parse(key: str) -> None:
    assert isinstance(load_study(key), Study)


@given(st.text(max_size=300))
def test_property_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    assert "\n" not in refusal(text)


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)))
def test_property_cut_files_never_crash(start: int, end: int) -> None:
    text = WHOLE[:start] + WHOLE[end:]
    assert "\n" not in refusal(text)


def test_unit_import_is_light() -> None:
    """Processor time, so that a busy machine does not make it fail."""
    modules = [
        "load",
        "check",
        "show",
        "digest",
        "figures",
        "template",
        "patients",
        "meta.analysis",
        "meta.base",
        "meta.table",
        "meta.export",
    ]
    code = (
        "import sys, time; start = time.process_time()\n"
        + "".join(f"import cotreat.evidence.{module}\n" for module in modules)
        + "print(time.process_time() - start)\n"
        "print(sorted({'jax', 'pydantic', 'lark', 'pandas', 'numpy', 'scipy', 'yaml'} & set(sys.modules)))"
    )
    seconds, heavy = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert heavy == "[]"
    assert float(seconds) < 0.2


def test_unit_loading_a_study_needs_no_jax() -> None:
    code = "import sys; from cotreat.evidence.load import studies; studies(); print('jax' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "False"
