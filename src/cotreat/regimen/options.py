"""What is really taken and attended: doses forgotten and sessions missed, worked into a ledger."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from cotreat.measures.errors import InputError
from cotreat.regimen.ledger import Item, Ledger


@dataclass(frozen=True, slots=True)
class Conduct:
    """How far a regimen is followed.

    ``taken`` and ``attended`` are the shares (0 to 1) of doses taken and of sessions attended; days at a level count as
    doses. Each is drawn by itself, from ``seed`` and the patient's number: the same patient misses the same items in
    every run, and misses more of the same when the share is lower. A missed session is not made up.
    """

    taken: float = 1.0
    attended: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("taken", "attended"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise InputError(f"{name} is a share from 0 to 1, not {share:g}")

    def follows(self, item: Item, patient: int = 0) -> bool:
        """Whether a patient takes or attends an item."""
        share = self.attended if item.kind == "session" else self.taken
        if share >= 1:
            return True
        key = f"{self.seed}|{patient}|{item.subject}|{item.day}|{item.hour:.6f}"
        drawn = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") / 2.0**64
        return drawn < share


def as_followed(ledger: Ledger, conduct: Conduct, patient: int = 0) -> Ledger:
    """The ledger one patient lives by: items not taken or attended are left out, decisions stay as they are.

    What is given with or around a missed session by its own line of the regimen stays: only the session is missed.
    """
    if conduct.taken >= 1 and conduct.attended >= 1:
        return ledger
    phases = tuple(
        replace(phase, items=tuple(i for i in phase.items if conduct.follows(i, patient))) for phase in ledger.phases
    )
    return replace(ledger, phases=phases)
