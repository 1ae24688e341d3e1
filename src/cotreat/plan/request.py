"""What is asked of a taper: the drug and dose, how fast, from which preparations, from which day."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, get_args

from cotreat.catalogue.drug_table import Drug, drug, drugs
from cotreat.measures.errors import InputError
from cotreat.measures.suggest import fold
from cotreat.regimen.parse import parse
from cotreat.regimen.quantities import plain
from cotreat.regimen.values import Frequency, Give, Regimen
from cotreat.safety.pack import LANGUAGES, Pack
from cotreat.safety.patient import Patient

Speed = Literal["slow", "standard", "fast"]
Kept = Literal["slow", "quick"]
Forms = Literal["EU", "US", "UK", "KR", "JP"]
RELEASES: tuple[Kept, ...] = get_args(Kept)
SPEEDS: tuple[Speed, ...] = get_args(Speed)
COUNTRIES: tuple[Forms, ...] = get_args(Forms)
REASONS = ("remission", "patient_wish", "inefficacy", "switch", "harm", "not_stated")
LONGEST_WEEKS = 500
CLOSEST = 7
"""Days between two cuts of an antidepressant at least: cuts within a week are judged as one step by the rules."""
EXAMPLES = ("venlafaxine 225 mg daily", "diazepam 20 mg daily", "lithium 450 mg twice daily")
TMS = "iTBS 600 pulses at 120 % rMT to left DLPFC"
IN_SESSIONS = ("ketamine", "esketamine")
_ONCE_A_DAY = re.compile(r"\b(?:at night|at bedtime|in the (?:morning|evening))\s*$")
_STEPS = re.compile(r"^\s*(\d{1,3})\s*(w|weeks?|d|days?|months?)\s*$")


@dataclass(frozen=True, slots=True)
class Options:
    """How to plan. None: what the drug's group usually takes (``data/tapers.csv`` of the catalogue).

    ``weeks`` from the first cut to the stop; ``every_days`` between cuts. ``forms``: the country whose preparations are
    dispensed. ``preparations`` are further ones, as ``7.5 mg tablet`` or ``1 mg/mL solution``, vouched for by whoever
    writes them down. ``release``: whether a slow or a quick release is taken now. ``made_to_order``: a pharmacy may
    make what no marketed preparation makes. ``with_tms``: iTBS beside the taper, or a sentence of your own about a
    stimulation. ``confirm_strengths``: a prescriber has confirmed the strengths on the list; ``confirm_dose``: the
    starting dose is right although it is above the usual maximum.
    """

    speed: Speed = "standard"
    weeks: float | None = None
    every_days: int | None = None
    forms: Forms = "EU"
    preparations: tuple[str, ...] = ()
    release: Kept | None = None
    made_to_order: bool = True
    with_tms: bool | str = False
    reason: str | None = None
    confirm_strengths: bool = False
    confirm_dose: bool = False
    start: date | None = None
    today: date | None = None
    language: str = "en"


@dataclass(frozen=True)
class Request:
    """A drug taken now: ``mg`` at each of ``times`` a day, with the options and the person it is planned for."""

    drug: Drug
    mg: float
    times: int
    options: Options
    start: date
    today: date
    patient: Patient = field(default_factory=Patient)
    pack: Pack | None = None

    @property
    def per_day(self) -> float:
        """Milligrams a day taken now."""
        return self.mg * self.times

    @property
    def sentence(self) -> str:
        """The request in words."""
        often = {1: "daily", 2: "twice daily"}.get(self.times, f"{self.times} times a day")
        return f"{self.drug.id} {plain(self.mg)} mg {often}"

    @property
    def monday(self) -> date:
        """The Monday that is day 0 of the ledger: in the ledger days 0, 7, ... are Mondays."""
        return self.start - timedelta(days=self.start.weekday())


def read_request(text: str, options: Options, patient: Patient | None = None, pack: Pack | None = None) -> Request:
    """The request of a sentence such as ``venlafaxine 225 mg daily``.

    Raises InputError, saying what would work, for anything that cannot be planned: an unknown drug, a dose above the
    maximum, doses on alternate days, no time at all, a day in the past.
    """
    today = options.today or date.today()
    start = start_day(options.start, today)
    _check(options)
    if not isinstance(text, str) or not text.strip():
        raise InputError("which drug is tapered?", examples=EXAMPLES)
    found, mg, times = _read(text)
    _check_dose(found, mg, times, options)
    if options.every_days is not None and options.every_days < CLOSEST and "antidepressant" in found.groups:
        raise InputError(
            f"cuts of {found.id} less than a week apart: what one brings shows only after days",
            hint=f"Give at least {CLOSEST} days; 2w to 4w is usual.",
        )
    return Request(found, mg, times, options, start, today, patient or Patient(), pack)


def read_steps(text: str) -> int:
    """Days between steps of a text such as 2w, 14d, 3 months (of 28 days); InputError when there are none."""
    read = _STEPS.match(text)
    if read is None:
        raise InputError(f"cannot read steps every {text!r}", hint="Write 2w, 14d or 3 months.")
    days = int(read[1]) * {"w": 7, "d": 1, "m": 28}[read[2][0]]
    if days < 1:
        raise InputError("steps every 0 days: no time between them", hint="Write 2w, 4w or 3 months.")
    return days


def read_date(text: str, what: str) -> date:
    """A date as 2026-11-30; InputError for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{what}: {text!r} is no date", hint="Write it as 2026-11-30.") from None


