"""Rating: a score on a scale from mood, the transient of ketamine and withdrawal.

    score = well + (ill - well) (x - K + 1) / 2 + points (W + N) + error,        cut to the range of the scale

``well`` is the score of a patient at x = -1, ``ill`` the patient's own score at x = +1; ``ill`` varies between patients
and is set by the baseline of the study after entry (a fixed link cannot hold patients above HAM-D 24). Ketamine's own
transient K lowers the score without moving mood: a switch between wells alone would hold its effect too long.
Withdrawal W and nocebo N add points because scales of depression ask for sleep, anxiety and somatic complaints: as many
as the scale has of them, times the loadings of ``mechanisms.withdrawal``.

Does not claim: item-level behaviour, or rater drift. The score is not rounded.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def score(x: Any, c: dict[str, Any], noise: Any, withdrawal: Any = 0.0) -> Any:
    """Observed score for mood ``x`` (less the transient), one standard normal number, and withdrawal in points."""
    latent = c["rating.well"] + c["rating.half_span"] * (x + 1.0) + withdrawal
    return jnp.clip(latent + c["rating.error"] * noise, 0.0, c["rating.top"])
