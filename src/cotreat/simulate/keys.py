"""Random streams of a run: who draws which number.

A stream is named by stage (0 the treatment, 1 the phase after a run-in), purpose and, for mood, the dyadic level of the
Brownian path. Its key is hashed from (seed, draw, stream); the counter is (patient, calendar tick from day 0). So the
same patient has the same luck under every regimen, halving the step refines the same path, a lead-in before day 0 does
not shift it, and chunks and threads do not matter.
"""

from __future__ import annotations

import numpy as np

from cotreat.model.threefry import as_words, box_muller, stream_key, threefry2x32

MOOD, RATING, DROPOUT, HOURS, COUNT = 1, 2, 3, 4, 5


def stream(stage: int, purpose: int, level: int = 0) -> int:
    """The number of a stream."""
    return 0x53000000 | stage << 16 | purpose << 8 | level


def lane_keys(seed: int, draw: np.ndarray, number: int) -> np.ndarray:
    """Keys of one stream for each lane, uint32 of shape (2, lanes)."""
    return np.stack(stream_key(seed, draw, number))


def rating_noise(seed: int, draw: np.ndarray, patient: np.ndarray, day: int = 0, stage: int = 0) -> np.ndarray:
    """Rating error of one day, as the engine draws it."""
    key = stream_key(seed, draw, stream(stage, RATING))
    return np.asarray(box_muller(*threefry2x32(*key, as_words(patient), as_words(day)))[0], dtype=np.float64)
