"""Patient-level files of two public data sets, for those who have them: how visits correlate, and what rating adds.

Neither file is part of the project; their published summaries are (``goldstein2004``, ``reisby1977``). The files are:

- ``goldstein2004``: the extract made public to teach the handling of missing data (the data set ``antidepressant_data``
  of the R package rbmi): one row a visit, columns ``PATIENT, VISIT`` (4 to 7 for weeks 1, 2, 4 and 6),
  ``THERAPY`` (DRUG or PLACEBO), ``BASVAL, HAMDTL17``.
- ``reisby1977``: imipramine after a placebo week: one row a visit, columns ``id, hamd, week`` (0 to 5) and ``endog``.

Columns may stand in any order, others are ignored; cells are separated by commas, semicolons, tabs or blanks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import correlation, fmean, stdev
from typing import Any, Literal

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean

Source = Literal["goldstein2004", "reisby1977"]
SOURCES: tuple[Source, ...] = ("goldstein2004", "reisby1977")
MISSING = frozenset({"", "na", "nan", ".", "null"})
MOST_ROWS = 100_000
FEWEST = 3  # pairs of ratings below which nothing is computed from them


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out: its columns, the day of each visit word, its scale and its arms.

    ``baseline``: a column with the baseline score, or None when the first visit is the baseline. ``first_day``: the
    day of the first visit, ``treated_from`` the day treatment begins (a placebo week before it is all placebo).
    """

    source: Source
    patient: str
    visit: str
    score: str
    arm: str | None
    baseline: str | None
    days: Mapping[str, float]
    arms: Mapping[str, str]
    treated_from: float


LAYOUTS: Mapping[Source, Layout] = {
    "goldstein2004": Layout(
        source="goldstein2004",
        patient="patient",
        visit="visit",
        score="hamdtl17",
        arm="therapy",
        baseline="basval",
        days={"4": 7, "5": 14, "6": 28, "7": 42},
        arms={"drug": "drug", "placebo": "placebo"},
        treated_from=0.0,
    ),
    "reisby1977": Layout(
        source="reisby1977",
        patient="id",
        visit="week",
        score="hamd",
        arm=None,
        baseline=None,
        days={str(week): 7.0 * week for week in range(6)},
        arms={"": "imipramine"},
        treated_from=7.0,
    ),
}
RANGE = (0.0, 52.0)  # points a HAM-D of 17 items can have


@dataclass(frozen=True, slots=True)
class Patients:
    """Scores of patients at visits: ``scores[patient][day]``, day 0 the baseline, and each patient's arm."""

    source: Source
    scores: Mapping[str, Mapping[float, float]]
    arms: Mapping[str, str]
    treated_from: float

    @property
    def days(self) -> tuple[float, ...]:
        """Every day with a rating, in order."""
        return tuple(sorted({day for patient in self.scores.values() for day in patient}))

    def of_arm(self, arm: str | None = None) -> list[Mapping[float, float]]:
        """The ratings of the patients of an arm, or of all."""
        return [scores for key, scores in self.scores.items() if arm is None or self.arms[key] == arm]


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """One visit of a group: how many were rated, their mean score and its spread, and the change since baseline."""

    day: float
    n: int
    mean: float
    sd: float | None
    change: float | None
    change_sd: float | None


@dataclass(frozen=True, slots=True)
class RatingError:
    """What ratings of one patient differ by at no distance in time, as a standard deviation in points.

    The intercept of the semivariance of two ratings against the days between them (mean course removed). It holds the
    error of the rater and everything that comes and goes between visits. ``per_week``: growth of the variance a week.
    """

    sd: float
    per_week: float
    pairs: int


def load_patients(path: str | Path, source: str) -> Patients:
    """Read one of the known files.

    Raises
    ------
    InputError
        An unknown source, a file that cannot be read, a column that is missing, a cell that is no number, a score no
        HAM-D can have, or a patient rated twice at one visit.
    """
    if source not in LAYOUTS:
        raise InputError(
            f'"{source}" is no known file; known are {", ".join(SOURCES)}', hint=did_you_mean(source, SOURCES)
        )
    layout = next(known for key, known in LAYOUTS.items() if key == source)
    file = Path(path)
    header, rows = _rows(file)
    wanted = [c for c in (layout.patient, layout.visit, layout.score, layout.arm, layout.baseline) if c]
    absent = [c for c in wanted if c not in header]
    if absent:
        raise InputError(
            f"{file.name}: no column {', '.join(absent)}; {source} has {', '.join(wanted)}",
            hint="the file has " + ", ".join(header[:20]),
        )
    scores: dict[str, dict[float, float]] = {}
    arms: dict[str, str] = {}
    for line, row in rows:
        _take(layout, dict(zip(header, row, strict=True)), f"{file.name}:{line}", scores, arms)
    found = {key: value for key, value in scores.items() if value}
    if len(found) < FEWEST:
        raise InputError(f"{file.name}: {len(found)} patients with a score are too few")
    return Patients(layout.source, found, arms, layout.treated_from)


