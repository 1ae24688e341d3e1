"""``cotreat trial``: a design simulated, and the document with every number a reader needs (docs/virtual-trials.md)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.regimen.ledger import Item, Ledger
from cotreat.regimen.parse import parse
from cotreat.safety.check import PLANNING, CheckOptions, check
from cotreat.simulate.channels import ignored_qualifiers
from cotreat.simulate.run import Settings
from cotreat.simulate.store import Store, key_of
from cotreat.trial.provenance import DISCLAIMER, provenance, stamp
from cotreat.trial.resemblance import alike
from cotreat.trial.virtual.design import Arm, Trial
from cotreat.trial.virtual.expected import event_rows, score_rows
from cotreat.trial.virtual.generate import prepare
from cotreat.trial.virtual.run import Over, Results, Size, simulate_trials, size_key
from cotreat.trial.virtual.search import Found, search
from cotreat.trial.virtual.sequential import boundaries
from cotreat.trial.virtual.summarise import assurance, power_rows, rate
from cotreat.trial.virtual.wording import (
    Source,
    dropout_text,
    estimands,
    missed_visits_text,
    paragraph,
    patients_of,
    weeks_text,
)

_REPETITIONS = 20  # pools at one point; the error of a power is read from the spread between them
_WORTH = 500  # patients of an arm in all, per patient of a trial, unless said otherwise
STATED = "a stated effect, not the patient model"


@dataclass(frozen=True)
class Options:
    """What is computed: ``at`` the point of power ("median" or a draw), ``assure`` whether assurance too."""

    at: Over = "median"
    assure: bool = True
    command: str = ""


def trial_document(
    trial: Trial,
    size: Size | None = None,
    parameters: ParameterSet | None = None,
    options: Options | None = None,
    progress: Callable[[float], None] | None = None,
    keep: Callable[[str], Store] | None = None,
) -> dict[str, Any]:
    """Simulate a design and return its document; ``keep`` gives the store of a run's finished parts by its digest.

    Raises
    ------
    InputError
        Something of it cannot be done.
    """
    size, parameters, options = size or Size(), parameters or load_parameters(), options or Options()
    ledgers: list[Ledger] = []
    if trial.effect is None:
        ready = prepare(trial)
        ledgers = [*ready.ledgers, *ready.seconds, *([ready.run_in] if ready.run_in is not None else [])]
    how = (options.at, options.assure, size_key(size))
    with keep(key_of("trial", trial, how, parameters.checksum)) if keep is not None else nullcontext() as store:
        runs = _Runs(parameters, options.at, store, progress)
        trial, runs, results = _simulated(trial, size, options, runs)
        guesses = _guessing(trial, _repeated(size), runs)
    found, point, drawn = results
    rows, assured = power_rows(trial, point), assurance(trial, drawn) if drawn is not None else []
    settings = Settings(
        patients=max(point.pool * size.draws, size.draws), draws=size.draws, seed=size.seed, weeks=trial.weeks
    )
    made = provenance(settings, parameters, options.command, ledgers, _evidence(ledgers))
    document: dict[str, Any] = {
        "title": trial.title,
        "stamp": STATED if trial.effect is not None else stamp(parameters),
        "disclaimer": DISCLAIMER,
        "design": _design(trial),
        "at": _point(trial, options.at),
        "tests": rows,
        "assurance": assured,
        "sample_size": None
        if found is None or trial.search is None
        else found.document(trial.search.power, trial.primary.name),
        "looks": _looks(trial),
        "curves": score_rows(trial, point.curves, None if drawn is None else drawn.curves),
        "survival": event_rows(trial, point.times, None if drawn is None else drawn.times),
        "estimands": estimands(trial),
        "paragraph": paragraph(trial, rows, assured, _source(trial, parameters, options)),
        "sensitivity": guesses,
        "notes": [*_notes(trial, point, drawn, size), *given_apart(trial, ledgers), *_untestable(rows)],
        "safety": [] if trial.effect is not None else [_safety(a) for a in trial.arms],
        "provenance": made | {"trials": size.trials, "ignored_qualifiers": ignored_qualifiers(ledgers)},
    }
    return document


@dataclass(frozen=True)
class _Runs:
    """How the simulations of one document are made: ``stage`` of ``stages``, for the progress of them all."""

    parameters: ParameterSet
    at: Over
    store: Store | None
    progress: Callable[[float], None] | None
    stage: int = 0
    stages: int = 1

    def __call__(self, trial: Trial, size: Size, over: Over | None = None, within: float = 0.0) -> Results:
        """Simulate; ``within``: the share of this stage that is done already."""

        def told(done: float) -> None:
            assert self.progress is not None
            self.progress((self.stage + within + (1.0 - within) * done) / self.stages)

        wanted, share = pooled(trial, size), None if self.progress is None else told
        return simulate_trials(trial, wanted, over or self.at, self.parameters, share, self.store)

    def on(self, stages: int | None = None) -> _Runs:
        """The same at the next stage, or at the first of so many."""
        return replace(self, stage=self.stage + 1) if stages is None else replace(self, stage=0, stages=stages)


def _repeated(size: Size) -> Size:
    return replace(size, draws=min(_REPETITIONS, size.trials))


def _simulated(
    trial: Trial, size: Size, options: Options, runs: _Runs
) -> tuple[Trial, _Runs, tuple[Found | None, Results, Results | None]]:
    """The search for a size, the power at a point and the assurance; the trial with the size that was found."""
    assure = options.assure and (trial.effect is None or trial.effect.unknown > 0)
    guessed = 2 if trial.conduct.guessing is not None and trial.effect is None else 0
    runs = runs.on((trial.search is not None) + 1 + assure + guessed)
    found: Found | None = None
    if trial.search is not None:
        calls = 0

        def step(t: Trial) -> Results:
            nonlocal calls
            calls += 1  # how many steps a search takes is not known: each is shown as half of what is left
            return runs(t, _repeated(size), within=1.0 - 0.5 ** (calls - 1))

        found = search(_certain(trial), step)
        more = {found.n} if found.n is not None else set() if trial.per_arm else {trial.search.high}
        trial = replace(trial, per_arm=tuple(sorted({*trial.per_arm, *more})))
        runs = runs.on()
    point, drawn = runs(_certain(trial), _repeated(size)), None
    if assure:
        runs = runs.on()
        drawn = runs(trial, size, "draws")
    return trial, runs, (found, point, drawn)


def _source(trial: Trial, parameters: ParameterSet, options: Options) -> Source:
    """What the figures of the paragraph come from."""
    of = "" if trial.effect is not None else f" {parameters.name} ({parameters.status})"
    return Source(_point(trial, options.at) + of, options.command or "the same call")


def _point(trial: Trial, at: Over) -> str:
    if trial.effect is not None:
        return "the stated effect"
    return "the medians of the parameter set" if at == "median" else f"draw {at} of the parameter set"


def _certain(trial: Trial) -> Trial:
    """The trial with a stated effect taken as known."""
    return trial if trial.effect is None else replace(trial, effect=replace(trial.effect, unknown=0.0))


def pooled(trial: Trial, size: Size) -> Size:
    """The size with a number of patients, where none was asked for: trials share patients once that costs little.

    Half the information of all trials of n patients without repetition from a pool of P lies in about P / n of them,
    so more than a few hundred pools' worth of patients buy little.
    """
    if size.patients is not None or trial.conduct.sites is not None:
        return size
    n = trial.largest
    fresh = size.per_draw * n * size.draws
    return replace(size, patients=min(fresh, max(_WORTH * n, 2 * n * size.draws)))


def _evidence(ledgers: list[Ledger]) -> tuple[str, ...]:
    return tuple(sorted({study for ledger in ledgers for study in alike(ledger)}))


def _design(trial: Trial) -> dict[str, Any]:
    return {
        "kind": trial.kind,
        "arms": [{"name": a.name, "sentence": a.sentence, "second": a.second} for a in trial.arms],
        "population": None if trial.population is None else {"name": trial.population.name, "text": patients_of(trial)},
        "scale": trial.scale,
        "run_in": trial.run_in,
        "enter": trial.enter,
        "per_arm": list(trial.per_arm),
        "visits": [d // 7 for d in trial.days],
        "visits_text": weeks_text(trial.days),
        "alpha": trial.alpha,
        "multiplicity": trial.multiplicity,
        "dropout": dropout_text(trial.conduct.dropout),
        "missed_visits": None
        if trial.conduct.missed_visits is None
        else missed_visits_text(trial.conduct.missed_visits),
    }


def _looks(trial: Trial) -> dict[str, Any] | None:
    if trial.looks is None:
        return None
    limits = boundaries(trial.alpha, trial.looks)
    return {
        "spending": trial.looks.spending,
        "gamma": trial.looks.gamma if trial.looks.spending == "hwang-shih-decani" else None,
        "at": [{"fraction": f, "z": round(float(z), 4)} for f, z in zip(trial.looks.fractions, limits, strict=True)],
    }


def _safety(arm: Arm) -> dict[str, Any]:
    verdict = check(parse(arm.sentence), options=CheckOptions(stages=PLANNING))
    return {"arm": arm.name, "verdict": verdict.word, "detail": verdict.detail(), "rule_pack": verdict.pack_version}


def _guessing(trial: Trial, size: Size, runs: _Runs) -> list[dict[str, Any]]:
    """The same trials without guessing, and with guessing alone: every arm is given what the first is."""
    if trial.conduct.guessing is None or trial.effect is not None:
        return []
    rows = []
    without = replace(trial, conduct=replace(trial.conduct, guessing=None))
    first = trial.arms[0]
    alike_arms = tuple(replace(a, sentence=first.sentence, second=first.second) for a in trial.arms)
    for words, design in (
        ("nobody guesses", without),
        ("guessing alone: every arm is given what the first is", replace(trial, arms=alike_arms)),
    ):
        runs = runs.on()
        found = runs(design, size)
        for k, n in enumerate(found.sizes):
            claims = rate(found.won[k, trial.endpoints.index(trial.primary)], disjoint=found.disjoint)
            rows.append(
                {
                    "case": words,
                    "endpoint": trial.primary.name,
                    "n_per_arm": n,
                    "share_with_a_claim": round(claims.value, 5),
                    "se": round(claims.se, 5),
                }
            )
    return rows


def _notes(trial: Trial, point: Results, drawn: Results | None, size: Size) -> list[str]:
    notes = [
        "Power is the chance of a claim at one point; assurance is that chance averaged over what is not known.",
        "Type I error: the same trials with their patients dealt anew to the arms, so that no arm differs.",
    ]
    weights = {e.contrast.text for e in trial.endpoints}
    notes += [f"Compared: {text}." for text in sorted(weights)] if trial.kind == "factorial" else []
    shared = [r for r in (point, drawn) if r is not None and not r.disjoint]
    if shared:
        notes.append(
            "Trials share patients: each is a random sample without repetition from its pool, so power is unbiased; "
            "the Monte-Carlo error stated is read from the spread between pools."
        )
    if trial.conduct.missed_sessions:
        notes.append(
            f"Of the sessions {100 * trial.conduct.missed_sessions:g} % are missed at random, in eight patterns that "
            "patients are spread over; they are not made up."
        )
    if trial.conduct.missed_visits is not None:
        notes.append(f"Visits: {missed_visits_text(trial.conduct.missed_visits)}.")
    if any(e.analysis_set != "everyone" for e in trial.endpoints):
        notes.append("A group selected after randomisation may differ between arms for reasons other than treatment.")
    if trial.kind == "smart":
        first = len(trial.arms) // trial.second_options
        notes.append(
            f"An arm is one whole strategy. Each of the {first} first treatments is given to "
            f"{trial.second_options} times that many patients; those who do not respond are divided over the options."
        )
    if trial.kind == "crossover":
        notes.append("What is left of the first treatment in the second period (carry-over) is part of the simulation.")
    if point.entered is not None:
        screened = round(len(trial.arms) * max(trial.per_arm) / max(point.entered, 1e-9))
        notes.append(
            f"Of those who begin the run-in {100 * point.entered:.0f} % are randomised: about {screened:,} must begin "
            f"for {max(trial.per_arm)} in each arm."
        )
    if trial.conduct.per_month is not None:
        months = len(trial.arms) * max(trial.per_arm) / trial.conduct.per_month
        weeks = trial.weeks / 4.348
        notes.append(
            f"At {trial.conduct.per_month:g} patients a month, {max(trial.per_arm)} in each arm take {months:.0f} "
            f"months to enrol and {months + weeks:.0f} to finish."
        )
    if size.draws < 50 and drawn is not None:
        notes.append(f"Assurance rests on {size.draws} parameter draws: few.")
    return notes


def _untestable(rows: list[dict[str, Any]]) -> list[str]:
    """Tests that had too little to go on in more than one trial of a hundred."""
    return [
        f"{r['endpoint']}, {r['n_per_arm']} in each arm: {100 * r['untestable']:.0f} of 100 trials could not be tested "
        "(an arm without events, or nobody left); they count as without a claim."
        for r in rows
        if r["untestable"] > 0.01
    ]


def given_apart(trial: Trial, ledgers: list[Ledger]) -> list[str]:
    """Where an endpoint compares arms that are given the same drug, but not both in the week before it is read.

    A contrast of when a drug is begun then also holds being on it against being off it.
    """
    notes = []
    for endpoint in trial.endpoints:
        day = 7 * endpoint.week
        sides: list[tuple[set[str], set[str]]] = [(set(), set()), (set(), set())]
        for weight, ledger in zip(endpoint.contrast.weights, ledgers, strict=False):
            if weight:
                ever, now = sides[int(weight < 0)]
                ever |= {i.subject for i in _doses(ledger)}
                now |= {i.subject for i in _doses(ledger) if day - 7 <= i.day < day}
        for drug in sorted(sides[0][0] & sides[1][0] & (sides[0][1] ^ sides[1][1])):
            given = ", ".join(f"{a.name}: {_until(v, drug)}" for a, v in zip(trial.arms, ledgers, strict=False))
            notes.append(
                f"{endpoint.name}: before week {endpoint.week} one side is still given {drug} and the other is not "
                f"({given}), so the contrast holds being on it as well as when it was begun."
            )
    return notes


def _doses(ledger: Ledger) -> list[Item]:
    """Doses and levels of the phases a regimen starts with."""
    return [i for p in ledger.first for i in ledger.phases[p].items if i.kind != "session" and not i.sham]


def _until(ledger: Ledger, drug: str) -> str:
    last = max((i.day for i in _doses(ledger) if i.subject == drug), default=None)
    if last is None:
        return "not given"
    return "to the end" if last >= ledger.horizon - 1 else f"to week {last // 7 + 1}"
