"""A cohort: virtual patients with their parameters, traits and state at entry.

Patient *k* of draw *d* is a pure function of (seed, d, k): asking for more patients or draws, or for other regimens,
changes nobody. Candidates who fail the entry rule are passed over, and the next number is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares
from scipy.special import log_ndtr

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.mechanisms import mood
from cotreat.model.parameter_set import LINEAR_MOOD
from cotreat.model.threefry import normal, stream_key, uniform
from cotreat.population.patients import PatientValues
from cotreat.population.populations import Population, points_per_hamd17, well_score

TRAITS = {
    "drug": 1,
    "stimulation": 2,
    "chronicity": 3,
    "placebo": 4,
    "severity": 5,
    "mood": 6,
    "age": 7,
    "episode": 8,
    "resistant": 9,
    "psychotic": 10,
    "bipolar": 11,
    "dissociation": 12,
}
_TRAIT_STREAM = 0x54520000
_MOST_CANDIDATES = 64
_CANDIDATES_AT_ONCE = 1 << 16
_USUAL_AGE, _YOUNGEST, _OLDEST = 45.0, 18.0, 95.0
_USUAL_EPISODE_MONTHS = 6.0


@dataclass(frozen=True)
class Cohort:
    """Patients of every draw, flattened draw by draw.

    ``draw``, ``patient``: numbers of each, shape (draws * n,). ``parameters``: parameters and traits of each, float64.
    ``state``: named states at entry. ``baseline``: the score at entry. ``scale``: the scale all scores are on.
    ``starts_well``: they entered well, perhaps because of a drug. ``shape``: (draws, n).
    """

    shape: tuple[int, int]
    draw: np.ndarray
    patient: np.ndarray
    parameters: PatientValues
    state: dict[str, np.ndarray]
    baseline: np.ndarray
    scale: str
    starts_well: bool = False

    def take(self, index: np.ndarray, shape: tuple[int, int], state: dict[str, np.ndarray]) -> Cohort:
        """The patients at ``index`` with another state."""
        return replace(
            self,
            shape=shape,
            draw=self.draw[index],
            patient=self.patient[index],
            parameters=self.parameters.take(index),
            state={k: v[index] for k, v in state.items()},
            baseline=self.baseline[index],
        )


RatingNoise = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Standard normal error of the rating at entry for (draw, patient) numbers."""


@dataclass(frozen=True)
class Numbers:
    """Which patients: ``draw`` the numbers of the parameter draws, ``first`` the first patient number tried."""

    draw: np.ndarray
    first: int = 0


