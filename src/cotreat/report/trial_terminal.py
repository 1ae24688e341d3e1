"""A virtual trial in a terminal: power, type I error and assurance as tables, the paragraph, what remakes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cotreat.report.trial_page import answer
from cotreat.report.words import number

if TYPE_CHECKING:
    from rich.console import Console


def print_trial(doc: Mapping[str, Any], console: Console) -> None:
    """Print the document of ``cotreat trial --json`` for a reader."""

    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False)

    design = doc["design"]
    say(doc["title"], "bold")
    who = (
        f"{design['population']['name']}: {design['population']['text']}" if design["population"] else "a stated effect"
    )
    say(f"{design['kind']}, {who}; visits: {design['visits_text']}; {design['dropout']}")
    for arm in design["arms"]:
        say(f"  {arm['name']}")
    say("")
    say(answer(doc))
    _tests(doc, console)
    _sample_size(doc, say)
    if doc["looks"]:
        limits = ", ".join(f"{a['z']:.3f} at {100 * a['fraction']:g} %" for a in doc["looks"]["at"])
        say(f"looks ({doc['looks']['spending']}): a claim when |Z| reaches {limits}")
    for row in doc["sensitivity"]:
        claims = _share(row["share_with_a_claim"], row["se"])
        say(f"{row['case']}, {row['n_per_arm']} per arm: {claims} per 100 claim a difference")
    say("")
    for note in doc["notes"]:
        say(note)
    for row in doc["safety"]:
        say(f"safety, {row['arm']}: {row['verdict']}")
    say("")
    say("For the analysis plan", "bold")
    say(doc["paragraph"])
    say("")
    say(f"{doc['stamp']}. {doc['disclaimer']}.")
    made = doc["provenance"]
    say(f"Remake: {made['command']} (seed {made['seed']}, version {made['version']})")


def _share(value: float, error: float) -> str:
    return f"{number(100 * value)} ± {number(100 * error)}"


def _tests(doc: Mapping[str, Any], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    assured = {(a["endpoint"], a["n_per_arm"]): a for a in doc["assurance"]}
    for name in dict.fromkeys(r["endpoint"] for r in doc["tests"]):
        mine = [r for r in doc["tests"] if r["endpoint"] == name]
        first = mine[0]
        title = Text(f"{name}{' (primary)' if first['primary'] else ''}\n{first['contrast']}; {first['method']}")
        shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
        adjusted = "power_adjusted" in first
        heads = [
            "per arm",
            "power, per 100",
            *(["adjusted"] if adjusted else []),
            "type I",
            "assurance",
            f"estimate, {first['unit']}",
        ]
        for head in heads:
            shown.add_column(head, justify="right")
        for r in mine:
            found = assured.get((name, r["n_per_arm"]))
            cells = [str(r["n_per_arm"]), _share(r["power"], r["power_se"])]
            cells += [number(100 * r["power_adjusted"])] if adjusted else []
            cells.append(_share(r["type1"], r["type1_se"]))
            cells.append("-" if found is None else _share(found["assurance"], found["se"]))
            cells.append("-" if r["estimate"] is None else number(r["estimate"], 2))
            shown.add_row(*cells)
        console.print()
        console.print(shown)


def _sample_size(doc: Mapping[str, Any], say: Any) -> None:
    found = doc["sample_size"]
    if found is None:
        return
    say("")
    if found["n_per_arm"] is None:
        say(f"sample size for a power of {found['power']:g}: not found, {found['reason']}")
        return
    error = "" if found["se"] is None else f" (Monte-Carlo standard error {number(found['se'])})"
    say(f"sample size for a power of {found['power']:g}: {found['n_per_arm']} in each arm{error}")
