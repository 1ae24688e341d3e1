"""Comparisons and predictions as tables in a terminal, readable from 80 columns and without any but ASCII letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cotreat.report.axes import time_ticks, time_unit
from cotreat.report.document import (
    Arm,
    Comparison,
    Contrast,
    Curve,
    Interval,
    Outcome,
    Predicted,
    Provenance,
)
from cotreat.report.predicted import (
    UNCONFIRMED,
    digits_of,
    inside_words,
    measure_title,
    reason_text,
    row_title,
    scaled,
    scaled_interval,
    shown_unit,
    summary,
)
from cotreat.report.reading import read_comparison, read_prediction
from cotreat.report.words import (
    UNKNOWN,
    curve_groups,
    interval,
    is_per_100,
    number,
    of_whom,
    outcome_groups,
    outcome_title,
    plain_answer,
    population_text,
    probability,
    rough,
    sentence_case,
    short,
    verdict,
)

if TYPE_CHECKING:
    from rich.console import Console

WIDE_COLUMNS = 110
BAR = 31

# Letters a terminal without Unicode still can show.
_PLAIN_LETTERS = str.maketrans(
    {
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2026": "...",
        "\u201c": '"',
        "\u201d": '"',
        "\u2018": "'",
        "\u2019": "'",
        "\u00a0": " ",
        "\u00b5": "u",
        "\u03bc": "u",
        "\u00b7": "|",
        "\u00d7": "x",
        "\u2265": ">=",
        "\u2264": "<=",
    }
)


def print_comparison(doc: Mapping[str, Any], console: Console) -> None:
    """Print a comparison document; raises ``InputError`` for a malformed document, before anything is printed."""
    comparison = read_comparison(doc)
    out = _Out(console, comparison.stamp)
    out.heading(comparison.title)
    who = population_text(comparison.population)
    out.prose(f"Population: {who}" if who else "")
    out.prose(" ".join(plain_answer(comparison)))
    groups = outcome_groups(comparison)
    for group in (g for g in groups if not g[0].selected):
        _outcomes(out, group)
    _curves(out, comparison, selected=False)
    chosen = {g[0].outcome for g in groups if g[0].selected}
    _contrasts(out, [c for c in comparison.contrasts if c.outcome not in chosen])
    for group in (g for g in groups if g[0].selected):
        _outcomes(out, group)
    _curves(out, comparison, selected=True)
    _contrasts(out, [c for c in comparison.contrasts if c.outcome in chosen])
    _safety(out, comparison)
    for arm in comparison.arms:
        _arm(out, arm)
    if comparison.definitions:
        out.heading("What the words mean here")
        for word, text in comparison.definitions:
            out.line(f"{sentence_case(word)}: {text}", indent=2)
    meaning = f'"Not known" is {UNKNOWN}: the middle 95 % over parameter draws. Chance in a trial is apart.'
    _closing(out, comparison.provenance, (meaning, comparison.disclaimer))


def print_prediction(doc: Mapping[str, Any], console: Console) -> None:
    """Print a prediction document; raises ``InputError`` for a malformed document, before anything is printed."""
    prediction = read_prediction(doc)
    out = _Out(console, prediction.stamp)
    study = prediction.study
    out.heading(study.title or study.id)
    source = [study.id, str(study.year) if study.year is not None else "", f"doi {study.doi}" if study.doi else ""]
    out.prose(", ".join(s for s in source if s))
    out.prose(summary(prediction))
    groups: dict[tuple[str, str], list[Predicted]] = {}
    for row in prediction.outcomes:
        groups.setdefault((row.measure, shown_unit(row)), []).append(row)
    for (_, unit), rows in groups.items():
        _predicted(out, f"{measure_title(rows[0])}{', ' + unit if unit else ''}", rows)
    meaning = "Ranges are for a trial of that size: what is not known about the model, and chance."
    _closing(out, prediction.provenance, (meaning, prediction.disclaimer))


class _Out:
    """Writes plain texts and tables; letters the terminal cannot show are replaced, control characters dropped."""

    def __init__(self, console: Console, stamp: str) -> None:
        self._console = console
        self.stamp = stamp
        self.wide = console.width >= WIDE_COLUMNS

    def clean(self, words: str) -> str:
        kept = "".join(c for c in words if c == "\n" or (c.isprintable() or c == "\u00a0"))
        if not self._console.options.ascii_only:
            return kept
        encoding = self._console.encoding or "ascii"
        return kept.translate(_PLAIN_LETTERS).encode(encoding, "replace").decode(encoding)

    def line(self, words: str, style: str = "", indent: int = 0) -> None:
        from rich.padding import Padding
        from rich.text import Text

        text = Text(self.clean(words), style=style)
        self._console.print(Padding(text, (0, 0, 0, indent), expand=False) if indent else text)

    def verbatim(self, words: str) -> None:
        """A line that is not broken, so that it can be copied."""
        from rich.text import Text

        self._console.print(Text(self.clean(words)), soft_wrap=True)

    def heading(self, words: str) -> None:
        self._console.print()
        self.line(words, "bold")

    def prose(self, words: str) -> None:
        if words:
            self.line(words)

    def table(self, title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, words: bool = False) -> None:
        """A table with its title above and the stamp below; ``words``: cells are prose and may wrap."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        made = Table(
            title=Text(self.clean(title), style="bold"),
            title_justify="left",
            caption=Text(self.clean(self.stamp), style="italic"),
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
        )
        for i, head in enumerate(heads):
            number_column = i > 0 and not words
            made.add_column(
                Text(self.clean(head)),
                justify="right" if number_column else "left",
                no_wrap=number_column,
                overflow="fold",
            )
        for row in rows:
            made.add_row(*(Text(self.clean(cell)) for cell in row))
        self._console.print()
        self._console.print(made, highlight=False)


