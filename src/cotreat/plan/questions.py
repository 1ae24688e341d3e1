"""What is still to be asked: before a plan is printed, and on the day of a session, a step or a visit.

Both are read off the verdict of the rules as plain data, so that every document of a plan says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cotreat.safety.tables import Fact, facts

Occasion = Literal["stimulation", "ect", "ketamine", "step", "visit"]
OCCASIONS: tuple[Occasion, ...] = ("visit", "stimulation", "ect", "ketamine", "step")
_OF_NEEDS: dict[str, Occasion] = {
    "tms": "stimulation", "ect": "ect", "ketamine": "ketamine", "esketamine": "ketamine", "taper": "step",
}  # fmt: skip
_IN_THE_SENTENCE = {
    "tms.intensity_pct_rmt": "at 120 % rMT",
    "tms.pulses_per_session": "600 pulses",
    "tms.pulses_per_day": "600 pulses",
    "tms.freq_hz": "10 Hz",
    "ketamine.mg_per_kg": "0.5 mg/kg",
    "ketamine.minutes": "over 40 minutes",
}
"""What the treatment itself does not say, with how it is written."""
_ANSWERS = {
    "yes_no": "yes or no",
    "text": "a text",
    "medications": "a list such as [ibuprofen 400 mg daily], or none",
    "days": "none, or drug: days",
    "hours": "none, or substance: hours",
}
_MOST_WORDS = 8
_FIRST = {
    "metal_distance_cm": "implants",
    "followup_7d": "days_since_discharge",
    "days_since_suicidal_behaviour": "cssrs_behaviour",
}
"""What is asked only after something else: the answer to that may settle it."""
_INSTEAD = {"phq9": "PHQ-9 total; madrs, hamd17 or qids will do instead"}


@dataclass(frozen=True, slots=True)
class Question:
    """One fact that must be known before a plan is printed: its name, meaning, what it may be, and who asks for it."""

    fact: str
    meaning: str
    answers: str
    rules: tuple[str, ...]

    @property
    def line(self) -> str:
        """The question as a line for the patient's file, or what the treatment should say."""
        if not self.meaning:
            return f"in treatment, {self.fact}: {self.answers}"
        return f"{self.fact}: {self.answers} ({self.meaning})"


@dataclass(frozen=True, slots=True)
class Check:
    """Something to ask on the day: the facts (of one question), and the rules that it decides, blocking ones apart."""

    occasion: Occasion
    facts: tuple[str, ...]
    stops: tuple[str, ...]
    cautions: tuple[str, ...]


def questions(safety: dict[str, Any]) -> tuple[Question, ...]:
    """What must be known before a plan is printed, the most asked for first; ``safety``: ``Verdict.document()``.

    The six facts that the rule on key safety facts (SYS-001) wants are among them when it stops the plan.
    """
    by: dict[str, list[str]] = {}
    given = set(safety["recorded"])
    for rule in safety["rules"]:
        if rule["severity"] != "block" or rule["override"] is not None:
            continue
        for name in rule["pending"]:
            by.setdefault(name, []).append(rule["id"])
        if rule["verdict"] == "fired" and rule["demands"]:
            for name in rule["demands"]:
                if name not in given:
                    by.setdefault(name, []).append(rule["id"])
    by = {name: rules for name, rules in by.items() if _FIRST.get(name) not in by}
    ordered = sorted(by.items(), key=lambda x: (x[0] in _IN_THE_SENTENCE, -len(x[1]), x[0]))
    return tuple(_question(name, tuple(dict.fromkeys(rules))) for name, rules in ordered)


def _question(name: str, rules: tuple[str, ...]) -> Question:
    fact = facts().get(name)
    if fact is None:
        how = _IN_THE_SENTENCE.get(name)
        answers = f"say it in the sentence, as in `{how}`" if how else "say it in the sentence"
        return Question(name, "", answers, rules)
    return Question(name, _INSTEAD.get(name, fact.meaning), answers_of(fact), rules)


def answers_of(fact: Fact) -> str:
    """What a fact may be, in words."""
    if fact.kind == "number":
        return f"a number from {fact.low:g} to {fact.high:g}" + (", or never" if fact.never else "")
    if fact.kind in ("word", "words") and fact.choices:
        some = " | ".join(fact.choices[:_MOST_WORDS]) + (" | ..." if fact.choices[_MOST_WORDS:] else "")
        return some if fact.kind == "word" else f"none, or a list of {some}"
    if fact.kind == "words":
        return "none, or a list"
    return _ANSWERS[fact.kind]


def checks(safety: dict[str, Any], same: dict[str, str]) -> tuple[Check, ...]:
    """What to ask on the day, by occasion; facts for which ``same`` has the same text are one question.

    What is asked at every visit is not repeated for sessions and steps.
    """
    found: dict[tuple[Occasion, str], tuple[dict[str, None], dict[str, None], dict[str, None]]] = {}
    rules = [r for r in safety["rules"] if r["asked"] == "on the day" and r["severity"] != "info"]
    at_visits = {same[n] for r in rules if _occasion(r) == "visit" for n in r["missing"] if n in same}
    for rule in rules:
        for name in rule["missing"]:
            if name not in same:
                continue
            text = same[name]
            names, stops, cautions = found.setdefault(
                ("visit" if text in at_visits else _occasion(rule), text), ({}, {}, {})
            )
            names[name] = None
            (stops if rule["severity"] == "block" else cautions)[rule["id"]] = None
    return tuple(
        Check(occasion, tuple(names), tuple(sorted(stops)), tuple(sorted(cautions)))
        for (occasion, _), (names, stops, cautions) in sorted(
            found.items(), key=lambda x: (OCCASIONS.index(x[0][0]), not x[1][1])
        )
    )


def _occasion(rule: dict[str, Any]) -> Occasion:
    return _OF_NEEDS.get(str(rule["needs"]).split(" ", maxsplit=1)[0], "visit")
