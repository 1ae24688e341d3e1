"""The grammar itself: no conflicts, words of one class only, nothing accepted by accident."""

from __future__ import annotations

import importlib.util
import random
import re
import subprocess
import sys
import time

import pytest

from cotreat.catalogue.words import words
from cotreat.measures.errors import InputError
from cotreat.regimen.normal import normalised
from cotreat.regimen.parse import build_parser, grammar_text, parse, parser, read
from cotreat.regimen.values import Stop
from tests.regimen.sentences import SENTENCES


def quoted_words() -> set[str]:
    """The grammar's own words."""
    return set(re.findall(r'"([^"\\]+)"', re.sub(r"//[^\n]*", "", grammar_text())))


def test_unit_lalr_without_conflicts() -> None:
    # Lark refuses reduce/reduce conflicts always, shift/reduce conflicts and colliding terminals when strict. A few
    # words of each class are enough: the whole classes are compared below.
    if importlib.util.find_spec("interegular") is not None:
        build_parser(grammar_text(3), strict=True)
    assert parser().options.parser == "lalr"
    assert parser().options.lexer == "basic"


def test_unit_no_shift_reduce_conflict_is_resolved_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    from lark import logger

    level = logger.level
    logger.setLevel("DEBUG")
    logger.propagate = True
    try:
        with caplog.at_level("DEBUG", logger=logger.name):
            from lark import Lark

            Lark(grammar_text(3), parser="lalr", lexer="basic", debug=True, maybe_placeholders=False)
    finally:
        logger.setLevel(level)
        logger.propagate = False
    assert not [r.message for r in caplog.records if "onflict" in r.message]


def test_unit_word_classes_are_disjoint() -> None:
    known = words()
    classes = [
        {w.casefold() for w in quoted_words()},
        *({w.casefold() for w in table} for table in (known.drug, known.modality, known.site, known.placement)),
    ]
    for i, one in enumerate(classes):
        for other in classes[i + 1 :]:
            assert not one & other


def test_unit_every_catalogue_word_survives_reading() -> None:
    known = words()
    for table in (known.drug, known.modality, known.site, known.placement):
        for word in table:
            assert normalised(word) == normalised(normalised(word))


def test_unit_every_drug_and_modality_word_is_read_as_its_entry() -> None:
    known = words()
    for table in (known.drug, known.modality):
        for word, entry in table.items():
            (stop,) = read(f"stop {word}").parts()
            assert isinstance(stop, Stop)
            assert stop.subject == entry


def test_unit_breaks_that_are_no_breaks() -> None:
    one = read("ECT weekly for 4 weeks\n\n  # and now\n\n   and lithium to 0.7 mmol/L for 4 weeks")
    assert len(one.statements) == 1
    two = read("ECT weekly for 4 weeks\n# then\nlithium to 0.7 mmol/L for 4 weeks")
    assert len(two.statements) == 2


def without_each_word(text: str) -> list[str]:
    tokens = text.split()
    return [" ".join(tokens[:i] + tokens[i + 1 :]) for i in range(len(tokens))]


def test_unit_a_lost_word_is_noticed() -> None:
    # What the grammar cannot notice the read-back shows (see test_regimen_readback): these words and no others.
    lost = []
    total = 0
    for text in SENTENCES:
        if "\n" in text:
            continue
        for i, shorter in enumerate(without_each_word(text)):
            total += 1
            if is_a_regimen(shorter):
                lost.append(text.split()[i])
    assert total > 100
    assert sorted(lost) == ["H-coil", "IV", "add", "nasal", "sham"]


def is_a_regimen(text: str) -> bool:
    try:
        parse(text)
    except InputError:
        return False
    return True


def test_property_random_words_are_not_accepted_and_do_not_crash() -> None:
    chosen = random.Random(1)
    vocabulary = [*sorted(quoted_words()), "iTBS", "lithium", "6", "0.7", ",", "\n", "left DLPFC", "bitemporal", "mg"]
    began = time.perf_counter()
    for _ in range(1500):
        text = " ".join(chosen.choices(vocabulary, k=chosen.randint(3, 14)))
        try:
            regimen = parse(text)
        except InputError:
            continue
        assert parse(str(regimen)) == regimen
    assert time.perf_counter() - began < 60


def test_unit_importing_is_cheap_and_brings_no_heavy_module() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import cotreat.regimen; took = time.perf_counter() - t\n"
        "heavy = [m for m in ('jax', 'numpy', 'pandas', 'lark', 'yaml', 'pydantic') if m in sys.modules]\n"
        "assert not heavy, heavy\nassert took < 0.2, took\n"
        "regimen = cotreat.regimen('ECT weekly for 4 weeks')\n"
        "assert str(regimen) == 'ECT weekly for 4 weeks'\n"
        "assert 'jax' not in sys.modules and 'numpy' not in sys.modules and 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_unit_sixty_thousand_characters_in_a_second() -> None:
    text = "\n".join(["# a comment line of some length to fill the text"] * 1200 + ["ECT weekly for 4 weeks"])
    began = time.perf_counter()
    assert str(parse(text)) == "ECT weekly for 4 weeks"
    assert time.perf_counter() - began < 1.0
