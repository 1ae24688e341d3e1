"""A safety verdict on a terminal: the verdict, what fired by severity, and what was not checked, grouped and short."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console

DISCLAIMER = "Research and decision support, not a medical device."
_TITLES = {"block": "Stops the plan", "warn": "Caution", "info": "To know"}
_SHOWN = 12


def print_verdict(document: dict[str, Any], console: Console, *, everything: bool = False) -> None:
    """Print the document of ``cotreat check --json``; ``everything`` lists rules that did not fire too."""

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    line(f"Verdict: {document['verdict']}")
    rules: list[dict[str, Any]] = document["rules"]
    for severity, title in _TITLES.items():
        fired = [r for r in rules if r["severity"] == severity and r["verdict"] in ("fired", "remark")]
        if fired:
            line(f"\n{title}")
        for rule in fired:
            _rule(rule, line)
    for override in document["overrides"]:
        line(f"Overridden: {override['id']}, {override['reason']}")
    if missing := document["missing"]:
        names = list(missing)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN and not everything else ""
        shown = names if everything else names[:_SHOWN]
        line(f"\nNot checked for lack of: {', '.join(shown)}{more}")
    if everything:
        _rest(rules, line)
    line(f"\n{document['checked']} rules checked, {document['not_checked']} not checked "
         f"({document['not_checked_unconfirmed']} of them are not confirmed in a source: they can stop, not clear), "
         f"{document['not_applicable']} do not apply.")  # fmt: skip
    for note in document["notes"]:
        line(f"Note: {note}")
    pack = document["rule_pack"]
    line(f"Rule pack {pack['version']} ({pack['hash'][:19]}). {DISCLAIMER}")


def _rule(rule: dict[str, Any], line: Any) -> None:
    day = f", from day {rule['day']}" if rule["day"] is not None else ""
    line(f"  {rule['id']}{day}: {rule['message']}")
    confirmed = "" if rule["confirmed"] else " (unconfirmed)"
    line(f"      {rule['source']}{confirmed}")


def _rest(rules: Iterable[dict[str, Any]], line: Any) -> None:
    for verdict in ("not checked", "did not fire"):
        listed = [r for r in rules if r["verdict"] == verdict]
        if listed:
            line(f"\n{verdict.capitalize()}")
        for rule in listed:
            reason = f" ({rule['reason']})" if rule["reason"] else ""
            line(f"  {rule['id']}: {rule['message']}{reason}")
