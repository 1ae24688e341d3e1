"""One predicted outcome in words: its unit, its figures in that unit, and whether the published figure lies inside."""

from __future__ import annotations

from cotreat.report.document import Interval, Predicted, Prediction
from cotreat.report.words import sentence_case, when

UNCONFIRMED = "Unconfirmed: the published figure was taken from memory and not yet read in a source."

PROPORTIONS = frozenset(
    {
        "response",
        "remission",
        "relapse",
        "well",
        "sustained_response",
        "sustained_remission",
        "completion",
        "dropout",
        "withdrawal",
        "severe_withdrawal",
        "taper_success",
        "worsening",
        "readmission",
        "mania",
        "delirium",
        "adverse_event",
    }
)
SCORES = frozenset({"score", "change", "mean_difference"})
MEASURES = {"smd": "Standardised mean difference", "p_value_only": "P value"}
SIZES = frozenset({"smd", "hazard_ratio", "risk_ratio", "odds_ratio", "risk_difference"})


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
    if row.measure == "percent_change" and not row.unit:
        return "per cent"
    return row.unit or (f"points {row.scale}" if row.scale and row.measure in SCORES else "")


def digits_of(row: Predicted) -> int:
    """Decimals a row is shown with."""
    return 0 if per_100(row) else 2 if row.measure in SIZES else 1


def inside_words(row: Predicted) -> str:
    """Inside, outside, or why neither can be said."""
    if row.median is None:
        return "cannot predict"
    if row.observed is None:
        return "not observed"
    return {True: "inside", False: "outside", None: "not compared"}[row.inside95]


def summary(prediction: Prediction) -> str:
    """How many published figures lie inside their interval, and what was assumed or left out."""
    left = prediction.draws_left_out
    note = f" {left} parameter draws that bring hardly anybody to the entry rule were left out." if left else ""
    if prediction.run_in_assumed:
        before = " and ".join(prediction.run_in_assumed.splitlines())
        note += f" Assumed, since no run-in is stated: {before} before, and in remission at its end."
    compared = [r for r in prediction.outcomes if r.inside95 is not None and r.median is not None]
    if not compared:
        return f"No outcome of this study has both a prediction and a published figure.{note}"
    inside = sum(bool(r.inside95) for r in compared)
    rest = len(prediction.outcomes) - len(compared)
    said = (
        f"{inside} of {len(compared)} published figures lie inside the 95 % interval predicted for a trial of that size"
    )
    apart = f"; {rest} of {len(prediction.outcomes)} outcomes could not be compared" if rest else ""
    return f"{said}{apart}.{note}"


def measure_title(row: Predicted) -> str:
    """A measure in words."""
    return MEASURES.get(row.measure) or sentence_case(row.measure.replace("_", " "))


def reason_text(row: Predicted) -> str:
    """Why a row has no prediction, with the arm named once."""
    reason = row.reason.rstrip(".")
    return reason if reason.startswith(f"{row.arm}:") else f"{row.arm}: {reason}"


def row_title(row: Predicted) -> str:
    """Arm, size and time of a row."""
    size = f", n {row.n}" if row.n is not None else ""
    return f"{row.arm}{size}" + (f", {when(row.day)}" if row.day is not None else "")