def _take(
    layout: Layout, row: Mapping[str, str], place: str, scores: dict[str, dict[float, float]], arms: dict[str, str]
) -> None:
    """Put one row of a file where it belongs."""
    patient = row[layout.patient]
    visit = row[layout.visit].removesuffix(".0")
    if visit not in layout.days:
        raise InputError(f"{place}: visit {visit!r}; visits are {', '.join(layout.days)}")
    word = row[layout.arm].casefold() if layout.arm else ""
    if word not in layout.arms:
        raise InputError(f"{place}: arm {word!r}; arms are {', '.join(layout.arms)}")
    arm = layout.arms[word]
    if arms.setdefault(patient, arm) != arm:
        raise InputError(f"{place}: patient {patient} is in two arms")
    mine = scores.setdefault(patient, {})
    if layout.baseline is not None:
        baseline = _score(row[layout.baseline], place, layout.baseline)
        if baseline is not None and mine.setdefault(0.0, baseline) != baseline:
            raise InputError(f"{place}: patient {patient} has two baselines")
    value = _score(row[layout.score], place, layout.score)
    day = layout.days[visit]
    if value is None:
        return
    if day in mine:
        raise InputError(f"{place}: patient {patient} is rated twice at visit {visit}")
    mine[day] = value


def _score(cell: str, place: str, column: str) -> float | None:
    if cell.casefold() in MISSING:
        return None
    try:
        value = float(cell)
    except ValueError:
        raise InputError(f"{place}: {column} is {cell!r}, not a number") from None
    if not RANGE[0] <= value <= RANGE[1]:
        raise InputError(f"{place}: {column} is {value:g}; a HAM-D of 17 items has 0 to 52 points")
    return value


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) < 2:
        raise InputError(f"{path} has no rows under a header")
    if len(lines) > MOST_ROWS:
        raise InputError(f"{path} has more than {MOST_ROWS} rows")
    separator = next((s for s in ",;\t" if s in lines[0][1]), None)
    header = [name.strip().strip('"').casefold() for name in lines[0][1].split(separator)]
    rows = []
    for n, line in lines[1:]:
        cells = [cell.strip().strip('"') for cell in line.split(separator)]
        if len(cells) == len(header) + 1:  # row names, as R writes them
            cells = cells[1:]
        if len(cells) != len(header):
            raise InputError(f"{path.name}:{n}: {len(cells)} cells, but the header has {len(header)}")
        rows.append((n, cells))
    return header, rows


def course(patients: Patients, arm: str | None = None) -> list[CoursePoint]:
    """Mean score and change since baseline at every visit, of those rated."""
    group = patients.of_arm(arm)
    found = []
    for day in patients.days:
        scores = [p[day] for p in group if day in p]
        changes = [p[day] - p[0.0] for p in group if day in p and 0.0 in p] if day else []
        if not scores:
            continue
        found.append(
            CoursePoint(
                day,
                len(scores),
                fmean(scores),
                stdev(scores) if len(scores) > 1 else None,
                fmean(changes) if changes else None,
                stdev(changes) if len(changes) > 1 else None,
            )
        )
    return found


def placebo_course(patients: Patients) -> list[CoursePoint]:
    """The visits under placebo: the placebo arm, or the placebo week everybody had before treatment."""
    if "placebo" in patients.arms.values():
        return course(patients, "placebo")
    return [point for point in course(patients) if point.day <= patients.treated_from]


