"""From checked rows to a record: what the rows say together, and errors that only show when they are seen together."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, cast

from cotreat.catalogue.modality_table import modality as find_modality
from cotreat.measures.errors import InputError
from cotreat.monitor.instruments import NOT_FOLLOWED, ItemRule, Mapping_, Rated, range_of, with_unit
from cotreat.monitor.record import (
    GROUPS,
    Construct,
    DoseChange,
    Notice,
    Observation,
    Record,
    Session,
    Signal,
    Taken,
)

if TYPE_CHECKING:
    from cotreat.monitor.reader import Row

_STARTS = ("start", "begin", "new", "initiat")
_SESSION_HOUR = 10.0


def assemble(rows: list[Row], mapping: Mapping_, today: dt.date | None, *, source: str, checksum: str) -> Record:
    """The record of the rows; see ``cotreat.monitor.reader.read``."""
    start = rows[0].date
    end = today or rows[-1].date
    if end < start:
        raise rows[0].error(f"{start} lies after today ({end})")
    late = [r for r in rows if r.date > end and r.kind != "dose"]
    if late:
        raise late[0].error(f"{late[0].date} lies after today ({end})")
    _check_duplicates(rows)
    signals, observations, unused, scores = _ratings(rows, mapping, start)
    doses = _doses(rows, start)
    return Record(
        start,
        max(1, (end - start).days + 1),
        signals,
        observations,
        doses,
        _taken(rows, start, doses),
        _sessions(rows, start),
        _notices(rows, mapping, start),
        unused,
        source,
        checksum,
        scores,
    )


def _check_duplicates(rows: list[Row]) -> None:
    seen: dict[tuple[object, ...], Row] = {}
    for row in rows:
        key = (row.date, row.hour if row.kind in ("item", "rating", "session") else None, row.kind, row.name.casefold())
        if key in seen:
            first = seen[key]
            when = "" if row.hour is None else " at the same time"
            hint = "Momentary items of one day need a time each." if row.kind == "item" and row.hour is None else None
            raise row.error(f"{row.name} stands there twice on {row.date}{when} (first in row {first.number})", hint)
        seen[key] = row


# ---- ratings --------------------------------------------------------------------------------------------------------


def _ratings(
    rows: list[Row], mapping: Mapping_, start: dt.date
) -> tuple[tuple[Signal, ...], tuple[Observation, ...], tuple[str, ...], tuple[tuple[int, str, float, int], ...]]:
    signals: dict[str, Signal] = {}
    observations: list[Observation] = []
    scores: list[tuple[int, str, float, int]] = []
    used: dict[str, tuple[Rated, Row]] = {}
    for row in (r for r in rows if r.kind == "rating"):
        scale = _scale_of(row, mapping, used)
        value = cast(float, row.value)
        if not scale.low <= value <= scale.high:
            raise row.error(
                f"{value:g} is no score of {scale.name}, which runs {scale.low:g}-{scale.high:g}",
                scale.note or "Another scoring is stated in the unit column, as 1-5, or in the mapping file.",
            )
        day = (row.date - start).days
        scores.append((day, scale.name, value, row.number))
        if scale.construct in NOT_FOLLOWED:
            continue
        if any(o.day == day and o.signal == scale.name for o in observations):
            raise row.error(f"{scale.name} is rated twice on {row.date}", "One score of a scale a day.")
        signals.setdefault(
            scale.name,
            Signal(scale.name, cast(Construct, scale.construct), scale.low, scale.high, scale.recall_days, scale.step),
        )
        observations.append(Observation(day, scale.name, value, 1, row.number))
    _check_switch(rows, mapping, used)
    of_items, unused = _items([r for r in rows if r.kind == "item"], mapping, start)
    for signal, found in of_items:
        signals[signal.name] = signal
        observations += found
    observations.sort(key=lambda o: (o.day, o.row))
    return tuple(signals.values()), tuple(observations), unused, tuple(scores)


def _scale_of(row: Row, mapping: Mapping_, used: dict[str, tuple[Rated, Row]]) -> Rated:
    try:
        scale = with_unit(mapping.scale(row.name), row.unit)
    except InputError as error:
        span = range_of(row.unit)
        if span is None:
            raise row.error(error.message, error.hint) from error
        step = 1.0 if span[1] - span[0] > 12 else 0.01
        scale = Rated(row.name, *span, step, 7, "other")
    earlier = used.setdefault(scale.name, (scale, row))
    if (earlier[0].low, earlier[0].high) != (scale.low, scale.high):
        raise row.error(
            f"{scale.name} changes its range from {earlier[0].low:g}-{earlier[0].high:g} (row {earlier[1].number}) to "
            f"{scale.low:g}-{scale.high:g}",
            "Two scorings of a scale are not joined for one person.",
        )
    return scale


def _check_switch(rows: list[Row], mapping: Mapping_, used: dict[str, tuple[Rated, Row]]) -> None:
    """One scale that ends where another of the same construct begins is a switch; side by side they are not."""
    spans: dict[str, tuple[Row, Row]] = {}
    for row in (r for r in rows if r.kind == "rating"):
        name = mapping.scale(row.name).name if not range_of(row.unit) else _named(row, mapping)
        first, _ = spans.get(name, (row, row))
        spans[name] = (first, row)
    by_construct: dict[str, list[str]] = defaultdict(list)
    for name, (scale, _) in used.items():
        if scale.construct in ("depression", "anxiety", "sleep"):
            by_construct[scale.construct].append(name)
    for construct, names in by_construct.items():
        for one in names:
            for other in names:
                if one != other and spans[one][1].date < spans[other][0].date:
                    raise spans[other][0].error(
                        f"the {construct} scale changes from {one} (last in row {spans[one][1].number}) to {other}",
                        "Scores of two scales are not joined for one person: rate both for a while, or begin a file.",
                    )


def _named(row: Row, mapping: Mapping_) -> str:
    try:
        return mapping.scale(row.name).name
    except InputError:
        return row.name


def _items(
    rows: list[Row], mapping: Mapping_, start: dt.date
) -> tuple[list[tuple[Signal, list[Observation]]], tuple[str, ...]]:
    """Momentary items by group: each day the mean over items and times, every item on a scale of 0 to 1."""
    spans: dict[str, tuple[tuple[float, float], Row]] = {}
    sums: dict[tuple[str, int], list[tuple[float, float | None, int]]] = defaultdict(list)
    unused: dict[str, int] = defaultdict(int)
    steps: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        rule = mapping.item(row.name)
        if rule is None or rule.group == "ignore":
            unused[row.name if rule is None else f"{row.name} (ignored by the mapping)"] += 1
            continue
        if rule.group == "suicidality":
            continue
        span = range_of(row.unit)
        if span is None:
            if row.name not in spans:
                raise row.error(f"{row.name} has no range", "State it in the unit column, as 1-7.")
            span = spans[row.name][0]
        earlier = spans.setdefault(row.name, (span, row))
        if earlier[0] != span:
            raise row.error(
                f"{row.name} changes its range from {earlier[0][0]:g}-{earlier[0][1]:g} (row {earlier[1].number}) to "
                f"{span[0]:g}-{span[1]:g}"
            )
        value = cast(float, row.value)
        if not span[0] <= value <= span[1]:
            raise row.error(f"{value:g} is no value of {row.name}, which runs {span[0]:g}-{span[1]:g}")
        unit_value = (value - span[0]) / (span[1] - span[0])
        worse = 1.0 - unit_value if rule.reversed else unit_value
        sums[rule.group, (row.date - start).days].append((worse, row.hour, row.number))
        steps[rule.group].append(1.0 / (span[1] - span[0]))
    made = []
    for group in GROUPS:
        days = {day: found for (g, day), found in sums.items() if g == group}
        if not days:
            continue
        observations = []
        for day, found in sorted(days.items()):
            times = len({hour for _, hour, _ in found})
            mean = sum(v for v, _, _ in found) / len(found)
            observations.append(Observation(day, f"{group} items", 10.0 * mean, times, max(n for *_, n in found)))
        step = 10.0 * max(steps[group]) / max(1.0, len({r.name for r in rows if _group(mapping.item(r.name)) == group}))
        made.append((Signal(f"{group} items", group, 0.0, 10.0, 1, step, True), observations))
    notes = tuple(f"{name}: {count} rows not used, no group is known (mapping file)" for name, count in unused.items())
    return made, notes


def _group(rule: ItemRule | None) -> str:
    return "" if rule is None else rule.group


# ---- doses, sessions, events ----------------------------------------------------------------------------------------


def _doses(rows: list[Row], start: dt.date) -> tuple[DoseChange, ...]:
    found: list[DoseChange] = []
    for row in (r for r in rows if r.kind == "dose"):
        first = not any(d.drug == row.name for d in found)
        fresh = any(word in row.note.casefold() for word in _STARTS)
        before = first and not fresh and row.date == start
        if first and not fresh and "before" in row.note.casefold():
            before = True
        known = next((d for d in found if d.drug == row.name), None)
        if known is not None and known.unit != row.unit:
            raise row.error(f"{row.name} changes from {known.unit} (row {known.row}) to {row.unit}")
        if first and row.value == 0:
            raise row.error(f"{row.name} is stopped, but no dose of it was prescribed before")
        if known is not None and found and [d for d in found if d.drug == row.name][-1].amount == row.value:
            continue  # a dose that is written again is no change
        found.append(
            DoseChange((row.date - start).days, row.name, cast(float, row.value), row.unit, before, row.number)
        )
    return tuple(found)


def _taken(rows: list[Row], start: dt.date, doses: tuple[DoseChange, ...]) -> tuple[Taken, ...]:
    found: list[Taken] = []
    for row in (r for r in rows if r.kind in ("taken", "missed")):
        day = (row.date - start).days
        own = [d for d in doses if d.drug == row.name]
        prescribed = [d.amount for d in own if d.day <= day] or [d.amount for d in own[:1] if d.before]
        if not prescribed:
            raise row.error(
                f"{row.name} was never prescribed up to {row.date}",
                "Give a row of kind dose with the prescribed dose first.",
            )
        amount = 0.0 if row.kind == "missed" else cast(float, row.value)
        if amount > max(prescribed) + 1e-9:
            raise row.error(
                f"{row.name} {amount:g} {row.unit} was never prescribed: the largest so far is {max(prescribed):g}",
                "If the dose was raised, give a row of kind dose first.",
            )
        found.append(Taken(day, row.name, amount, row.number))
    return tuple(found)


def _sessions(rows: list[Row], start: dt.date) -> tuple[Session, ...]:
    found = []
    for row in (r for r in rows if r.kind == "session"):
        try:
            subject = find_modality(row.name).id
        except InputError as error:
            raise row.error(error.message, error.hint) from error
        found.append(
            Session((row.date - start).days, row.hour if row.hour is not None else _SESSION_HOUR, subject, row.number)
        )
    return tuple(found)


def _notices(rows: list[Row], mapping: Mapping_, start: dt.date) -> tuple[Notice, ...]:
    found = []
    for row in rows:
        day = (row.date - start).days
        if row.kind == "event":
            found.append(Notice(day, "event", row.name, row.value, row.note, row.number))
        elif row.kind == "item":
            rule = mapping.item(row.name)
            if rule is not None and rule.group == "suicidality":
                found.append(Notice(day, "item", rule.rule, row.value, row.name, row.number))
    return tuple(found)
