"""What a protocol needs in words: the estimand of each test (ICH E9(R1)) and a paragraph for the analysis plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cotreat.measures.scales import scale as find_scale
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import parse
from cotreat.report.words import joined
from cotreat.simulate.maintained import text_of
from cotreat.trial.virtual.design import Dropout, Endpoint, MissedVisits, Trial

DESIGNS = {
    "parallel": "parallel-group",
    "factorial": "factorial",
    "withdrawal": "randomised withdrawal (relapse-prevention)",
    "crossover": "two-period crossover",
    "smart": "sequential multiple-assignment (SMART)",
}
_MISSING = {
    "failure": "none: a patient who is not seen at the visit counts as not having the outcome",
    "event": "none: a patient who is lost counts as having relapsed on that day",
    "observed": "patients who are not seen at the visit are left out; unbiased when that is pure chance (MCAR)",
    "last observation": "the last rating before stands for the visit; unbiased only if ratings would not have changed",
    "baseline": "none: a patient who is not seen at the visit counts as unchanged from baseline",
    "at random": "ratings that are missing are modelled by those that were seen; valid when what is missing depends on "
    "those alone (MAR)",
    "censored": "times end at the last visit attended (censored); valid when loss does not depend on the risk to come",
}
_LEAVING = {
    "failure": "composite (counts as not having the outcome)",
    "event": "composite (counts as a relapse on that day)",
    "observed": "hypothetical (as if nobody left)",
    "last observation": "while in the trial (the last rating seen)",
    "baseline": "composite (counts as no change from baseline)",
    "at random": "hypothetical (as if nobody left)",
    "censored": "hypothetical (as if nobody left)",
}
_SUMMARY = {
    "ancova": "difference in means, adjusted for the baseline",
    "t": "difference in means",
    "mmrm": "difference in means at the visit, adjusted for the baseline",
    "newcombe": "difference in proportions",
    "chi2": "difference in proportions",
    "cmh": "difference in proportions, averaged over strata with Mantel-Haenszel weights",
    "logistic": "odds ratio",
    "risk": "difference in proportions",
    "log-rank": "hazard ratio (Peto's one-step estimate)",
    "cox": "hazard ratio",
    "rmst": "difference in restricted mean time without relapse",
}
_SETS = {
    "everyone": "all who were randomised",
    "remitters": "those in remission at the end of the acute course (selected after randomisation)",
    "responders": "those who responded by the end of the acute course (selected after randomisation)",
    "completers": "those still seen at the visit (selected after randomisation)",
}


def weeks_text(days: tuple[int, ...]) -> str:
    """Visit days as "every 2 weeks to week 30" or "weeks 1, 2 and 4"."""
    weeks = [d // 7 for d in days]
    if len(weeks) > 2 and all(w == (i + 1) * weeks[0] for i, w in enumerate(weeks)):
        often = "every week" if weeks[0] == 1 else f"every {weeks[0]} weeks"
        return f"{often} to week {weeks[-1]}"
    return f"week{'s' if len(weeks) > 1 else ''} {joined([str(w) for w in weeks])}"


def variable(endpoint: Endpoint, trial: Trial) -> str:
    """What is measured in each patient, and when."""
    relapse = endpoint.definition.text if endpoint.definition is not None else "the event"
    since = "randomisation" if trial.begins_well else "the end of the acute course"
    if endpoint.kind == "time":
        return f"the time from {since} to relapse ({relapse}) up to week {endpoint.week}"
    scale = find_scale(endpoint.scale)
    if endpoint.kind != "proportion":
        of = " of each period" if trial.kind == "crossover" else ""
        return f"the {scale.id} score at week {endpoint.week}{of}"
    half = f"{scale.id} at least {100 * (scale.response or 0):g} % below baseline"
    entered_well = trial.population is not None and trial.population.starts_well
    well = f"{scale.id} of at most {scale.remission or 0:g}" if entered_well else half
    return {
        "well": f"being well at week {endpoint.week} ({well}, and short of a relapse: {relapse})",
        "response": f"response at week {endpoint.week} ({half})",
        "remission": f"remission at week {endpoint.week} ({scale.id} of at most {scale.remission or 0:g})",
        "relapse": f"relapse ({relapse}) between {since} and week {endpoint.week}",
        "score": "",
    }[endpoint.what]


def missing_data(endpoint: Endpoint) -> str:
    """How ratings that are missing are handled, and when that is valid."""
    if endpoint.missing == "failure" and endpoint.what == "relapse":
        return "none: a patient who is lost before a relapse counts as having relapsed"
    return _MISSING[endpoint.missing]


def _leaving(endpoint: Endpoint) -> str:
    if endpoint.missing == "failure" and endpoint.what == "relapse":
        return "composite (counts as a relapse)"
    return _LEAVING[endpoint.missing]


def _summary(trial: Trial, endpoint: Endpoint) -> str:
    if trial.kind == "crossover":
        return "mean difference within patients"
    words = _SUMMARY[endpoint.test]
    if trial.kind == "smart":
        words = ("difference in proportions" if endpoint.kind == "proportion" else "difference in means") + (
            " between whole strategies"
        )
    if endpoint.contrast.interaction:
        words = f"interaction: {words.replace('difference', 'difference of differences', 1)}"
        words = words.replace("odds ratio", "ratio of odds ratios").replace("hazard ratio", "ratio of hazard ratios")
    return words


def _compared(trial: Trial, endpoint: Endpoint) -> str:
    """The contrast, and the sentences of the arms that are in it."""
    arms = [a for a, w in zip(trial.arms, endpoint.contrast.weights, strict=True) if w]
    said = [f"{a.name} ({' / '.join(a.sentence.splitlines()) or 'nothing'})" for a in arms]
    return endpoint.contrast.text + ("" if trial.effect is not None else f". {'; '.join(said)}")


def patients_of(trial: Trial) -> str | None:
    """Who the patients are, in words; None where the effect is stated and nobody is simulated."""
    if trial.population is None or trial.run_in is not None:
        return None if trial.population is None else trial.population.text
    return text_of(trial.population, [expand(parse(a.sentence), horizon=7 * trial.weeks) for a in trial.arms])


def estimands(trial: Trial) -> list[dict[str, Any]]:
    """The five attributes of the estimand behind each test (ICH E9(R1)), its analysis set and its missing data."""
    who = patients_of(trial) or "patients as in the stated effect"
    if trial.run_in is not None:
        who += f", who after a run-in ({' / '.join(trial.run_in.splitlines())}) meet: {trial.enter or 'all go on'}"
    return [
        {
            "endpoint": endpoint.name,
            "treatments": _compared(trial, endpoint),
            "population": who,
            "variable": variable(endpoint, trial),
            "intercurrent_events": "changes of treatment that the regimen prescribes: treatment policy (part of what "
            f"is compared); leaving the trial: {_leaving(endpoint)}; other changes of treatment are not simulated, the "
            "protocol has to say how they are handled",
            "summary": _summary(trial, endpoint),
            "analysis_set": _SETS[endpoint.analysis_set],
            "missing_data": missing_data(endpoint),
            "method": trial.method(endpoint),
        }
        for endpoint in trial.endpoints
    ]


def dropout_text(how: Dropout) -> str:
    """Dropout as simulated, in words."""
    if how.mechanism == "none":
        return "nobody is lost"
    words = {
        "MCAR": "patients are lost whatever their ratings (MCAR)",
        "MAR": "patients are lost more often after a bad rating at the last visit (MAR)",
        "MNAR": "patients are lost more often in bad weeks, seen at a visit or not (MNAR)",
    }[how.mechanism]
    stated = [] if how.weekly_hazard is None else [f"weekly hazard {how.weekly_hazard:g}"]
    if how.per_point is not None and how.mechanism != "MCAR":
        stated.append(f"log hazard {how.per_point:+g} per HAM-D17 point of worsening")
    return f"{words}, {joined(stated) if stated else 'as in the parameter set'}"


def missed_visits_text(how: MissedVisits) -> str:
    """Missed visits as simulated, in words."""
    text = f"{100 * how.share:g} % are missed by patients who come back later"
    if how.per_point:
        return f"{text}, more where they are worse (log odds {how.per_point:+g} per HAM-D17 point above baseline)"
    return f"{text}, by chance"


@dataclass(frozen=True)
class Source:
    """Where figures come from: the point of power (and of which parameters), and the command that remakes them."""

    at: str
    remake: str


def paragraph(trial: Trial, rows: list[dict[str, Any]], assured: list[dict[str, Any]], source: Source) -> str:
    """A paragraph on sample size and analysis, ready for a plan."""
    primary = trial.primary
    return " ".join(
        [
            _design_said(trial),
            f"The primary endpoint is {variable(primary, trial)}. It is compared between arms as "
            f"{primary.contrast.text}, in {_SETS[primary.analysis_set]}; analysis: {trial.method(primary)}. Missing "
            f"data: {missing_data(primary)}.",
            *_claims_said(trial),
            *_powers_said(trial, rows, assured, source),
            f"{_conduct_said(trial)} The simulation is remade by: {source.remake}",
        ]
    )


def _design_said(trial: Trial) -> str:
    arms = joined([f'"{a.name}"' for a in trial.arms])
    if trial.kind == "crossover":
        assert trial.crossover is not None
        return (
            f"This is a two-period crossover trial with {len(trial.arms)} orders ({arms}) of equal size and "
            f"{trial.crossover.washout} weeks between the periods. Patients are seen in each period "
            f"{weeks_text(trial.days)}, counted from its first day."
        )
    of = "strategies" if trial.kind == "smart" else "arms"
    start = "randomisation" if trial.kind == "withdrawal" else "day 0 of the regimen"
    return (
        f"This is a {DESIGNS[trial.kind]} trial with {len(trial.arms)} {of} ({arms}) of equal size. "
        f"Patients are seen {weeks_text(trial.days)}, counted from {start}."
    )


def _claims_said(trial: Trial) -> list[str]:
    """Level, margin, looks and multiplicity."""
    margin, said = trial.primary.margin, []
    if margin is not None:
        size = f"{100 * margin:g} percentage points" if trial.primary.kind == "proportion" else f"{margin:g} points"
        said.append(
            f"Non-inferiority is claimed when the two-sided {100 * (1 - trial.alpha):g} % interval excludes a loss of "
            f"{size} or more (one-sided level {trial.alpha / 2:g})."
        )
    else:
        said.append(f"The test is two-sided at {trial.alpha:g}.")
    if trial.looks is not None:
        looks = joined([f"{100 * f:g} %" for f in trial.looks.fractions])
        gamma = f", gamma {trial.looks.gamma:g}" if trial.looks.spending == "hwang-shih-decani" else ""
        said.append(
            f"The data are looked at after {looks} of the information; alpha is spent as by Lan and DeMets "
            f"({trial.looks.spending}{gamma})."
        )
    if len(trial.endpoints) > 1:
        how = {
            "none": "Each test is made at the full alpha, without adjustment for multiplicity",
            "fixed sequence": "Tests are made in the order of the protocol, each only if all before it succeeded",
        }.get(trial.multiplicity, f"P values are adjusted by the method of {trial.multiplicity.title()}")
        said.append(f"{how}.")
    return said


def _powers_said(trial: Trial, rows: list[dict[str, Any]], assured: list[dict[str, Any]], source: Source) -> list[str]:
    mine = [r for r in rows if r["endpoint"] == trial.primary.name]
    powers = joined([f"{100 * r['power']:.0f} % with {r['n_per_arm']} patients in each arm" for r in mine])
    errors = max((r["power_se"] for r in mine), default=0.0)
    said = [
        f"By simulation, at {source.at}, the power is {powers} (standard error of simulation at most "
        f"{100 * errors:.1f} percentage points)."
    ]
    if assured:
        found = joined(
            [
                f"{100 * r['assurance']:.0f} % with {r['n_per_arm']}"
                for r in assured
                if r["endpoint"] == trial.primary.name
            ]
        )
        said.append(
            f"Averaged over what is not known about the effect, the probability of a claim (assurance) is {found}."
        )
    return said


def _conduct_said(trial: Trial) -> str:
    """What was assumed of the conduct of the trial."""
    said = [dropout_text(trial.conduct.dropout)]
    if trial.conduct.missed_visits is not None:
        said.append(f"of the visits {missed_visits_text(trial.conduct.missed_visits)}")
    if trial.conduct.missed_sessions:
        said.append(f"{100 * trial.conduct.missed_sessions:g} % of the sessions are missed by chance")
    if trial.conduct.sites is not None:
        sites = trial.conduct.sites
        said.append(
            f"{sites.number} sites differ by {sites.sd:g} points (SD) in their ratings and by {sites.effect_sd:g} in "
            "the effect"
        )
    if trial.conduct.guessing is not None:
        g = trial.conduct.guessing
        said.append(
            f"{100 * g.treated:g} % of the first side and {100 * g.control:g} % of the others believe they are "
            f"treated, which takes {g.points:g} points off their ratings"
        )
    return f"Assumed: {'; '.join(said)}."
