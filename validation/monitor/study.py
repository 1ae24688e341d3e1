"""What is measured on each invented patient; patients are independent, so they may be run in any order or process."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.monitor.alerts import alerts
from cotreat.monitor.follow import Filter, FilterSettings
from cotreat.monitor.forecast import OneWeekAhead
from cotreat.monitor.verdict import words_by_day
from validation.monitor import generator as g
from validation.monitor.baselines import scores
from validation.monitor.exact import infer

WITHIN = 10
PARTICLES = 600
WORLDS: dict[str, g.World] = {
    "as assumed": g.World(),
    "half-life three times as long": g.World(half_life=3.0),
    "withdrawal felt as low mood": g.World(profile=(2.4, 2.0, 1.4, 1.6, 7.0)),
    "swings of weeks": g.World(wobble=0.8),
    "two thirds of ratings missing": g.World(kept=0.33),
}
"""The generator, and the ways in which it is made worse than assumed."""


@cache
def _parameters() -> ParameterSet:
    return load_parameters()


def at_the_rise(number: int, world: str, particles: int, exact: bool) -> dict[str, Any] | None:
    """The filter, exact inference and the baselines ten days after a patient's rise; None without a rise."""
    patient = g.draw(number, world=WORLDS[world])
    day = g.rise(patient)
    if day is None:
        return None
    day = min(day + WITHIN, patient.record.days - 1)
    run = Filter(patient.record.until(day), FilterSettings(particles=particles), _parameters())
    track = run.run()
    withdrawal, relapse = g.cause(patient, day)
    begin = max(0, day - WITHIN)
    row: dict[str, Any] = {
        "kind": "rise",
        "world": world,
        "number": number,
        "day": day,
        "withdrawal": withdrawal,
        "relapse": relapse,
        "filter_relapse": float(track.relapse[day]),
        "filter_withdrawal": float(track.withdrawal[begin:].max()),
        "word": words_by_day(track)[day],
        "staged": int((track.stages > 1).sum()),
        "left": float(track.particles_left.min()),
    }
    row |= {f"baseline_{k}": v for k, v in scores(patient, day).items()}
    if exact:
        found = infer(patient, day)
        row |= {"exact_relapse": found.relapse, "exact_withdrawal": found.withdrawal}
    return row


def whole_record(number: int, world: str, particles: int) -> dict[str, Any]:
    """A whole record: probabilities day by day, forecasts one week ahead, alerts and their lead time."""
    patient = g.draw(number, world=WORLDS[world])
    run = Filter(patient.record, FilterSettings(particles=particles), _parameters())
    ahead = OneWeekAhead(run, frozenset({"PHQ-9"}))
    track = run.run(ahead)
    days = range(g.RUN_IN, patient.record.days, 5)
    began = [patient.relapse_day is not None and d >= patient.relapse_day for d in days]
    present = [bool(patient.withdrawal[d] >= g.PRESENT) for d in days]
    words = words_by_day(track)
    raised = alerts(track)
    lead = None
    if patient.relapse_day is not None:
        full = patient.relapse_day + int(
            np.argmax(patient.relapse[patient.relapse_day :] >= 0.9 * patient.relapse.max())
        )
        after = [a for a in raised if a.last >= patient.relapse_day and a.kind == "unexpected"]
        lead = (
            full + 14 - max(after[0].first, patient.relapse_day) if after and full + 14 < patient.record.days else None
        )
    return {
        "kind": "whole",
        "world": world,
        "number": number,
        "p_relapse": [float(track.relapse[d]) for d in days],
        "p_withdrawal": [float(track.withdrawal[d]) for d in days],
        "relapse": began,
        "withdrawal": present,
        "wrong_withdrawal_days": sum(
            1 for d in range(patient.record.days) if words[d] == "more like withdrawal" and patient.withdrawal[d] < 0.1
        ),
        "false_withdrawal": bool(_called(words, patient, present=False)),
        "relapse_called_withdrawal": bool(_relapse_called_withdrawal(words, patient)),
        "relapsed": patient.relapse_day is not None,
        "stops": patient.stops,
        "no_cut_largest": float(track.withdrawal.max()) if not patient.stops else None,
        "alerts": len(raised),
        "false_alerts": sum(1 for a in raised if not _true(a.first, a.last, patient)),
        "days": patient.record.days,
        "lead": lead,
        "forecasts": _thin(ahead.rows),
    }


def published_shape(number: int, particles: int) -> dict[str, Any]:
    """Forecasts of the weekly score in a record of the shape of the published one."""
    patient = g.like_the_published_record(number)
    run = Filter(patient.record, FilterSettings(particles=particles), _parameters())
    ahead = OneWeekAhead(run, frozenset({g.SCL.name}))
    run.run(ahead)
    return {"kind": "published shape", "world": "published shape", "number": number, "forecasts": _thin(ahead.rows)}


def _thin(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = (
        "observed",
        "pit",
        "crps",
        "crps_last_value",
        "crps_running_mean",
        "error_last_value",
        "error_running_mean",
    )
    return [{k: r[k] for k in names} for r in rows[3:]]


def _true(first: int, last: int, patient: g.Patient) -> bool:
    """Whether an alert reports something that is there."""
    span = slice(max(0, first - 3), last + 1)
    return bool((patient.withdrawal[span] >= g.PRESENT).any() or (patient.relapse[span] > 0).any())


def _called(words: list[str], patient: g.Patient, *, present: bool) -> bool:
    days = [d for d, w in enumerate(words) if w == "more like withdrawal"]
    return any((patient.withdrawal[max(0, d - 10) : d + 1] >= g.PRESENT).any() == present for d in days)


def _relapse_called_withdrawal(words: list[str], patient: g.Patient) -> bool:
    """Whether an established relapse without withdrawal was called withdrawal on any day of its first four weeks."""
    if patient.relapse_day is None:
        return False
    begin = patient.relapse_day + 7
    return any(
        words[d] == "more like withdrawal" and patient.withdrawal[d] < 0.1
        for d in range(begin, min(begin + 21, len(words)))
    )


def tasks(patients: int, whole: int, stressed: int, published: int) -> list[tuple[str, int, str]]:
    """Every task: what is measured, on which patient, in which world."""
    found = [("whole", k, "as assumed") for k in range(whole)]
    found += [("published shape", k, "published shape") for k in range(published)]
    for world in list(WORLDS)[1:]:
        found += [("rise", k, world) for k in range(stressed)] + [("whole", k, world) for k in range(stressed // 4)]
    return found + [("rise", k, "as assumed") for k in range(patients)]


def run_one(task: tuple[str, int, str]) -> tuple[tuple[str, int, str], dict[str, Any] | None]:
    """One task."""
    kind, number, world = task
    if kind == "rise":
        return task, at_the_rise(number, world, PARTICLES, exact=world == "as assumed")
    if kind == "whole":
        return task, whole_record(number, world, PARTICLES)
    return task, published_shape(number, PARTICLES)
