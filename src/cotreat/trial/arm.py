"""What is given when, as swimlanes for a figure."""

from __future__ import annotations

from cotreat.regimen.ledger import Ledger, Phase


def timeline(ledger: Ledger, horizon: int) -> list[dict[str, object]]:
    """What is given when, as swimlanes for a figure: one bar or row of ticks for each subject and phase.

    A phase behind a decision begins at the latest day it can, and is marked conditional.
    """
    begins = _latest_start(ledger)
    lanes: list[dict[str, object]] = []
    for number, phase in enumerate(ledger.phases):
        start = begins.get(number)
        if start is None or start >= horizon:
            continue
        lanes += _bars(phase, start, horizon, conditional=number not in ledger.first)
    return lanes


def _bars(phase: Phase, start: int, horizon: int, *, conditional: bool) -> list[dict[str, object]]:
    bars: list[dict[str, object]] = []
    for key in dict.fromkeys((i.subject, i.kind, i.amount, i.unit, i.sham) for i in phase.items):
        subject, kind, amount, unit, sham = key
        mine = [i for i in phase.items if (i.subject, i.kind, i.amount, i.unit, i.sham) == key]
        days = sorted({i.day + start for i in mine if i.day + start < horizon})
        if days:
            bars.append(
                {
                    "subject": f"sham {subject}" if sham else subject,
                    "kind": kind,
                    "from_day": days[0],
                    "to_day": days[-1] + 1,
                    "days": days if kind == "session" else [],
                    "amount": amount,
                    "unit": unit,
                    "conditional": conditional,
                }
            )
    return bars


def _latest_start(ledger: Ledger) -> dict[int, int]:
    """Latest day each phase can begin, following transitions forward (a phase entered twice counts once)."""
    begins = dict.fromkeys(ledger.first, 0)
    queue = list(ledger.first)
    while queue:
        phase = queue.pop(0)
        for t in ledger.transitions:
            if t.phase != phase:
                continue
            for _, following in t.set_phases:
                day = begins[phase] + t.day
                if following not in begins:
                    queue.append(following)
                begins[following] = max(begins.get(following, 0), day) if following not in ledger.first else 0
    return begins
