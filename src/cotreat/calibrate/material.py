"""What a fit stands on, made in stages that are kept on disk: bank, networks, terms.

First a bank over the prior, networks, and a fit to it. Then twice the same: draws around the fit are simulated
directly, the networks are trained on with them, set right at others, and their error is measured there; the second time
closer. Linear mood has one such round.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from cotreat.calibrate.bank import (
    BLOCK,
    BankSettings,
    StudyBank,
    bank_folder,
    cache_root,
    code_digest,
    load_bank,
    make_bank,
    study_digest,
    write_arrays,
)
from cotreat.calibrate.direct import around, lesson_of_draws, refined, simulate_fit
from cotreat.calibrate.emulator import Emulator, Lesson, TrainSettings, train
from cotreat.calibrate.infer import Chains, Fit, Problem, fit, problem
from cotreat.calibrate.levels import LevelTable
from cotreat.calibrate.likelihood import Likelihood, build
from cotreat.calibrate.space import Design, Space
from cotreat.calibrate.terms import StudyTerms, terms_of
from cotreat.evidence.load import load_study
from cotreat.evidence.schema import Study
from cotreat.model.parameter_set import load_parameters
from cotreat.model.parameters import PRIOR

Tell = Callable[[str], None]
_FIRST_SEED = 20261122

QUICK_STUDIES = (
    "sackeim2001", "prudic2013", "nordenskjold2013", "kellner2016a", "cole2022", "ganesh2025", "brunoni2013",
    "goldstein2004", "blumberger2018", "murrough2013", "zarate2006", "lewis2021", "reisby1977", "anand2023",
)  # fmt: skip
"""Studies of the quick run: one or more of each kind of treatment."""


@dataclass(frozen=True)
class Plan:
    """How much is done. ``wide``: points of the bank; ``near``, ``close``: draws simulated around the first two fits.

    ``patients``, ``direct_patients``: in each arm and point of the bank, and in each arm and draw simulated directly.
    ``held``: draws held back around the second fit (a quarter of them around the first), with ``held_patients``.
    ``train``, ``refine``, ``last``: how the networks learn, from the bank and then from these draws.
    ``studies``: ids (empty: every study of the evidence that enters the fit). ``linear_part``: share of the points that
    the rival with linear mood gets, 0 leaves it out. ``most_rivals``: only the first of the others.
    ``refit``: fit again without a cohort where importance weights cannot be trusted.
    """

    wide: int = 30_720
    near: int = 4096
    close: int = 12_288
    patients: int = 16
    direct_patients: int = 40
    held: int = 512
    held_patients: int = 400
    train: TrainSettings = field(default_factory=TrainSettings)
    refine: TrainSettings = field(default_factory=lambda: TrainSettings(steps=8000, rate=1e-3))
    last: TrainSettings = field(default_factory=lambda: TrainSettings(steps=10_000, rate=1e-3))
    first: Chains = field(default_factory=lambda: Chains(warmup=300, samples=200))
    chains: Chains = field(default_factory=lambda: Chains(warmup=150, samples=500))
    others: Chains = field(default_factory=lambda: Chains(warmup=120, samples=250))
    again: Chains = field(default_factory=lambda: Chains(warmup=60, samples=150, depth=7))
    studies: tuple[str, ...] = ()
    linear_part: float = 1 / 6
    most_rivals: int | None = None
    refit: bool = True
    sbc: int = 32
    final: int = 2000
    jobs: int = 2
    seed: int = 1
    label: str = "full"

    @classmethod
    def quick(cls, seed: int = 1, jobs: int = 2) -> Plan:
        """Minutes, not hours: some studies, few points, short chains. To see that it works, not to be used."""
        short = Chains(chains=2, warmup=150, samples=150, depth=7)
        return cls(
            wide=2048, near=512, close=0, patients=8, direct_patients=16, held=256, held_patients=64,
            train=TrainSettings(width=64, steps=2000), refine=TrainSettings(width=64, steps=1200, rate=1e-3),
            first=short, chains=short, others=short, again=short, studies=QUICK_STUDIES, linear_part=0.0, sbc=0,
            final=400, jobs=jobs, seed=seed, label="quick", most_rivals=2, refit=False,
        )  # fmt: skip


@dataclass(frozen=True)
class Material:
    """Everything a fit of one structure of mood stands on; ``near``: an earlier fit, from which others begin."""

    space: Space
    studies: tuple[Study, ...]
    tables: tuple[LevelTable, ...]
    reasons: tuple[tuple[str | None, ...], ...]
    emulator: Emulator
    terms: tuple[StudyTerms, ...]
    likelihood: Likelihood
    digest: str
    near: Fit | None = None

    def problem(self, fixed: dict[str, float] | None = None) -> Problem:
        """The problem of a rival."""
        return problem(self.space, self.emulator, self.likelihood, fixed)


_FIT = ("direct", "emulator", "infer", "levels", "likelihood", "material", "rivals", "space", "terms")
_WIDE, _CLOSE = 0.6, 0.35
_FEWER, _APART = 4, 1 << 20


def fit_folder(plan: Plan, keys: Sequence[str], linear: bool) -> Path:
    """Where the fits of a plan are kept, by everything they rest on, their code too."""
    parts = [
        _bank_parts(plan, keys, linear),
        repr((plan.train, plan.refine, plan.last, plan.near, plan.close, plan.direct_patients, plan.first, plan.seed)),
        repr((plan.held, plan.held_patients)),
    ]
    return _folder("fit", [*parts, *(load_study(k).model_dump_json() for k in keys), code_digest(*_FIT)])


def _network_folder(plan: Plan, keys: Sequence[str], linear: bool) -> Path:
    return _folder("networks", [_bank_parts(plan, keys, linear), repr(plan.train), code_digest("emulator")])


def _bank_parts(plan: Plan, keys: Sequence[str], linear: bool) -> str:
    digests = [study_digest(load_study(k)) for k in keys]
    folder, code = bank_folder(wide_bank(plan, linear)), code_digest("bank", "levels")
    return "|".join([str(folder), code, str(plan.wide), *digests])


def _folder(kind: str, parts: Sequence[str]) -> Path:
    return cache_root() / f"{kind}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16]}"


def wide_bank(plan: Plan, linear: bool) -> BankSettings:
    """Settings of the bank over the prior."""
    draws = plan.wide if not linear else _part(plan.wide, plan.linear_part)
    design = Design(seed=_FIRST_SEED + plan.seed)
    return BankSettings(draws=draws, patients=plan.patients, design=design, linear=linear, jobs=plan.jobs)


def _part(count: int, part: float) -> int:
    return max(BLOCK, round(count * part / BLOCK) * BLOCK) if count else 0


def make_material(plan: Plan, keys: Sequence[str], linear: bool, tell: Tell) -> Material:
    """All stages; what is on disk is not made again."""
    folder = fit_folder(plan, keys, linear)
    wide = wide_bank(plan, linear)
    make_bank(wide, keys, _counter(tell, f"bank over the prior, {'linear mood' if linear else 'two wells'}"))
    banks = [load_bank(wide, k) for k in keys]
    space = Space.of(load_parameters(PRIOR), linear)
    kept = _network_folder(plan, keys, linear) / "networks.npz"
    emulator = _kept_networks(kept, lambda: train(banks, plan.train, lambda r, n: tell(f"networks: {r} of {n}")))
    found = _material(space, banks, emulator, folder.name)
    seen: list[Lesson] = []
    stages = [("first", plan.near, _WIDE), ("second", plan.close, _CLOSE)]
    if linear:  # it is compared with the others, not averaged: once is enough
        stages = [("first", _part(plan.near, plan.linear_part), _WIDE)]
    for stage, (name, count, wider) in enumerate(stages):
        if not count:
            return found
        found, seen = _closer(plan, found, banks, folder / name, (stage, count, wider, seen), tell)
    return found


def _closer(
    plan: Plan,
    found: Material,
    banks: Sequence[StudyBank],
    folder: Path,
    how: tuple[int, int, float, list[Lesson]],
    tell: Tell,
) -> tuple[Material, list[Lesson]]:
    """Material with networks refined where a fit is, and what has been seen so far.

    ``how``: stage, draws, how wide, and what was seen before; what is seen here is put before it.
    """
    stage, count, wider, seen = how
    p = found.problem()
    run = replace(plan.first, seed=plan.seed + stage)
    made = kept_fit(folder.with_suffix(".npz"), lambda: fit(p, run, near=found.near), tell, f"{folder.name} fit")
    about = around(made, count, plan.seed, wider)
    direct = simulate_fit(p, about, (count, plan.direct_patients, plan.jobs), folder, tell)
    seen = [lesson_of_draws(p, about, direct), *seen]
    few = plan.held if stage else plan.held // _FEWER
    apart = around(made, few, plan.seed + _APART, wider)
    held = simulate_fit(p, apart, (few, plan.held_patients, plan.jobs), folder.with_name(f"{folder.name}-held"), tell)
    settings = plan.last if stage else plan.refine
    emulator = _kept_networks(folder / "networks.npz", lambda: refined(p, seen, (apart, held), settings, tell))
    return replace(_material(found.space, banks, emulator, found.digest), near=made), seen


def _counter(tell: Tell, what: str) -> Callable[[int, int, str], None]:
    return lambda done, total, key: tell(f"{what}: {done} of {total} ({key})")


def _material(space: Space, banks: Sequence[StudyBank], emulator: Emulator, digest: str) -> Material:
    terms = tuple(terms_of(b.study, b.table, emulator.kept[i][: len(b.table.levels)]) for i, b in enumerate(banks))
    return Material(
        space, tuple(b.study for b in banks), tuple(b.table for b in banks), tuple(b.reasons for b in banks), emulator,
        terms, build(terms, emulator.error, emulator.sd_error), digest,
    )  # fmt: skip


# ---- stages on disk -------------------------------------------------------------------------------------------------


def _kept_networks(path: Path, make: Callable[[], Emulator]) -> Emulator:
    """Networks from their file, or made and kept."""
    if path.is_file():
        return read_emulator(path)
    made = make()
    weights = {f"w.{k}": np.asarray(v) for k, v in made.weights.items()}
    others = {k: getattr(made, k) for k in ("kept", "is_mean", "error", "sd_error")}
    write_arrays(path, weights | others | {"keys": np.array(json.dumps(made.keys))})
    return made


def read_emulator(path: Path) -> Emulator:
    """Networks from their file."""
    with np.load(path, allow_pickle=False) as data:
        weights: dict[str, Any] = {k[2:]: jnp.asarray(data[k]) for k in data.files if k.startswith("w.")}
        keys = tuple(json.loads(str(data["keys"])))
        return Emulator(weights, keys, *(data[k] for k in ("kept", "is_mean", "error", "sd_error")))


def kept_fit(path: Path, make: Callable[[], Fit], tell: Tell, what: str) -> Fit:
    """A fit from its file, or made and kept."""
    if path.is_file():
        with np.load(path, allow_pickle=False) as data:
            arrays = {k: data[k] for k in data.files if k != "divergent"}
            return Fit(**arrays, divergent=int(data["divergent"]))
    tell(what)
    made = make()
    names = ("z", "effects", "reach", "log_density", "chain", "rhat", "ess")
    write_arrays(path, {k: getattr(made, k) for k in names} | {"divergent": np.array(made.divergent)})
    return made
