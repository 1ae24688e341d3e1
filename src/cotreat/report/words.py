"""Numbers and sentences of a report: how a figure is rounded, and what may be said about a difference."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from cotreat.report.document import Comparison, Contrast, Curve, Interval, Outcome, Population

MINUS = "\N{MINUS SIGN}"
NO_FIGURE = "\N{EN DASH}"

UNKNOWN = "what is not known"
PATIENTS = "spread between patients"
CHANCE = "chance in a trial"

# Differences that do not matter: within 5 per 100, or within 2 points of the HAM-D.
MARGIN_PER_100 = 5.0
MARGIN_HAMD = 2.0

NOT_CLAIMED = (
    "These are figures about groups. They are not validated for individual patients, and no number here is a "
    "forecast for one person.",
    "The intervals called \u201cwhat is not known\u201d cover the parameters of the model. They do not cover the "
    "chance that the model itself has the wrong form.",
    "All arms are given to the same simulated patients. No trial of these arms is claimed to exist.",
    "Relapse among remitters compares groups that were selected by how well they did: whoever remits in one arm "
    "might not have remitted in another.",
    "A safety verdict of \u201cnot checked\u201d is not a finding of safety, and \u201cno rule fired\u201d speaks "
    "only of the rules that were checked.",
    "Nothing here is a recommendation to start, stop or combine a treatment.",
)


@dataclass(frozen=True, slots=True)
class Voice:
    """How names of arms and words from the document are written: escaped for a page, bare for a terminal."""

    name: Callable[[str], str]
    text: Callable[[str], str]


PLAIN = Voice(name=lambda s: f'"{s}"', text=str)


def number(value: float, digits: int = 1) -> str:
    """A number with fixed decimals, halves rounded away from zero, a true minus sign and no negative zero."""
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return f"{abs(exact) if exact == 0 else exact:f}".replace("-", MINUS)


def interval(bounds: Interval, digits: int = 1) -> str:
    """An interval in words, ``20 to 66``: unmistakable next to a minus sign."""
    return f"{number(bounds[0], digits)} to {number(bounds[1], digits)}"


def with_interval(value: float, bounds: Interval | None, digits: int = 1) -> str:
    """``43 (20 to 66)``, or the number alone when no interval is known."""
    return number(value, digits) + (f" ({interval(bounds, digits)})" if bounds else "")


def short(value: float) -> str:
    """A number without needless decimals: ``8``, ``8.1``, ``0.7``."""
    return f"{value:.6g}".replace("-", MINUS)


def rough(value: float) -> str:
    """A size of error with two digits that count: ``0.98``, ``1.5``, ``0.0061``."""
    return f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"


def probability(value: float) -> str:
    """A share of parameter draws; near 0 and 1 only a bound, since the draws are few."""
    if value > 0.99:
        return "> 0.99"
    return "< 0.01" if value < 0.01 else number(value, 2)


def is_per_100(unit: str) -> bool:
    """Whether a unit counts patients per 100."""
    return unit.strip().lower().startswith(("per 100", "%", "per cent", "percent"))


def plain_digits(unit: str) -> int:
    """Decimals in prose and beside a chart: none for patients per 100, one for points."""
    return 0 if is_per_100(unit) else 1


def margin(unit: str) -> float | None:
    """The largest difference that does not matter, in ``unit``; None where none has been agreed."""
    if is_per_100(unit):
        return MARGIN_PER_100
    return MARGIN_HAMD if "ham-d" in unit.lower() else None


def when(day: float) -> str:
    """A day in words: ``week 26`` on whole weeks from the fourth, hours below three days, else ``day 10``."""
    if day >= 28 and day % 7 == 0:
        return f"week {short(day / 7)}"
    if day != int(day) and abs(day) < 3:
        return f"hour {short(round(day * 24, 1))}"
    return f"day {short(day)}"


def sentence_case(text: str) -> str:
    """The first letter raised, the rest untouched (``HAM-D17`` stays)."""
    return text[:1].upper() + text[1:]


def text_width(text: str) -> float:
    """Width of a text in average Latin letters: wide East Asian letters count as 1.8."""
    return sum(1.8 if unicodedata.east_asian_width(c) in "WF" else 1.0 for c in text)


def fold(text: str, width: float, lines: int = 2) -> list[str]:
    """Break a text into at most ``lines`` lines of about ``width`` letters; what does not fit ends in an ellipsis."""
    found: list[str] = []
    line = ""
    for word in text.split():
        trial = f"{line} {word}".strip()
        if line and text_width(trial) > width:
            found.append(line)
            line = word
        else:
            line = trial
    found.append(line)
    if len(found) > lines:
        found = [*found[: lines - 1], " ".join(found[lines - 1 :])]
    return [_clip(part, width) for part in found]


def _clip(text: str, width: float) -> str:
    if text_width(text) <= width:
        return text
    while text and text_width(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "\u2026"


def joined(parts: Sequence[str]) -> str:
    """A list in prose: ``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]


