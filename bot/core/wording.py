"""The sentences that Parley says by itself, and times in words, for the languages it knows; English for all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

OPTION_GONE = {
    "en": "That option is no longer there.",
    "sv": "Det alternativet finns inte längre.",
    "nb": "Det valget finnes ikke lenger.",
    "no": "Det valget finnes ikke lenger.",
    "da": "Den mulighed findes ikke længere.",
    "fi": "Tätä vaihtoehtoa ei enää ole.",
    "de": "Diese Auswahl gibt es nicht mehr.",
    "nl": "Die keuze is er niet meer.",
    "fr": "Cette option n'existe plus.",
    "es": "Esa opción ya no está disponible.",
    "pt": "Essa opção já não está disponível.",
    "it": "Questa opzione non è più disponibile.",
    "pl": "Tej opcji już nie ma.",
}

# What people call the menu: a rule that hears one of these is what to offer when an option is gone.
MENU_WORDS = {
    "en": "menu",
    "sv": "meny",
    "nb": "meny",
    "no": "meny",
    "da": "menu",
    "fi": "valikko",
    "de": "menü",
    "nl": "menu",
    "fr": "menu",
    "es": "menú",
    "pt": "menu",
    "it": "menu",
    "pl": "menu",
}


@dataclass(frozen=True, slots=True)
class _Days:
    """Phrases with ``{time}`` and ``{day}``; ``names`` from Monday, in the form that ``weekday`` needs."""

    today: str
    tomorrow: str
    weekday: str
    later: str
    names: tuple[str, ...]


def _days(today: str, tomorrow: str, weekday: str, later: str, names: str) -> _Days:
    return _Days(today, tomorrow, weekday, later, tuple(names.split(" ")))


_NORWEGIAN = _days(
    "i dag kl. {time}",
    "i morgen kl. {time}",
    "{day} kl. {time}",
    "{day} kl. {time}",
    "mandag tirsdag onsdag torsdag fredag lørdag søndag",
)
_DAYS = {
    "en": _days(
        "today at {time}",
        "tomorrow at {time}",
        "on {day} at {time}",
        "on {day} at {time}",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    ),
    "sv": _days(
        "i dag kl. {time}",
        "i morgon kl. {time}",
        "på {day} kl. {time}",
        "{day} kl. {time}",
        "måndag tisdag onsdag torsdag fredag lördag söndag",
    ),
    "nb": _NORWEGIAN,
    "no": _NORWEGIAN,
    "da": _days(
        "i dag kl. {time}",
        "i morgen kl. {time}",
        "{day} kl. {time}",
        "{day} kl. {time}",
        "mandag tirsdag onsdag torsdag fredag lørdag søndag",
    ),
    "fi": _days(
        "tänään klo {time}",
        "huomenna klo {time}",
        "{day} klo {time}",
        "{day} klo {time}",
        "maanantaina tiistaina keskiviikkona torstaina perjantaina lauantaina sunnuntaina",
    ),
    "de": _days(
        "heute um {time}",
        "morgen um {time}",
        "am {day} um {time}",
        "am {day} um {time}",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    ),
    "nl": _days(
        "vandaag om {time}",
        "morgen om {time}",
        "{day} om {time}",
        "op {day} om {time}",
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    ),
    "fr": _days(
        "aujourd'hui à {time}",
        "demain à {time}",
        "{day} à {time}",
        "le {day} à {time}",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
    ),
    "es": _days(
        "hoy a las {time}",
        "mañana a las {time}",
        "el {day} a las {time}",
        "el {day} a las {time}",
        "lunes martes miércoles jueves viernes sábado domingo",
    ),
    "pt": _days(
        "hoje às {time}",
        "amanhã às {time}",
        "{day} às {time}",
        "em {day} às {time}",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
    ),
    "it": _days(
        "oggi alle {time}",
        "domani alle {time}",
        "{day} alle {time}",
        "il {day} alle {time}",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    ),
    "pl": _days(
        "dzisiaj o {time}",
        "jutro o {time}",
        "{day} o {time}",
        "{day} o {time}",
        "w\u00a0poniedziałek we\u00a0wtorek w\u00a0środę w\u00a0czwartek w\u00a0piątek w\u00a0sobotę w\u00a0niedzielę",
    ),
}


def option_gone(language: str) -> str:
    """What a person reads who tapped a button whose rule is gone."""
    return OPTION_GONE.get(language, OPTION_GONE["en"])


def opening_words(today: date, opens_at: datetime, language: str) -> str:
    """``opens_at`` as said on ``today``: today, tomorrow, the weekday within the week, else the date (ISO)."""
    days = _DAYS.get(language, _DAYS["en"])
    ahead = (opens_at.date() - today).days
    at = f"{opens_at:%H:%M}"
    if ahead < 2:
        return (days.tomorrow if ahead else days.today).format(time=at)
    if ahead < 7:
        return days.weekday.format(time=at, day=days.names[opens_at.weekday()])
    return days.later.format(time=at, day=opens_at.date().isoformat())
