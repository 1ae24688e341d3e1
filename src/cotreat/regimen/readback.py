"""What a regimen means, said in whole sentences in English, Korean or Japanese to someone who never saw the grammar."""

from __future__ import annotations

from collections.abc import Iterator

from cotreat.catalogue.drug_table import drug
from cotreat.catalogue.modality_table import modality
from cotreat.measures.errors import InputError
from cotreat.regimen.calendar import WEEKDAYS as PATTERN_DAYS
from cotreat.regimen.calendar import dose_hours, session_hours
from cotreat.regimen.doses import dated, fitting_horizon
from cotreat.regimen.expand import LONGEST_HORIZON, expand
from cotreat.regimen.ledger import Item, Ledger
from cotreat.regimen.phrases import LANGUAGES, PHRASES, UNITS, WEEKDAYS, Language
from cotreat.regimen.plan import Plan, Planned, in_clinic, is_modality, is_stimulation
from cotreat.regimen.quantities import Dose, Duration, How, plain
from cotreat.regimen.tapering import WEEK, switch_steps, taper_steps
from cotreat.regimen.values import (
    Anchor,
    AroundEach,
    AtEach,
    Change,
    Day,
    For,
    ForFirst,
    Frequency,
    Give,
    Hold,
    Length,
    Level,
    Moment,
    Occasion,
    Part,
    Regimen,
    Segment,
    Spread,
    Stop,
    Switch,
    Taper,
    Until,
    UntilTaperEnds,
    Week,
    When,
    Window,
    WindowAround,
)

_MARGIN = 56
"""Days looked at past the planned end: what is still given then has no end."""

_COUNTED = {"session": "count_sessions", "dose": "count_doses", "level": "count_levels"}


def meaning(regimen: Regimen, language: str = "en") -> str:
    """The read-back as one text: a heading and one line for each order."""
    lines = read_back(regimen, language)
    return "\n".join([PHRASES[_language(language)]["heading"], *(f"- {line}" for line in lines)])


def read_back(regimen: Regimen, language: str = "en") -> list[str]:
    """One sentence for each order, in the order of the text; first what holds for all, last what was left unsaid.

    Sham, electrode placement, coil and condition are always said, so that a word lost in typing is seen.
    """
    return list(_Reader(regimen, _language(language)).lines())


def _language(language: str) -> Language:
    for known in LANGUAGES:
        if language == known:
            return known
    raise InputError(f"no read-back in language {language!r}", hint=f"Languages: {', '.join(LANGUAGES)}.")


