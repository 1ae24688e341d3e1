"""What is measured on each invented patient; patients are independent, so they may be run in any order or process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.model.parameters import DEFAULT
from cotreat.monitor.alerts import alerts
from cotreat.monitor.follow import Filter, FilterSettings
from cotreat.monitor.forecast import OneWeekAhead
from cotreat.monitor.verdict import words_by_day
from validation.monitor import generator as g
from validation.monitor.baselines import scores
from validation.monitor.exact import infer

WITHIN = 10
TUNING_SEEDS = (1, 2, 3, 20261123)
"""Seeds whose patients were looked at while the filter and the generator were made."""
REPORTED_SEED = 20261124
"""The seed of the document: none of its patients had been drawn when the filter was made."""
_HERE = Path(__file__).resolve()
_READ = (_HERE.parents[2] / "src" / "cotreat" / "monitor", _HERE.parents[2] / "src" / "cotreat" / "model", _HERE.parent)
_ONLY_WRITES = ("write.py", "pins.py", "figures.py", "verdicts.py", "__main__.py")
WORLDS: dict[str, g.World] = {
    "as assumed": g.World(),
    "half-life three times as long": g.World(half_life=3.0),
    "withdrawal felt as low mood": g.World(profile=(2.4, 2.0, 1.4, 1.6, 7.0)),
    "swings of weeks": g.World(wobble=0.8),
    "two thirds of ratings missing": g.World(kept=0.33),
}
"""The generator, and the ways in which it is made worse than assumed."""


@dataclass(frozen=True)
class Study:
    """``seed`` of the patients, ``particles`` of the filter, ``parameters``: a set by name or file."""

    seed: int = REPORTED_SEED
    particles: int = 1000
    parameters: str = DEFAULT

    def fingerprint(self) -> str:
        """Changes when a row measured before would not come out the same: settings, parameter set or code."""
        digest = hashlib.sha256(f"{self.seed} {self.particles} {_parameters(self.parameters).checksum}".encode())
        for folder in _READ:
            for path in sorted(p for p in folder.rglob("*.py") if p.name not in _ONLY_WRITES):
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


@cache
def _parameters(name: str) -> ParameterSet:
    return load_parameters(name)


def at_the_rise(number: int, world: str, study: Study, exact: bool) -> dict[str, Any] | None:
    """The filter, exact inference and the baselines ten days after a patient's rise; None without a rise."""
    patient = g.draw(number, study.seed, WORLDS[world])
    day = g.rise(patient)
    if day is None:
        return None
    day = min(day + WITHIN, patient.record.days - 1)
    settings = FilterSettings(particles=study.particles)
    track = Filter(patient.record.until(day), settings, _parameters(study.parameters)).run()
    withdrawal, relapse = g.cause(patient, day)
    row: dict[str, Any] = {
        "kind": "rise",
        "world": world,
        "number": number,
        "day": day,
        "withdrawal": withdrawal,
        "relapse": relapse,
        "filter_relapse": float(track.relapse[day]),
        "filter_withdrawal": float(track.lately[day]),
        "word": words_by_day(track)[day],
        "staged": int((track.stages > 1).sum()),
        "left": float(track.particles_left.min()),
    }
    row |= {f"baseline_{k}": v for k, v in scores(patient, day).items()}
    if exact:
        found = infer(patient, day)
        row |= {"exact_relapse": found.relapse, "exact_withdrawal": found.withdrawal}
    return row


def whole_record(number: int, world: str, study: Study) -> dict[str, Any]:
    """A whole record: probabilities day by day, forecasts one week ahead, alerts and their lead time."""
    patient = g.draw(number, study.seed, WORLDS[world])
    run = Filter(patient.record, FilterSettings(particles=study.particles), _parameters(study.parameters))
    ahead = OneWeekAhead(run, frozenset({"PHQ-9"}))
    track = run.run(ahead)
    days = range(g.RUN_IN, patient.record.days, 5)
    began = [patient.relapse_day is not None and d >= patient.relapse_day for d in days]
    present = [bool(patient.withdrawal[d] >= g.PRESENT) for d in days]
    words = words_by_day(track)
    raised = alerts(track)
    lead = None
    # an onset on the last days may lie on a point of the grid after the record
    relapsed = patient.relapse_day is not None and patient.relapse_day < patient.record.days
    if relapsed:
        assert patient.relapse_day is not None
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
        "relapsed": relapsed,
        "stops": patient.stops,
        "no_cut_largest": float(track.withdrawal.max()) if not patient.stops else None,
        "alerts": len(raised),
        "false_alerts": sum(1 for a in raised if not _true(a.first, a.last, patient)),
        "days": patient.record.days,
        "lead": lead,
        "forecasts": _thin(ahead.rows),
    }


def published_shape(number: int, study: Study) -> dict[str, Any]:
    """Forecasts of the weekly score in a record of the shape of the published one."""
    patient = g.like_the_published_record(number, study.seed)
    run = Filter(patient.record, FilterSettings(particles=study.particles), _parameters(study.parameters))
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


@dataclass(frozen=True)
class Sizes:
    """Numbers of patients: with a rise looked for; whole records; each wrong world (both); of the published shape."""

    patients: int = 2000
    whole: int = 600
    wrong: int = 120
    published: int = 60


Task = tuple[str, int, str]


def tasks(sizes: Sizes) -> list[Task]:
    """Every task: what is measured, on which patient, in which world; the long ones first."""
    found = [("whole", k, "as assumed") for k in range(sizes.whole)]
    found += [("published shape", k, "published shape") for k in range(sizes.published)]
    for kind in ("whole", "rise"):
        found += [(kind, k, world) for world in list(WORLDS)[1:] for k in range(sizes.wrong)]
    return found + [("rise", k, "as assumed") for k in range(sizes.patients)]


def run_one(asked: tuple[Task, Study]) -> tuple[Task, dict[str, Any] | None]:
    """One task."""
    task, study = asked
    kind, number, world = task
    if kind == "rise":
        return task, at_the_rise(number, world, study, exact=world == "as assumed")
    if kind == "whole":
        return task, whole_record(number, world, study)
    return task, published_shape(number, study)
