"""The same traced step as C, compiled by the C compiler at hand: what the kernel of the package is measured against.

One table of inputs for all patients and no decisions, so it does a little less than the package's kernel. Only for
``engines.py``; needs gcc or clang.
"""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cotreat.model.threefry import as_words, stream_key
from cotreat.simulate.chunks import Job, People
from cotreat.simulate.kernel.graph import Graph, Node
from cotreat.simulate.kernel.program import Program, program
from cotreat.simulate.keys import MOOD, RATING, stream

WIDTH = 32
FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd")
_TYPES = {"f32": "float", "u32": "uint32_t", "i32": "int32_t", "bool": "int"}
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>"}
_INFIX |= {"lt": "<", "le": "<=", "eq": "==", "ne": "!="}


def compiler() -> str | None:
    """The C compiler, or None."""
    return next(filter(None, map(shutil.which, ("gcc", "clang", "cc"))), None)


class CKernel:
    """A compiled C kernel for the patients of one job without decisions."""

    def __init__(self, job: Job, people: People, flags: tuple[str, ...] = FLAGS) -> None:
        made = program(job.channels, tuple(people.constants))
        self.weeks, self.steps, self.n = job.weeks, job.steps, len(people.lanes) // WIDTH * WIDTH
        found = compiler()
        if found is None:
            raise FileNotFoundError("no C compiler")
        help_ = subprocess.run([found, "--help=target"], capture_output=True, text=True, check=False).stdout
        wide = ("-mprefer-vector-width=512",) if "prefer-vector-width" in help_ else ()
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "kernel.c"
        file.write_text(source(made))
        target = file.with_suffix(".so")
        subprocess.run([found, *flags, *wide, "-shared", "-fPIC", str(file), "-o", str(target), "-lm"], check=True)
        self.library = ctypes.CDLL(str(target))
        take = slice(0, self.n)
        given = job.tables.inputs[: 7 * job.weeks]
        uneven = [j for j in range(given.shape[2]) if j not in made.levels]
        streams = [stream(job.stage, RATING)] + [
            stream(job.stage, MOOD, k) for k in range((job.steps // 4).bit_length())
        ]
        self.arrays = [
            np.stack([v[take] for v in people.constants.values()]).astype(np.float32),
            np.ascontiguousarray(people.entry[:, take], np.float32),
            np.concatenate([np.stack(stream_key(job.seed, people.draw[take], s)) for s in streams]),
            as_words(people.patient[take]),
            np.ascontiguousarray(given, np.float32),
            (given[:, :, uneven] != 0).any(axis=2).astype(np.uint8),
            np.empty((job.weeks + 1, self.n), np.float32),
        ]

    def __call__(self) -> np.ndarray:
        """Scores (visits, patients)."""
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in self.arrays]
        self.library.run(ctypes.c_long(self.n), self.weeks, self.steps, *pointers)
        return self.arrays[-1]


def source(p: Program) -> str:
    """The C source of a program."""
    rows = [*p.states, *p.constants, *(f"once.{n}" for n in p.once), *p.inputs, "noise", "score"]
    at = {name: k for k, name in enumerate(rows)}

    def lane(name: str) -> str:
        return f"s[{at[name]}][i]"

    loaded = {n: lane(name) for name, n in p.source.items() if name in at}
    once = {n: lane(f"once.{n}") for n in p.once}

    def body(outputs: tuple[int, ...], into: list[str], given: dict[int, str]) -> str:
        code, results = lines(p.graph, outputs, given)
        code += [f"float r{k} = {value};" for k, value in enumerate(results)]
        return "\n".join(code + [f"{target} = r{k};" for k, target in enumerate(into)])

    pair, normals = lines(p.graph, p.pair, {p.source[n]: n for n in ("key0", "key1", "counter0", "counter1")})
    states = [lane(n) for n in p.states]
    fields = {
        "W": WIDTH,
        "ROWS": len(rows),
        "NS": len(p.states),
        "NC": len(p.constants),
        "NI": len(p.inputs),
        "C0": at[p.constants[0]],
        "U0": at[p.inputs[0]],
        "NOISE": at["noise"],
        "SCORE": at["score"],
        "PAIR": "\n".join([*pair, f"*one = {normals[0]}; *two = {normals[1]};"]),
        "ONCE": body(p.once, [once[n] for n in p.once], loaded),
        "RATE": body((p.score,), [lane("score")], loaded | once),
        "GENERAL": body(p.general, states, loaded | once),
        "QUIET": body(p.quiet, states, loaded | once),
    }
    text = _TEMPLATE
    for mark, value in fields.items():
        text = text.replace(f"@{mark}@", str(value))
    return text


def lines(g: Graph, outputs: tuple[int, ...], given: Mapping[int, str]) -> tuple[list[str], list[str]]:
    """Statements of C that compute the outputs, and the expression of each output."""
    known = dict(given)
    code: list[str] = []
    for number in g.reached(outputs, frozenset(given)):
        if number not in known:
            node = g.nodes[number]
            known[number] = expression(node, [known[a] for a in node.args])
            if node.op != "literal":  # work inside the arms of a ?: would not become vector code
                code.append(f"{_TYPES[node.kind]} t{number} = {known[number]};")
                known[number] = f"t{number}"
    return code, [known[o] for o in outputs]


def expression(node: Node, args: list[str]) -> str:
    """One operation as C."""
    if node.op == "literal":
        return literal(node)
    if node.op == "bits":
        return f"bits_{node.kind}({args[0]})"
    if node.op == "convert":
        return f"(({_TYPES[node.kind]}){args[0]})"
    if node.op == "fma":
        return f"fmaf({', '.join(args)})"
    if node.op == "select":
        return f"({args[0]} ? {args[1]} : {args[2]})"
    if node.op in ("neg", "not"):
        return f"({'-' if node.op == 'neg' else '!'}{args[0]})"
    if node.op in _INFIX:
        return f"({args[0]} {_INFIX[node.op]} {args[1]})"
    return f"{node.op}f({args[0]})"


def literal(node: Node) -> str:
    """A number as C."""
    value: Any = node.value[0]
    if node.kind != "f32":
        return f"{int(value)}u" if node.kind == "u32" else f"({int(value)})"
    if math.isnan(value):
        return "NAN"
    return f"({value!r}f)" if math.isfinite(value) else "INFINITY" if value > 0 else "(-INFINITY)"


_TEMPLATE = """
#include <math.h>
#include <stdint.h>
#include <string.h>
#define W @W@
static inline float bits_f32(uint32_t x) { float f; memcpy(&f, &x, 4); return f; }
static inline uint32_t bits_u32(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static inline __attribute__((always_inline)) void
pair(uint32_t key0, uint32_t key1, uint32_t counter0, uint32_t counter1, float *one, float *two) {
@PAIR@
}
void run(long n, int weeks, int steps, const float *constants, const float *entry, const uint32_t *keys,
         const uint32_t *patient, const float *given, const uint8_t *timed, float *score) {
  const float half = 0.70710678f;
  for (long o = 0; o < n; o += W) {
    float s[@ROWS@][W] __attribute__((aligned(64)));
    float z[128][W] __attribute__((aligned(64))), y[128][W] __attribute__((aligned(64)));
    uint32_t key[16][W] __attribute__((aligned(64))), number[W] __attribute__((aligned(64)));
    memset(s, 0, sizeof s);
    for (int j = 0; j < @NS@; j++) memcpy(s[j], entry + j * n + o, 4 * W);
    for (int j = 0; j < @NC@; j++) memcpy(s[@C0@ + j], constants + j * n + o, 4 * W);
    int levels = 1;
    for (int k = 4; k < steps; k *= 2) levels++;
    for (int j = 0; j < 2 * (1 + levels); j++) memcpy(key[j], keys + j * n + o, 4 * W);
    memcpy(number, patient + o, 4 * W);
    #pragma omp simd
    for (int i = 0; i < W; i++) {
@ONCE@
    }
    for (int day = 0; day <= 7 * weeks; day++) {
      if (day % 7 == 0) {
        #pragma omp simd
        for (int i = 0; i < W; i++) {
          float a, b;
          pair(key[0][i], key[1][i], number[i], (uint32_t)day, &a, &b);
          s[@NOISE@][i] = a;
@RATE@
        }
        memcpy(score + day / 7 * n + o, s[@SCORE@], 4 * W);
      }
      if (day == 7 * weeks) break;
      for (int p = 0; p < 2; p++) {
        #pragma omp simd
        for (int i = 0; i < W; i++) {
          float a, b;
          pair(key[2][i], key[3][i], number[i], (uint32_t)(2 * day + p), &a, &b);
          z[2 * p][i] = a; z[2 * p + 1][i] = b;
        }
      }
      int level = 2;
      for (int count = 4; count < steps; count *= 2, level++) {
        memcpy(y, z, sizeof(float) * W * count);
        for (int p = 0; p < count / 2; p++) {
          #pragma omp simd
          for (int i = 0; i < W; i++) {
            float a, b;
            pair(key[2 * level][i], key[2 * level + 1][i], number[i], (uint32_t)(day * (count / 2) + p), &a, &b);
            z[4 * p][i] = (y[2 * p][i] + a) * half; z[4 * p + 1][i] = (y[2 * p][i] - a) * half;
            z[4 * p + 2][i] = (y[2 * p + 1][i] + b) * half; z[4 * p + 3][i] = (y[2 * p + 1][i] - b) * half;
          }
        }
      }
      for (int k = 0; k < steps; k++) {
        const float *u = given + (day * steps + k) * @NI@;
        for (int j = 0; j < @NI@; j++) for (int i = 0; i < W; i++) s[@U0@ + j][i] = u[j];
        memcpy(s[@NOISE@], z[k], 4 * W);
        if (timed[day * steps + k]) {
          #pragma omp simd
          for (int i = 0; i < W; i++) {
@GENERAL@
          }
        } else {
          #pragma omp simd
          for (int i = 0; i < W; i++) {
@QUIET@
          }
        }
      }
    }
  }
}
"""
