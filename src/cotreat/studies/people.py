"""Who the patients of a study are, and what they had been through before it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from cotreat.evidence.arms import arm_ledger, taken_before
from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.measures.scales import Scale
from cotreat.measures.scales import scale as find_scale
from cotreat.population.populations import Covariates, Population, population, populations, well_score
from cotreat.regimen.ledger import Before
from cotreat.simulate.channels import can_be_missed
from cotreat.simulate.maintained import given_by_all, sentence_of, taken_together

_MAINTAINED = "stable on maintenance"
_WELL = re.compile(r"remi(ssion|tt)|maintenance|recovered|\bwell\b|long-term")
_ILL = re.compile(r"not in remi|without remi|non-?remi|partial|resist|non-?respon|inadequate|treated for depression")
_TAPERS_SEDATIVE = re.compile(r"\btaper \w*(pam|lam|zopiclone|zolpidem|chlordiazepoxide)\b", re.I)


def led_in(study: Study) -> Study:
    """A study of people who are well on a drug, with the half year on it that shows them to be so.

    Where no run-in is stated they take what they are on for 26 weeks, and those in remission go on (why:
    ``cotreat.simulate.maintained``); the file of ANTLER (Lewis 2021) says the same in words. Any other study is given
    back as it is.
    """
    group = study.population
    if group.run_in is not None or any(a.starts for a in study.arms.values()) or population_name(study) != _MAINTAINED:
        return study
    taken = taken_before(study) or _taken(study)
    if not taken:
        return study
    weeks = population(_MAINTAINED).lead_in_weeks
    said = {"run_in": sentence_of(taken, weeks), "enter": group.enter or "remission", "label": _MAINTAINED}
    return study.model_copy(update={"population": group.model_copy(update=said)})


def _taken(study: Study) -> tuple[Before, ...]:
    """Drugs that everybody took when the arms began, as far as the arms say it together.

    Where no arm stops one: what is given from day 0 on, beside arms without any such drug, is what made them well (a
    trial of relapse prevention).
    """
    try:
        ledgers = [arm_ledger(study, key) for key, arm in study.arms.items() if arm.regimen is not None]
    except InputError:
        return ()  # said where the arm is simulated
    if any(can_be_missed(b.subject) for ledger in ledgers for b in ledger.before):
        return taken_together(ledgers)
    return given_by_all([ledger for ledger in ledgers if given_by_all([ledger])])


def people_of(study: Study, scale: Scale) -> Population:
    """The virtual patients of a study: the population most like them, with what the study says of them."""
    base = population(population_name(study))
    entry = study.population.entry_at_least
    at_least = entry.score if entry is not None and find_scale(entry.scale).id == scale.id else None
    mean = sd = None
    if study.population.run_in is None:  # with a run-in the stated baseline is the one after it
        mean, sd = _baseline(study, scale)
    if base.starts_well and mean is not None and mean < _halfway(base, scale):
        mean = sd = None  # a score of people who are well, not that of an episode
    matched = base.matched(scale.id, mean, sd, at_least)
    if at_least is None and matched.entry_at_least is not None and mean is not None:
        # a stated baseline without a stated entry rule: no rule is put in its place
        matched = replace(matched, entry_at_least=None)
    return replace(matched, covariates=_covariates(study, matched.covariates))


def _covariates(study: Study, usual: Covariates) -> Covariates:
    """What the study says of its patients; what it does not say is that of the population."""
    stated = study.population.covariates
    if stated is None:
        return usual
    known = {k: getattr(stated, k) for k in ("age_mean", "age_sd", "resistant", "psychotic", "bipolar")}
    return replace(usual, **{k: v for k, v in known.items() if v is not None})


def population_name(study: Study) -> str:
    """The population a study's patients are most like: by its label, else by what they are given.

    People who were on a drug before and are called well, in remission or long-term users enter well, and so do those
    called stable who are given no stimulation; not where their baseline or the rule of entry is that of an episode.
    Those who taper a sedative and are not called depressed never were depressed.
    """
    label = study.population.label.casefold()
    for name in populations():
        if name.casefold() == label:
            return name
    sentences = " ".join([study.population.run_in or "", *(a.regimen or "" for a in study.arms.values())])
    sedative = _TAPERS_SEDATIVE.search(sentences) and not re.search(r"depress|mdd|trd", label)
    on_a_drug = bool(study.population.already_on or _taken(study))
    ill = _ILL.search(label) or _ill_at_entry(study)
    if study.population.run_in is None and on_a_drug and _WELL.search(label) and not ill and not sedative:
        return _MAINTAINED
    if re.search(r"\bECT\b", sentences):
        return "ECT candidates"
    if re.search(r"TBS|TMS|tDCS|ketamine", sentences):
        return "TRD outpatients"
    if sedative:
        return "not depressed"
    if (_WELL.search(label) or "stable" in label) and not ill:
        return _MAINTAINED if on_a_drug else "remitters"
    return "drug-naive outpatients"


def _ill_at_entry(study: Study) -> bool:
    """Whether a stated baseline or rule of entry is that of an episode."""
    group = study.population
    if group.run_in is None and group.entry_at_least is not None:
        return True
    for stated in (group.baseline, *(a.baseline for a in study.arms.values())):
        if stated is not None and stated.mean is not None:
            try:
                return stated.mean >= _halfway(population("remitters"), find_scale(stated.scale))
            except InputError:
                continue  # a scale that nothing leads to from HAM-D17
    return False


def _baseline(study: Study, scale: Scale) -> tuple[float | None, float | None]:
    """Mean and SD at entry: of the whole group, else over arms weighted by the number rated."""
    whole = study.population.baseline
    if whole is not None and whole.mean is not None and find_scale(whole.scale).id == scale.id:
        return whole.mean, whole.sd
    rows = [
        (b.n or a.n or 1, b.mean, b.sd)
        for a in study.arms.values()
        if (b := a.baseline) is not None and b.mean is not None and find_scale(b.scale).id == scale.id
    ]
    if not rows:
        return None, None
    weight = np.array([r[0] for r in rows], float)
    sds = [r[2] for r in rows if r[2] is not None]
    return float(np.average([r[1] for r in rows], weights=weight)), float(np.mean(sds)) if sds else None


def _halfway(base: Population, scale: Scale) -> float:
    """Score half-way between the well state and the episodes of a population."""
    return 0.5 * (well_score(scale.id) + base.on(scale.id).baseline_mean)
