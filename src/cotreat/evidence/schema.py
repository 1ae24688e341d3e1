"""The form of a study file: one published study, its arms as regimen sentences, its figures with where they were read.

A value nobody knows is null (or left out); it is never filled with a guess. Unknown field names are errors, so that a
typing mistake cannot drop a figure. Shares and proportions are fractions between 0 and 1, times are days, doses are in
the regimen sentence. Numbers are numbers: ``"29"`` in quotes is refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

RUN_IN = "run-in"

Design = Literal["rct-double-blind", "rct-open", "non-randomised", "cohort", "open-label", "pooled"]
Use = Literal["fit", "context"]
Read = Literal["seen", "seen-secondary", "memory", "derived"]
AnalysisSet = Literal["everyone", "completers", "observed", "responders", "remitters"]
Origin = Literal["start", "remission", "response", "last session"]
Starts = Literal["after run-in", "with the arm"]
ProportionMeasure = Literal[
    "response",
    "remission",
    "relapse",
    "well",
    "sustained_response",
    "sustained_remission",
    "dropout",
    "completion",
    "stopped_for_side_effects",
    "withdrawal",
    "severe_withdrawal",
    "taper_success",
    "readmission",
    "delirium",
    "dissociation",
    "mania",
    "worsening",
    "adverse_event",
]
ScoreMeasure = Literal["score", "change", "percent_change", "days_to_event"]
ContrastMeasure = Literal[
    "hazard_ratio", "risk_ratio", "odds_ratio", "risk_difference", "smd", "mean_difference", "p_value_only"
]
Measure = ProportionMeasure | ScoreMeasure | ContrastMeasure

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Line = Annotated[str, Field(min_length=1, max_length=2000)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]


class Part(BaseModel):
    """Shared behaviour: strict types, no unknown names, immutable, no infinities."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Baseline(Part):
    """The rating of the group when the arms begin (after the run-in and its entry rule, when there is one).

    ``scale``: rating scale, e.g. HAM-D24. ``mean``, ``sd``: points. ``n``: patients rated.
    """

    scale: Line
    mean: float | None = None
    sd: NotNegative | None = None
    n: Count | None = None
    read: Read | None = None


class EntryRule(Part):
    """The score a patient needed to be let in, before any run-in: at least ``score`` points on ``scale``."""

    scale: Line
    score: float


class Covariates(Part):
    """Who the patients were. Ages in years; everything else is a share of the group between 0 and 1."""

    age_mean: Positive | None = None
    age_sd: NotNegative | None = None
    female: Share | None = None
    resistant: Share | None = None
    psychotic: Share | None = None
    bipolar: Share | None = None


class Population(Part):
    """Who was treated.

    ``run_in`` is a regimen sentence that everybody went through before the arms begin; it ends within a year.
    ``run_in_stands_for`` says what was really given when the sentence is a stand-in. ``enter`` says who goes on from
    the run-in: remission, response, all, or a short definition such as "HAM-D24 <= 10 and 60 % below baseline".
    ``already_on`` is a sentence of drugs that everybody had taken long enough to be at steady state when the arms
    begin, and was ill (or well) in spite of; an arm that goes on with them says so, in an arm that does not they stop
    on day 0. ``already_on_stands_for`` says what they were. ``baseline`` is read after the run-in.
    """

    label: Line
    run_in: str | None = None
    run_in_stands_for: Line | None = None
    enter: Line | None = None
    already_on: str | None = None
    already_on_stands_for: Line | None = None
    baseline: Baseline | None = None
    entry_at_least: EntryRule | None = None
    covariates: Covariates | None = None


class Arm(Part):
    """One group of patients.

    ``n``: patients allotted to it. ``regimen``: what it was given, as a sentence; "" is nothing, null means that it
    cannot be written (and the study cannot be fitted). ``stands_for``: what was really given, when the sentence stands
    for a mixture or for a dose that was not published. ``placebo``: what was given in disguise beside it (capsules, a
    saline infusion), so that patients expect treatment; null when nothing was. ``starts``: whether day 0 of the
    sentence is the end of the run-in or the start of the arm itself; null is "after run-in" when there is a run-in. A
    drug of the run-in that the arm does not go on with stops on day 0. ``baseline``: of this arm, when published.
    """

    n: Count | None = None
    regimen: str | None
    stands_for: Line | None = None
    placebo: Line | None = None
    starts: Starts | None = None
    baseline: Baseline | None = None


