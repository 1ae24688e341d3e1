"""Several tests in one trial: adjusted p values that keep the chance of any false claim at alpha.

p has the shape (trials, tests); adjusted p values are compared with alpha. "holm" (Holm 1979) always holds the level;
"hochberg" (Hochberg 1988) does for independent or positively dependent tests; "fixed sequence" tests in the order of
the file and stops at the first that fails (a gate for all that follow); "bonferroni" and "none" are what they say.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Multiplicity = Literal["none", "bonferroni", "holm", "hochberg", "fixed sequence"]
MULTIPLICITIES: tuple[Multiplicity, ...] = get_args(Multiplicity)


def adjusted(p: np.ndarray, how: Multiplicity) -> np.ndarray:
    """Adjusted p values, same shape."""
    m = p.shape[1]
    if how == "none" or m == 1:
        return p
    if how == "bonferroni":
        return np.asarray(np.minimum(p * m, 1.0))
    if how == "fixed sequence":
        return np.asarray(np.maximum.accumulate(p, axis=1))
    order = np.argsort(p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1) * (m - np.arange(m))
    if how == "holm":
        ranked = np.maximum.accumulate(ranked, axis=1)
    else:
        ranked = np.minimum.accumulate(ranked[:, ::-1], axis=1)[:, ::-1]
    out = np.empty_like(p)
    np.put_along_axis(out, order, np.minimum(ranked, 1.0), axis=1)
    return out
