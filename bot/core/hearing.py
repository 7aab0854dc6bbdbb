"""What a message says and which rules could answer it, before any ``if`` is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from bot.core.conversation import ShownOption
from bot.core.event import Content, FlowAnswer, Location, Media, MediaKind, Order, OwnTap, Tap, Text, Unreadable
from bot.core.ledger import tap_title
from bot.core.rule import Place
from bot.core.rulebook import Hit, Rulebook
from bot.core.text import Words, alike, normalise
from bot.core.value import quick

NO_SLOTS: Mapping[str, str] = {}


@quick
@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that could answer: its position, what made it one and where that stands, and what its pattern caught."""

    position: int
    heard: str
    place: Place
    slots: Mapping[str, str] = field(default_factory=dict)


def message_text(content: Content) -> str:
    """The words that rules hear: typed, a caption, or what was tapped; empty for all else."""
    match content:
        case Text(text=text):
            return text
        case Media(caption=caption):
            return caption
        case Tap():
            return tap_title(content)
        case OwnTap() | Location() | Order() | FlowAnswer() | Unreadable():
            return ""
        case _:
            assert_never(content)


def kinds_sent(content: Content) -> tuple[str, ...]:
    """What ``sends`` calls a message; a file also goes by ``media``, words and taps by nothing."""
    match content:
        case Text() | Tap() | OwnTap():
            return ()
        case Media(kind=kind):
            return ((kind or MediaKind.FILE).value, "media")
        case Location():
            return ("location",)
        case Order():
            return ("order",)
        case FlowAnswer():
            return ("flow",)
        case Unreadable():
            return ("unsupported",)
        case _:
            assert_never(content)


def heard(hits: Sequence[Hit], content: Content, rulebook: Rulebook) -> Sequence[Candidate]:
    """The rules that hear the words of a message or wait for its kind, top to bottom; one that does both goes by the words."""
    found = [Candidate(hit.rule, hit.phrase.pattern, hit.phrase.place, hit.slots) for hit in hits]
    kinds = kinds_sent(content)
    if not kinds:
        return found
    positions = {each.position for each in found}
    slots = content.fields if isinstance(content, FlowAnswer) else NO_SLOTS
    found.extend(each for each in sent(kinds, rulebook, slots) if each.position not in positions)
    return sorted(found, key=_position)


def sent(kinds: Sequence[str], rulebook: Rulebook, slots: Mapping[str, str]) -> Sequence[Candidate]:
    """The rules that wait for one of ``kinds``, top to bottom."""
    found: dict[int, Candidate] = {}
    for kind in kinds:
        for position in rulebook.by_sent.get(kind, ()):
            found.setdefault(position, Candidate(position, f"sends {kind}", rulebook.rules[position].place, slots))
    return sorted(found.values(), key=_position)


def tapped(tap: Tap, title: Words, rulebook: Rulebook) -> Sequence[Candidate]:
    """The rules whose ``taps`` names the postback, else the visible title."""
    positions = rulebook.by_tap.get(normalise(tap.postback).plain) or rulebook.by_tap.get(title.plain) or ()
    return [Candidate(at, f"taps {title.text}", rulebook.rules[at].place) for at in positions]


def named(positions: Sequence[int], why: str, rulebook: Rulebook) -> Sequence[Candidate]:
    """Rules that an index names, top to bottom."""
    return [Candidate(at, why, rulebook.rules[at].place) for at in positions]


def typed_option(words: Words, options: Sequence[ShownOption]) -> ShownOption | None:
    """The button of the bot's last message that the whole message is the title or the number of (from 1, as a person sees them)."""
    plain = words.plain
    for option in options:
        if option.title == plain or (words.held and alike(words.keys, option.title.split())):
            return option
    number = int(plain) - 1 if plain.isdecimal() and len(plain) <= 2 else -1
    return next((option for option in options if option.option % 100 == number), None)


def _position(candidate: Candidate) -> int:
    return candidate.position
