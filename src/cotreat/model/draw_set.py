"""Joint draws of parameters in one file: what a calibration leaves behind, and every later run reads.

The file is an ordinary NumPy archive (.npz, not compressed) with three members:

- ``names``: names of parameters, and "mood.linear" when the set holds draws of both rivals of mood
- ``values``: float32 of shape (names, draws)
- ``about``: JSON with name, status, about, does_not_claim, date, evidence, command and structure

The comment at its end is the SHA-256 of all bytes before it, so that a single changed byte is found. The same content
always gives the same bytes. Draw *k* of a run is row *k* of a permutation that depends on the seed; a run that asks for
more draws than there are goes through another permutation of all of them. Parameters that the file does not hold come
from the packaged prior, independently.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from cotreat.measures.errors import InputError
from cotreat.model.parameter_set import LINEAR_MOOD, ParameterSet, load_parameters, read_structure
from cotreat.model.parameters import PRIOR
from cotreat.model.threefry import stream_key, uniform

_STREAM = 0x44524157  # keeps the choice of rows apart from every other random stream
_DIGEST = hashlib.sha256().digest_size * 2
_MEMBERS = ("about.json", "names.npy", "values.npy")


@dataclass(frozen=True)
class About:
    """Where a set of draws comes from.

    ``status`` is printed beside every result. ``evidence`` names the version of the evidence, ``command`` remakes the
    file. ``structure``: the rival of each part, for a set of one structure ("mood": "bistable" or "linear").
    """

    name: str
    status: str
    about: str
    does_not_claim: str
    date: str
    evidence: str
    command: str
    structure: Mapping[str, str] = field(default_factory=lambda: {"mood": "bistable"})


@dataclass(frozen=True)
class DrawSet(ParameterSet):
    """A parameter set that holds joint draws; ``rows`` maps names to float32 arrays of shape (draws in the file,)."""

    rows: Mapping[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    origin: About | None = None

    def draws(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """``count`` joint draws by name, float64 arrays of shape (count,); see the module for which rows."""
        drawn = super().draws(count, seed)
        row = self.chosen(count, seed)
        drawn |= {name: values[row].astype(np.float64) for name, values in self.rows.items() if name not in self.given}
        return drawn

    def chosen(self, count: int, seed: int) -> np.ndarray:
        """Rows of the file that the draws of a run are."""
        size = len(next(iter(self.rows.values())))
        rounds = range(-(-count // size))
        order = [np.argsort(uniform(stream_key(seed, [0], _STREAM), np.arange(size), k), kind="stable") for k in rounds]
        return np.concatenate(order)[:count]

    def medians(self) -> dict[str, np.ndarray]:
        """One draw with every parameter at the median of its draws, or of the prior where there are none."""
        return super().medians() | {k: np.array([float(np.median(v))]) for k, v in self.rows.items()}


def save_draws(path: Path | str, values: Mapping[str, np.ndarray], about: About) -> str:
    """Write joint draws to a file; returns their checksum.

    Parameters
    ----------
    path
        The file; it is replaced as a whole or not at all.
    values
        Arrays of one length by name of parameter.
    about
        Where they come from.

    Raises
    ------
    InputError
        A name is not one of the packaged prior, or values are missing, not finite or outside the limits of the prior.
    """
    _check(values, "these draws")
    names = sorted(values)
    members = {
        "about.json": json.dumps(asdict(about), sort_keys=True, indent=1).encode(),
        "names.npy": _array(np.array(names)),
        "values.npy": _array(np.stack([np.asarray(values[k], np.float32) for k in names])),
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name in _MEMBERS:
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), members[name])
        archive.comment = b"0" * _DIGEST
    body = content.getvalue()[:-_DIGEST]
    digest = hashlib.sha256(body).hexdigest()
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        partial.write_bytes(body + digest.encode())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return f"sha256:{digest}"


def read_draws(raw: bytes, name: str) -> DrawSet:
    """A set of draws from the bytes of its file; ``name`` is what to call the file in an error.

    Raises
    ------
    InputError
        The checksum does not match the content, or the content is not a set of draws.
    """
    body, digest = raw[:-_DIGEST], raw[-_DIGEST:]
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise InputError(
            f"{name}: the checksum does not match the content: the file is damaged or was changed",
            hint="take an undamaged copy, or calibrate again",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            about = About(**json.loads(archive.read("about.json")))
            names, values = (np.load(io.BytesIO(archive.read(m)), allow_pickle=False) for m in _MEMBERS[1:])
        rows = {str(k): v for k, v in zip(names, values, strict=True)}
        structure = read_structure(about.structure)
    except (zipfile.BadZipFile, ValueError, TypeError, KeyError, OSError) as error:
        raise InputError(f"{name}: not a set of draws ({' '.join(str(error).split())})") from error
    _check(rows, name)
    return DrawSet(
        name=about.name,
        status=about.status,
        about=about.about,
        does_not_claim=about.does_not_claim,
        parameters=load_parameters(PRIOR).parameters,
        checksum="sha256:" + digest.decode(),
        structure=structure,
        rows=rows,
        origin=about,
    )


def _array(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, values, allow_pickle=False)
    return content.getvalue()


def _check(values: Mapping[str, np.ndarray], name: str) -> None:
    known = load_parameters(PRIOR).parameters
    shapes = {np.shape(v) for v in values.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or next(iter(shapes))[0] == 0:
        raise InputError(f"{name}: one number is needed for each parameter and draw")
    for key, array in values.items():
        if key == LINEAR_MOOD:
            limits = (0.0, 1.0)
        elif key in known:
            limits = known[key].limits
        else:
            raise InputError(f"{name}: unknown parameter {key!r}")
        slack = 1e-6 * max(1.0, *(abs(v) for v in limits if np.isfinite(v)), 1.0)
        if not np.isfinite(array).all() or array.min() < limits[0] - slack or array.max() > limits[1] + slack:
            raise InputError(f"{name}: {key} must be finite and between {limits[0]:g} and {limits[1]:g}")
