"""From the parse tree to values: what one order may say, checked word by word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from cotreat.catalogue.drug_table import Drug, drug
from cotreat.catalogue.modality_table import Modality, modality
from cotreat.catalogue.words import words
from cotreat.measures.errors import InputError
from cotreat.regimen.faults import EXAMPLES, HOW_LONG, HOW_MUCH, HOW_OFTEN, fault
from cotreat.regimen.quantities import Dose, Duration, How, Intensity, Place, TimeUnit, plain
from cotreat.regimen.trees import CLAUSES, FIXED, NAMES, NUMBERED, QUALIFIERS, spaced, tokens, trees
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
    Length,
    Level,
    Moment,
    Occasion,
    Part,
    Regimen,
    Rhythm,
    Segment,
    Side,
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
    Which,
    Window,
    WindowAround,
    WindowBefore,
)

if TYPE_CHECKING:
    from lark import Token, Tree

    Node = Tree[Token]

LONGEST_WEEKS = 520


class Builder:
    """Reads one parse tree. ``source`` is the text the tree came from: errors point into it."""

    def __init__(self, source: str) -> None:
        self.source = source

    # ---- pointing -----------------------------------------------------------------------------------------------

    def place(self, node: Node | Token) -> Place:
        """Where a token or a tree stands, the tree as far as its line goes."""
        meta: Any = getattr(node, "meta", node)
        line, column = getattr(meta, "line", 1) or 1, getattr(meta, "column", 1) or 1
        end = (
            (getattr(meta, "end_column", None) or column + 1) if getattr(meta, "end_line", line) == line else column + 1
        )
        return Place(line, column, max(1, end - column))

    def wrong(
        self, node: Node | Token, message: str, hint: str | None = None, examples: tuple[str, ...] = EXAMPLES
    ) -> InputError:
        """The error to raise about a node."""
        return fault(self.source, self.place(node), message, hint, examples)

    def known(self, node: Node | Token, check: Callable[[], None]) -> None:
        """Runs a check of the catalogue; its error is raised with the place added."""
        try:
            check()
        except InputError as error:
            raise self.wrong(node, error.message, error.hint) from None

    # ---- statements ---------------------------------------------------------------------------------------------

    def regimen(self, tree: Node) -> Regimen:
        """The whole text."""
        return Regimen(tuple(self.statement(s) for s in trees(tree)), self.source)

    def statement(self, tree: Node) -> Statement:
        if tree.data == "when":
            condition, chain = trees(tree)
            return When(self.condition(condition), self.chain(chain, led=True), self.place(tree))
        return self.chain(trees(tree)[0])

    def condition(self, tree: Node) -> Condition:
        named = [self.subject(t)[0] for t in trees(tree)]
        week = self.whole(tokens(tree, "NUMBER")[0], "a week", 1, LONGEST_WEEKS)
        outcome = str(tokens(tree, "OUTCOME")[0]).lower()
        return Condition(cast(Any, outcome), week, bool(tokens(tree, "NO")), named[0] if named else None)

    def chain(self, tree: Node, *, led: bool = False) -> Chain:
        groups = trees(tree)
        return Chain(tuple(self.group(g, led and i == 0) for i, g in enumerate(groups)))

    def group(self, tree: Node, led: bool) -> Group:
        found = trees(tree)
        parts = tuple(self.part(p) for p in found)
        if len(found) > 1:
            for i, (part, node) in enumerate(zip(parts, found, strict=True)):
                if isinstance(part, Give) and len(part.segments) > 1:
                    self.alone(node, found, i)
        return Group(parts)

    def alone(self, node: Node, group: list[Node], i: int) -> None:
        """A part that goes on with another frequency shares its line with no other part of its group."""
        line = node.meta.line
        before = i > 0 and group[i - 1].meta.end_line == line
        after = i + 1 < len(group) and group[i + 1].meta.line == node.meta.end_line
        if before or after:
            raise self.wrong(
                node,
                "has two readings: what follows `and` could go with either stretch of this order",
                "Begin a new line with `and`.",
                ("ECT weekly for 4 weeks then monthly for 8 weeks\n    and lithium to 0.7 mmol/L for 12 weeks",),
            )

    # ---- orders -------------------------------------------------------------------------------------------------

    def part(self, tree: Node) -> Part:
        read: dict[str, Callable[[Node], Part]] = {
            "give": self.give,
            "raise_": self.change,
            "lower": self.change,
            "switch": self.switch,
            "taper": self.taper,
            "hold": self.hold,
            "stop": self.stop,
        }
        return read[str(tree.data)](tree)

    def subject(self, tree: Node) -> tuple[str, Drug | Modality]:
        """Canonical name and entry of a subject."""
        token = cast("Token", tree.children[0])
        return self.drug(token) if token.type == "DRUG" else self.named(token)

    def named(self, token: Token) -> tuple[str, Modality]:
        found = modality(spaced(token))
        return found.id, found

    def drug(self, token: Token) -> tuple[str, Drug]:
        found = drug(spaced(token))
        return found.id, found

    def give(self, tree: Node) -> Give:
        sham = tokens(tree, "SHAM")
        subject_node = next(t for t in trees(tree) if t.data == "subject")
        name, entry = self.subject(subject_node)
        if sham and not (isinstance(entry, Modality) and entry.can_be_sham):
            raise self.wrong(
                sham[0],
                f"there is no sham {name}",
                "An arm without it is its control arm; of stimulation there is a sham.",
                ("sham iTBS 5 days a week for 6 weeks",),
            )
        course = next(t for t in trees(tree) if t.data == "course")
        first = [t for t in trees(tree) if t.data not in ("subject", "course")]
        segments: list[Segment] = []
        so_far = How()
        for i, node in enumerate(trees(course)):
            said = first if i == 0 else []
            said_first = {t.data for t in trees(node)} & QUALIFIERS if i > 0 else set()
            if said_first and not said_first & NUMBERED:  # `then` goes on only before a number or a frequency
                raise self.wrong(node, "a change of how it is given begins a line of its own, with `then`")
            segment, so_far = self.segment(node, said, (entry, subject_node), so_far)
            if i > 0 and (segment.start is not None or segment.window is not None):
                hint = "Leave `from ...` out, or begin a new line."
                raise self.wrong(node, "`then` already says when this begins", hint, HOW_LONG)
            if i > 0 and segments[-1].length is None and not isinstance(segments[-1].rhythm, Spread):
                raise self.wrong(
                    node,
                    "`then` after nothing that ends",
                    "Say how long the part before lasts.",
                    ("ECT weekly for 4 weeks then monthly for 36 weeks", *HOW_LONG[:2]),
                )
            segments.append(segment)
        if isinstance(entry, Modality) and not entry.protocol_stated and entry.kind == "tms":
            last = segments[-1]
            if last.length is None and not isinstance(last.rhythm, Spread):
                raise self.wrong(
                    tree,
                    f"{name} with no protocol stated needs a length",
                    "Say for how long.",
                    (f"{name} 5 days a week for 6 weeks", *HOW_LONG[:2]),
                )
        return Give(name, tuple(segments), bool(sham), bool(tokens(tree, "ADD")), self.place(tree))

    def segment(
        self, tree: Node, said: list[Node], subject: tuple[Drug | Modality, Node], so_far: How
    ) -> tuple[Segment, How]:
        """One stretch, and everything said of the subject up to here."""
        rhythm_node: Node | None = None
        tail: list[Node] = []
        said = list(said)
        for child in trees(tree):
            if child.data == "tail":
                tail = trees(child)
            elif child.data in QUALIFIERS:
                said.append(child)
            else:
                rhythm_node = child
        if rhythm_node is None:
            raise self.wrong(tree, "how often is missing", "Say daily, 5 days a week, weekly ...", HOW_OFTEN)
        how = self.how(said, subject[0])
        rhythm, dose = self.rhythm(rhythm_node)
        if dose is not None:
            if how.dose is not None:
                raise self.wrong(rhythm_node, "a second dose", "Give one dose and how often.", HOW_MUCH)
            how = replace(how, dose=dose)
        so_far = so_far.updated(how)
        if isinstance(rhythm, Level):
            so_far = replace(so_far, dose=None)
            if how.dose is not None:
                raise self.wrong(
                    rhythm_node, "a dose and a level", "Give the dose or the target level, not both.", HOW_MUCH
                )
        self.amount(rhythm_node, rhythm, so_far, subject)
        clauses = self.clauses(tail)
        segment = Segment(rhythm, how, place=self.place(tree), **clauses)
        self.fits(tree, segment)
        return segment, so_far

    def amount(self, node: Node, rhythm: Rhythm, how: How, subject: tuple[Drug | Modality, Node]) -> None:
        """A drug has a dose or a level the catalogue can mean, a modality has neither."""
        entry, subject_node = subject
        times = rhythm.times if isinstance(rhythm, Frequency) else 1
        if isinstance(entry, Modality):
            if isinstance(rhythm, Level) or how.dose is not None:
                raise self.wrong(subject_node, f"{entry.id} is not a drug: it has no dose and no level")
            self.known(node, lambda: entry.check_sessions_a_day(times))
            return
        if isinstance(rhythm, Level):
            level = rhythm
            self.known(node, lambda: entry.check_level(level.amount, level.unit))
            return
        if how.dose is None:
            raise self.wrong(
                subject_node, f"the dose of {entry.id} is missing", "Say how much, and how often.", HOW_MUCH
            )
        amount, unit = how.dose.standard
        self.known(subject_node, lambda: entry.check_dose(amount, unit, times))
        if how.route is not None and entry.routes and how.route not in {r.route for r in entry.routes}:
            known = ", ".join(r.route for r in entry.routes)
            raise self.wrong(subject_node, f"{entry.id} is not given by this route: {how.route}", f"Known: {known}.")

    # ---- how much -----------------------------------------------------------------------------------------------

    def how(self, said: list[Node], entry: Drug | Modality) -> How:
        found: dict[str, Any] = {}
        for node in said:
            name, value, checked = self.qualifier(node)
            if name in found:
                raise self.wrong(node, f"the {NAMES.get(name, name)} is said twice")
            if isinstance(entry, Modality):
                if name in ("dose", "route", "over"):
                    raise self.wrong(node, f"{entry.id} is not a drug: it has no {NAMES.get(name, name)}")
                self.known(node, lambda n=name, v=checked: entry.check(n, v))  # type: ignore[misc]
            elif name not in ("dose", "route", "over"):
                raise self.wrong(node, f"{entry.id} is a drug: it has no {NAMES.get(name, name)}")
            found[name] = value
        return How(**found)

    def qualifier(self, node: Node) -> tuple[str, Any, float | str]:
        """Field of How, its value, and the value the catalogue checks."""
        data = str(node.data)
        if data == "dose":
            return "dose", self.dose(node), ""
        if data in ("pulses", "hertz", "milliampere"):
            value = self.number(tokens(node, "NUMBER")[0])
            return data, value, value
        if data == "intensity":
            percent = self.number(tokens(node, "NUMBER")[0])
            threshold = "rMT" if str(tokens(node, "MT")[0]).lower() == "rmt" else "aMT"
            return data, Intensity(percent, threshold), percent  # type: ignore[arg-type]
        if data in ("session_length", "infusion"):
            duration = self.duration(trees(node)[0])
            if duration.unit not in ("minutes", "hours"):
                raise self.wrong(
                    node, f"{duration} is no length of a session", f"Write `for {duration}` after how often.", HOW_OFTEN
                )
            return ("minutes" if data == "session_length" else "over"), duration, duration.minutes
        token = cast("Token", node.children[0])
        if data == "site":
            site = words().canonical(spaced(token)) or spaced(token)
            return data, site, site
        if data == "placement":
            placement = words().canonical(spaced(token)) or spaced(token)
            return data, placement, placement
        written = {w.lower(): w for w in ("IV", "IM", "SC", "oral", "nasal", "group", "individual", "online")}
        value_ = written[str(token).lower()]
        return data, value_, value_

    def dose(self, node: Node) -> Dose:
        amount, unit = (cast("Token", c) for c in node.children)
        value = self.number(amount)
        if value == 0:
            raise self.wrong(node, "a dose of 0", "Write `stop` and the drug.", ("stop lithium at the last ECT",))
        unit_word = {"mg": "mg", "g": "g", "mcg": "mcg", "mg/kg": "mg/kg"}[str(unit).lower()]
        return Dose(value, cast(Any, unit_word))

    def daily(self, node: Node) -> Dose:
        """The dose of ``50 mg/day``."""
        value = self.number(tokens(node, "NUMBER")[0])
        if value == 0:
            raise self.wrong(node, "a dose of 0", "Write `stop` and the drug.")
        return Dose(value, "mg")

    # ---- how often ----------------------------------------------------------------------------------------------

    def rhythm(self, node: Node) -> tuple[Rhythm, Dose | None]:
        """The rhythm, and the dose when the rhythm names it (``50 mg/day``)."""
        data = str(node.data)
        if data == "mass_per_day":
            return Frequency(), self.daily(node)
        if data == "level":
            unit = {"ng/ml": "ng/mL", "mmol/l": "mmol/L"}[str(tokens(node, "LEVEL")[0]).lower()]
            return Level(self.number(tokens(node, "NUMBER")[0]), cast(Any, unit)), None
        if data == "spread":
            over = self.duration(next(t for t in trees(node) if t.data == "duration"))
            self.whole_days(node, over)
            return Spread(self.whole(tokens(node, "NUMBER")[0], "sessions", 1, 1000), over), None
        if data == "around_each":
            duration, side, occasion = trees(node)
            return AroundEach(self.duration(duration), self.side(side), self.occasion(occasion)), None
        if data == "at_each":
            return AtEach(self.occasion(trees(node)[0])), None
        return self.frequency(node), None

    def frequency(self, node: Node) -> Frequency:
        data = str(node.data)
        if data == "days_within_week":
            day, week = trees(node)
            return replace(self.frequency(week), times=self.frequency(day).times)
        if data in FIXED:
            return FIXED[data]
        number = tokens(node, "NUMBER")[0]
        if data == "times_a_day":
            return Frequency(self.whole(number, "times a day", 1, 24))
        if data == "days_a_week":
            if (value := self.number(number)) > 7 or value != int(value) or value < 1:
                raise self.wrong(
                    number,
                    f"{plain(value)} days in a week",
                    "For several sessions a day: twice daily, 5 days a week.",
                    ("iTBS twice daily, 5 days a week for 2 weeks", *HOW_OFTEN[:2]),
                )
            return {1: FIXED["weekly"], 7: FIXED["once_a_day"]}.get(int(value), Frequency(1, "days a week", int(value)))
        if data == "every_weeks":
            return Frequency(1, "every weeks", self.whole(number, "weeks", 1, LONGEST_WEEKS))
        days = self.whole(number, "days", 1, 7 * LONGEST_WEEKS)
        return Frequency(1, "every days", days)

    # ---- from when, until when ----------------------------------------------------------------------------------

    def clauses(self, tail: list[Node]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for node in tail:
            name, value = self.clause(node)
            if name in found:
                raise self.wrong(node, f"a second {CLAUSES[name]}", "One of each in a stretch.", HOW_LONG)
            found[name] = value
        return found

    def clause(self, node: Node) -> tuple[str, Any]:
        data = str(node.data)
        if data in ("from_", "at"):
            return "start", self.moment(trees(node)[0])
        if data in ("window_before", "window_around"):
            return "window", self.window(node)
        if data == "cap":
            return "cap", self.whole(tokens(node, "NUMBER")[0], "sessions", 1, 1000)
        if data == "assessed":
            return "assessed_each", True
        return "length", self.length(node)

    def length(self, node: Node) -> Length:
        data = str(node.data)
        if data == "until":
            return Until(cast(Any, str(tokens(node, "OUTCOME")[0]).lower()))
        if data == "until_taper":
            return UntilTaperEnds()
        if data == "until_last":
            return UntilLast(self.subject(trees(node)[0])[0])
        duration = self.duration(trees(node)[0])
        self.whole_days(node, duration)
        return ForFirst(duration) if data == "for_first" else For(duration)

    def window(self, node: Node) -> Window:
        *durations, occasion = trees(node)
        lengths = [self.duration(d) for d in durations]
        if node.data == "window_before":
            return WindowBefore(lengths[0], self.occasion(occasion))
        return WindowAround(lengths[0], lengths[1], self.occasion(occasion))

    def moment(self, node: Node) -> Moment:
        data = str(node.data)
        if data == "week":
            return Week(self.whole(tokens(node, "NUMBER")[0], "a week", 1, LONGEST_WEEKS))
        if data == "day":
            return Day(self.whole(tokens(node, "NUMBER")[0], "a day", 0, 7 * LONGEST_WEEKS))
        found = {str(t.data): t for t in trees(node)}
        name = self.subject(found["subject"])[0]
        which: Which = "first"
        if "ordinal" in found and str(found["ordinal"].children[0]).lower() == "last":
            which = "last"
        if data == "nth":
            return Anchor(which, name)
        offset, side = self.duration(found["duration"]), self.side(found["side"])
        self.whole_days(found["duration"], offset)
        if data == "offset_first" and side == "after":
            raise self.wrong(
                node,
                f"after the first or after the last {name}?",
                f"Write `{offset} after the first {name}` or `{offset} after the last {name}`.",
                ("CBT weekly for 12 weeks from 1 week after the last ECT", *HOW_LONG[:2]),
            )
        return Anchor(which, name, offset, side)

    def occasion(self, node: Node) -> Occasion:
        if node.data == "each_subject":
            return Occasion("subject", self.subject(trees(node)[0])[0])
        return Occasion("session" if node.data == "each_session" else "cut")

    def side(self, node: Node) -> Side:
        return "before" if str(node.children[0]).lower() == "before" else "after"

    def fits(self, node: Node, s: Segment) -> None:
        """What one stretch may not say together."""
        if s.cap is not None and not isinstance(s.length, Until):
            raise self.wrong(
                node, "`at most` belongs to `until`", "Say until which outcome, or a length instead.", HOW_LONG
            )
        if s.assessed_each and not isinstance(s.length, Until):
            raise self.wrong(node, "`assessed before each session` belongs to `until`", None, HOW_LONG)
        if (s.cap is not None or s.assessed_each) and isinstance(s.rhythm, Level):
            raise self.wrong(node, "a level has no sessions to count or to assess before", None, HOW_LONG)
        if s.window is not None and not isinstance(s.rhythm, Frequency):
            raise self.wrong(node, "a window needs a plain frequency: how often?", None, HOW_OFTEN)
        hangs = isinstance(s.rhythm, AroundEach | AtEach)
        if isinstance(s.rhythm, Spread) and s.length is not None:
            raise self.wrong(node, "a second length: the sessions are already spread over one", None, HOW_LONG)
        if isinstance(s.length, ForFirst) and not hangs:
            raise self.wrong(node, "the first of what?", f"Write `for {s.length.duration}`.", HOW_LONG)
        if s.window is not None and s.start is not None:
            raise self.wrong(node, "a second start", "One of each in a stretch.", HOW_LONG)
        if s.window is not None and s.length is not None:
            raise self.wrong(node, "a second length: the window already has one", None, HOW_LONG)
        if isinstance(s.length, Until) and hangs:
            raise self.wrong(
                node, "what hangs on each session ends with the sessions", "Leave `until ...` out.", HOW_LONG
            )

    # ---- the other orders ---------------------------------------------------------------------------------------

    def drug_dose(self, node: Node) -> DrugDose:
        token = tokens(node, "DRUG")[0]
        name, entry = self.drug(token)
        if node.data == "drug_per_day":
            dose, often = self.daily(node), Frequency()
        else:
            dose_node, often_node = trees(node)
            dose, often = self.dose(dose_node), self.frequency(often_node)
        amount, unit = dose.standard
        self.known(node, lambda: entry.check_dose(amount, unit, often.times))
        return DrugDose(name, dose, often)

    def change(self, tree: Node) -> Change:
        name, entry = self.drug(tokens(tree, "DRUG")[0])
        old_node, new_node = (t for t in trees(tree) if t.data == "dose")
        old, new = self.dose(old_node), self.dose(new_node)
        often_node = next(t for t in trees(tree) if t.data not in ("dose", "from_", "at"))
        often = self.frequency(often_node)
        for node, dose in ((old_node, old), (new_node, new)):
            amount, unit = dose.standard
            self.known(node, lambda a=amount, u=unit: entry.check_dose(a, u, often.times))  # type: ignore[misc]
        if old.standard[1] != new.standard[1]:
            raise self.wrong(new_node, "two units in one change", f"Both in {old.standard[1]}.")
        up = tree.data == "raise_"
        if (new.standard[0] > old.standard[0]) != up or new.standard[0] == old.standard[0]:
            word = "raise" if up else "lower"
            raise self.wrong(
                new_node,
                f"`{word}` from {old} to {new}",
                f"Write `{'lower' if up else 'raise'}`." if old.standard[0] != new.standard[0] else "Nothing changes.",
                ("raise escitalopram from 10 mg to 20 mg daily at the first iTBS",),
            )
        return Change("raise" if up else "lower", name, old, new, often, self.start(tree), self.place(tree))

    def switch(self, tree: Node) -> Switch:
        old, new = (self.drug_dose(t) for t in trees(tree) if t.data in ("drug_dose", "drug_per_day"))
        if old.subject == new.subject:
            raise self.wrong(
                tree,
                f"a switch from {old.subject} to itself",
                "Write `raise` or `lower`.",
                ("raise escitalopram from 10 mg to 20 mg daily at the first iTBS",),
            )
        over = self.duration(next(t for t in trees(tree) if t.data == "duration"))
        self.whole_days(tree, over)
        return Switch(old, new, over, self.start(tree), self.place(tree))

    def taper(self, tree: Node) -> Taper:
        old_node = next(t for t in trees(tree) if t.data in ("drug_dose", "drug_per_day"))
        old = self.drug_dose(old_node)
        end_node = next(t for t in trees(tree) if t.data in ("zero", "dose"))
        to: Dose | None = None
        if end_node.data == "dose":
            to = self.dose(end_node)
            if to.standard[1] != old.dose.standard[1] or to.standard[0] >= old.dose.standard[0]:
                raise self.wrong(end_node, f"a taper from {old.dose} to {to}", "A taper goes down.")
        elif self.number(tokens(end_node, "NUMBER")[0]) != 0:
            raise self.wrong(end_node, "a number without a unit", "Write 0, or a dose such as 5 mg.")
        over = self.duration(next(t for t in trees(tree) if t.data == "duration"))
        self.whole_days(tree, over)
        by, steps = "dose", None
        for node in trees(tree):
            if node.data == "by":
                by = str(node.children[0]).lower()
            elif node.data in ("steps", "steps_weekly", "steps_daily"):
                if steps is not None:
                    raise self.wrong(node, "a second length of the steps")
                fixed = {"steps_weekly": Duration(1, "weeks"), "steps_daily": Duration(1, "days")}
                steps = fixed.get(str(node.data)) or self.duration(trees(node)[0])
                self.whole_days(node, steps)
                if steps.days > over.days:
                    raise self.wrong(node, f"steps of {steps} in a taper of {over}")
        return Taper(old, to, over, cast(Any, by), steps, self.start(tree), self.place(tree))

    def hold(self, tree: Node) -> Hold:
        name, _ = self.subject(trees(tree)[0])
        found = self.clauses(trees(tree)[1:])
        window, start, length = found.get("window"), found.get("start"), found.get("length")
        examples = ("hold lorazepam from 24 hours before each ECT session", "hold lithium for 2 weeks from week 3")
        if isinstance(length, ForFirst | Until | UntilTaperEnds):
            raise self.wrong(tree, f"a hold does not last `{length}`", "Say for how long.", examples)
        if (window is None) == (length is None) or (window is not None and start is not None):
            raise self.wrong(tree, "a hold is in a window before each session, or for a length", None, examples)
        return Hold(name, window, start, length, self.place(tree))

    def stop(self, tree: Node) -> Stop:
        return Stop(self.subject(trees(tree)[0])[0], self.start(tree), self.place(tree))

    def start(self, tree: Node) -> Moment | None:
        found = [t for t in trees(tree) if t.data in ("from_", "at")]
        if len(found) > 1:
            raise self.wrong(found[1], "a second start")
        return self.moment(trees(found[0])[0]) if found else None

    # ---- numbers ------------------------------------------------------------------------------------------------

    def number(self, token: Token) -> float:
        return float(str(token))

    def whole(self, token: Token, what: str, low: int, high: int) -> int:
        value = self.number(token)
        if value != int(value) or not low <= value <= high:
            raise self.wrong(token, f"{plain(value)} for {what}", f"A whole number from {low} to {high}.")
        return int(value)

    def duration(self, node: Node) -> Duration:
        amount, unit = node.children
        data = str(cast("Node", unit).data)
        if data == "unit":
            word = cast("Token", cast("Node", unit).children[0])
            name: TimeUnit = "minutes" if word.type == "MINUTES" else "hours"
        else:
            name = "days" if data == "day_" else "weeks"
        found = Duration(self.number(cast("Token", amount)), name)
        if found.amount == 0:
            raise self.wrong(node, "a length of 0", None, HOW_LONG)
        if found.days > 7 * LONGEST_WEEKS:
            raise self.wrong(node, f"{found} cannot be meant", f"At most {LONGEST_WEEKS} weeks.", HOW_LONG)
        return found

    def whole_days(self, node: Node, duration: Duration) -> None:
        if abs(duration.days - round(duration.days)) > 1e-9:
            raise self.wrong(node, f"{duration} is not a whole number of days", None, HOW_LONG)
