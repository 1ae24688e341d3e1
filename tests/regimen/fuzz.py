"""Fuzzing of the treatment language: run for a number of seconds, stop at the first broken promise.

    python tests/regimen/fuzz.py 3600 [seed]

Texts are the known sentences with words lost, doubled, swapped, replaced by other words of the language or by odd
characters, and with lines mixed between sentences.

Promised for every text: an answer within a second; either InputError with one line of message, or a regimen that
prints, is read again as the same value, expands, and reads back with every subject and every number of the text in it
(nothing is dropped in silence).
"""

from __future__ import annotations

import random
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cotreat.catalogue.words import words
from cotreat.measures.errors import InputError
from cotreat.regimen.doses import doses_document
from cotreat.regimen.expand import expand
from cotreat.regimen.parse import grammar_text, parse
from cotreat.regimen.quantities import plain
from cotreat.regimen.readback import read_back
from cotreat.regimen.values import Regimen
from tests.regimen.sentences import SENTENCES

NUMBERS = ["0", "1", "2", "3", "6", "10", "12", "20", "0.7", "100", "225", "0,5", "1,800", "3000", "9999999"]
ODD = [
    "\u200b",
    "\u0410",
    "½",
    "²",
    "\0",
    "％",
    "１",
    "µg",
    "\u3000",
    "，",
    "。",
    "#",
    "#x\n",
    "\r\n",
    "\t",
    "\ufeff",
    "é",
    "-",
    ".",
]


class Fuzzer:
    """A source of texts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        known = words()
        quoted = re.findall(r'"([A-Za-z/%]+)"', grammar_text())
        self.vocabulary = [
            *quoted,
            *self.random.sample(sorted(known.drug), 40),
            *sorted(known.modality)[:40],
            *known.site,
            *known.placement,
            *NUMBERS,
            ",",
            "\n",
            "\nthen",
            "\nand",
        ]

    def text(self) -> str:
        """A sentence, or lines of several, changed in up to five places."""
        r = self.random
        lines = "\n".join(r.sample(SENTENCES, r.choice([1, 1, 1, 2, 3]))).split("\n")
        if r.random() < 0.3:
            r.shuffle(lines)
        tokens = re.findall(r"\n|[^\s]+|[ \t]+", "\n".join(lines))
        for _ in range(r.choice([0, 1, 1, 2, 3, 5])):
            i = r.randrange(len(tokens)) if tokens else 0
            match r.randrange(6):
                case 0:
                    tokens[i : i + 1] = []
                case 1:
                    tokens[i:i] = [" ", r.choice(self.vocabulary), " "]
                case 2:
                    tokens[i : i + 1] = [r.choice(self.vocabulary)]
                case 3:
                    tokens[i:i] = tokens[max(0, i - r.randrange(8)) : i]
                case 4 if tokens:
                    k = r.randrange(len(tokens[i]) + 1)
                    tokens[i] = tokens[i][:k] + r.choice(ODD) + tokens[i][k:]
                case _ if tokens:
                    j = r.randrange(len(tokens))
                    tokens[i], tokens[j] = tokens[j], tokens[i]
        return "".join(tokens)


def numbers(text: str) -> set[str]:
    """Numbers of a text as they are printed."""
    plain_text = re.sub(r"#[^\n]*", "", text)
    return {plain(float(n)) for n in re.findall(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?", plain_text)}


def answer(text: str) -> tuple[Regimen | None, str]:
    """The regimen of a text, or None and the message."""
    try:
        return parse(text), ""
    except InputError as error:
        return None, error.message


def examine(text: str) -> bool:
    """Whether a text is a regimen; raises AssertionError when a promise is broken."""
    began = time.process_time()
    regimen, refusal = answer(text)
    took = time.process_time() - began
    assert took < 1.0, f"slow: {took:.2f} s"
    if regimen is None:
        assert refusal, "refused without a message"
        assert "\n" not in refusal, "a message of more than one line"
        return False
    written = str(regimen)
    again = parse(written)
    assert again == regimen, "not the same when read again"
    ledger = expand(regimen)
    document = doses_document(regimen)
    assert len(ledger.phases) >= 1
    assert isinstance(document["items"], list)
    said = " ".join(read_back(regimen))
    for subject in regimen.subjects:
        assert subject in said, f"{subject} is not said"
    spoken = {"1", "2", "3", "4", "5", "6", "7"}
    for number in numbers(written) - spoken:
        assert number in numbers(said), f"{number} is not said"
    return True


def main(seconds: float, seed: int) -> int:
    """Runs for so many seconds; the exit code says whether a promise was broken."""
    fuzzer = Fuzzer(seed)
    parse("")
    end = time.monotonic() + seconds
    tried = accepted = 0
    slowest = 0.0
    while time.monotonic() < end:
        text = fuzzer.text()
        began = time.process_time()
        try:
            accepted += examine(text)
        except Exception as error:
            print(f"broken by seed {seed}, text {tried}: {text!r}\n{type(error).__name__}: {error}")
            return 1
        slowest = max(slowest, time.process_time() - began)
        tried += 1
    print(f"{tried} texts, {accepted} of them regimens, slowest {slowest:.2f} s, no promise broken")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
