"""The result of following one person as one document, ready for JSON, the terminal and the page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotreat import __version__
from cotreat.measures.errors import InputError
from cotreat.measures.scales import scale as find_scale
from cotreat.model.parameter_set import ParameterSet
from cotreat.monitor.alerts import alerts, per_month
from cotreat.monitor.flags import red_flags
from cotreat.monitor.follow import COLLAPSE, Track
from cotreat.monitor.messages import labels, say
from cotreat.monitor.record import Record
from cotreat.monitor.signals import COEFFICIENTS
from cotreat.monitor.verdict import verdict, words_by_day

DISCLAIMER = "Research and decision support, not a medical device"
NOT_VALIDATED = "not validated for individuals"
LIMITS = (
    "The filter was checked on invented patients only; no published record says how often its words are right.",
    "It knows the doses and ratings of this file and nothing else: no life event, other illness, drug or alcohol.",
    "Its numbers about withdrawal are priors: no model of withdrawal was ever fitted to daily ratings of many people.",
)


@dataclass(frozen=True)
class Made:
    """How a document was made: command, seed, language, parameter set and date."""

    command: str
    language: str
    parameters: ParameterSet
    date: dt.date


def document(track: Track, made: Made, research: dict[str, Any] | None = None) -> dict[str, Any]:
    """The document of a followed record; ``research`` is added as it is."""
    record, language = track.record, made.language
    last = record.days - 1
    word = verdict(track, last)
    flags = red_flags(record)
    words = words_by_day(track)
    found: dict[str, Any] = {
        "kind": "monitor",
        "stamp": made.parameters.status,
        "language": language,
        "labels": labels(language),
        "words": {
            w: say("words", w, language)
            for w in ("more like withdrawal", "more like relapse", "could be both", "cannot tell")
        },
        "record": _record(record),
        "verdict": {
            "word": word.word,
            "shown": say("words", word.word, language),
            "date": record.date(last).isoformat(),
            "p_withdrawal": _r(word.withdrawal),
            "p_relapse": _r(word.relapse),
            "p_both": _r(word.both),
            "reasons": word.lines(language),
            "advice": say("advice", word.word, language),
        },
        "flags": [
            {
                "kind": f.kind,
                "shown": say("flags", f.kind, language),
                "level": f.level,
                "when": say("flags", f.level, language),
                "date": record.date(f.day).isoformat(),
                "row": f.row,
                "rule": f.rule,
                "text": f.text,
            }
            for f in flags
        ],
        "flag_note": say("flags", "act" if flags else "none", language),
        "alerts": {
            "list": [
                {"from": record.date(a.first).isoformat(), "to": record.date(a.last).isoformat(), "kind": a.kind}
                for a in alerts(track)
            ],
            "per_30_days": round(per_month(track), 2),
        },
        "days": [
            {
                "date": record.date(d).isoformat(),
                "p_withdrawal": _r(track.withdrawal[d]),
                "p_relapse": _r(track.relapse[d]),
                "p_both": _r(track.both[d]),
                "verdict": words[d],
                "explains": {
                    s.name: {c: _r(track.share[d, j, k]) for k, c in enumerate(COEFFICIENTS)}
                    | {"usual_half": _r(1.64 * track.usual[d, j])}
                    for j, s in enumerate(record.signals)
                },
            }
            for d in range(record.days)
        ],
        "scales": _scales(record),
        "filter": _filter(track),
        "unmodelled": [{"what": what, "why": why} for what, why in track.unmodelled],
        "unused": list(record.unused),
        "limits": list(LIMITS),
    }
    if research is not None:
        found["research"] = {"stamp": NOT_VALIDATED} | research
    found["provenance"] = {
        "command": made.command,
        "seed": track.settings.seed,
        "particles": track.settings.particles,
        "version": __version__,
        "parameters": made.parameters.name,
        "status": made.parameters.status,
        "checksum": made.parameters.checksum,
        "file": record.source,
        "file_checksum": record.checksum,
        "date": made.date.isoformat(),
    }
    found["disclaimer"] = DISCLAIMER
    return found


def _r(value: float) -> float:
    return round(float(value), 4)


def _record(record: Record) -> dict[str, Any]:
    return {
        "start": record.start.isoformat(),
        "end": record.date(record.days - 1).isoformat(),
        "days": record.days,
        "rated_days": len({o.day for o in record.observations}),
        "signals": [
            {
                "name": s.name,
                "construct": s.construct,
                "low": s.low,
                "high": s.high,
                "recall_days": s.recall_days,
                "bands": _bands(s.name),
                "ratings": [
                    {"date": record.date(o.day).isoformat(), "day": o.day, "value": _r(o.value), "count": o.count}
                    for o in record.observations
                    if o.signal == s.name
                ],
            }
            for s in record.signals
        ],
        "doses": [
            {
                "date": record.date(d.day).isoformat(),
                "day": d.day,
                "drug": d.drug,
                "amount": d.amount,
                "unit": d.unit,
                "before": d.before,
            }
            for d in record.doses
        ],
        "taken": [{"day": t.day, "drug": t.drug, "amount": t.amount} for t in record.taken],
        "sessions": [{"day": s.day, "subject": s.subject} for s in record.sessions],
        "events": [{"day": n.day, "text": n.name} for n in record.notices if n.kind == "event"],
    }


def _bands(name: str) -> list[dict[str, Any]]:
    try:
        return [{"name": b.name, "from": b.at_least} for b in find_scale(name).bands]
    except InputError:
        return []


def _scales(record: Record) -> list[dict[str, Any]]:
    """First and last score of each scale, and response or remission where its recall allows them."""
    found: list[dict[str, Any]] = []
    for signal in record.signals:
        if signal.momentary:
            continue
        rated = [o for o in record.observations if o.signal == signal.name]
        first, last = rated[0], rated[-1]
        row: dict[str, Any] = {
            "scale": signal.name,
            "first": {"date": record.date(first.day).isoformat(), "score": first.value},
            "last": {"date": record.date(last.day).isoformat(), "score": last.value},
            "band": None,
            "response": None,
            "remission": None,
            "why_not": "",
        }
        try:
            scale = find_scale(signal.name)
        except InputError:
            found.append(row | {"why_not": "no bands are agreed for this scoring"})
            continue
        if (scale.low, scale.high) != (signal.low, signal.high):
            found.append(row | {"why_not": "no bands are agreed for this scoring"})
            continue
        row["band"] = scale.band(last.value)
        try:
            row["response"] = scale.responded(first.value, last.value, last.day - first.day)
            row["remission"] = scale.remitted(last.value, last.day - first.day)
        except InputError as error:
            row["response"] = row["remission"] = None
            row["why_not"] = error.message
        found.append(row)
    return found


def _filter(track: Track) -> dict[str, Any]:
    stages = int((track.stages > 1).sum())
    left = track.particles_left
    note = "no day left too few particles"
    if stages:
        note = f"{stages} days left fewer than {100 * COLLAPSE:g} % of the particles and were taken in stages"
    return {
        "particles": track.settings.particles,
        "smallest_share_left": _r(left.min()),
        "median_share_left": _r(np.median(left)),
        "days_resampled": int(track.resampled.sum()),
        "days_in_stages": stages,
        "note": note,
    }
