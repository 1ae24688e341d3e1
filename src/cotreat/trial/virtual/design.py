"""A trial as a value: who, which arms, when they are seen, what is tested, how much may be claimed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.measures.relapse import RelapseDefinition
from cotreat.population.populations import Population
from cotreat.trial.virtual.multiplicity import Multiplicity
from cotreat.trial.virtual.sequential import Looks

Kind = Literal["parallel", "factorial", "withdrawal", "crossover", "smart"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EndpointKind = Literal["ancova", "t", "mmrm", "proportion", "time"]
ENDPOINT_KINDS: tuple[EndpointKind, ...] = get_args(EndpointKind)
TESTS: dict[EndpointKind, tuple[str, ...]] = {
    "ancova": ("ancova",),
    "t": ("t",),
    "mmrm": ("mmrm",),
    "proportion": ("newcombe", "chi2", "cmh", "logistic", "risk"),
    "time": ("log-rank", "cox", "rmst"),
}
What = Literal["score", "well", "response", "remission", "relapse"]
AnalysisSet = Literal["everyone", "remitters", "responders", "completers"]
ANALYSIS_SETS: tuple[AnalysisSet, ...] = get_args(AnalysisSet)
Missing = Literal["failure", "observed", "last observation", "baseline", "at random", "censored", "event"]
Mechanism = Literal["none", "MCAR", "MAR", "MNAR"]
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)


@dataclass(frozen=True)
class Arm:
    """One arm: its name, its sentences (a second period for a crossover), and its level of each factor."""

    name: str
    sentence: str = ""
    second: str | None = None
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contrast:
    """What is compared: weights of the arms (they sum to 0), and for two groups of arms the pairs that are strata.

    ``interaction``: a difference of differences. ``text`` says it in words.
    """

    text: str
    weights: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]
    interaction: bool = False

    @property
    def vector(self) -> np.ndarray:
        """Weights as an array (arms,)."""
        return np.asarray(self.weights, dtype=float)


@dataclass(frozen=True)
class Endpoint:
    """One test: what is measured, when, in whom, how a loss is handled, which contrast, by which method.

    ``week``: of the visit; for a time it is the end of follow-up. ``margin``: for non-inferiority, the largest
    loss that is allowed (points, or a share between 0 and 1). ``definition``: of relapse.
    """

    name: str
    kind: EndpointKind
    test: str
    what: What
    week: int
    scale: str
    contrast: Contrast
    analysis_set: AnalysisSet = "everyone"
    missing: Missing = "observed"
    primary: bool = False
    margin: float | None = None
    definition: RelapseDefinition | None = None
    tau: float | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger estimate favours the first side of the contrast (survival times are read as hazards)."""
        return self.what in ("well", "response", "remission") or self.test == "rmst"

    @property
    def two_proportions(self) -> bool:
        """Whether two arms are tested for no difference of a proportion: small arms are then enumerated too."""
        plain = len(self.contrast.pairs) == 1 and not self.contrast.interaction
        return self.kind == "proportion" and plain and self.margin is None


LARGEST = 1_000
"""Patients in both arms up to which p values of two proportions are enumerated."""
METHODS = {
    "ancova": "analysis of covariance on the baseline",
    "t": "t test",
    "mmrm": "mixed model for repeated measures, unstructured covariance",
    "newcombe": "Newcombe interval of the risk difference",
    "chi2": "chi-square test without correction",
    "cmh": "Cochran-Mantel-Haenszel test",
    "logistic": "logistic regression, Wald test",
    "risk": "Wald test of the risk contrast (Agresti-Caffo)",
    "log-rank": "log-rank test",
    "cox": "Cox regression (Efron), Wald test",
    "rmst": "restricted mean time, Wald test",
}


@dataclass(frozen=True)
class Dropout:
    """How patients are lost: the mechanism, the hazard of a week, and its change per HAM-D17 point of worsening.

    None: the figure of the parameter set. MCAR: the same for all. MAR: on the rating at the last visit attended.
    MNAR: on the rating at the start of each week, whether or not it was seen.
    """

    mechanism: Mechanism = "MNAR"
    weekly_hazard: float | None = None
    per_point: float | None = None

    def __post_init__(self) -> None:
        if self.weekly_hazard is not None and not 0 <= self.weekly_hazard <= 1:
            raise InputError(f"dropout: the hazard of a week must lie between 0 and 1, not {self.weekly_hazard:g}")
        if self.per_point is not None and not -1 <= self.per_point <= 1:
            raise InputError(f"dropout: per_point must lie between -1 and 1, not {self.per_point:g}")


@dataclass(frozen=True)
class Sites:
    """Sites: how many, the SD between them of ratings after baseline, and of the effect (points)."""

    number: int
    sd: float = 0.0
    effect_sd: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 500:
            raise InputError(f"sites: the number must lie between 1 and 500, not {self.number}")
        if not (0 <= self.sd <= 20 and 0 <= self.effect_sd <= 20):
            raise InputError("sites: sd and effect_sd must lie between 0 and 20 points")


