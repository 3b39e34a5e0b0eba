"""German and English: which one a reader wants, and every sentence of the pages in it.

The pages are written in English; ``translations/de.po`` holds the German beside it and is compiled when the
process starts. Entries with the context ``refusal`` are sentences of refusals, with a letter in braces wherever
the sentence carries a fact.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Final, Literal

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["de", "en"]

LANGUAGES: Final[dict[Language, str]] = {"de": "Deutsch", "en": "English"}
CATALOGUE: Final = Path(__file__).parent / "translations" / "de.po"
REFUSAL: Final = "refusal"
FACT: Final = "fact"

_DAY: Final = re.compile(r"(?P<weekday>[A-Z][a-z]+day )?(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\b", re.ASCII)
_AMOUNT: Final = re.compile(
    r"\b(?!ISO )(?P<currency>[A-Z]{3}) (?P<whole>[0-9]{4,18})(?P<rest>\.[0-9]{2}\b|)(?!\.?[0-9])", re.ASCII
)
_ACT: Final = re.compile(r"\b[a-z_]+\.[a-z_]+\b", re.ASCII)
_FACT: Final = re.compile(r"\\\{([a-z])\\\}")


def N_(text: str) -> str:  # noqa: N802 - the name by which extraction tools find texts
    """Mark a text for translation where it stands; it is translated where it is shown."""
    return text


def known(language: str | None) -> Language | None:
    """Return the language if the pages speak it."""
    return next((code for code in LANGUAGES if code == language), None)


def preferred(accept_language: str) -> Language:
    """Return the language that a browser asks for with the highest weight; English if neither is named."""
    wishes: list[tuple[float, int, Language]] = []
    for place, wish in enumerate(accept_language.split(",")[:20]):
        tag, _, parameter = wish.strip().partition(";")
        language = known(tag.strip().partition("-")[0].lower())
        weight = re.fullmatch(r"\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*", parameter)
        weighs = 1.0 if not parameter else float(weight.group(1)) if weight else 0.0
        if language is not None and weighs > 0:
            wishes.append((-weighs, place, language))
    return min(wishes)[2] if wishes else "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """German for every text of the pages, and for the refusals' sentences."""

    texts: GNUTranslations
    refusals: tuple[tuple[re.Pattern[str], str], ...]


@cache
def catalogue() -> Catalogue:
    """Read and compile the German catalogue, once."""
    with CATALOGUE.open("rb") as file:
        found = read_po(file, locale="de")
    compiled = io.BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    sentences = [
        (pattern(message.id), str(message.string))
        for message in found
        if message.context == REFUSAL and message.string and isinstance(message.id, str)
    ]
    # A sentence with more words of its own is the closer match.
    sentences.sort(key=lambda pair: -len(_FACT.sub("", pair[0].pattern)))
    return Catalogue(GNUTranslations(compiled), tuple(sentences))


def pattern(sentence: str) -> re.Pattern[str]:
    """Return what recognises a refusal's sentence and takes its facts out.

    A fact that stands twice in the sentence must be the same both times.
    """
    seen: set[str] = set()

    def place(found: re.Match[str]) -> str:
        name = found.group(1)
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>.+?)"

    written = _FACT.sub(place, re.escape(sentence.removesuffix(".")))
    return re.compile(written + r"\.?\Z", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one page in one language. ``named`` gives codes that stand in refusals their names."""

    language: Language
    named: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, text: str, **facts: object) -> str:
        """Return the text in this language, with its facts put in. The result is plain text, never markup."""
        said = catalogue().texts.gettext(text) if self.language == "de" and text else text
        return said % facts if facts else said

    def plural(self, one: str, many: str, count: int) -> str:
        """Return the form for this number of things, with ``%(count)s`` put in."""
        if self.language == "de":
            said = catalogue().texts.ngettext(one, many, count)
        else:
            said = one if count == 1 else many
        return said % {"count": count}

    def fact(self, said: str) -> str:
        """Return a fact of a refusal in German: names for codes and holidays, days as Germans write them."""
        if (code := said.strip("'")) in self.named:
            return f"„{self(self.named[code])}“"
        known = catalogue().texts.pgettext(FACT, said)
        return known if known != said else _DAY.sub(german_day, said)

    def refusal(self, sentence: str) -> tuple[str, Language]:
        """Return a refusal's sentence and the language it is in: English where there is no German for it."""
        if self.language == "de":
            for form, german in catalogue().refusals:
                if (found := form.match(sentence)) is not None:
                    facts = {place: self.fact(said) for place, said in found.groupdict().items()}
                    return _AMOUNT.sub(german_amount, filled(german, facts)), "de"
        told = _ACT.sub(self.act, sentence[:1].upper() + sentence[1:])
        return _AMOUNT.sub(british_amount, told), "en"

    def act(self, found: re.Match[str]) -> str:
        """Return the name of an act whose code stands in a refusal; what is no act's code stays."""
        return f"“{self(self.named[found[0]])}”" if found[0] in self.named else found[0]


def british_amount(found: re.Match[str]) -> str:
    """Write an amount of a refusal with its thousands apart."""
    return f"{found['currency']} {int(found['whole']):,}{found['rest']}"


def german_amount(found: re.Match[str]) -> str:
    """Write the same with the marks of German."""
    return british_amount(found).translate(str.maketrans(",.", ".,"))


def german_day(found: re.Match[str]) -> str:
    """Write a day of a refusal, with its weekday where the refusal named it."""
    try:
        day = date.fromisoformat(found["day"])
    except ValueError:
        return found[0]
    return str(format_date(day, "EEEE, dd.MM.yyyy" if found["weekday"] else "dd.MM.yyyy", locale="de"))


def filled(sentence: str, facts: dict[str, str]) -> str:
    """Put the facts into a sentence with letters in braces."""
    return re.sub(r"\{([a-z])\}", lambda place: facts.get(place.group(1), place.group(0)), sentence)
