"""What to say when the text is not a sentence of the language: the word that failed, and what could stand there."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from cotreat.catalogue.words import words
from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean, fold, nearest
from cotreat.regimen.build import HOW_LONG, HOW_MUCH, HOW_OFTEN
from cotreat.regimen.faults import EXAMPLES, fault
from cotreat.regimen.values import Place

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedToken

GRAMMAR_WORDS = (
    "add after aMT and assessed at before by cut daily day days dose each ends every first for from group hold hour "
    "hours Hz if IM individual IV last lower mA mcg mg mg/day mg/kg min minute minutes mmol/L monthly most nasal ng/mL no "
    "occupancy once online oral over per pulses raise relapse remission response rMT SC session sessions sham steps stop "
    "switch taper then times to twice until week weekly weeks"
).split()

MEANT: dict[str, str] = {
    "biweekly": "twice a week or every 2 weeks",
    "bi-weekly": "twice a week or every 2 weeks",
    "bimonthly": "every 2 weeks or every 8 weeks",
    "fortnightly": "every 2 weeks",
    "bid": "twice daily",
    "tid": "3 times a day",
    "qid": "4 times a day",
    "qd": "daily",
    "od": "daily",
    "qod": "every 2 days",
    "qhs": "daily",
    "nocte": "daily",
    "prn": "a fixed frequency: as-needed doses cannot be planned",
    "mane": "daily",
    "yearly": "every 52 weeks",
    "quarterly": "every 12 weeks",
    "month": "weeks: a month has no fixed length",
    "months": "weeks: a month has no fixed length",
    "year": "weeks",
    "years": "weeks",
    "ug": "mcg",
    "mgs": "mg",
    "milligrams": "mg",
    "hourly": "how many times a day",
    "thrice": "3 times",
    "while": "`until` or a length",
    "with": "a line of its own for each order",
    "plus": "`and`",
    "or": "one regimen for each choice",
    "also": "`and`",
    "start": "the drug, its dose and `from ...`",
    "begin": "the drug, its dose and `from ...`",
    "give": "the drug and its dose",
    "continue": "the drug, its dose and how often",
    "increase": "raise",
    "decrease": "lower",
    "reduce": "lower, or taper",
    "discontinue": "stop",
    "unless": "`if no response to iTBS by week 4 then ...`",
    "else": "a second line with `if`",
    "when": "`if ... by week 4 then ...`, or `from ...`",
}


def unreadable(source: str, line: int, column: int) -> InputError:
    """The error for a place at which no word of the language begins."""
    rest = source.split("\n")[line - 1][column - 1 :]
    if number := re.match(r"[0-9][0-9.,]*", rest):
        return _number(source, Place(line, column, len(number[0])), number[0])
    found = re.match(r"[^\s,]+", rest)
    word = found[0].rstrip(".;:!?") or found[0] if found else rest[:1]
    place = Place(line, column, len(word))
    if word == ",":
        return fault(source, place, "a comma here says nothing", "A list with commas closes with `then`.", (
            "ECT weekly for 4 weeks, every 2 weeks for 8 weeks, then monthly for 36 weeks", *EXAMPLES[:2],
        ))
    advice = {fold(k): v for k, v in words().advice.items()}
    for key in _starts(rest):
        if key in advice:
            said = advice[key]
            return fault(source, Place(line, column, len(key)), f"`{key}` is not used here", said[0].upper() + said[1:] + ".")
        if key in MEANT:
            return fault(source, Place(line, column, len(key)), f"`{key}` is not a word of the language", f"Write {MEANT[key]}.")
    if re.fullmatch(r"[^\w]+", word):
        return fault(source, place, f"`{word[:1]}` is not read here", "Orders are words, numbers and units; # begins a comment.")
    return fault(source, place, f"unknown word `{_short(word)}`", did_you_mean(_short(word), _all_words()))


def _starts(rest: str) -> list[str]:
    """The first three, two and one words of what is left, folded."""
    said = re.split(r"[\s,;]+", rest.strip())[:3]
    return [fold(" ".join(said[:n])).rstrip(".") for n in range(len(said), 0, -1)]


def _number(source: str, place: Place, number: str) -> InputError:
    if "," in number:
        return fault(
            source, place, f"a comma in the number {number}", "Write 0.5 and not 0,5; write 1800 and not 1,800.", HOW_MUCH
        )
    if number.count(".") == 1 and len(number.split(".")[0]) > 7:
        return fault(source, place, f"the number {number} is too large", None, HOW_MUCH)
    return fault(source, place, f"the number {_short(number)} is not read", "At most 7 digits and 4 decimals.", HOW_MUCH)


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:37] + "..."


@cache
def _all_words() -> tuple[str, ...]:
    known = words()
    return (*GRAMMAR_WORDS, *known.drug, *known.modality, *known.site, *known.placement)


# What may follow, by the terminals the parser would accept, in order of precedence.
_TIME = {"MINUTES", "HOURS", "WEEKS", "WEEK", "DAYS", "DAY"}


def unexpected(source: str, error: UnexpectedToken) -> InputError:
    """The error for a word of the language that stands where it cannot."""
    token = error.token
    accepts = set(error.accepts or error.expected)
    before = _line_before(source, token.line, token.column) if token.type != "$END" else source
    if token.type == "$END" or token.type == "_NL":
        place = _end_of(source if token.type == "$END" else _until(source, token.line, token.column))
        return fault(source, place, f"the order stops too early: {_wanted(accepts, before)[0]}", *_wanted(accepts, before)[1:])
    place = Place(token.line, token.column, max(1, len(str(token))))
    what, hint, examples = _wanted(accepts, before)
    word = " ".join(str(token).split())
    if token.type in ("THEN", "_THEN_SAME"):
        if _line_before(source, token.line, token.column).strip() == "" and token.type == "_THEN_SAME":
            return fault(source, place, "a line that begins with `then` names what follows", "Write the drug or modality after `then`.", (
                "then ECT weekly for 4 weeks", "then nortriptyline to 100 ng/mL for 24 weeks",
            ))
        if _line_before(source, token.line, token.column).strip() == "" and "THEN" not in accepts:
            return fault(source, place, "`then` with nothing before it", hint, examples)
    if token.type == "AND" and accepts & {"DRUG", "ADD"}:
        return fault(source, place, "`and` with nothing before it", "Begin with a drug or a modality.")
    if token.type == "BEFORE" and "EACH" not in accepts and str(token).lower() == "before":
        return fault(source, place, "`before each ...` needs a time", "Write `30 minutes before each ECT session`, or `at each ECT session`.", (
            "D-cycloserine 100 mg 90 minutes before each iTBS session for the first 2 weeks", "CBT 60 minutes at each ketamine session",
        ))
    return fault(source, place, f"`{word}` cannot stand here: {what}", hint, examples)


def _until(source: str, line: int, column: int) -> str:
    lines = source.split("\n")
    return "\n".join([*lines[: line - 1], lines[line - 1][: column - 1]])


def _line_before(source: str, line: int, column: int) -> str:
    return source.split("\n")[line - 1][: column - 1]


def _end_of(text: str) -> Place:
    """Just after the last word that is not in a comment."""
    lines = [re.sub(r"#.*", "", one).rstrip() for one in text.split("\n")]
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    return Place(len(lines), len(lines[-1]) + 1)


def _wanted(accepts: set[str], before: str) -> tuple[str, str | None, tuple[str, ...]]:
    """What could stand at a place: in words, a hint, and examples."""
    if {"DAILY", "WEEKLY"} <= accepts and "FOR" not in accepts:
        if "MASS" in accepts or ("NUMBER" in accepts and "ROUTE" in accepts and not re.search(r"[0-9]", before.split("\n")[-1])):
            return "how much and how often?", "A drug needs a dose and how often; a modality how often.", HOW_OFTEN
        return "how often?", "Say daily, twice daily, 5 days a week, weekly, every 2 weeks ...", HOW_OFTEN
    if "MASS" in accepts and not accepts & _TIME:
        return "a unit is missing", "Doses are in mg, g, mcg or mg/kg.", HOW_MUCH
    if accepts & _TIME and not accepts & {"FOR", "UNTIL"}:
        return "a unit is missing or not known here", "Times are in minutes, hours, days or weeks; doses in mg, g, mcg or mg/kg.", HOW_LONG
    if "FOR" in accepts:
        return "the order is complete before it", "Begin a new line, or join orders with `and` or `then`.", HOW_LONG
    if "DRUG" in accepts and "STOP" in accepts:
        return "an order begins with a drug or a modality", "Or with add, raise, lower, switch, taper, hold, stop, if.", EXAMPLES
    if accepts == {"THEN"}:
        return "`then` is missing", "Say what follows when the condition holds.", (
            "if no response to iTBS by week 4 then ECT 3 times a week until remission, at most 12 sessions",
        )
    if accepts == {"NUMBER"}:
        return "a number is missing", None, EXAMPLES
    shown = sorted(_spoken(a) for a in accepts if _spoken(a))
    return ("expected " + ", ".join(dict.fromkeys(shown[:8]))) if shown else "nothing can follow", None, EXAMPLES


_SPOKEN = {
    "DRUG": "a drug", "MODALITY": "a modality", "SITE": "a site", "PLACEMENT": "a placement", "NUMBER": "a number",
    "LEVEL": "ng/mL or mmol/L", "MASS": "mg", "MASS_PER_KG": "mg/kg", "MASS_PER_DAY": "mg/day", "MT": "rMT or aMT",
    "MINUTES": "minutes", "HOURS": "hours", "OUTCOME": "remission, response or relapse", "PERCENT": "%",
    "TAPER_BY": "dose or occupancy", "$END": "the end", "_NL": "a new line", "_A": "a", "_COMMA": "",
    "_SESSION": "session", "THEN": "then", "_THEN_SAME": "",
}  # fmt: skip


def _spoken(terminal: str) -> str:
    if terminal in _SPOKEN:
        return _SPOKEN[terminal]
    return terminal.lower().strip("_")


__all__ = ["GRAMMAR_WORDS", "nearest", "unexpected", "unreadable"]
