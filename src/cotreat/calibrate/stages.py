"""The whole calibration: material, rivals, cohorts left out, stacking, draws of the mixture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from cotreat.calibrate.bank import fitted_studies
from cotreat.calibrate.compare import TRUSTED, Comparison, LeaveOut, LeftOut, cohorts_of, leave_one_out, stack
from cotreat.calibrate.infer import Fit, Problem, Sampler, fit, reach_of, unseen_points
from cotreat.calibrate.material import Material, Plan, Tell, fit_folder, kept_fit, make_material
from cotreat.calibrate.predictive import FigureDraws, figures, levels, thin
from cotreat.calibrate.rivals import Rival, rivals
from cotreat.calibrate.space import EFFECTS, STRENGTHS, Space
from cotreat.model.parameter_set import LINEAR_MOOD

_PER_RIVAL = 600
_LEAST = 0.005
_DOUBTFUL = 1.0


@dataclass(frozen=True)
class Fitted:
    """One rival, fitted: its material and problem, its draws, and its left-out cohorts."""

    rival: Rival
    material: Material
    problem: Problem
    fit: Fit
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Calibration:
    """What a calibration found: rivals and how they are stacked."""

    plan: Plan
    fitted: tuple[Fitted, ...]
    comparison: Comparison

    @property
    def studies(self) -> Material:
        """The material of the first rival (all share studies and terms)."""
        return self.fitted[0].material

    def mixture(self) -> list[tuple[Fitted, float]]:
        """Rivals that have a share, with it."""
        pairs = zip(self.fitted, self.comparison.weights, strict=True)
        return [(f, float(w)) for f, w in pairs if w > _LEAST]


def calibrate(plan: Plan, tell: Tell) -> Calibration:
    """Everything; stages on disk are taken up where they were left."""
    known = fitted_studies()
    keys = [k for k in (plan.studies or tuple(known)) if k in known]
    material = make_material(plan, keys, False, tell)
    chosen = rivals(material.space)[: plan.most_rivals]
    work: list[tuple[Rival, Material]] = [(r, material) for r in chosen]
    if plan.linear_part > 0:
        linear = make_material(plan, keys, True, tell)
        work.append((Rival("linear mood", "mood is linear, without two wells", {}, linear=True), linear))
    fitted = tuple(_fitted(plan, keys, rival, stuff, tell) for rival, stuff in work)
    density = np.array([[c.density for c in f.left_out] for f in fitted])
    # linear mood is compared, not averaged: many of its draws cannot hold people who are well on maintenance
    averaged = [not f.rival.linear for f in fitted]
    comparison = stack([f.rival.name for f in fitted], density, cohorts_of(fitted[0].problem), averaged)
    return Calibration(plan, fitted, comparison)


def _fitted(plan: Plan, keys: Sequence[str], rival: Rival, material: Material, tell: Tell) -> Fitted:
    p = material.problem(dict(rival.fixed))
    folder = fit_folder(plan, keys, rival.linear)
    name = rival.name.replace(" ", "-")
    first = not rival.fixed and not rival.linear
    run = replace(plan.chains if first else plan.others, seed=plan.seed + 100)
    stem = f"{name}-{run.chains}x{run.samples}"
    made = kept_fit(
        folder / f"{stem}.npz", lambda: fit(p, run, near=material.near), tell, f"fit of the rival: {rival.name}"
    )
    shorter: list[Sampler] = []

    def without(seed: int, weights: np.ndarray) -> Fit:
        if not shorter:  # compiled once, and only when a cohort needs it
            shorter.append(Sampler(p, plan.again, made))
        return shorter[0](seed, weights)

    # the first rival is the one that predicts; for the others, which are only weighed, a few doubtful cohorts will do
    above = TRUSTED if first else _DOUBTFUL
    how = LeaveOut(again=without if plan.refit else None, above=above, seed=plan.seed)

    def again(cohort: str, make: object) -> Fit:
        assert callable(make)
        return kept_fit(folder / f"{stem}-without-{cohort}.npz", make, tell, f"{rival.name} without {cohort}")

    found = Fitted(rival, material, p, made, tuple(leave_one_out(p, made, how, again)))
    # each fit compiles thousands of programs that nobody runs again, and a process may hold only so many
    jax.clear_caches()  # type: ignore[no-untyped-call]
    return found


# ---- predictions of the mixture -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Foreseen:
    """Distributions of the figures of one study under the mixture, and the weights of their draws."""

    figures: tuple[FigureDraws, ...]
    weights: np.ndarray


def left_out_figures(found: Calibration, seed: int = 21) -> list[Foreseen]:
    """Figures of every study from the other cohorts only, rivals mixed."""
    parts = []
    for f, share in found.mixture():
        made: dict[int, tuple[list[FigureDraws], np.ndarray]] = {}
        shared: dict[int, object] = {}
        for k, cohort in enumerate(cohorts_of(f.problem)):
            out = f.left_out[k]
            key = id(out.fit)
            if key not in shared:
                shared[key] = levels(f.problem, out.fit, out.take, new_study=True, seed=seed)
            for s, name in enumerate(f.problem.likelihood.cohorts):
                if name == cohort:
                    made[s] = (_figures(f.material, shared[key], s, seed), share * out.weights)
            if out.refitted:
                shared.pop(key)
        parts.append(made)
    return [_mixed([(p[s][0], p[s][1]) for p in parts]) for s in range(len(found.studies.studies))]


def fitted_figures(found: Calibration, seed: int = 22) -> list[Foreseen]:
    """Figures of every study with its own effects, all cohorts known, rivals mixed."""
    parts = []
    for f, share in found.mixture():
        take = thin(f.fit, _PER_RIVAL)
        drawn = levels(f.problem, f.fit, take, new_study=False, seed=seed)
        weights = np.full(len(take), share / len(take))
        parts.append([(_figures(f.material, drawn, s, seed), weights) for s in range(f.problem.studies)])
    return [_mixed([p[s] for p in parts]) for s in range(len(found.studies.studies))]


def prior_figures(found: Calibration, count: int = 600, seed: int = 23) -> list[Foreseen]:
    """Figures of every study before any of them is known."""
    f = found.fitted[0]
    rng = np.random.default_rng(seed)
    z = np.where(f.problem.free, rng.standard_normal((count, len(f.material.space))), f.problem.fixed)
    prior = replace(f.fit, z=z, reach=np.asarray(reach_of(rng.standard_normal((count, len(STRENGTHS))))))
    drawn = levels(f.problem, prior, np.arange(count), new_study=True, seed=seed)
    weights = np.full(count, 1.0 / count)
    return [Foreseen(tuple(_figures(f.material, drawn, s, seed)), weights) for s in range(f.problem.studies)]


def _figures(material: Material, drawn: object, s: int, seed: int) -> list[FigureDraws]:
    from cotreat.calibrate.predictive import LevelDraws

    assert isinstance(drawn, LevelDraws)
    errors = (material.emulator.error, material.emulator.sd_error)
    return figures(material.studies[s], material.tables[s], drawn, s, errors, seed)


def _mixed(parts: Sequence[tuple[Sequence[FigureDraws], np.ndarray]]) -> Foreseen:
    """The same figures of several rivals, one after the other."""
    first = parts[0][0]
    joined = []
    for figure in first:
        same = [next((g for g in some if g.outcome == figure.outcome), None) for some, _ in parts]
        present = [g for g in same if g is not None]
        if len(present) == len(parts):
            joined.append(
                replace(
                    figure,
                    draws=np.concatenate([g.draws for g in present]),
                    expected=np.concatenate([g.expected for g in present]),
                )
            )
    return Foreseen(tuple(joined), np.concatenate([w for _, w in parts]))


def stacked_draws(found: Calibration) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Joint draws of the mixture by parameter, with the flag of linear mood, and the rival each is from.

    Effects of studies on their patients are not among them: a new study has its own. Strengths of treatments are those
    of a new study, another one in each draw.
    """
    count = found.plan.final
    shares = np.array([w for _, w in found.mixture()])
    sizes = np.floor(shares / shares.sum() * count).astype(int)
    sizes[int(np.argmax(sizes))] += count - sizes.sum()
    values: dict[str, list[np.ndarray]] = {}
    origin = []
    for k, ((f, _), size) in enumerate(zip(found.mixture(), sizes, strict=True)):
        if not size:
            continue
        take = np.linspace(0, len(f.fit.z) - 1, size).round().astype(int)
        points = unseen_points(f.problem, f.fit, found.plan.seed + k)[take]
        for name, array in _free_values(f.material.space, points).items():
            values.setdefault(name, []).append(array)
        origin += [k] * size
    return {k: np.concatenate(v).astype(np.float32) for k, v in values.items()}, np.array(origin)


def _free_values(space: Space, z: np.ndarray) -> Mapping[str, np.ndarray]:
    made = space.values(z)
    return {k: v for k, v in made.items() if k in space.names and k not in EFFECTS} | {LINEAR_MOOD: made[LINEAR_MOOD]}