Key = tuple[str, str, float | None]


def outcome_key(outcome: Outcome) -> Key:
    """What makes two outcomes comparable: the name, the denominator and the day."""
    return outcome.outcome, outcome.denominator, outcome.day


def outcome_groups(comparison: Comparison) -> list[tuple[Outcome, ...]]:
    """Outcomes with one row per arm, the main one first, groups selected after treatment began last."""
    groups: dict[Key, list[Outcome]] = {}
    for outcome in comparison.outcomes:
        groups.setdefault(outcome_key(outcome), []).append(outcome)
    return [tuple(g) for g in sorted(groups.values(), key=lambda g: _rank(g[0]))]


def _rank(outcome: Outcome) -> tuple[bool, bool, bool]:
    # sorted() is stable, so outcomes of one rank keep the order of the document.
    return outcome.selected, not outcome.outcome.lower().startswith("well"), outcome.kind != "proportion"


def matching_contrasts(comparison: Comparison, outcome: Outcome) -> tuple[Contrast, ...]:
    """The contrasts of one outcome; a contrast without a denominator belongs to any."""
    return tuple(
        c for c in comparison.contrasts if c.outcome == outcome.outcome and c.denominator in ("", outcome.denominator)
    )


def better_direction(contrast: Contrast) -> str | None:
    """``higher`` or ``lower``: as the document says, else from the name of the outcome; None if neither tells."""
    if contrast.better:
        return contrast.better
    name = contrast.outcome.lower()
    if name.startswith(("well", "response", "remission", "sustained", "relapse-free", "completion")):
        return "higher"
    symptoms = ("ham-d", "madrs", "qids", "phq", "ids-", "bdi")
    return "lower" if name.startswith(("relapse", "dropout", "withdrawal", *symptoms)) else None


def curve_groups(comparison: Comparison, *, selected: bool) -> list[tuple[Curve, ...]]:
    """Curves that share a figure, those of the main outcome first; ``selected``: those of groups formed later."""
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in comparison.curves:
        if curve.selected is selected:
            groups.setdefault((curve.measure, curve.denominator), []).append(curve)
    return [tuple(g) for g in sorted(groups.values(), key=lambda g: not g[0].measure.lower().startswith("well"))]


def population_text(population: Population) -> str:
    """Who is simulated, as sentences; empty when nothing is known."""
    parts = [population.name, population.text, f"rated on the {population.scale}" if population.scale else ""]
    return " ".join(f"{sentence_case(p).rstrip('.')}." for p in parts if p)


def outcome_title(outcome: Outcome) -> str:
    """Outcome and denominator as a heading: ``Well at week 26, of all who started``."""
    title = sentence_case(outcome.outcome)
    if outcome.day is not None and when(outcome.day) not in title.lower():
        title += f" at {when(outcome.day)}"
    return f"{title}, {of_whom(outcome.denominator)}" if outcome.denominator else title


def of_whom(denominator: str) -> str:
    """A denominator that can follow a comma: ``of all who started``."""
    return denominator if denominator.lower().startswith(("of ", "among ")) else f"of {denominator}"


def plain_answer(comparison: Comparison, voice: Voice = PLAIN) -> list[str]:
    """The answer in one or two sentences, built from the main outcome and its contrasts; empty without figures."""
    groups = [[o for o in g if o.median is not None] for g in outcome_groups(comparison)]
    groups = [g for g in groups if g]
    if not groups:
        return []
    main = groups[0]
    return [_levels(main, voice), *_verdicts(comparison, main[0], voice)]


