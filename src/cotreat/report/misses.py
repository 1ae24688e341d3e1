"""Why a published figure lies outside the middle 80 % of its own fit, read off the other figures of its study.

One in five figures does by chance. Beyond that the pattern in a study says what the model cannot do: the course of an
arm in time, all arms alike (its patients or raters), one arm alone (its treatment), a difference, or two readings of
the same patients that do not go together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtri

Doc = Mapping[str, Any]
_INSIDE = 0.4
_FAR = 0.475
_AGREES = 0.67
_FEWER_IS_BETTER = frozenset({
    "relapse", "dropout", "withdrawal", "worsening", "dissociation", "score", "change", "percent_change",
    "mean_difference",
})  # fmt: skip
_RATIOS = frozenset({"risk_ratio", "odds_ratio", "hazard_ratio", "risk_difference"})


@dataclass(frozen=True)
class Miss:
    """One figure outside the middle 80 % of its fit: the study, the figure, and the reason in words."""

    study: Doc
    figure: Doc
    reason: str


def misses(doc: Doc) -> tuple[list[Miss], int]:
    """Every miss of the systems that are held to their figures, study by study, and how many figures they have."""
    held = {row["system"] for row in doc["held"]}
    studies = [s for s in doc["studies"] if held & set(s["systems"])]
    figures = [(s, f) for s in studies for f in s["figures"] if better_by(f) is not None]
    found = [Miss(s, f, reason(s, f)) for s, f in figures if abs(f["fitted"]["place"] - 0.5) > _INSIDE]
    return found, len(figures)


def better_by(figure: Doc) -> float | None:
    """By how many standard deviations patients did better than the fit says; None for figures that are not fitted."""
    fitted = figure["fitted"]
    if not figure["used"] or fitted is None or fitted["place"] is None:
        return None
    of = figure["of"] if figure["measure"] in _RATIOS else figure["measure"]
    z = float(ndtri(min(max(fitted["place"], 0.0005), 0.9995)))
    return -z if of in _FEWER_IS_BETTER else z


def reason(study: Doc, figure: Doc) -> str:
    """The reason of one miss."""
    z = better_by(figure)
    assert z is not None
    words = _pattern(study, figure, z)
    if figure["read"] == "memory":
        words += "; the figure is not confirmed and counts less"
    if abs(figure["fitted"]["place"] - 0.5) <= _FAR:
        words += "; inside the middle 95 %"
    return words


def _pattern(study: Doc, figure: Doc, z: float) -> str:
    if figure["outcome"] in study["misfit"]:
        return "no parameter reproduces this"
    side = "better" if z > 0 else "worse"
    if figure["against"]:
        return f"the first arm did {side} against the other than the mechanisms allow with all other studies"
    others = [(o, v) for o in study["figures"] if o is not figure and (v := better_by(o)) is not None]
    own = [(o, v) for o, v in others if o["arm"] == figure["arm"] and not o["against"]]
    sooner, later = (_mean([v for o, v in own if _before(o, figure) == k]) for k in (True, False))
    if later is not None and later * z < 0 and abs(later - z) > 1:
        return f"the course: patients did {side} by then than the model has it, not later: it is too {_pace(z)}"
    if sooner is not None and sooner * z < 0 and abs(sooner - z) > 1:
        return f"the course: patients did {side} by then than the model has it, not sooner"
    twin = next((o for o, v in own if o["day"] == figure["day"] and (v * z < 0 or abs(v) < _AGREES)), None)
    if twin is not None:
        return f"another reading of the same patients fits ({twin['label']}): the two ask for different spreads"
    arms = [v for o, v in others if o["arm"] != figure["arm"] and not o["against"]]
    mean = _mean(arms)
    if mean is None:
        return f"patients did {side}; with one arm nothing tells its treatment from its patients"
    if mean * z > 0 and abs(mean) > _AGREES:
        return f"all arms did {side}: patients, raters or expectation of this study"
    return f"this arm did {side}, the others did not: the strength of its treatment in this study"


def _before(other: Doc, figure: Doc) -> bool | None:
    """Whether the same was read sooner; None on the same day or of something else."""
    same = other["measure"] == figure["measure"] and other["scale"] == figure["scale"]
    if not same or other["day"] is None or figure["day"] is None or other["day"] == figure["day"]:
        return None
    return bool(other["day"] < figure["day"])


def _pace(z: float) -> str:
    return "slow" if z > 0 else "fast"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
