"""Words by which a person leaves a question: cancel, never mind, and the like in the languages that consent words know.

They count as the whole message only, after normalising, and only while a question is open; elsewhere they are ordinary words. None of
them is a consent word: who cancels an order form does not ask to be left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.core.consent import list_language
from bot.core.text import normalise

# What also means "whatever you like" ("egal", "no importa") is missing on purpose: it answers many a question.
_BUILT_IN: Mapping[str, str] = {
    "en": "cancel, end, quit, exit, abort, never mind, nevermind, forget it, forget about it, cancel that, cancel this",
    "ar": "الغاء, إلغاء الأمر, خروج, انس الأمر",
    "da": "annuller, annullér, afbryd, fortryd, glem det",
    "de": "abbrechen, abbruch, beenden, ende, vergiss es, vergessen sie es",
    "es": "cancelar, cancela, salir, terminar, olvídalo, olvídelo, déjalo, déjelo",
    "fi": "peruuta, peru, keskeytä, lopetus, poistu, antaa olla, unohda se",
    "fr": "annuler, annule, annulez, quitter, terminer, laisse tomber, laissez tomber, tant pis",
    "he": "ביטול, בטל, לבטל, יציאה, סיום, עזוב",
    "hi": "रद्द करें, रद्द करो, रद्द, छोड़ो, छोड़ें, रहने दो, रहने दें, बाहर निकलें",
    "id": "batal, batalkan, keluar, lupakan, tidak jadi",
    "it": "annulla, annullare, esci, uscire, lascia perdere, lasci perdere",
    "ja": "キャンセル, 取り消し, 取消, やめる, やめます, 終了, もういい, もういいです",
    "ko": "취소, 취소해 주세요, 종료, 나가기, 그만, 됐어요",
    "nl": "annuleer, annuleren, afbreken, einde, laat maar, vergeet het",
    "no": "avbryt, avslutt, angre, glem det, det var ingenting",
    "pl": "anuluj, przerwij, zakończ, koniec, wyjdź, zapomnij",
    "pt": "cancelar, cancela, cancele, sair, terminar, encerrar, esquece, esqueça, deixa para lá",
    "ru": "отмена, отменить, отмени, выход, выйти, закончить, конец, забудь, забудьте",
    "sv": "avbryt, avsluta, ångra, glöm det, strunt samma, det var inget",
    "th": "ยกเลิก, เลิก, ออก, จบ, ช่างมัน",
    "tr": "iptal, iptal et, vazgeç, vazgeçtim, çıkış, bitir, boşver, boş ver",
    "uk": "скасувати, скасуй, відміна, відмінити, вихід, вийти, кінець, забудь, забудьте",
    "zh": "取消, 退出, 结束, 結束, 算了, 没事了, 沒事了",
}


def builtin_cancel_words(languages: Iterable[str]) -> frozenset[str]:
    """The built-in words, normalised, of English and of those ``languages`` that have some; a region makes no difference."""
    found: set[str] = set()
    for language in ("en", *languages):
        listed = _BUILT_IN.get(list_language(language), "")
        found.update(normalise(word).plain for word in listed.split(",") if word.strip())
    return frozenset(found)


def cancel_languages() -> frozenset[str]:
    """The languages with cancel words of their own."""
    return frozenset(_BUILT_IN)
