"""The page of a prediction: a published study, what the model expects for a trial of that size, and what was seen."""

from __future__ import annotations

from collections.abc import Sequence

from cotreat.report.charts import Caption, IntervalAxis, IntervalRow, describe_rows, interval_chart
from cotreat.report.document import Interval, Predicted, Prediction
from cotreat.report.parts import Figure, Key, Page, Table, figure, listing, paragraph, provenance, table
from cotreat.report.predicted import (
    UNCONFIRMED,
    digits_of,
    inside_words,
    measure_title,
    per_100,
    reason_text,
    row_title,
    scaled,
    scaled_interval,
    shown_unit,
    summary,
)
from cotreat.report.svg import escape
from cotreat.report.words import NO_FIGURE, interval, number

LIMITS = (
    "A published figure inside the interval does not show that the model is right: a wide interval contains much.",
    "The interval covers what is not known about the model and the chance in a trial of that size. It does not cover "
    "the chance that the model itself has the wrong form.",
    "These are figures about groups. They are not validated for individual patients.",
)


def prediction_page(doc: Prediction) -> tuple[str, Page]:
    """The head of the page and its sections."""
    page = Page(doc.stamp)
    groups: dict[tuple[str, str], list[Predicted]] = {}
    for row in doc.outcomes:
        groups.setdefault((row.measure, shown_unit(row)), []).append(row)
    for i, group in enumerate(groups.values()):
        page.section(f"measure{i}", measure_title(group[0]), _group(group, doc.stamp))
    page.section("remake", "How to remake this", provenance(doc.provenance))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return _head(doc), page


def _head(doc: Prediction) -> str:
    study = doc.study
    year = f" ({study.year})" if study.year is not None else ""
    source = f"{escape(study.id)}{year}"
    if study.doi:
        source += f' \u00b7 <a href="https://doi.org/{escape(study.doi)}" rel="noreferrer">doi {escape(study.doi)}</a>'
    return (
        '<p class="kicker">A published study, predicted</p>'
        f"<h1>{escape(study.title or study.id)}</h1>"
        f'<p class="answer">{escape(summary(doc))}</p><p class="who">{source}</p>'
        f'<p class="badge">{escape(doc.stamp)}</p>'
    )


def _group(group: Sequence[Predicted], stamp: str) -> str:
    title = measure_title(group[0])
    unit = shown_unit(group[0])
    drawn = [r for r in group if r.median is not None or r.observed is not None]
    rows = [
        IntervalRow(
            row_title(r),
            0,
            scaled(r, r.median),
            scaled_interval(r, r.pi50),
            scaled_interval(r, r.pi95),
            _values(r),
            scaled(r, r.observed),
        )
        for r in drawn
    ]
    body = ""
    if rows:
        axis = IntervalAxis(unit, 0.0, 100.0 if per_100(group[0]) else None, nested=True)
        caption = Caption(describe_rows(rows, title), stamp)
        legend = [
            Key("half", "predicted: median and middle 50 %"),
            Key("chance", "middle 95 %, chance in a trial of that size included"),
            Key("observed", "published"),
        ]
        drawing = interval_chart(rows, axis, caption, False) + interval_chart(rows, axis, caption, True)
        body = figure(
            Figure(f"{title}{f' ({unit})' if unit else ''}", drawing, legend, caption=f"<span>{escape(unit)}</span>")
        )
    cells = [
        (
            f"{escape(row_title(r))}<small>{escape(r.analysis_set)}</small>",
            _median(r),
            _or_dash(r, r.pi95),
            _published(r),
            escape(inside_words(r)),
        )
        for r in group
    ]
    heads = ("Arm", "Median (50 %)", "95 %", "Published", "95 % interval")
    body += table(Table(f"{title}{', ' + unit if unit else ''}", heads, cells), stamp)
    notes = dict.fromkeys(
        [f"Defined as: {r.definition}." for r in group if r.definition]
        + [f"{reason_text(r)}." for r in group if r.reason]
        + [UNCONFIRMED for r in group if r.unconfirmed]
    )
    return body + "".join(paragraph(n.replace("..", "."), "note") for n in notes)


def _values(row: Predicted) -> str:
    if row.median is None:
        return "cannot predict"
    value = number(scaled(row, row.median) or 0.0, digits_of(row))
    bounds = scaled_interval(row, row.pi95)
    return f"{value} ({interval(bounds, digits_of(row))})" if bounds else value


def _published(row: Predicted) -> str:
    if row.observed is None:
        return NO_FIGURE
    doubt = "<small>unconfirmed</small>" if row.unconfirmed else ""
    return number(scaled(row, row.observed) or 0.0, digits_of(row)) + doubt


def _median(row: Predicted) -> str:
    if row.median is None:
        return NO_FIGURE
    inner = f"<small>{_or_dash(row, row.pi50)}</small>" if row.pi50 else ""
    return number(scaled(row, row.median) or 0.0, digits_of(row)) + inner


def _or_dash(row: Predicted, bounds: Interval | None) -> str:
    shown = scaled_interval(row, bounds)
    return NO_FIGURE if shown is None else interval(shown, digits_of(row))
