"""What every test shares: strict JAX, Hypothesis profiles, 64-bit floats and a browser where a test asks for them.

JAX is configured through its environment variables, so a test that needs no JAX does not pay for importing it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

STRICT_JAX = {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
}
for _name, _value in STRICT_JAX.items():
    os.environ.setdefault(_name, _value)

# No deadline: the first example of a compiled function takes seconds, the next ones microseconds.
settings.register_profile("fast", max_examples=50, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=50, deadline=None, print_blob=True, derandomize=True, database=None)
settings.register_profile("slow", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "fast"))

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Path of an installed Chromium or Chrome, or None."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser the browser tests are skipped, except in CI, where its absence is a failure."""
    if IN_CI or find_browser():
        return
    skip = pytest.mark.skip(reason="no Chromium on this machine")
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Path of the Chromium that browser tests drive."""
    path = find_browser()
    assert path is not None, f"none of {', '.join(BROWSERS)} is on the PATH"
    return path


@pytest.fixture
def x64() -> Iterator[None]:
    """64-bit floats in JAX for one test; the engine itself runs in 32 bits with 64-bit sums."""
    import jax

    with jax.enable_x64(True):
        yield
