"""What must hold for every plan, computed here from its rows and its sentences and not by the planner."""

from __future__ import annotations

import csv
from importlib.resources import files
from itertools import pairwise
from math import isclose

from cotreat.catalogue.drug_table import drug
from cotreat.plan.dispense import periods
from cotreat.plan.value import Plan
from cotreat.regimen.doses import dated, fitting_horizon
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.safety.check import check

TINY = 1e-6


def daily_doses(plan: Plan) -> list[float]:
    """Milligrams a day by day from the start to the first day without the drug, from the rows."""
    by_day = [r.mg * plan.request.times for r in plan.rows for _ in range(r.days)]
    return [*by_day, 0.0]


def assert_plan(plan: Plan) -> None:
    """Everything at once."""
    assert_dispensable(plan)
    assert_ledger(plan)
    assert_list(plan)
    assert_limits(plan)
    verdict = check(parse(plan.text), plan.request.patient)
    assert [f.rule.id for f in verdict.fired("block") if f.override is None] == []
    assert plan.rows[-1].portion is None
    assert_printing(plan)


def asked_when() -> dict[str, str]:
    """When each fact is asked for, from the data file itself."""
    with (files("cotreat.safety") / "data" / "facts.csv").open(encoding="utf-8") as file:
        return {r["name"]: r["asked"] for r in csv.DictReader(file)}


def assert_printing(plan: Plan) -> None:
    """What is not known is asked on the day, and listed for it, or holds the printing back; nothing clears it."""
    printing, when = plan.document()["printing"], asked_when()
    listed = {rule for c in printing["on_the_day"] for rule in c["stops"]}
    given = plan.patient.given
    for f in plan.to_print.findings:
        if f.rule.severity != "block" or f.holds is not None:
            continue
        assert f.verdict == "not checked"
        ways = {
            "printing": f.rule.id in printing["rules"],
            "day": f.rule.id in listed,
            "known": f.rule.id in printing["if_known"],
            "overridden": f.override is not None,
        }
        assert sum(ways.values()) == 1, (f.rule.id, ways)
        lasting = [n for n in f.missing if when.get(n, "") == "" and n not in given]
        if lasting:
            assert ways["printing"] or f.rule.demand is not None, (f.rule.id, lasting)
        if ways["overridden"]:
            assert not f.missing
    fired = [f for f in plan.to_print.findings if f.verdict == "fired" and f.rule.severity == "block"]
    assert printing["allowed"] == (not printing["rules"])
    assert all(f.rule.id in printing["rules"] for f in fired if f.override is None)


def assert_dispensable(plan: Plan) -> None:
    """Every dose is whole pieces, halves of what may be halved, or 0.1 mL; each preparation exists or is named."""
    found = drug(plan.request.drug.id)
    marketed = {(p.strength_mg, p.release) for p in found.products}
    liquids = {x.mg_per_ml for x in found.liquids}
    for row in plan.rows:
        if row.portion is None:
            continue
        total = 0.0
        for p, n in row.portion.parts:
            assert n > 0
            assert isclose(n / p.step, round(n / p.step), abs_tol=1e-6)
            if not p.liquid:
                assert (n * 2) % 1 == 0
                assert p.release == "immediate" or n % 1 == 0
                assert "capsule" not in p.form or n % 1 == 0
            if p.origin == "marketed":
                assert p.mg in liquids if p.liquid else (p.mg, p.release) in marketed
            elif p.origin == "made to order":
                assert any(p.key in remark for remark in plan.remarks)
            total += n * p.mg
        assert isclose(total, row.mg, abs_tol=1e-3)


def assert_ledger(plan: Plan) -> None:
    """The ledger of the sentences holds the doses of the rows, day by day."""
    regimen = parse(plan.text)
    first = plan.request.start.weekday()
    items = [i for _, i in dated(expand(regimen, fitting_horizon(regimen)))[0] if i.subject == plan.request.drug.id]
    by_day: dict[int, float] = {}
    for i in items:
        by_day[i.day - first] = by_day.get(i.day - first, 0.0) + i.amount
    for day, mg in enumerate(daily_doses(plan)):
        assert isclose(by_day.get(day, 0.0), mg, abs_tol=1e-4), day
    assert max(by_day, default=-1) < plan.rows[-1].day
    assert all(isclose(mg, plan.request.per_day, abs_tol=1e-4) for day, mg in by_day.items() if day < 0)


def assert_list(plan: Plan) -> None:
    """What is on the list times its strength is the milligrams of the ledger, and enough is handed out."""
    listed = periods(plan)
    total = sum(daily_doses(plan))
    assert isclose(sum(line.used * line.preparation.mg for p in listed for line in p.lines), total, rel_tol=1e-9)
    handed: dict[str, int] = {}
    used: dict[str, float] = {}
    for p in listed:
        for line in p.lines:
            key = line.preparation.key
            handed[key] = handed.get(key, 0) + line.handed_out
            used[key] = used.get(key, 0.0) + line.used
            assert handed[key] >= used[key] - TINY
            assert handed[key] - used[key] < 1 + TINY


def assert_limits(plan: Plan) -> None:
    """The limits of the guidelines, computed from daily doses."""
    days = [plan.request.per_day, *daily_doses(plan)]
    groups = plan.request.drug.groups
    if "benzodiazepine" in groups or "z-drug" in groups:
        equal = plan.request.drug.diazepam_equivalent
        assert equal is not None
        to_diazepam = 10 / min(equal.low_mg, equal.mg)
        for k in range(1, len(days)):
            top = max(days[max(0, k - 14) : k])
            assert days[k] >= 0.75 * top - 1e-4 or (top - days[k]) * to_diazepam <= 1 + 1e-3, k
    if "antidepressant" in groups:
        curve = plan.request.drug.occupancy
        for a, b in pairwise(days):
            if b >= a:
                continue
            usable = curve is not None and curve.usable
            small = curve.percent(a) <= 20 if usable and curve is not None else _far_below(plan, a)
            assert small or b >= 0.5 * a - 1e-4, (a, b)


def _far_below(plan: Plan, mg: float) -> bool:
    least = plan.request.drug.min_therapeutic_mg
    return least is not None and mg <= 0.25 * least