@dataclass(frozen=True)
class Guessing:
    """Guessing of the allocation: shares in the treated and the other arms who believe they are treated, and points.

    Those who believe it are rated ``points`` lower after baseline, whatever they were given.
    """

    treated: float
    control: float
    points: float

    def __post_init__(self) -> None:
        if not (0 <= self.treated <= 1 and 0 <= self.control <= 1):
            raise InputError("guessing: the shares must lie between 0 and 1")
        if not -20 <= self.points <= 20:
            raise InputError("guessing: points must lie between -20 and 20")


@dataclass(frozen=True)
class MissedVisits:
    """Visits missed by patients who come back later: the share, and its change with how they are.

    ``share``: of visits after baseline, of patients who are as they were at baseline. ``per_point``: change of the log
    odds per HAM-D17 point of worsening on that day; 0 is missing by pure chance.
    """

    share: float
    per_point: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 0.9:
            raise InputError(f"missed_visits: the share must lie between 0 and 0.9, not {self.share:g}")
        if not -1 <= self.per_point <= 1:
            raise InputError(f"missed_visits: per_point must lie between -1 and 1, not {self.per_point:g}")


@dataclass(frozen=True)
class Effect:
    """A stated effect in place of the patient model.

    ``kind`` "normal": ``values`` are means at every visit after baseline, ``sd`` between patients, ``correlation``
    between any two ratings. "binary": probabilities. "exponential": shares with the event by ``by_week``.
    ``unknown``: SD of what is not known about each arm but the first (points, log odds, log hazard).
    """

    kind: Literal["normal", "binary", "exponential"]
    values: tuple[float, ...]
    sd: float = 8.0
    correlation: float = 0.5
    baseline: float = 24.0
    by_week: int = 26
    unknown: float = 0.0


@dataclass(frozen=True)
class Crossover:
    """Length of each of the two periods and of the wash-out between them, in weeks."""

    period: int
    washout: int


@dataclass(frozen=True)
class Search:
    """Search for the sample size: the power wanted, and the smallest and largest number in each arm."""

    power: float = 0.8
    low: int = 10
    high: int = 2000

    def __post_init__(self) -> None:
        if not 0.05 < self.power < 0.999:
            raise InputError(f"sample_size: the power must lie between 0.05 and 0.999, not {self.power:g}")
        if not 2 <= self.low < self.high <= MOST_PER_ARM:
            raise InputError(f"sample_size: from and to must rise, between 2 and {MOST_PER_ARM}")


MOST_PER_ARM = 10_000


@dataclass(frozen=True)
class Conduct:
    """What happens to a trial beside its treatments."""

    dropout: Dropout = field(default_factory=Dropout)
    missed_sessions: float = 0.0
    missed_visits: MissedVisits | None = None
    sites: Sites | None = None
    guessing: Guessing | None = None
    per_month: float | None = None


@dataclass(frozen=True)
class Trial:
    """A whole design. ``per_arm``: the numbers asked for; ``days``: of the visits, from day 0 of the regimen."""

    title: str
    kind: Kind
    arms: tuple[Arm, ...]
    per_arm: tuple[int, ...]
    days: tuple[int, ...]
    endpoints: tuple[Endpoint, ...]
    scale: str
    population: Population | None = None
    effect: Effect | None = None
    alpha: float = 0.05
    multiplicity: Multiplicity = "none"
    looks: Looks | None = None
    conduct: Conduct = field(default_factory=Conduct)
    run_in: str | None = None
    enter: str | None = None
    crossover: Crossover | None = None
    search: Search | None = None
    second_options: int = 1
    """For a sequential trial: how many options those who do not respond are randomised to."""

    @property
    def primary(self) -> Endpoint:
        """The first primary endpoint; without one that is marked, the first."""
        return next((e for e in self.endpoints if e.primary), self.endpoints[0])

    def method(self, endpoint: Endpoint) -> str:
        """The analysis of an endpoint in words."""
        words = METHODS[endpoint.test]
        if self.kind == "smart":
            words = "mean of each strategy weighted by the inverse chance to follow it, sandwich variance"
        elif self.kind == "crossover":
            words = "t test of period differences between the two orders"
        elif self.conduct.sites is not None and endpoint.kind in ("t", "ancova"):
            words += ", with a fixed effect of site"
        elif endpoint.two_proportions:
            words += f" (up to {LARGEST:,} patients the p value is at least that of Pearson's statistic by enumeration)"
        return words + (f", non-inferiority margin {endpoint.margin:g}" if endpoint.margin is not None else "")

    @property
    def begins_well(self) -> bool:
        """Whether patients are well when they are randomised, so that relapse counts from that day in everybody."""
        well = self.population is not None and self.population.starts_well
        return well or self.kind == "withdrawal" or self.effect is not None

    @property
    def weeks(self) -> int:
        """Weeks simulated from day 0: to the last visit."""
        return -(-max(self.days) // 7)

    @property
    def largest(self) -> int:
        """The largest number of patients in each arm."""
        return max(self.per_arm)