def start_day(start: date | None, today: date) -> date:
    """The day a plan starts, the next Monday by default; InputError for one in the past or more than a year away."""
    if start is None:
        return today + timedelta(days=-today.weekday() % 7)
    if start < today:
        raise InputError(f"the start, {start}, is in the past: today is {today}", hint=f"Start on {today} or later.")
    if start > today + timedelta(days=366):
        raise InputError(f"the start, {start}, is more than a year away", hint="Plan nearer to the day: facts change.")
    return start


def _check(options: Options) -> None:
    for value, allowed, name in (
        (options.speed, SPEEDS, "speed"),
        (options.forms, COUNTRIES, "forms"),
        (options.language, LANGUAGES, "language"),
        (options.release, (None, *RELEASES), "release"),
    ):
        if value not in allowed:
            raise InputError(
                f"{name} {value!r} is not known", hint=f"It can be {', '.join(str(a) for a in allowed if a)}."
            )
    if options.reason is not None and _reason(options.reason) not in REASONS:
        raise InputError(f"reason {options.reason!r} is not known", hint=f"It can be {', '.join(REASONS)}.")
    if options.weeks is not None and not (math.isfinite(options.weeks) and 0 < options.weeks <= LONGEST_WEEKS):
        raise InputError(
            f"a taper over {options.weeks:g} weeks cannot be planned", hint=f"Give 1 to {LONGEST_WEEKS} weeks."
        )
    if options.every_days is not None and not 1 <= options.every_days <= 7 * 52:
        raise InputError(f"steps every {options.every_days} days cannot be planned", hint="Give 1 day to 52 weeks.")
    if isinstance(options.with_tms, str):
        parse(options.with_tms)


def reason_of(options: Options) -> str | None:
    """The reason as the rules name it."""
    return None if options.reason is None else _reason(options.reason)


def _reason(text: str) -> str:
    return fold(text).replace(" ", "_").replace("-", "_")


