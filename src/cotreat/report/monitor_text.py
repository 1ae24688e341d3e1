"""A followed person as plain text: red flags first, then the word and why, then the course in a short table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MOST_FLAGS = 6
_MOST_ROWS = 16


def lines(doc: Mapping[str, Any]) -> Iterator[str]:
    """The document of ``cotreat monitor`` line by line."""
    label = doc["labels"]
    record, word = doc["record"], doc["verdict"]
    yield f"{label['following']}: {record['start']} – {record['end']}, {record['rated_days']} / {record['days']}"
    yield ""
    yield from _flags(doc)
    yield ""
    yield f"{label['verdict']} ({word['date']}): {word['shown']}"
    yield f"  {label['withdrawal']} {_percent(word['p_withdrawal'])}, {label['relapse']} {_percent(word['p_relapse'])}"
    for reason in word["reasons"]:
        yield f"  - {reason}"
    yield f"  {word['advice']}"
    yield ""
    yield from _course(doc)
    yield from _scales(doc)
    if "research" in doc:
        yield from _research(doc)
    yield ""
    for note in doc["unmodelled"]:
        yield f"Not in the model: {note['what']} ({note['why']})."
    for note in doc["unused"]:
        yield f"Not used: {note}."
    for limit in doc["limits"]:
        yield f"Limit: {limit}"
    made = doc["provenance"]
    yield f"Filter: {doc['filter']['particles']} particles, {doc['filter']['note']}."
    yield f"Parameters: {made['parameters']} ({doc['stamp']})."
    yield f"Remake: {made['command']}  (seed {made['seed']}, version {made['version']})"
    if label["unreviewed"]:
        yield label["unreviewed"]
    yield f"{label['disclaimer']}."


def _flags(doc: Mapping[str, Any]) -> Iterator[str]:
    flags = doc["flags"]
    if not flags:
        yield f"{doc['labels']['red_flags']}: {doc['flag_note']}"
        return
    yield f"!! {doc['labels']['red_flags']} ({len(flags)})"
    for flag in flags[:_MOST_FLAGS]:
        rule = "" if flag["rule"] == "own" else f", {flag['rule']}"
        yield f"!! {flag['shown']} ({flag['when']}): {flag['text']}, {flag['date']} (row {flag['row']}{rule})"
    if len(flags) > _MOST_FLAGS:
        yield f"!! + {len(flags) - _MOST_FLAGS}"
    yield f"!! {doc['flag_note']}"


def _course(doc: Mapping[str, Any]) -> Iterator[str]:
    label, days = doc["labels"], doc["days"]
    step = max(1, -(-len(days) // _MOST_ROWS))
    shown = days[::-1][::step][::-1]
    yield f"{label['date']:<12}{label['withdrawal']:>14}{label['relapse']:>14}   {label['verdict']}"
    for day in shown:
        yield (
            f"{day['date']:<12}{_percent(day['p_withdrawal']):>14}{_percent(day['p_relapse']):>14}   "
            f"{doc['words'][day['verdict']]}"
        )


def _scales(doc: Mapping[str, Any]) -> Iterator[str]:
    for row in doc["scales"]:
        band = f" ({row['band']})" if row["band"] else ""
        yield f"{row['scale']}: {row['first']['score']:g} → {row['last']['score']:g}{band}"
        if row["why_not"]:
            yield f"  Response and remission are not shown: {row['why_not']}."


def _research(doc: Mapping[str, Any]) -> Iterator[str]:
    view, label = doc["research"], doc["labels"]
    yield ""
    yield f"{label['research_view']}: {view['stamp']}"
    for row in view["forecast"]:
        if row["days_ahead"] == 7:
            yield (
                f"  {row['signal']} on {row['date']}: {row['median']:.1f}, 80 % {row['pi80'][0]:.1f} to "
                f"{row['pi80'][1]:.1f}, 95 % {row['pi95'][0]:.1f} to {row['pi95'][1]:.1f}"
            )
    for row in view["one_week_ahead"]["signals"]:
        yield (
            f"  {row['signal']}: {row['n']} forecasts one week ahead, CRPS {row['crps']:.3f} "
            f"(last value {row['crps_last_value']:.3f}, running mean {row['crps_running_mean']:.3f}), "
            f"95 % interval held {100 * row['inside95']:.0f} %"
        )
    for option in view["what_if"]["options"]:
        yield f"  {option['option']}: {option['text']}; safety: {option['safety']}"
        if option["contrast"]:
            yield f"    {option['contrast']}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
