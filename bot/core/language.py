"""The language to answer in, and what a message teaches about it.

In this order: what the API, the person or a rule's ``set`` told (Sinch's contact language is stored the same way); the keyword list that
heard the message, while nothing is known; the prefix of the phone number; the first language of the rulebook. A known language gives
way only when two messages in a row are heard by another language's lists alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.conversation import Conversation
from bot.core.rulebook import Hit, Rulebook, Settings
from bot.core.text import Words


@dataclass(frozen=True, slots=True)
class Learnt:
    """``language`` to answer in; ``known`` is a language to store (empty: leave it), ``hint`` what the next message may confirm."""

    language: str
    known: str = ""
    hint: str = ""


def known_language(conversation: Conversation, settings: Settings) -> str:
    """What somebody told, where the rulebook speaks it; else empty."""
    language = conversation.person.language
    return language if language in settings.languages else ""


def language_of(conversation: Conversation, settings: Settings) -> str:
    """The language to answer in while a message teaches nothing."""
    return (
        known_language(conversation, settings)
        or _by_prefix(conversation.contact.identity, settings)
        or settings.languages[0]
    )


def learn(words: Words, hits: Sequence[Hit], conversation: Conversation, rulebook: Rulebook) -> Learnt:
    """What a message that ``hits`` heard tells about the person's language."""
    settings = rulebook.settings
    language = language_of(conversation, settings)
    if len(settings.languages) == 1:
        return Learnt(language)
    heard = _heard(words, hits, known_language(conversation, settings), rulebook)
    if not heard:
        return Learnt(language)
    if not known_language(conversation, settings) or conversation.state.hint == heard:
        return Learnt(heard, known=heard)
    return Learnt(language, hint=heard)


def _heard(words: Words, hits: Sequence[Hit], known: str, rulebook: Rulebook) -> str:
    """The one language, other than the known one, whose lists alone heard the message; empty for none, several or the known."""
    if not hits or any(known and hit.phrase.language == known for hit in hits):
        return ""
    languages = rulebook.matcher.languages(words)
    if len(languages) != 1 or known in languages:
        return ""
    (heard,) = languages
    return heard if heard in rulebook.settings.languages else ""


def _by_prefix(identity: str, settings: Settings) -> str:
    """By the longest prefix that fits; identities that are no phone numbers have none."""
    if not settings.language_of_prefix or not identity.isdecimal():
        return ""
    fitting = (prefix for prefix in settings.language_of_prefix if identity.startswith(prefix.removeprefix("+")))
    longest = max(fitting, key=len, default="")
    return settings.language_of_prefix.get(longest, "")
