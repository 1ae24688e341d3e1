"""What a protocol needs in words: the estimand of each test (ICH E9(R1)) and a paragraph for the analysis plan."""

from __future__ import annotations

from typing import Any

from cotreat.report.words import joined
from cotreat.trial.virtual.design import Dropout, Endpoint, Trial

DESIGNS = {
    "parallel": "parallel-group",
    "factorial": "factorial",
    "withdrawal": "randomised withdrawal (relapse-prevention)",
    "crossover": "two-period crossover",
    "smart": "sequential multiple-assignment (SMART)",
}
_STRATEGY = {
    "failure": ("composite", "a patient who is lost counts as not having the outcome"),
    "event": ("composite", "a patient who is lost counts as having relapsed on that day"),
    "observed": ("hypothetical", "patients who are lost are left out; valid when loss is pure chance (MCAR)"),
    "last observation": ("while on treatment", "the last rating before the loss stands for the visit"),
    "baseline": ("composite", "a patient who is lost counts as unchanged from baseline"),
    "at random": ("hypothetical", "as if nobody were lost; valid when loss depends on ratings that were seen (MAR)"),
    "censored": ("hypothetical", "as if nobody were lost; valid when loss does not depend on the risk to come"),
}
_SUMMARY = {
    "ancova": "difference in means, adjusted for the baseline",
    "t": "difference in means",
    "mmrm": "difference in means at the visit, adjusted for the baseline",
    "newcombe": "difference in proportions",
    "chi2": "difference in proportions",
    "cmh": "difference in proportions, over strata",
    "logistic": "odds ratio",
    "risk": "contrast of proportions",
    "log-rank": "hazard ratio",
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


def variable(endpoint: Endpoint) -> str:
    """What is measured, and when."""
    if endpoint.kind == "time":
        text = endpoint.definition.text if endpoint.definition is not None else "the event"
        return f"time to relapse ({text}) up to week {endpoint.week}"
    if endpoint.kind == "proportion":
        extra = f"; relapse means {endpoint.definition.text}" if endpoint.definition is not None else ""
        return f"{endpoint.what} at week {endpoint.week} on {endpoint.scale}{extra}"
    return f"{endpoint.scale} at week {endpoint.week}"


def loss(endpoint: Endpoint) -> str:
    """How a loss is handled, in words that fit the outcome."""
    if endpoint.missing == "failure" and endpoint.what == "relapse":
        return "a patient who is lost counts as having relapsed"
    return _STRATEGY[endpoint.missing][1]


def estimands(trial: Trial) -> list[dict[str, Any]]:
    """The five attributes of the estimand behind each test."""
    who = trial.population.text if trial.population is not None else "patients as in the stated effect"
    if trial.run_in is not None:
        who += f", who after a run-in ({' / '.join(trial.run_in.splitlines())}) meet: {trial.enter or 'all go on'}"
    rows = []
    for endpoint in trial.endpoints:
        strategy, _ = _STRATEGY[endpoint.missing]
        rows.append(
            {
                "endpoint": endpoint.name,
                "treatments": endpoint.contrast.text,
                "population": f"{who}; analysed: {_SETS[endpoint.analysis_set]}",
                "variable": variable(endpoint),
                "intercurrent_events": f"loss to follow-up: {strategy} strategy ({loss(endpoint)}); "
                "change of treatment as the regimen says: treatment policy",
                "summary": ("interaction: " if endpoint.contrast.interaction else "") + _SUMMARY[endpoint.test],
                "method": trial.method(endpoint),
            }
        )
    return rows


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


def paragraph(trial: Trial, rows: list[dict[str, Any]], assured: list[dict[str, Any]], made: tuple[str, str]) -> str:
    """A paragraph on sample size and analysis, ready for a plan; ``made``: the point of power, and what remakes it."""
    primary, (at, remake) = trial.primary, made
    arms = joined([f'"{a.name}"' for a in trial.arms])
    said = [
        f"This is a {DESIGNS[trial.kind]} trial with {len(trial.arms)} arms ({arms}) of equal size. "
        f"Patients are seen {weeks_text(trial.days)}, counted from day 0 of the regimen.",
        f"The primary endpoint is {variable(primary)}, compared as {primary.contrast.text} in "
        f"{_SETS[primary.analysis_set]} by: {trial.method(primary)}. Losses: {loss(primary)}.",
    ]
    if primary.margin is not None:
        said.append(
            f"Non-inferiority is claimed when the two-sided {100 * (1 - trial.alpha):g} % interval excludes a loss of "
            f"{primary.margin:g} or more."
        )
    else:
        said.append(f"The test is two-sided at {trial.alpha:g}.")
    if trial.looks is not None:
        looks = ", ".join(f"{100 * f:g} %" for f in trial.looks.fractions)
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
    mine = [r for r in rows if r["endpoint"] == primary.name]
    powers = joined([f"{100 * r['power']:.0f} % with {r['n_per_arm']} patients in each arm" for r in mine])
    errors = max((r["power_se"] for r in mine), default=0.0)
    said.append(f"By simulation, at {at}, the power is {powers} (Monte-Carlo error at most {100 * errors:.1f} %).")
    if assured:
        found = joined(
            [f"{100 * r['assurance']:.0f} % with {r['n_per_arm']}" for r in assured if r["endpoint"] == primary.name]
        )
        said.append(f"Averaged over what is not known about the effect (assurance) it is {found}.")
    said.append(f"In the simulation {dropout_text(trial.conduct.dropout)}. It is remade by: {remake}")
    return " ".join(said)
