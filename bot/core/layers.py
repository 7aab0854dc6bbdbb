"""The fixed order in which a person's message is answered: the first layer that takes it ends the search.

Each layer is given the draft and the message, and says whether the message is its own.
"""

from __future__ import annotations

from bot.core.choosing import first_that_fits, learn_language
from bot.core.consent_layer import consent
from bot.core.draft import Draft
from bot.core.event import OwnTap, Text
from bot.core.hearing import heard, named
from bot.core.message import Layer, Message
from bot.core.misses import nothing_matched
from bot.core.near_miss import near_miss, near_miss_answer
from bot.core.question_layer import question, under_way
from bot.core.taps import taps


def person(draft: Draft, message: Message) -> bool:
    """A colleague answers; the bot is silent until the conversation is given back."""
    if not draft.in_charge:
        return False
    now, until = draft.scene.now, draft.in_charge_until
    if until is not None and now >= until:
        draft.note(f"Team {draft.in_charge} was silent for long enough; the bot has the conversation again.")
        draft.in_charge, draft.in_charge_until, draft.handed_over = "", None, True
        return False
    again = message.event.written_at + draft.in_charge_for
    draft.in_charge_until = again if until is None else max(until, again)
    draft.excused = True
    draft.note(f"Team {draft.in_charge} has the conversation, so the bot does not answer.")
    return True


def rules(draft: Draft, message: Message) -> bool:
    """Top to bottom, the first rule that hears the message and whose ``if`` holds."""
    scene, words = draft.scene, message.words
    hits = scene.rulebook.matcher.hits(words) if words.keys else ()
    if isinstance(message.event.content, Text) or hits:
        learn_language(draft, words, hits)
    return first_that_fits(draft, heard(hits, message.event.content, scene.rulebook))


def first_contact(draft: Draft, message: Message) -> bool:
    """The person never wrote before, and no rule took what they wrote."""
    rulebook = draft.scene.rulebook
    if not draft.scene.conversation.first_contact or not rulebook.on_first_contact:
        return False
    return first_that_fits(draft, named(rulebook.on_first_contact, "first_contact", rulebook))


def order(draft: Draft, message: Message) -> tuple[Layer, ...]:
    """The layers to ask: where nothing is open and nobody has the conversation, as nearly always, four of them cannot take it."""
    is_open = draft.question is not None or draft.call is not None or draft.flow is not None or draft.near_miss
    return ORDER if is_open or draft.in_charge or isinstance(message.event.content, OwnTap) else AT_REST


ORDER: tuple[Layer, ...] = (
    consent,
    near_miss_answer,
    person,
    under_way,
    question,
    taps,
    near_miss,
    rules,
    first_contact,
    nothing_matched,
)
AT_REST = tuple(each for each in ORDER if each not in (near_miss_answer, person, under_way, question))
