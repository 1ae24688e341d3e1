"""What each class of drug and each stimulation may do in the model: the mechanisms that read it.

A role names a parameter ``<role>.<class>``; a class without a role has no such effect by assumption, and a drug whose
class is not listed cannot be forecast.
"""

from __future__ import annotations

from typing import Literal

TILT, SESSION_GAIN, STORAGE_GAIN = "tilt", "session_gain", "consolidation_gain"
ACUTE_GAIN, WITHDRAWAL = "acute_gain", "withdrawal_weight"

DRUG_ROLES: dict[str, tuple[str, ...]] = {
    "antidepressant": (TILT, SESSION_GAIN, STORAGE_GAIN, WITHDRAWAL),
    "lithium": (TILT, SESSION_GAIN, STORAGE_GAIN),
    "antipsychotic": (TILT, WITHDRAWAL),
    "benzodiazepine": (ACUTE_GAIN, WITHDRAWAL),
    "anticonvulsant": (ACUTE_GAIN,),
    "stimulant": (ACUTE_GAIN,),
    "d-cycloserine": (ACUTE_GAIN,),
    "glutamate modulator": (TILT,),
}
"""Roles of each effect class."""

YIELD, WINDOW, THERAPY, TRANSIENT, COGNITION = "session_yield", "window", "therapy", "transient", "cognition"
NOCEBO, RELIEF = "nocebo", "relief"
FELT_INFUSION, INERT_INFUSION = "felt_infusion", "inert_infusion"
INFUSIONS = (FELT_INFUSION, INERT_INFUSION)
"""Infusions and sprays by what the patient notices: ketamine or midazolam can be felt, saline cannot.

Each gives the part of the transient that comes of expecting to be better (``transient.<kind>``).
"""

STIMULATION_ROLES: dict[str, tuple[str, ...]] = {
    "ect": (YIELD, WINDOW, COGNITION),
    "tms": (YIELD, WINDOW, RELIEF),
    "tdcs": (YIELD,),
    "ketamine": (YIELD, WINDOW, TRANSIENT),
    "psychotherapy": (THERAPY,),
    "exercise": (THERAPY,),
}
"""Roles of each thing that comes in sessions."""

MoodStructure = Literal["bistable", "linear"]
MOOD_STRUCTURES: tuple[MoodStructure, ...] = ("bistable", "linear")
"""Rival equations of mood."""
