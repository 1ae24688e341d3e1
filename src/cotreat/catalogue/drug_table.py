"""The drugs that can be named in a regimen, and what is known about each.

Two tiers: drugs with an entry of their own (kinetics, doses, products; occupancy where a curve exists), and drugs
known by name only, for which a regimen can be written and checked for safety but not forecast (``modelled`` False).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from cotreat.catalogue.drug_facts import (
    Country,
    DoseLimits,
    Equivalent,
    Language,
    LevelRange,
    Liquid,
    Metabolite,
    Name,
    Occupancy,
    Product,
    Release,
    Route,
)
from cotreat.catalogue.tables import number, required, table
from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark, read_mark
from cotreat.measures.suggest import did_you_mean, fold

Exposure = Literal["occupancy", "level", "equivalents", "concentration", "dose", "none"]

MARKED_FIELDS = (
    "occupancy",
    "half_life_h",
    "tmax_h",
    "bioavailability",
    "vd_l_per_kg",
    "cl_l_per_h",
    "typical_dose_mg",
    "min_therapeutic_mg",
    "max_dose_mg",
    "rxcui",
)
"""Fields of a drug that carry a mark of their own."""

_REFERENCE_KG = 70.0


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug.

    ``id`` is the English generic name, as a regimen prints it. Times in hours, volume in L/kg, clearance in L/h for
    70 kg (apparent, CL/F, where ``notes`` says so), doses in mg a day unless the drug is given by session. ``groups``
    are the names by which safety rules call it. None means not known, and ``notes`` says what else is not known.

    ``vd_l_per_kg``, ``cl_l_per_h`` and ``half_life_h`` come from different sources: use ``kinetics_agree`` before
    taking all three into one compartment.
    """

    id: str
    names: tuple[Name, ...]
    drug_class: str
    groups: tuple[str, ...]
    limits: DoseLimits
    routes: tuple[Route, ...]
    modelled: bool
    not_modelled: str | None = None
    atc: str | None = None
    rxcui: str | None = None
    target: str | None = None
    half_life_h: float | None = None
    tmax_h: float | None = None
    bioavailability: float | None = None
    vd_l_per_kg: float | None = None
    cl_l_per_h: float | None = None
    typical_dose_mg: float | None = None
    min_therapeutic_mg: float | None = None
    max_dose_mg: float | None = None
    products: tuple[Product, ...] = ()
    liquids: tuple[Liquid, ...] = ()
    occupancy: Occupancy | None = None
    other_occupancy: tuple[Occupancy, ...] = ()
    level: LevelRange | None = None
    diazepam_equivalent: Equivalent | None = None
    metabolites: tuple[Metabolite, ...] = ()
    marks: tuple[tuple[str, Mark], ...] = ()
    pk_source: str | None = None
    url: str | None = None
    notes: str = ""

    def mark(self, field: str) -> Mark:
        """How well a field is known; InputError for a field that carries no mark or whose value is not on file."""
        for name, mark in self.marks:
            if name == field:
                return mark
        raise InputError(f"{self.id}: no figure for {field} is on file")

    def words(
        self, language: Language | None = None, kind: Literal["generic", "brand"] | None = None
    ) -> tuple[str, ...]:
        """Accepted names, of one language or kind if said."""
        return tuple(
            n.word
            for n in self.names
            if n.not_accepted is None and language in (None, n.language) and kind in (None, n.kind)
        )

    def label(self, language: Language) -> str | None:
        """The generic name to print in a language, or None when there is none on file."""
        return next(iter(self.words(language, "generic")), None)

    @property
    def exposure(self) -> Exposure:
        """The best measure of exposure on file.

        ``occupancy``: a steady-state curve; ``level``: dosed by plasma level; ``equivalents``: diazepam equivalents;
        ``concentration``: kinetics only; ``dose``: nothing but usual doses; ``none``: nothing.
        """
        if self.level is not None:
            return "level"
        if self.diazepam_equivalent is not None:
            return "equivalents"
        if self.occupancy is not None and self.occupancy.usable:
            return "occupancy"
        if self.half_life_h is not None and (self.vd_l_per_kg is not None or self.cl_l_per_h is not None):
            return "concentration"
        return "dose" if self.typical_dose_mg is not None else "none"

    @property
    def one_compartment_half_life_h(self) -> float | None:
        """Half-life in hours that volume and clearance imply for 70 kg, or None when one is not known."""
        if self.vd_l_per_kg is None or self.cl_l_per_h is None:
            return None
        return math.log(2) * self.vd_l_per_kg * _REFERENCE_KG / self.cl_l_per_h

    @property
    def kinetics_agree(self) -> bool | None:
        """Whether volume and clearance reproduce the half-life within a factor of 1.5; None when one is not known."""
        implied = self.one_compartment_half_life_h
        if implied is None or self.half_life_h is None:
            return None
        return 1 / 1.5 <= implied / self.half_life_h <= 1.5

    def check_dose(self, amount: float, unit: str, per_day: float = 1.0) -> None:
        """InputError unless one dose of ``amount`` (mg or mg/kg), given ``per_day`` times a day, can be meant."""
        if unit == "mg/kg":
            if self.limits.per_kg is None:
                raise InputError(f"{self.id} is not dosed by weight here", hint="Give the dose in mg.")
            low, high = self.limits.per_kg
        elif unit == "mg":
            low, high = self.limits.single_mg
        else:
            raise InputError(f"a dose of {self.id} in {unit} is not known", hint="Doses are in mg or mg/kg.")
        if not low <= amount <= high:
            raise InputError(
                f"{self.id} {amount:g} {unit} cannot be meant",
                hint=f"One dose of {self.id} lies between {low:g} and {high:g} {unit}.",
            )
        if unit == "mg" and amount * per_day > self.limits.daily_max_mg:
            raise InputError(
                f"{self.id} {amount * per_day:g} mg a day cannot be meant",
                hint=f"A day's dose of {self.id} is at most {self.limits.daily_max_mg:g} mg.",
            )

    def check_level(self, amount: float, unit: str) -> None:
        """InputError unless the drug is dosed by plasma level in this unit and the level can be meant."""
        if self.level is None:
            raise InputError(f"{self.id} is not dosed by plasma level", hint="Give a dose in mg and how often.")
        if unit != self.level.unit:
            raise InputError(f"levels of {self.id} are in {self.level.unit}, not {unit}")
        low, high = self.level.plausible
        if not low <= amount <= high:
            raise InputError(
                f"{self.id} to {amount:g} {unit} cannot be meant",
                hint=f"A target for {self.id} lies between {low:g} and {high:g} {unit}.",
            )


