"""What the conditions of rules may mention: facts, what is planned on a day, and functions of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from cotreat.safety.expression import Expression, Named, Signature, Vocabulary
from cotreat.safety.tables import conditions, facts

_KINDS = {"yes_no": "truth", "number": "number", "word": "text"}

DAY_NAMES: dict[str, Named] = {
    "tms.pattern": Named("text", frozenset({"itbs", "ctbs", "bilateral_tbs", "conventional"}), dated=True),
    "tms.intensity_pct_rmt": Named("number", dated=True),
    "tms.freq_hz": Named("number", dated=True),
    "tms.pulses_per_session": Named("number", dated=True),
    "tms.pulses_per_day": Named("number", dated=True),
    "tms.sessions_per_day": Named("number", dated=True),
    "tms.intersession_min": Named("number", dated=True),
    "tms.session_no": Named("number", dated=True),
    "tms.days": Named("number", dated=True),
    "tms.coil": Named("text", frozenset({"figure-8", "round", "double-cone", "H"}), dated=True),
    "esketamine.dose_mg": Named("number", dated=True),
    "esketamine.per_week": Named("number", dated=True),
    "esketamine.week": Named("number", dated=True),
    "esketamine.sessions": Named("number", dated=True),
    "ketamine.mg_per_kg": Named("number", dated=True),
    "ketamine.minutes": Named("number", dated=True),
    "ketamine.route": Named("text", frozenset({"IV", "IM", "SC", "oral", "nasal"}), dated=True),
    "ketamine.sessions": Named("number", dated=True),
    "cycloserine.mg_per_day": Named("number", dated=True),
    "cycloserine.days": Named("number", dated=True),
}
"""What the plan says about one day. All are unknown on a day without such a session or dose."""


def _functions(drugs: frozenset[str], planned: frozenset[str], allergens: frozenset[str]) -> dict[str, Signature]:
    words = {name: frozenset(fact.choices) for name, fact in facts().items()}
    return {
        "planned": Signature("truth", (planned,), repeated=True),
        "completed": Signature("truth", (frozenset({"tms", "ect", "ketamine"}),)),
        "followed": Signature("truth", (frozenset({"tms", "ect", "ketamine"}),)),
        "on": Signature("truth", (drugs,), repeated=True),
        "count_on": Signature("number", (drugs,), repeated=True),
        "dose_mg": Signature("number", (drugs,)),
        "target_level": Signature("number", (drugs,)),
        "hours_since_dose": Signature("number", (drugs,)),
        "days_on": Signature("number", (drugs,)),
        "starts": Signature("truth", (drugs,), repeated=True),
        "stops": Signature("truth", (drugs,), repeated=True),
        "restarts": Signature("truth", (drugs,)),
        "days_off_before": Signature("number", (drugs,)),
        "days_since_stop": Signature("number", (drugs,), repeated=True),
        "days_since_change": Signature("number", (drugs,), repeated=True),
        "taper": Signature("truth", (drugs,), repeated=True),
        "taper_starts": Signature("truth", (drugs,), repeated=True),
        "taper_days": Signature("number", (drugs,)),
        "tapering": Signature("truth", (drugs, "number")),
        "count_tapering": Signature("number", ("number",)),
        "stops_at_once": Signature("truth", (drugs,), repeated=True),
        "order_ends": Signature("truth", (drugs,), repeated=True),
        "reduction_pct": Signature("number", (drugs, "number")),
        "cut_diazepam_eq_mg": Signature("number", ("number",)),
        "diazepam_eq_mg": Signature("number", ()),
        "step_pct": Signature("number", (drugs,)),
        "step_pct_unsoftened": Signature("number", (drugs,)),
        "step_interval_days": Signature("number", (drugs,)),
        "occupancy_drop": Signature("number", (drugs,)),
        "last_step_occupancy": Signature("number", (drugs,)),
        "drug_count": Signature("number", ()),
        "unknown_drug_count": Signature("number", (), dated=False),
        "unknown_condition_count": Signature("number", (), dated=False),
        "hx": Signature("truth", (frozenset(conditions()),), repeated=True, dated=False),
        "allergy": Signature("truth", (allergens,), dated=False),
        "withdrawal": Signature("truth", (words["withdrawal"],), repeated=True),
        "used_within_h": Signature("truth", (words["used_hours_ago"], "number"), dated=False),
        "new_symptom": Signature("truth", (words["new_symptoms"],), repeated=True, dated=False),
        "event": Signature("truth", (words["events"],), dated=False),
        "session_drug": Signature("truth", (words["session_drugs"],), repeated=True, dated=False),
        "mood_at_least": Signature("truth", ("number", "number", "number", "number"), dated=False),
        "mood_worse_by": Signature("truth", ("number", "number", "number"), dated=False),
        "stated": Signature("truth", (frozenset(facts()),), dated=False),
        "train_limit_s": Signature("number", ("number", "number"), dated=False),
        "count": Signature("number", ("truth",), repeated=True, dated=False),
    }


@cache
def _planned_words() -> frozenset[str]:
    from cotreat.catalogue.modality_table import modalities

    return frozenset(m.id for m in modalities()) | {m.kind for m in modalities()}


def vocabulary(drugs: Iterable[str], defined: Mapping[str, Expression]) -> Vocabulary:
    """Everything an expression may name, given the words for drugs and groups and the definitions so far."""
    words = frozenset(drugs)
    names = {n: Named(_KINDS[f.kind], frozenset(f.choices)) for n, f in facts().items() if f.kind in _KINDS}  # type: ignore[arg-type]
    functions = _functions(words, words | _planned_words(), words)
    return Vocabulary(names | DAY_NAMES | {"printing": Named("truth")}, functions, defined)
