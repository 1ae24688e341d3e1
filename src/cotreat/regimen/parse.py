"""From text to a regimen, or one clear error with line, caret and sentences that are right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from cotreat.catalogue.words import words
from cotreat.measures.errors import InputError
from cotreat.regimen.normal import normalised
from cotreat.regimen.values import Regimen

if TYPE_CHECKING:
    from lark import Lark, Token, Tree
    from lark.lexer import TerminalDef

_END = r"(?![\w-])"
_GRAMMAR = "grammar.lark"


def parse(text: str) -> Regimen:
    """The regimen a text describes. An empty text is the regimen that gives nothing.

    Raises InputError for anything that is not read in full, and for orders that contradict each other.
    """
    from cotreat.regimen.checks import check

    regimen = read(text)
    check(regimen)
    return regimen


def read(text: str) -> Regimen:
    """Each order by itself: everything ``parse`` does except the rules that bind orders to each other."""
    from cotreat.regimen.build import Builder

    if not isinstance(text, str):
        raise InputError(f"a regimen is text, not {type(text).__name__}")
    source = normalised(text)
    return Builder(source).regimen(_tree(source))


def _tree(source: str) -> Tree[Token]:
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    from cotreat.regimen.messages import unexpected, unreadable

    try:
        return parser().parse(source)
    except UnexpectedCharacters as error:
        raise unreadable(source, error.line, error.column) from None
    except UnexpectedToken as error:
        raise unexpected(source, error) from None


@cache
def parser() -> Lark:
    """The LALR parser, built once."""
    return build_parser(grammar_text())


def build_parser(text: str, *, strict: bool = False) -> Lark:
    """A parser over a grammar. ``strict`` refuses every conflict and every two terminals that share a word."""
    from lark import Lark, lexer

    options: dict[str, Any] = {"strict": True} if strict else {}
    # Where interegular is installed, Lark compares every two terminals: minutes for all the names of the catalogue.
    compares = getattr(lexer, "has_interegular", False)
    lexer.has_interegular = compares and strict
    try:
        return Lark(
            text,
            parser="lalr",
            lexer="basic",
            propagate_positions=True,
            maybe_placeholders=False,
            edit_terminals=_whole_word,
            **options,
        )
    finally:
        lexer.has_interegular = compares


def grammar_text(per_class: int | None = None) -> str:
    """The grammar file with the catalogue's terminals appended, each with ``per_class`` English words if said."""
    vocabulary = words()
    classes = {
        "DRUG": vocabulary.drug,
        "MODALITY": vocabulary.modality,
        "SITE": vocabulary.site,
        "PLACEMENT": vocabulary.placement,
    }
    text = files("cotreat.regimen").joinpath(_GRAMMAR).read_text(encoding="utf-8")
    chosen = {
        name: list(known) if per_class is None else [w for w in known if w.isascii()][:per_class]
        for name, known in classes.items()
    }
    return text + "\n" + "".join(_terminal(name, known) for name, known in chosen.items())


def _terminal(name: str, known: Iterable[str]) -> str:
    longest_first = sorted({normalised(w) for w in known}, key=lambda w: (-len(w), w))
    alternatives = "|".join(re.escape(w).replace(r"\ ", r"[ \t]+").replace("/", r"\/") for w in longest_first)
    return f"{name}: /(?:{alternatives}){_END}/i\n"


def _whole_word(terminal: TerminalDef) -> TerminalDef:
    """Makes every quoted word of the grammar a whole word in any case, with any space between its parts."""
    from lark.lexer import PatternRE, PatternStr

    pattern = terminal.pattern
    if isinstance(pattern, PatternStr):
        end = _END if pattern.value[-1].isalnum() else ""
        terminal.pattern = PatternRE(re.escape(pattern.value).replace(r"\ ", r"[ \t]+") + end, flags=("i",))
    elif re.fullmatch(r"\(\?:[\w|/.%-]+\)", pattern.value):
        terminal.pattern = PatternRE(pattern.value + _END, flags=("i",))
    return terminal
