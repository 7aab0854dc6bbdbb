"""One rule: when, if, ask, call, reply, then."""

from __future__ import annotations

from typing import Final

from bot.core.reply import LIST_ROWS_MAX
from bot.rulebook.json_schema.build import Schema, choice, either, key, listing, mapping, named, one_or_more, ref
from bot.rulebook.json_schema.values import (
    DURATION,
    NAME,
    PLAIN,
    RULE_NAME,
    TEXT,
    VARIED,
    WORD,
    WORDS,
    YES_NO,
    wordings,
)
from bot.rulebook.shape.templates import CATEGORIES
from bot.rulebook.shape.when import KINDS

_KINDS_OF_ANSWER: Final = [
    "number", "date", "future date", "future_date", "time", "email", "phone", "yes_or_no", "yes or no", "text", "image", "document",
    "location",
]  # fmt: skip
_COUNT: Final[Schema] = {"type": ["integer", "string"], "pattern": r"^\d+$", "minimum": 1}


def rules() -> dict[str, Schema]:
    """The definitions of a rule and its parts."""
    return {
        "rule": mapping("When this happens, if this holds, reply this, then do that.", _rule(), "name"),
        "when": mapping("What sets the rule off; with several keys, any of them.", _when()),
        "then": mapping("What happens after the reply.", _then()),
        "remind": mapping(
            "Go on with a rule later, unless the person writes before.",
            {
                "after": key("How long after the reply.", DURATION, "3 hours"),
                "goes_to": key("The rule that goes on.", RULE_NAME, "still_there"),
            },
            "after",
            "goes_to",
        ),
        "after_misses": mapping(
            "Give up after several messages in a row that no rule understood.",
            {
                "count": key("How many messages.", _COUNT, 2),
                "goes_to": key("The rule that takes over.", RULE_NAME, "person"),
            },
            "count",
            "goes_to",
        ),
        "examples": _examples(),
        "question": mapping("A question that the rule asks.", _question(), "must_be"),
        "must_be": _must_be(),
    }


def _rule() -> dict[str, Schema]:
    return {
        "name": key("A short name: small letters, digits and _.", RULE_NAME, "opening_hours"),
        "when": key(
            "What sets the rule off. Without it, only buttons and goes_to lead here.",
            one_or_more(ref("when")),
            {"says": ["opening hours", "when are you open"]},
        ),
        "if": key("What must also hold, else the rule does not answer.", ref("if"), {"during": "shop"}),
        "ask": key(
            "Questions, asked in this order; each answer is a placeholder under the question's name.",
            named("The questions by name.", ref("question"), "^[A-Za-z][A-Za-z0-9_ -]*$"),
        ),
        "call": key("The connection to ask, declared under connections:.", NAME, "orders"),
        "reply": key(
            "What is sent: one reply, or a list of cases of which the first that holds is sent.", ref("reply")
        ),
        "if_closed": key(
            "What leaves instead when WhatsApp's 24-hour window is closed.",
            ref("if_closed"),
            {"template": "order_shipped"},
        ),
        "then": key("What happens after the reply.", ref("then"), {"tag": "asked_for_hours"}),
        "examples": key("Messages that this rule must answer, and messages that it must not.", ref("examples")),
        "enabled": key("false: the rule rests.", YES_NO, False),
        "anytime": key("true: it answers also in the middle of a question.", YES_NO, True),
        "typos": key("1: words of five letters or more may have one slip.", {"enum": [0, 1, "0", "1"]}, 1),
        "at_most": key(
            "How often to one person.",
            {"type": "string", "pattern": r"^\s*\S+\s.*\S\s*$"},
            "once a day",
            "3 per hour",
        ),
        "not_between": key(
            "What the bot starts by itself waits until this time of the day is over.", ref("clock_span"), "21:00-08:00"
        ),
        "category": key("What WhatsApp calls it; marketing needs consent.", choice(*CATEGORIES), "marketing"),
    }


def _when() -> dict[str, Schema]:
    timed = {
        "silent_for": key("The person has not written for so long.", DURATION, "2 days"),
        "window_closes_in": key("So long before WhatsApp's 24-hour window closes.", DURATION, "2 hours"),
    }
    return _heard() | timed | _told()


