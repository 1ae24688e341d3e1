"""The GPU kernel gives the numbers of the CPU kernel, bit for bit.

Where there is no GPU, Numba's simulator of GPUs runs the same source on the processor. It has to be switched on before
Numba is imported, so it runs in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest

from cotreat.measures.errors import InputError
from cotreat.regimen.expand import expand
from cotreat.regimen.ledger import Ledger
from cotreat.regimen.parse import parse
from cotreat.simulate.channels import layout_of
from cotreat.simulate.chunks import Output
from cotreat.simulate.entrants import Entrants
from cotreat.simulate.kernel import cuda
from cotreat.simulate.kernel.cuda_source import source
from cotreat.simulate.kernel.program import program
from cotreat.simulate.run import Course, Settings, follow, start_cohort

REGIMENS = {
    "decisions": "ECT 3 times a week until remission, at most 4 sessions\nthen nortriptyline to 100 ng/mL for 4 weeks",
    "tracks": "TMS 5 times a week for 2 weeks\nlithium to 0.7 mmol/L\ndiazepam 5 mg twice daily from day 3\n"
    "ketamine 0.5 mg/kg IV over 40 minutes 3 times a week for 1 week\n"
    "taper venlafaxine 75 mg daily to 0 over 2 weeks",
}
"""Between them: transitions, several tracks, levels and doses, transients, withdrawal."""


def ledger(name: str) -> Ledger:
    return expand(parse(REGIMENS[name]), horizon=21)


def different(name: str, patients: int, weeks: int = 2, until_spent: bool = False) -> list[str]:
    """Names of the outputs in which the two engines differ."""
    settings = Settings(patients=patients, draws=8, seed=2**40 + 5, weeks=weeks, threads=1)
    cohort, given = start_cohort("ECT candidates", settings), ledger(name)
    gpu, cpu = (follow(cohort, given, replace(settings, engine=e), until_spent=until_spent) for e in ("gpu", "kernel"))
    arrays = [f.name for f in fields(Course) if f.name in {f.name for f in fields(Output)} - {"state"}]
    found = [k for k in arrays if not np.array_equal(getattr(gpu, k), getattr(cpu, k))]
    return found + [k for k in cpu.state if not np.array_equal(gpu.state[k], cpu.state[k])]


@pytest.mark.slow
def test_parity_the_source_gives_the_bits_of_the_cpu_kernel_in_the_simulator() -> None:
    lines = [
        "import warnings; warnings.simplefilter('ignore')",  # the simulator's words overflow, as words should
        "from tests.simulate.test_cuda import different",
        "assert different('decisions', 64) == []",
        "assert different('decisions', 8, until_spent=True) == []",
        "assert different('tracks', 8) == []",
        "print('same bits')",
    ]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], env=environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "same bits", run.stderr


@pytest.mark.skipif(not cuda.available(), reason="no NVIDIA GPU with its driver here")
@pytest.mark.parametrize("name", REGIMENS)
def test_parity_gpu_and_cpu_kernel(name: str) -> None:
    assert different(name, 2000) == []


@pytest.mark.skipif(cuda.available(), reason="there is a GPU here")
def test_unit_the_engine_is_refused_without_a_gpu() -> None:
    settings = Settings(patients=10, draws=2, weeks=1, engine="gpu")
    with pytest.raises(InputError, match="needs an NVIDIA GPU"):
        follow(start_cohort("ECT candidates", settings), ledger("decisions"), settings)


def text(name: str) -> str:
    """The source of the kernel of a regimen."""
    layout = layout_of([ledger(name)])
    entrants = Entrants(start_cohort("ECT candidates", Settings(patients=2, draws=2)), layout, engine="gpu")
    (_, structure), people = next(iter(entrants.people(()).items()))
    return source(program(replace(layout.channels, mood=structure), tuple(people.constants)))


@pytest.mark.slow
def test_unit_the_source_compiles_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher = pytest.importorskip("numba.cuda.dispatcher", reason="the extra gpu is not installed")
    import numba.cuda
    from cuda.pathfinder import load_nvidia_dynamic_lib
    from numba import types

    try:
        for library in ("nvrtc", "nvvm"):
            load_nvidia_dynamic_lib(library)
    except RuntimeError:
        pytest.skip("the compiler of NVIDIA's toolkit (nvrtc, nvvm) is not installed")

    # a function called by a kernel is compiled for the device at hand: here for one that need not be there
    device = SimpleNamespace(compute_capability=(8, 0))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device)
    array, tuple_of = types.Array, types.Tuple
    real, word, whole, byte = types.float32, types.uint32, types.int32, types.uint8
    span = tuple_of([*[types.int64] * 6, word, word])
    people = tuple_of([array(real, 2, "C")] * 2 + [array(word, 1, "C")] * 2 + [array(real, 1, "C")])
    kinds = [(whole, 1)] * 3 + [
        (byte, 1),
        (real, 3),
        (byte, 2),
        (byte, 1),
        (whole, 2),
        (byte, 2),
        (real, 4),
        (whole, 3),
    ]
    tables = tuple_of([array(kind, n, "C") for kind, n in kinds])
    kinds = [(real, 2), (real, 3), (types.int16, 3), (whole, 1), (whole, 1), (real, 1)] + [(real, 2)] * 3
    out = tuple_of([array(kind, n, "C") for kind, n in kinds])
    signature = types.void(span, array(word, 1, "C"), people, tables, out)
    ptx, _ = numba.cuda.compile_ptx(cuda.kernel_of(text("decisions")).py_func, signature, cc=(8, 0))
    assert ".entry" in ptx
    assert "fma.rn.f32" in ptx
    # a product that the compiler may merge with a sum would round otherwise than on the processor
    assert "mul.f32" not in ptx
    assert ".f64 " not in ptx


def test_unit_the_source_names_every_input_and_no_product_is_left_to_the_compiler() -> None:
    written = text("tracks")
    compile(written, "<kernel>", "exec")
    body = written[written.index("def once") : written.index("def normals_of_day")]
    assert " * " not in body
    layout = layout_of([ledger("tracks")])
    for j in range(len(layout.channels.inputs)):
        assert f"inputs[{j}, k, row[0]]" in written
