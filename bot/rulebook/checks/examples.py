"""``examples``: each message of ``match`` is answered by its rule, and none of ``no_match``, in the whole order of precedence."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.consent import Said, read_consent
from bot.core.rule import FirstContact, NothingMatched, Phrase, Rule
from bot.core.rulebook import Hit, Matcher
from bot.core.text import Words, normalise
from bot.rulebook.checks.cases import implies
from bot.rulebook.problem import seen_from
from bot.rulebook.shape.book import Draft
from bot.rulebook.traps import quote


def check_examples(draft: Draft, matcher: Matcher) -> None:
    """Put every example through the matcher."""
    for position, rule in enumerate(draft.rules):
        for phrase in rule.examples_match:
            sentence = _not_matched(phrase, position, draft, matcher) if rule.enabled else ""
            if sentence:
                draft.notes.problems.error(phrase.place, sentence)
        for phrase in rule.examples_no_match:
            hit = _taker(normalise(phrase.pattern), position, draft, matcher)
            if isinstance(hit, Hit) and hit.rule == position:
                draft.notes.problems.error(
                    phrase.place,
                    f"Example {quote(phrase.pattern)} should not be answered by rule {rule.name}, but its phrase "
                    f"{quote(hit.phrase.pattern)} hears it. Make that phrase longer, or delete the example.",
                )


def _not_matched(phrase: Phrase, position: int, draft: Draft, matcher: Matcher) -> str:
    rule, words = draft.rules[position], normalise(phrase.pattern)
    said = read_consent(words, draft.consent)
    if said is Said.STOP:
        return f"Example {quote(phrase.pattern)} is a consent word and never reaches the rules. Delete it."
    if said is Said.NEAR_MISS and not matcher.phrases_of(words):
        return (
            f"Example {quote(phrase.pattern)} is nearly a consent word, so the person is asked whether they mean STOP. "
            f"Add it to says of rule {rule.name} as a phrase of its own, or delete it."
        )
    hit = _taker(words, position, draft, matcher)
    if hit is not None:
        return "" if hit.rule == position else _taken(phrase, rule, draft.rules[hit.rule], hit)
    if any(isinstance(trigger, NothingMatched | FirstContact) for trigger in rule.triggers):
        return ""  # it answers what no rule hears
    return f"Example {quote(phrase.pattern)} is not heard by rule {rule.name}. Add a phrase for it to says, or delete the example."


def _taken(phrase: Phrase, rule: Rule, taker: Rule, hit: Hit) -> str:
    where = seen_from(phrase.place, hit.phrase.place)
    return (
        f"Example {quote(phrase.pattern)} of rule {rule.name} is answered by rule {taker.name} ({where}), which hears "
        f"{quote(hit.phrase.pattern)}. Move {rule.name} above {taker.name}, or change one of the phrases."
    )


def _taker(words: Words, position: int, draft: Draft, matcher: Matcher) -> Hit | None:
    """The first rule that hears ``words`` and would answer whenever rule ``position`` could."""
    hits: Sequence[Hit] = matcher.hits(words) if words.keys else ()
    for hit in hits:
        rule = draft.rules[hit.rule]
        if hit.rule == position or (
            rule.enabled and rule.at_most is None and implies(draft.rules[position].condition, rule.condition)
        ):
            return hit
    return None
