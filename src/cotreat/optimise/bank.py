"""What designs would show: parameter draws with the difference each design measures in them.

A design compares two arms on the HAM-D17 at one week (in a 2 x 2, two such pairs). The *bank* holds, for every
draw, the truth that is asked for (drug before against drug after the course) and what each design would show without
chance. A study is chance around what is true; draws are weighed by how well they explain the studies seen. The same
bank serves planted worlds, where the truth is known, and the worth of a trial not yet run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.draw_set import DrawSet
from cotreat.model.parameter_set import ParameterSet
from cotreat.optimise.evaluate import Setting, ledgers_of
from cotreat.optimise.windows import Question, course_end
from cotreat.population.cohort import Numbers
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.regimen.values import Regimen
from cotreat.simulate.channels import layout_of
from cotreat.simulate.entrants import Entrants
from cotreat.simulate.maintained import Entering
from cotreat.simulate.result import on_scale
from cotreat.simulate.run import follow
from cotreat.simulate.tables import Decisions

BEFORE = -28.0
STUDY_SD = 1.0
"""Spread of the same design between studies, in HAM-D17 points, beyond chance."""
_AT_ONCE = 1 << 15
Truth = tuple[str, str, int]


@dataclass(frozen=True)
class Design:
    """A trial: ``one`` against ``two`` at a ``week``; with ``less`` a 2 x 2: two more arms make a second difference.

    ``about`` says it in words. Differences are oriented so that more is better for the first arm.
    """

    name: str
    about: str
    one: str
    two: str
    week: int
    less: tuple[str, str] | None = None

    @property
    def arms(self) -> tuple[str, ...]:
        """Its arms by name."""
        return (self.one, self.two, *(self.less or ()))

    @property
    def parts(self) -> dict[str, tuple[str, str]]:
        """The differences it measures, by the name they have in a bank."""
        first = {self.name: (self.one, self.two)}
        return first if self.less is None else first | {f"{self.name}, sham": self.less}


@dataclass(frozen=True)
class Bank:
    """Draws: ``truth`` (draws,), its simulation ``error`` variance; by design ``shown``, ``chance``, ``blur``.

    ``chance`` is the variance of the measured difference times the patients of each arm; ``blur`` the variance of
    ``shown`` that comes of simulating finitely many patients. ``row``: which parameters each draw has, where a set of
    joint draws holds fewer of them than are asked for; None: all differ.
    """

    truth: np.ndarray
    error: np.ndarray
    shown: Mapping[str, np.ndarray]
    chance: Mapping[str, np.ndarray]
    blur: Mapping[str, np.ndarray]
    designs: tuple[Design, ...]
    row: np.ndarray | None = None

    def twins(self, draws: np.ndarray) -> np.ndarray:
        """Draws with the very parameters of these, themselves included: (draws asked for, all draws).

        A study made in a draw may not be explained by that draw, nor by another with the same parameters.
        """
        row = np.arange(len(self.truth)) if self.row is None else self.row
        return np.asarray(row[np.asarray(draws)][:, None] == row[None, :])

    def see(self, design: str, draw: int, n: int, rng: np.random.Generator) -> float:
        """What a study of this design with ``n`` patients in each arm finds when a draw is true."""
        sd = (STUDY_SD**2 + self.chance[design][draw] / n) ** 0.5
        return float(self.shown[design][draw] + sd * rng.standard_normal())

    def log_likelihood(self, design: str, n: int, found: float | np.ndarray) -> np.ndarray:
        """How well each draw explains what a study found; ``found`` may hold several, one row each."""
        variance = STUDY_SD**2 + self.chance[design] / n + self.blur[design]
        found = np.asarray(found, float)[..., None]
        return np.asarray(-0.5 * (found - self.shown[design]) ** 2 / variance - 0.5 * np.log(variance))


def weigh(log_likelihood: np.ndarray) -> np.ndarray:
    """Weights that add up to one along the last axis."""
    weight = np.exp(log_likelihood - log_likelihood.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def arms_of(question: Question) -> dict[str, Regimen]:
    """The arms that designs are made of: the course with the drug before, with, after it or never, and sham."""
    if question.acute:
        raise InputError("designs are made for a drug that is taken every day, not one given with each session")
    end = course_end(expand(question.stimulation, horizon=364), question.subject)
    after = 7.0 * (end // 7 + 1)
    arms: dict[str, Regimen] = {"course alone": question.stimulation}
    for name, shift in (("drug before", BEFORE), ("drug with", 0.0), ("drug after", after)):
        regimen = question.at(shift, "equal drug-days")
        assert regimen is not None
        arms[name] = regimen
    for name, source in (
        ("sham alone", "course alone"),
        ("sham, drug before", "drug before"),
        ("sham, drug after", "drug after"),
    ):
        lines = str(arms[source]).splitlines()
        arms[name] = parse("\n".join([f"sham {lines[0]}", *lines[1:]]))
    return arms


def designs_of(question: Question) -> tuple[Design, ...]:
    """Candidate designs; the week of the end of the course, and the longer follow-ups, count from the first session."""
    end = course_end(expand(question.stimulation, horizon=364), question.subject) // 7 + 2
    long = end + 10
    before, together, after, alone, sham = "drug before", "drug with", "drug after", "course alone", "sham alone"
    both = (f"sham, {before}", f"sham, {after}")
    return (
        Design("before against after", "the drug before or after the course, double-dummy", before, after, long),
        Design("before against with", "the drug 4 weeks earlier, or from the first session", before, together, end),
        Design("with against without", "the course with the drug or with placebo", together, alone, end),
        Design("after against nothing", "the drug or placebo after the course", after, alone, long),
        Design("drug against placebo", "the drug or placebo, both with sham", both[0], sham, end),
        Design("course against sham", "the course or sham, no drug", alone, sham, end),
        Design("2 x 2", "drug before or after by active or sham, double-dummy", before, after, long, both),
    )


def simulate(
    question: Question,
    how: Setting,
    designs: Sequence[Design] | None = None,
    truth: Truth | None = None,
    progress: Callable[[float], None] | None = None,
) -> Bank:
    """The bank of a question, over the draws of ``how``; ``truth``: the two arms and the week asked about.

    Raises
    ------
    InputError
        A regimen cannot be forecast.
    """
    arms = arms_of(question)
    made = tuple(designs or designs_of(question))
    truth = truth or ("drug before", "drug after", made[0].week)
    weeks = sorted({d.week for d in made} | {truth[2]})
    score = _scores(arms, how, weeks, progress)
    chance, shown, blur = {}, {}, {}
    for d in made:
        for part, (one, two) in d.parts.items():
            paired = score[two, d.week] - score[one, d.week]
            shown[part] = paired.mean(axis=1)
            blur[part] = paired.var(axis=1, ddof=1) / paired.shape[1]
            chance[part] = score[one, d.week].var(axis=1, ddof=1) + score[two, d.week].var(axis=1, ddof=1)
    paired = score[truth[1], truth[2]] - score[truth[0], truth[2]]
    error = paired.var(axis=1, ddof=1) / paired.shape[1]
    row = None
    if isinstance(how.parameters, DrawSet):
        row = how.parameters.chosen(how.settings.draws, how.settings.seed)
    return Bank(paired.mean(axis=1), error, shown, chance, blur, made, row)


def _scores(
    arms: Mapping[str, Regimen], how: Setting, weeks: Sequence[int], progress: Callable[[float], None] | None
) -> dict[tuple[str, int], np.ndarray]:
    """HAM-D17 points by arm and week, each of shape (draws, patients)."""
    settings = replace(how.settings, weeks=max(weeks), progress=None)
    ledgers = ledgers_of(list(arms.values()), max(weeks))
    layout, decisions = layout_of(ledgers), Decisions.of(find_scale(how.population.scale))
    recruiter = Entering.of(how.population, ledgers, settings, how.parameters)
    step = max(1, _AT_ONCE // settings.per_draw)
    parts: dict[tuple[str, int], list[np.ndarray]] = {(a, w): [] for a in arms for w in weeks}
    for begin in range(0, settings.draws, step):
        draws = np.arange(begin, min(begin + step, settings.draws))
        cohort = recruiter(Numbers(draws, 0), settings.per_draw)
        entrants = Entrants(cohort, layout, settings.refine, settings.engine)
        for name, ledger in zip(arms, ledgers, strict=True):
            course = follow(entrants, ledger, settings, decisions=decisions)
            for week in weeks:
                row = course.score[int(np.flatnonzero(course.days == 7 * week)[0])]
                parts[name, week].append(on_scale(row, cohort.scale, "HAM-D17").reshape(len(draws), -1))
        if progress is not None:
            progress(min(1.0, (begin + step) / settings.draws))
    return {key: np.concatenate(p) for key, p in parts.items()}


def widened(parameters: ParameterSet, draws: int, seed: int, times: float) -> ParameterSet:
    """The set with the gains of drugs spread ``times`` as wide, so that worlds with a large timing effect occur."""
    values = parameters.draws(draws, seed)
    names = [n for n in values if n.split(".")[0] in ("session_gain", "consolidation_gain") and "window" not in n]
    middle = {n: parameters.parameters[n].median for n in names}
    return parameters.with_given({n: middle[n] + times * (values[n] - middle[n]) for n in names})
