"""Reading words as people type them, and the nearest known words to an unknown one."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"), "-")
_CLOSE = 0.1  # a second suggestion must be nearly as good as the first: a list of look-alike drugs is a hazard


def fold(text: str) -> str:
    """The form in which words are compared: NFKC, plain hyphens, one space, no case."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_HYPHENS).casefold().split())


def nearest(word: str, known: Iterable[str], count: int = 3, cutoff: float = 0.65) -> tuple[str, ...]:
    """Up to ``count`` known words close to ``word``, best first, as they are written in ``known``."""
    written = {fold(k): k for k in known}
    key = fold(word)
    found = difflib.get_close_matches(key, written, n=count, cutoff=cutoff)
    scores = [difflib.SequenceMatcher(a=m, b=key).ratio() for m in found]
    return tuple(written[m] for m, score in zip(found, scores, strict=True) if score >= scores[0] - _CLOSE)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint naming the nearest known words, or None when nothing is near."""
    found = nearest(word, known)
    return f"Did you mean {' or '.join(found)}?" if found else None
