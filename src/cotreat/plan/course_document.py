"""A course as plain data, and as the material of its documents (docs/plans.md)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from cotreat.plan.calendar_days import CLOSED, WEEKDAYS, Move
from cotreat.plan.course import Course, RefusedCourse
from cotreat.plan.course_file import CourseWish
from cotreat.plan.document import DISCLAIMER, MUST_READ, printing_document
from cotreat.plan.documents.material import Calls, Material
from cotreat.plan.locale.catalogue import Catalogue, catalogue
from cotreat.regimen.quantities import plain
from cotreat.safety.check import Verdict
from cotreat.safety.pack import load_pack


def course_document(found: Course | RefusedCourse, command: str) -> dict[str, Any]:
    """The whole course, or why there is none; ``command`` makes it again."""
    provenance = _provenance(found.verdict, command)
    if isinstance(found, RefusedCourse):
        return {
            "kind": "course",
            "stopped": True,
            "reasons": list(found.reasons),
            "would_help": list(found.would_help),
            "printing": None if found.verdict is None else printing_document(found.verdict),
            "safety": None if found.verdict is None else found.verdict.document(),
            "provenance": provenance,
        }
    return {
        "kind": "course",
        "stopped": False,
        "title": found.wish.title,
        "language": found.wish.language,
        "today": found.today.isoformat(),
        "start": found.start.isoformat(),
        "last": found.last.isoformat(),
        "regimen": found.text,
        "day_0": found.monday.isoformat(),
        "tapers": [p.document() for p in found.tapers],
        "orders": [
            {
                "drug": o.drug,
                "amount_per_day": o.amount,
                "unit": o.unit,
                "times_a_day": o.times,
                "first_day": o.first.isoformat(),
                "last_day": None if o.last is None else o.last.isoformat(),
            }
            for o in found.orders
        ],
        "events": [
            {"date": e.day.isoformat(), "time": e.hour, "kind": e.kind, "what": e.what, "detail": e.detail}
            for e in found.events
        ],
        "moved": [
            {
                "what": m.what,
                "from": m.old.isoformat(),
                "to": None if m.new is None else m.new.isoformat(),
                "why": m.why,
            }
            for m in found.moves
        ],
        "outlook": _outlook(found.wish),
        "remarks": list(found.remarks),
        "must_read": list(MUST_READ),
        "safety": found.verdict.document(),
        "printing": printing_document(found.verdict),
        "provenance": provenance,
    }


def course_material(found: Course, document: dict[str, Any], calls: Calls | None = None) -> Material:
    """The material of a course's documents."""
    say = catalogue(found.wish.language)
    moves = tuple(_moved(m, say) for m in found.moves)
    notices = [("closed_days", moves), ("outlook", tuple(outlook_lines(found.wish)))]
    return Material(
        document=document,
        language=found.wish.language,
        title=found.wish.title or say("course"),
        first=found.start,
        last=found.last,
        made=found.today,
        tapers=tuple(document["tapers"]),
        sentences=tuple(s for s in found.text.splitlines() if not _tapers(s, found)),
        events=found.events,
        safety=document["safety"],
        remarks=found.remarks,
        must_read=tuple(document["must_read"]),
        provenance=document["provenance"],
        calls=calls or Calls(),
        notices=tuple((key, lines) for key, lines in notices if lines),
        zone=found.wish.clinic.zone,
        orders=found.orders,
        plan_name=f"{found.wish.title} from {found.start}",
    )


def _moved(m: Move, say: Catalogue) -> str:
    why = say("closed_that_day") if m.why == CLOSED else m.why
    if m.why in WEEKDAYS:
        why = say.texts["weekdays"][WEEKDAYS.index(m.why)]
    known = {"modality": say.modality(m.what), "old": m.old.isoformat(), "why": why}
    return say("dropped", **known) if m.new is None else say("moved", **known, new=m.new.isoformat())


def _tapers(sentence: str, found: Course) -> bool:
    """Whether a sentence is a step of a taper, which the table of doses shows."""
    return any(p.request.drug.id in sentence.split()[:2] for p in found.tapers)


def outlook_lines(wish: CourseWish) -> list[str]:
    """What groups did, in the language of the course; nothing where it was not asked for."""
    if wish.improvement is None:
        return []
    say, share = catalogue(wish.language), wish.share
    session, improvement = wish.improvement
    if share is None:
        return [say("outlook_none", improvement=plain(improvement), session=session), say("outlook_group")]
    people = {"scale": share.scale, "below": plain(share.below), "session": share.session}
    return [
        say("outlook_line", n=share.per_100),
        say("outlook_people", **people, pattern=share.pattern, n=share.n),
        say("outlook_source", source=f"{share.source}, doi {share.doi} ({share.note})"),
        say("outlook_group"),
    ]


def _outlook(wish: CourseWish) -> dict[str, Any] | None:
    if wish.improvement is None:
        return None
    share = wish.share
    return {
        "session": wish.improvement[0],
        "improvement_percent": wish.improvement[1],
        "still_responded_per_100": None if share is None else share.per_100,
        "below_percent": None if share is None else share.below,
        "group_size": None if share is None else share.n,
        "source": None if share is None else f"{share.source}, doi {share.doi}",
        "lines": outlook_lines(wish),
    }


def _provenance(verdict: Verdict | None, command: str) -> dict[str, Any]:
    pack = load_pack()
    known = (pack.version, pack.hash) if verdict is None else (verdict.pack_version, verdict.pack_hash)
    return {
        "command": command,
        "version": version("cotreat"),
        "seed": None,
        "rule_pack": {"version": known[0], "hash": known[1]},
        "disclaimer": DISCLAIMER,
    }
