"""Instruments a record may hold: scales by score, momentary items by group, and what a person must see at once.

Scales come from ``cotreat.measures.scales``; what is missing there, and a scoring of your own, is added by the packaged
table and by a mapping file. Items are named, never quoted: their text ships only where the licence allows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.measures.scales import scales as all_scales
from cotreat.measures.suggest import did_you_mean, fold
from cotreat.monitor.record import GROUPS

NOT_FOLLOWED = ("mania", "suicidality", "dissociation")
"""What a scale may measure without being explained by withdrawal or relapse: it is only looked at for warnings."""
CONSTRUCTS = ("depression", "mood", "anxiety", "somatic", "sleep", "withdrawal", "other", *NOT_FOLLOWED)
_MAPPING_FIELDS = ("items", "scales", "table", "redcap", "note")
_ITEM_GROUPS = (*GROUPS, "suicidality", "ignore")


@dataclass(frozen=True, slots=True)
class Rated:
    """A scale as the reader sees it. ``range`` None: the unit column must say it."""

    name: str
    low: float
    high: float
    step: float
    recall_days: int
    construct: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ItemRule:
    """Where an item belongs: a group, suicidality (with its rule) or ignore; ``reversed``: high is good."""

    name: str
    group: str
    reversed: bool = False
    rule: str = "any"


@dataclass(frozen=True)
class Mapping_:
    """What a mapping file says: groups of items, scales of your own, and the columns of a wide table."""

    items: Mapping[str, ItemRule] = field(default_factory=dict)
    scales: Mapping[str, Rated] = field(default_factory=dict)
    table: Mapping[str, Any] = field(default_factory=dict)

    def item(self, name: str) -> ItemRule | None:
        """The rule of an item, or None."""
        return self.items.get(fold(name))

    def scale(self, name: str) -> Rated:
        """The scale of a name; InputError, with near names, when it is not known."""
        found = self.scales.get(fold(name))
        if found is not None:
            return found
        try:
            entry = find_scale(name)
        except InputError as error:
            known = [s.name for s in self.scales.values()] + [n for s in all_scales() for n in (s.id, *s.aliases)]
            near = did_you_mean(name, known)
            raise InputError(
                f"unknown scale {name!r}", hint=near or "add its range and recall to the mapping file, under scales"
            ) from error
        return Rated(
            entry.id,
            entry.low,
            entry.high,
            1.0,
            max(entry.recall_days, 1),
            _construct(entry.construct),
            entry.note or "",
        )


def _construct(word: str) -> str:
    return word if word in CONSTRUCTS else "other"


@cache
def _table() -> dict[str, Any]:
    text = (files("cotreat.monitor") / "data" / "instruments.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def warnings_table() -> dict[str, Any]:
    """Thresholds of what a person must see at once, by kind."""
    return dict(_table()["warnings"])


@cache
def packaged() -> Mapping_:
    """The mapping that comes with the package."""
    items: dict[str, ItemRule] = {}
    for group, entries in _table()["items"].items():
        for entry in entries:
            rule = _item({"group": group, **(entry if isinstance(entry, dict) else {"name": entry})})
            items[fold(rule.name)] = rule
    found: dict[str, Rated] = {}
    for row in _table()["scales"]:
        low, high = (float(v) for v in row["range"])
        recall, note = int(row["recall_days"]), row.get("note", "")
        scale = Rated(row["name"], low, high, float(row["step"]), recall, row["construct"], note)
        found |= {fold(n): scale for n in (scale.name, *row["aliases"])}
    return Mapping_(items, found)


def _item(entry: Mapping[str, Any]) -> ItemRule:
    return ItemRule(
        str(entry["name"]), str(entry["group"]), entry.get("better") == "high", str(entry.get("rule", "any"))
    )


def load_mapping(path: str | Path | None) -> Mapping_:
    """The packaged mapping, with what a mapping file adds or changes.

    Raises
    ------
    InputError
        The file cannot be read, or an entry cannot be used; the message names the entry.
    """
    base = packaged()
    if path is None:
        return base
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the mapping file {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a mapping file ({' '.join(str(error).split())})") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: a mapping file is a YAML mapping", examples=("items: {mood_down: mood}",))
    unknown = [str(k) for k in document if k not in _MAPPING_FIELDS]
    if unknown:
        raise InputError(f"{path}: unknown field {unknown[0]!r}", hint=did_you_mean(unknown[0], _MAPPING_FIELDS))
    items = dict(base.items)
    for name, value in _pairs(document.get("items"), f"{path}: items"):
        entry = {"group": value} if isinstance(value, str) else value
        if not isinstance(entry, dict) or entry.get("group") not in _ITEM_GROUPS:
            raise InputError(
                f"{path}: item {name!r} needs a group", hint=f"Groups are {', '.join(_ITEM_GROUPS)}.",
                examples=(f"{name}: somatic", f"{name}: {{group: mood, better: high}}"),
            )  # fmt: skip
        if entry.get("better", "low") not in ("high", "low"):
            raise InputError(f"{path}: item {name!r}: better is high or low, not {entry['better']!r}")
        items[fold(str(name))] = _item({"name": name, **entry})
    scales = dict(base.scales)
    for name, value in _pairs(document.get("scales"), f"{path}: scales"):
        scales[fold(str(name))] = _own_scale(str(name), value, f"{path}: scale {name!r}")
    if document.get("table") and document.get("redcap"):
        raise InputError(f"{path}: table and redcap say the same: give one of them")
    table = document.get("table") or document.get("redcap") or {}
    if not isinstance(table, dict):
        raise InputError(
            f"{path}: table is a mapping of columns", examples=("table: {date: visit_date, fields: {...}}",)
        )
    return Mapping_(items, scales, table)


def _pairs(section: Any, where: str) -> list[tuple[Any, Any]]:
    if section is None:
        return []
    if not isinstance(section, dict):
        raise InputError(f"{where} is a YAML mapping of names")
    return list(section.items())


def _own_scale(name: str, value: Any, where: str) -> Rated:
    example = ("SCL-90-R depression: {range: [1, 5], step: 0.01, recall_days: 7, construct: depression}",)
    if not isinstance(value, dict) or not isinstance(value.get("range"), list) or len(value["range"]) != 2:
        raise InputError(f"{where} needs a range", examples=example)
    try:
        low, high = (float(v) for v in value["range"])
        recall, step = int(value.get("recall_days", 7)), float(value.get("step", 1.0))
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: range, step and recall_days are numbers", examples=example) from error
    construct = str(value.get("construct", "other"))
    if not low < high or step <= 0 or not 0 < recall <= 60:
        raise InputError(f"{where}: the range must rise, step and recall_days must be above 0", examples=example)
    if construct not in CONSTRUCTS:
        raise InputError(f"{where}: unknown construct {construct!r}", hint=f"Constructs are {', '.join(CONSTRUCTS)}.")
    return Rated(name, low, high, step, recall, construct)


def with_unit(scale: Rated, unit: str) -> Rated:
    """A scale with the range its unit column states ("16-80"); a range says another scoring of the same scale."""
    span = range_of(unit)
    if span is None:
        return scale
    low, high = span
    step = scale.step if (low, high) == (scale.low, scale.high) else (1.0 if high - low > 12 else scale.step)
    return replace(scale, low=low, high=high, step=step)


def range_of(unit: str) -> tuple[float, float] | None:
    """The range a unit states ("1-7", "-3 to 3"), or None."""
    text = unit.strip().replace(" to ", "..").replace("–", "-")
    if ".." not in text and "-" in text[1:]:
        at = text.index("-", 1)
        text = text[:at] + ".." + text[at + 1 :]
    low, _, high = text.partition("..")
    try:
        found = float(low), float(high)
    except ValueError:
        return None
    return found if found[0] < found[1] else None
