"""``consent``: always on; staff change the wording and add words only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.core.consent import builtin
from bot.core.rule import LocalText, Place
from bot.core.rulebook import ConsentWords
from bot.rulebook.node import Fields, Node
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.own_words import own_words
from bot.rulebook.shape.text import local_text
from bot.rulebook.shape.value import choice, fields

STOP_REPLY: Final = {
    "en": "You get no more messages from us. Write START to come back.",
    "sv": "Du får inga fler meddelanden från oss. Skriv START för att komma tillbaka.",
    "da": "Du får ikke flere beskeder fra os. Skriv START for at komme tilbage.",
    "no": "Du får ingen flere meldinger fra oss. Skriv START for å komme tilbake.",
    "nb": "Du får ingen flere meldinger fra oss. Skriv START for å komme tilbake.",
    "fi": "Et saa meiltä enää viestejä. Kirjoita START, jos haluat palata.",
    "de": "Sie erhalten keine Nachrichten mehr von uns. Schreiben Sie START, um zurückzukommen.",
    "nl": "U krijgt geen berichten meer van ons. Stuur START om terug te komen.",
    "fr": "Vous ne recevrez plus de messages de notre part. Écrivez START pour revenir.",
    "es": "Ya no recibirás más mensajes nuestros. Escribe START para volver.",
    "pt": "Não receberá mais mensagens nossas. Escreva START para voltar.",
    "it": "Non riceverai più messaggi da noi. Scrivi START per tornare.",
    "pl": "Nie będziesz już otrzymywać od nas wiadomości. Napisz START, aby wrócić.",
    "tr": "Artık bizden mesaj almayacaksınız. Geri dönmek için START yazın.",
}
START_REPLY: Final = {
    "en": "Welcome back! You get messages from us again.",
    "sv": "Välkommen tillbaka! Du får meddelanden från oss igen.",
    "da": "Velkommen tilbage! Du får beskeder fra os igen.",
    "no": "Velkommen tilbake! Du får meldinger fra oss igjen.",
    "nb": "Velkommen tilbake! Du får meldinger fra oss igjen.",
    "fi": "Tervetuloa takaisin! Saat taas viestejä meiltä.",
    "de": "Willkommen zurück! Sie erhalten wieder Nachrichten von uns.",
    "nl": "Welkom terug! U krijgt weer berichten van ons.",
    "fr": "Bon retour ! Vous recevez de nouveau nos messages.",
    "es": "¡Bienvenido de nuevo! Vuelves a recibir nuestros mensajes.",
    "pt": "Bem-vindo de volta! Volta a receber as nossas mensagens.",
    "it": "Bentornato! Ricevi di nuovo i nostri messaggi.",
    "pl": "Witaj ponownie! Znów otrzymujesz od nas wiadomości.",
    "tr": "Tekrar hoş geldiniz! Mesajlarımızı yeniden alacaksınız.",
}
_EXAMPLE: Final = "consent: {stop_words: {sv: [sluta]}}"


def consent(sections: Sequence[Node], scope: Scope) -> ConsentWords:
    """The words and answers of consent: the built-in ones, and what staff added or worded anew."""
    nowhere = Place("built in", 1, 1)
    stop, start = builtin(scope.notes.languages)
    words = ConsentWords(
        frozenset(stop), frozenset(start), _builtin_reply(STOP_REPLY, nowhere), _builtin_reply(START_REPLY, nowhere)
    )
    for section in sections:
        mapping = fields(section, "consent", _EXAMPLE, scope)
        if mapping is not None:
            words = _with(words, mapping, scope)
    return words


def _builtin_reply(texts: dict[str, str], place: Place) -> LocalText:
    return LocalText({language: (text,) for language, text in texts.items()} | {"": (texts["en"],)}, place)


def _with(words: ConsentWords, mapping: Fields, scope: Scope) -> ConsentWords:
    keys = Keys(mapping, "consent", scope)
    stop = words.stop | own_words(keys.take("stop_words"), "stop_words", scope)
    start = words.start | own_words(keys.take("start_words"), "start_words", scope)
    both = sorted(stop & start)
    if both:
        scope.error(keys.place, f'"{both[0]}" both stops and starts. Keep it in one of the two lists.')
    added = ConsentWords(
        stop=stop,
        start=start,
        stop_reply=local_text(keys.take("stop_reply"), "stop_reply", scope) or words.stop_reply,
        start_reply=local_text(keys.take("start_reply"), "start_reply", scope) or words.start_reply,
        near_misses=choice(keys.take("near_misses"), "near_misses", ("ask", "ignore"), scope) or words.near_misses,
        near_miss_text=local_text(keys.take("near_miss_text"), "near_miss_text", scope) or words.near_miss_text,
        after_stop=choice(keys.take("after_stop"), "after_stop", ("silent", "answer"), scope) or words.after_stop,
        marketing=choice(keys.take("marketing"), "marketing", ("opted_in", "not_stopped"), scope) or words.marketing,
    )
    keys.finish()
    return added
