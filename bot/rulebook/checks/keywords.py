"""Consent words are no keywords: a stop word never reaches the rules."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.consent import Said, said_outright
from bot.core.rule import Phrase, Rule, Tapped
from bot.core.rulebook import ConsentWords
from bot.core.text import normalise
from bot.rulebook.checks.expansions import phrases_of
from bot.rulebook.pattern import Pattern
from bot.rulebook.phrases import parsed
from bot.rulebook.shape.book import Draft


def check_consent_words(draft: Draft) -> None:
    """A stop word never reaches the rules, typed or as a postback, so none may listen for it. Words that start may be keywords."""
    for rule in draft.rules:
        for phrase, sentences in _listened_for(rule):
            found = next((plain for plain in sentences if _stops(plain, draft.consent)), "")
            if found:
                draft.notes.problems.error(
                    phrase.place,
                    f'"{found}" is a consent word: it stops all messages before any rule sees it. Take it out of rule {rule.name}.',
                )


def _listened_for(rule: Rule) -> Iterator[tuple[Phrase, Iterator[str]]]:
    """The rule's phrases and titles, each with the sentences without slots that it stands for."""
    for phrase in phrases_of(rule):
        yield phrase, _plain_readings(parsed(phrase.pattern))
    for trigger in rule.triggers:
        if isinstance(trigger, Tapped):
            yield from ((title, iter((normalise(title.pattern).plain,))) for title in trigger.titles)


def _plain_readings(pattern: Pattern) -> Iterator[str]:
    for reading in pattern.readings:
        words = [part for part in reading if isinstance(part, str)]
        if len(words) == len(reading):
            yield " ".join(words)


def _stops(plain: str, consent: ConsentWords) -> bool:
    """Words of ASCII are compared as they stand; scripts without spaces as they are written."""
    return plain in consent.stop or (not plain.isascii() and said_outright(normalise(plain), consent) is Said.STOP)