def _or_dash(bounds: Interval | None, digits: int = 1) -> str:
    return "-" if bounds is None else interval(bounds, digits)


def _outcomes(out: _Out, group: Sequence[Outcome]) -> None:
    first = group[0]
    sizes = sorted({o.sample_n for o in group if o.sample_n})
    chance = f"Chance, {' or '.join(str(s) for s in sizes)}/arm" if sizes else "Chance"
    heads = ["Arm", "Median", "Not known 95 %", chance]
    ends = _ends(group)
    if out.wide and ends:
        heads.append(f"{short(ends[0])} to {short(ends[1])}")
    rows = []
    for o in group:
        row = [o.arm, "-" if o.median is None else number(o.median), _or_dash(o.unknown95), _or_dash(o.sample95)]
        if out.wide and ends:
            row.append(bar(o.median, o.unknown95, ends))
        rows.append(row)
    out.table(f"{outcome_title(first)}{f' ({first.unit})' if first.unit else ''}", heads, rows)
    if first.selected:
        out.prose("A selected group: who is counted depends on the arm.")
    errors = [o.monte_carlo_se for o in group if o.monte_carlo_se is not None]
    if errors:
        out.prose(f"Monte Carlo standard error of the medians: at most {rough(max(errors))}.")


def _ends(group: Sequence[Outcome]) -> Interval | None:
    if is_per_100(group[0].unit):
        return 0.0, 100.0
    values = [v for o in group for v in (o.median, *(o.unknown95 or ())) if v is not None]
    return (min(0.0, *values), max(values)) if values and max(values) > 0 else None


def bar(median: float | None, bounds: Interval | None, ends: Interval) -> str:
    """An interval drawn in letters on a scale from ``ends[0]`` to ``ends[1]``: ``....[---o----].....``."""

    def place(value: float) -> int:
        share = (value - ends[0]) / ((ends[1] - ends[0]) or 1.0)
        return round(min(max(share, 0.0), 1.0) * (BAR - 1))

    cells = ["."] * BAR
    if bounds:
        low, high = place(bounds[0]), place(bounds[1])
        cells[low : high + 1] = ["-"] * (high - low + 1)
        cells[low], cells[high] = "[", "]"
    if median is not None:
        cells[place(median)] = "o"
    return "".join(cells)


def _curves(out: _Out, comparison: Comparison, *, selected: bool) -> None:
    for group in curve_groups(comparison, selected=selected):
        first = group[0]
        days = sorted({d for c in group for d in c.days})
        shown = _some(days, 10 if out.wide else 8)
        unit = time_unit(days[0], days[-1])
        whom = f", {of_whom(first.denominator)}" if first.denominator else ""
        out.table(
            f"{sentence_case(first.measure)} over time, median{whom}{f' ({first.unit})' if first.unit else ''}",
            [unit.name, *(unit.label(d).removeprefix(f"{unit.name} ") for d in shown)],
            [[c.arm, *(_at(c, d) for d in shown)] for c in group],
        )


def _some(days: Sequence[float], most: int) -> list[float]:
    """Some of the days: those at round times, and the last."""
    chosen = {days[-1]}
    for tick in time_ticks(days[0], days[-1], most - 1):
        chosen.add(min((abs(day - tick), day) for day in days)[1])
    return sorted(chosen)


def _at(curve: Curve, day: float) -> str:
    known = dict(zip(curve.days, curve.median, strict=True))
    return number(known[day]) if day in known else "-"


