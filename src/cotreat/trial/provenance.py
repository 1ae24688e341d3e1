"""What remakes a result: command, seed, versions, parameter set, evidence."""

from __future__ import annotations

from typing import Any

from cotreat import __version__
from cotreat.model.draw_set import DrawSet
from cotreat.model.parameter_set import ParameterSet
from cotreat.regimen.ledger import Ledger
from cotreat.simulate.run import Settings

DISCLAIMER = "Research and decision support, not a medical device"
ENGINES = {
    "kernel": "kernel (compiled from the model)",
    "reference": "reference (lax.scan)",
    "kernel64": "kernel, float64",
    "gpu": "gpu (compiled from the model)",
}


def stamp(parameters: ParameterSet) -> str:
    """What stands beside every figure: the status of the parameter set, with the name of one that was fitted."""
    return f"{parameters.name}: {parameters.status}" if isinstance(parameters, DrawSet) else parameters.status


def provenance(
    settings: Settings, parameters: ParameterSet, command: str, ledgers: list[Ledger], evidence: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The provenance block of a document."""
    return {
        "command": command,
        "seed": settings.seed,
        "patients": settings.per_draw * settings.draws,
        "draws": settings.draws,
        "weeks": settings.weeks,
        "version": __version__,
        "parameters": {"name": parameters.name, "checksum": parameters.checksum, "status": parameters.status},
        "engine": ENGINES[settings.engine],
        "evidence": list(evidence),
        "given": sorted({s for ledger in ledgers for s in ledger.subjects}),
    }
