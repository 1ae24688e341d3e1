"""Schedules that are worth a look: every combination of a few choices, inside the safety rules, for several goals.

The choices are written in a file, so that what was tried is what is read there. Every combination is checked against
the safety rules and simulated in the same patients with the same luck; what is returned is the *front*: the schedules
that no other tried one equals or beats in every goal. One number alone is never given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean
from cotreat.optimise.evaluate import Found, Setting, evaluate, ledgers_of
from cotreat.optimise.timing import NEVER_CHOSEN
from cotreat.outcomes import estimate
from cotreat.outcomes.estimate import Spread
from cotreat.population.populations import Population, population
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.parse import parse
from cotreat.regimen.values import Regimen
from cotreat.safety.check import PLANNING, CheckOptions, check
from cotreat.trial.compare import taper_with_stimulation
from cotreat.trial.provenance import DISCLAIMER, provenance, stamp

MOST = 400
_LARGEST = 1 << 16
_FIELDS = ("title", "population", "schedule", "choices", "goals")
EXAMPLE = "examples/schedule.yaml"
_TAPER = "We do not know that TMS makes stopping easier, no trial has shown it."


@dataclass(frozen=True)
class Goal:
    """One goal: its words, its unit, whether more is better."""

    key: str
    text: str
    unit: str
    more: bool


def goals_for(week: int) -> dict[str, Goal]:
    """Every goal by its key; "well" and "relapse" at a week."""
    return {
        g.key: g
        for g in (
            Goal("well", f"well at week {week}, per 100", "per 100", True),
            Goal("mean score", "mean HAM-D17 over the year", "HAM-D17 points", False),
            Goal("relapse", f"relapse by week {week}, per 100 who started", "per 100", False),
            Goal("sessions", "sessions given", "sessions", False),
            Goal("drug days", "days with a drug", "days", False),
        )
    }


@dataclass(frozen=True)
class Search:
    """What is tried: a schedule with gaps, the choices that fill them, in whom, for which goals."""

    title: str
    who: Population
    template: str
    choices: Mapping[str, tuple[str, ...]]
    goals: tuple[str, ...]

    def combinations(self) -> list[tuple[dict[str, str], Regimen]]:
        """Every combination with its regimen, in the order of the file.

        Raises
        ------
        InputError
            A combination cannot be read as a regimen, or has a gap that nothing fills.
        """
        found = []
        for values in product(*self.choices.values()):
            given = dict(zip(self.choices, values, strict=True))
            text = "\n".join(line.rstrip() for line in _filled(self.template, given).splitlines() if line.strip())
            found.append((given, parse(text)))
        return found


def read_search(path: str) -> Search:
    """A search from a YAML file (see examples/schedule.yaml).

    Raises
    ------
    InputError
        The file cannot be read, or what it says cannot be understood.
    """
    try:
        if Path(path).stat().st_size > _LARGEST:
            raise InputError(f"{path} is larger than 64 kB")
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"cannot read {path}: {' '.join(str(error).split())}", hint=f"for a start: {EXAMPLE}"
        ) from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected the fields {', '.join(_FIELDS)}")
    for key in data:
        if key not in _FIELDS:
            raise InputError(f"{path}: unknown field {key!r}", hint=did_you_mean(str(key), list(_FIELDS)))
    choices = data.get("choices")
    if not isinstance(data.get("schedule"), str) or not isinstance(choices, dict) or not choices:
        raise InputError(f"{path}: 'schedule' must be sentences, and 'choices' lists by name", hint=f"see {EXAMPLE}")
    lists: dict[str, tuple[str, ...]] = {}
    for name, values in choices.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"{path}: choices of {name!r} must be a list")
        lists[str(name)] = tuple("" if v is None else str(v) for v in values)
    count = int(np.prod([len(v) for v in lists.values()]))
    if count > MOST:
        raise InputError(f"{path}: {count} combinations; at most {MOST} are tried")
    wanted = data.get("goals", ["well", "mean score", "sessions"])
    known = goals_for(26)
    if not isinstance(wanted, list) or len(wanted) < 2:
        raise InputError(f"{path}: 'goals' must name at least two", examples=tuple(known))
    for goal in wanted:
        if goal not in known:
            raise InputError(
                f"{path}: unknown goal {goal!r}", hint=did_you_mean(str(goal), list(known)), examples=tuple(known)
            )
    who = population(str(data.get("population", "ECT candidates")))
    return Search(str(data.get("title", path)), who, data["schedule"], lists, tuple(wanted))


def schedule(
    search: Search, how: Setting, command: str = "", progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """The document of ``cotreat timing schedule --json``.

    Raises
    ------
    InputError
        Safety rules stop every schedule, or one cannot be read or forecast.
    """
    how = replace(how, population=search.who, settings=replace(how.settings, weeks=max(52, how.week)))
    tried = search.combinations()
    verdicts = [check(regimen, options=CheckOptions(stages=PLANNING)) for _, regimen in tried]
    stops = [
        [f.rule.id for f in v.findings if f.stops or (f.rule.id in NEVER_CHOSEN and f.verdict == "fired")]
        for v in verdicts
    ]
    count = Counter(rule for found in stops for rule in found)
    allowed = [k for k, found in enumerate(stops) if not found]
    if not allowed:
        said = {f.rule.id: f.rule.text("en") for v in verdicts for f in v.findings if f.rule.id in count}
        hint = " ".join(f"{rule} stops {n} of {len(tried)}: {said[rule]}" for rule, n in count.most_common())
        raise InputError(f"no allowed schedule: safety rules stop all {len(tried)}", hint=hint)
    ledgers = ledgers_of([tried[k][1] for k in allowed], how.settings.weeks)
    found = evaluate(ledgers, how, progress)
    wanted = [goals_for(how.week)[g] for g in search.goals]
    spreads = [[_spread(g, f, ledger) for g in wanted] for f, ledger in zip(found, ledgers, strict=True)]
    values = np.array([[s.values if len(s.values) else [np.nan] for s in row] for row in spreads])
    signs = np.array([1.0 if g.more else -1.0 for g in wanted])
    better = values * signs[None, :, None]
    on_front = front(better.mean(axis=2))
    share = np.mean([front(better[:, :, d]) for d in range(better.shape[2])], axis=0)
    rows: list[dict[str, Any]] = [
        {
            "sentence": str(tried[k][1]),
            "choices": tried[k][0],
            "safety": verdicts[k].word,
            "goals": {g.key: _shown(s) for g, s in zip(wanted, spreads[i], strict=True)},
            "on_front": bool(on_front[i]),
            "p_on_front": round(float(share[i]), 4),
            "notes": [_TAPER] if taper_with_stimulation(ledgers[i]) else [],
        }
        for i, k in enumerate(allowed)
    ]
    first = wanted[0]
    chosen = sorted(
        (r for r in rows if r["on_front"]), key=lambda r: r["goals"][first.key]["median"], reverse=first.more
    )
    return {
        "title": search.title,
        "population": search.who.name,
        "goals": [
            {"key": g.key, "text": g.text, "unit": g.unit, "better": "higher" if g.more else "lower"} for g in wanted
        ],
        "tried": len(tried),
        "stopped": len(tried) - len(allowed),
        "stopped_by": dict(count.most_common()),
        "front": chosen,
        "others": [r for r in rows if not r["on_front"]],
        "basis": "model only, no direct trial of these schedules against each other",
        "stamp": stamp(how.parameters),
        "disclaimer": DISCLAIMER,
        "provenance": provenance(how.settings, how.parameters, command, ledgers),
    }


def front(values: np.ndarray) -> np.ndarray:
    """Which rows (rows, goals; more is better) no other row equals or beats in every goal and beats in one."""
    at_least = (values[:, None, :] >= values[None, :, :]).all(axis=2)
    beats = at_least & (values[:, None, :] > values[None, :, :]).any(axis=2)
    return np.asarray(~beats.any(axis=0))


def _spread(goal: Goal, found: Found, ledger: Ledger) -> Spread:
    if goal.key == "well":
        spread = estimate.proportion(found.well)
        return Spread(100 * spread.values, 100 * spread.monte_carlo_se)
    if goal.key == "relapse":
        spread = estimate.proportion(found.relapsed & found.remitted)
        return Spread(100 * spread.values, 100 * spread.monte_carlo_se)
    if goal.key == "mean score":
        return estimate.mean(found.score)
    if goal.key == "sessions":
        return estimate.mean(found.sessions)
    days = {i.day for p in ledger.phases for i in p.items if i.kind != "session"}
    return Spread(np.full(len(found.well), float(len(days))), 0.0)


def _shown(spread: Spread) -> dict[str, Any]:
    low, high = spread.interval()
    return {
        "median": round(spread.median, 4),
        "unknown95": [round(low, 4), round(high, 4)],
        "monte_carlo_se": round(spread.monte_carlo_se, 5),
    }


def _filled(template: str, given: Mapping[str, str]) -> str:
    try:
        return template.format(**given)
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(f"the schedule has a gap that no choice fills: {error}", hint=f"see {EXAMPLE}") from None
