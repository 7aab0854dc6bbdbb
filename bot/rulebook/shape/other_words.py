"""Words that people write where the rule language has another one: of their own language, or of another tool.

Guesses only: what stands here is never accepted in a rule's place, it is named in "Did you mean". Days alone are read, with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.rulebook.node import canonical

# Words of German, Swedish, French and Spanish; none of them is a key itself.
_FOREIGN: Final[Mapping[str, str]] = {
    word: key
    for key, words in {
        "rules": "regeln regler règles regles reglas",
        "settings": "einstellungen inställningar réglages paramètres ajustes configuración",
        "hours": "öffnungszeiten öppettider horaires horario horarios",
        "holidays": "feiertage helgdagar röda_dagar jours_fériés festivos",
        "templates": "vorlagen mallar modèles plantillas",
        "name": "namn nom nombre",
        "when": "wenn när quand cuando",
        "if": "falls om si",
        "reply": "antwort antworte svar svara réponse reponse respuesta",
        "then": "dann danach sedan då därefter puis alors después entonces",
        "ask": "frage fråga demande pregunta",
        "says": "sagt säger sagt_genau dit dice",
        "text": "texte texto",
        "buttons": "knöpfe schaltflächen knappar boutons botones",
        "label": "etikett beschriftung titel étiquette etiqueta",
        "goes_to": "geht_zu geh_zu gå_till går_till leder_till va_à ir_a va_a",
        "during": "während under_tiden pendant durante",
        "outside": "außerhalb ausserhalb utanför hors fuera",
        "language": "sprache språk langue idioma",
        "languages": "sprachen språken langues idiomas",
        "time_zone": "zeitzone tidszon fuseau_horaire zona_horaria",
        "examples": "beispiele exempel exemples ejemplos",
        "tag": "tagg märkning schlagwort",
        "hand_over": "übergeben an_mitarbeiter lämna_över",
        "must_be": "muss_sein måste_vara",
        "tries": "versuche försök essais intentos",
        "image": "bild foto imagen",
    }.items()
    for word in words.split()
}  # fmt: skip

# Words of English and of other tools, some of which are keys elsewhere: only guessed where they are none.
_ENGLISH: Final[Mapping[str, Sequence[str]]] = {
    "reply": ("answer", "response", "respond", "send", "message", "responses", "bot", "do", "action"),
    "text": ("message", "body", "content", "msg", "reply", "response", "answer", "bot"),
    "says": ("keywords", "keyword", "contains", "phrases", "phrase", "words", "message", "text", "user", "input", "utterance"),
    "when": ("trigger", "triggers", "on", "intent", "keywords", "question", "condition"),
    "if": ("condition", "conditions", "only_if"),
    "then": ("after", "next", "afterwards", "actions"),
    "name": ("id", "title", "rule", "rule_name", "key"),
    "label": ("title", "text", "name", "caption", "button"),
    "goes_to": ("action", "target", "go_to", "goto", "link", "leads_to", "next", "rule", "to", "payload", "value"),
    "title": ("label", "text", "name"),
    "url": ("link", "href", "goes_to", "address", "src", "file", "path"),
    "expect": ("bot", "reply", "answer", "expected", "then"),
    "match": ("yes", "good", "positive", "matches", "hears", "ja"),
    "no_match": ("no", "bad", "negative", "not_match", "not", "nein", "nej"),
    "hours": ("opening_hours", "open", "times", "business_hours"),
    "rules": ("answers", "replies", "bot"),
    "teams": ("departments", "groups"),
    "must_be": ("type", "kind", "format", "validation"),
    "nothing_matched": ("otherwise", "else", "default", "fallback", "sonst", "annars"),
    "first_contact": ("first_message", "new_customer"),
    "steps": ("says", "conversation"),
}  # fmt: skip

_LANGUAGES: Final[Mapping[str, str]] = {
    word: code
    for code, words in {
        "en": "eng english englisch engelska anglais inglés uk us gb",
        "sv": "se swe swedish schwedisch svenska suédois sueco",
        "de": "ger deu german deutsch tyska allemand alemán",
        "fr": "fra fre french französisch franska français",
        "es": "spa esp spanish spanisch spanska espagnol español",
        "da": "dk dan danish dänisch danska dansk",
        "nb": "nor norwegian norska norsk",
        "fi": "fin finnish finnisch finska suomi",
        "it": "ita italian italienisch italienska italiano",
        "nl": "nld dut dutch niederländisch holländska nederlands",
        "pl": "pol polish polnisch polska polski",
        "pt": "por portuguese portugiesisch português",
        "ar": "ara arabic arabisch arabiska",
        "ja": "jp jpn japanese",
        "zh": "cn zho chi chinese",
        "cs": "cz ces cze czech",
        "el": "gr ell gre greek",
        "uk": "ua ukr ukrainian",
    }.items()
    for word in words.split()
}  # fmt: skip

_YES: Final = frozenset(
    "ja jo oui sí si yeah y 1 x wahr richtig sant rätt vrai verdadero always immer alltid toujours siempre an på enabled".split()
)
_NO: Final = frozenset(
    "nein nej non n 0 falsch falskt fel faux falso never nie aldrig jamais nunca aus av disabled".split()
)

NUMBERS: Final[Mapping[str, int]] = {
    word: number
    for number, words in enumerate(
        (
            "one a an once ein eine einen einmal en ett un une una", "two twice zwei zweimal två deux dos",
            "three drei dreimal tre trois tres",
            "four vier fyra quatre cuatro", "five fünf fem cinq cinco", "six sechs sex seis", "seven sieben sju sept siete",
            "eight acht åtta huit ocho", "nine neun nio neuf nueve", "ten zehn tio dix diez",
        ),
        1,
    )
    for word in words.split()
}  # fmt: skip
_UNITS: Final[Mapping[str, str]] = {
    word: unit
    for unit, words in {
        "second": "sekunde sekunden sekund sekunder seconde secondes segundo segundos",
        "minute": "minuten minut minuter minuto minutos",
        "hour": "stunde stunden std timme timmar timmen heure heures hora horas",
        "day": "tag tage tagen dag dagar dagen dygn dygnet jour jours día días dia dias täglich dagligen",
        "week": "woche wochen vecka veckor veckan semaine semaines semana semanas wöchentlich",
        "month": "monat monate månad månader månaden mois mes meses",
    }.items()
    for word in words.split()
}  # fmt: skip


def foreign_key(written: str) -> str:
    """The key that a word of another language stands for, or empty."""
    return _FOREIGN.get(canonical(written), "")


def key_meant(written: str, known: Sequence[str]) -> str:
    """The one of ``known`` that somebody means who writes another word for it; empty if none."""
    if (foreign := foreign_key(written)) in known:
        return foreign
    word = canonical(written)
    return next((key for key, words in _ENGLISH.items() if key in known and word in words), "")


def language_meant(written: str) -> str:
    """The code of a language written as a word, as a country or with three letters; empty if none."""
    return _LANGUAGES.get(written.strip().lower(), "")


def yes_no_meant(written: str) -> str:
    """``true``, ``false`` or empty."""
    word = written.strip().lower()
    return "true" if word in _YES else "false" if word in _NO else ""


def unit_meant(written: str) -> str:
    """The unit of time, as one of it is called; empty if none."""
    return _UNITS.get(written.strip().lower(), "")


# --- days -----------------------------------------------------------------------------------------------------------------

_WEEKS: Final = (
    ("mo montag", "di dienstag", "mi mittwoch", "do donnerstag", "fr freitag", "sa samstag sonnabend", "so sonntag"),
    ("mån måndag", "tis tisdag", "ons onsdag", "tor tors torsdag", "fre fredag", "lör lördag", "sön söndag"),
    ("lun lundi", "mar mardi", "mer mercredi", "jeu jeudi", "ven vendredi", "sam samedi", "dim dimanche"),
    (
        "lun lunes",
        "mar martes",
        "mié mie miércoles miercoles",
        "jue jueves",
        "vie viernes",
        "sáb sab sábado sabado",
        "dom domingo",
    ),
)
# Also with a full stop, and a whole name as it is said of every week: montags, måndagar.
WEEKDAYS: Final[Mapping[str, int]] = {
    f"{word}{end}": day
    for week in _WEEKS
    for day, words in enumerate(week)
    for word in words.split()
    for end in (("", "s", "ar", "e") if len(word) > 3 else ("", "."))
}
SPANS_OF_DAYS: Final[Mapping[str, tuple[int, int]]] = {
    **dict.fromkeys(("weekdays", "weekday", "working_days", "wochentags", "vardagar", "vardag", "jours_ouvrables"), (0, 4)),
    **dict.fromkeys(("weekend", "weekends", "wochenende", "helg", "helger", "helgen", "week_end", "fin_de_semana"), (5, 6)),
    **dict.fromkeys(
        ("everyday", "täglich", "dagligen", "varje_dag", "alla_dagar", "jeden_tag", "tous_les_jours", "todos_los_días"), (0, 6)
    ),
}  # fmt: skip
CLOSED_WORDS: Final = frozenset("geschlossen stängt fermé ferme cerrado zu stängd closed.".split())
