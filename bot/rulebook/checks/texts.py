"""Every text that the rules may say, with its limit and with what is known where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.core.reply import BODY_MAX, TEXT_MAX
from bot.core.rule import Condition, Rule, Say
from bot.rulebook.checks.says import Part, parts, question_parts
from bot.rulebook.checks.values import FIELDS, Known, Values
from bot.rulebook.shape.book import Draft


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a rule, the conditions under which it is said, and what is known then."""

    say: Say
    condition: Condition
    values: Values


def said_by(rule: Rule, known: Known) -> Iterator[Said]:
    """Every message the rule can send but its questions, ``if_closed`` included."""
    for item, values in zip(rule.reply, known.items, strict=True):
        for say in item.says:
            yield Said(say, item.condition, values)
        if item.if_closed is not None and item.if_closed.template is not None:
            yield Said(item.if_closed.template, item.condition, values)
    if rule.if_closed is not None and rule.if_closed.template is not None:
        yield Said(rule.if_closed.template, Condition(), known.closed)


def texts_of(rule: Rule, known: Known) -> Iterator[tuple[Part, Values]]:
    """Every text of the rule's messages and questions."""
    for said in said_by(rule, known):
        yield from ((part, said.values) for part in parts(said.say))
    for question, values in zip(rule.ask, known.questions, strict=True):
        yield from ((part, values) for part in question_parts(question))


def texts_of_no_rule(draft: Draft) -> Iterator[tuple[Part, Values]]:
    """Texts that no rule says: nothing is known there but the contact and the day."""
    values = Values(frozenset({"today"}), frozenset({"today", *FIELDS, *draft.notes.contact_fields}))
    consent, settings = draft.consent, draft.settings
    plain = (
        consent.stop_reply,
        consent.start_reply,
        settings.option_gone,
        settings.cancel_text,
        *draft.canned.values(),
    )
    yield from ((Part(text, "This text", TEXT_MAX), values) for text in plain if text is not None)
    if consent.near_miss_text is not None:
        yield Part(consent.near_miss_text, "The text with buttons", BODY_MAX), values
