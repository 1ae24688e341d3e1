"""What to say when the text is not a sentence of the language: the word that failed, and what could stand there."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from cotreat.catalogue.words import words
from cotreat.measures.errors import InputError
from cotreat.measures.suggest import fold, nearest
from cotreat.regimen.faults import EXAMPLES, HOW_LONG, HOW_MUCH, HOW_OFTEN, fault
from cotreat.regimen.quantities import Place

if TYPE_CHECKING:
    from lark import Token
    from lark.exceptions import UnexpectedToken

_MG = "the dose in mg: without the strength a count or a volume says nothing"
_WEEKS = "weeks: a month has no fixed length"
_OUTCOME = "remission, response or relapse"

MEANT: dict[str, str] = {
    "biweekly": "twice a week or every 2 weeks",
    "bi-weekly": "twice a week or every 2 weeks",
    "bimonthly": "every 2 weeks or every 8 weeks",
    "semiweekly": "twice a week",
    "fortnightly": "every 2 weeks",
    "yearly": "every 52 weeks",
    "quarterly": "every 12 weeks",
    "hourly": "how many times a day",
    "thrice": "3 times",
    "bid": "twice daily",
    "tid": "3 times a day",
    "qid": "4 times a day",
    "qd": "daily",
    "od": "daily",
    "qod": "every 2 days",
    "qhs": "daily",
    "nocte": "daily",
    "mane": "daily",
    "prn": "a fixed frequency: doses as needed cannot be planned",
    "as needed": "a fixed frequency: doses as needed cannot be planned",
    "month": _WEEKS,
    "months": _WEEKS,
    "year": _WEEKS,
    "years": _WEEKS,
    "ug": "mcg",
    "mgs": "mg",
    "milligram": "mg",
    "milligrams": "mg",
    "gram": "g",
    "grams": "g",
    "ml": _MG,
    "tablet": _MG,
    "tablets": _MG,
    "pill": _MG,
    "pills": _MG,
    "capsule": _MG,
    "capsules": _MG,
    "drops": _MG,
    "puffs": _MG,
    "better": _OUTCOME,
    "well": _OUTCOME,
    "recovery": _OUTCOME,
    "improvement": _OUTCOME,
    "remitted": _OUTCOME,
    "today": "`from day 0`, `from week 2` ... : day 0 is the day of the first stimulation",
    "tomorrow": "`from day 1`, `from week 2` ... : day 0 is the day of the first stimulation",
    "while": "`until` or a length",
    "with": "a line of its own for each order",
    "plus": "`and`",
    "also": "`and`",
    "or": "one regimen for each choice",
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
COMMA_LIST = ("ECT weekly for 4 weeks, every 2 weeks for 8 weeks, then monthly for 36 weeks", *EXAMPLES[:2])


def unreadable(source: str, line: int, column: int) -> InputError:
    """The error for a place at which no word of the language begins."""
    whole = source.split("\n")[line - 1]
    rest = whole[column - 1 :]
    if number := re.match(r"[0-9][0-9.,]*", rest):
        return _number(source, Place(line, column, len(number[0])), number[0])
    if signed := re.match(r"[-+][0-9][0-9.,]*", rest):
        place = Place(line, column, len(signed[0]))
        return fault(source, place, f"a sign before a number: {signed[0]}", "Amounts are positive.", HOW_MUCH)
    if rest[:1] == ",":
        return fault(
            source,
            Place(line, column),
            "a comma here says nothing",
            "A list with commas closes with `then`.",
            COMMA_LIST,
        )
    found = re.match(r"[\w][^\s,;()]*", rest)
    if found is None:
        return fault(
            source,
            Place(line, column),
            f"`{rest[:1]}` is not read here",
            "Orders are words, numbers and units, one order a line; # begins a comment.",
        )
    word = found[0].rstrip(".:!?")
    advice = {fold(k): v for k, v in words().advice.items()}
    for shown in _starts(rest):
        key, place = fold(shown), Place(line, column, len(shown))
        if key in advice:
            said = advice[key]
            return fault(source, place, f"`{shown}` is not used here", said[0].upper() + said[1:] + ".")
        if key in MEANT:
            return fault(source, place, f"`{shown}` is not a word of the language", f"Write {MEANT[key]}.")
    place = Place(line, column, len(word))
    if column > 1 and whole[column - 2].isdigit() and word[0] in "OoIl":
        return fault(source, place, f"the letter {word[0]} in a number", "Is it a 0 or a 1?", HOW_MUCH)
    near = nearest(_short(word), _all_words(), cutoff=0.7)
    hint = f"Did you mean {' or '.join(near)}?" if near else None
    return fault(source, place, f"unknown word `{_short(word)}`", hint)


def _starts(rest: str) -> list[str]:
    """The first three, two and one words of what is left."""
    found = [re.match(rf"\S+(?:[ \t]+\S+){{{n}}}", rest) for n in (2, 1, 0)]
    return [m[0].rstrip(".,;:") for m in found if m is not None]


def _number(source: str, place: Place, number: str) -> InputError:
    if "," in number:
        return fault(
            source,
            place,
            f"a comma in the number {number}",
            "Write 0.5 and not 0,5; write 1800 and not 1,800.",
            HOW_MUCH,
        )
    if number.count(".") == 1 and len(number.split(".", maxsplit=1)[0]) > 7:
        return fault(source, place, f"the number {number} is too large", None, HOW_MUCH)
    return fault(
        source, place, f"the number {_short(number)} is not read", "At most 7 digits and 4 decimals.", HOW_MUCH
    )


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:37] + "..."


@cache
def _all_words() -> tuple[str, ...]:
    from cotreat.regimen.parse import grammar_text

    known = words()
    quoted = re.findall(r'"([A-Za-z/]+)"', grammar_text())
    return (*dict.fromkeys(quoted), *known.drug, *known.modality, *known.site, *known.placement)


# What may follow, by the terminals the parser would accept, in order of precedence.
_TIME = {"MINUTES", "HOURS", "WEEKS", "WEEK", "DAYS", "DAY"}


def unexpected(source: str, error: UnexpectedToken) -> InputError:
    """The error for a word of the language that stands where it cannot."""
    token = error.token
    accepts = set(error.accepts or error.expected)
    if token.type in ("$END", "_NL"):
        text = source if token.type == "$END" else _until(source, token.line, token.column)
        what, hint, examples = _wanted(accepts, text.split("\n")[-1])
        return fault(source, _end_of(text), f"the order stops too early: {what}", hint, examples)
    place = Place(token.line, token.column, max(1, len(str(token))))
    before = _line_before(source, token.line, token.column)
    special = _special(source, token, accepts, before)
    if special is not None:
        return special
    what, hint, examples = _wanted(accepts, before)
    return fault(source, place, f"`{' '.join(str(token).split())}` cannot stand here: {what}", hint, examples)


def _special(source: str, token: Token, accepts: set[str], before: str) -> InputError | None:
    """Mistakes with a name of their own."""
    line, column = token.line or 1, token.column or 1
    place = Place(line, column, max(1, len(str(token))))
    first = before.strip() == ""
    if token.type == "_THEN_SAME" and first:
        hint = "Write the drug or modality after `then`."
        examples = ("then ECT weekly for 4 weeks", "then nortriptyline to 100 ng/mL for 24 weeks", EXAMPLES[0])
        return fault(source, place, "a line that begins with `then` names what follows", hint, examples)
    if token.type in ("THEN", "AND") and first and {"DRUG", "STOP"} <= accepts:
        return fault(source, place, f"`{token}` with nothing before it", "Begin with a drug or a modality.")
    rest = source.split("\n")[line - 1][column - 1 :]
    if re.match(r"before[ \t]+each\b", rest, re.IGNORECASE):
        hint = "Write `30 minutes before each ECT session`, or `at each ECT session`."
        examples = (
            "D-cycloserine 100 mg 90 minutes before each iTBS session for the first 2 weeks",
            "CBT 60 minutes at each ketamine session",
            "hold lorazepam from 24 hours before each ECT session",
        )
        return fault(source, place, "`before each ...` needs a time", hint, examples)
    if token.type == "PERCENT":
        return fault(source, place, "an intensity begins with `at`", "Write `at 120 % rMT`.", EXAMPLES[1:2])
    if token.type == "HOURS" and re.search(r"\bevery[ \t]+[0-9.]+[ \t]*$", before, re.IGNORECASE):
        return fault(source, place, "doses every few hours", "Write twice daily, 3 times a day ...", HOW_OFTEN)
    return None


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
    often = "Say daily, twice daily, 5 days a week, weekly, every 2 weeks ..."
    first = re.match(r"\s*(\w+)", before)
    verb = first[1].lower() if first else ""
    if "_THEN_SAME" in accepts and not accepts & {"$END", "_NL"}:
        return (
            "a list with commas closes with `then`",
            "Two readings otherwise: say what comes last with `then`.",
            COMMA_LIST,
        )
    if "FOR" in accepts and not accepts & {"$END", "_NL"} and "," in before:
        return "in a list with commas each item has its length, and the last begins with `then`", None, COMMA_LIST
    if {"DAILY", "WEEKLY"} <= accepts and "FOR" not in accepts:
        if _ends_in_a_drug(before):
            return "how much, and how often?", "A drug needs a dose and how often, or a level.", HOW_MUCH
        return "how often?", often, HOW_OFTEN
    if accepts and accepts <= {"_A", "WEEKLY", "DAILY"}:
        return "how often is already said", often, HOW_OFTEN
    if "MASS" in accepts and not accepts & _TIME:
        return "a unit is missing", "Doses are in mg, g, mcg or mg/kg.", HOW_MUCH
    if accepts & _TIME and not accepts & {"FOR", "UNTIL"}:
        units = "Times are in minutes, hours, days or weeks; doses in mg, g, mcg or mg/kg."
        return "a unit is missing or not known here", units, HOW_LONG
    for words_, key, what in _ORDERS:
        if verb == words_ and key in accepts and "$END" not in accepts:
            return what, None, _ORDER_EXAMPLES[verb]
    if "FOR" in accepts and accepts & {"$END", "_NL"}:
        return "the order is complete before it", "Begin a new line, or join orders with `and` or `then`.", HOW_LONG
    if "DRUG" in accepts and "STOP" in accepts:
        return (
            "an order begins with a drug or a modality",
            "Or with add, raise, lower, switch, taper, hold, stop, if.",
            EXAMPLES,
        )
    if accepts == {"THEN"}:
        return "`then` is missing", "Say what follows when the condition holds.", _ORDER_EXAMPLES["if"]
    if "NUMBER" in accepts and accepts <= {"NUMBER", "THE"}:
        return "a number is missing", None, EXAMPLES
    if accepts <= {"SESSION", "SESSIONS", "_SESSION"}:
        return "`sessions` is missing", None, HOW_LONG
    shown = sorted({_spoken(a) for a in accepts} - {""})
    return ("expected " + ", ".join(shown[:8])) if shown else "nothing can follow", None, EXAMPLES


def _ends_in_a_drug(before: str) -> bool:
    return any(f" {fold(before)}".endswith(f" {fold(w)}") for w in words().drug)


_ORDERS = (
    ("switch", "OVER", "over how long?"),
    ("switch", "NUMBER", "a switch names both doses"),
    ("switch", "TO", "to which drug and dose?"),
    ("taper", "TO", "to which dose?"),
    ("taper", "OVER", "over how long?"),
    ("raise", "FROM", "from which dose?"),
    ("lower", "FROM", "from which dose?"),
    ("raise", "TO", "to which dose?"),
    ("lower", "TO", "to which dose?"),
    ("hold", "FROM", "from when, or for how long?"),
)
_ORDER_EXAMPLES = {
    "switch": ("switch sertraline 100 mg daily to venlafaxine 75 mg daily over 2 weeks",),
    "taper": ("taper venlafaxine 225 mg daily to 0 over 24 weeks by occupancy, steps every 2 weeks",),
    "raise": ("raise escitalopram from 10 mg to 20 mg daily at the first iTBS",),
    "lower": ("lower diazepam from 10 mg to 5 mg daily at week 3",),
    "hold": ("hold lorazepam from 24 hours before each ECT session", "hold lithium for 2 weeks from week 3"),
    "if": ("if no response to iTBS by week 4 then ECT 3 times a week until remission, at most 12 sessions",),
}


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
