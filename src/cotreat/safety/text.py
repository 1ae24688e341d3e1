"""A verdict as short plain text: what stops, what to mind, and what was not checked and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cotreat.safety.check import Finding, Verdict

_MOST_FACTS = 8
_HEADINGS = {"block": "Stops the plan", "warn": "Caution", "info": "To know"}


def lines(verdict: Verdict) -> Iterator[str]:
    """The verdict line by line, rules grouped by severity and subject, facts that are missing named once each."""
    yield f"Verdict: {verdict.word}"
    for severity, heading in _HEADINGS.items():
        found = [f for f in verdict.findings if f.rule.severity == severity and f.verdict in ("fired", "remark")]
        if found:
            yield ""
            yield f"{heading}:"
            yield from _grouped(found)
    printing = verdict.missing_for_printing
    if printing:
        yield ""
        yield "Cannot be printed before these are checked: " + ", ".join(f.rule.id for f in printing)
    yield ""
    yield from _not_checked(verdict)
    if not verdict.translation_reviewed:
        yield "The messages are a translation that nobody has reviewed yet."
    for note in verdict.notes:
        yield f"Note: {note}."
    yield (
        f"{verdict.checked} rules checked, {verdict.not_checked} not checked, {verdict.not_applicable} do not apply. "
        f"Rule pack {verdict.pack_version}, {verdict.pack_hash[:12]}."
    )


def _grouped(found: Iterable[Finding]) -> Iterator[str]:
    by_group: dict[str, list[Finding]] = {}
    for f in found:
        by_group.setdefault(f.rule.group, []).append(f)
    for group, its in by_group.items():
        yield f"  {group}"
        for f in its:
            day = "" if f.day is None else f" (day {f.day})"
            mark = "" if f.rule.confirmed else " [unconfirmed rule]"
            yield f"    {f.rule.id}{day}: {f.rule.text(f.language)}{mark}"
            yield f"      Source: {f.rule.source}"
            if f.override is not None:
                by = f" by {f.override.by}" if f.override.by else ""
                yield f"      Overridden{by}: {f.override.reason}"


def _not_checked(verdict: Verdict) -> Iterator[str]:
    unconfirmed = sum(1 for f in verdict.findings if f.verdict == "not checked" and f.holds is not None)
    unknown = verdict.not_checked - unconfirmed
    if unknown:
        yield f"Not checked, because something is not known ({unknown} rules):"
        missing = list(verdict.missing().items())
        for name, ids in missing[:_MOST_FACTS]:
            more = " ..." if ids[3:] else ""
            yield f"  {name}: {len(ids)} rule{'s' if len(ids) != 1 else ''} ({', '.join(ids[:3])}{more})"
        if missing[_MOST_FACTS:]:
            yield f"  and {len(missing) - _MOST_FACTS} more facts"
    if unconfirmed:
        yield f"Not checked, because the rule is not confirmed in a source and so clears nothing: {unconfirmed} rules"
