"""Spacing: a session soon after another changes less.

    dQ/dt = -Q / tau_Q + delta(t at each session),        yield x exp(-kappa Q)

With tau_Q of 10-70 minutes this matters for several sessions a day only. Sessions that lie in one step are an hour
apart (the language's default); each sees those before it.

Source: iTBS blocks repeated after 2-30 minutes, inconsistent results (n 9-29): tau_Q and kappa are prior-driven.
Does not claim: a sign change with total stimulation time.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

HOUR = 1.0 / 24.0


def constants(p: dict[str, np.ndarray], h: float) -> dict[str, np.ndarray]:
    """Constants of the step of ``h`` days."""
    tau = p["spacing.time_constant"]
    return {
        "spacing.keep": np.exp(-h / tau),
        "spacing.rate": 1.0 / tau,
        "spacing.loss": p["spacing.loss"],
        # what the sessions an hour apart leave for the next one, summed for a long row of them
        "spacing.hourly": np.exp(-HOUR / tau) / -np.expm1(-HOUR / tau),
    }


def step(trace: Any, c: dict[str, Any], count: Any, before: Any, after: Any) -> tuple[Any, Any]:
    """New trace, and the factor on the yield of the sessions of the step."""
    earlier = trace * jnp.exp(-before * c["spacing.rate"])
    beside = jnp.minimum(0.5 * jnp.maximum(count - 1.0, 0.0), 1.0) * c["spacing.hourly"]
    factor = jnp.exp(-c["spacing.loss"] * (earlier + beside))
    return trace * c["spacing.keep"] + count * jnp.exp(-after * c["spacing.rate"]), factor
