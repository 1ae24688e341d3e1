"""Small symmetric systems inside compiled loops, with a plain answer to "is it singular"."""

from __future__ import annotations

import numpy as np

from cotreat.trial.virtual.compiled import compiled

_SINGULAR = 1e-11


@compiled
def solve(matrix: np.ndarray, sides: np.ndarray, out: np.ndarray) -> bool:
    """Solve a positive definite system by Cholesky's decomposition.

    ``matrix`` (n, n), ``sides`` and ``out`` (n, m). False, with ``out`` undefined, when the matrix is singular: a pivot
    below 1e-11 of its diagonal element.
    """
    n, m = sides.shape
    low = np.zeros((n, n))
    for j in range(n):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= low[j, k] * low[j, k]
        if not pivot > _SINGULAR * matrix[j, j]:
            return False
        low[j, j] = np.sqrt(pivot)
        for i in range(j + 1, n):
            total = matrix[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            low[i, j] = total / low[j, j]
    for c in range(m):
        for i in range(n):
            total = sides[i, c]
            for k in range(i):
                total -= low[i, k] * out[k, c]
            out[i, c] = total / low[i, i]
        for back in range(n):
            i = n - 1 - back
            total = out[i, c]
            for k in range(i + 1, n):
                total -= low[k, i] * out[k, c]
            out[i, c] = total / low[i, i]
    return True
