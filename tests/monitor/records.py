"""Records for the tests: rows as text, and invented people with one thing that happens to them."""

from __future__ import annotations

import datetime as dt

import numpy as np

from cotreat.monitor.record import DoseChange, Observation, Record, Signal

HEADER = "date,time,kind,name,value,unit,note"
ITEMS = tuple(Signal(f"{g} items", g, 0.0, 10.0, 1, 0.1, True) for g in ("mood", "anxiety", "somatic", "sleep"))
PHQ = Signal("PHQ-9", "depression", 0.0, 27.0, 14, 1.0)
RELAPSE = np.array([3.6, 2.4, 0.8, 2.2])
WITHDRAWAL = np.array([0.9, 2.2, 3.2, 2.0])


def table(*rows: str) -> str:
    """A file with these rows."""
    return "\n".join([HEADER, *rows]) + "\n"


def person(
    days: int = 90,
    *,
    drug: str = "paroxetine",
    cut: int | None = 60,
    relapse: int | None = None,
    wave: int | None = None,
    kept: float = 0.9,
    seed: int = 1,
) -> Record:
    """Daily ratings of somebody well, with a sudden relapse or a wave of withdrawal from a day on."""
    rng = np.random.default_rng(seed)
    usual = {"paroxetine": 20.0, "fluoxetine": 20.0, "venlafaxine": 150.0}.get(drug, 20.0)
    found, slow = [], np.zeros(4)
    for day in range(days):
        slow = 0.6 * slow + 0.4 * rng.standard_normal(4)
        size = np.zeros(4)
        if relapse is not None and day >= relapse:
            size = size + min(1.0, (day - relapse + 1) / 4) * RELAPSE
        if wave is not None and day >= wave:
            u = (day - wave + 0.5) / 4.0
            size = size + u * np.exp(1.0 - u) * WITHDRAWAL
        value = np.clip(2.3 + size + slow + 0.35 * rng.standard_normal(4), 0.0, 10.0)
        if rng.random() < kept:
            found += [Observation(day, s.name, float(v), 1, day + 2) for s, v in zip(ITEMS, value, strict=True)]
    doses = [DoseChange(0, drug, usual, "mg", True, 2)]
    if cut is not None and cut < days:
        doses.append(DoseChange(cut, drug, 0.0, "mg", False, 3))
    return Record(dt.date(2026, 1, 5), days, ITEMS, tuple(found), tuple(doses))


def published_shape(seed: int = 1) -> str:
    """A file of the shape of the published single-person record: 239 days, up to ten momentary ratings a day, a blinded
    stepwise taper of venlafaxine from 150 mg to nothing, and a weekly depression score of 1 to 5."""
    rng = np.random.default_rng(seed)
    ladder = dict(zip(range(42, 106, 7), (105, 73, 51, 37, 25, 18, 12, 9, 0), strict=False))
    rows, start = [], dt.date(2012, 8, 13)
    for day in range(239):
        date = start + dt.timedelta(days=day)
        if day == 0:
            rows.append(f"{date},,dose,venlafaxine,150,mg,prescribed")
        if day in ladder:
            rows.append(f"{date},,dose,venlafaxine,{ladder[day]},mg,blinded")
        for k in sorted(rng.choice(10, rng.integers(4, 11), replace=False)):
            at = f"{8 + k:02d}:{rng.integers(60):02d}"
            for name, low, high in (
                ("mood_down", -3, 3),
                ("phy_dizzy", 1, 7),
                ("mood_relaxed", 1, 7),
                ("pat_worry", 1, 7),
            ):
                value = int(np.clip(round((low + high) / 2 - 1 + rng.standard_normal()), low, high))
                rows.append(f"{date},{at},item,{name},{value},{low} to {high},")
        if day % 7 == 3:
            rows.append(f"{date},,rating,SCL-90-R depression,{1.6 + 0.1 * rng.standard_normal():.2f},1-5,weekly")
    return table(*rows)
