"""The four words, and why: what a day's probabilities, doses and ratings are called.

*cannot tell* is the word whenever there is too little, or nothing, to explain; it never suggests going on with a taper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cotreat.monitor.dynamics import half_life_days
from cotreat.monitor.follow import Track
from cotreat.monitor.messages import say
from cotreat.monitor.record import Record
from cotreat.monitor.signals import ILLNESS, LEVEL, STRESS, WITHDRAWAL

MORE_WITHDRAWAL, MORE_RELAPSE = "more like withdrawal", "more like relapse"
BOTH, CANNOT_TELL = "could be both", "cannot tell"
WORDS = (MORE_WITHDRAWAL, MORE_RELAPSE, BOTH, CANNOT_TELL)
LIKELY, UNLIKELY = 0.6, 0.3
FEWEST_DAYS = 5
OLDEST_RATING = 14
_RECENT_CUT = 42
_USUAL_WINDOW = 7


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word of a day, its probabilities, and reasons as (key of the message, values)."""

    day: int
    word: str
    withdrawal: float
    relapse: float
    both: float
    reasons: tuple[tuple[str, dict[str, Any]], ...]

    def lines(self, language: str) -> list[str]:
        """The reasons in words."""
        return [say("reasons", key, language, **_labelled(values, language)) for key, values in self.reasons]


def _labelled(values: dict[str, Any], language: str) -> dict[str, Any]:
    if "ratings" not in values:
        return values
    from cotreat.monitor.messages import known

    named = []
    for name, change in values["ratings"]:
        label = say("labels", name, language) if name in known("labels") else name
        named.append(f"{label} {change:+.1f}")
    return values | {"ratings": ", ".join(named)}


def word_of(withdrawal: float, relapse: float, both: float) -> str:
    """The word for probabilities alone."""
    if both >= 0.5 or (withdrawal >= LIKELY and relapse >= LIKELY):
        return BOTH
    if withdrawal >= LIKELY and relapse <= UNLIKELY:
        return MORE_WITHDRAWAL
    if relapse >= LIKELY and withdrawal <= UNLIKELY:
        return MORE_RELAPSE
    if max(withdrawal, relapse) >= LIKELY:
        return BOTH
    return CANNOT_TELL


def verdict(track: Track, day: int) -> Verdict:
    """The verdict of a day, from what was known at its end."""
    record = track.record
    w, r, both = (float(v[day]) for v in (track.withdrawal, track.relapse, track.both))
    chances = {"withdrawal": round(100 * w), "relapse": round(100 * r), "both": round(100 * both)}
    rated = sorted({o.day for o in record.observations if o.day <= day})
    reasons: list[tuple[str, dict[str, Any]]] = []
    word = word_of(w, r, both)
    if len(rated) < FEWEST_DAYS:
        reasons.append(("too_few", {"days": len(rated), "needed": FEWEST_DAYS}))
    elif day - rated[-1] > OLDEST_RATING:
        reasons.append(("old", {"days": day - rated[-1]}))
    blind = _unmodelled_change(track, day)
    if blind:
        reasons.append(("unmodelled", {"what": ", ".join(blind)}))
    if reasons:
        word = CANNOT_TELL
    elif word == CANNOT_TELL:
        key = "no_rise" if w + r - both < 0.2 else "undecided"
        reasons.append((key, chances if key == "undecided" else {}))
    else:
        reasons.append(("chance", chances))
    reasons += _onset(record, day)
    missed = sum(1 for t in record.taken if day - 14 < t.day <= day and t.amount == 0)
    if missed:
        reasons.append(("missed", {"count": missed}))
    if word != CANNOT_TELL:
        reasons += _items(track, day) + _shape(track, day, word)
    return Verdict(day, word, w, r, both, tuple(reasons))


def words_by_day(track: Track) -> list[str]:
    """The word of every day."""
    rated = np.zeros(track.record.days, int)
    for day in {o.day for o in track.record.observations}:
        rated[day] = 1
    so_far = np.cumsum(rated)
    last = np.maximum.accumulate(np.where(rated > 0, np.arange(len(rated)), -10_000))
    words = []
    for day in range(track.record.days):
        enough = so_far[day] >= FEWEST_DAYS and day - last[day] <= OLDEST_RATING
        if not enough or _unmodelled_change(track, day):
            words.append(CANNOT_TELL)
        else:
            words.append(word_of(*(float(v[day]) for v in (track.withdrawal, track.relapse, track.both))))
    return words


def _unmodelled_change(track: Track, day: int) -> list[str]:
    """Drugs without an effect in the model that were changed lately."""
    names = {name for name, _ in track.unmodelled}
    changes = [d for d in track.record.doses if d.drug in names and not d.before and 0 <= day - d.day <= _RECENT_CUT]
    return sorted({d.drug for d in changes})


def _onset(record: Record, day: int) -> list[tuple[str, dict[str, Any]]]:
    cuts = [c for c in record.cuts() if c[0] <= day]
    if not cuts:
        return [("no_cut", {})]
    when, drug, before, after = cuts[-1]
    half = half_life_days(drug)
    words = f"{24 * half:.0f} h" if half < 2.5 else f"{half:.0f} d"
    first, last = max(1, round(half)), round(7 + 6 * half)
    values = {
        "since": day - when,
        "drug": drug,
        "before": f"{round(before, 2):g}",
        "after": f"{round(after, 2):g}",
        "half_life": words,
    }
    return [("onset", values | {"first": first, "last": last})]


def _items(track: Track, day: int) -> list[tuple[str, dict[str, Any]]]:
    """How far each signal lies above the person's own level in the last week."""
    ratings = []
    for j, signal in enumerate(track.record.signals):
        recent = [
            o.value for o in track.record.observations if o.signal == signal.name and day - _USUAL_WINDOW < o.day <= day
        ]
        if recent:
            ratings.append((signal.name, float(np.mean(recent) - track.share[day, j, LEVEL])))
    return [("items", {"ratings": ratings})] if ratings else []


def _shape(track: Track, day: int, word: str) -> list[tuple[str, dict[str, Any]]]:
    part = WITHDRAWAL if word == MORE_WITHDRAWAL else ILLNESS
    begin = max(0, day - 60)
    course = track.share[begin : day + 1, :, part].sum(axis=1) if track.share.shape[1] else np.zeros(1)
    top = int(np.argmax(course))
    since_peak = len(course) - 1 - top
    if part == WITHDRAWAL and since_peak >= 2 and course[-1] < 0.85 * course[top]:
        return [("wave", {"days": since_peak})]
    low = np.flatnonzero(course[: top + 1] < 0.3 * course[top])
    days = len(course) - 1 - (int(low[-1]) if len(low) else 0)
    return [("builds", {"days": days})] if since_peak < 3 and days > 1 else []


__all__ = ["STRESS", "WORDS", "Verdict", "verdict", "word_of", "words_by_day"]
