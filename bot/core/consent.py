"""Consent words: the messages by which a person stops and starts what the bot sends, in any language it speaks.

They count as the whole message only, after normalising. The lists follow what people answer to business messages; none of
them is a word that merely leaves a question (cancel, quit) or that a customer writes alone for another reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from bot.core.rulebook import ConsentWords
from bot.core.text import Words, alike, normalise, skeleton, tight


class Said(Enum):
    """What a message means for consent. NEAR_MISS: perhaps STOP; worth asking, never worth acting on."""

    STOP = "stop"
    START = "start"
    NEAR_MISS = "near_miss"
    NOTHING = "nothing"


# language: (words that stop, words that start), comma between
_BUILT_IN: Mapping[str, tuple[str, str]] = {
    "en": ("stop, stopall, stop all, unsubscribe, opt out, optout", "start, unstop, subscribe"),
    "ar": ("توقف, إيقاف, أوقف, إلغاء الاشتراك", "ابدأ, ابدا, اشتراك, اشترك"),
    "da": ("stop, afmeld, afmelding, frameld", "start, tilmeld"),
    "de": ("stop, stopp, abmelden, abbestellen, austragen", "start, anmelden, abonnieren"),
    "es": (
        "parar, alto, baja, darme de baja, darse de baja, cancelar suscripción",
        "alta, iniciar, suscribir, suscribirme",
    ),
    "fi": ("seis, lopeta, peru tilaus, peruuta tilaus", "aloita, tilaa"),
    "fr": (
        "stop, arrêt, arrêter, arrêtez, désabonner, me désabonner, désinscription",
        "start, démarrer, s'abonner, abonner",
    ),
    "he": ("עצור, הפסק, הסר, הסרה", "התחל, הרשמה"),
    "hi": ("स्टॉप, रोकें, रोको, बंद करें, बंद करो, सदस्यता समाप्त करें", "स्टार्ट, शुरू, शुरू करें, सदस्यता लें"),
    "id": ("berhenti, setop, berhenti berlangganan", "mulai, langganan, berlangganan"),
    "it": (
        "ferma, fermare, stop, disiscrivi, disiscrivimi, cancellami, annulla iscrizione",
        "inizia, avvia, iscrivimi",
    ),
    "ja": ("停止, ストップ, 配信停止, 登録解除, 購読解除", "開始, スタート, 配信再開, 購読"),
    "ko": ("중지, 중단, 수신거부, 수신 거부, 구독취소, 구독 취소", "시작, 구독"),
    "nl": ("stop, stoppen, afmelden, uitschrijven", "start, starten, aanmelden, inschrijven"),
    "no": ("stopp, avmeld, meld av, meld meg av", "start, påmeld, meld på, meld meg på"),
    "pl": ("stop, zatrzymaj, wypisz, wypisz mnie, rezygnuję", "start, zapisz, zapisz mnie, subskrybuj"),
    "pt": (
        "parar, pare, descadastrar, cancelar inscrição, cancelar subscrição",
        "iniciar, começar, inscrever, subscrever",
    ),
    "ru": ("стоп, отписаться, отписка, отпишите меня", "старт, подписаться"),
    "sv": ("stopp, stoppa, sluta, avregistrera, avregistrera mig, avprenumerera", "start, starta, börja, prenumerera"),
    "th": ("หยุด, ยกเลิกการสมัคร, ยกเลิกการรับข้อความ", "เริ่ม, สมัคร"),
    "tr": ("dur, durdur, abonelikten çık, listeden çık", "başla, başlat, abone ol"),
    "uk": ("стоп, відписатися, відписка", "старт, підписатися"),
    "zh": ("停止, 退订, 退訂, 取消订阅, 取消訂閱", "开始, 開始, 订阅, 訂閱"),
}
_SAME_LANGUAGE = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}

_POLITE = (
    "please, pls, plz, now, me, thanks, thank you; من فضلك, رجاء, الان, شكرا; venligst, nu, mig, tak; bitte, jetzt, mich, mir, danke;"
    "por favor, ahora, ya, me, gracias; kiitos, nyt, minut; s'il vous plaît, svp, stp, maintenant, moi, merci; בבקשה, עכשיו, תודה;"
    "कृपया, अभी, मुझे, धन्यवाद; tolong, sekarang, saya; per favore, per piacere, ora, adesso, mi, grazie; 今すぐ, お願いします, ください;"
    "제발, 지금, 해주세요; alsjeblieft, alstublieft, aub, nu, mij, bedankt; vær så snill, nå, meg, takk; proszę, teraz, mnie, dziękuję;"
    "agora, já, obrigado, obrigada; пожалуйста, сейчас, меня, спасибо; snälla, nu, mig, tack; กรุณา, ครับ, ค่ะ, คะ, ตอนนี้, ด้วย;"
    "lütfen, şimdi, beni, teşekkürler; будь ласка, зараз, мене, дякую; 请, 請, 现在, 現在, 谢谢, 謝謝, 吧"
)
_MOST_WORDS = 4
_MOST_LEFT = 2
_FEWEST_LETTERS = 5
# The only slips of "stop" that are asked about: others ("shop", "step", "top") are words.
_SLIPS_OF_STOP = frozenset("stpo sotp tsop stopp".split())


def _listed(text: str) -> tuple[Words, ...]:
    return tuple(normalise(each) for each in re.split("[,;]", text) if each.strip())


_POLITE_KEYS = tuple(sorted({each.keys for each in _listed(_POLITE)}, key=lambda keys: (-len(keys), keys)))
_POLITE_BY_START = {
    start: tuple(keys for keys in _POLITE_KEYS if keys[0] == start) for start in {keys[0] for keys in _POLITE_KEYS}
}
_POLITE_STARTS = frozenset(_POLITE_BY_START)


def list_language(language: str) -> str:
    """Under which code a language's built-in words stand: without its region, and one code for what is written alike."""
    code = re.split("[-_]", language.lower())[0]
    return _SAME_LANGUAGE.get(code, code)


