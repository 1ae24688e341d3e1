"""The three sheets of a plan: for the clinic, for the patient in large type, for the pharmacy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from cotreat.plan.documents.material import Event, Material
from cotreat.plan.documents.sheet import Block, Fill, Heading, Listed, Sheet, Table, Text
from cotreat.regimen.quantities import plain
from cotreat.safety.check import CAUTION, NOT_CHECKED, STOPPED

CLINIC_SIZES = (9.5, 8.5, 7.5, 6.5)
PATIENT_SIZES = (16.0,)
PHARMACY_SIZES = (10.0, 9.0, 8.0)


def sheets(material: Material) -> tuple[Sheet, ...]:
    """The sheets; the pharmacy's is there only when drugs are tapered."""
    found = [clinic_plan(material), patient_sheet(material)]
    return (*found, pharmacy_list(material)) if material.tapers else tuple(found)


def _sheet(m: Material, stem: str, title: str, blocks: Iterator[Block], sizes: tuple[float, ...]) -> Sheet:
    say, made = m.say, m.provenance
    pack = made["rule_pack"]
    version = say("footer_version", version=made["version"], pack=pack["version"], hash=pack["hash"][:12])
    return Sheet(
        stem=stem,
        language=m.language,
        title=title,
        under=f"{m.title}. {say('made_on', day=say.day(m.made))}",
        blocks=tuple(blocks),
        footer=f"{version}. {say('disclaimer')}",
        page=say("page"),
        sizes=sizes,
    )


# ---- the clinic -------------------------------------------------------------------------------------------------


def clinic_plan(m: Material) -> Sheet:
    """Doses, appointments, what is due, what the rules say and what must be known."""
    return _sheet(m, "clinic-plan", m.say("clinic_plan"), _clinic(m), CLINIC_SIZES)


def _clinic(m: Material) -> Iterator[Block]:
    say = m.say
    yield Fill(f"{say('name')}, {say('born')}")
    for document in m.tapers:
        if len(m.tapers) > 1 or document is not m.document:
            yield Heading(
                say("taper_of", drug=say.drug(document["drug"]["id"]), mg=plain(document["request"]["mg_per_day"]))
            )
        yield _doses(m, document)
    yield from _orders(m)
    if m.sentences:
        yield Heading(say("alternatively"))
        yield Listed(m.sentences)
    yield from _appointments(m)
    for heading, lines in m.notices:
        yield Heading(say(heading))
        yield Listed(lines)
    yield Heading(say("safety"))
    yield Listed(tuple(_safety(m)))
    if m.printing["on_the_day"]:
        yield Heading(say("on_the_day"))
        yield _on_the_day(m)
    if m.remarks:
        yield Heading(say("remarks") + ("" if m.language == "en" else f" ({say('in_english')})"))
        yield Listed(m.remarks)
    yield from _confirmations(m)
    yield Fill(say("prescriber"))
    yield Text(m.provenance["command"], "small")


def _doses(m: Material, document: dict[str, Any]) -> Table:
    say = m.say
    by_key = {p["key"]: p for p in document["preparations"]}
    curve = document["curve"]
    head = [say("from_day"), say("days"), say("mg_a_day"), say("take_each_time"), say("how_often"), say("less")]
    widths = [2.2, 0.8, 1.0, 3.6, 1.3, 1.0]
    if curve is not None:
        head.append(say("occupancy", target=curve["target"]))
        widths.append(1.8)
    rows = []
    for r in document["rows"]:
        cells = [
            say.day(r["first_day"]),
            str(r["days"] or ""),
            plain(r["mg_per_day"]),
            _portion(m, r, by_key),
            say.often(r["times_a_day"]) if r["take"] else "",
            "" if r["cut_percent"] is None else f"{r['cut_percent']:.0f} %",
        ]
        if curve is not None:
            o = r["occupancy"]
            cells.append("" if o is None else f"{o['percent']:.0f} % ({o['low']:.0f}-{o['high']:.0f})")
        rows.append(tuple(cells))
    return Table(tuple(head), tuple(rows), tuple(widths))


def _portion(m: Material, row: dict[str, Any], by_key: dict[str, dict[str, Any]]) -> str:
    say = m.say
    if not row["take"]:
        return say("stop")
    text = say("plus").join(say.amount(t, by_key) for t in row["take"])
    mark = {"hold": "hold", "step back": "step_back"}.get(row["kind"])
    return f"{text} [{say(mark)}]" if mark else text


