"""A cohort: virtual patients with their parameters, traits and state at entry.

Patient *k* of draw *d* is a pure function of (seed, d, k): asking for more patients or draws, or for other regimens,
changes nobody. Candidates who fail the entry rule are passed over, and the next number is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import log_ndtr

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.mechanisms import mood
from cotreat.model.threefry import normal, stream_key
from cotreat.population.populations import Population, points_per_hamd17, well_score

TRAITS = {"drug": 1, "stimulation": 2, "chronicity": 3, "placebo": 4, "severity": 5, "mood": 6}
_TRAIT_STREAM = 0x54520000
_MOST_CANDIDATES = 64


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
    parameters: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    baseline: np.ndarray
    scale: str
    starts_well: bool = False

    def take(self, index: np.ndarray, shape: tuple[int, int], state: dict[str, np.ndarray]) -> Cohort:
        """The patients at ``index`` with another state."""
        return Cohort(
            shape=shape,
            draw=self.draw[index],
            patient=self.patient[index],
            parameters={k: v[index] for k, v in self.parameters.items()},
            state={k: v[index] for k, v in state.items()},
            baseline=self.baseline[index],
            scale=self.scale,
            starts_well=self.starts_well,
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
) -> Cohort:
    """``n`` patients who meet the entry rule, for each parameter draw in ``numbers``.

    ``draws`` holds every draw of the run; ``luck`` is the seed and the error of the rating at entry.

    Raises
    ------
    InputError
        Fewer than one candidate in 64 meets the entry rule in some draw.
    """
    count = len(numbers.draw)
    span = severity(population, draws)
    size = 2 * n + 16
    while True:
        candidates = _candidates(population, draws, span, luck, (numbers, size))
        accept = np.ones(count * size, dtype=bool)
        if population.entry_at_least is not None:
            accept &= candidates.baseline >= population.entry_at_least
        if population.entry_at_most is not None:
            accept &= candidates.baseline <= population.entry_at_most
        chosen = first_accepted(accept.reshape(count, size), n)
        if chosen is not None:
            break
        size *= 2
        if size > _MOST_CANDIDATES * n + 1024:
            raise InputError(
                f"{population.name}: the entry rule ({population.entry_text}) admits too few candidates",
                hint="give a baseline mean that fits the entry rule",
            )
    return candidates.take(chosen, (count, n), candidates.state)


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
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    chronicity = draws[f"chronicity.mean.{population.chronicity}"][:, None] + draws["chronicity.sd"][:, None] * nodes
    ill, _ = mood.wells(chronicity)
    ill = np.where(ill > 0, ill, np.nan)  # those without an ill state never enter
    w = np.where(np.isnan(ill), 0.0, weights)
    x_mean = np.nansum(w * ill, axis=1) / w.sum(axis=1)
    tau, sigma = draws["mood.time_constant"], _sigma(draws)
    x_var = np.nansum(w * (ill - x_mean[:, None]) ** 2, axis=1) / w.sum(axis=1)
    x_var = x_var + mood.within_well_sd(x_mean, sigma, tau) ** 2
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


def _candidates(
    population: Population,
    draws: dict[str, np.ndarray],
    span: tuple[np.ndarray, np.ndarray],
    luck: tuple[int, RatingNoise],
    who: tuple[Numbers, int],
) -> Cohort:
    seed, rating_noise = luck
    numbers, size = who
    count = len(numbers.draw)
    draw, patient = np.repeat(numbers.draw, size), np.tile(np.arange(numbers.first, numbers.first + size), count)
    p = {k: v[draw] for k, v in (draws | {"mood.sigma": _sigma(draws)}).items()}
    z = {k: normal(stream_key(seed, draw, _TRAIT_STREAM + code), patient, 0) for k, code in TRAITS.items()}
    share = p["placebo.resistant_share"] if population.resistant_placebo else 1.0
    p["trait.drug"] = np.exp(p["sensitivity.drug_log_sd"] * z["drug"])
    p["trait.stimulation"] = np.exp(p["sensitivity.stimulation_log_sd"] * z["stimulation"])
    p["trait.chronicity"] = p[f"chronicity.mean.{population.chronicity}"] + p["chronicity.sd"] * z["chronicity"]
    p["trait.placebo"] = share * (p["placebo.drive"] + p["placebo.sd"] * z["placebo"])
    well = well_score(population.scale)
    worst = np.maximum(span[0][draw] + span[1][draw] * z["severity"], well + 1.0)
    p["rating.well"] = np.full(len(draw), well)
    p["rating.half_span"] = (worst - well) / 2.0
    p["rating.error"] = p["rating.sd"] * points_per_hamd17(population.scale)
    p["rating.unit"] = np.full(len(draw), points_per_hamd17(population.scale))
    p["rating.top"] = np.full(len(draw), float(find_scale(population.scale).high))
    ill, fine = mood.wells(p["trait.chronicity"])
    at = fine if population.starts_well else ill
    start = at + mood.within_well_sd(at, p["mood.sigma"], p["mood.time_constant"]) * z["mood"]
    baseline = _observe(start, p, rating_noise(draw, patient))
    return Cohort((count, size), draw, patient, p, {"mood": start}, baseline, population.scale, population.starts_well)


def _observe(x: np.ndarray, p: dict[str, np.ndarray], noise: np.ndarray) -> np.ndarray:
    latent = p["rating.well"] + p["rating.half_span"] * (x + 1.0)
    return np.asarray(np.clip(latent + p["rating.error"] * noise, 0.0, p["rating.top"]))