def builtin(languages: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The built-in stop and start words, normalised, of English and of those ``languages`` that have some.

    A language is a code such as ``sv``; a region after it (``pt_BR``, ``en-GB``) makes no difference.
    """
    stop: set[str] = set()
    start: set[str] = set()
    for language in ("en", *languages):
        stops, starts = _BUILT_IN.get(list_language(language), ("", ""))
        stop.update(each.plain for each in _listed(stops))
        start.update(each.plain for each in _listed(starts))
    return frozenset(stop), frozenset(start)


def builtin_languages() -> frozenset[str]:
    """The languages with consent words of their own."""
    return frozenset(_BUILT_IN)


def said_outright(words: Words, consent: ConsentWords) -> Said:
    """STOP or START where the whole message is such a word, in whatever language of ``consent``; else NOTHING.

    Every message is asked this twice, where it is recorded and where it is decided, so it costs two looks into a set.
    """
    if not words.keys:
        return Said.NOTHING
    if not (words.held or _index(consent.stop).held or _index(consent.start).held):  # as nearly always
        said = Said.START if words.plain in consent.start else Said.NOTHING
        return Said.STOP if words.plain in consent.stop else said
    if _is_one_of(words, consent.stop):
        return Said.STOP
    return Said.START if _is_one_of(words, consent.start) else Said.NOTHING


def read_consent(words: Words, consent: ConsentWords) -> Said:
    """As ``said_outright``, and whether a message that says nothing outright nearly says STOP.

    A near miss is a message of at most four words of which, without polite ones, one or two remain that are a stop word or
    one slip from one of five letters or more. With ``near_misses: ignore`` there are none. Whether the message is a phrase
    of a rule, and so no near miss, is for the caller to see.
    """
    return Said.NEAR_MISS if nearly_stops(words, consent) else said_outright(words, consent)


def nearly_stops(words: Words, consent: ConsentWords) -> bool:
    """Whether ``read_consent`` would tell of a near miss."""
    if not words.keys or consent.near_misses != "ask" or _is_far(words, _index(consent.stop)):
        return False
    return _is_near_miss(words, consent.stop) and said_outright(words, consent) is Said.NOTHING


def one_slip(left: str, right: str) -> bool:
    """Whether one letter put in, left out or replaced, or two neighbours swapped, turns ``left`` into ``right``."""
    if len(left) > len(right):
        left, right = right, left
    if len(right) - len(left) > 1 or left == right:
        return False
    at = next((i for i, (mine, yours) in enumerate(zip(left, right, strict=False)) if mine != yours), len(left))
    if len(left) < len(right):
        return left[at:] == right[at + 1 :]
    swapped = left[at + 1 : at + 2] + left[at : at + 1] + left[at + 2 :]
    return left[at + 1 :] == right[at + 1 :] or swapped == right[at:]


# --- looking up ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Listed:
    """A list of consent words, ready to look up: all words as tokens, those with a letter held down, and where slips lead."""

    keys: Mapping[str, tuple[str, ...]]
    held: tuple[tuple[str, ...], ...]
    by_gap: Mapping[str, tuple[str, ...]]
    starts: frozenset[str]
    ends: frozenset[str]
    longest: int
    has_stop: bool


@lru_cache(maxsize=64)
def _index(plains: frozenset[str]) -> _Listed:
    words = [normalise(plain) for plain in sorted(plains)]
    by_gap: dict[str, set[str]] = {}
    for written in (tight(each.keys) for each in words if not _is_stop_itself(each.plain)):
        if sum(map(str.isalpha, written)) >= _FEWEST_LETTERS:
            for gap in gaps(written):
                by_gap.setdefault(gap, set()).add(written)
    near = _SLIPS_OF_STOP.union(*((each.plain, each.keys[0], each.keys[-1]) for each in words if each.keys))
    return _Listed(
        starts=frozenset(each[:2] for word in near for each in (word, f"{word} ")),
        ends=frozenset(each[-2:] for word in near for each in (word, f" {word}")),
        keys={each.plain: each.keys for each in words},
        held=tuple(each.keys for each in words if each.held),
        by_gap={gap: tuple(sorted(found)) for gap, found in by_gap.items()},
        longest=max((len(each.plain) for each in words), default=0),
        has_stop=any(_is_stop_itself(each.plain) for each in words),
    )


def _is_stop_itself(plain: str) -> bool:
    return skeleton(plain) == "stop"


def gaps(written: str) -> Iterator[str]:
    """The word and each of its forms with one character missing: two words one slip apart share one of these."""
    yield written
    for at in range(len(written)):
        yield written[:at] + written[at + 1 :]


def _is_one_of(words: Words, plains: frozenset[str]) -> bool:
    if words.plain in plains:
        return True
    listed = _index(plains)
    if not words.held and not listed.held:
        return False  # tokens without letters held down are alike where they are equal
    if words.held and len(words.plain) <= 3 * listed.longest:
        return any(alike(words.keys, keys) for keys in listed.keys.values())
    return any(alike(words.keys, keys) for keys in listed.held)


def _is_far(words: Words, listed: _Listed) -> bool:
    """Whether a glance rules a near miss out, as for nearly every message: one slip in five letters or more leaves the first two of them
    as they are, or the last two. Only scripts without spaces have words of several tokens."""
    keys, plain = words.keys, words.plain
    if words.held or listed.held or not plain.isascii():
        return False
    if len(keys) > _MOST_WORDS:
        return True
    if _POLITE_STARTS.isdisjoint(keys):
        return len(keys) > _MOST_LEFT or (plain[:2] not in listed.starts and plain[-2:] not in listed.ends)
    return not any(key[:2] in listed.starts or key[-2:] in listed.ends for key in keys)


def _is_near_miss(words: Words, stop: frozenset[str]) -> bool:
    listed = _index(stop)
    if len(words.keys) > _MOST_WORDS and len(words.plain) > 3 * listed.longest + 40:
        return False
    if len(tight(words.keys).split(" ")) > _MOST_WORDS:
        return False
    keys = _without_polite(words.keys, stop)
    written = tight(keys)
    if not keys or len(written.split(" ")) > _MOST_LEFT:
        return False
    left = Words(written, keys, " ".join(keys), words.held)
    if _is_one_of(left, stop) or _is_slip(written, listed):
        return True
    return all(word in stop for word in written.split(" "))  # "stop stop"


def _is_slip(written: str, listed: _Listed) -> bool:
    if listed.has_stop and written in _SLIPS_OF_STOP:
        return True
    if not _FEWEST_LETTERS - 1 <= len(written) <= listed.longest + 1:
        return False
    near = {each for gap in gaps(written) for each in listed.by_gap.get(gap, ())}
    return any(one_slip(written, each) for each in near)


def _without_polite(keys: tuple[str, ...], stop: frozenset[str]) -> tuple[str, ...]:
    """The tokens that are left when polite words are taken out; a word that stops is never polite."""
    if _POLITE_STARTS.isdisjoint(keys):
        return keys
    left: list[str] = []
    at = 0
    while at < len(keys):
        polite = _polite_at(keys, at) if keys[at] in _POLITE_BY_START and keys[at] not in stop else 0
        if not polite:
            left.append(keys[at])
        at += polite or 1
    return tuple(left)


def _polite_at(keys: tuple[str, ...], at: int) -> int:
    """How many tokens the polite word at this place has; 0 where there is none."""
    return next((len(polite) for polite in _POLITE_BY_START[keys[at]] if keys[at : at + len(polite)] == polite), 0)
