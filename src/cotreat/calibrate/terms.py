"""From the figures of a study to the terms of its likelihood: which figures count, how much, and with which error.

Four rules keep figures from counting more than once:

- a contrast is used when it says more than the levels of its arms, and then the level of its first side is left out;
- remission is nested in response, and successive shares of relapsed patients are increments: one multinomial term;
- means of an arm at several visits, and contrasts of a study, are jointly normal, correlated over visits and scales;
- what is left about the same patients (response beside a mean) shares its information: each of g terms is taken to the
  power 1 / (1 + 0.6 (g - 1)).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from cotreat.calibrate.levels import LevelTable
from cotreat.evidence.schema import Outcome, Study
from cotreat.measures.reached import at_any_rating
from cotreat.studies.figures import SCORES, design_effect

VISIT_CORRELATION = 0.65
SCALE_CORRELATION = 0.8
SHARED = 0.6

KINDS = ("mean", "log_sd", "difference", "smd", "log_rr", "log_or", "risk_difference", "log_hr")
_TYPICAL_SD = {"HAM-D17": 7.0, "HAM-D21": 7.5, "HAM-D24": 9.0, "MADRS": 10.0, "PHQ-9": 6.5, "QIDS-SR16": 5.0}
_RATIO = {
    "risk_ratio": "log_rr",
    "odds_ratio": "log_or",
    "risk_difference": "risk_difference",
    "hazard_ratio": "log_hr",
}


@dataclass(frozen=True)
class Chain:
    """A multinomial term: nested shares of one group, smallest first, and the counts in between.

    ``levels`` (k,): their indices; ``inverted``: the levels are of those who stay, so 1 - p increases. ``counts``
    (k + 1,). ``outcomes``: figures it holds.
    """

    levels: tuple[int, ...]
    inverted: bool
    counts: tuple[float, ...]
    weight: float
    outcomes: tuple[int, ...]
    group: tuple[str, ...]
    family: str


@dataclass(frozen=True)
class Block:
    """A normal term: items with their observed values and covariance.

    ``kinds``: of KINDS. ``first``, ``second``: levels (second is -1 where not needed).
    """

    kinds: tuple[str, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    observed: tuple[float, ...]
    covariance: np.ndarray = field(compare=False)
    weight: float
    outcomes: tuple[int, ...]
    group: tuple[str, ...]
    family: str


@dataclass(frozen=True)
class StudyTerms:
    """The terms of one study. ``unused[i]``: why figure i is not in the fit (None where it is)."""

    study: str
    cohort: str
    chains: tuple[Chain, ...]
    blocks: tuple[Block, ...]
    unused: tuple[str | None, ...]

    @property
    def used(self) -> tuple[int, ...]:
        """Figures in the fit."""
        return tuple(i for i, why in enumerate(self.unused) if why is None)


def terms_of(study: Study, table: LevelTable, readable: np.ndarray) -> StudyTerms:
    """The terms of a study; ``readable`` (levels,): levels that can be simulated."""
    unused: list[str | None] = [None] * len(study.outcomes)
    for i, outcome in enumerate(study.outcomes):
        unused[i] = _reason(study, outcome, table, i, readable)
    _settle_contrasts(study, table, unused)
    chains = _chains(study, table, unused)
    blocks = [*_mean_blocks(study, table, unused), *_contrast_blocks(study, table, unused)]
    weighed = _shared([*chains, *blocks])
    return StudyTerms(
        study.id,
        study.cohort,
        tuple(t for t in weighed if isinstance(t, Chain)),
        tuple(t for t in weighed if isinstance(t, Block)),
        tuple(unused),
    )


def size_of(study: Study, outcome: Outcome) -> float | None:
    """Patients behind a figure: as printed, else of its arms."""
    if outcome.n is not None:
        return float(outcome.n)
    sizes = [study.arms[k].n for k in (*outcome.arms, *outcome.reference_arms) if k in study.arms]
    known = [n for n in sizes if n is not None]
    return float(sum(known)) if known and len(known) == len(sizes) else None


def weight_of(study: Study, outcome: Outcome) -> float:
    """How much a figure counts: its weight times that of its file; unconfirmed figures at most a half."""
    weight = (study.weight or 1.0) * (outcome.weight or 1.0)
    return min(weight, 0.5) if outcome.read == "memory" else weight


def effective_size(study: Study, outcome: Outcome) -> float | None:
    """Patients a share counts for: fewer than printed where its published interval is wider than theirs."""
    n, p = size_of(study, outcome), outcome.observed
    if n is None or p is None or outcome.ci95 is None:
        return n
    se = (outcome.ci95[1] - outcome.ci95[0]) / 3.92
    q = min(max(p, 0.5 / n), 1 - 0.5 / n)
    implied = q * (1 - q) / se**2 if se > 0 else n
    return implied if implied < 0.8 * n else n


def standard_error(study: Study, outcome: Outcome) -> float | None:
    """Standard error of a mean or contrast, on the scale it is fitted on."""
    log = outcome.measure in ("hazard_ratio", "risk_ratio", "odds_ratio")
    if outcome.ci95 is not None:
        low, high = outcome.ci95
        if not log:
            return (high - low) / 3.92
        return float(np.log(high / low)) / 3.92 if low > 0 else None
    if outcome.se is not None:
        return outcome.se
    n = size_of(study, outcome)
    if not n or outcome.kind == "contrast":
        return None
    return (outcome.sd or typical_sd(outcome)) / float(np.sqrt(n))


def typical_sd(outcome: Outcome) -> float:
    """Spread between patients where none was printed: about that of trials on this scale."""
    if outcome.measure == "percent_change":
        return 40.0
    return _TYPICAL_SD.get(outcome.scale or "", 8.0)


def _reason(study: Study, outcome: Outcome, table: LevelTable, i: int, readable: np.ndarray) -> str | None:
    if table.why_not[i] is not None:
        return table.why_not[i]
    if outcome.observed is None:
        return "the figure is not known"
    if not all(readable[j] for j in table.of_outcome[i]):
        return "cannot be simulated"
    if outcome.kind == "proportion":
        return None if size_of(study, outcome) else "the number of patients is not known"
    return None if standard_error(study, outcome) is not None else "its standard error is not known"


def _settle_contrasts(study: Study, table: LevelTable, unused: list[str | None]) -> None:
    """Decide between a contrast and the levels of its arms, and drop contrasts that others imply."""
    by_level: dict[int, list[int]] = {}
    for i, outcome in enumerate(study.outcomes):
        if unused[i] is None and outcome.kind != "contrast":
            by_level.setdefault(table.of_outcome[i][0], []).append(i)
    joined: dict[tuple[object, ...], list[set[tuple[str, ...]]]] = {}
    order = sorted(range(len(unused)), key=lambda i: -weight_of(study, study.outcomes[i]))
    for i in order:
        outcome = study.outcomes[i]
        if unused[i] is not None or outcome.kind != "contrast":
            continue
        sides = [_same_change(study, table, j, by_level) for j in table.of_outcome[i]]
        if all(sides):
            levels = min(max(weight_of(study, study.outcomes[k]) for k in side) for side in sides)
            if levels >= weight_of(study, outcome):
                unused[i] = "its arms are in the fit"
                continue
            for k in sides[0]:
                unused[k] = "in the fit as a contrast"
        place = (outcome.measure, outcome.of, outcome.scale, outcome.day)
        sets = joined.setdefault(place, [])
        if not _joins(sets, outcome.arms, outcome.reference_arms):
            unused[i] = "other contrasts imply it"


def _same_change(study: Study, table: LevelTable, level: int, by_level: dict[int, list[int]]) -> list[int]:
    """Figures in the fit that state a level, or for a mean its change instead of the score."""
    like = table.levels[level].like
    found = list(by_level.get(level, []))
    if like.measure in ("score", "change"):
        for other, figures in by_level.items():
            o = table.levels[other].like
            same = (o.arms, o.scale, o.day) == (like.arms, like.scale, like.day)
            if other != level and same and o.measure in ("score", "change"):
                found += figures
    return found


def _joins(sets: list[set[tuple[str, ...]]], one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    """Join two groups in a forest; False when they were connected already."""
    holding = [s for s in sets if one in s or two in s]
    if len(holding) == 1 and one in holding[0] and two in holding[0]:
        return False
    merged = {one, two}.union(*holding)
    sets[:] = [s for s in sets if s not in holding] + [merged]
    return True


# ---- shares ---------------------------------------------------------------------------------------------------------


def _family(outcome: Outcome) -> str:
    event = outcome.measure in ("relapse", "dropout", "completion") or outcome.measure.startswith("sustained")
    among = outcome.analysis_set if outcome.analysis_set in ("remitters", "responders") else "all"
    return f"{'event' if event else 'point'} {among} {outcome.counted_from}"


def _chains(study: Study, table: LevelTable, unused: list[str | None]) -> list[Chain]:
    open_: dict[tuple[object, ...], list[int]] = {}
    for i, o in enumerate(study.outcomes):
        if unused[i] is not None or o.kind != "proportion":
            continue
        kind = "response" if o.measure in ("response", "remission") else o.measure
        when = None if o.measure == "relapse" or o.measure.startswith("sustained") else o.day
        key = (
            o.arms,
            kind,
            o.scale,
            when,
            o.analysis_set,
            o.counted_from,
            size_of(study, o),
            o.definition if when is None else at_any_rating(o.definition),
        )
        open_.setdefault(key, []).append(i)
    return [chain for members in open_.values() for chain in _nested(study, table, members)]


def _nested(study: Study, table: LevelTable, members: list[int]) -> list[Chain]:
    """Chains of figures whose shares are nested in one another; figures that repeat a level stand alone."""
    groups: list[list[int]] = []
    for i in members:
        level = table.of_outcome[i][0]
        for group in groups:
            if all(table.of_outcome[k][0] != level for k in group):
                group.append(i)
                break
        else:
            groups.append([i])
    made = []
    for group in groups:
        inverted = study.outcomes[group[0]].measure.startswith("sustained")
        rank = {"remission": 0, "response": 1}
        ordered = sorted(group, key=lambda i: (study.outcomes[i].day or 0.0, rank.get(study.outcomes[i].measure, 0)))
        shares = [float(study.outcomes[i].observed or 0.0) for i in ordered]
        up = [1 - p for p in shares] if inverted else shares
        if any(b < a - 1e-9 for a, b in pairwise(up)):
            made += [_chain(study, table, [i], inverted) for i in ordered]
        else:
            made.append(_chain(study, table, ordered, inverted))
    return made


def _chain(study: Study, table: LevelTable, ordered: list[int], inverted: bool) -> Chain:
    figures = [study.outcomes[i] for i in ordered]
    n = min(float(effective_size(study, o) or 1.0) for o in figures)
    up = [1 - float(o.observed or 0.0) if inverted else float(o.observed or 0.0) for o in figures]
    cells = np.diff([0.0, *up, 1.0]) * n
    return Chain(
        tuple(table.of_outcome[i][0] for i in ordered),
        inverted,
        tuple(float(c) for c in cells),
        float(np.mean([weight_of(study, o) for o in figures])),
        tuple(ordered),
        tuple(sorted(set().union(*(o.arms for o in figures)))),
        _family(figures[0]),
    )


# ---- means and contrasts --------------------------------------------------------------------------------------------


def _mean_blocks(study: Study, table: LevelTable, unused: list[str | None]) -> list[Block]:
    groups: dict[tuple[tuple[str, ...], str], list[int]] = {}
    for i, o in enumerate(study.outcomes):
        if unused[i] is None and o.measure in SCORES:
            groups.setdefault((o.arms, _family(o)), []).append(i)
    blocks = []
    for (arms, family), members in groups.items():
        figures = [study.outcomes[i] for i in members]
        se = np.array([standard_error(study, o) for o in figures], float)
        n = np.array([size_of(study, o) or 1.0 for o in figures])
        se = se * np.sqrt(design_effect(n))
        corr = _joint(np.array([[_closeness(a, b) for b in figures] for a in figures]))
        levels = tuple(table.of_outcome[i][0] for i in members)
        observed = tuple(float(o.observed or 0.0) for o in figures)
        weight = float(np.mean([weight_of(study, o) for o in figures]))
        kinds = tuple("mean" for _ in members)
        second = tuple(-1 for _ in members)
        blocks.append(
            Block(kinds, levels, second, observed, np.outer(se, se) * corr, weight, tuple(members), arms, family)
        )
        spread = [k for k, o in enumerate(figures) if o.sd]
        if spread:
            chosen = spread[-1]
            o = figures[chosen]
            variance = 0.5 / max(n[chosen] - 1.0, 1.0) + 0.1**2
            blocks.append(
                Block(
                    ("log_sd",), (levels[chosen],), (-1,), (float(np.log(o.sd or 1.0)),), np.array([[variance]]),
                    weight, (members[chosen],), arms, f"{family} spread",
                )
            )  # fmt: skip
    return blocks


def _joint(correlation: np.ndarray) -> np.ndarray:
    """Correlations with those of repeated figures below one, so that no figure is taken to be another."""
    repeated = (np.abs(correlation) > 0.95) & ~np.eye(len(correlation), dtype=bool)
    return np.where(repeated, 0.95 * np.sign(correlation), correlation)


def _closeness(a: Outcome, b: Outcome) -> float:
    """Correlation of the errors of two figures about the same patients."""
    if a is b:
        return 1.0
    value = 1.0
    value *= VISIT_CORRELATION if a.day != b.day else 1.0
    value *= SCALE_CORRELATION if (a.scale, a.measure, a.of) != (b.scale, b.measure, b.of) else 1.0
    return value


def _contrast_blocks(study: Study, table: LevelTable, unused: list[str | None]) -> list[Block]:
    members = [i for i, o in enumerate(study.outcomes) if unused[i] is None and o.kind == "contrast"]
    if not members:
        return []
    figures = [study.outcomes[i] for i in members]
    kinds, observed = [], []
    for o in figures:
        kind = {"smd": "smd", "mean_difference": "difference"}.get(o.measure) or _RATIO[o.measure]
        kinds.append(kind)
        value = float(o.observed or 0.0)
        observed.append(float(np.log(max(value, 1e-3))) if kind.startswith("log_") else value)
    se = np.array([standard_error(study, o) for o in figures], float)
    n = np.array([(size_of(study, o) or 2.0) / 2.0 for o in figures])
    se = se * np.sqrt(design_effect(n))
    corr = _joint(np.array([[_overlap(a, b) * _closeness(a, b) for b in figures] for a in figures]))
    weight = float(np.mean([weight_of(study, o) for o in figures]))
    groups = tuple(sorted({k for o in figures for k in o.arms}))
    return [
        Block(
            tuple(kinds), tuple(table.of_outcome[i][0] for i in members),
            tuple(table.of_outcome[i][1] for i in members),
            tuple(observed), np.outer(se, se) * corr, weight, tuple(members), groups, "contrast",
        )
    ]  # fmt: skip


def _overlap(a: Outcome, b: Outcome) -> float:
    """Correlation of two contrasts by the groups they share: one half for one group, with the sign of its sides."""
    plus, minus = (a.arms, a.reference_arms), (b.arms, b.reference_arms)
    return 0.5 * sum((1.0 if i == j else -1.0) * (plus[i] == minus[j]) for i in (0, 1) for j in (0, 1))


# ---- shared information ---------------------------------------------------------------------------------------------


def _shared(terms: list[Chain | Block]) -> list[Chain | Block]:
    """Each term to the power that keeps several about the same patients from counting several times."""
    made: list[Chain | Block] = []
    for term in terms:
        others = [t for t in terms if t.family == term.family and set(t.group) & set(term.group)]
        made.append(replace(term, weight=term.weight / (1.0 + SHARED * (len(others) - 1))))
    return made
