"""A greeting that stands above other rules takes their messages too: "hi, where is my order" is more than a hello."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.core.rule import Rule
from bot.core.rulebook import Matcher
from bot.core.text import normalise
from bot.rulebook.checks.expansions import Expansion, expander
from bot.rulebook.checks.precedence import Precedence, heard_by, takes_from
from bot.rulebook.problem import seen_from
from bot.rulebook.shape.book import Draft
from bot.rulebook.traps import quote

# What people open a message with, language by language; each counts in every shop.
_GREETINGS: Final = (
    "hi, hii, hello, helo, hey, heya, hiya, howdy, yo, hi there, hello there, hey there, hi all, hello all, good day, greetings, "
    "good morning, good afternoon, good evening, morning, 👋;"
    "hej, hejsan, hejhej, hej hej, hallå, tjena, tja, tjo, hallo där, god dag, goddag, god morgon, godmorgon, god kväll, godkväll;"
    "hei, heisann, halla, hallo, god kveld, god aften, goddag, davs, halløj, godmorgen, godaften, god morgen;"
    "moi, moikka, hei hei, terve, huomenta, hyvää päivää, hyvää huomenta, hyvää iltaa, päivää;"
    "guten tag, guten morgen, guten abend, moin, moin moin, servus, grüezi, grüß gott, grüß dich, tach;"
    "hoi, goedendag, goedemorgen, goedemiddag, goedenavond, dag;"
    "bonjour, bonsoir, salut, coucou, allô;"
    "hola, buenas, buenos días, buen día, buenas tardes, buenas noches;"
    "olá, oi, bom dia, boa tarde, boa noite, alô;"
    "ciao, salve, buongiorno, buon giorno, buonasera, buona sera, buon pomeriggio;"
    "cześć, hejka, dzień dobry, dobry wieczór, witam, siema;"
    "merhaba, selam, selamlar, günaydın, iyi günler, iyi akşamlar;"
    "привет, здравствуйте, здравствуй, добрый день, доброе утро, добрый вечер, привіт, вітаю, доброго дня, добрий день;"
    "مرحبا, اهلا, أهلا وسهلا, سلام, السلام عليكم, صباح الخير, مساء الخير; שלום, היי, הי, בוקר טוב, ערב טוב;"
    "नमस्ते, नमस्कार, हैलो, हाय; halo, hai, selamat pagi, selamat siang, selamat sore, selamat malam; สวัสดี, หวัดดี, สวัสดีครับ, สวัสดีค่ะ;"
    "你好, 您好, 嗨, 早上好, 下午好, 晚上好; こんにちは, こんばんは, おはよう, おはようございます; 안녕, 안녕하세요"
)
# What a greeting may well answer in passing.
_COURTESIES: Final = (
    "thanks, thank you, thx, ok, okay, yes, no, bye, goodbye, good bye, see you, how are you, good night, welcome;"
    "tack, tack så mycket, okej, ja, nej, hej då, hejdå, adjö, hur mår du, vi ses; takk, tak, farvel, ha det; kiitos, hei hei, näkemiin;"
    "danke, vielen dank, nein, tschüss, auf wiedersehen, wie geht es dir, wie gehts; bedankt, dank je, doei, tot ziens;"
    "merci, oui, non, au revoir, ça va, comment ça va; gracias, sí, adiós, hasta luego, cómo estás, qué tal;"
    "obrigado, obrigada, sim, não, tchau, tudo bem, como vai; grazie, sì, arrivederci, come stai; dziękuję, tak, nie, do widzenia;"
    "teşekkürler, evet, hayır, nasılsın; спасибо, да, нет, пока, до свидания, как дела;"
    "شكرا; תודה; धन्यवाद; terima kasih; ขอบคุณ; 谢谢; ありがとう; 감사합니다"
)


def _plain(lists: str) -> frozenset[str]:
    return frozenset(normalise(each).plain for part in lists.split(";") for each in part.split(","))


GREETINGS: Final = _plain(_GREETINGS)
_EASY: Final = GREETINGS | _plain(_COURTESIES)


def check_greetings(draft: Draft, matcher: Matcher) -> None:
    """One warning for each rule that takes a message for its greeting although a lower rule would answer the rest of it."""
    precedence = Precedence(draft.rules, matcher, expander(draft.rules))
    for position, rule in enumerate(draft.rules):
        greetings = list(_greetings(precedence, position))
        found = _first_rest(precedence, position, greetings[0]) if greetings else None
        if found is not None:
            lower, rest = found
            phrase = greetings[0].phrase
            where = seen_from(phrase.place, lower.place)
            whole = f"{greetings[0].shown(greetings[0].text)}, {rest.shown(rest.text)}"
            draft.notes.problems.warning(
                phrase.place,
                f"Rule {rule.name} takes {quote(whole)} for a greeting; rule {lower.name} ({where}) would have answered the rest. "
                f"Move {rule.name} below {lower.name} and the other rules, or use says_exactly for its greetings.",
            )


def _greetings(precedence: Precedence, position: int) -> Iterator[Expansion]:
    """The greetings that a rule takes in any company."""
    for how, phrase in heard_by(precedence.rules[position]):
        if how != "says_exactly":
            yield from (each for each in precedence.expander.of(phrase).tried if each.text in GREETINGS)


def _first_rest(precedence: Precedence, position: int, greeting: Expansion) -> tuple[Rule, Expansion] | None:
    """A lower rule, and a sentence that it would answer but for the greeting before it."""
    upper = precedence.rules[position]
    for below, lower in enumerate(precedence.rules[position + 1 :], position + 1):
        if not lower.enabled or not takes_from(lower, upper):
            continue
        for how, phrase in heard_by(lower):
            rest = precedence.expander.of(phrase).tried[0]
            whole = f"{greeting.text} {rest.text}"
            if how != "says" or rest.text in _EASY or _goes(precedence, below, rest.text) != below:
                continue
            if _goes(precedence, below, whole) == position:
                return lower, rest
    return None


def _goes(precedence: Precedence, position: int, message: str) -> int | None:
    """The rule that takes a message which the rule at ``position`` hears; None where it does not."""
    hit = precedence.taker(position, message)
    return None if hit is None else hit.rule
