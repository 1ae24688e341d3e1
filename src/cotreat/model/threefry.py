"""Counter-based random numbers: Threefry2x32 with 20 rounds (Salmon et al. 2011, doi:10.1145/2063384.2063405).

A number is a pure function of (key, counter), so it depends neither on the order of work nor on threads, chunks or
devices. The same code runs on NumPy and JAX arrays of dtype uint32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry2x32(key0: Any, key1: Any, counter0: Any, counter1: Any) -> tuple[Any, Any]:
    """Two 32-bit words for a key of two and a counter of two 32-bit words; arrays of uint32 that broadcast."""
    word = np.uint32  # one dtype everywhere: mixed widths would promote
    keys = (key0, key1, key0 ^ key1 ^ word(_PARITY))
    x0, x1 = counter0 + keys[0], counter1 + keys[1]
    for group in range(5):
        for r in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = ((x1 << word(r)) | (x1 >> word(32 - r))) ^ x0
        x0 = x0 + keys[(group + 1) % 3]
        x1 = x1 + keys[(group + 2) % 3] + word(group + 1)
    return x0, x1


def as_words(values: Any) -> np.ndarray:
    """Integers (negative ones wrap) as an array of uint32 of at least one dimension."""
    return np.atleast_1d(np.asarray(values, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint32)


def stream_key(seed: int, draw: Any, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """The key of one random stream for each draw: (seed, draw, stream) hashed by one application of Threefry."""
    low, high = as_words(seed & 0xFFFFFFFF), as_words((seed >> 32) & 0xFFFFFFFF)
    return threefry2x32(low, high, as_words(draw), as_words(stream))


def uniform(key: tuple[np.ndarray, np.ndarray], counter0: Any, counter1: Any) -> np.ndarray:
    """Uniform numbers in (0, 1) with 52 bits, float64."""
    a, b = threefry2x32(key[0], key[1], as_words(counter0), as_words(counter1))
    bits = (a.astype(np.uint64) << np.uint64(20)) | (b.astype(np.uint64) >> np.uint64(12))
    return np.asarray((bits.astype(np.float64) + 0.5) * 2.0**-52)


def normal(key: tuple[np.ndarray, np.ndarray], counter0: Any, counter1: Any) -> np.ndarray:
    """Standard normal numbers, float64, by the inverse distribution function."""
    return np.asarray(ndtri(uniform(key, counter0, counter1)))


def box_muller(a: Any, b: Any, xp: Any = np) -> tuple[Any, Any]:
    """Two standard normal numbers, float32, from two 32-bit words; ``xp`` is numpy or jax.numpy.

    23 bits for the radius: k + 1/2 is then exact in float32.
    """
    f = xp.float32
    u = ((a >> np.uint32(9)).astype(f) + f(0.5)) * f(2.0**-23)
    radius = xp.sqrt(f(-2.0) * xp.log(u))
    angle = (b >> np.uint32(8)).astype(f) * f(2.0 * np.pi * 2.0**-24)
    return radius * xp.cos(angle), radius * xp.sin(angle)
