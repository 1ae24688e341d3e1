"""Two questions that the page "How far to believe it" answers beside the figures of the fit.

- Would a trial of D-cycloserine like the positive one be positive again?
- Of those who felt worse when an antidepressant was stopped blind (ANTLER): how many by withdrawal, nocebo, relapse?
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

from cotreat.calibrate.predictive import CONTRASTS, contrast, expected_error, levels, sides, thin
from cotreat.calibrate.stages import Calibration
from cotreat.evidence.load import load_study
from cotreat.evidence.schema import Outcome
from cotreat.model.draw_set import read_draws
from cotreat.model.parameter_set import ParameterSet
from cotreat.simulate.run import Settings
from cotreat.studies.arms import simulate_arms
from cotreat.studies.figures import CannotPredictError, share

_Z = 1.959963984540054


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
