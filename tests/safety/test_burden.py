"""Ordinary plans are not buried in warnings, and planted hazards are all found in the same run."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.safety.check import PLANNING, CheckOptions, check
from cotreat.safety.pack import load_pack
from cotreat.safety.patient import read_patient
from tests.safety.people import QUIET_PLANS, person

CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "rule_cases.yaml").read_text())
OPTIONS = CheckOptions(stages=PLANNING)
COURSES = [
    "iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 6 weeks",
    "rTMS 10 Hz 3000 pulses at 120 % rMT to left DLPFC 5 days a week for 6 weeks",
    "ECT right unilateral 3 times a week until remission, at most 12 sessions\nthen ECT weekly for 4 weeks",
    "esketamine 56 mg nasal twice a week for 4 weeks then weekly for 4 weeks",
    "escitalopram 10 mg daily",
    "CBT weekly for 12 weeks",
]
BESIDE = [
    "",
    "\nsertraline 100 mg daily",
    "\nvenlafaxine 150 mg daily",
    "\nmirtazapine 30 mg daily",
    "\naripiprazole 5 mg daily",
]
MEDICATIONS = [
    "amlodipine 5 mg",
    "metformin 1000 mg",
    "levothyroxine",
    "paracetamol",
    "atorvastatin 20 mg",
    "lorazepam 1 mg",
]


def test_unit_five_hundred_ordinary_patients_and_two_hundred_planted_hazards() -> None:
    draw = random.Random(8)
    ledgers = {course + beside: expand(parse(course + beside)) for course in COURSES for beside in BESIDE}
    warnings, blocks = [], []
    for _ in range(500):
        facts = person(
            {
                "age": draw.randint(25, 60),
                "medications": draw.sample(MEDICATIONS, draw.randint(0, 2)),
                "phq9": draw.randint(10, 24),
                "episodes": draw.randint(1, 5),
                "train_s": 3,
            }
        )
        found = check(ledgers[draw.choice(list(ledgers))], read_patient(facts), OPTIONS)
        warnings.append(len({f.rule.group for f in found.fired("warn")}))
        blocks.append(len(found.fired("block")))
    assert median(warnings) <= 4
    assert median(blocks) == 0
    assert sum(b > 0 for b in blocks) <= 25

    planted = [r for r in load_pack().rules if r.severity == "block" and r.stage in PLANNING and r.id != "SYS-001"]
    caught = 0
    for n in range(200):
        rule = planted[n % len(planted)]
        case = CASES[rule.id]
        facts = person({"episodes": draw.randint(1, 5)} | (case.get("fires") or {}))
        plan = case.get("plan", QUIET_PLANS[rule.needs])
        caught += rule.id in {f.rule.id for f in check(parse(plan), read_patient(facts), OPTIONS).fired("block")}
    assert caught == 200
