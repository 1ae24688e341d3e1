"""What is recorded about a patient, as facts that rules ask for: true, false or not known."""

from __future__ import annotations

from functools import cache, cached_property
from math import inf
from typing import Any, cast

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.safety.pack import Pack
from cotreat.safety.patient import Medication, Patient
from cotreat.safety.tables import conditions, facts
from cotreat.safety.truth import Number, Truth, Value, bounds, compare, disjunction


class Record:
    """One patient, read against one rule pack (which knows more names of drugs than the catalogue)."""

    def __init__(self, patient: Patient, pack: Pack, printing: bool = False) -> None:
        self.patient, self.pack, self.printing = patient, pack, printing
        self.given = patient.given
        self.missing: set[str] = set()
        """Facts that were asked for and are not known, since this was last emptied."""

    def value(self, name: str) -> Value:
        """A recorded fact, None when it is not known."""
        if name == "printing":
            return self.printing
        if name == "metal_distance_cm" and name not in self.given and self.given.get("implants") == ():
            return inf
        implied = facts()[name].implies
        if implied and name not in self.given and "conditions" in self.given and not self.hx(implied):
            return inf
        return cast(Value, self._get(name))

    def _get(self, name: str) -> Any:
        if name not in self.given:
            self.missing.add(name)
        return self.given.get(name)

    def hx(self, *words: str) -> Truth:
        """Whether any of these conditions is recorded."""
        return disjunction(self._condition(word) for word in words)

    def _condition(self, word: str) -> Truth:
        """Present as soon as one place says so, absent only when every place that could name it was filled in."""
        listed = self.given.get("conditions")
        if word in self.given.get("implants", ()) or word in (listed or ()):
            return True
        closed = self._get("conditions") is not None
        settled_by = conditions()[word].settled_by
        if settled_by == "seizures":
            ever: bool | None = self._get("seizure_history")
            if ever and word == "unprovoked_seizure":
                return True
            return False if ever is False and closed else None
        if settled_by == "implants":
            closed = self._get("implants") is not None and closed
        return False if closed else None

    def listed(self, name: str, *words: str) -> Truth:
        """Whether any of these words is in a list that was given; None when the list was not."""
        found: tuple[str, ...] | None = self._get(name)
        return None if found is None else any(w in found for w in words)

    def allergy(self, drug: str) -> Truth:
        """Whether an allergy to a drug, or to one of a group, is recorded."""
        found: tuple[str, ...] | None = self._get("allergies")
        if found is None:
            return None
        members = self.pack.members(drug) | {drug}
        return any(self._id(word) in members for word in found)

    def _by_scale(self, least: dict[str, float]) -> Truth:
        """Whether the recorded rating reaches its limit, by whichever scale was used.

        InputError when two scales disagree: to follow either would let the verdict hang on which one is left out.
        """
        reached = {name: bool(self.given[name] >= limit) for name, limit in least.items() if name in self.given}
        if not reached:
            self.missing.add(next(iter(least)))
            return None
        if len(set(reached.values())) > 1:
            said = " and ".join(f"{name} {self.given[name]:g}" for name in reached)
            raise InputError(f"{said} disagree on how severe the depression is", hint="Give the one the plan goes by.")
        return next(iter(reached.values()))

    def used_within(self, substance: str, hours: Number) -> Truth:
        """Whether a substance was used in the last hours."""
        found: tuple[tuple[str, float], ...] | None = self._get("used_hours_ago")
        if found is None:
            return None
        return disjunction(compare("<=", ago, hours) for name, ago in found if name == substance)

    # ---- drugs --------------------------------------------------------------------------------------------------

    @cached_property
    def medications(self) -> dict[str, Medication] | None:
        """Drugs taken beside the regimen by canonical name; None when no list was given."""
        listed: tuple[Medication, ...] | None = self.given.get("medications")
        if listed is None:
            return None
        return {self._id(m.name, strict=True): m for m in listed}

    @cached_property
    def stopped(self) -> dict[str, float] | None:
        """Days before day 0 on which drugs were stopped; None when not recorded."""
        listed: tuple[tuple[str, float], ...] | None = self.given.get("stopped_days_ago")
        return None if listed is None else {self._id(name, strict=True): days for name, days in listed}

    def known(self, drug: str) -> bool:
        """Whether any rule can know anything about a drug."""
        return drug in self.pack.other_drugs or drug in _catalogue()

    def unknown_drugs(self) -> tuple[str, ...] | None:
        """Drugs on the list that neither the catalogue nor the rule pack knows."""
        if self.medications is None:
            self.missing.add("medications")
            return None
        return tuple(m for m in self.medications if not self.known(m))

    def unknown_conditions(self) -> tuple[str, ...] | None:
        """Conditions and implants on the lists that no rule knows."""
        lists = [self._get("conditions"), self.given.get("implants")]
        if lists[0] is None:
            return None
        return tuple(w for found in lists if found for w in found if w not in conditions())

    def _id(self, name: str, strict: bool = False) -> str:
        """The name the catalogue or the pack uses; a near miss of one is refused, anything else kept as written."""
        word = fold(name)
        if word in self.pack.other_drugs:
            return word
        words = _catalogue_words()
        if word in words:
            return words[word]
        near = did_you_mean(word, [*words, *self.pack.other_drugs]) if strict else None
        if near is not None:
            raise InputError(f"unknown drug {name!r}", hint=near)
        return word

    # ---- every function of the record ---------------------------------------------------------------------------

    def call(self, name: str, arguments: tuple[Any, ...]) -> Value:
        """The value of a function that does not depend on the day."""
        match name:
            case "hx":
                return self.hx(*arguments)
            case "allergy":
                return self.allergy(arguments[0])
            case "used_within_h":
                return self.used_within(*arguments)
            case "new_symptom":
                return self.listed("new_symptoms", *arguments)
            case "session_drug":
                return self.listed("session_drugs", *arguments)
            case "mood_at_least":
                return self._by_scale(dict(zip(("phq9", "madrs", "hamd17", "qids"), arguments, strict=True)))
            case "mood_worse_by":
                return self._by_scale(dict(zip(("change_phq9", "change_madrs", "change_qids"), arguments, strict=True)))
            case "event":
                return self.listed("events", *arguments)
            case "stated":
                return arguments[0] in self.given
            case "unknown_drug_count":
                drugs = self.unknown_drugs()
                return None if drugs is None else float(len(drugs))
            case "unknown_condition_count":
                words = self.unknown_conditions()
                return None if words is None else float(len(words))
            case "train_limit_s":
                hertz, percent = arguments
                if hertz is None or percent is None:
                    return None
                return self.pack.train_limits.seconds(bounds(hertz)[1], bounds(percent)[1])
        raise ValueError(name)


@cache
def _catalogue_words() -> dict[str, str]:
    from cotreat.catalogue.words import words

    return {fold(word): drug for word, drug in words().drug.items()}


@cache
def _catalogue() -> frozenset[str]:
    from cotreat.catalogue.drug_table import drugs

    return frozenset(d.id for d in drugs())
