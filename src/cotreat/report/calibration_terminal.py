"""A calibration on the terminal: coverage, regression, mechanisms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from cotreat.report.calibration_words import answer, coverage_word, percent, ratio_line


def print_calibration(doc: Mapping[str, Any], console: Console) -> None:
    """Print the short form of a calibration document."""
    console.print(f"[bold]{doc['name']}[/bold]  {doc['status']}")
    console.print(f"{doc['evidence']}; {doc['figures_in_fit']} figures")
    console.print(answer(doc))
    shown = Table("Left-out interval", "Holds", "Standard error", "Within 2 SE")
    for c in doc["coverage"]["all"]:
        shown.add_row(percent(c["level"]), percent(c["share"]), percent(c["se"]), coverage_word(c))
    console.print(shown)
    for r in doc["regression"]:
        console.print(ratio_line(r))
    table = Table("Mechanism", "Weight", "Log density to best", "SE", "R-hat", "Divergent")
    for r in doc["rivals"]:
        table.add_row(
            r["name"],
            percent(r["weight"]),
            f"{r['difference']:.1f}",
            f"{r['se']:.1f}",
            f"{r['rhat']:.3f}",
            str(r["divergent"]),
        )
    console.print(table)