def _rows(name: str, drug_id: str) -> list[dict[str, str]]:
    return [r for r in table(name) if r["drug"] == drug_id]


def _names(drug_id: str) -> tuple[Name, ...]:
    return tuple(
        Name(
            r["word"],
            cast(Language, r["language"]),
            cast(Literal["generic", "brand"], r["kind"]),
            read_mark(r["mark"]),
            r["not_accepted"] or None,
        )
        for r in _rows("names", drug_id)
    )


def _limits(row: dict[str, str]) -> DoseLimits:
    per_kg = (required(row, "per_kg_min"), required(row, "per_kg_max")) if row["per_kg_min"] else None
    single = (required(row, "single_min_mg"), required(row, "single_max_mg"))
    return DoseLimits(single, required(row, "daily_max_mg"), per_kg)


def _occupancies(drug_id: str) -> tuple[Occupancy | None, tuple[Occupancy, ...]]:
    main: Occupancy | None = None
    others: list[Occupancy] = []
    for r in _rows("occupancy", drug_id):
        curve = Occupancy(
            r["target"],
            r["region"] or None,
            number(r["emax"]),
            number(r["ed50_mg_per_day"]),
            number(r["ec50"]),
            r["ec50_unit"] or None,
            cast(Literal["steady state", "single dose"], r["state"]),
            read_mark(r["mark"]),
            r["source"],
            r["note"],
        )
        if r["main"] == "1":
            main = curve
        else:
            others.append(curve)
    return main, tuple(others)


def _level(row: dict[str, str]) -> LevelRange | None:
    if not row["level_unit"]:
        return None
    return LevelRange(
        row["level_unit"],
        (required(row, "level_min"), required(row, "level_max")),
        (required(row, "level_low"), required(row, "level_high")),
        read_mark(row["level_mark"]),
    )


def _equivalent(row: dict[str, str]) -> Equivalent | None:
    if not row["equivalent_mg"]:
        return None
    low, high = required(row, "equivalent_low_mg"), required(row, "equivalent_high_mg")
    return Equivalent(required(row, "equivalent_mg"), low, high, read_mark(row["equivalent_mark"]))


def _routes(drug_id: str) -> tuple[Route, ...]:
    return tuple(
        Route(r["route"], number(r["bioavailability"]), r["usual"] == "1", read_mark(r["mark"]))
        for r in _rows("routes", drug_id)
    )