def _contrasts(out: _Out, contrasts: Sequence[Contrast]) -> None:
    groups: dict[tuple[str, str], list[Contrast]] = {}
    for contrast in contrasts:
        groups.setdefault((contrast.outcome, contrast.unit), []).append(contrast)
    for (outcome, unit), group in groups.items():
        rows = [
            [
                f"{c.arm} against {c.reference}",
                "-" if c.difference is None else number(c.difference),
                _or_dash(c.unknown95),
                "-" if c.prob_better is None else probability(c.prob_better),
                _effect(c),
            ]
            for c in group
        ]
        heads = ["Comparison", "Difference", "Not known 95 %", "P(better)", "Effect size"]
        out.table(f"{sentence_case(outcome)}: difference{f' ({unit})' if unit else ''}", heads, rows)
        for c in group:
            out.prose(verdict(c, named=len(group) > 1))
        for note in dict.fromkeys(c.note for c in group if c.note):
            out.prose(f"{sentence_case(note).rstrip('.')}.")


def _effect(contrast: Contrast) -> str:
    parts = [("RR", contrast.risk_ratio), ("g", contrast.hedges_g)]
    return "\n".join(f"{name} {number(e.median, 2)}" for name, e in parts if e) or "-"


def _safety(out: _Out, comparison: Comparison) -> None:
    rows = []
    for arm in comparison.arms:
        found = [s for s in comparison.safety if s.arm == arm.name]
        rows += [[s.arm, s.verdict, s.detail or "-"] for s in found] or [[arm.name, "not checked", "-"]]
    out.table("Safety verdict per arm", ["Arm", "Verdict", "Detail"], rows, words=True)


def _arm(out: _Out, arm: Arm) -> None:
    out.heading(f"What is given: {arm.name}")
    for row in (arm.sentence or "\n".join(arm.read_back)).splitlines():
        out.line(row, indent=2)
    for s in arm.sessions:
        spread = "" if s.sd is None else f", SD {number(s.sd)} between patients"
        out.line(f"{s.subject}: {number(s.mean)} sessions on average{spread}", indent=2)
    within = {True: "inside", False: "outside", None: "not assessed"}[arm.in_range]
    out.line(f"Calibrated range: {within}", indent=2)
    if arm.resembles:
        out.line(f"Resembles: {', '.join(arm.resembles)}", indent=2)
    for note in arm.notes:
        out.line(note, indent=2)


def _predicted(out: _Out, title: str, rows: Sequence[Predicted]) -> None:
    cells = []
    for r in rows:
        digits = digits_of(r)
        median, observed = scaled(r, r.median), scaled(r, r.observed)
        cells.append(
            [
                row_title(r) + (f"\n{r.analysis_set}" if r.analysis_set else ""),
                "-" if median is None else number(median, digits),
                _or_dash(scaled_interval(r, r.pi50), digits),
                _or_dash(scaled_interval(r, r.pi95), digits),
                "-" if observed is None else number(observed, digits) + (" ?" if r.unconfirmed else ""),
                inside_words(r),
            ]
        )
    out.table(title, ["Arm", "Median", "50 %", "95 %", "Published", "In the 95 %?"], cells)
    for note in dict.fromkeys(
        [f"Defined as: {r.definition}" for r in rows if r.definition]
        + [f"{reason_text(r)}." for r in rows if r.reason]
        + [f"? {UNCONFIRMED}" for r in rows if r.unconfirmed]
    ):
        out.prose(note)


def _closing(out: _Out, provenance: Provenance, closing: tuple[str, str]) -> None:
    meaning, disclaimer = closing
    out.heading("Basis")
    parameters = " ".join(p for p in (provenance.parameters, provenance.checksum) if p)
    facts = [
        ("Parameters", parameters),
        ("Patients", "" if provenance.patients is None else f"{provenance.patients:,} in all"),
        ("Draws", "" if provenance.draws is None else str(provenance.draws)),
        ("Seed", "" if provenance.seed is None else str(provenance.seed)),
        ("Engine", provenance.engine),
        ("Version", provenance.version),
        ("Date", provenance.date),
        ("Evidence", ", ".join(provenance.evidence)),
        ("Ignored by the model", "; ".join(provenance.ignored_qualifiers)),
    ]
    for name, value in facts:
        if value:
            out.line(f"{name}: {value}", indent=2)
    out.line(meaning, indent=2)
    out.prose("\n" + sentence_case(out.stamp) + ".")
    out.prose(disclaimer + ".")
    if provenance.command:
        out.prose("Remake with:")
        out.verbatim(f"  {provenance.command}")
