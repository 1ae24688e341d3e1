"""A made-up bank: levels of real studies as a smooth function of the coordinates, so that no simulation is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from cotreat.calibrate.bank import BLOCK, BankSettings, StudyBank
from cotreat.calibrate.direct import Simulated
from cotreat.calibrate.emulator import TrainSettings
from cotreat.calibrate.infer import Chains, Fit, Problem, coordinates
from cotreat.calibrate.levels import Readings, levels_of
from cotreat.calibrate.material import Plan
from cotreat.calibrate.predictive import thin
from cotreat.calibrate.space import Space
from cotreat.evidence.load import load_study
from cotreat.model.parameter_set import load_parameters

STUDIES = ("cole2022", "nordenskjold2013", "sackeim2001")
PATIENTS = 40
_MATTER = (
    "placebo.drive",
    "chronicity.mean.depressed",
    "session_yield.tms",
    "acute_gain.d-cycloserine",
    "study.placebo",
)


def truth(key: str, z: np.ndarray, space: Space) -> np.ndarray:
    """Levels of a study (points, levels): shares, or means in points."""
    table = levels_of(load_study(key))
    rng = np.random.default_rng([len(key), ord(key[0])])
    index = [space.index(n) for n in _MATTER]
    weights = 0.3 * rng.standard_normal((len(index), len(table.levels)))
    eta = z[:, index] @ weights - 0.2
    eta[:, 0] += 0.1 * np.tanh(z[:, index[0]])
    mean = np.array([level.mean for level in table.levels])
    return np.where(mean, -8.0 + 3.0 * eta, 1.0 / (1.0 + np.exp(-eta)))


def made_bank(settings: BankSettings, key: str, blocks: object = None) -> StudyBank:
    """What ``load_bank`` would give, with the noise of a small simulation."""
    space = Space.of(load_parameters(settings.prior), settings.linear)
    z = np.concatenate([settings.design.points(space, b, BLOCK) for b in range(settings.blocks)])
    study = load_study(key)
    table = levels_of(study)
    level = truth(key, z, space)
    rng = np.random.default_rng([7, len(key), settings.patients])
    mean = np.array([v.mean for v in table.levels])
    noise = 8.0 / np.sqrt(PATIENTS) * rng.standard_normal(level.shape)
    share = rng.binomial(PATIENTS, np.where(mean, 0.5, level)) / PATIENTS
    sd = np.where(mean, 8.0 * np.exp(rng.standard_normal(level.shape) / np.sqrt(2 * PATIENTS)), 0.0)
    readings = Readings(np.where(mean, level + noise, share), np.full(level.shape, float(PATIENTS)), sd)
    matters = tuple(space.index(n) for n in _MATTER)
    return StudyBank(study, table, z, readings, (None,) * len(table.levels), matters)


def small_plan() -> Plan:
    """A calibration of seconds."""
    chains = Chains(chains=2, warmup=80, samples=80, depth=6)
    return replace(
        Plan.quick(seed=1, jobs=1), wide=2048, near=0, train=TrainSettings(width=24, steps=1200, batch=128),
        first=chains, chains=chains, others=chains, studies=STUDIES, most_rivals=1, final=200, close=0,
    )  # fmt: skip


def made_simulation(p: Problem, made: Fit, how: tuple[int, int, int], folder: Path, _: object) -> Simulated:
    """What ``simulate_fit`` would give, from the made-up levels."""
    take = thin(made, how[0])
    x = np.stack([np.asarray(coordinates(p, made.z[k], jnp.asarray(made.effects[k], jnp.float32))) for k in take])
    rng = np.random.default_rng([len(folder.name), how[0]])
    out = {k: np.full((len(take), p.studies, p.likelihood.most), np.nan) for k in ("value", "count", "sd")}
    for s, key in enumerate(p.likelihood.studies):
        level = truth(key, x[:, s].astype(float), p.space)
        mean = np.array([v.mean for v in levels_of(load_study(key)).levels])
        noisy = level + 8.0 / np.sqrt(how[1]) * rng.standard_normal(level.shape)
        share = rng.binomial(how[1], np.where(mean, 0.5, level)) / how[1]
        out["value"][:, s, : len(mean)] = np.where(mean, noisy, share)
        out["count"][:, s, : len(mean)] = how[1]
        out["sd"][:, s, : len(mean)] = np.where(mean, 8.0, 0.0)
    return Simulated(take, **out)


def use_made_banks(patch: pytest.MonkeyPatch, cache: object) -> None:
    """Put made-up banks in place of simulated ones, and the cache in a folder of the test."""
    patch.setenv("COTREAT_CACHE", str(cache))
    patch.setattr("cotreat.calibrate.material.make_bank", lambda *_: None)
    patch.setattr("cotreat.calibrate.material.load_bank", made_bank)
    patch.setattr("cotreat.calibrate.material.simulate_fit", made_simulation)
