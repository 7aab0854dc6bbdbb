"""``when`` in words: what sets a rule off."""

from __future__ import annotations

from typing import assert_never

from bot.core.rule import (
    DeliveryFailed,
    FirstContact,
    Happened,
    Heard,
    Matches,
    NothingMatched,
    OptsIn,
    OptsOut,
    Sent,
    SilentFor,
    Tapped,
    Trigger,
    WindowCloses,
)
from bot.rulebook.problem import listed
from bot.rulebook.readback.words import one_of, phrases, span

_THINGS = {
    "media": "any file",
    "audio": "a sound",
    "voice": "a voice message",
    "flow": "the answers of a flow",
    "unsupported": "something that cannot be read",
}
_HOW = {"says": "writes", "says_exactly": "writes exactly", "starts_with": "begins with"}


def trigger_words(trigger: Trigger) -> str:
    """Such as ``somebody writes "opening hours" or "when are you open"``."""
    match trigger:
        case Heard(how=how, phrases=found):
            return f"somebody {_HOW[how]} {phrases(found)}"
        case Matches(expressions=found):
            return f"a message matches {phrases(found)}"
        case Tapped(titles=titles):
            return f"somebody taps {phrases(titles)} on a template"
        case Sent(kinds=kinds):
            return f"somebody sends {one_of(_thing(kind) for kind in sorted(kinds))}"
        case Happened(event=event, needs=needs):
            return f"a backend tells of {event}" + (f" with {listed(needs)}" if needs else "")
        case FirstContact():
            return "no rule answers and the person never wrote before"
        case NothingMatched():
            return "no rule understands a message"
        case SilentFor(after=after):
            return f"somebody has been silent for {span(after)}"
        case WindowCloses(before=before):
            return f"the 24-hour window closes in {span(before)}"
        case OptsIn():
            return "somebody comes back with START"
        case OptsOut():
            return "somebody says STOP"
        case DeliveryFailed():
            return "a message of ours never arrived"
        case _:
            assert_never(trigger)


def _thing(kind: str) -> str:
    return _THINGS.get(kind) or f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
