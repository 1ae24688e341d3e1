"""Forecast of a rated signal: from the filter's particles, and from the person's own past alone, weighed together.

The past alone is a local level: the level wanders as a random walk whose speed is averaged over a grid that reaches
from a mean that never moves to the last value itself; level and error are learned exactly (normal and inverse gamma).
The two are mixed by how well each has forecast this person so far, older forecasts counting less. So a forecast is
never worse for long than the better of the two. The spread of the mixture is corrected by how the person's ratings lay
in the forecasts so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import gammaln, logsumexp, ndtri

from cotreat.monitor.cloud import design, error_factor
from cotreat.monitor.follow import Filter
from cotreat.monitor.record import Signal
from cotreat.monitor.signals import LEVEL, Expected

WEEK = 7
SPEEDS = (0.0, 0.002, 0.006, 0.02, 0.06, 0.2, 1.0, 4.0)
"""Variance of the daily move of the level against that of a rating."""
FORGET = 0.92
_SAMPLES = 2000
_SPREAD_COUNT, _SPREAD_SCALE, _SPREAD_MOMENTARY, _KEEP = 8.0, 0.87, 1.0, 0.98
"""Forecasts that the first correction of the spread counts for, its size, and how past errors are kept. A scale's error
is expected with a wide margin, so its first forecasts are too wide; found on invented patients."""
_PRIOR_LOG_WEIGHT = (0.0, 0.0)
_LEVELS = (("pi50", 0.25, 0.75), ("pi80", 0.10, 0.90), ("pi95", 0.025, 0.975))


@dataclass
class LocalLevel:
    """The person's own past of one signal: a level that wanders, with its speed not known."""

    prior: Expected
    mean: np.ndarray = field(init=False)
    ratio: np.ndarray = field(init=False)
    error: np.ndarray = field(init=False)
    freedom: float = field(init=False)
    log_weight: np.ndarray = field(init=False)
    last: int = field(init=False, default=-1)

    def __post_init__(self) -> None:
        k = len(SPEEDS)
        self.mean = np.full(k, self.prior.mean[LEVEL])
        self.error = np.full(k, (1.3 * self.prior.error) ** 2)
        # wide: the level is known after the first rating
        self.ratio = np.full(k, 4.0 * (self.prior.sd[LEVEL] / self.prior.error) ** 2)
        self.freedom = 4.0
        self.log_weight = np.zeros(k)

    def predict(self, day: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Weights, centres and scales of Student's t for each speed, and their freedom."""
        gap = max(day - self.last, 0) if self.last >= 0 else 0
        scale = self.error * (1.0 + self.ratio + np.array(SPEEDS) * gap)
        w = np.exp(self.log_weight - logsumexp(self.log_weight))
        return w, self.mean, np.sqrt(scale), self.freedom

    def learn(self, day: int, value: float) -> None:
        """Takes a rating."""
        _, centre, scale, freedom = self.predict(day)
        z = (value - centre) / scale
        self.log_weight = 0.98 * self.log_weight + _log_t(z, freedom) - np.log(scale)
        gap = max(day - self.last, 0) if self.last >= 0 else 0
        wide = self.ratio + np.array(SPEEDS) * gap
        gain = wide / (1.0 + wide)
        self.mean = centre + gain * (value - centre)
        self.ratio = gain
        self.error = self.error * (freedom + z**2) / (freedom + 1.0)
        self.freedom = min(freedom + 1.0, 40.0)
        self.last = day

    def sample(self, day: int, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draws of a rating on a day."""
        w, centre, scale, freedom = self.predict(day)
        k = rng.choice(len(w), n, p=w)
        return np.asarray(centre[k] + scale[k] * rng.standard_t(freedom, n))

    def log_density(self, day: int, value: float) -> float:
        """Log density of a rating on a day."""
        w, centre, scale, freedom = self.predict(day)
        return float(
            logsumexp(np.log(np.maximum(w, 1e-300)) + _log_t((value - centre) / scale, freedom) - np.log(scale))
        )


def _log_t(z: np.ndarray, freedom: Any) -> np.ndarray:
    half = 0.5 * (freedom + 1.0)
    constant = gammaln(half) - gammaln(0.5 * freedom) - 0.5 * np.log(np.pi * freedom)
    return np.asarray(constant - half * np.log1p(z**2 / freedom))


@dataclass(frozen=True)
class Particles:
    """Student's t of each particle for one signal on one day: weight, centre, scale, freedom; all (n,)."""

    weight: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    freedom: np.ndarray

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Draws of a rating."""
        k = rng.choice(len(self.weight), n, p=self.weight)
        return np.asarray(self.centre[k] + self.scale[k] * rng.standard_t(self.freedom[k]))

    def log_density(self, value: float) -> float:
        """Log density of a rating."""
        z = (value - self.centre) / self.scale
        found = np.log(np.maximum(self.weight, 1e-300)) + _log_t(z, self.freedom) - np.log(self.scale)
        return float(logsumexp(found))


def ahead(run: Filter, day: int, days: tuple[int, ...], what: int) -> dict[int, list[Particles]]:
    """What the particles expect of every signal ``days`` after a day, the doses going on as they are.

    ``what`` keeps the luck of different uses apart.
    """
    cloud, found = run.cloud, {}
    record = run.record
    # a cut that comes is not known yet: the doses are held
    inputs, since = run.hold(day), run.since_cut(day)
    for step in range(1, max(days) + 1):
        rng = np.random.default_rng([run.settings.seed, 100 + what, day, step])
        cloud = run.ahead(cloud, inputs, None if since is None else since + step, rng)
        if step not in days:
            continue
        found[step] = [_of(run, cloud, j, s, day + step) for j, s in enumerate(record.signals)]
    return found


def _of(run: Filter, cloud: Any, j: int, signal: Signal, day: int) -> Particles:
    learned = cloud.learned
    today = design(cloud.path, signal.recall_days)
    f, carried, fresh = learned.since_last(j, day, today, cloud.person["error.memory"])
    gap = day - learned.seen[j] if learned.seen[j] >= 0 else 0
    cov = learned.cov[j].copy()
    cov[LEVEL, LEVEL] += gap * cloud.person["level.drift"] ** 2 * learned.error[j]
    count = run.usual_count(j)
    noise = learned.error[j] * fresh * error_factor(count) + signal.step**2 / 12.0 / count
    q = np.einsum("kn,kln,ln->n", f, cov, f) + noise
    centre = carried + np.einsum("kn,kn->n", f, learned.mean[j])
    return Particles(cloud.weight, centre, np.sqrt(q), learned.freedom[j])


def crps(sample: np.ndarray, value: float) -> float:
    """Continuous ranked probability score of a sample (Gneiting and Raftery 2007), in the unit of the value."""
    x = np.sort(sample)
    n = len(x)
    spread = 2.0 * np.sum((np.arange(1, n + 1) - 0.5 * (n + 1)) * x) / n**2
    return float(np.mean(np.abs(x - value)) - spread)


def crps_normal(mean: float, sd: float, value: float) -> float:
    """The same score of a normal forecast, in closed form."""
    from scipy.stats import norm

    z = (value - mean) / sd
    return float(sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)))


@dataclass
class Mixed:
    """One signal's forecaster: the two ways, and how well each has done."""

    signal: Signal
    local: LocalLevel
    log_score: np.ndarray = field(default_factory=lambda: np.array(_PRIOR_LOG_WEIGHT))
    squares: float = field(init=False)
    count: float = field(init=False, default=_SPREAD_COUNT)

    def __post_init__(self) -> None:
        first = _SPREAD_MOMENTARY if self.signal.momentary else _SPREAD_SCALE
        self.squares = _SPREAD_COUNT * first**2

    @property
    def share_of_particles(self) -> float:
        """Weight of the particles in the mixture."""
        return float(np.exp(self.log_score[0] - logsumexp(self.log_score)))

    def sample(self, particles: Particles, day: int, rng: np.random.Generator, n: int = _SAMPLES) -> np.ndarray:
        """Draws of a rating on a day, as the two ways have it."""
        one = particles.sample(rng, n)
        other = self.local.sample(day, rng, n)
        return np.asarray(np.where(rng.random(n) < self.share_of_particles, one, other))

    def corrected(self, sample: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draws with the spread this person's forecasts turned out to need, inside the range of the signal.

        That spread is known from few forecasts, so every draw has one of its own (scaled inverse chi-square).
        """
        middle = np.median(sample)
        spread = np.sqrt(self.squares / rng.chisquare(self.count, len(sample)))
        return np.asarray(np.clip(middle + spread * (sample - middle), self.signal.low, self.signal.high))

    def learn_spread(self, pit: float) -> None:
        """Takes where the rating lay in the forecast (0 to 1): forecasts that were too wide are narrowed, and back."""
        z = float(ndtri(np.clip(pit, 0.002, 0.998)))
        self.squares, self.count = _KEEP * self.squares + z**2, _KEEP * self.count + 1.0

    def score(self, particles: float, local: float) -> None:
        """Takes the log densities that the two gave to what came."""
        self.log_score = FORGET * self.log_score + np.array([particles, local])


class OneWeekAhead:
    """Forecasts one week ahead, as they would have been made, and how they did; ``only``: of these signals."""

    def __init__(self, run: Filter, only: frozenset[str] | None = None) -> None:
        self.run = run
        self._asked = {j for j, s in enumerate(run.record.signals) if only is None or s.name in only}
        self.mixed = [Mixed(s, LocalLevel(p)) for s, p in zip(run.record.signals, run.priors, strict=True)]
        self.rows: list[dict[str, Any]] = []
        self._made: dict[int, list[Any]] = {}
        self._values: list[list[tuple[int, float]]] = [[] for _ in run.record.signals]

    def __call__(self, day: int) -> None:
        """Takes the ratings of a day, then makes the forecast for the day a week later."""
        made = self._made.pop(day, None)
        for j, signal, rating in self.run.seen[day]:
            if made is not None and j in self._asked and self._values[j]:
                self._judge(j, signal, day, rating.value, made[j])
            self.mixed[j].local.learn(day, rating.value)
            self._values[j].append((day, rating.value))
        target = day + WEEK
        if target < self.run.record.days and any(j in self._asked for j, *_ in self.run.seen[target]):
            found = ahead(self.run, day, (WEEK,), 0)[WEEK]
            rng = np.random.default_rng([self.run.settings.seed, 200, day])
            self._made[target] = [
                (
                    p,
                    (raw, m.corrected(raw, rng)),
                    _baselines(self._values[j], m.local.prior),
                    m.local.log_density(target, v),
                )
                for j, (p, m) in enumerate(zip(found, self.mixed, strict=True))
                for v, raw in [(self._coming(j, target), m.sample(p, target, rng))]
            ]

    def _coming(self, j: int, target: int) -> float:
        """The rating that will be judged; it enters nothing but the score."""
        return next((r.value for k, _, r in self.run.seen[target] if k == j), 0.0)

    def _judge(self, j: int, signal: Signal, day: int, value: float, made: Any) -> None:
        particles, (raw, sample), (last, mean, last_sd, mean_sd), local = made
        self.mixed[j].score(particles.log_density(value), local)
        self.mixed[j].learn_spread(float((raw < value).mean() + 0.5 * (raw == value).mean()))
        low, high = np.quantile(sample, (0.025, 0.975))
        row = {"signal": signal.name, "made_on": day - WEEK, "day": day, "observed": value,
               "median": float(np.median(sample)), "mean": float(sample.mean()), "crps": crps(sample, value),
               "crps_last_value": crps_normal(last, last_sd, value),
               "crps_running_mean": crps_normal(mean, mean_sd, value),
               "error_last_value": abs(last - value), "error_running_mean": abs(mean - value),
               "pit": float((sample < value).mean() + 0.5 * (sample == value).mean())}  # fmt: skip
        for name, a, b in _LEVELS:
            row[name] = [float(v) for v in np.quantile(sample, (a, b))]
        row["inside95"] = bool(low <= value <= high)
        self.rows.append(row)

    def summary(self) -> dict[str, Any]:
        """Every forecast, and means for each signal from the fourth forecast on."""
        record = self.run.record
        found = []
        for j, signal in enumerate(record.signals):
            rows = [r for r in self.rows if r["signal"] == signal.name][3:]
            if not rows:
                continue
            means = {k: float(np.mean([r[k] for r in rows])) for k in _MEANS}
            inside = {n: float(np.mean([r[n][0] <= r["observed"] <= r[n][1] for r in rows])) for n, *_ in _LEVELS}
            found.append(
                {"signal": signal.name, "n": len(rows), "share_of_particles": self.mixed[j].share_of_particles}
                | means
                | {f"inside{n[2:]}": v for n, v in inside.items()}
            )
        dated = [r | {"date": record.date(r["day"]).isoformat()} for r in self.rows]
        return {"signals": found, "forecasts": dated}


_MEANS = ("crps", "crps_last_value", "crps_running_mean", "error_last_value", "error_running_mean")


def _baselines(values: list[tuple[int, float]], prior: Expected) -> tuple[float, float, float, float]:
    """Last value and running mean, each with the SD its own past errors show (the prior's until there are four)."""
    if not values:
        return float(prior.mean[LEVEL]), float(prior.mean[LEVEL]), float(prior.sd[LEVEL]), float(prior.sd[LEVEL])
    y = np.array([v for _, v in values])
    days = np.array([d for d, _ in values])
    earlier = np.searchsorted(days, days - WEEK, side="right") - 1
    moves = (y - y[np.maximum(earlier, 0)])[earlier >= 0]
    usual = 2.0 * prior.error
    last_sd = float(np.sqrt(np.mean(moves**2))) if len(moves) >= 4 else usual
    mean_sd = float(y.std(ddof=1)) if len(y) >= 4 else usual
    floor = 0.1 * prior.error
    return float(y[-1]), float(y.mean()), max(last_sd, floor), max(mean_sd, floor)


def fan(run: Filter, one_week: OneWeekAhead, weeks: int = 4) -> list[dict[str, Any]]:
    """The forecast of every signal from the last day of the record, the doses going on as they are."""
    day = run.record.days - 1
    days = tuple(sorted({1, 3, *range(WEEK, 7 * weeks + 1, WEEK)}))
    found = ahead(run, day, days, 1)
    rows = []
    for step in days:
        rng = np.random.default_rng([run.settings.seed, 300, step])
        for j, signal in enumerate(run.record.signals):
            if not one_week._values[j]:
                continue
            mixed = one_week.mixed[j]
            sample = mixed.corrected(mixed.sample(found[step][j], day + step, rng), rng)
            row: dict[str, Any] = {
                "signal": signal.name,
                "days_ahead": step,
                "date": run.record.date(day + step).isoformat(),
                "median": round(float(np.median(sample)), 3),
            }
            for name, a, b in _LEVELS:
                row[name] = [round(float(v), 3) for v in np.quantile(sample, (a, b))]
            rows.append(row)
    return rows
