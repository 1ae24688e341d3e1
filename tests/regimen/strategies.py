"""Hypothesis strategies for regimens: values that obey the rules of the language, built without the parser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from cotreat.regimen.quantities import Dose, Duration, How, Intensity
from cotreat.regimen.values import (
    Anchor,
    AroundEach,
    AtEach,
    Chain,
    Change,
    Condition,
    Day,
    DrugDose,
    For,
    ForFirst,
    Frequency,
    Give,
    Group,
    Hold,
    Level,
    Occasion,
    Part,
    Regimen,
    Segment,
    Spread,
    Statement,
    Stop,
    Switch,
    Taper,
    Until,
    UntilLast,
    UntilTaperEnds,
    Week,
    When,
    WindowAround,
    WindowBefore,
)

MODALITIES = ("iTBS", "ECT", "tDCS", "CBT", "exercise", "rTMS", "H-coil rTMS", "cTBS")
DRUGS = (
    "escitalopram",
    "sertraline",
    "venlafaxine",
    "aripiprazole",
    "quetiapine",
    "diazepam",
    "mirtazapine",
    "bupropion",
)
PLAUSIBLE_MG = {
    "escitalopram": (2.5, 20),
    "sertraline": (25, 200),
    "venlafaxine": (37.5, 225),
    "aripiprazole": (1, 15),
    "quetiapine": (25, 300),
    "diazepam": (1, 20),
    "mirtazapine": (7.5, 45),
    "bupropion": (75, 300),
}
SITES = ("left DLPFC", "right DLPFC", "vertex")


def weeks(low: int = 1, high: int = 26) -> st.SearchStrategy[Duration]:
    return st.integers(low, high).map(lambda n: Duration(n, "weeks"))


def lengths() -> st.SearchStrategy[For]:
    days = st.integers(2, 60).map(lambda n: Duration(n, "days"))
    return st.one_of(weeks(), days).map(For)


def frequencies(most_a_day: int = 1) -> st.SearchStrategy[Frequency]:
    days = st.one_of(
        st.just(("every days", 1)),
        st.tuples(st.just("days a week"), st.integers(2, 6)),
        st.tuples(st.just("every weeks"), st.integers(1, 6)),
        st.tuples(st.just("every days"), st.integers(2, 20)),
    )
    return st.builds(lambda times, d: Frequency(times, d[0], d[1]), st.integers(1, most_a_day), days)


@st.composite
def doses(draw: Any, drug: str, divided: int = 1) -> Dose:
    low, high = PLAUSIBLE_MG[drug]
    return Dose(round(draw(st.floats(low, high)) / divided, 2), "mg")


@st.composite
def hows(draw: Any, subject: str) -> How:
    """Qualifiers a modality may have, each present or not."""
    if subject == "ECT":
        return How(placement=draw(st.sampled_from([None, "bitemporal", "right unilateral", "ultrabrief bitemporal"])))
    if subject == "tDCS":
        return How(
            milliampere=draw(st.sampled_from([None, 1.0, 2.0])),
            minutes=draw(st.sampled_from([None, Duration(20, "minutes"), Duration(1, "hours")])),
            site=draw(st.sampled_from([None, *SITES])),
        )
    if subject in ("CBT", "exercise"):
        return How(
            minutes=draw(st.sampled_from([None, Duration(50, "minutes")])),
            format=draw(st.sampled_from([None, "group", "individual", "online"])),
        )
    return How(
        pulses=draw(st.sampled_from([None, 600.0, 1800.0])),
        hertz=draw(st.sampled_from([None, 1.0, 10.0, 18.0])) if "rTMS" in subject else None,
        intensity=draw(st.sampled_from([None, Intensity(120, "rMT"), Intensity(80, "aMT")])),
        site=draw(st.sampled_from([None, *SITES])),
    )


@st.composite
def courses(draw: Any, subject: str, *, ends: bool) -> Give:
    """Sessions of a modality, in one to three stretches."""
    how = draw(hows(subject))
    sham = subject in ("iTBS", "rTMS", "tDCS", "ECT") and draw(st.booleans())
    count = draw(st.integers(1, 3))
    segments = []
    for i in range(count):
        last = i == count - 1
        rhythm = draw(frequencies(2 if subject not in ("CBT", "ECT") else 1))
        length = draw(lengths())
        if last and draw(st.integers(0, 5)) == 0:
            over = draw(weeks(2, 10))
            sessions = draw(st.integers(1, round(over.amount) * 5))
            segments.append(Segment(Spread(sessions, over), how if i == 0 else How()))
            continue
        open_end = last and not ends and draw(st.booleans())
        segments.append(Segment(rhythm, how if i == 0 else How(), None if open_end else length))
    return Give(subject, tuple(segments), sham, draw(st.booleans()))


@st.composite
def undecided(draw: Any, subject: str) -> Give:
    """A course until an outcome."""
    cap = draw(st.one_of(st.none(), st.integers(1, 20)))
    rhythm = draw(frequencies())
    length = Until(draw(st.sampled_from(["remission", "response", "relapse"])))
    return Give(subject, (Segment(rhythm, draw(hows(subject)), length, None, None, cap, draw(st.booleans())),))


@st.composite
def drug_parts(draw: Any, drug: str, *, ends: bool) -> Give:
    """A drug by dose, in one or two stretches."""
    often = draw(frequencies(3))
    first = Segment(often, How(dose=draw(doses(drug, often.times))), draw(lengths()))
    if draw(st.booleans()):
        later = draw(frequencies(2))
        dose = draw(st.one_of(st.none(), doses(drug, later.times)))
        # The first dose goes on at the new frequency: it must fit a day of that too.
        if dose is None:
            later = replace(later, times=min(later.times, often.times))
        return Give(drug, (first, Segment(later, How(dose=dose), draw(lengths()) if ends else None)))
    return Give(drug, (first if ends or draw(st.booleans()) else replace(first, length=None),))


def levels(ends: bool) -> st.SearchStrategy[Give]:
    targets = st.sampled_from(
        [("nortriptyline", Level(100, "ng/mL")), ("lithium", Level(0.7, "mmol/L")), ("lithium", Level(0.45, "mmol/L"))]
    )
    return st.builds(
        lambda t, length: Give(t[0], (Segment(t[1], How(), length),)), targets, lengths() if ends else st.none()
    )


@st.composite
def chains(draw: Any, modalities: list[str], drugs: list[str]) -> Chain:
    """Groups of one or two parts, one after the other; takes its subjects out of the lists."""
    groups = []
    count = draw(st.integers(1, 3))
    for i in range(count):
        last = i == count - 1
        parts: list[Part] = []
        for j in range(draw(st.integers(1, 2))):
            ends = j == 0 and not last
            kind = draw(st.sampled_from(["course", "until", "drug"]))
            if kind == "drug" and drugs:
                parts.append(draw(drug_parts(drugs.pop(), ends=ends)))
            elif kind == "until" and modalities and i == 0 and j == 0:
                parts.append(draw(undecided(modalities.pop())))
            elif modalities:
                parts.append(draw(courses(modalities.pop(), ends=ends)))
        if not parts:
            break
        groups.append(Group(tuple(parts)))
        if not any(_ends(p) for p in parts):
            break
    return Chain(tuple(groups))


def _ends(part: Part) -> bool:
    return isinstance(part, Give) and (
        part.segments[-1].length is not None or isinstance(part.segments[-1].rhythm, Spread)
    )


@st.composite
def regimens(draw: Any) -> Regimen:
    """Up to four statements of chains, and orders that hang on a stimulation."""
    modalities = list(draw(st.permutations(MODALITIES)))
    drugs = list(draw(st.permutations(DRUGS)))
    statements: list[Statement] = []
    lead = modalities.pop()
    statements.append(Chain((Group((draw(courses(lead, ends=True)),)),)))
    for _ in range(draw(st.integers(0, 2))):
        chain = draw(chains(modalities, drugs))
        if chain.groups:
            statements.append(chain)
    for kind in draw(st.lists(st.sampled_from(sorted(HANGING)), max_size=2, unique=True)):
        if len(drugs) < 2:
            break
        statements += draw(HANGING[kind](lead, drugs))
    order = draw(st.permutations(range(len(statements))))
    return Regimen(tuple(statements[i] for i in order))


def _alone(part: Part) -> Statement:
    return Chain((Group((part,)),))


@st.composite
def _moments(draw: Any, lead: str) -> Any:
    return draw(
        st.one_of(
            st.integers(1, 12).map(Week),
            st.integers(0, 90).map(Day),
            st.just(Anchor("first", lead)),
            st.just(Anchor("last", lead)),
            weeks(1, 4).map(lambda w: Anchor("first", lead, w, "before")),
            weeks(1, 4).map(lambda w: Anchor("last", lead, w, "after")),
        )
    )


@st.composite
def _anchored(draw: Any, lead: str, drugs: list[str]) -> list[Statement]:
    give = draw(drug_parts(drugs.pop(), ends=False))
    first = replace(give.segments[0], start=draw(_moments(lead)))
    return [_alone(replace(give, segments=(first, *give.segments[1:])))]


@st.composite
def _hung(draw: Any, lead: str, drugs: list[str]) -> list[Statement]:
    drug = drugs.pop()
    occasion = Occasion("subject", lead)
    rhythm = draw(
        st.one_of(
            st.just(AtEach(occasion)),
            st.builds(
                lambda n, side: AroundEach(Duration(n, "minutes"), side, occasion),
                st.integers(5, 300),
                st.sampled_from(["before", "after"]),
            ),
        )
    )
    length = draw(st.one_of(st.none(), weeks(1, 4).map(ForFirst)))
    return [_alone(Give(drug, (Segment(rhythm, How(dose=draw(doses(drug))), length),)))]


@st.composite
def _tapered(draw: Any, lead: str, drugs: list[str]) -> list[Statement]:
    drug = drugs.pop()
    over = draw(weeks(2, 24))
    old = DrugDose(drug, Dose(PLAUSIBLE_MG[drug][1], "mg"), Frequency())
    steps = draw(st.one_of(st.none(), st.just(Duration(1, "weeks")), st.just(Duration(2, "weeks"))))
    goal = draw(st.one_of(st.none(), st.just(Dose(PLAUSIBLE_MG[drug][0], "mg"))))
    found: list[Statement] = [_alone(Taper(old, goal, over, "dose", steps))]
    if draw(st.booleans()):
        found.append(
            _alone(
                Give(
                    "light therapy",
                    (
                        Segment(Frequency(1, "days a week", 5), How(), For(Duration(1, "weeks"))),
                        Segment(Frequency(1, "days a week", 2), How(), UntilTaperEnds()),
                    ),
                )
            )
        )
    elif draw(st.booleans()):
        window = WindowAround(Duration(1, "weeks"), Duration(2, "weeks"), Occasion("cut"))
        found.append(_alone(Give("light therapy", (Segment(Frequency(), window=window),))))
    return found


@st.composite
def _changed(draw: Any, lead: str, drugs: list[str]) -> list[Statement]:
    drug = drugs.pop()
    low, high = (Dose(v, "mg") for v in PLAUSIBLE_MG[drug])
    up = draw(st.booleans())
    change = Change("raise", drug, low, high, Frequency()) if up else Change("lower", drug, high, low, Frequency())
    return [_alone(replace(change, start=draw(_moments(lead))))]


@st.composite
def _switched(draw: Any, lead: str, drugs: list[str]) -> list[Statement]:
    old, new = drugs.pop(), drugs.pop()
    over = draw(weeks(1, 6))
    one = DrugDose(old, Dose(PLAUSIBLE_MG[old][1], "mg"), Frequency())
    two = DrugDose(new, Dose(PLAUSIBLE_MG[new][1], "mg"), Frequency())
    return [_alone(Switch(one, two, over, draw(_moments(lead))))]


@st.composite
def _held(draw: Any, lead: str, drugs: list[str]) -> list[Statement]:
    drug = drugs.pop()
    given = Give(drug, (Segment(Frequency(), How(dose=draw(doses(drug)))),))
    window = WindowBefore(Duration(draw(st.integers(1, 48)), "hours"), Occasion("subject", lead))
    hold = draw(
        st.sampled_from(
            [
                Hold(drug, window),
                Hold(drug, None, Week(3), For(Duration(2, "weeks"))),
                Hold(drug, None, Anchor("first", lead), UntilLast(lead)),
            ]
        )
    )
    return [_alone(given), _alone(hold), _alone(Stop(drug, Anchor("last", lead)))]


@st.composite
def _branched(draw: Any, lead: str, drugs: list[str]) -> list[Statement]:
    condition = Condition(
        draw(st.sampled_from(["remission", "response", "relapse"])),
        draw(st.integers(1, 12)),
        draw(st.booleans()),
        draw(st.sampled_from([None, lead])),
    )
    first = Group((draw(drug_parts(drugs.pop(), ends=True)),))
    after = Group((draw(levels(ends=False)),))
    return [When(condition, Chain((first, after) if draw(st.booleans()) else (first,)))]


HANGING: dict[str, Any] = {
    "anchored": _anchored,
    "hung": _hung,
    "tapered": _tapered,
    "changed": _changed,
    "switched": _switched,
    "held": _held,
    "branched": _branched,
}
