"""From a figure people quote to the file and the source it stands on.

``systems.yaml`` lists the published figures each treatment system is held to, each with its study, arm, measure and
day. The value is not copied from there but looked up in the study file, so that a figure that moved is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean

if TYPE_CHECKING:
    from cotreat.evidence.schema import Outcome


@dataclass(frozen=True, slots=True)
class System:
    """A treatment system: its title, what it is held to, and what of that has no figure in a file (``open``)."""

    id: str
    title: str
    figures: tuple[Quoted, ...]
    open: str | None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A figure as people say it, and where it stands.

    ``place``: index of the outcome in the study's file. ``value``: what the file holds. ``agrees``: whether that is
    what is said, within the last digit said.
    """

    system: str
    said: str
    study: str
    place: int
    outcome: Outcome
    agrees: bool

    @property
    def value(self) -> float | None:
        """The figure in the file."""
        return self.outcome.observed

    def line(self) -> str:
        """File, field and value, as one line."""
        from cotreat.evidence.show import figure_line

        return f"studies/{self.study}.yaml, outcomes[{self.place}]: {figure_line(self.outcome)}"

    def document(self) -> dict[str, Any]:
        """The figure for JSON."""
        o = self.outcome
        return {
            "system": self.system,
            "said": self.said,
            "study": self.study,
            "file": f"studies/{self.study}.yaml",
            "field": f"outcomes[{self.place}]",
            "arm": list(o.arms),
            "against": list(o.reference_arms),
            "measure": o.measure,
            "day": o.day,
            "value": o.observed,
            "ci95": o.ci95,
            "n": o.n,
            "read": o.read,
            "where": o.where,
            "source": source_of(self.study),
            "agrees": self.agrees,
        }


def systems() -> dict[str, System]:
    """Every treatment system with its figures looked up; raises InputError when one is not in its file."""
    return {key: System(key, entry["title"], _quoted(key, entry), entry.get("open")) for key, entry in _table().items()}


def find_figures(query: str = "") -> list[Quoted]:
    """Figures of a system (S7), of a study (nordenskjold2013), or those in which every word or number occurs.

    "32 vs 61" finds the figures of a study that has both. Raises InputError when there is none.
    """
    everything = [figure for system in systems().values() for figure in system.figures]
    words = [w for w in re.split(r"[\s,%]+", query.casefold()) if w and w not in ("vs", "versus", "against", "and")]
    if not words:
        return everything
    known = {f.system.casefold() for f in everything} | set(_ids_without_figures())
    if len(words) == 1 and words[0] in known:
        return [f for f in everything if f.system.casefold() == words[0]]
    found = [f for f in everything if all(_speaks_of(f, word) for word in words)]
    if not found and len(words) > 1:
        found = _of_one_study(everything, words)
    if not found:
        hint = did_you_mean(query, [*systems(), *{f.study for f in everything}])
        raise InputError(f'no figure that the systems are held to has "{query}"', hint=hint or _HINT)
    return found


_HINT = "name a system (S7), a study, or numbers as quoted (32 61); `cotreat evidence list WORD` searches all files"


def source_of(study_id: str) -> str:
    """Citation and doi of a study, as one line."""
    found = reference(study_id)
    return f"{found['citation']}" + (f", doi {found['doi']}" if found["doi"] else "")


def reference(study_id: str) -> dict[str, str | None]:
    """Citation (with a registry number where there is no doi) and doi of a study."""
    from cotreat.evidence.load import load_study

    study = load_study(study_id, sentences=False)
    parts = [study.citation or study.title, None if study.doi else study.registry]
    return {"study": study.id, "citation": ", ".join(part for part in parts if part), "doi": study.doi}


def _ids_without_figures() -> list[str]:
    return [key.casefold() for key in _table()]


def _speaks_of(figure: Quoted, word: str) -> bool:
    text = f"{figure.said} {figure.study} {figure.outcome.measure} {figure.system}".casefold()
    if re.fullmatch(r"[\d.]+", word):
        return re.search(rf"(?<![\d.]){re.escape(word)}(?![\d]|\.\d)", text) is not None
    return word in text


def _of_one_study(everything: list[Quoted], words: list[str]) -> list[Quoted]:
    """Figures of one study and system that together have every word."""
    found: list[Quoted] = []
    for key in dict.fromkeys((f.system, f.study) for f in everything):
        group = [f for f in everything if (f.system, f.study) == key]
        hits = [f for f in group if any(_speaks_of(f, word) for word in words)]
        if all(any(_speaks_of(f, word) for f in hits) for word in words):
            found += hits
    return found


@cache
def _table() -> dict[str, dict[str, Any]]:
    import yaml

    text = (resources.files("cotreat.evidence") / "systems.yaml").read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return table


def _quoted(system: str, entry: Mapping[str, Any]) -> tuple[Quoted, ...]:
    from cotreat.evidence.load import load_study

    found = []
    for figure in entry["figures"]:
        study = load_study(figure["study"], sentences=False)
        arms = tuple(figure["arm"]) if isinstance(figure["arm"], list) else (figure["arm"],)
        matches = [
            (place, o)
            for place, o in enumerate(study.outcomes)
            if o.arms == arms and o.measure == figure["measure"] and o.day == figure.get("day", o.day)
        ]
        if not matches:
            raise InputError(f"{system}: {figure['study']} has no {figure['measure']} of {'+'.join(arms)}")
        place, outcome = min(matches, key=lambda match: (not _agrees(figure, match[1]), match[1].read == "memory"))
        found.append(Quoted(system, figure["said"], study.id, place, outcome, _agrees(figure, outcome)))
    return tuple(found)


def _agrees(figure: Mapping[str, Any], outcome: Outcome) -> bool:
    if "n" in figure and outcome.n is not None and figure["n"] != outcome.n:
        return False
    if "ci95" in figure and outcome.ci95 != figure["ci95"]:
        return False
    value = outcome.observed
    if "between" in figure:
        low, high = figure["between"]
        return value is not None and low <= value <= high
    if "value" not in figure:
        return True
    said = float(figure["value"])
    digits = len(f"{said:.4f}".rstrip("0").split(".")[1])
    within = float(figure.get("within", 0.5 * 10 ** -max(2, digits)))
    return value is not None and abs(value - said) <= within + 1e-9
