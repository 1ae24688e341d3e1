"""The two documents a report is made from: a comparison of arms and a prediction of a published study.

Their JSON form is described in ``docs/compare-document.md`` and read by ``cotreat.report.reading``. Proportions are
per 100 patients, scores are in points of the named scale, times are days from day 0 of the regimen.
"""

from __future__ import annotations

from dataclasses import dataclass

Interval = tuple[float, float]
Band = tuple[tuple[float, ...], tuple[float, ...]]

DEFAULT_STAMP = "prior only, not checked against trials"
DEFAULT_DISCLAIMER = "Research and decision support, not a medical device"


@dataclass(frozen=True, slots=True)
class Population:
    """Who is simulated: its name, a description in words, the scale they were measured with."""

    name: str = ""
    text: str = ""
    scale: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """One bar or one row of marks of the timeline: what is given from one day to another.

    ``kind`` is session, dose or level. ``days`` are the days of single sessions or doses, empty for something
    that goes on from ``from_day`` to ``to_day``. ``conditional``: given only to patients for whom a decision goes
    that way.
    """

    subject: str
    kind: str
    from_day: float
    to_day: float
    days: tuple[float, ...] = ()
    amount: float | None = None
    unit: str = ""
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Sessions:
    """Number of sessions per patient: mean, and standard deviation between patients (None if not stated)."""

    subject: str
    mean: float
    sd: float | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm: the sentence as written, how it was read back, what is given when, and where it stands.

    ``in_range``: inside the range the model was calibrated on; None when that was not assessed.
    ``resembles``: ids of published trials with a similar arm.
    """

    name: str
    sentence: str = ""
    read_back: tuple[str, ...] = ()
    sessions: tuple[Sessions, ...] = ()
    notes: tuple[str, ...] = ()
    timeline: tuple[Given, ...] = ()
    in_range: bool | None = None
    resembles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One number of one arm, with two spreads that are never mixed.

    ``unknown95`` is what is not known: the middle 95 % over parameter draws. ``sample95`` is chance: the middle
    95 % of trials with ``sample_n`` patients in the arm at the median parameters.
    """

    arm: str
    outcome: str
    kind: str = "proportion"
    unit: str = ""
    day: float | None = None
    denominator: str = ""
    median: float | None = None
    unknown95: Interval | None = None
    sample_n: int | None = None
    sample95: Interval | None = None
    monte_carlo_se: float | None = None
    better: str | None = None

    @property
    def selected(self) -> bool:
        """True when the denominator is a group formed after treatment began, such as remitters."""
        return is_selected(self.denominator)


@dataclass(frozen=True, slots=True)
class Effect:
    """A relative or standardised effect size with the 95 % of what is not known."""

    median: float
    unknown95: Interval | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """``arm`` minus ``reference`` on one outcome; ``prob_better`` is a share of parameter draws, 0 to 1.

    ``hedges_g`` is positive where ``arm`` is better, whatever the sign of ``difference``.
    """

    outcome: str
    arm: str
    reference: str
    difference: float | None = None
    unit: str = ""
    unknown95: Interval | None = None
    prob_better: float | None = None
    risk_ratio: Effect | None = None
    hedges_g: Effect | None = None
    note: str | None = None
    denominator: str = ""
    better: str | None = None
    monte_carlo_se: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One measure of one arm over time; every series has one value per entry of ``days``.

    ``since`` names day 0 of the curve: the start of treatment, or remission for a curve among remitters.
    """

    arm: str
    measure: str
    days: tuple[float, ...]
    median: tuple[float, ...]
    denominator: str = ""
    unit: str = ""
    unknown50: Band | None = None
    unknown95: Band | None = None
    patients50: Band | None = None
    patients90: Band | None = None
    since: str = "start"

    @property
    def selected(self) -> bool:
        """True when the denominator is a group formed after treatment began, such as remitters."""
        return is_selected(self.denominator)


@dataclass(frozen=True, slots=True)
class Safety:
    """The safety verdict of an arm, in the fixed verdict words, and its detail."""

    arm: str
    verdict: str = "not checked"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What remakes the document: command, seed, sizes, version, parameter set, engine, evidence, date."""

    command: str = ""
    seed: int | None = None
    patients: int | None = None
    draws: int | None = None
    version: str = ""
    parameters: str = ""
    checksum: str = ""
    engine: str = ""
    evidence: tuple[str, ...] = ()
    ignored_qualifiers: tuple[str, ...] = ()
    date: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms side by side. ``definitions`` holds a word (well, remission, relapse) and what it means here."""

    title: str
    stamp: str
    disclaimer: str
    population: Population
    arms: tuple[Arm, ...]
    outcomes: tuple[Outcome, ...]
    contrasts: tuple[Contrast, ...]
    curves: tuple[Curve, ...]
    safety: tuple[Safety, ...]
    definitions: tuple[tuple[str, str], ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Study:
    """The published study that is predicted."""

    id: str
    title: str = ""
    doi: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Predicted:
    """One outcome of a published arm: the prediction for a trial of that size, and what was observed.

    ``reason`` says why there is no prediction, or what is special about it. ``inside95`` is None when nothing was
    observed or predicted. ``read`` says how the published figure was read; "memory" is unconfirmed.
    """

    arm: str
    measure: str
    scale: str = ""
    day: float | None = None
    n: int | None = None
    median: float | None = None
    pi50: Interval | None = None
    pi95: Interval | None = None
    observed: float | None = None
    inside95: bool | None = None
    reason: str = ""
    definition: str = ""
    analysis_set: str = ""
    unit: str = ""
    read: str = ""

    @property
    def unconfirmed(self) -> bool:
        """True when the published figure was not confirmed in a source."""
        return self.read == "memory"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A published study and what the model predicts for each of its outcomes.

    ``draws_left_out``: parameter draws with which nobody would have entered the study. ``run_in_assumed``: what its
    patients are taken to have been given before, where the study states no run-in.
    """

    study: Study
    stamp: str
    disclaimer: str
    outcomes: tuple[Predicted, ...]
    provenance: Provenance
    draws_left_out: int = 0
    run_in_assumed: str = ""


def is_selected(denominator: str) -> bool:
    """Whether a denominator names a group formed after treatment began (remitters, responders, completers)."""
    words = denominator.lower()
    return any(w in words for w in ("selected", "remitter", "responder", "completer"))
