"""Effects as a CSV file that metafor reads: ``dat <- read.csv(FILE); rma(yi, vi, data = dat, slab = study)``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from cotreat.evidence.meta.effects import Effect


def metafor_csv(effects: Sequence[Effect]) -> str:
    """``study, yi, vi`` and the moderators, one study a line, numbers with all their digits."""
    names = list(dict.fromkeys(name for effect in effects for name in effect.moderators))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["study", "yi", "vi", *names])
    for effect in effects:
        writer.writerow(
            [effect.study, repr(effect.yi), repr(effect.vi), *(effect.moderators.get(n, "NA") for n in names)]
        )
    return stream.getvalue()