def recruit(
    population: Population,
    draws: dict[str, np.ndarray],
    n: int,
    luck: tuple[int, RatingNoise],
    numbers: Numbers,
    threads: int = 1,
) -> Cohort:
    """``n`` patients who meet the entry rule, for each parameter draw in ``numbers``.

    ``draws`` holds every draw of the run; ``luck`` is the seed and the error of the rating at entry. Candidates are
    first only rated; what else belongs to a patient is worked out for those who enter. ``threads`` changes speed only.

    Raises
    ------
    InputError
        Fewer than one candidate in 64 meets the entry rule in some draw.
    """
    draws = draws | {"mood.sigma": _sigma(draws)}
    draws |= _of_the_scale(population, draws)
    group = _Group(population, draws, severity(population, draws), luck)
    step = max(1, _CANDIDATES_AT_ONCE // (2 * n + 16))
    blocks = [numbers.draw[k : k + step] for k in range(0, len(numbers.draw), step)]

    def some(block: np.ndarray) -> Cohort:
        return _cohort(group, (len(block), n), np.repeat(block, n), _entrants(group, block, numbers.first, n))

    if threads == 1 or len(blocks) == 1:
        return _joined([some(block) for block in blocks])
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return _joined(list(pool.map(some, blocks)))


def _joined(parts: list[Cohort]) -> Cohort:
    """Cohorts of further draws of the same run, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        shape=(sum(p.shape[0] for p in parts), parts[0].shape[1]),
        draw=np.concatenate([p.draw for p in parts]),
        patient=np.concatenate([p.patient for p in parts]),
        parameters=PatientValues.joined([p.parameters for p in parts]),
        state={k: np.concatenate([p.state[k] for p in parts]) for k in parts[0].state},
        baseline=np.concatenate([p.baseline for p in parts]),
    )


@dataclass(frozen=True)
class _Group:
    """What all candidates share; ``span``: mean and SD of the score at x = +1 for each draw."""

    population: Population
    draws: dict[str, np.ndarray]
    span: tuple[np.ndarray, np.ndarray]
    luck: tuple[int, RatingNoise]

    def luck_of(self, trait: str, draw: np.ndarray, patient: np.ndarray) -> np.ndarray:
        """Standard normal number of a trait."""
        return np.asarray(normal(stream_key(self.luck[0], draw, _TRAIT_STREAM + TRAITS[trait]), patient, 0))

    def has(self, trait: str, share: float, draw: np.ndarray, patient: np.ndarray) -> np.ndarray:
        """Who is of a kind that this share of the patients is of."""
        number = uniform(stream_key(self.luck[0], draw, _TRAIT_STREAM + TRAITS[trait]), patient, 0)
        return np.asarray(number < share)


def _entrants(group: _Group, draw_numbers: np.ndarray, first: int, n: int) -> np.ndarray:
    """Numbers of the first ``n`` candidates of each draw who meet the entry rule, draw by draw."""
    population = group.population
    count, size = len(draw_numbers), 2 * n + 16
    while True:
        draw = np.repeat(draw_numbers, size)
        patient = np.tile(np.arange(first, first + size), count)
        *_, baseline = _at_entry(group, draw, patient)
        accept = np.ones(count * size, dtype=bool)
        if population.entry_at_least is not None:
            accept &= baseline >= population.entry_at_least
        if population.entry_at_most is not None:
            accept &= baseline <= population.entry_at_most
        chosen = first_accepted(accept.reshape(count, size), n)
        if chosen is not None:
            return np.asarray(patient[chosen])
        size *= 2
        if size > _MOST_CANDIDATES * n + 1024:
            raise InputError(
                f"{population.name}: the entry rule ({population.entry_text}) admits too few candidates",
                hint="give a baseline mean that fits the entry rule",
            )


def first_accepted(accept: np.ndarray, n: int) -> np.ndarray | None:
    """Flat indices of the first ``n`` accepted of each row of ``accept``; None when a row has fewer."""
    order = np.cumsum(accept, axis=1)
    if (order[:, -1] < n).any():
        return None
    return np.flatnonzero((accept & (order <= n)).ravel())


def severity(population: Population, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD, for each draw, of the score at x = +1 that give the stated baseline after the entry rule."""
    mean, sd = _before_entry(population)
    well = well_score(population.scale)
    if population.starts_well:  # the stated mean and SD are those of an episode, not of the baseline
        count = len(draws["mood.time_constant"])
        return np.full(count, mean), np.full(count, sd)
    x_mean, x_var = _ill_mood(population, draws)
    half = (x_mean + 1.0) / 2.0
    span = (mean - well) / half
    error = draws["rating.sd"] * points_per_hamd17(population.scale)
    rest = sd**2 - error**2 - (span / 2.0) ** 2 * x_var
    spread = np.sqrt(np.maximum(rest, (0.05 * span) ** 2)) / np.sqrt(half**2 + x_var / 4.0)
    return well + span, spread


def _before_entry(population: Population) -> tuple[float, float]:
    """Mean and SD of a normal distribution that has the stated mean and SD once cut at the entry rule."""
    mean, sd, cut = population.baseline_mean, population.baseline_sd, population.entry_at_least
    if cut is None or population.starts_well:
        return mean, sd
    if mean <= cut:
        raise InputError(
            f"{population.name}: the baseline mean {mean:g} lies below the entry rule "
            f"(at least {cut:g} on {population.scale})"
        )

    def misfit(v: np.ndarray) -> np.ndarray:
        mu, s = v[0], np.exp(v[1])
        a = (cut - mu) / s
        hazard = np.exp(-0.5 * a**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-a))
        return np.array([mu + s * hazard - mean, s * np.sqrt(max(1 + a * hazard - hazard**2, 1e-9)) - sd]) / sd

    # a truncated normal cannot be wider than an exponential beyond its cut: the bounds keep the nearest possible one
    bounds = ([cut - 4 * sd, np.log(sd / 4)], [mean + sd, np.log(4 * sd)])
    fit = least_squares(misfit, [mean, np.log(sd)], bounds=bounds)
    return float(fit.x[0]), float(np.exp(fit.x[1]))


def _sigma(draws: dict[str, np.ndarray]) -> np.ndarray:
    return mood.sigma_for_escape_time(draws["mood.escape_time"], draws["mood.time_constant"])


