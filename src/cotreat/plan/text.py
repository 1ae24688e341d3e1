"""A plan document as text for a terminal, or the reasons why there is none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from typing import Any

from cotreat.plan.words import say
from cotreat.regimen.quantities import plain

WIDTH = 110


def plan_text(document: dict[str, Any], width: int = WIDTH) -> str:
    """The document as text, at most ``width`` columns wide."""
    from rich.console import Console

    out = io.StringIO()
    show(document, Console(file=out, width=width))
    return out.getvalue().rstrip()


def show(document: dict[str, Any], console: Any) -> None:
    """Print the document on a rich console."""
    language = document["request"]["language"]

    def print_line(text: str = "") -> None:
        console.print(text, markup=False, highlight=False)

    print_line(_title(document, language))
    print_line()
    if document["stopped"]:
        for line in _refusal(document, language):
            print_line(line)
    else:
        console.print(_table(document, language))
        for line in _below(document, language):
            print_line(line)
    for line in _end(document, language):
        print_line(line)


def _title(document: dict[str, Any], language: str) -> str:
    drug = document["drug"]["names"].get(language) or document["drug"]["id"]
    request = document["request"]
    now = f"{plain(request['mg_per_day'])} mg"
    if document["stopped"]:
        return f"{say('no_plan', language)}: {drug} {now}"
    first, last = _day(document["start"]), _day(document["stop"])
    weeks = f"{document['weeks']:g}"
    return f"{say('taper', language)}: {drug} {now} -> 0, {first} - {last} ({weeks} {say('weeks', language)})"


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _table(document: dict[str, Any], language: str) -> Any:
    from rich.table import Table

    rows = document["rows"]
    curve = document["curve"]
    equivalents = any(r["diazepam_mg"] for r in rows)
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="bold")
    table.add_column("", justify="right")
    table.add_column(say("from", language), no_wrap=True)
    table.add_column(say("days", language), justify="right")
    table.add_column(say("mg_a_day", language), justify="right", no_wrap=True)
    often = document["request"]["times_a_day"]
    table.add_column(say("take", language) + (f" ({often}x)" if often > 1 else ""), min_width=18)
    table.add_column(say("cut", language), justify="right", no_wrap=True)
    if curve is not None:
        table.add_column(f"{curve['target']} %", justify="right", no_wrap=True)
        table.add_column(say("step", language), justify="right", no_wrap=True)
        table.add_column(say("off_by", language), justify="right", no_wrap=True)
    if equivalents:
        table.add_column(say("diazepam", language), justify="right", no_wrap=True)
    for r in rows:
        cells = [
            str(r["row"]),
            _day(r["first_day"]),
            str(r["days"]) if r["days"] else "",
            plain(r["mg_per_day"]),
            r["short"] or say("stop", language),
            "" if r["cut_percent"] is None else f"{r['cut_percent']:.0f} %",
        ]
        if r["kind"] in ("hold", "step back"):
            cells[4] += f" [{say(r['kind'], language)}]"
        if curve is not None:
            cells += [_spread(r["occupancy"]), _spread(r["fall"], 1), _off(r["occupancy_off_by"])]
        if equivalents:
            cells.append("" if not r["diazepam_mg"] else _between(*r["diazepam_mg"]))
        table.add_row(*(_escaped(c) for c in cells))
    return table


def _escaped(cell: str) -> str:
    return cell.replace("[", "\\[")


def _spread(value: dict[str, float] | None, digits: int = 0) -> str:
    return "" if value is None else f"{value['percent']:.{digits}f} ({value['low']:.0f}-{value['high']:.0f})"


def _off(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"


def _between(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def _below(document: dict[str, Any], language: str) -> Iterator[str]:
    yield ""
    if any(p["origin"] == "made to order" for p in document["preparations"]):
        yield f"* {say('made_to_order', language)}"
    if any(p["release"] in ("extended", "delayed") for p in document["preparations"]):
        yield say("releases", language)
    method = document["method"]
    yield f"{say('steps_by', language)}: {say(method['steps_of'], language)}. {method['source']} ({method['mark']})."
    curve = document["curve"]
    if curve is not None:
        where = f", {curve['region']}" if curve["region"] else ""
        yield f"{say('curve', language)}: {curve['target']}{where}, {curve['source']} ({curve['mark']}); "
        yield f"  {say('interval', language)}: {curve['range']['source']}."
    for remark in document["remarks"]:
        yield f"- {remark}"
    yield from _dispensing(document, language)
    for sentence in document["stimulation"]:
        yield f"{say('beside', language)}: {sentence}"
    yield ""
    yield from _safety(document, language)


def _dispensing(document: dict[str, Any], language: str) -> Iterator[str]:
    dispensing = document["dispensing"]
    yield ""
    if dispensing["withheld"]:
        yield f"{say('list_withheld', language)}: {'; '.join(dispensing['to_confirm'])} (--confirm-strengths)."
        return
    yield f"{say('dispensing', language)}:"
    for period in dispensing["periods"]:
        items = "; ".join(f"{i['handed_out']} {_unit(i)} {i['preparation']}" for i in period["items"])
        yield f"  {_day(period['first_day'])} - {_day(period['last_day'])}: {items} ({plain(period['mg'])} mg)"


def _unit(item: dict[str, Any]) -> str:
    return "mL" if item["unit"] == "mL" else "x"


def _safety(document: dict[str, Any], language: str) -> Iterator[str]:
    safety = document["safety"]
    yield f"{say('verdict', language)}: {safety['verdict']}"
    for rule in safety["rules"]:
        if rule["verdict"] == "fired":
            mark = "" if rule["confirmed"] else " [unconfirmed rule]"
            over = " (overridden)" if rule["override"] else ""
            yield f"  {rule['id']}{over}: {rule['message']}{mark}"
    unknown = safety["not_checked_for_lack_of_facts"]
    if unknown:
        names = list(safety["missing"])
        more = f" +{len(names) - 6}" if len(names) > 6 else ""
        yield f"  {say('not_checked', language)} ({unknown}): {', '.join(names[:6])}{more}"
    if not document["printing"]["allowed"]:
        missing = document["printing"]["missing"]
        more = f" +{len(missing) - 8}" if missing[8:] else ""
        yield f"{say('not_for_print', language)}: {', '.join(missing[:8])}{more} (--patient)"
    asked = [n for c in document["printing"]["on_the_day"] for n in c["facts"]]
    if asked:
        yield f"{say('on_the_day', language)}: {', '.join(dict.fromkeys(asked))}"
    idle = [o["id"] for o in document["safety"]["overrides"] if not o["used"]]
    if idle:
        yield f"{say('idle', language)}: {', '.join(idle)}"


def _refusal(document: dict[str, Any], language: str) -> Iterator[str]:
    safety = document["safety"]
    if safety is not None:
        yield f"{say('verdict', language)}: {safety['verdict']}"
    for reason in document["reasons"]:
        yield f"- {reason}"
    for text in document["would_help"]:
        yield f"{say('would_help', language)}: {text}"
    if safety is not None:
        unknown = safety["not_checked"]
        yield f"({safety['checked']} rules checked, {unknown} not checked)"


def _end(document: dict[str, Any], language: str) -> Iterator[str]:
    provenance = document["provenance"]
    yield ""
    if not document["stopped"]:
        yield f"{say('sentence', language)} (day 0 = {_day(document['day_0'])}):"
        for line in document["regimen"].splitlines():
            yield f"  {line}"
    pack = provenance["rule_pack"]
    yield f"{say('again', language)}: {provenance['command']}"
    yield f"cotreat {provenance['version']}, rule pack {pack['version']} {pack['hash'][:12]}, no random numbers."
    if language != "en":
        yield say("unreviewed", language)
    yield provenance["disclaimer"]
