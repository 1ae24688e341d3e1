"""The trial that would settle it: designs ranked by what they are expected to save those who are treated afterwards.

Before the trial one choice is made for everybody, the one with the better mean over what is not known. After it the
choice may change. The drop in regret is the expected gain of choosing after the trial, per patient treated later; it is
stated per 100 patients of the trial too, so that designs of different size can be ranked. A trial is worth nothing when
no result could change the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.optimise.bank import STUDY_SD, Bank, Design, arms_of, designs_of, simulate, weigh
from cotreat.optimise.basis import timing_trials
from cotreat.optimise.evaluate import Setting
from cotreat.optimise.planted import verdict_from
from cotreat.optimise.remake import dump
from cotreat.optimise.windows import Question
from cotreat.outcomes.estimate import denoise
from cotreat.trial.provenance import DISCLAIMER, provenance, stamp

PATIENTS = (100, 200, 400)
_WORLDS = 1500
_VERDICTS = 200
ASSUMPTIONS = (
    "The choice is between the drug 4 weeks before and after the course; its worth is the HAM-D17 score at the week "
    "stated, the same for all patients.",
    f"The same design differs between studies by {STUDY_SD:g} point (SD) beyond chance; nobody is lost.",
    "What is known before the trial is the parameter set alone: if it is a prior, today's trials are not in it.",
    "Only one trial is run. Costs, burden and harm are not weighed.",
)


@dataclass(frozen=True)
class Worth:
    """What a design of a size is expected to save, in HAM-D17 points per patient treated later, with its error."""

    drop: float
    error: float
    settles: float


def settle(
    question: Question,
    how: Setting,
    patients: Sequence[int] = PATIENTS,
    command: str = "",
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """The document of ``cotreat timing settle --json``; ``patients``: sizes of the trial, all arms together.

    Raises
    ------
    InputError
        The drug is given with each session, a size is too small, or a regimen cannot be forecast.
    """
    designs, arms = designs_of(question), arms_of(question)
    if min(patients, default=0) < 8:
        raise InputError("a trial needs at least 8 patients")
    bank = simulate(question, how, designs, progress=progress)
    truth = denoise(bank.truth, bank.error).values
    now = max(float(truth.mean()), 0.0)
    rows = []
    for design in designs:
        for total in patients:
            n = max(2, total // len(design.arms))
            found = worth(bank, design, n, how.settings.seed)
            rows.append(_row(design, n, found, arms, how))
    rows.sort(key=lambda r: (-r["drop_per_100"], -r["p_settles"]))
    trials = timing_trials(question.subject, question.drug)
    return {
        "question": {
            "stimulation": str(question.stimulation),
            "drug": str(question.order),
            "population": how.population.name,
            "choice": ["drug before", "drug after"],
            "week": designs[0].week,
            "unit": "HAM-D17 points",
        },
        "chosen_today": "before" if float(truth.mean()) > 0 else "after",
        "before_minus_after": _spread(truth),
        "regret_today": round(float(np.maximum(truth, 0.0).mean()) - now, 4),
        "designs": rows,
        "assumptions": list(ASSUMPTIONS),
        "basis": f"direct trial: {', '.join(trials)}" if trials else "model only, no direct trial",
        "stamp": stamp(how.parameters),
        "disclaimer": DISCLAIMER,
        "provenance": provenance(how.settings, how.parameters, command, [], trials),
    }


def worth(bank: Bank, design: Design, n: int, seed: int) -> Worth:
    """Expected value of a study's information, over studies made in draws of the bank."""
    rng = np.random.default_rng(seed)
    truth = denoise(bank.truth, bank.error).values
    count = min(_WORLDS, len(truth))
    chosen = rng.choice(len(truth), count, replace=False)
    logs = np.zeros((count, len(truth)))
    for part in design.parts:
        noise = rng.standard_normal(count)  # the same for every design, so that their ranking owes nothing to luck
        sd = np.sqrt(STUDY_SD**2 + bank.chance[part][chosen] / n)
        logs += bank.log_likelihood(part, n, bank.shown[part][chosen] + sd * noise)
    logs[bank.twins(chosen)] = -np.inf
    weights = weigh(logs)
    after = weights @ truth
    # what is gained is what the choice of today would lose against the other, where the trial turns it
    gain = np.maximum(-after if truth.mean() > 0 else after, 0.0)
    settled = [verdict_from(bank, w) != "cannot tell" for w in weights[:_VERDICTS]]
    return Worth(float(gain.mean()), float(gain.std(ddof=1) / count**0.5), float(np.mean(settled)))


def _row(design: Design, n: int, found: Worth, arms: dict[str, Any], how: Setting) -> dict[str, Any]:
    total = n * len(design.arms)
    return {
        "design": design.name,
        "about": design.about,
        "arms": {name: str(arms[name]) for name in design.arms},
        "week": design.week,
        "per_arm": n,
        "patients": total,
        "drop": round(found.drop, 4),
        "error": round(found.error, 4),
        "drop_per_100": round(100.0 * found.drop / total, 4),
        "p_settles": round(found.settles, 4),
        "trial": trial_file(design, n, {name: str(arms[name]) for name in design.arms}, how.population.name),
    }


def trial_file(design: Design, n: int, arms: dict[str, str], population: str) -> str:
    """The design as a file for ``cotreat trial``."""
    last = design.week + design.week % 2
    given: dict[str, object] = {"arms": arms}
    if design.less is not None:
        lines = {name: sentence.splitlines() for name, sentence in arms.items()}
        drug = {"before": lines[design.one][1], "after": lines[design.two][1]}
        stimulation = {"active": lines[design.one][0], "sham": lines[design.less[0]][0]}
        given = {"factors": {"drug": drug, "stimulation": stimulation}}
    document = {
        "title": design.about,
        "design": "parallel" if design.less is None else "factorial",
        "population": population,
        **given,
        "per_arm": [n],
        "visits": f"every 2 weeks for {last} weeks",
        "endpoints": [{"name": f"HAM-D17 at week {last}", "kind": "mmrm", "primary": True}],
    }
    if design.less is not None:
        document["endpoints"] = [
            {"name": f"interaction at week {last}", "kind": "mmrm", "scale": "HAM-D17", "primary": True}
        ]
    return dump(document)


def _spread(values: np.ndarray) -> dict[str, Any]:
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return {"median": round(float(middle), 4), "unknown95": [round(float(low), 4), round(float(high), 4)]}
