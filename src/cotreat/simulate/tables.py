"""A ledger as arrays: what each phase gives on each of its days, and which transitions are looked at when.

Rows are phase days. Every phase has one row for each day up to its last item or transition, and one empty row for all
days after. Items are placed in the steps of their day, with their offset inside the step, so nothing is rounded to the
grid. Decisions are linear conditions on the score: s * score <= s * (a + b * baseline + c * reference), where the
reference is the score when the phase began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.measures.relapse import RelapseDefinition, default_relapse
from cotreat.measures.scales import Scale
from cotreat.regimen.ledger import Item, Ledger, Phase, Rule
from cotreat.simulate.channels import Layout, changes_of, infusion_of, session_of

_ROWS = 512
_PHASES = 8


@dataclass(frozen=True)
class Tables:
    """Arrays of one ledger for ``steps`` steps a day; see the module for their meaning.

    Shapes: ``row0``, ``rows``, ``spent`` (phases,); ``inputs`` (rows, steps, inputs of the channels), which add up
    over tracks; ``rule_index`` (rows, k), -1 for none; ``rule_negate`` (rows, k); ``rule_terms`` (rows, k, 2, 4) =
    s, a, b, c of two conditions that must both hold; ``rule_next`` (rows, k, tracks), -1 keeps the phase. ``first``
    (tracks,), ``start`` first day of the run.
    """

    start: int
    first: np.ndarray
    row0: np.ndarray
    rows: np.ndarray
    spent: np.ndarray
    inputs: np.ndarray
    rule_index: np.ndarray
    rule_negate: np.ndarray
    rule_terms: np.ndarray
    rule_next: np.ndarray


@dataclass(frozen=True)
class Decisions:
    """What the outcome words of a regimen mean on the scale of the run.

    ``remission``: (at most, at least this fraction below baseline or None).
    """

    response_fraction: float
    remission: tuple[float, float | None]
    relapse: RelapseDefinition

    @classmethod
    def of(cls, scale: Scale, remission: tuple[float, float | None] | None = None) -> Decisions:
        """The registered cut-offs of a scale."""
        if scale.response is None or scale.remission is None:
            raise InputError(f"{scale.id} has no agreed response or remission")
        return cls(scale.response, remission or (scale.remission, None), default_relapse(scale.id))

    def terms(self, rule: Rule) -> list[tuple[float, float, float, float]]:
        """Conditions (s, a, b, c) that must hold together."""
        if rule.outcome is None:
            return [(1.0, 1e9, 0.0, 0.0)]
        if rule.outcome == "response":
            return [(1.0, 0.0, 1.0 - self.response_fraction, 0.0)]
        if rule.outcome == "remission":
            most, fraction = self.remission
            below = [] if fraction is None else [(1.0, 0.0, 1.0 - fraction, 0.0)]
            return [(1.0, most, 0.0, 0.0), *below]
        least, above = self.relapse.at_least, self.relapse.above_baseline
        high = [] if least is None else [(-1.0, least, 0.0, 0.0)]
        return high if above is None else [*high, (-1.0, above, 0.0, 1.0)]


def build(ledger: Ledger, layout: Layout, decisions: Decisions, steps: int) -> Tables:
    """Arrays of a ledger for ``steps`` steps a day; tracks beyond those of the ledger rest in an empty phase."""
    channels, tracks, lead = layout.channels, layout.tracks, ledger.lead_in
    spare = tracks - len(ledger.first)
    if spare:
        rest = len(ledger.phases)
        phases = (*ledger.phases, Phase(len(ledger.first), "nothing", ()))
        ledger = replace(ledger, phases=phases, first=(*ledger.first, *[rest] * spare))
    shift = [lead if i in ledger.first else 0 for i in range(len(ledger.phases))]
    by_phase: list[list[tuple[int, int]]] = [[] for _ in ledger.phases]
    for number, t in enumerate(ledger.transitions):
        by_phase[t.phase].append((t.day + shift[t.phase], number))
    changes = [[max(day + shift[p], 0) for day in changes_of(ledger, p)] for p in range(len(ledger.phases))]
    length = [
        1 + max([i.day + shift[p] for i in phase.items] + [day for day, _ in by_phase[p]] + changes[p], default=-1)
        for p, phase in enumerate(ledger.phases)
    ]
    rows = np.array([n + 1 for n in length], np.int32)
    row0 = np.concatenate([[0], np.cumsum(rows)[:-1]]).astype(np.int32)
    # sizes are rounded up, so that regimens of like size share one compiled kernel
    total = -(-int(rows.sum()) // _ROWS) * _ROWS
    k = 1 << (max([_most_on_one_day(found) for found in by_phase], default=1) - 1).bit_length()

    inputs = np.zeros((total, steps, len(channels.inputs)))
    place = {name: j for j, name in enumerate(channels.inputs)}
    for p, phase in enumerate(ledger.phases):
        for item in phase.items:
            row = row0[p] + item.day + shift[p]
            step, offset = _place(item, steps)
            if (session := session_of(item)) is not None:
                inputs[row, step, place[f"sessions.{session[0]}"]] += session[1]
                inputs[row, step, place["session_moment"]] += session[1] * offset
            if (infusion := infusion_of(item)) is not None:
                inputs[row, step, place[f"infusions.{infusion}"]] += 1.0
                inputs[row, step, place["session_moment"]] += offset
            elif session is not None:
                continue
            elif item.kind == "level":
                inputs[row, :, place[f"target.{item.subject}"]] += item.amount
            elif item.kind == "dose":
                inputs[row, step, place[f"dose.{item.subject}"]] += item.amount
                inputs[row, step, place[f"dose_moment.{item.subject}"]] += item.amount * offset

        for day in changes[p]:
            inputs[row0[p] + day, 0, place["changes"]] += 1.0

    index = np.full((total, k), -1, np.int32)
    negate = np.zeros((total, k), bool)
    terms = np.zeros((total, k, 2, 4), np.float32)
    terms[..., 0], terms[..., 1] = 1.0, 1e9
    following = np.full((total, k, tracks), -1, np.int32)
    for p, found in enumerate(by_phase):
        filled: dict[int, int] = {}
        for day, number in found:
            row = int(row0[p]) + day
            slot = filled.get(row, 0)
            filled[row] = slot + 1
            transition = ledger.transitions[number]
            index[row, slot], negate[row, slot] = number, transition.rule.negated
            for j, term in enumerate(decisions.terms(transition.rule)):
                terms[row, slot, j] = term
            for track, phase_number in transition.set_phases:
                following[row, slot, track] = phase_number
    return Tables(
        start=-lead,
        first=np.array(ledger.first, np.int32),
        row0=_padded(row0),
        rows=_padded(rows),
        spent=_padded(np.array([not ph.items and not f for ph, f in zip(ledger.phases, by_phase, strict=True)])),
        inputs=inputs.astype(np.float32),
        rule_index=index,
        rule_negate=negate,
        rule_terms=terms,
        rule_next=following,
    )


def _padded(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.zeros(-len(values) % _PHASES, values.dtype)])


def _most_on_one_day(found: list[tuple[int, int]]) -> int:
    days = [day for day, _ in found]
    return max((days.count(d) for d in set(days)), default=1)


def _place(item: Item, steps: int) -> tuple[int, float]:
    """Step of the day, and offset in the step, of an item."""
    position = item.hour / 24.0 * steps
    step = min(int(position), steps - 1)
    return step, position - step
