"""What if: the present state carried on under several options, on common luck, each with its safety verdict.

For research only. All options share the same particles and the same random numbers, so a difference between two of them
is a difference of the options. Below five in a hundred a difference is not told apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.monitor.dynamics import STEPS, Day, Given, given, particle_constants, with_channels
from cotreat.monitor.follow import PRESENT, Filter
from cotreat.monitor.record import DoseChange, Record
from cotreat.regimen.ledger import Before, Item, Ledger, Phase
from cotreat.simulate.channels import channels_of

WEEKS = 8
MATTERS = 0.05
BASIS = "model only, no direct trial"
_PARTICLES = 1000
_TMS_WEEKS = 6
_LOOK = (28, 56)


@dataclass(frozen=True)
class Option:
    """One way to go on: its name, what it means, the daily dose of the drug from tomorrow, sessions, and a sentence."""

    name: str
    text: str
    dose: float | None
    tms: bool
    sentence: str


def options(record: Record, day: int) -> tuple[str | None, list[Option]]:
    """The drug that is tapered, and the ways to go on from a day."""
    cuts = [c for c in record.cuts() if c[0] <= day]
    known = [d for d in record.drugs if record.prescribed(d, day) is not None]
    drug = cuts[-1][1] if cuts else (known[0] if known else None)
    if drug is None or next(d.unit for d in record.doses if d.drug == drug) != "mg":
        return None, []
    now = record.prescribed(drug, day) or 0.0
    first = next(d.amount for d in record.doses if d.drug == drug)
    own = [c for c in cuts if c[1] == drug]
    back = own[-1][2] if own else None
    step = own[-1][2] - own[-1][3] if own else first / 4.0
    hold = f"{drug} {now:g} mg daily for {WEEKS} weeks" if now > 0 else ""
    found = [Option("hold", f"{drug} stays at {round(now, 2):g} mg" if now else f"{drug} stays off", now, False, hold)]
    if back is not None:
        sentence = (
            f"raise {drug} from {now:g} mg to {back:g} mg daily"
            if now > 0
            else f"{drug} {back:g} mg daily for {WEEKS} weeks"
        )
        found.append(
            Option(
                "step back",
                f"{drug} back to {round(back, 2):g} mg, the dose before the last cut",
                back,
                False,
                sentence,
            )
        )
    if now > 0:
        lower = max(0.0, now - step)
        sentence = f"lower {drug} from {now:g} mg to {lower:g} mg daily" if lower > 0 else f"stop {drug}"
        found.append(
            Option("go on", f"{drug} down to {round(lower, 2):g} mg, a step like the last", lower, False, sentence)
        )
    tms = f"iTBS 5 days a week for {_TMS_WEEKS} weeks"
    found.append(
        Option(
            "add TMS",
            f"the same dose with {tms}; no trial has shown that it eases a taper",
            now,
            True,
            f"{hold}\n{tms}".strip(),
        )
    )
    if own and first not in (now, back):
        sentence = (
            f"raise {drug} from {now:g} mg to {first:g} mg daily"
            if now > 0
            else f"{drug} {first:g} mg daily for {WEEKS} weeks"
        )
        found.append(
            Option("restart", f"{drug} at {first:g} mg again, the dose before the taper", first, False, sentence)
        )
    return drug, found


def what_if(run: Filter) -> dict[str, Any]:
    """Every option from the end of the record: chances over eight weeks, against holding, with safety."""
    record = run.record
    day = record.days - 1
    drug, found = options(record, day)
    if drug is None or drug not in {d.name for d in run.given.channels.drugs}:
        return {
            "options": [],
            "basis": BASIS,
            "note": "no drug in mg that the model knows is taken, so there is nothing to vary",
        }
    length = record.days + 7 * WEEKS
    sessions = tuple(
        Item(record.days + 7 * week + d, 10.0, "iTBS", "session", 1.0, "session")
        for week in range(_TMS_WEEKS)
        for d in range(5)
    )
    wide = _channels(run, sessions)
    outcomes = []
    for option in found:
        changed = replace(record, doses=(*record.doses, _change(record, drug, option.dose, day + 1)))
        # rows count from day 0 of the record; the dose of the option holds from the day after its end
        ahead = given(replace(changed, days=length), length, sessions if option.tms else ())
        outcomes.append(_carry(run, with_channels(ahead, wide)))
    rows = []
    for option, (ill, withdrawal) in zip(found, outcomes, strict=True):
        row: dict[str, Any] = {"option": option.name, "text": option.text, "sentence": option.sentence,
                               "safety": _safety(option, record, drug, day)}  # fmt: skip
        for k, look in enumerate(_LOOK):
            row[f"p_ill_day_{look}"] = round(float(ill[k].mean()), 3)
        row["p_withdrawal_within_4_weeks"] = round(float(withdrawal.mean()), 3)
        row["contrast"] = "" if option is found[0] else _contrast(outcomes[0], (ill, withdrawal))
        rows.append(row)
    return {
        "options": rows,
        "basis": BASIS,
        "drug": drug,
        "note": f"from day {day} on common luck, {_PARTICLES} particles; chances of being ill on days 28, 56 and of "
        f"withdrawal within 4 weeks; below {100 * MATTERS:g} in 100 a difference is not told apart",
    }


def _change(record: Record, drug: str, dose: float | None, day: int) -> DoseChange:
    return DoseChange(day, drug, dose or 0.0, next(d.unit for d in record.doses if d.drug == drug), False, 0)


def _channels(run: Filter, sessions: tuple[Item, ...]) -> Any:
    """Channels that hold those of the person and of every option."""
    drugs = run.given.channels.drugs
    before = tuple(
        Before(d.name, 1.0, "mg" if not d.by_level else ("mmol/L" if d.name == "lithium" else "ng/mL")) for d in drugs
    )
    own = {s.subject: Item(0, 10.0, s.subject, "session", 1.0, "session") for s in run.record.sessions}
    blocked = {name for name, _ in run.given.unmodelled}
    items = (*sessions, *(i for name, i in own.items() if name not in blocked))
    return channels_of([Ledger((Phase(0, "options", items),), (), (0,), before)])


def _carry(run: Filter, found: Given) -> tuple[np.ndarray, np.ndarray]:
    """Whether each particle is ill on the days looked at (2, n), and has withdrawal within four weeks (n,)."""
    seed, first = run.settings.seed, run.record.days
    rng = np.random.default_rng([seed, 400])
    index = rng.choice(len(run.cloud.weight), _PARTICLES, p=run.cloud.weight)
    cloud = run.cloud.take(index)
    names, own = found.channels.states, run.given.channels.states
    state = np.zeros((len(names), _PARTICLES), np.float32)
    for j, name in enumerate(own):
        if name in names:
            state[names.index(name)] = cloud.state[j]
    c = particle_constants(cloud.person.parameters(), found.channels, cloud.person["half_life"])
    step, constants = Day.of(found.channels, c), np.stack(list(c.values())).astype(np.float32)
    mood = names.index("mood")
    ill, withdrawal = [], np.zeros(_PARTICLES, bool)
    for k in range(1, 7 * WEEKS + 1):
        noise = np.random.default_rng([seed, 401, k]).standard_normal((STEPS, _PARTICLES)).astype(np.float32)
        state, _, push = step(state, constants, found.inputs[first + k - 1], noise)
        withdrawal |= (push >= PRESENT * run.usual) & (k <= 28)
        if k in _LOOK:
            ill.append(state[mood] > 0)
    return np.array(ill), withdrawal


def _contrast(hold: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> str:
    """What differs from holding, or that it cannot be told apart."""
    parts = []
    for name, a, b in (("ill on day 56", other[0][-1], hold[0][-1]), ("withdrawal within 4 weeks", other[1], hold[1])):
        difference = a.astype(float) - b.astype(float)
        mean, error = float(difference.mean()), float(difference.std() / np.sqrt(len(difference)))
        if abs(mean) < MATTERS or abs(mean) < 2 * error:
            parts.append(f"{name}: cannot tell apart from holding")
        else:
            parts.append(f"{name}: {100 * abs(mean):.0f} in 100 {'more' if mean > 0 else 'fewer'} than holding")
    return "; ".join(parts)


def _safety(option: Option, record: Record, drug: str, day: int) -> str:
    """The verdict words of the safety rules for an option; nothing is known of the patient but the doses."""
    from cotreat.regimen.parse import parse
    from cotreat.safety.check import NOT_CHECKED, check

    if not option.sentence:
        return NOT_CHECKED
    try:
        return check(parse(option.sentence)).word
    except InputError as error:
        return f"{NOT_CHECKED} ({error.message})"
