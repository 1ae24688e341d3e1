"""The options of a meta-analysis, read from words and refused with a reason when they cannot be."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from cotreat.evidence.meta.effects import MEASURES, Measure
from cotreat.evidence.meta.fit import METHODS, TESTS, How
from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean

Extra = Literal["unconfirmed", "observational", "crossover"]
EXTRAS: tuple[Extra, ...] = get_args(Extra)
Export = Literal["metafor"]
EXPORTS: tuple[Export, ...] = get_args(Export)
_ALIASES = {"KNAPP-HARTUNG": "knha", "KH": "knha", "HKSJ": "knha", "FE": "EE", "CE": "EE", "FIXED": "EE"}
_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked: words about the base or a file, the measure, the model, and what to do beside it."""

    query: tuple[str, ...]
    data: str | None
    measure: Measure | None
    how: How
    moderators: tuple[str, ...] = ()
    day: float | None = None
    include: tuple[Extra, ...] = ()
    export: Export | None = None

    def command(self) -> str:
        """The command line that asks the same again."""
        parts = ["cotreat", "evidence", "forest", *(shlex.quote(word) for word in self.query)]
        plain: list[tuple[str, str | None]] = [
            ("--data", self.data),
            ("--measure", self.measure),
            ("--method", None if self.how.method == "REML" else self.how.method),
            ("--test", None if self.how.test == "z" else self.how.test),
            ("--mods", ",".join(self.moderators) or None),
            ("--day", None if self.day is None else f"{self.day:g}"),
            ("--include", ",".join(self.include) or None),
        ]
        for name, value in plain:
            if value is not None:
                parts += [name, shlex.quote(value)]
        return " ".join(parts)


def chosen(query: Sequence[str], options: Mapping[str, Any]) -> Choice:
    """The choice behind words and options as they were typed; raises InputError for what cannot be meant."""
    data = options["data"]
    words = tuple(" ".join(query).split())
    if data is None and not words:
        raise InputError(
            "say what to pool: a treatment of the base, or a table with --data", examples=_EXAMPLES, hint=None
        )
    if data is not None and words:
        raise InputError(f"--data pools a table of your own; the words {' '.join(words)} belong to the base")
    measure = None if options["measure"] is None else _one_of(options["measure"], MEASURES, "measure")
    if data is not None and measure is None:
        raise InputError(f"--data needs --measure: {', '.join(MEASURES)}", examples=_EXAMPLES[1:])
    moderators = _listed(options["mods"])
    if moderators and data is None:
        raise InputError("--mods names columns of a table; it needs --data")
    if data is not None and (options["day"] is not None or options["include"]):
        raise InputError("--day and --include choose among the studies of the base; they do not go with --data")
    export = options["export"]
    return Choice(
        query=words,
        data=data,
        measure=measure,
        how=How(_one_of(options["method"], METHODS, "method"), _one_of(options["test"], TESTS, "test")),
        moderators=moderators,
        day=options["day"],
        include=tuple(_one_of(word, EXTRAS, "thing to --include") for word in _listed(options["include"])),
        export=None if export is None else _one_of(export, EXPORTS, "format to --export"),
    )


_EXAMPLES = (
    "cotreat evidence forest lithium relapse",
    "cotreat evidence forest --data trials.csv --measure RR",
    "cotreat evidence forest --data effects.csv --measure GEN --test knha",
)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _one_of(word: str, known: Iterable[_Word], what: str) -> _Word:
    """The known word that was meant, whatever its case."""
    known = tuple(known)
    meant = _ALIASES.get(word.upper(), word)
    for candidate in known:
        if candidate.casefold() == meant.casefold():
            return candidate
    raise InputError(
        f'"{word}" is no {what}; it is one of {", ".join(known)}', hint=did_you_mean(word, [str(k) for k in known])
    )
