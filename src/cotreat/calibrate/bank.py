"""The bank: every arm of every fitted study simulated at many points of the prior, kept on disk.

A bank is a folder named by a digest of the model, the prior and the settings. It holds one folder for each study, named
by a digest of what of the study is simulated (never of what it observed), with one file for each block of points, so a
stopped run goes on where it was. Files are written under another name and renamed when complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from cotreat.calibrate.levels import LevelTable, Readings, levels_of, merged, padded, read_levels
from cotreat.calibrate.space import SCALES, STORED, Design, Space, given_draws
from cotreat.evidence.load import load_study, studies
from cotreat.evidence.schema import Study
from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import ParameterSet, load_parameters
from cotreat.model.parameters import PRIOR
from cotreat.simulate.run import Settings
from cotreat.studies.arms import simulate_arms
from cotreat.studies.feasible import feasible_draws

BLOCK = 1024
_AT_ONCE = 256
_SMALLEST = 4
_PACKAGES = ("model", "population", "simulate", "studies", "outcomes", "regimen", "catalogue", "measures")


@dataclass(frozen=True)
class BankSettings:
    """How a bank is made: ``draws`` points (a multiple of 1,024), ``patients`` of each in each arm."""

    draws: int = 30_720
    patients: int = 16
    design: Design = field(default_factory=Design)
    prior: str = PRIOR
    linear: bool = False
    jobs: int = 1

    @property
    def blocks(self) -> int:
        """Blocks of points."""
        return -(-self.draws // BLOCK)


@dataclass(frozen=True)
class StudyBank:
    """What the bank holds of one study: ``z`` (draws, free), its readings, and the parameters that matter to it."""

    study: Study
    table: LevelTable
    z: np.ndarray
    readings: Readings
    reasons: tuple[str | None, ...]
    matters: tuple[int, ...]


def fitted_studies() -> dict[str, Study]:
    """The packaged studies that enter the fit, by id."""
    return {k: s for k, s in studies(sentences=True).items() if s.use == "fit"}


def cache_root() -> Path:
    """Where banks are kept: ``$COTREAT_CACHE``, else the user's cache folder."""
    named = os.environ.get("COTREAT_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cotreat"
    return base / "calibrate"


def bank_folder(settings: BankSettings) -> Path:
    """Folder of the bank of these settings."""
    prior = load_parameters(settings.prior)
    d = settings.design
    parts = [
        model_digest(),
        prior.checksum,
        str(settings.patients),
        str(settings.linear),
        str((d.seed, d.inflate, d.inflate_levels)),
    ]
    return cache_root() / f"bank-{_digest(parts)}"


def make_bank(
    settings: BankSettings,
    chosen: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Simulate what the bank does not hold yet; returns its folder.

    Blocks of all studies come in turn, so a bank that was stopped early can be used.
    """
    folder = bank_folder(settings)
    keys = list(chosen) if chosen is not None else list(fitted_studies())
    found = {k: load_study(k) for k in keys}
    work = [(b, k) for b in range(settings.blocks) for k in keys if not _file(folder, found[k], b).is_file()]
    done, total = 0, len(work)
    if settings.jobs == 1:
        for block, key in work:
            _simulate_block(settings, key, block)
            done += 1
            if progress is not None:
                progress(done, total, key)
        return folder
    with ProcessPoolExecutor(settings.jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_simulate_block, settings, k, b): k for b, k in work}
        for future in as_completed(waiting):
            future.result()
            done += 1
            if progress is not None:
                progress(done, total, waiting[future])
    return folder


def load_bank(settings: BankSettings, key: str, blocks: Sequence[int] | None = None) -> StudyBank:
    """What a bank holds of a study."""
    study, space = load_study(key), Space.of(load_parameters(settings.prior), settings.linear)
    folder = bank_folder(settings)
    wanted = range(settings.blocks) if blocks is None else blocks
    parts, reasons = [], []
    for block in wanted:
        with np.load(_file(folder, study, block), allow_pickle=False) as data:
            parts.append(Readings(*(data[f] for f in ("value", "count", "sd"))))
            reasons.append(json.loads(str(data["reasons"])))
    z = _points(settings, tuple(wanted))
    why = tuple(next((r[j] for r in reasons if r[j]), None) for j in range(len(reasons[0])))
    table = levels_of(study)
    return StudyBank(study, table, z, merged(parts), why, _matters(settings, study, space))


_POINTS: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}


def _points(settings: BankSettings, blocks: tuple[int, ...]) -> np.ndarray:
    """Coordinates of these blocks, float32; all studies of a bank share them."""
    key = (f"{bank_folder(settings).name} {BLOCK}", blocks)
    if key not in _POINTS:
        space = Space.of(load_parameters(settings.prior), settings.linear)
        made = [settings.design.points(space, b, BLOCK).astype(np.float32) for b in blocks]
        _POINTS[key] = np.concatenate(made)
    return _POINTS[key]


def simulate_points(
    study: Study, prior: ParameterSet, values: dict[str, np.ndarray], patients: int, seed: int
) -> tuple[Readings, list[str | None]]:
    """The levels of a study at given parameter values, arrays (points,), with ``patients`` in each arm and point.

    Points whose patients hardly ever pass the run-in hold nothing.
    """
    table = levels_of(study)
    count = len(next(iter(values.values())))
    parts: list[Readings] = []
    reasons: list[str | None] = [None] * len(table.levels)
    for begin in range(0, count, _AT_ONCE):
        some = {k: v[begin : begin + _AT_ONCE] for k, v in values.items()}
        size = len(next(iter(some.values())))
        settings = Settings(patients=patients * size, draws=size, seed=seed + begin, threads=1)
        keep = feasible_draws(study, settings, given_draws(prior, some))
        if not keep.any():
            parts.append(padded(Readings(*(np.zeros((0, len(table.levels))) for _ in range(3))), keep))
            continue
        readings, why = _arms_of(study, prior, {k: v[keep] for k, v in some.items()}, settings)
        parts.append(padded(readings, keep))
        reasons = [a or b for a, b in zip(reasons, why, strict=True)]
    return merged(parts), reasons


def _arms_of(
    study: Study, prior: ParameterSet, values: dict[str, np.ndarray], settings: Settings
) -> tuple[Readings, list[str | None]]:
    """One simulation; halved until no point with too few entrants spoils the others."""
    table, size = levels_of(study), len(next(iter(values.values())))
    settings = replace(settings, patients=settings.per_draw * size, draws=size)
    arms = simulate_arms(study, settings, given_draws(prior, values))
    few = any("too few" in (a.reason or "") for a in arms.values())
    if few and size > _SMALLEST:
        half = size // 2
        one, why = _arms_of(study, prior, {k: v[:half] for k, v in values.items()}, settings)
        two, other = _arms_of(
            study, prior, {k: v[half:] for k, v in values.items()}, replace(settings, seed=settings.seed + half)
        )
        return merged([one, two]), [a if a == b else None for a, b in zip(why, other, strict=True)]
    return read_levels(table, arms, size)


def _simulate_block(settings: BankSettings, key: str, block: int) -> None:
    study, prior = load_study(key), load_parameters(settings.prior)
    space = Space.of(prior, settings.linear)
    values = space.values(settings.design.points(space, block, BLOCK))
    number = int(hashlib.sha256(study.id.encode()).hexdigest()[:8], 16)
    seed = (settings.design.seed * 1_000_003 + number) % (1 << 40) + block * BLOCK
    folder = bank_folder(settings)
    path = _file(folder, study, block)
    try:
        readings, reasons = simulate_points(study, prior, values, settings.patients, seed)
        if not block:
            _matters(settings, study, space)
    except InputError as error:  # a study that cannot be simulated is left out with its reason, the others go on
        count = len(levels_of(study).levels)
        readings = padded(Readings(*(np.zeros((0, count)) for _ in range(3))), np.zeros(BLOCK, bool))
        reasons = [error.message] * count
        write_arrays(_matters_file(settings, study), {"index": np.zeros(0, np.int64)})
    arrays = {f: getattr(readings, f).astype(np.float32) for f in ("value", "count", "sd")}
    write_arrays(path, arrays | {"reasons": np.array(json.dumps(reasons))})


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """An .npz file that appears in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=".npz", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# ---- which parameters matter to a study -----------------------------------------------------------------------------


def _matters(settings: BankSettings, study: Study, space: Space) -> tuple[int, ...]:
    """Coordinates that change anything in the study, found once by moving each alone with the same luck."""
    path = _matters_file(settings, study)
    if not path.is_file():
        write_arrays(path, {"index": np.array(sensitive(study, space), dtype=np.int64)})
    with np.load(path, allow_pickle=False) as data:
        return tuple(int(i) for i in data["index"] if space.names[int(i)] not in SCALES)


def _matters_file(settings: BankSettings, study: Study) -> Path:
    parts = [model_digest(), code_digest("bank", "levels"), load_parameters(settings.prior).checksum]
    model = _digest([*parts, str(settings.linear)])
    return cache_root() / f"matters-{model}" / f"{study.id}-{study_digest(study)}.npz"


def sensitive(study: Study, space: Space, points: int = 8, patients: int = 32) -> list[int]:
    """Coordinates that change a rating, a dropout or any level when moved by two standard deviations, luck the same."""
    settings = Settings(patients=points * patients, draws=points, seed=7, threads=1)
    rng = np.random.default_rng(11)
    z = 0.5 * rng.standard_normal((points, len(space)))
    base = _trace(study, space, z, settings)
    found = []
    for j, name in enumerate(space.names):
        moved = z.copy()
        moved[:, j] += -2.0 if name == STORED else 2.0
        if _trace(study, space, moved, settings) != base:
            found.append(j)
    return found


def _trace(study: Study, space: Space, z: np.ndarray, settings: Settings) -> bytes:
    """Ratings and dropout of everybody, and the levels: these show what is read within hours or is a probability."""
    arms = simulate_arms(study, settings, given_draws(space.prior, space.values(z)))
    readings, reasons = read_levels(levels_of(study), arms, settings.draws)
    rated = [v for a in arms.values() if a.seen is not None for v in (a.seen.score, a.seen.dropout)]
    made = hashlib.sha256(repr((reasons, [a.reason for a in arms.values()])).encode())
    for values in (readings.value, readings.count, readings.sd, *rated):
        made.update(np.ascontiguousarray(values).tobytes())
    return made.digest()


# ---- names ----------------------------------------------------------------------------------------------------------


@cache
def model_digest() -> str:
    """Digest of the code and tables that a simulation rests on."""
    made = hashlib.sha256()
    for package in _PACKAGES:
        root = Path(str(resources.files("cotreat") / package))
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".yaml", ".csv", ".lark") and path.is_file() and "parameters" not in path.parts:
                made.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return made.hexdigest()


@cache
def code_digest(*modules: str) -> str:
    """Digest of modules of this package, so that what is kept on disk is that of this code."""
    made = hashlib.sha256()
    for name in modules:
        made.update(Path(str(resources.files("cotreat") / "calibrate" / f"{name}.py")).read_bytes())
    return made.hexdigest()


def study_digest(study: Study) -> str:
    """Digest of what of a study is simulated: who, what, and which levels; not what was observed."""
    table = levels_of(study)
    arms = {k: (a.n, a.regimen, a.placebo, a.starts, _text(a.baseline)) for k, a in study.arms.items()}
    return _digest([study.id, study.population.model_dump_json(), json.dumps(arms), *(v.key for v in table.levels)])


def _text(part: object) -> str:
    return "" if part is None else repr(part)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _study_folder(folder: Path, study: Study) -> Path:
    return folder / f"{study.id}-{study_digest(study)}"


def _file(folder: Path, study: Study, block: int) -> Path:
    return _study_folder(folder, study) / f"block-{block:03d}.npz"