class _Reader:
    def __init__(self, regimen: Regimen, language: Language) -> None:
        self.regimen, self.language = regimen, language
        self.phrases = PHRASES[language]
        self.plan = Plan(regimen)
        self.ledger: Ledger = expand(regimen, min(fitting_horizon(regimen) + _MARGIN, LONGEST_HORIZON))
        items, _ = dated(self.ledger)
        self.items: dict[tuple[int, str], list[Item]] = {}
        for _, item in items:
            self.items.setdefault((item.line, item.subject), []).append(item)

    def say(self, key: str, **given: object) -> str:
        return self.phrases[key].format(**given)

    # ---- the whole ----------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        if not self.regimen.statements:
            yield self.say("nothing")
            return
        given = [p.part.subject for p in self.plan.parts if isinstance(p.part, Give)]
        stimulations = dict.fromkeys(s for s in given if is_stimulation(s) and self._on_day0(s))
        first = next(iter(stimulations), None)
        what = self.say("day0_stimulation", subject=self.name(first)) if first else self.say("day0_item")
        yield self.say("day0", what=what)
        for b in self.ledger.before:
            key = "before" if b.amount > 0 else "before_unknown"
            yield self.say(key, subject=self.name(b.subject), amount=plain(b.amount), unit=b.unit)
        for line in self.plan.lines:
            statement = self.regimen.statements[line.index]
            if isinstance(statement, When):
                yield self._condition(statement)
            for g, group in enumerate(line.groups):
                for i, index in enumerate(group):
                    p = self.plan.parts[index]
                    yield self._led(p, g, i, isinstance(statement, When)) + self.part(p)
        for subject in dict.fromkeys(given):
            if is_modality(subject) and not modality(subject).protocol_stated:
                yield self.say("not_stated", subject=self.name(subject))
        if any(is_modality(s) for s in given):
            yield self.say("missed")

    def _on_day0(self, subject: str) -> bool:
        return any(i.day == 0 for (_, s), items in self.items.items() if s == subject for i in items[:1])

    def _led(self, p: Planned, group: int, index: int, branch: bool) -> str:
        if index > 0:
            return self.say("beside")
        if group == 0:
            return self.say("in_branch") if branch else ""
        before = [q for q in self.plan.parts if q.statement == p.statement and q.group == group - 1]
        decided = any(isinstance(q.part, Give) and isinstance(q.part.segments[-1].length, Until) for q in before)
        return self.say("after_decision" if decided else "after")

    def _condition(self, statement: When) -> str:
        c = statement.condition
        to = self.say("if_to", subject=self.name(c.to)) if c.to is not None else ""
        stops = self.say("if_stops", subject=self.name(c.to)) if c.to is not None else self.say("if_adds")
        outcome = self.say(("no_" if c.negated else "yes_") + c.outcome)
        return self.say("if", day=7 * c.week, week=c.week, outcome=outcome, to=to, stops=stops)

    # ---- orders -------------------------------------------------------------------------------------------------

    def part(self, p: Planned) -> str:
        part = p.part
        match part:
            case Give():
                return self._give(p, part)
            case Change():
                return self.say(
                    part.direction,
                    subject=self.name(part.subject),
                    old=self.dose(part.old),
                    new=self.dose(part.new),
                    rhythm=self.often(part.frequency, part.subject, How(dose=part.new)),
                    start=self._start(part.start, "now"),
                )
            case Taper():
                return self._taper(p, part)
            case Switch():
                return self._switch(p, part)
            case Hold():
                return self._hold(p, part)
            case Stop():
                start = self._start(part.start, "from_day0" if self._leads(p) else "now")
                return self.say("stop", subject=self.name(part.subject), start=start)

    def _leads(self, p: Planned) -> bool:
        return p.group == 0 and self.plan.lines[p.statement].condition is None

    def _give(self, p: Planned, part: Give) -> str:
        first, *later = part.segments
        how = self.phrases["join"].join(self.how(first.how))
        subject = self.name(part.subject)
        text = self._segment(p, first, first.how)
        so_far = first.how
        for s in later:
            so_far = so_far.updated(s.how)
            said = self.phrases["join"].join(self.how(s.how))
            segment = self._segment(p, s, so_far)
            text += self.say("then", segment=(said + self.phrases["join"] if said else "") + segment)
        sentence = self.say(
            "give",
            subject=self.say("sham", subject=subject) if part.sham else subject,
            how=self.say("how", how=how) if how else "",
            course=text + self._count(p, part),
        )
        return (self.say("add") if part.added else "") + sentence

    def _count(self, p: Planned, part: Give) -> str:
        items = self.items.get((p.line, part.subject), [])
        if not items:
            return ""
        last = part.segments[-1]
        endless = last.length is None and isinstance(last.rhythm, Frequency | Level) and last.window is None
        if (
            endless
            or (isinstance(last.length, Until) and last.cap is None)
            or items[-1].day > self.ledger.horizon - _MARGIN + 7
        ):
            return self.say("count_open", first=items[0].day)
        key = _COUNTED[items[0].kind]
        return self.say(key, n=len(items), first=items[0].day, last=items[-1].day)

    def _segment(self, p: Planned, s: Segment, how: How) -> str:
        part = p.part
        assert isinstance(part, Give)
        said = [self._rhythm(p, s, how)]
        if s.length is not None:
            said.append(self._length(p, s.length, s))
        elif isinstance(s.rhythm, Frequency | Level) and s.window is None:
            said.append(self.say("open"))
        if s.cap is not None:
            said.append(self.say("cap", n=s.cap))
        if s.start is not None:
            said.append(self._start(s.start, "now"))
        if s.window is not None:
            said.append(self._window("window", p, s.window))
        return self.phrases["join"].join(said)

    def _rhythm(self, p: Planned, s: Segment, how: How) -> str:
        part = p.part
        assert isinstance(part, Give)
        r = s.rhythm
        match r:
            case Frequency():
                return self.often(r, part.subject, how)
            case Level():
                return self.say("level", amount=plain(r.amount), unit=r.unit)
            case Spread():
                return self.say("spread", n=r.sessions, duration=self.time(r.over))
            case AroundEach():
                occasion = self.occasion(p, r.occasion)
                return self.say(f"{r.side}_each", duration=self.time(r.offset), occasion=occasion)
            case AtEach():
                return self.say("at_each", occasion=self.occasion(p, r.occasion))

    def _length(self, p: Planned, length: Length, s: Segment) -> str:
        match length:
            case For():
                return self.say("for", duration=self.time(length.duration))
            case ForFirst():
                return self.say("for_first", duration=self.time(length.duration))
            case Until():
                visits = self.say("each_session_visits" if s.assessed_each else "weekly_visits")
                return self.say(f"until_{length.outcome}", visits=visits)
            case UntilTaperEnds():
                return self.say("until_taper")
            case _:
                return self.say("until_last", occasion=self.occasion(p, Occasion("subject", length.subject)))

    def _taper(self, p: Planned, part: Taper) -> str:
        unit = part.old.dose.standard[1]
        goal = f"{plain(part.to.standard[0])} {unit}" if part.to is not None else "0"
        steps = [(d, f"{plain(dose)} {unit}") for d, dose in taper_steps(part)] + [(round(part.over.days), goal)]
        return self.say(
            "taper",
            subject=self.name(part.old.subject),
            dose=self.dose(part.old.dose),
            rhythm=self.often(part.old.frequency, part.old.subject, How(dose=part.old.dose)),
            goal=goal,
            duration=self.time(part.over),
            start=self._start(part.start, "from_day0" if self._leads(p) else "now"),
            way=self.say(f"by_{part.by}", step=self.time(part.steps or WEEK)),
            steps=self.phrases["join"].join(
                self.say("taper_step" if d else "first_step", day=d, dose=dose) for d, dose in steps
            ),
        )

    def _switch(self, p: Planned, part: Switch) -> str:
        old_unit, new_unit = part.old.dose.standard[1], part.new.dose.standard[1]
        steps = [
            self.say(
                "switch_step" if d else "first_both",
                day=d,
                old_dose=f"{plain(a)} {old_unit}",
                new_dose=f"{plain(b)} {new_unit}",
            )
            for d, a, b in switch_steps(part)
        ]
        return self.say(
            "switch",
            old=self.name(part.old.subject),
            new=self.name(part.new.subject),
            old_dose=self.dose(part.old.dose),
            new_dose=self.dose(part.new.dose),
            old_rhythm=self.often(part.old.frequency, part.old.subject, How()),
            new_rhythm=self.often(part.new.frequency, part.new.subject, How()),
            duration=self.time(part.over),
            start=self._start(part.start, "from_day0" if self._leads(p) else "now"),
            steps=self.phrases["join"].join(steps),
        )

    def _hold(self, p: Planned, part: Hold) -> str:
        subject = self.name(part.subject)
        if part.window is not None:
            return self._window("hold", p, part.window, subject=subject)
        assert part.length is not None
        length = self._length(p, part.length, Segment(Frequency()))
        start = self._start(part.start, "from_day0" if self._leads(p) else "now")
        return self.say("hold_for", subject=subject, length=length, start=start)

    # ---- times --------------------------------------------------------------------------------------------------

    def _start(self, moment: Moment | None, otherwise: str) -> str:
        match moment:
            case None:
                return self.say(otherwise)
            case Week():
                return self.say("start_week", n=moment.number, day=7 * moment.number - 7)
            case Day():
                return self.say("start_day", day=moment.number)
            case Anchor():
                occasion = self._of(moment.subject)
                if moment.offset is None:
                    return self.say(f"start_{moment.which}", occasion=occasion)
                key = f"start_{moment.side}_{moment.which}"
                return self.say(key, duration=self.time(moment.offset), occasion=occasion)

    def _window(self, key: str, p: Planned, window: Window, **more: str) -> str:
        given = {"duration": self.time(window.before), "occasion": self.occasion(p, window.occasion), **more}
        if isinstance(window, WindowAround):
            return self.say(f"{key}_around", duration2=self.time(window.after), **given)
        return self.say(f"{key}_before", **given)

    def occasion(self, p: Planned, occasion: Occasion) -> str:
        if occasion.kind == "cut":
            tapered = self.plan.occasion(p, occasion)[0].part
            return self.say("cut", subject=self.name(_tapered(tapered)))
        if occasion.kind == "session":
            meant = self.plan.occasion(p, occasion)[0].part
            return self.say("session", subject=self.name(_tapered(meant)))
        return self._of(occasion.subject or "")

    def _of(self, subject: str) -> str:
        return self.say("session_of" if is_modality(subject) else "dose_of", subject=self.name(subject))

    def often(self, f: Frequency, subject: str, how: How) -> str:
        clinic = is_modality(subject) or in_clinic(subject, how.route, how.over is not None)
        hours = session_hours(f.times) if clinic else dose_hours(f.times)
        once = f.times == 1
        if f.daily:
            text = self.say("once_daily") if once else self.say("n_daily", n=f.times)
        elif f.pattern == "days a week":
            names = [WEEKDAYS[self.language][d] for d in PATTERN_DAYS[f.n]]
            days = self._listed(names)
            text = self.say("once_on", days=days) if once else self.say("n_on", n=f.times, days=days)
        elif f.pattern == "every weeks" and f.n == 1:
            text = self.say("once_every_week") if once else self.say("n_every_week", n=f.times)
        else:
            unit = "weeks" if f.pattern == "every weeks" else "days"
            key = f"{'once' if once else 'n'}_every_{unit}"
            text = self.say(key, n=f.n) if once else self.say(key, n=f.times, n2=f.n)
        if len(hours) > 4:
            return text + self.say("hourly", hour=_clock(hours[0]))
        return text + self.say("at_hours", hours=self._listed([_clock(h) for h in hours]))

    def _listed(self, names: list[str]) -> str:
        if self.language == "ko":
            return ", ".join(names) if ":" in names[0] else "·".join(names) + "요일"
        if self.language == "ja":
            return "、".join(names) if ":" in names[0] else "・".join(names) + "曜日"
        return names[0] if len(names) == 1 else ", ".join(names[:-1]) + self.phrases["and"] + names[-1]

    def time(self, duration: Duration) -> str:
        text = UNITS[self.language][duration.unit].format(n=plain(duration.amount))
        return text[:-1] if self.language == "en" and duration.amount == 1 else text

    # ---- words --------------------------------------------------------------------------------------------------

    def name(self, subject: str) -> str:
        if self.language == "en":
            return subject
        entry = modality(subject) if is_modality(subject) else drug(subject)
        label = entry.label(self.language)
        return subject if label is None or label == subject else f"{label} ({subject})"

    def dose(self, dose: Dose) -> str:
        return str(dose)

    def how(self, how: How) -> Iterator[str]:
        if how.placement is not None:
            yield self.say("placement", placement=how.placement)
        if how.format is not None:
            yield self.say(how.format)
        if how.dose is not None:
            yield self.dose(how.dose)
        if how.route is not None:
            yield self.say(how.route)
        if how.over is not None:
            yield self.say("over", duration=self.time(how.over))
        for key in ("pulses", "hertz", "milliampere"):
            value = getattr(how, key)
            if value is not None:
                yield self.say(key, n=plain(value))
        if how.intensity is not None:
            yield self.say(how.intensity.threshold, n=plain(how.intensity.percent))
        if how.minutes is not None:
            yield self.say("minutes_long", duration=self.time(how.minutes))
        if how.site is not None:
            yield self.say("site", site=how.site)


def _tapered(part: Part) -> str:
    return part.old.subject if isinstance(part, Taper | Switch) else part.subject


def _clock(hour: float) -> str:
    minutes = round(hour * 60)
    return f"{minutes // 60}:{minutes % 60:02d}"