def visit_correlation(patients: Patients, *, of_change: bool = True) -> dict[tuple[float, float], float]:
    """Pearson correlation between visits within patients, of the change since baseline or of the score itself.

    Over all arms and everybody rated at both visits; pairs of visits with fewer than three such patients, or with no
    spread, are left out.
    """
    days = [day for day in patients.days if day > 0 or not of_change]
    found: dict[tuple[float, float], float] = {}
    for i, one in enumerate(days):
        for other in days[i + 1 :]:
            base = {key: p[0.0] for key, p in patients.scores.items() if 0.0 in p} if of_change else {}
            pairs = [
                (p[one] - base.get(key, 0.0), p[other] - base.get(key, 0.0))
                for key, p in patients.scores.items()
                if one in p and other in p and (not of_change or key in base)
            ]
            if len(pairs) >= FEWEST and all(len(set(side)) > 1 for side in zip(*pairs, strict=True)):
                found[(one, other)] = correlation(*zip(*pairs, strict=True))
    return found


def rating_error(patients: Patients) -> RatingError:
    """The spread two ratings of one patient would have at the same moment; see ``RatingError``.

    Raises InputError when fewer than two different distances between visits are in the data.
    """
    centred = _without_course(patients)
    by_lag: dict[float, list[float]] = {}
    for scores in centred:
        days = sorted(scores)
        for i, one in enumerate(days):
            for other in days[i + 1 :]:
                by_lag.setdefault(other - one, []).append((scores[other] - scores[one]) ** 2 / 2)
    if len(by_lag) < 2:
        raise InputError("ratings at three or more visits are needed to tell rating error from change")
    lags = sorted(by_lag)
    intercept, slope = _weighted_line(
        lags, [fmean(by_lag[lag]) for lag in lags], [float(len(by_lag[lag])) for lag in lags]
    )
    return RatingError(math.sqrt(max(intercept, 0.0)), 7 * slope, sum(len(v) for v in by_lag.values()))


def _without_course(patients: Patients) -> list[dict[float, float]]:
    """Scores under treatment, less the mean of their arm at that visit."""
    found = []
    for arm in sorted(set(patients.arms.values())):
        group = [{d: s for d, s in p.items() if d >= patients.treated_from} for p in patients.of_arm(arm)]
        days = {day for scores in group for day in scores}
        means = {day: fmean(scores[day] for scores in group if day in scores) for day in days}
        found += [{day: score - means[day] for day, score in scores.items()} for scores in group]
    return found


def _weighted_line(x: Sequence[float], y: Sequence[float], weight: Sequence[float]) -> tuple[float, float]:
    total = sum(weight)
    mx = sum(w * v for w, v in zip(weight, x, strict=True)) / total
    my = sum(w * v for w, v in zip(weight, y, strict=True)) / total
    spread = sum(w * (v - mx) ** 2 for w, v in zip(weight, x, strict=True))
    slope = sum(w * (a - mx) * (b - my) for w, a, b in zip(weight, x, y, strict=True)) / spread
    return my - slope * mx, slope


def describe(patients: Patients) -> dict[str, Any]:
    """Everything computed from a file, as a JSON document."""
    error = rating_error(patients)
    arms = sorted(set(patients.arms.values()))
    return {
        "source": patients.source,
        "patients": len(patients.scores),
        "arms": {arm: [asdict(point) for point in course(patients, arm)] for arm in arms},
        "placebo": [asdict(point) for point in placebo_course(patients)],
        "correlation_of_change": [
            {"days": list(days), "r": r} for days, r in visit_correlation(patients, of_change=True).items()
        ],
        "correlation_of_score": [
            {"days": list(days), "r": r} for days, r in visit_correlation(patients, of_change=False).items()
        ],
        "rating_error": asdict(error),
    }


def text_lines(found: Mapping[str, Any]) -> list[str]:
    """The description as text for a terminal."""
    rows = [f"{found['source']}: {found['patients']} patients"]
    for arm, points in found["arms"].items():
        rows.append(f"{arm}")
        for point in points:
            change = "" if point["change"] is None else f", change {point['change']:.2f}"
            spread = "" if point["sd"] is None else f" (SD {point['sd']:.2f})"
            rows.append(f"  day {point['day']:>3g}: n {point['n']:>3}, mean {point['mean']:.2f}{spread}{change}")
    days = ", ".join(f"{point['day']:g}" for point in found["placebo"])
    rows.append(f"Under placebo: days {days}")
    rows.append("Correlation between visits within patients, of the change since baseline")
    rows += [f"  day {p['days'][0]:g} with {p['days'][1]:g}: {p['r']:.2f}" for p in found["correlation_of_change"]]
    error = found["rating_error"]
    rows.append(f"Rating error: SD {error['sd']:.2f} points; the variance grows by {error['per_week']:.2f} a week")
    return rows
