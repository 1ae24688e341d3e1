"""The page of a comparison, in the order a reader asks: the answer, its spread, over time, what was given, how sure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotreat.report.charts import (
    Caption,
    IntervalAxis,
    IntervalRow,
    arm_class,
    describe_rows,
    describe_timeline,
    interval_chart,
    span_of,
    timeline_chart,
)
from cotreat.report.curve_figure import Look, arm_swatch, curve_figure, twice
from cotreat.report.document import Arm, Comparison, Contrast, Effect, Given, Outcome, Safety
from cotreat.report.parts import (
    PAGE_VOICE,
    Figure,
    Key,
    Page,
    Table,
    behind,
    facts,
    figure,
    listing,
    paragraph,
    provenance,
    table,
)
from cotreat.report.svg import escape
from cotreat.report.words import (
    CHANCE,
    NO_FIGURE,
    NOT_CLAIMED,
    UNKNOWN,
    better_direction,
    curve_groups,
    interval,
    is_per_100,
    number,
    outcome_groups,
    outcome_title,
    plain_answer,
    plain_digits,
    population_text,
    probability,
    rough,
    sentence_case,
    verdict,
    with_interval,
)

BRACKETS = (
    "Brackets hold the middle 95 % of what is not known about the model. Chance in a trial of a given size comes on "
    "top and is shown apart."
)
SELECTED = (
    "Only patients who remitted are counted here. Who remits depends on the arm, so these groups were selected and "
    "are not comparable like groups formed by lot. The figures above, of all who started, come first for that reason."
)


@dataclass(frozen=True, slots=True)
class Cast:
    """The document and the number of each arm (its colour, dash and mark)."""

    doc: Comparison
    arms: Mapping[str, int]


def comparison_page(doc: Comparison) -> tuple[str, Page]:
    """The head of the page and its sections."""
    cast = Cast(doc, {arm.name: i for i, arm in enumerate(doc.arms)})
    page = Page(doc.stamp)
    groups = outcome_groups(doc)
    everyone = [g for g in groups if not g[0].selected]
    remitters = [g for g in groups if g[0].selected]
    for group in everyone[:1]:
        page.section("main-outcome", outcome_title(group[0]), _outcome(cast, group))
    page.section("curves", "Over time", _curve_figures(cast, page, selected=False))
    page.section("outcomes", "Other outcomes", _outcomes(cast, everyone[1:]))
    chosen = {o.outcome for g in remitters for o in g}
    page.section("differences", "Differences", _contrasts(cast, [c for c in doc.contrasts if c.outcome not in chosen]))
    page.section("selected", "Among remitters only (a selected group)", _selected(cast, page, remitters, chosen))
    page.section("given", "What is given, and when", _given(cast))
    page.section("safety", "Safety", _safety(doc))
    page.section("definitions", "What the words mean here", facts(doc.definitions))
    page.section("remake", "How to remake this", provenance(doc.provenance))
    page.section("limits", "What this does not claim", listing(NOT_CLAIMED))
    return _head(doc), page


def _head(doc: Comparison) -> str:
    sentences = plain_answer(doc, PAGE_VOICE)
    # One difference belongs to the answer; several follow it in smaller type.
    count = 2 if len(sentences) == 2 else 1
    answer, rest = " ".join(sentences[:count]), "".join(f"<p>{s}</p>" for s in sentences[count:])
    who = population_text(doc.population)
    return (
        '<p class="kicker">Comparison of treatments</p>'
        f"<h1>{escape(doc.title)}</h1>"
        + (f'<p class="answer">{answer}</p>{rest}{paragraph(BRACKETS, "note")}' if answer else "")
        + f'<p class="badge">{escape(doc.stamp)}</p>'
        + (paragraph(f"Simulated population: {who}", "who") if who else "")
    )


def _outcomes(cast: Cast, groups: Sequence[Sequence[Outcome]]) -> str:
    return "".join(f"<h3>{escape(outcome_title(g[0]))}</h3>{_outcome(cast, g)}" for g in groups)


# Outcomes ----------------------------------------------------------------------------------------------------------


def _outcome(cast: Cast, group: Sequence[Outcome]) -> str:
    first = group[0]
    digits = plain_digits(first.unit)
    title = outcome_title(first)
    rows = [
        IntervalRow(
            o.arm,
            cast.arms[o.arm],
            o.median,
            o.unknown95,
            o.sample95,
            "no figure" if o.median is None else with_interval(o.median, o.unknown95, digits),
        )
        for o in group
    ]
    axis = IntervalAxis(first.unit, 0.0, 100.0) if is_per_100(first.unit) else IntervalAxis(first.unit)
    sizes = sorted({o.sample_n for o in group if o.sample_n})
    legend = [Key("unknown", f"median, and {UNKNOWN} (95 %)")]
    if any(o.sample95 for o in group):
        legend.append(Key("chance", _chance(sizes)))
    caption = Caption(describe_rows(rows, title), cast.doc.stamp)
    drawn = figure(
        Figure(
            f"{title}{f' ({first.unit})' if first.unit else ''}",
            twice(lambda narrow: interval_chart(rows, axis, caption, narrow)),
            legend,
            caption=f"<span>{escape(first.unit)}</span>",
        )
    )
    return drawn + _outcome_table(cast, group, title)


def _chance(sizes: Sequence[int]) -> str:
    text = f"{CHANCE} at the median parameters (95 %)"
    return text.replace("trial", f"trial of {' or '.join(str(s) for s in sizes)} per arm", 1) if sizes else text


def _outcome_table(cast: Cast, group: Sequence[Outcome], title: str) -> str:
    rows = [
        (
            escape(o.arm),
            _or_dash(o.median, number),
            _or_dash(o.unknown95, interval),
            _or_dash(o.sample95, interval),
        )
        for o in group
    ]
    sizes = sorted({o.sample_n for o in group if o.sample_n})
    chance = f"Chance, {' or '.join(str(s) for s in sizes)} per arm" if sizes else "Chance"
    unit = group[0].unit
    made = table(
        Table(f"{title}{f' ({unit})' if unit else ''}", ("Arm", "Median", "Not known, 95 %", chance), rows),
        cast.doc.stamp,
    )
    errors = [o.monte_carlo_se for o in group if o.monte_carlo_se is not None]
    if errors:
        made += paragraph(f"Monte Carlo standard error of the medians: at most {rough(max(errors))}.", "note")
    return made


def _or_dash(value: Any, write: Callable[[Any], str]) -> str:
    return NO_FIGURE if value is None else write(value)


# Curves ------------------------------------------------------------------------------------------------------------


def _curve_figures(cast: Cast, page: Page, *, selected: bool) -> str:
    look = Look(cast.doc.stamp)
    return "".join(curve_figure(page, g, cast.arms, look) for g in curve_groups(cast.doc, selected=selected))


# Differences -------------------------------------------------------------------------------------------------------


def _contrasts(cast: Cast, contrasts: Sequence[Contrast]) -> str:
    groups: dict[tuple[str, str], list[Contrast]] = {}
    for contrast in contrasts:
        groups.setdefault((contrast.outcome, contrast.unit), []).append(contrast)
    return "".join(_contrast_group(cast, group) for group in groups.values())


def _contrast_group(cast: Cast, group: Sequence[Contrast]) -> str:
    first = group[0]
    digits = plain_digits(first.unit)
    title = sentence_case(first.outcome)
    rows = [
        IntervalRow(
            f"{c.arm} against {c.reference}",
            cast.arms[c.arm],
            c.difference,
            c.unknown95,
            None,
            "no figure" if c.difference is None else with_interval(c.difference, c.unknown95, digits),
        )
        for c in group
    ]
    axis = IntervalAxis(first.unit, zero=_directions(group))
    caption = Caption(describe_rows(rows, f"{title}: difference"), cast.doc.stamp)
    figures = [c for c in group if c.difference is not None]
    said = f"<h3>{escape(title)}</h3>" + "".join(f"<p>{verdict(c, PAGE_VOICE, named=True)}</p>" for c in figures)
    remarks = dict.fromkeys(f"{sentence_case(c.note).rstrip('.')}." for c in group if c.note)
    notes = "".join(paragraph(remark, "note") for remark in remarks)
    errors = [c.monte_carlo_se for c in group if c.monte_carlo_se is not None]
    if errors:
        notes += paragraph(f"Monte Carlo standard error of the differences: at most {rough(max(errors))}.", "note")
    if any(c.hedges_g for c in group):
        notes += paragraph("Hedges g is positive where the first arm is better.", "note")
    chart = twice(lambda narrow: interval_chart(rows, axis, caption, narrow))
    drawn = figure(
        Figure(
            f"{title}: difference{f' ({first.unit})' if first.unit else ''}",
            chart,
            [Key("unknown", f"median, and {UNKNOWN} (95 %)")],
            caption=f"<span>difference, {escape(first.unit)}</span>",
        )
    )
    cells = [
        (
            f"{escape(c.arm)} <small>against {escape(c.reference)}</small>",
            _stacked(c.difference, c.unknown95),
            _or_dash(c.prob_better, probability),
            _effects(c),
        )
        for c in group
    ]
    heads = ("Comparison", f"Difference, {escape(first.unit)}", "Probability better", "Effect size")
    return said + drawn + table(Table(f"{title}, differences in numbers", heads, cells), cast.doc.stamp) + notes


def _directions(group: Sequence[Contrast]) -> tuple[str, str]:
    """The words at the two sides of zero: who is better there, where the document allows to say so."""
    better = {better_direction(c) for c in group}
    references = {c.reference for c in group}
    if len(references) > 1 or better not in ({"higher"}, {"lower"}):
        return "lower", "higher"
    reference = group[0].reference
    arms = {c.arm for c in group}
    good = f"better with {group[0].arm}" if len(arms) == 1 else f"better than {reference}"
    bad = f"better with {reference}" if len(arms) == 1 else f"worse than {reference}"
    return (bad, good) if better == {"higher"} else (good, bad)


def _stacked(value: float | None, bounds: tuple[float, float] | None) -> str:
    if value is None:
        return NO_FIGURE
    return number(value) + (f"<small>{interval(bounds)}</small>" if bounds else "")


def _effects(contrast: Contrast) -> str:
    parts = [_effect("risk ratio", contrast.risk_ratio), _effect("Hedges g", contrast.hedges_g)]
    return "".join(p for p in parts if p) or NO_FIGURE


def _effect(name: str, effect: Effect | None) -> str:
    if effect is None:
        return ""
    bounds = f"<small>{interval(effect.unknown95, 2)}</small>" if effect.unknown95 else ""
    return f"<small>{name}</small>{number(effect.median, 2)}{bounds}"


def _selected(cast: Cast, page: Page, groups: Sequence[Sequence[Outcome]], names: set[str]) -> str:
    body = _outcomes(cast, groups)
    body += _curve_figures(cast, page, selected=True)
    body += _contrasts(cast, [c for c in cast.doc.contrasts if c.outcome in names])
    return paragraph(SELECTED) + body if body else ""


# What is given, safety ---------------------------------------------------------------------------------------------


def _given(cast: Cast) -> str:
    span = span_of(cast.doc.arms)
    return "".join(_arm(cast, arm, span) for arm in cast.doc.arms)


def _given_key(given: Sequence[Given]) -> list[Key]:
    kinds = {g.kind for g in given if not g.days}
    legend = [Key("session", "a session or a single dose")] if any(g.days for g in given) else []
    legend += [Key("dose", "a daily dose")] if "dose" in kinds else []
    legend += [Key("level", "a target level")] if "level" in kinds else []
    if any(g.conditional for g in given):
        legend.append(Key("depends", "depends on a decision: drawn where it can be given, not for every patient"))
    return legend


def _arm(cast: Cast, arm: Arm, span: tuple[float, float]) -> str:
    index = cast.arms[arm.name]
    parts = [f"<h3>{arm_swatch(index)} {escape(arm.name)}</h3>"]
    if arm.sentence:
        parts.append(f'<p class="sentence {arm_class(index)}">{escape(arm.sentence)}</p>')
    if arm.timeline:
        caption = Caption(describe_timeline(arm), cast.doc.stamp)
        chart = twice(lambda narrow: timeline_chart(arm, index, span, caption, narrow))
        parts.append(figure(Figure(f"What is given: {arm.name}", chart, _given_key(arm.timeline))))
    said = [f"{s.subject}: {number(s.mean)} sessions on average{_sd(s.sd)}." for s in arm.sessions]
    range_words = {True: "inside", False: "outside"}
    if arm.in_range is None:
        said.append("Whether this lies inside the calibrated range was not assessed.")
    else:
        said.append(f"This lies {range_words[arm.in_range]} the calibrated range.")
    if arm.resembles:
        said.append(f"Resembles: {', '.join(arm.resembles)}.")
    parts.append(listing([*said, *arm.notes]))
    if arm.read_back:
        parts.append(behind("How this was read", listing(arm.read_back)))
    return "".join(parts)


def _sd(sd: float | None) -> str:
    return "" if sd is None else f", standard deviation {number(sd)} between patients"


def _safety(doc: Comparison) -> str:
    known: dict[str, list[Safety]] = {}
    for verdict_of_arm in doc.safety:
        known.setdefault(verdict_of_arm.arm, []).append(verdict_of_arm)
    rows = []
    for arm in doc.arms:
        found = known.get(arm.name) or [Safety(arm.name)]
        words = " ".join(f'<span class="verdict {_verdict_class(s.verdict)}">{escape(s.verdict)}</span>' for s in found)
        details = "<br>".join(escape(s.detail) for s in found if s.detail) or NO_FIGURE
        rows.append((escape(arm.name), words, details))
    return table(Table("Safety verdict per arm", ("Arm", "Verdict", "Detail"), rows, words=True), doc.stamp)


def _verdict_class(words: str) -> str:
    lower = words.lower()
    if lower.startswith("stopped"):
        return "stopped"
    if lower.startswith("caution"):
        return "caution"
    return "unchecked" if lower.startswith("not checked") else ""


# Figures -----------------------------------------------------------------------------------------------------------
