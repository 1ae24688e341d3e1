"""One language of the sheets: fixed texts by key, dates, preparations and names of drugs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cotreat.catalogue.drug_facts import Language
from cotreat.catalogue.drug_table import drug
from cotreat.catalogue.modality_table import modalities
from cotreat.measures.errors import InputError
from cotreat.measures.suggest import did_you_mean
from cotreat.regimen.quantities import plain
from cotreat.safety.pack import LANGUAGES


@dataclass(frozen=True)
class Catalogue:
    """The texts of one language; ``reviewed`` says whether somebody who speaks it has read the translation."""

    language: Language
    texts: dict[str, Any]

    @property
    def reviewed(self) -> bool:
        """Whether the translation has been reviewed."""
        return bool(self.texts["reviewed"])

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its places filled in."""
        text: str = self.texts[key]
        return text.format(**values) if values else text

    def day(self, when: date | str) -> str:
        """A date as it is written in the language, with the day of the week."""
        d = date.fromisoformat(when) if isinstance(when, str) else when
        weekday, month = self.texts["weekdays"][d.weekday()], self.texts["months"][d.month - 1]
        return str(self.texts["date"]).format(weekday=weekday, month=month, day=d.day, year=d.year)

    def often(self, times: int) -> str:
        """How often a day."""
        return self(f"times_{times}") if times in (1, 2) else self("times_n", n=times)

    def preparation(self, p: dict[str, Any]) -> str:
        """A preparation of the plan document in words, such as 37.5 mg prolonged-release capsule."""
        form = self._form(p["form"], p["release"])
        strength = self("strength_mL" if p["per"] == "mL" else "strength_piece", mg=plain(p["mg"]), form=form)
        return f"{strength} ({self('made_to_order')})" if p["origin"] == "made to order" else strength

    def _form(self, form: str, release: str) -> str:
        forms, releases = self.texts["forms"], self.texts["releases"]
        word = str(forms.get(form) or forms.get(form.split(" (", maxsplit=1)[0]) or form)
        if release not in releases or form.startswith(self._english_release(release)):
            return word
        return self("release_and_form", release=releases[release], form=word)

    @staticmethod
    def _english_release(release: str) -> str:
        return str(catalogue("en").texts["releases"][release])

    def amount(self, take: dict[str, Any], preparations: dict[str, dict[str, Any]]) -> str:
        """How much of one preparation is one dose."""
        p = preparations[take["preparation"]]
        n, words = plain(take["amount"]), self.preparation(p)
        if take["drops"] is not None:
            return self("amount_drops", drops=take["drops"], n=n, preparation=words)
        if take["unit"] == "mL":
            return self("amount_mL", n=n, preparation=words)
        whole, half = divmod(take["amount"], 1)
        if half:
            return self("amount_and_half" if whole else "amount_half", n=plain(whole), preparation=words)
        return self("amount_pieces", n=n, preparation=words)

    def drug(self, drug_id: str) -> str:
        """A drug's name in the language, with the English one beside it where they differ."""
        name = drug(drug_id).label(self.language)
        return drug_id if name is None or name == drug_id else f"{name} ({drug_id})"

    def doubtful_name(self, drug_id: str) -> str | None:
        """The name as printed, when nobody has read it in a source; else None."""
        for n in drug(drug_id).names:
            if n.language == self.language and n.kind == "generic" and n.not_accepted is None:
                return None if n.mark == "seen" else n.word
        return None

    def modality(self, name: str) -> str:
        """What a session is called: the word of the language where there is one on file."""
        found = next((m for m in modalities() if m.id == name), None)
        if found is None or self.language == "en":
            return name
        return next(iter(found.words(self.language)), name)


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of a language (en, ko, ja); InputError for any other."""
    if language not in LANGUAGES:
        raise InputError(
            f"no sheets in {language!r}",
            hint=did_you_mean(language, LANGUAGES) or f"Languages: {', '.join(LANGUAGES)}.",
        )
    text = files("cotreat.plan.locale").joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    return Catalogue(language, yaml.safe_load(text))  # type: ignore[arg-type]
