"""Words of the monitor in English, Korean and Japanese, by fixed keys."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cotreat.measures.errors import InputError

LANGUAGES = ("en", "ko", "ja")


@cache
def _table() -> dict[str, Any]:
    return dict(yaml.safe_load((files("cotreat.monitor") / "data" / "messages.yaml").read_text(encoding="utf-8")))


def say(section: str, key: str, language: str, **values: object) -> str:
    """The text of a key, with its values filled in; InputError for a language that is not there."""
    if language not in LANGUAGES:
        raise InputError(f"no messages in {language!r}", hint=f"Languages are {', '.join(LANGUAGES)}.")
    return str(_table()[section][key][language]).format(**values)


def labels(language: str) -> dict[str, str]:
    """Every label of a page."""
    return {key: say("labels", key, language) for key in _table()["labels"]}


def known(section: str) -> tuple[str, ...]:
    """Keys of a section."""
    return tuple(_table()[section])