def _read(text: str) -> tuple[Drug, float, int]:
    try:
        regimen = parse(_ONCE_A_DAY.sub("daily", text))
    except InputError as error:
        hint = error.hint
        if hint is None and "unknown word" in error.message:
            hint = f"Drugs on file: {', '.join(d.id for d in drugs() if d.id not in IN_SESSIONS)}."
        elif "a dose of 0" in error.message:
            hint = "Give the dose that is taken now."
        raise InputError(error.message, hint=hint, excerpt=error.excerpt, examples=EXAMPLES) from None
    wrong = InputError(f"a taper begins from one drug and its dose a day, not from {text!r}", examples=EXAMPLES)
    part = _only_part(regimen)
    if not isinstance(part, Give) or len(part.segments) != 1 or part.sham:
        raise wrong
    segment = part.segments[0]
    if segment.how.dose is None or not isinstance(segment.rhythm, Frequency):
        raise wrong
    if segment.length is not None and part.subject in IN_SESSIONS:
        raise in_sessions(part.subject)
    if segment.length is not None or segment.start is not None or segment.window is not None:
        raise InputError("say only what is taken now, not for how long", examples=EXAMPLES)
    found = drug(part.subject)
    if found.id in IN_SESSIONS or segment.how.over is not None:
        raise in_sessions(found.id)
    _check_rhythm(found, segment.rhythm)
    amount, unit = segment.how.dose.standard
    if unit != "mg":
        raise InputError(f"a taper is planned in mg, not in {unit}", examples=EXAMPLES)
    return found, amount, segment.rhythm.times


def in_sessions(name: str) -> InputError:
    """The error for a drug that is not taken at home."""
    return InputError(
        f"{name} is given in sessions, under supervision: it is ended by spacing them, not by a taper at home",
        examples=(
            "esketamine 56 mg nasal weekly for 4 weeks then every 2 weeks for 8 weeks",
            "ketamine 0.5 mg/kg IV over 40 minutes weekly for 4 weeks then every 2 weeks for 8 weeks",
        ),
    )


def _only_part(regimen: Regimen) -> object:
    parts = list(regimen.parts())
    if len(parts) != 1:
        raise InputError(
            "one drug at a time is tapered", hint="Plan each by itself: two at once hide which one is felt."
        )
    return parts[0]


def _check_rhythm(found: Drug, rhythm: Frequency) -> None:
    if rhythm.pattern == "every days" and rhythm.n == 1:
        return
    raise InputError(alternate_days(found), examples=EXAMPLES)


def alternate_days(found: Drug) -> str:
    """Why doses on alternate days are not planned for a drug, with what is left of a dose after two days."""
    longest = max([found.half_life_h or 0.0, *(m.half_life_h[1] for m in found.metabolites if m.half_life_h)])
    if not longest:
        return f"{found.id}: no half-life is on file, so doses on alternate days are not planned; give the dose a day"
    left = 100 * 0.5 ** (48 / longest)
    if longest >= 96:
        return (
            f"{found.id} is not planned on alternate days: {left:.0f} % of a dose is left after two days, but the "
            "safety rules and the dispensing list count a dose a day; give the dose a day"
        )
    curve = found.occupancy
    swing = ""
    if curve is not None and curve.usable and found.typical_dose_mg is not None:
        high = curve.percent(found.typical_dose_mg)
        low = curve.percent(found.typical_dose_mg * left / 100)
        swing = f", and {curve.target} occupancy would swing between about {high:.0f} and {low:.0f} %"
    return (
        f"{found.id} cannot be taken on alternate days: with a half-life of {longest:g} h only {left:.2g} % of a dose "
        f"is left after two days{swing}; smaller daily doses do what longer gaps cannot"
    )


def _check_dose(found: Drug, mg: float, times: int, options: Options) -> None:
    if mg <= 0:
        raise InputError("a taper from 0 mg: nothing is left to taper", examples=EXAMPLES)
    found.check_dose(mg, "mg", times)
    usual = found.max_dose_mg
    if usual is not None and mg * times > usual + 1e-9 and not options.confirm_dose:
        raise InputError(
            f"{found.id} {plain(mg * times)} mg a day is above {plain(usual)} mg, the most that is usual",
            hint="If that is really what is taken, say so (--confirm-dose).",
        )
