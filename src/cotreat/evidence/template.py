"""A new study file to fill in, and what a study still needs before it can enter a fit."""

from __future__ import annotations

import re
from string import Template
from typing import TYPE_CHECKING

from cotreat.evidence.document import FieldPath
from cotreat.measures.errors import InputError

if TYPE_CHECKING:
    from cotreat.evidence.schema import Outcome, Study

_NAME = re.compile(r"[a-z][a-z0-9-]*(?:19|20)\d\d[a-z]?")

_TEMPLATE = Template("""\
# $id: one published study. Lines with CHANGE hold a made-up value: put the paper's in its place, or delete the line.
# Check it with:  cotreat evidence check $file
# Predict it with: cotreat predict $file
format: 1
id: $id
title: CHANGE the title of the paper
doi: 10.1000/change.me                     # CHANGE; or citation: / registry: when there is no doi
year: $year
design: rct-double-blind                   # rct-open, non-randomised, cohort, open-label, pooled
use: fit                                   # or context, with `reason:` why it cannot be fitted
follow_up_days: 42                         # CHANGE: from day 0 of the arms
systems: [S1]                              # CHANGE: the treatment systems it bears on
population:
  label: TRD outpatients                   # CHANGE: who was treated
  # run_in: ECT bitemporal 3 times a week until remission, at most 12 sessions     everybody went through it before
  # enter: remission                                                               and who went on from it
  # already_on: escitalopram 10 mg daily                                           drugs taken long before day 0
  baseline: {scale: HAM-D17, mean: 24.0, sd: 4.0}      # CHANGE; delete mean or sd when they are not printed
arms:                                      # CHANGE: what each arm was given; `cotreat doses "SENTENCE"` shows it
  active:
    n: 30
    regimen: iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 4 weeks
  sham:
    n: 30
    regimen: sham iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 4 weeks
outcomes:                                  # CHANGE: each figure as it is printed, with where you read it
  - arm: active
    measure: response                      # remission, relapse, score, change, risk_ratio, smd, ...
    scale: HAM-D17
    day: 28                                # from day 0 of the arm; counted_from: remission when it is later
    analysis_set: everyone                 # completers, observed, responders, remitters
    n: 30
    events: 12
    read: seen                             # seen-secondary, derived, memory
    where: Table 2
  - arm: sham
    measure: response
    scale: HAM-D17
    day: 28
    analysis_set: everyone
    n: 30
    events: 6
    read: seen
    where: Table 2
""")


def new_study(name: str, file: str | None = None) -> str:
    """A study file with made-up values and a comment on every field.

    ``name``: author and year (``smith2024``). Raises InputError for another name, and for that of a packaged study.
    """
    from cotreat.evidence.load import study_ids

    key = name.removesuffix(".yaml").removesuffix(".yml").rsplit("/", 1)[-1]
    if not _NAME.fullmatch(key):
        raise InputError(
            f'"{name}" is no name of a study: the first author and the year, in small letters',
            examples=("smith2024", "smith2024b"),
        )
    if key in study_ids():
        raise InputError(f"{key} is in the base already; `cotreat evidence show {key}` shows it")
    year = re.search(r"(19|20)\d\d", key)
    assert year is not None
    return _TEMPLATE.substitute(id=key, file=file or f"{key}.yaml", year=year.group())


def unchanged(text: str) -> list[int]:
    """Lines (from 1) of a filled file that still say CHANGE."""
    return [n for n, line in enumerate(text.splitlines(), 1) if "CHANGE" in line and not line.startswith("#")]


def missing_for_fit(study: Study) -> list[tuple[FieldPath, str]]:
    """What keeps a study, or one of its figures, out of a fit: the field and what is missing.

    Empty when every arm can be written and every figure has its number, its day and its uncertainty.
    """
    found: list[tuple[FieldPath, str]] = []
    if study.use == "context":
        found.append((("use",), f"context: {study.reason or 'no reason given'}"))
    for key, arm in study.arms.items():
        if arm.regimen is None:
            found.append((("arms", key, "regimen"), "no sentence, so the arm cannot be simulated"))
    known = study.population.baseline is not None and study.population.baseline.mean is not None
    if study.population.run_in is None and not known and not any(a.baseline for a in study.arms.values()):
        found.append((("population", "baseline"), "no baseline score: patients of the usual severity are taken"))
    for place, outcome in enumerate(study.outcomes):
        found += [(("outcomes", place, *path), text) for path, text in _lacks(outcome)]
    return found


def _lacks(o: Outcome) -> list[tuple[FieldPath, str]]:
    if o.measure == "p_value_only":
        return [((), "only a p value: nothing to fit")]
    found: list[tuple[FieldPath, str]] = []
    if o.observed is None:
        name = {"proportion": "events or proportion", "score": "mean", "contrast": "effect"}[o.kind]
        found.append(((), f"no {name}"))
    if o.day is None and o.measure not in ("days_to_event",):
        found.append((("day",), "no day"))
    if o.kind == "score" and o.scale is None and o.measure != "days_to_event":
        found.append((("scale",), "no scale"))
    if o.kind == "proportion" and o.n is None:
        found.append((("n",), "no number of patients, so no weight"))
    if o.kind == "score" and o.sd is None and o.se is None and o.ci95 is None:
        found.append((("sd",), "no sd, se or interval: the spread of the model is used"))
    if o.kind == "contrast" and o.se is None and o.ci95 is None:
        found.append((("ci95",), "no interval or standard error"))
    return found
