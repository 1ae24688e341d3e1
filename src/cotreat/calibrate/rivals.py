"""Rival mechanisms: what each holds fixed. All share the observations, the placebo block and the study effects.

=====================  ==============================================================================================
full                   everything free
drug adds only         a drug never changes what a session does or what is kept: session, acute and consolidation gains
                       of drugs are zero
yield                  a drug changes the yield of sessions, not what is kept: consolidation gains of drugs are zero
afterwards             a drug consolidates afterwards: session and acute gains are zero
nothing stored         sessions leave nothing lasting: no stored change
no timing              no part of a treatment changes what another part does: all gains are zero, of drugs, of the
                       window after a session and of psychotherapy
linear mood            mood is linear, without two wells (a structure of the model, with a bank of its own)
=====================  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cotreat.calibrate.space import NOTHING_STORED, STORED, Space

_DRUG_GAINS = ("session_gain.", "acute_gain.")
_KEEP = "consolidation_gain."
_NOT_DRUGS = ("consolidation_gain.window", "consolidation_gain.therapy")


@dataclass(frozen=True)
class Rival:
    """One mechanism: its name, what it claims, and the coordinates it fixes (by name)."""

    name: str
    claim: str
    fixed: Mapping[str, float]
    linear: bool = False


def rivals(space: Space) -> tuple[Rival, ...]:
    """The rivals of a space, the full model first."""
    now = {n: 0.0 for n in space.names if n.startswith(_DRUG_GAINS)}
    kept = {n: 0.0 for n in space.names if n.startswith(_KEEP) and n not in _NOT_DRUGS}
    others = {n: 0.0 for n in space.names if n in _NOT_DRUGS}
    zero = {n: _zero(space, n) for n in (*now, *kept, *others)}
    return (
        Rival("full", "everything free", {}),
        Rival("drug adds only", "a drug never changes what a session does or what is kept", _of(zero, now, kept)),
        Rival("yield", "a drug changes the yield of sessions, not what is kept", _of(zero, kept)),
        Rival("afterwards", "a drug consolidates afterwards, it does not change the yield", _of(zero, now)),
        Rival("nothing stored", "sessions leave nothing lasting", {STORED: NOTHING_STORED}),
        Rival("no timing", "no part of a treatment changes what another part does", zero),
    )


def _of(zero: Mapping[str, float], *groups: Mapping[str, float]) -> dict[str, float]:
    return {n: zero[n] for group in groups for n in group}


def _zero(space: Space, name: str) -> float:
    """Coordinate at which a gain is zero."""
    p = space.prior.parameters[name]
    if p.distribution != "normal" or p.range90 is None:
        raise ValueError(f"{name} cannot be zero")
    sd = (p.range90[1] - p.range90[0]) / (2 * 1.6448536269514722)
    return -p.median / sd
