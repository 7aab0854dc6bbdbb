"""``tests``: conversations that are played whenever the rules are read."""

from __future__ import annotations

from typing import Final

from bot.rulebook.json_schema.build import Schema, choice, either, key, listing, mapping, named, one_or_more, ref
from bot.rulebook.json_schema.values import DURATION, NAME, PLAIN, WORD, WORDS, YES_NO
from bot.rulebook.suite.happening import DOINGS, SENDABLE

_NONE_OR_MORE: Final = either(PLAIN, {"type": "array", "items": PLAIN})
_TAKES_OVER: Final = mapping(
    "A team takes over.", {"takes_over": key("The team that takes over.", NAME, "support")}, "takes_over"
)
_SENT: Final = f"^({'|'.join(SENDABLE)})$"
_VALUES: Final = named("Names with their values.", PLAIN, "^.+$")


def tests() -> dict[str, Schema]:
    """The definitions of a test and its parts."""
    return {
        "test": mapping("A conversation, played on a clock of its own.", _test(), "name", "steps"),
        "given": mapping("How things stand before the first step.", _given()),
        "step": mapping("One thing that happens, and what must come of it.", _step()),
        "expect": mapping("What must come of the step; all of it.", _expect()),
        "calls": _calls(),
    }


def _test() -> dict[str, Schema]:
    return {
        "name": key("What the test is about.", WORD, "lost order"),
        "given": key("How things stand before the first step.", ref("given")),
        "calls": key("What connections answer; a call that is not named fails the test.", ref("calls")),
        "steps": key("What happens, in this order.", listing(ref("step"))),
    }


def _given() -> dict[str, Schema]:
    return {
        "language": key("The person's language.", WORD, "sv"),
        "consent": key("The person's consent.", choice("opted_in", "stopped", "unknown"), "opted_in"),
        "fields": key("What is known of the person.", _VALUES, {"first_name": "Åsa"}),
        "tags": key("The person's tags.", WORDS, ["vip"]),
        "now": key("The time at which it starts, in the time zone of settings.", WORD, "2026-01-05 10:00"),
        "window": key("WhatsApp's 24-hour window.", choice("open", "closed"), "closed"),
        "first_contact": key("Whether the person never wrote before.", YES_NO, True),
    }


def _step() -> dict[str, Schema]:
    return {
        "says": key(
            "The person writes this; a list is several messages at once.", one_or_more(PLAIN), "where is my order?"
        ),
        "taps": key("The person taps the button of this title.", PLAIN, "Opening hours"),
        "sends": key(
            "The person sends something that is no text, perhaps with words below it.",
            either(
                choice(*SENDABLE),
                named("The kind, with its words, or a flow with its fields.", either(PLAIN, _VALUES), _SENT),
            ),
            "voice",
            {"image": "is this the right one?"},
            {"flow": {"date": "2026-01-07"}},
        ),
        "event": key(
            "A backend tells of an event, with its values.",
            either(WORD, named("The event.", either(_VALUES, {"type": "null"}), "^.+$")),
            {"order.shipped": {"order_number": "12345678"}},
        ),
        "colleague": key(
            "A colleague does something in the conversation: a team takes over, or they write, give back or close.",
            either(choice(*DOINGS), _TAKES_OVER),
            {"takes_over": "support"},
        ),
        "later": key("So much time goes by.", DURATION, "50 hours"),
        "person": key("Another person goes on from here, by any name.", WORD, "Anna"),
        "calls": key("What connections answer in this step.", ref("calls"), {"orders": "failed"}),
        "expect": key("What must come of it.", ref("expect"), {"rule": "track_order"}),
    }


def _expect() -> dict[str, Schema]:
    return {
        "rule": key("This rule answers.", NAME, "track_order"),
        "asks": key("This question is open afterwards.", NAME, "order_number"),
        "text": key("The text that is sent, word for word.", one_or_more(PLAIN)),
        "text_contains": key("Words in the text that is sent.", one_or_more(PLAIN), "8 digits"),
        "buttons": key(
            "The titles of the buttons, in this order.", one_or_more(PLAIN), ["Track order", "Opening hours"]
        ),
        "template": key("This template is sent.", NAME, "order_shipped"),
        "language": key("The language of what is sent.", WORD, "sv"),
        "opted_out": key("Whether the person has stopped.", YES_NO, True),
        "question": key("What became of the open question.", choice("open", "dropped", "none"), "dropped"),
        "handed_over": key(
            "The team that has the conversation; true: any; false: none.", either(NAME, YES_NO), "support"
        ),
        "tags": key("The person's tags afterwards.", WORDS, ["vip"]),
        "nothing": key("Nothing is sent.", ref("true"), True),
    }


def _calls() -> Schema:
    word = key("How the call comes out.", choice("found", "not_found", "failed"))
    return named("What each connection answers.", either(word, _VALUES))