def _orders(m: Material) -> Iterator[Block]:
    say = m.say
    if m.orders:
        yield Heading(say("other_drugs"))
        lines = []
        for o in m.orders:
            known = {"drug": say.drug(o.drug), "amount": plain(o.amount), "unit": o.unit, "first": say.day(o.first)}
            if o.is_level:
                lines.append(say("other_drug_level", **known))
            elif o.last is None:
                lines.append(say("other_drug_on", **known))
            else:
                lines.append(say("other_drug", **known, last=say.day(o.last)))
        yield Listed(tuple(lines))


def _appointments(m: Material) -> Iterator[Block]:
    say = m.say
    lines = list(_series(m))
    thresholds = m.of_kind("threshold")
    if thresholds:
        lines.append(say("thresholds", days=_days(m, thresholds)))
    for what, events in _by_name(m.of_kind("rating")).items():
        recall = f" ({events[0].detail})" if events[0].detail else ""
        lines.append(say("rating_due", scale=what + recall, days=_days(m, events)))
    if lines:
        yield Heading(say("sessions"))
        yield Listed(tuple(lines))


def _series(m: Material) -> Iterator[str]:
    say = m.say
    for what, events in _by_name(m.of_kind("session", "home")).items():
        first, last = say.day(events[0].day), say.day(events[-1].day)
        yield say("sessions_of", modality=say.modality(what), n=_count(events), first=first, last=last)


def _count(events: list[Event]) -> int:
    return sum(int(e.detail.split()[0]) if e.detail.endswith(" x") else 1 for e in events)


