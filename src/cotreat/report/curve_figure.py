"""A figure of curves: the drawing, a legend that shows values, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cotreat.report.axes import time_unit
from cotreat.report.charts import Caption, Shade, arm_class, curve_chart, describe_curves
from cotreat.report.document import Curve
from cotreat.report.parts import Figure, Key, Page, Table, behind, figure, swatch, table
from cotreat.report.svg import ARM_STYLES, DASHES, escape
from cotreat.report.words import NO_FIGURE, PATIENTS, UNKNOWN, of_whom, plain_digits, sentence_case, with_interval


@dataclass(frozen=True, slots=True)
class Look:
    """What every drawing of a page shares: the stamp, what the curves are called, and stretches that are shaded."""

    stamp: str
    head: str = "Arm"
    shades: tuple[Shade, ...] = ()


def curve_figure(page: Page, curves: Sequence[Curve], arms: Mapping[str, int], look: Look) -> str:
    """A figure of curves of one measure, with its legend, its key and its numbers; ``arms`` numbers their names."""
    first = curves[0]
    title = sentence_case(first.measure)
    whole = f"{title}, {of_whom(first.denominator)}" if first.denominator else title
    days = sorted({d for c in curves for d in c.days})
    unit = time_unit(days[0], days[-1])
    when = [unit.label(d).lower() for d in days]
    texts = {c.arm: _texts(c, days) for c in curves}
    page.curves.append(
        {
            "title": whole,
            "days": days,
            "when": when,
            "arms": [
                {
                    "name": c.arm,
                    "number": arms[c.arm],
                    "style": arms[c.arm] % ARM_STYLES,
                    "median": _on(c, days, c.median),
                    "text": texts[c.arm],
                }
                for c in curves
            ],
        }
    )
    legend = "".join(
        f'<tr><th scope="row"><span class="entry">{arm_swatch(arms[c.arm])}'
        f'<span class="name">{escape(c.arm)}</span></span></th>'
        f'<td class="value">{texts[c.arm][-1] or NO_FIGURE}</td></tr>'
        for c in curves
    )
    legend = (
        f'<table class="legend"><thead><tr><th scope="col">{escape(look.head)}</th>'
        f'<th scope="col" class="at">At {when[-1]}</th></tr></thead>'
        f"<tbody>{legend}</tbody></table>"
    )
    shown = [Key("bands", f"{UNKNOWN}: middle 50 % and 95 %", "bands")] if any(c.unknown95 for c in curves) else []
    if any(c.patients50 or c.patients90 for c in curves):
        shown.append(Key("patients", f"{PATIENTS}: middle 50 % and 90 %, at some visits", "patients"))
    if look.shades:
        shown += [Key("shade", t) for t in dict.fromkeys(s.text for s in look.shades if s.kind == "stopped")]
    caption = Caption(describe_curves(curves, whole), look.stamp)
    chart = twice(lambda narrow: curve_chart(curves, arms, caption, narrow, look.shades))
    numbers = Table(
        f"{whole}, {first.unit}: median (not known, 95 %)",
        (unit.name, *(escape(c.arm) for c in curves)),
        [(w.split()[-1], *(texts[c.arm][i] or NO_FIGURE for c in curves)) for i, w in enumerate(when)],
        wide=len(curves) > 2,
    )
    subtitle = ", ".join(p for p in (of_whom(first.denominator) if first.denominator else "", first.unit) if p)
    return figure(
        Figure(
            f"{whole} ({first.unit})" if first.unit else whole,
            chart,
            shown,
            caption=f"{escape(title)}<span>{escape(subtitle)}</span>",
            before=legend,
            after=behind("The numbers behind this figure", table(numbers, look.stamp)),
            chart=len(page.curves) - 1,
        )
    )


def arm_swatch(arm: int) -> str:
    return swatch(arm, arm_class(arm), DASHES[arm % ARM_STYLES])


def _texts(curve: Curve, days: Sequence[float]) -> list[str | None]:
    digits = plain_digits(curve.unit)
    bands = zip(*curve.unknown95, strict=True) if curve.unknown95 else ((None, None) for _ in curve.days)
    known = {
        day: with_interval(value, None if low is None or high is None else (low, high), digits)
        for day, value, (low, high) in zip(curve.days, curve.median, bands, strict=True)
    }
    return [known.get(d) for d in days]


def _on(curve: Curve, days: Sequence[float], values: Sequence[float]) -> list[float | None]:
    known = dict(zip(curve.days, values, strict=True))
    return [round(known[d], 3) if d in known else None for d in days]


def twice(draw: Callable[[bool], str]) -> str:
    return draw(False) + draw(True)
