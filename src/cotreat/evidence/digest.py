"""What the sentences of the packaged studies mean, as digests: a change of the language shows which studies it moves.

``studies/digests.json`` holds, for every arm and run-in, a digest of the sentence and a digest of the ledger it expands
to. A ledger that moved under an unmoved sentence is a change of the language, and every fit that rests on it is stale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cotreat.evidence.schema import Study
    from cotreat.regimen.ledger import Ledger

LENGTH = 16

Digests = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """One arm whose recorded digest no longer holds.

    ``kind``: "meaning" when the same sentence expands to another ledger, "sentence" when the sentence was rewritten,
    "new" and "gone" when the arm or study is not recorded or no longer there.
    """

    study: str
    arm: str
    kind: Literal["meaning", "sentence", "new", "gone"]


def ledger_digest(ledger: Ledger) -> str:
    """SHA-256 of the canonical JSON of a ledger, shortened; line numbers and notes are not part of the meaning."""
    meaning = asdict(ledger)
    del meaning["notes"]
    text = json.dumps(_without_lines(meaning), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def study_digests(study: Study) -> Digests:
    """Digests of the run-in and of every arm that has a sentence: {arm: {"sentence": ..., "ledger": ...}}.

    The horizon is the follow-up of the study, at least a year, so that open-ended parts are covered.
    """
    from cotreat.evidence.arms import arm_ledger, run_in_ledger

    horizon = max(364, round(study.follow_up_days or 0))
    ledgers: dict[str, tuple[str, Ledger]] = {}
    run_in = run_in_ledger(study)
    if run_in is not None:
        ledgers["run-in"] = (study.population.run_in or "", run_in)
    for key, arm in study.arms.items():
        if arm.regimen is not None:
            said = "\n".join([study.population.already_on or "", arm.regimen.strip()])
            ledgers[key] = (said, arm_ledger(study, key, horizon))
    return {
        key: {
            "sentence": hashlib.sha256(sentence.strip().encode()).hexdigest()[:LENGTH],
            "ledger": ledger_digest(ledger),
        }
        for key, (sentence, ledger) in ledgers.items()
    }


def recorded_digests() -> dict[str, Digests]:
    """The digests stored beside the packaged studies, by study id."""
    file = resources.files("cotreat.evidence") / "studies" / "digests.json"
    stored: dict[str, Digests] = json.loads(file.read_text(encoding="utf-8"))
    return stored


def changes(studies: Mapping[str, Study], recorded: Mapping[str, Digests] | None = None) -> list[Change]:
    """Every arm whose digest differs from the recorded one (the packaged record by default)."""
    before = recorded_digests() if recorded is None else recorded
    found: list[Change] = []
    for key in sorted({*studies, *before}):
        now = study_digests(studies[key]) if key in studies else {}
        then = before.get(key, {})
        for arm in sorted({*now, *then}):
            if arm not in then:
                found.append(Change(key, arm, "new"))
            elif arm not in now:
                found.append(Change(key, arm, "gone"))
            elif now[arm]["sentence"] != then[arm]["sentence"]:
                found.append(Change(key, arm, "sentence"))
            elif now[arm]["ledger"] != then[arm]["ledger"]:
                found.append(Change(key, arm, "meaning"))
    return found


def write_digests(studies: Mapping[str, Study], path: Path) -> None:
    """Record the present digests of the studies as a JSON file, one study a line."""
    lines = [f"{json.dumps(key)}: {json.dumps(study_digests(study))}" for key, study in sorted(studies.items())]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def record() -> None:
    """Record the digests of the packaged studies where they are stored; for use after a change that was meant."""
    from cotreat.evidence.load import studies

    write_digests(studies(), Path(str(resources.files("cotreat.evidence") / "studies" / "digests.json")))


def _without_lines(value: object) -> object:
    """The same structure without source line numbers: where a dose stands in the text does not change it."""
    if isinstance(value, dict):
        return {k: _without_lines(v) for k, v in value.items() if k != "line"}
    if isinstance(value, list | tuple):
        return [_without_lines(v) for v in value]
    return value
