"""Short phrases of a trial file: visits, names of endpoints, how a loss is handled, what a SMART decides."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.trial.virtual.design import Missing, What

MOST_WEEKS = 520
VISIT_EXAMPLES = (
    "visits: every 2 weeks for 30 weeks",
    "visits: weeks 1, 2, 4, 8, 12, 26",
    "visits: weekly for 8 weeks",
)
_WORDS: dict[str, What] = {"well": "well", "response": "response", "remission": "remission", "relapse": "relapse"}

_MISSING: dict[str, Missing] = {
    "missing = not well": "failure",
    "missing = failure": "failure",
    "missing = no response": "failure",
    "missing = non-response": "failure",
    "missing = not remitted": "failure",
    "missing = relapse": "event",
    "dropout = relapse": "event",
    "observed": "observed",
    "last observation": "last observation",
    "last observation carried forward": "last observation",
    "baseline": "baseline",
    "baseline observation": "baseline",
    "baseline observation carried forward": "baseline",
    "missing at random": "at random",
    "censored": "censored",
}
PHRASES: dict[Missing, str] = {
    "failure": "missing = not well",
    "observed": "observed",
    "last observation": "last observation carried forward",
    "baseline": "baseline observation carried forward",
    "at random": "missing at random",
    "censored": "censored",
    "event": "dropout = relapse",
}


def read_visits(text: object) -> tuple[int, ...]:
    """Visit days from "every 2 weeks for 30 weeks", "weekly for 8 weeks" or "weeks 1, 2, 4, 8".

    The first visit is at entry and needs no word. InputError for visits that cannot be: none, beyond ten years, or
    between whole weeks.
    """
    words = " ".join(str(text).split()).lower()
    every = re.fullmatch(r"(?:every (\d+) weeks?|every week|weekly|fortnightly) for (\d+) weeks?", words)
    if every:
        step = int(every[1]) if every[1] else (2 if words.startswith("fortnightly") else 1)
        length = int(every[2])
        if not 1 <= step <= length:
            raise InputError(f"visits {words!r}: there is no visit in this time", examples=VISIT_EXAMPLES)
        weeks = list(range(step, length + 1, step))
    else:
        listed = re.fullmatch(r"(?:at )?weeks? (\d+(?:(?:, ?| and |, and )\d+)*)", words)
        if not listed:
            hint = "visits lie on whole weeks from day 0" if "day" in words else None
            raise InputError(f"cannot read the visits {words!r}", hint=hint, examples=VISIT_EXAMPLES)
        weeks = [int(w) for w in re.findall(r"\d+", listed[1])]
        if sorted(set(weeks)) != weeks or weeks[0] < 1:
            raise InputError(f"visits {words!r}: the weeks must rise, from 1 on", examples=VISIT_EXAMPLES)
    if weeks[-1] > MOST_WEEKS:
        raise InputError(f"visits {words!r}: a trial lasts at most {MOST_WEEKS} weeks")
    return tuple(7 * w for w in weeks)


@dataclass(frozen=True)
class Named:
    """What the name of an endpoint says: what is measured, the week, whether it is the interaction."""

    what: What | None
    week: int | None
    interaction: bool


def read_name(name: str) -> Named:
    """Read what can be read in a name such as "well at week 26" or "interaction at week 10"; the rest is free."""
    words = fold(name)
    week = re.search(r"\bweek (\d{1,4})\b", words) or re.search(r"\b(\d{1,4}) weeks\b", words)
    what = next((v for k, v in _WORDS.items() if re.search(rf"\b{k}\b", words)), None)
    return Named(what, int(week[1]) if week else None, "interaction" in words)


def read_missing(text: object) -> Missing:
    """How those who are lost are counted."""
    words = fold(str(text))
    if words not in _MISSING:
        known = ("missing = not well", "observed", "last observation", "missing at random", "censored")
        raise InputError(
            f"cannot read how dropout is handled: {text!r}", hint=did_you_mean(words, _MISSING), examples=known
        )
    return _MISSING[words]


def known_keys(where: str, given: dict[str, object], known: tuple[str, ...]) -> None:
    """InputError for a field that does not exist, with the nearest one that does."""
    for key in given:
        if key not in known:
            raise InputError(
                f"{where}: unknown field {key!r}", hint=did_you_mean(key, known) or f"known: {', '.join(known)}"
            )
