"""What Parley itself asks and hears in each language it knows: yes and no, whether somebody meant STOP, that a question was left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.core.text import normalise


@dataclass(frozen=True, slots=True)
class OwnWords:
    """One language. ``yes`` and ``no`` are titles of buttons; what else counts as one of them stands in ``means_yes``, ``means_no``."""

    yes: str
    no: str
    near_miss: str
    stays: str
    cancelled: str
    choose: str
    means_yes: str = ""
    means_no: str = ""


_WORDS: Mapping[str, OwnWords] = {
    "en": OwnWords(
        "Yes", "No", "Do you want no more messages from us?", "All right, nothing changes.", "All right, we leave it there.",
        "Choose", "y, yeah, yep, yes please, ok, okay, sure, of course, right, correct, 👍", "n, nope, nah, no thanks, no thank you, 👎",
    ),
    "sv": OwnWords(
        "Ja", "Nej", "Vill du inte få fler meddelanden från oss?", "Då är allt som förut.", "Då lämnar vi det.",
        "Välj", "japp, jo, jajamän, ja tack, ok, okej, absolut, visst, gärna", "nä, nej tack, nope",
    ),
    "no": OwnWords(
        "Ja", "Nei", "Vil du ikke ha flere meldinger fra oss?", "Da blir alt som før.", "Da lar vi det være.",
        "Velg", "jo, ja takk, ok, gjerne, selvfølgelig", "nei takk, nope",
    ),
    "da": OwnWords(
        "Ja", "Nej", "Vil du ikke have flere beskeder fra os?", "Så er alt som før.", "Så lader vi det ligge.",
        "Vælg", "jo, ja tak, ok, gerne, selvfølgelig", "næ, nej tak",
    ),
    "fi": OwnWords(
        "Kyllä", "Ei", "Etkö halua enää viestejä meiltä?", "Kaikki pysyy ennallaan.", "Jätetään se tähän.",
        "Valitse", "joo, juu, kyllä kiitos, ok, totta kai", "ei kiitos, en",
    ),
    "de": OwnWords(
        "Ja", "Nein", "Möchten Sie keine Nachrichten mehr von uns?", "Gut, alles bleibt, wie es ist.", "Gut, wir lassen es dabei.",
        "Auswählen", "jo, jawohl, ja bitte, ok, gerne, klar, natürlich", "nö, nee, nein danke",
    ),
    "nl": OwnWords(
        "Ja", "Nee", "Wilt u geen berichten meer van ons?", "Goed, alles blijft zoals het is.", "Goed, we laten het erbij.",
        "Kiezen", "jawel, ja graag, ok, oké, prima, natuurlijk", "neen, nee bedankt, nee dank u",
    ),
    "fr": OwnWords(
        "Oui", "Non", "Ne voulez-vous plus recevoir nos messages ?", "Très bien, rien ne change.", "Très bien, nous en restons là.",
        "Choisir", "ouais, oui merci, ok, d'accord, bien sûr, volontiers", "non merci, nan",
    ),
    "es": OwnWords(
        "Sí", "No", "¿No quiere recibir más mensajes nuestros?", "De acuerdo, todo sigue igual.", "De acuerdo, lo dejamos aquí.",
        "Elegir", "sí por favor, claro, vale, ok, por supuesto", "no gracias",
    ),
    "pt": OwnWords(
        "Sim", "Não", "Não quer receber mais mensagens nossas?", "Está bem, fica tudo como está.", "Está bem, ficamos por aqui.",
        "Escolher", "sim por favor, claro, ok, pode ser, com certeza", "não obrigado, não obrigada",
    ),
    "it": OwnWords(
        "Sì", "No", "Non vuole più ricevere i nostri messaggi?", "Va bene, resta tutto com'è.", "Va bene, ci fermiamo qui.",
        "Scegli", "sì grazie, ok, certo, va bene, volentieri", "no grazie",
    ),
    "pl": OwnWords(
        "Tak", "Nie", "Czy nie chcesz już naszych wiadomości?", "Dobrze, nic się nie zmienia.", "Dobrze, na tym kończymy.",
        "Wybierz", "tak proszę, ok, jasne, oczywiście, pewnie", "nie dziękuję",
    ),
}  # fmt: skip
_SAME = {"nb": "no", "nn": "no"}


def _code(language: str) -> str:
    """The language whose words are spoken: ``pt-br`` speaks ``pt``, and what nobody here speaks is English."""
    code = language.split("-")[0]
    known = _SAME.get(code, code)
    return known if known in _WORDS else "en"


def own_words(language: str) -> OwnWords:
    """The words of ``language``, English where there are none."""
    return _WORDS[_code(language)]


def _plain(title: str, also: str) -> frozenset[str]:
    return frozenset(normalise(each).plain for each in (title, *also.split(",")) if each.strip())


_YES = {language: _plain(words.yes, words.means_yes) for language, words in _WORDS.items()}
_NO = {language: _plain(words.no, words.means_no) for language, words in _WORDS.items()}


def says_yes(plain: str, language: str) -> bool:
    """Whether a normalised whole message means yes in that language."""
    return plain in _YES[_code(language)]


def says_no(plain: str, language: str) -> bool:
    """Whether a normalised whole message means no in that language."""
    return plain in _NO[_code(language)]


# today; tomorrow
_DAYS: Mapping[str, str] = {
    "en": "today; tomorrow",
    "sv": "idag, i dag; imorgon, i morgon, imorron",
    "no": "i dag, idag; i morgen, imorgen",
    "da": "i dag, idag; i morgen, imorgen",
    "fi": "tänään; huomenna",
    "de": "heute; morgen",
    "nl": "vandaag; morgen",
    "fr": "aujourd'hui; demain",
    "es": "hoy; mañana",
    "pt": "hoje; amanhã",
    "it": "oggi; domani",
    "pl": "dzisiaj, dziś; jutro",
}
_DAYS_AHEAD = {
    language: {
        normalise(each).plain: ahead for ahead, listed in enumerate(words.split(";")) for each in listed.split(",")
    }
    for language, words in _DAYS.items()
}


def days_from_today(plain: str, languages: Iterable[str]) -> int | None:
    """0 for today and 1 for tomorrow as a normalised whole message says it in one of ``languages``; None for anything else."""
    for language in languages:
        ahead = _DAYS_AHEAD[_code(language)].get(plain)
        if ahead is not None:
            return ahead
    return None
