"""From a JSON document to typed values: strict about types, liberal about absence.

A missing optional part becomes empty; a part of the wrong type, a list of the wrong length or an arm nobody listed
raises ``InputError`` with the place of it (``curves[1].median[7]``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from cotreat.measures.errors import InputError
from cotreat.report.document import (
    DEFAULT_DISCLAIMER,
    DEFAULT_STAMP,
    Arm,
    Band,
    Comparison,
    Contrast,
    Curve,
    Effect,
    Given,
    Interval,
    Outcome,
    Population,
    Predicted,
    Prediction,
    Provenance,
    Safety,
    Sessions,
    Study,
)

T = TypeVar("T")


def is_prediction(doc: Mapping[str, Any]) -> bool:
    """Whether a document is a prediction (it names a study) rather than a comparison (it names arms)."""
    return isinstance(doc, Mapping) and "study" in doc


class _Node:
    """A JSON object together with its place in the document, for error messages."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, Mapping):
            raise _wrong(place, "an object", value)
        self._value: Mapping[str, Any] = value
        self._place = place

    def at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def raw(self, key: str) -> object:
        return self._value.get(key)

    def words(self) -> tuple[str, ...]:
        return tuple(self._value)

    def text(self, key: str, default: str = "") -> str:
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise _wrong(self.at(key), "text", value)
        return value

    def needed_text(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise InputError(f"report: {self.at(key)} is missing")
        return value

    def number(self, key: str) -> float | None:
        value = self.raw(key)
        return None if value is None else _number(value, self.at(key))

    def needed_number(self, key: str) -> float:
        value = self.number(key)
        if value is None:
            raise InputError(f"report: {self.at(key)} is missing")
        return value

    def count(self, key: str) -> int | None:
        value = self.number(key)
        if value is None:
            return None
        if value != int(value):
            raise _wrong(self.at(key), "a whole number", value)
        return int(value)

    def flag(self, key: str) -> bool | None:
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            raise _wrong(self.at(key), "true, false or null", value)
        return value

    def choice(self, key: str, words: tuple[str, ...]) -> str | None:
        value = self.text(key)
        if value and value not in words:
            raise _wrong(self.at(key), " or ".join(words), value)
        return value or None

    def items(self, key: str) -> Sequence[object]:
        return _items(self.raw(key), self.at(key))

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.items(key)
        for i, value in enumerate(values):
            if not isinstance(value, str):
                raise _wrong(f"{self.at(key)}[{i}]", "text", value)
        return tuple(str(v) for v in values)

    def numbers(self, key: str) -> tuple[float, ...]:
        return tuple(_number(v, f"{self.at(key)}[{i}]") for i, v in enumerate(self.items(key)))

    def node(self, key: str) -> _Node | None:
        value = self.raw(key)
        return None if value is None else _Node(value, self.at(key))

    def nodes(self, key: str, build: Callable[[_Node], T]) -> tuple[T, ...]:
        return tuple(build(_Node(v, f"{self.at(key)}[{i}]")) for i, v in enumerate(self.items(key)))

    def interval(self, key: str) -> Interval | None:
        if self.raw(key) is None:
            return None
        values = self.numbers(key)
        if len(values) != 2 or values[0] > values[1]:
            raise _wrong(self.at(key), "[low, high]", self.raw(key))
        return values[0], values[1]

    def band(self, key: str, length: int) -> Band | None:
        if self.raw(key) is None:
            return None
        rows = self.items(key)
        if len(rows) != 2:
            raise InputError(f"report: {self.at(key)} must be [[low, ...], [high, ...]], not {len(rows)} lists")
        low, high = (
            tuple(_number(v, f"{self.at(key)}[{j}][{i}]") for i, v in enumerate(_items(row, f"{self.at(key)}[{j}]")))
            for j, row in enumerate(rows)
        )
        for j, row in enumerate((low, high)):
            if len(row) != length:
                raise InputError(f"report: {self.at(key)}[{j}] has {len(row)} values for {length} days")
        if any(a > b for a, b in zip(low, high, strict=True)):
            raise InputError(f"report: {self.at(key)} has a low value above its high value")
        return low, high


def _wrong(place: str, expected: str, value: object) -> InputError:
    found = repr(value)
    return InputError(f"report: {place or 'the document'} must be {expected}, not {found[:60]}")


def _number(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(place, "a number", value)
    if not math.isfinite(value):
        raise _wrong(place, "a finite number", value)
    return float(value)


def _items(value: object, place: str) -> Sequence[object]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _wrong(place, "a list", value)
    return value


def _given(node: _Node) -> Given:
    days = node.numbers("days")
    start, end = node.number("from_day"), node.number("to_day")
    if start is None and not days:
        raise InputError(f"report: {node.at('from_day')} is missing")
    first = start if start is not None else min(days)
    last = end if end is not None else (max(days) if days else first)
    if last < first:
        raise InputError(f"report: {node.at('to_day')} lies before {node.at('from_day')}")
    return Given(
        subject=node.needed_text("subject"),
        kind=node.choice("kind", ("session", "dose", "level")) or "dose",
        from_day=first,
        to_day=last,
        days=days,
        amount=node.number("amount"),
        unit=node.text("unit"),
        conditional=bool(node.flag("conditional")),
    )


def _sessions(node: _Node) -> tuple[Sessions, ...]:
    inner = node.node("sessions")
    if inner is None:
        return ()
    found = []
    for subject in inner.words():
        one = _Node(inner.raw(subject), inner.at(subject))
        found.append(Sessions(str(subject), one.needed_number("mean"), one.number("sd")))
    return tuple(found)


def _arm(node: _Node) -> Arm:
    return Arm(
        name=node.needed_text("name"),
        sentence=node.text("sentence"),
        read_back=node.texts("read_back"),
        sessions=_sessions(node),
        notes=node.texts("notes"),
        timeline=node.nodes("timeline", _given),
        in_range=node.flag("in_range"),
        resembles=node.texts("resembles"),
    )


def _outcome(node: _Node) -> Outcome:
    sample = node.node("sample95")
    return Outcome(
        arm=node.needed_text("arm"),
        outcome=node.needed_text("outcome"),
        kind=node.choice("kind", ("proportion", "mean")) or "proportion",
        unit=node.text("unit"),
        day=node.number("day"),
        denominator=node.text("denominator"),
        median=node.number("median"),
        unknown95=node.interval("unknown95"),
        sample_n=sample.count("n") if sample else None,
        sample95=sample.interval("interval") if sample else None,
        monte_carlo_se=node.number("monte_carlo_se"),
        better=node.choice("better", ("higher", "lower")),
    )


def _effect(node: _Node, key: str) -> Effect | None:
    inner = node.node(key)
    if inner is None:
        return None
    median = inner.number("median")
    if median is None:
        median = inner.needed_number("estimate")
    return Effect(median, inner.interval("unknown95"))


def _contrast(node: _Node) -> Contrast:
    probability = node.number("prob_better")
    if probability is not None and not 0.0 <= probability <= 1.0:
        raise _wrong(node.at("prob_better"), "between 0 and 1", probability)
    return Contrast(
        outcome=node.needed_text("outcome"),
        arm=node.needed_text("arm"),
        reference=node.needed_text("reference"),
        difference=node.number("difference"),
        unit=node.text("unit"),
        unknown95=node.interval("unknown95"),
        prob_better=probability,
        risk_ratio=_effect(node, "risk_ratio"),
        hedges_g=_effect(node, "hedges_g"),
        note=node.text("note") or None,
        denominator=node.text("denominator"),
        better=node.choice("better", ("higher", "lower")),
        monte_carlo_se=node.number("monte_carlo_se"),
    )


def _curve(node: _Node) -> Curve:
    days, median = node.numbers("days"), node.numbers("median")
    if not days:
        raise InputError(f"report: {node.at('days')} is missing")
    if any(b <= a for a, b in itertools.pairwise(days)):
        raise InputError(f"report: {node.at('days')} must increase")
    if len(median) != len(days):
        raise InputError(f"report: {node.at('median')} has {len(median)} values for {len(days)} days")
    return Curve(
        arm=node.needed_text("arm"),
        measure=node.needed_text("measure"),
        days=days,
        median=median,
        denominator=node.text("denominator"),
        unit=node.text("unit"),
        unknown50=node.band("unknown50", len(days)),
        unknown95=node.band("unknown95", len(days)),
        patients50=node.band("patients50", len(days)),
        patients90=node.band("patients90", len(days)),
        since=node.text("since") or _since(node.text("denominator")),
    )


def _since(denominator: str) -> str:
    """Day 0 of a curve as its denominator tells it (``remitters, days since remission``), else the start."""
    return denominator.partition(" since ")[2].strip() or "start"


def _definitions(node: _Node | None) -> tuple[tuple[str, str], ...]:
    return () if node is None else tuple((str(word), node.text(word)) for word in node.words())


def _safety(node: _Node) -> Safety:
    return Safety(node.needed_text("arm"), node.text("verdict", "not checked"), node.text("detail"))


def _provenance(node: _Node | None) -> Provenance:
    if node is None:
        return Provenance()
    raw = node.raw("parameters")
    parameters = None if isinstance(raw, str) else node.node("parameters")
    return Provenance(
        command=node.text("command"),
        seed=node.count("seed"),
        patients=node.count("patients"),
        draws=node.count("draws"),
        version=node.text("version"),
        parameters=raw if isinstance(raw, str) else (parameters.text("name") if parameters else ""),
        checksum=parameters.text("checksum") if parameters else "",
        engine=node.text("engine"),
        evidence=node.texts("evidence"),
        ignored_qualifiers=node.texts("ignored_qualifiers"),
        date=node.text("date"),
    )


def read_provenance(doc: Mapping[str, Any]) -> Provenance:
    """What remakes a document of any kind, from its field ``provenance``."""
    return _provenance(_Node(doc, "").node("provenance"))


def _population(node: _Node | None) -> Population:
    if node is None:
        return Population()
    return Population(node.text("name"), node.text("text"), node.text("scale"))


def read_comparison(doc: Mapping[str, Any]) -> Comparison:
    """Read a comparison document; raises ``InputError`` at the first part of the wrong type."""
    node = _Node(doc, "")
    comparison = Comparison(
        title=node.text("title", "Comparison"),
        stamp=node.text("stamp") or DEFAULT_STAMP,
        disclaimer=node.text("disclaimer") or DEFAULT_DISCLAIMER,
        population=_population(node.node("population")),
        arms=node.nodes("arms", _arm),
        outcomes=node.nodes("outcomes", _outcome),
        contrasts=node.nodes("contrasts", _contrast),
        curves=node.nodes("curves", _curve),
        safety=node.nodes("safety", _safety),
        definitions=_definitions(node.node("definitions")),
        provenance=_provenance(node.node("provenance")),
    )
    if not comparison.arms:
        raise InputError("report: arms is missing: a comparison names at least one arm")
    names = [arm.name for arm in comparison.arms]
    if len(set(names)) != len(names):
        raise InputError("report: two arms have the same name")
    for place, arms in _named_arms(comparison):
        for name in arms:
            if name not in names:
                raise InputError(f"report: {place} names an arm that is not in arms: {name!r}")
    return comparison


def _named_arms(comparison: Comparison) -> list[tuple[str, tuple[str, ...]]]:
    return [
        *((f"outcomes[{i}]", (o.arm,)) for i, o in enumerate(comparison.outcomes)),
        *((f"contrasts[{i}]", (c.arm, c.reference)) for i, c in enumerate(comparison.contrasts)),
        *((f"curves[{i}]", (c.arm,)) for i, c in enumerate(comparison.curves)),
        *((f"safety[{i}]", (s.arm,)) for i, s in enumerate(comparison.safety)),
    ]


def _predicted(node: _Node) -> Predicted:
    return Predicted(
        arm=node.needed_text("arm"),
        measure=node.needed_text("measure"),
        scale=node.text("scale"),
        day=node.number("day"),
        n=node.count("n"),
        median=node.number("median"),
        pi50=node.interval("pi50"),
        pi95=node.interval("pi95"),
        observed=node.number("observed"),
        inside95=node.flag("inside95"),
        reason=node.text("reason"),
        definition=node.text("definition"),
        analysis_set=node.text("analysis_set"),
        unit=node.text("unit"),
        read=node.text("read"),
    )


def read_prediction(doc: Mapping[str, Any]) -> Prediction:
    """Read a prediction document; raises ``InputError`` at the first part of the wrong type."""
    node = _Node(doc, "")
    study = node.node("study")
    if study is None:
        raise InputError("report: study is missing: a prediction names the study it predicts")
    return Prediction(
        study=Study(study.needed_text("id"), study.text("title"), study.text("doi"), study.count("year")),
        stamp=node.text("stamp") or DEFAULT_STAMP,
        disclaimer=node.text("disclaimer") or DEFAULT_DISCLAIMER,
        outcomes=node.nodes("outcomes", _predicted),
        provenance=_provenance(node.node("provenance")),
        draws_left_out=node.count("draws_left_out") or 0,
        run_in_assumed=node.text("run_in_assumed") or "",
    )
