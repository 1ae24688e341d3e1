"""The comparison file that remakes a point of a curve: its start against starting with the first session."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from cotreat.regimen.values import Regimen


def comparison_file(title: str, population: str, arms: Mapping[str, Regimen], week: int, entry: int) -> str:
    """A file for ``cotreat compare``; the first arm is the reference. ``entry``: days before day 0."""
    weeks, rest = divmod(entry, 7)
    when = f"{entry} days before" if rest else f"{weeks} week{'' if weeks == 1 else 's'} before"
    document = {
        "title": title,
        "population": population,
        "entry": when,
        "arms": {name: str(regimen) for name, regimen in arms.items()},
        "outcomes": [f"well at week {week}", f"relapse by week {week}"],
    }
    return dump(document)


def dump(document: Mapping[str, object]) -> str:
    """A YAML file with its keys in order, and sentences of several lines as they are."""
    return str(yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000))


class _Dumper(yaml.SafeDumper):
    """A writer that keeps sentences of several lines as they are."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def start_name(shift: float, acute: bool) -> str:
    """A start in words: "28 days before", "with the first session", "1.5 hours after"."""
    if shift == 0:
        return "at the session" if acute else "with the first session"
    unit = ("hour" if acute else "day") + ("" if abs(shift) == 1 else "s")
    return f"{abs(shift):g} {unit} {'before' if shift < 0 else 'after'}"


def file_name(shift: float, reading: str, acute: bool) -> str:
    """Name of the file of a point: "equal-stop-date_28-days-before.yaml"."""
    return (
        f"{reading} {start_name(shift, acute)}".replace(" ", "-")
        .replace("drug-days-", "drug-days_")
        .replace("stop-date-", "stop-date_")
        + ".yaml"
    )
