"""The text before it is read: one form for every character that means the same, refusal of what only looks the same."""

from __future__ import annotations

import unicodedata

from cotreat.measures.errors import InputError
from cotreat.regimen.faults import fault
from cotreat.regimen.values import Place

LARGEST_BYTES = 65_536
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_REFUSED_FORMS = ("<super>", "<sub>", "<fraction>", "<circle>")
_SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "MICRO", "KATAKANA-HIRAGANA")


def normalised(text: str) -> str:
    """The text as it is read: NFKC, plain hyphens and line breaks.

    InputError for a text above 64 kB, and for characters that would be read as something else than they look like:
    superscript digits (10² is not 102), invisible characters, letters of another script inside a word.
    """
    if len(text) > LARGEST_BYTES or len(text.encode("utf-8", "surrogatepass")) > LARGEST_BYTES:
        raise InputError(
            f"the text is larger than {LARGEST_BYTES // 1024} kB",
            hint="A regimen is a few lines. Is this the right file?",
        )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    if text.isascii() and not any(c < " " and c not in "\n\t" or c == "\x7f" for c in text):
        return text
    out: list[str] = []
    line = column = 1
    for character in text:
        place = Place(line, column)
        comment = "#" in "".join(out[-(column - 1) :]) if column > 1 and "#" in out[-(column - 1) :] else False
        if not comment:
            _refuse(text, character, place)
        folded = "-" if character in _HYPHENS else unicodedata.normalize("NFKC", character)
        folded = "".join("-" if c in _HYPHENS else c for c in folded)
        if not comment and "\n" in folded and character != "\n":
            folded = folded.replace("\n", " ")
        out.append(folded)
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    return unicodedata.normalize("NFC", "".join(out))


def _refuse(text: str, character: str, place: Place) -> None:
    if character in "\n\t" or " " <= character <= "~":
        return
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        raise fault(text, place, f"an invisible or unknown character ({name})", "Delete it and type the place again.")
    form = unicodedata.decomposition(character).split(" ")[0]
    if form in _REFUSED_FORMS:
        raise fault(text, place, f"{character} ({name}) is not read as a plain character", "Type it out.")
    if category.startswith("L") or category == "Nd":
        plain_form = unicodedata.normalize("NFKC", character)
        if plain_form.isascii() or character == "\u03bc" or plain_form == "\u03bc":
            return
        if not name.upper().startswith(_SCRIPTS) and not _hangul_part(character):
            raise fault(
                text, place, f"{character} ({name}) looks like another letter", "Type the word again in Latin letters."
            )
        if name.upper().startswith("LATIN"):
            raise fault(text, place, f"{character} ({name}) is in no word of the language", "Type the plain letter.")


def _hangul_part(character: str) -> bool:
    return "HANGUL" in unicodedata.name(character, "")
