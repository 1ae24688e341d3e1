"""What a fit stands on, made in stages that are kept on disk: bank, networks, terms.

First a bank over the prior and a fit to it; then a second bank where that fit is, and the networks again from both. At
draws around a second fit the arms are simulated directly: on these the networks are trained on, set right, and their
error is measured.
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
from cotreat.calibrate.direct import around, refined, simulate_fit
from cotreat.calibrate.emulator import (
    Emulator,
    TrainSettings,
    train,
)
from cotreat.calibrate.infer import Chains, Fit, Problem, fit, problem, unseen_points
from cotreat.calibrate.levels import LevelTable, Readings
from cotreat.calibrate.likelihood import Likelihood, build
from cotreat.calibrate.space import Design, Space, focus
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
    """How much is done. ``wide``, ``near``: points of the two banks; ``test``: draws simulated to refine the networks.

    ``studies``: ids (empty: every study of the evidence that enters the fit). ``linear_part``: share of the points that
    the rival with linear mood gets, 0 leaves it out. ``most_rivals``: only the first of the others.
    ``refit``: fit again without a cohort where importance weights cannot be trusted.
    """

    wide: int = 30_720
    near: int = 10_240
    test: int = 8192
    patients: int = 16
    test_patients: int = 40
    train: TrainSettings = field(default_factory=TrainSettings)
    refine: TrainSettings = field(default_factory=lambda: TrainSettings(steps=4000, rate=3e-4))
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
            wide=2048, near=1024, test=0, patients=8, train=TrainSettings(width=48, steps=2000), first=short,
            chains=short, others=short, again=short, studies=QUICK_STUDIES, linear_part=0.0, sbc=0, final=400,
            jobs=jobs, seed=seed, label="quick", most_rivals=2, refit=False,
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


_FIT = ("direct", "emulator", "infer", "levels", "likelihood", "rivals", "space", "terms")


def fit_folder(plan: Plan, keys: Sequence[str], linear: bool) -> Path:
    """Where the fits of a plan are kept, by everything they rest on, their code too."""
    parts = [
        _bank_parts(plan, keys, linear),
        repr((plan.train, plan.refine, plan.near, plan.test, plan.test_patients, plan.first, plan.seed)),
    ]
    return _folder("fit", [*parts, *(load_study(k).model_dump_json() for k in keys), code_digest(*_FIT)])


def _network_folder(plan: Plan, keys: Sequence[str], linear: bool, settings: TrainSettings, near: Path | None) -> Path:
    parts = [_bank_parts(plan, keys, linear), repr(settings), str(plan.near), str(near), code_digest("emulator")]
    return _folder("networks", parts)


def _bank_parts(plan: Plan, keys: Sequence[str], linear: bool) -> str:
    digests = [study_digest(load_study(k)) for k in keys]
    return "|".join([str(bank_folder(wide_bank(plan, linear))), str(plan.wide), *digests])


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
    name = "linear mood" if linear else "two wells"
    make_bank(wide, keys, _counter(tell, f"bank over the prior, {name}"))
    banks = [load_bank(wide, k) for k in keys]
    space = Space.of(load_parameters(PRIOR), linear)
    rough = replace(plan.train, steps=max(plan.train.steps // 3, 400)) if plan.near else plan.train
    train_how = (rough, plan.jobs)
    emulator = _trained(_network_folder(plan, keys, linear, rough, None), banks, train_how, tell)
    found = _material(space, banks, emulator, folder.name)
    if not plan.near:
        return found
    p = found.problem()
    start = kept_fit(folder / "first.npz", lambda: fit(p, replace(plan.first, seed=plan.seed)), tell, "first fit")
    design = _kept_design(folder / "near.npz", lambda: focus(wide.design, space, unseen_points(p, start, plan.seed)))
    near = replace(wide, draws=plan.near if not linear else _part(plan.near, plan.linear_part), design=design)
    make_bank(near, keys, _counter(tell, f"bank where the fit is, {name}"))
    more = [load_bank(near, b.study.id) for b in banks]
    z = np.concatenate([banks[0].z, more[0].z])
    banks = [_together(one, two, z) for one, two in zip(banks, more, strict=True)]
    last = plan.train if not linear else rough  # a smaller bank has less to teach
    kept = _network_folder(plan, keys, linear, last, bank_folder(near))
    emulator = _trained(kept, banks, (last, plan.jobs), tell)
    if plan.test:
        p = _material(space, banks, emulator, folder.name).problem()
        second = kept_fit(
            folder / "second.npz", lambda: fit(p, replace(plan.first, seed=plan.seed + 1)), tell, "second fit"
        )
        count = plan.test if not linear else _part(plan.test, plan.linear_part)
        about = around(second, count, plan.seed)

        def better() -> Emulator:
            simulated = simulate_fit(p, about, (count, plan.test_patients, plan.jobs), folder / "second", tell)
            return refined(p, about, simulated, (plan.refine, plan.jobs), tell)

        emulator = _kept_networks(folder / "networks.npz", better)
        return replace(_material(space, banks, emulator, folder.name), near=second)
    return replace(_material(space, banks, emulator, folder.name), near=start)


def _kept_design(path: Path, make: Callable[[], Design]) -> Design:
    """Where the second bank lies: from its file, or made and kept."""
    if not path.is_file():
        made = make()
        assert made.centre is not None
        assert made.factor is not None
        plain = {"seed": made.seed, "inflate": made.inflate, "inflate_levels": made.inflate_levels}
        write_arrays(path, {k: np.array(v) for k, v in plain.items()} | {"centre": made.centre, "factor": made.factor})
    with np.load(path, allow_pickle=False) as data:
        numbers = int(data["seed"]), float(data["inflate"]), float(data["inflate_levels"])
        return Design(*numbers, data["centre"], data["factor"])


def _counter(tell: Tell, what: str) -> Callable[[int, int, str], None]:
    return lambda done, total, key: tell(f"{what}: {done} of {total} ({key})")


def _material(space: Space, banks: Sequence[StudyBank], emulator: Emulator, digest: str) -> Material:
    terms = tuple(terms_of(b.study, b.table, emulator.kept[i][: len(b.table.levels)]) for i, b in enumerate(banks))
    return Material(
        space, tuple(b.study for b in banks), tuple(b.table for b in banks), tuple(b.reasons for b in banks), emulator,
        terms, build(terms, emulator.error, emulator.sd_error), digest,
    )  # fmt: skip


def _together(one: StudyBank, two: StudyBank, z: np.ndarray) -> StudyBank:
    """Two banks of a study as one; ``z`` holds the points of both."""
    joined = Readings(
        *(np.concatenate([getattr(one.readings, f), getattr(two.readings, f)]) for f in ("value", "count", "sd"))
    )
    return replace(one, z=z, readings=joined)


# ---- stages on disk -------------------------------------------------------------------------------------------------


def _trained(folder: Path, banks: Sequence[StudyBank], how: tuple[TrainSettings, int], tell: Tell) -> Emulator:
    def make() -> Emulator:
        return train(banks, how[0], lambda done, total: tell(f"networks: {done} of {total}"), how[1])

    return _kept_networks(folder / "networks.npz", make)


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