def _of_the_scale(population: Population, draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Constants of the rating, which all patients of a draw share."""
    count = len(draws["mood.time_constant"])
    scale = find_scale(population.scale)
    unit = points_per_hamd17(population.scale)
    grouped = scale.symptoms is not None
    points = scale_points(population.scale, draws) if grouped else scale_points("HAM-D17", draws) * unit
    return {
        "rating.well": np.full(count, well_score(population.scale)),
        "rating.error": draws["rating.sd"] * unit,
        "rating.top": np.full(count, float(scale.high)),
        "rating.withdrawal": points,
    }


def scale_points(scale_name: str, draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """Points of a scale per unit of withdrawal, from its items and the loadings of withdrawal."""
    largest = find_scale(scale_name).symptoms or {}
    zero = np.zeros_like(draws["withdrawal.sleep"])
    return sum((largest.get(k, 0.0) * draws[f"withdrawal.{k}"] for k in ("anxiety", "sleep", "somatic")), zero)


def _ill_mood(population: Population, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over patients, for each draw, of mood in the ill state."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    mean, sd = _chronicity_at_entry(population, draws)
    ill, _ = mood.wells(mean[:, None] + sd[:, None] * nodes)
    ill = np.where(ill > 0, ill, np.nan)  # those without an ill state never enter
    w = np.where(np.isnan(ill), 0.0, weights)
    x_mean = np.nansum(w * ill, axis=1) / w.sum(axis=1)
    tau, sigma = draws["mood.time_constant"], draws["mood.sigma"]
    x_var = np.nansum(w * (ill - x_mean[:, None]) ** 2, axis=1) / w.sum(axis=1)
    x_var = x_var + mood.within_well_sd(x_mean, sigma, tau) ** 2
    linear = draws[LINEAR_MOOD] > 0
    x_var = np.where(linear, mood.linear_sd(sigma, tau) ** 2, x_var)
    return np.where(linear, 1.0, x_mean), x_var


def _chronicity_at_entry(population: Population, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of chronicity over the patients of each draw, covariates included."""
    who = population.covariates
    mean = draws[f"chronicity.mean.{population.chronicity}"] + draws["study.resistance_sd"] * draws["study.resistance"]
    variance = draws["chronicity.sd"] ** 2
    if who.resistant is not None:
        step = draws["chronicity.mean.resistant"] - draws["chronicity.mean.depressed"]
        mean = mean - draws[f"chronicity.mean.{population.chronicity}"] + draws["chronicity.mean.depressed"]
        mean, variance = mean + who.resistant * step, variance + who.resistant * (1 - who.resistant) * step**2
    for name, share in (("psychotic", who.psychotic), ("bipolar", who.bipolar)):
        effect = draws[f"chronicity.{name}"]
        mean, variance = mean + (share or 0.0) * effect, variance + (share or 0.0) * (1 - (share or 0.0)) * effect**2
    if who.age_mean is not None:
        mean = mean + draws["chronicity.age"] * (who.age_mean - _USUAL_AGE) / 10.0
        variance = variance + (draws["chronicity.age"] * (who.age_sd or 0.0) / 10.0) ** 2
    if who.episode_months is not None:
        mean = mean + draws["chronicity.episode"] * np.log2(who.episode_months / _USUAL_EPISODE_MONTHS)
        variance = variance + (draws["chronicity.episode"] * who.episode_log_sd / np.log(2.0)) ** 2
    return mean, np.sqrt(variance)


def _chronicity(group: _Group, draw: np.ndarray, patient: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Chronicity of each patient, and the covariates it came from."""
    population, who, d = group.population, group.population.covariates, group.draws
    own: dict[str, np.ndarray] = {}
    mean = d[f"chronicity.mean.{population.chronicity}"][draw]
    if who.resistant is not None:
        own["covariate.resistant"] = group.has("resistant", who.resistant, draw, patient).astype(float)
        kinds = (d["chronicity.mean.resistant"][draw], d["chronicity.mean.depressed"][draw])
        mean = np.where(own["covariate.resistant"] > 0, *kinds)
    value = mean + d["chronicity.sd"][draw] * group.luck_of("chronicity", draw, patient)
    value = value + (d["study.resistance_sd"] * d["study.resistance"])[draw]
    for name, share in (("psychotic", who.psychotic), ("bipolar", who.bipolar)):
        if share is not None:
            own[f"covariate.{name}"] = group.has(name, share, draw, patient).astype(float)
            value = value + d[f"chronicity.{name}"][draw] * own[f"covariate.{name}"]
    if who.age_mean is not None:
        age = who.age_mean + (who.age_sd or 0.0) * group.luck_of("age", draw, patient)
        own["covariate.age"] = np.clip(age, _YOUNGEST, _OLDEST)
        value = value + d["chronicity.age"][draw] * (own["covariate.age"] - _USUAL_AGE) / 10.0
    if who.episode_months is not None:
        doublings = np.log2(who.episode_months / _USUAL_EPISODE_MONTHS)
        doublings = doublings + who.episode_log_sd / np.log(2.0) * group.luck_of("episode", draw, patient)
        own["covariate.episode_months"] = _USUAL_EPISODE_MONTHS * 2.0**doublings
        value = value + d["chronicity.episode"][draw] * doublings
    return value, own


def _at_entry(
    group: _Group, draw: np.ndarray, patient: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Traits that decide about entry, mood, and the rating at entry."""
    population, d = group.population, group.draws
    chronicity, own = _chronicity(group, draw, patient)
    well = well_score(population.scale)
    severe = group.luck_of("severity", draw, patient)
    worst = np.maximum(group.span[0][draw] + group.span[1][draw] * severe, well + 1.0)
    own |= {"trait.chronicity": chronicity, "rating.half_span": (worst - well) / 2.0}
    ill, fine = mood.wells(chronicity)
    at = fine if population.starts_well else ill
    spread = mood.within_well_sd(at, d["mood.sigma"][draw], d["mood.time_constant"][draw])
    linear = d[LINEAR_MOOD][draw] > 0
    if linear.any():
        # who enters ill rests at +1: the baseline takes up the chronicity; who enters well may drift away from -1
        rise = chronicity / d["mood.linear_pull"][draw]
        own["mood.home"] = np.full(len(draw), -1.0) if population.starts_well else 1.0 - rise
        at = np.where(linear, own["mood.home"] + rise, at)
        spread = np.where(linear, mood.linear_sd(d["mood.sigma"][draw], d["mood.time_constant"][draw]), spread)
    start = at + spread * group.luck_of("mood", draw, patient)
    latent = d["rating.well"][draw] + own["rating.half_span"] * (start + 1.0)
    error = d["rating.error"][draw] * group.luck[1](draw, patient)
    baseline = np.clip(latent + error, 0.0, d["rating.top"][draw])
    return own, {"mood": start}, baseline


def _cohort(group: _Group, shape: tuple[int, int], draw: np.ndarray, patient: np.ndarray) -> Cohort:
    """The patients themselves, with all their traits."""
    population, d = group.population, group.draws
    own, state, baseline = _at_entry(group, draw, patient)
    share = _placebo_share(group, own, draw)
    study = d["study.placebo_sd"] * d["study.placebo"]
    expecting = group.luck_of("placebo", draw, patient)
    own["trait.placebo"] = share * ((d["placebo.drive"] + study)[draw] + d["placebo.sd"][draw] * expecting)
    own["trait.expectation"] = np.exp(d["sensitivity.expectation_log_sd"][draw] * expecting)
    for trait in ("drug", "stimulation"):
        spread = d[f"sensitivity.{trait}_log_sd"][draw]
        own[f"trait.{trait}"] = np.exp(spread * group.luck_of(trait, draw, patient))
    by_draw = d | {"trait.ect": np.ones(len(d["mood.time_constant"]))}
    log_yield = [
        d[f"ect_response.{name}"][draw] * (own[f"covariate.{name}"] - middle) / unit
        for name, middle, unit in (("age", _USUAL_AGE, 10.0), ("psychotic", 0.0, 1.0))
        if f"covariate.{name}" in own
    ]
    if log_yield:
        own["trait.ect"] = np.exp(sum(log_yield[1:], log_yield[0]))
    values = PatientValues(draw, by_draw, own)
    return Cohort(shape, draw, patient, values, state, baseline, population.scale, population.starts_well)


def _placebo_share(group: _Group, own: Mapping[str, np.ndarray], draw: np.ndarray) -> np.ndarray | float:
    """Share of the placebo drive that is left in each patient."""
    reduced = group.draws["placebo.resistant_share"][draw]
    if group.population.placebo == "none":
        return 0.0
    if "covariate.resistant" in own:
        return np.where(own["covariate.resistant"] > 0, reduced, 1.0)
    return reduced if group.population.placebo == "resistant" else 1.0
