"""What a newcomer could write first: words that the live rules themselves listen for, of rules that show different things."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bot.core.rule import Heard, Rule, SayButtons, SayContact, SayFlow, SayList, SayLocation, SayMedia, SayText
from bot.core.rulebook import Rulebook
from bot.core.text import normalise

MOST: Final = 4
_LENGTH_MAX: Final = 40
_PLAIN: Final = re.compile(r"[^\[\](){}|]+")
_SHOWY: Final = ("buttons", "list", "questions", "place", "media", "words")


def to_try(rulebook: Rulebook, language: str) -> tuple[str, ...]:
    """Up to four, the showiest kinds of reply first; none where no rule listens for plain words in that language."""
    by_kind: dict[str, str] = {}
    rest: list[str] = []
    for rule in rulebook.rules:
        words = next(_words(rule, language, rulebook), "")
        if not words or not rule.enabled:
            continue
        if by_kind.setdefault(_kind(rule), words) is not words:
            rest.append(words)
    first = [by_kind[kind] for kind in _SHOWY if kind in by_kind]
    return tuple(dict.fromkeys([*first, *rest]))[:MOST]


def _words(rule: Rule, language: str, rulebook: Rulebook) -> Iterator[str]:
    """Its keywords that are plain words, then its examples."""
    for trigger in rule.triggers:
        if isinstance(trigger, Heard):
            for phrase in trigger.phrases:
                if phrase.language in ("", language) and _PLAIN.fullmatch(phrase.pattern):
                    yield _capital(phrase.pattern)
    for example in rule.examples_match:
        spoken = rulebook.matcher.languages(normalise(example.pattern))
        if spoken == {language} and len(example.pattern) <= _LENGTH_MAX:
            yield example.pattern


def _kind(rule: Rule) -> str:
    if rule.ask:
        return "questions"
    for item in rule.reply:
        for say in item.says:
            match say:
                case SayButtons():
                    return "buttons"
                case SayList() | SayFlow():
                    return "list"
                case SayLocation() | SayContact():
                    return "place"
                case SayMedia():
                    return "media"
                case SayText():
                    continue
                case _:
                    return "words"
    return "words"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
