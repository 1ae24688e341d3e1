"""Three questions that the page "How far to believe it" answers beside the figures of the fit.

- Would a trial of D-cycloserine like the positive one be positive again?
- Of those who felt worse when an antidepressant was stopped blind (ANTLER): how many by withdrawal, nocebo, relapse?
- How do four trials after ECT look side by side, each with its own definition of staying well?
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from cotreat.calibrate.predictive import CONTRASTS, contrast, expected_error, levels, sides, thin
from cotreat.calibrate.stages import Calibration
from cotreat.evidence.load import load_study
from cotreat.evidence.schema import Outcome
from cotreat.measures.errors import InputError
from cotreat.model.draw_set import read_draws
from cotreat.model.parameter_set import ParameterSet
from cotreat.simulate.run import Settings
from cotreat.studies.arms import simulate_arms
from cotreat.studies.figures import CannotPredictError, share

_Z = 1.959963984540054
AFTER_ECT = ("sackeim2001", "prudic2013", "nordenskjold2013", "brakemeier2014")
_STAYS = ("sustained_response", "sustained_remission")
_EVERY = 14


def replication(found: Calibration, key: str = "cole2022", count: int = 600) -> dict[str, Any] | None:
    """Assurance of the same trial again: the chance of p < 0.05 in favour of the drug, all studies known."""
    material = found.studies
    ids = [s.id for s in material.studies]
    if key not in ids:
        return None
    s = ids.index(key)
    study, table = material.studies[s], material.tables[s]
    place = next(
        (i for i, o in enumerate(study.outcomes) if o.measure == "mean_difference" and table.of_outcome[i]), None
    )
    if place is None:
        return None
    one, two = table.of_outcome[place]
    kind, sizes = CONTRASTS["mean_difference"], sides(study, place)
    chances, shares, effects = [], [], []
    for f, share_ in found.mixture():
        drawn = levels(f.problem, f.fit, thin(f.fit, count), new_study=True, seed=31)
        values, sds = (drawn.value[:, s, one], drawn.value[:, s, two]), (drawn.sd[:, s, one], drawn.sd[:, s, two])
        effect = contrast(kind, *values, sds)
        chances.append(float(ndtr(-effect / expected_error(kind, values, sds, sizes) - _Z).mean()))
        effects.append(effect)
        shares.append(share_)
    spread = np.quantile(np.concatenate(effects), [0.05, 0.5, 0.95])
    return {
        "study": key,
        "n": round(sizes[0]),
        "assurance": round(float(np.average(chances, weights=shares)), 3),
        "effect": [round(float(v), 2) for v in spread],
    }


def felt_worse(
    found: Calibration, raw: bytes, key: str = "lewis2021", draws: int = 200, patients: int = 50
) -> list[dict[str, Any]] | None:
    """Shares by day 84, per 100: relapsed; with a withdrawal syndrome, and how many of these without any withdrawal.

    ``raw``: the file of the draws. The syndrome is split by simulating the same patients without withdrawal.
    """
    if key not in [s.id for s in found.studies.studies]:
        return None
    parameters = read_draws(raw, "the draws of this calibration")
    study = load_study(key)
    settings = Settings(patients=draws * patients, draws=draws, seed=41)
    none = parameters.with_given({"withdrawal_weight.antidepressant": np.full(draws, 1e-6)})
    both: list[tuple[ParameterSet, str]] = [(parameters, "with"), (none, "without")]
    simulated = {name: simulate_arms(study, settings, p) for p, name in both}
    rows = []
    for arm in study.arms:
        try:
            relapse = _share(simulated["with"][arm], "relapse")
            syndrome, nocebo = (_share(simulated[name][arm], "withdrawal") for name in ("with", "without"))
        except CannotPredictError:
            return None
        rows.append(
            {
                "arm": arm,
                "withdrawal": max(0, round(100 * (syndrome - nocebo))),
                "nocebo": round(100 * nocebo),
                "relapse": round(100 * relapse),
            }
        )
    return rows


def _share(arm: Any, measure: str) -> float:
    figure = Outcome(arm=arm.name, measure=measure, day=84.0, analysis_set="everyone", read="derived")  # type: ignore[arg-type]
    return float(np.nanmean(share([arm], figure, measure).value))


def after_ect(parameters: ParameterSet, draws: int = 200, patients: int = 60) -> list[dict[str, Any]]:
    """Share who stay well after ECT by day, in each arm of four trials, by the definition of the trial.

    One row for each arm: ``days``, ``median`` and the 80 % interval (per 100, chance left out), and the published
    figures (day, per 100, patients). An arm that cannot be simulated has the reason instead.
    """
    rows: list[dict[str, Any]] = []
    for key in AFTER_ECT:
        study = load_study(key)
        settings = Settings(patients=draws * patients, draws=draws, seed=43)
        arms = simulate_arms(study, settings, parameters)
        for name in study.arms:
            mine = [o for o in study.outcomes if o.arms == (name,) and o.measure in ("relapse", *_STAYS) and o.day]
            if mine:
                rows.append({"study": key, "arm": name, **_curve(arms[name], max(mine, key=lambda o: o.day or 0.0)),
                             "published": [p for o in mine if (p := _published(o)) is not None]})  # fmt: skip
    return rows


def _published(outcome: Outcome) -> list[float] | None:
    if outcome.observed is None:
        return None
    stay = outcome.observed if outcome.measure in _STAYS else 1.0 - outcome.observed
    return [float(outcome.day or 0.0), round(100 * stay, 1), float(outcome.n or 0)]


def _curve(arm: Any, last: Outcome) -> dict[str, Any]:
    about = {"definition": last.definition, "measure": last.measure, "among": last.analysis_set}
    if arm.seen is None:
        return about | {"days": [], "why": str(arm.reason)}
    days = [*range(_EVERY, int(last.day or 0), _EVERY), int(last.day or 0)]
    ends = []
    for day in days:
        try:
            p = share([arm], last.model_copy(update={"day": float(day)}), last.measure).value
        except (CannotPredictError, InputError) as error:
            return about | {"days": [], "why": str(error)}
        stay = p if last.measure in _STAYS else 1.0 - p
        ends.append(np.nanquantile(stay, [0.5, 0.1, 0.9]))
    start = [1.0 if last.measure == "relapse" else float(np.nan)] * 3
    table = np.array([start, *ends]) if last.measure == "relapse" else np.array(ends)
    first = [0] if last.measure == "relapse" else []
    names = ("median", "low", "high")
    return (
        about
        | {"days": first + days}
        | {k: [round(100 * float(v), 1) for v in table[:, i]] for i, k in enumerate(names)}
    )
