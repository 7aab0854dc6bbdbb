"""Phrases that cannot do what they look like: consent words, and rules that earlier ones leave nothing to."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core.rule import Heard, Phrase, Place, Rule
from bot.core.rulebook import Matcher
from bot.core.text import normalise
from bot.rulebook.checks.cases import implies
from bot.rulebook.pattern import Pattern
from bot.rulebook.phrases import parsed
from bot.rulebook.problem import seen_from
from bot.rulebook.shape.book import Draft
from bot.rulebook.traps import quote


def check_consent_words(draft: Draft) -> None:
    """A stop word never reaches the rules, so none may listen for it."""
    for rule in draft.rules:
        for phrase in phrases_of(rule):
            found = next(
                (plain for plain in _plain_readings(parsed(phrase.pattern)) if plain in draft.consent.stop), ""
            )
            if found:
                draft.notes.problems.error(
                    phrase.place,
                    f'"{found}" is a consent word: it stops all messages before any rule sees it. Take it out of rule {rule.name}.',
                )


def phrases_of(rule: Rule) -> Iterator[Phrase]:
    """Everything the rule listens for."""
    for trigger in rule.triggers:
        if isinstance(trigger, Heard):
            yield from trigger.phrases


def _plain_readings(pattern: Pattern) -> Iterator[str]:
    for reading in pattern.readings:
        words = [part for part in reading if isinstance(part, str)]
        if len(words) == len(reading):
            yield " ".join(words)


def check_taken(draft: Draft, matcher: Matcher) -> None:
    """A rule each of whose phrases has an earlier rule's phrase inside it can never answer.

    Exact where it speaks: phrases without slots, against earlier rules that hear anywhere in a message and hold whenever the later
    one does.
    """
    anywhere = {phrase.place for rule in draft.rules for phrase in _said_anywhere(rule)}
    led_to = {mention.name for mention in draft.notes.mentions if mention.kind == "rule"}
    for position, rule in enumerate(draft.rules):
        if not rule.enabled or rule.name in led_to or not rule.triggers:
            continue
        if all(isinstance(trigger, Heard) for trigger in rule.triggers):
            _check_rule(position, rule, draft, matcher, anywhere)


def _said_anywhere(rule: Rule) -> Iterator[Phrase]:
    for trigger in rule.triggers:
        if isinstance(trigger, Heard) and trigger.how == "says":
            yield from trigger.phrases


def _check_rule(position: int, rule: Rule, draft: Draft, matcher: Matcher, anywhere: set[Place]) -> None:
    taken: list[tuple[str, Rule]] = []
    for phrase in phrases_of(rule):
        pattern = parsed(phrase.pattern)
        sentences = list(_plain_readings(pattern))
        if len(sentences) != len(pattern.readings) or len(sentences) > 100:
            return
        for sentence in sentences:
            taker = _taker(position, sentence, draft, matcher, anywhere)
            if taker is None:
                return
            taken.append((sentence, taker))
    sentence, taker = taken[0]
    heard = next(hit.phrase.pattern for hit in matcher.hits(normalise(sentence)) if draft.rules[hit.rule] is taker)
    where = seen_from(rule.place, taker.place)
    draft.notes.problems.error(
        rule.place,
        f"Rule {rule.name} can never answer: rule {taker.name} ({where}) takes every message with {quote(heard)}, "
        f'for example "{sentence}". Move {rule.name} above {taker.name}.',
    )


def _taker(position: int, sentence: str, draft: Draft, matcher: Matcher, anywhere: set[Place]) -> Rule | None:
    for hit in matcher.hits(normalise(sentence)):
        earlier = draft.rules[hit.rule]
        if hit.rule >= position:
            return None
        if (
            earlier.enabled
            and hit.phrase.place in anywhere
            and implies(draft.rules[position].condition, earlier.condition)
        ):
            return earlier
    return None
