"""The words the treatment language takes from the catalogue."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from itertools import permutations

import pytest

from cotreat.catalogue.words import Words, words
from cotreat.measures.suggest import fold

CLASSES = ("drug", "modality", "site", "placement")


def _class(name: str) -> dict[str, str]:
    table: dict[str, str] = dict(getattr(words(), name))
    return table


def _grammar_words() -> set[str]:
    text = (files("cotreat.regimen") / "grammar.lark").read_text(encoding="utf-8")
    code = re.sub(r"//[^\n]*", "", text)
    return {fold(w) for w in re.findall(r'"([^"\n]+)"', code)}


def test_unit_the_grammar_was_read() -> None:
    assert {"daily", "twice", "each", "mg", "hz", "rmt", "sham", "remission", "iv", "group"} <= _grammar_words()


@pytest.mark.parametrize("name", CLASSES)
def test_unit_no_word_is_a_word_of_the_grammar(name: str) -> None:
    assert not {fold(w) for w in _class(name)} & _grammar_words()


@pytest.mark.parametrize("name", CLASSES)
def test_unit_no_word_begins_with_a_word_of_the_grammar(name: str) -> None:
    # A lexer that takes the first match would stop after the grammar's word.
    firsts = {w: fold(w).split()[0] for w in _class(name) if " " in w}
    assert not {w for w, first in firsts.items() if first in _grammar_words()}


@pytest.mark.parametrize(("one", "other"), list(permutations(CLASSES, 2)))
def test_unit_no_word_begins_with_a_word_of_another_class(one: str, other: str) -> None:
    for long in map(fold, _class(one)):
        for short in map(fold, _class(other)):
            assert re.match(re.escape(short) + r"(?![\w-])", long) is None, (long, short)


@pytest.mark.parametrize("name", CLASSES)
def test_unit_every_canonical_word_is_accepted_and_stands_for_itself(name: str) -> None:
    table = _class(name)
    assert all(table[target] == target for target in table.values())


def test_unit_no_word_stands_for_two_things() -> None:
    seen: dict[str, str] = {}
    for name in CLASSES:
        for word, target in _class(name).items():
            assert seen.setdefault(fold(word), target) == target, word


def test_unit_words_have_no_character_the_lexer_cannot_take() -> None:
    for name in CLASSES:
        for word in _class(name):
            assert word == word.strip()
            assert not re.search(r"[\n\t#,]|\s\s", word), word
            assert not word[0].isdigit(), word


def test_unit_canonical_forgives_case_space_and_width() -> None:
    found: Words = words()
    assert found.canonical("LEFT  dlpfc") == "left DLPFC"
    assert found.canonical("Ｌ－ＤＬＰＦＣ") == "left DLPFC"
    assert found.canonical("RUL") == "right unilateral"
    assert found.canonical("nothing") is None


def test_unit_refused_words_are_not_accepted_words() -> None:
    accepted = {fold(w) for name in CLASSES for w in _class(name)}
    assert not {fold(w) for w in words().advice} & accepted
    assert {"placebo", "SSRI", "Xeplion", "bilateral"} <= set(words().advice)


@pytest.mark.parametrize(
    "module",
    [
        "cotreat.measures.units",
        "cotreat.measures.scales",
        "cotreat.measures.crosswalk",
        "cotreat.measures.relapse",
        "cotreat.measures.baseline",
        "cotreat.catalogue",
        "cotreat.catalogue.words",
    ],
)
def test_unit_import_is_light(module: str) -> None:
    program = (
        "import sys, time; start = time.process_time(); "
        f"import {module}; spent = time.process_time() - start; "
        "heavy = {'jax', 'numpy', 'scipy', 'pandas', 'pydantic', 'lark', 'xarray'} & set(sys.modules); "
        "print(spent, *heavy)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    spent, *heavy = done.stdout.split()
    assert heavy == []
    assert float(spent) < 0.2


def test_unit_package_gives_its_names_on_first_use() -> None:
    from cotreat import catalogue

    assert catalogue.drug("sertraline").id == "sertraline"
    assert catalogue.modality("iTBS").id == "iTBS"
    assert len(catalogue.drugs()) > 40
    assert len(catalogue.modalities()) > 10
    with pytest.raises(AttributeError, match="nothing"):
        _ = catalogue.nothing  # type: ignore[attr-defined]