def _heard() -> dict[str, Schema]:
    return {
        "says": key(
            "Words, phrases or sentence patterns anywhere in the message.",
            ref("phrases"),
            ["opening hours", "[when] (are|r) you open"],
        ),
        "says_exactly": key("The whole message.", ref("phrases"), ["thanks", "ok"]),
        "starts_with": key("The beginning of the message.", ref("phrases"), ["order"]),
        "matches": key(
            "Regular expressions (RE2) found in the message as typed; named groups are slots. Needs examples.",
            ref("phrases"),
            r"\bINV-(?P<invoice>\d{6})\b",
        ),
        "taps": key("The title of a button on an approved template, or what it sends back.", ref("phrases"), "Track"),
        "sends": key(
            "Something that is no text; media means any file.", one_or_more(choice(*KINDS)), "voice", ["image", "video"]
        ),
    }


def _told() -> dict[str, Schema]:
    true = ref("true")
    return {
        "event": key("A backend's event.", WORD, "order.shipped"),
        "needs": key("Values that the event must bring.", WORDS, ["first_name", "order_number"]),
        "first_contact": key("The person never wrote before; tried after all other rules.", true, True),
        "opts_in": key("The person came back with START.", true, True),
        "opts_out": key("The person said STOP. Such a rule may tag and tell a backend, and never replies.", true, True),
        "delivery_failed": key("A message of ours surely never arrived.", true, True),
        "nothing_matched": key("No rule took the message.", true, True),
    }


def _then() -> dict[str, Schema]:
    return {
        "goes_to": key("Go on with that rule.", RULE_NAME, "anything_else"),
        "hand_over": key("A team takes over, and the bot keeps quiet.", NAME, "support"),
        "give_back_after": key("The bot takes over again after so long without a message.", DURATION, "12 hours"),
        "tag": key("Tags to put on the person.", WORDS, "wants_a_person"),
        "untag": key("Tags to take off the person.", WORDS, "wants_a_person"),
        "set": key(
            "Values to keep about the person.",
            named("Names with their values.", key("The value; a placeholder may stand in it.", TEXT), "^.+$"),
            {"last_order": "{{order_number}}"},
        ),
        "forget": key("Values to forget about the person.", WORDS, ["last_order"]),
        "remind": key("Go on with a rule later, unless the person writes before.", ref("remind")),
        "tell_backend": key("Send person, rule, slots and answers to backends under this name.", WORD, "lead.new"),
        "after_misses": key("Beside nothing_matched: what happens after several of them.", ref("after_misses")),
    }


def _examples() -> Schema:
    messages = one_or_more(PLAIN)
    both = mapping(
        "Messages that are tried whenever the rules are read.",
        {
            "match": key("This rule must answer each of these.", messages, ["When are you open??"]),
            "no_match": key("This rule must answer none of these.", messages, ["open the door"]),
        },
    )
    return either(messages, both)


def _question() -> dict[str, Schema]:
    return {
        "text": key("The question.", VARIED, "Your order number? (8 digits)"),
        "any_of": wordings(),
        "must_be": key(
            "What counts as an answer.", ref("must_be"), "8 digits", "yes_or_no", {"one_of": ["S", "M", "L"]}
        ),
        "if_wrong": key("What is said to an answer that does not count.", VARIED, "That is not 8 digits."),
        "tries": key("How many answers the person may try; then the outcome is given_up.", _COUNT, 3),
        "no_answer_after": key(
            "How long to wait for an answer; then the outcome is no_answer.", DURATION, "20 minutes"
        ),
        "menu": key("The words on the button that opens more than three choices.", TEXT, "Choose"),
    }


def _must_be() -> Schema:
    word = key(
        "The kind of answer.",
        {
            "type": "string",
            "anyOf": [
                {"enum": _KINDS_OF_ANSWER},
                {"pattern": r"^\s*\d{1,3}( ?(-|–|to) ?\d{1,3})? digits?\s*$"},
                {"pattern": r"^\s*number -?\d+([.,]\d+)? ?(-|–|to) ?-?\d+([.,]\d+)?\s*$"},
            ],
        },
        "8 digits",
        "number 1-10",
        "future date",
    )  # fmt: skip
    labels = named("The value that is kept, with the words that are shown.", either(TEXT, {"type": "null"}), "^.+$")
    one_of = mapping(
        "One of several answers, shown as buttons or as a list.",
        {
            "one_of": key(
                "The answers.",
                either(listing(either(PLAIN, labels), 1, LIST_ROWS_MAX), labels),
                ["Small", "Large"],
                [{"home": {"en": "At home", "sv": "Hemma"}}, {"shop": {"en": "The shop", "sv": "Butiken"}}],
            ),
            "menu": key("The words on the button that opens more than three answers.", TEXT, "Choose"),
        },
        "one_of",
    )
    pattern = mapping(
        "An answer of a form of your own.",
        {"pattern": key("A regular expression (RE2) for the whole answer.", WORD, r"[A-Z]{2}\d{4}")},
        "pattern",
    )
    return either(word, one_of, pattern)
