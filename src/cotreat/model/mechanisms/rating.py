"""Rating: a score on a scale from mood.

    score = well + (ill - well) (x + 1) / 2 + error,        cut to the range of the scale

``well`` is the score of a patient at x = -1, ``ill`` the patient's own score at x = +1; ``ill`` varies between patients
and is set by the baseline of the study after entry (a fixed link cannot hold patients above HAM-D 24).

Does not claim: item-level behaviour, or rater drift. The score is not rounded.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def score(x: Any, c: dict[str, Any], noise: Any) -> Any:
    """Observed score for mood ``x`` and one standard normal number."""
    latent = c["rating.well"] + c["rating.half_span"] * (x + 1.0)
    return jnp.clip(latent + c["rating.error"] * noise, 0.0, c["rating.top"])
