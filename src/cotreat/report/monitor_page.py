"""The page of one followed person: red flags, the word and why, stacked lanes, what explains the ratings, research."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cotreat.report.document import Provenance
from cotreat.report.html import render_page, write_text
from cotreat.report.monitor_lanes import (
    RELAPSE_ARM,
    STRESS_ARM,
    WITHDRAWAL_ARM,
    Lanes,
    Rated,
    chance_lane,
    dose_lane,
    event_lane,
    fan_lane,
    part_lane,
    rating_lane,
    session_lane,
    word_lane,
)
from cotreat.report.parts import Page, Table, behind, listing, paragraph, provenance, table
from cotreat.report.svg import escape

_SHORT = {"more like withdrawal": "W", "more like relapse": "R", "could be both": "W + R"}
_TAIL = 120


def write_monitor(doc: Mapping[str, Any], directory: str | Path) -> Path:
    """Write the page of a document of ``cotreat monitor`` into ``directory``; InputError if it cannot be written."""
    return write_text(monitor_page(doc), directory)


def monitor_page(doc: Mapping[str, Any]) -> str:
    """The page as text."""
    page = Page(doc["stamp"])
    label = doc["labels"]
    page.section("flags", label["red_flags"], _flags(doc))
    page.section("why", label["reasons"], _why(doc))
    page.section("course", label["following"], _course(doc))
    page.section("explained", label["explained"], _explained(doc))
    page.section("scales", "Scores", _scales(doc))
    if "research" in doc:
        page.section("research", f"{label['research_view']}: {doc['research']['stamp']}", _research(doc))
    page.section("remake", "How to remake this", _remake(doc))
    page.section("limits", "What this does not claim", listing(doc["limits"]))
    text = render_page(label["following"], _head(doc), page, label["disclaimer"])
    return text.replace('<html lang="en">', f'<html lang="{doc["language"]}">', 1)


def _head(doc: Mapping[str, Any]) -> str:
    label, word, record = doc["labels"], doc["verdict"], doc["record"]
    note = f'<p class="note">{escape(label["unreviewed"])}</p>' if label["unreviewed"] else ""
    flags = ""
    if doc["flags"]:
        worst = doc["flags"][0]
        flags = f'<p><span class="verdict stopped">! {escape(worst["shown"])}: {escape(worst["when"])}</span></p>'
    return (
        f'<p class="kicker">{escape(label["following"])}, {record["start"]} – {record["end"]}</p>{flags}'
        f"<h1>{escape(word['shown'])}</h1>"
        f'<p class="answer">{escape(label["withdrawal"])} <b>{_percent(word["p_withdrawal"])}</b>, '
        f"{escape(label['relapse'])} <b>{_percent(word['p_relapse'])}</b> ({word['date']})</p>"
        f'<p class="who">{escape(word["advice"])}</p>{note}<p class="badge">{escape(doc["stamp"])}</p>'
    )


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _flags(doc: Mapping[str, Any]) -> str:
    rows = [
        (
            f'<span class="verdict {"stopped" if f["level"] == "urgent" else "caution"}">! {escape(f["shown"])}</span>',
            escape(f["when"]),
            f["date"],
            escape(f["text"]),
            f"row {f['row']}",
            escape("" if f["rule"] == "own" else f["rule"]),
        )
        for f in doc["flags"]
    ]
    made = ""
    if rows:
        made = table(
            Table(doc["labels"]["red_flags"], ("", "", doc["labels"]["date"], "", "", ""), rows, words=True),
            doc["stamp"],
        )
    return made + paragraph(doc["flag_note"])


def _why(doc: Mapping[str, Any]) -> str:
    alerts = doc["alerts"]
    said = [f"{a['from']} – {a['to']}: {a['kind']} deterioration" for a in alerts["list"]]
    burden = f"{alerts['per_30_days']:g} alerts in 30 days."
    return listing(doc["verdict"]["reasons"]) + (listing(said) if said else "") + paragraph(burden, "note")


def _start(doc: Mapping[str, Any]) -> dt.date:
    return dt.date.fromisoformat(doc["record"]["start"])


def _cuts(doc: Mapping[str, Any]) -> list[int]:
    found, last = [], dict[str, float]()
    for dose in doc["record"]["doses"]:
        if dose["amount"] < last.get(dose["drug"], 0.0):
            found.append(dose["day"])
        last[dose["drug"]] = dose["amount"]
    return found


def _amounts(doc: Mapping[str, Any], drug: str) -> tuple[list[float], list[float]]:
    """Prescribed and taken amounts of each day."""
    rows = [d for d in doc["record"]["doses"] if d["drug"] == drug]
    planned = []
    for day in range(doc["record"]["days"]):
        past = [d["amount"] for d in rows if d["day"] <= day]
        planned.append(past[-1] if past else (rows[0]["amount"] if rows[0]["before"] else 0.0))
    taken = list(planned)
    for t in doc["record"]["taken"]:
        if t["drug"] == drug and t["day"] < len(taken):
            taken[t["day"]] = t["amount"]
    return planned, taken


def _course(doc: Mapping[str, Any]) -> str:
    label, record, days = doc["labels"], doc["record"], doc["days"]
    lanes = Lanes(_start(doc), record["days"], _cuts(doc), _description(doc))
    drugs = list(dict.fromkeys(d["drug"] for d in record["doses"]))
    for drug in drugs:
        unit = next(d["unit"] for d in record["doses"] if d["drug"] == drug)
        lanes.lanes.append(dose_lane(drug, unit, *_amounts(doc, drug)))
    for subject in dict.fromkeys(s["subject"] for s in record["sessions"]):
        lanes.lanes.append(session_lane(subject, [s["day"] for s in record["sessions"] if s["subject"] == subject]))
    if record["events"]:
        lanes.lanes.append(event_lane("", [(e["day"], e["text"]) for e in record["events"]]))
    for signal in record["signals"]:
        lanes.lanes.append(rating_lane(_rated(doc, signal)))
    names = (label["withdrawal"], label["relapse"])
    lanes.lanes.append(
        chance_lane(
            (label["probability"], ""), [d["p_withdrawal"] for d in days], [d["p_relapse"] for d in days], names
        )
    )
    lanes.lanes.append(word_lane(label["verdict"], [d["verdict"] for d in days], _SHORT))
    key = (
        f"{label['doses']}: ▭ {label['taken']}, ┄ {label['planned']}; ● {label['withdrawal']}, ■ {label['relapse']}; "
        f"▒ {label['usual']}; ┊ cut; W {doc['words']['more like withdrawal']}, R {doc['words']['more like relapse']}"
    )
    body = f'<figure>{lanes.svg(False)}{lanes.svg(True)}<p class="note">{escape(key)}</p></figure>'
    return body + behind(label["table"], _day_table(doc) + _dose_table(doc))


def _description(doc: Mapping[str, Any]) -> str:
    word = doc["verdict"]
    return f"Lanes of doses, ratings, probabilities. On {word['date']}: {word['shown']}. The table has the numbers."


def _name(doc: Mapping[str, Any], signal: str) -> str:
    return str(doc["labels"].get(signal, signal))


def _rated(doc: Mapping[str, Any], signal: Mapping[str, Any]) -> Rated:
    parts = [d["explains"][signal["name"]] for d in doc["days"]]
    usual = [(p["level"] - p["usual_half"], p["level"] + p["usual_half"]) for p in parts]
    return Rated(
        _name(doc, signal["name"]),
        f"{signal['low']:g}–{signal['high']:g}",
        signal["low"],
        signal["high"],
        [(r["day"], r["value"]) for r in signal["ratings"]],
        usual,
        [p["level"] + p["illness"] + p["withdrawal"] + p["stress"] for p in parts],
        [(b["name"], b["from"]) for b in signal["bands"] if b["from"] > signal["low"]],
    )


def _day_table(doc: Mapping[str, Any]) -> str:
    label, signals = doc["labels"], doc["record"]["signals"]
    values = [{r["day"]: r["value"] for r in s["ratings"]} for s in signals]
    rows = []
    for day, row in enumerate(doc["days"]):
        rows.append(
            (
                row["date"],
                *[f"{v[day]:.1f}" if day in v else "" for v in values],
                _percent(row["p_withdrawal"]),
                _percent(row["p_relapse"]),
                escape(doc["words"][row["verdict"]]),
            )
        )
    heads = (
        label["date"],
        *[escape(_name(doc, s["name"])) for s in signals],
        label["withdrawal"],
        label["relapse"],
        label["verdict"],
    )
    return table(Table(label["following"], heads, rows, wide=True), doc["stamp"])


def _dose_table(doc: Mapping[str, Any]) -> str:
    label = doc["labels"]
    rows = [
        (d["date"], escape(d["drug"]), f"{d['amount']:g} {d['unit']}", "prescribed") for d in doc["record"]["doses"]
    ]
    start = _start(doc)
    rows += [
        ((start + dt.timedelta(days=t["day"])).isoformat(), escape(t["drug"]), f"{t['amount']:g}", "taken")
        for t in doc["record"]["taken"]
    ]
    if not rows:
        return ""
    return table(Table(label["doses"], (label["date"], "", "", ""), sorted(rows), words=True), doc["stamp"])


def _explained(doc: Mapping[str, Any]) -> str:
    label, days = doc["labels"], doc["days"]
    lanes = Lanes(
        _start(doc), doc["record"]["days"], _cuts(doc), "What relapse, withdrawal and ups and downs add, by signal."
    )
    arms = ((WITHDRAWAL_ARM, "withdrawal"), (RELAPSE_ARM, "illness"), (STRESS_ARM, "stress"))
    for signal in doc["record"]["signals"]:
        parts: list[tuple[int, Sequence[float]]] = [
            (a, [d["explains"][signal["name"]][k] for d in days]) for a, k in arms
        ]
        lanes.lanes.append(part_lane(_name(doc, signal["name"]), parts, ""))
    key = f"● {label['withdrawal']}   ■ ┄ {label['relapse']}   ┈ {label['stress']}"
    rows = []
    for k in [*range(len(days) - 1, -1, -7)][::-1]:
        for signal in doc["record"]["signals"]:
            p = days[k]["explains"][signal["name"]]
            rows.append(
                (
                    days[k]["date"],
                    escape(_name(doc, signal["name"])),
                    *[f"{p[c]:.1f}" for c in ("level", "illness", "withdrawal", "stress")],
                )
            )
    heads = (label["date"], "", label["usual"], label["relapse"], label["withdrawal"], label["stress"])
    made = table(Table(label["explained"], heads, rows, wide=True), doc["stamp"])
    return f'<figure>{lanes.svg(False)}{lanes.svg(True)}<p class="note">{escape(key)}</p></figure>' + behind(
        label["table"], made
    )


def _scales(doc: Mapping[str, Any]) -> str:
    rows = []
    for row in doc["scales"]:
        said = [w for w, k in (("response", "response"), ("remission", "remission")) if row[k]]
        rows.append(
            (
                escape(row["scale"]),
                f"{row['first']['score']:g} ({row['first']['date']})",
                f"{row['last']['score']:g} ({row['last']['date']})",
                escape(row["band"] or ""),
                escape(", ".join(said) or row["why_not"]),
            )
        )
    if not rows:
        return ""
    heads = ("Scale", "First", "Last", "Band", "Against the first")
    return table(Table("Scores of the scales", heads, rows, wide=True, words=True), doc["stamp"])


def _research(doc: Mapping[str, Any]) -> str:
    view, record = doc["research"], doc["record"]
    body = f'<p class="badge">{escape(view["stamp"])}</p>'
    longest = max((r["days_ahead"] for r in view["forecast"]), default=0)
    first = max(0, record["days"] - _TAIL)
    cuts = [c - first for c in _cuts(doc) if c >= first]
    described = "Forecast of every signal with its 50, 80 and 95 per cent intervals."
    lanes = Lanes(_start(doc) + dt.timedelta(days=first), record["days"] - first, cuts, described)
    lanes.extra_days = longest
    for signal in record["signals"]:
        fan = [r for r in view["forecast"] if r["signal"] == signal["name"]]
        if fan:
            ratings = [(r["day"] - first, r["value"]) for r in signal["ratings"] if r["day"] >= first]
            lanes.lanes.append(
                fan_lane(_name(doc, signal["name"]), "50, 80, 95 %", ratings, fan, record["days"] - 1 - first)
            )
    rows = [
        (
            escape(_name(doc, r["signal"])),
            r["date"],
            f"{r['median']:.1f}",
            *[f"{r[k][0]:.1f} – {r[k][1]:.1f}" for k in ("pi50", "pi80", "pi95")],
        )
        for r in view["forecast"]
    ]
    heads = ("", doc["labels"]["date"], "Median", "50 %", "80 %", "95 %")
    body += f"<figure>{lanes.svg(False)}{lanes.svg(True)}</figure>"
    body += behind(doc["labels"]["table"], table(Table("Forecast", heads, rows, wide=True), view["stamp"]))
    judged = [
        (
            escape(_name(doc, s["signal"])),
            str(s["n"]),
            *[f"{s[k]:.2f}" for k in ("crps", "crps_last_value", "crps_running_mean")],
            *[_percent(s[k]) for k in ("inside80", "inside95")],
        )
        for s in view["one_week_ahead"]["signals"]
    ]
    if judged:
        names = (
            "",
            "Forecasts",
            "CRPS",
            "CRPS of the last value",
            "CRPS of the running mean",
            "inside 80 %",
            "inside 95 %",
        )
        title = "One week ahead, as it would have been forecast"
        body += table(Table(title, names, judged, wide=True), view["stamp"])
    return body + _what_if(doc)


def _what_if(doc: Mapping[str, Any]) -> str:
    view = doc["research"]["what_if"]
    rows = []
    for o in view["options"]:
        kind = (
            "stopped" if o["safety"].startswith("stopped") else "caution" if o["safety"] == "caution" else "unchecked"
        )
        rows.append(
            (
                f"{escape(o['option'])}<small>{escape(o['text'])}</small>",
                _percent(o["p_ill_day_28"]),
                _percent(o["p_ill_day_56"]),
                _percent(o["p_withdrawal_within_4_weeks"]),
                escape(o["contrast"]),
                f'<span class="verdict {kind}">{escape(o["safety"])}</span>',
            )
        )
    if not rows:
        return paragraph(view["note"])
    heads = ("Option", "Ill, day 28", "Ill, day 56", "Withdrawal, 4 weeks", "Against holding", "Safety")
    title = f"What if ({view['basis']})"
    return table(Table(title, heads, rows, wide=True, words=True), doc["research"]["stamp"]) + paragraph(
        view["note"], "note"
    )


def _remake(doc: Mapping[str, Any]) -> str:
    made = doc["provenance"]
    known = Provenance(
        command=made["command"],
        seed=made["seed"],
        version=made["version"],
        parameters=f"{made['parameters']} ({made['status']})",
        checksum=made["checksum"],
        engine=f"particle filter, {made['particles']} particles; {doc['filter']['note']}",
        ignored_qualifiers=tuple(doc["unused"]) + tuple(f"{u['what']}: {u['why']}" for u in doc["unmodelled"]),
        date=made["date"],
    )
    return provenance(known) + paragraph(f"File {made['file']}, {made['file_checksum']}", "note")
