"""Threefry against its published test vectors, and the numbers made from it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cotreat.model.threefry import as_words, box_muller, normal, stream_key, threefry2x32, uniform

# kat_vectors of the Random123 library (Salmon et al. 2011): key, counter, result
VECTORS = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("key", "counter", "expected"), VECTORS)
def test_published_salmon2011_vectors(
    key: tuple[int, int], counter: tuple[int, int], expected: tuple[int, int]
) -> None:
    words = [as_words(v) for v in (*key, *counter)]
    assert tuple(int(w[0]) for w in threefry2x32(*words)) == expected


@pytest.mark.parametrize("make", [normal, lambda k, a, b: box_muller(*threefry2x32(*k, as_words(a), as_words(b)))[0]])
def test_unit_normal_numbers_are_standard_normal(make: object) -> None:
    # Kolmogorov-Smirnov at a false-alarm rate of 1e-3; the seed is fixed
    z = make(stream_key(7, [0], 3), np.arange(100_000), 0)  # type: ignore[operator]
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 0.0125  # 4 standard errors


def test_unit_streams_do_not_share_numbers() -> None:
    counter = np.arange(20_000)
    streams = [uniform(stream_key(s, [d], n), counter, 0) for s in (1, 2) for d in (0, 1) for n in (0, 1)]
    everything = np.concatenate(streams)
    assert len(np.unique(everything)) == len(everything)
    assert np.all((everything > 0) & (everything < 1))
    for i, a in enumerate(streams):
        for b in streams[i + 1 :]:
            assert abs(np.corrcoef(a, b)[0, 1]) < 0.0354  # 5 standard errors
