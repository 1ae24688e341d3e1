"""The text before it is read: one form for every character that means the same, refusal of what only looks the same."""

from __future__ import annotations

import unicodedata

from cotreat.measures.errors import InputError
from cotreat.regimen.faults import fault
from cotreat.regimen.quantities import Place

LARGEST_BYTES = 65_536
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-")
_NOT_PLAIN = ("<super>", "<sub>", "<fraction>", "<circle>")
_SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "HALFWIDTH", "FULLWIDTH", "IDEOGRAPHIC")
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def normalised(text: str) -> str:
    """The text as it is read: NFKC, plain hyphens, plain line breaks.

    InputError for a text above 64 kB, and for characters that would be read as something else than they look like:
    superscript digits (10² is not 102), invisible characters, letters of another script. Comments may hold anything.
    """
    if len(text) > LARGEST_BYTES or len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        raise InputError(
            f"the text is larger than {LARGEST_BYTES // 1024} kB",
            hint="A regimen is a few lines. Is this the right file?",
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    lines = unicodedata.normalize("NFC", text).split("\n")
    return "\n".join(_line(lines, number) for number in range(len(lines)))


def _line(lines: list[str], number: int) -> str:
    line = lines[number]
    read = line.split("#", 1)[0]
    for column, character in enumerate(read):
        message = None if " " <= character <= "~" or character == "\t" else _objection(character)
        if message is not None:
            shown = "\n".join(_visible(one) for one in lines)
            raise fault(shown, Place(number + 1, column + 1), message, "Type the word again in plain letters.")
    # A comment is not read: only characters that could end its line are taken out.
    comment = "".join(c for c in line[len(read) :] if c.isprintable() or c == "\t")
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", read).translate(_HYPHENS))
    return plain.replace("\u03bcg", "mcg") + comment


def _objection(character: str) -> str | None:
    """Why a character is refused, or None."""
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        return f"an invisible or unknown character ({name.lower()})"
    if unicodedata.decomposition(character).split(" ")[0] in _NOT_PLAIN:
        return f"{character} ({name.lower()}) is not read as a plain number or letter"
    if category[0] not in "LN":
        return None
    plain = unicodedata.normalize("NFKC", character)
    if plain.isascii() or plain == "\u03bc":
        return None
    if not name.startswith(_SCRIPTS):
        return f"{character} ({name.lower()}) only looks like a letter or digit of the language"
    if name.startswith("LATIN"):
        return f"{character} ({name.lower()}) is in no word of the language"
    return None


def _visible(line: str) -> str:
    return "".join("\ufffd" if unicodedata.category(c) in _INVISIBLE and c != "\t" else c for c in line)