class Outcome(Part):
    """One published figure.

    ``arm``: an arm's key, a list of keys (the figure is over all of them together), or "run-in". ``measure`` decides
    which of the numbers are meant:

    - a proportion (response, remission, relapse, ...): ``events`` of ``n``, ``proportion``, ``ci95``;
    - a score: ``mean`` (of the score, of the change from baseline where down is negative, in percent, or in days),
      ``sd``, ``se``, ``ci95``;
    - a contrast of ``arm`` with ``against``: ``effect``, ``se``, ``ci95``. ``of`` is what a ratio or difference
      compares (relapse). Ratios are ``arm`` over ``against`` on the natural scale; mean_difference is ``arm`` minus
      ``against`` in points, so negative is better on a symptom scale; smd is positive when ``arm`` did better.
      ``p_value_only`` is for a comparison of which nothing but ``p`` was printed.

    ``day`` is counted from day 0 of the arm's regimen (of the run-in for "run-in"), unless ``counted_from`` names a
    later origin that differs between patients. ``analysis_set`` says whom the figure is about: "responders" and
    "remitters" are those of this arm at the end of its acute course. ``weight`` (0 to 1) multiplies the figure's
    likelihood; a figure from memory needs one below 1 before it may be fitted. ``read`` and ``where`` say how and
    where the figure was read: seen (in the paper or its abstract), seen-secondary (quoted by somebody else), memory
    (not confirmed), derived (computed from seen figures).
    """

    arm: Line | Annotated[list[Line], Field(min_length=1)]
    measure: Measure
    of: ProportionMeasure | ScoreMeasure | None = None
    against: Line | Annotated[list[Line], Field(min_length=1)] | None = None
    scale: Line | None = None
    definition: Line | None = None
    day: NotNegative | None = None
    counted_from: Origin = "start"
    analysis_set: AnalysisSet | None = None
    dropout_handling: Line | None = None
    n: Count | None = None
    events: Count | None = None
    proportion: Share | None = None
    mean: float | None = None
    sd: NotNegative | None = None
    se: NotNegative | None = None
    effect: float | None = None
    ci95: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    p: Share | None = None
    weight: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    read: Read
    where: Line | None = None
    url: Line | None = None
    note: Line | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms this figure is about, as a tuple of keys."""
        return (self.arm,) if isinstance(self.arm, str) else tuple(self.arm)

    @property
    def reference_arms(self) -> tuple[str, ...]:
        """The arms it is compared with; empty when it is not a contrast."""
        if self.against is None:
            return ()
        return (self.against,) if isinstance(self.against, str) else tuple(self.against)

    @property
    def kind(self) -> Literal["proportion", "score", "contrast"]:
        """Which family the measure belongs to."""
        if self.measure in get_args(ContrastMeasure):
            return "contrast"
        return "score" if self.measure in get_args(ScoreMeasure) else "proportion"

    @property
    def observed(self) -> float | None:
        """The figure itself: a proportion, a mean or an effect; null when only its surroundings are known."""
        if self.kind == "contrast":
            return self.effect
        if self.kind == "score":
            return self.mean
        if self.proportion is not None:
            return self.proportion
        return self.events / self.n if self.events is not None and self.n else None


class Study(Part):
    """One published study; the file is named after the paper.

    ``follow_up_days``: how long patients were followed, from day 0 of the arms. ``systems``: the rows of the project's
    table of treatment systems it bears on (S6). ``cohort_id`` is shared by all files about the same patients.
    ``contains`` lists the studies inside a pooled file. ``use`` "fit" lets the study into a calibration, "context"
    keeps it for readers, with ``reason`` why. ``weight`` multiplies the likelihood of every figure of the file.
    """

    format: Literal[1] = 1
    id: Key
    title: Line
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    citation: Line | None = None
    registry: Line | None = None
    year: Annotated[int, Field(ge=1930, le=2100)] | None = None
    country: Line | None = None
    setting: Line | None = None
    design: Design
    crossover: bool = False
    cohort_id: Key | None = None
    contains: list[Key] = Field(default_factory=list)
    use: Use
    reason: Line | None = None
    weight: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    follow_up_days: NotNegative | None = None
    systems: list[Annotated[str, Field(pattern=r"^S\d{1,2}$")]] = Field(default_factory=list)
    note: Line | None = None
    population: Population
    arms: Annotated[dict[Key, Arm], Field(min_length=1)]
    outcomes: Annotated[list[Outcome], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_agree(self) -> Study:
        """An outcome may only speak of arms of this file, and of a run-in only when there is one."""
        if RUN_IN in self.arms:
            raise PydanticCustomError(
                "reserved_arm", "the name is reserved for the run-in of the population", {"place": ["arms", RUN_IN]}
            )
        known = set(self.arms) | ({RUN_IN} if self.population.run_in is not None else set())
        for place, outcome in enumerate(self.outcomes):
            for field, keys in (("arm", outcome.arms), ("against", outcome.reference_arms)):
                for key in keys:
                    if key not in known:
                        raise PydanticCustomError(
                            "unknown_arm",
                            'there is no arm "{key}"; the arms are {arms}',
                            {"key": key, "arms": ", ".join(sorted(known)), "place": ["outcomes", place, field]},
                        )
        return self

    @property
    def cohort(self) -> str:
        """Name of the group of patients; the study's own id unless several files share it."""
        return self.cohort_id or self.id

    def starts(self, key: str) -> Starts:
        """Where day 0 of an arm lies, with the default filled in."""
        stated = self.arms[key].starts
        if stated is not None:
            return stated
        return "with the arm" if self.population.run_in is None else "after run-in"
