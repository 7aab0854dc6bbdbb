"""What a message answers to a question: the value that is kept, or None where it is no answer.

A value is kept as written, save where many ways of writing mean one thing: a day is kept as 2026-12-24, a time as 18:30, a phone number
with its country (+46701234567), yes or no as ``yes`` and ``no``, a choice as its key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from bot.core.asking import MustBe
from bot.core.event import Content, Location, Media, MediaKind
from bot.core.hours import local_time
from bot.core.own_words import days_from_today, own_words, says_no, says_yes
from bot.core.phrasing import LocalText
from bot.core.scene import Scene
from bot.core.text import Words, alike, normalise
from bot.core.values import (
    DATE,
    EMAIL,
    NUMBER,
    PHONE,
    TIME,
    parts_like,
    plain_digits,
    read_date,
    read_number,
    read_time,
)

TEXT_MAX = 1000  # characters of an answer
_DIGITS = re.compile(r"\d+")
_IN_A_SENTENCE = {
    "digits": _DIGITS,
    "number": NUMBER,
    "date": DATE,
    "future_date": DATE,
    "time": TIME,
    "email": EMAIL,
    "phone": PHONE,
}


def read_answer(content: Content, words: Words, must_be: MustBe, scene: Scene) -> str | None:
    """The value that a message gives as a whole: its words, its caption, or the file or place it brings."""
    match must_be.kind:
        case "image" | "document":
            return _file(content, MediaKind(must_be.kind))
        case "location":
            return f"{content.latitude:.6f},{content.longitude:.6f}" if isinstance(content, Location) else None
        case _:
            return read_text(words.text, must_be, scene) if words.text.strip() else None


def read_text(text: str, must_be: MustBe, scene: Scene) -> str | None:
    """The value that ``text`` gives as a whole."""
    written = text.strip()
    if len(written) > TEXT_MAX:
        return None
    match must_be.kind:
        case "text":
            return written or None
        case "one_of":
            return _chosen(written, must_be)
        case "yes_or_no":
            return _yes_or_no(written, scene)
        case "digits":
            return _digits(written, must_be)
        case "number":
            return written if _is_number(written, must_be) else None
        case "date" | "future_date":
            return _date(written, must_be, scene)
        case "time":
            at = read_time(written)
            return None if at is None else f"{at:%H:%M}"
        case "email":
            return written if EMAIL.fullmatch(plain_digits(written)) else None
        case "phone" | "pattern":
            reads = must_be.reads
            return None if reads is None else reads.read(written, scene.conversation.contact.identity)
        case "image" | "document" | "location":
            return None
        case _:
            assert_never(must_be.kind)


def found_within(words: Words, must_be: MustBe, scene: Scene) -> str | None:
    """The one value of that kind that stands in a longer sentence ("it is 12345678, thanks"); None where there is none, or several."""
    shape = _IN_A_SENTENCE.get(must_be.kind)
    if shape is None:
        return None
    values = {value for part in parts_like(shape, words.text) if (value := read_text(part, must_be, scene)) is not None}
    return values.pop() if len(values) == 1 else None


def option_chosen(words: Words, must_be: MustBe, language: str) -> int | None:
    """The choice (from 0) that the whole message is the title or the number of; ``yes_or_no`` has titles in ``language``."""
    titles: list[tuple[str, ...]]
    if must_be.kind == "yes_or_no":
        titles = [(own_words(language).yes,), (own_words(language).no,)]
    else:
        titles = [(choice.value, *_titles(choice.label)) for choice in must_be.choices]
    named = next((at for at, each in enumerate(titles) if any(_equal(words, title) for title in each)), None)
    number = int(words.plain) if words.plain.isdecimal() and len(words.plain) <= 2 else 0
    return number - 1 if named is None and 1 <= number <= len(titles) else named


def option_value(must_be: MustBe, option: int) -> str | None:
    """The value of the choice at that position."""
    if must_be.kind == "yes_or_no":
        return ("yes", "no")[option] if option in (0, 1) else None
    return must_be.choices[option].value if 0 <= option < len(must_be.choices) else None


def _file(content: Content, kind: MediaKind) -> str | None:
    return content.url if isinstance(content, Media) and content.kind is kind else None


def _chosen(text: str, must_be: MustBe) -> str | None:
    option = option_chosen(normalise(text), must_be, "")
    return None if option is None else must_be.choices[option].value


def _titles(label: LocalText) -> Iterator[str]:
    for wording in label.wordings():
        for phrasing in wording.by_language.values():
            yield "".join(part for part in phrasing if isinstance(part, str))


def _equal(said: Words, title: str) -> bool:
    other = normalise(title.replace("_", " "))
    return bool(said.keys) and (said.plain == other.plain or alike(said.keys, other.keys))


def _yes_or_no(text: str, scene: Scene) -> str | None:
    said = normalise(text).plain
    for language in dict.fromkeys((scene.language, *scene.rulebook.settings.languages, "en")):
        if says_yes(said, language):
            return "yes"
        if says_no(said, language):
            return "no"
    return None


def _digits(text: str, must_be: MustBe) -> str | None:
    """Digits, also in groups ("1234 5678"), which are kept without the gaps."""
    together = re.sub(r"(?<=\d)[ \u00a0-](?=\d)", "", text)
    least, most = must_be.least or 1, must_be.most or TEXT_MAX
    return together if together.isdecimal() and least <= len(together) <= most else None


def _is_number(text: str, must_be: MustBe) -> bool:
    number = read_number(text)
    if number is None:
        return False
    return (must_be.least is None or number >= must_be.least) and (must_be.most is None or number <= must_be.most)


def _date(text: str, must_be: MustBe, scene: Scene) -> str | None:
    today = local_time(scene.rulebook, scene.now).date()
    ahead = must_be.kind == "future_date"
    days_ahead = days_from_today(normalise(text).plain, (scene.language, *scene.rulebook.settings.languages, "en"))
    if days_ahead is not None:
        return (today + timedelta(days=days_ahead)).isoformat()
    day = read_date(text, scene.rulebook.settings.date_order, today, ahead)
    return None if day is None or (ahead and day < today) else day.isoformat()
