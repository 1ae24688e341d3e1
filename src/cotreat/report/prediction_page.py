"""The page of a prediction: a published study, what the model expects for a trial of that size, and what was seen."""

from __future__ import annotations

from collections.abc import Sequence

from cotreat.report.charts import Caption, IntervalAxis, IntervalRow, describe_rows, interval_chart
from cotreat.report.document import Interval, Predicted, Prediction
from cotreat.report.parts import Key, Page, Table, keys, listing, paragraph, provenance, table
from cotreat.report.svg import escape
from cotreat.report.words import NO_FIGURE, interval, number, sentence_case, when

LIMITS = (
    "A published figure inside the interval does not show that the model is right: a wide interval contains much.",
    "The interval covers what is not known about the model and the chance in a trial of that size. It does not cover "
    "the chance that the model itself has the wrong form.",
    "These are figures about groups. They are not validated for individual patients.",
)

PROPORTIONS = frozenset(
    {"response", "remission", "relapse", "sustained_response", "dropout", "withdrawal", "well", "recovery", "success"}
)


def per_100(row: Predicted) -> bool:
    """Whether a row is a proportion, which a page shows per 100 patients."""
    return row.unit.lower() in ("proportion", "per 100", "per 100 patients") or (
        not row.unit and row.measure in PROPORTIONS
    )


def factor(row: Predicted) -> float:
    """100 for proportions given as 0 to 1, else 1."""
    values = [v for v in (row.median, row.observed, *(row.pi95 or ())) if v is not None]
    fraction = per_100(row) and not row.unit.startswith("per 100") and all(0.0 <= v <= 1.0 for v in values)
    return 100.0 if fraction else 1.0


def scaled(row: Predicted, value: float | None) -> float | None:
    """A value of a row in the unit it is shown in."""
    return None if value is None else value * factor(row)


def scaled_interval(row: Predicted, bounds: Interval | None) -> Interval | None:
    """An interval of a row in the unit it is shown in."""
    return None if bounds is None else (bounds[0] * factor(row), bounds[1] * factor(row))


def shown_unit(row: Predicted) -> str:
    """The unit a row is shown in."""
    if per_100(row):
        return "per 100 patients"
    return row.unit or (f"points {row.scale}" if row.scale else "")


def digits_of(row: Predicted) -> int:
    """Decimals a row is shown with."""
    return 0 if per_100(row) else 2 if row.measure in ("smd", "hazard_ratio", "risk_ratio", "odds_ratio") else 1


def inside_words(row: Predicted) -> str:
    """Inside, outside, or why neither can be said."""
    if row.median is None:
        return "cannot predict"
    if row.observed is None:
        return "not observed"
    return {True: "inside", False: "outside", None: "not compared"}[row.inside95]


def summary(prediction: Prediction) -> str:
    """How many published figures lie inside their interval, in one sentence."""
    compared = [r for r in prediction.outcomes if r.inside95 is not None and r.median is not None]
    if not compared:
        return "No outcome of this study has both a prediction and a published figure."
    inside = sum(bool(r.inside95) for r in compared)
    rest = len(prediction.outcomes) - len(compared)
    said = (
        f"{inside} of {len(compared)} published figures lie inside the 95 % interval predicted for a trial of that size"
    )
    return f"{said}; {rest} of {len(prediction.outcomes)} outcomes could not be compared." if rest else f"{said}."


def row_title(row: Predicted) -> str:
    """Arm, size and time of a row."""
    size = f", n {row.n}" if row.n is not None else ""
    return f"{row.arm}{size}" + (f", {when(row.day)}" if row.day is not None else "")


def prediction_page(doc: Prediction) -> tuple[str, Page]:
    """The head of the page and its sections."""
    page = Page(doc.stamp)
    groups: dict[tuple[str, str], list[Predicted]] = {}
    for row in doc.outcomes:
        groups.setdefault((row.measure, shown_unit(row)), []).append(row)
    for i, group in enumerate(groups.values()):
        page.section(f"measure{i}", _title(group[0]), _group(group, doc.stamp))
    page.section("remake", "How to remake this", provenance(doc.provenance))
    page.section("limits", "What this does not claim", listing(LIMITS))
    return _head(doc), page


def _title(row: Predicted) -> str:
    return sentence_case(row.measure.replace("_", " "))


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
    title = _title(group[0])
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
        axis = IntervalAxis(unit, 0.0, 100.0, nested=True) if per_100(group[0]) else IntervalAxis(unit, nested=True)
        caption = Caption(describe_rows(rows, title), stamp)
        legend = keys(
            [
                Key("half", "predicted: median and middle 50 %"),
                Key("chance", "middle 95 %, chance in a trial of that size included"),
                Key("observed", "published"),
            ]
        )
        drawing = interval_chart(rows, axis, caption, False) + interval_chart(rows, axis, caption, True)
        body = f"<figure><figcaption>{escape(title)}<span>{escape(unit)}</span></figcaption>{drawing}{legend}</figure>"
    cells = [
        (
            f"{escape(row_title(r))}<small>{escape(r.analysis_set)}</small>",
            NO_FIGURE if r.median is None else number(scaled(r, r.median) or 0.0, digits_of(r)),
            _or_dash(r, r.pi50),
            _or_dash(r, r.pi95),
            NO_FIGURE if r.observed is None else number(scaled(r, r.observed) or 0.0, digits_of(r)),
            escape(inside_words(r)),
        )
        for r in group
    ]
    heads = ("Arm", "Median", "50 %", "95 %", "Published", "95 % interval")
    body += table(Table(f"{title}{', ' + unit if unit else ''}", heads, cells), stamp)
    notes = dict.fromkeys(
        [f"Defined as: {r.definition}." for r in group if r.definition]
        + [f"{r.arm}: {r.reason}." for r in group if r.reason]
    )
    return body + "".join(paragraph(n.replace("..", "."), "note") for n in notes)


def _values(row: Predicted) -> str:
    if row.median is None:
        return "cannot predict"
    value = number(scaled(row, row.median) or 0.0, digits_of(row))
    bounds = scaled_interval(row, row.pi95)
    return f"{value} ({interval(bounds, digits_of(row))})" if bounds else value


def _or_dash(row: Predicted, bounds: Interval | None) -> str:
    shown = scaled_interval(row, bounds)
    return NO_FIGURE if shown is None else interval(shown, digits_of(row))
