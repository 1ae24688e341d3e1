"""What acting on the wrong account costs: the loss of each choice if one of the rivals were true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cotreat.optimise import rivals
from cotreat.optimise.evaluate import Found, Outcome, Setting, evaluate, utility
from cotreat.regimen.ledger import Ledger

OUTCOMES: tuple[Outcome, ...] = ("well", "mean score")
_FEWEST_DRAWS = 20  # of a rival in a mixture, to say anything about it


def regret(
    ledgers: Mapping[str, tuple[float, Ledger]], found: Sequence[Found], how: Setting
) -> tuple[str, list[dict[str, Any]]]:
    """Where the rivals come from, and for each the loss of every choice against the best of the choices.

    Parameters
    ----------
    ledgers
        The choices by name: the start and its ledger.
    found
        What each choice gives in the run itself, for a set that is a mixture of rivals.
    how
        In whom, and how the run was done.

    Returns
    -------
    tuple
        "draws of the set" or "made from the set", and rows with ``rival``, ``share`` (of the draws; None for rivals
        that were made) and ``choices``: ``shift`` and the loss on each outcome (more is worse).
    """
    settings = how.settings
    label = rivals.labels(how.parameters, how.parameters.draws(settings.draws, settings.seed))
    names, counts = np.unique(label, return_counts=True)
    if len(names) > 1:
        rows = [_row(OPEN_TO_ALL, None, ledgers, found, slice(None))]
        rows += [
            _row(str(n), float(c / len(label)), ledgers, found, label == n)
            for n, c in zip(names, counts, strict=True)
            if c >= _FEWEST_DRAWS
        ]
        return "draws of the set", rows
    fewer = replace(settings, patients=max(settings.draws, settings.patients // 4))
    rows = []
    for name, parameters in rivals.sets(how.parameters, settings.draws).items():
        again = evaluate(
            [ledger for _, ledger in ledgers.values()], replace(how, parameters=parameters, settings=fewer)
        )
        rows.append(_row(name, None, ledgers, again, slice(None)))
    return "made from the set", rows


OPEN_TO_ALL = "averaged over all of them"


def _row(
    name: str,
    share: float | None,
    ledgers: Mapping[str, tuple[float, Ledger]],
    found: Sequence[Found],
    draws: Any,
) -> dict[str, Any]:
    row: dict[str, Any] = {"rival": name, "share": None if share is None else round(share, 4)}
    row["choices"] = {group: {"shift": shift} for group, (shift, _) in ledgers.items()}
    for outcome in OUTCOMES:
        value = [float(utility(f, outcome)[draws].mean()) for f in found]
        for group, v in zip(ledgers, value, strict=True):
            row["choices"][group][outcome] = round(max(value) - v, 4)
    return row