def _levels(main: Sequence[Outcome], voice: Voice) -> str:
    first = main[0]
    digits = plain_digits(first.unit)
    parts = [
        f"{with_interval(o.median, o.unknown95, digits)} with {voice.name(o.arm)}" for o in main if o.median is not None
    ]
    what = voice.text(first.outcome)
    if first.day is not None and when(first.day) not in first.outcome.lower():
        what += f" at {when(first.day)}"
    if is_per_100(first.unit) and first.outcome.lower().startswith("well") and not first.selected:
        parts[0] = parts[0].replace(" with ", f" to be {what} with ", 1)
        return f"Of 100 patients who start, the model expects about {joined(parts)}."
    scope = f" ({voice.text(first.denominator)})" if first.denominator else ""
    unit = f", {voice.text(first.unit)}" if first.unit else ""
    return f"{sentence_case(what)}{scope}{unit}: the model expects about {joined(parts)}."


def _verdicts(comparison: Comparison, main: Outcome, voice: Voice) -> list[str]:
    contrasts = [c for c in matching_contrasts(comparison, main) if c.difference is not None]
    references = {c.reference for c in contrasts}
    if len(contrasts) > 1 and len(references) == 1 and all(c.unknown95 for c in contrasts):
        return _against_one(contrasts, voice)
    return [verdict(c, voice, named=len(contrasts) > 1) for c in contrasts[:4]]


def _against_one(contrasts: Sequence[Contrast], voice: Voice) -> list[str]:
    """Several arms against the same reference, sorted by what may be said of them."""
    reference = voice.name(contrasts[0].reference)
    found: dict[str, list[str]] = {"apart": [], "equal": [], "open": []}
    for c in contrasts:
        name = voice.name(c.arm)
        standing = standing_of(c)
        if standing in ("equal", "open"):
            found[standing].append(name)
            continue
        digits = plain_digits(c.unit)
        by = number(abs(c.difference or 0.0), digits)
        low, high = sorted(abs(v) for v in c.unknown95 or (0.0, 0.0))
        found["apart"].append(f"{name} {standing} by {by} {voice.text(c.unit)} ({interval((low, high), digits)})")
    said = []
    if found["apart"]:
        said.append(f"Against {reference}, the model puts {joined(found['apart'])}.")
    if found["equal"]:
        said.append(f"No difference that matters from {reference}: {joined(found['equal'])}.")
    if found["open"]:
        said.append(f"Cannot be told apart from {reference}: {joined(found['open'])}.")
    return said


def standing_of(contrast: Contrast) -> str:
    """``equal`` within the margin, ``open`` when the interval includes zero, else ``higher`` or ``lower``.

    A contrast without an interval is open.
    """
    if contrast.unknown95 is None:
        return "open"
    low, high = contrast.unknown95
    least = margin(contrast.unit)
    if least is not None and -least <= low and high <= least:
        return "equal"
    if low <= 0.0 <= high:
        return "open"
    return "higher" if low > 0.0 else "lower"


def verdict(contrast: Contrast, voice: Voice = PLAIN, *, named: bool = False) -> str:
    """What one contrast allows to be said: told apart or not, and whether the difference matters.

    ``named``: name both arms (needed when there are several contrasts).
    """
    if contrast.difference is None:
        return "No difference was computed."
    unit, digits = contrast.unit, plain_digits(contrast.unit)
    bounds = f" ({interval(contrast.unknown95, digits)})" if contrast.unknown95 else ""
    value = f"{number(contrast.difference, digits)} {voice.text(unit)}".rstrip() + bounds
    pair = f" between {voice.name(contrast.arm)} and {voice.name(contrast.reference)}" if named else ""
    said = f"The difference{pair}, {value}"
    if contrast.unknown95 is None:
        return f"{said}, comes without an interval: how sure it is was not computed."
    low, high = contrast.unknown95
    least = margin(unit)
    size = "" if least is None else f"{short(least)} {'per 100' if is_per_100(unit) else 'points'}"
    standing = standing_of(contrast)
    if standing == "equal":
        return f"{said}, lies within {size} either way: no difference that matters."
    if standing == "open":
        return f"{said}, includes zero: the arms cannot be told apart."
    said = f"{said}, does not include zero: {standing} with {voice.name(contrast.arm)} in this model"
    if least is not None and min(abs(low), abs(high)) < least:
        return f"{said}, though possibly by less than {size}, too little to matter."
    return f"{said}."
