"""Words and numbers of a calibration, for its page, its table on the terminal and its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotreat.report.words import number

Doc = Mapping[str, Any]
_RATIOS = {"hazard_ratio": "hazard ratio", "risk_ratio": "risk ratio", "odds_ratio": "odds ratio"}
_SCORES = ("score", "change", "mean_difference", "percent_change", "days_to_event")


def percent(value: float | None) -> str:
    """A share in per cent."""
    return "\u2013" if value is None else f"{100 * value:.0f} %"


def figure_unit(f: Doc) -> str:
    """What a figure is counted in."""
    measure = f["measure"]
    if measure in _RATIOS:
        return _RATIOS[measure]
    if measure == "smd":
        return "standard deviations"
    if measure == "percent_change":
        return "per cent of baseline"
    if measure in _SCORES:
        return f"points {f['scale'] or ''}".strip()
    return "difference per 100" if measure == "risk_difference" else "per 100 patients"


def displayed(f: Doc, value: float | None) -> str:
    """A value of a figure in its unit."""
    if value is None:
        return "\u2013"
    unit = figure_unit(f)
    if "per 100" in unit:
        return number(100 * value, 0)
    return number(value, 2 if unit.endswith("ratio") or unit.startswith("standard") else 1)


def spread(f: Doc, which: str, level: str) -> str:
    """Median and interval of a figure."""
    found = f[which]
    if found is None:
        return "\u2013"
    low, high = found[level]
    return f"{displayed(f, found['median'])} ({displayed(f, low)} to {displayed(f, high)})"


def coverage_word(c: Doc) -> str:
    """Whether coverage is as it should be."""
    return "yes" if c["holds"] else "no"


def why_word(f: Doc) -> str:
    """How a figure was used."""
    return "in the fit" if f["used"] else f"not in the fit: {f['reason']}"


def ratio_line(r: Doc) -> str:
    """Model and regression on the same left-out figures, as a sentence."""
    better = r["model"] <= r["regression"]
    tie = abs(r["model"] - r["regression"]) < 2 * r["se"]
    word = "as good as" if tie else "better than" if better else "worse than"
    width = "" if r["width_ratio"] is None else f"; its median interval is {r['width_ratio']:.2f} times as wide"
    return (
        f"{r['what'].capitalize()}: the model is {word} a meta-regression by class of arm (score {r['model']:.2f} "
        f"against {r['regression']:.2f}, difference {r['model'] - r['regression']:+.2f}, SE {r['se']:.2f}){width}."
    )


def losses(doc: Doc) -> list[str]:
    """Where the model loses, worst first, each as a short clause."""
    found = [
        f"{r['what']} are predicted worse than by a regression (score {r['model']:.2f} against {r['regression']:.2f})"
        for r in doc["regression"]
        if r["model"] > r["regression"]
    ]
    found += [
        f"contrast intervals are {r['width_ratio']:.2f} times as wide as the regression's"
        for r in doc["regression"]
        if r["what"].startswith("contrasts") and (r["width_ratio"] or 0.0) > 1.25
    ]
    found += [
        f"left-out {percent(c['level'])} intervals hold {percent(c['share'])}"
        for c in doc["coverage"]["all"]
        if not c["holds"]
    ]
    bad = [s["id"] for s in doc["studies"] if s["misfit"]]
    if bad:
        found.append(f"no parameter reproduces {len(bad)} studies ({', '.join(bad)})")
    return found


def answer(doc: Doc) -> str:
    """The first sentence: where the model loses."""
    found = losses(doc)
    if not found:
        return "On left-out studies the intervals hold, and the model loses nowhere to a regression without mechanism."
    return "Where the model loses: " + "; ".join(found) + "."


CONVERGED = 1.1
"""R-hat above which the chains of a fit have not found the same distribution."""


def plain_words(doc: Doc) -> str:
    """What the evidence does and does not say of how a drug and stimulation work together, in one paragraph."""
    rivals = sorted(doc["rivals"], key=lambda r: -r["weight"])
    apart = {r["name"]: r["rhat"] for r in doc["rivals"] if (r["rhat"] or 0.0) > CONVERGED}
    known = [r for r in doc["rivals"] if r["name"] not in apart]
    tied = [r["name"] for r in known if -r["difference"] <= 2 * r["se"] or r["difference"] == 0.0]
    lost = [r["name"] for r in known if r["name"] not in tied]
    words = [
        f"{len(doc['rivals'])} mechanisms were fitted to the same figures. The mixture that predicts unseen trials "
        f"best gives {rivals[0]['name']} {percent(rivals[0]['weight'])}"
        + (f" and {rivals[1]['name']} {percent(rivals[1]['weight'])}" if len(rivals) > 1 else "")
        + "."
    ]
    words.append(
        "The trials cannot tell these apart (less than two standard errors): " + ", ".join(tied) + "."
        if len(tied) > 1
        else f"{tied[0].capitalize()} predicts better than every other by more than two standard errors."
        if tied
        else "No fit can be compared with another."
    )
    words += [f"The chains of {n} did not agree (R-hat {r:.2f}): its fit says nothing." for n, r in apart.items()]
    if lost:
        words.append(f"Worse by more than that: {', '.join(lost)}.")
    for case in doc.get("interactions") or []:
        row = next(r for r in case["rows"] if r["unit"].endswith("points"))
        m, low, high = row["interaction"]
        meant = {
            "synergy": "more than their sum on all four scales: synergy",
            "antagonism": "less than their sum on all four scales",
            "not identified": "whether they give more than their sum is not identified",
        }[case["word"]]
        words.append(
            f"{case['name']}: {meant} (interaction {m:+.1f} HAM-D17 points, 90 % {low:+.1f} to {high:+.1f}; better "
            "is +)."
        )
    driven = {p["name"] for p in doc["parameters"] if p["prior_driven"]}
    gains = [p["name"] for p in doc["parameters"] if "_gain." in p["name"]]
    still = [g for g in gains if g in driven]
    if gains:
        words.append(
            f"{len(still)} of the {len(gains)} parameters by which one part of a treatment changes what another does "
            "are where their prior put them: of these the trials say next to nothing."
        )
    return " ".join(words)
