"""Which studies answer a question, and their effects: from a table of the user's own, or from the evidence base."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cotreat.evidence.meta.choices import Choice
from cotreat.evidence.meta.effects import NAMES, RATIOS, Effect, Measure
from cotreat.evidence.meta.table import LeftOut, read_table


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the effects that answer it.

    ``said``: what was pooled, in words. ``sides``: what lies below and above no effect, None when there is no such
    value. ``sources``: ids of the studies of the base.
    """

    title: str
    said: str
    measure: Measure
    effects: tuple[Effect, ...]
    left_out: tuple[LeftOut, ...]
    sides: tuple[str, str] | None
    sources: tuple[str, ...] = ()


def from_file(choice: Choice) -> Asked:
    """The studies of a CSV file; raises InputError when it cannot be read or a row cannot be."""
    assert choice.data is not None
    assert choice.measure is not None
    path = Path(choice.data)
    table = read_table(path, choice.measure, choice.moderators)
    sides = None
    if choice.measure in RATIOS or choice.measure == "RD":
        sides = ("less in group 1", "more in group 1")
    elif choice.measure in ("MD", "SMD"):
        sides = ("lower in group 1", "higher in group 1")
    return Asked(
        title=f"{NAMES[choice.measure][0].upper()}{NAMES[choice.measure][1:]} of the studies in {path.name}",
        said=f"Every row of {path.name} with the columns {', '.join(table.columns)}.",
        measure=choice.measure,
        effects=table.effects,
        left_out=table.left_out,
        sides=sides,
    )


def from_base(choice: Choice) -> Asked:
    """The studies of the base that answer the words of the choice."""
    from cotreat.evidence.meta.base import asked_of_base

    return asked_of_base(choice)
