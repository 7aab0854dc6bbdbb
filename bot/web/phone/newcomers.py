"""Somebody new to chat as: a number that belongs to nobody, a name, a language."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bot.core.rulebook import Rulebook, Settings

# Numbers kept free for films and examples (Ofcom, PTS, NANPA, ARCEP, Bundesnetzagentur, ACMA); elsewhere ones with many noughts.
_FREE: Final = {
    "44": ("447700900123", 447700900200),
    "46": ("46701740605", 46701740606),
    "1": ("12025550123", 12025550124),
    "33": ("33639980123", 33639980124),
    "49": ("4917139200123", 4917139200124),
    "61": ("61491570006", 61491570156),
}
_PREFIXES: Final = {
    "en": "44", "sv": "46", "de": "49", "fr": "33", "es": "34", "nb": "47", "no": "47", "da": "45", "fi": "358", "nl": "31",
    "it": "39", "pl": "48", "pt": "351", "el": "30", "cs": "420", "et": "372", "lv": "371", "lt": "370", "uk": "380", "tr": "90",
}  # fmt: skip
_NAMES: Final = {
    "en": ("Bea", "Sam", "Maya", "Leo"),
    "sv": ("Anna", "Åke", "Elsa", "Nils"),
    "de": ("Lena", "Jonas", "Mia"),
    "fr": ("Chloé", "Hugo", "Inès"),
    "es": ("Lucía", "Mateo", "Sofía"),
    "fi": ("Aino", "Onni", "Helmi"),
}
_ANYBODY: Final = ("Kim", "Robin", "Alex", "Noor")
_LANGUAGES: Final = {
    "en": "English", "sv": "Svenska", "de": "Deutsch", "fr": "Français", "es": "Español", "nb": "Norsk", "no": "Norsk", "da": "Dansk",
    "fi": "Suomi", "nl": "Nederlands", "it": "Italiano", "pl": "Polski", "pt": "Português", "ar": "العربية", "uk": "Українська",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Newcomer:
    """``language`` is the rulebook's word, ``speaks`` its name."""

    identity: str
    name: str
    language: str
    speaks: str


def suggested(rulebook: Rulebook, taken: Collection[str], names: Collection[str]) -> tuple[Newcomer, ...]:
    """One for each language of the rules, with numbers and names that nobody has yet."""
    return tuple(
        Newcomer(_number(_prefix(each, rulebook.settings), taken), _name(each, names), each, language_name(each))
        for each in rulebook.settings.languages
    )


def language_of_number(identity: str, settings: Settings) -> str:
    """The language that the number alone tells, by its longest prefix in the rules; else the first one of the rules."""
    fitting = [each for each in settings.language_of_prefix if identity.startswith(each)]
    return settings.language_of_prefix[max(fitting, key=len)] if fitting else settings.languages[0]


def language_name(code: str) -> str:
    """As its speakers call it; the code where nobody knows."""
    return _LANGUAGES.get(code.partition("-")[0].lower(), code)


def _prefix(language: str, settings: Settings) -> str:
    told = [prefix for prefix, speaks in settings.language_of_prefix.items() if speaks == language]
    return told[0] if told else _PREFIXES.get(language.partition("-")[0].lower(), "44")


def _number(prefix: str, taken: Collection[str]) -> str:
    first, further = _FREE.get(prefix, (f"{prefix}700000100", int(f"{prefix}700000101")))
    number = first
    while number in taken:
        number, further = str(further), further + 1
    return number


def _name(language: str, names: Collection[str]) -> str:
    choice = _NAMES.get(language.partition("-")[0].lower(), _ANYBODY)
    return next((each for each in (*choice, *_ANYBODY) if each not in names), f"{choice[0]} {len(names) + 1}")
