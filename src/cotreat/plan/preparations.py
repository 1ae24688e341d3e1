"""What a dose can be made of: tablets, capsules and liquids of a country, as units that are counted.

A *unit* is the smallest piece that is taken: a whole tablet or capsule, half a tablet that may be halved, 0.1 mL in an
oral syringe, a drop. Modified release is never split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cotreat.catalogue.drug_facts import Country, Liquid, Product, Release
from cotreat.catalogue.drug_table import Drug
from cotreat.catalogue.tables import required, table
from cotreat.measures.errors import InputError
from cotreat.measures.mark import Mark
from cotreat.measures.suggest import fold
from cotreat.plan.request import Forms, Kept
from cotreat.regimen.quantities import plain

MADE = ", made to order"
MOST_PIECES = 10
MOST_OF_ONE = 10
HALVED = ("tablet", "chewable tablet", "dispersible tablet")
_OWN: dict[Forms, tuple[Country, ...]] = {
    "EU": ("EU", "IT"),
    "US": ("US",),
    "UK": ("UK",),
    "KR": ("KR",),
    "JP": ("JP",),
}
_NEXT: dict[Forms, tuple[Country, ...]] = {"EU": ("UK",), "UK": ("EU", "IT")}
_NICE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
_USER_SOLID = re.compile(
    r"^(\d+(?:\.\d+)?) ?(mg|mcg) (scored )?(tablet|capsule|prolonged-release (?:tablet|capsule))s?$"
)
_USER_LIQUID = re.compile(r"^(\d+(?:\.\d+)?) ?mg/ml (solution|suspension|drops|liquid)$")
USER_EXAMPLES = ("7.5 mg tablet", "5 mg scored tablet", "20 mg capsule", "1 mg/mL solution", "20 mg/mL drops")


@dataclass(frozen=True, slots=True)
class Preparation:
    """One thing a pharmacy dispenses.

    ``mg`` in one piece, or in one mL of a liquid. ``step`` is the smallest amount that can be taken: 1 or 0.5 of a
    piece, or mL of a liquid. ``largest`` is the most taken at once, in pieces or mL. ``origin``: marketed, stated (by
    the prescriber), or made to order. ``key`` names it in the plan.
    """

    key: str
    mg: float
    form: str
    release: Release
    liquid: bool
    step: float
    largest: float
    origin: str
    mark: Mark
    measure: str = ""
    note: str = ""

    @property
    def step_mg(self) -> float:
        """Milligrams of the smallest amount."""
        return self.mg * self.step

    @property
    def unit(self) -> str:
        """What is counted on the dispensing list."""
        return "mL" if self.liquid else self.form

    @property
    def confirmed(self) -> bool:
        """Whether the strength was read in a source, or vouched for by the prescriber."""
        return self.mark == "seen" or self.origin == "stated"


def preparations(drug: Drug, forms: Forms, stated: tuple[str, ...] = ()) -> tuple[Preparation, ...]:
    """Every strength of a drug that can be dispensed in a country, slow release first; weekly ones are left out.

    Where a country has no solid form on file, those of its neighbour (EU and UK) are taken; the plan says so.
    """
    own = _OWN[forms]
    solids = [p for p in drug.products if p.country in own] or [
        p for p in drug.products if p.country in _NEXT.get(forms, ())
    ]
    liquids = [x for x in drug.liquids if x.country in own and x.form != "injection"]
    found = [read_stated(text) for text in stated]
    found += [_solid(p) for p in solids if p.release != "weekly" and p.form not in ("nasal spray", "sublingual tablet")]
    found += [_liquid(drug.id, x) for x in liquids]
    # One form of each strength: what can be halved before what cannot, and what was stated before what is on file.
    found.sort(key=lambda p: (p.origin != "stated", p.liquid, p.step, p.form != "tablet"))
    kept: dict[tuple[float, str, bool], Preparation] = {}
    for p in found:
        kept.setdefault((p.mg, p.release, p.liquid), p)
    return tuple(sorted(kept.values(), key=lambda p: (p.liquid, p.release == "immediate", p.mg)))


def borrowed(drug: Drug, forms: Forms) -> bool:
    """Whether the solid forms are those of a neighbouring country."""
    return not any(p.country in _OWN[forms] for p in drug.products) and any(
        p.country in _NEXT.get(forms, ()) for p in drug.products
    )


def countries(drug: Drug) -> tuple[str, ...]:
    """Markets for which a preparation is on file, as ``--forms`` names them."""
    named = [*(p.country for p in drug.products), *(x.country for x in drug.liquids if x.country)]
    return tuple(dict.fromkeys("EU" if c == "IT" else c for c in named))


def read_stated(text: str) -> Preparation:
    """A preparation as a prescriber writes it; InputError for anything else."""
    word = fold(text)
    solid, liquid = _USER_SOLID.match(word), _USER_LIQUID.match(word)
    if solid is not None and float(solid[1]) > 0:
        mg = float(solid[1]) * (0.001 if solid[2] == "mcg" else 1.0)
        slow = solid[4].startswith("prolonged")
        form = solid[4].removeprefix("prolonged-release ")
        step = 0.5 if solid[3] and form == "tablet" and not slow else 1.0
        release: Release = "extended" if slow else "immediate"
        return Preparation(_key(mg, form, release), mg, form, release, False, step, MOST_OF_ONE, "stated", "project")
    if liquid is not None and float(liquid[1]) > 0:
        form = "solution" if liquid[2] == "liquid" else liquid[2]
        return _measured("", float(liquid[1]), form, "stated", "project")
    raise InputError(f"cannot read the preparation {text!r}", examples=USER_EXAMPLES)


@dataclass(frozen=True, slots=True)
class UsualRelease:
    """Which release of a drug is usual, and whether its slow and quick forms are taken milligram for milligram."""

    usual: Kept
    mg_for_mg: bool
    note: str


def usual_release(drug: Drug) -> UsualRelease:
    """The entry of ``data/usual_release.csv``; without one, quick and milligram for milligram."""
    row = next((r for r in table("usual_release") if r["drug"] == drug.id), None)
    if row is None:
        return UsualRelease("quick", True, "")
    return UsualRelease("slow" if row["usual"] == "slow" else "quick", row["mg_for_mg"] == "1", row["note"])


def of_release(drug: Drug, found: tuple[Preparation, ...], release: Kept) -> tuple[Preparation, ...]:
    """What may be taken by somebody on a slow or a quick release.

    Who takes a quick release stays with it. Who takes a slow one may end with a quick one where both are taken
    milligram for milligram.
    """
    quick = tuple(p for p in found if p.release == "immediate")
    if release == "quick":
        return quick
    slow = tuple(p for p in found if p.release != "immediate")
    if not slow:
        return ()
    return found if usual_release(drug).mg_for_mg else slow


def made_to_order(drug: Drug, smallest_mg: float) -> tuple[Preparation, ...]:
    """What a pharmacy would have to make so that doses down to ``smallest_mg`` can be taken; empty if nothing would do.

    A liquid is as strong as still lets the smallest dose fill a millilitre, with one ten times as strong beside it for
    the larger doses; capsules and tablets come in 1, 2, 5, 20 and 50 times a plain number of half the smallest dose.
    """
    row = _made(drug.id)
    if row["kind"] == "none":
        return ()
    mark: Mark = "project" if row["mark"] == "project" else "memory"
    if row["kind"] == "liquid":
        weak = max([n for n in _NICE if n <= smallest_mg] or [_NICE[0]])
        strengths = (weak, weak * 10)
        return tuple(_measured(drug.id, n, "solution", "made to order", mark, row["note"]) for n in strengths)
    base = max([n for n in _NICE if n <= smallest_mg / 2] or [_NICE[0]])
    release: Release = "immediate" if row["release"] == "immediate" else _slow(row["release"])
    found = []
    for mg in (base * times for times in (1, 2, 5, 20, 50)):
        key = _key(mg, row["kind"], release) + MADE
        found.append(
            Preparation(key, mg, row["kind"], release, False, 1.0, MOST_OF_ONE, "made to order", mark, note=row["note"])
        )
    return tuple(found)


def why_nothing_is_made(drug: Drug) -> str:
    """What the data say where a preparation cannot be made to order."""
    return _made(drug.id)["note"]


def _slow(word: str) -> Release:
    return "delayed" if word == "delayed" else "extended"


def _made(drug_id: str) -> dict[str, str]:
    rows = table("made_to_order")
    return next((r for r in rows if r["drug"] == drug_id), next(r for r in rows if not r["drug"]))


def _solid(p: Product) -> Preparation:
    form = p.form or "form"
    step = 0.5 if p.release == "immediate" and p.form in HALVED else 1.0
    return Preparation(
        _key(p.strength_mg, form, p.release),
        p.strength_mg,
        form,
        p.release,
        False,
        step,
        MOST_OF_ONE,
        "marketed",
        p.mark,
    )


def _liquid(drug_id: str, x: Liquid) -> Preparation:
    return _measured(drug_id, x.mg_per_ml, x.form, "marketed", x.mark)


def _measured(drug_id: str, mg_per_ml: float, form: str, origin: str, mark: Mark, note: str = "") -> Preparation:
    row = _measure(form, drug_id)
    key = f"{plain(mg_per_ml)} mg/mL {form}" + (MADE if origin == "made to order" else "")
    said = "; ".join(t for t in (row["note"], note) if t)
    return Preparation(
        key, mg_per_ml, form, "immediate", True, required(row, "step_ml"), required(row, "largest_ml"), origin, mark,
        row["measure"], said,
    )  # fmt: skip


@cache
def _measure(form: str, drug_id: str) -> dict[str, str]:
    rows = [r for r in table("liquid_measures") if r["form"] == form]
    own = [r for r in rows if r["drug"] == drug_id] or [r for r in rows if not r["drug"]]
    return own[0] if own else next(r for r in table("liquid_measures") if r["form"] == "solution")


def _key(mg: float, form: str, release: Release) -> str:
    slow = {"immediate": "", "extended": "prolonged-release ", "delayed": "gastro-resistant ", "weekly": "weekly "}
    word = slow[release] if not form.startswith(slow[release] or "-") else ""
    return f"{plain(mg)} mg {word}{form}"