def _products(drug_id: str) -> tuple[Product, ...]:
    return tuple(
        Product(
            cast(Country, r["country"]),
            required(r, "strength_mg"),
            r["form"] or None,
            cast(Release, r["release"]),
            read_mark(r["mark"]),
        )
        for r in _rows("products", drug_id)
    )


def _liquids(drug_id: str) -> tuple[Liquid, ...]:
    return tuple(
        Liquid(
            cast(Country, r["country"]) if r["country"] else None,
            required(r, "mg_per_ml"),
            r["form"],
            read_mark(r["mark"]),
        )
        for r in _rows("liquids", drug_id)
    )


def _metabolites(drug_id: str) -> tuple[Metabolite, ...]:
    found = []
    for r in _rows("metabolites", drug_id):
        low, high = number(r["half_life_low_h"]), number(r["half_life_high_h"])
        half_life = None if low is None or high is None else (low, high)
        found.append(Metabolite(r["metabolite"], half_life, read_mark(r["mark"]), r["source"]))
    return tuple(found)


def _marks(row: dict[str, str], main: Occupancy | None) -> tuple[tuple[str, Mark], ...]:
    given = dict(part.split("=") for part in row["marks"].split("|") if part)
    marks: list[tuple[str, Mark]] = []
    for field in MARKED_FIELDS:
        on_file = main is not None if field == "occupancy" else bool(row[field])
        if on_file:
            marks.append((field, read_mark(given.get(field, "memory"))))
    return tuple(marks)


def _full(row: dict[str, str]) -> Drug:
    main, others = _occupancies(row["id"])
    return Drug(
        id=row["id"],
        names=_names(row["id"]),
        drug_class=row["drug_class"],
        groups=tuple(g for g in row["groups"].split("|") if g),
        limits=_limits(row),
        routes=_routes(row["id"]),
        modelled=True,
        atc=row["atc"] or None,
        rxcui=row["rxcui"] or None,
        target=row["target"] or None,
        half_life_h=number(row["half_life_h"]),
        tmax_h=number(row["tmax_h"]),
        bioavailability=number(row["bioavailability"]),
        vd_l_per_kg=number(row["vd_l_per_kg"]),
        cl_l_per_h=number(row["cl_l_per_h"]),
        typical_dose_mg=number(row["typical_dose_mg"]),
        min_therapeutic_mg=number(row["min_therapeutic_mg"]),
        max_dose_mg=number(row["max_dose_mg"]),
        products=_products(row["id"]),
        liquids=_liquids(row["id"]),
        occupancy=main,
        other_occupancy=others,
        level=_level(row),
        diazepam_equivalent=_equivalent(row),
        metabolites=_metabolites(row["id"]),
        marks=_marks(row, main),
        pk_source=row["pk_source"] or None,
        url=row["url"] or None,
        notes=row["notes"],
    )


def _by_name_only(row: dict[str, str]) -> Drug:
    return Drug(
        id=row["id"],
        names=_names(row["id"]),
        drug_class=row["drug_class"],
        groups=tuple(g for g in row["groups"].split("|") if g),
        limits=_limits(row),
        routes=_routes(row["id"]),
        modelled=False,
        not_modelled=row["not_modelled"],
        notes="Known by name, class and a plausible range of doses only.",
    )


@cache
def drugs() -> tuple[Drug, ...]:
    """Every drug a regimen may name: those with an entry of their own first, then those known by name only."""
    return tuple(_full(r) for r in table("drugs")) + tuple(_by_name_only(r) for r in table("known_drugs"))


@cache
def _by_word() -> dict[str, Drug]:
    return {fold(word): d for d in drugs() for word in d.words()}


@cache
def _refused() -> dict[str, tuple[str, str]]:
    return {fold(n.word): (d.id, n.not_accepted) for d in drugs() for n in d.names if n.not_accepted is not None}


def drug(name: str) -> Drug:
    """The drug of a name: generic or brand, English, Japanese or Korean. InputError, with near names, if unknown."""
    key = fold(name)
    found = _by_word().get(key)
    if found is not None:
        return found
    if key in _refused():
        drug_id, why = _refused()[key]
        raise InputError(f"{name} is not accepted for {drug_id}: {why}")
    words = [w for d in drugs() for w in d.words()]
    raise InputError(f"unknown drug {name!r}", hint=did_you_mean(name, words))
