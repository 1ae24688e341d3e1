"""What shows within hours of a dose of ketamine: ratings between two midnights, and dissociation.

The engine rates at midnight. Between the visits before and after a dose everything but the transient changes little, so
it is read on a straight line between them; the transient comes in closed form with its onset, and with it the relief of
the first hours. Each such rating has an error of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from cotreat.model.effects import FELT_INFUSION, INERT_INFUSION, TRANSIENT
from cotreat.model.mechanisms import infusion
from cotreat.model.threefry import normal, stream_key
from cotreat.outcomes.followup import FollowUp
from cotreat.regimen.ledger import Item
from cotreat.simulate.channels import infusion_of, session_of
from cotreat.simulate.keys import HOURS, rating_noise, stream
from cotreat.simulate.run import Course

MORNING = 10.0 / 24.0
"""Time of day of a dose where an arm is given none."""


@dataclass(frozen=True)
class Hours:
    """Ratings and dissociation of one arm, ``after`` days from the start of its first dose.

    Arrays have the shape (draws, patients). ``rest`` (2, ...): latent score at the midnights before and after the first
    dose, without the transient; ``span``: points for one unit of mood; ``size``: sizes of the transient of the first
    dose; ``begins``: its time of day in days; ``tau`` and ``onset`` of the transient; ``first``: size of the relief of
    the first hours, and ``first_fade``, its time constant; ``error`` of the rating, and ``luck``, its standard normal
    number; ``top`` of the scale. ``peak``: median peak of dissociation of each patient,
    None without ketamine; ``fade``: its time constant; ``spread``: SD of its log between patients.
    """

    rest: np.ndarray
    span: np.ndarray
    size: np.ndarray
    begins: float
    tau: np.ndarray
    onset: np.ndarray
    first: np.ndarray
    first_fade: np.ndarray
    error: np.ndarray
    luck: np.ndarray
    top: float
    peak: np.ndarray | None
    fade: np.ndarray
    spread: np.ndarray

    def score(self, after: float) -> np.ndarray:
        """Ratings ``after`` days from the start of the first dose."""
        share = min(self.begins + after, 1.0)
        latent = (1.0 - share) * self.rest[0] + share * self.rest[1]
        transient = self.size * infusion.since_dose(after, self.tau, self.onset)
        transient = transient + infusion.first_hours(after, self.first, self.first_fade)
        return np.asarray(np.clip(latent - self.span * transient + self.error * self.luck, 0.0, self.top))

    def dissociation(self, after: float) -> np.ndarray:
        """Mean points of CADSS of each patient's kind: the median patient, times the mean of the spread."""
        if self.peak is None:
            return np.zeros_like(self.tau)
        return infusion.dissociation(after, self.peak, self.fade) * np.exp(0.5 * self.spread**2)

    def dissociated(self, after: float, above: float) -> np.ndarray:
        """Probability of more than ``above`` points of CADSS ``after`` days from the start of the first dose."""
        if self.peak is None:
            return np.zeros_like(self.tau)
        median = infusion.dissociation(after, self.peak, self.fade)
        with np.errstate(divide="ignore"):
            return np.asarray(ndtr((np.log(median) - np.log(above)) / self.spread))


def hours_of(course: Course, seen: FollowUp, seed: int) -> Hours | None:
    """What an arm shows within hours; None where visits are not daily or the arm does not reach day 1."""
    if len(course.days) < 2 or course.days[1] - course.days[0] != 1 or course.days[-1] < 1:
        return None
    cohort, p, shape = course.cohort, course.cohort.parameters, seen.baseline.shape
    dose = _first_dose(course)
    zero = int(np.flatnonzero(course.days == 0)[0])
    latent = []
    for index in (zero, zero + 1):
        error = rating_noise(seed, cohort.draw, cohort.patient, int(course.days[index]), course.stage)
        transient = _recorded(course, TRANSIENT, index)
        rating = course.score[index] - p["rating.error"] * error
        latent.append((rating + p["rating.half_span"] * transient).reshape(shape))
    size, first = np.zeros(len(cohort.draw)), np.zeros(len(cohort.draw))
    if dose is not None:
        session = session_of(dose)
        if session is not None:
            size = size + p["transient.ketamine"] * session[1] * p["trait.stimulation"]
        kind = FELT_INFUSION if infusion_of(dose) == FELT_INFUSION else INERT_INFUSION
        size = size + p[f"{TRANSIENT}.{kind}"] * p["trait.expectation"]
        first = p["transient.first_hours"] * p["trait.expectation"]
    peak = None
    if dose is not None and (session := session_of(dose)) is not None:
        peak = (p["dissociation.ketamine"] * session[1]).reshape(shape)
    luck = normal(stream_key(seed, cohort.draw, stream(course.stage, HOURS)), cohort.patient, 0)
    return Hours(
        rest=np.stack(latent),
        span=p["rating.half_span"].reshape(shape),
        size=size.reshape(shape),
        begins=MORNING if dose is None else dose.hour / 24.0,
        tau=p["transient.time_constant"].reshape(shape),
        onset=p["transient.onset"].reshape(shape),
        first=first.reshape(shape),
        first_fade=p["transient.first_hours_time_constant"].reshape(shape),
        error=p["rating.error"].reshape(shape),
        luck=luck.reshape(shape),
        top=float(p["rating.top"][0]),
        peak=peak,
        fade=p["dissociation.time_constant"].reshape(shape),
        spread=p["dissociation.log_sd"].reshape(shape),
    )


def _first_dose(course: Course) -> Item | None:
    """The first dose of ketamine, or what is given in its place, when it lies on day 0."""
    ledger = course.ledger
    items = [i for number in ledger.first for i in ledger.phases[number].items if infusion_of(i) is not None]
    first = min(items, key=lambda i: (i.day, i.hour), default=None)
    return first if first is not None and first.day == 0 else None


def _recorded(course: Course, name: str, index: int) -> np.ndarray:
    recorded = course.channels.recorded
    if name not in recorded:
        return np.zeros(len(course.cohort.draw))
    return np.asarray(course.record[index, recorded.index(name)], dtype=np.float64)
