"""``cotreat.plan.taper``: one person's taper from Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotreat.plan.make import taper as make
from cotreat.plan.request import Options
from cotreat.plan.value import Plan, Refused
from cotreat.safety.pack import Pack, load_pack
from cotreat.safety.patient import Patient, read_patient


def taper(
    text: str, patient: Patient | Mapping[str, Any] | None = None, rules: str | Pack | None = None, **options: Any
) -> Plan | Refused:
    """A taper to zero for one person.

    Parameters
    ----------
    text
        What is taken now, such as ``venlafaxine 225 mg daily``.
    patient
        What is recorded about the person: a record, or facts by name.
    rules
        A rule pack, or the file of one. Default: the packaged rules.
    options
        Fields of ``cotreat.plan.request.Options``: forms, speed, weeks, with_tms, ...

    Returns
    -------
    A ``Plan`` that no rule stops, or a ``Refused`` with the reasons and what would help; both print themselves.

    Raises
    ------
    InputError
        The request cannot be planned at all.
    """
    record = patient if isinstance(patient, Patient) else read_patient(patient)
    pack = load_pack(rules) if isinstance(rules, str) else rules
    return make(text, record, Options(**options), pack)