def _by_name(events: tuple[Event, ...]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for e in events:
        found.setdefault(e.what, []).append(e)
    return found


def _days(m: Material, events: tuple[Event, ...] | list[Event]) -> str:
    return ", ".join(e.day.isoformat() for e in events)


def _safety(m: Material) -> Iterator[str]:
    say = m.say
    yield say("verdict_is", word=_verdict(m))
    for rule in m.safety["rules"]:
        if rule["verdict"] == "fired":
            yield f"{rule['id']}: {rule['message']}"
    if m.printing["if_known"]:
        yield say("if_known", rules=", ".join(m.printing["if_known"]))
    for o in (o for o in m.safety["overrides"] if o["used"]):
        yield say("override", rule=o["id"], reason=o["reason"] + (f" ({o['by']})" if o["by"] else ""))


def _on_the_day(m: Material) -> Table:
    """What only the day can answer, by occasion, with boxes to tick and the rules that would stop what is planned."""
    say, rows, last = m.say, [], None
    for check in m.printing["on_the_day"]:
        occasion = check["occasion"]
        when = say.texts["occasions"][occasion] if occasion != last else ""
        rows.append((when, f"[ ] {say.texts['ask'][check['facts'][0]]}", ", ".join(check["stops"])))
        last = occasion
    return Table((say("occasion"), say("what_to_ask"), say("stops")), tuple(rows), (1.6, 4.6, 2.2))


def _verdict(m: Material) -> str:
    key = {CAUTION: "verdict_caution", STOPPED: "verdict_stopped", NOT_CHECKED: "verdict_not_checked"}
    counts = {k: m.safety[k] for k in ("checked", "not_checked")}
    return m.say(key.get(m.safety["verdict"], "verdict_none"), **counts)


def _confirmations(m: Material) -> Iterator[Block]:
    say = m.say
    for drug in m.drugs:
        name = say.doubtful_name(drug)
        if name is not None:
            yield Fill(say("name_unconfirmed", name=name, drug=drug))
    if not say.reviewed:
        yield Fill(say("translation_unreviewed"))


# ---- the patient ------------------------------------------------------------------------------------------------


def patient_sheet(m: Material) -> Sheet:
    """Doses in large type, the sentences that must be read, and whom to call."""
    return _sheet(m, "patient-sheet", m.say("patient_sheet"), _patient(m), PATIENT_SIZES)


def _patient(m: Material) -> Iterator[Block]:
    say = m.say
    yield Fill(say("name"))
    yield Heading(say("must_read"))
    for key in m.must_read:
        yield Text(say(key), "must")
    yield Fill(say("crisis_line"), m.calls.crisis)
    yield Text(say("crisis_emergency"))
    yield Fill(say("clinic_phone"), m.calls.clinic)
    for document in m.tapers:
        yield Heading(say.drug(document["drug"]["id"]))
        yield _patient_doses(m, document)
        yield Listed(tuple(_handling(m, document)))
    yield from _orders(m)
    series = tuple(_series(m))
    if series:
        yield Heading(say("sessions"))
        yield Listed(series)
        yield Text(say("in_calendar"))
    yield from _confirmations(m)


def _patient_doses(m: Material, document: dict[str, Any]) -> Table:
    say = m.say
    by_key = {p["key"]: p for p in document["preparations"]}
    rows = []
    first = date.fromisoformat(document["start"])
    if m.made < first:
        now = say("as_now", mg=plain(document["request"]["mg_per_day"]))
        rows.append(("", say.day(first - timedelta(days=1)), now))
    for r in document["rows"]:
        if r["take"]:
            text = say("plus").join(say.amount(t, by_key) for t in r["take"])
            take = say("dose_often", dose=text, often=say.often(r["times_a_day"]))
        else:
            take = say("take_nothing")
        until = "" if r["last_day"] is None else say.day(r["last_day"])
        rows.append((say.day(r["first_day"]), until, take))
    return Table((say("from_day"), say("until_day"), say("take_each_time")), tuple(rows), (1.9, 1.9, 2.4))


def _handling(m: Material, document: dict[str, Any]) -> Iterator[str]:
    say, used = m.say, document["preparations"]
    measures = {p["measure"] for p in used if p["per"] == "mL"}
    if measures - {"drops"}:
        yield say("measure_mL")
    if "drops" in measures:
        yield say("measure_drops")
    yield from _strength_changes(m, document)
    if any(p["release"] in ("extended", "delayed") for p in used):
        yield say("whole")
    if any(t["unit"] != "mL" and t["amount"] % 1 for r in document["rows"] for t in r["take"]):
        yield say("halves")
    yield say("keep_leftovers")


def _strength_changes(m: Material, document: dict[str, Any]) -> Iterator[str]:
    """Where one liquid follows another: the same millilitres are then another dose."""
    say, last = m.say, None
    by_key = {p["key"]: p for p in document["preparations"]}
    for r in document["rows"]:
        for take in r["take"]:
            if take["unit"] != "mL":
                continue
            if last not in (None, take["preparation"]):
                new, old = (say.preparation(by_key[k]) for k in (take["preparation"], last))
                yield say("strength_changes", day=say.day(r["first_day"]), new=new, old=old)
            last = take["preparation"]


# ---- the pharmacy -----------------------------------------------------------------------------------------------


def pharmacy_list(m: Material) -> Sheet:
    """What is handed out in each period, with what is used and carried over."""
    return _sheet(m, "pharmacy-list", m.say("pharmacy_list"), _pharmacy(m), PHARMACY_SIZES)


def _pharmacy(m: Material) -> Iterator[Block]:
    say = m.say
    yield Fill(f"{say('name')}, {say('born')}")
    for document in m.tapers:
        yield Heading(say.drug(document["drug"]["id"]))
        by_key = {p["key"]: p for p in document["preparations"]}
        dispensing = document["dispensing"]
        if dispensing["withheld"]:
            yield Text(say("list_withheld"), "must")
            yield Listed(tuple(say.preparation(by_key[k]) for k in dispensing["to_confirm"]))
            continue
        yield _periods(m, document, by_key)
        yield Text(say("total", mg=plain(dispensing["total_mg"])))
        if dispensing["confirmed_by_prescriber"]:
            yield Text(say("confirmed_strengths"), "must")
        yield from (Text(line, "must") for line in _strength_changes(m, document))
        yield Heading(say("directions"))
        yield _patient_doses(m, document)
    yield from _confirmations(m)
    yield Fill(say("prescriber"))
    yield Fill(say("pharmacist"))


def _periods(m: Material, document: dict[str, Any], by_key: dict[str, dict[str, Any]]) -> Table:
    say = m.say
    marked = set(document["dispensing"]["to_confirm"])
    rows = []
    for p in document["dispensing"]["periods"]:
        stretch = say("period", first=_short(p["first_day"]), last=_short(p["last_day"]), days=p["days"])
        for k, i in enumerate(p["items"]):
            unit = " mL" if i["unit"] == "mL" else ""
            star = " *" if i["preparation"] in marked else ""
            rows.append(
                (
                    stretch if k == 0 else "",
                    say.preparation(by_key[i["preparation"]]) + star,
                    f"{i['handed_out']}{unit}",
                    f"{plain(i['used'])}{unit}",
                    f"{plain(i['left_over'] + 0.0)}{unit}",
                    plain(i["mg"]),
                )
            )
    head = (
        say("days"), say("preparation"), say("hand_out"), say("used"), say("left_over"), say("mg")
    )  # fmt: skip
    return Table(head, tuple(rows), (2.7, 3.0, 1.0, 1.0, 1.0, 1.0))


def _short(day: str) -> str:
    return date.fromisoformat(day).isoformat()
